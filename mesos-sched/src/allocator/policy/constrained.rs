//! Constrained max-min fairness: the eligible framework with the fewest slots is served first.
//!
//! Frameworks may use some agents and not others, since these ask for a capability or those demand an attribute. An
//! allocation is fair under such constraints when nobody's number of slots can grow except at the cost of somebody who has
//! no more. Giving every free slot to the eligible framework with the fewest slots comes close without planning, and what
//! returns repairs what earlier choices spoilt; agents that the fewest may use are dealt out first, since whoever cannot go
//! elsewhere should not find them taken.
//!
//! Users are frameworks under a role, weighed by their role; how roles nest does not matter here.
//!
//! Ghodsi, Zaharia, Shenker, Stoica: "Choosy: Max-Min Fair Sharing for Datacenter Jobs with Constraints", EuroSys 2013.

use mesos_core::provider::AgentKey;
use mesos_core::resource::Quantities;

use crate::allocator::HierarchicalDrf;
use crate::allocator::sorter::{NodeKey, Share, Totals, Tree};

/// How many slots clients have.
#[derive(Debug)]
pub(super) struct Slots(Totals);

impl Slots {
    pub(super) fn of(slot: &Quantities) -> Self {
        let mut totals = Totals::new(Vec::new());
        totals.change(|all| *all = slot.clone());
        Self(totals)
    }

    /// The slots a client has, these included, by weight.
    pub(super) fn share(&self, tree: &Tree, client: NodeKey, dealt: &Quantities) -> Share {
        let mut amounts = tree[client].amounts().clone();
        amounts += dealt;
        self.0.dominant(&amounts, tree.role_weight(client))
    }
}

impl HierarchicalDrf {
    /// Agents that the fewest clients may use come first. Compares every agent with every client.
    pub(super) fn arrange_by_constraint(&mut self, agents: &mut [AgentKey]) {
        let mut suited = 0;
        agents.sort_by_cached_key(|agent| self.eligible_clients(*agent, &mut suited));
        self.costs.suited += suited;
    }

    /// How many clients may use an agent; `suited` counts those that were asked.
    fn eligible_clients(&self, key: AgentKey, suited: &mut u64) -> usize {
        let Some(agent) = self.agent(key) else { return 0 };
        let clients = (0..).map(NodeKey::from_slot).zip(&self.clients);
        let known = clients.filter_map(|(client, own)| Some((client, own.as_ref()?)));
        let asked = known.inspect(|_| *suited += 1);
        let eligible = asked.filter(|(client, own)| {
            self.tree[*client].is_active()
                && agent.demands.admit(own.abilities)
                && self.constraints.admit(*client, key, &agent.info)
        });
        eligible.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_counted_by_the_scarcest_part() {
        let slots = Slots::of(&"cpus:1;mem:2".parse().unwrap());
        let mut tree = Tree::new(Vec::new());
        let client = tree.add_client(&mesos_core::Role::any(), "f".into());
        tree.book(client, &"cpus:1;mem:6".parse().unwrap());
        assert_eq!(slots.share(&tree, client, &"cpus:4".parse().unwrap()).to_f64(), 5.0);
        assert_eq!(slots.share(&tree, client, &Quantities::new()).to_f64(), 3.0);
    }
}
