//! Workloads and failures of OpenDC, as Parquet or exported as CSV.
//!
//! Times in milliseconds, of tasks since 1970 or since the beginning, of failures since the one before; memory in MB. A task's
//! cores are those it asks for, whatever their clock; fragments are samples of what it used of it. A failure takes a part of
//! all machines, one after the other in their order, so that each fails once before any fails again; OpenDC draws them.

use super::builder::{Builder, Row};
use super::dated::Dated;
use super::fields::{Fields, Separator};
use super::rule::{Refusal, Rule};
use super::table::Reader;
use super::usage::UsageUnit;

const MILLIS: f64 = 1e3;

/// They need not stand in the order of their times.
#[derive(Debug)]
pub(super) struct Tasks(Dated);

impl Default for Tasks {
    fn default() -> Self {
        Self(Dated::in_any_order())
    }
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
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
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
        self.0.take(row, line, builder)
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        self.0.sort();
        self.0.finish(builder);
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
        builder.used(UsageUnit::Megahertz, [Some(used), None, None], lasts);
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
        let machines = builder.fleet.names();
        if machines.is_empty() {
            return Err(Refusal::new(Rule::OutOfNowhere, "machine", ""));
        }
        builder.see(self.at + after + lasts)?;
        self.at += after;
        let count = (part.clamp(0.0, 1.0) * machines.len() as f64).ceil() as usize;
        for name in machines.iter().cycle().skip(self.failed % machines.len()).take(count) {
            builder.fleet.failure(name, self.at, self.at + lasts);
        }
        self.failed += count;
        Ok(())
    }
}
