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
//! How many may use an agent is counted when it is first asked for, and holds until the agent is another one or somebody comes,
//! goes, or demands something else; clients that demand nothing of agents are counted by kind. An agent that changed is still
//! held against every client that takes part, once: who of those that may use it has the fewest slots is known only then.
//!
//! Ghodsi, Zaharia, Shenker, Stoica: "Choosy: Max-Min Fair Sharing for Datacenter Jobs with Constraints", EuroSys 2013.

use mesos_core::kernel::Handle;
use mesos_core::provider::AgentKey;
use mesos_core::resource::Quantities;

use crate::allocator::HierarchicalDrf;
use crate::allocator::eligibility::{Abilities, Demands};
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

/// How many clients may use which agent, as far as that was asked.
#[derive(Debug, Default)]
pub(in crate::allocator) struct Suitors {
    /// Those that demand nothing of agents, by what they can deal with.
    kinds: Vec<(Abilities, usize)>,
    /// Those that do.
    particular: Vec<NodeKey>,
    /// The tree's shape when they were told apart; nothing where clients are others since.
    shape: Option<u64>,
    /// Counts how often they were told apart.
    count: u64,
    /// By agent slot.
    known: Vec<Known>,
}

/// How many may use an agent.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// When that was counted.
    count: u64,
    demands: Demands,
    eligible: usize,
}

impl Suitors {
    /// Some client can deal with other things, or demands others.
    pub(in crate::allocator) const fn forget_clients(&mut self) {
        self.shape = None;
    }

    /// An agent is another one, or is gone.
    pub(in crate::allocator) fn forget_agent(&mut self, agent: AgentKey) {
        if let Some(known) = self.known.get_mut(agent.slot()) {
            *known = Known::NOTHING;
        }
    }

    /// Tells clients apart, if they are others than before.
    fn tell_apart(&mut self, allocator: &HierarchicalDrf, suited: &mut u64) {
        let shape = Some(allocator.tree.shape());
        if self.shape == shape {
            return;
        }
        self.shape = shape;
        self.count += 1;
        self.kinds.clear();
        self.particular.clear();
        let clients = (0..).map(NodeKey::from_slot).zip(&allocator.clients);
        let known = clients.filter_map(|(client, own)| Some((client, own.as_ref()?)));
        for (client, own) in known.filter(|(client, _)| allocator.tree[*client].is_active()) {
            *suited += 1;
            if allocator.constraints.has(client) {
                self.particular.push(client);
                continue;
            }
            match self.kinds.iter_mut().find(|(abilities, _)| *abilities == own.abilities) {
                Some((_, count)) => *count += 1,
                None => self.kinds.push((own.abilities, 1)),
            }
        }
    }

    /// How many may use an agent.
    fn eligible(&mut self, allocator: &HierarchicalDrf, key: AgentKey, suited: &mut u64) -> usize {
        let Some(agent) = allocator.agent(key) else { return 0 };
        if self.known.len() <= key.slot() {
            self.known.resize(key.slot() + 1, Known::NOTHING);
        }
        let known = &mut self.known[key.slot()];
        if (known.count, known.demands) == (self.count, agent.demands) {
            return known.eligible;
        }
        *suited += (self.kinds.len() + self.particular.len()) as u64;
        let kinds = self.kinds.iter().filter(|(abilities, _)| agent.demands.admit(*abilities));
        let particular = self.particular.iter().filter(|client| {
            let own = allocator.clients[client.slot()].as_ref().expect("a client of the tree has a book");
            agent.demands.admit(own.abilities) && allocator.constraints.admit(**client, key, &agent.info)
        });
        let eligible = kinds.map(|(_, count)| count).sum::<usize>() + particular.count();
        *known = Known { count: self.count, demands: agent.demands, eligible };
        eligible
    }
}

impl Known {
    /// Clients are told apart before anything is counted.
    const NOTHING: Self = Self { count: 0, demands: Demands::NONE, eligible: 0 };
}

impl HierarchicalDrf {
    /// Agents that the fewest clients may use come first.
    pub(super) fn arrange_by_constraint(&mut self, agents: &mut [AgentKey]) {
        let (mut suitors, mut suited) = (std::mem::take(&mut self.scratch.suitors), 0);
        suitors.tell_apart(self, &mut suited);
        agents.sort_by_cached_key(|agent| suitors.eligible(self, *agent, &mut suited));
        self.scratch.suitors = suitors;
        self.costs.suited += suited;
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
