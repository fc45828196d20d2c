//! The sorter alone, for benches: what an allocator does to it, without an allocator around it.
//!
//! Compiled only with the feature `bench`, and no part of the interface.

use mesos_core::{FrameworkId, Quantities, Role};

use super::order::Step;
use super::{Kind, NodeKey, SorterKind, Tree};

/// A tree of clients.
#[derive(Debug)]
pub struct BenchSorter {
    tree: Tree,
    clients: Vec<NodeKey>,
    /// Memory of [`BenchSorter::sort`].
    open: Vec<Step>,
}

impl SorterKind {
    /// A sorter by dominant shares that knows nobody yet.
    #[doc(hidden)]
    #[must_use]
    pub fn bench() -> BenchSorter {
        BenchSorter { tree: Tree::new(Vec::new()), clients: Vec::new(), open: Vec::new() }
    }
}

impl BenchSorter {
    /// Adds a client under a role, which may be served or not; clients are numbered in this order.
    pub fn add_client(&mut self, role: &Role, id: &FrameworkId, is_active: bool) {
        let client = self.tree.add_client(role, id.shared());
        if is_active {
            self.tree.activate(client);
        }
        self.clients.push(client);
    }

    /// The cluster has that much more.
    pub fn grow(&mut self, amounts: &Quantities) {
        self.tree.change_totals(|all| *all += amounts);
    }

    /// The cluster has that much less.
    pub fn shrink(&mut self, amounts: &Quantities) {
        self.tree.change_totals(|all| *all -= amounts);
    }

    /// A client was granted something.
    pub fn book(&mut self, client: usize, amounts: &Quantities) {
        self.tree.book(self.clients[client], amounts);
    }

    /// Something a client was granted is free again.
    pub fn release(&mut self, client: usize, amounts: &Quantities) {
        self.tree.release(self.clients[client], amounts);
    }

    /// Appends the tree's slots of all clients that may be served, in that order.
    pub fn sort(&mut self, sorted: &mut Vec<usize>) {
        self.open.push(Step::begin(NodeKey::ROOT));
        while let Some(step) = self.open.last_mut() {
            let Some(child) = self.tree.next_child(step, false) else {
                self.open.pop();
                continue;
            };
            if self.tree[child].kind == Kind::Own {
                sorted.extend(self.tree.clients_in_order(child).iter().map(|client| client.slot()));
            } else {
                self.open.push(Step::begin(child));
            }
        }
    }
}
