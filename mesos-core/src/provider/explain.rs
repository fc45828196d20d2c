//! Why somebody got no offer, as data.
//!
//! Whoever waits for an offer asks a [`Question`]; an allocator that can tell answers with an [`Explanation`]: every
//! [`Reason`] that stands in the way, in the order in which it is looked at, and the smallest [`Change`] that would have
//! been enough. Each has a stable code for programs; shown as text, an explanation reads as a colleague would put it.
//!
//! This is not a log: nothing is written down for questions that nobody asks, and an answer is about the last round and
//! what became true since. See [the guide](crate::docs::offers).

mod change;
mod reason;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AgentKey, FrameworkKey};
use crate::id::{AgentId, FrameworkId};
use crate::resource::{Quantities, Resources};
use crate::role::Role;
use crate::time::Instant;

pub use change::Change;
pub use reason::{FailedConstraint, Holder, Lack, Order, Party, Reason, Standing, Unsatisfied};

/// Who waits for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who.
    pub framework: FrameworkKey,
    /// Under which role.
    pub role: Role,
    /// What it waits for.
    pub of: Subject,
}

/// What somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// Any offer of this agent.
    Agent(AgentKey),
    /// One offer, of whatever agent, that holds at least this.
    Need(Need),
}

/// The same, asked by people and tools, who know ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Wanted {
    /// Any offer of this agent.
    Agent(AgentId),
    /// One offer, of whatever agent, that holds at least this.
    Need(Need),
}

/// What one offer has to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Need {
    /// So much of each name, whatever kind it is of.
    Quantities(Quantities),
    /// Exactly this: what a task asks for.
    Resources(Resources),
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// When it was asked.
    pub asked_at: Instant,
    /// Who waits; nothing if the framework is not known.
    pub framework: Option<FrameworkId>,
    /// Under which role.
    pub role: Role,
    /// What for.
    pub of: About,
    /// Whether there was an offer.
    pub verdict: Verdict,
    /// All that stands in the way, in the order in which an allocator looks at it. With a need: on the nearest agent.
    pub reasons: Vec<Reason>,
    /// What would have been enough, all of it together, as little as possible. Nothing if there is nothing to change.
    pub change: Vec<Change>,
    /// Another way, if there is one that somebody else would have to go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub or: Vec<Change>,
    /// With a need: what all agents have to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<Survey>,
}

/// What the answer is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum About {
    /// An agent; nothing if it is not known.
    Agent(Option<AgentId>),
    /// A need.
    Need(Need),
}

/// Whether there was an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Yes: the last round granted it.
    Offered {
        /// Where.
        agent: Option<AgentId>,
        /// What.
        resources: Resources,
    },
    /// Not in the last round, but it has something there from before.
    Held {
        /// What.
        resources: Resources,
    },
    /// No.
    NotOffered,
}

/// What all agents have to say about a need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Survey {
    /// How many agents there are.
    pub agents: usize,
    /// On how many of them each reason holds, by its code.
    pub counts: BTreeMap<String, usize>,
    /// The agent where the fewest and smallest reasons hold: the reasons and changes are about it.
    pub nearest: Option<AgentId>,
}

impl Survey {
    /// Nothing counted yet of so many agents.
    #[must_use]
    pub const fn new(agents: usize, nearest: Option<AgentId>) -> Self {
        Self { agents, counts: BTreeMap::new(), nearest }
    }
}

impl Need {
    /// Whether an offer is enough.
    #[must_use]
    pub fn is_met_by(&self, offer: &Resources) -> bool {
        match self {
            Self::Quantities(amounts) => offer.contains_quantities(amounts),
            Self::Resources(resources) => offer.contains(resources),
        }
    }

    /// How much of each name it is.
    #[must_use]
    pub fn quantities(&self) -> Quantities {
        match self {
            Self::Quantities(amounts) => amounts.clone(),
            Self::Resources(resources) => resources.quantities(),
        }
    }
}

impl Explanation {
    /// An answer without reasons.
    #[must_use]
    pub const fn new(asked_at: Instant, framework: Option<FrameworkId>, role: Role, of: About) -> Self {
        Self {
            asked_at,
            framework,
            role,
            of,
            verdict: Verdict::NotOffered,
            reasons: Vec::new(),
            change: Vec::new(),
            or: Vec::new(),
            survey: None,
        }
    }

    /// Whether a reason of this code is among them.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.reasons.iter().any(|reason| reason.code() == code)
    }
}
