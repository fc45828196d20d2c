//! Roles by priority; among equals in the order they come in.
//!
//! Which role has which priority is looked up once while the tree keeps its shape; for an agent the roles are then sorted by
//! a number. That visits all active roles where the plain order visits only those it comes to.

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
        if self.shape != Some(tree.shape()) {
            self.shape = Some(tree.shape());
            self.ranks.clear();
        }
        // A walk for guarantees alone does not come to all of them.
        for leaf in &self.queue {
            if self.ranks.len() <= leaf.slot() {
                self.ranks.resize(leaf.slot() + 1, None);
            }
            self.ranks[leaf.slot()].get_or_insert_with(|| self.priorities.of_path(&tree.path(*leaf)));
        }
        let ranks = &self.ranks;
        self.queue.sort_by_key(|leaf| Reverse(ranks[leaf.slot()]));
        self.queue.len()
    }

    pub(crate) fn next(&mut self) -> Option<NodeKey> {
        let next = self.queue.get(self.next).copied();
        self.next += 1;
        next
    }
}
