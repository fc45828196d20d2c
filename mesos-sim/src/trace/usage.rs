//! What was measured while tasks, containers and machines ran.
//!
//! A sample tells what was used, which no scheduler knows beforehand: it is summed up per table ([`Usage`]), and nothing of it
//! is kept. Alone, without a table of tasks before them, Google's tables of usage are workloads too: a task runs from its first
//! sample to its last, and needs the most that it used. Percentages outside 0 to 100 stand for what could not be measured,
//! such as the -1 and 101 of Alibaba 2018.

use std::collections::BTreeMap;
use std::fmt;

use super::builder::{Builder, Row};
use super::fields::{Fields, Separator};
use super::google::{self, part, seconds};
use super::rule::{Refusal, Rule};
use super::table::Reader;

/// In what a table measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageUnit {
    /// Cores, and MB of memory.
    #[default]
    Amounts,
    /// Percent of what there is or was asked for.
    Percent,
    /// Megahertz of processors.
    Megahertz,
}

/// What was measured of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Level {
    sum: f64,
    weight: f64,
    /// The most that was measured.
    pub most: f64,
}

impl Level {
    fn add(&mut self, value: f64, weight: f64) {
        self.sum += value * weight;
        self.weight += weight;
        self.most = self.most.max(value);
    }

    /// The mean over time; over samples where they have no length. Nothing if nothing was measured.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// What the samples of one table amount to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// How many there were.
    pub samples: u64,
    /// In what they measure.
    pub unit: UsageUnit,
    /// Of cores.
    pub cpus: Level,
    /// Of memory.
    pub mem: Level,
}

impl Usage {
    pub(super) fn add(&mut self, unit: UsageUnit, cpus: Option<f64>, mem: Option<f64>, weight: f64) {
        self.samples += 1;
        self.unit = unit;
        cpus.into_iter().for_each(|cpus| self.cpus.add(cpus, weight));
        mem.into_iter().for_each(|mem| self.mem.add(mem, weight));
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cpus, mem) = match self.unit {
            UsageUnit::Amounts => ("cores", "MB"),
            UsageUnit::Percent => ("% of cores", "% of memory"),
            UsageUnit::Megahertz => ("MHz", "MB"),
        };
        write!(f, "{} samples", self.samples)?;
        for (level, unit) in [(self.cpus, cpus), (self.mem, mem)] {
            if let Some(mean) = level.mean() {
                write!(f, ", {mean:.3} {unit} on average and {:.3} at most", level.most)?;
            }
        }
        Ok(())
    }
}

/// A task, from its first sample to its last.
#[derive(Debug)]
struct Span {
    from: f64,
    until: f64,
    cpus: f64,
    mem: f64,
    line: u64,
}

/// One sample of a task.
struct Sample {
    key: (u64, u64),
    from: f64,
    until: f64,
    mean: [Option<f64>; 2],
    most: [Option<f64>; 2],
}

/// The tasks of a trace that has nothing else about them.
#[derive(Debug, Default)]
struct Spans {
    is_alone: Option<bool>,
    open: BTreeMap<(u64, u64), Span>,
}

impl Spans {
    /// A row that begins as Google's do; where its mean amounts and the largest ones stand differs.
    fn row(
        &mut self,
        fields: &Fields<'_>,
        [mean, most]: [[usize; 2]; 2],
        line: u64,
        builder: &mut Builder<'_>,
    ) -> Result<(), Refusal> {
        let sample = Sample {
            key: (google::id(fields, 2)?, google::id(fields, 3)?),
            from: seconds(fields.required(0)?),
            until: seconds(fields.required(1)?),
            mean: amounts(fields, mean, line, builder)?,
            most: amounts(fields, most, line, builder)?,
        };
        self.sample(&sample, line, builder)
    }

    fn sample(&mut self, sample: &Sample, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let Sample { key, from, until, mean, most } = *sample;
        if until < from {
            return Err(Refusal::new(Rule::NegativeTime, "end_time", &until.to_string()));
        }
        if *self.is_alone.get_or_insert_with(|| !builder.has_jobs()) {
            let [cpus, mem] = [0, 1].map(|at| most[at].or(mean[at]).unwrap_or(0.0));
            let new = || Span { from, until: from, cpus, mem, line };
            let span = self.open.entry(key).or_insert_with(new);
            if from < span.until {
                return Err(Refusal::new(Rule::Overlapping, "start_time", &from.to_string()));
            }
            (span.until, span.cpus, span.mem) = (until, span.cpus.max(cpus), span.mem.max(mem));
        }
        builder.see(until);
        builder.used(UsageUnit::Amounts, mean[0], mean[1], until - from);
        Ok(())
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        let mut spans: Vec<_> = std::mem::take(&mut self.open).into_iter().collect();
        spans.sort_by(|(_, one), (_, other)| one.from.total_cmp(&other.from));
        for ((job, _), Span { from, until, cpus, mem, line }) in spans {
            let row = Row {
                name: job.to_string(),
                submit: from,
                run: Some(until - from),
                tasks: 1,
                // Where so little was used that it was measured as nothing.
                cpus: cpus.max(0.001),
                mem: (mem > 0.0).then_some(mem),
                ..Row::default()
            };
            if let Err(refusal) = google::put(row, line, builder) {
                builder.count(refusal.rule, line);
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Usage2011(Spans);

impl Usage2011 {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "start_time",
        "end_time",
        "job_id",
        "task_index",
        "machine_id",
        "mean_cpu_usage_rate",
        "canonical_memory_usage",
        "assigned_memory_usage",
        "unmapped_page_cache_memory_usage",
        "total_page_cache_memory_usage",
        "maximum_memory_usage",
        "mean_disk_io_time",
        "mean_local_disk_space_used",
        "maximum_cpu_usage",
        "maximum_disk_io_time",
        "cycles_per_instruction",
        "memory_accesses_per_instruction",
        "sample_portion",
        "aggregation_type",
        "sampled_cpu_usage",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

/// The cores and memory of two columns.
fn amounts(
    fields: &Fields<'_>,
    columns: [usize; 2],
    line: u64,
    builder: &mut Builder<'_>,
) -> Result<[Option<f64>; 2], Refusal> {
    let (cpus, mem) = (builder.options.unit_cpus, builder.options.unit_mem);
    Ok([part(fields, columns[0], cpus, line, builder)?, part(fields, columns[1], mem, line, builder)?])
}

impl Reader for Usage2011 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        self.0.row(fields, [[5, 6], [13, 10]], line, builder)
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        self.0.finish(builder);
    }
}

#[derive(Debug, Default)]
pub(super) struct Usage2019(Spans);

impl Usage2019 {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "start_time",
        "end_time",
        "collection_id",
        "instance_index",
        "machine_id",
        "average_usage.cpus",
        "average_usage.memory",
        "maximum_usage.cpus",
        "maximum_usage.memory",
        "assigned_memory",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Json;
}

impl Reader for Usage2019 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        self.0.row(fields, [[5, 6], [7, 8]], line, builder)
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        self.0.finish(builder);
    }
}

/// A percentage, if it could be measured.
fn percent(fields: &Fields<'_>, column: usize, line: u64, builder: &mut Builder<'_>) -> Result<Option<f64>, Refusal> {
    let Some(percent) = fields.number(column)? else { return Ok(None) };
    if (0.0..=100.0).contains(&percent) {
        return Ok(Some(percent));
    }
    builder.count(Rule::NotMeasured, line);
    Ok(None)
}

/// Tables of percentages at points in time: of whom, when, and which columns hold cores and memory.
macro_rules! percentages {
    ($($name:ident: $time:literal, $who:literal, $cpu:literal, $mem:expr, [$($column:literal),+ $(,)?];)+) => {$(
        #[derive(Debug, Default)]
        pub(super) struct $name;

        impl $name {
            pub(super) const COLUMNS: &'static [&'static str] = &[$($column),+];
            pub(super) const SEPARATOR: Separator = Separator::Comma;
        }

        impl Reader for $name {
            fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
                let at = fields.required($time)?;
                fields.name($who)?;
                let cpus = percent(fields, $cpu, line, builder)?;
                let mem: Option<usize> = $mem;
                let mem = mem.map(|column| percent(fields, column, line, builder)).transpose()?.flatten();
                builder.see(at);
                builder.used(UsageUnit::Percent, cpus, mem, 1.0);
                Ok(())
            }
        }
    )+};
}

percentages! {
    Servers2017: 0, 1, 2, Some(3), [
        "timestamp", "machineID", "util_cpu", "util_memory", "util_disk", "load1", "load5", "load15",
    ];
    Containers2017: 0, 1, 2, Some(3), [
        "ts", "instance_id", "cpu_util", "mem_util", "disk_util", "load1", "load5", "load15", "avg_cpi", "avg_mpki",
        "max_cpi", "max_mpki",
    ];
    Machines2018: 1, 0, 2, Some(3), [
        "machine_id", "time_stamp", "cpu_util_percent", "mem_util_percent", "mem_gps", "mkpi", "net_in", "net_out",
        "disk_io_percent",
    ];
    Containers2018: 2, 0, 3, Some(4), [
        "container_id", "machine_id", "time_stamp", "cpu_util_percent", "mem_util_percent", "cpi", "mem_gps", "mpki",
        "net_in", "net_out", "disk_io_percent",
    ];
    AzureReadings: 0, 1, 4, None, ["timestamp", "vm_id", "min_cpu", "max_cpu", "avg_cpu"];
}
