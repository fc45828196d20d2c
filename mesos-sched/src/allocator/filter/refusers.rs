//! Who refused all that an agent has, known at once for a visit.
//!
//! Where hundreds of clients refused an agent, looking each of them up would cost more the longer a storm of refusals lasts.
//! So a visit of such an agent begins with the set of those whom nothing of what is available can please: an offer is part
//! of it, and what refuses the whole refuses every part. The set lies ready beside what was refused. Where it leaves only few
//! clients, those are looked at rather than everybody in order.

use mesos_core::kernel::Handle;
use mesos_core::provider::AgentKey;
use mesos_core::resource::Resources;

use super::FilterTable;
use crate::allocator::sorter::{NodeKey, NodeSet};

/// The clients that refused all of the agent that is visited.
#[derive(Debug, Default)]
pub(in crate::allocator) struct Refusers {
    all: NodeSet,
    is_known: bool,
}

impl Refusers {
    /// Whether a client is known to refuse whatever it could be offered; nothing is known of the others.
    pub(in crate::allocator) fn contains(&self, client: NodeKey) -> bool {
        self.is_known && self.all.contains(client)
    }

    /// Lists those of some clients who are not among them, if there are any refusers and at most so many others; whether
    /// that is so.
    pub(in crate::allocator) fn list_others(&self, of: &NodeSet, most: usize, others: &mut Vec<NodeKey>) -> bool {
        self.is_known && of.list_without(&self.all, most, others)
    }
}

impl FilterTable {
    /// Gathers who refused all that is available on an agent.
    pub(in crate::allocator) fn gather(&mut self, agent: AgentKey, available: &Resources, refusers: &mut Refusers) {
        refusers.is_known = false;
        let Some(own) = self.agents.get_mut(agent.slot()).filter(|own| own.bags.has_sets()) else { return };
        self.cleared.catch_up(own);
        for by in own.bags.refusers(available) {
            if !std::mem::replace(&mut refusers.is_known, true) {
                refusers.all.clear();
            }
            refusers.all.unite(by);
        }
    }
}
