//! Dense tables: rows behind small integer handles, found by id through an index that is never iterated.
//!
//! Hot loops carry the handle, not the id: no hashing, no string comparison. Rows are walked in slot order, which is a
//! function of the history of insertions and removals alone, so iteration is deterministic although lookup hashes.

#![allow(clippy::disallowed_types, reason = "the hash index is only looked up, never iterated")]

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// A small integer naming a row of a [`Table`]. Slots of removed rows are used again.
pub trait Handle: Copy + Ord + fmt::Debug {
    /// The handle of slot `slot`.
    fn from_slot(slot: u32) -> Self;
    /// The slot this handle names.
    fn slot(self) -> usize;
}

/// Declares handle types: `handles! { /// doc  Name; }`.
#[macro_export]
macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[allow(unreachable_pub, reason = "a handle is as visible as the module it stands in")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub u32);

        impl $crate::kernel::Handle for $name {
            fn from_slot(slot: u32) -> Self {
                Self(slot)
            }

            fn slot(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

/// Rows of `T` found by id `I` or by handle `H`.
#[derive(Clone)]
pub struct Table<I, H, T> {
    index: HashTable<u32>,
    hasher: FixedState,
    slots: Vec<Option<(I, T)>>,
    free: Vec<u32>,
    handle: std::marker::PhantomData<fn() -> H>,
}

impl<I, H, T> Default for Table<I, H, T> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            hasher: FixedState::default(),
            slots: Vec::new(),
            free: Vec::new(),
            handle: std::marker::PhantomData,
        }
    }
}

impl<I: Hash + Eq, H: Handle, T> Table<I, H, T> {
    /// An empty table whose index hashes with `seed`, so that peers who choose ids cannot foresee collisions.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { hasher: FixedState::with_seed(seed), ..Self::default() }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Gives the row back when the id is taken.
    pub fn insert(&mut self, id: I, row: T) -> Result<H, T> {
        let hash = self.hasher.hash_one(&id);
        if self.find_hashed(hash, &id).is_some() {
            return Err(row);
        }
        Ok(self.add(hash, id, row))
    }

    /// The handle of the row with this id; `row` is added if there is none. Whether it was.
    pub fn find_or_insert(&mut self, id: I, row: T) -> (H, bool) {
        let hash = self.hasher.hash_one(&id);
        match self.find_hashed(hash, &id) {
            Some(slot) => (H::from_slot(slot), false),
            None => (self.add(hash, id, row), true),
        }
    }

    /// Adds a row, or puts it in the place of the one that has this id.
    pub fn replace(&mut self, id: I, row: T) -> H {
        let hash = self.hasher.hash_one(&id);
        match self.find_hashed(hash, &id) {
            Some(slot) => {
                self.slots[slot as usize] = Some((id, row));
                H::from_slot(slot)
            }
            None => self.add(hash, id, row),
        }
    }

    /// Removes the row with this id.
    pub fn remove_id<Q>(&mut self, id: &Q) -> Option<(I, T)>
    where
        I: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hasher.hash_one(id);
        let slots = &self.slots;
        let is_it = |&slot: &u32| slots[slot as usize].as_ref().is_some_and(|(own, _)| own.borrow() == id);
        let (slot, _) = self.index.find_entry(hash, is_it).ok()?.remove();
        self.free.push(slot);
        self.slots[slot as usize].take()
    }

    fn add(&mut self, hash: u64, id: I, row: T) -> H {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                u32::try_from(self.slots.len() - 1).expect("a table holds fewer than 2^32 rows")
            }
        };
        self.slots[slot as usize] = Some((id, row));
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.index.insert_unique(hash, slot, |&s| {
            let (id, _) = slots[s as usize].as_ref().expect("an indexed slot is filled");
            hasher.hash_one(id)
        });
        H::from_slot(slot)
    }

    /// The handle of the row with this id.
    #[must_use]
    pub fn find<Q>(&self, id: &Q) -> Option<H>
    where
        I: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.find_hashed(self.hasher.hash_one(id), id).map(H::from_slot)
    }

    fn find_hashed<Q>(&self, hash: u64, id: &Q) -> Option<u32>
    where
        I: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let is_it = |&slot: &u32| self.slots[slot as usize].as_ref().is_some_and(|(own, _)| own.borrow() == id);
        self.index.find(hash, is_it).copied()
    }

    /// The row behind `handle`, if it still exists.
    #[must_use]
    pub fn get(&self, handle: H) -> Option<&T> {
        self.slots.get(handle.slot())?.as_ref().map(|(_, row)| row)
    }

    /// The row behind `handle`, to change it.
    pub fn get_mut(&mut self, handle: H) -> Option<&mut T> {
        self.slots.get_mut(handle.slot())?.as_mut().map(|(_, row)| row)
    }

    /// The id of the row behind `handle`.
    #[must_use]
    pub fn id(&self, handle: H) -> Option<&I> {
        self.slots.get(handle.slot())?.as_ref().map(|(id, _)| id)
    }

    /// Removes a row; its slot may be used again.
    pub fn remove(&mut self, handle: H) -> Option<(I, T)> {
        let slot = u32::try_from(handle.slot()).ok()?;
        let taken = self.slots.get_mut(handle.slot())?.take()?;
        let hash = self.hasher.hash_one(&taken.0);
        match self.index.find_entry(hash, |&s| s == slot) {
            Ok(entry) => {
                entry.remove();
            }
            Err(_) => unreachable!("a filled slot is indexed"),
        }
        self.free.push(slot);
        Some(taken)
    }

    /// All rows in slot order.
    pub fn iter(&self) -> impl Iterator<Item = (H, &I, &T)> {
        (0_u32..).zip(&self.slots).filter_map(|(slot, row)| row.as_ref().map(|(id, row)| (H::from_slot(slot), id, row)))
    }

    /// All rows in slot order, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (H, &I, &mut T)> {
        (0_u32..)
            .zip(&mut self.slots)
            .filter_map(|(slot, row)| row.as_mut().map(|(id, row)| (H::from_slot(slot), &*id, row)))
    }

    /// All handles in slot order.
    pub fn handles(&self) -> impl Iterator<Item = H> + '_ {
        self.iter().map(|(handle, _, _)| handle)
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// One more than the highest slot ever used: the length of a vector indexed by slot.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots.len()
    }
}

impl<I: fmt::Debug + Hash + Eq, H: Handle, T: fmt::Debug> fmt::Debug for Table<I, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(_, id, row)| (id, row))).finish()
    }
}

impl<I: Hash + Eq, H: Handle, T> std::ops::Index<H> for Table<I, H, T> {
    type Output = T;

    /// # Panics
    /// When the row is gone: handles are internal, so that is a broken invariant.
    fn index(&self, handle: H) -> &T {
        self.get(handle).expect("the row behind a kept handle exists")
    }
}

impl<I: Hash + Eq, H: Handle, T> std::ops::IndexMut<H> for Table<I, H, T> {
    fn index_mut(&mut self, handle: H) -> &mut T {
        self.get_mut(handle).expect("the row behind a kept handle exists")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    handles! {
        /// A row of the test table.
        Row;
    }

    #[test]
    fn a_taken_id_is_refused_and_the_row_comes_back() {
        let mut table: Table<String, Row, u32> = Table::default();
        let a = table.insert("a".into(), 1).unwrap();
        assert_eq!(table.insert("a".into(), 2), Err(2));
        assert_eq!(table[a], 1);
        assert_eq!(table.find("a"), Some(a));
    }

    #[test]
    fn a_removed_row_is_gone_and_its_slot_is_used_again() {
        let mut table: Table<String, Row, u32> = Table::default();
        let a = table.insert("a".into(), 1).unwrap();
        table.insert("b".into(), 2).unwrap();
        assert_eq!(table.remove(a), Some(("a".into(), 1)));
        assert_eq!((table.find("a"), table.get(a), table.len()), (None, None, 1));
        assert_eq!(table.insert("c".into(), 3), Ok(a));
        assert_eq!(table.iter().map(|(_, _, row)| *row).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn a_row_is_replaced_in_its_place_and_removed_by_its_id() {
        let mut table: Table<String, Row, u32> = Table::default();
        let a = table.replace("a".into(), 1);
        assert_eq!((table.replace("a".into(), 2), table[a], table.len()), (a, 2, 1));
        assert_eq!((table.find_or_insert("a".into(), 3), table[a]), ((a, false), 2));
        assert_eq!((table.remove_id("b"), table.remove_id("a")), (None, Some(("a".into(), 2))));
        assert_eq!((table.find("a"), table.remove_id("a"), table.insert("c".into(), 3)), (None, None, Ok(a)));
    }

    #[test]
    fn many_rows_are_found_after_the_index_grew() {
        let mut table: Table<u32, Row, u32> = Table::seeded(9);
        for n in 0..10_000 {
            table.insert(n, n * 2).unwrap();
        }
        assert!((0..10_000).all(|n| table.find(&n).is_some_and(|h| table[h] == n * 2)));
    }
}
