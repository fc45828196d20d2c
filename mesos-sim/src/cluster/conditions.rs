//! What surrounds a simulated cluster: network, elections, disks, containers, and what goes wrong with them.

use std::time::Duration;

use super::decision::DecisionCost;
use crate::container::ContainerModel;
use crate::election::ElectionModel;
use crate::failure::Origin;
use crate::fault::Faults;
use crate::net::NetModel;

/// How the simulated surroundings behave, and what goes wrong.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// The network when it is well.
    pub net: NetModel,
    /// Elections when all is well.
    pub election: ElectionModel,
    /// Containers when all is well.
    pub containers: ContainerModel,
    /// Shortest and longest write to a disk or the registry.
    pub disk_latency: (Duration, Duration),
    /// What handling a message costs a master, in virtual time: it handles one after the other. Nothing is the default: then
    /// the figures are those of decisions alone, whatever machine they are made on.
    pub message_cost: Duration,
    /// What a round of the allocator costs, in virtual time.
    pub decision_cost: DecisionCost,
    /// Agents of an early version: of a million updates so many say as the newest state of their task one that has passed.
    pub stale_latest_ppm: u32,
    /// Everything starts within this time.
    pub start_within: Duration,
    /// From a process that ended by itself to its next start.
    pub restart_after: (Duration, Duration),
    /// What goes wrong.
    pub faults: Faults,
    /// How long the cluster may take to settle once faults are over.
    pub settle_within: Duration,
    /// Whether an operator now and then undoes reservations nobody uses, once faults are over.
    pub is_tidied: bool,
    /// Whether tasks are followed for the report.
    pub is_tallied: bool,
    /// Where the description comes from: what a failure says to see it again.
    pub origin: Origin,
    /// The defect planted in every machine.
    #[cfg(feature = "mutants")]
    pub mutant: Option<mesos_core::kernel::Mutant>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            net: NetModel::default(),
            election: ElectionModel::default(),
            containers: ContainerModel::default(),
            disk_latency: (Duration::from_micros(200), Duration::from_millis(5)),
            message_cost: Duration::ZERO,
            decision_cost: DecisionCost::default(),
            stale_latest_ppm: 0,
            start_within: Duration::from_millis(100),
            restart_after: (Duration::from_millis(500), Duration::from_secs(3)),
            faults: Faults::default(),
            settle_within: Duration::from_secs(3_600),
            is_tidied: false,
            is_tallied: true,
            origin: Origin::Described,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }
}

impl Conditions {
    pub(crate) fn mutant_name(&self) -> Option<String> {
        #[cfg(feature = "mutants")]
        return self.mutant.map(|mutant| format!("{mutant:?}"));
        #[cfg(not(feature = "mutants"))]
        None
    }
}
