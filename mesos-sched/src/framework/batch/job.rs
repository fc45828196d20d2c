//! What a job is, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::{AgentId, CommandInfo, ContainerLimits, Resources, WallTime};
use serde::{Deserialize, Serialize};

use crate::framework::matching::{Constraint, Need};

/// One job: a command that is to end well once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Job {
    /// Its name, unique in the batch; its tasks are called `<name>.<launch>`.
    pub name: Arc<str>,
    /// What it runs.
    pub command: CommandInfo,
    /// What it wants of an agent.
    pub need: Need,
    /// How often it may fail and is run again. Losing an agent is no failure of the job.
    pub retries: u32,
    /// Jobs that must have ended well before.
    pub after: Vec<Arc<str>>,
    /// Ended, as failed, when it runs longer than this.
    pub time_limit: Option<Duration>,
    /// What it may use beyond what it wants of an agent.
    pub limits: ContainerLimits,
    /// How long it runs in a simulation.
    pub sim_duration: Option<Duration>,
}

impl Job {
    /// A job that runs a shell line; it is tried once and waits for nothing.
    #[must_use]
    pub fn shell(name: impl Into<Arc<str>>, line: impl Into<Arc<str>>, resources: Resources) -> Self {
        Self::new(name, CommandInfo::shell(line), resources)
    }

    /// A job that runs a command; it is tried once and waits for nothing.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, command: CommandInfo, resources: Resources) -> Self {
        Self {
            name: name.into(),
            command,
            need: Need::new(resources),
            retries: 0,
            after: Vec::new(),
            time_limit: None,
            limits: ContainerLimits::default(),
            sim_duration: None,
        }
    }

    /// Runs again after up to this many failures.
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Waits until this job has ended well.
    #[must_use]
    pub fn after(mut self, name: impl Into<Arc<str>>) -> Self {
        self.after.push(name.into());
        self
    }

    /// Runs only where this holds.
    #[must_use]
    pub fn only(mut self, constraint: Constraint) -> Self {
        self.need.constraints.push(constraint);
        self
    }

    /// With this environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        self.command = self.command.env(name, value);
        self
    }

    /// Ends as failed when it runs longer than this.
    #[must_use]
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// May use this beyond what it wants of an agent.
    #[must_use]
    pub const fn limits(mut self, limits: ContainerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Runs this long in a simulation.
    #[must_use]
    pub const fn sim_duration(mut self, duration: Duration) -> Self {
        self.sim_duration = Some(duration);
        self
    }
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Jobs before it have not ended.
    Blocked,
    /// It waits for an offer it fits.
    Ready,
    /// A task was launched for it.
    Launched,
    /// Its task runs.
    Running,
    /// The agent of its task cannot be reached.
    Unreachable,
    /// It ended well.
    Done,
    /// It failed too often, or can never run.
    Failed,
    /// A job before it failed.
    Skipped,
}

impl JobState {
    /// Whether nothing more happens to it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Skipped)
    }

    /// Whether a task of it may be alive.
    #[must_use]
    pub const fn is_out(self) -> bool {
        matches!(self, Self::Launched | Self::Running | Self::Unreachable)
    }
}

/// What has become of a job so far: what is shown, and what is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReport {
    /// Where it is.
    pub state: JobState,
    /// How many tasks were launched for it.
    pub launches: u32,
    /// How many of them failed.
    pub failures: u32,
    /// How many of them were lost without any fault of theirs.
    pub losses: u32,
    /// Where the last one was launched.
    pub agent_id: Option<AgentId>,
    /// When the last one was launched.
    pub launched_wall: Option<WallTime>,
    /// When the last one was first heard to run.
    pub started_wall: Option<WallTime>,
    /// When the job was over.
    pub ended_wall: Option<WallTime>,
    /// What was said last about a task that did not end well.
    pub trouble: Option<Arc<str>>,
}

impl JobReport {
    pub(super) const fn new() -> Self {
        Self {
            state: JobState::Blocked,
            launches: 0,
            failures: 0,
            losses: 0,
            agent_id: None,
            launched_wall: None,
            started_wall: None,
            ended_wall: None,
            trouble: None,
        }
    }
}

/// How many jobs are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// All jobs.
    pub jobs: usize,
    /// Waiting for other jobs.
    pub blocked: usize,
    /// Waiting for offers.
    pub ready: usize,
    /// With a task that may be alive.
    pub out: usize,
    /// Ended well.
    pub done: usize,
    /// Failed too often.
    pub failed: usize,
    /// Never run since a job before them failed.
    pub skipped: usize,
    /// Tasks launched.
    pub launches: u64,
    /// Tasks that failed.
    pub failures: u64,
    /// Tasks lost without any fault of theirs.
    pub losses: u64,
}

impl Totals {
    pub(super) fn count(&mut self, state: JobState, change: isize) {
        let field = match state {
            JobState::Blocked => &mut self.blocked,
            JobState::Ready => &mut self.ready,
            JobState::Launched | JobState::Running | JobState::Unreachable => &mut self.out,
            JobState::Done => &mut self.done,
            JobState::Failed => &mut self.failed,
            JobState::Skipped => &mut self.skipped,
        };
        *field = field.checked_add_signed(change).expect("a job leaves only a state it was counted in");
    }
}
