//! What an agent is made of, as data: journals begin with it, and replays make the same agent again.

use std::sync::Arc;

use mesos_core::AgentInfo;
use serde::{Deserialize, Serialize};

use super::{Agent, ExecutorFactory, Options};

/// An agent's description, options and executors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Its description.
    pub info: Arc<AgentInfo>,
    /// Its options.
    pub options: Arc<Options>,
    /// The kinds of executors it runs inside itself. Those that come with every agent can be made again; others are
    /// somebody's own.
    pub executors: Vec<String>,
}

impl Recipe {
    /// The kind of machine, in the header of a journal.
    pub const MACHINE: &str = "agent";

    /// An agent of this recipe that has not lived yet, with these executors.
    #[must_use]
    pub fn agent(&self, executors: ExecutorFactory) -> Agent {
        Agent::new(self.info.clone(), self.options.clone(), executors)
    }
}

impl Agent {
    /// What this agent is made of.
    #[must_use]
    pub fn recipe(&self) -> Recipe {
        let executors = self.factory.kinds().map(str::to_owned).collect();
        Recipe { info: self.info.clone(), options: self.options.clone(), executors }
    }
}
