//! Serving one agent: who may have what of it, in the order of clients.

use std::ops::ControlFlow;

use mesos_core::kernel::{Handle, Rng};
use mesos_core::provider::{AgentKey, Grant};
use mesos_core::resource::{Quantities, Resources};

use super::book::{Agent, Client};
use super::constraint::ConstraintTable;
use super::costs::Costs;
use super::eligibility::is_allocatable;
use super::filter::{FilterTable, Refusers};
use super::headroom::Headroom;
use super::merging::Merging;
use super::policy::Policy;
use super::quota::QuotaTree;
use super::round::Scratch;
use super::sorter::{NodeKey, Tree, Walk};
use super::stage::{Portion, Stage};
use super::{HierarchicalDrf, Options};

/// A grant that the tree has still to be told, once the walk through it is over.
#[derive(Debug)]
pub(super) struct Booked {
    pub(super) client: NodeKey,
    pub(super) grown: Quantities,
    pub(super) is_new: bool,
}

/// One agent while it is served.
pub(super) struct Serving<'a> {
    pub(super) key: AgentKey,
    pub(super) agent: &'a mut Agent,
    pub(super) clients: &'a [Option<Client>],
    pub(super) filters: &'a FilterTable,
    /// Clients that refused all of the agent.
    pub(super) refusers: &'a Refusers,
    pub(super) constraints: &'a ConstraintTable,
    pub(super) options: &'a Options,
    pub(super) quotas: &'a mut QuotaTree,
    pub(super) headroom: &'a mut Headroom,
    pub(super) merging: &'a mut Merging,
    pub(super) costs: &'a mut Costs,
    pub(super) stage: Stage,
    /// Shared resources stay available, but go to one client a round.
    pub(super) shared: Resources,
    /// Whether only fresh clients come into question, since nothing changed on the agent.
    pub(super) is_for_fresh: bool,
    /// Whether somebody was cut for the sake of promises, so that more headroom may change what is granted.
    pub(super) is_held_back: bool,
    /// Whether somebody was granted less than there was because of the size of offers.
    pub(super) is_sized: bool,
    /// Whether somebody refuses this agent or demands another one.
    pub(super) is_particular: bool,
    /// Whether some clients went first, and come again in the order of shares.
    pub(super) has_preferred: bool,
    /// Whether the role that is served can count on no guarantee any more.
    pub(super) is_sated: bool,
    /// Such roles.
    pub(super) sated: &'a mut Vec<NodeKey>,
    /// Who was cut by limits or headroom.
    pub(super) cut: &'a mut Vec<NodeKey>,
    pub(super) booked: &'a mut Vec<Booked>,
    pub(super) grants: &'a mut Vec<Grant>,
}

impl HierarchicalDrf {
    /// Serves one agent, then books what was granted of it. One that was held back is served as if it had changed.
    pub(super) fn serve(&mut self, stage: Stage, key: AgentKey, is_held: bool, rng: &mut Rng, grants: &mut Vec<Grant>) {
        let is_changed = match stage {
            Stage::Guarantees => self.dirty.contains(key),
            Stage::FairShare => self.dirty.remove(key),
        };
        // One that is visited for fresh clients is not visited a second time because more headroom is there.
        let is_held = is_held || self.held(stage).contains(key) && self.headroom.has_grown(&self.quotas);
        let is_for_fresh = !(is_changed || is_held);
        if is_for_fresh && self.fresh.is_empty() {
            return;
        }
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        self.costs.visits += 1;
        agent.served_in[stage as usize] = self.merging.round();
        if let Some(patience) = self.options.starvation_batches {
            let until = self.schedule.batches().checked_sub(patience.into());
            self.aging.list(until, &mut self.scratch.waiting);
        }
        let Scratch { walk, booked, cut, sated, waiting, nobody, refusers, dealing, .. } = &mut self.scratch;
        let (first, free) = (grants.len(), agent.available.clone());
        let shared = agent.shared_in(self.merging.round());
        self.filters.gather(key, &free, refusers);
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
            has_preferred: false,
            is_sated: false,
            sated,
            cut,
            booked,
            grants,
        };
        let is_shared_state = matches!(serving.options.policy, Policy::SharedState(_));
        if stage == Stage::FairShare && !is_shared_state {
            for client in waiting.iter() {
                let _ = serving.consider(*client, &mut None);
            }
            serving.has_preferred = serving.grants.len() > first;
        }
        if is_shared_state {
            if stage == Stage::FairShare {
                serving.show(&mut self.shown, walk, &mut self.tree, rng);
            }
        } else if let ([only], true) = (self.fresh.as_slice(), is_for_fresh) {
            if self.tree[*only].is_active() {
                let _ = serving.consider(*only, &mut None);
            }
        } else if stage == Stage::FairShare && serving.options.policy.is_dealing() {
            serving.deal(dealing, walk, &mut self.tree, rng);
            serving.walk(walk, &mut self.tree, rng);
            serving.merge_grants(first);
            dealing.note(key, serving.booked.iter().map(|booked| booked.client).zip(&serving.grants[first..]));
        } else if let Some(is_held_back) = nobody.wants(serving.agent) {
            serving.is_held_back = is_held_back;
        } else {
            serving.walk(walk, &mut self.tree, rng);
            let has_taker = serving.grants.len() > first || !serving.shared.is_empty();
            if !(is_for_fresh || serving.is_particular || has_taker) {
                nobody.note(serving.agent, serving.is_held_back);
            }
        }
        let Serving { shared, is_held_back, is_sized, .. } = serving;
        let is_shared = !shared.is_empty();
        agent.offered_shared = (self.merging.round(), shared);
        let is_whole = !is_shared && agent.available.is_empty() && self.scratch.booked.len() == 1;
        self.memory.note_served(key, free, self.scratch.booked.len());
        self.trace.note(key, stage == Stage::Guarantees, &grants[first..]);
        self.book_granted(stage, key, (is_whole, is_shared), first, grants);
        self.note_cut();
        // Shared resources, and what is beyond the size of offers, may go to the next client in the next round.
        if is_shared || is_sized && stage == Stage::FairShare {
            self.settle_agent(key)
        } else {
            self.list_agent(key)
        }
        self.note_held(stage, key, is_held_back, is_for_fresh);
    }

    fn book_granted(
        &mut self,
        stage: Stage,
        key: AgentKey,
        (is_whole, is_shared): (bool, bool),
        first: usize,
        grants: &mut [Grant],
    ) {
        let mut booked = std::mem::take(&mut self.scratch.booked);
        for (place, Booked { client, grown, is_new }) in (first..).zip(booked.drain(..)) {
            self.tree.book(client, &grown);
            let own = self.clients[client.slot()].as_mut().expect("a client of the tree has a book");
            own.holdings += usize::from(is_new);
            if self.options.starvation_batches.is_some() {
                self.aging.begin(client, self.schedule.batches());
            }
            let part = (!is_whole).then(|| grants[place].resources.clone());
            self.memory.note_given(client, part, is_shared.then(|| Box::new(grown)));
            self.maintenance.touch(key);
            match stage {
                Stage::Guarantees => self.merging.note(key, client, place),
                Stage::FairShare => self.merging.merge(key, client, place, grants),
            }
        }
        self.scratch.booked = booked;
    }

    /// Remembers who was cut, so that they are fresh when limits or promises leave them more.
    fn note_cut(&mut self) {
        for client in self.scratch.cut.drain(..) {
            if let Some(own) = &self.clients[client.slot()] {
                self.quotas.note_cut(own.role_key);
            }
        }
    }

    fn note_held(&mut self, stage: Stage, key: AgentKey, is_held_back: bool, is_for_fresh: bool) {
        if is_held_back && self.open.contains(key) {
            self.held(stage).insert(key);
        } else if !is_for_fresh {
            self.held(stage).remove(key);
        }
    }
}

impl Serving<'_> {
    fn walk(&mut self, walk: &mut Walk, tree: &mut Tree, rng: &mut Rng) {
        walk.start(tree, rng);
        while !self.is_done()
            && let Some(own) = walk.next_role(tree, rng)
        {
            let mut left = None;
            self.is_sated = false;
            while let Some(client) = walk.next_client(tree, rng) {
                if self.consider(client, &mut left).is_break() {
                    break;
                }
            }
            if self.is_sated {
                self.sated.push(own);
                walk.leave_shortlist();
            }
        }
        // A walk may not lose what it is going through.
        for own in self.sated.drain(..) {
            tree.leave_shortlist(own);
        }
    }

    /// Whether nobody can come who may have something.
    fn is_done(&self) -> bool {
        self.agent.available.is_empty() || self.stage == Stage::Guarantees && !self.quotas.is_hungry()
    }

    /// Grants a client what it may have of what is left for its role; stops when that is nothing.
    pub(super) fn consider(&mut self, client: NodeKey, left: &mut Option<Resources>) -> ControlFlow<()> {
        let clients = self.clients;
        let own = clients[client.slot()].as_ref().expect("a client of the tree has a book");
        let is_served = self.has_preferred && self.booked.iter().any(|booked| booked.client == client);
        if is_served || self.is_for_fresh && !own.is_fresh {
            return ControlFlow::Continue(());
        }
        if self.refusers.contains(client) {
            self.is_particular = true;
            return ControlFlow::Continue(());
        }
        if self.stage == Stage::Guarantees && !self.quotas.is_promised(own.role_key) {
            self.is_sated = true;
            return ControlFlow::Break(());
        }
        self.costs.considered += 1;
        let left = left.get_or_insert_with(|| self.left_for(own));
        if left.is_empty() {
            return ControlFlow::Break(());
        }
        if let Some(offer) = self.offer_to(client, own, left) {
            *left -= &offer;
            self.grant(client, own, offer);
        }
        ControlFlow::Continue(())
    }

    /// What there is for a client's role.
    pub(super) fn left_for(&self, own: &Client) -> Resources {
        self.agent.available.allocatable_to(&own.role) - &self.shared
    }

    /// Whether a client may be offered the agent at all.
    pub(super) fn admits(&self, client: NodeKey, own: &Client) -> bool {
        self.agent.demands.admit(own.abilities) && self.constraints.admit(client, self.key, &self.agent.info)
    }

    pub(super) fn offer_to(&mut self, client: NodeKey, own: &Client, left: &Resources) -> Option<Resources> {
        if !self.agent.demands.admit(own.abilities) {
            return None;
        }
        let earlier = self.merging.earlier_amounts(self.key, client, self.grants);
        if !self.constraints.admit(client, self.key, &self.agent.info) {
            self.is_particular = true;
            return None;
        }
        self.is_particular |= !earlier.is_empty();
        let portion = self.portion_of(own, left, &earlier)?;
        let Portion { resources, is_limited, is_held_back, is_sized } = portion;
        if is_limited || is_held_back {
            self.cut.push(client);
        }
        let minimums = own.minimums.as_deref().unwrap_or(&self.options.min_allocatable);
        let is_wanted = is_allocatable(&resources, minimums) && !self.is_refused(client, &resources);
        // A smaller offer that was taken leaves nothing in the stage of guarantees that headroom could change.
        self.is_held_back |= is_held_back && !(is_wanted && self.stage == Stage::Guarantees);
        self.is_sized |= is_sized && (is_wanted || !earlier.is_empty());
        is_wanted.then_some(resources)
    }

    fn portion_of(&mut self, own: &Client, left: &Resources, earlier: &Quantities) -> Option<Portion> {
        let whole = own.abilities.strip(left);
        let Some(draws) = &mut self.merging.draws else { return Some(Portion::whole(whole)) };
        self.stage.portion(own, whole, earlier, self.quotas, self.headroom, draws)
    }

    fn is_refused(&mut self, client: NodeKey, offer: &Resources) -> bool {
        self.costs.filter_checks += 1;
        let is_refused = self.filters.blocks(client, self.key, offer);
        self.is_particular |= is_refused;
        is_refused
    }

    fn grant(&mut self, client: NodeKey, own: &Client, offer: Resources) {
        let consumed = offer.quota_quantities();
        self.quotas.consume(own.role_key, &consumed);
        self.headroom.take(&consumed);
        self.agent.take(&offer);
        let (grown, is_new) = self.agent.hold(client, &offer);
        self.booked.push(Booked { client, grown, is_new });
        self.shared += &offer.shared();
        let (framework, role) = (own.framework, own.role.clone());
        self.grants.push(Grant { framework, role, agent: self.key, resources: offer });
    }
}
