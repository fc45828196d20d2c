//! What readers of traces make of the rows they are given.

mod bad;
mod schemas;
mod spoilt;

use std::io::Cursor;

use mesos_sim::trace::{File, Options, Rule, SAMPLES, Table, TraceError, TraceReport, Verdict, read};
use mesos_sim::workload::{Job, Workload};

fn file(name: &str, bytes: impl Into<Vec<u8>>) -> File {
    File { name: name.into(), table: None, bytes: Box::new(Cursor::new(bytes.into())) }
}

fn read_text(text: &str) -> Result<(Workload, TraceReport), TraceError> {
    read(vec![file("sample", text)], &Options::default())
}

fn sample_of(table: Table) -> &'static str {
    SAMPLES.iter().find(|sample| sample.table == table).unwrap().text
}

/// A file with one job, for tables that have none.
fn beside() -> File {
    let text = "WorkflowID, JobID, SubmitTime, RunTime, NProcs, ReqNProcs, Dependencies\n0, 1, 10, 5, 1, 1,\n";
    file("beside", text)
}

/// Seconds the first task of a job runs.
fn run(job: &Job) -> f64 {
    job.runs.of(0).unwrap().as_secs_f64()
}

/// How many rows were refused, which is also what the rules that refuse were counted.
fn refused(report: &TraceReport) -> u64 {
    let by_rule = report.rules.iter().filter(|(rule, _)| rule.verdict() == Verdict::Refused);
    let counted: u64 = by_rule.map(|(_, seen)| seen.count).sum();
    assert_eq!(counted, report.files.iter().map(|file| file.refused).sum::<u64>(), "{report}");
    counted
}
