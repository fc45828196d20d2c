//! `mesos-sim papers`: reproduces the papers of the field, and prints what they say beside what comes out here.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mesos_sim::ExitStatus;
use mesos_sim::experiment::{ExperimentError, Paper, Tally, write_papers};

use crate::experiment::{Bars, exit, findings_text, run_shown};
use crate::print::{print, print_line};
use crate::progress;

#[derive(Debug, Args)]
pub(crate) struct Papers {
    /// Only those whose name begins so; a whole name means the one paper, of whatever size.
    #[arg(long)]
    only: Option<String>,
    /// With those that have the sizes of their papers: minutes each.
    #[arg(long)]
    large: bool,
    /// Where results and the page go.
    #[arg(long, default_value = "results/papers")]
    out: PathBuf,
    /// Lists them and runs nothing.
    #[arg(long)]
    list: bool,
    /// Prints the file of the one named with --only.
    #[arg(long, requires = "only")]
    show: bool,
    /// How many cases at a time; all cores if absent.
    #[arg(long)]
    jobs: Option<usize>,
}

impl Papers {
    pub(crate) fn run(&self) -> ExitCode {
        exit(self.reproduce())
    }

    fn reproduce(&self) -> Result<ExitCode, ExperimentError> {
        let known = Paper::all(self.only.as_deref(), self.large);
        if let Some(only) = &self.only
            && known.is_empty()
        {
            return Err(ExperimentError::Text(format!("no paper's name begins with {only:?}; --list shows them")));
        }
        let mut wanted = Vec::new();
        for paper in known {
            let experiment = paper.experiment()?;
            if self.list {
                print(&format!("{:<28} {}\n", paper.name, experiment.description.heading()));
            } else if self.show {
                print(paper.text);
            } else {
                wanted.push((paper, experiment));
            }
        }
        let (mut reproduced, mut found, mut cases) = (Vec::new(), Vec::new(), 0);
        for (_, experiment) in &wanted {
            cases += experiment.cases()?.len() as u64;
        }
        let mut bars = Bars::default();
        let total = bars.all.add(progress::bar(cases, "{elapsed_precise} {wide_bar} {pos}/{len} cases of all, {msg}"));
        bars.total = Some(total.clone());
        let count = wanted.len();
        for (at, (paper, experiment)) in wanted.into_iter().enumerate() {
            total.set_message(format!("paper {} of {count}: {}", at + 1, paper.name));
            let folder = self.out.join(paper.name);
            let outcomes = run_shown(&experiment, &folder, self.jobs, &bars)?;
            experiment.write(&folder, &outcomes)?;
            let findings = experiment.findings(&outcomes);
            let cite = experiment.description.paper.as_ref().map(|paper| format!("{}, {}", paper.cite, paper.place));
            bars.all.suspend(|| {
                let heading = experiment.description.heading();
                print(&format!("\n{}: {heading} ({})\n", paper.name, cite.unwrap_or_default()));
                print(&findings_text(&findings));
                print_line(experiment.provenance(&outcomes));
            });
            found.extend(findings);
            reproduced.push((experiment, outcomes));
        }
        total.finish_and_clear();
        let tally = Tally::of(&found);
        if !reproduced.is_empty() {
            let written = write_papers(&reproduced, &self.out)?;
            print(&format!("\nof {} figures {tally}\n", tally.all()));
            written.iter().for_each(|path| print_line(path.display()));
        }
        Ok(if tally.failing == 0 { ExitCode::SUCCESS } else { ExitCode::from(ExitStatus::Unexpected.code()) })
    }
}
