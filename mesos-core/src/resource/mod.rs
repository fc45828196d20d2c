//! The algebra of resources: what agents have, offers carry and tasks use.
//!
//! A [`Resources`] is a bag of [`Resource`] entries that knows how to add, subtract and compare itself. Almost all bags are
//! plain: some cpus, memory, disk and gpus that nobody reserved, and perhaps ports. So the four common amounts live inline
//! in [`Scalar`]s, and adding, subtracting or comparing plain bags is a handful of integer operations without allocation;
//! every other entry lives in
//! a sorted list, which copies of a bag share until one of them changes it. So cloning a bag never allocates.
//!
//! ```text
//!   text, JSON ──▶ Resource (one entry) ──add──▶ Resources ──quantities──▶ Quantities ◀─contains─ Limits
//!                        name, Value,              │  ▲
//!                        Reservations, Disk        ▼  │ apply
//!                                               Conversion (reserve, create, grow, ...)
//! ```
//!
//! This is not where it is decided who gets what (the allocator) or who may do what (authorization), and the role that
//! resources are *allocated* to is no part of an entry: see [`Allocated`].
//!
//! # Rules worth knowing
//!
//! * Amounts are fixed point, three decimals. Subtracting never goes below nothing; what does not match is ignored.
//! * Subtracting is not using: what somebody holds in a form that an agent does not have any more is still in use, see
//!   [`Resources::left_beside`].
//! * Entries merge when everything but the value agrees. Persistent volumes and exclusive disks (`MOUNT`, `BLOCK`, `RAW`
//!   with an id) never merge and are only ever taken as a whole.
//! * Shared entries count copies. Their size counts once, whatever the number of copies.
//! * Equality is structural: two bags are equal exactly if each contains the other.

use std::collections::BTreeMap;
use std::fmt;

use crate::role::Role;

mod allocated;
mod beside;
mod conversion;
mod disk;
mod entry;
mod json;
mod label;
mod name;
mod ops;
mod quantity;
mod ranges;
mod reservation;
mod rest;
mod scalar;
mod select;
mod set;
mod shrink;
mod text;
mod validate;
mod value;

pub use allocated::{Allocated, RoleMismatch};
pub use conversion::{Conversion, ConversionError};
pub use disk::{Disk, DiskKind, DiskSource, Persistence, Volume, VolumeMode};
pub use entry::Resource;
pub use label::{Label, Labels};
pub use name::{InvalidName, OtherName, ResourceName};
pub use quantity::{InvalidQuantities, Limits, Quantities};
pub use ranges::{InvalidRanges, Range, Ranges};
pub use reservation::{InvalidReservations, Reservation, ReservationKind, Reservations};
pub use scalar::{InvalidScalar, Scalar};
pub use set::{InvalidSet, Set};
pub use validate::{InvalidResource, InvalidResources, ResourceProblem};
pub use value::{Value, ValueKind};

use name::SLOTS;
use rest::{Entry, Rest};

/// A bag of resources.
///
/// ```
/// use mesos_core::resource::{Resources, Scalar};
///
/// let agent: Resources = "cpus:4;mem:1024;ports:[31000-31099]".parse()?;
/// let task: Resources = "cpus:1.5;ports:[31000-31001]".parse()?;
/// assert!(agent.contains(&task));
/// let left = &agent - &task;
/// assert_eq!(left.to_string(), "cpus:2.5;mem:1024;ports:[31002-31099]");
/// assert_eq!(left.cpus(), Scalar::from_milli(2500));
/// assert_eq!(left + &task, agent);
/// # Ok::<(), mesos_core::resource::InvalidResources>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    /// Unreserved, irrevocable cpus, mem, disk and gpus without further information; never negative.
    plain: [Scalar; 4],
    /// Everything else, sorted; nothing here is empty, and divisible entries of one identity are one entry.
    rest: Rest,
}

impl Resources {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { plain: [Scalar::ZERO; 4], rest: Rest::EMPTY }
    }

    /// Plain cpus, mem, disk and gpus; negative amounts count as nothing.
    #[must_use]
    pub fn from_plain(plain: [Scalar; 4]) -> Self {
        Self { plain: plain.map(|amount| amount.max(Scalar::ZERO)), rest: Rest::EMPTY }
    }

    /// Adds up entries from outside.
    ///
    /// # Errors
    /// [`InvalidResources::Entry`] says which entry is wrong.
    pub fn from_entries(entries: impl IntoIterator<Item = Resource>) -> Result<Self, InvalidResources> {
        let mut all = Self::new();
        let mut special = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            entry.validate().map_err(|source| InvalidResources::Entry { position: index + 1, source })?;
            match entry.as_plain() {
                Some((slot, amount)) => all.plain[slot] += amount,
                None if entry.is_empty() => {}
                None => special.push(Entry { resource: entry, copies: 1 }),
            }
        }
        all.rest = Rest::collected(special);
        Ok(all)
    }

    /// Adds one entry; an empty one changes nothing.
    ///
    /// # Errors
    /// [`InvalidResource`], and nothing changes, if the entry breaks a rule.
    pub fn add(&mut self, entry: Resource) -> Result<(), InvalidResource> {
        entry.validate()?;
        self.insert(entry, 1);
        Ok(())
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_none() && self.plain == [Scalar::ZERO; 4]
    }

    /// Whether there is nothing but plain cpus, mem, disk and gpus.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.rest.is_none()
    }

    /// The plain amounts of cpus, mem, disk and gpus: unreserved, irrevocable, of no special disk and no provider.
    #[must_use]
    pub const fn plain_scalars(&self) -> [Scalar; 4] {
        self.plain
    }

    /// How many entries [`Resources::iter`] yields.
    #[must_use]
    pub fn len(&self) -> usize {
        let plain = self.plain.iter().filter(|amount| !amount.is_zero()).count();
        self.rest.iter().fold(plain, |sum, entry| sum.saturating_add(entry.copies as usize))
    }

    /// The entries: plain ones first, the others in their order, shared ones once per copy. Adding them all to nothing
    /// gives this bag again.
    pub fn iter(&self) -> impl Iterator<Item = Resource> {
        let rest = self.rest.iter();
        self.plain_entries()
            .chain(rest.flat_map(|entry| std::iter::repeat_n(&entry.resource, entry.copies as usize).cloned()))
    }

    /// The entries beside plain cpus, mem, disk and gpus, in their order; a shared one once, however many copies there are.
    pub fn special_entries(&self) -> impl Iterator<Item = &Resource> {
        self.rest.iter().map(|entry| &entry.resource)
    }

    fn plain_entries(&self) -> impl Iterator<Item = Resource> {
        let present = SLOTS.iter().zip(self.plain).filter(|(_, amount)| !amount.is_zero());
        present.map(|(name, amount)| Resource::scalar(name.clone(), amount))
    }

    /// The total amount of `name`, whoever owns it and wherever it lies.
    #[must_use]
    pub fn scalar(&self, name: &ResourceName) -> Scalar {
        let plain = name.slot().map_or(Scalar::ZERO, |slot| self.plain[slot]);
        let rest = self.rest.iter().filter(|entry| entry.resource.name() == name);
        plain + rest.map(|entry| entry.resource.amount()).sum()
    }

    /// All cores.
    #[must_use]
    pub fn cpus(&self) -> Scalar {
        self.scalar(&ResourceName::Cpus)
    }

    /// All memory, in megabytes.
    #[must_use]
    pub fn mem(&self) -> Scalar {
        self.scalar(&ResourceName::Mem)
    }

    /// All disk space, in megabytes.
    #[must_use]
    pub fn disk(&self) -> Scalar {
        self.scalar(&ResourceName::Disk)
    }

    /// All graphics processors.
    #[must_use]
    pub fn gpus(&self) -> Scalar {
        self.scalar(&ResourceName::Gpus)
    }

    /// All network ports.
    #[must_use]
    pub fn ports(&self) -> Ranges {
        let mut all = Ranges::default();
        for entry in self.rest.iter().filter(|entry| *entry.resource.name() == ResourceName::Ports) {
            if let Value::Ranges(ranges) = entry.resource.value() {
                all += ranges;
            }
        }
        all
    }

    /// The total per name; a number of a range and an item of a set count one each.
    #[must_use]
    pub fn quantities(&self) -> Quantities {
        let mut all = Quantities::from_common(self.plain);
        for Entry { resource, .. } in self.rest.iter() {
            all.add_amount(resource.name(), resource.value().quantity());
        }
        all
    }

    /// The total per name of what is an amount, without ranges and sets: what shares and quota are computed from.
    #[must_use]
    pub fn scalar_quantities(&self) -> Quantities {
        let mut all = Quantities::from_common(self.plain);
        for Entry { resource, .. } in self.rest.iter() {
            all.add_amount(resource.name(), resource.amount());
        }
        all
    }

    /// The total per name of amounts that nobody owns, whose holder keeps them: what guarantees and limits are about. The
    /// part outside the inline slots is empty if all of it is plain.
    #[must_use]
    pub fn quota_quantities(&self) -> Quantities {
        let mut all = Quantities::from_common(self.plain);
        for Entry { resource, .. } in self.rest.iter().filter(|entry| entry.resource.is_under_quota()) {
            all.add_amount(resource.name(), resource.amount());
        }
        all
    }

    /// Whether all amounts that quota is about are plain ones, so that they can be cut without touching anything else.
    #[must_use]
    pub fn is_quota_plain(&self) -> bool {
        !self.rest.iter().any(|entry| entry.resource.is_under_quota())
    }

    /// The amounts that belong to somebody, each with its owner; a shared one once, however many copies there are.
    pub fn reserved_amounts(&self) -> impl Iterator<Item = (&Role, &ResourceName, Scalar)> {
        let entries = self.rest.iter().map(|entry| &entry.resource);
        entries.filter_map(|entry| {
            let role = entry.reservations().role()?;
            entry.amount().is_positive().then(|| (role, entry.name(), entry.amount()))
        })
    }

    /// What belongs to each role: reservations by their owner, without what is unreserved.
    #[must_use]
    pub fn reserved(&self) -> BTreeMap<Role, Self> {
        let mut by_role: BTreeMap<Role, Self> = BTreeMap::new();
        for Entry { resource, copies } in self.rest.iter() {
            if let Some(role) = resource.reservations().role() {
                by_role.entry(role.clone()).or_default().insert(resource.clone(), *copies);
            }
        }
        by_role
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resources({self})")
    }
}

impl TryFrom<Resource> for Resources {
    type Error = InvalidResource;

    fn try_from(entry: Resource) -> Result<Self, InvalidResource> {
        let mut all = Self::new();
        all.add(entry)?;
        Ok(all)
    }
}
