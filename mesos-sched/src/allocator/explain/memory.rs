//! What the last round did, as little as is needed to say afterwards who went first and why.
//!
//! A round notes of each agent whom it granted something. What that was lies in the books of the agent as long as nothing
//! changes there, and the first fact that changes it puts it aside; likewise what nodes of the tree held. So the shares at any
//! moment of the round are those at its end without the grants from then on, exactly, and a round pays for questions that
//! nobody may ever ask no more than a note of a few bytes for a grant.

use mesos_core::AgentId;
use mesos_core::kernel::Handle;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey};
use mesos_core::resource::{Quantities, Resources};

use super::super::HierarchicalDrf;
use super::super::sorter::NodeKey;
use super::super::stage::Stage;

/// The last round.
#[derive(Debug, Default)]
pub(in crate::allocator) struct Memory {
    /// By agent slot.
    agent_ids: Vec<Option<AgentId>>,
    served: Vec<Served>,
    /// What was granted to several clients of one agent at once, or on top of what one held.
    parts: Vec<Parts>,
    /// What was granted of agents where something changed since.
    aside: Vec<Aside>,
    /// Refusals that ended when the agents had been served already.
    ended: Vec<(NodeKey, AgentKey)>,
    /// Counts rounds.
    round: u64,
    /// By slot: the round after whose beginning they became others.
    framework_changes: Vec<u64>,
    agent_changes: Vec<u64>,
    client_changes: Vec<u64>,
    /// Nothing is noted: to measure what that spares.
    #[cfg(feature = "bench")]
    pub(in crate::allocator) is_off: bool,
}

/// An agent of which something was granted.
#[derive(Debug, Clone, Copy)]
struct Served {
    agent: AgentKey,
    to: Granted,
    turn: Turn,
}

/// What put those first who were granted something of an agent.
#[derive(Debug, Clone, Copy)]
pub(in crate::allocator) struct Turn {
    pub(in crate::allocator) stage: Stage,
    /// So many of them were served before all others because they had waited long.
    pub(in crate::allocator) waited: u16,
}

#[derive(Debug, Clone, Copy)]
enum Granted {
    /// One client that held nothing there before: what it holds is what it was granted.
    Alone(NodeKey),
    /// The place of what is known about several.
    Parts(u32),
}

#[derive(Debug)]
struct Parts {
    /// What was free before.
    free: Resources,
    given: Vec<Given>,
}

/// One grant.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) client: NodeKey,
    pub(super) part: Resources,
    /// By how much the shares grew: further copies of what is shared do not count.
    pub(super) grown: Quantities,
}

/// A grant that was put aside.
#[derive(Debug)]
struct Aside {
    agent: AgentKey,
    part: Resources,
    /// What was free besides.
    rest: Resources,
}

/// What an agent's book says about the last round.
#[derive(Debug, Clone, Copy)]
pub(in crate::allocator) struct Note {
    /// The round in which a client alone was granted something of it.
    round: u64,
    to: NodeKey,
    /// Where that was put aside, once something changed.
    aside: Option<u32>,
}

impl Note {
    pub(in crate::allocator) const NONE: Self = Self { round: 0, to: NodeKey::ROOT, aside: None };
}

/// What was granted of one agent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Serving<'a> {
    allocator: &'a HierarchicalDrf,
    place: usize,
}

impl<'a> Serving<'a> {
    fn memory(self) -> &'a Memory {
        &self.allocator.memory
    }

    fn served(self) -> Served {
        self.memory().served[self.place]
    }

    pub(super) fn agent(self) -> AgentKey {
        self.served().agent
    }

    /// When in the round.
    pub(super) fn stage(self) -> Stage {
        self.served().turn.stage
    }

    /// Whether one of those who were granted something was served first because he had waited.
    pub(super) fn has_waited(self, client: NodeKey) -> bool {
        self.clients().take(self.served().turn.waited.into()).any(|own| own == client)
    }

    /// What was free before.
    pub(super) fn free(self) -> Resources {
        match self.served().to {
            Granted::Alone(client) => {
                let (part, rest) = self.alone(client);
                part.clone() + rest
            }
            Granted::Parts(place) => self.memory().parts[place as usize].free.clone(),
        }
    }

    /// Who was granted something.
    pub(super) fn clients(self) -> impl Iterator<Item = NodeKey> {
        let (alone, given) = match self.served().to {
            Granted::Alone(client) => (Some(client), &[][..]),
            Granted::Parts(place) => (None, self.memory().parts[place as usize].given.as_slice()),
        };
        alone.into_iter().chain(given.iter().map(|given| given.client))
    }

    /// What one client was granted.
    pub(super) fn given_to(self, client: NodeKey) -> impl Iterator<Item = &'a Resources> {
        let (alone, given) = match self.served().to {
            Granted::Alone(own) => (Some(own).filter(|own| *own == client), &[][..]),
            Granted::Parts(place) => (None, self.memory().parts[place as usize].given.as_slice()),
        };
        let given = given.iter().filter(move |given| given.client == client).map(|given| &given.part);
        alone.map(|own| self.alone(own).0).into_iter().chain(given)
    }

    /// What one client was granted, and what was free besides.
    fn alone(self, client: NodeKey) -> (&'a Resources, &'a Resources) {
        const NOTHING: &Resources = &Resources::new();
        let (key, memory) = (self.agent(), self.memory());
        let agent = self.allocator.agent(key).filter(|agent| agent.noted.round == memory.round);
        let aside = match agent.map(|agent| (agent, agent.noted.aside)) {
            Some((agent, None)) => {
                let holding = agent.holdings.iter().find(|holding| holding.client == client);
                return (holding.map_or(NOTHING, |holding| &holding.resources), &agent.available);
            }
            Some((_, Some(place))) => memory.aside.get(place as usize),
            // Of an agent that is gone nobody knows the place.
            None => memory.aside.iter().find(|aside| aside.agent == key),
        };
        aside.map_or((NOTHING, NOTHING), |aside| (&aside.part, &aside.rest))
    }

    /// By how much the shares of two nodes, neither of which lies below the other, grew in this and the later servings of the
    /// round, and in how many grants.
    pub(super) fn growth_since(self, nodes: [NodeKey; 2]) -> [(Quantities, u64); 2] {
        let (tree, memory) = (&self.allocator.tree, self.memory());
        let mut growth = [(Quantities::new(), 0), (Quantities::new(), 0)];
        // By client slot: under which of the two it is, once that was looked up.
        let mut known: Vec<Option<Option<usize>>> = vec![None; self.allocator.clients.len()];
        let mut count = |client: NodeKey, grown: &dyn Fn() -> Quantities| {
            let look_up = || nodes.into_iter().position(|node| tree.is_within(client, node));
            let side = known.get_mut(client.slot()).and_then(|known| *known.get_or_insert_with(look_up));
            if let Some(side) = side {
                growth[side].0 += &grown();
                growth[side].1 += 1;
            }
        };
        for place in self.place..memory.served.len() {
            let serving = Self { place, ..self };
            match serving.served().to {
                Granted::Alone(client) => count(client, &|| serving.alone(client).0.scalar_quantities()),
                Granted::Parts(parts) => {
                    let given = memory.parts[parts as usize].given.iter();
                    given.for_each(|given| count(given.client, &|| given.grown.clone()));
                }
            }
        }
        growth
    }
}

impl HierarchicalDrf {
    /// The agents of which something was granted, each time it was.
    pub(super) fn servings(&self) -> impl Iterator<Item = Serving<'_>> {
        (0..self.memory.served.len()).map(|place| Serving { allocator: self, place })
    }

    /// Those of them in which a client was granted something.
    pub(super) fn servings_to(&self, client: NodeKey) -> impl Iterator<Item = Serving<'_>> {
        self.servings().filter(move |serving| serving.clients().any(|own| own == client))
    }

    /// What a client was granted of an agent in the last round; nothing if it was not.
    pub(super) fn granted(&self, agent: AgentKey, client: NodeKey) -> Resources {
        let servings = self.servings().filter(|serving| serving.agent() == agent && !self.memory.is_another(client));
        servings.flat_map(|serving| serving.given_to(client)).sum()
    }

    /// What is known of an agent from the last round is about to change.
    #[inline]
    pub(in crate::allocator) fn put_aside(&mut self, key: AgentKey) {
        let memory = &mut self.memory;
        let agent = self.agents.get_mut(key.slot()).and_then(Option::as_mut);
        if let Some(agent) = agent.filter(|agent| agent.noted.round == memory.round && agent.noted.aside.is_none()) {
            let holding = agent.holdings.iter().find(|holding| holding.client == agent.noted.to);
            let part = holding.map(|holding| holding.resources.clone()).unwrap_or_default();
            agent.noted.aside = u32::try_from(memory.aside.len()).ok();
            memory.aside.push(Aside { agent: key, part, rest: agent.available.clone() });
        }
    }
}

impl Memory {
    pub(in crate::allocator) const fn is_on(&self) -> bool {
        #[cfg(feature = "bench")]
        return !self.is_off;
        #[cfg(not(feature = "bench"))]
        true
    }

    /// A round begins: what is known of the one before is dropped.
    pub(in crate::allocator) fn begin_round(&mut self) {
        self.round += 1;
        self.served.clear();
        self.parts.clear();
        self.aside.clear();
        self.ended.clear();
    }

    /// Of an agent that this is noted of, one client, which held nothing there, was granted something, and nobody else was;
    /// whether that can be noted so. Once in a round it can.
    pub(in crate::allocator) fn note_alone(
        &mut self,
        agent: AgentKey,
        note: &mut Note,
        client: NodeKey,
        turn: Turn,
    ) -> bool {
        if !self.is_on() {
            return true;
        }
        if note.round == self.round {
            return false;
        }
        self.served.push(Served { agent, to: Granted::Alone(client), turn });
        *note = Note { round: self.round, to: client, aside: None };
        true
    }

    /// Several grants of an agent follow, of which this was free before.
    pub(in crate::allocator) fn note_parts(&mut self, agent: AgentKey, free: Resources, turn: Turn) {
        let place = u32::try_from(self.parts.len()).expect("there are fewer agents than 2^32");
        self.served.push(Served { agent, to: Granted::Parts(place), turn });
        self.parts.push(Parts { free, given: Vec::new() });
    }

    /// One of them, with what the client's share grew by.
    pub(in crate::allocator) fn note_part(&mut self, client: NodeKey, part: Resources, grown: Quantities) {
        if let Some(parts) = self.parts.last_mut() {
            parts.given.push(Given { client, part, grown });
        }
    }

    /// A refusal ended with the round, after the agents were served.
    pub(in crate::allocator) fn note_ended(&mut self, client: NodeKey, agent: AgentKey) {
        self.ended.push((client, agent));
    }

    /// A client is gone; another one may take its place.
    pub(in crate::allocator) fn forget_client(&mut self, client: NodeKey) {
        *slot(&mut self.client_changes, client.slot()) = self.round;
    }

    /// Whether a client came when the last round was over.
    pub(super) fn is_another(&self, client: NodeKey) -> bool {
        !is_old(&self.client_changes, client.slot(), self.round)
    }

    /// Somebody becomes another one than the last round saw.
    pub(in crate::allocator) fn observe(&mut self, fact: &Fact) {
        if !self.is_on() {
            return;
        }
        match fact {
            Fact::AgentAdded { agent, id, .. } => {
                slot(&mut self.agent_ids, agent.slot()).replace(id.clone());
                *slot(&mut self.agent_changes, agent.slot()) = self.round;
            }
            Fact::AgentRemoved { agent } => {
                if let Some(id) = self.agent_ids.get_mut(agent.slot()) {
                    *id = None;
                }
                self.note_agent(*agent);
            }
            Fact::AgentUpdated { agent, .. }
            | Fact::AgentResized { agent, .. }
            | Fact::AgentActivated { agent }
            | Fact::AgentDeactivated { agent } => self.note_agent(*agent),
            Fact::FrameworkAdded { framework, .. } => {
                *slot(&mut self.framework_changes, framework.slot()) = self.round;
            }
            Fact::FrameworkUpdated { framework, .. }
            | Fact::FrameworkActivated { framework }
            | Fact::FrameworkDeactivated { framework }
            | Fact::FrameworkRemoved { framework }
            | Fact::RolesSuppressed { framework, .. }
            | Fact::RolesRevived { framework, .. }
            | Fact::ConstraintsSet { framework, .. } => {
                if let Some(changed_in) = self.framework_changes.get_mut(framework.slot()) {
                    *changed_in = self.round;
                }
            }
            // With these, what anybody may have is another question than it was.
            Fact::WhitelistSet { .. } | Fact::QuotaSet { .. } => self.begin_round(),
            _ => {}
        }
    }

    /// An agent that was added at some time has changed.
    fn note_agent(&mut self, agent: AgentKey) {
        if let Some(changed_in) = self.agent_changes.get_mut(agent.slot()) {
            *changed_in = self.round;
        }
    }

    pub(super) fn agent_id(&self, agent: AgentKey) -> Option<&AgentId> {
        self.agent_ids.get(agent.slot())?.as_ref()
    }

    /// Whether both are what the last round saw.
    pub(super) fn is_as_it_was(&self, framework: FrameworkKey, agent: AgentKey, client: NodeKey) -> bool {
        is_old(&self.framework_changes, framework.slot(), self.round)
            && is_old(&self.agent_changes, agent.slot(), self.round)
            && !self.ended.contains(&(client, agent))
    }
}

/// Whether what is in a slot changed last before the round.
fn is_old(changes: &[u64], slot: usize, round: u64) -> bool {
    changes.get(slot).is_none_or(|changed_in| *changed_in < round)
}

fn slot<T: Default>(slots: &mut Vec<T>, place: usize) -> &mut T {
    if slots.len() <= place {
        slots.resize_with(place + 1, T::default);
    }
    &mut slots[place]
}
