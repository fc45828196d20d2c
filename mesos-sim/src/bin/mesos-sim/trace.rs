//! `mesos-sim trace`: reads a trace and tells what is in it and what is wrong with it.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mesos_sim::experiment::ExperimentError;
use mesos_sim::trace::{self, Level, Options, SAMPLES, Table, TraceError, TraceReport, Verdict};

use crate::described::Described;
use crate::experiment::exit;
use crate::print::{print, print_json};

#[derive(Debug, Args)]
pub(crate) struct TraceCommand {
    /// The trace's files, compressed or not: jobs, machines, what was measured, together or alone.
    #[arg(required_unless_present_any = ["tables", "sample"])]
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
    /// Prints what is in it as JSON.
    #[arg(long, conflicts_with_all = ["tables", "sample"])]
    json: bool,
}

/// What became of the rows, as JSON.
fn report_json(report: &TraceReport) -> serde_json::Value {
    let files = report.files.iter().map(|file| {
        serde_json::json!({
            "name": file.name, "table": file.table.to_string(), "lines": file.lines, "rows": file.rows,
            "refused": file.refused, "compression": file.compression, "unused_columns": file.unused,
        })
    });
    let rules = report.rules.iter().map(|(rule, seen)| {
        let verdict = match rule.verdict() {
            Verdict::Refused => "refused",
            Verdict::Repaired => "repaired",
        };
        serde_json::json!({
            "rule": format!("{rule:?}"), "words": rule.words(), "verdict": verdict, "count": seen.count,
            "first_file": seen.file, "first_line": seen.line,
        })
    });
    let level = |level: Level| serde_json::json!({ "mean": level.mean(), "most": level.mean().map(|_| level.most) });
    let usage = report.usage.iter().map(|(table, usage)| {
        serde_json::json!({
            "table": table.to_string(), "samples": usage.samples, "unit": format!("{:?}", usage.unit).to_lowercase(),
            "cpus": level(usage.cpus), "mem": level(usage.mem), "gpus": level(usage.gpus),
        })
    });
    serde_json::json!({
        "files": files.collect::<Vec<_>>(), "rules": rules.collect::<Vec<_>>(), "usage": usage.collect::<Vec<_>>(),
        "jobs": report.jobs, "tasks": report.tasks, "machines": report.machines,
    })
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
        let (workload, report) = trace::read_any(files, &Options::default())?;
        let described = Described::new(&workload);
        if self.json {
            print_json(&serde_json::json!({ "report": report_json(&report), "described": described }));
        } else {
            print(&format!("{report}{described}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
