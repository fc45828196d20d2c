//! What the parts of a cluster say to each other, as domain types.
//!
//! ```text
//!   framework ── scheduler::Call ──▶ master ── agent::ToAgent ──▶ agent ── executor::Event ──▶ executor
//!             ◀─ scheduler::Event ──        ◀─ agent::ToMaster ──       ◀─ executor::Call ────
//!                          people and tools ── operator::Call ──▶ master
//! ```
//!
//! Nothing here knows a wire format; conversions live at the edge.

pub mod agent;
pub mod executor;
pub mod operator;
pub mod scheduler;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::MasterId;
use crate::kernel::Term;

/// One connection, named by the host that carries it; never used twice in a host's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnId(pub u64);

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// The leading master, as a detector found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leader {
    /// Its id.
    pub id: MasterId,
    /// Where it can be reached; the form is the host's business.
    pub address: Arc<str>,
    /// Since which term it leads.
    pub term: Term,
}

/// Why a machine closes a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum CloseReason {
    /// A message was lost on it.
    #[error("a message was lost on this connection; start again")]
    Gap,
    /// The same peer connected again.
    #[error("superseded by a newer connection of the same peer")]
    Superseded,
    /// The peer was removed.
    #[error("the peer was removed")]
    Removed,
    /// The peer said something it may not.
    #[error("refused: {0}")]
    Refused(crate::error::Rejection),
    /// The peer was silent for too long.
    #[error("silent for too long")]
    Silent,
    /// This master does not lead any more.
    #[error("this master does not lead")]
    NotLeading,
}
