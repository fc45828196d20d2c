//! Where nodes lie: the paths that lead to them, and which of two comes first.

use std::cmp::Ordering;

use mesos_core::Weight;

use super::{Kind, NodeKey, Tree};

impl Tree {
    /// The node above.
    pub(crate) fn parent(&self, node: NodeKey) -> NodeKey {
        self[node].parent
    }

    fn up(&self, node: NodeKey) -> impl Iterator<Item = NodeKey> {
        let above = |node: &NodeKey| Some(self[*node].parent).filter(|parent| *parent != NodeKey::ROOT);
        std::iter::successors(Some(node), above)
    }

    /// Whether a node is this one or lies below it.
    pub(crate) fn is_within(&self, node: NodeKey, ancestor: NodeKey) -> bool {
        self.up(node).any(|node| node == ancestor)
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

    /// The path of a role, or of the role that a virtual leaf belongs to.
    pub(crate) fn role_path(&self, node: NodeKey) -> String {
        match self[node].kind {
            Kind::Role if self[node].parent == NodeKey::ROOT => self[node].name().to_owned(),
            Kind::Role => format!("{}/{}", self.path(node), self[node].name()),
            _ => self.path(node),
        }
    }

    /// The weight of a client's role.
    pub(crate) fn role_weight(&self, client: NodeKey) -> Weight {
        self[self[self[client].parent].parent].weight()
    }

    /// Whether only one client may be served at a node or below.
    pub(crate) fn is_lonely(&self, node: NodeKey) -> bool {
        let mut active = self[node].order.iter();
        match (active.next(), active.next()) {
            (None, _) => self[node].kind == Kind::Client,
            (Some(only), None) => self.is_lonely(only),
            _ => false,
        }
    }

    /// Puts active clients into the order in which a walk would come to them.
    pub(crate) fn arrange(&mut self, clients: &mut [NodeKey]) {
        self.sort_ways(clients);
        let mut compared = 0;
        clients.sort_unstable_by(|left, right| {
            compared += 1;
            self.compare(*left, *right)
        });
        self.comparisons += compared;
    }

    /// Puts the one of some active clients to whom a walk would come first before the others.
    pub(crate) fn bring_first(&mut self, clients: &mut [NodeKey]) {
        let are_siblings = self.sort_ways(clients);
        let mut first = 0;
        for place in 1..clients.len() {
            let (own, best) = (clients[place], clients[first]);
            let is_before = match are_siblings {
                true => self.keys[own.slot()] < self.keys[best.slot()],
                false => self.compare(own, best).is_lt(),
            };
            if is_before {
                first = place;
            }
        }
        self.comparisons += clients.len().saturating_sub(1) as u64;
        if first > 0 {
            clients.swap(0, first);
        }
    }

    /// Brings the orders on the ways to some nodes up to date; whether all of these are siblings.
    fn sort_ways(&mut self, nodes: &[NodeKey]) -> bool {
        let (mut last, mut parents) = (None, 0);
        for node in nodes {
            let parent = self[*node].parent;
            if last == Some(parent) {
                continue;
            }
            (last, parents) = (Some(parent), parents + 1);
            let mut node = parent;
            self.sort_children(node);
            while node != NodeKey::ROOT {
                node = self[node].parent;
                self.sort_children(node);
            }
        }
        parents <= 1
    }

    /// Which of two nodes comes first, if neither lies above the other: where their paths part, the order of siblings.
    fn compare(&self, left: NodeKey, right: NodeKey) -> Ordering {
        let (left, right) = self.fork(left, right);
        self.keys[left.slot()].cmp(&self.keys[right.slot()])
    }

    /// The siblings where the paths to two nodes part; twice the same node if one lies on the path to the other.
    pub(crate) fn fork(&self, mut left: NodeKey, mut right: NodeKey) -> (NodeKey, NodeKey) {
        while self[left].depth() > self[right].depth() {
            left = self[left].parent;
        }
        while self[right].depth() > self[left].depth() {
            right = self[right].parent;
        }
        while self[left].parent != self[right].parent {
            (left, right) = (self[left].parent, self[right].parent);
        }
        (left, right)
    }
}
