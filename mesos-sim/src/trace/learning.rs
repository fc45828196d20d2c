//! Jobs that train models: Philly, Gavel, Tiresias; and the jobs of ElastiSim.
//!
//! Philly: one JSON list; a job's last attempt counts, its GPUs are those of its detail, times have the form
//! `2017-10-03 04:05:06`; of its machines the GPUs are known. Gavel: columns between tabs, of which there are seven in the files and
//! nine or ten in the definitions of its readers, which add a weight and how late a job may be; steps are turned into
//! seconds at ten a second, since speeds are in another file. Tiresias: seconds; the gap to the next job and the iterations
//! stand for times that are not told. ElastiSim: one JSON object; a job's nodes are its tasks, its time is that of its
//! flops on nodes of a teraflop each.

use serde_json::Value;

use super::azure::timestamp;
use super::builder::{Builder, Row};
use super::dated::Dated;
use super::fields::{Fields, Separator, count};
use super::rule::{Refusal, Rule};
use super::table::Reader;

/// Cores and MB that come with a GPU where a table does not tell: a machine of 8 GPUs has some 48 cores and 512 GB.
const CPUS_PER_GPU: f64 = 6.0;
const MEM_PER_GPU: f64 = 65_536.0;
/// Steps of training a second.
const STEPS_PER_SEC: f64 = 10.0;
/// Of a simulated node.
const FLOPS: f64 = 1e12;

/// So many workers of one GPU each that start together.
fn training(name: String, user: String, submit: f64, run: Option<f64>, gpus: f64) -> Row {
    Row {
        name,
        class: format!("gpus{gpus}"),
        user,
        submit,
        run,
        tasks: count(gpus),
        cpus: CPUS_PER_GPU,
        mem: Some(MEM_PER_GPU),
        gpus: 1.0,
        is_gang: true,
        is_invented: true,
        ..Row::default()
    }
}

#[derive(Debug, Default)]
pub(super) struct Gavel;

impl Gavel {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "job_type",
        "command",
        "working_directory",
        "steps_argument",
        "needs_data_dir",
        "total_steps",
        "scale_factor",
        "priority_weight",
        "slo",
        "arrival_time",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Tab;
    /// The files of 2020, and those of the reader that came after it. With a working directory they are [`Self::COLUMNS`].
    pub(super) const LAYOUTS: &'static [&'static [&'static str]] = &[
        &["job_type", "command", "steps_argument", "needs_data_dir", "total_steps", "arrival_time", "scale_factor"],
        &[
            "job_type",
            "command",
            "steps_argument",
            "needs_data_dir",
            "total_steps",
            "scale_factor",
            "priority_weight",
            "slo",
            "arrival_time",
        ],
    ];
}

impl Reader for Gavel {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let width = fields.len();
        if width != Self::COLUMNS.len() && !Self::LAYOUTS.iter().any(|layout| layout.len() == width) {
            return Err(Refusal::new(Rule::MissingField, "columns", &width.to_string()));
        }
        let kind = fields.name(0)?;
        let user = kind.split(' ').next().unwrap_or_default().to_owned();
        let (submit, run) = (fields.required(9)?, fields.required(5)? / STEPS_PER_SEC);
        let row = training(String::new(), user, submit, Some(run), fields.required(6)?);
        let weight = fields.number(7)?.unwrap_or(1.0);
        if !PRIORITY_WEIGHTS.contains(&weight) {
            builder.count(Rule::NoHint, line);
        }
        // It should be done within so many times its run time; below nothing, whenever it is.
        let slo = fields.number(8)?.filter(|slo| *slo >= 0.0);
        let deadline = slo.map(|slo| submit + slo * run);
        builder.job(Row { priority: priority(weight), deadline, ..row }, line)
    }
}

/// How much a job may count.
const PRIORITY_WEIGHTS: std::ops::RangeInclusive<f64> = 0.0..=1e6;

/// The nearest whole number: jobs of weight 1, as usual, have priority 1.
#[allow(clippy::cast_possible_truncation, reason = "within what weights may be")]
fn priority(weight: f64) -> i32 {
    if PRIORITY_WEIGHTS.contains(&weight) { weight.round() as i32 } else { 1 }
}

#[derive(Debug, Default)]
pub(super) struct Tiresias {
    /// When the next job comes, by the row before it.
    next: Option<f64>,
}

impl Tiresias {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "job_id",
        "num_gpu",
        "submit_time",
        "iterations",
        "model_name",
        "duration",
        "interval",
        "start_time",
        "model_size",
        "aggr_interval",
        "model_scale",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Tiresias {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let model = fields.text(4).unwrap_or_default().into_owned();
        let (name, gpus) = (fields.name(0)?.into_owned(), fields.required(1)?);
        let missing = |column| Refusal::new(Rule::MissingField, column, "");
        // The gap before a job stands in the row before it, and how long it runs follows from its iterations.
        let (told, lasts) = (fields.number(2)?, fields.number(5)?);
        let submit = told.or(self.next).ok_or_else(|| missing("submit_time"))?;
        self.next = fields.number(6)?.map(|gap| submit + gap);
        let run = match lasts {
            Some(lasts) => lasts,
            None => fields.number(3)?.ok_or_else(|| missing("duration"))? / STEPS_PER_SEC,
        };
        builder.job(training(name, model, submit, Some(run), gpus), line)?;
        if told.is_none() || lasts.is_none() {
            builder.count(Rule::FromOthers, line);
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct TiresiasCluster;

impl TiresiasCluster {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["num_switch", "num_node_p_switch", "num_gpu_p_node", "num_cpu_p_node", "mem_p_node"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for TiresiasCluster {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let (switches, nodes) = (count(fields.required(0)?), count(fields.required(1)?));
        if switches.checked_mul(nodes).is_none_or(|all| all == 0 || all > 1_000_000) {
            return Err(Refusal::new(Rule::AbsurdSize, "num_node_p_switch", &nodes.to_string()));
        }
        // A core per GPU is kept free by some specifications; memory is in GB. A machine holds all its GPUs' workers.
        let gpus = fields.required(2)?;
        let told = [fields.required(3)?, fields.required(4)? * 1_024.0];
        let (cpus, mem) = (told[0].max(gpus * CPUS_PER_GPU), told[1].max(gpus * MEM_PER_GPU));
        for switch in 0..switches {
            for node in 0..nodes {
                let rack = vec![("rack".to_owned(), format!("r{switch}"))];
                builder.machine(&format!("s{switch}-n{node}"), [cpus, mem, 0.0, gpus], rack)?;
            }
        }
        if cpus > told[0] || mem > told[1] {
            builder.count(Rule::Invented, line);
        }
        Ok(())
    }
}

/// Philly's list of jobs.
#[derive(Debug)]
pub(super) struct Philly(Dated);

impl Default for Philly {
    fn default() -> Self {
        Self(Dated::in_any_order())
    }
}

impl Philly {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["status", "vc", "jobid", "submitted_time", "attempts", "user"];
    pub(super) const SEPARATOR: Separator = Separator::Json;
}

impl Reader for Philly {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let fails = match &*fields.name(0)? {
            "Pass" | "Killed" => false,
            "Failed" => true,
            other => return Err(Refusal::new(Rule::UnknownState, "status", other)),
        };
        let date = |column, text: &str| timestamp(text).ok_or_else(|| Refusal::new(Rule::NotANumber, column, text));
        let submit = date("submitted_time", &fields.name(3)?)?;
        let attempts = fields.value(4).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let last = attempts.last().ok_or_else(|| Refusal::new(Rule::NeverRan, "attempts", ""))?;
        let at = |column: &'static str| {
            last.get(column)
                .and_then(Value::as_str)
                .filter(|text| *text != "None")
                .map(|text| date(column, text))
                .transpose()
        };
        let started = at("start_time")?.ok_or_else(|| Refusal::new(Rule::NeverRan, "start_time", ""))?;
        // Without an end it still ran when the list was made.
        let run = at("end_time")?.map(|ended| ended - started);
        let parts = last.get("detail").and_then(Value::as_array).into_iter().flatten();
        let gpus: usize = parts.filter_map(|part| part.get("gpus")?.as_array()).map(Vec::len).sum();
        let gpus = f64::from(u32::try_from(gpus).unwrap_or(u32::MAX));
        let name = fields.text(2).unwrap_or_default().into_owned();
        let row = training(name, fields.text(1).unwrap_or_default().into_owned(), submit, run, gpus);
        self.0.take(Row { fails, ..row }, line, builder)?;
        if attempts.len() > 1 {
            builder.count(Rule::RunAgain, line);
        }
        Ok(())
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        self.0.finish(builder);
    }
}

/// Philly's machines: how many GPUs they have. Of their cores and memory nothing is told.
#[derive(Debug, Default)]
pub(super) struct PhillyMachines;

impl PhillyMachines {
    pub(super) const COLUMNS: &'static [&'static str] = &["machineId", "number of GPUs", "single GPU mem"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for PhillyMachines {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let gpus = fields.required(1)?;
        let model = fields.text(2).map(|mem| ("gpu_mem".to_owned(), mem.into_owned()));
        let resources = [gpus * CPUS_PER_GPU, gpus * MEM_PER_GPU, 0.0, gpus];
        builder.machine(&fields.name(0)?, resources, model.into_iter().collect())?;
        builder.count(Rule::Invented, line);
        Ok(())
    }
}

/// ElastiSim's list of jobs.
#[derive(Debug, Default)]
pub(super) struct Elastisim;

impl Elastisim {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["type", "submit_time", "num_nodes", "num_nodes_max", "arguments.iterations", "arguments.flops"];
    pub(super) const SEPARATOR: Separator = Separator::Json;
}

impl Reader for Elastisim {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let missing = |column| Refusal::new(Rule::MissingField, column, "");
        let kind = fields.name(0)?.into_owned();
        let submit = fields.plain_number(1)?.ok_or_else(|| missing("submit_time"))?;
        let nodes = fields.plain_number(2)?.or(fields.plain_number(3)?).ok_or_else(|| missing("num_nodes"))?;
        let (iterations, flops) = (fields.plain_number(4)?.unwrap_or(1.0), fields.plain_number(5)?.unwrap_or(0.0));
        let row = Row {
            user: kind.clone(),
            class: kind,
            submit,
            run: Some(iterations.max(1.0) * flops / (FLOPS * nodes.max(1.0))),
            tasks: count(nodes),
            cpus: 1.0,
            is_gang: true,
            is_invented: true,
            ..Row::default()
        };
        builder.job(row, line)
    }
}
