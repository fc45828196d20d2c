//! Serving one agent in a stage of a round, and booking what was granted of it.

use mesos_core::kernel::{Handle, Rng};
use mesos_core::provider::{AgentKey, Grant};
use mesos_core::resource::Quantities;

use super::HierarchicalDrf;
use super::explain::Turn;
use super::policy::Policy;
use super::round::Scratch;
use super::serving::{Booked, Serving};
use super::stage::Stage;

impl HierarchicalDrf {
    /// Serves one agent, then books what was granted of it. One that was held back is served as if it had changed.
    pub(super) fn serve(&mut self, stage: Stage, key: AgentKey, is_held: bool, rng: &mut Rng, grants: &mut Vec<Grant>) {
        let is_changed = match stage {
            Stage::Guarantees => self.dirty.contains(key),
            Stage::FairShare => self.dirty.remove(key),
        };
        // One that is visited for fresh clients is not visited a second time because more headroom is there.
        let is_held = is_held || self.was_held_back(stage, key) && self.headroom.has_grown(&self.quotas);
        let is_for_fresh = !(is_changed || is_held);
        if is_for_fresh && self.fresh.is_empty() {
            return;
        }
        self.put_aside(key);
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        self.costs.visits += 1;
        agent.served_in[stage as usize] = self.merging.round();
        let patience = self.options.starvation_batches;
        let waiting = patience.and_then(|patience| self.schedule.batches().checked_sub(patience.into()));
        let Scratch { walk, booked, cut, sated, nobody, few, refusers, dealing, .. } = &mut self.scratch;
        let first = grants.len();
        let shared = agent.shared_in(self.merging.round());
        self.filters.gather(key, &agent.available, refusers);
        let mut serving = Serving {
            key,
            agent,
            clients: &self.clients,
            filters: &self.filters,
            refusers,
            constraints: &self.constraints,
            options: &self.options,
            quotas: &mut self.quotas,
            headroom: &mut self.headroom,
            merging: &mut self.merging,
            costs: &mut self.costs,
            stage,
            shared,
            is_for_fresh,
            is_held_back: false,
            is_sized: false,
            is_particular: false,
            preferred: 0,
            is_sated: false,
            sated,
            cut,
            booked,
            grants,
        };
        let mut pieces = Vec::new();
        let is_drawn = walk.is_drawn();
        let is_dealt = stage == Stage::FairShare && serving.options.policy.is_dealing();
        let is_shared_state = matches!(serving.options.policy, Policy::SharedState(_));
        if is_shared_state {
            if stage == Stage::FairShare {
                serving.show(&mut self.shown, &self.fresh, walk, &mut self.tree, rng);
            }
        } else if let Some(is_held_back) = nobody.wants(serving.agent).filter(|_| !(is_dealt && is_drawn)) {
            serving.is_held_back = is_held_back;
        } else {
            serving.prefer(self.aging.line(waiting));
            if is_dealt {
                serving.deal(dealing, &self.fresh, walk, &mut self.tree, rng);
                if self.trace.is_on() {
                    pieces.extend_from_slice(&serving.grants[first + serving.preferred..]);
                }
            }
            let has_rest = is_dealt && !(is_drawn || serving.agent.available.is_empty());
            if let Some(is_held_back) = nobody.wants(serving.agent).filter(|_| has_rest) {
                serving.is_held_back |= is_held_back;
            } else {
                // Whoever was dealt pieces is asked again about the rest; whoever went before the order is not.
                let walked_from = if is_dealt && serving.preferred == 0 { serving.grants.len() } else { first };
                if !serving.walk_few(&self.fresh, few, walk, &mut self.tree) {
                    serving.walk(walk, &mut self.tree, rng);
                }
                let has_taker = serving.grants.len() > walked_from || !serving.shared.is_empty();
                if !(is_for_fresh || serving.is_particular || has_taker) {
                    nobody.note(serving.agent, serving.is_held_back);
                }
            }
            if is_dealt {
                serving.merge_grants(first);
                dealing.note(key, serving.booked.iter().map(|booked| booked.client).zip(&serving.grants[first..]));
            }
        }
        let Serving { shared, is_held_back, is_sized, preferred, .. } = serving;
        let is_shared = !shared.is_empty();
        agent.offered_shared = (self.merging.round(), shared);
        self.trace.note(key, stage == Stage::Guarantees, &grants[first..], pieces);
        let turn = Turn { stage, waited: u16::try_from(preferred).unwrap_or(u16::MAX) };
        if is_shared_state {
            self.note_shown(key, turn, &grants[first..]);
        }
        self.book_granted(turn, key, is_shared, first, grants);
        self.note_cut();
        // Shared resources, and what is beyond the size of offers, may go to the next client in the next round.
        if is_shared || is_sized && stage == Stage::FairShare {
            self.settle_agent(key)
        } else {
            self.list_agent(key)
        }
        if is_sized && stage == Stage::Guarantees {
            self.scratch.sized.push(key);
        }
        self.note_held(stage, key, is_held_back, is_for_fresh);
    }

    fn book_granted(&mut self, turn: Turn, key: AgentKey, is_shared: bool, first: usize, grants: &mut [Grant]) {
        let mut booked = std::mem::take(&mut self.scratch.booked);
        if booked.is_empty() {
            self.scratch.booked = booked;
            return;
        }
        self.note_granted(turn, key, is_shared, &booked, &grants[first..]);
        let stage = turn.stage;
        let agent = self.agents[key.slot()].as_mut().expect("an agent that is served is known");
        if stage == Stage::Guarantees {
            agent.guaranteed = self.merging.note(booked.iter().map(|booked| booked.client));
        }
        let guaranteed = agent.guaranteed;
        for (place, Booked { client, grown, is_new }) in (first..).zip(booked.drain(..)) {
            agent.book_grant(&mut self.tree, client, &grants[place].resources, &grown);
            let own = self.clients[client.slot()].as_mut().expect("a client of the tree has a book");
            own.holdings += usize::from(is_new);
            if self.options.starvation_batches.is_some() {
                self.aging.begin(client, self.schedule.batches());
            }
            if stage == Stage::FairShare {
                self.merging.merge(guaranteed, client, place, grants);
            }
        }
        self.maintenance.touch(key);
        self.scratch.booked = booked;
    }

    /// Notes for questions who was granted something of an agent.
    fn note_granted(&mut self, turn: Turn, key: AgentKey, is_shared: bool, booked: &[Booked], granted: &[Grant]) {
        let agent = self.agents[key.slot()].as_mut().expect("an agent that is served is known");
        if let ([Booked { client, is_new: true, .. }], false) = (booked, is_shared)
            && self.memory.note_alone(key, &mut agent.noted, *client, turn)
        {
            return;
        }
        let parts = granted.iter().map(|grant| grant.resources.non_shared());
        self.memory.note_parts(key, parts.fold(agent.available.clone(), |free, part| free + part), turn);
        for (Booked { client, grown, .. }, grant) in booked.iter().zip(granted) {
            self.memory.note_part(*client, grant.resources.clone(), grown.clone());
        }
    }

    /// Notes for questions who was shown something of an agent: it counts towards nobody's share.
    fn note_shown(&mut self, key: AgentKey, turn: Turn, granted: &[Grant]) {
        let Some(agent) = self.agent(key).filter(|_| !granted.is_empty() && self.memory.is_on()) else { return };
        let free = agent.available.clone();
        self.memory.note_parts(key, free, turn);
        for grant in granted {
            let framework = self.frameworks[grant.framework.slot()].as_ref();
            if let Some(client) = framework.and_then(|framework| framework.client(&grant.role)) {
                self.memory.note_part(client, grant.resources.clone(), Quantities::new());
            }
        }
    }

    /// Remembers who was cut, so that they are fresh when limits or promises leave them more.
    fn note_cut(&mut self) {
        for client in self.scratch.cut.drain(..) {
            if let Some(own) = &self.clients[client.slot()] {
                self.quotas.note_cut(own.role_key);
            }
        }
    }

    /// Whether somebody was held back on an agent in this stage. Those who wait have their fair share in both.
    fn was_held_back(&self, stage: Stage, key: AgentKey) -> bool {
        let is_in_guarantees = stage == Stage::Guarantees;
        let has_line = self.options.starvation_batches.is_some();
        is_in_guarantees && self.headroom.held_in_guarantees.contains(key)
            || (!is_in_guarantees || has_line) && self.headroom.held.contains(key)
    }

    fn note_held(&mut self, stage: Stage, key: AgentKey, is_held_back: bool, is_for_fresh: bool) {
        if is_held_back && self.open.contains(key) {
            self.held(stage).insert(key);
        } else if !is_for_fresh {
            self.held(stage).remove(key);
        }
    }
}
