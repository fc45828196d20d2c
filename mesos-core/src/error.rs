//! Refusals: what a caller did wrong, as a value with a stable code.
//!
//! A [`Rejection`] is the caller's fault and leaves the machine as it was. A broken invariant of our own is not an error
//! value: it stops the process (`assert!`). A host's failures (stores, sockets, processes) have types of their own beside
//! the traits in [`provider`](crate::provider).

use serde::{Deserialize, Serialize};

/// Why a call, message or item was refused: what it was, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {what}; {remedy}")]
pub struct Rejection {
    /// Stable, for programs.
    pub code: RejectionCode,
    /// What was wrong and where, with the values seen.
    pub what: String,
    /// What would be right.
    pub remedy: String,
}

impl Rejection {
    /// A refusal.
    pub fn new(code: RejectionCode, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, what: what.into(), remedy: remedy.into() }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable name of a kind of refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum RejectionCode {
            $($(#[$doc])* $name,)*
        }

        impl std::fmt::Display for RejectionCode {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)* })
            }
        }
    };
}

codes! {
    /// An id breaks the rules of ids.
    InvalidId = "invalid_id",
    /// Resources break the rules of the resource algebra.
    InvalidResources = "invalid_resources",
    /// A role breaks the rules of role paths, or the framework is not subscribed to it.
    InvalidRole = "invalid_role",
    /// A weight is not a positive finite number in range.
    InvalidWeight = "invalid_weight",
    /// There is no such allocator, or it cannot be used like this.
    InvalidAllocator = "invalid_allocator",
    /// A quota promises more than its limit, more than there is, or an amount beyond the bounds.
    InvalidQuota = "invalid_quota",
    /// An offer constraint cannot be understood or is too large.
    InvalidConstraint = "invalid_constraint",
    /// A maintenance schedule contradicts itself.
    InvalidMaintenance = "invalid_maintenance",
    /// A framework description contradicts itself or what is known of the framework.
    InvalidFramework = "invalid_framework",
    /// An agent description contradicts itself or what is known of the agent.
    InvalidAgent = "invalid_agent",
    /// A task breaks a rule of task validation.
    InvalidTask = "invalid_task",
    /// An operation breaks a rule of operation validation.
    InvalidOperation = "invalid_operation",
    /// The accept names no offers, the same one twice, or offers that do not belong together.
    InvalidOffers = "invalid_offers",
    /// The resources named are not there in that form, or in use.
    Unavailable = "unavailable",
    /// An offer named is not on the table any more.
    UnknownOffer = "unknown_offer",
    /// A framework named is not known.
    UnknownFramework = "unknown_framework",
    /// An agent named is not known.
    UnknownAgent = "unknown_agent",
    /// An executor named is not known.
    UnknownExecutor = "unknown_executor",
    /// A container named is not known.
    UnknownContainer = "unknown_container",
    /// A task named is not known.
    UnknownTask = "unknown_task",
    /// The framework was removed; its id can never subscribe again.
    FrameworkRemoved = "framework_removed",
    /// The framework subscribed on another connection, which counts from then on.
    FailedOver = "failed_over",
    /// A call came before SUBSCRIBE on this connection.
    NotSubscribed = "not_subscribed",
    /// A message came before the agent registered on this connection.
    NotRegistered = "not_registered",
    /// Somebody spoke for what belongs to somebody else.
    NotYours = "not_yours",
    /// It is being made ready; a little later it will do.
    NotReady = "not_ready",
    /// This master does not lead.
    NotLeading = "not_leading",
    /// The agent was marked gone and can never come back.
    AgentGone = "agent_gone",
    /// Something is at its bound.
    TooMany = "too_many",
    /// The thing asked for exists in the design but not in this version.
    Unsupported = "unsupported",
}
