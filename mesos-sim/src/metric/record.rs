//! What was written down during a run.

use std::sync::Arc;

use mesos_core::{Instant, TaskState, Weight};

use super::series::Series;
use crate::report::Amounts;
use crate::scheduler::TaskKey;

/// One try of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// Which job, task and try.
    pub key: TaskKey,
    /// Which framework launched it.
    pub framework: u32,
    /// On which agent.
    pub agent: u32,
    /// When its framework launched it.
    pub launched_at: Instant,
    /// When its framework first heard that it runs.
    pub running_at: Option<Instant>,
    /// When its framework heard of its end.
    pub ended_at: Option<Instant>,
    /// What it heard last.
    pub state: TaskState,
}

/// What a framework was offered and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkRecord {
    /// Its name.
    pub name: Arc<str>,
    /// Its role; its name if nobody said.
    pub role: Arc<str>,
    /// How much the role counts.
    pub weight: Weight,
    /// Offers it was made.
    pub offers: u64,
    /// Offers it launched something on.
    pub accepted: u64,
    /// Offers it refused.
    pub declined: u64,
    /// Offers that were taken back.
    pub rescinded: u64,
    /// Tries it launched.
    pub launched: u64,
    /// Tries that ended otherwise than well.
    pub unsuccessful: u64,
}

/// The leading master was lost, and others were found by those it led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failover {
    /// When the leader's process ended.
    pub lost_at: Instant,
    /// Agents and frameworks that a new leader has welcomed since.
    pub welcomed: u32,
    /// When it welcomed the last of them.
    pub last_at: Instant,
}

/// What was written down.
#[derive(Debug, Clone)]
pub struct Record {
    /// Cores, MB, disk and GPUs of all agents, in thousandths.
    pub capacity: Amounts,
    /// The same of each agent.
    pub each: Vec<Amounts>,
    /// How many agents there are.
    pub agents: u32,
    /// Leaders that were lost.
    pub failovers: Vec<Failover>,
    /// When the record ends.
    pub ends_at: Instant,
    /// By framework.
    pub frameworks: Vec<FrameworkRecord>,
    /// Every try, in the order of launching.
    pub tasks: Vec<TaskRow>,
    /// Use over time.
    pub series: Series,
}
