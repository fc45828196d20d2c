//! Who cleared their filters, for agents that have not heard of it.
//!
//! Clearing a client's filters may not cost a visit of every agent, yet the sets of refusers beside what was refused name it.
//! So a clearing is put down once, and an agent catches up when it is next looked at.

use super::agent::AgentFilters;
use crate::allocator::sorter::NodeKey;

/// Clearings, in order, since all agents had heard of them.
#[derive(Debug, Default)]
pub(super) struct Cleared {
    clients: Vec<NodeKey>,
    /// How many there were before the first of them.
    before: u64,
}

impl Cleared {
    /// A client's filters are void.
    pub(super) fn push(&mut self, client: NodeKey) {
        self.clients.push(client);
    }

    /// Tells an agent what it has missed.
    pub(super) fn catch_up(&self, agent: &mut AgentFilters) {
        let heard = usize::try_from(agent.cleared.saturating_sub(self.before)).unwrap_or(usize::MAX);
        if agent.bags.has_sets() {
            for client in self.clients.get(heard..).unwrap_or_default() {
                agent.bags.forget(*client);
            }
        }
        agent.cleared = self.before + self.clients.len() as u64;
    }

    /// Whether an agent has heard of all.
    pub(super) const fn is_heard(&self, agent: &AgentFilters) -> bool {
        agent.cleared == self.before + self.clients.len() as u64
    }

    /// All agents have caught up.
    pub(super) fn forget(&mut self) {
        self.before += self.clients.len() as u64;
        self.clients.clear();
    }

    pub(super) const fn len(&self) -> usize {
        self.clients.len()
    }
}
