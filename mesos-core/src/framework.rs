//! What a framework says about itself when it subscribes.
//!
//! Semantics: Apache Mesos, `include/mesos/v1/mesos.proto` (`FrameworkInfo`) and `docs/high-availability-framework-guide.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{FrameworkId, Principal};
use crate::resource::{Limits, Quantities};
use crate::role::Role;

/// What a framework can deal with; without the capability it is spared the thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum FrameworkCapability {
    /// Offers may hold resources that can be taken back.
    RevocableResources,
    /// Executors report `TASK_KILLING` between the kill and the end.
    TaskKillingState,
    /// Agents with `gpus` are offered.
    GpuResources,
    /// Offers may hold shared volumes.
    SharedResources,
    /// The precise states `DROPPED`, `UNREACHABLE`, `GONE`, `GONE_BY_OPERATOR`, `UNKNOWN` instead of `LOST`.
    PartitionAware,
    /// More than one role.
    MultiRole,
    /// Offers may hold resources reserved more than once along a role path.
    ReservationRefinement,
    /// Agents of other regions are offered.
    RegionAware,
}

/// A framework's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FrameworkInfo {
    /// The id it was given before, to fail over; absent at the first subscription.
    pub id: Option<FrameworkId>,
    /// A name for people.
    pub name: Arc<str>,
    /// The user tasks run as; empty means the agent's own.
    pub user: Arc<str>,
    /// The roles it wants offers for; at least one.
    pub roles: BTreeSet<Role>,
    /// How long it may be disconnected before its tasks are killed and it is removed. The default of a new description is
    /// one week, not zero as in Mesos, where forgetting this field kills every task at the first disconnection.
    pub failover_timeout: Duration,
    /// Whether agents keep its tasks on disk, so that they outlive an agent's restart. On by default, unlike in Mesos.
    pub checkpoint: bool,
    /// What it can deal with.
    pub capabilities: BTreeSet<FrameworkCapability>,
    /// Who it says it is; must be what it proved to be.
    pub principal: Option<Principal>,
    /// Where it runs, for people.
    pub hostname: Arc<str>,
    /// Its own page, for people.
    pub webui_url: Option<Arc<str>>,
    /// Free labels, for people and tools.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Per role, instead of the cluster's own: an offer must hold at least one of these; an empty list means anything
    /// that is not empty.
    pub min_allocatable: BTreeMap<Role, Vec<Quantities>>,
    /// Per role: an offer holds at most this much; a name that is not there has no bound. Other than in Mesos, where one
    /// framework is offered a whole agent however little it can use. Counts only unreserved and irrevocable amounts.
    #[serde(default)]
    pub max_offer: BTreeMap<Role, Limits>,
}

impl FrameworkInfo {
    /// Tasks outlive a framework that comes back within this time.
    pub const FAILOVER_TIMEOUT_DEFAULT: Duration = Duration::from_secs(7 * 24 * 3_600);

    /// A framework with the capabilities a new one should have: partition aware, multi-role, refined reservations,
    /// killing state.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, role: Role) -> Self {
        use FrameworkCapability::{MultiRole, PartitionAware, ReservationRefinement, TaskKillingState};
        Self {
            id: None,
            name: name.into(),
            user: "".into(),
            roles: BTreeSet::from([role]),
            failover_timeout: Self::FAILOVER_TIMEOUT_DEFAULT,
            checkpoint: true,
            capabilities: BTreeSet::from([PartitionAware, MultiRole, ReservationRefinement, TaskKillingState]),
            principal: None,
            hostname: "".into(),
            webui_url: None,
            labels: BTreeMap::new(),
            min_allocatable: BTreeMap::new(),
            max_offer: BTreeMap::new(),
        }
    }

    /// Whether it has `capability`.
    #[must_use]
    pub fn can(&self, capability: FrameworkCapability) -> bool {
        self.capabilities.contains(&capability)
    }
}
