//! A map that holds one entry as a rule: the task and the container of an executor that runs one command.
//!
//! One entry lies in place; more are kept in an ordered map. What is asked of it is what the agent's book asks.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// An ordered map, best at none or one.
#[derive(Debug, Clone)]
pub(in crate::agent) enum Few<K, V> {
    /// Nothing.
    None,
    /// One entry.
    One(K, V),
    /// Any number of entries.
    Many(BTreeMap<K, V>),
}

impl<K: Ord, V> Few<K, V> {
    /// Adds an entry, or puts it in the place of the one with this key.
    pub(in crate::agent) fn insert(&mut self, key: K, value: V) {
        match std::mem::replace(self, Self::None) {
            Self::None => *self = Self::One(key, value),
            Self::One(own, _) if own == key => *self = Self::One(key, value),
            Self::One(own, other) => *self = Self::Many([(own, other), (key, value)].into()),
            Self::Many(mut map) => {
                map.insert(key, value);
                *self = Self::Many(map);
            }
        }
    }

    /// Removes the entry with this key.
    pub(in crate::agent) fn remove(&mut self, key: &K) {
        match self {
            Self::One(own, _) if own == key => *self = Self::None,
            Self::None | Self::One(..) => {}
            Self::Many(map) => drop(map.remove(key)),
        }
    }

    /// What is found under this key.
    pub(in crate::agent) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        match self {
            Self::One(own, value) if own.borrow() == key => Some(value),
            Self::None | Self::One(..) => None,
            Self::Many(map) => map.get(key),
        }
    }

    /// All entries in the order of their keys.
    pub(in crate::agent) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(key, value) => (Some((key, value)), None),
            Self::Many(map) => (None, Some(map)),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// All keys in order.
    pub(in crate::agent) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values in the order of their keys.
    pub(in crate::agent) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// How many entries there are.
    pub(in crate::agent) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(..) => 1,
            Self::Many(map) => map.len(),
        }
    }

    /// Whether there is no entry.
    pub(in crate::agent) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn few_entries_are_kept_as_a_map_keeps_them(
            steps in proptest::collection::vec((proptest::bool::ANY, 0_u8..4, 0_u8..9), 0..40)
        ) {
            let (mut few, mut map) = (Few::None, BTreeMap::new());
            for (is_insert, key, value) in steps {
                if is_insert {
                    few.insert(key, value);
                    map.insert(key, value);
                } else {
                    few.remove(&key);
                    map.remove(&key);
                }
                proptest::prop_assert_eq!((few.get(&key), few.len()), (map.get(&key), map.len()));
                proptest::prop_assert_eq!(few.is_empty(), map.is_empty());
                proptest::prop_assert!(few.iter().eq(&map) && few.keys().eq(map.keys()));
            }
        }
    }
}
