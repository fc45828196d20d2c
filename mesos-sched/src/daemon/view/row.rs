//! What is shown of each thing. Rows are shared between the picture and its readers and never change: a change makes another.

use std::sync::Arc;

use mesos_core::{
    AgentId, ExecutorId, ExecutorInfo, FrameworkId, OfferId, OperationState, Resources, Role, TaskId, TaskInfo,
    TaskState, TaskStatus, TrackedOperation, WallTime,
};

use crate::master::{AgentState, FrameworkState};

/// Statuses of one task that are kept; the oldest are let go. Tasks have few: one per state.
const STATUSES_MAX: usize = 16;

/// What happened since the picture was begun.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Tasks that have ended, by the number of their last state.
    pub ended: [u64; 14],
    /// Agents that came.
    pub agents_added: u64,
    /// Agents that came back.
    pub agents_returned: u64,
    /// Agents that left.
    pub agents_removed: u64,
    /// Frameworks that came.
    pub frameworks_added: u64,
    /// Frameworks that were removed.
    pub frameworks_removed: u64,
}

/// A framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkRow {
    /// As the master has it.
    pub state: FrameworkState,
    /// Since when it is known.
    pub registered_wall: WallTime,
    /// When it last came back.
    pub reregistered_wall: Option<WallTime>,
    /// When it was removed or lost its connection.
    pub unregistered_wall: Option<WallTime>,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// As the master has it.
    pub state: AgentState,
    /// Since when it is known.
    pub registered_wall: WallTime,
    /// When it last came back.
    pub reregistered_wall: Option<WallTime>,
    /// Since when it drains.
    pub drain_started_wall: Option<WallTime>,
}

/// A task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRow {
    /// Whose.
    pub framework_id: FrameworkId,
    /// On which agent.
    pub agent_id: AgentId,
    /// Its description.
    pub info: Arc<TaskInfo>,
    /// Under which role.
    pub role: Role,
    /// Since when it is in the books.
    pub since_wall: WallTime,
    /// When the master last heard of it.
    pub heard_wall: WallTime,
    /// Its state.
    pub state: TaskState,
    /// What was said of it, the last of each state, oldest first.
    pub statuses: Vec<Arc<TaskStatus>>,
}

impl TaskRow {
    /// The executor it names; none for a command, which gets one of its own.
    #[must_use]
    pub fn executor_id(&self) -> Option<&ExecutorId> {
        self.info.run.executor().map(|executor| &executor.id)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        &self.info.id
    }

    pub(super) fn say(&mut self, status: Arc<TaskStatus>, at: WallTime) {
        self.heard_wall = at;
        if self.statuses.last().is_some_and(|last| last.state == status.state) {
            self.statuses.pop();
        }
        if self.statuses.len() >= STATUSES_MAX {
            self.statuses.remove(0);
        }
        self.statuses.push(status);
    }
}

/// An executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutorRow {
    /// Whose.
    pub framework_id: FrameworkId,
    /// On which agent.
    pub agent_id: AgentId,
    /// Its description.
    pub info: Arc<ExecutorInfo>,
    /// Under which role.
    pub role: Role,
}

/// An offer that is out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferRow {
    /// Which.
    pub id: OfferId,
    /// To whom.
    pub framework_id: FrameworkId,
    /// Of which agent.
    pub agent_id: AgentId,
    /// Under which role.
    pub role: Role,
    /// What.
    pub resources: Resources,
}

/// An operation that has an id and whose end its framework has not acknowledged.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationRow {
    /// Whose.
    pub framework_id: FrameworkId,
    /// On which agent.
    pub agent_id: AgentId,
    /// The operation.
    pub operation: Arc<TrackedOperation>,
    /// How it stands.
    pub state: OperationState,
}
