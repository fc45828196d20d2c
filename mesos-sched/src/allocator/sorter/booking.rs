//! What the cluster has, and what was granted to whom.

use mesos_core::resource::Quantities;

use super::{NodeKey, Tree};
use crate::allocator::explain::Past;

impl Tree {
    /// The cluster has other amounts than before.
    pub(crate) fn change_totals(&mut self, change: impl FnOnce(&mut Quantities)) {
        self.past.keep_totals(&self.totals);
        if self.totals.change(change) {
            self.epoch += 1;
        }
    }

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

    /// What a client was granted changes, for itself and each node above it, the root last, from one amount to another.
    pub(crate) fn convert_each(&mut self, client: NodeKey, grants: u64, changes: &[(Quantities, Quantities)]) {
        let mut changes = changes.iter();
        let mut node = client;
        while node != NodeKey::ROOT {
            if let Some((from, to)) = changes.next() {
                self.rekey(node, grants, |node| {
                    node.amounts -= from;
                    node.amounts += to;
                });
            }
            node = self[node].parent;
        }
        if let Some((from, to)) = changes.next() {
            self[NodeKey::ROOT].amounts -= from;
            self[NodeKey::ROOT].amounts += to;
        }
    }

    /// A node and those above it, the root last.
    pub(crate) fn upward(&self, node: NodeKey) -> impl Iterator<Item = NodeKey> {
        std::iter::successors(Some(node), |node| (*node != NodeKey::ROOT).then(|| self[*node].parent))
    }

    fn change_upward(&mut self, client: NodeKey, grants: u64, change: impl Fn(&mut Quantities)) {
        let mut node = client;
        while node != NodeKey::ROOT {
            self.rekey(node, grants, |node| change(&mut node.amounts));
            node = self[node].parent;
        }
        change(&mut self[NodeKey::ROOT].amounts);
    }

    // The last round.

    /// A round begins; what it changes is known from what it grants.
    pub(crate) fn begin_round(&mut self) {
        self.past.begin_round();
    }

    /// The round is over: what changes from here on was otherwise at its end.
    pub(crate) const fn end_round(&mut self) {
        self.past.end_round();
    }

    /// What was different at the end of the last round.
    pub(in crate::allocator) const fn past(&self) -> &Past {
        &self.past
    }

    /// Nothing is put aside for questions: to measure what that spares.
    #[cfg(feature = "bench")]
    pub(in crate::allocator) const fn forget_past(&mut self) {
        self.past.is_off = true;
    }
}
