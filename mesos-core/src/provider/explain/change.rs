//! What would have been enough for an offer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::reason::{FailedConstraint, Holder, Lack};
use crate::resource::{Quantities, Resources};
use crate::role::Role;
use crate::time::Instant;
use crate::weight::Weight;

/// One step of what would have been enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// The framework subscribes to the role.
    Subscribe {
        /// Which.
        role: Role,
    },
    /// The framework connects again.
    Reconnect,
    /// The framework revives the role, which ends its refusals too.
    Revive {
        /// Which.
        role: Role,
    },
    /// Nobody does anything before then.
    Wait {
        /// Until when.
        until: Instant,
    },
    /// An agent registers that has at least this.
    AddAgent {
        /// What it has; empty if anything will do.
        resources: Resources,
    },
    /// The agent serves offers again.
    ActivateAgent,
    /// The host is put on the whitelist.
    Whitelist {
        /// Which.
        hostname: Arc<str>,
    },
    /// The capability is there.
    AddCapability {
        /// Which, and whose.
        lack: Lack,
    },
    /// The framework demands this no more.
    RelaxConstraints {
        /// All of one group that are not met.
        constraints: Vec<FailedConstraint>,
    },
    /// Resources lose their reservation.
    Unreserve {
        /// Which.
        resources: Resources,
    },
    /// A role's limits are raised.
    RaiseLimit {
        /// Which role's.
        role: Role,
        /// By how much.
        by: Quantities,
    },
    /// A role is promised less.
    LowerGuarantee {
        /// Which role.
        role: Role,
        /// By how much.
        by: Quantities,
    },
    /// The agent, or a new one, has more.
    AddCapacity {
        /// How much more.
        resources: Resources,
    },
    /// The framework asks for larger offers.
    RaiseMaximum {
        /// By how much.
        by: Quantities,
    },
    /// The framework says that this is enough.
    LowerMinimum {
        /// How little; empty for anything at all.
        to: Quantities,
    },
    /// Others give something on the agent back.
    Free {
        /// Who and what.
        from: Vec<Holder>,
    },
    /// A role counts more beside its siblings.
    RaiseWeight {
        /// Which.
        role: Role,
        /// The smallest weight with which it would have gone first.
        to: Weight,
    },
}

impl Change {
    /// Its stable name, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Subscribe { .. } => "subscribe",
            Self::Reconnect => "reconnect",
            Self::Revive { .. } => "revive",
            Self::Wait { .. } => "wait",
            Self::AddAgent { .. } => "add_agent",
            Self::ActivateAgent => "activate_agent",
            Self::Whitelist { .. } => "whitelist",
            Self::AddCapability { .. } => "add_capability",
            Self::RelaxConstraints { .. } => "relax_constraints",
            Self::Unreserve { .. } => "unreserve",
            Self::RaiseLimit { .. } => "raise_limit",
            Self::LowerGuarantee { .. } => "lower_guarantee",
            Self::AddCapacity { .. } => "add_capacity",
            Self::RaiseMaximum { .. } => "raise_maximum",
            Self::LowerMinimum { .. } => "lower_minimum",
            Self::Free { .. } => "free",
            Self::RaiseWeight { .. } => "raise_weight",
        }
    }
}
