//! Dense tables: rows behind small integer handles, found by id through an index that is never iterated.
//!
//! Hot loops carry the handle, not the id: no hashing, no string comparison. Rows are walked in slot order, which is a
//! function of the history of insertions and removals alone, so iteration is deterministic although lookup hashes.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use foldhash::fast::FixedState;

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
    slots: Vec<Slot<I, T>>,
    places: Places,
    hasher: FixedState,
    /// The free slot that is used next, the one freed last.
    free: u32,
    rows: u32,
    handle: PhantomData<fn() -> H>,
}

#[derive(Clone)]
enum Slot<I, T> {
    /// The upper half of the id's hash, the id, and the row.
    Filled(u32, I, T),
    /// The free slot that is used after this one.
    Free(u32),
}

impl<I, T> Slot<I, T> {
    fn row(&self) -> Option<(&I, &T)> {
        match self {
            Self::Filled(_, id, row) => Some((id, row)),
            Self::Free(_) => None,
        }
    }
}

/// There is no free slot.
const NONE: u32 = u32::MAX;

/// So few slots are looked through faster than a hash is made.
const FEW_MAX: usize = 2;

impl<I, H, T> Default for Table<I, H, T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            places: Places::default(),
            hasher: FixedState::default(),
            free: NONE,
            rows: 0,
            handle: PhantomData,
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
        let hash = self.hash(&id);
        if self.find_hashed(hash, &id).is_some() {
            return Err(row);
        }
        Ok(self.add(hash, id, row))
    }

    /// The handle of the row with this id; `row` is added if there is none. Whether it was.
    pub fn find_or_insert(&mut self, id: I, row: T) -> (H, bool) {
        let hash = self.hash(&id);
        match self.find_hashed(hash, &id) {
            Some(slot) => (H::from_slot(slot), false),
            None => (self.add(hash, id, row), true),
        }
    }

    /// Adds a row, or puts it in the place of the one that has this id.
    pub fn replace(&mut self, id: I, row: T) -> H {
        let hash = self.hash(&id);
        match self.find_hashed(hash, &id) {
            Some(slot) => {
                self.slots[slot as usize] = Slot::Filled(hash, id, row);
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
        let hash = self.hash(id);
        let slot = self.find_hashed(hash, id)?;
        self.take(hash, slot)
    }

    /// The handle of the row with this id.
    #[must_use]
    pub fn find<Q>(&self, id: &Q) -> Option<H>
    where
        I: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if self.slots.len() <= FEW_MAX {
            return self.find_among_few(id).map(H::from_slot);
        }
        self.find_hashed(self.hash(id), id).map(H::from_slot)
    }

    /// The slot of the row with this id, looked for in all of a few.
    fn find_among_few<Q>(&self, id: &Q) -> Option<u32>
    where
        I: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let is_it = |slot: &Slot<I, T>| slot.row().is_some_and(|(own, _)| own.borrow() == id);
        (0..).zip(&self.slots).find_map(|(slot, place)| is_it(place).then_some(slot))
    }

    fn hash<Q: Hash + ?Sized>(&self, id: &Q) -> u32 {
        (self.hasher.hash_one(id) >> u32::BITS) as u32
    }

    fn find_hashed<Q>(&self, hash: u32, id: &Q) -> Option<u32>
    where
        I: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.places.find(hash, |slot| self.slots[slot as usize].row().is_some_and(|(own, _)| own.borrow() == id))
    }

    fn add(&mut self, hash: u32, id: I, row: T) -> H {
        let slot = self.free;
        let slot = if slot == NONE {
            self.slots.push(Slot::Filled(hash, id, row));
            u32::try_from(self.slots.len()).ok().filter(|len| *len < NONE).expect("a table holds fewer than 2^32 rows")
                - 1
        } else {
            let freed = std::mem::replace(&mut self.slots[slot as usize], Slot::Filled(hash, id, row));
            let Slot::Free(next) = freed else { unreachable!("a free slot is not filled") };
            self.free = next;
            slot
        };
        self.places.insert(hash, slot, self.rows);
        self.rows += 1;
        H::from_slot(slot)
    }

    /// Frees a slot.
    fn take(&mut self, hash: u32, slot: u32) -> Option<(I, T)> {
        self.places.remove(hash, slot);
        let freed = std::mem::replace(&mut self.slots[slot as usize], Slot::Free(self.free));
        let Slot::Filled(_, id, row) = freed else { unreachable!("a row that is removed is there") };
        self.free = slot;
        self.rows -= 1;
        Some((id, row))
    }

    /// The row behind `handle`, if it still exists.
    #[must_use]
    pub fn get(&self, handle: H) -> Option<&T> {
        self.slots.get(handle.slot())?.row().map(|(_, row)| row)
    }

    /// The row behind `handle`, to change it.
    pub fn get_mut(&mut self, handle: H) -> Option<&mut T> {
        match self.slots.get_mut(handle.slot())? {
            Slot::Filled(_, _, row) => Some(row),
            Slot::Free(_) => None,
        }
    }

    /// The id of the row behind `handle`.
    #[must_use]
    pub fn id(&self, handle: H) -> Option<&I> {
        self.slots.get(handle.slot())?.row().map(|(id, _)| id)
    }

    /// Removes a row; its slot may be used again.
    pub fn remove(&mut self, handle: H) -> Option<(I, T)> {
        let Slot::Filled(hash, ..) = *self.slots.get(handle.slot())? else { return None };
        self.take(hash, u32::try_from(handle.slot()).ok()?)
    }

    /// All rows in slot order.
    pub fn iter(&self) -> impl Iterator<Item = (H, &I, &T)> {
        (0_u32..)
            .zip(&self.slots)
            .filter_map(|(slot, place)| place.row().map(|(id, row)| (H::from_slot(slot), id, row)))
    }

    /// The rows from a slot on, in slot order: whoever goes through a table a few rows at a time goes on there. Rows that came
    /// meanwhile into slots before are left out.
    pub fn iter_from(&self, slot: usize) -> impl Iterator<Item = (H, &I, &T)> {
        let (first, slots) = (u32::try_from(slot).unwrap_or(NONE), self.slots.get(slot..).unwrap_or_default());
        (first..).zip(slots).filter_map(|(slot, place)| place.row().map(|(id, row)| (H::from_slot(slot), id, row)))
    }

    /// All rows in slot order, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (H, &I, &mut T)> {
        (0_u32..).zip(&mut self.slots).filter_map(|(slot, place)| match place {
            Slot::Filled(_, id, row) => Some((H::from_slot(slot), &*id, row)),
            Slot::Free(_) => None,
        })
    }

    /// All handles in slot order.
    pub fn handles(&self) -> impl Iterator<Item = H> + '_ {
        self.iter().map(|(handle, _, _)| handle)
    }

    /// How many rows there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows as usize
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// One more than the highest slot ever used: the length of a vector indexed by slot.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.slots.len()
    }
}

/// Which slot an id is in: entries of a hash and a slot, in ascending order, each at the place its hash points to or, when
/// that is taken, a little behind it (linear probing in order of hashes: Amble and Knuth, "Ordered hash tables", 1974).
///
/// A look-up reads one cache line as a rule, and nothing of other rows. Growing reads no ids.
#[derive(Clone, Default)]
struct Places {
    /// Zero where there is no entry. The last one is always zero.
    entries: Vec<u64>,
    /// How many bits of a hash choose a place.
    bits: u32,
}

/// Bits of the smallest index.
const BITS_MIN: u32 = 2;
/// Places behind the last one a hash points to, of a large index; there are more when they are needed.
const SPILL: usize = 64;

const fn entry(hash: u32, slot: u32) -> u64 {
    // One more than the slot, since no entry is zero.
    ((hash as u64) << u32::BITS) | (slot as u64 + 1)
}

impl Places {
    /// Where entries with this hash begin.
    #[expect(clippy::cast_possible_truncation, reason = "a few bits are left, as many as choose a place")]
    const fn home(&self, entry: u64) -> usize {
        (entry >> (u64::BITS - self.bits)) as usize
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves are what is wanted")]
    fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        if self.entries.is_empty() {
            return None;
        }
        for entry in &self.entries[self.home(entry(hash, 0))..] {
            let own = (entry >> u32::BITS) as u32;
            if *entry == 0 || own > hash {
                return None;
            }
            let slot = (*entry as u32).wrapping_sub(1);
            if own == hash && is_it(slot) {
                return Some(slot);
            }
        }
        None
    }

    /// Adds an entry to `len` others.
    fn insert(&mut self, hash: u32, slot: u32, len: u32) {
        // Three quarters full is full.
        if self.entries.is_empty() || u64::from(len) * 4 >= 3 << self.bits {
            self.grow();
        }
        let mut entry = entry(hash, slot);
        let mut place = self.home(entry);
        while self.entries[place] != 0 {
            if self.entries[place] > entry {
                std::mem::swap(&mut self.entries[place], &mut entry);
            }
            place += 1;
        }
        self.entries[place] = entry;
        if place + 1 == self.entries.len() {
            self.entries.push(0);
        }
    }

    fn grow(&mut self) {
        self.bits = (self.bits + 1).max(BITS_MIN);
        let buckets = 1_usize << self.bits;
        let before = std::mem::take(&mut self.entries);
        self.entries = vec![0; buckets + buckets.min(SPILL)];
        let mut next = 0;
        for entry in before.into_iter().filter(|entry| *entry != 0) {
            let place = self.home(entry).max(next);
            next = place + 1;
            if next == self.entries.len() {
                self.entries.push(0);
            }
            self.entries[place] = entry;
        }
    }

    fn remove(&mut self, hash: u32, slot: u32) {
        let entry = entry(hash, slot);
        let home = self.home(entry);
        let distance = self.entries[home..].iter().position(|other| *other == entry).expect("a filled slot is indexed");
        let mut place = home + distance;
        // What stands behind it moves up, as far as that brings it nearer to where it is looked for.
        while self.entries[place + 1] != 0 && self.home(self.entries[place + 1]) <= place {
            self.entries[place] = self.entries[place + 1];
            place += 1;
        }
        self.entries[place] = 0;
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

    proptest::proptest! {
        /// Whatever is added, replaced and removed: what is found is what an ordered map holds, and slots are used again last
        /// freed first.
        #[test]
        fn a_table_holds_what_a_map_holds(steps in proptest::collection::vec((0_u8..5, 0_u32..160), 1..800)) {
            let mut table: Table<u32, Row, usize> = Table::seeded(steps.len() as u64);
            let (mut map, mut free, mut slots) = (std::collections::BTreeMap::new(), Vec::new(), 0_usize);
            for (n, (what, id)) in steps.into_iter().enumerate() {
                let known = map.get(&id).map(|(slot, _)| *slot);
                match what {
                    0 | 1 => {
                        let added = table.insert(id, n);
                        proptest::prop_assert_eq!(added.is_ok(), known.is_none());
                        if let Ok(Row(slot)) = added {
                            proptest::prop_assert_eq!(slot as usize, free.pop().unwrap_or(slots));
                            slots = slots.max(slot as usize + 1);
                            map.insert(id, (slot, n));
                        }
                    }
                    2 if known.is_some() => {
                        let Row(slot) = table.replace(id, n);
                        proptest::prop_assert_eq!(Some(slot), known);
                        map.insert(id, (slot, n));
                    }
                    3 => {
                        let gone = map.remove(&id);
                        free.extend(gone.map(|(slot, _)| slot as usize));
                        proptest::prop_assert_eq!(table.remove_id(&id), gone.map(|(_, row)| (id, row)));
                    }
                    4 => {
                        if let Some(slot) = known {
                            let gone = map.remove(&id);
                            free.push(slot as usize);
                            proptest::prop_assert_eq!(table.remove(Row(slot)), gone.map(|(_, row)| (id, row)));
                        }
                        proptest::prop_assert_eq!(known.and_then(|slot| table.get(Row(slot))), None);
                    }
                    _ => {}
                }
                proptest::prop_assert_eq!((table.len(), table.slots()), (map.len(), slots));
                proptest::prop_assert_eq!(table.find(&id), map.get(&id).map(|(slot, _)| Row(*slot)));
            }
            let mut rows: Vec<_> = map.into_iter().map(|(id, (slot, row))| (slot, id, row)).collect();
            rows.sort_unstable();
            let found: Vec<_> = table.iter().map(|(Row(slot), id, row)| (slot, *id, *row)).collect();
            proptest::prop_assert_eq!(found, rows);
        }
    }
}
