//! `mesos-sim papers`: reproduces the papers of the field, and prints what they say beside what comes out here.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mesos_sim::ExitStatus;
use mesos_sim::experiment::{ExperimentError, LARGE, PAPERS, Verdict, papers_page};

use crate::experiment::{Bars, exit, findings_text, run_shown};
use crate::print::print;
use crate::progress;

#[derive(Debug, Args)]
pub(crate) struct Papers {
    /// Only those whose name begins so.
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
        let is_wanted = |name: &str| self.only.as_deref().is_none_or(|only| name.starts_with(only));
        let large = if self.large { LARGE } else { &[] };
        let known = PAPERS.iter().chain(large).filter(|paper| is_wanted(paper.name));
        if let Some(only) = &self.only
            && known.clone().next().is_none()
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
        let (mut reproduced, mut failed, mut cases) = (Vec::new(), 0, 0);
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
            });
            failed += findings.iter().filter(|finding| finding.verdict != Verdict::Holds).count();
            reproduced.push((experiment, outcomes));
        }
        total.finish_and_clear();
        if !reproduced.is_empty() {
            std::fs::create_dir_all(&self.out)
                .map_err(|source| ExperimentError::File { path: self.out.clone(), source })?;
            let path = self.out.join("report.html");
            std::fs::write(&path, papers_page(&reproduced))
                .map_err(|source| ExperimentError::File { path: path.clone(), source })?;
            print(&format!("\n{} figures are not where they were expected\n{}\n", failed, path.display()));
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(ExitStatus::Unexpected.code()) })
    }
}
