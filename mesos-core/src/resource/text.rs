//! The text form: `cpus:4;mem:1024;ports:[31000-32000];cpus(web):2;zones:{a,b}`.
//!
//! `;` separates entries and `(role)` reserves one statically. This is what agents are started with, so it can say less than
//! JSON: no volumes, no revocable or dynamically reserved entries. What goes beyond is still *displayed*, in an extended
//! form for people that the parser refuses. Units are those of Mesos: megabytes for `mem` and `disk`.

use std::fmt;
use std::str::FromStr;

use super::{
    Disk, DiskKind, InvalidResources, Ranges, Reservation, ReservationKind, Reservations, Resource, ResourceName,
    ResourceProblem, Resources, Scalar, Set, Value,
};
use crate::role::Role;

impl FromStr for Resources {
    type Err = InvalidResources;

    /// Reads the text form, or a JSON list of entries if the text starts with `[`.
    fn from_str(text: &str) -> Result<Self, InvalidResources> {
        Self::declared(text, None)
    }
}

impl Resources {
    /// Reads what an agent declares; entries without a role are reserved to `default_role` if one is given.
    ///
    /// # Errors
    /// [`InvalidResources`] says which entry is wrong and what would be right.
    ///
    /// ```
    /// use mesos_core::Role;
    /// use mesos_core::resource::Resources;
    ///
    /// let web = Role::new("web")?;
    /// assert_eq!(Resources::declared("cpus:4;mem(*):512", Some(&web))?.to_string(), "mem:512;cpus(web):4");
    /// let refused = Resources::declared("cpus:4;ports:31000-32000", None).unwrap_err();
    /// assert!(refused.to_string().starts_with("entry 2"), "{refused}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn declared(text: &str, default_role: Option<&Role>) -> Result<Self, InvalidResources> {
        let text = text.trim();
        let entries = if text.starts_with('[') {
            super::json::read_list(text, default_role)?
        } else {
            read_entries(text, default_role)?
        };
        refuse_mixed_kinds(&entries)?;
        for (index, entry) in entries.iter().enumerate() {
            declarable(entry).map_err(|what| InvalidResources::Entry {
                position: index + 1,
                source: entry.refuse(ResourceProblem::NotDeclarable(what)),
            })?;
        }
        Self::from_entries(entries)
    }
}

fn declarable(entry: &Resource) -> Result<(), &'static str> {
    if entry.is_persistent_volume() {
        Err("it is a persistent volume")
    } else if entry.is_revocable() {
        Err("it is revocable")
    } else if entry.is_dynamically_reserved() {
        Err("it is dynamically reserved")
    } else {
        Ok(())
    }
}

fn refuse_mixed_kinds(entries: &[Resource]) -> Result<(), InvalidResources> {
    if entries.windows(2).all(|pair| pair[0].value().kind() == pair[1].value().kind()) {
        return Ok(());
    }
    let mut kinds = std::collections::BTreeMap::new();
    for entry in entries {
        let second = entry.value().kind();
        let first = *kinds.entry(entry.name()).or_insert(second);
        if first != second {
            return Err(InvalidResources::MixedKinds { name: entry.name().clone(), first, second });
        }
    }
    Ok(())
}

fn read_entries(text: &str, default_role: Option<&Role>) -> Result<Vec<Resource>, InvalidResources> {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts
        .enumerate()
        .map(|(index, part)| {
            read_entry(part, default_role).map_err(|problem| InvalidResources::Unreadable {
                position: index + 1,
                text: part.chars().take(64).collect(),
                problem,
            })
        })
        .collect()
}

fn read_entry(text: &str, default_role: Option<&Role>) -> Result<Resource, String> {
    let (name, role, value) = split_entry(text)?;
    let role = role.map(|role| Role::new(role.trim()).map_err(|error| error.to_string())).transpose()?;
    let name = ResourceName::new(name.trim()).map_err(|error| error.to_string())?;
    let entry = Resource::new(name, read_value(value.trim())?);
    Ok(entry.with_reservations(static_stack(role.as_ref().or(default_role))))
}

/// Splits `name(role):value`. A role may hold ':', so it ends where "):" follows.
fn split_entry(text: &str) -> Result<(&str, Option<&str>, &str), &'static str> {
    let end = text.find(['(', ':']).ok_or("there is no ':'; write \"cpus:4\" or \"cpus(role):4\"")?;
    let (name, rest) = text.split_at(end);
    if let Some(value) = rest.strip_prefix(':') {
        return Ok((name, None, value));
    }
    let (role, value) = rest[1..].split_once("):").ok_or("the role is not closed; write \"cpus(role):4\"")?;
    Ok((name, Some(role), value))
}

/// The stack a plain role stands for: none for `*`, one static reservation otherwise.
pub(super) fn static_stack(role: Option<&Role>) -> Reservations {
    role.and_then(|role| Reservations::new([Reservation::fixed(role.clone())]).ok()).unwrap_or_default()
}

fn read_value(text: &str) -> Result<Value, String> {
    match text.chars().next() {
        Some('[') => text.parse::<Ranges>().map(Value::Ranges).map_err(|error| error.to_string()),
        Some('{') => text.parse::<Set>().map(Value::Set).map_err(|error| error.to_string()),
        _ => text
            .parse::<Scalar>()
            .map(Value::Scalar)
            .map_err(|error| format!("{error}; a value is an amount \"4\", ranges \"[1-2,5-9]\" or a set \"{{a,b}}\"")),
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(amount) => amount.fmt(f),
            Self::Ranges(ranges) => ranges.fmt(f),
            Self::Set(set) => set.fmt(f),
        }
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, entry) in self.iter().enumerate() {
            write!(f, "{}{entry}", if position == 0 { "" } else { ";" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Resource {
    /// `cpus(web):2` where the text form can say it; otherwise an extended form such as
    /// `disk(DYNAMIC web by ops)[PATH /data, volume v1 at /var/db]{shared}:64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name())?;
        write_reservations(f, self.reservations())?;
        if let Some(disk) = self.disk_info() {
            write_disk(f, disk)?;
        }
        if let Some(provider) = self.provider() {
            write!(f, "{{provider {provider}}}")?;
        }
        if self.is_revocable() {
            f.write_str("{revocable}")?;
        }
        if self.is_shared() {
            f.write_str("{shared}")?;
        }
        write!(f, ":{}", self.value())
    }
}

fn write_reservations(f: &mut fmt::Formatter<'_>, reservations: &Reservations) -> fmt::Result {
    match reservations.as_slice() {
        [] => Ok(()),
        [Reservation { kind: ReservationKind::Static, role, principal: None, labels }] if labels.is_empty() => {
            write!(f, "({role})")
        }
        stack => {
            for (position, reservation) in stack.iter().enumerate() {
                f.write_str(if position == 0 { "(" } else { ", " })?;
                write_reservation(f, reservation)?;
            }
            f.write_str(")")
        }
    }
}

fn write_reservation(f: &mut fmt::Formatter<'_>, reservation: &Reservation) -> fmt::Result {
    let kind = if reservation.is_dynamic() { "DYNAMIC" } else { "STATIC" };
    write!(f, "{kind} {}", reservation.role)?;
    if let Some(principal) = &reservation.principal {
        write!(f, " by {principal}")?;
    }
    for label in reservation.labels.as_slice() {
        write!(f, " {}={}", label.key, label.value.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

fn write_disk(f: &mut fmt::Formatter<'_>, disk: &Disk) -> fmt::Result {
    f.write_str("[")?;
    if let Some(source) = &disk.source {
        let (kind, root) = match &source.kind {
            DiskKind::Path { root } => ("PATH", root.as_deref()),
            DiskKind::Mount { root } => ("MOUNT", root.as_deref()),
            DiskKind::Block => ("BLOCK", None),
            DiskKind::Raw => ("RAW", None),
        };
        f.write_str(kind)?;
        for part in [root, source.id.as_deref(), source.profile.as_deref()].into_iter().flatten() {
            write!(f, " {part}")?;
        }
    }
    if let Some(id) = disk.persistence_id() {
        write!(f, "{}volume {id}", if disk.source.is_some() { ", " } else { "" })?;
    }
    if let Some(volume) = &disk.volume {
        write!(f, " at {}", volume.container_path)?;
    }
    f.write_str("]")
}
