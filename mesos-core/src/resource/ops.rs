//! Adding, subtracting and comparing bags.
//!
//! Each operation treats the inline amounts first and touches the sorted list only if there is one.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Range, Sub, SubAssign};

use super::{Entry, Quantities, Resource, Resources, Rest};

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
        match self.position(&resource) {
            Ok(found) if resource.is_shared() => {
                self.rest.edit(|list| list[found].copies = list[found].copies.saturating_add(copies));
            }
            Ok(found) if !resource.is_indivisible() => self.merge_at(found, &resource),
            Ok(place) | Err(place) => self.rest.edit(|list| list.insert(place, Entry { resource, copies })),
        }
    }

    fn merge_at(&mut self, found: usize, resource: &Resource) {
        self.rest.edit(|list| list[found].resource.value_mut().merge(resource.value()));
    }

    /// Where the entry that may be combined with `resource` is, or where it would belong.
    fn position(&self, resource: &Resource) -> Result<usize, usize> {
        if resource.is_indivisible() {
            self.rest.binary_search_by(|own| own.resource.cmp(resource))
        } else {
            self.rest.binary_search_by(|own| own.resource.cmp_identity(resource))
        }
    }

    /// Takes away what matches an entry outside the inline slots.
    fn remove_special(&mut self, resource: &Resource, copies: u32) {
        let Ok(found) = self.position(resource) else { return };
        self.rest.edit(|list| {
            let own = &mut list[found];
            let is_gone = if resource.is_indivisible() {
                own.copies = own.copies.saturating_sub(copies);
                own.copies == 0
            } else {
                own.resource.value_mut().subtract(resource.value());
                own.resource.is_empty()
            };
            if is_gone {
                list.remove(found);
            }
        });
    }

    /// Whether `other` could be subtracted without anything missing.
    ///
    /// Merged entries make this exact. An indivisible entry must be there as often as `other` has it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let plain = self.plain.iter().zip(&other.plain).all(|(own, other)| own >= other);
        plain && (self.rest.is_same(&other.rest) || other.rest.iter().all(|entry| self.contains_special(entry, other)))
    }

    fn contains_special(&self, entry: &Entry, other: &Self) -> bool {
        let Ok(found) = self.position(&entry.resource) else { return false };
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

impl AddAssign<&Self> for Resources {
    fn add_assign(&mut self, other: &Self) {
        for (own, amount) in self.plain.iter_mut().zip(other.plain) {
            *own += amount;
        }
        if self.rest.is_none() {
            self.rest = other.rest.clone();
            return;
        }
        for Entry { resource, copies } in other.rest.iter() {
            match self.position(resource) {
                // Merging in place spares the clone of an entry that is here already.
                Ok(found) if !resource.is_indivisible() => self.merge_at(found, resource),
                _ => self.insert_special(resource.clone(), *copies),
            }
        }
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        *self += &other;
    }
}

impl SubAssign<&Self> for Resources {
    /// Takes away what matches; nothing becomes negative, and what does not match is ignored.
    fn sub_assign(&mut self, other: &Self) {
        for (own, amount) in self.plain.iter_mut().zip(other.plain) {
            *own = own.sub_floored(amount);
        }
        if self.rest.is_same(&other.rest) {
            self.rest = Rest::EMPTY;
            return;
        }
        for Entry { resource, copies } in other.rest.iter() {
            self.remove_special(resource, *copies);
        }
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
