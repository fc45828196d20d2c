//! What an operator may choose about the allocator.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::resource::{Quantities, ResourceName, Scalar};
use serde::{Deserialize, Serialize};

use super::policy::Policy;
use super::sorter::SorterKind;

/// The allocator's options; the defaults are those of Mesos.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// How often everything that is free is offered again; also the least time a refusal lasts.
    pub allocation_interval: Duration,
    /// An offer must hold at least one of these. Nothing named means anything that is not empty.
    pub min_allocatable: Vec<Quantities>,
    /// Who is served first, and how much is offered at a time.
    pub policy: Policy,
    /// In what order roles are served.
    pub role_sorter: SorterKind,
    /// In what order the frameworks of a role are served.
    pub framework_sorter: SorterKind,
    /// Names that make no share: scarce things that would otherwise dominate whoever needs one of them.
    pub fairness_excluded: Vec<ResourceName>,
    /// Whether agents with `gpus` are offered only to frameworks that can deal with them.
    pub filter_gpu_resources: bool,
    /// In what order agents are served.
    pub agent_order: AgentOrder,
    /// After an election with a quota set, so many of a hundred agents must be back before anything is granted.
    pub agent_recovery_percent: u32,
    /// But rounds wait for them no longer than this.
    pub agent_recovery_timeout: Duration,
    /// A client that was granted nothing for so many batch rounds goes first once. Nothing, by default, as in Mesos: where
    /// much is wanted and little comes back, everybody has waited that long, and then the line of those who wait decides
    /// instead of the shares. What it cures is rare, too: that somebody returns all he gets at once, and refuses nothing
    /// (see the default of [`Filters`](mesos_core::Filters)). Choose more rounds than there are clients. Whoever waits goes
    /// before guarantees too, but is given nothing that these still need.
    pub starvation_batches: Option<u32>,
    /// Where the master stands: agents of other regions are offered only to frameworks that can deal with them. Without
    /// it, all agents are near.
    pub region: Option<Arc<str>>,
    /// A planted defect.
    #[cfg(feature = "mutants")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutant: Option<mesos_core::kernel::Mutant>,
}

/// In what order agents are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AgentOrder {
    /// At random, anew in every stage.
    #[default]
    Random,
    /// Those with the least left first, equal ones at random: what is cut for limits and promises comes from agents that are
    /// in use already, and empty agents stay whole for those who need one.
    FullestFirst,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allocation_interval: Duration::from_secs(1),
            min_allocatable: vec![
                Quantities::from_iter([(ResourceName::Cpus, Scalar::from_milli(10))]),
                Quantities::from_iter([(ResourceName::Mem, Scalar::from_units(32))]),
            ],
            policy: Policy::Hierarchical,
            role_sorter: SorterKind::Drf,
            framework_sorter: SorterKind::Drf,
            fairness_excluded: Vec::new(),
            filter_gpu_resources: true,
            agent_order: AgentOrder::Random,
            agent_recovery_percent: 80,
            agent_recovery_timeout: Duration::from_secs(600),
            starvation_batches: None,
            region: None,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }
}

/// Whether the options carry the planted defect `$name`; never, unless the feature `mutants` is on.
macro_rules! mutant {
    ($options:expr, $name:ident) => {{
        #[cfg(feature = "mutants")]
        let is_planted = $options.mutant == Some(mesos_core::kernel::Mutant::$name);
        #[cfg(not(feature = "mutants"))]
        let is_planted = false;
        is_planted
    }};
}
pub(super) use mutant;
