//! Workloads and failures of OpenDC, as Parquet or exported as CSV.
//!
//! Times in milliseconds, of tasks since 1970 or since the beginning, of failures since the one before; memory in MB. A task's
//! cores are those it asks for, whatever their clock; fragments are samples of what it used of it. A failure takes a part of
//! all machines, one after the other in their order, so that each fails once before any fails again; OpenDC draws them.

use super::builder::{Builder, Row};
use super::fields::{Fields, Separator};
use super::rule::{Refusal, Rule};
use super::table::Reader;
use super::usage::UsageUnit;

const MILLIS: f64 = 1e3;
/// Later times, in seconds, are counted from 1970: this one is in 1973.
const SINCE_1970: f64 = 1e8;

#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// They need not stand in the order of their times, and the first of these is the beginning.
    rows: Vec<(Row, u64)>,
}

impl Tasks {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "id",
        "submission_time",
        "duration",
        "cpu_count",
        "cpu_capacity",
        "mem_capacity",
        "gpu_count",
        "nature",
        "deadline",
        "parents",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Tasks {
    fn row(&mut self, fields: &Fields<'_>, line: u64, _builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let parents = fields.text(9).unwrap_or_default();
        let row = Row {
            name: fields.name(0)?.into_owned(),
            class: fields.text(7).unwrap_or_default().into_owned(),
            submit: fields.required(1)? / MILLIS,
            run: Some(fields.required(2)? / MILLIS),
            tasks: 1,
            cpus: fields.required(3)?,
            mem: fields.known(5)?,
            gpus: fields.known(6)?.unwrap_or(0.0),
            deadline: fields.known(8)?.map(|at| at / MILLIS),
            after: parents.split([' ', ',', ';']).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            ..Row::default()
        };
        self.rows.push((row, line));
        Ok(())
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        let mut rows = std::mem::take(&mut self.rows);
        let first = rows.iter().map(|(row, _)| row.submit).fold(f64::INFINITY, f64::min);
        let begins = if first > SINCE_1970 { first } else { 0.0 };
        rows.sort_by(|(one, _), (other, _)| one.submit.total_cmp(&other.submit));
        for (mut row, line) in rows {
            row.submit -= begins;
            row.deadline = row.deadline.map(|at| at - begins);
            if let Err(refusal) = builder.job(row, line) {
                builder.count(refusal.rule, line);
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Fragments;

impl Fragments {
    pub(super) const COLUMNS: &'static [&'static str] = &["id", "duration", "cpu_count", "cpu_usage"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Fragments {
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        fields.name(0)?;
        let (lasts, used) = (fields.required(1)? / MILLIS, fields.required(3)?);
        if lasts < 0.0 {
            return Err(Refusal::new(Rule::NegativeTime, "duration", &lasts.to_string()));
        }
        if used < 0.0 {
            return Err(Refusal::new(Rule::AbsurdSize, "cpu_usage", &used.to_string()));
        }
        builder.used(UsageUnit::Megahertz, Some(used), None, lasts);
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct Failures {
    at: f64,
    /// How many machines have failed.
    failed: usize,
}

impl Failures {
    pub(super) const COLUMNS: &'static [&'static str] = &["failure_interval", "failure_duration", "failure_intensity"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Failures {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "few machines"
    )]
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let (after, lasts) = (fields.required(0)? / MILLIS, fields.required(1)? / MILLIS);
        if after < 0.0 || lasts < 0.0 {
            return Err(Refusal::new(Rule::NegativeTime, "failure_duration", &lasts.to_string()));
        }
        let part = fields.required(2)?;
        if !(0.0..=1.0).contains(&part) {
            builder.count(Rule::AboveTheUnit, line);
        }
        let machines = builder.machine_names();
        if machines.is_empty() {
            return Err(Refusal::new(Rule::OutOfNowhere, "machine", ""));
        }
        self.at += after;
        let count = (part.clamp(0.0, 1.0) * machines.len() as f64).ceil() as usize;
        for name in machines.iter().cycle().skip(self.failed % machines.len()).take(count) {
            builder.machine_down(name, self.at)?;
            builder.machine_up(name, self.at + lasts);
        }
        self.failed += count;
        Ok(())
    }
}
