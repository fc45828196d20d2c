//! What is used and offered, added up from the rows of a snapshot.

use std::collections::HashMap;

use mesos_core::{AgentId, FrameworkId, Resources};

use super::snapshot::Snapshot;

/// What is used and offered of an agent, or by a framework.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amounts {
    /// By tasks that have not ended, and executors.
    pub used: Resources,
    /// In offers that are out.
    pub offered: Resources,
}

/// All sums of a snapshot.
#[derive(Debug, Default)]
pub struct Usage {
    by_agent: HashMap<AgentId, Amounts>,
    by_framework: HashMap<FrameworkId, Amounts>,
}

static NOTHING: std::sync::LazyLock<Amounts> = std::sync::LazyLock::new(Amounts::default);

impl Usage {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut usage = Self::default();
        for framework in &snapshot.frameworks {
            let mut own = Amounts::default();
            let mut use_on = |agent: &AgentId, resources: &Resources, own: &mut Amounts| {
                own.used += resources;
                usage.by_agent.entry(agent.clone()).or_default().used += resources;
            };
            for task in framework.tasks.iter().filter(|task| !task.state.is_terminal()) {
                use_on(&task.agent_id, &task.info.resources, &mut own);
            }
            for executor in &framework.executors {
                use_on(&executor.agent_id, &executor.info.resources, &mut own);
            }
            for offer in &framework.offers {
                own.offered += &offer.resources;
                usage.by_agent.entry(offer.agent_id.clone()).or_default().offered += &offer.resources;
            }
            usage.by_framework.insert(framework.row.state.id.clone(), own);
        }
        usage
    }

    /// Of an agent.
    #[must_use]
    pub fn of_agent(&self, id: &AgentId) -> &Amounts {
        self.by_agent.get(id).unwrap_or(&NOTHING)
    }

    /// By a framework.
    #[must_use]
    pub fn of_framework(&self, id: &FrameworkId) -> &Amounts {
        self.by_framework.get(id).unwrap_or(&NOTHING)
    }
}
