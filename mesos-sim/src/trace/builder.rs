//! Gathers rows into a workload, under the same rules for every table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos_core::{Attributes, Resources, Scalar};

use super::options::{Options, QueueBy};
use super::report::TraceReport;
use super::rule::{Refusal, Rule};
use super::usage::UsageUnit;
use super::{FileReport, Table, TraceError};
use crate::workload::{Absence, Constraint, Job, Machine, Runs, Workload};

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
}

/// Amounts are counted in thousandths: less is nothing.
const AMOUNT_MIN: f64 = 0.001;

/// The first of these amounts that is below nothing, or more than can be counted.
fn uncountable(amounts: [f64; 4]) -> Option<f64> {
    amounts.into_iter().find(|amount| {
        !matches!(Scalar::from_f64(*amount), Ok(_) | Err(mesos_core::resource::InvalidScalar::Vanishing(_)))
    })
}

/// A job that is not finished being gathered.
#[derive(Debug)]
struct Draft {
    row: Row,
    runs: Vec<f64>,
    line: u64,
}

#[derive(Debug, Default)]
struct MachineDraft {
    resources: Option<[f64; 4]>,
    attributes: Vec<(String, String)>,
    away_since: Option<f64>,
    absences: Vec<(f64, Option<f64>)>,
}

/// Gathers the rows of all files.
#[derive(Debug)]
pub(super) struct Builder<'o> {
    pub(super) options: &'o Options,
    report: TraceReport,
    file: String,
    table: Table,
    files: u32,
    drafts: Vec<Draft>,
    groups: BTreeMap<(u32, String), usize>,
    names: BTreeMap<String, usize>,
    machines: BTreeMap<String, MachineDraft>,
    machine_order: Vec<String>,
    /// What tasks demand of machines, until they are put together: by the numbers of job and task.
    constraints: BTreeMap<(u64, u64), Vec<Constraint>>,
    /// Parts of a machine, by type of virtual machine.
    vm_types: BTreeMap<String, [f64; 2]>,
    last_submit: f64,
    /// The latest time that was spoken of.
    latest: f64,
}

impl<'o> Builder<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Self {
            options,
            report: TraceReport::default(),
            file: String::new(),
            table: Table::Swf,
            files: 0,
            drafts: Vec::new(),
            groups: BTreeMap::new(),
            names: BTreeMap::new(),
            machines: BTreeMap::new(),
            machine_order: Vec::new(),
            constraints: BTreeMap::new(),
            vm_types: BTreeMap::new(),
            last_submit: f64::NEG_INFINITY,
            latest: 0.0,
        }
    }

    pub(super) fn begin_file(&mut self, name: &str, table: Table) {
        self.table = table;
        name.clone_into(&mut self.file);
        self.files += 1;
        self.last_submit = f64::NEG_INFINITY;
    }

    pub(super) fn end_file(&mut self, report: FileReport) {
        self.report.files.push(report);
    }

    pub(super) fn count(&mut self, rule: Rule, line: u64) {
        let file = std::mem::take(&mut self.file);
        self.report.count(rule, &file, line);
        self.file = file;
    }

    /// Takes note of a time, for what never ends.
    pub(super) fn see(&mut self, time: f64) {
        self.latest = self.latest.max(time);
    }

    /// Whether any job was told of so far.
    pub(super) const fn has_jobs(&self) -> bool {
        !self.drafts.is_empty()
    }

    /// A sample of what was used, and for how long it stands.
    pub(super) fn used(&mut self, unit: UsageUnit, cpus: Option<f64>, mem: Option<f64>, weight: f64) {
        self.report.usage.entry(self.table).or_default().add(unit, cpus, mem, weight);
    }

    /// A job, or a task of one.
    pub(super) fn job(&mut self, mut row: Row, line: u64) -> Result<(), Refusal> {
        self.judge(&mut row, line)?;
        self.see(row.submit + row.run.unwrap_or(0.0));
        if row.submit < self.last_submit {
            self.count(Rule::OutOfOrder, line);
        }
        self.last_submit = self.last_submit.max(row.submit);
        if let Some(group) = &row.group {
            let key = (self.files, group.clone());
            if let Some(at) = self.groups.get(&key) {
                let draft = &mut self.drafts[*at];
                draft.row.submit = draft.row.submit.min(row.submit);
                draft.row.tasks = draft.row.tasks.saturating_add(row.tasks);
                draft.runs.extend(std::iter::repeat_n(row.run.unwrap_or(f64::NAN), row.tasks as usize));
                if !row.name.is_empty() {
                    self.names.insert(row.name.clone(), *at);
                }
                return Ok(());
            }
            self.groups.insert(key, self.drafts.len());
        }
        if self.drafts.len() >= self.options.jobs_max {
            // Rows of jobs that were begun still count.
            return Ok(());
        }
        if !row.name.is_empty() {
            self.names.insert(row.name.clone(), self.drafts.len());
        }
        let runs = vec![row.run.unwrap_or(f64::NAN); row.tasks as usize];
        self.drafts.push(Draft { row, runs, line });
        Ok(())
    }

    fn judge(&mut self, row: &mut Row, line: u64) -> Result<(), Refusal> {
        let refuse = |rule, column, value: f64| Err(Refusal::new(rule, column, &value.to_string()));
        let Options { from, until, run_max, tasks_max, mem_default, .. } = *self.options;
        if row.cpus < 0.0 || row.gpus < 0.0 || (row.cpus < AMOUNT_MIN && row.gpus < AMOUNT_MIN) {
            return refuse(Rule::AsksForNothing, "cores", row.cpus);
        }
        let amounts = [row.cpus, row.mem.filter(|mem| *mem > 0.0).unwrap_or(0.0), row.disk.max(0.0), row.gpus];
        if let Some(absurd) = uncountable(amounts) {
            return refuse(Rule::AbsurdSize, "amount", absurd);
        }
        if row.gpus.fract() > 0.0 {
            self.count(Rule::PartOfAGpu, line);
            row.gpus = row.gpus.ceil();
        }
        if row.tasks == 0 || row.tasks > tasks_max {
            return refuse(Rule::AbsurdSize, "tasks", f64::from(row.tasks));
        }
        if let Some(run) = row.run {
            if run < 0.0 {
                return refuse(Rule::NegativeTime, "run time", run);
            }
            if run > run_max {
                return refuse(Rule::TooLong, "run time", run);
            }
            if run <= 0.0 {
                self.count(Rule::NoTime, line);
                row.run = Some(0.001);
            }
        }
        if row.submit < from {
            if from > 0.0 {
                return refuse(Rule::OutsideWindow, "time", row.submit);
            }
            self.count(Rule::BeforeTheBeginning, line);
            row.submit = from;
        }
        if row.submit > until {
            return refuse(Rule::OutsideWindow, "time", row.submit);
        }
        if !row.mem.is_some_and(|mem| mem >= AMOUNT_MIN) {
            if row.mem.is_none_or(|mem| mem.abs() > 0.0) {
                self.count(Rule::NoMemory, line);
            }
            row.mem = Some(mem_default);
        }
        Ok(())
    }

    /// A machine and what it has: cores, MB, MB of disk, GPUs.
    pub(super) fn machine(
        &mut self,
        name: &str,
        resources: [f64; 4],
        attributes: Vec<(String, String)>,
    ) -> Result<(), Refusal> {
        if let Some(absurd) = uncountable(resources) {
            return Err(Refusal::new(Rule::AbsurdSize, "amount", &absurd.to_string()));
        }
        if !self.machines.contains_key(name) {
            self.machine_order.push(name.to_owned());
        }
        let machine = self.machines.entry(name.to_owned()).or_default();
        machine.resources = Some(resources);
        machine.attributes.extend(attributes);
        Ok(())
    }

    /// Something is said about a machine.
    pub(super) fn attribute(&mut self, machine: &str, name: String, value: String) {
        if !self.machines.contains_key(machine) {
            self.machine_order.push(machine.to_owned());
        }
        let own = &mut self.machines.entry(machine.to_owned()).or_default().attributes;
        // The first word counts.
        if !own.iter().any(|(known, _)| *known == name) && !name.is_empty() && !value.is_empty() {
            own.push((name, value));
        }
    }

    /// A task demands something.
    pub(super) fn constrain(&mut self, task: (u64, u64), constraint: Constraint) {
        let own = self.constraints.entry(task).or_default();
        if !own.contains(&constraint) {
            own.push(constraint);
        }
    }

    pub(super) fn constraints_of(&self, task: (u64, u64)) -> Vec<Constraint> {
        self.constraints.get(&task).cloned().unwrap_or_default()
    }

    /// What part of a machine a type of virtual machine is; of several kinds of machines the largest part counts.
    pub(super) fn vm_type(&mut self, name: &str, parts: [f64; 2]) {
        let own = self.vm_types.entry(name.to_owned()).or_insert([0.0; 2]);
        own.iter_mut().zip(parts).for_each(|(own, part)| *own = own.max(part));
    }

    pub(super) fn type_of_vm(&self, name: &str) -> Option<[f64; 2]> {
        self.vm_types.get(name).copied()
    }

    /// The machines that were told of so far.
    pub(super) fn machine_names(&self) -> Vec<String> {
        let is_sized = |name: &&String| self.machines.get(*name).is_some_and(|machine| machine.resources.is_some());
        self.machine_order.iter().filter(is_sized).cloned().collect()
    }

    /// A machine is there from this time on.
    pub(super) fn machine_up(&mut self, name: &str, at: f64) {
        self.see(at);
        if let Some(machine) = self.machines.get_mut(name) {
            if let Some(since) = machine.away_since.take() {
                machine.absences.push((since, Some(at)));
            } else if machine.absences.is_empty() && at > self.options.from {
                machine.absences.push((0.0, Some(at)));
            }
        }
    }

    /// A machine is away from this time on.
    pub(super) fn machine_down(&mut self, name: &str, at: f64) -> Result<(), Refusal> {
        self.see(at);
        let Some(machine) = self.machines.get_mut(name) else {
            return Err(Refusal::new(Rule::OutOfNowhere, "machine", name));
        };
        machine.away_since.get_or_insert(at);
        Ok(())
    }

    fn time(&self, secs: f64) -> Duration {
        let secs = ((secs - self.options.from) / self.options.speedup).clamp(0.0, 3.2e9);
        Duration::try_from_secs_f64(secs).unwrap_or(Duration::ZERO)
    }

    fn span(&self, secs: f64) -> Duration {
        Duration::try_from_secs_f64((secs / self.options.speedup).clamp(0.001, 3.2e9))
            .unwrap_or(Duration::from_millis(1))
    }

    /// The workload, and what became of the rows.
    pub(super) fn finish(mut self) -> Result<(Workload, TraceReport), TraceError> {
        let drafts = std::mem::take(&mut self.drafts);
        let owners: Vec<String> = drafts.iter().map(|draft| self.owner(&draft.row)).collect();
        let queues = self.queues(&owners);
        let mut jobs = Vec::with_capacity(drafts.len());
        for (draft, owner) in drafts.into_iter().zip(&owners) {
            let queue = queues.iter().position(|name| **name == **owner).unwrap_or(queues.len() - 1);
            jobs.push(self.make_job(draft, u32::try_from(queue).unwrap_or(0)));
        }
        let (machines, absences) = self.make_machines();
        let mut workload = Workload { queues, jobs, machines, absences };
        if workload.jobs.is_empty() {
            return Err(TraceError::Empty(self.report.to_string()));
        }
        keep_after_within_queues(&mut workload, &mut self.report);
        workload.sort();
        self.report.jobs = workload.jobs.len() as u64;
        self.report.tasks = workload.tasks();
        self.report.machines = workload.machines.len() as u64;
        Ok((workload, self.report))
    }

    fn owner(&self, row: &Row) -> String {
        let name = match self.options.queue_by {
            QueueBy::Nobody => "jobs",
            QueueBy::User => &row.user,
            QueueBy::Class => &row.class,
        };
        // Names become roles: what a role may not contain goes.
        let clean: String =
            name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).take(40).collect();
        if clean.is_empty() { "unknown".to_owned() } else { clean }
    }

    /// The largest queues, and one for the rest.
    fn queues(&self, owners: &[String]) -> Vec<Box<str>> {
        let mut counts = BTreeMap::<&str, usize>::new();
        for owner in owners {
            *counts.entry(owner).or_default() += 1;
        }
        let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
        names.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        let most = self.options.queues_max.max(1);
        let has_rest = names.len() > most;
        if has_rest {
            names.truncate(most - 1);
        }
        let mut kept: Vec<Box<str>> = names.into_iter().map(|(name, _)| name.into()).collect();
        if has_rest || kept.is_empty() {
            kept.push("others".into());
        }
        kept
    }

    fn make_job(&mut self, draft: Draft, queue: u32) -> Job {
        let Draft { row, runs, line } = draft;
        let amount = |value: f64| Scalar::from_f64(value).unwrap_or(Scalar::ZERO);
        let need = [row.cpus, row.mem.unwrap_or(0.0), row.disk, row.gpus].map(amount);
        let ends_at = self.latest;
        let mut run_of = |run: &f64| {
            if run.is_nan() {
                self.count(Rule::NoEnd, line);
                return self.span(ends_at - row.submit);
            }
            self.span(*run)
        };
        let each: Vec<Duration> = if row.is_forever { Vec::new() } else { runs.iter().map(&mut run_of).collect() };
        let runs = match each.first() {
            None => Runs::Forever,
            Some(first) if each.iter().all(|run| run == first) => Runs::Equal(*first),
            Some(_) => Runs::Each(each.into()),
        };
        let mut after: BTreeSet<u32> = BTreeSet::new();
        for name in &row.after {
            match self.names.get(name) {
                Some(at) => drop(after.insert(u32::try_from(*at).unwrap_or(u32::MAX))),
                None => self.count(Rule::NobodyToFollow, line),
            }
        }
        let submit_at = self.time(row.submit);
        Job {
            name: row.name.into(),
            queue,
            submit_at,
            tasks: row.tasks,
            need: Resources::from_plain(need),
            runs,
            estimate: row.estimate.filter(|estimate| *estimate > 0.0).map(|estimate| self.span(estimate)),
            deadline: row.deadline.map(|deadline| self.time(deadline)),
            priority: row.priority,
            is_gang: row.is_gang && row.tasks > 1,
            is_spread: row.is_spread,
            constraints: row.constraints.into(),
            replicas: 0,
            fails: row.fails,
            after: after.into_iter().collect(),
            think: if row.think > 0.0 { self.span(row.think) } else { Duration::ZERO },
        }
    }

    fn make_machines(&mut self) -> (Vec<Machine>, Vec<Absence>) {
        let (mut machines, mut absences) = (Vec::new(), Vec::new());
        for name in std::mem::take(&mut self.machine_order) {
            let Some(draft) = self.machines.remove(&name) else { continue };
            let Some(amounts) = draft.resources else { continue };
            let index = u32::try_from(machines.len()).unwrap_or(u32::MAX);
            let open = draft.away_since.map(|since| (since, None));
            for (from, until) in draft.absences.into_iter().chain(open) {
                absences.push(Absence { machine: index, from: self.time(from), until: until.map(|at| self.time(at)) });
            }
            let text: Vec<String> = draft.attributes.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            machines.push(Machine {
                name: name.into(),
                resources: Resources::from_plain(amounts.map(|value| Scalar::from_f64(value).unwrap_or(Scalar::ZERO))),
                attributes: text.join(";").parse().unwrap_or_else(|_| Attributes::default()),
            });
        }
        (machines, absences)
    }
}

/// A scheduler knows its own jobs only, and nobody can wait for itself or for who waits for it.
fn keep_after_within_queues(workload: &mut Workload, report: &mut TraceReport) {
    let queues: Vec<u32> = workload.jobs.iter().map(|job| job.queue).collect();
    let submits: Vec<Duration> = workload.jobs.iter().map(|job| job.submit_at).collect();
    for (index, job) in workload.jobs.iter_mut().enumerate() {
        let before = job.after.len();
        let is_sound = |other: &u32| {
            let at = *other as usize;
            // By time, then place: an order without circles.
            at < queues.len() && queues[at] == queues[index] && (submits[at], at) < (submits[index], index)
        };
        job.after = job.after.iter().copied().filter(is_sound).collect();
        for _ in job.after.len()..before {
            report.count(Rule::NobodyToFollow, "the whole trace", 0);
        }
    }
}

/// A constraint, in short.
pub(super) fn one_of(attribute: &str, values: &str) -> Constraint {
    Constraint { attribute: attribute.into(), relation: crate::workload::Relation::OneOf, value: values.into() }
}
