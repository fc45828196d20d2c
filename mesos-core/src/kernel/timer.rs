//! A table of due times kept inside the state.
//!
//! Timers are part of a machine's state, so a snapshot holds them, nothing is cancelled by handle and no stale wake-up
//! can fire: setting a key again moves it, removing the key forgets it.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Instant;

/// Due times by key. Every operation costs O(log n); keys due at the same instant fire in key order.
#[derive(Debug, Clone)]
pub struct TimerTable<K> {
    due: BTreeSet<(Instant, K)>,
    at: BTreeMap<K, Instant>,
}

impl<K> Default for TimerTable<K> {
    fn default() -> Self {
        Self { due: BTreeSet::new(), at: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> TimerTable<K> {
    /// Makes `key` due at `at`, instead of whenever it was due before.
    pub fn set(&mut self, key: K, at: Instant) {
        if let Some(before) = self.at.insert(key.clone(), at) {
            if before == at {
                return;
            }
            self.due.remove(&(before, key.clone()));
        }
        self.due.insert((at, key));
    }

    /// Forgets `key`; whether it was set.
    pub fn cancel(&mut self, key: &K) -> bool {
        match self.at.remove(key) {
            Some(at) => self.due.remove(&(at, key.clone())),
            None => false,
        }
    }

    /// When `key` is due.
    #[must_use]
    pub fn due_at(&self, key: &K) -> Option<Instant> {
        self.at.get(key).copied()
    }

    /// The earliest due time.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the earliest key that is due at `now`, if any.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.due.pop_first()?;
        self.at.remove(&key);
        Some(key)
    }

    /// How many keys are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether no key is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
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
