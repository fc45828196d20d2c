//! What is shown of each thing. Rows are shared between the picture and its readers and never change: a change makes another.

use std::sync::Arc;

use mesos_core::{AgentId, ExecutorInfo, FrameworkId, OfferId, OperationState, Resources, Role, TrackedOperation};

use crate::master::{AgentState, FrameworkState};

pub use crate::master::{TaskRow, Totals};

/// A framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkRow {
    /// As the master has it.
    pub state: FrameworkState,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// As the master has it.
    pub state: AgentState,
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
