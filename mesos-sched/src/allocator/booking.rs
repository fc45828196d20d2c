//! What clients hold on an agent, told to the tree that orders them.
//!
//! Of a shared resource every client that asked for it holds a copy. It counts once for whoever holds it, and once for each
//! role above, however many below that role hold it: to those who share among roles, a role is one client. (Apache Mesos does
//! the same: `src/master/allocator/mesos/sorter/drf/sorter.hpp`, what a node was allocated.)

use mesos_core::resource::{Quantities, Resources};

use super::book::Agent;
use super::sorter::{NodeKey, Tree};

impl Agent {
    /// A client was granted something, which is noted here already.
    pub(super) fn book_grant(&self, tree: &mut Tree, client: NodeKey, granted: &Resources, grown: &Quantities) {
        if granted.shared().is_empty() {
            return tree.book(client, grown);
        }
        self.book_anew(tree, client, 1, &(self.held_by(client) - granted));
    }

    /// A client holds less, which is noted here already.
    pub(super) fn book_release(&self, tree: &mut Tree, client: NodeKey, released: &Resources, shrunk: &Quantities) {
        if released.shared().is_empty() {
            return tree.release(client, shrunk);
        }
        self.book_anew(tree, client, 0, &(self.held_by(client) + released));
    }

    /// What a client holds is not what it was before, which is noted here already, and some of either is shared.
    pub(super) fn book_anew(&self, tree: &mut Tree, client: NodeKey, grants: u64, before: &Resources) {
        let changes = self.changes(tree, client, before, &self.held_by(client));
        tree.convert_each(client, grants, &changes);
    }

    fn held_by(&self, client: NodeKey) -> Resources {
        let own = self.holdings.iter().find(|holding| holding.client == client);
        own.map(|holding| holding.resources.clone()).unwrap_or_default()
    }

    /// What a client and each node above it counts of the agent, before and after.
    fn changes(
        &self,
        tree: &Tree,
        client: NodeKey,
        before: &Resources,
        after: &Resources,
    ) -> Vec<(Quantities, Quantities)> {
        let others = self.holdings.iter().filter(|holding| holding.client != client);
        let others: Vec<_> = others.map(|holding| (holding.client, holding.resources.shared())).collect();
        let change = |node: NodeKey| {
            let below = others.iter().filter(|(other, _)| tree.upward(*other).any(|above| above == node));
            let below: Resources = below.map(|(_, shared)| shared.clone()).sum();
            ((below.clone() + before).scalar_quantities(), (below + after).scalar_quantities())
        };
        tree.upward(client).map(change).collect()
    }
}
