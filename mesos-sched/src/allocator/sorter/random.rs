//! Random order: every draw takes one of those left, in proportion to their weights.
//!
//! A role's chance is its part of its siblings' weights times the chance of the role above it, among roles that have
//! somebody to serve. Drawing without replacement gives the same order as sorting by `u^(1/weight)`, without the
//! floating point that may differ from one machine to the next.
//!
//! Shares by lottery are those of Waldspurger and Weihl: "Lottery Scheduling: Flexible Proportional-Share Resource Management",
//! OSDI 1994; the order by `u^(1/weight)` is that of Efraimidis and Spirakis: "Weighted random sampling with a reservoir",
//! Information Processing Letters 97, 2006.
//!
//! Most walks end after a few draws, so a walk costs its draws and not the number of roles: chances lie in a tree of sums,
//! where a draw is a way down and what was drawn is put back when the next walk begins. Frameworks of a role have equal
//! chances; their shuffle is only imagined, and remembers which places were swapped.

use std::collections::BTreeMap;

use mesos_core::kernel::Rng;

use super::{Kind, NodeKey, Tree};

/// What can be drawn, each with its chance: partial sums in the manner of Fenwick (1994).
#[derive(Debug, Default)]
struct Urn {
    items: Vec<(NodeKey, u64)>,
    /// At place `i`, counted from one: the chances of the items that end there, as many as its lowest bit says.
    sums: Vec<u64>,
    sum: u64,
    drawn: Vec<usize>,
}

impl Urn {
    fn fill(&mut self, items: Vec<(NodeKey, u64)>) {
        self.sum = items.iter().map(|(_, chance)| chance).sum();
        self.sums.clear();
        self.sums.extend(std::iter::once(0).chain(items.iter().map(|(_, chance)| *chance)));
        for place in 1..self.sums.len() {
            let above = place + (place & place.wrapping_neg());
            if above < self.sums.len() {
                self.sums[above] += self.sums[place];
            }
        }
        self.items = items;
        self.drawn.clear();
    }

    /// Puts everything back that was drawn, but for what left for good.
    fn restore(&mut self) {
        while let Some(item) = self.drawn.pop() {
            let chance = self.items[item].1;
            if chance == 0 {
                continue;
            }
            self.sum += chance;
            self.change(item, |sum| *sum += chance);
        }
    }

    fn draw(&mut self, rng: &mut Rng) -> Option<NodeKey> {
        if self.sum == 0 {
            return None;
        }
        let item = self.find(rng.below(self.sum));
        let (node, chance) = self.items[item];
        self.sum -= chance;
        self.change(item, |sum| *sum -= chance);
        self.drawn.push(item);
        Some(node)
    }

    /// What was drawn last is not put back.
    fn keep_last(&mut self) {
        if let Some(item) = self.drawn.last() {
            self.items[*item].1 = 0;
        }
    }

    /// Gives an item another chance; nothing is drawn.
    fn set(&mut self, item: usize, chance: u64) {
        let before = std::mem::replace(&mut self.items[item].1, chance);
        self.sum = self.sum - before + chance;
        self.change(item, |sum| *sum = *sum - before + chance);
    }

    /// The item within whose part of the sum this is.
    fn find(&self, mut at: u64) -> usize {
        let mut place = 0;
        let mut step = self.items.len().checked_ilog2().map_or(0, |bits| 1_usize << bits);
        while step > 0 {
            if let Some(sum) = self.sums.get(place + step).filter(|sum| **sum <= at) {
                at -= sum;
                place += step;
            }
            step /= 2;
        }
        place
    }

    fn change(&mut self, item: usize, change: impl Fn(&mut u64)) {
        let mut place = item + 1;
        while let Some(sum) = self.sums.get_mut(place) {
            change(sum);
            place += place & place.wrapping_neg();
        }
    }
}

/// The roles with their chances, computed again when the tree has another shape.
#[derive(Debug, Default)]
pub(crate) struct RandomRoles {
    shape: Option<u64>,
    urn: Urn,
    /// Those that can count on a guarantee, with the chances they have among all; the others have none.
    promised: Urn,
    /// By node slot: the place in the urns.
    places: Vec<usize>,
    is_for_promises: bool,
}

/// All chances together; leaves room to sum the rounding up of four billion roles.
const WHOLE: u64 = 1 << 60;

impl RandomRoles {
    /// A stage begins that is about those alone who can count on a guarantee; of how many roles chances were computed.
    pub(crate) fn begin_promises(&mut self, tree: &mut Tree) -> usize {
        self.is_for_promises = false;
        let weighed = self.start(tree);
        self.promised.restore();
        for own in tree.drain_flipped().collect::<Vec<_>>() {
            // Another node may have taken the place of one that is gone.
            if tree[own].kind == Kind::Own && tree[own].is_active() {
                let place = self.places[own.slot()];
                let chance = if tree[own].is_promised { self.urn.items[place].1 } else { 0 };
                self.promised.set(place, chance);
            }
        }
        self.is_for_promises = true;
        weighed
    }

    pub(crate) const fn end_promises(&mut self) {
        self.is_for_promises = false;
    }

    /// The role drawn last does not come again in this stage.
    pub(crate) fn leave_promises(&mut self) {
        self.promised.keep_last();
    }

    /// Begins a walk; of how many roles chances were computed.
    pub(crate) fn start(&mut self, tree: &Tree) -> usize {
        if self.is_for_promises {
            self.promised.restore();
        } else if self.shape == Some(tree.shape()) {
            self.urn.restore();
        } else {
            self.fill(tree);
            return self.urn.items.len();
        }
        0
    }

    fn fill(&mut self, tree: &Tree) {
        self.shape = Some(tree.shape());
        let mut chances = std::mem::take(&mut self.urn.items);
        chances.clear();
        weigh(tree, &mut chances);
        for (place, (own, _)) in chances.iter().enumerate() {
            if self.places.len() <= own.slot() {
                self.places.resize(own.slot() + 1, 0);
            }
            self.places[own.slot()] = place;
        }
        let chance = |(own, chance): &(NodeKey, u64)| (*own, if tree[*own].is_promised { *chance } else { 0 });
        self.promised.fill(chances.iter().map(chance).collect());
        self.urn.fill(chances);
    }

    pub(crate) fn draw(&mut self, rng: &mut Rng) -> Option<NodeKey> {
        if self.is_for_promises { self.promised.draw(rng) } else { self.urn.draw(rng) }
    }
}

/// A shuffle of a role's frameworks, as far as anybody wants to know it.
#[derive(Debug, Default)]
pub(crate) struct RandomClients {
    own: Option<NodeKey>,
    next: usize,
    /// Places whose content was swapped with an earlier one.
    swapped: BTreeMap<usize, usize>,
}

impl RandomClients {
    pub(crate) fn start(&mut self, own: NodeKey) {
        self.own = Some(own);
        self.next = 0;
        self.swapped.clear();
    }

    pub(crate) fn draw(&mut self, tree: &Tree, rng: &mut Rng) -> Option<NodeKey> {
        let clients = tree.active_clients_of(self.own?);
        let left = clients.len().checked_sub(self.next).filter(|left| *left > 0)?;
        let place = self.next + rng.index(left);
        let content = |place: usize| self.swapped.get(&place).copied().unwrap_or(place);
        let (drawn, first) = (content(place), content(self.next));
        self.swapped.insert(place, first);
        self.next += 1;
        Some(clients[drawn])
    }
}

fn weigh(tree: &Tree, chances: &mut Vec<(NodeKey, u64)>) {
    let weight_of = |node: NodeKey| u128::from(tree[node].weight().as_milli());
    let mut open = vec![(NodeKey::ROOT, WHOLE)];
    while let Some((node, chance)) = open.pop() {
        if tree[node].kind == Kind::Own {
            chances.push((node, chance));
            continue;
        }
        let sum: u128 = tree.active_children(node).map(weight_of).sum();
        for child in tree.active_children(node) {
            let part = u128::from(chance) * weight_of(child) / sum;
            // Never zero, so that even the least of many is drawn in the end.
            open.push((child, u64::try_from(part).unwrap_or(WHOLE).max(1)));
        }
    }
}
