//! Resources: a list of entries on the wire, a bag in the domain.
//!
//! Three spellings of reservations exist. Ours is the newest, a stack. The older one, a role and at most one dynamic
//! reservation beside it, is read from anybody and written for frameworks that know no refinement; some clients write both,
//! and then they must agree. The role resources are allocated to is no part of a bag: it is handed in and out beside it.
//!
//! Semantics: Apache Mesos, `src/common/resources_utils.cpp`.

use std::collections::BTreeSet;

use crate::error::{Rejection, RejectionCode};
use crate::id::{PersistenceId, Principal, ProviderId};
use crate::resource::{
    Disk, DiskKind, DiskSource, Labels, Persistence, Reservation, ReservationKind, Reservations, Resource,
    ResourceName, Resources, Value, Volume, VolumeMode,
};
use crate::role::Role;
use crate::wire::v1;
use v1::resource::disk_info::source::{Mount, Path, Type as DiskType};
use v1::resource::reservation_info::Type as ReservationType;
use v1::resource::{AllocationInfo, DiskInfo, ReservationInfo, RevocableInfo, SharedInfo};

/// How reservations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservationForm {
    /// As a stack, for peers that know refinement.
    Stack,
    /// As a role and at most one reservation, for all others; entries reserved more than once cannot be written so and are
    /// kept from such peers before.
    Single,
}

/// Reads a bag, and the roles its entries say they are allocated to.
///
/// # Errors
/// [`RejectionCode::InvalidResources`] names the entry.
pub fn resources_from_wire(entries: Vec<v1::Resource>) -> Result<(Resources, BTreeSet<Role>), Rejection> {
    let (mut all, mut roles) = (Resources::new(), BTreeSet::new());
    for (index, entry) in entries.into_iter().enumerate() {
        let refuse = |error: &dyn std::fmt::Display| {
            let what = format!("resource {} ({:?}): {error}", index + 1, entry.name);
            Rejection::new(RejectionCode::InvalidResources, what, "correct the entry")
        };
        if let Some(role) = entry.allocation_info.as_ref().and_then(|info| info.role.as_deref()) {
            roles.insert(Role::new(role).map_err(|error| refuse(&error))?);
        }
        let read = read_entry(&entry).map_err(|rejection| refuse(&rejection.what))?;
        all.add(read).map_err(|error| refuse(&error))?;
    }
    Ok((all, roles))
}

/// Writes a bag, with the role it is allocated to in each entry.
#[must_use]
pub fn resources_to_wire(resources: &Resources, role: Option<&Role>, form: ReservationForm) -> Vec<v1::Resource> {
    resources.iter().map(|entry| write_entry(&entry, role, form)).collect()
}

fn read_entry(entry: &v1::Resource) -> Result<Resource, Rejection> {
    let reservations = read_reservations(entry)?;
    let name = ResourceName::new(&entry.name).map_err(|error| invalid(error.to_string()))?;
    let mut read = Resource::new(name, read_value(entry)?).with_reservations(reservations);
    if let Some(disk) = &entry.disk {
        read = read.with_disk(read_disk(disk.clone())?);
    }
    if let Some(provider) = &entry.provider_id {
        read =
            read.with_provider(ProviderId::new(provider.value.as_str()).map_err(|error| invalid(error.to_string()))?);
    }
    if entry.revocable.is_some() {
        read = read.revocable();
    }
    if entry.shared.is_some() {
        read = read.shared();
    }
    Ok(read)
}

fn read_value(entry: &v1::Resource) -> Result<Value, Rejection> {
    use v1::value::Type;
    match (entry.r#type(), entry.scalar, &entry.ranges, &entry.set) {
        (Type::Scalar, Some(scalar), None, None) => Ok(Value::Scalar(scalar.try_into()?)),
        (Type::Ranges, None, Some(ranges), None) => Ok(Value::Ranges(ranges.clone().try_into()?)),
        (Type::Set, None, None, Some(set)) => Ok(Value::Set(set.clone().try_into()?)),
        (Type::Text, ..) => Err(invalid("a resource is no text; use SCALAR, RANGES or SET".to_owned())),
        (kind, ..) => Err(invalid(format!("the type is {}, so exactly that value must be set", kind.as_str_name()))),
    }
}

fn read_reservations(entry: &v1::Resource) -> Result<Reservations, Rejection> {
    let single = read_single(entry)?;
    let stack: Vec<Reservation> =
        entry.reservations.iter().map(|info| read_reservation(info, None)).collect::<Result<_, _>>()?;
    let stack = match single {
        Some(single) if stack.is_empty() => vec![single],
        Some(single) if stack.as_slice() != std::slice::from_ref(&single) => {
            return Err(invalid("role and reservation contradict reservations; set reservations alone".to_owned()));
        }
        _ => stack,
    };
    Reservations::new(stack).map_err(|error| invalid(error.to_string()))
}

/// The older spelling.
fn read_single(entry: &v1::Resource) -> Result<Option<Reservation>, Rejection> {
    let role = entry.role.as_deref().filter(|role| *role != "*");
    match (role, &entry.reservation) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(invalid("role '*' cannot be reserved to; set a role beside the reservation".to_owned())),
        (Some(role), None) => Ok(Some(Reservation::fixed(read_role(role)?))),
        (Some(role), Some(info)) => read_reservation(info, Some(role)).map(Some),
    }
}

fn read_reservation(info: &ReservationInfo, role: Option<&str>) -> Result<Reservation, Rejection> {
    let kind = match (info.r#type(), role) {
        (ReservationType::Static, None) => ReservationKind::Static,
        (ReservationType::Dynamic, None) | (_, Some(_)) => ReservationKind::Dynamic,
        (ReservationType::Unknown, None) => {
            return Err(invalid("the reservation has no type; set STATIC or DYNAMIC".to_owned()));
        }
    };
    let role = role.or(info.role.as_deref()).ok_or_else(|| invalid("the reservation has no role".to_owned()))?;
    let principal = info.principal.clone().map(Principal::new).transpose();
    Ok(Reservation {
        kind,
        role: read_role(role)?,
        principal: principal.map_err(|error| invalid(error.to_string()))?,
        labels: info.labels.clone().map(Labels::from).unwrap_or_default(),
    })
}

fn read_role(role: &str) -> Result<Role, Rejection> {
    Role::new(role).map_err(|error| invalid(error.to_string()))
}

fn read_disk(disk: DiskInfo) -> Result<Disk, Rejection> {
    let persistence = disk.persistence.map(|persistence| {
        let principal = persistence.principal.map(Principal::new).transpose();
        Ok(Persistence {
            id: PersistenceId::new(persistence.id).map_err(|error| invalid(error.to_string()))?,
            principal: principal.map_err(|error| invalid(error.to_string()))?,
        })
    });
    let volume = disk.volume.map(|volume| {
        if volume.image.is_some() || volume.source.is_some() {
            return Err(super::unsupported("a volume made of an image or a secret", "name a host path or none"));
        }
        let mode = if volume.mode() == v1::volume::Mode::Ro { VolumeMode::Ro } else { VolumeMode::Rw };
        Ok(Volume { container_path: volume.container_path, host_path: volume.host_path, mode })
    });
    let source = disk.source.map(read_source);
    Ok(Disk { persistence: persistence.transpose()?, volume: volume.transpose()?, source: source.transpose()? })
}

fn read_source(source: v1::resource::disk_info::Source) -> Result<DiskSource, Rejection> {
    let (path, mount) = (source.path.clone(), source.mount.clone());
    let kind = match (source.r#type(), path, mount) {
        (DiskType::Path, path, None) => DiskKind::Path { root: path.and_then(|path| path.root) },
        (DiskType::Mount, None, mount) => DiskKind::Mount { root: mount.and_then(|mount| mount.root) },
        (DiskType::Block, None, None) => DiskKind::Block,
        (DiskType::Raw, None, None) => DiskKind::Raw,
        (DiskType::Unknown, ..) => return Err(invalid("the disk source has no type".to_owned())),
        _ => return Err(invalid("path and mount belong to disks of that type alone".to_owned())),
    };
    let mut read = DiskSource::new(kind);
    read.vendor = source.vendor;
    read.id = source.id;
    read.profile = source.profile;
    read.metadata = source.metadata.map(Labels::from).unwrap_or_default();
    Ok(read)
}

fn write_entry(entry: &Resource, role: Option<&Role>, form: ReservationForm) -> v1::Resource {
    let mut written = v1::Resource { name: entry.name().as_str().to_owned(), ..Default::default() };
    match entry.value() {
        Value::Scalar(amount) => {
            written.set_type(v1::value::Type::Scalar);
            written.scalar = Some((*amount).into());
        }
        Value::Ranges(ranges) => {
            written.set_type(v1::value::Type::Ranges);
            written.ranges = Some(ranges.into());
        }
        Value::Set(set) => {
            written.set_type(v1::value::Type::Set);
            written.set = Some(set.into());
        }
    }
    written.allocation_info = role.map(|role| AllocationInfo { role: Some(role.as_str().to_owned()) });
    write_reservations(entry.reservations(), form, &mut written);
    written.disk = entry.disk_info().map(write_disk);
    written.provider_id = entry.provider().map(|id| v1::ResourceProviderId { value: id.as_str().to_owned() });
    written.revocable = entry.is_revocable().then(RevocableInfo::default);
    written.shared = entry.is_shared().then(SharedInfo::default);
    written
}

fn write_reservations(stack: &Reservations, form: ReservationForm, written: &mut v1::Resource) {
    if form == ReservationForm::Stack {
        written.reservations = stack.as_slice().iter().map(|own| write_reservation(own, true)).collect();
        return;
    }
    written.role = Some(stack.role().map_or("*", Role::as_str).to_owned());
    let dynamic = stack.last().filter(|last| last.is_dynamic());
    written.reservation = dynamic.map(|last| write_reservation(last, false));
}

fn write_reservation(reservation: &Reservation, is_whole: bool) -> ReservationInfo {
    let kind = match reservation.kind {
        ReservationKind::Static => ReservationType::Static,
        ReservationKind::Dynamic => ReservationType::Dynamic,
    };
    ReservationInfo {
        r#type: is_whole.then(|| kind.into()),
        role: is_whole.then(|| reservation.role.as_str().to_owned()),
        principal: reservation.principal.as_ref().map(|principal| principal.as_str().to_owned()),
        labels: (!reservation.labels.is_empty()).then(|| (&reservation.labels).into()),
    }
}

fn write_disk(disk: &Disk) -> DiskInfo {
    let persistence = disk.persistence.as_ref().map(|persistence| v1::resource::disk_info::Persistence {
        id: persistence.id.as_str().to_owned(),
        principal: persistence.principal.as_ref().map(|principal| principal.as_str().to_owned()),
    });
    let volume = disk.volume.as_ref().map(|volume| {
        let mut written = v1::Volume {
            container_path: volume.container_path.clone(),
            host_path: volume.host_path.clone(),
            ..Default::default()
        };
        written.set_mode(if volume.mode == VolumeMode::Ro { v1::volume::Mode::Ro } else { v1::volume::Mode::Rw });
        written
    });
    DiskInfo { persistence, volume, source: disk.source.as_ref().map(write_source) }
}

fn write_source(source: &DiskSource) -> v1::resource::disk_info::Source {
    let (kind, path, mount) = match &source.kind {
        DiskKind::Path { root } => (DiskType::Path, Some(Path { root: root.clone() }), None),
        DiskKind::Mount { root } => (DiskType::Mount, None, Some(Mount { root: root.clone() })),
        DiskKind::Block => (DiskType::Block, None, None),
        DiskKind::Raw => (DiskType::Raw, None, None),
    };
    v1::resource::disk_info::Source {
        r#type: kind.into(),
        path,
        mount,
        vendor: source.vendor.clone(),
        id: source.id.clone(),
        metadata: (!source.metadata.is_empty()).then(|| (&source.metadata).into()),
        profile: source.profile.clone(),
    }
}

fn invalid(what: String) -> Rejection {
    Rejection::new(RejectionCode::InvalidResources, what, "correct the entry")
}
