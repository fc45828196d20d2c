//! Who is there: as much as has to be known to tell facts a master could tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_core::constraint::OfferConstraints;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey};
use mesos_core::resource::Resources;

/// Frameworks and agents.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) frameworks: BTreeMap<FrameworkKey, Framework>,
    pub(super) agents: BTreeMap<AgentKey, Agent>,
}

#[derive(Debug)]
pub(super) struct Framework {
    pub(super) is_active: bool,
    pub(super) constraints: Option<Arc<OfferConstraints>>,
}

#[derive(Debug)]
pub(super) struct Agent {
    pub(super) total: Resources,
    pub(super) is_active: bool,
}

impl Known {
    pub(super) fn observe(&mut self, fact: &Fact) {
        match fact {
            Fact::FrameworkAdded { framework, is_active, .. } => {
                self.frameworks.insert(*framework, Framework { is_active: *is_active, constraints: None });
            }
            Fact::FrameworkActivated { framework } => self.set_active(*framework, true),
            Fact::FrameworkDeactivated { framework } => self.set_active(*framework, false),
            Fact::FrameworkRemoved { framework } => drop(self.frameworks.remove(framework)),
            Fact::ConstraintsSet { framework, constraints } => {
                if let Some(own) = self.frameworks.get_mut(framework) {
                    own.constraints = Some(Arc::clone(constraints));
                }
            }
            Fact::AgentAdded { agent, total, .. } => {
                self.agents.insert(*agent, Agent { total: total.clone(), is_active: true });
            }
            Fact::AgentResized { agent, total } => {
                if let Some(own) = self.agents.get_mut(agent) {
                    own.total = total.clone();
                }
            }
            Fact::AgentActivated { agent } => self.set_agent_active(*agent, true),
            Fact::AgentDeactivated { agent } => self.set_agent_active(*agent, false),
            Fact::AgentRemoved { agent } => drop(self.agents.remove(agent)),
            Fact::Converted { agent, from, to, .. } => {
                if let Some(own) = self.agents.get_mut(agent).filter(|own| own.total.contains(from)) {
                    own.total = &(&own.total - from) + to;
                }
            }
            _ => {}
        }
    }

    fn set_active(&mut self, framework: FrameworkKey, is_active: bool) {
        if let Some(own) = self.frameworks.get_mut(&framework) {
            own.is_active = is_active;
        }
    }

    fn set_agent_active(&mut self, agent: AgentKey, is_active: bool) {
        if let Some(own) = self.agents.get_mut(&agent) {
            own.is_active = is_active;
        }
    }
}
