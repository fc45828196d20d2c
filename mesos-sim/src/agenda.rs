//! What is to happen, in order of (time, sequence).
//!
//! Two things due at the same instant happen in the order they were put on the agenda, so a run depends on nothing but its
//! seed. Payloads lie still in a slab while small keys move through a binary heap: putting and taking allocate nothing once
//! the agenda has reached its size, and a comparison is one 128-bit integer comparison.
//!
//! Nothing is ever cancelled: whoever changed his mind recognises a stale entry when it comes up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use mesos_core::Instant;

/// Bits of a key that name the payload's slot; the rest of the lower half is the sequence number.
const SLOT_BITS: u32 = 24;
/// Most entries at a time: 16 million, some gigabytes of messages.
const SLOTS_MAX: usize = 1 << SLOT_BITS;

/// Time in the upper 64 bits, then 40 bits of sequence, then the slot: ordering keys orders by (time, sequence).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    fn new(at: Instant, sequence: u64, slot: u32) -> Self {
        Self(u128::from(at.as_nanos()) << 64 | u128::from(sequence) << SLOT_BITS | u128::from(slot))
    }

    #[allow(clippy::cast_possible_truncation, reason = "the upper half is what is wanted")]
    const fn at(self) -> Instant {
        Instant::from_nanos((self.0 >> 64) as u64)
    }

    #[allow(clippy::cast_possible_truncation, reason = "the lowest bits are what is wanted")]
    const fn slot(self) -> usize {
        (self.0 as u32 & (SLOTS_MAX as u32 - 1)) as usize
    }
}

/// Things to happen, earliest first.
#[derive(Debug)]
pub struct Agenda<T> {
    heap: BinaryHeap<Reverse<Key>>,
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    sequence: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), sequence: 0 }
    }
}

impl<T> Agenda<T> {
    /// Puts `what` on the agenda at `at`, after everything that is already due then.
    ///
    /// # Panics
    /// When more than 16 million entries are pending: something floods the world.
    pub fn put(&mut self, at: Instant, what: T) {
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(what);
            slot
        } else {
            assert!(self.slots.len() < SLOTS_MAX, "more than {SLOTS_MAX} things are pending");
            self.slots.push(Some(what));
            u32::try_from(self.slots.len() - 1).expect("slots fit 24 bits")
        };
        self.heap.push(Reverse(Key::new(at, self.sequence, slot)));
        self.sequence += 1;
    }

    /// When the next thing is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(key)| key.at())
    }

    /// Takes the next thing.
    pub fn take(&mut self) -> Option<(Instant, T)> {
        let Reverse(key) = self.heap.pop()?;
        Some((key.at(), self.empty(key)))
    }

    /// Takes the next thing if it is due at `limit` or before.
    pub fn take_until(&mut self, limit: Instant) -> Option<(Instant, T)> {
        if self.next_at()? > limit {
            return None;
        }
        self.take()
    }

    fn empty(&mut self, key: Key) -> T {
        let slot = key.slot();
        self.free.push(u32::try_from(slot).expect("slots fit 24 bits"));
        self.slots[slot].take().expect("a key in the heap has its payload")
    }

    /// How many things are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// How many things were ever put on the agenda.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u64) -> Instant {
        Instant::from_nanos(n)
    }

    #[test]
    fn things_happen_in_order_of_time_and_then_of_being_put() {
        let mut agenda = Agenda::default();
        for (when, what) in [(5, 'a'), (1, 'b'), (5, 'c'), (0, 'd'), (1, 'e')] {
            agenda.put(at(when), what);
        }
        let order: String = std::iter::from_fn(|| agenda.take()).map(|(_, what)| what).collect();
        assert_eq!(order, "dbeac");
    }

    #[test]
    fn a_slot_that_is_used_again_does_not_change_the_order() {
        let mut agenda = Agenda::default();
        agenda.put(at(9), 0);
        agenda.put(at(1), 1);
        assert_eq!(agenda.take(), Some((at(1), 1)));
        agenda.put(at(9), 2);
        agenda.put(at(9), 3);
        assert_eq!((agenda.take_until(at(8)), agenda.len()), (None, 3));
        let rest: Vec<i32> = std::iter::from_fn(|| agenda.take_until(at(9))).map(|(_, what)| what).collect();
        assert_eq!(rest, [0, 2, 3]);
    }

    #[test]
    fn the_latest_instant_can_be_put_and_taken() {
        let mut agenda = Agenda::default();
        agenda.put(Instant::MAX, ());
        assert_eq!(agenda.take(), Some((Instant::MAX, ())));
    }
}
