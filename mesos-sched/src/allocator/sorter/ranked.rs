//! Roles by priority; among equals in the order they come in.
//!
//! Which role has which priority is looked up once while the tree keeps its shape; for an agent the roles are then sorted by
//! a number. That visits all active roles where the plain order visits only those it comes to: whoever comes first of a
//! priority is known only once all of them were met in the order of shares, which every grant changes. Where only a few
//! clients come into question, those alone are sorted.

use std::cmp::Reverse;

use super::{NodeKey, Tree};
use crate::allocator::policy::Priorities;

/// The roles of one walk, by priority.
#[derive(Debug)]
pub(crate) struct RankedRoles {
    priorities: Priorities,
    shape: Option<u64>,
    /// By node slot, of those who came up since the tree has this shape.
    ranks: Vec<Option<i32>>,
    queue: Vec<NodeKey>,
    next: usize,
}

impl RankedRoles {
    pub(crate) const fn new(priorities: Priorities) -> Self {
        Self { priorities, shape: None, ranks: Vec::new(), queue: Vec::new(), next: 0 }
    }

    /// Sorts the active roles, given as virtual leaves in the order among equals; how many they are.
    pub(crate) fn gather(&mut self, tree: &mut Tree, mut next: impl FnMut(&mut Tree) -> Option<NodeKey>) -> usize {
        self.next = 0;
        self.queue.clear();
        while let Some(leaf) = next(tree) {
            self.queue.push(leaf);
        }
        let mut queue = std::mem::take(&mut self.queue);
        // A walk for guarantees alone does not come to all of them.
        queue.sort_by_cached_key(|leaf| Reverse(self.rank(*leaf, tree)));
        self.queue = queue;
        self.queue.len()
    }

    /// Sorts active clients, given in the order among equals.
    pub(crate) fn arrange(&mut self, clients: &mut [NodeKey], tree: &Tree) {
        clients.sort_by_cached_key(|client| Reverse(self.rank(tree.parent(*client), tree)));
    }

    /// The priority of the role of a virtual leaf.
    fn rank(&mut self, leaf: NodeKey, tree: &Tree) -> i32 {
        if self.shape != Some(tree.shape()) {
            self.shape = Some(tree.shape());
            self.ranks.clear();
        }
        if self.ranks.len() <= leaf.slot() {
            self.ranks.resize(leaf.slot() + 1, None);
        }
        *self.ranks[leaf.slot()].get_or_insert_with(|| self.priorities.of_path(&tree.path(leaf)))
    }

    pub(crate) fn next(&mut self) -> Option<NodeKey> {
        let next = self.queue.get(self.next).copied();
        self.next += 1;
        next
    }
}
