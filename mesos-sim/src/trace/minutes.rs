//! What was measured of Philly's machines minute by minute: `cluster_gpu_util`, `cluster_cpu_util`, `cluster_mem_util`.
//!
//! Dates with their zone, percent, and KB of memory; `NA` for a machine or a GPU that was not there.

use super::azure::timestamp;
use super::builder::Builder;
use super::fields::{Fields, Separator, parse};
use super::rule::{Refusal, Rule};
use super::table::Reader;
use super::usage::{UsageUnit, measured};

const NOT_THERE: &str = "NA";

/// Of which machine and when: both must be told.
fn head(fields: &Fields<'_>) -> Result<(), Refusal> {
    let time = fields.name(0)?;
    timestamp(&time).ok_or_else(|| Refusal::new(Rule::NotANumber, "time", &time))?;
    fields.name(1).map(drop)
}

/// A value between nothing and the most it can be, if it was measured.
fn value(
    fields: &Fields<'_>,
    column: usize,
    most: f64,
    line: u64,
    builder: &mut Builder<'_>,
) -> Result<Option<f64>, Refusal> {
    let Some(text) = fields.text(column) else { return Ok(None) };
    if text == NOT_THERE {
        builder.count(Rule::NotMeasured, line);
        return Ok(None);
    }
    Ok(Some(parse(&text, "util")?).filter(|value| measured(*value, most, line, builder)))
}

#[derive(Debug, Default)]
pub(super) struct Gpus;

impl Gpus {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "time",
        "machineId|machine_id",
        "gpu0_util",
        "gpu1_util",
        "gpu2_util",
        "gpu3_util",
        "gpu4_util",
        "gpu5_util",
        "gpu6_util",
        "gpu7_util",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Gpus {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        head(fields)?;
        let (mut sum, mut count) = (0.0, 0.0);
        for column in 2..Self::COLUMNS.len() {
            if let Some(percent) = value(fields, column, 100.0, line, builder)? {
                (sum, count) = (sum + percent, count + 1.0);
            }
        }
        let mean = (count > 0.0).then(|| sum / count);
        builder.used(UsageUnit::Percent, [None, None, mean], count.max(1.0));
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct Cpus;

impl Cpus {
    pub(super) const COLUMNS: &'static [&'static str] = &["time", "machine_id|machineId", "cpu_util"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Cpus {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        head(fields)?;
        let percent = value(fields, 2, 100.0, line, builder)?;
        builder.used(UsageUnit::Percent, [percent, None, None], 1.0);
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct Mem;

impl Mem {
    pub(super) const COLUMNS: &'static [&'static str] = &["time", "machine_id|machineId", "mem_total", "mem_free"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Mem {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        head(fields)?;
        let total = value(fields, 2, f64::INFINITY, line, builder)?.filter(|total| *total > 0.0);
        let free = value(fields, 3, total.unwrap_or(f64::INFINITY), line, builder)?;
        let percent = total.zip(free).map(|(total, free)| (1.0 - free / total) * 100.0);
        builder.used(UsageUnit::Percent, [None, percent, None], 1.0);
        Ok(())
    }
}
