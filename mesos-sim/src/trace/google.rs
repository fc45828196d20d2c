//! Google cluster data of 2011 (v2.1) and 2019 (v3).
//!
//! Times in microseconds from 600 s before the trace; cores and memory as parts of the largest machine
//! ([`Options::unit_cpus`](super::Options)). A task is put together from its events: it is submitted, scheduled, and ends or
//! is evicted and run again. The two years number their events differently. Tasks of one job with the same needs and the
//! same end become one job here. What a task asks for is what it asked for first, and a machine's size its first.
//!
//! `collection_events` of 2019 tell whose a job is, which jobs it comes after and whether no two of its tasks may share a
//! machine. `job_events` of 2011 tell nothing a workload has that `task_events` do not tell.
//!
//! Reiss, Wilkes, Hellerstein, "Google cluster-usage traces: format + schema", 2011; Wilkes, "Google cluster-usage traces
//! v3", 2020.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::builder::{Builder, Collection, Row};
use super::fields::{Fields, Separator};
use super::placement::constraints_2019;
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
    /// What it asks for changes.
    Change,
    /// It waits for something else.
    Nothing,
}

/// A task under way.
#[derive(Debug)]
struct Life {
    row: Row,
    started: Option<f64>,
    /// It was evicted or lost, and may be submitted again.
    is_interrupted: bool,
    line: u64,
}

impl Life {
    const fn new(row: Row, line: u64) -> Self {
        Self { row, started: None, is_interrupted: false, line }
    }
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
        builder.see(at)?;
        let nowhere = || Refusal::new(Rule::OutOfNowhere, "task", "");
        let again = |what| Err(Refusal::new(Rule::Overlapping, "event type", what));
        match happens {
            Happens::Submit => match self.open.entry(key) {
                Entry::Occupied(life) if !life.get().is_interrupted => return again("submit"),
                // A task that was evicted is submitted again.
                Entry::Occupied(life) => life.into_mut().is_interrupted = false,
                Entry::Vacant(place) => drop(place.insert(Life::new(Row { submit: at, ..row()? }, line))),
            },
            Happens::Schedule => {
                let life = match self.open.entry(key) {
                    Entry::Occupied(life) if life.get().started.is_some() => return again("schedule"),
                    Entry::Occupied(life) => life.into_mut(),
                    Entry::Vacant(place) => place.insert(Life::new(Row { submit: at, ..row()? }, line)),
                };
                (life.started, life.is_interrupted) = (Some(at), false);
            }
            Happens::Interrupt => {
                let life = self.open.get_mut(&key).ok_or_else(nowhere)?;
                life.is_interrupted = true;
                if life.started.take().is_some() {
                    builder.count(Rule::RunAgain, line);
                }
            }
            Happens::Fail | Happens::End => {
                let life = self.open.remove(&key).ok_or_else(nowhere)?;
                let started = life.started.ok_or_else(|| Refusal::new(Rule::NeverRan, "task", ""))?;
                let mut row = life.row;
                row.run = Some(at - started);
                row.fails = happens == Happens::Fail;
                row.constraints.extend(builder.constraints_of(key));
                return put(row, life.line, builder);
            }
            Happens::Change if self.open.contains_key(&key) => builder.count(Rule::Changed, line),
            Happens::Change => return Err(nowhere()),
            Happens::Nothing => {}
        }
        Ok(())
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        for (key, life) in std::mem::take(&mut self.open) {
            let outcome = match life.started {
                Some(_) => {
                    let mut row = Row { run: None, ..life.row };
                    row.constraints.extend(builder.constraints_of(key));
                    put(row, life.line, builder)
                }
                None => Err(Refusal::new(Rule::NeverRan, "task", "")),
            };
            if let Err(refusal) = outcome {
                builder.refuse(&refusal, life.line);
            }
        }
    }
}

/// Tasks with equal needs, submitted in the same second and ending alike, are one job.
pub(super) fn put(mut row: Row, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
    let Row { name, cpus, mem, fails, submit, constraints, .. } = &row;
    let group = format!("{name}/{cpus}/{mem:?}/{fails}/{}/{}", row.is_spread, submit.floor());
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
        let happens = match fields.code(5)? {
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

/// Jobs as a whole: task by task the same is told by `task_events`.
#[derive(Debug, Default)]
pub(super) struct Jobs2011;

impl Jobs2011 {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["time", "missing_info", "job_id", "event_type", "user", "scheduling_class", "job_name", "logical_job_name"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Jobs2011 {
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let (time, kind) = (fields.required(0)?, fields.code(3)?);
        id(fields, 2)?;
        if !(0..=8).contains(&kind) {
            return Err(Refusal::new(Rule::UnknownState, "event_type", &kind.to_string()));
        }
        if time >= AFTER_THE_END {
            return Err(Refusal::new(Rule::OutsideWindow, "time", "after the end"));
        }
        builder.see(seconds(time))
    }
}

/// What is told of a job as a whole, for its tasks.
#[derive(Debug, Default)]
pub(super) struct Collections2019;

impl Collections2019 {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "time",
        "type",
        "collection_id",
        "scheduling_class",
        "missing_type",
        "collection_type",
        "priority",
        "alloc_collection_id",
        "user",
        "collection_name",
        "collection_logical_name",
        "parent_collection_id",
        "start_after_collection_ids",
        "max_per_machine",
        "max_per_switch",
        "vertical_scaling",
        "scheduler",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Json;
}

impl Reader for Collections2019 {
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let time = fields.required(0)?;
        if time >= AFTER_THE_END {
            return Err(Refusal::new(Rule::OutsideWindow, "time", "after the end"));
        }
        let kind = fields.name(1)?;
        type_2019(&kind).ok_or_else(|| Refusal::new(Rule::UnknownState, "type", &kind))?;
        let number = id(fields, 2)?;
        builder.see(seconds(time))?;
        // Every event of a job tells all of it; where they differ the first counts.
        if let Entry::Vacant(place) = builder.lore.collections.entry(number) {
            let before = fields.text(12).unwrap_or_default();
            let before = before.split(|letter: char| !letter.is_ascii_digit()).filter(|number| !number.is_empty());
            place.insert(Collection {
                user: fields.text(8).unwrap_or_default().into_owned(),
                after: before.map(str::to_owned).collect(),
                is_spread: fields.number(13)? == Some(1.0),
            });
        }
        Ok(())
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
        "constraint",
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
        "9" | "UPDATE_PENDING" | "10" | "UPDATE_RUNNING" => Happens::Change,
        "1" | "QUEUE" | "2" | "ENABLE" => Happens::Nothing,
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
        if fields.text(6).is_some_and(|kind| kind == "1" || kind == "ALLOC_SET") {
            return Err(Refusal::new(Rule::NoWork, "collection_type", ""));
        }
        let cpus = part(fields, 8, builder.options.unit_cpus, line, builder)?;
        let mem = part(fields, 9, builder.options.unit_mem, line, builder)?;
        let collection = builder.lore.collections.get(&key.0).cloned().unwrap_or_default();
        let row = || {
            Ok(Row {
                name: key.0.to_string(),
                user: collection.user,
                class: format!("class{}", fields.text(5).unwrap_or_default()),
                tasks: 1,
                cpus: cpus.unwrap_or(0.0),
                mem,
                priority: fields.number(7)?.unwrap_or(0.0) as i32,
                is_spread: collection.is_spread,
                constraints: constraints_2019(fields, 10)?,
                after: collection.after,
                ..Row::default()
            })
        };
        self.0.event(key, seconds(time), happens, row, line, builder)
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        self.0.finish(builder);
    }
}

/// What happens to a machine.
enum Comes {
    Added,
    Removed,
    Changed,
}

/// A machine is added, removed or changed.
fn machine_event(
    name: &str,
    at: f64,
    comes: &Comes,
    amounts: (Option<f64>, Option<f64>),
    attributes: [(&str, &str); 2],
    line: u64,
    builder: &mut Builder<'_>,
) -> Result<(), Refusal> {
    match comes {
        Comes::Added => {
            let resources = amounts.0.zip(amounts.1).map(|(cpus, mem)| [cpus, mem, 0.0, 0.0]);
            let short = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).take(16).collect::<String>();
            let attributes = attributes.map(|(name, value)| (name.to_owned(), short(value))).into();
            builder.machine_added(name, resources, attributes, at, line)
        }
        Comes::Removed => builder.machine_removed(name, at, line),
        Comes::Changed => {
            builder.see(at)?;
            builder.count(Rule::Changed, line);
            Ok(())
        }
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
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let at = seconds(fields.required(0)?);
        let comes = match fields.code(2)? {
            0 => Comes::Added,
            1 => Comes::Removed,
            2 => Comes::Changed,
            other => return Err(Refusal::new(Rule::UnknownState, "event_type", &other.to_string())),
        };
        let cpus = part(fields, 4, builder.options.unit_cpus, line, builder)?;
        let mem = part(fields, 5, builder.options.unit_mem, line, builder)?;
        let platform = fields.text(3).unwrap_or_default();
        machine_event(&fields.name(1)?, at, &comes, (cpus, mem), [("platform", &*platform), ("", "")], line, builder)
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
        let comes = match &*kind {
            "1" | "ADD" => Comes::Added,
            "2" | "REMOVE" => Comes::Removed,
            "3" | "UPDATE" => Comes::Changed,
            other => return Err(Refusal::new(Rule::UnknownState, "type", other)),
        };
        let cpus = part(fields, 4, builder.options.unit_cpus, line, builder)?;
        let mem = part(fields, 5, builder.options.unit_mem, line, builder)?;
        let (platform, switch) = (fields.text(6).unwrap_or_default(), fields.text(3).unwrap_or_default());
        let attributes = [("platform", &*platform), ("switch", &*switch)];
        machine_event(&fields.name(1)?, at, &comes, (cpus, mem), attributes, line, builder)
    }
}
