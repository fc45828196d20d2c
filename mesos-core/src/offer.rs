//! Offers, and what a refusal of one means.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::AgentInfo;
use crate::id::{AgentId, ExecutorId, FrameworkId, OfferId};
use crate::maintenance::Unavailability;
use crate::resource::Resources;
use crate::role::Role;

/// Resources of one agent, offered to one framework under one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Offer {
    /// Names the offer in ACCEPT and DECLINE.
    pub id: OfferId,
    /// To whom.
    pub framework_id: FrameworkId,
    /// Whose resources.
    pub agent_id: AgentId,
    /// The role they are offered under; everything accepted from the offer is allocated to it.
    pub role: Role,
    /// What is offered.
    pub resources: Resources,
    /// The agent's description: host name, attributes, fault domain.
    pub agent: Arc<AgentInfo>,
    /// Executors of this framework that already run on the agent.
    pub executor_ids: Vec<ExecutorId>,
    /// When the agent is planned to be away; what runs there then is lost.
    #[serde(default)]
    pub unavailability: Option<Unavailability>,
}

impl Offer {
    /// An offer.
    #[must_use]
    pub const fn new(
        id: OfferId,
        framework_id: FrameworkId,
        agent_id: AgentId,
        role: Role,
        resources: Resources,
        agent: Arc<AgentInfo>,
    ) -> Self {
        Self { id, framework_id, agent_id, role, resources, agent, executor_ids: Vec::new(), unavailability: None }
    }
}

/// How long what was refused, or left over by an accept, is not offered to the same framework and role again.
///
/// A filter blocks an offer when the refused resources contain it: an agent that gained something is offered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Filters {
    /// From when the resources came back; at least until after the next allocation round. Zero sets no filter.
    pub refuse_for: Duration,
}

impl Filters {
    /// What a missing field means (`Filters.refuse_seconds` in Mesos).
    pub const REFUSE_FOR_DEFAULT: Duration = Duration::from_secs(5);
    /// The longest refusal (Mesos caps here too).
    pub const REFUSE_FOR_MAX: Duration = Duration::from_secs(365 * 24 * 3_600);

    /// Refuses for `duration`, at most a year.
    #[must_use]
    pub fn refuse_for(duration: Duration) -> Self {
        Self { refuse_for: duration.min(Self::REFUSE_FOR_MAX) }
    }

    /// Sets no filter.
    #[must_use]
    pub const fn none() -> Self {
        Self { refuse_for: Duration::ZERO }
    }

    /// As Mesos reads seconds: negative or not a number means the default, more than a year means a year.
    #[must_use]
    pub fn from_secs_lenient(secs: f64) -> Self {
        match Duration::try_from_secs_f64(secs) {
            Ok(duration) => Self::refuse_for(duration),
            Err(_) if secs > 0.0 => Self::refuse_for(Self::REFUSE_FOR_MAX),
            Err(_) => Self::default(),
        }
    }
}

impl Default for Filters {
    fn default() -> Self {
        Self { refuse_for: Self::REFUSE_FOR_DEFAULT }
    }
}

impl From<f64> for Filters {
    fn from(secs: f64) -> Self {
        Self::from_secs_lenient(secs)
    }
}

impl From<Filters> for f64 {
    fn from(filters: Filters) -> Self {
        filters.refuse_for.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_seconds_mean_what_they_mean_in_mesos() {
        for (secs, expected) in
            [(-1.0, 5), (f64::NAN, 5), (0.0, 0), (7.0, 7), (f64::INFINITY, 31_536_000), (1e18, 31_536_000)]
        {
            assert_eq!(Filters::from_secs_lenient(secs).refuse_for.as_secs(), expected, "{secs}");
        }
    }
}
