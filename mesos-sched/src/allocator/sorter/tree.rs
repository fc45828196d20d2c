//! The tree of roles and the frameworks in them, with what each part of it was granted.
//!
//! ```text
//!   root ─┬─ eng ─┬─ .   ── f1, f2     frameworks of eng itself
//!         │       └─ web ── . ── f3    frameworks of eng/web
//!         └─ ops ─── .   ── f1         a framework is a client once per role
//! ```
//!
//! The frameworks of a role hang under a virtual leaf, so that they compete as one with the roles below theirs. A grant is
//! added to its client and to everything above it; the children of every node that may be served lie in order of their
//! dominant share. A change moves one child within its siblings; only when the size of the cluster changes are all
//! shares others, and then siblings are sorted when somebody next asks for their order.
//!
//! Semantics: Apache Mesos, `src/master/allocator/mesos/sorter/drf/sorter.cpp`. There roles and the frameworks of each role
//! have sorters of their own; one tree gives the same order with one walk and one update.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use mesos_core::resource::{Quantities, ResourceName};
use mesos_core::{Role, Weight};

use super::share::{Share, Totals};
use super::shortlist::Shortlist;
use crate::allocator::explain::Past;

/// A node of the tree; used again after its removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeKey(u32);

impl NodeKey {
    pub(crate) const ROOT: Self = Self(0);

    /// The node in this slot.
    pub(crate) const fn from_slot(slot: u32) -> Self {
        Self(slot)
    }

    /// For books that lie beside the tree.
    pub(crate) const fn slot(self) -> usize {
        self.0 as usize
    }
}

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A role, or the root.
    Role,
    /// The frameworks of the role above.
    Own,
    /// A framework under a role.
    Client,
    /// Nothing; free to be used again.
    Vacant,
}

/// One node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(super) parent: NodeKey,
    /// One component of a role, `.`, or the id of a framework.
    name: Arc<str>,
    weight: Weight,
    /// What was granted to everything from here down.
    amounts: Quantities,
    /// By name.
    children: Vec<NodeKey>,
    /// Those children that may be served, by share if `sorted_at` is the tree's epoch.
    order: Vec<NodeKey>,
    sorted_at: u64,
    /// Whether this is a client that may be served or lies above one.
    is_active: bool,
}

/// What siblings are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SortKey {
    share: Share,
    /// How many grants there were; never falls, so that those who return what they are offered do not come first again.
    count: u64,
    /// The place among the siblings by name.
    rank: u32,
}

/// The tree.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Beside the nodes, because sorting reads nothing else.
    pub(super) keys: Vec<SortKey>,
    vacant: Vec<NodeKey>,
    totals: Totals,
    /// Counts the changes of totals.
    epoch: u64,
    /// Counts the changes of who may be served and of weights.
    shape: u64,
    /// What was different before the last round.
    past: Past,
    /// What a stage is about that is not about everybody.
    pub(super) shortlist: Shortlist,
}

const OWN_NAME: &str = ".";

impl Index<NodeKey> for Tree {
    type Output = Node;

    fn index(&self, node: NodeKey) -> &Node {
        &self.nodes[node.slot()]
    }
}

impl IndexMut<NodeKey> for Tree {
    fn index_mut(&mut self, node: NodeKey) -> &mut Node {
        &mut self.nodes[node.slot()]
    }
}

impl Node {
    fn new(kind: Kind, parent: NodeKey, name: Arc<str>) -> Self {
        Self {
            kind,
            parent,
            name,
            weight: Weight::ONE,
            amounts: Quantities::new(),
            children: Vec::new(),
            order: Vec::new(),
            sorted_at: 0,
            is_active: false,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn weight(&self) -> Weight {
        self.weight
    }

    pub(crate) const fn amounts(&self) -> &Quantities {
        &self.amounts
    }

    pub(crate) fn children(&self) -> &[NodeKey] {
        &self.children
    }

    pub(crate) const fn is_active(&self) -> bool {
        self.is_active
    }
}

impl Tree {
    /// An empty tree; amounts of the excluded names make no share.
    pub(crate) fn new(excluded: Vec<ResourceName>) -> Self {
        let root = Node::new(Kind::Role, NodeKey::ROOT, "".into());
        Self {
            nodes: vec![root],
            keys: vec![SortKey { share: Share::NONE, count: 0, rank: 0 }],
            vacant: Vec::new(),
            totals: Totals::new(excluded),
            epoch: 0,
            shape: 0,
            shortlist: Shortlist::default(),
            past: Past::default(),
        }
    }

    /// How much the cluster has.
    pub(crate) const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Counts the changes of who may be served and of weights.
    pub(crate) const fn shape(&self) -> u64 {
        self.shape
    }

    /// Whether anybody may be served.
    pub(crate) fn is_active(&self) -> bool {
        self[NodeKey::ROOT].is_active
    }

    /// The share of a node among its siblings, by weight.
    pub(crate) fn share(&self, node: NodeKey) -> Share {
        self.totals.dominant(&self[node].amounts, self[node].weight)
    }

    /// The path of the role that a virtual leaf belongs to.
    pub(crate) fn path(&self, leaf: NodeKey) -> String {
        let mut names = Vec::new();
        let mut node = self[leaf].parent;
        while node != NodeKey::ROOT {
            names.push(self[node].name());
            node = self[node].parent;
        }
        names.reverse();
        names.join("/")
    }

    /// The weight of a client's role.
    pub(crate) fn role_weight(&self, client: NodeKey) -> Weight {
        self[self[self[client].parent].parent].weight
    }

    /// How many grants went to a node or below.
    pub(crate) fn count(&self, node: NodeKey) -> u64 {
        self.keys[node.slot()].count
    }

    /// The cluster has other amounts than before.
    pub(crate) fn change_totals(&mut self, change: impl FnOnce(&mut Quantities)) {
        self.past.keep_totals(&self.totals);
        if self.totals.change(change) {
            self.epoch += 1;
        }
    }

    // The last round.

    /// A round begins.
    pub(crate) fn begin_round(&mut self) {
        self.past.begin_round();
    }

    /// What was different before the last round.
    pub(in crate::allocator) const fn past(&self) -> &Past {
        &self.past
    }

    /// A node and those above it, from the outermost; without the root.
    pub(crate) fn ancestry(&self, node: NodeKey) -> Vec<NodeKey> {
        let above = |node: &NodeKey| Some(self[*node].parent).filter(|parent| *parent != NodeKey::ROOT);
        let mut path: Vec<NodeKey> = std::iter::successors(Some(node), above).collect();
        path.reverse();
        path
    }

    /// Whether a node is this one or lies below it.
    pub(crate) fn is_within(&self, node: NodeKey, ancestor: NodeKey) -> bool {
        let above = |node: &NodeKey| Some(self[*node].parent).filter(|parent| *parent != NodeKey::ROOT);
        std::iter::successors(Some(node), above).any(|node| node == ancestor)
    }

    /// The path of a role, or of the role that a virtual leaf belongs to.
    pub(crate) fn role_path(&self, node: NodeKey) -> String {
        match self[node].kind {
            Kind::Role if self[node].parent == NodeKey::ROOT => self[node].name().to_owned(),
            Kind::Role => format!("{}/{}", self.path(node), self[node].name()),
            _ => self.path(node),
        }
    }

    /// Whether only one client may be served at a node or below.
    pub(crate) fn is_lonely(&self, node: NodeKey) -> bool {
        match self[node].order.as_slice() {
            [] => self[node].kind == Kind::Client,
            [only] => self.is_lonely(*only),
            _ => false,
        }
    }

    // Growing and pruning.

    /// The client of the framework with this id under a role, made if it is new. It is not active.
    pub(crate) fn add_client(&mut self, role: &Role, id: &str) -> NodeKey {
        let role = self.intern(role);
        let own = self.child(role, OWN_NAME).unwrap_or_else(|| self.link(role, Kind::Own, OWN_NAME.into()));
        self.link(own, Kind::Client, id.into())
    }

    /// Gives a client that is not active another id.
    pub(crate) fn rename_client(&mut self, client: NodeKey, id: &str) {
        debug_assert!(!self[client].is_active, "the order of active clients depends on their names");
        let parent = self[client].parent;
        self.detach(client);
        self[client].name = id.into();
        self.attach(parent, client);
    }

    /// Removes a client with everything it was granted, and the roles nobody needs any more.
    pub(crate) fn remove_client(&mut self, client: NodeKey) {
        self.deactivate(client);
        let amounts = self[client].amounts.clone();
        self.release(client, &amounts);
        let own = self[client].parent;
        self.unlink(client);
        self.prune(own);
    }

    /// How much a role counts beside its siblings.
    pub(crate) fn set_weight(&mut self, role: &Role, weight: Weight) {
        let node = self.intern(role);
        self.rekey(node, 0, |node| node.weight = weight);
        self.shape += 1;
        self.prune(node);
    }

    fn intern(&mut self, role: &Role) -> NodeKey {
        role.components().fold(NodeKey::ROOT, |node, name| {
            self.child(node, name).unwrap_or_else(|| self.link(node, Kind::Role, name.into()))
        })
    }

    fn child(&self, parent: NodeKey, name: &str) -> Option<NodeKey> {
        let children = &self[parent].children;
        children.binary_search_by(|child| (*self[*child].name).cmp(name)).ok().map(|found| children[found])
    }

    fn link(&mut self, parent: NodeKey, kind: Kind, name: Arc<str>) -> NodeKey {
        let node = Node::new(kind, parent, name);
        let key = SortKey { share: Share::NONE, count: 0, rank: 0 };
        let place = match self.vacant.pop() {
            Some(place) => {
                self[place] = node;
                self.keys[place.slot()] = key;
                place
            }
            None => {
                self.nodes.push(node);
                self.keys.push(key);
                NodeKey(u32::try_from(self.nodes.len() - 1).expect("a tree holds fewer than 2^32 nodes"))
            }
        };
        self.attach(parent, place);
        place
    }

    fn attach(&mut self, parent: NodeKey, child: NodeKey) {
        let name = self[child].name.clone();
        let rank = self[parent].children.partition_point(|other| self[*other].name < name);
        self[parent].children.insert(rank, child);
        self.rank_from(parent, rank);
    }

    fn detach(&mut self, child: NodeKey) {
        let (parent, rank) = (self[child].parent, self.keys[child.slot()].rank as usize);
        self[parent].children.remove(rank);
        self.rank_from(parent, rank);
    }

    /// Ranks move together, so the order among the others stays what it was.
    fn rank_from(&mut self, parent: NodeKey, first: usize) {
        for (rank, child) in (0..).zip(&self.nodes[parent.slot()].children).skip(first) {
            self.keys[child.slot()].rank = rank;
        }
    }

    fn unlink(&mut self, node: NodeKey) {
        self.detach(node);
        self.past.cut();
        self[node] = Node::new(Kind::Vacant, NodeKey::ROOT, "".into());
        self.vacant.push(node);
    }

    /// A node exists only while it has children or a weight of its own.
    fn prune(&mut self, mut node: NodeKey) {
        while node != NodeKey::ROOT && self[node].children.is_empty() && self[node].weight == Weight::ONE {
            let parent = self[node].parent;
            self.unlink(node);
            node = parent;
        }
    }

    // Who may be served.

    /// A client may be served from now on.
    pub(crate) fn activate(&mut self, client: NodeKey) {
        let mut node = client;
        while !self[node].is_active {
            self.shape += 1;
            self[node].is_active = true;
            if node != NodeKey::ROOT {
                self.enter_order(node);
            }
            node = self[node].parent;
        }
    }

    /// A client may not be served any more; what it was granted still counts.
    pub(crate) fn deactivate(&mut self, client: NodeKey) {
        let mut node = client;
        while self[node].is_active && self[node].order.is_empty() {
            self.shape += 1;
            self[node].is_active = false;
            if node == NodeKey::ROOT {
                return;
            }
            let parent = self[node].parent;
            let place = self.place(node).expect("an active node is in its parent's order");
            self[parent].order.remove(place);
            node = parent;
        }
    }

    fn enter_order(&mut self, node: NodeKey) {
        let (parent, epoch) = (self[node].parent, self.epoch);
        self.keys[node.slot()].share = self.share(node);
        if self[parent].order.is_empty() {
            self[parent].sorted_at = epoch;
        }
        let order = &self[parent].order;
        let place = match self.is_sorted(parent) {
            true => order.partition_point(|other| self.keys[other.slot()] < self.keys[node.slot()]),
            false => order.len(),
        };
        self[parent].order.insert(place, node);
    }

    // What was granted.

    /// A client was granted something.
    pub(crate) fn book(&mut self, client: NodeKey, amounts: &Quantities) {
        self.change_upward(client, 1, |own| *own += amounts);
    }

    /// Something a client was granted is free again.
    pub(crate) fn release(&mut self, client: NodeKey, amounts: &Quantities) {
        self.change_upward(client, 0, |own| *own -= amounts);
    }

    /// What a client was granted has another form.
    pub(crate) fn convert(&mut self, client: NodeKey, from: &Quantities, to: &Quantities) {
        if from != to {
            self.change_upward(client, 0, |own| {
                *own -= from;
                *own += to;
            });
        }
    }

    fn change_upward(&mut self, client: NodeKey, grants: u64, change: impl Fn(&mut Quantities)) {
        let mut node = client;
        while node != NodeKey::ROOT {
            self.rekey(node, grants, |node| change(&mut node.amounts));
            node = self[node].parent;
        }
        change(&mut self[NodeKey::ROOT].amounts);
    }

    /// Changes what a node is ordered by, and moves it to its new place.
    fn rekey(&mut self, node: NodeKey, grants: u64, change: impl FnOnce(&mut Node)) {
        let parent = self[node].parent;
        let is_placed = self[node].is_active && self.is_sorted(parent) && self[parent].order.len() > 1;
        let place = if is_placed { self.place(node) } else { None };
        let shortlisted = self.shortlist_place(node);
        let own = &self.nodes[node.slot()];
        self.past.keep(node.slot(), &own.amounts, self.keys[node.slot()].count, own.weight);
        change(&mut self[node]);
        let share = self.share(node);
        let key = &mut self.keys[node.slot()];
        key.share = share;
        key.count += grants;
        if let Some(place) = place {
            self.replace(parent, place);
        }
        if let Some(place) = shortlisted {
            self.replace_in_shortlist(parent, place);
        }
    }

    fn replace(&mut self, parent: NodeKey, place: usize) {
        let (order, keys) = (&mut self.nodes[parent.slot()].order, &self.keys);
        let own = keys[order[place].slot()];
        let is_less = |other: &NodeKey| keys[other.slot()] < own;
        if order.get(place + 1).is_some_and(is_less) {
            let last = place + order[place + 1..].partition_point(is_less);
            order[place..=last].rotate_left(1);
        } else {
            let first = order[..place].partition_point(is_less);
            order[first..=place].rotate_right(1);
        }
    }

    // Order.

    fn is_sorted(&self, parent: NodeKey) -> bool {
        self[parent].sorted_at == self.epoch
    }

    /// Where an active node is in its parent's order.
    fn place(&self, node: NodeKey) -> Option<usize> {
        let (parent, own) = (self[node].parent, &self.keys[node.slot()]);
        let order = &self[parent].order;
        if self.is_sorted(parent) {
            order.binary_search_by(|other| self.keys[other.slot()].cmp(own)).ok()
        } else {
            order.iter().position(|other| *other == node)
        }
    }

    /// The children that may be served, in the order to serve them.
    pub(crate) fn order(&mut self, parent: NodeKey) -> &[NodeKey] {
        if !self.is_sorted(parent) {
            self.sort(parent);
        }
        &self[parent].order
    }

    fn sort(&mut self, parent: NodeKey) {
        let mut order = std::mem::take(&mut self[parent].order);
        for child in &order {
            self.keys[child.slot()].share = self.share(*child);
        }
        let keys = &self.keys;
        order.sort_unstable_by(|left, right| keys[left.slot()].cmp(&keys[right.slot()]));
        self[parent].order = order;
        self[parent].sorted_at = self.epoch;
    }

    /// The children that may be served, in no order that means anything.
    pub(crate) fn active_children(&self, parent: NodeKey) -> &[NodeKey] {
        &self[parent].order
    }
}
