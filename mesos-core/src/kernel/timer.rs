//! A table of due times kept inside the state.
//!
//! Timers are part of a machine's state, so a snapshot holds them, nothing is cancelled by handle and no stale wake-up
//! can fire: setting a key again moves it, removing the key forgets it.

use std::fmt;
use std::hash::Hash;

use super::Table;
use crate::time::Instant;

crate::handles! {
    /// A key that is set.
    TimerRow;
}

/// Due times by key. Every operation costs O(log n); keys due at the same instant fire in key order.
///
/// A binary heap whose keys know where they stand in it: most timers are moved or forgotten long before they are due.
#[derive(Clone)]
pub struct TimerTable<K> {
    heap: Vec<(Instant, TimerRow)>,
    /// The position of every key in the heap.
    rows: Table<K, TimerRow, usize>,
}

impl<K> Default for TimerTable<K> {
    fn default() -> Self {
        Self { heap: Vec::new(), rows: Table::default() }
    }
}

impl<K: Ord + Hash + fmt::Debug> fmt::Debug for TimerTable<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.rows.iter().map(|(_, key, position)| (key, self.heap[*position].0))).finish()
    }
}

impl<K: Ord + Hash> TimerTable<K> {
    /// Makes `key` due at `at`, instead of whenever it was due before.
    pub fn set(&mut self, key: K, at: Instant) {
        let (row, is_new) = self.rows.find_or_insert(key, self.heap.len());
        if is_new {
            self.heap.push((at, row));
            self.rise(self.heap.len() - 1);
            return;
        }
        let position = self.rows[row];
        let before = std::mem::replace(&mut self.heap[position].0, at);
        if at < before {
            self.rise(position);
        } else {
            self.sink(position);
        }
    }

    /// Forgets `key`; whether it was set.
    pub fn cancel(&mut self, key: &K) -> bool {
        let Some(row) = self.rows.find(key) else { return false };
        self.take_out(self.rows[row]);
        true
    }

    /// When `key` is due.
    #[must_use]
    pub fn due_at(&self, key: &K) -> Option<Instant> {
        self.rows.find(key).map(|row| self.heap[self.rows[row]].0)
    }

    /// The earliest due time.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.heap.first().map(|(at, _)| *at)
    }

    /// Takes the earliest key that is due at `now`, if any.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        Some(self.take_out(0))
    }

    /// How many keys are set.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether no key is set.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    fn take_out(&mut self, position: usize) -> K {
        let (at, row) = self.heap.swap_remove(position);
        if let Some(&(moved_at, moved)) = self.heap.get(position) {
            self.rows[moved] = position;
            // The last one takes the place; it may belong further up, in another branch, or further down.
            if (moved_at, self.rows.id(moved)) < (at, self.rows.id(row)) {
                self.rise(position);
            } else {
                self.sink(position);
            }
        }
        let (key, _) = self.rows.remove(row).expect("what stands in the heap has its row");
        key
    }

    fn is_before(&self, a: (Instant, TimerRow), b: (Instant, TimerRow)) -> bool {
        a.0 < b.0 || (a.0 == b.0 && self.rows.id(a.1) < self.rows.id(b.1))
    }

    fn place(&mut self, position: usize, entry: (Instant, TimerRow)) {
        self.heap[position] = entry;
        self.rows[entry.1] = position;
    }

    /// Moves the entry at `position` up to where it belongs.
    fn rise(&mut self, mut position: usize) {
        let entry = self.heap[position];
        while position > 0 {
            let parent = (position - 1) / 2;
            if !self.is_before(entry, self.heap[parent]) {
                break;
            }
            self.place(position, self.heap[parent]);
            position = parent;
        }
        self.place(position, entry);
    }

    /// Moves the entry at `position` down to where it belongs.
    fn sink(&mut self, mut position: usize) {
        let entry = self.heap[position];
        loop {
            let (left, right) = (2 * position + 1, 2 * position + 2);
            if left >= self.heap.len() {
                break;
            }
            let is_right = right < self.heap.len() && self.is_before(self.heap[right], self.heap[left]);
            let child = if is_right { right } else { left };
            if !self.is_before(self.heap[child], entry) {
                break;
            }
            self.place(position, self.heap[child]);
            position = child;
        }
        self.place(position, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u64) -> Instant {
        Instant::from_nanos(n)
    }

    #[test]
    fn setting_a_key_again_moves_it() {
        let mut timers = TimerTable::default();
        timers.set("a", at(5));
        timers.set("a", at(9));
        assert_eq!(timers.pop_due(at(5)), None);
        assert_eq!(timers.pop_due(at(9)), Some("a"));
        assert_eq!(timers.pop_due(at(9)), None);
    }

    proptest::proptest! {
        /// Whatever is set, moved and cancelled: what fires is what a sorted list would give.
        #[test]
        fn keys_fire_in_the_order_of_a_sorted_list(
            steps in proptest::collection::vec((0_u8..4, 0_u8..12, 0_u64..20), 1..300)
        ) {
            let (mut timers, mut list) = (TimerTable::default(), std::collections::BTreeMap::new());
            for (what, key, when) in steps {
                match what {
                    0 => proptest::prop_assert_eq!(timers.cancel(&key), list.remove(&key).is_some()),
                    1 => {
                        let first = list.iter().map(|(key, at)| (*at, *key)).min();
                        let due = first.filter(|(at, _)| *at <= when).map(|(_, key)| key);
                        proptest::prop_assert_eq!(timers.pop_due(at(when)), due);
                        due.map(|key| list.remove(&key));
                    }
                    _ => {
                        timers.set(key, at(when));
                        list.insert(key, when);
                    }
                }
                proptest::prop_assert_eq!(timers.next(), list.values().min().map(|when| at(*when)));
                proptest::prop_assert_eq!(timers.due_at(&key), list.get(&key).map(|when| at(*when)));
                proptest::prop_assert_eq!(timers.len(), list.len());
            }
        }
    }

    #[test]
    fn ties_fire_in_key_order() {
        let mut timers = TimerTable::default();
        timers.set("b", at(1));
        timers.set("a", at(1));
        assert_eq!((timers.pop_due(at(1)), timers.pop_due(at(1))), (Some("a"), Some("b")));
    }

    #[test]
    fn a_cancelled_key_never_fires() {
        let mut timers = TimerTable::default();
        timers.set(1, at(1));
        assert!(timers.cancel(&1));
        assert!(!timers.cancel(&1));
        assert_eq!(timers.next(), None);
    }
}
