//! `mesos-sim trace`: reads a trace and tells what is in it and what is wrong with it.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mesos_sim::experiment::ExperimentError;
use mesos_sim::trace::{self, Options, SAMPLES, Table, TraceError};

use crate::described::Described;
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
        print(&Described::new(&workload).to_string());
        Ok(ExitCode::SUCCESS)
    }
}
