//! Experiments: a file says what is run, and how often; results come back as tables, charts and a page.
//!
//! ```text
//!   experiment.toml ──sweep, seeds──▶ cases ──all cores──▶ outcomes ──▶ CSV, Parquet, SVG, report.html
//!                                        │
//!                                   cluster, workload, schedulers, allocator, faults
//! ```
//!
//! [`Experiment`] is such a file; [`run`](Experiment::run) does all of its cases, and skips those whose results are there
//! already: made by the same build, from the same description, of files of the same content. A case is a function of those
//! and its seed, so a result can be had again by anybody: every row of every table and every chart says from which seeds,
//! [`version`] and command it is.
//!
//! Schedulers and allocators of somebody's own take part under names that the file uses like those of the built-in ones:
//! [`with_scheduler`](Experiment::with_scheduler), [`with_allocator`](Experiment::with_allocator).
//!
//! This module is a host: it reads files and runs threads. What it runs knows nothing of either.

mod build;
mod build_id;
mod case;
pub mod chart;
mod demand;
mod derived;
mod description;
mod digest;
pub mod division;
mod error;
mod expect;
mod figure;
mod fit;
mod outcome;
mod page;
mod papers;
mod papers_page;
mod parse;
mod pool;
mod pooled;
mod property;
mod provenance;
mod ratios;
mod redrawn;
mod results;
mod run;
mod source;
mod table;
mod tournament;
mod validate;
mod work;

#[cfg(test)]
mod honesty;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mesos_core::Allocator;

use crate::cluster::AllocatorFactory;

pub use build::SchedulerMaker;
pub use build_id::version;
pub use case::Case;
pub use description::Description;
pub use error::ExperimentError;
pub use expect::{Finding, Tally, Verdict};
pub use outcome::Outcome;
pub use page::page;
pub use papers::{LARGE, PAPERS, Paper};
pub use papers_page::{papers_page, write_papers};
pub use pool::Progress;
pub use provenance::Provenance;
pub use results::tables;
pub use table::{Column, Table};
pub use tournament::tournament;

/// The version of this crate; [`version`] tells builds of it apart.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An experiment, described by a file.
#[derive(Clone)]
pub struct Experiment {
    /// The file's text.
    pub text: String,
    /// What it says.
    pub description: Description,
    /// Where the file is, if it is one: errors name it.
    pub file: Option<PathBuf>,
    /// The folder that names of other files in it are relative to.
    pub folder: PathBuf,
    /// The command that runs it again.
    pub command: String,
    /// Makes schedulers that are not among the built-in ones.
    pub(crate) makers: BTreeMap<String, Own<SchedulerMaker>>,
    /// Makes allocators that are not among the built-in ones.
    pub(crate) allocators: BTreeMap<String, Own<AllocatorFactory>>,
}

/// Somebody's own scheduler or allocator.
#[derive(Clone)]
pub(crate) struct Own<T> {
    pub(crate) maker: T,
    /// What its author calls this state of its code.
    pub(crate) version: Option<String>,
}

impl std::fmt::Debug for Experiment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Experiment").field("description", &self.description).field("folder", &self.folder).finish()
    }
}

impl Experiment {
    /// Reads the file at this path.
    ///
    /// # Errors
    /// [`ExperimentError`] says what is wrong in it, and where.
    pub fn load(path: &Path) -> Result<Self, ExperimentError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ExperimentError::File { path: path.to_owned(), source })?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let command = format!("mesos-sim experiment run {}", crate::failure::quoted(&path.display().to_string()));
        let mut loaded = Self::parse(text, folder, command).map_err(|error| error.within(Some(path)))?;
        loaded.file = Some(path.to_owned());
        Ok(loaded)
    }

    /// Takes the text of a file; names of other files in it are relative to the folder.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: String, folder: PathBuf, command: String) -> Result<Self, ExperimentError> {
        let description: Description = toml::from_str(&text).map_err(|error| ExperimentError::text(&error))?;
        description.validate()?;
        description.validate_expectations()?;
        let (makers, allocators) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { text, description, file: None, folder, command, makers, allocators })
    }

    /// Queues whose scheduler has this name get theirs from here: somebody's own. Nobody can tell whether it still is what it
    /// was, so cases with it are always run.
    #[must_use]
    pub fn with_scheduler(mut self, name: &str, maker: SchedulerMaker) -> Self {
        self.makers.insert(name.to_owned(), Own { maker, version: None });
        self
    }

    /// As [`with_scheduler`](Self::with_scheduler), of a scheduler whose author gives it another version whenever it is changed:
    /// results of this version are used again.
    #[must_use]
    pub fn with_scheduler_version(mut self, name: &str, version: &str, maker: SchedulerMaker) -> Self {
        self.makers.insert(name.to_owned(), Own { maker, version: Some(version.to_owned()) });
        self
    }

    /// The masters of cases whose `allocator.policy` is this name get their allocators from here: somebody's own. A
    /// [`tournament()`] has it beside the built-in ones. As of a scheduler, nobody can tell whether it still is what it was, so
    /// cases with it are always run.
    ///
    /// ```
    /// use mesos_sched::allocator::{AgentOrder, HierarchicalDrf, Options};
    /// use mesos_sim::experiment::{Experiment, tournament};
    ///
    /// let text = r#"
    /// name = "fullest"
    /// until = "1h"
    /// [[cluster.agents]]
    /// count = 4
    /// resources = "cpus:4;mem:8192"
    /// [[queue]]
    /// name = "batch"
    /// [[queue.work]]
    /// arrivals = { poisson = 5 }
    /// jobs = 20
    /// run = 30
    /// "#;
    /// // Whatever implements `Allocator` will do.
    /// let options = Options { agent_order: AgentOrder::FullestFirst, ..Options::default() };
    /// let experiment = Experiment::parse(text.to_owned(), ".".into(), "cargo run".to_owned())?
    ///     .with_allocator("mine", move || Box::new(HierarchicalDrf::new(options.clone())));
    /// let outcomes = tournament(&experiment)?.run(None, 2, &|_| {})?;
    /// let mine = outcomes.iter().find(|outcome| outcome.label() == "policy mine").unwrap();
    /// assert_eq!(mine.get("jobs_done", None), Some(20.0));
    /// # Ok::<(), mesos_sim::experiment::ExperimentError>(())
    /// ```
    #[must_use]
    pub fn with_allocator(mut self, name: &str, make: impl Fn() -> Box<dyn Allocator> + Send + Sync + 'static) -> Self {
        self.allocators.insert(name.to_owned(), Own { maker: Arc::new(make), version: None });
        self
    }

    /// As [`with_allocator`](Self::with_allocator), of an allocator whose author gives it another version whenever it is
    /// changed: results of this version are used again.
    #[must_use]
    pub fn with_allocator_version(
        mut self,
        name: &str,
        version: &str,
        make: impl Fn() -> Box<dyn Allocator> + Send + Sync + 'static,
    ) -> Self {
        self.allocators.insert(name.to_owned(), Own { maker: Arc::new(make), version: Some(version.to_owned()) });
        self
    }

    /// Everything that is to be run.
    ///
    /// # Errors
    /// When a swept name is not in the file, or a value is none for it.
    pub fn cases(&self) -> Result<Vec<Case>, ExperimentError> {
        case::expand(self).map_err(|error| error.within(self.file.as_deref()))
    }

    /// Runs all cases on so many threads; those whose outcome is in `folder` already, made by this build, are not run again.
    /// The outcomes come in the order of the cases.
    ///
    /// # Errors
    /// When the file is wrong, files cannot be read or written, or a case could not be run. A scheduler that fails is no
    /// error but an outcome.
    pub fn run(
        &self,
        folder: Option<&Path>,
        threads: usize,
        progress: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Result<Vec<Outcome>, ExperimentError> {
        pool::run(self, folder, threads, progress)
    }

    /// The outcomes that are in a folder already, in the order of the cases, whichever build made them.
    ///
    /// # Errors
    /// As [`cases`](Self::cases).
    pub fn kept(&self, folder: &Path) -> Result<Vec<Outcome>, ExperimentError> {
        Ok(self.cases()?.iter().filter_map(|case| pool::kept(folder, case)).collect())
    }

    /// What was expected, beside what was found.
    #[must_use]
    pub fn findings(&self, outcomes: &[Outcome]) -> Vec<Finding> {
        expect::judge(&self.description.expect, outcomes)
    }

    /// Where the figures of these outcomes are from.
    #[must_use]
    pub fn provenance(&self, outcomes: &[Outcome]) -> Provenance {
        Provenance::of(&self.command, outcomes)
    }

    /// Writes tables, images and the page into a folder; returns what was written.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path, outcomes: &[Outcome]) -> Result<Vec<PathBuf>, ExperimentError> {
        page::write(self, folder, outcomes)
    }
}
