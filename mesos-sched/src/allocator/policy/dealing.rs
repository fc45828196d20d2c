//! An agent dealt out piece by piece, for policies that look at the candidates anew for every piece.
//!
//! Who may have a piece is decided where it is decided for whole agents too; a candidate who does not get one is out for
//! this agent and round. The pieces of one framework become one grant.

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Grant};
use mesos_core::resource::{Limits, Quantities, Resources, Scalar};
use mesos_core::{FrameworkInfo, Role};

use super::Policy;
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
    candidates: Vec<Candidate>,
    appetites: Appetites,
}

/// A client while an agent is dealt out.
#[derive(Debug)]
struct Candidate {
    client: NodeKey,
    /// What it takes at a time; nothing means all there is.
    piece: Option<Quantities>,
    /// What it was dealt of this agent.
    dealt: Quantities,
    pieces: u64,
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
        walk: &mut Walk,
        tree: &mut Tree,
        rng: &mut Rng,
    ) {
        let Dealing { candidates, appetites } = dealing;
        self.gather(candidates, appetites, walk, tree, rng);
        match &self.options.policy {
            Policy::Packing(packing) => {
                let packing = *packing;
                self.hand_out_while(candidates, |serving, candidates| best_aligned(packing, serving, candidates));
            }
            Policy::ConstrainedMaxMin { slot } => {
                let slots = Slots::of(slot);
                self.hand_out_while(candidates, |_, candidates| fewest_slots(&slots, tree, candidates));
            }
            _ => {}
        }
    }

    /// The clients that come into question, in the order of the walk.
    fn gather(
        &mut self,
        candidates: &mut Vec<Candidate>,
        appetites: &Appetites,
        walk: &mut Walk,
        tree: &mut Tree,
        rng: &mut Rng,
    ) {
        candidates.clear();
        walk.start(tree, rng);
        while walk.next_role(tree, rng).is_some() {
            while let Some(client) = walk.next_client(tree, rng) {
                self.costs.candidates += 1;
                let own = self.client(client);
                if (own.is_fresh || !self.is_for_fresh) && self.admits(client, own) {
                    let piece = piece_of(&self.options.policy, appetites, client);
                    candidates.push(Candidate { client, piece, dealt: Quantities::new(), pieces: 0 });
                }
            }
        }
    }

    fn client(&self, client: NodeKey) -> &Client {
        self.clients[client.slot()].as_ref().expect("a client of the tree has a book")
    }

    /// Hands out piece after piece to whom `pick` names.
    fn hand_out_while(
        &mut self,
        candidates: &mut Vec<Candidate>,
        mut pick: impl FnMut(&Self, &[Candidate]) -> Option<usize>,
    ) {
        self.keep_fitting(candidates);
        while let Some(place) = pick(self, candidates) {
            let Some(candidate) = candidates.get_mut(place) else { return };
            if self.hand_out(candidate) {
                // What is left may be too little for others by now.
                self.keep_fitting(candidates);
            } else {
                candidates.remove(place);
            }
        }
    }

    /// Leaves those who can be handed a piece of what is left.
    fn keep_fitting(&mut self, candidates: &mut Vec<Candidate>) {
        self.costs.candidates += candidates.len() as u64;
        candidates.retain(|candidate| self.portion(candidate).is_some());
    }

    /// Grants a candidate its portion; whether it may have it.
    fn hand_out(&mut self, candidate: &mut Candidate) -> bool {
        let before = self.grants.len();
        let mut portion = self.portion(candidate);
        let _ = self.consider(candidate.client, &mut portion);
        let Some(grant) = self.grants.get(before) else { return false };
        candidate.dealt += &grant.resources.scalar_quantities();
        candidate.pieces += 1;
        true
    }

    /// What a candidate would be handed next, if its piece fits.
    fn portion(&self, candidate: &Candidate) -> Option<Resources> {
        next_piece(self.left_for(self.client(candidate.client)), candidate.piece.as_ref())
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

/// What a client takes at a time; nothing means all there is.
fn piece_of(policy: &Policy, appetites: &Appetites, client: NodeKey) -> Option<Quantities> {
    match policy {
        Policy::ConstrainedMaxMin { slot } => Some(slot.clone()),
        _ => appetites.of(client).cloned(),
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

/// Of the candidates that are furthest below their share, the one the agent suits best; the earlier one of equals.
fn best_aligned(packing: Packing, serving: &Serving<'_>, candidates: &[Candidate]) -> Option<usize> {
    let (left, capacity) = (serving.agent.available.quantities(), serving.agent.total.quantities());
    let competing = &candidates[..packing.competitors(candidates.len()).min(candidates.len())];
    let score = |candidate: &Candidate| alignment(candidate.piece.as_ref().unwrap_or(&left), &left, &capacity);
    // Of equals `max_by_key` takes the last.
    competing.iter().enumerate().rev().max_by_key(|(_, candidate)| score(candidate)).map(|(place, _)| place)
}

/// The candidate with the fewest slots, then the fewest grants, then the one that comes first in the walk.
fn fewest_slots(slots: &Slots, tree: &Tree, candidates: &[Candidate]) -> Option<usize> {
    let key = |candidate: &Candidate| {
        let Candidate { client, dealt, pieces, .. } = candidate;
        (slots.share(tree, *client, dealt), tree.count(*client) + pieces)
    };
    candidates.iter().enumerate().min_by_key(|(_, candidate)| key(candidate)).map(|(place, _)| place)
}
