//! One entry of a collection: a named value and everything that keeps it apart from other entries of that name.
//!
//! An entry is plain data; [`Resource::validate`] runs when it enters a [`Resources`](super::Resources) or is read from
//! outside. The role it is *allocated* to is no field of it, see [`Allocated`](super::Allocated).

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Disk, Ranges, Reservations, ResourceName, Scalar, Set, Value};
use crate::id::ProviderId;

/// One entry: name, value and metadata.
///
/// ```
/// use mesos_core::Role;
/// use mesos_core::resource::{Reservation, Reservations, Resource, Scalar};
///
/// let reserved = Resource::cpus(Scalar::from_units(2))
///     .with_reservations(Reservations::new([Reservation::fixed(Role::new("web")?)])?);
/// assert_eq!(reserved.to_string(), "cpus(web):2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    name: ResourceName,
    reservations: Reservations,
    disk: Option<Arc<Disk>>,
    is_revocable: bool,
    is_shared: bool,
    provider: Option<ProviderId>,
    value: Value,
}

impl Resource {
    /// An entry without metadata.
    #[must_use]
    pub const fn new(name: ResourceName, value: Value) -> Self {
        Self {
            name,
            reservations: Reservations::NONE,
            disk: None,
            is_revocable: false,
            is_shared: false,
            provider: None,
            value,
        }
    }

    /// An amount of something.
    #[must_use]
    pub const fn scalar(name: ResourceName, amount: Scalar) -> Self {
        Self::new(name, Value::Scalar(amount))
    }

    /// Cores.
    #[must_use]
    pub const fn cpus(amount: Scalar) -> Self {
        Self::scalar(ResourceName::Cpus, amount)
    }

    /// Memory in megabytes.
    #[must_use]
    pub const fn mem(megabytes: Scalar) -> Self {
        Self::scalar(ResourceName::Mem, megabytes)
    }

    /// Disk space in megabytes.
    #[must_use]
    pub const fn disk(megabytes: Scalar) -> Self {
        Self::scalar(ResourceName::Disk, megabytes)
    }

    /// Graphics processors.
    #[must_use]
    pub const fn gpus(amount: Scalar) -> Self {
        Self::scalar(ResourceName::Gpus, amount)
    }

    /// Network ports.
    #[must_use]
    pub const fn ports(ranges: Ranges) -> Self {
        Self::new(ResourceName::Ports, Value::Ranges(ranges))
    }

    /// A set of names.
    #[must_use]
    pub const fn set(name: ResourceName, set: Set) -> Self {
        Self::new(name, Value::Set(set))
    }

    /// The same entry with these reservations instead of its own.
    #[must_use]
    pub fn with_reservations(mut self, reservations: Reservations) -> Self {
        self.reservations = reservations;
        self
    }

    /// The same entry on this disk.
    #[must_use]
    pub fn with_disk(mut self, disk: impl Into<Arc<Disk>>) -> Self {
        self.disk = Some(disk.into());
        self
    }

    /// The same entry of this resource provider.
    #[must_use]
    pub fn with_provider(mut self, provider: ProviderId) -> Self {
        self.provider = Some(provider);
        self
    }

    /// The same entry, but its holder may lose it at any moment.
    #[must_use]
    pub const fn revocable(mut self) -> Self {
        self.is_revocable = true;
        self
    }

    /// The same entry, but several tasks may use it at once. Only persistent volumes can be shared.
    #[must_use]
    pub const fn shared(mut self) -> Self {
        self.is_shared = true;
        self
    }

    /// The same entry with another value.
    #[must_use]
    pub fn with_value(mut self, value: Value) -> Self {
        self.value = value;
        self
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &ResourceName {
        &self.name
    }

    /// How much there is.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The amount; nothing if the value is not one.
    #[must_use]
    pub const fn amount(&self) -> Scalar {
        match self.value {
            Value::Scalar(amount) => amount,
            Value::Ranges(_) | Value::Set(_) => Scalar::ZERO,
        }
    }

    /// Who owns it.
    #[must_use]
    pub const fn reservations(&self) -> &Reservations {
        &self.reservations
    }

    /// Which disk, if it says.
    #[must_use]
    pub fn disk_info(&self) -> Option<&Disk> {
        self.disk.as_deref()
    }

    /// Who provides it, if not the agent itself.
    #[must_use]
    pub const fn provider(&self) -> Option<&ProviderId> {
        self.provider.as_ref()
    }

    /// Whether its holder may lose it at any moment.
    #[must_use]
    pub const fn is_revocable(&self) -> bool {
        self.is_revocable
    }

    /// Whether several tasks may use it at once.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Whether nobody owns it.
    #[must_use]
    pub const fn is_unreserved(&self) -> bool {
        self.reservations.is_empty()
    }

    /// Whether guarantees and limits are about it: an amount that nobody owns, and whose holder keeps it.
    #[must_use]
    pub const fn is_under_quota(&self) -> bool {
        self.is_unreserved() && !self.is_revocable() && !self.is_shared() && matches!(self.value(), Value::Scalar(_))
    }

    /// Whether the top reservation was made at run time.
    #[must_use]
    pub fn is_dynamically_reserved(&self) -> bool {
        self.reservations.last().is_some_and(super::Reservation::is_dynamic)
    }

    /// Whether it is a persistent volume.
    #[must_use]
    pub fn is_persistent_volume(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.persistence.is_some())
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// Whether it can only be taken as a whole: shared entries, persistent volumes, exclusive disks.
    #[must_use]
    pub fn is_indivisible(&self) -> bool {
        self.is_shared || self.disk.as_ref().is_some_and(|disk| disk.is_indivisible())
    }

    /// The inline slot and amount, if nothing but a common name and an amount is said.
    pub(super) fn as_plain(&self) -> Option<(usize, Scalar)> {
        let bare = self.reservations.is_empty()
            && self.disk.is_none()
            && !self.is_revocable
            && !self.is_shared
            && self.provider.is_none();
        match (bare, self.name.slot(), &self.value) {
            (true, Some(slot), Value::Scalar(amount)) => Some((slot, *amount)),
            _ => None,
        }
    }

    /// Order by everything but the content of the value; divisible entries that compare equal are merged.
    pub(super) fn cmp_identity(&self, other: &Self) -> Ordering {
        self.name
            .cmp(&other.name)
            .then_with(|| self.reservations.cmp(&other.reservations))
            .then_with(|| cmp_shared(self.disk.as_ref(), other.disk.as_ref()))
            .then_with(|| self.is_revocable.cmp(&other.is_revocable))
            .then_with(|| self.is_shared.cmp(&other.is_shared))
            .then_with(|| self.provider.cmp(&other.provider))
            .then_with(|| self.value.kind().cmp(&other.value.kind()))
    }

    pub(super) const fn value_mut(&mut self) -> &mut Value {
        &mut self.value
    }

    /// The disk under a volume: not persistent, not mounted, not shared.
    pub(super) fn stripped(&self) -> Self {
        let disk = self.disk.as_ref().and_then(|disk| disk.stripped()).map(Arc::new);
        Self { disk, is_shared: false, ..self.clone() }
    }
}

/// The order of entries in a collection: the value comes last.
impl Ord for Resource {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cmp_identity(other).then_with(|| self.value.cmp(&other.value))
    }
}

impl PartialOrd for Resource {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Compares what copies of an entry share without looking at it.
fn cmp_shared<T: Ord>(own: Option<&Arc<T>>, other: Option<&Arc<T>>) -> Ordering {
    match (own, other) {
        (Some(own), Some(other)) if Arc::ptr_eq(own, other) => Ordering::Equal,
        _ => own.cmp(&other),
    }
}
