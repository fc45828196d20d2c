//! The figures of a run that are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::{Instant, TaskState};

use super::distribution::Distribution;
use super::fairness::jain;
use super::record::{Record, TaskRow};
use crate::workload::{Job, Runs, Workload, replica};

/// A job's slowdown is counted as if it had run at least so long: short jobs would dominate otherwise (Feitelson's bounded
/// slowdown).
const SLOWDOWN_BOUND_SECS: f64 = 10.0;

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Whose; `None` for all queues together.
    pub queue: Option<u32>,
    /// Which figure.
    pub metric: &'static str,
    /// How much.
    pub value: f64,
}

/// The figures of one run, and the distributions behind them.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Every figure that could be made.
    pub values: Vec<Value>,
    /// Per queue: from submission of its job to the first time a task runs, in seconds.
    pub waits: Vec<Distribution>,
    /// Per queue: from a job's submission to the end of its last task, of jobs that were done, in seconds.
    pub responses: Vec<Distribution>,
    /// When each job was submitted; nothing for those that follow jobs that were not done.
    pub submissions: Vec<Option<Duration>>,
}

/// What became of a job.
#[derive(Debug, Clone, Copy, Default)]
struct Outcome {
    submitted_at: Duration,
    first_running_at: Option<Duration>,
    full_running_at: Option<Duration>,
    ended_at: Option<Duration>,
    running: u32,
    finished: u32,
    failed: u32,
}

fn since_start(at: Instant) -> Duration {
    at.since(Instant::ZERO)
}

impl Summary {
    /// Makes the figures.
    #[must_use]
    pub fn of(workload: &Workload, record: &Record) -> Self {
        let started = started(record);
        let outcomes = outcomes(workload, record, &started);
        let submissions = submissions(workload, &outcomes);
        let idle = idle(workload, record, &started, &submissions);
        let queues = workload.queues.len();
        let (mut waits, mut responses) = (vec![Vec::new(); queues], vec![Vec::new(); queues]);
        for ((index, _), at) in &started {
            if let (Some(job), Some(outcome)) = (workload.jobs.get(*index as usize), outcomes.get(index)) {
                waits[job.queue as usize].push(at.saturating_sub(outcome.submitted_at).as_secs_f64());
            }
        }
        for (index, outcome) in &outcomes {
            let job = &workload.jobs[*index as usize];
            if let Some(ended_at) = outcome.ended_at {
                responses[job.queue as usize].push(ended_at.saturating_sub(outcome.submitted_at).as_secs_f64());
            }
        }
        let waits: Vec<Distribution> = waits.into_iter().map(Distribution::new).collect();
        let responses: Vec<Distribution> = responses.into_iter().map(Distribution::new).collect();
        let begins = submissions.iter().flatten().filter(|at| **at <= since_start(record.ends_at)).min().copied();
        let begins = begins.unwrap_or_default();
        let mut maker = Maker { workload, record, outcomes: &outcomes, idle: &idle, begins, values: Vec::new() };
        maker.cluster();
        for queue in 0..u32::try_from(queues).unwrap_or(u32::MAX) {
            maker.queue(Some(queue), &waits[queue as usize], &responses[queue as usize]);
        }
        let all =
            |parts: &[Distribution]| Distribution::new(parts.iter().flat_map(|part| part.values().iter().copied()));
        maker.queue(None, &all(&waits), &all(&responses));
        let values = maker.values;
        Self { values, waits, responses, submissions }
    }

    /// A figure; of all queues together if none is named.
    #[must_use]
    pub fn get(&self, metric: &str, queue: Option<u32>) -> Option<f64> {
        self.values.iter().find(|row| row.metric == metric && row.queue == queue).map(|row| row.value)
    }
}

fn submissions(workload: &Workload, outcomes: &BTreeMap<u32, Outcome>) -> Vec<Option<Duration>> {
    let of = |(index, job): (u32, &Job)| {
        if let Some(outcome) = outcomes.get(&index) {
            return Some(outcome.submitted_at);
        }
        // None of its tasks was ever launched.
        let end_of = |before: &u32| outcomes.get(before)?.ended_at;
        let ends: Option<Vec<Duration>> = job.after.iter().map(end_of).collect();
        let following = ends?.into_iter().max().map(|last| last + job.think);
        Some(job.submit_at.max(following.unwrap_or_default()))
    };
    (0..).zip(&workload.jobs).map(of).collect()
}

/// When tasks ran for the first time, by job and task.
fn started(record: &Record) -> BTreeMap<(u32, u32), Duration> {
    let mut started = BTreeMap::<(u32, u32), Duration>::new();
    for row in &record.tasks {
        if let Some(at) = row.running_at.map(since_start) {
            started.entry((row.key.job, row.key.task)).and_modify(|first| *first = at.min(*first)).or_insert(at);
        }
    }
    started
}

/// Tasks of a job that were submitted and never ran, and how long each of them had waited when the record ended.
struct Idle {
    queue: u32,
    tasks: u32,
    waited_secs: f64,
}

fn idle(
    workload: &Workload,
    record: &Record,
    started: &BTreeMap<(u32, u32), Duration>,
    submissions: &[Option<Duration>],
) -> Vec<Idle> {
    let ends_at = since_start(record.ends_at);
    let of = |((index, job), at): ((u32, &Job), &Option<Duration>)| {
        let waited = ends_at.checked_sub((*at)?)?;
        let begun = u32::try_from(started.range((index, 0)..=(index, u32::MAX)).count()).unwrap_or(u32::MAX);
        let tasks = job.tasks.saturating_sub(begun);
        (tasks > 0).then_some(Idle { queue: job.queue, tasks, waited_secs: waited.as_secs_f64() })
    };
    (0..).zip(&workload.jobs).zip(submissions).filter_map(of).collect()
}

fn outcomes(workload: &Workload, record: &Record, started: &BTreeMap<(u32, u32), Duration>) -> BTreeMap<u32, Outcome> {
    let mut outcomes = BTreeMap::<u32, Outcome>::new();
    for row in &record.tasks {
        let Some(job) = workload.jobs.get(row.key.job as usize) else { continue };
        let outcome = outcomes.entry(row.key.job).or_default();
        outcome.submitted_at = job.submit_at;
        match row.state {
            TaskState::Finished => outcome.finished += 1,
            TaskState::Failed if job.fails => outcome.failed += 1,
            _ => continue,
        }
        outcome.ended_at = outcome.ended_at.max(row.ended_at.map(since_start));
    }
    for ((index, _), at) in started {
        let Some(outcome) = outcomes.get_mut(index) else { continue };
        outcome.running += 1;
        outcome.first_running_at = Some(outcome.first_running_at.map_or(*at, |first| first.min(*at)));
        outcome.full_running_at = outcome.full_running_at.max(Some(*at));
    }
    // One that follows others is submitted when they are done.
    let ends: BTreeMap<u32, Duration> =
        outcomes.iter().filter_map(|(index, outcome)| Some((*index, outcome.ended_at?))).collect();
    for (index, outcome) in &mut outcomes {
        let job = &workload.jobs[*index as usize];
        if let Some(last) = job.after.iter().filter_map(|before| ends.get(before)).max() {
            outcome.submitted_at = outcome.submitted_at.max(*last + job.think);
        }
        if outcome.finished + outcome.failed < job.tasks {
            outcome.ended_at = None;
        }
        if outcome.running < job.tasks {
            outcome.full_running_at = None;
        }
    }
    outcomes
}

struct Maker<'a> {
    workload: &'a Workload,
    record: &'a Record,
    outcomes: &'a BTreeMap<u32, Outcome>,
    idle: &'a [Idle],
    /// The first submission.
    begins: Duration,
    values: Vec<Value>,
}

#[allow(clippy::cast_precision_loss, reason = "counts are exact in a double")]
impl Maker<'_> {
    fn put(&mut self, queue: Option<u32>, metric: &'static str, value: impl Into<Option<f64>>) {
        if let Some(value) = value.into() {
            self.values.push(Value { queue, metric, value });
        }
    }

    /// The span in which there was work: from the first submission to the last end of a task, or of the record if tasks
    /// still run or wait.
    fn window(&self) -> (f64, f64) {
        let begins = self.begins;
        let is_open = !self.idle.is_empty() || self.record.tasks.iter().any(|row| row.ended_at.is_none());
        let last = self.record.tasks.iter().filter_map(|row| row.ended_at).max().filter(|_| !is_open);
        (begins.as_secs_f64(), since_start(last.unwrap_or(self.record.ends_at)).as_secs_f64())
    }

    fn cluster(&mut self) {
        let (begins, ends) = self.window();
        let span = (ends - begins).max(f64::MIN_POSITIVE);
        self.put(None, "makespan_secs", ends - begins);
        self.put(None, "span_secs", since_start(self.record.ends_at).as_secs_f64());
        let bins = self.record.series.bins();
        for (kind, (used, offered)) in [
            ("cpus_used", "cpus_offered"),
            ("mem_used", "mem_offered"),
            ("disk_used", "disk_offered"),
            ("gpus_used", "gpus_offered"),
        ]
        .into_iter()
        .enumerate()
        {
            let whole = self.record.capacity[kind] as f64 / 1_000.0 * span;
            if whole > 0.0 {
                let sum: f64 = bins.iter().flat_map(|bin| &bin.used).map(|used| used[kind]).sum();
                self.put(None, used, sum / whole);
                self.put(None, offered, bins.iter().map(|bin| bin.offered[kind]).sum::<f64>() / whole);
            }
        }
        let width = self.record.series.width().as_secs_f64();
        let busy: Vec<usize> =
            (0..bins.len()).filter(|at| (*at as f64 + 0.5) * width >= begins && (*at as f64) * width < ends).collect();
        let mean = |of: &dyn Fn(usize) -> f64| {
            (!busy.is_empty()).then(|| busy.iter().map(|at| of(*at)).sum::<f64>() / busy.len() as f64)
        };
        let failovers = self.record.failovers.iter().filter(|failover| failover.welcomed > 0);
        let back = Distribution::new(failovers.map(|one| one.last_at.since(one.lost_at).as_secs_f64()));
        self.put(None, "reconnected_mean_secs", back.mean());
        self.put(None, "reconnected_max_secs", back.max());
        self.put(None, "reconnected_peers", self.record.failovers.last().map(|one| f64::from(one.welcomed)));
        self.put(None, "work_of_top_percent", self.work_of_top(0.01));
        self.put(None, "fragmentation", mean(&|at| bins[at].fragmentation));
        let fair: Vec<f64> = busy.iter().filter_map(|at| fairness(self.record, *at)).collect();
        self.put(None, "fairness_jain", (!fair.is_empty()).then(|| fair.iter().sum::<f64>() / fair.len() as f64));
    }

    /// The part of all core-seconds that the largest jobs have, of which there are so many per job.
    fn work_of_top(&self, part: f64) -> Option<f64> {
        let work = |job: &Job| -> f64 {
            let run: f64 = (0..job.tasks).filter_map(|task| job.runs.of(task)).map(|run| run.as_secs_f64()).sum();
            run * job.need.cpus().to_f64()
        };
        let mut all: Vec<f64> = self.workload.jobs.iter().map(work).filter(|work| *work > 0.0).collect();
        all.sort_by(|a, b| b.total_cmp(a));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a length")]
        let largest = (all.len() as f64 * part).ceil() as usize;
        // Of fewer than a hundred jobs nothing is said: the largest one would be more than its percent.
        (all.len() >= 100).then(|| all[..largest].iter().sum::<f64>() / all.iter().sum::<f64>())
    }

    /// The part of all agents on which, at the end, nothing runs but tasks of a queue, and no core is left.
    fn agents_filled(&self, queue: u32) -> Option<f64> {
        let mut used = vec![0_i64; self.record.each.len()];
        for row in self.record.tasks.iter().filter(|row| row.running_at.is_some() && row.ended_at.is_none()) {
            let Some(job) = self.workload.jobs.get(row.key.job as usize).filter(|job| job.queue == queue) else {
                continue;
            };
            if let Some(used) = used.get_mut(row.agent as usize) {
                *used += job.need.cpus().as_milli();
            }
        }
        let filled = used.iter().zip(&self.record.each).filter(|(used, has)| has[0] > 0 && **used >= has[0]).count();
        (!used.is_empty()).then(|| filled as f64 / used.len() as f64)
    }

    /// Tasks that have an end and have not come to it as they should.
    fn unfinished(&self, is_own: &dyn Fn(u32) -> bool) -> u64 {
        let open = |(index, job): (u32, &Job)| {
            let ended = self.outcomes.get(&index).map_or(0, |outcome| outcome.finished + outcome.failed);
            u64::from(job.tasks.saturating_sub(ended))
        };
        let own = (0..).zip(&self.workload.jobs).filter(|(_, job)| is_own(job.queue) && job.runs != Runs::Forever);
        own.map(open).sum()
    }

    fn queue(&mut self, queue: Option<u32>, waits: &Distribution, responses: &Distribution) {
        let is_own = |at: u32| queue.is_none_or(|queue| queue == at);
        let own_job = |job: &&Job| is_own(job.queue);
        let own_row =
            |row: &&TaskRow| self.workload.jobs.get(row.key.job as usize).is_some_and(|job| is_own(job.queue));
        let own: Vec<(&Job, &Outcome)> = self
            .outcomes
            .iter()
            .map(|(index, outcome)| (&self.workload.jobs[*index as usize], outcome))
            .filter(|(job, _)| is_own(job.queue))
            .collect();
        let jobs = self.workload.jobs.iter().filter(own_job).count();
        let tasks: u64 = self.workload.jobs.iter().filter(own_job).map(|job| u64::from(job.tasks)).sum();
        let done = own.iter().filter(|(_, outcome)| outcome.ended_at.is_some()).count();
        let rows = || self.record.tasks.iter().filter(own_row);
        let finished = rows().filter(|row| row.state == TaskState::Finished).count();
        let tries = rows().count();
        let secs = |span: Duration| span.as_secs_f64();
        let to_first = Distribution::new(
            own.iter()
                .filter_map(|(_, outcome)| Some(secs(outcome.first_running_at?.saturating_sub(outcome.submitted_at)))),
        );
        let to_full = Distribution::new(
            own.iter()
                .filter_map(|(_, outcome)| Some(secs(outcome.full_running_at?.saturating_sub(outcome.submitted_at)))),
        );
        let slowdowns = Distribution::new(own.iter().filter_map(|(job, outcome)| {
            let response = secs(outcome.ended_at?.saturating_sub(outcome.submitted_at));
            let run = (0..job.tasks).filter_map(|task| job.runs.of(task)).max()?.as_secs_f64();
            Some((response / run.max(SLOWDOWN_BOUND_SECS)).max(1.0))
        }));
        let with_deadline = own.iter().filter(|(job, _)| job.deadline.is_some()).count();
        let missed = own.iter().filter(|(job, outcome)| {
            job.deadline.is_some_and(|deadline| outcome.ended_at.is_none_or(|ended_at| ended_at > deadline))
        });
        let missed = missed.count();
        let agents = self.record.agents;
        let with_input = || rows().filter(|row| self.workload.jobs[row.key.job as usize].replicas > 0);
        let near = with_input().filter(|row| {
            let copies = self.workload.jobs[row.key.job as usize].replicas;
            (0..copies).any(|copy| replica(row.key.job, row.key.task, copy, agents) == row.agent)
        });
        let (near, with_input) = (near.count(), with_input().count());
        let (begins, ends) = self.window();
        let span = (ends - begins).max(f64::MIN_POSITIVE);
        let frameworks: Vec<usize> =
            (0..self.record.frameworks.len()).filter(|at| is_own(u32::try_from(*at).unwrap_or(u32::MAX))).collect();
        let sum = |of: &dyn Fn(&super::record::FrameworkRecord) -> u64| {
            frameworks.iter().map(|at| of(&self.record.frameworks[*at])).sum::<u64>() as f64
        };
        let (offers, accepted, declined) = (sum(&|row| row.offers), sum(&|row| row.accepted), sum(&|row| row.declined));
        let (rescinded, unsuccessful) = (sum(&|row| row.rescinded), sum(&|row| row.unsuccessful));
        let share = queue.map(|queue| {
            let sums = self.record.series.bins().iter().fold([0.0; 4], |mut sums, bin| {
                let used = bin.used.get(queue as usize).copied().unwrap_or_default();
                sums.iter_mut().zip(used).for_each(|(sum, used)| *sum += used);
                sums
            });
            let parts = sums.iter().zip(self.record.capacity);
            parts.map(|(sum, all)| if all > 0 { sum * 1_000.0 / (all as f64 * span) } else { 0.0 }).fold(0.0, f64::max)
        });
        let idle = || self.idle.iter().filter(|idle| is_own(idle.queue));
        let never: u64 = idle().map(|idle| u64::from(idle.tasks)).sum();
        let still: f64 = idle().map(|idle| f64::from(idle.tasks) * idle.waited_secs).sum();
        let waiting = waits.len() as f64 + never as f64;
        let at_least = (waits.values().iter().sum::<f64>() + still) / waiting;
        self.put(queue, "jobs", jobs as f64);
        self.put(queue, "jobs_done", done as f64);
        self.put(queue, "tasks", tasks as f64);
        self.put(queue, "tasks_finished", finished as f64);
        self.put(queue, "tasks_never_started", never as f64);
        self.put(queue, "tasks_unfinished", self.unfinished(&is_own) as f64);
        self.put(queue, "tries", tries as f64);
        self.put(queue, "tries_unsuccessful", unsuccessful);
        self.put(queue, "dominant_share", share);
        self.put(queue, "wait_mean_secs", waits.mean());
        self.put(queue, "wait_mean_at_least_secs", (waiting > 0.0).then_some(at_least));
        self.put(queue, "wait_p50_secs", waits.quantile(0.5));
        self.put(queue, "wait_p90_secs", waits.quantile(0.9));
        self.put(queue, "wait_p99_secs", waits.quantile(0.99));
        self.put(queue, "wait_max_secs", waits.max());
        self.put(queue, "job_wait_first_mean_secs", to_first.mean());
        self.put(queue, "job_wait_full_mean_secs", to_full.mean());
        self.put(queue, "response_mean_secs", responses.mean());
        self.put(queue, "response_p50_secs", responses.quantile(0.5));
        self.put(queue, "response_p90_secs", responses.quantile(0.9));
        self.put(queue, "response_p99_secs", responses.quantile(0.99));
        self.put(queue, "slowdown_mean", slowdowns.mean());
        self.put(queue, "slowdown_p90", slowdowns.quantile(0.9));
        self.put(queue, "deadlines_missed", (with_deadline > 0).then_some(missed as f64));
        self.put(queue, "agents_filled", queue.and_then(|queue| self.agents_filled(queue)));
        self.put(queue, "near_input", (with_input > 0).then(|| near as f64 / with_input as f64));
        self.put(queue, "away_from_input", (with_input > 0).then(|| 1.0 - near as f64 / with_input as f64));
        self.put(queue, "offers", offers);
        self.put(queue, "offers_accepted", accepted);
        self.put(queue, "offers_declined", declined);
        self.put(queue, "offers_rescinded", rescinded);
    }
}

/// The dominant share of a framework within one bin of the record.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "thousandths of what a cluster has are exact in a double")]
pub fn dominant_share(record: &Record, bin: usize, framework: usize) -> f64 {
    let span = record.series.span_of(bin);
    let used = record.series.bins()[bin].used.get(framework).copied().unwrap_or_default();
    let parts = used.iter().zip(record.capacity);
    let share =
        |(used, all): (&f64, i64)| if all > 0 && span > 0.0 { used * 1_000.0 / (all as f64 * span) } else { 0.0 };
    parts.map(share).fold(0.0, f64::max)
}

/// Jain's index over the frameworks that used something within a bin, if there were several: of their dominant shares, each
/// divided by what it is entitled to, which is its role's weight over the number of frameworks of that role among them. Equal
/// to 1 when shares are as weights say. Weights of roles above a role are not looked at.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "numbers of frameworks are small")]
pub fn fairness(record: &Record, bin: usize) -> Option<f64> {
    let active: Vec<(usize, f64)> = (0..record.frameworks.len())
        .map(|at| (at, dominant_share(record, bin, at)))
        .filter(|(_, share)| *share > 0.0)
        .collect();
    let mut of_role = BTreeMap::<&str, usize>::new();
    active.iter().for_each(|(at, _)| *of_role.entry(&*record.frameworks[*at].role).or_default() += 1);
    let entitled = |at: usize| {
        let framework = &record.frameworks[at];
        f64::from(framework.weight.as_milli()) / 1_000.0 / of_role[&*framework.role] as f64
    };
    let shares: Vec<f64> = active.iter().map(|(at, share)| share / entitled(*at)).collect();
    (shares.len() > 1).then(|| jain(&shares))
}
