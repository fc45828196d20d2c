//! What would have been enough for an offer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::reason::{FailedConstraint, Holder, Lack, Party};
use crate::resource::{Quantities, Resources};
use crate::role::Role;
use crate::time::Instant;
use crate::weight::Weight;

macro_rules! changes {
    ($($(#[$doc:meta])* $name:ident $({ $($fields:tt)* })? = $code:literal,)*) => {
        /// One step of what would have been enough.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "code", rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Change {
            $($(#[$doc])* $name $({ $($fields)* })?,)*
        }

        impl Change {
            /// Every code there is.
            pub const CODES: &[&str] = &[$($code),*];

            /// Its stable name, for programs.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => $code,)* }
            }
        }
    };
}

changes! {
    /// The framework subscribes to the role.
    Subscribe {
        /// Which.
        role: Role,
    } = "subscribe",
    /// The framework connects again.
    Reconnect = "reconnect",
    /// The framework revives the role, which ends its refusals too.
    Revive {
        /// Which.
        role: Role,
    } = "revive",
    /// Nobody does anything before then.
    Wait {
        /// Until when.
        until: Instant,
    } = "wait",
    /// The framework answers what it was shown.
    Answer {
        /// What it was shown.
        resources: Resources,
    } = "answer",
    /// An agent registers that has at least this.
    AddAgent {
        /// What it has; empty if anything will do.
        resources: Resources,
    } = "add_agent",
    /// The agent serves offers again.
    ActivateAgent = "activate_agent",
    /// The host is put on the whitelist.
    Whitelist {
        /// Which.
        hostname: Arc<str>,
    } = "whitelist",
    /// The capability is there.
    AddCapability {
        /// Which, and whose.
        lack: Lack,
    } = "add_capability",
    /// The framework demands this no more.
    RelaxConstraints {
        /// All of one group that are not met.
        constraints: Vec<FailedConstraint>,
    } = "relax_constraints",
    /// Resources lose their reservation.
    Unreserve {
        /// Which.
        resources: Resources,
    } = "unreserve",
    /// A role's limits are raised.
    RaiseLimit {
        /// Which role's.
        role: Role,
        /// By how much.
        by: Quantities,
    } = "raise_limit",
    /// A role is promised less.
    LowerGuarantee {
        /// Which role.
        role: Role,
        /// By how much.
        by: Quantities,
    } = "lower_guarantee",
    /// The agent, or a new one, has more.
    AddCapacity {
        /// How much more.
        resources: Resources,
    } = "add_capacity",
    /// The framework asks for larger offers.
    RaiseMaximum {
        /// By how much.
        by: Quantities,
    } = "raise_maximum",
    /// The framework says that this is enough.
    LowerMinimum {
        /// How little; empty for anything at all.
        to: Quantities,
    } = "lower_minimum",
    /// Others give something on the agent back.
    Free {
        /// Who and what.
        from: Vec<Holder>,
    } = "free",
    /// Others, who would be served before it and take it, want no offers.
    Suppress {
        /// Who, at most [`Holder::SHOWN_MAX`].
        parties: Vec<Party>,
        /// How many they are.
        party_count: usize,
    } = "suppress",
    /// A role counts more beside its siblings.
    RaiseWeight {
        /// Which.
        role: Role,
        /// The smallest weight with which it would have gone first.
        to: Weight,
    } = "raise_weight",
}
