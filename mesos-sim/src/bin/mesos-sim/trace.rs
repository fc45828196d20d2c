//! `mesos-sim trace`: reads a trace and tells what is in it and what is wrong with it.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mesos_sim::experiment::ExperimentError;
use mesos_sim::metric::Distribution;
use mesos_sim::trace::{self, Options, SAMPLES, Table, TraceError};
use mesos_sim::workload::Workload;

use crate::experiment::exit;
use crate::print::print;

#[derive(Debug, Args)]
pub(crate) struct TraceCommand {
    /// The trace's files, compressed or not.
    files: Vec<PathBuf>,
    /// What they hold, if that cannot be told from their first lines: one table for all of them.
    #[arg(long)]
    table: Option<String>,
    /// Lists the tables that can be read.
    #[arg(long)]
    tables: bool,
    /// Prints a few rows of this table, as they stand in its files.
    #[arg(long)]
    sample: Option<String>,
}

impl TraceCommand {
    pub(crate) fn run(&self) -> ExitCode {
        exit(self.describe())
    }

    fn describe(&self) -> Result<ExitCode, ExperimentError> {
        if self.tables {
            Table::ALL.iter().for_each(|table| print(&format!("{table}\n")));
            return Ok(ExitCode::SUCCESS);
        }
        let named = |name: &String| Table::named(name).map_err(TraceError::from);
        if let Some(table) = self.sample.as_ref().map(named).transpose()? {
            SAMPLES.iter().filter(|sample| sample.table == table).for_each(|sample| print(sample.text));
            return Ok(ExitCode::SUCCESS);
        }
        let table = self.table.as_ref().map(named).transpose()?;
        let mut files = Vec::new();
        for path in &self.files {
            let bytes = File::open(path).map_err(|source| ExperimentError::File { path: path.clone(), source })?;
            files.push(trace::File { name: path.display().to_string(), table, bytes: Box::new(bytes) });
        }
        let (workload, report) = trace::read(files, &Options::default())?;
        print(&report.to_string());
        print(&quantities(&workload));
        Ok(ExitCode::SUCCESS)
    }
}

/// Quantiles of what jobs are like.
fn quantities(workload: &Workload) -> String {
    let jobs = &workload.jobs;
    let runs = jobs.iter().filter_map(|job| job.runs.of(0)).map(|run| run.as_secs_f64());
    let gaps = jobs.windows(2).map(|pair| (pair[1].submit_at - pair[0].submit_at).as_secs_f64());
    let rows = [
        ("seconds between jobs", Distribution::new(gaps)),
        ("tasks per job", Distribution::new(jobs.iter().map(|job| f64::from(job.tasks)))),
        ("seconds a task runs", Distribution::new(runs)),
        ("cores per task", Distribution::new(jobs.iter().map(|job| job.need.cpus().to_f64()))),
        ("MB per task", Distribution::new(jobs.iter().map(|job| job.need.mem().to_f64()))),
        ("GPUs per task", Distribution::new(jobs.iter().map(|job| job.need.gpus().to_f64()))),
    ];
    let mut text = format!("{:<22} {:>12} {:>12} {:>12} {:>12}\n", "", "mean", "median", "90 %", "largest");
    for (name, values) in &rows {
        let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        let cells = [values.mean(), values.quantile(0.5), values.quantile(0.9), values.max()].map(cell);
        text.push_str(&format!("{name:<22} {:>12} {:>12} {:>12} {:>12}\n", cells[0], cells[1], cells[2], cells[3]));
    }
    text.push_str(&format!("{:.0} core-hours of work with an end\n", workload.core_seconds() / 3_600.0));
    text
}
