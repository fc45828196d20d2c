//! Feedback about operations: what became of one its framework gave an id.
//!
//! ```text
//!   framework ──ACCEPT (id)──▶ master ──apply──▶ agent      the agent has written it down: FINISHED
//!             ◀────status───── master ◀─status── agent      sent again until acknowledged
//!             ──acknowledge──▶ master ─────────▶ agent      both forget it
//! ```
//!
//! An operation without an id is done or refused, and nobody hears more of it. It is no task: nothing of it runs, and what it
//! changed stays changed whether or not anybody asks what became of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, OperationId, UpdateId};
use crate::operation::Operation;
use crate::resource::Resources;

/// How an operation stands (`OperationState` of Mesos).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationState {
    /// It was valid, and its agent has not said yet that it is done.
    Pending,
    /// It is done, durably.
    Finished,
    /// Its agent tried and could not.
    Failed,
    /// It is not valid, or not allowed: nothing was done.
    Error,
    /// It never reached its agent: nothing was done.
    Dropped,
    /// Its agent is unreachable, and may come back with it.
    Unreachable,
    /// Its agent was removed by an operator, with all that was on it.
    GoneByOperator,
    /// Its agent has not come back to this master yet; ask again.
    Recovering,
    /// Nobody knows it: it was never begun, or it was acknowledged and forgotten.
    Unknown,
}

impl OperationState {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Finished,
        Self::Failed,
        Self::Error,
        Self::Dropped,
        Self::Unreachable,
        Self::GoneByOperator,
        Self::Recovering,
        Self::Unknown,
    ];

    /// Whether no other state follows.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Error | Self::Dropped | Self::GoneByOperator)
    }

    /// Its name in the API, without the prefix.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Error => "ERROR",
            Self::Dropped => "DROPPED",
            Self::Unreachable => "UNREACHABLE",
            Self::GoneByOperator => "GONE_BY_OPERATOR",
            Self::Recovering => "RECOVERING",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl std::fmt::Display for OperationState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// An operation its framework gave an id, on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrackedOperation {
    /// Unique among those of the framework that are under way.
    pub id: OperationId,
    /// Names it for good: ids may be used again. What its agent says of it carries the same, to be acknowledged by.
    pub uuid: UpdateId,
    /// What is done.
    pub operation: Operation,
    /// What it made.
    pub converted: Resources,
}

/// What is said of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OperationStatus {
    /// Which.
    pub id: OperationId,
    /// How it stands.
    pub state: OperationState,
    /// For people.
    pub message: Option<Arc<str>>,
    /// What it made, once it is finished.
    pub converted: Resources,
    /// There only when it must be acknowledged: in what an agent says, not in what a master does.
    pub uuid: Option<UpdateId>,
    /// Where it is done, if that is known.
    pub agent_id: Option<AgentId>,
}

impl OperationStatus {
    /// A status that needs no acknowledgement.
    #[must_use]
    pub const fn new(id: OperationId, state: OperationState) -> Self {
        Self { id, state, message: None, converted: Resources::new(), uuid: None, agent_id: None }
    }

    /// The same, on this agent.
    #[must_use]
    pub fn on(mut self, agent: AgentId) -> Self {
        self.agent_id = Some(agent);
        self
    }

    /// The same, with words for people.
    #[must_use]
    pub fn saying(mut self, message: impl Into<Arc<str>>) -> Self {
        self.message = Some(message.into());
        self
    }
}
