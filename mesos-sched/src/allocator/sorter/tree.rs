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
//! Here are the nodes, and how they come and go. How siblings are ordered is told in [`order`](super::order), what is booked
//! in [`booking`](super::booking), and who can count on a guarantee in [`promise`](super::promise).
//!
//! Semantics: Apache Mesos, `src/master/allocator/mesos/sorter/drf/sorter.cpp`. There roles and the frameworks of each role
//! have sorters of their own; one tree gives the same order with one walk and one update.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use mesos_core::kernel::Table;
use mesos_core::resource::{Quantities, ResourceName};
use mesos_core::{Role, Weight, handles};

use super::NodeSet;
use super::lineup::Lineup;
use super::order::{Order, SortKey};
use super::share::Totals;
use crate::allocator::explain::Past;

handles! {
    /// A role of the tree; used again after its removal.
    RoleSlot;
}

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
    pub(super) weight: Weight,
    /// What was granted to everything from here down.
    pub(super) amounts: Quantities,
    /// By name.
    children: Lineup,
    /// The virtual leaf among them.
    own: Option<NodeKey>,
    /// Those children that may be served.
    pub(super) order: Order,
    /// Whether this is a client that may be served or lies above one.
    pub(super) is_active: bool,
    /// Whether this is the virtual leaf of a role that can count on a guarantee, or lies above an active one.
    pub(super) is_promised: bool,
    /// How many nodes lie above.
    depth: u32,
}

/// The tree.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Beside the nodes, because sorting reads nothing else.
    pub(super) keys: Vec<SortKey>,
    vacant: Vec<NodeKey>,
    /// The nodes of roles, by path.
    roles: Table<Role, RoleSlot, NodeKey>,
    /// What all virtual leaves are called.
    own_name: Arc<str>,
    pub(super) totals: Totals,
    /// Counts the changes of totals.
    pub(super) epoch: u64,
    /// Counts the changes of who may be served and of weights.
    pub(super) shape: u64,
    /// The clients that may be served.
    pub(super) active: NodeSet,
    /// Virtual leaves that began or ceased to count on a guarantee since somebody looked.
    pub(super) flipped: Vec<NodeKey>,
    /// How often two siblings were compared.
    pub(super) comparisons: u64,
    /// What was different at the end of the last round.
    pub(super) past: Past,
}

const OWN_NAME: &str = ".";

/// Room for so many from the beginning.
const NODES: usize = 64;

/// So far apart are ranks that are given anew: room for 32 names in a row between any two, whatever comes.
const RANK_STEP: u64 = 1 << 32;

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
            children: Lineup::default(),
            own: None,
            order: Order::default(),
            is_active: false,
            is_promised: false,
            depth: 0,
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

    /// In no order that means anything.
    pub(crate) fn children(&self) -> &[NodeKey] {
        self.children.all()
    }

    /// Whether every child has its rank among them by name.
    pub(super) fn are_children_ranked(&self) -> bool {
        self.children.is_sorted()
    }

    pub(crate) const fn is_active(&self) -> bool {
        self.is_active
    }

    /// How many nodes lie above.
    pub(super) const fn depth(&self) -> u32 {
        self.depth
    }
}

impl Tree {
    /// An empty tree; amounts of the excluded names make no share.
    pub(crate) fn new(excluded: Vec<ResourceName>) -> Self {
        let mut nodes = Vec::with_capacity(NODES);
        nodes.push(Node::new(Kind::Role, NodeKey::ROOT, "".into()));
        Self {
            nodes,
            keys: vec![SortKey::NONE],
            vacant: Vec::new(),
            roles: Table::default(),
            own_name: OWN_NAME.into(),
            totals: Totals::new(excluded),
            epoch: 0,
            shape: 0,
            active: NodeSet::default(),
            flipped: Vec::new(),
            comparisons: 0,
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

    /// How often two siblings were compared so far.
    pub(crate) const fn comparisons(&self) -> u64 {
        self.comparisons
    }

    /// How many grants went to a node or below.
    pub(crate) fn count(&self, node: NodeKey) -> u64 {
        self.keys[node.slot()].count
    }

    // Growing and pruning.

    /// The client of the framework with this id under a role, made if it is new. It is not active.
    pub(crate) fn add_client(&mut self, role: &Role, id: Arc<str>) -> NodeKey {
        let role = self.intern(role);
        let own = self[role].own.unwrap_or_else(|| {
            let own = self.link(role, Kind::Own, self.own_name.clone());
            self[role].own = Some(own);
            own
        });
        self.link(own, Kind::Client, id)
    }

    /// Gives a client that is not active another id.
    pub(crate) fn rename_client(&mut self, client: NodeKey, id: Arc<str>) {
        debug_assert!(!self[client].is_active, "the order of active clients depends on their names");
        let parent = self[client].parent;
        self.detach(client);
        self[client].name = id;
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
        if let Some(node) = self.roles.find(role).and_then(|known| self.roles.get(known)) {
            return *node;
        }
        let (parent, name) = match role.as_str().rsplit_once('/').zip(role.parent()) {
            Some(((_, name), above)) => (self.intern(&above), name.into()),
            None => (NodeKey::ROOT, role.shared()),
        };
        let node = self.link(parent, Kind::Role, name);
        self.roles.replace(role.clone(), node);
        node
    }

    fn link(&mut self, parent: NodeKey, kind: Kind, name: Arc<str>) -> NodeKey {
        let node = Node { depth: self[parent].depth + 1, ..Node::new(kind, parent, name) };
        let place = match self.vacant.pop() {
            Some(place) => {
                self[place] = node;
                self.keys[place.slot()] = SortKey::NONE;
                place
            }
            None => {
                self.nodes.push(node);
                self.keys.push(SortKey::NONE);
                NodeKey(u32::try_from(self.nodes.len() - 1).expect("a tree holds fewer than 2^32 nodes"))
            }
        };
        self.attach(parent, place);
        place
    }

    fn attach(&mut self, parent: NodeKey, child: NodeKey) {
        let is_last = self[parent].children.are_all_before(|last| self[last].name() < self[child].name());
        self[parent].children.push(child, is_last);
        // Ids are mostly counted up.
        if is_last {
            self.rank(parent, self[parent].children.all().len() - 1);
        }
    }

    /// Ranks those children that came since somebody asked for ranks.
    pub(super) fn rank_children(&mut self, parent: NodeKey) {
        if self[parent].children.is_sorted() {
            return;
        }
        let mut children = std::mem::take(&mut self[parent].children);
        if children.are_many_late() {
            self.sort_by_name(&mut children);
            self[parent].children = children;
            return self.rank_anew(parent);
        }
        while let Some(place) = children.place_next(|other, own| self[other].name() < self[own].name()) {
            // A rank is given between neighbours.
            self[parent].children = std::mem::take(&mut children);
            self.rank(parent, place);
            children = std::mem::take(&mut self[parent].children);
        }
        self[parent].children = children;
    }

    /// The children by name.
    pub(crate) fn children_by_name(&self, parent: NodeKey) -> Vec<NodeKey> {
        let mut children = self[parent].children.clone();
        if !children.is_sorted() {
            self.sort_by_name(&mut children);
        }
        children.into()
    }

    /// Sorts by what of the names differs first, eight bytes in one comparison, which mostly tells.
    fn sort_by_name(&self, nodes: &mut Lineup) {
        let name = |node: &NodeKey| self[*node].name().as_bytes();
        let alike = nodes.all().split_first().map_or(0, |(first, others)| {
            let first = name(first);
            others.iter().fold(first.len(), |alike, other| {
                first[..alike].iter().zip(name(other)).take_while(|(left, right)| left == right).count()
            })
        });
        let start = |node: &NodeKey| {
            let mut start = [0; 8];
            start.iter_mut().zip(&name(node)[alike..]).for_each(|(to, from)| *to = *from);
            u64::from_be_bytes(start)
        };
        let mut sorted: Vec<(u64, NodeKey)> = nodes.all().iter().map(|node| (start(node), *node)).collect();
        sorted.sort_unstable_by(|left, right| left.0.cmp(&right.0).then_with(|| name(&left.1).cmp(name(&right.1))));
        nodes.fill(sorted.into_iter().map(|(_, node)| node));
    }

    /// Gives a child a rank between those of its neighbours; if there is none left, all get new ones.
    fn rank(&mut self, parent: NodeKey, place: usize) {
        let children = self.nodes[parent.slot()].children.sorted();
        let rank_of = |place: usize| children.get(place).map(|child| self.keys[child.slot()].rank);
        let before = place.checked_sub(1).and_then(rank_of).unwrap_or(0);
        // Names mostly come in order: then there is room for as many more.
        let after = rank_of(place + 1).unwrap_or_else(|| before.saturating_add(2 * RANK_STEP));
        if after - before >= 2 {
            self.keys[children[place].slot()].rank = before + (after - before) / 2;
            return;
        }
        self.rank_anew(parent);
    }

    fn rank_anew(&mut self, parent: NodeKey) {
        for (child, place) in self.nodes[parent.slot()].children.sorted().iter().zip(1..) {
            self.keys[child.slot()].rank = place * RANK_STEP;
        }
    }

    fn detach(&mut self, child: NodeKey) {
        let parent = self[child].parent;
        self.rank_children(parent);
        let rank = self.keys[child.slot()].rank;
        let place = self[parent].children().partition_point(|other| self.keys[other.slot()].rank < rank);
        self[parent].children.remove(place);
    }

    fn unlink(&mut self, node: NodeKey) {
        match self[node].kind {
            Kind::Role => drop(self.roles.remove_id(self.role_path(node).as_str())),
            Kind::Own => {
                let role = self[node].parent;
                self[role].own = None;
            }
            Kind::Client | Kind::Vacant => {}
        }
        self.detach(node);
        self.past.cut();
        self[node] = Node::new(Kind::Vacant, NodeKey::ROOT, "".into());
        self.vacant.push(node);
    }

    /// A node exists only while it has children or a weight of its own.
    fn prune(&mut self, mut node: NodeKey) {
        while node != NodeKey::ROOT && self[node].children().is_empty() && self[node].weight == Weight::ONE {
            let parent = self[node].parent;
            self.unlink(node);
            node = parent;
        }
    }
}
