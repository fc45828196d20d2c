//! One container on this agent.

use std::sync::Arc;

use mesos_core::ContainerId;
use mesos_core::call::operator::ReplyTo;

use super::ExecutorRef;
use crate::agent::Nest;

/// One container: whose it is and how far its life has come.
#[derive(Debug)]
pub(in crate::agent) struct Container {
    pub(super) born: u64,
    /// Under which executor.
    pub(in crate::agent) executor: ExecutorRef,
    /// The name the executor gave it.
    pub(in crate::agent) name: ContainerId,
    pub(in crate::agent) phase: ContainerPhase,
    /// Whether its executor itself runs in it.
    pub(in crate::agent) is_process: bool,
    /// Whether it runs a check of a task.
    pub(in crate::agent) is_check: bool,
    /// How often its destruction was asked for; none when nobody wants it to end.
    pub(in crate::agent) destroys: u32,
    /// Whether it took too long to start.
    pub(in crate::agent) is_late: bool,
    /// Whether its executor was told that it ended.
    pub(in crate::agent) is_reported: bool,
    /// Whether it is written down.
    pub(in crate::agent) is_checkpointed: bool,
    /// How whoever asked for it calls it, if it lies beside another.
    pub(in crate::agent) nest: Option<Arc<Nest>>,
    /// Who waits until it runs.
    pub(in crate::agent) launch_reply: Option<ReplyTo>,
    /// Who waits until it has ended.
    pub(in crate::agent) waits: Vec<ReplyTo>,
}

/// How far a container's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::agent) enum ContainerPhase {
    /// Its launch is under way.
    Launching,
    /// It runs, and its end is waited for.
    Running,
    /// Its end cannot be waited for: it is destroyed until that works.
    Leftover,
}

impl Container {
    /// A container in this phase.
    pub(in crate::agent) const fn new(
        executor: ExecutorRef,
        name: ContainerId,
        phase: ContainerPhase,
        is_checkpointed: bool,
    ) -> Self {
        Self {
            born: 0,
            executor,
            name,
            phase,
            is_process: false,
            is_check: false,
            destroys: 0,
            is_late: false,
            is_reported: false,
            is_checkpointed,
            nest: None,
            launch_reply: None,
            waits: Vec::new(),
        }
    }
}
