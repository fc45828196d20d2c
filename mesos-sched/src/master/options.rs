//! What a master can be told at its start. Defaults are those of Apache Mesos (`docs/configuration/master.md`) unless the
//! field says otherwise.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::{Role, Weight};
use serde::{Deserialize, Serialize};

use super::Memory;
use crate::allocator::ConstraintBounds;

/// A master's options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Options {
    /// An offer nobody answered for this long is rescinded; absent means never.
    pub offer_timeout: Option<Duration>,
    /// Between two pings of an agent.
    pub agent_ping_every: Duration,
    /// So many unanswered pings in a row make an agent unreachable.
    pub agent_ping_timeouts_max: u32,
    /// How long a newly elected master waits for the agents of the registry before they are unreachable.
    pub agent_reregister_timeout: Duration,
    /// Between two agents that are marked unreachable, at least; none means that any number is at once.
    pub agent_removal_every: Option<Duration>,
    /// The part of the registry's agents, in millionths, that may be missing when their time to come back is over: when more
    /// are, the master steps down instead of giving them up.
    pub recovery_removal_limit_ppm: u32,
    /// Whether frameworks may run as root.
    pub root_submissions: bool,
    /// Whether agents that do not say where they stand are refused.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub require_agent_domain: bool,
    /// Between two heartbeats to a framework.
    pub heartbeat_every: Duration,
    /// Tasks of one framework on unreachable agents that are remembered; the oldest are forgotten first.
    pub unreachable_tasks_max: usize,
    /// Removed frameworks whose ids are remembered, so that they cannot come back; the oldest are forgotten first.
    pub removed_frameworks_max: usize,
    /// Frameworks known at one time; a further one is refused.
    pub frameworks_max: usize,
    /// Tasks of one framework at one time; a further one is refused with `TASK_ERROR`.
    pub tasks_per_framework_max: usize,
    /// Operations of one framework that have an id and whose end is not acknowledged; a further one is refused with
    /// `OPERATION_ERROR`.
    pub operations_per_framework_max: usize,
    /// Between two clean-ups of the registry.
    pub registry_prune_every: Duration,
    /// Unreachable and gone agents are forgotten after this long.
    pub registry_age_max: Duration,
    /// Unreachable and gone agents remembered at most; the oldest are forgotten first.
    pub registry_count_max: usize,
    /// What roles weigh in a new cluster. The first leader that finds no weights in the registry writes these there; from
    /// then on the registry counts, and operators change it.
    pub weights: BTreeMap<Role, Weight>,
    /// How long and how large regular expressions in offer constraints may be.
    pub constraint_bounds: ConstraintBounds,
    /// Whether every change of the books is published from the beginning, and not only when that is
    /// [asked for](super::Input::PublishAll).
    pub publishes: bool,
    /// How much of what is over is remembered, for views outside the master; absent means nothing.
    pub memory: Option<Memory>,
    /// A planted defect.
    #[cfg(feature = "mutants")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutant: Option<mesos_core::kernel::Mutant>,
}

impl Options {
    /// After how long without an answer an agent is unreachable: 75 s by default.
    #[must_use]
    pub fn agent_ping_timeout(&self) -> Duration {
        self.agent_ping_every.saturating_mul(self.agent_ping_timeouts_max)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            offer_timeout: None,
            agent_ping_every: Duration::from_secs(15),
            agent_ping_timeouts_max: 5,
            agent_reregister_timeout: Duration::from_secs(600),
            agent_removal_every: None,
            recovery_removal_limit_ppm: 1_000_000,
            root_submissions: true,
            require_agent_domain: false,
            heartbeat_every: Duration::from_secs(15),
            unreachable_tasks_max: 1_000,
            // Mesos keeps 50, for its views; ids are small, and forgetting one lets a removed framework come back.
            removed_frameworks_max: 10_000,
            frameworks_max: 100_000,
            tasks_per_framework_max: 10_000_000,
            operations_per_framework_max: 10_000,
            registry_prune_every: Duration::from_secs(15 * 60),
            registry_age_max: Duration::from_secs(14 * 24 * 3_600),
            registry_count_max: 102_400,
            weights: BTreeMap::new(),
            constraint_bounds: ConstraintBounds::default(),
            publishes: false,
            memory: None,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }
}

/// Whether the master carries the planted defect `$name`; never, unless the feature `mutants` is on.
macro_rules! mutant {
    ($master:expr, $name:ident) => {{
        #[cfg(feature = "mutants")]
        let is_planted = $master.options.mutant == Some(mesos_core::kernel::Mutant::$name);
        #[cfg(not(feature = "mutants"))]
        let is_planted = false;
        is_planted
    }};
}
pub(super) use mutant;
