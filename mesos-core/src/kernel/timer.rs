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

/// Due times by key; keys due at the same instant fire in key order.
///
/// Most machines have a handful of timers, one of them thousands. A few are kept in a sorted list; many in a heap, where
/// every operation costs O(log n).
#[derive(Clone)]
pub struct TimerTable<K>(Store<K>);

#[derive(Clone)]
enum Store<K> {
    /// The earliest last.
    Few(Vec<(Instant, K)>),
    Many(Heap<K>),
}

/// More keys than this are kept in a heap.
const FEW_MAX: usize = 16;
/// Fewer keys than this are kept in a list again.
const MANY_MIN: usize = 4;

impl<K> Default for TimerTable<K> {
    fn default() -> Self {
        Self(Store::Few(Vec::new()))
    }
}

impl<K: Ord + Hash + fmt::Debug> fmt::Debug for TimerTable<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        match &self.0 {
            Store::Few(list) => map.entries(list.iter().rev().map(|(at, key)| (key, at))).finish(),
            Store::Many(heap) => map.entries(heap.iter()).finish(),
        }
    }
}

impl<K: Ord + Hash> TimerTable<K> {
    /// Makes `key` due at `at`, instead of whenever it was due before.
    pub fn set(&mut self, key: K, at: Instant) {
        match &mut self.0 {
            Store::Few(list) => {
                // A timer that is alone, set again and again: the pings that an idle agent waits for.
                if let [(own_at, own)] = list.as_mut_slice()
                    && *own == key
                {
                    *own_at = at;
                    return;
                }
                if let Some(place) = list.iter().position(|(_, own)| *own == key) {
                    list.remove(place);
                }
                let earlier = list.iter().rev().take_while(|entry| (entry.0, &entry.1) < (at, &key)).count();
                list.insert(list.len() - earlier, (at, key));
                if list.len() > FEW_MAX {
                    let mut heap = Heap::default();
                    list.drain(..).for_each(|(at, key)| heap.set(key, at));
                    self.0 = Store::Many(heap);
                }
            }
            Store::Many(heap) => heap.set(key, at),
        }
    }

    /// Forgets `key`; whether it was set.
    pub fn cancel(&mut self, key: &K) -> bool {
        match &mut self.0 {
            Store::Few(list) => {
                let place = list.iter().position(|(_, own)| own == key);
                place.map(|place| list.remove(place)).is_some()
            }
            Store::Many(heap) => {
                let is_set = heap.cancel(key);
                self.shrink();
                is_set
            }
        }
    }

    /// When `key` is due.
    #[must_use]
    pub fn due_at(&self, key: &K) -> Option<Instant> {
        match &self.0 {
            Store::Few(list) => list.iter().find(|(_, own)| own == key).map(|(at, _)| *at),
            Store::Many(heap) => heap.due_at(key),
        }
    }

    /// The earliest due time.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        match &self.0 {
            Store::Few(list) => list.last().map(|(at, _)| *at),
            Store::Many(heap) => heap.next(),
        }
    }

    /// Takes the earliest key that is due at `now`, if any.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        match &mut self.0 {
            Store::Few(list) => list.pop().map(|(_, key)| key),
            Store::Many(heap) => {
                let (_, key) = heap.pop();
                self.shrink();
                Some(key)
            }
        }
    }

    /// How many keys are set.
    #[must_use]
    pub const fn len(&self) -> usize {
        match &self.0 {
            Store::Few(list) => list.len(),
            Store::Many(heap) => heap.heap.len(),
        }
    }

    /// Whether no key is set.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A heap of a few becomes a list.
    fn shrink(&mut self) {
        let Store::Many(heap) = &mut self.0 else { return };
        if heap.heap.len() < MANY_MIN {
            let mut list = Vec::with_capacity(MANY_MIN);
            while !heap.heap.is_empty() {
                list.push(heap.pop());
            }
            list.reverse();
            self.0 = Store::Few(list);
        }
    }
}

/// A binary heap whose keys know where they stand in it: most timers are moved or forgotten long before they are due.
#[derive(Clone)]
struct Heap<K> {
    heap: Vec<(Instant, TimerRow)>,
    /// The position of every key in the heap.
    rows: Table<K, TimerRow, usize>,
}

impl<K> Default for Heap<K> {
    fn default() -> Self {
        Self { heap: Vec::new(), rows: Table::default() }
    }
}

impl<K: Ord + Hash> Heap<K> {
    fn iter(&self) -> impl Iterator<Item = (&K, Instant)> {
        self.rows.iter().map(|(_, key, position)| (key, self.heap[*position].0))
    }

    fn set(&mut self, key: K, at: Instant) {
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

    fn cancel(&mut self, key: &K) -> bool {
        let Some(row) = self.rows.find(key) else { return false };
        self.take_out(self.rows[row]);
        true
    }

    fn due_at(&self, key: &K) -> Option<Instant> {
        self.rows.find(key).map(|row| self.heap[self.rows[row]].0)
    }

    fn next(&self) -> Option<Instant> {
        self.heap.first().map(|(at, _)| *at)
    }

    /// Takes the earliest, of which there is one.
    fn pop(&mut self) -> (Instant, K) {
        self.take_out(0)
    }

    fn take_out(&mut self, position: usize) -> (Instant, K) {
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
        (at, key)
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
            steps in proptest::collection::vec((0_u8..8, 0_u8..48, 0_u64..40), 1..400)
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
                    2 if key == 0 => {
                        let mut due: Vec<_> = list.iter().map(|(key, at)| (*at, *key)).filter(|(at, _)| *at <= when).collect();
                        due.sort_unstable();
                        let fired: Vec<_> = std::iter::from_fn(|| timers.pop_due(at(when))).collect();
                        proptest::prop_assert_eq!(fired, due.iter().map(|(_, key)| *key).collect::<Vec<_>>());
                        list.retain(|_, at| *at > when);
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
