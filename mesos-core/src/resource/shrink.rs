//! Cutting a bag down to a quantity, as quota needs it.
//!
//! Entries are visited one after the other and take what is left of the target. What cannot be divided, a persistent volume
//! or an exclusive disk, stays as a whole or goes. Which of several entries of one name is cut depends on the order, so the
//! caller may choose it: an allocator that always began with the same entry would starve whoever owns the last one.

use super::{Limits, Quantities, Resource, ResourceName, Resources, Scalar};

impl Resources {
    /// Cuts down to `target`, visiting entries in their own order. A name that is not in the target is dropped.
    ///
    /// Plain bags are cut without allocation.
    pub fn shrink(&mut self, target: &Quantities) {
        self.shrink_in_order(target, |_| {});
    }

    /// Cuts down to `target`, visiting entries in the order that `arrange` brings them into.
    ///
    /// ```
    /// use mesos_core::resource::Resources;
    ///
    /// let mut offered: Resources = "cpus:4;cpus(web):4;mem:64".parse()?;
    /// offered.shrink_in_order(&"cpus:6".parse().unwrap(), |entries| entries.reverse());
    /// assert_eq!(offered.to_string(), "cpus:2;cpus(web):4");
    /// # Ok::<(), mesos_core::resource::InvalidResources>(())
    /// ```
    pub fn shrink_in_order(&mut self, target: &Quantities, arrange: impl FnOnce(&mut [Resource])) {
        if self.is_plain() {
            for (own, target) in self.plain.iter_mut().zip(target.common()) {
                *own = (*own).min(target);
            }
            return;
        }
        self.cut(target.clone(), arrange);
    }

    /// Cuts down to `limits`, visiting entries in their own order. A name without a limit stays.
    pub fn shrink_to_limits(&mut self, limits: &Limits) {
        self.shrink_to_limits_in_order(limits, |_| {});
    }

    /// Cuts down to `limits`, visiting entries in the order that `arrange` brings them into.
    pub fn shrink_to_limits_in_order(&mut self, limits: &Limits, arrange: impl FnOnce(&mut [Resource])) {
        if self.is_plain() {
            for (own, limit) in self.plain.iter_mut().zip(limits.common()) {
                *own = limit.map_or(*own, |limit| limit.min(*own));
            }
            return;
        }
        self.cut(limits.clone(), arrange);
    }

    fn cut(&mut self, mut room: impl Room, arrange: impl FnOnce(&mut [Resource])) {
        let mut entries: Vec<Resource> = self.plain_entries().collect();
        entries.extend(self.rest.iter().map(|entry| entry.resource.clone()));
        arrange(&mut entries);
        let mut kept = Self::new();
        for mut entry in entries {
            let Some(room_left) = room.left(entry.name()) else {
                kept.insert_like(self, entry);
                continue;
            };
            if entry.is_indivisible() {
                if entry.value().quantity() > room_left {
                    continue;
                }
            } else {
                entry.value_mut().cut_to(room_left);
            }
            room.take(entry.name(), entry.value().quantity());
            kept.insert_like(self, entry);
        }
        *self = kept;
    }

    /// Inserts `entry` with as many copies as `origin` has of it, if it is shared.
    fn insert_like(&mut self, origin: &Self, entry: Resource) {
        let copies = if entry.is_shared() { u32::try_from(origin.copies(&entry)).unwrap_or(u32::MAX) } else { 1 };
        self.insert(entry, copies);
    }
}

/// What is left of a target while entries take their part.
trait Room {
    /// How much may still be taken; nothing said means as much as there is.
    fn left(&self, name: &ResourceName) -> Option<Scalar>;

    fn take(&mut self, name: &ResourceName, amount: Scalar);
}

impl Room for Quantities {
    fn left(&self, name: &ResourceName) -> Option<Scalar> {
        Some(self.get(name))
    }

    fn take(&mut self, name: &ResourceName, amount: Scalar) {
        self.set(name.clone(), self.get(name) - amount);
    }
}

impl Room for Limits {
    fn left(&self, name: &ResourceName) -> Option<Scalar> {
        self.get(name)
    }

    fn take(&mut self, name: &ResourceName, amount: Scalar) {
        if let Some(limit) = self.get(name) {
            self.set(name.clone(), limit - amount);
        }
    }
}
