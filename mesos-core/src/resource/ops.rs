//! Adding, subtracting and comparing bags.
//!
//! Each operation treats the inline amounts first and touches the sorted list only if there is one.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Range, Sub, SubAssign};

use super::rest::search;
use super::{Entry, Quantities, Resource, Resources, Rest, Scalar};

impl Resources {
    /// Adds a valid entry; a shared one that many times.
    pub(super) fn insert(&mut self, resource: Resource, copies: u32) {
        if resource.is_empty() {
            return;
        }
        if let Some((slot, amount)) = resource.as_plain() {
            self.plain[slot] += amount;
        } else {
            self.insert_special(resource, copies);
        }
    }

    fn insert_special(&mut self, resource: Resource, copies: u32) {
        let entry = Entry { resource, copies };
        let (Ok(place) | Err(place)) = self.position(&entry.resource);
        self.rest.edit(|list| {
            let is_combined = list.get_mut(place).is_some_and(|own| own.absorb(&entry));
            if !is_combined {
                list.insert(place, entry);
            }
        });
    }

    /// Where the entry that may be combined with `resource` is, or where it would belong.
    fn position(&self, resource: &Resource) -> Result<usize, usize> {
        self.rest.binary_search_by(|own| own.cmp_place(resource))
    }

    fn add_rest(&mut self, other: &Rest) {
        if self.rest.is_none() {
            self.rest = other.clone();
        } else if !other.is_none() {
            self.rest.edit(|list| add_all(list, other));
        }
    }

    fn subtract_rest(&mut self, other: &Rest) {
        if self.rest.is_same(other) {
            self.rest = Rest::EMPTY;
            return;
        }
        // Without a match nothing changes, so nothing is copied.
        let matching = other.iter().position(|entry| self.position(&entry.resource).is_ok());
        if let Some(first) = matching {
            self.rest.edit(|list| subtract_all(list, &other[first..]));
        }
    }

    /// Whether `other` could be subtracted without anything missing.
    ///
    /// Merged entries make this exact. An indivisible entry must be there as often as `other` has it.
    #[must_use]
    #[inline]
    pub fn contains(&self, other: &Self) -> bool {
        // Amounts are not negative, so a difference says by its sign alone which is larger: no branch for each of the four.
        let difference = |(own, other): (&Scalar, &Scalar)| own.as_milli().wrapping_sub(other.as_milli());
        let signs = self.plain.iter().zip(&other.plain).map(difference).fold(0, |all, one| all | one);
        signs >= 0 && (self.rest.is_same(&other.rest) || self.contains_rest(other))
    }

    fn contains_rest(&self, other: &Self) -> bool {
        let mut from = 0;
        other.rest.iter().all(|entry| {
            let Ok(found) = search(&self.rest, from, &entry.resource) else { return false };
            // Entries that are equal lie together, and the place found may be any of theirs.
            if !entry.resource.is_indivisible() {
                from = found + 1;
            }
            self.contains_special(found, entry, other)
        })
    }

    fn contains_special(&self, found: usize, entry: &Entry, other: &Self) -> bool {
        if entry.resource.is_shared() {
            self.rest[found].copies >= entry.copies
        } else if entry.resource.is_indivisible() {
            self.run_of(&entry.resource).len() >= other.run_of(&entry.resource).len()
        } else {
            self.rest[found].resource.value().contains(entry.resource.value())
        }
    }

    /// All entries equal to `resource`; they lie together.
    fn run_of(&self, resource: &Resource) -> Range<usize> {
        let begin = self.rest.partition_point(|own| own.resource.cmp(resource) == Ordering::Less);
        let end = self.rest.partition_point(|own| own.resource.cmp(resource) != Ordering::Greater);
        begin..end
    }

    /// Whether one entry could be subtracted without anything missing. An empty entry is part of everything.
    #[must_use]
    pub fn contains_resource(&self, entry: &Resource) -> bool {
        if entry.is_empty() {
            return true;
        }
        if let Some((slot, amount)) = entry.as_plain() {
            return self.plain[slot] >= amount;
        }
        let Ok(found) = self.position(entry) else { return false };
        entry.is_indivisible() || self.rest[found].resource.value().contains(entry.value())
    }

    /// Whether there is at least as much of every name, whoever owns it.
    #[must_use]
    pub fn contains_quantities(&self, quantities: &Quantities) -> bool {
        self.quantities().contains(quantities)
    }

    /// What is left without `other`, or nothing if not all of it is here.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        self.contains(other).then(|| self - other)
    }

    /// How many copies of this shared entry there are; of any other entry, how often it is here.
    #[must_use]
    pub fn copies(&self, entry: &Resource) -> usize {
        self.rest[self.run_of(entry)].iter().map(|own| own.copies as usize).sum()
    }
}

/// Adds sorted entries to a sorted list: what is there already is combined in place, what is not is put in between at once.
fn add_all(list: &mut Vec<Entry>, others: &[Entry]) {
    let mut missing = Vec::new();
    let mut from = 0;
    for entry in others {
        let (place, is_combined) = match search(list, from, &entry.resource) {
            Ok(found) => (found, list[found].combine(entry)),
            Err(place) => (place, false),
        };
        if !is_combined {
            missing.push((place, entry));
        }
        from = place + usize::from(is_combined);
    }
    match missing[..] {
        [] => {}
        [(place, entry)] => list.insert(place, entry.clone()),
        _ => put_between(list, &missing),
    }
}

/// Puts entries before the places they are given with, which grow.
fn put_between(list: &mut Vec<Entry>, missing: &[(usize, &Entry)]) {
    let mut all = Vec::with_capacity(list.len() + missing.len());
    let mut old = list.drain(..);
    let mut taken = 0;
    for (place, entry) in missing {
        all.extend(old.by_ref().take(place - taken));
        taken = *place;
        all.push((*entry).clone());
    }
    all.extend(old);
    *list = all;
}

/// Takes sorted entries from a sorted list; what does not match is ignored.
fn subtract_all(list: &mut Vec<Entry>, others: &[Entry]) {
    let mut from = 0;
    let mut is_any_gone = false;
    for entry in others {
        let found = match search(list, from, &entry.resource) {
            Ok(found) => found,
            Err(place) => {
                from = place;
                continue;
            }
        };
        let is_gone = list[found].take(entry);
        if entry.resource.is_indivisible() {
            // Equal ones lie together, each an entry of its own: the next of them may lie before this one.
            if is_gone {
                list.remove(found);
            }
        } else {
            from = found + 1;
            if is_gone {
                list[found].copies = 0;
                is_any_gone = true;
            }
        }
    }
    if is_any_gone {
        list.retain(|entry| entry.copies > 0);
    }
}

impl AddAssign<&Self> for Resources {
    #[inline]
    fn add_assign(&mut self, other: &Self) {
        for (own, amount) in self.plain.iter_mut().zip(other.plain) {
            *own += amount;
        }
        self.add_rest(&other.rest);
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        *self += &other;
    }
}

impl SubAssign<&Self> for Resources {
    /// Takes away what matches; nothing becomes negative, and what does not match is ignored.
    #[inline]
    fn sub_assign(&mut self, other: &Self) {
        for (own, amount) in self.plain.iter_mut().zip(other.plain) {
            *own = own.sub_floored(amount);
        }
        self.subtract_rest(&other.rest);
    }
}

impl SubAssign for Resources {
    fn sub_assign(&mut self, other: Self) {
        *self -= &other;
    }
}

impl Add<&Self> for Resources {
    type Output = Self;

    fn add(mut self, other: &Self) -> Self {
        self += other;
        self
    }
}

impl Add for Resources {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Add for &Resources {
    type Output = Resources;

    fn add(self, other: Self) -> Resources {
        self.clone() + other
    }
}

impl Sub<&Self> for Resources {
    type Output = Self;

    fn sub(mut self, other: &Self) -> Self {
        self -= other;
        self
    }
}

impl Sub for Resources {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self - &other
    }
}

impl Sub for &Resources {
    type Output = Resources;

    fn sub(self, other: Self) -> Resources {
        self.clone() - other
    }
}

impl Sum for Resources {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::new(), Add::add)
    }
}

impl<'a> Sum<&'a Self> for Resources {
    fn sum<I: Iterator<Item = &'a Self>>(all: I) -> Self {
        all.fold(Self::new(), Add::add)
    }
}
