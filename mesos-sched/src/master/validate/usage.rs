//! Rules for what a task or an executor says it uses.

use std::collections::BTreeSet;
use std::fmt::Display;

use mesos_core::resource::{InvalidResource, Resource};
use mesos_core::{Rejection, RejectionCode, Resources};

use super::bound::{check_entries_bytes, excerpt};

/// Checks resources that something is to run with; free of allocation for plain ones.
pub(super) fn check_usage(who: &impl Display, resources: &Resources) -> Result<(), Rejection> {
    check_gpus(RejectionCode::InvalidTask, who, resources)?;
    if resources.is_plain() {
        return Ok(());
    }
    let entries: Vec<Resource> = resources.iter().collect();
    check_entries_bytes(RejectionCode::InvalidTask, who, &entries)?;
    check_revocable(who, &entries)?;
    check_persistence_ids(who, &entries)
}

/// Graphics processors are given out as whole ones.
pub(super) fn check_gpus(code: RejectionCode, who: &impl Display, resources: &Resources) -> Result<(), Rejection> {
    if resources.gpus().is_zero() {
        return Ok(());
    }
    let refuse = |error: InvalidResource| {
        let what = format!("{}: {}", excerpt(who), excerpt(&error));
        Rejection::new(code, what, "ask for a whole number of gpus")
    };
    resources.validate_gpus().map_err(refuse)
}

/// What may be lost at any moment is of no use beside the same that may not.
fn check_revocable(who: &impl Display, entries: &[Resource]) -> Result<(), Rejection> {
    let revocable: BTreeSet<_> = entries.iter().filter(|entry| entry.is_revocable()).map(Resource::name).collect();
    match entries.iter().find(|entry| !entry.is_revocable() && revocable.contains(entry.name())) {
        None => Ok(()),
        Some(entry) => {
            let what = format!("{}: {} is used both revocable and not", excerpt(who), entry.name());
            Err(Rejection::new(RejectionCode::InvalidTask, what, "use either all of it revocable or none"))
        }
    }
}

/// One volume is used once.
fn check_persistence_ids(who: &impl Display, entries: &[Resource]) -> Result<(), Rejection> {
    match repeated_volume(entries) {
        None => Ok(()),
        Some(entry) => {
            let what = format!("{}: the volume {} is named twice", excerpt(who), excerpt(entry));
            Err(Rejection::new(RejectionCode::InvalidTask, what, "name each persistence id once per role"))
        }
    }
}

/// An entry whose persistence id an entry before it has for the same role.
pub(super) fn repeated_volume(entries: &[Resource]) -> Option<&Resource> {
    let mut seen = BTreeSet::new();
    entries.iter().find(|entry| {
        let id = entry.disk_info().and_then(|disk| disk.persistence_id());
        id.is_some_and(|id| !seen.insert((entry.reservations().role(), id)))
    })
}
