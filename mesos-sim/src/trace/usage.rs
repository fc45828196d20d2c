//! What was measured while tasks, containers and machines ran.
//!
//! A sample tells what was used, which no scheduler knows beforehand: it is summed up per table ([`Usage`]), and nothing of
//! it is kept. Alone, without a table of tasks before them, Google's tables of usage are workloads too, and its first trace
//! of all is nothing else: a task runs from its first sample to its last, and needs the most that it used. Percentages
//! outside 0 to 100 stand for what could not be measured, such as the -1 and 101 of Alibaba 2018.

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
    /// Of GPUs.
    pub gpus: Level,
}

impl Usage {
    /// A sample of cores, memory and GPUs, as far as they were measured, and for how long it stands.
    pub(super) fn add(&mut self, unit: UsageUnit, levels: [Option<f64>; 3], weight: f64) {
        self.samples += 1;
        self.unit = unit;
        for (own, level) in [&mut self.cpus, &mut self.mem, &mut self.gpus].into_iter().zip(levels) {
            level.into_iter().for_each(|level| own.add(level, weight));
        }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cpus, mem, gpus) = match self.unit {
            UsageUnit::Amounts => ("cores", "MB", "GPUs"),
            UsageUnit::Percent => ("% of cores", "% of memory", "% of GPUs"),
            UsageUnit::Megahertz => ("MHz", "MB", "GPUs"),
        };
        write!(f, "{} samples", self.samples)?;
        for (level, unit) in [(self.cpus, cpus), (self.mem, mem), (self.gpus, gpus)] {
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
    class: Option<u8>,
    line: u64,
}

/// One sample of a task.
struct Sample {
    key: (u64, u64),
    class: Option<u8>,
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
            class: None,
            from: seconds(fields.required(0)?),
            until: seconds(fields.required(1)?),
            mean: amounts(fields, mean, line, builder)?,
            most: amounts(fields, most, line, builder)?,
        };
        self.sample(&sample, line, builder)
    }

    fn sample(&mut self, sample: &Sample, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let Sample { key, class, from, until, mean, most } = *sample;
        if until < from {
            return Err(Refusal::new(Rule::NegativeTime, "end_time", &until.to_string()));
        }
        builder.see(from)?;
        if *self.is_alone.get_or_insert_with(|| !builder.has_jobs()) {
            let [cpus, mem] = [0, 1].map(|at| most[at].or(mean[at]).unwrap_or(0.0));
            let new = || Span { from, until: from, cpus, mem, class, line };
            if self.open.get(&key).is_some_and(|span| from < span.until) {
                return Err(Refusal::new(Rule::Overlapping, "start_time", &from.to_string()));
            }
            builder.see(until)?;
            let span = self.open.entry(key).or_insert_with(new);
            (span.until, span.cpus, span.mem) = (until, span.cpus.max(cpus), span.mem.max(mem));
        }
        builder.see(until)?;
        builder.used(UsageUnit::Amounts, [mean[0], mean[1], None], until - from);
        Ok(())
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        let mut spans: Vec<_> = std::mem::take(&mut self.open).into_iter().collect();
        spans.sort_by(|(_, one), (_, other)| one.from.total_cmp(&other.from));
        for ((job, _), Span { from, until, cpus, mem, class, line }) in spans {
            let row = Row {
                name: job.to_string(),
                class: class.map_or_else(String::new, |class| format!("class{class}")),
                submit: from,
                run: Some(until - from),
                tasks: 1,
                // Where so little was used that it was measured as nothing.
                cpus: cpus.max(0.001),
                mem: (mem > 0.0).then_some(mem),
                ..Row::default()
            };
            if let Err(refusal) = google::put(row, line, builder) {
                builder.refuse(&refusal, line);
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
    let found = [part(fields, columns[0], cpus, line, builder)?, part(fields, columns[1], mem, line, builder)?];
    Ok(found.map(|amount| amount.filter(|amount| measured(*amount, f64::INFINITY, line, builder))))
}

/// Whether a measurement can be; counted if not.
pub(super) fn measured(value: f64, most: f64, line: u64, builder: &mut Builder<'_>) -> bool {
    let can_be = (0.0..=most).contains(&value);
    if !can_be {
        builder.count(Rule::NotMeasured, line);
    }
    can_be
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

/// A task every five minutes, as in the trace of seven hours that is called version 1.
#[derive(Debug, Default)]
pub(super) struct Version1(Spans);

/// So long a sample stands.
const VERSION_1_SECS: f64 = 300.0;

impl Version1 {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["Time", "ParentID|JobID", "TaskID", "JobType", "NrmlTaskCores", "NrmlTaskMem"];
    pub(super) const SEPARATOR: Separator = Separator::Blanks;
}

impl Reader for Version1 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let (from, kind) = (fields.required(0)?, fields.code(3)?);
        let class = u8::try_from(kind).ok().filter(|class| *class <= 3);
        if class.is_none() {
            return Err(Refusal::new(Rule::UnknownState, "JobType", &kind.to_string()));
        }
        let key = (google::id(fields, 1)?, google::id(fields, 2)?);
        fields.required(5)?;
        let mean = amounts(fields, [4, 5], line, builder)?;
        let until = from + VERSION_1_SECS;
        self.0.sample(&Sample { key, class, from, until, mean, most: [None; 2] }, line, builder)
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        self.0.finish(builder);
    }
}

/// A percentage, if it could be measured.
fn percent(fields: &Fields<'_>, column: usize, line: u64, builder: &mut Builder<'_>) -> Result<Option<f64>, Refusal> {
    Ok(fields.number(column)?.filter(|percent| measured(*percent, 100.0, line, builder)))
}

/// What the instances of Alibaba's GPU trace of 2020 used over their lives: 100 of a core or a GPU is one, memory in GB. An
/// instance of several GPUs has a row for each.
#[derive(Debug, Default)]
pub(super) struct PaiSensors;

impl PaiSensors {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "job_name",
        "task_name",
        "worker_name",
        "inst_id",
        "machine",
        "gpu_name",
        "cpu_usage",
        "gpu_wrk_util",
        "avg_mem",
        "max_mem",
        "avg_gpu_wrk_mem",
        "max_gpu_wrk_mem",
        "read",
        "write",
        "read_count",
        "write_count",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for PaiSensors {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        fields.name(2)?;
        let mut amount = |column: usize, unit: f64| -> Result<Option<f64>, Refusal> {
            let found = fields.number(column)?.map(|amount| amount * unit);
            Ok(found.filter(|amount| measured(*amount, AMOUNT_MAX, line, builder)))
        };
        let levels = [amount(6, 0.01)?, amount(8, 1_024.0)?, amount(7, 0.01)?];
        builder.used(UsageUnit::Amounts, levels, 1.0);
        Ok(())
    }
}

/// More cores, MB or GPUs are in no machine.
const AMOUNT_MAX: f64 = 1e9;

/// What was used of the machine of an instance while it ran, in percent.
#[derive(Debug, Default)]
pub(super) struct PaiMachineMetrics;

impl PaiMachineMetrics {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "worker_name",
        "machine",
        "start_time",
        "end_time",
        "machine_cpu_iowait",
        "machine_cpu_kernel",
        "machine_cpu_usr",
        "machine_gpu",
        "machine_load_1",
        "machine_net_receive",
        "machine_num_worker",
        "machine_cpu",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for PaiMachineMetrics {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        fields.name(0)?;
        fields.name(1)?;
        let (from, until) = (fields.required(2)?, fields.required(3)?);
        if until < from {
            return Err(Refusal::new(Rule::NegativeTime, "end_time", &until.to_string()));
        }
        builder.see(from)?;
        builder.see(until)?;
        let levels = [percent(fields, 11, line, builder)?, None, percent(fields, 7, line, builder)?];
        builder.used(UsageUnit::Percent, levels, until - from);
        Ok(())
    }
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
                builder.see(at)?;
                let cpus = percent(fields, $cpu, line, builder)?;
                let mem: Option<usize> = $mem;
                let mem = mem.map(|column| percent(fields, column, line, builder)).transpose()?.flatten();
                builder.used(UsageUnit::Percent, [cpus, mem, None], 1.0);
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
