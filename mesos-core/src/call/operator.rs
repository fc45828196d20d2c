//! People and tools, and the master.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Rejection;
use crate::id::{AgentId, FrameworkId};
use crate::maintenance::{MachineId, MaintenanceSchedule, MaintenanceStatus};
use crate::provider::explain::{Explanation, Wanted};
use crate::quota::Quota;

use crate::resource::{Quantities, Resources, Scalar};
use crate::role::Role;
use crate::weight::Weight;

/// Ties an operator's call to its answer; the host keeps the waiting caller, the kernel keeps this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReplyTo(pub u64);

/// What an operator asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Call {
    /// Sets how much roles count; others keep theirs.
    UpdateWeights(BTreeMap<Role, Weight>),
    /// Sets what roles are promised and allowed, all of them or none; other roles keep theirs. Offers that would break the
    /// new quotas are rescinded.
    UpdateQuota {
        /// The whole quota of each role named; one that promises and forbids nothing removes what was set.
        quotas: BTreeMap<Role, Quota>,
        /// Whether to set them although the cluster is too small for the guarantees, or roles have more than the limits.
        force: bool,
    },
    /// Asks for the quotas that are in force.
    GetQuota,
    /// Asks why a framework got no offer, and what would have been enough.
    Explain {
        /// Who waits.
        framework_id: FrameworkId,
        /// Under which role.
        role: Role,
        /// For what.
        of: Wanted,
    },
    /// Asks who would have to return something so that a framework could have what it needs.
    Preemptions {
        /// Who needs something.
        framework_id: FrameworkId,
        /// Under which role.
        role: Role,
        /// How much, all of it on one agent.
        need: Quantities,
    },
    /// Removes a framework and kills its tasks.
    Teardown(FrameworkId),
    /// Says that an agent will never come back.
    MarkAgentGone(AgentId),
    /// Offers an agent no more and ends its tasks; when the last one has ended the agent is drained, and stays out of
    /// service until it is reactivated. Holds through failovers and while the agent is unreachable.
    DrainAgent {
        /// Which agent.
        agent_id: AgentId,
        /// Tasks get no longer than this to end; without it their own kill policies hold.
        max_grace: Option<Duration>,
        /// Whether the drained agent is marked gone.
        mark_gone: bool,
    },
    /// Offers an agent no more; its tasks run on.
    DeactivateAgent(AgentId),
    /// Offers an agent again that was deactivated or drained.
    ReactivateAgent(AgentId),
    /// Replaces the maintenance schedule.
    UpdateMaintenanceSchedule(MaintenanceSchedule),
    /// Asks for the maintenance schedule.
    GetMaintenanceSchedule,
    /// Asks which machines are draining or down, and what frameworks answered.
    GetMaintenanceStatus,
    /// Takes machines of the schedule down: their agents are shut down and removed, and may not register.
    StartMaintenance(BTreeSet<MachineId>),
    /// Machines that were down are up again, and not in the schedule any more.
    StopMaintenance(BTreeSet<MachineId>),
    /// Offers only agents on these hosts; nothing said means all. Offers that are out stay.
    UpdateWhitelist(Option<BTreeSet<Arc<str>>>),
    /// Reserves free resources of an agent: pushes the top reservation of each entry, or moves them from other reservations.
    Reserve {
        /// On which agent.
        agent_id: AgentId,
        /// What they are reserved as now, over any number of levels; nothing for what lies one level below.
        #[serde(default, skip_serializing_if = "Resources::is_empty")]
        source: Resources,
        /// What it shall be reserved as.
        resources: Resources,
    },
    /// Makes persistent volumes of free reserved disk of an agent.
    CreateVolumes {
        /// On which agent.
        agent_id: AgentId,
        /// Which.
        volumes: Resources,
    },
    /// Unmakes persistent volumes nobody uses; what they hold is deleted.
    DestroyVolumes {
        /// On which agent.
        agent_id: AgentId,
        /// Which.
        volumes: Resources,
    },
    /// Enlarges a persistent volume nobody uses by free disk of its kind.
    GrowVolume {
        /// On which agent.
        agent_id: AgentId,
        /// The volume, one entry.
        volume: Resources,
        /// The disk, one entry.
        addition: Resources,
    },
    /// Makes a persistent volume smaller that nobody uses.
    ShrinkVolume {
        /// On which agent.
        agent_id: AgentId,
        /// The volume, one entry.
        volume: Resources,
        /// By how much.
        subtract: Scalar,
    },
    /// Pops the top reservation of free resources of an agent.
    Unreserve {
        /// On which agent.
        agent_id: AgentId,
        /// What is reserved now.
        resources: Resources,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Response {
    /// It is done, and durable where it has to be.
    Done,
    /// The quotas in force; a role that is not named has none.
    Quotas(BTreeMap<Role, Quota>),
    /// Why there was no offer.
    Explained(Box<Explanation>),
    /// Who would have to make room; nothing if nobody can.
    Preemptions(Option<RoomMade>),
    /// The maintenance schedule.
    MaintenanceSchedule(MaintenanceSchedule),
    /// How far maintenance is.
    MaintenanceStatus(MaintenanceStatus),
    /// It was not done.
    Refused(Rejection),
}

/// Whose return on which agent would make room for somebody more important.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomMade {
    /// Where.
    pub agent_id: AgentId,
    /// Who would have to return what they hold there; nobody if there is room already.
    pub displaced: Vec<Displaced>,
}

/// A framework that holds something under a less important role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Displaced {
    /// Who.
    pub framework_id: FrameworkId,
    /// Under which role.
    pub role: Role,
    /// The priority of the role.
    pub priority: i32,
    /// All it holds there, offered or used.
    pub resources: Resources,
}

impl fmt::Display for RoomMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent_id, displaced } = self;
        if displaced.is_empty() {
            return write!(f, "Agent {agent_id} has room already.");
        }
        write!(f, "Agent {agent_id} would have room if")?;
        for (place, Displaced { framework_id, role, priority, resources }) in displaced.iter().enumerate() {
            let and = if place == 0 { "" } else { " and" };
            write!(f, "{and} {framework_id} under {role} (priority {priority}) returned {resources}")?;
        }
        f.write_str(".")
    }
}
