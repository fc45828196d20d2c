//! What stands in the way of an offer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::agent::AgentCapability;
use crate::constraint::AttributeConstraint;
use crate::framework::FrameworkCapability;
use crate::id::FrameworkId;
use crate::resource::{Limits, Quantities, ResourceName, Resources, Scalar};
use crate::role::Role;
use crate::time::Instant;
use crate::weight::Weight;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $({ $($fields:tt)* })? = $code:literal,)*) => {
        /// One thing that stands in the way.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "code", rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name $({ $($fields)* })?,)*
        }

        impl Reason {
            /// Every code there is, in the order in which an allocator looks.
            pub const CODES: &[&str] = &[$($code),*];

            /// Its stable name, for programs.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => $code,)* }
            }
        }
    };
}

reasons! {
    /// Nobody knows the framework.
    FrameworkUnknown = "framework_unknown",
    /// The framework has not this role.
    NotSubscribed {
        /// Those it has.
        roles: BTreeSet<Role>,
    } = "not_subscribed",
    /// The framework is not connected.
    FrameworkInactive = "framework_inactive",
    /// The framework wants no offers under this role.
    Suppressed = "suppressed",
    /// After an election with quota set: nothing is granted before most agents are back.
    RecoveryHoldOff {
        /// When it ends at the latest.
        until: Instant,
        /// How many agents are back.
        back: usize,
        /// How many have to be.
        expected: usize,
    } = "recovery_hold_off",
    /// There is no agent at all.
    NoAgents = "no_agents",
    /// Nobody knows the agent.
    AgentUnknown = "agent_unknown",
    /// The agent serves no offers: it is away, drained or leaving.
    AgentDeactivated = "agent_deactivated",
    /// The agent's host is not on the whitelist.
    NotWhitelisted {
        /// The host.
        hostname: Arc<str>,
    } = "not_whitelisted",
    /// All the agent has is offered or used.
    NothingFree {
        /// What it has.
        total: Resources,
        /// Who has most of it, at most [`Holder::SHOWN_MAX`].
        holders: Vec<Holder>,
        /// How many have something.
        holder_count: usize,
    } = "nothing_free",
    /// A capability is missing that all of the agent, or a part of it, asks for.
    CapabilityMissing {
        /// Which, and who lacks it.
        lack: Lack,
        /// What is hidden for want of it; nothing said means all of the agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hidden: Option<Resources>,
    } = "capability_missing",
    /// No group of the framework's constraints is met.
    Constraint {
        /// Of every group, the first that is not met.
        failed: Vec<FailedConstraint>,
    } = "constraint",
    /// Where everybody is shown everything: it was shown this, and did not answer yet.
    Shown {
        /// What.
        resources: Resources,
    } = "shown",
    /// Of what is free a part is reserved to roles that are not above this one.
    Reserved {
        /// To whom.
        to: BTreeMap<Role, Resources>,
    } = "reserved",
    /// A role on the path is at its limit.
    QuotaLimit {
        /// Which.
        role: Role,
        /// What it may have.
        limits: Limits,
        /// What counts against it.
        consumed: Quantities,
        /// How much of what is free it may not have for that.
        withheld: Quantities,
    } = "quota_limit",
    /// What is free is kept for roles whose guarantees are not met.
    Headroom {
        /// For whom, at most [`Holder::SHOWN_MAX`]: those who miss most.
        kept_for: Vec<Unsatisfied>,
        /// For how many roles.
        role_count: usize,
        /// How much of what is free is kept.
        withheld: Quantities,
    } = "headroom",
    /// The framework asked for smaller offers.
    OwnMaximum {
        /// What it wants at most.
        limits: Limits,
        /// How much of what is free that leaves out.
        withheld: Quantities,
    } = "own_maximum",
    /// What is left would be a smaller offer than anybody wants.
    BelowMinimum {
        /// What is left.
        left: Resources,
        /// One of these it must hold.
        minimums: Vec<Quantities>,
        /// Whether they are the framework's own.
        is_own: bool,
        /// What is missing for the nearest.
        missing: Quantities,
    } = "below_minimum",
    /// The framework refused it, and that holds.
    Filtered {
        /// Until when.
        until: Instant,
        /// What it refused; nothing beyond that is there.
        refused: Resources,
    } = "filtered",
    /// An offer could be made, but it would not hold what is needed.
    TooSmall {
        /// What it would hold.
        left: Resources,
        /// What is missing.
        missing: Quantities,
        /// Whether the agent would be too small with everything on it free.
        is_never_enough: bool,
    } = "too_small",
    /// Somebody went first and took it.
    ShareOrder {
        /// Who.
        by: Party,
        /// What he was granted.
        taken: Resources,
        /// Why he went first.
        order: Order,
    } = "share_order",
    /// Nothing any more: it will be offered in the next round.
    AwaitingRound {
        /// When that is due.
        next_at: Instant,
    } = "awaiting_round",
}

/// A framework under a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Party {
    /// Who; nothing for a framework that is only known to use something.
    pub framework: Option<FrameworkId>,
    /// Under which role.
    pub role: Role,
}

/// Who has something of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who.
    pub party: Party,
    /// What, offered and used together.
    pub resources: Resources,
    /// The part of it that is offered and not accepted yet, if whoever answers can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered: Option<Resources>,
}

impl Holder {
    /// So many are named: more help nobody.
    pub const SHOWN_MAX: usize = 3;
}

/// A capability that somebody lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lack {
    /// The framework cannot deal with something the agent has.
    Framework(FrameworkCapability),
    /// The agent cannot deal with something the framework is.
    Agent(AgentCapability),
}

/// A constraint that an agent does not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedConstraint {
    /// The place of its group, from 0.
    pub group: usize,
    /// What is demanded.
    pub constraint: AttributeConstraint,
    /// What the agent says; nothing if it says nothing.
    pub found: Option<String>,
}

/// A role whose guarantee is not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsatisfied {
    /// Which.
    pub role: Role,
    /// How much it is promised and has not.
    pub missing: Quantities,
}

/// Why one went before another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Order {
    /// Where their paths part, one side was served before the other: the smaller share by weight, then fewer grants, then the
    /// name.
    Shares {
        /// The side that went first.
        first: Standing,
        /// The side of who asks.
        own: Standing,
    },
    /// The order was drawn.
    Drawn {
        /// The side that was drawn first.
        first: Standing,
        /// The side of who asks.
        own: Standing,
    },
    /// The policy of the cluster has an order of its own.
    Policy {
        /// The side that went first.
        first: Standing,
        /// The side of who asks.
        own: Standing,
    },
    /// Guarantees are served before anything else, but for those who have waited long.
    Guarantee {
        /// Whose.
        role: Role,
    },
    /// Whoever was granted nothing for so long is served before all shares, and who has waited longest first of these.
    Waited {
        /// How many batch rounds that is.
        batches: u32,
    },
}

/// Where one of two siblings stood at that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// A role's path, or a framework's id.
    pub name: String,
    /// The name its share is about; nothing while it has nothing.
    pub resource: Option<ResourceName>,
    /// How much it had of that.
    pub held: Scalar,
    /// How much there is of that.
    pub total: Scalar,
    /// Its weight: the share is what it had of all, divided by this.
    pub weight: Weight,
    /// How many grants it had.
    pub grants: u64,
}

impl Standing {
    /// The share by weight, roughly.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.total.is_zero() { 0.0 } else { self.held.to_f64() / self.total.to_f64() / f64::from(self.weight) }
    }
}
