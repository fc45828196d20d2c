//! The filters on one agent.
//!
//! They lie in a tree, because one more of a thousand must cost no more than one more of ten. What many refused has a set of
//! those who did beside it, so that a visit of the agent does not go through all of them; see [`Refusers`](super::Refusers).

use std::collections::BTreeMap;

use mesos_core::Instant;
use mesos_core::resource::Resources;

use super::bag::Bags;
use crate::allocator::sorter::NodeKey;

/// Where a filter lies: of one client, what is due first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) client: NodeKey,
    pub(super) due_at: Instant,
    /// Which bag of its agent was refused.
    pub(super) bag: u32,
}

/// What else is known of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    /// How often the client's filters had been cleared when it was made.
    pub(super) epoch: u32,
    pub(super) made_in: Batch,
}

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
    filters: BTreeMap<Place, Filter>,
    pub(super) bags: Bags,
    /// How many clients of all that ever cleared their filters were taken out of the sets beside the bags.
    pub(super) cleared: u64,
}

impl AgentFilters {
    /// Those of one client, void ones too, as they are due.
    pub(super) fn of(&self, client: NodeKey) -> impl Iterator<Item = (Place, Filter)> {
        self.filters.range(every(client)).map(|(place, filter)| (*place, *filter))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Place, Filter)> {
        self.filters.iter().map(|(place, filter)| (*place, *filter))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.filters.len()
    }

    /// Adds one; which bag it refers to.
    pub(super) fn add(&mut self, client: NodeKey, refused: Resources, due_at: Instant, filter: Filter) -> u32 {
        let bag = self.bags.intern(refused);
        let replaced = self.filters.insert(Place { client, due_at, bag }, filter);
        debug_assert!(replaced.is_none(), "what a new filter makes pointless is dropped before");
        self.bags.note(bag, client);
        bag
    }

    /// Drops one, if it is there.
    pub(super) fn remove(&mut self, place: Place) -> Option<Filter> {
        let removed = self.filters.remove(&place)?;
        let is_last = !self.of(place.client).any(|(other, _)| other.bag == place.bag);
        self.bags.release(place.bag, place.client, is_last);
        Some(removed)
    }
}

const fn every(client: NodeKey) -> std::ops::RangeInclusive<Place> {
    let least = Place { client, due_at: Instant::ZERO, bag: 0 };
    least..=Place { client, due_at: Instant::MAX, bag: u32::MAX }
}
