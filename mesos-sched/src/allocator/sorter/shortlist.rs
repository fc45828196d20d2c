//! The part of the order that a stage is about.
//!
//! While guarantees are served, most roles of a large cluster have theirs; a walk that came past all of them for every agent
//! would cost the number of roles. So the stage begins with a short list: of every node the children that lead to somebody
//! who can still count on a guarantee, in the same order as among all their siblings. A grant moves its client's path within
//! the lists, as it does in the tree, and who can count on nothing any more leaves them for the rest of the stage.

use super::tree::SortKey;
use super::{NodeKey, Tree};

/// Children of interest by the slot of their parent; empty beside a stage.
#[derive(Debug, Default)]
pub(super) struct Shortlist {
    lists: Vec<Vec<NodeKey>>,
    /// Which nodes have a list that is not empty, or had one in this stage.
    parents: Vec<NodeKey>,
    is_on: bool,
}

impl Shortlist {
    pub(super) fn of(&self, parent: NodeKey) -> &[NodeKey] {
        self.lists.get(parent.slot()).map_or(&[], Vec::as_slice)
    }

    fn place(&self, parent: NodeKey, key: &SortKey, keys: &[SortKey]) -> Option<usize> {
        self.of(parent).binary_search_by(|other| keys[other.slot()].cmp(key)).ok()
    }

    /// Moves a node whose key changed.
    fn replace(&mut self, parent: NodeKey, place: usize, keys: &[SortKey]) {
        let list = &mut self.lists[parent.slot()];
        let node = list.remove(place);
        let place = list.partition_point(|other| keys[other.slot()] < keys[node.slot()]);
        list.insert(place, node);
    }
}

impl Tree {
    /// A stage begins that is about the roles of these clients alone.
    pub(crate) fn begin_shortlist(&mut self, clients: &[NodeKey]) {
        let mut list = std::mem::take(&mut self.shortlist);
        list.lists.resize_with(list.lists.len().max(self.nodes.len()), Vec::new);
        list.is_on = true;
        let mut is_listed = vec![false; self.nodes.len()];
        for client in clients {
            let mut node = self[*client].parent;
            while node != NodeKey::ROOT && self[node].is_active() && !is_listed[node.slot()] {
                is_listed[node.slot()] = true;
                let parent = self[node].parent;
                if list.lists[parent.slot()].is_empty() {
                    list.parents.push(parent);
                }
                list.lists[parent.slot()].push(node);
                node = parent;
            }
        }
        for parent in &list.parents {
            // Brings the keys up to date as well.
            self.order(*parent);
            let keys = &self.keys;
            list.lists[parent.slot()].sort_unstable_by(|left, right| keys[left.slot()].cmp(&keys[right.slot()]));
        }
        self.shortlist = list;
    }

    /// The stage is over.
    pub(crate) fn end_shortlist(&mut self) {
        self.shortlist.is_on = false;
        while let Some(parent) = self.shortlist.parents.pop() {
            self.shortlist.lists[parent.slot()].clear();
        }
    }

    /// The children that a short-listed walk goes through, in the order to serve them.
    pub(crate) fn shortlist(&self, parent: NodeKey) -> &[NodeKey] {
        self.shortlist.of(parent)
    }

    /// Whether a node leads to somebody the stage is about.
    pub(crate) fn is_shortlisted(&self, node: NodeKey) -> bool {
        self.shortlist_place(node).is_some()
    }

    /// A role's frameworks can count on nothing any more.
    pub(crate) fn leave_shortlist(&mut self, own: NodeKey) {
        let mut node = own;
        while node != NodeKey::ROOT && self.shortlist.of(node).is_empty() {
            let parent = self[node].parent;
            let Some(place) = self.shortlist.place(parent, &self.keys[node.slot()], &self.keys) else { return };
            self.shortlist.lists[parent.slot()].remove(place);
            node = parent;
        }
    }

    /// Where a node is in its parent's short list, if it is there.
    pub(super) fn shortlist_place(&self, node: NodeKey) -> Option<usize> {
        let key = &self.keys[node.slot()];
        if self.shortlist.is_on { self.shortlist.place(self[node].parent, key, &self.keys) } else { None }
    }

    /// Moves a node to where its key belongs.
    pub(super) fn replace_in_shortlist(&mut self, parent: NodeKey, place: usize) {
        self.shortlist.replace(parent, place, &self.keys);
    }
}
