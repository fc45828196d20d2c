//! Google cluster data of 2011 (v2.1) and 2019 (v3).
//!
//! Times in microseconds from 600 s before the trace; cores and memory as parts of the largest machine
//! ([`Options::unit_cpus`](super::Options)). A task is put together from its events: it is submitted, scheduled, and ends or
//! is evicted and run again. The two years number their events differently. Tasks of one job with the same needs and the
//! same end become one job here.
//!
//! Reiss, Wilkes, Hellerstein, "Google cluster-usage traces: format + schema", 2011; Wilkes, "Google cluster-usage traces
//! v3", 2020.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::builder::{Builder, Row};
use super::fields::{Fields, Separator};
use super::rule::{Refusal, Rule};
use super::table::Reader;

const MICROS: f64 = 1e6;
/// The trace begins here; what is earlier was there before.
const BEGINNING_SECS: f64 = 600.0;
/// Later than this is after the end of the trace: 2^63 - 1 stands for it.
const AFTER_THE_END: f64 = 9e18;

/// What happens to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happens {
    Submit,
    Schedule,
    Interrupt,
    Fail,
    End,
    Change,
}

/// A task under way.
#[derive(Debug)]
struct Life {
    row: Row,
    started: Option<f64>,
    line: u64,
}

/// Puts tasks together from their events.
#[derive(Debug, Default)]
struct Lives {
    open: BTreeMap<(u64, u64), Life>,
}

impl Lives {
    fn event(
        &mut self,
        key: (u64, u64),
        at: f64,
        happens: Happens,
        row: impl FnOnce() -> Result<Row, Refusal>,
        line: u64,
        builder: &mut Builder<'_>,
    ) -> Result<(), Refusal> {
        builder.see(at);
        match happens {
            Happens::Submit => {
                if let Some(life) = self.open.get(&key) {
                    // A task that was evicted is submitted again.
                    let is_again = life.started.is_none();
                    return if is_again {
                        Ok(())
                    } else {
                        Err(Refusal::new(Rule::Overlapping, "event type", "submit"))
                    };
                }
                let row = Row { submit: at, ..row()? };
                self.open.insert(key, Life { row, started: None, line });
                Ok(())
            }
            Happens::Schedule => {
                let life = match self.open.entry(key) {
                    Entry::Occupied(life) => life.into_mut(),
                    Entry::Vacant(place) => {
                        let row = Row { submit: at, ..row()? };
                        place.insert(Life { row, started: None, line })
                    }
                };
                life.started = Some(at);
                Ok(())
            }
            Happens::Interrupt => {
                let life = self.open.get_mut(&key).ok_or_else(|| Refusal::new(Rule::OutOfNowhere, "task", ""))?;
                if life.started.take().is_some() {
                    builder.count(Rule::RunAgain, line);
                }
                Ok(())
            }
            Happens::Fail | Happens::End => {
                let life = self.open.remove(&key).ok_or_else(|| Refusal::new(Rule::OutOfNowhere, "task", ""))?;
                let started = life.started.ok_or_else(|| Refusal::new(Rule::NeverRan, "task", ""))?;
                let mut row = life.row;
                row.run = Some(at - started);
                row.fails = happens == Happens::Fail;
                row.constraints = builder.constraints_of(key);
                put(row, life.line, builder)
            }
            Happens::Change => Ok(()),
        }
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        for (key, life) in std::mem::take(&mut self.open) {
            let outcome = match life.started {
                Some(_) => {
                    let constraints = builder.constraints_of(key);
                    put(Row { run: None, constraints, ..life.row }, life.line, builder)
                }
                None => Err(Refusal::new(Rule::NeverRan, "task", "")),
            };
            if let Err(refusal) = outcome {
                builder.count(refusal.rule, life.line);
            }
        }
    }
}

/// Tasks with equal needs, submitted in the same second and ending alike, are one job.
pub(super) fn put(mut row: Row, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
    let Row { name, cpus, mem, fails, submit, constraints, .. } = &row;
    let group = format!("{name}/{cpus}/{mem:?}/{fails}/{}", submit.floor());
    row.group = Some(if constraints.is_empty() { group } else { format!("{group}/{constraints:?}") });
    builder.job(row, line)
}

pub(super) fn seconds(micros: f64) -> f64 {
    micros / MICROS - BEGINNING_SECS
}

pub(super) fn part(
    fields: &Fields<'_>,
    column: usize,
    unit: f64,
    line: u64,
    builder: &mut Builder<'_>,
) -> Result<Option<f64>, Refusal> {
    let Some(part) = fields.known(column)? else { return Ok(None) };
    if part > 1.0 {
        builder.count(Rule::AboveTheUnit, line);
    }
    Ok(Some(part.min(1.0) * unit))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ids are whole")]
pub(super) fn id(fields: &Fields<'_>, column: usize) -> Result<u64, Refusal> {
    let text = fields.name(column)?;
    text.parse::<u64>().map_err(|_| Refusal::new(Rule::NotANumber, "id", &text))
}

#[derive(Debug, Default)]
pub(super) struct Tasks2011(Lives);

impl Tasks2011 {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "time",
        "missing_info",
        "job_id",
        "task_index",
        "machine_id",
        "event_type",
        "user",
        "scheduling_class",
        "priority",
        "cpu_request",
        "memory_request",
        "disk_space_request",
        "different_machines_restriction",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Tasks2011 {
    #[allow(clippy::cast_possible_truncation, reason = "small whole numbers")]
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let time = fields.required(0)?;
        if time >= AFTER_THE_END {
            return Err(Refusal::new(Rule::OutsideWindow, "time", "after the end"));
        }
        let happens = match fields.required(5)? as i64 {
            0 => Happens::Submit,
            1 => Happens::Schedule,
            2 | 6 => Happens::Interrupt,
            3 => Happens::Fail,
            4 | 5 => Happens::End,
            7 | 8 => Happens::Change,
            other => return Err(Refusal::new(Rule::UnknownState, "event_type", &other.to_string())),
        };
        let key = (id(fields, 2)?, id(fields, 3)?);
        let cpus = part(fields, 9, builder.options.unit_cpus, line, builder)?;
        let mem = part(fields, 10, builder.options.unit_mem, line, builder)?;
        let row = || {
            Ok(Row {
                name: key.0.to_string(),
                user: fields.text(6).unwrap_or_default().into_owned(),
                class: format!("class{}", fields.text(7).unwrap_or_default()),
                tasks: 1,
                cpus: cpus.unwrap_or(0.0),
                mem,
                priority: fields.number(8)?.unwrap_or(0.0) as i32,
                is_spread: fields.number(12)? == Some(1.0),
                ..Row::default()
            })
        };
        self.0.event(key, seconds(time), happens, row, line, builder)
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        self.0.finish(builder);
    }
}

#[derive(Debug, Default)]
pub(super) struct Instances2019(Lives);

impl Instances2019 {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "time",
        "type",
        "collection_id",
        "instance_index",
        "machine_id",
        "scheduling_class",
        "collection_type",
        "priority",
        "resource_request.cpus",
        "resource_request.memory",
        "alloc_collection_id",
        "user",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Json;
}

/// Types are numbers or, in exports, names.
fn type_2019(text: &str) -> Option<Happens> {
    Some(match text {
        "0" | "SUBMIT" => Happens::Submit,
        "3" | "SCHEDULE" => Happens::Schedule,
        "4" | "EVICT" | "8" | "LOST" => Happens::Interrupt,
        "5" | "FAIL" => Happens::Fail,
        "6" | "FINISH" | "7" | "KILL" => Happens::End,
        "1" | "QUEUE" | "2" | "ENABLE" | "9" | "UPDATE_PENDING" | "10" | "UPDATE_RUNNING" => Happens::Change,
        _ => return None,
    })
}

impl Reader for Instances2019 {
    #[allow(clippy::cast_possible_truncation, reason = "small whole numbers")]
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let time = fields.required(0)?;
        if time >= AFTER_THE_END {
            return Err(Refusal::new(Rule::OutsideWindow, "time", "after the end"));
        }
        let kind = fields.name(1)?;
        let happens = type_2019(&kind).ok_or_else(|| Refusal::new(Rule::UnknownState, "type", &kind))?;
        let key = (id(fields, 2)?, id(fields, 3)?);
        // An alloc set holds resources for others and is no work of its own.
        if fields.text(6).is_some_and(|kind| kind == "1" || kind == "ALLOC_SET") {
            return Ok(());
        }
        let cpus = part(fields, 8, builder.options.unit_cpus, line, builder)?;
        let mem = part(fields, 9, builder.options.unit_mem, line, builder)?;
        let row = || {
            Ok(Row {
                name: key.0.to_string(),
                user: fields.text(11).unwrap_or_default().into_owned(),
                class: format!("class{}", fields.text(5).unwrap_or_default()),
                tasks: 1,
                cpus: cpus.unwrap_or(0.0),
                mem,
                priority: fields.number(7)?.unwrap_or(0.0) as i32,
                ..Row::default()
            })
        };
        self.0.event(key, seconds(time), happens, row, line, builder)
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        self.0.finish(builder);
    }
}

/// A machine is added, removed or changed.
fn machine_event(
    name: &str,
    at: f64,
    kind: i64,
    amounts: (Option<f64>, Option<f64>),
    platform: &str,
    builder: &mut Builder<'_>,
) -> Result<(), Refusal> {
    let add = |builder: &mut Builder<'_>| {
        if let (Some(cpus), Some(mem)) = amounts {
            let platform: String = platform.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
            let attributes = if platform.is_empty() { Vec::new() } else { vec![("platform".to_owned(), platform)] };
            builder.machine(name, [cpus, mem, 0.0, 0.0], attributes)?;
        }
        Ok(())
    };
    match kind {
        0 => {
            add(builder)?;
            builder.machine_up(name, at);
            Ok(())
        }
        1 => builder.machine_down(name, at),
        // Machines that change their size are left as they were first.
        2 => Ok(()),
        other => Err(Refusal::new(Rule::UnknownState, "event type", &other.to_string())),
    }
}

#[derive(Debug, Default)]
pub(super) struct Machines2011;

impl Machines2011 {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["time", "machine_id", "event_type", "platform_id", "cpus", "memory"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Machines2011 {
    #[allow(clippy::cast_possible_truncation, reason = "small whole numbers")]
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let (at, kind) = (seconds(fields.required(0)?), fields.required(2)? as i64);
        let cpus = part(fields, 4, builder.options.unit_cpus, line, builder)?;
        let mem = part(fields, 5, builder.options.unit_mem, line, builder)?;
        let platform = fields.text(3).unwrap_or_default().into_owned();
        machine_event(&fields.name(1)?, at, kind, (cpus, mem), &platform, builder)
    }
}

#[derive(Debug, Default)]
pub(super) struct Machines2019;

impl Machines2019 {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "time",
        "machine_id",
        "type",
        "switch_id",
        "capacity.cpus",
        "capacity.memory",
        "platform_id",
        "missing_data_reason",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Json;
}

impl Reader for Machines2019 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let at = seconds(fields.required(0)?);
        let kind = fields.name(2)?;
        let kind = match &*kind {
            "1" | "ADD" => 0,
            "2" | "REMOVE" => 1,
            "3" | "UPDATE" => 2,
            other => return Err(Refusal::new(Rule::UnknownState, "type", other)),
        };
        let cpus = part(fields, 4, builder.options.unit_cpus, line, builder)?;
        let mem = part(fields, 5, builder.options.unit_mem, line, builder)?;
        let platform = fields.text(6).unwrap_or_default().into_owned();
        machine_event(&fields.name(1)?, at, kind, (cpus, mem), &platform, builder)
    }
}
