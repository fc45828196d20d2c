//! The sorted list of everything that has no inline slot, shared until somebody changes it.
//!
//! Bags travel a lot (agent to offer, offer to task, task to message) and change little, so copies share one list. The list
//! is never present and empty at once, which makes "is there anything special" a null check.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use super::Resource;

/// An entry outside the inline slots.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) resource: Resource,
    /// How many copies of a shared entry there are; one for all others.
    pub(super) copies: u32,
}

impl Entry {
    /// Where the entry lies beside `resource`; equal means they can be combined, or are the same whole thing.
    pub(super) fn cmp_place(&self, resource: &Resource) -> Ordering {
        let identity = self.resource.cmp_identity(resource);
        identity.then_with(|| match resource.is_indivisible() {
            true => self.resource.value().cmp(resource.value()),
            false => Ordering::Equal,
        })
    }

    /// Adds one that has the same place; false if the two must stay two.
    pub(super) fn absorb(&mut self, other: &Self) -> bool {
        if self.cmp_place(&other.resource) != Ordering::Equal {
            return false;
        }
        self.combine(other)
    }

    /// Adds one that is known to have the same place; false if the two must stay two.
    pub(super) fn combine(&mut self, other: &Self) -> bool {
        if other.resource.is_shared() {
            self.copies = self.copies.saturating_add(other.copies);
            true
        } else if other.resource.is_indivisible() {
            false
        } else {
            self.resource.value_mut().merge(other.resource.value());
            true
        }
    }

    /// Takes away one that has the same place; whether nothing is left.
    pub(super) fn take(&mut self, other: &Self) -> bool {
        if other.resource.is_indivisible() {
            self.copies = self.copies.saturating_sub(other.copies);
            self.copies == 0
        } else {
            self.resource.value_mut().subtract(other.resource.value());
            self.resource.is_empty()
        }
    }
}

/// Where the entry that may be combined with `resource` is, or where it would belong; nothing before `from` is.
pub(super) fn search(list: &[Entry], from: usize, resource: &Resource) -> Result<usize, usize> {
    // Lists that are combined often hold the same entries, so the next one is looked at first.
    match list.get(from).map(|own| own.cmp_place(resource)) {
        Some(Ordering::Equal) => Ok(from),
        None | Some(Ordering::Greater) => Err(from),
        Some(Ordering::Less) => {
            let next = from + 1;
            let found = list[next..].binary_search_by(|own| own.cmp_place(resource));
            found.map(|place| place + next).map_err(|place| place + next)
        }
    }
}

/// A shared list of entries; nothing if empty.
#[derive(Clone, Default)]
pub(super) struct Rest(Option<Arc<Vec<Entry>>>);

impl Rest {
    pub(super) const EMPTY: Self = Self(None);

    pub(super) const fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Whether both are the very same list, which spares comparing entries.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let place = |list: &Option<Arc<Vec<Entry>>>| list.as_ref().map_or(std::ptr::null(), Arc::as_ptr);
        place(&self.0) == place(&other.0)
    }

    /// A list of entries in any order; what belongs together is made one.
    pub(super) fn collected(mut list: Vec<Entry>) -> Self {
        // Stable: of entries that become one, the first tells what does not take part in comparing.
        list.sort_by(|own, other| own.cmp_place(&other.resource));
        list.dedup_by(|next, last| last.absorb(next));
        Self((!list.is_empty()).then(|| Arc::new(list)))
    }

    /// Changes the list, copying it first if others hold it too.
    pub(super) fn edit(&mut self, change: impl FnOnce(&mut Vec<Entry>)) {
        let list = Arc::make_mut(self.0.get_or_insert_default());
        change(list);
        if list.is_empty() {
            self.0 = None;
        }
    }

    /// Only the entries that are kept; the same list if those are all.
    #[inline]
    pub(super) fn filtered(&self, is_kept: impl FnMut(&Resource) -> bool) -> Self {
        if self.is_none() { Self::EMPTY } else { self.some_filtered(is_kept) }
    }

    fn some_filtered(&self, mut is_kept: impl FnMut(&Resource) -> bool) -> Self {
        let mut dropped = None;
        for (index, entry) in self.iter().enumerate() {
            if !is_kept(&entry.resource) {
                dropped = Some(index);
                break;
            }
        }
        let Some(dropped) = dropped else { return self.clone() };
        let (before, after) = (&self[..dropped], &self[dropped + 1..]);
        let after = after.iter().filter(|entry| is_kept(&entry.resource));
        let kept: Vec<Entry> = before.iter().chain(after).cloned().collect();
        Self((!kept.is_empty()).then(|| Arc::new(kept)))
    }
}

impl Deref for Rest {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        self.0.as_ref().map_or(&[], |list| list)
    }
}

impl PartialEq for Rest {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self[..] == other[..]
    }
}

impl Eq for Rest {}

impl Hash for Rest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}
