//! Alibaba cluster data of 2017 and 2018.
//!
//! Times in seconds from the beginning, 0 or negative before it. 2017: cores are real, memory is a part of the largest
//! machine. 2018: 100 of cpu is one core, memory is in hundredths of a machine, and -1 or 101 stand for what is not known.
//! A task's instances are its tasks here; its run time is that of the whole, or of each instance where the table of
//! instances is read instead. Dependencies are in the names of 2018: `M5_3_4` is task 5 after 3 and 4.

use std::collections::BTreeMap;

use super::builder::{Builder, Row};
use super::fields::{Fields, Separator};
use super::rule::{Refusal, Rule};
use super::table::Reader;
use super::usage::measured;

/// 100 is one core.
const CPU_UNIT: f64 = 100.0;
const MEM_UNIT: f64 = 100.0;

/// Whether a task in this state ended badly; refused if it never ended or the state is none.
fn failed(state: &str) -> Result<bool, Refusal> {
    match state {
        "Terminated" | "Finished" => Ok(false),
        "Failed" | "Interrupted" => Ok(true),
        "Waiting" | "Ready" | "Running" | "Cancelled" => Err(Refusal::new(Rule::NeverRan, "status", state)),
        other => Err(Refusal::new(Rule::UnknownState, "status", other)),
    }
}

/// When it ran, from two times of which 0 is unknown.
fn run(begins: f64, ends: f64) -> Result<f64, Refusal> {
    if ends <= 0.0 || begins <= 0.0 {
        return Err(Refusal::new(Rule::NeverRan, "end_time", &ends.to_string()));
    }
    Ok(ends - begins)
}

#[derive(Debug, Default)]
pub(super) struct Tasks2017;

impl Tasks2017 {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "create_timestamp",
        "modify_timestamp",
        "job_id",
        "task_id",
        "instance_num",
        "status",
        "plan_cpu",
        "plan_mem",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Tasks2017 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let fails = failed(&fields.name(5)?)?;
        let (begins, ends) = (fields.required(0)?, fields.required(1)?);
        let job = fields.name(2)?.into_owned();
        let mem = fields.known(7)?.map(|part| part * builder.options.unit_mem);
        let row = Row {
            name: format!("{job}/{}", fields.name(3)?),
            user: job,
            class: "batch".into(),
            submit: begins,
            run: Some(run(begins, ends)?),
            tasks: builder.tasks(fields, 4, line)?,
            cpus: fields.known(6)?.unwrap_or(0.0),
            mem,
            fails,
            ..Row::default()
        };
        builder.job(row, line)
    }
}

/// Of cores less than this is not asked for, where so little was used that it was measured as nothing.
const USED_MIN: f64 = 0.01;

/// The most that was used of cores.
fn used(fields: &Fields<'_>, column: usize, line: u64, builder: &mut Builder<'_>) -> Result<f64, Refusal> {
    let known = fields.known(column)?.filter(|cpus| measured(*cpus, f64::INFINITY, line, builder));
    Ok(known.unwrap_or(0.0).max(USED_MIN))
}

#[derive(Debug, Default)]
pub(super) struct Instances2017;

impl Instances2017 {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "start_timestamp",
        "end_timestamp",
        "job_id",
        "task_id",
        "machineID",
        "status",
        "seq_no",
        "total_seq_no",
        "real_cpu_max",
        "real_cpu_avg",
        "real_mem_max",
        "real_mem_avg",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Instances2017 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let fails = failed(&fields.name(5)?)?;
        let (begins, ends) = (fields.required(0)?, fields.required(1)?);
        let (job, task) = (fields.name(2)?.into_owned(), fields.name(3)?.into_owned());
        // What was used stands for what was asked for, which this table does not tell.
        let cpus = used(fields, 8, line, builder)?;
        let mem = fields.known(10)?.map(|part| part * builder.options.unit_mem);
        let row = Row {
            group: Some(format!("{job}/{task}/{fails}")),
            user: job,
            class: "batch".into(),
            submit: begins,
            run: Some(run(begins, ends)?),
            tasks: 1,
            cpus,
            mem,
            fails,
            ..Row::default()
        };
        builder.job(row, line)
    }
}

/// A service under way.
#[derive(Debug)]
struct Service {
    row: Row,
    line: u64,
}

/// Long-running containers: from their creation to their removal, or for ever.
#[derive(Debug, Default)]
pub(super) struct Containers2017 {
    open: BTreeMap<String, Service>,
}

impl Containers2017 {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["ts", "event", "instance_id", "machine_id", "plan_cpu", "plan_mem", "plan_disk", "cpuset"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Containers2017 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let (at, id) = (fields.required(0)?, fields.name(2)?.into_owned());
        builder.see(at)?;
        match &*fields.name(1)? {
            "Create" => {
                if self.open.contains_key(&id) {
                    return Err(Refusal::new(Rule::Overlapping, "instance_id", &id));
                }
                let mem = fields.known(5)?.map(|part| part * builder.options.unit_mem);
                let row = Row {
                    user: "services".into(),
                    class: "service".into(),
                    submit: at,
                    tasks: 1,
                    cpus: fields.known(4)?.unwrap_or(0.0),
                    mem,
                    is_forever: true,
                    ..Row::default()
                };
                self.open.insert(id, Service { row, line });
                Ok(())
            }
            "Remove" => {
                let service = self.open.remove(&id);
                let service = service.ok_or_else(|| Refusal::new(Rule::OutOfNowhere, "instance_id", &id))?;
                let run = Some(at - service.row.submit);
                builder.job(Row { run, is_forever: false, ..service.row }, service.line)
            }
            other => Err(Refusal::new(Rule::UnknownState, "event", other)),
        }
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        for (_, service) in std::mem::take(&mut self.open) {
            let line = service.line;
            if let Err(refusal) = builder.job(service.row, line) {
                builder.refuse(&refusal, line);
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Servers2017;

impl Servers2017 {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["timestamp", "machineID", "type", "detail", "cpu", "memory", "disk"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Servers2017 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let (at, name) = (fields.required(0)?, fields.name(1)?.into_owned());
        match &*fields.name(2)? {
            "add" => {
                let mem = fields.required(5)? * builder.options.unit_mem;
                let resources = Some([fields.required(4)?, mem, 0.0, 0.0]);
                builder.machine_added(&name, resources, Vec::new(), at, line)
            }
            // Of a soft error a machine recovers by itself.
            "softerror" => builder.see(at),
            "harderror" => builder.machine_removed(&name, at, line),
            other => Err(Refusal::new(Rule::UnknownState, "type", other)),
        }
    }
}

/// Memory in hundredths of a machine, if it is believable.
fn mem_2018(fields: &Fields<'_>, column: usize, line: u64, builder: &mut Builder<'_>) -> Result<Option<f64>, Refusal> {
    let Some(parts) = fields.known(column)? else { return Ok(None) };
    if parts > MEM_UNIT {
        builder.count(Rule::AboveTheUnit, line);
    }
    Ok(Some(parts.min(MEM_UNIT) / MEM_UNIT * builder.options.unit_mem))
}

#[derive(Debug, Default)]
pub(super) struct Tasks2018;

impl Tasks2018 {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "task_name",
        "instance_num",
        "job_name",
        "task_type",
        "status",
        "start_time",
        "end_time",
        "plan_cpu",
        "plan_mem",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

/// The number of a task in its job, and of those it comes after; nothing of one that stands alone.
fn dag(name: &str) -> Option<(String, Vec<String>)> {
    let (own, rest) = name.split_once('_').unwrap_or((name, ""));
    let number = own.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let before = rest.split('_').filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    Some((number.to_owned(), before.map(str::to_owned).collect()))
}

impl Reader for Tasks2018 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let fails = failed(&fields.name(4)?)?;
        let (begins, ends) = (fields.required(5)?, fields.required(6)?);
        let (job, task) = (fields.name(2)?.into_owned(), fields.name(0)?.into_owned());
        let (name, after) = match dag(&task) {
            Some((number, before)) => {
                (format!("{job}/{number}"), before.iter().map(|number| format!("{job}/{number}")).collect())
            }
            None => (format!("{job}/{task}"), Vec::new()),
        };
        let mem = mem_2018(fields, 8, line, builder)?;
        let row = Row {
            name,
            class: format!("type{}", fields.text(3).unwrap_or_default()),
            user: job,
            submit: begins,
            run: Some(run(begins, ends)?),
            tasks: builder.tasks(fields, 1, line)?,
            cpus: fields.known(7)?.unwrap_or(0.0) / CPU_UNIT,
            mem,
            fails,
            after,
            ..Row::default()
        };
        builder.job(row, line)
    }
}

#[derive(Debug, Default)]
pub(super) struct Instances2018;

impl Instances2018 {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "instance_name",
        "task_name",
        "job_name",
        "task_type",
        "status",
        "start_time",
        "end_time",
        "machine_id",
        "seq_no",
        "total_seq_no",
        "cpu_avg",
        "cpu_max",
        "mem_avg",
        "mem_max",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Instances2018 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let fails = failed(&fields.name(4)?)?;
        let (begins, ends) = (fields.required(5)?, fields.required(6)?);
        let (job, task) = (fields.name(2)?.into_owned(), fields.name(1)?.into_owned());
        let mem = mem_2018(fields, 13, line, builder)?;
        let cpus = (used(fields, 11, line, builder)? / CPU_UNIT).max(USED_MIN);
        let row = Row {
            group: Some(format!("{job}/{task}/{fails}")),
            class: format!("type{}", fields.text(3).unwrap_or_default()),
            user: job,
            submit: begins,
            run: Some(run(begins, ends)?),
            tasks: 1,
            cpus,
            mem,
            fails,
            ..Row::default()
        };
        builder.job(row, line)
    }
}

/// Containers are described again and again; the first description that is believed counts.
#[derive(Debug, Default)]
pub(super) struct Containers2018 {
    seen: std::collections::BTreeSet<String>,
}

impl Containers2018 {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["container_id", "machine_id", "time_stamp", "app_du", "status", "cpu_request", "cpu_limit", "mem_size"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Containers2018 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let state = fields.name(4)?.into_owned();
        if !["started", "allocated", "stopped", "unknown"].contains(&&*state) {
            return Err(Refusal::new(Rule::UnknownState, "status", &state));
        }
        let id = fields.name(0)?.into_owned();
        if self.seen.contains(&id) {
            return Err(Refusal::new(Rule::ToldAgain, "container_id", &id));
        }
        let mem = mem_2018(fields, 7, line, builder)?;
        let app = fields.text(3).unwrap_or_default().into_owned();
        let row = Row {
            user: app,
            class: "service".into(),
            submit: fields.required(2)?,
            tasks: 1,
            cpus: fields.known(5)?.unwrap_or(0.0) / CPU_UNIT,
            mem,
            is_forever: true,
            ..Row::default()
        };
        builder.job(row, line)?;
        self.seen.insert(id);
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct Machines2018;

impl Machines2018 {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["machine_id", "time_stamp", "failure_domain_1", "failure_domain_2", "cpu_num", "mem_size", "status"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Machines2018 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let mem = mem_2018(fields, 5, line, builder)?;
        let rack = fields.text(3).map(|rack| ("rack".to_owned(), format!("r{rack}")));
        let mem = mem.unwrap_or(builder.options.unit_mem);
        builder.machine(&fields.name(0)?, [fields.required(4)?, mem, 0.0, 0.0], rack.into_iter().collect())
    }
}
