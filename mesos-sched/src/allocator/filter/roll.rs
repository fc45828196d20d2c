//! The filters on one agent as a list: sorted, but for those that came last and those that are gone.
//!
//! In a storm of refusals each of thousands of agents gets one more filter a round, and none of what it has is near: so one
//! more is put behind the others, at the cost of one touch. Once many lie there, all are sorted again, in one pass through
//! memory; and what is gone is left out then.

use mesos_core::Instant;

use super::agent::Batch;
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

/// No bag: the filter is gone.
const GONE: u32 = u32::MAX;

/// So many may lie unsorted however few there are in all, and so many at most: each look at a client goes through them.
const LATE: std::ops::RangeInclusive<usize> = 16..=256;

/// One in so many may lie unsorted, so that sorting costs a filter no more than so many moves.
const LATE_PART: usize = 8;

/// The list.
#[derive(Debug, Default)]
pub(super) struct Roll {
    all: Vec<(Place, Filter)>,
    /// So many of them are sorted by client and when they are due.
    sorted: usize,
    gone: usize,
}

impl Roll {
    /// Those of one client, in no order that means anything.
    pub(super) fn of(&self, client: NodeKey) -> impl Iterator<Item = (Place, Filter)> {
        self.places(client).map(|place| self.all[place])
    }

    /// All of them, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Place, Filter)> {
        self.all.iter().filter(|(place, _)| place.bag != GONE).copied()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len() - self.gone
    }

    pub(super) fn push(&mut self, place: Place, filter: Filter) {
        self.all.push((place, filter));
        let late = self.all.len() - self.sorted;
        if late > (self.sorted / LATE_PART).clamp(*LATE.start(), *LATE.end()) {
            self.sort();
        }
    }

    /// Takes one out, if it is there.
    pub(super) fn remove(&mut self, place: Place) -> Option<Filter> {
        let found = self.places(place.client).find(|found| self.all[*found].0 == place)?;
        let (own, filter) = &mut self.all[found];
        let filter = *filter;
        own.bag = GONE;
        self.gone += 1;
        if self.gone > self.all.len() / 2 {
            self.sort();
        }
        Some(filter)
    }

    /// Where those of one client lie.
    fn places(&self, client: NodeKey) -> impl Iterator<Item = usize> {
        let (sorted, late) = self.all.split_at(self.sorted);
        let first = sorted.partition_point(|(place, _)| place.client < client);
        let own = sorted[first..].iter().take_while(move |(place, _)| place.client == client);
        let sorted = (first..).zip(own);
        let late = (self.sorted..).zip(late).filter(move |(_, (place, _))| place.client == client);
        sorted.chain(late).filter(|(_, (place, _))| place.bag != GONE).map(|(found, _)| found)
    }

    fn sort(&mut self) {
        self.all.retain(|(place, _)| place.bag != GONE);
        // The first part is in order already, which this kind of sorting makes use of.
        self.all.sort_by_key(|(place, _)| *place);
        (self.sorted, self.gone) = (self.all.len(), 0);
    }
}
