//! When filters end: a heap of plain numbers. Items of filters that ended otherwise stay until they come up or are swept out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use mesos_core::Instant;
use mesos_core::provider::AgentKey;

use crate::allocator::sorter::NodeKey;

/// When a filter of a client on an agent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) at: Instant,
    pub(super) agent: AgentKey,
    pub(super) client: NodeKey,
}

/// The heap; what is due first lies on top.
#[derive(Debug, Default)]
pub(super) struct DueHeap(BinaryHeap<Reverse<Due>>);

impl DueHeap {
    pub(super) fn push(&mut self, due: Due) {
        self.0.push(Reverse(due));
    }

    pub(super) fn first(&self) -> Option<Due> {
        self.0.peek().map(|Reverse(due)| *due)
    }

    pub(super) fn pop(&mut self) -> Option<Due> {
        self.0.pop().map(|Reverse(due)| due)
    }

    /// Takes out what is due first, if it is due by then.
    pub(super) fn pop_until(&mut self, now: Instant) -> Option<Due> {
        self.first().filter(|due| due.at <= now)?;
        self.pop()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(Due) -> bool) {
        self.0.retain(|Reverse(due)| is_kept(*due));
        self.0.shrink_to(self.0.len() * 2);
    }
}
