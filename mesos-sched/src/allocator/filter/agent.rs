//! The filters on one agent, and what was refused.
//!
//! What many refused has a set of those who did beside it, so that a visit of the agent does not go through all of them; see
//! [`Refusers`](super::Refusers).

use mesos_core::Instant;
use mesos_core::resource::Resources;

use super::bag::Bags;
use super::roll::{Filter, Place, Roll};
use crate::allocator::sorter::NodeKey;

/// A batch round, by the lower half of its number: as good as all of it, since a filter waits for the one after only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::allocator) struct Batch(u32);

impl Batch {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    pub(in crate::allocator) const fn of(batches: u64) -> Self {
        Self(batches as u32)
    }
}

/// Filters of one agent.
#[derive(Debug, Default)]
pub(super) struct AgentFilters {
    filters: Roll,
    pub(super) bags: Bags,
    /// How many clients of all that ever cleared their filters were taken out of the sets beside the bags.
    pub(super) cleared: u64,
}

impl AgentFilters {
    /// Those of one client, void ones too.
    pub(super) fn of(&self, client: NodeKey) -> impl Iterator<Item = (Place, Filter)> {
        self.filters.of(client)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Place, Filter)> {
        self.filters.iter()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.filters.len()
    }

    /// Adds one; which bag it refers to.
    pub(super) fn add(&mut self, client: NodeKey, refused: Resources, due_at: Instant, filter: Filter) -> u32 {
        let bag = self.bags.intern(refused);
        let place = Place { client, due_at, bag };
        debug_assert!(self.of(client).all(|(other, _)| other != place), "what it makes pointless was dropped before");
        self.filters.push(place, filter);
        self.bags.note(bag, client);
        bag
    }

    /// Drops one, if it is there.
    pub(super) fn remove(&mut self, place: Place) -> Option<Filter> {
        let removed = self.filters.remove(place)?;
        let is_last = !self.of(place.client).any(|(other, _)| other.bag == place.bag);
        self.bags.release(place.bag, place.client, is_last);
        Some(removed)
    }
}
