//! An agent dealt out piece by piece, for policies that look at the candidates anew for every piece.
//!
//! Who may have a piece is decided where it is decided for whole agents too; a candidate who does not get one is out for
//! this agent and round. The pieces of one framework become one grant.
//!
//! An agent where something changed costs a look at every client that takes part, one where nothing did a look at those who can
//! be offered more than before; every piece costs a look at each [group](super::candidates) of candidates.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Grant};
use mesos_core::resource::{Limits, Quantities, Resources, Scalar};
use mesos_core::{FrameworkInfo, Role};

use super::Policy;
use super::candidates::{Candidate, Candidates};
use super::constrained::Slots;
use super::packing::{Appetites, Packing, alignment};
use crate::allocator::book::Client;
use crate::allocator::serving::Serving;
use crate::allocator::sorter::{NodeKey, Tree, Walk};

/// An agent falls into about so many pieces; of smaller ones several are handed out at a time.
const PIECES_MAX: u64 = 64;

/// Memory of dealing, kept from one agent to the next.
#[derive(Debug, Default)]
pub(in crate::allocator) struct Dealing {
    candidates: Candidates,
    appetites: Appetites,
    /// The fresh clients, in order.
    fresh: Vec<NodeKey>,
}

impl Dealing {
    /// Takes over what a framework says about one of its roles.
    pub(in crate::allocator) fn describe(&mut self, client: NodeKey, info: &FrameworkInfo, role: &Role) {
        self.appetites.describe(client, info, role);
    }

    /// What a client would take at a time if it said this; nothing means all there is.
    pub(in crate::allocator) fn piece_if(
        &self,
        policy: &Policy,
        client: NodeKey,
        stated: Option<Quantities>,
    ) -> Option<Quantities> {
        match policy {
            Policy::ConstrainedMaxMin { slot } => Some(slot.clone()),
            _ => stated.filter(|stated| !stated.is_empty()).or_else(|| self.appetites.used(client).cloned()),
        }
    }

    /// Remembers what was granted of an agent.
    pub(in crate::allocator) fn note<'a>(
        &mut self,
        agent: AgentKey,
        granted: impl Iterator<Item = (NodeKey, &'a Grant)>,
    ) {
        for (client, grant) in granted {
            self.appetites.granted(client, agent, &grant.resources);
        }
    }

    /// A client returned something; with `is_refusal`, what it did not use of an offer.
    pub(in crate::allocator) fn returned(
        &mut self,
        client: NodeKey,
        agent: AgentKey,
        resources: &Resources,
        is_refusal: bool,
    ) {
        self.appetites.returned(client, agent, resources, is_refusal);
    }

    /// A client is gone; its place may be used again.
    pub(in crate::allocator) fn forget_client(&mut self, client: NodeKey) {
        self.appetites.forget_client(client);
    }

    /// An agent is gone; its place may be used again.
    pub(in crate::allocator) fn forget_agent(&mut self, agent: AgentKey) {
        self.appetites.forget_agent(agent);
    }
}

impl Serving<'_> {
    /// Deals the agent out, as far as pieces fit.
    pub(in crate::allocator) fn deal(
        &mut self,
        dealing: &mut Dealing,
        fresh: &[NodeKey],
        walk: &mut Walk,
        tree: &mut Tree,
        rng: &mut Rng,
    ) {
        dealing.candidates.clear();
        if self.is_for_fresh && !walk.is_drawn() {
            dealing.fresh.clear();
            dealing.fresh.extend(fresh.iter().filter(|client| tree[**client].is_active()));
            walk.arrange(&mut dealing.fresh, tree);
            for place in 0..dealing.fresh.len() {
                let client = dealing.fresh[place];
                self.gather(dealing, client);
            }
        } else {
            walk.start(tree, rng);
            while walk.next_role(tree, rng).is_some() {
                while let Some(client) = walk.next_client(tree, rng) {
                    self.gather(dealing, client);
                }
            }
        }
        let candidates = &mut dealing.candidates;
        let options = self.options;
        match &options.policy {
            Policy::Packing(packing) => self.pack(*packing, candidates),
            Policy::ConstrainedMaxMin { slot } => self.deal_slots(slot, candidates, tree),
            _ => {}
        }
    }

    /// A client that comes next, if it comes into question.
    fn gather(&mut self, Dealing { candidates, appetites, .. }: &mut Dealing, client: NodeKey) {
        self.costs.candidates += 1;
        let own = self.client(client);
        if self.is_for_fresh && !own.is_fresh || !self.admits(client, own) {
            return;
        }
        // Where nothing is reserved, all roles may have the same.
        let is_owned = self.agent.available.special_entries().any(|entry| !entry.is_unreserved());
        let bag = if is_owned { self.left_for(own) } else { Resources::new() };
        let rest = candidates.rest(client, bag);
        match &self.options.policy {
            Policy::ConstrainedMaxMin { slot } => candidates.push(client, rest, None, || Some(slot.clone())),
            _ => candidates.push(client, rest, appetites.piece(client), || appetites.of(client).cloned()),
        }
    }

    fn client(&self, client: NodeKey) -> &Client {
        self.clients[client.slot()].as_ref().expect("a client of the tree has a book")
    }

    /// Piece after piece goes to whom the agent suits best.
    fn pack(&mut self, packing: Packing, candidates: &mut Candidates) {
        candidates.rank();
        self.fit(candidates);
        while let Some(place) = best_aligned(packing, self, candidates) {
            if self.hand_out(candidates, place) {
                // What is left may be too little for others by now.
                self.fit(candidates);
            } else {
                candidates.drop_first(place);
            }
        }
    }

    /// Slot after slot goes to the candidate with the fewest slots, then the fewest grants, then the one that comes first.
    fn deal_slots(&mut self, slot: &Quantities, candidates: &mut Candidates, tree: &Tree) {
        let slots = Slots::of(slot);
        let key = |place: usize, candidate: &Candidate| {
            let Candidate { client, dealt, pieces, .. } = candidate;
            Reverse((slots.share(tree, *client, dealt), tree.count(*client) + pieces, place))
        };
        let mut line: BinaryHeap<_> = candidates.iter().map(|(place, candidate)| key(place, candidate)).collect();
        self.fit(candidates);
        while !candidates.is_empty()
            && let Some(Reverse((.., place))) = line.pop()
        {
            if self.hand_out(candidates, place) {
                line.push(key(place, candidates.get(place)));
                self.fit(candidates);
            }
        }
    }

    /// Leaves those who can be handed a piece of what is left.
    fn fit(&mut self, candidates: &mut Candidates) {
        let lefts: Vec<Resources> = candidates.rests().map(|client| self.left_for(self.client(client))).collect();
        self.costs.candidates += candidates.fit(&lefts) as u64;
    }

    /// Grants a candidate its portion; whether it may have it.
    fn hand_out(&mut self, candidates: &mut Candidates, place: usize) -> bool {
        let Some(mut portion) = candidates.portion(place).cloned().map(Some) else { return false };
        let (before, candidate) = (self.grants.len(), candidates.get_mut(place));
        let _ = self.consider(candidate.client, &mut portion);
        let Some(grant) = self.grants.get(before) else { return false };
        candidate.dealt += &grant.resources.scalar_quantities();
        candidate.pieces += 1;
        true
    }

    /// Makes one grant of all that a client was granted of this agent, from this grant on.
    pub(in crate::allocator) fn merge_grants(&mut self, first: usize) {
        let (mut kept, count) = (0, self.booked.len());
        for next in 0..count {
            let client = self.booked[next].client;
            match (0..kept).find(|place| self.booked[*place].client == client) {
                Some(place) => {
                    let resources = std::mem::take(&mut self.grants[first + next].resources);
                    self.grants[first + place].resources += &resources;
                    let grown = std::mem::take(&mut self.booked[next].grown);
                    self.booked[place].grown += &grown;
                }
                None => {
                    self.booked.swap(kept, next);
                    self.grants.swap(first + kept, first + next);
                    kept += 1;
                }
            }
        }
        self.booked.truncate(kept);
        self.grants.truncate(first + kept);
    }
}

/// What of the rest is handed out next to one who takes so much at a time, if that fits.
pub(in crate::allocator) fn next_piece(mut left: Resources, piece: Option<&Quantities>) -> Option<Resources> {
    let Some(piece) = piece else { return Some(left).filter(|left| !left.is_empty()) };
    let amounts = left.quantities();
    let fitting = piece.iter().map(|(name, amount)| amounts.get(name).as_milli() / amount.as_milli());
    let times = u64::try_from(fitting.min()?).ok().filter(|times| *times > 0)?.div_ceil(PIECES_MAX);
    let times = i64::try_from(times).unwrap_or(1);
    let mut limits = Limits::new();
    for (name, amount) in piece.iter() {
        limits.set(name.clone(), Scalar::from_milli(amount.as_milli() * times));
    }
    left.shrink_to_limits(&limits);
    Some(left).filter(|left| !left.is_empty())
}

/// Of the candidates that are furthest below their share, the place of the one the agent suits best; the earlier one of
/// equals.
fn best_aligned(packing: Packing, serving: &Serving<'_>, candidates: &Candidates) -> Option<usize> {
    let (left, capacity) = (serving.agent.available.quantities(), serving.agent.total.quantities());
    let competing = candidates.first_of(packing.competitors(candidates.left()));
    let scored = competing.map(|(place, piece)| (alignment(piece.unwrap_or(&left), &left, &capacity), Reverse(place)));
    scored.max().map(|(_, Reverse(place))| place)
}
