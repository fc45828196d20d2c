//! Alibaba's GPU traces: PAI of 2020, openb of 2023, spot GPUs of 2026.
//!
//! PAI 2020: 100 of cpu or gpu is one, memory in GB; the tables of jobs and instances tell whose a task is and how long
//! each of its instances ran, that of groups which model of GPU it demands, and what it does. openb 2023: thousandths of
//! cores and GPUs, memory in MB, times in seconds; a pod of several GPUs asks for each of them whole. Spot 2026: cores and
//! GPUs per worker, times in seconds.
//! A model of GPU that is asked for becomes a constraint on the attribute `gpu_model`.

use std::collections::btree_map::Entry;

use super::builder::{Builder, Instances, PaiJob, PaiTag, Row, one_of};
use super::fields::{Fields, Separator};
use super::rule::{Refusal, Rule};
use super::table::Reader;

const HUNDREDTHS: f64 = 100.0;
const MILLI: f64 = 1_000.0;
const MB_PER_GB: f64 = 1_024.0;
/// Memory that comes with a GPU or a core where a table does not tell, in MB.
const MEM_PER_CPU: f64 = 4_096.0;
/// Where to find the model of GPU on a machine.
const MODEL: &str = "gpu_model";

fn model(name: Option<std::borrow::Cow<'_, str>>) -> Vec<(String, String)> {
    name.map(|name| (MODEL.to_owned(), name.into_owned())).into_iter().collect()
}

#[derive(Debug, Default)]
pub(super) struct PaiTasks;

impl PaiTasks {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "job_name",
        "task_name",
        "inst_num",
        "status",
        "start_time",
        "end_time",
        "plan_cpu",
        "plan_mem",
        "plan_gpu",
        "gpu_type",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

/// Whether what is in this state ended badly; refused if it never ended or the state is none.
fn failed(state: &str) -> Result<bool, Refusal> {
    match state {
        "Terminated" => Ok(false),
        "Failed" => Ok(true),
        "Waiting" | "Running" => Err(Refusal::new(Rule::NeverRan, "status", state)),
        other => Err(Refusal::new(Rule::UnknownState, "status", other)),
    }
}

/// When it began and ended, if both are told.
fn span(fields: &Fields<'_>, begins: usize, ends: usize) -> Result<(f64, f64), Refusal> {
    let span = fields.number(begins)?.zip(fields.number(ends)?);
    span.ok_or_else(|| Refusal::new(Rule::NeverRan, "end_time", ""))
}

impl Reader for PaiTasks {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let fails = failed(&fields.name(3)?)?;
        let (begins, ends) = span(fields, 4, 5)?;
        let (job, task) = (fields.name(0)?.into_owned(), fields.name(1)?.into_owned());
        let name = format!("{job}/{task}");
        let known = builder.lore.pai_jobs.get(&job).cloned().unwrap_or_default();
        let tag = builder.lore.pai_tags.get(&known.number).cloned();
        // The model it was given; where the table of groups tells which one it demanded, that.
        let given = fields.text(9).map(std::borrow::Cow::into_owned);
        let wanted = tag.as_ref().map_or(given, |tag| tag.gpu.clone());
        let wanted = wanted.filter(|kind| kind != "MISC").map(|kind| one_of(MODEL, &kind));
        let PaiTag { user, workload, .. } = tag.unwrap_or_default();
        let row = Row {
            user: known.user.or(user).unwrap_or(job),
            class: workload.unwrap_or(task),
            submit: begins,
            run: Some(ends - begins),
            tasks: builder.tasks(fields, 2, line)?,
            cpus: fields.known(6)?.unwrap_or(0.0) / HUNDREDTHS,
            mem: fields.known(7)?.map(|gb| gb * MB_PER_GB),
            gpus: fields.known(8)?.unwrap_or(0.0) / HUNDREDTHS,
            is_gang: true,
            fails,
            constraints: wanted.into_iter().collect(),
            ..Row::default()
        };
        // Each instance ran its own time, where the table of instances tells.
        let Some(runs) = builder.lore.instances.remove(&name) else {
            return builder.job(Row { name, ..row }, line);
        };
        for run in runs.runs {
            let group = Some(name.clone());
            builder.job(Row { name: name.clone(), group, run: Some(run), tasks: 1, ..row.clone() }, line)?;
        }
        Ok(())
    }
}

/// Whose jobs are: the rest is told by the table of tasks.
#[derive(Debug, Default)]
pub(super) struct PaiJobs;

impl PaiJobs {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["job_name", "inst_id", "user", "status", "start_time", "end_time"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for PaiJobs {
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let job = fields.name(0)?.into_owned();
        let number = fields.text(1).unwrap_or_default().into_owned();
        let told = PaiJob { number, user: Some(fields.name(2)?.into_owned()) };
        let state = fields.name(3)?;
        if !["Terminated", "Failed", "Waiting", "Running"].contains(&&*state) {
            return Err(Refusal::new(Rule::UnknownState, "status", &state));
        }
        match builder.lore.pai_jobs.entry(job) {
            Entry::Occupied(job) if job.get().user.is_some() => {
                return Err(Refusal::new(Rule::ToldAgain, "job_name", job.key()));
            }
            // The table of instances knew its number.
            Entry::Occupied(mut job) => drop(job.insert(told)),
            Entry::Vacant(place) => drop(place.insert(told)),
        }
        Ok(())
    }
}

/// How long the instances of tasks ran: what they asked for is told by the table of tasks.
#[derive(Debug, Default)]
pub(super) struct PaiInstances;

impl PaiInstances {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "job_name",
        "task_name",
        "inst_name",
        "worker_name",
        "inst_id",
        "status",
        "start_time",
        "end_time",
        "machine",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for PaiInstances {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        failed(&fields.name(5)?)?;
        let (begins, ends) = span(fields, 6, 7)?;
        let run = ends - begins;
        if run < 0.0 {
            return Err(Refusal::new(Rule::NegativeTime, "end_time", &ends.to_string()));
        }
        if run > builder.options.run_max {
            return Err(Refusal::new(Rule::TooLong, "end_time", &ends.to_string()));
        }
        let job = fields.name(0)?.into_owned();
        let task = format!("{job}/{}", fields.name(1)?);
        if let Some(number) = fields.text(4) {
            builder.lore.pai_jobs.entry(job).or_insert_with(|| PaiJob { number: number.into_owned(), user: None });
        }
        let place = builder.place(line);
        let new = || Instances { runs: Vec::new(), place };
        builder.lore.instances.entry(task).or_insert_with(new).runs.push(run);
        Ok(())
    }
}

/// What is said of jobs, by their numbers: whose they are, which model of GPU they demand, what they train or serve.
#[derive(Debug, Default)]
pub(super) struct PaiGroups;

impl PaiGroups {
    pub(super) const COLUMNS: &'static [&'static str] = &["inst_id", "user", "gpu_type_spec", "group", "workload"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for PaiGroups {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let number = fields.name(0)?.into_owned();
        // A cut line has none.
        fields.name(3)?;
        let text = |column| fields.text(column).map(std::borrow::Cow::into_owned);
        let tag = PaiTag { user: text(1), gpu: text(2), workload: text(4), place: builder.place(line) };
        match builder.lore.pai_tags.entry(number) {
            Entry::Occupied(job) => Err(Refusal::new(Rule::ToldAgain, "inst_id", job.key())),
            Entry::Vacant(place) => {
                place.insert(tag);
                Ok(())
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct PaiMachines;

impl PaiMachines {
    pub(super) const COLUMNS: &'static [&'static str] = &["machine", "gpu_type", "cap_cpu", "cap_mem", "cap_gpu"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for PaiMachines {
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let mem = fields.required(3)? * MB_PER_GB;
        let resources = [fields.required(2)?, mem, 0.0, fields.known(4)?.unwrap_or(0.0)];
        builder.machine(&fields.name(0)?, resources, model(fields.text(1)))
    }
}

/// The file of pods with several GPUs has the first five columns only: its pods come one a minute and run for an hour.
const SHORT_GAP_SECS: f64 = 60.0;
const SHORT_RUN_SECS: f64 = 3_600.0;

#[derive(Debug, Default)]
pub(super) struct OpenbPods {
    untimed: f64,
}

impl OpenbPods {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "name",
        "cpu_milli",
        "memory_mib",
        "num_gpu",
        "gpu_milli",
        "gpu_spec",
        "qos",
        "pod_phase",
        "creation_time",
        "deletion_time",
        "scheduled_time",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for OpenbPods {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let phase = fields.text(7);
        let fails = match phase.as_deref() {
            None | Some("Running" | "Succeeded" | "Pending") => false,
            Some("Failed") => true,
            Some(other) => return Err(Refusal::new(Rule::UnknownState, "pod_phase", other)),
        };
        let (submit, run) = match (fields.number(8)?, fields.number(9)?) {
            (Some(created), Some(deleted)) => {
                // How long it ran is told by when it was scheduled; one that never was is thought to want its whole time.
                (created, Some(deleted - fields.number(10)?.unwrap_or(created)))
            }
            (Some(created), None) => (created, None),
            _ if phase.is_some() => return Err(Refusal::new(Rule::MissingField, "creation_time", "")),
            _ => {
                self.untimed += SHORT_GAP_SECS;
                (self.untimed, Some(SHORT_RUN_SECS))
            }
        };
        let (gpus, each) = (fields.known(3)?.unwrap_or(0.0), fields.known(4)?.unwrap_or(0.0) / MILLI);
        if gpus < 0.0 || each < 0.0 {
            return Err(Refusal::new(Rule::AbsurdSize, "num_gpu", &gpus.to_string()));
        }
        let wanted = fields.text(5).map(|models| one_of(MODEL, &models));
        let class = fields.text(6).unwrap_or_default().into_owned();
        let row = Row {
            name: fields.name(0)?.into_owned(),
            user: class.clone(),
            class,
            submit,
            run,
            tasks: 1,
            cpus: fields.required(1)? / MILLI,
            mem: fields.known(2)?,
            gpus: gpus * each,
            fails,
            constraints: wanted.into_iter().collect(),
            ..Row::default()
        };
        builder.job(row, line)
    }
}

#[derive(Debug, Default)]
pub(super) struct OpenbNodes;

impl OpenbNodes {
    pub(super) const COLUMNS: &'static [&'static str] = &["sn", "cpu_milli", "memory_mib", "gpu", "model"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for OpenbNodes {
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let resources = [fields.required(1)? / MILLI, fields.required(2)?, 0.0, fields.known(3)?.unwrap_or(0.0)];
        builder.machine(&fields.name(0)?, resources, model(fields.text(4)))
    }
}

#[derive(Debug, Default)]
pub(super) struct SpotJobs;

impl SpotJobs {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "job_name",
        "organization",
        "gpu_model",
        "cpu_request",
        "gpu_request",
        "worker_num",
        "submit_time",
        "duration",
        "job_type",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for SpotJobs {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let kind = fields.name(8)?.into_owned();
        let is_spot = kind.eq_ignore_ascii_case("spot");
        let cpus = fields.known(3)?.unwrap_or(0.0);
        let row = Row {
            name: fields.name(0)?.into_owned(),
            user: fields.text(1).unwrap_or_default().into_owned(),
            class: kind,
            submit: fields.required(6)?,
            run: Some(fields.required(7)?),
            tasks: builder.tasks(fields, 5, line)?,
            cpus,
            mem: Some(cpus * MEM_PER_CPU),
            gpus: fields.known(4)?.unwrap_or(0.0),
            priority: i32::from(!is_spot),
            is_gang: true,
            constraints: fields.text(2).map(|models| one_of(MODEL, &models)).into_iter().collect(),
            ..Row::default()
        };
        builder.job(row, line)
    }
}

#[derive(Debug, Default)]
pub(super) struct SpotNodes;

impl SpotNodes {
    pub(super) const COLUMNS: &'static [&'static str] = &["node_name", "gpu_model", "gpu_capacity_num", "cpu_num"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for SpotNodes {
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let cpus = fields.required(3)?;
        let resources = [cpus, cpus * MEM_PER_CPU, 0.0, fields.known(2)?.unwrap_or(0.0)];
        builder.machine(&fields.name(0)?, resources, model(fields.text(1)))
    }
}
