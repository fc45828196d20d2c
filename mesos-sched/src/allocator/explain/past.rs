//! What the tree was like at the end of the last round.
//!
//! The first fact that changes a node after a round puts aside what it held; what the round itself changed is known from what
//! it granted. Memory and time are in proportion to what changed, and used again after the next round.

use mesos_core::Weight;
use mesos_core::resource::Quantities;

use super::super::sorter::{NodeKey, Totals};

/// What nodes of the tree held at the end of the last round, of those that are others since.
#[derive(Debug, Default)]
pub(in crate::allocator) struct Past {
    round: u64,
    nodes: Vec<Was>,
    totals: Option<Box<Totals>>,
    /// The round since which a node is gone.
    cut_in: u64,
    /// What a round changes is known from what it grants.
    is_in_round: bool,
    /// Nothing is put aside: to measure what that spares.
    #[cfg(feature = "bench")]
    pub(in crate::allocator) is_off: bool,
}

/// What a node was.
#[derive(Debug, Clone, Default)]
pub(super) struct Was {
    round: u64,
    pub(super) amounts: Quantities,
    pub(super) count: u64,
    pub(super) weight: Weight,
}

impl Past {
    /// A round begins.
    pub(in crate::allocator) fn begin_round(&mut self) {
        self.round += 1;
        self.totals = None;
        self.is_in_round = true;
    }

    /// The round is over.
    pub(in crate::allocator) const fn end_round(&mut self) {
        self.is_in_round = false;
    }

    /// Before the first round there is nothing to ask about.
    const fn is_on(&self) -> bool {
        #[cfg(feature = "bench")]
        return self.round > 0 && !self.is_off;
        #[cfg(not(feature = "bench"))]
        return self.round > 0;
    }

    /// A node is about to change.
    #[inline]
    pub(in crate::allocator) fn keep(&mut self, node: usize, amounts: &Quantities, count: u64, weight: Weight) {
        if self.is_on() && !self.is_in_round && self.nodes.get(node).is_none_or(|was| was.round < self.round) {
            self.keep_first(node, amounts, count, weight);
        }
    }

    #[inline(never)]
    fn keep_first(&mut self, node: usize, amounts: &Quantities, count: u64, weight: Weight) {
        if self.nodes.len() <= node {
            self.nodes.resize_with(node + 1, Was::default);
        }
        let was = &mut self.nodes[node];
        was.round = self.round;
        was.amounts.clone_from(amounts);
        (was.count, was.weight) = (count, weight);
    }

    /// The size of the cluster is about to change.
    pub(in crate::allocator) fn keep_totals(&mut self, totals: &Totals) {
        if self.totals.is_none() {
            self.totals = Some(Box::new(totals.clone()));
        }
    }

    /// A node is gone: what was granted to it cannot be told from what was granted to whoever takes its place.
    pub(in crate::allocator) const fn cut(&mut self) {
        self.cut_in = self.round;
    }

    /// Whether the last round can still be told.
    pub(super) const fn is_whole(&self) -> bool {
        self.cut_in < self.round
    }

    pub(super) fn node(&self, node: NodeKey) -> Option<&Was> {
        self.nodes.get(node.slot()).filter(|was| was.round == self.round)
    }

    pub(super) fn totals(&self) -> Option<&Totals> {
        self.totals.as_deref()
    }
}
