//! Gathers rows into a workload, under the same rules for every table.

use std::collections::BTreeMap;

use super::fields::{Fields, count};
use super::fleet::{Fleet, Place, Size};
use super::judge::{is_too_far, judge};
use super::options::Options;
use super::report::TraceReport;
use super::rule::{Refusal, Rule};
use super::usage::UsageUnit;
use super::{FileReport, Table};
use crate::workload::Constraint;

/// A job, or a task of one, as a table tells it. Times in seconds of the trace.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// Its own name, if others refer to it.
    pub(super) name: String,
    /// Rows of one group are tasks of one job; without a group it is a job of its own.
    pub(super) group: Option<String>,
    pub(super) user: String,
    pub(super) class: String,
    pub(super) submit: f64,
    /// `None`: it did not end within the trace.
    pub(super) run: Option<f64>,
    pub(super) tasks: u32,
    pub(super) cpus: f64,
    pub(super) mem: Option<f64>,
    pub(super) disk: f64,
    pub(super) gpus: f64,
    pub(super) estimate: Option<f64>,
    pub(super) deadline: Option<f64>,
    pub(super) priority: i32,
    pub(super) is_gang: bool,
    pub(super) is_spread: bool,
    pub(super) fails: bool,
    pub(super) is_forever: bool,
    pub(super) constraints: Vec<Constraint>,
    pub(super) after: Vec<String>,
    pub(super) think: f64,
    /// Cores or run time are not the table's.
    pub(super) is_invented: bool,
}

/// A job that is not finished being gathered.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) row: Row,
    /// How long its tasks run, and how many of them one after the other run so long.
    pub(super) runs: Vec<(Option<f64>, u32)>,
    pub(super) place: Place,
}

impl Draft {
    fn add(&mut self, run: Option<f64>, tasks: u32) {
        match self.runs.last_mut() {
            Some((last, count)) if *last == run => *count = count.saturating_add(tasks),
            _ => self.runs.push((run, tasks)),
        }
    }
}

/// What is told of a collection of Google's apart from its tasks.
#[derive(Debug, Clone, Default)]
pub(super) struct Collection {
    pub(super) user: String,
    pub(super) after: Vec<String>,
    pub(super) is_spread: bool,
}

/// What tables tell of things that other tables speak of.
#[derive(Debug, Default)]
pub(super) struct Lore {
    /// What tasks demand of machines: by the numbers of job and task.
    pub(super) constraints: BTreeMap<(u64, u64), Vec<Constraint>>,
    pub(super) collections: BTreeMap<u64, Collection>,
    /// Parts of a machine, by type of virtual machine; of several kinds of machines the largest part counts.
    pub(super) vm_types: BTreeMap<String, [f64; 2]>,
    /// Jobs of Alibaba's GPU trace of 2020, by name.
    pub(super) pai_jobs: BTreeMap<String, PaiJob>,
    /// What is said of them, by their numbers.
    pub(super) pai_tags: BTreeMap<String, PaiTag>,
    /// How long the instances of a task ran.
    pub(super) instances: BTreeMap<String, Instances>,
}

/// A job of Alibaba's GPU trace of 2020.
#[derive(Debug, Clone, Default)]
pub(super) struct PaiJob {
    /// Its number, which another table goes by.
    pub(super) number: String,
    /// Whose it is, if that is told.
    pub(super) user: Option<String>,
}

/// What is said of a job of Alibaba's GPU trace of 2020.
#[derive(Debug, Clone, Default)]
pub(super) struct PaiTag {
    pub(super) user: Option<String>,
    /// The model of GPU it demands.
    pub(super) gpu: Option<String>,
    /// What it trains or serves.
    pub(super) workload: Option<String>,
    /// Where it is said.
    pub(super) place: Place,
}

/// How long the instances of a task ran, and where the first of them stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Instances {
    pub(super) runs: Vec<f64>,
    pub(super) place: Place,
}

/// Gathers the rows of all files.
#[derive(Debug)]
pub(super) struct Builder<'o> {
    pub(super) options: &'o Options,
    pub(super) report: TraceReport,
    pub(super) drafts: Vec<Draft>,
    /// Jobs by name, with the file each is told of in.
    pub(super) names: BTreeMap<String, Vec<(u32, u32)>>,
    pub(super) fleet: Fleet,
    pub(super) lore: Lore,
    /// The latest time that was spoken of.
    pub(super) latest: f64,
    pub(super) files: Vec<String>,
    table: Table,
    groups: BTreeMap<(u32, String), usize>,
    last_submit: f64,
    /// Rows of this file that were refused after they had been taken.
    refused_late: u64,
}

impl<'o> Builder<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Self {
            options,
            report: TraceReport::default(),
            drafts: Vec::new(),
            names: BTreeMap::new(),
            fleet: Fleet::default(),
            lore: Lore::default(),
            latest: 0.0,
            files: Vec::new(),
            table: Table::Swf,
            groups: BTreeMap::new(),
            last_submit: f64::NEG_INFINITY,
            refused_late: 0,
        }
    }

    pub(super) fn begin_file(&mut self, name: &str, table: Table) {
        self.table = table;
        self.files.push(name.to_owned());
        self.last_submit = f64::NEG_INFINITY;
        self.refused_late = 0;
    }

    pub(super) fn end_file(&mut self, mut report: FileReport) {
        report.refused += self.refused_late;
        self.report.files.push(report);
    }

    /// A line of the file that is being read.
    pub(super) fn place(&self, line: u64) -> Place {
        Place { file: u32::try_from(self.files.len().saturating_sub(1)).unwrap_or(u32::MAX), line }
    }

    /// A row of the file that is being read broke a rule.
    pub(super) fn count(&mut self, rule: Rule, line: u64) {
        self.report.count(rule, self.files.last().map_or("", String::as_str), line);
    }

    /// A row of the file that is being read is refused after it had been taken.
    pub(super) fn refuse(&mut self, refusal: &Refusal, line: u64) {
        self.count(refusal.rule, line);
        self.refused_late += 1;
    }

    /// Takes note of a time, for what never ends; one that is not believed is refused.
    pub(super) fn see(&mut self, time: f64) -> Result<(), Refusal> {
        if is_too_far(time, self.options) {
            return Err(Refusal::new(Rule::TooFar, "time", &time.to_string()));
        }
        self.latest = self.latest.max(time);
        Ok(())
    }

    /// Whether any job was told of so far.
    pub(super) const fn has_jobs(&self) -> bool {
        !self.drafts.is_empty()
    }

    /// A sample of what was used of cores, memory and GPUs, and for how long it stands.
    pub(super) fn used(&mut self, unit: UsageUnit, levels: [Option<f64>; 3], weight: f64) {
        self.report.usage.entry(self.table).or_default().add(unit, levels, weight);
    }

    /// How many tasks a column tells of; one where it tells nothing.
    pub(super) fn tasks(&mut self, fields: &Fields<'_>, column: usize, line: u64) -> Result<u32, Refusal> {
        let number = fields.number(column)?;
        if number.is_none() {
            self.count(Rule::FromOthers, line);
        }
        Ok(number.map_or(1, count))
    }

    /// A job, or a task of one.
    pub(super) fn job(&mut self, mut row: Row, line: u64) -> Result<(), Refusal> {
        let place = self.place(line);
        if row.group.is_none() && self.is_known(&row.name, place.file) {
            return Err(Refusal::new(Rule::ToldAgain, "name", &row.name));
        }
        let mut repaired = Vec::new();
        judge(&mut row, self.options, &mut repaired)?;
        self.latest = self.latest.max(row.submit + row.run.unwrap_or(0.0));
        let key = row.group.clone().map(|group| (place.file, group));
        let known = key.as_ref().and_then(|key| self.groups.get(key)).copied();
        if known.is_none() && self.drafts.len() >= self.options.jobs_max {
            return Err(Refusal::new(Rule::OutsideWindow, "job", &row.name));
        }
        if row.submit < self.last_submit {
            repaired.push(Rule::OutOfOrder);
        }
        self.last_submit = self.last_submit.max(row.submit);
        repaired.into_iter().for_each(|rule| self.count(rule, line));
        let Some(at) = known else {
            self.begin(key, row, place);
            return Ok(());
        };
        let draft = &mut self.drafts[at];
        draft.row.submit = draft.row.submit.min(row.submit);
        draft.row.tasks = draft.row.tasks.saturating_add(row.tasks);
        draft.add(row.run, row.tasks);
        Ok(())
    }

    fn begin(&mut self, group: Option<(u32, String)>, row: Row, place: Place) {
        let at = self.drafts.len();
        if let Some(group) = group {
            self.groups.insert(group, at);
        }
        if !row.name.is_empty() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            self.names.entry(row.name.clone()).or_default().push((place.file, at));
        }
        let runs = vec![(row.run, row.tasks)];
        self.drafts.push(Draft { row, runs, place });
    }

    fn is_known(&self, name: &str, file: u32) -> bool {
        self.names.get(name).is_some_and(|known| known.iter().any(|(own, _)| *own == file))
    }

    /// A machine and what it has: cores, MB, MB of disk, GPUs. It is told of once.
    pub(super) fn machine(
        &mut self,
        name: &str,
        resources: [f64; 4],
        attributes: Vec<(String, String)>,
    ) -> Result<(), Refusal> {
        match self.fleet.size(name, resources, attributes)? {
            Size::New => Ok(()),
            Size::Same | Size::Other => Err(Refusal::new(Rule::ToldAgain, "machine", name)),
        }
    }

    /// A machine comes, with what it has if that is told.
    pub(super) fn machine_added(
        &mut self,
        name: &str,
        resources: Option<[f64; 4]>,
        attributes: Vec<(String, String)>,
        at: f64,
        line: u64,
    ) -> Result<(), Refusal> {
        self.see(at)?;
        match resources {
            Some(resources) => {
                if self.fleet.size(name, resources, attributes)? == Size::Other {
                    self.count(Rule::Changed, line);
                }
            }
            None if self.fleet.is_sized(name) => {}
            None => return Err(Refusal::new(Rule::MissingField, "capacity", "")),
        }
        let place = self.place(line);
        self.fleet.event(name, at, true, place);
        Ok(())
    }

    /// A machine is away from this time on.
    pub(super) fn machine_removed(&mut self, name: &str, at: f64, line: u64) -> Result<(), Refusal> {
        self.see(at)?;
        let place = self.place(line);
        self.fleet.event(name, at, false, place);
        Ok(())
    }

    /// Something is said about a machine.
    pub(super) fn attribute(&mut self, machine: &str, name: String, value: String, line: u64) {
        let place = self.place(line);
        self.fleet.attribute(machine, name, value, place);
    }

    /// A task demands something.
    pub(super) fn constrain(&mut self, task: (u64, u64), constraint: Constraint) {
        let own = self.lore.constraints.entry(task).or_default();
        if !own.contains(&constraint) {
            own.push(constraint);
        }
    }

    pub(super) fn constraints_of(&self, task: (u64, u64)) -> Vec<Constraint> {
        self.lore.constraints.get(&task).cloned().unwrap_or_default()
    }
}

/// A constraint, in short.
pub(super) fn one_of(attribute: &str, values: &str) -> Constraint {
    Constraint { attribute: attribute.into(), relation: crate::workload::Relation::OneOf, value: values.into() }
}
