//! The durable truth of a cluster, as a value.
//!
//! What a new leader must know and cannot ask anybody for: who leads, which agents belong to the cluster, which of them
//! were lost or are gone for good or do not serve, how much roles count and what they are promised, what is planned for
//! machines, and which hosts may be offered. Everything else (frameworks, tasks, offers, reservations) is
//! deliberately not here: agents and frameworks report it when they come back. Semantics as in Apache Mesos,
//! `src/master/registry.proto`, but as small keyed records instead of one value that is rewritten for every agent.
//!
//! ```text
//!   master ──Op──▶ Registrar ──Batch of Changes──▶ Effect::Persist ──▶ store
//!                  │      ▲                                              │
//!     durable, upcoming   └──────────── complete(ticket) ◀── Persisted ──┘
//! ```
//!
//! Not here: when an agent is admitted or marked, and what is told to whom once that is durable; that is the master's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::maintenance::MachineId;
use mesos_core::{AgentId, AgentInfo, MasterId, Principal, Quota, Role, WallTime, Weight};
use serde::{Deserialize, Serialize};

#[cfg(all(feature = "net", any(test, fuzzing)))]
pub mod decoders;
mod duty;
mod maintenance;
mod op;
mod quota;
mod record;
mod registrar;

pub use duty::{Drain, Duty};
pub use maintenance::{MACHINES_MAX, MACHINES_PER_OP_MAX, Machine, WHITELIST_BYTES_MAX, schedule_of};
pub use op::{Op, PRUNED_PER_OP_MAX, ROLE_BYTES_MAX, WEIGHTED_ROLES_MAX, WEIGHTS_PER_OP_MAX};
pub use quota::{QUOTA_NAMES_MAX, QUOTA_ROLES_MAX, QUOTAS_PER_OP_MAX};
pub(crate) use quota::{above, covering, larger, validate as validate_quota};
pub use registrar::{BATCH_BYTES_MAX, BATCH_CHANGES_MAX, Batch, QUEUED_OPS_MAX, Registrar};

/// An agent that belongs to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Admitted {
    /// Its description, as it was admitted.
    pub info: Arc<AgentInfo>,
    /// Whether it is offered.
    #[serde(default, skip_serializing_if = "Duty::is_serving")]
    pub duty: Duty,
}

/// An agent that was lost and may come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unreachable {
    /// Since when.
    pub since_wall: WallTime,
    /// Whether it will be offered when it is back.
    #[serde(default, skip_serializing_if = "Duty::is_serving")]
    pub duty: Duty,
    /// Who may come back as it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
}

/// An agent an operator said will never come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gone {
    /// Since when.
    pub since_wall: WallTime,
}

/// What the registry holds about one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It belongs to the cluster.
    Admitted(&'a Admitted),
    /// It was lost and may come back.
    Unreachable(&'a Unreachable),
    /// It may never come back.
    Gone(&'a Gone),
}

/// Everything durable. Changed by [`Op`]s only; an agent is in at most one of the three maps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    pub(crate) leader: Option<MasterId>,
    pub(crate) agents: BTreeMap<AgentId, Admitted>,
    pub(crate) unreachable: BTreeMap<AgentId, Unreachable>,
    pub(crate) gone: BTreeMap<AgentId, Gone>,
    pub(crate) weights: Arc<BTreeMap<Role, Weight>>,
    pub(crate) quotas: Arc<BTreeMap<Role, Quota>>,
    pub(crate) machines: Arc<BTreeMap<MachineId, Machine>>,
    pub(crate) whitelist: Option<BTreeSet<Arc<str>>>,
}

impl Registry {
    /// Who leads, or led last; absent in a new cluster.
    #[must_use]
    pub const fn leader(&self) -> Option<&MasterId> {
        self.leader.as_ref()
    }

    /// The agents that belong to the cluster.
    #[must_use]
    pub const fn agents(&self) -> &BTreeMap<AgentId, Admitted> {
        &self.agents
    }

    /// The agents that were lost.
    #[must_use]
    pub const fn unreachable(&self) -> &BTreeMap<AgentId, Unreachable> {
        &self.unreachable
    }

    /// The agents that may never come back.
    #[must_use]
    pub const fn gone(&self) -> &BTreeMap<AgentId, Gone> {
        &self.gone
    }

    /// How much roles count; a role that is not here has [`Weight::ONE`].
    #[must_use]
    pub fn weights(&self) -> &BTreeMap<Role, Weight> {
        &self.weights
    }

    /// The same, to keep: what changes later is not in it.
    #[must_use]
    pub fn shared_weights(&self) -> Arc<BTreeMap<Role, Weight>> {
        self.weights.clone()
    }

    /// What roles are promised and allowed; a role that is not here has no quota.
    #[must_use]
    pub fn quotas(&self) -> &BTreeMap<Role, Quota> {
        &self.quotas
    }

    /// The same, to keep: what changes later is not in it.
    #[must_use]
    pub fn shared_quotas(&self) -> Arc<BTreeMap<Role, Quota>> {
        self.quotas.clone()
    }

    /// What is held about `agent`, if anything.
    #[must_use]
    pub fn standing(&self, agent: &AgentId) -> Option<Standing<'_>> {
        if let Some(admitted) = self.agents.get(agent) {
            Some(Standing::Admitted(admitted))
        } else if let Some(unreachable) = self.unreachable.get(agent) {
            Some(Standing::Unreachable(unreachable))
        } else {
            self.gone.get(agent).map(Standing::Gone)
        }
    }

    /// Who alone may come back as `agent`. Nobody is named of an agent that proved nothing when it was admitted, and of one
    /// that is not known.
    #[must_use]
    pub fn principal(&self, agent: &AgentId) -> Option<&Principal> {
        match self.standing(agent)? {
            Standing::Admitted(admitted) => admitted.info.principal.as_ref(),
            Standing::Unreachable(unreachable) => unreachable.principal.as_ref(),
            Standing::Gone(_) => None,
        }
    }
}
