//! Facts that disagree with the books.
//!
//! A master that recovers or converts what was never granted has lost count. Such a fact changes nothing, so the books
//! stay balanced and the cluster goes on; it is counted and described, so that a checker can insist on there being none.

use std::collections::VecDeque;
use std::fmt;

use mesos_core::Role;
use mesos_core::provider::{AgentKey, FrameworkKey};
use mesos_core::resource::Resources;

/// How many are remembered.
const REMEMBERED_MAX: usize = 16;

/// A fact that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inconsistency {
    /// Resources were recovered from somebody who does not hold them.
    RecoveredUnheld {
        /// From whom.
        framework: FrameworkKey,
        /// Under which role.
        role: Role,
        /// Where.
        agent: AgentKey,
        /// What.
        resources: Resources,
    },
    /// Resources were converted by somebody who does not hold them.
    ConvertedUnheld {
        /// By whom.
        framework: FrameworkKey,
        /// Under which role.
        role: Role,
        /// Where.
        agent: AgentKey,
        /// What.
        resources: Resources,
    },
    /// A framework was removed while it holds something. It is offered nothing any more; what it holds stays booked until it
    /// is recovered or its agents are gone.
    RemovedHolding {
        /// Which.
        framework: FrameworkKey,
        /// On how many agents, counted once for each of its roles.
        agents: usize,
    },
}

/// How many facts were refused, and the latest of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inconsistencies {
    count: u64,
    latest: VecDeque<Inconsistency>,
}

impl Inconsistencies {
    /// How many there were; zero as long as the master counts right.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The latest, oldest first.
    pub fn latest(&self) -> impl Iterator<Item = &Inconsistency> {
        self.latest.iter()
    }

    pub(super) fn note(&mut self, refused: Inconsistency) {
        self.count += 1;
        if self.latest.len() == REMEMBERED_MAX {
            self.latest.pop_front();
        }
        self.latest.push_back(refused);
    }
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, framework, role, agent, resources) = match self {
            Self::RecoveredUnheld { framework, role, agent, resources } => {
                ("recovered from", framework, role, agent, resources)
            }
            Self::ConvertedUnheld { framework, role, agent, resources } => {
                ("converted by", framework, role, agent, resources)
            }
            Self::RemovedHolding { framework, agents } => {
                return write!(f, "framework {} was removed while it holds resources of {agents} agents", framework.0);
            }
        };
        let (framework, agent) = (framework.0, agent.0);
        write!(
            f,
            "{resources} of agent {agent} was {verb} framework {framework} under role {role}, which does not hold it"
        )
    }
}
