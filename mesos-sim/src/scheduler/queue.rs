//! Which jobs wait, in what order, and how far each is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::Instant;

use super::options::Discipline;
use crate::workload::{Job, Workload, replica};

/// How far a job is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Tasks below this number were launched once.
    pub(super) next: u32,
    /// Tasks that have to be launched again.
    pub(super) again: Vec<u32>,
    /// Tasks that have not ended.
    pub(super) left: u32,
    pub(super) running: u32,
    /// How long it has let places pass that were not good enough.
    pub(super) waited: Duration,
    /// When it let one pass last, and in which round of decisions.
    pub(super) passed: Option<(u64, Instant)>,
    /// For jobs with input: agents, and the tasks not launched yet whose input lies there.
    pub(super) near: BTreeMap<u32, BTreeSet<u32>>,
    /// Tasks of a job with input that were not launched yet.
    pub(super) open: BTreeSet<u32>,
    /// The agents drawn for it, if it may run nowhere else.
    pub(super) drawn: Option<BTreeSet<u32>>,
    /// Key under which it waits.
    rank: Option<Rank>,
}

impl Progress {
    /// Tasks that could be launched now.
    pub(super) fn ready(&self, job: &Job) -> u32 {
        let fresh =
            if job.replicas > 0 { self.open.len().try_into().unwrap_or(u32::MAX) } else { job.tasks - self.next };
        fresh + u32::try_from(self.again.len()).unwrap_or(u32::MAX)
    }
}

/// What jobs are ordered by: a number whose meaning depends on the discipline, then their place in the workload.
pub(super) type Rank = (u64, u32);

/// The jobs of one queue.
#[derive(Debug)]
pub(super) struct Queue {
    workload: Arc<Workload>,
    discipline: Discipline,
    /// Jobs that are submitted at their own time, in that order; `arrived` of them were.
    own: Vec<u32>,
    arrived: usize,
    /// Jobs whose predecessors are done.
    released: BTreeSet<(Instant, u32)>,
    /// How many predecessors of a job are not done.
    blocked: BTreeMap<u32, u32>,
    /// Which jobs wait for one.
    followers: BTreeMap<u32, Vec<u32>>,
    waiting: BTreeSet<Rank>,
    pub(super) progress: BTreeMap<u32, Progress>,
    unfinished: usize,
}

impl Queue {
    pub(super) fn new(workload: Arc<Workload>, queue: u32, discipline: Discipline) -> Self {
        let mut own = Vec::new();
        let (mut blocked, mut followers) = (BTreeMap::new(), BTreeMap::<u32, Vec<u32>>::new());
        let mut unfinished = 0;
        for (index, job) in (0..).zip(&workload.jobs).filter(|(_, job)| job.queue == queue) {
            unfinished += 1;
            let before = job.after.iter().filter(|other| workload.jobs[**other as usize].queue == queue);
            let mut count = 0;
            for other in before {
                followers.entry(*other).or_default().push(index);
                count += 1;
            }
            if count > 0 {
                blocked.insert(index, count);
            } else {
                own.push(index);
            }
        }
        Self {
            workload,
            discipline,
            own,
            arrived: 0,
            released: BTreeSet::new(),
            blocked,
            followers,
            waiting: BTreeSet::new(),
            progress: BTreeMap::new(),
            unfinished,
        }
    }

    pub(super) fn job(&self, index: u32) -> &Job {
        &self.workload.jobs[index as usize]
    }

    /// When the next job is submitted.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        let own = self.own.get(self.arrived).map(|index| Instant::ZERO + self.job(*index).submit_at);
        let released = self.released.first().map(|(at, _)| *at);
        own.into_iter().chain(released).min()
    }

    /// Takes in what was submitted; returns what arrived.
    pub(super) fn admit(&mut self, now: Instant, agents: u32) -> Vec<u32> {
        let mut arrived = Vec::new();
        while let Some(index) = self.own.get(self.arrived).copied()
            && Instant::ZERO + self.job(index).submit_at <= now
        {
            self.arrived += 1;
            arrived.push(index);
        }
        while let Some((at, index)) = self.released.first().copied()
            && at <= now
        {
            self.released.remove(&(at, index));
            arrived.push(index);
        }
        for index in &arrived {
            self.arrive(*index, agents);
        }
        arrived
    }

    fn arrive(&mut self, index: u32, agents: u32) {
        let job = &self.workload.jobs[index as usize];
        let mut progress = Progress { left: job.tasks, ..Progress::default() };
        if job.replicas > 0 {
            progress.open = (0..job.tasks).collect();
            for task in 0..job.tasks {
                for copy in 0..job.replicas {
                    progress.near.entry(replica(index, task, copy, agents)).or_default().insert(task);
                }
            }
        }
        if let Discipline::Sampling(probes) = self.discipline {
            progress.drawn = Some(drawn(index, job.tasks.saturating_mul(probes.max(1)), agents));
        }
        self.progress.insert(index, progress);
        self.enlist(index);
    }

    fn rank(&self, index: u32) -> Rank {
        let job = self.job(index);
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let number = match self.discipline {
            Discipline::Fifo
            | Discipline::FirstFit
            | Discipline::Backfill
            | Discipline::Sampling(_)
            | Discipline::Gang => 0,
            Discipline::ShortestFirst => nanos(job.expected(0)),
            Discipline::EarliestDeadline => job.deadline.map_or(u64::MAX, nanos),
            Discipline::Priority => u64::from(job.priority.abs_diff(i32::MAX)),
            Discipline::Delay(_) => self.progress.get(&index).map_or(0, |progress| u64::from(progress.running)),
        };
        (number, index)
    }

    /// Puts a job to its place among those that wait, or takes it out.
    pub(super) fn enlist(&mut self, index: u32) {
        let rank = self.rank(index);
        let job = &self.workload.jobs[index as usize];
        let Some(progress) = self.progress.get_mut(&index) else { return };
        if let Some(before) = progress.rank.take() {
            self.waiting.remove(&before);
        }
        if progress.ready(job) > 0 {
            progress.rank = Some(rank);
            self.waiting.insert(rank);
        }
    }

    /// The job that waits behind this one, or the first.
    pub(super) fn next_waiting(&self, behind: Option<Rank>) -> Option<Rank> {
        match behind {
            None => self.waiting.first().copied(),
            Some(rank) => {
                self.waiting.range((std::ops::Bound::Excluded(rank), std::ops::Bound::Unbounded)).next().copied()
            }
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// A task has ended for good; when it was the last of its job, others may follow.
    pub(super) fn ended(&mut self, now: Instant, index: u32) {
        let Some(progress) = self.progress.get_mut(&index) else { return };
        progress.left -= 1;
        if progress.left > 0 {
            return;
        }
        self.progress.remove(&index);
        self.unfinished -= 1;
        for follower in self.followers.remove(&index).unwrap_or_default() {
            let Some(count) = self.blocked.get_mut(&follower) else { continue };
            *count -= 1;
            if *count == 0 {
                self.blocked.remove(&follower);
                let job = self.job(follower);
                let at = (now + job.think).max(Instant::ZERO + job.submit_at);
                self.released.insert((at, follower));
            }
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.unfinished == 0
    }
}

/// So many different agents for a job, or all there are.
fn drawn(job: u32, probes: u32, agents: u32) -> BTreeSet<u32> {
    if probes >= agents {
        return (0..agents).collect();
    }
    let (mut drawn, mut draw) = (BTreeSet::new(), 0);
    while drawn.len() < probes as usize {
        drawn.insert(replica(job, 0, draw, agents));
        draw += 1;
    }
    drawn
}
