//! What the last round did, as little as is needed to say afterwards who went first and why.
//!
//! A round notes its grants and, for every node of the tree that it or a later fact changes, what the node held before the
//! round. So the shares at any moment of the round are those from before it and the grants up to then, exactly; memory and
//! time are in proportion to what changed, and used again by the next round.

use mesos_core::AgentId;
use mesos_core::Weight;
use mesos_core::kernel::Handle;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey};
use mesos_core::resource::{Quantities, Resources};

use super::super::sorter::{NodeKey, Totals};

/// The last round.
#[derive(Debug, Default)]
pub(in crate::allocator) struct Memory {
    /// By agent slot.
    agent_ids: Vec<Option<AgentId>>,
    served: Vec<Served>,
    given: Vec<Given>,
    /// Refusals that ended when the agents had been served already.
    ended: Vec<(NodeKey, AgentKey)>,
    /// Counts rounds.
    round: u64,
    /// By slot: the round after whose beginning they became others.
    framework_changes: Vec<u64>,
    agent_changes: Vec<u64>,
}

/// An agent of which something was granted.
#[derive(Debug)]
struct Served {
    agent: AgentKey,
    /// What was free before.
    free: Resources,
    /// Where its grants begin.
    first: usize,
}

/// One grant.
#[derive(Debug)]
struct Given {
    client: NodeKey,
    /// Nothing said if it was all that was free.
    part: Option<Resources>,
    /// By how much the shares grew, if that is not what was granted: further copies of what is shared do not count.
    grown: Option<Box<Quantities>>,
}

/// What was granted of one agent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Serving<'a> {
    memory: &'a Memory,
    place: usize,
}

impl<'a> Serving<'a> {
    fn served(self) -> &'a Served {
        &self.memory.served[self.place]
    }

    pub(super) fn agent(self) -> AgentKey {
        self.served().agent
    }

    /// What was free before.
    pub(super) fn free(self) -> &'a Resources {
        &self.served().free
    }

    /// Who was granted what.
    pub(super) fn grants(self) -> impl Iterator<Item = (NodeKey, &'a Resources)> {
        self.given().iter().map(move |given| (given.client, given.part.as_ref().unwrap_or_else(|| self.free())))
    }

    fn given(self) -> &'a [Given] {
        let end = self.memory.served.get(self.place + 1).map_or(self.memory.given.len(), |next| next.first);
        &self.memory.given[self.served().first..end]
    }

    /// By how much shares grew in the round before, of the clients named; one for each grant.
    pub(super) fn growth_before(self, is_named: impl Fn(NodeKey) -> bool) -> Vec<Quantities> {
        let earlier = (0..self.place).map(|place| Self { place, ..self });
        let all = earlier.flat_map(|serving| serving.given().iter().map(move |given| (serving, given)));
        let named = all.filter(|(_, given)| is_named(given.client));
        named.map(|(serving, given)| given.growth(serving.free())).collect()
    }
}

impl Given {
    fn growth(&self, free: &Resources) -> Quantities {
        match &self.grown {
            Some(grown) => (**grown).clone(),
            None => self.part.as_ref().unwrap_or(free).scalar_quantities(),
        }
    }
}

impl Memory {
    /// A round begins: what is known of the one before is dropped.
    pub(in crate::allocator) fn begin_round(&mut self) {
        self.round += 1;
        self.served.clear();
        self.given.clear();
        self.ended.clear();
    }

    /// So many grants of an agent follow, of which this was free before.
    pub(in crate::allocator) fn note_served(&mut self, agent: AgentKey, free: Resources, grants: usize) {
        if grants > 0 {
            self.served.push(Served { agent, free, first: self.given.len() });
        }
    }

    /// One of them: all that was free if no part is named; with what shares grew by if that is another amount.
    pub(in crate::allocator) fn note_given(
        &mut self,
        client: NodeKey,
        part: Option<Resources>,
        grown: Option<Box<Quantities>>,
    ) {
        self.given.push(Given { client, part, grown });
    }

    /// A refusal ended with the round, after the agents were served.
    pub(in crate::allocator) fn note_ended(&mut self, client: NodeKey, agent: AgentKey) {
        self.ended.push((client, agent));
    }

    /// Somebody becomes another one than the last round saw.
    pub(in crate::allocator) fn observe(&mut self, fact: &Fact) {
        match fact {
            Fact::AgentAdded { agent, id, .. } => {
                slot(&mut self.agent_ids, agent.slot()).replace(id.clone());
                *slot(&mut self.agent_changes, agent.slot()) = self.round;
            }
            Fact::AgentRemoved { agent } => {
                *slot(&mut self.agent_ids, agent.slot()) = None;
                *slot(&mut self.agent_changes, agent.slot()) = self.round;
            }
            Fact::AgentUpdated { agent, .. }
            | Fact::AgentResized { agent, .. }
            | Fact::AgentActivated { agent }
            | Fact::AgentDeactivated { agent } => *slot(&mut self.agent_changes, agent.slot()) = self.round,
            Fact::FrameworkAdded { framework, .. }
            | Fact::FrameworkUpdated { framework, .. }
            | Fact::FrameworkActivated { framework }
            | Fact::FrameworkDeactivated { framework }
            | Fact::FrameworkRemoved { framework }
            | Fact::RolesSuppressed { framework, .. }
            | Fact::RolesRevived { framework, .. }
            | Fact::ConstraintsSet { framework, .. } => {
                *slot(&mut self.framework_changes, framework.slot()) = self.round;
            }
            // With these, what anybody may have is another question than it was.
            Fact::WhitelistSet { .. } | Fact::QuotaSet { .. } => self.begin_round(),
            _ => {}
        }
    }

    pub(super) fn agent_id(&self, agent: AgentKey) -> Option<&AgentId> {
        self.agent_ids.get(agent.slot())?.as_ref()
    }

    /// Whether both are what the last round saw.
    pub(super) fn is_as_it_was(&self, framework: FrameworkKey, agent: AgentKey, client: NodeKey) -> bool {
        let is_old = |changes: &[u64], slot: usize| changes.get(slot).is_none_or(|round| *round < self.round);
        is_old(&self.framework_changes, framework.slot())
            && is_old(&self.agent_changes, agent.slot())
            && !self.ended.contains(&(client, agent))
    }

    /// The agents of which something was granted, each time it was.
    pub(super) fn served(&self) -> impl Iterator<Item = Serving<'_>> {
        (0..self.served.len()).map(|place| Serving { memory: self, place })
    }

    /// What a client was granted of an agent; empty if it was not.
    pub(super) fn granted(&self, agent: AgentKey, client: NodeKey) -> Resources {
        let own = self.served().filter(|serving| serving.agent() == agent).flat_map(Serving::grants);
        own.filter(|(own, _)| *own == client).map(|(_, resources)| resources).sum()
    }
}

/// What nodes of the tree held before the last round, of those that are others since.
#[derive(Debug, Default)]
pub(in crate::allocator) struct Past {
    round: u64,
    nodes: Vec<Was>,
    totals: Option<Box<Totals>>,
    /// The round since which a node is gone.
    cut_in: u64,
}

/// What a node was.
#[derive(Debug, Clone, Default)]
pub(super) struct Was {
    round: u64,
    pub(super) amounts: Quantities,
    pub(super) count: u64,
    pub(super) weight: Weight,
}

impl Past {
    /// A round begins.
    pub(in crate::allocator) fn begin_round(&mut self) {
        self.round += 1;
        self.totals = None;
    }

    /// A node is about to change.
    #[inline]
    pub(in crate::allocator) fn keep(&mut self, node: usize, amounts: &Quantities, count: u64, weight: Weight) {
        if self.nodes.get(node).is_none_or(|was| was.round < self.round) {
            self.keep_first(node, amounts, count, weight);
        }
    }

    #[inline(never)]
    fn keep_first(&mut self, node: usize, amounts: &Quantities, count: u64, weight: Weight) {
        let was = slot(&mut self.nodes, node);
        was.round = self.round;
        was.amounts.clone_from(amounts);
        (was.count, was.weight) = (count, weight);
    }

    /// The size of the cluster is about to change.
    pub(in crate::allocator) fn keep_totals(&mut self, totals: &Totals) {
        if self.totals.is_none() {
            self.totals = Some(Box::new(totals.clone()));
        }
    }

    /// A node is gone: what was granted to it cannot be told from what was granted to whoever takes its place.
    pub(in crate::allocator) const fn cut(&mut self) {
        self.cut_in = self.round;
    }

    /// Whether the last round can still be told.
    pub(super) const fn is_whole(&self) -> bool {
        self.cut_in < self.round
    }

    pub(super) fn node(&self, node: NodeKey) -> Option<&Was> {
        self.nodes.get(node.slot()).filter(|was| was.round == self.round)
    }

    pub(super) fn totals(&self) -> Option<&Totals> {
        self.totals.as_deref()
    }
}

fn slot<T: Default>(slots: &mut Vec<T>, place: usize) -> &mut T {
    if slots.len() <= place {
        slots.resize_with(place + 1, T::default);
    }
    &mut slots[place]
}
