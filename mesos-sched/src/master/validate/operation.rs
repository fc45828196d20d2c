//! Whether resources may change their form as a peer asks.
//!
//! What the resources themselves must be like is decided by the [`Conversion`]s; here are the rules that tie them to who
//! asks and to what is on the agent. A function gives back the conversion it checked.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Component, Path};

use mesos_core::resource::{Conversion, ConversionError, Resource};
use mesos_core::{FrameworkCapability, FrameworkInfo, Principal, Rejection, RejectionCode, Resources, Role, Scalar};

use super::bound::{check_resources_bytes, excerpt};
use super::usage::{check_gpus, repeated_volume};

const CODE: RejectionCode = RejectionCode::InvalidOperation;

fn refuse(operation: &str, entry: &impl Display, problem: &str, remedy: &str) -> Rejection {
    Rejection::new(CODE, format!("{operation}: {} {problem}", excerpt(entry)), remedy)
}

fn refuse_conversion(operation: &str, error: &ConversionError) -> Rejection {
    let what = format!("{operation}: {}", excerpt(error));
    Rejection::new(CODE, what, "name resources in the form this operation starts from")
}

/// Refuses if there are entries of which `is_wrong`.
fn forbid(
    operation: &str,
    resources: &Resources,
    is_wrong: impl FnMut(&Resource) -> bool,
    problem: &str,
    remedy: &str,
) -> Result<(), Rejection> {
    let wrong = resources.filter(is_wrong);
    if wrong.is_empty() { Ok(()) } else { Err(refuse(operation, &wrong, problem, remedy)) }
}

/// What holds for the resources of every operation.
fn check_common(operation: &str, resources: &Resources) -> Result<(), Rejection> {
    check_resources_bytes(CODE, &operation, resources)?;
    check_gpus(CODE, &operation, resources)?;
    let entries = resources.iter().map(|entry| entry.provider().cloned());
    if entries.collect::<BTreeSet<_>>().len() > 1 {
        let remedy = "send one operation per resource provider";
        return Err(refuse(operation, resources, "are of different resource providers", remedy));
    }
    Ok(())
}

/// Checks a RESERVE: of a framework, when the role of its offers is given, or else of an operator.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidOperation`] names the entries at fault.
pub fn validate_reserve(
    entries: &Resources,
    offer_role: Option<&Role>,
    principal: Option<&Principal>,
) -> Result<Conversion, Rejection> {
    const NAME: &str = "RESERVE";
    check_common(NAME, entries)?;
    let conversion = Conversion::reserve(entries).map_err(|error| refuse_conversion(NAME, &error))?;
    forbid(NAME, entries, Resource::is_persistent_volume, "is a volume", "reserve disk before making a volume of it")?;
    if let Some(role) = offer_role {
        let is_foreign = |entry: &Resource| entry.reservations().role() != Some(role);
        let problem = format!("is not reserved for {}, the role of the offers", excerpt(role));
        forbid(NAME, entries, is_foreign, &problem, "reserve for the role the resources were offered to")?;
    }
    if let Some(principal) = principal {
        let is_foreign =
            |entry: &Resource| entry.reservations().last().and_then(|top| top.principal.as_ref()) != Some(principal);
        let problem = format!("does not name {} as the principal of its reservation", excerpt(principal));
        forbid(NAME, entries, is_foreign, &problem, "reserve in your own name")?;
    }
    Ok(conversion)
}

/// Checks a RESERVE of an operator that moves resources from other reservations.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidOperation`] says what does not fit.
pub fn validate_reserve_from(source: &Resources, entries: &Resources) -> Result<Conversion, Rejection> {
    const NAME: &str = "RESERVE";
    check_common(NAME, source)?;
    check_common(NAME, entries)?;
    let conversion = Conversion::reserve_from(source, entries).map_err(|error| refuse_conversion(NAME, &error))?;
    let is_undone = |entry: &Resource| !entry.is_dynamically_reserved();
    forbid(NAME, entries, is_undone, "is not dynamically reserved", "undo reservations with UNRESERVE")?;
    forbid(NAME, source, Resource::is_persistent_volume, "is a volume", "reserve disk before making a volume of it")?;
    Ok(conversion)
}

/// Checks an UNRESERVE.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidOperation`] names the entries at fault.
pub fn validate_unreserve(entries: &Resources) -> Result<Conversion, Rejection> {
    const NAME: &str = "UNRESERVE";
    check_common(NAME, entries)?;
    Conversion::unreserve(entries).map_err(|error| refuse_conversion(NAME, &error))
}

/// Checks a CREATE of the framework described by `info`, on an agent that has `total`.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidOperation`] names the entries at fault.
pub fn validate_create(
    volumes: &Resources,
    total: &Resources,
    info: Option<&FrameworkInfo>,
) -> Result<Conversion, Rejection> {
    const NAME: &str = "CREATE";
    check_common(NAME, volumes)?;
    let conversion = Conversion::create(volumes).map_err(|error| refuse_conversion(NAME, &error))?;
    forbid(
        NAME,
        volumes,
        |entry| !has_inner_path(entry),
        "is mounted at no path of a container",
        "give a path without '..'",
    )?;
    if info.is_some_and(|info| !info.can(FrameworkCapability::SharedResources)) {
        let remedy = "add the capability SHARED_RESOURCES to use shared volumes";
        forbid(NAME, volumes, Resource::is_shared, "is shared, which the framework cannot deal with", remedy)?;
    }
    if let Some(principal) = info.and_then(|info| info.principal.as_ref()) {
        let creator = |entry: &Resource| entry.disk_info()?.persistence.as_ref()?.principal.clone();
        let problem = format!("does not name {} as the principal of its persistence", excerpt(principal));
        forbid(NAME, volumes, |entry| creator(entry).as_ref() != Some(principal), &problem, "create in your own name")?;
    }
    let existing = total.persistent_volumes();
    let mut all: Vec<Resource> = existing.filter(|entry| !entry.is_shared()).iter().collect();
    // Copies of a shared volume are one volume; those to be made must not be there at all.
    all.extend(distinct(existing.shared()));
    all.extend(volumes.iter());
    match repeated_volume(&all) {
        None => Ok(conversion),
        Some(entry) => {
            let remedy = "give each volume of a role on an agent a persistence id of its own";
            Err(refuse(NAME, entry, "has the persistence id of another volume", remedy))
        }
    }
}

/// Checks a GROW_VOLUME.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidOperation`] says what does not fit.
pub fn validate_grow(volume: &Resources, addition: &Resources) -> Result<Conversion, Rejection> {
    const NAME: &str = "GROW_VOLUME";
    check_common(NAME, volume)?;
    check_common(NAME, addition)?;
    let (volume, addition) = (single(NAME, volume)?, single(NAME, addition)?);
    Conversion::grow(&volume, &addition).map_err(|error| refuse_conversion(NAME, &error))
}

/// Checks a SHRINK_VOLUME.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidOperation`] says what does not fit.
pub fn validate_shrink(volume: &Resources, subtract: Scalar) -> Result<Conversion, Rejection> {
    const NAME: &str = "SHRINK_VOLUME";
    check_common(NAME, volume)?;
    Conversion::shrink(&single(NAME, volume)?, subtract).map_err(|error| refuse_conversion(NAME, &error))
}

fn single(name: &str, entries: &Resources) -> Result<Resource, Rejection> {
    let mut all = entries.iter();
    match (all.next(), all.next()) {
        (Some(entry), None) => Ok(entry),
        _ => Err(Rejection::new(
            CODE,
            format!("{name}: {} are not one entry", excerpt(entries)),
            "name one volume at a time",
        )),
    }
}

fn distinct(shared: Resources) -> Vec<Resource> {
    let mut entries: Vec<Resource> = shared.iter().collect();
    entries.dedup();
    entries
}

fn has_inner_path(entry: &Resource) -> bool {
    let volume = entry.disk_info().and_then(|disk| disk.volume.as_ref());
    volume.is_some_and(|volume| {
        let path = &volume.container_path;
        let goes_up = Path::new(path).components().any(|part| part == Component::ParentDir);
        !path.is_empty() && !path.contains('\0') && !goes_up
    })
}

/// Checks a DESTROY on an agent that has `total`, of which tasks and executors use `used`.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidOperation`] names the entries at fault.
pub fn validate_destroy<'a>(
    volumes: &Resources,
    total: &Resources,
    used: impl IntoIterator<Item = &'a Resources>,
) -> Result<Conversion, Rejection> {
    const NAME: &str = "DESTROY";
    check_common(NAME, volumes)?;
    let conversion = Conversion::destroy(volumes).map_err(|error| refuse_conversion(NAME, &error))?;
    forbid(
        NAME,
        volumes,
        |entry| total.copies(entry) == 0,
        "is not on the agent",
        "name a volume that was created there",
    )?;
    for used in used {
        forbid(NAME, volumes, |entry| used.copies(entry) > 0, "is in use", "end the tasks that use it first")?;
    }
    Ok(conversion)
}

#[cfg(test)]
mod tests;
