//! `mesos-sim papers`: reproduces the papers of the field, and prints what they say beside what comes out here.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mesos_sim::experiment::{ExperimentError, PAPERS, Verdict, papers_page};

use crate::experiment::{exit, findings_text, run_shown};
use crate::print::print;

#[derive(Debug, Args)]
pub(crate) struct Papers {
    /// Only those whose name begins so.
    #[arg(long)]
    only: Option<String>,
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
        let is_wanted = |name: &str| self.only.as_deref().is_none_or(|only| name.starts_with(only));
        let mut reproduced = Vec::new();
        let mut failed = 0;
        for paper in PAPERS.iter().filter(|paper| is_wanted(paper.name)) {
            let experiment = paper.experiment()?;
            if self.list {
                print(&format!("{:<28} {}\n", paper.name, experiment.description.heading()));
                continue;
            }
            if self.show {
                print(paper.text);
                continue;
            }
            let folder = self.out.join(paper.name);
            let outcomes = run_shown(&experiment, Some(&folder), self.jobs)?;
            experiment.write(&folder, &outcomes)?;
            let findings = experiment.findings(&outcomes);
            let cite = experiment.description.paper.as_ref().map(|paper| format!("{}, {}", paper.cite, paper.place));
            print(&format!("\n{}: {} ({})\n", paper.name, experiment.description.heading(), cite.unwrap_or_default()));
            print(&findings_text(&findings));
            failed += findings.iter().filter(|finding| finding.verdict != Verdict::Holds).count();
            reproduced.push((experiment, outcomes));
        }
        if !reproduced.is_empty() {
            std::fs::create_dir_all(&self.out)
                .map_err(|source| ExperimentError::File { path: self.out.clone(), source })?;
            let path = self.out.join("report.html");
            std::fs::write(&path, papers_page(&reproduced))
                .map_err(|source| ExperimentError::File { path: path.clone(), source })?;
            print(&format!("\n{} figures are not where they were expected\n{}\n", failed, path.display()));
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(mesos_sim::ExitStatus::Unexpected.code()) })
    }
}
