//! When a machine will not be there.
//!
//! Offers of an agent with a planned unavailability say so, and frameworks that use it are asked for it back by inverse
//! offers. What they answer is information for operators; nothing is taken away by force.
//!
//! Semantics: Apache Mesos, `docs/maintenance.md`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, FrameworkId, OfferId};
use crate::time::WallTime;

/// A time in which an agent is planned to be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailability {
    /// From when; may lie in the past.
    pub start: WallTime,
    /// For how long; nothing said means for good.
    pub duration: Option<Duration>,
}

/// A request to give an agent back, all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InverseOffer {
    /// Names it in the answer.
    pub id: OfferId,
    /// Who is asked.
    pub framework_id: FrameworkId,
    /// Which agent.
    pub agent_id: AgentId,
    /// When it will be away.
    pub unavailability: Unavailability,
}

impl InverseOffer {
    /// An inverse offer.
    #[must_use]
    pub const fn new(
        id: OfferId,
        framework_id: FrameworkId,
        agent_id: AgentId,
        unavailability: Unavailability,
    ) -> Self {
        Self { id, framework_id, agent_id, unavailability }
    }
}
