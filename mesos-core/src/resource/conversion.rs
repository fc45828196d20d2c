//! Operations on resources as conversions: what goes in, what comes out.
//!
//! Reserving, creating volumes and their inverses change what resources *are*, never how much there is. Each is a pair of
//! bags, and applies to any bag that contains what is consumed. The constructors check what the resources themselves must
//! be like; who may ask for an operation is decided elsewhere, and so is what a container or a resource provider must do
//! for it (launching tasks and making disks are no conversions).

use super::{InvalidResource, Quantities, Resource, Resources, Scalar, Value, VolumeMode};

/// Replaces some resources by others of the same total.
///
/// ```
/// use mesos_core::Role;
/// use mesos_core::resource::{Conversion, Reservation, Resources};
///
/// let agent: Resources = "cpus:4;mem:1024".parse()?;
/// let wanted = "cpus:1".parse::<Resources>()?.push_reservation(&Reservation::dynamic(Role::new("web")?, None))?;
/// let reserve = Conversion::reserve(&wanted)?;
/// let agent = agent.apply(&reserve)?;
/// assert!(agent.contains(&wanted));
/// assert_eq!(agent.to_string(), "cpus:3;mem:1024;cpus(DYNAMIC web):1");
/// assert_eq!(agent.apply(&Conversion::unreserve(&wanted)?)?.to_string(), "cpus:4;mem:1024");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conversion {
    consumed: Resources,
    converted: Resources,
    /// Entries no copy of which may be left once `consumed` is gone.
    exhausted: Vec<Resource>,
}

/// Why a conversion cannot be made or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// Nothing would be converted.
    #[error("there is nothing to convert; name at least one resource")]
    Empty,
    /// A part of what would be converted is not there.
    #[error("{missing} is not part of {available}")]
    NotContained {
        /// What should have been there.
        missing: Resources,
        /// What is there.
        available: Resources,
    },
    /// A conversion may not create or destroy amounts.
    #[error("converting {before} to {after} would change the total")]
    TotalChanged {
        /// How much goes in.
        before: Quantities,
        /// How much would come out.
        after: Quantities,
    },
    /// Other users of a shared volume are left.
    #[error("{0} cannot be destroyed while other copies of it are in use")]
    StillShared(String),
    /// An entry is not what the operation needs.
    #[error("{resource} {problem}")]
    Unsuitable {
        /// The entry in its readable form.
        resource: String,
        /// What it would have to be.
        problem: &'static str,
    },
    /// Source and target of a reservation do not fit together.
    #[error("{0}")]
    Mismatch(&'static str),
    /// An entry would break a rule afterwards.
    #[error(transparent)]
    Invalid(#[from] InvalidResource),
}

impl Conversion {
    /// Any replacement of equal total.
    ///
    /// # Errors
    /// [`ConversionError::TotalChanged`] if amounts would appear or vanish.
    pub fn new(consumed: Resources, converted: Resources) -> Result<Self, ConversionError> {
        let conversion = Self { consumed, converted, exhausted: Vec::new() };
        conversion.check_total()?;
        Ok(conversion)
    }

    fn trusted(consumed: Resources, converted: Resources) -> Result<Self, ConversionError> {
        if converted.is_empty() {
            return Err(ConversionError::Empty);
        }
        Self::new(consumed, converted)
    }

    fn check_total(&self) -> Result<(), ConversionError> {
        let (before, after) = (self.consumed.quantities(), self.converted.quantities());
        if before == after { Ok(()) } else { Err(ConversionError::TotalChanged { before, after }) }
    }

    /// What goes in.
    #[must_use]
    pub const fn consumed(&self) -> &Resources {
        &self.consumed
    }

    /// What comes out.
    #[must_use]
    pub const fn converted(&self) -> &Resources {
        &self.converted
    }

    /// Reserves one level: out comes `target`, in goes the same without its top reservations.
    ///
    /// # Errors
    /// [`ConversionError::Unsuitable`] unless every entry is dynamically reserved and irrevocable.
    pub fn reserve(target: &Resources) -> Result<Self, ConversionError> {
        require(target, is_reservable, "cannot be the target of a reservation; it must be dynamically reserved")?;
        require(target, |entry| !entry.is_revocable(), "is revocable, so it cannot be reserved")?;
        Self::trusted(target.pop_reservation()?, target.clone())
    }

    /// Moves resources from the reservations of `source` to those of `target`, over any number of levels.
    ///
    /// # Errors
    /// [`ConversionError::Mismatch`] unless all of `source` has one stack, all of `target` has one, and both are the same
    /// resources apart from that.
    pub fn reserve_from(source: &Resources, target: &Resources) -> Result<Self, ConversionError> {
        require(target, |entry| !entry.is_revocable(), "is revocable, so it cannot be reserved")?;
        if !has_one_stack(source) || !has_one_stack(target) {
            return Err(ConversionError::Mismatch("all sources must be reserved alike, and so must all targets"));
        }
        if source.to_unreserved() != target.to_unreserved() {
            return Err(ConversionError::Mismatch("source and target must be the same apart from their reservations"));
        }
        check_moves(source, target)?;
        Self::trusted(source.clone(), target.clone())
    }

    /// Undoes one level of reservation of every entry.
    ///
    /// # Errors
    /// [`ConversionError::Unsuitable`] unless every entry is dynamically reserved and no persistent volume.
    pub fn unreserve(reserved: &Resources) -> Result<Self, ConversionError> {
        require(reserved, is_reservable, "cannot be unreserved; it is not dynamically reserved")?;
        require(reserved, |entry| !entry.is_persistent_volume(), "holds a volume; destroy that before unreserving")?;
        Self::trusted(reserved.clone(), reserved.pop_reservation()?)
    }

    /// Makes persistent volumes of reserved disk.
    ///
    /// # Errors
    /// [`ConversionError::Unsuitable`] unless every entry is a reserved, irrevocable disk with persistence id and a
    /// writable volume that names no path of the host.
    pub fn create(volumes: &Resources) -> Result<Self, ConversionError> {
        require(volumes, Resource::is_persistent_volume, "needs a persistence id to become a volume")?;
        require(volumes, is_mountable, "needs a read-write volume without a host path")?;
        require(volumes, |entry| !entry.is_unreserved(), "is unreserved; reserve the disk first")?;
        require(volumes, |entry| !entry.is_revocable(), "is revocable, so it cannot persist")?;
        Self::trusted(stripped(volumes), volumes.clone())
    }

    /// Turns persistent volumes back into disk. It applies only if no other copy of a shared one is left.
    ///
    /// # Errors
    /// [`ConversionError::Unsuitable`] unless every entry is a persistent volume.
    pub fn destroy(volumes: &Resources) -> Result<Self, ConversionError> {
        require(volumes, Resource::is_persistent_volume, "is no persistent volume")?;
        let conversion = Self::trusted(volumes.clone(), stripped(volumes))?;
        Ok(Self { exhausted: volumes.shared().iter().collect(), ..conversion })
    }

    /// Enlarges a volume by disk of the same kind.
    ///
    /// # Errors
    /// [`ConversionError::Unsuitable`] unless the volume can be resized, [`ConversionError::Mismatch`] unless the addition
    /// is some disk of the same source and reservation.
    pub fn grow(volume: &Resource, addition: &Resource) -> Result<Self, ConversionError> {
        check_resizable(volume)?;
        if !addition.amount().is_positive() {
            return Err(ConversionError::Mismatch("the addition is empty; a volume grows by more than nothing"));
        }
        if volume.stripped().cmp_identity(addition).is_ne() {
            return Err(ConversionError::Mismatch("the addition must be disk of the volume's source and reservation"));
        }
        let grown = volume.clone().with_value(Value::Scalar(volume.amount() + addition.amount()));
        Self::trusted(Resources::from_valid([volume, addition])?, Resources::try_from(grown)?)
    }

    /// Makes a volume smaller by `amount`, which becomes disk again.
    ///
    /// # Errors
    /// [`ConversionError::Unsuitable`] unless the volume can be resized, [`ConversionError::Mismatch`] unless `amount` is
    /// more than nothing and less than the volume.
    pub fn shrink(volume: &Resource, amount: Scalar) -> Result<Self, ConversionError> {
        check_resizable(volume)?;
        if !amount.is_positive() || amount >= volume.amount() {
            return Err(ConversionError::Mismatch("a volume shrinks by more than nothing and less than its size"));
        }
        let smaller = volume.clone().with_value(Value::Scalar(volume.amount() - amount));
        let freed = volume.stripped().with_value(Value::Scalar(amount));
        Self::trusted(Resources::try_from(volume.clone())?, Resources::from_valid([&smaller, &freed])?)
    }
}

fn require(
    all: &Resources,
    is_suitable: impl Fn(&Resource) -> bool,
    problem: &'static str,
) -> Result<(), ConversionError> {
    match all.iter().find(|entry| !is_suitable(entry)) {
        None => Ok(()),
        Some(entry) => Err(ConversionError::Unsuitable { resource: entry.to_string(), problem }),
    }
}

fn is_reservable(entry: &Resource) -> bool {
    entry.is_dynamically_reserved()
}

fn is_mountable(entry: &Resource) -> bool {
    let volume = entry.disk_info().and_then(|disk| disk.volume.as_ref());
    volume.is_some_and(|volume| volume.mode == VolumeMode::Rw && volume.host_path.is_none())
}

fn check_resizable(volume: &Resource) -> Result<(), ConversionError> {
    let is_whole_disk =
        volume.disk_info().and_then(|disk| disk.source.as_ref()).is_some_and(|source| source.is_exclusive());
    let problem = if !volume.is_persistent_volume() {
        "is no persistent volume"
    } else if volume.is_shared() {
        "is shared, so it cannot be resized"
    } else if volume.provider().is_some() {
        "belongs to a resource provider, so it cannot be resized"
    } else if is_whole_disk {
        "takes up an exclusive disk, so it cannot be resized"
    } else {
        return Ok(());
    };
    Err(ConversionError::Unsuitable { resource: volume.to_string(), problem })
}

/// Refuses to move what the common part of both stacks does not allow: static reservations and volumes stay.
fn check_moves(source: &Resources, target: &Resources) -> Result<(), ConversionError> {
    let (Some(from), Some(to)) = (source.iter().next(), target.iter().next()) else {
        return Err(ConversionError::Empty);
    };
    let (from, to) = (from.reservations().as_slice(), to.reservations().as_slice());
    let common = from.iter().zip(to).take_while(|(from, to)| from == to).count();
    if from[common..].iter().chain(&to[common..]).any(|reservation| !reservation.is_dynamic()) {
        return Err(ConversionError::Mismatch("a static reservation can neither be made nor undone at run time"));
    }
    if common < from.len() {
        let problem = "holds a volume; destroy that before undoing its reservation";
        require(source, |entry| !entry.is_persistent_volume(), problem)?;
    }
    Ok(())
}

/// Whether all entries carry the same reservations.
fn has_one_stack(all: &Resources) -> bool {
    let mut entries = all.iter();
    let Some(first) = entries.next() else { return true };
    entries.all(|entry| entry.reservations() == first.reservations())
}

/// The disks under volumes; of a shared one, every copy lies on the same disk.
fn stripped(volumes: &Resources) -> Resources {
    let mut disks = Resources::new();
    for entry in volumes.rest.iter() {
        disks.insert(entry.resource.stripped(), 1);
    }
    disks
}

impl Resources {
    fn from_valid<const N: usize>(entries: [&Resource; N]) -> Result<Self, InvalidResource> {
        let mut all = Self::new();
        for entry in entries {
            all.add(entry.clone())?;
        }
        Ok(all)
    }

    /// The bag after `conversion`.
    ///
    /// # Errors
    /// [`ConversionError`] if what is consumed is not all here, or if a shared volume to destroy is still used elsewhere.
    ///
    pub fn apply(&self, conversion: &Conversion) -> Result<Self, ConversionError> {
        let Some(mut after) = self.checked_sub(&conversion.consumed) else {
            let missing = &conversion.consumed - self;
            return Err(ConversionError::NotContained { missing, available: self.clone() });
        };
        if let Some(left) = conversion.exhausted.iter().find(|entry| after.copies(entry) > 0) {
            return Err(ConversionError::StillShared(left.to_string()));
        }
        after += &conversion.converted;
        let (before_total, after_total) = (self.quantities(), after.quantities());
        if before_total != after_total {
            return Err(ConversionError::TotalChanged { before: before_total, after: after_total });
        }
        Ok(after)
    }
}
