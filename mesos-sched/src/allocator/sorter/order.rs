//! The order of siblings that may be served, and how it follows what is booked.

use super::lineup::Lineup;
use super::share::Share;
use super::tree::Node;
use super::{Kind, NodeKey, Tree};

/// What siblings are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SortKey {
    pub(super) share: Share,
    /// How many grants there were; never falls, so that those who return what they are offered do not come first again.
    pub(super) count: u64,
    /// The place among the siblings by name.
    pub(super) rank: u64,
}

/// The children of a node that may be served, in two parts that are sorted alike.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Those that lead to somebody who can count on a guarantee.
    promised: Lineup,
    others: Lineup,
    /// By share, but for the late ones, if this is the tree's epoch.
    sorted_at: u64,
}

/// How far a walk has come among the children of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    node: NodeKey,
    promised: usize,
    others: usize,
}

impl SortKey {
    pub(super) const NONE: Self = Self { share: Share::NONE, count: 0, rank: 0 };
}

impl Order {
    pub(super) fn is_empty(&self) -> bool {
        self.promised.is_empty() && self.others.is_empty()
    }

    /// All of them, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = NodeKey> {
        self.promised.all().iter().chain(self.others.all()).copied()
    }

    pub(super) fn any_promised(&self) -> Option<NodeKey> {
        self.promised.all().first().copied()
    }

    const fn part(&self, is_promised: bool) -> &Lineup {
        if is_promised { &self.promised } else { &self.others }
    }

    const fn part_mut(&mut self, is_promised: bool) -> &mut Lineup {
        if is_promised { &mut self.promised } else { &mut self.others }
    }
}

impl Step {
    pub(super) const fn begin(node: NodeKey) -> Self {
        Self { node, promised: 0, others: 0 }
    }
}

impl Tree {
    // Who may be served.

    /// A client may be served from now on.
    pub(crate) fn activate(&mut self, client: NodeKey) {
        self.active.insert(client);
        let mut node = client;
        while !self[node].is_active {
            self.shape += 1;
            self[node].is_active = true;
            if node == NodeKey::ROOT {
                return;
            }
            let parent = self[node].parent;
            self.enter_order(node);
            if self[node].is_promised && !self[parent].is_active {
                self[parent].is_promised = true;
            }
            node = parent;
        }
        self.settle_promise(node);
    }

    /// A client may not be served any more; what it was granted still counts.
    pub(crate) fn deactivate(&mut self, client: NodeKey) {
        self.active.remove(client);
        let mut node = client;
        while self[node].is_active && self[node].order.is_empty() {
            self.shape += 1;
            if node != NodeKey::ROOT {
                self.leave_order(node);
            }
            let own = &mut self[node];
            own.is_active = false;
            if own.kind == Kind::Role {
                own.is_promised = false;
            }
            if node == NodeKey::ROOT {
                return;
            }
            node = self[node].parent;
        }
        self.settle_promise(node);
    }

    /// Puts an active node among its siblings.
    pub(super) fn enter_order(&mut self, node: NodeKey) {
        let (parent, is_promised, epoch) = (self[node].parent, self[node].is_promised, self.epoch);
        self.keys[node.slot()].share = self.share(node);
        if self[parent].order.is_empty() {
            self[parent].order.sorted_at = epoch;
        }
        // Of a node without a rank nobody knows where it belongs.
        let is_known = self.is_current(parent) && self[parent].are_children_ranked();
        let (keys, compared) = (&self.keys, &mut self.comparisons);
        let is_last = is_known
            && self.nodes[parent.slot()].order.part(is_promised).are_all_before(|last| {
                *compared += 1;
                keys[last.slot()] < keys[node.slot()]
            });
        self[parent].order.part_mut(is_promised).push(node, is_last);
    }

    /// Takes an active node from among its siblings.
    pub(super) fn leave_order(&mut self, node: NodeKey) {
        let (parent, is_promised) = (self[node].parent, self[node].is_promised);
        self.place_late(parent);
        let place = self.place(node).expect("an active node is in its parent's order");
        self[parent].order.part_mut(is_promised).remove(place);
    }

    // What changes it.

    /// The share of a node among its siblings, by weight.
    pub(crate) fn share(&self, node: NodeKey) -> Share {
        self.totals.dominant(&self[node].amounts, self[node].weight)
    }

    /// Changes what a node is ordered by, and moves it to its new place.
    pub(super) fn rekey(&mut self, node: NodeKey, grants: u64, change: impl FnOnce(&mut Node)) {
        let own = &self.nodes[node.slot()];
        let (parent, is_promised, is_active) = (own.parent, own.is_promised, own.is_active);
        self.past.keep(node.slot(), &own.amounts, self.keys[node.slot()].count, own.weight);
        let is_placed = is_active && self.is_current(parent) && self[parent].order.part(is_promised).all().len() > 1;
        let place = if is_placed {
            self.place_late(parent);
            self.place(node)
        } else {
            None
        };
        change(&mut self[node]);
        let share = self.share(node);
        let key = &mut self.keys[node.slot()];
        key.share = share;
        key.count += grants;
        if let Some(place) = place {
            self.replace(parent, is_promised, place);
        }
    }

    /// Moves the node at a place to where its key belongs.
    fn replace(&mut self, parent: NodeKey, is_promised: bool, place: usize) {
        let part = self.nodes[parent.slot()].order.part_mut(is_promised);
        let (keys, compared) = (&self.keys, &mut self.comparisons);
        let own = keys[part.all()[place].slot()];
        part.replace(place, |other| {
            *compared += 1;
            keys[other.slot()] < own
        });
    }

    /// Whether the order of a node's children is that of their shares, but for the late ones.
    fn is_current(&self, parent: NodeKey) -> bool {
        self[parent].order.sorted_at == self.epoch
    }

    fn is_sorted(&self, parent: NodeKey) -> bool {
        let order = &self[parent].order;
        order.sorted_at == self.epoch && order.promised.is_sorted() && order.others.is_sorted()
    }

    /// Takes those children that came late to where they belong, if the others are in order.
    fn place_late(&mut self, parent: NodeKey) {
        if !self.is_current(parent) || self.is_sorted(parent) {
            return;
        }
        self.rank_children(parent);
        let mut order = std::mem::take(&mut self[parent].order);
        for is_promised in [true, false] {
            let part = order.part_mut(is_promised);
            if part.are_many_late() {
                self.sort_part(parent, is_promised, part);
                continue;
            }
            let (keys, compared) = (&self.keys, &mut self.comparisons);
            let mut is_before = |left: NodeKey, right: NodeKey| {
                *compared += 1;
                keys[left.slot()] < keys[right.slot()]
            };
            while part.place_next(&mut is_before).is_some() {}
        }
        self[parent].order = order;
    }

    fn sort_part(&mut self, parent: NodeKey, is_promised: bool, part: &mut Lineup) {
        let children = self[parent].children();
        if part.all().len() >= children.len() / 2 {
            // Most have nothing yet, and are in order when they are by name.
            let is_own = |child: &Node| child.is_active && child.is_promised == is_promised;
            part.fill(children.iter().filter(|child| is_own(&self[**child])).copied());
        }
        let (keys, compared) = (&self.keys, &mut self.comparisons);
        part.sort(|left, right| {
            *compared += 1;
            keys[left.slot()].cmp(&keys[right.slot()])
        });
    }

    /// Where an active node is in its part of its parent's order.
    fn place(&mut self, node: NodeKey) -> Option<usize> {
        let (parent, is_promised) = (self[node].parent, self[node].is_promised);
        let is_sorted = self.is_sorted(parent);
        let part = self.nodes[parent.slot()].order.part(is_promised).all();
        // Whoever is granted something was mostly the first.
        if !is_sorted || part.first() == Some(&node) {
            return part.iter().position(|other| *other == node);
        }
        let (keys, compared) = (&self.keys, &mut self.comparisons);
        let own = &keys[node.slot()];
        let found = part.binary_search_by(|other| {
            *compared += 1;
            keys[other.slot()].cmp(own)
        });
        found.ok()
    }

    // What it is.

    /// Brings the order of a node's children up to date.
    #[inline]
    pub(super) fn sort_children(&mut self, parent: NodeKey) {
        if !self.is_sorted(parent) {
            self.sort_anew(parent);
        }
    }

    fn sort_anew(&mut self, parent: NodeKey) {
        if self.is_current(parent) {
            return self.place_late(parent);
        }
        self.rank_children(parent);
        let mut order = std::mem::take(&mut self[parent].order);
        for child in order.iter() {
            self.keys[child.slot()].share = self.share(child);
        }
        for is_promised in [true, false] {
            self.sort_part(parent, is_promised, order.part_mut(is_promised));
        }
        order.sorted_at = self.epoch;
        self[parent].order = order;
    }

    /// The next child in order, among all that may be served or only those that lead to promises.
    pub(super) fn next_child(&mut self, step: &mut Step, is_for_promises: bool) -> Option<NodeKey> {
        self.sort_children(step.node);
        let order = &self.nodes[step.node.slot()].order;
        let promised = order.promised.all().get(step.promised).copied();
        let other = order.others.all().get(step.others).copied().filter(|_| !is_for_promises);
        let is_other = match (promised, other) {
            (Some(promised), Some(other)) => {
                self.comparisons += 1;
                self.keys[other.slot()] < self.keys[promised.slot()]
            }
            (promised, _) => promised.is_none(),
        };
        if is_other {
            step.others += usize::from(other.is_some());
            other
        } else {
            step.promised += 1;
            promised
        }
    }

    /// The clients of a virtual leaf that may be served, in order.
    #[inline]
    pub(crate) fn clients_in_order(&mut self, own: NodeKey) -> &[NodeKey] {
        self.sort_children(own);
        self.active_clients_of(own)
    }

    /// The same in no order that means anything.
    pub(crate) fn active_clients_of(&self, own: NodeKey) -> &[NodeKey] {
        self[own].order.others.all()
    }

    /// The children that may be served, in no order that means anything.
    pub(super) fn active_children(&self, parent: NodeKey) -> impl Iterator<Item = NodeKey> {
        self[parent].order.iter()
    }

    /// The clients that may be served.
    pub(crate) const fn active_clients(&self) -> &super::NodeSet {
        &self.active
    }
}
