//! How a command ends: a run that failed has its own exit status, wrong arguments and files have another.

use std::process::ExitCode;

use mesos_sim::experiment::Provenance;
use mesos_sim::failure::quoted;
use mesos_sim::{ExitStatus, Failure, Origin};
use serde::Serialize;

/// How this program was asked for what it does: what to say again.
pub(crate) fn invocation() -> Origin {
    Origin::command(words())
}

/// What was typed behind the name of the program. Names of files need not be text; what is no text in them is replaced.
pub(crate) fn words() -> Vec<String> {
    std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect()
}

/// What was typed, as a shell takes it.
pub(crate) fn command() -> String {
    let words: Vec<String> = words().iter().map(|word| quoted(word)).collect();
    format!("mesos-sim {}", words.join(" "))
}

/// Where figures are from that were made just now, of these seeds.
pub(crate) fn provenance(seeds: impl IntoIterator<Item = u64>) -> Provenance {
    Provenance::new(seeds, command())
}

/// Figures for JSON, beside where they are from.
#[derive(Debug, Serialize)]
pub(crate) struct Made<T> {
    pub(crate) provenance: Provenance,
    #[serde(flatten)]
    pub(crate) figures: T,
}

/// Nothing, or why not.
pub(crate) type Outcome = Result<(), Trouble>;

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A run failed.
    Failed(Box<Failure>),
    /// What was given cannot be used.
    Unusable(String),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl From<String> for Trouble {
    fn from(what: String) -> Self {
        Self::Unusable(what)
    }
}

impl Trouble {
    /// Says it, and the status to exit with.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Failed(failure) => {
                eprintln!("{failure}");
                ExitCode::from(failure.kind.exit_code())
            }
            Self::Unusable(what) => {
                eprintln!("mesos-sim: {what}");
                ExitCode::from(ExitStatus::Unusable.code())
            }
        }
    }
}
