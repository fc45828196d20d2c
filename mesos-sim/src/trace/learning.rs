//! Jobs that train models: Philly, Gavel, Tiresias; and the jobs of ElastiSim.
//!
//! Philly: one JSON list; a job's last attempt counts, its GPUs are those of its detail, times have the form
//! `2017-10-03 04:05:06`. Gavel: columns between tabs, of which there are seven in the files and ten in the reader's own
//! definition; steps are turned into seconds at ten a second, since speeds are in another file. Tiresias: seconds. ElastiSim:
//! one JSON object; a job's nodes are its tasks, its time is that of its flops on nodes of a teraflop each.

use serde::Deserialize;

use super::builder::{Builder, Row};
use super::fields::{Fields, Separator};
use super::rule::{Refusal, Rule};
use super::table::Reader;

/// Cores and MB that come with a GPU where a table does not tell: a machine of 8 GPUs has some 48 cores and 512 GB.
const CPUS_PER_GPU: f64 = 6.0;
const MEM_PER_GPU: f64 = 65_536.0;
/// Steps of training a second.
const STEPS_PER_SEC: f64 = 10.0;
/// Of a simulated node.
const FLOPS: f64 = 1e12;

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "judged before they are believed")]
fn workers(gpus: f64) -> u32 {
    gpus as u32
}

/// So many workers of one GPU each that start together.
fn training(name: String, user: String, submit: f64, run: Option<f64>, gpus: f64) -> Row {
    Row {
        name,
        class: format!("gpus{gpus}"),
        user,
        submit,
        run,
        tasks: workers(gpus),
        cpus: CPUS_PER_GPU,
        mem: Some(MEM_PER_GPU),
        gpus: 1.0,
        is_gang: true,
        ..Row::default()
    }
}

#[derive(Debug, Default)]
pub(super) struct Gavel;

impl Gavel {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["job_type", "command", "steps_argument", "needs_data_dir", "total_steps", "arrival_time", "scale_factor"];
    pub(super) const SEPARATOR: Separator = Separator::Tab;
    /// Where steps, scale and arrival stand in rows of ten columns.
    const WIDE: [usize; 3] = [5, 9, 6];
}

impl Reader for Gavel {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let [steps, arrival, scale] = if fields.len() >= 10 { Self::WIDE } else { [4, 5, 6] };
        let number = |place: usize| {
            let text = fields.nth(place).ok_or_else(|| Refusal::new(Rule::MissingField, "column", ""))?;
            text.parse::<f64>().map_err(|_| Refusal::new(Rule::NotANumber, "column", text))
        };
        let kind = fields.name(0)?;
        let user = kind.split(' ').next().unwrap_or_default().to_owned();
        let run = number(steps)? / STEPS_PER_SEC;
        builder.job(training(String::new(), user, number(arrival)?, Some(run), number(scale)?), line)
    }
}

#[derive(Debug, Default)]
pub(super) struct Tiresias;

impl Tiresias {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["job_id", "num_gpu", "submit_time", "iterations", "model_name", "duration", "interval"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Tiresias {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let model = fields.text(4).unwrap_or_default().into_owned();
        let (name, gpus) = (fields.name(0)?.into_owned(), fields.required(1)?);
        builder.job(training(name, model, fields.required(2)?, Some(fields.required(5)?), gpus), line)
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
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let (switches, nodes) = (workers(fields.required(0)?), workers(fields.required(1)?));
        if switches.checked_mul(nodes).is_none_or(|all| all > 1_000_000) {
            return Err(Refusal::new(Rule::AbsurdSize, "num_node_p_switch", &nodes.to_string()));
        }
        // A core per GPU is kept free by some specifications; memory is in GB. A machine holds all its GPUs' workers.
        let gpus = fields.required(2)?;
        let cpus = fields.required(3)?.max(gpus * CPUS_PER_GPU);
        let mem = (fields.required(4)? * 1_024.0).max(gpus * MEM_PER_GPU);
        for switch in 0..switches {
            for node in 0..nodes {
                let rack = vec![("rack".to_owned(), format!("r{switch}"))];
                builder.machine(&format!("s{switch}-n{node}"), [cpus, mem, 0.0, gpus], rack)?;
            }
        }
        Ok(())
    }
}

/// Stands for tables that are one document: their rows are read all at once.
#[derive(Debug, Default)]
pub(super) struct Document;

impl Document {
    pub(super) const COLUMNS: &'static [&'static str] = &[];
    pub(super) const SEPARATOR: Separator = Separator::Json;
}

impl Reader for Document {
    fn row(&mut self, _fields: &Fields<'_>, _line: u64, _builder: &mut Builder<'_>) -> Result<(), Refusal> {
        Err(Refusal::new(Rule::MissingField, "document", ""))
    }
}

/// How many rows there were, and how many were refused.
type Counts = (u64, u64);

fn count(outcomes: impl Iterator<Item = Result<(), Refusal>>, builder_count: impl FnOnce(Vec<(u64, Rule)>)) -> Counts {
    let (mut rows, mut refused) = (0, Vec::new());
    for outcome in outcomes {
        rows += 1;
        if let Err(refusal) = outcome {
            refused.push((rows, refusal.rule));
        }
    }
    let counts = (rows, refused.len() as u64);
    builder_count(refused);
    counts
}

#[derive(Deserialize)]
struct PhillyJob {
    #[serde(default)]
    status: String,
    #[serde(default)]
    vc: String,
    #[serde(default)]
    jobid: String,
    submitted_time: Option<String>,
    #[serde(default)]
    attempts: Vec<PhillyAttempt>,
}

#[derive(Deserialize)]
struct PhillyAttempt {
    start_time: Option<String>,
    end_time: Option<String>,
    #[serde(default)]
    detail: Vec<PhillyDetail>,
}

#[derive(Deserialize)]
struct PhillyDetail {
    #[serde(default)]
    gpus: Vec<String>,
}

pub(super) fn philly(text: &str, builder: &mut Builder<'_>) -> Result<Counts, serde_json::Error> {
    let jobs: Vec<PhillyJob> = serde_json::from_str(text)?;
    let time = |text: &Option<String>| text.as_deref().and_then(super::azure::timestamp);
    let begins = jobs.iter().filter_map(|job| time(&job.submitted_time)).fold(f64::INFINITY, f64::min);
    let mut refused_rows = Vec::new();
    let rows = (1..).zip(&jobs).map(|(at, job)| {
        let fails = match &*job.status {
            "Pass" | "Killed" => false,
            "Failed" => true,
            other => return Err(Refusal::new(Rule::UnknownState, "status", other)),
        };
        let missing = |column| Refusal::new(Rule::MissingField, column, "");
        let submit = time(&job.submitted_time).ok_or_else(|| missing("submitted_time"))? - begins;
        let last = job.attempts.last().ok_or_else(|| Refusal::new(Rule::NeverRan, "attempts", ""))?;
        let started = time(&last.start_time).ok_or_else(|| Refusal::new(Rule::NeverRan, "start_time", ""))?;
        let ended = time(&last.end_time).ok_or_else(|| Refusal::new(Rule::NeverRan, "end_time", ""))?;
        let gpus: usize = last.detail.iter().map(|detail| detail.gpus.len()).sum();
        let gpus = f64::from(u32::try_from(gpus).unwrap_or(u32::MAX));
        let row = training(job.jobid.clone(), job.vc.clone(), submit, Some(ended - started), gpus);
        builder.job(Row { fails, ..row }, at)
    });
    let counts = count(rows, |refused| refused_rows = refused);
    for (line, rule) in refused_rows {
        builder.count(rule, line);
    }
    Ok(counts)
}

#[derive(Deserialize)]
struct ElastisimJobs {
    jobs: Vec<ElastisimJob>,
}

#[derive(Deserialize)]
struct ElastisimJob {
    #[serde(rename = "type")]
    kind: String,
    submit_time: f64,
    num_nodes: Option<f64>,
    num_nodes_max: Option<f64>,
    #[serde(default)]
    arguments: ElastisimArguments,
}

#[derive(Deserialize, Default)]
struct ElastisimArguments {
    #[serde(default)]
    iterations: f64,
    #[serde(default)]
    flops: f64,
}

pub(super) fn elastisim(text: &str, builder: &mut Builder<'_>) -> Result<Counts, serde_json::Error> {
    let ElastisimJobs { jobs } = serde_json::from_str(text)?;
    let mut refused_rows = Vec::new();
    let rows = (1..).zip(&jobs).map(|(at, job)| {
        let nodes =
            job.num_nodes.or(job.num_nodes_max).ok_or_else(|| Refusal::new(Rule::MissingField, "num_nodes", ""))?;
        let run = job.arguments.iterations.max(1.0) * job.arguments.flops / (FLOPS * nodes.max(1.0));
        let row = Row {
            user: job.kind.clone(),
            class: job.kind.clone(),
            submit: job.submit_time,
            run: Some(run),
            tasks: workers(nodes),
            cpus: 1.0,
            mem: Some(builder.options.mem_default),
            is_gang: true,
            ..Row::default()
        };
        builder.job(row, at)
    });
    let counts = count(rows, |refused| refused_rows = refused);
    for (line, rule) in refused_rows {
        builder.count(rule, line);
    }
    Ok(counts)
}
