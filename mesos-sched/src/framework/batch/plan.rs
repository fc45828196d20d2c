//! The jobs of a batch as a checked graph, and the queue of those that may run.
//!
//! Jobs of equal need queue together: an offer is compared with each distinct need once, however many jobs wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mesos_core::TaskId;

use super::job::Job;
use crate::framework::matching::{Misfit, Need};

/// A job's place in its batch.
pub(super) type JobIndex = usize;

/// Why a list of jobs is no batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBatch {
    /// Two jobs have one name.
    #[error("two jobs are called {0:?}; give each a name of its own")]
    DuplicateName(Arc<str>),
    /// A name cannot name tasks.
    #[error("job {name:?} cannot name tasks: {problem}")]
    BadName {
        /// The name.
        name: Arc<str>,
        /// What is wrong with it.
        problem: String,
    },
    /// A job waits for one that does not exist.
    #[error("job {name:?} waits for {missing:?}, which is not in the batch")]
    UnknownJob {
        /// The job.
        name: Arc<str>,
        /// What it waits for.
        missing: Arc<str>,
    },
    /// Jobs wait for each other.
    #[error("job {0:?} waits for itself through others; remove one of the dependencies")]
    Cycle(Arc<str>),
    /// A job wants nothing.
    #[error("job {0:?} wants no resources; give it some cpus and mem")]
    NoResources(Arc<str>),
}

/// The jobs, who waits for whom, and who may run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) jobs: Vec<Job>,
    by_name: BTreeMap<Arc<str>, JobIndex>,
    /// Who waits for this job.
    followers: Vec<Vec<JobIndex>>,
    /// For how many jobs this one waits.
    waits_for: Vec<usize>,
    needs: Vec<Queue>,
    /// Which of the needs a job has.
    need_of: Vec<usize>,
    ready: usize,
}

/// Jobs of equal need that may run.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) need: Need,
    pub(super) jobs: VecDeque<JobIndex>,
    /// Why the last offer was no use.
    pub(super) misfit: Option<Misfit>,
}

/// Room for `.` and the number of a launch in a task's id.
const NUMBER_BYTES_MAX: usize = 11;

impl Plan {
    pub(super) fn new(jobs: Vec<Job>) -> Result<Self, InvalidBatch> {
        let mut by_name = BTreeMap::new();
        for (index, job) in jobs.iter().enumerate() {
            check_name(&job.name)?;
            if job.need.resources.is_empty() {
                return Err(InvalidBatch::NoResources(job.name.clone()));
            }
            if by_name.insert(job.name.clone(), index).is_some() {
                return Err(InvalidBatch::DuplicateName(job.name.clone()));
            }
        }
        let mut followers = vec![Vec::new(); jobs.len()];
        let mut waits_for = vec![0; jobs.len()];
        for (index, job) in jobs.iter().enumerate() {
            for before in &job.after {
                let missing = || InvalidBatch::UnknownJob { name: job.name.clone(), missing: before.clone() };
                followers[*by_name.get(before).ok_or_else(missing)?].push(index);
                waits_for[index] += 1;
            }
        }
        check_cycles(&jobs, &followers, waits_for.clone())?;
        let (needs, need_of) = group(&jobs);
        Ok(Self { jobs, by_name, followers, waits_for, needs, need_of, ready: 0 })
    }

    pub(super) fn index(&self, name: &str) -> Option<JobIndex> {
        self.by_name.get(name).copied()
    }

    pub(super) fn waits(&self, job: JobIndex) -> bool {
        self.waits_for[job] > 0
    }

    /// A job may run: at the end of its queue, or at its front when it was out already.
    pub(super) fn enqueue(&mut self, job: JobIndex, is_again: bool) {
        let queue = &mut self.needs[self.need_of[job]].jobs;
        if is_again {
            queue.push_front(job);
        } else {
            queue.push_back(job);
        }
        self.ready += 1;
    }

    /// Queues exactly the jobs that may run, in their order.
    pub(super) fn requeue(&mut self, may_run: impl Fn(JobIndex) -> bool) {
        self.needs.iter_mut().for_each(|queue| queue.jobs.clear());
        self.ready = 0;
        for job in (0..self.jobs.len()).filter(|&job| may_run(job)) {
            self.enqueue(job, false);
        }
    }

    /// How many jobs may run.
    pub(super) const fn ready(&self) -> usize {
        self.ready
    }

    /// The queues, to place their jobs; tell [`Self::placed`] how many were taken.
    pub(super) fn queues_mut(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.needs.iter_mut().filter(|queue| !queue.jobs.is_empty())
    }

    /// So many jobs were taken from their queues.
    pub(super) const fn placed(&mut self, count: usize) {
        self.ready -= count;
    }

    pub(super) fn misfit(&self, job: JobIndex) -> Option<&Misfit> {
        self.needs[self.need_of[job]].misfit.as_ref()
    }

    /// A job ended well: those that waited for nothing else may run.
    pub(super) fn release_followers(&mut self, job: JobIndex) -> Vec<JobIndex> {
        let followers = self.followers[job].clone();
        followers
            .into_iter()
            .filter(|&follower| {
                self.waits_for[follower] -= 1;
                self.waits_for[follower] == 0
            })
            .collect()
    }

    /// Everybody who waits for a job, directly or not. Iterative: chains may be long.
    pub(super) fn all_followers(&self, job: JobIndex) -> Vec<JobIndex> {
        let (mut found, mut open) = (Vec::new(), self.followers[job].clone());
        let mut is_seen = vec![false; self.jobs.len()];
        while let Some(next) = open.pop() {
            if !std::mem::replace(&mut is_seen[next], true) {
                found.push(next);
                open.extend(&self.followers[next]);
            }
        }
        found
    }
}

fn check_name(name: &Arc<str>) -> Result<(), InvalidBatch> {
    let refuse = |problem: String| InvalidBatch::BadName { name: name.clone(), problem };
    if name.len() + NUMBER_BYTES_MAX > mesos_core::id::ID_BYTES_MAX {
        return Err(refuse(format!("it is longer than {} bytes", mesos_core::id::ID_BYTES_MAX - NUMBER_BYTES_MAX)));
    }
    TaskId::new(name.clone()).map(|_| ()).map_err(|error| refuse(error.problem.to_owned()))
}

/// Takes jobs away that wait for nothing until none is left; what remains waits in a circle.
fn check_cycles(jobs: &[Job], followers: &[Vec<JobIndex>], mut waits_for: Vec<usize>) -> Result<(), InvalidBatch> {
    let mut free: Vec<JobIndex> = (0..jobs.len()).filter(|&job| waits_for[job] == 0).collect();
    while let Some(job) = free.pop() {
        for &follower in &followers[job] {
            waits_for[follower] -= 1;
            if waits_for[follower] == 0 {
                free.push(follower);
            }
        }
    }
    match waits_for.iter().position(|&count| count > 0) {
        Some(job) => Err(InvalidBatch::Cycle(jobs[job].name.clone())),
        None => Ok(()),
    }
}

/// The distinct needs in order of appearance, and which of them each job has.
fn group(jobs: &[Job]) -> (Vec<Queue>, Vec<usize>) {
    let mut needs: Vec<Queue> = Vec::new();
    let mut known: BTreeMap<(String, &[crate::framework::matching::Constraint]), usize> = BTreeMap::new();
    let need_of = jobs.iter().map(|job| {
        *known.entry((job.need.resources.to_string(), &job.need.constraints)).or_insert_with(|| {
            needs.push(Queue { need: job.need.clone(), jobs: VecDeque::new(), misfit: None });
            needs.len() - 1
        })
    });
    let need_of = need_of.collect();
    (needs, need_of)
}
