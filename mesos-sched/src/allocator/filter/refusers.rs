//! Who refused all that an agent has, gathered once for a visit.
//!
//! Where hundreds of clients refused an agent, looking each of them up would cost more than going through the refusals once.
//! So a visit of such an agent begins with a list of those whom nothing of what is available can please: an offer is part
//! of it, and what refuses the whole refuses every part.

use mesos_core::kernel::Handle;
use mesos_core::provider::AgentKey;
use mesos_core::resource::Resources;

use super::{FilterTable, NodeKey};

/// So many refusals of one agent make the list worth its while.
const GATHERED_FROM: usize = 16;

/// The clients that refused all of the agent that is visited.
#[derive(Debug, Default)]
pub(in crate::allocator) struct Refusers {
    /// By client slot: the visit in which it was listed last.
    visits: Vec<u32>,
    visit: u32,
    /// By bag of the agent: whether it holds all that is available.
    is_whole: Vec<bool>,
    is_gathered: bool,
}

impl Refusers {
    /// Whether a client is known to refuse whatever it could be offered; nothing is known of the others.
    pub(in crate::allocator) fn contains(&self, client: NodeKey) -> bool {
        self.is_gathered && self.visits.get(client.slot()) == Some(&self.visit)
    }
}

impl FilterTable {
    /// Gathers who refused all that is available on an agent.
    pub(in crate::allocator) fn gather(&self, agent: AgentKey, available: &Resources, refusers: &mut Refusers) {
        let has_many = self.agents.get(agent.slot()).is_some_and(|own| own.filters.len() >= GATHERED_FROM);
        refusers.is_gathered = has_many;
        if has_many {
            self.list(agent, available, refusers);
        }
    }

    pub(super) fn list(&self, agent: AgentKey, available: &Resources, refusers: &mut Refusers) {
        refusers.is_gathered = true;
        let own = &self.agents[agent.slot()];
        refusers.visits.resize(self.clients.len().max(refusers.visits.len()), 0);
        refusers.visit = match refusers.visit.checked_add(1) {
            Some(visit) => visit,
            None => {
                refusers.visits.fill(0);
                1
            }
        };
        refusers.is_whole.clear();
        refusers.is_whole.extend(own.bags.iter().map(|bag| bag.contains(available)));
        for filter in &own.filters {
            let slot = filter.client.slot();
            if refusers.is_whole[filter.bag as usize] && self.clients[slot].epoch == filter.epoch {
                refusers.visits[slot] = refusers.visit;
            }
        }
    }
}
