//! What a run amounted to: counted while it runs, told at the end as a table for people or as data.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Table;
use mesos_core::{FrameworkId, Instant, Resources, TaskId, TaskInfo, TaskState, TaskStatus, handles};
use serde::Serialize;

use crate::net::NetStats;

/// Samples of dominant shares kept at most; when they are full every other one goes and the interval doubles.
const SAMPLES_MAX: usize = 256;
/// The first interval between samples.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Amounts that are followed: cpus, mem, disk, gpus.
const KINDS: usize = 4;

handles! {
    /// A task in the tally.
    TallyTask;
}

/// Amounts in thousandths.
pub(crate) type Amounts = [i64; KINDS];

pub(crate) fn amounts(resources: &Resources) -> Amounts {
    [resources.cpus(), resources.mem(), resources.disk(), resources.gpus()].map(mesos_core::Scalar::as_milli)
}

#[derive(Debug)]
struct TaskRow {
    launched_at: Option<Instant>,
    state: TaskState,
    has_run: bool,
}

#[derive(Debug)]
struct FrameworkTally {
    name: Arc<str>,
    tasks: Table<TaskId, TallyTask, TaskRow>,
    states: BTreeMap<TaskState, u64>,
    /// Tasks that ended without having been launched.
    unlaunched: u64,
    launched: u64,
    offers: u64,
    updates: u64,
    waited: Duration,
    waited_max: Duration,
    ran: u64,
    first_launch_at: Option<Instant>,
    last_end_at: Option<Instant>,
    ended_at: Option<Instant>,
    used: Amounts,
}

/// Counts while a run goes on.
#[derive(Debug)]
pub(crate) struct Tally {
    is_on: bool,
    capacity: Amounts,
    frameworks: Vec<FrameworkTally>,
    by_id: BTreeMap<FrameworkId, usize>,
    used: Amounts,
    /// Amount times nanoseconds.
    area: [i128; KINDS],
    since: Instant,
    containers: u64,
    running: u64,
    running_max: u64,
    samples: Vec<(Instant, Vec<f64>)>,
    next_sample_at: Instant,
    sample_every: Duration,
    faults: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn new(is_on: bool, capacity: &[&Resources], names: impl IntoIterator<Item = Arc<str>>) -> Self {
        let mut total = [0; KINDS];
        for resources in capacity {
            add(&mut total, amounts(resources), 1);
        }
        let frameworks = names.into_iter().map(FrameworkTally::new).collect();
        Self {
            is_on,
            capacity: total,
            frameworks,
            by_id: BTreeMap::new(),
            used: [0; KINDS],
            area: [0; KINDS],
            since: Instant::ZERO,
            containers: 0,
            running: 0,
            running_max: 0,
            samples: Vec::new(),
            next_sample_at: Instant::ZERO,
            sample_every: SAMPLE_EVERY,
            faults: BTreeMap::new(),
        }
    }

    pub(crate) fn fault(&mut self, name: &'static str) {
        *self.faults.entry(name).or_default() += 1;
    }

    pub(crate) fn subscribed(&mut self, framework: u32, id: &FrameworkId) {
        self.by_id.insert(id.clone(), framework as usize);
    }

    pub(crate) fn offered(&mut self, framework: u32, offers: usize) {
        self.frameworks[framework as usize].offers += offers as u64;
    }

    pub(crate) fn launched(&mut self, now: Instant, framework: u32, tasks: &[Arc<TaskInfo>]) {
        let row = &mut self.frameworks[framework as usize];
        row.launched += tasks.len() as u64;
        row.first_launch_at.get_or_insert(now);
        if self.is_on {
            for task in tasks {
                let fresh = TaskRow { launched_at: Some(now), state: TaskState::Staging, has_run: false };
                let _ = row.tasks.insert(task.id.clone(), fresh);
            }
        }
    }

    pub(crate) fn told(&mut self, now: Instant, framework: u32, status: &TaskStatus) {
        let row = &mut self.frameworks[framework as usize];
        row.updates += 1;
        if self.is_on {
            row.told(now, status);
        }
    }

    pub(crate) fn ended(&mut self, now: Instant, framework: u32) {
        self.frameworks[framework as usize].ended_at.get_or_insert(now);
    }

    pub(crate) fn container_began(&mut self, now: Instant, owner: &FrameworkId, amounts: Amounts) {
        self.containers += 1;
        self.running += 1;
        self.running_max = self.running_max.max(self.running);
        self.change_use(now, owner, amounts, 1);
    }

    pub(crate) fn container_ended(&mut self, now: Instant, owner: &FrameworkId, amounts: Amounts) {
        self.running -= 1;
        self.change_use(now, owner, amounts, -1);
    }

    fn change_use(&mut self, now: Instant, owner: &FrameworkId, change: Amounts, sign: i64) {
        if !self.is_on {
            return;
        }
        self.close_area(now);
        add(&mut self.used, change, sign);
        if let Some(&index) = self.by_id.get(owner) {
            add(&mut self.frameworks[index].used, change, sign);
        }
        if now >= self.next_sample_at {
            self.sample(now);
        }
    }

    fn close_area(&mut self, now: Instant) {
        let passed = i128::from(u64::try_from(now.since(self.since).as_nanos()).unwrap_or(u64::MAX));
        for (area, used) in self.area.iter_mut().zip(self.used) {
            *area += i128::from(used) * passed;
        }
        self.since = now;
    }

    fn sample(&mut self, now: Instant) {
        let shares = self.frameworks.iter().map(|row| self.dominant_share(&row.used)).collect();
        self.samples.push((now, shares));
        if self.samples.len() == SAMPLES_MAX {
            let mut position = 0;
            self.samples.retain(|_| {
                position += 1;
                position % 2 == 1
            });
            self.sample_every *= 2;
        }
        self.next_sample_at = now + self.sample_every;
    }

    #[allow(clippy::cast_precision_loss, reason = "a share for people")]
    fn dominant_share(&self, used: &Amounts) -> f64 {
        let share = |(used, total): (&i64, &i64)| if *total > 0 { *used as f64 / *total as f64 } else { 0.0 };
        used.iter().zip(&self.capacity).map(share).fold(0.0, f64::max)
    }

    /// Containers that run now.
    pub(crate) const fn running(&self) -> u64 {
        self.running
    }

    #[allow(clippy::cast_precision_loss, reason = "a mean for people")]
    pub(crate) fn report(&mut self, now: Instant) -> Report {
        self.close_area(now);
        let first = self.frameworks.iter().filter_map(|row| row.first_launch_at).min();
        let last = self.frameworks.iter().filter_map(|row| row.last_end_at).max();
        let makespan = first.zip(last).map(|(first, last)| last.since(first));
        let span = first.zip(last).map_or(0.0, |(first, last)| last.since(first).as_nanos() as f64);
        let mean = |kind: usize| {
            let whole = self.capacity[kind] as f64 * span;
            if whole > 0.0 { self.area[kind] as f64 / whole } else { 0.0 }
        };
        Report {
            seed: 0,
            at_secs: now.since(Instant::ZERO).as_secs_f64(),
            steps: 0,
            events: 0,
            digest: String::new(),
            makespan_secs: makespan.map(|span| span.as_secs_f64()),
            cpus_used_mean: mean(0),
            mem_used_mean: mean(1),
            containers: self.containers,
            containers_at_once_max: self.running_max,
            elections: 0,
            net: NetStats::default(),
            faults: self.faults.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            frameworks: self.frameworks.iter().map(FrameworkTally::report).collect(),
            shares: self
                .samples
                .iter()
                .map(|(at, shares)| (at.since(Instant::ZERO).as_secs_f64(), shares.clone()))
                .collect(),
        }
    }
}

fn add(to: &mut Amounts, change: Amounts, sign: i64) {
    for (to, change) in to.iter_mut().zip(change) {
        *to += sign * change;
    }
}

impl FrameworkTally {
    fn new(name: Arc<str>) -> Self {
        Self {
            name,
            tasks: Table::default(),
            states: BTreeMap::new(),
            unlaunched: 0,
            launched: 0,
            offers: 0,
            updates: 0,
            waited: Duration::ZERO,
            waited_max: Duration::ZERO,
            ran: 0,
            first_launch_at: None,
            last_end_at: None,
            ended_at: None,
            used: [0; KINDS],
        }
    }

    fn told(&mut self, now: Instant, status: &TaskStatus) {
        let key = match self.tasks.find(&status.task_id) {
            Some(key) => key,
            // No launch of it ever left the framework: its driver had no offer for it any more, or its process ended first.
            None => {
                let fresh = TaskRow { launched_at: None, state: TaskState::Staging, has_run: false };
                let Ok(key) = self.tasks.insert(status.task_id.clone(), fresh) else { return };
                key
            }
        };
        let row = &mut self.tasks[key];
        if status.state == TaskState::Running
            && !std::mem::replace(&mut row.has_run, true)
            && let Some(launched_at) = row.launched_at
        {
            let waited = now.since(launched_at);
            self.ran += 1;
            self.waited += waited;
            self.waited_max = self.waited_max.max(waited);
        }
        let before = std::mem::replace(&mut row.state, status.state);
        if before == status.state {
            return;
        }
        if row.launched_at.is_none() {
            self.unlaunched += u64::from(status.state.is_terminal() && !before.is_terminal());
            self.unlaunched -= u64::from(before.is_terminal() && !status.state.is_terminal());
            return;
        }
        if before.is_terminal()
            && let Some(count) = self.states.get_mut(&before)
        {
            *count -= 1;
        }
        if status.state.is_terminal() {
            *self.states.entry(status.state).or_default() += 1;
            self.last_end_at = Some(now);
        }
    }

    fn report(&self) -> FrameworkReport {
        let mean = self.waited.checked_div(u32::try_from(self.ran).unwrap_or(u32::MAX));
        FrameworkReport {
            name: self.name.to_string(),
            launched: self.launched,
            offers: self.offers,
            updates: self.updates,
            ended: self
                .states
                .iter()
                .filter(|(_, count)| **count > 0)
                .map(|(s, n)| (s.name().to_owned(), *n))
                .collect(),
            ended_unlaunched: self.unlaunched,
            start_mean_secs: mean.map(|mean| mean.as_secs_f64()),
            start_max_secs: self.waited_max.as_secs_f64(),
            done_at_secs: self.ended_at.map(|at| at.since(Instant::ZERO).as_secs_f64()),
        }
    }
}

/// What one framework experienced.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FrameworkReport {
    /// Its name.
    pub name: String,
    /// Tasks it launched, every attempt counted.
    pub launched: u64,
    /// Offers it was made.
    pub offers: u64,
    /// Updates it was told, repetitions counted.
    pub updates: u64,
    /// Tasks it launched, by the terminal state it was told last.
    pub ended: BTreeMap<String, u64>,
    /// Tasks it was told the end of, and had meant to launch, but no launch of them ever left it.
    pub ended_unlaunched: u64,
    /// From launch to running, on average.
    pub start_mean_secs: Option<f64>,
    /// From launch to running, at most.
    pub start_max_secs: f64,
    /// When it had left: with nothing to do any more, and the end of all it began known, which may be long after that end.
    pub done_at_secs: Option<f64>,
}

/// What a run amounted to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The virtual time at the end.
    pub at_secs: f64,
    /// Steps of all machines.
    pub steps: u64,
    /// Things that happened, steps and others.
    pub events: u64,
    /// The digest of the run: equal for equal runs.
    pub digest: String,
    /// From the first launch to the last end of a task.
    pub makespan_secs: Option<f64>,
    /// Cores used between the two, as a part of all there are.
    pub cpus_used_mean: f64,
    /// Memory used between the two, as a part of all there is.
    pub mem_used_mean: f64,
    /// Containers that ran.
    pub containers: u64,
    /// Containers that ran at the same time, at most.
    pub containers_at_once_max: u64,
    /// How often leadership was given.
    pub elections: u64,
    /// What the network did.
    pub net: NetStats,
    /// Faults that hit, by name.
    pub faults: BTreeMap<String, u64>,
    /// Every framework in order.
    pub frameworks: Vec<FrameworkReport>,
    /// Dominant shares of all frameworks over time.
    pub shares: Vec<(f64, Vec<f64>)>,
}

impl Report {
    /// Launched tasks that ended in a state of this name, such as `FINISHED`, over all frameworks.
    #[must_use]
    pub fn tasks(&self, state: &str) -> u64 {
        self.frameworks.iter().filter_map(|row| row.ended.get(state)).sum()
    }

    /// Tasks launched over all frameworks, every attempt counted.
    #[must_use]
    pub fn launched(&self) -> u64 {
        self.frameworks.iter().map(|row| row.launched).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: {:.1} virtual seconds, {} steps, {} elections, digest {}",
            self.seed, self.at_secs, self.steps, self.elections, self.digest
        )?;
        let makespan = self.makespan_secs.map_or_else(|| "-".to_owned(), |secs| format!("{secs:.1} s"));
        writeln!(
            f,
            "makespan {makespan}, cpus {:.1} %, mem {:.1} %, {} containers, at most {} at once",
            self.cpus_used_mean * 100.0,
            self.mem_used_mean * 100.0,
            self.containers,
            self.containers_at_once_max
        )?;
        writeln!(
            f,
            "network: {} messages, {} lost, {} twice, {} connections",
            self.net.sent, self.net.lost, self.net.duplicated, self.net.connections
        )?;
        if !self.faults.is_empty() {
            let faults: Vec<String> = self.faults.iter().map(|(name, count)| format!("{name} {count}")).collect();
            writeln!(f, "faults: {}", faults.join(", "))?;
        }
        writeln!(
            f,
            "{:<20} {:>9} {:>9} {:>11} {:>11}  ended",
            "framework", "launched", "offers", "start mean", "left at"
        )?;
        for row in &self.frameworks {
            let secs = |secs: Option<f64>| secs.map_or_else(|| "-".to_owned(), |secs| format!("{secs:.3} s"));
            let mut ended: Vec<String> = row.ended.iter().map(|(state, count)| format!("{state} {count}")).collect();
            if row.ended_unlaunched > 0 {
                ended.push(format!("{} that never left it", row.ended_unlaunched));
            }
            writeln!(
                f,
                "{:<20} {:>9} {:>9} {:>11} {:>11}  {}",
                row.name,
                row.launched,
                row.offers,
                secs(row.start_mean_secs),
                secs(row.done_at_secs),
                ended.join(", ")
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::{Source, WallTime};

    use super::*;
    use crate::Cluster;

    /// Whatever goes wrong, no framework is told the end of more tasks than it launched.
    #[test]
    fn no_more_tasks_end_than_were_launched() {
        for seed in [u64::MAX, 1, 2, 3] {
            let report = Cluster::swarm(seed).attempt(seed).unwrap();
            for row in &report.frameworks {
                assert!(row.ended.values().sum::<u64>() <= row.launched, "seed {seed}: {row:?}");
            }
        }
    }

    #[test]
    fn the_end_of_what_was_never_launched_is_told_apart_and_moves_no_makespan() {
        let mut tally = Tally::new(true, &[], ["f".into()]);
        let at = |secs: u64| Instant::ZERO + Duration::from_secs(secs);
        let task = |name: &str| TaskId::new(name).unwrap();
        let info = |name: &str| {
            let run = mesos_core::TaskRun::Command(mesos_core::CommandInfo::shell("true"));
            Arc::new(TaskInfo::new(task(name), mesos_core::AgentId::new("a").unwrap(), Resources::new(), run))
        };
        let told = |name: &str, state| TaskStatus::new(task(name), state, Source::Master, WallTime::from_nanos(0));
        tally.launched(at(1), 0, &[info("one")]);
        tally.told(at(5), 0, &told("one", TaskState::Finished));
        tally.told(at(9), 0, &told("never", TaskState::Dropped));
        tally.told(at(9), 0, &told("never", TaskState::Dropped));
        let report = tally.report(at(20));
        let row = &report.frameworks[0];
        assert_eq!((row.launched, row.ended_unlaunched, row.ended.values().sum::<u64>()), (1, 1, 1));
        assert_eq!(report.makespan_secs, Some(4.0));
        assert!(report.to_string().contains("FINISHED 1, 1 that never left it"), "{report}");
    }
}
