//! The JSON form of entries, in the post-refinement shape of Mesos, where `reservations` is the whole stack.
//!
//! Reading also takes the older shape with one `role` and one `reservation`, as agents' flags still have it; writing never
//! produces it. Whatever is read has been validated.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Disk, DiskKind, DiskSource, InvalidResources, Labels, Ranges, Reservation, Reservations, Resource, ResourceName,
    Resources, Scalar, Set, Value, ValueKind,
};
use crate::id::{Principal, ProviderId};
use crate::role::Role;

#[derive(Serialize, Deserialize)]
struct ScalarShape {
    value: Scalar,
}

#[derive(Serialize, Deserialize)]
struct Marker {}

#[derive(Serialize, Deserialize)]
struct ProviderShape {
    value: ProviderId,
}

/// The single dynamic reservation of the older shape.
#[derive(Deserialize)]
struct OldReservation {
    principal: Option<Principal>,
    #[serde(default)]
    labels: Labels,
}

#[derive(Serialize, Deserialize)]
struct EntryShape {
    name: ResourceName,
    #[serde(rename = "type")]
    kind: ValueKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scalar: Option<ScalarShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ranges: Option<Ranges>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set: Option<Set>,
    #[serde(default, skip_serializing)]
    role: Option<Role>,
    #[serde(default, skip_serializing)]
    reservation: Option<OldReservation>,
    #[serde(default, skip_serializing_if = "Reservations::is_empty")]
    reservations: Reservations,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disk: Option<Disk>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revocable: Option<Marker>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shared: Option<Marker>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_id: Option<ProviderShape>,
}

impl From<&Resource> for EntryShape {
    fn from(entry: &Resource) -> Self {
        let value = entry.value();
        Self {
            name: entry.name().clone(),
            kind: value.kind(),
            scalar: if let Value::Scalar(value) = value { Some(ScalarShape { value: *value }) } else { None },
            ranges: if let Value::Ranges(ranges) = value { Some(ranges.clone()) } else { None },
            set: if let Value::Set(set) = value { Some(set.clone()) } else { None },
            role: None,
            reservation: None,
            reservations: entry.reservations().clone(),
            disk: entry.disk_info().cloned(),
            revocable: entry.is_revocable().then_some(Marker {}),
            shared: entry.is_shared().then_some(Marker {}),
            provider_id: entry.provider().map(|value| ProviderShape { value: value.clone() }),
        }
    }
}

impl EntryShape {
    fn value(&mut self) -> Result<Value, String> {
        let found = [self.scalar.is_some(), self.ranges.is_some(), self.set.is_some()];
        let value = match (found, self.kind) {
            ([true, false, false], ValueKind::Scalar) => self.scalar.take().map(|scalar| Value::Scalar(scalar.value)),
            ([false, true, false], ValueKind::Ranges) => self.ranges.take().map(Value::Ranges),
            ([false, false, true], ValueKind::Set) => self.set.take().map(Value::Set),
            _ => None,
        };
        value.ok_or_else(|| {
            let kind = self.kind;
            let field = kind.to_string().to_lowercase();
            format!("{} says its type is {kind}, so it needs the field {field:?} and no other value", self.name)
        })
    }

    fn stack(&mut self, default_role: Option<&Role>) -> Result<Reservations, String> {
        if !self.reservations.is_empty() {
            return Ok(std::mem::take(&mut self.reservations));
        }
        match (self.role.take(), self.reservation.take()) {
            (None, None) => Ok(super::text::static_stack(default_role)),
            (Some(role), None) => Ok(super::text::static_stack(Some(&role))),
            (Some(role), Some(old)) => {
                let reservation = Reservation::dynamic(role, old.principal).with_labels(old.labels);
                Reservations::new([reservation]).map_err(|error| error.to_string())
            }
            (None, Some(_)) => Err(format!("{} has a reservation but no role", self.name)),
        }
    }

    fn entry(mut self, default_role: Option<&Role>) -> Result<Resource, String> {
        let value = self.value()?;
        let mut entry = Resource::new(self.name.clone(), value).with_reservations(self.stack(default_role)?);
        if let Some(disk) = self.disk.filter(|disk| !disk.is_blank()) {
            entry = entry.with_disk(Arc::new(disk));
        }
        if let Some(provider) = self.provider_id {
            entry = entry.with_provider(provider.value);
        }
        if self.revocable.is_some() {
            entry = entry.revocable();
        }
        if self.shared.is_some() {
            entry = entry.shared();
        }
        entry.validate().map_err(|error| error.to_string())?;
        Ok(entry)
    }
}

/// Reads a JSON list of entries; those that name no role get the default one.
pub(super) fn read_list(text: &str, default_role: Option<&Role>) -> Result<Vec<Resource>, InvalidResources> {
    let shapes: Vec<EntryShape> =
        serde_json::from_str(text).map_err(|error| InvalidResources::Json(error.to_string()))?;
    let entries = shapes.into_iter().enumerate().map(|(index, shape)| {
        let text = shape.name.to_string();
        shape.entry(default_role).map_err(|problem| InvalidResources::Unreadable { position: index + 1, text, problem })
    });
    entries.collect()
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        EntryShape::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        EntryShape::deserialize(deserializer)?.entry(None).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Resources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Resources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_entries(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum SourceKind {
    Path,
    Mount,
    Block,
    Raw,
}

#[derive(Serialize, Deserialize)]
struct RootShape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct SourceShape {
    #[serde(rename = "type")]
    kind: SourceKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<RootShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mount: Option<RootShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    metadata: Labels,
}

impl Serialize for DiskSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let root = |root: &Option<String>| root.clone().map(|root| RootShape { root: Some(root) });
        let (kind, path, mount) = match &self.kind {
            DiskKind::Path { root: path } => (SourceKind::Path, root(path), None),
            DiskKind::Mount { root: mount } => (SourceKind::Mount, None, root(mount)),
            DiskKind::Block => (SourceKind::Block, None, None),
            DiskKind::Raw => (SourceKind::Raw, None, None),
        };
        let (vendor, id, profile) = (self.vendor.clone(), self.id.clone(), self.profile.clone());
        SourceShape { kind, path, mount, vendor, id, profile, metadata: self.metadata.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DiskSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shape = SourceShape::deserialize(deserializer)?;
        let kind = match (shape.kind, shape.path, shape.mount) {
            (SourceKind::Path, path, None) => DiskKind::Path { root: path.and_then(|path| path.root) },
            (SourceKind::Mount, None, mount) => DiskKind::Mount { root: mount.and_then(|mount| mount.root) },
            (SourceKind::Block, None, None) => DiskKind::Block,
            (SourceKind::Raw, None, None) => DiskKind::Raw,
            _ => {
                let problem =
                    "a disk source has the field of its own type only; BLOCK and RAW have neither path nor mount";
                return Err(serde::de::Error::custom(problem));
            }
        };
        Ok(Self { kind, vendor: shape.vendor, id: shape.id, profile: shape.profile, metadata: shape.metadata })
    }
}
