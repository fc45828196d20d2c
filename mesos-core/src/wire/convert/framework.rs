//! What a framework says about itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::value::{label_map, labels_of};
use crate::error::{Rejection, RejectionCode};
use crate::framework::{FrameworkCapability, FrameworkInfo};
use crate::id::{FrameworkId, Principal};
use crate::resource::{Limits, Quantities, ResourceName, Scalar};
use crate::role::Role;
use crate::wire::v1;
use v1::framework_info::Capability;
use v1::framework_info::capability::Type;
use v1::offer_filters::{MinAllocatableResources, ResourceQuantities};

/// Capabilities as both sides call them. One that is not here is a newer client's, and ignored.
const CAPABILITIES: [(Type, FrameworkCapability); 8] = [
    (Type::RevocableResources, FrameworkCapability::RevocableResources),
    (Type::TaskKillingState, FrameworkCapability::TaskKillingState),
    (Type::GpuResources, FrameworkCapability::GpuResources),
    (Type::SharedResources, FrameworkCapability::SharedResources),
    (Type::PartitionAware, FrameworkCapability::PartitionAware),
    (Type::MultiRole, FrameworkCapability::MultiRole),
    (Type::ReservationRefinement, FrameworkCapability::ReservationRefinement),
    (Type::RegionAware, FrameworkCapability::RegionAware),
];

/// The longest failover time-out that can be meant: what its number of nanoseconds can hold.
const TIMEOUT_SECS_MAX: f64 = 9_223_372_036.0;

impl TryFrom<v1::FrameworkInfo> for FrameworkInfo {
    type Error = Rejection;

    fn try_from(info: v1::FrameworkInfo) -> Result<Self, Rejection> {
        let secs = info.failover_timeout();
        let failover_timeout = Some(secs).filter(|secs| *secs <= TIMEOUT_SECS_MAX);
        let failover_timeout = failover_timeout.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        let id = info.id.clone().filter(|id| !id.value.is_empty()).map(FrameworkId::try_from);
        let principal = info.principal.clone().map(Principal::new).transpose();
        let roles = roles_of(&info)?;
        let mut read = Self::new(info.name.as_str(), Role::any());
        read.id = id.transpose()?;
        read.user = info.user.as_str().into();
        read.roles = roles;
        read.failover_timeout = failover_timeout
            .ok_or_else(|| refuse(format!("a failover_timeout of {secs} s"), "give seconds from 0 to 9223372036"))?;
        read.checkpoint = info.checkpoint();
        read.capabilities = capabilities_of(&info);
        read.principal = principal.map_err(|error| refuse(error.to_string(), "correct the principal"))?;
        read.hostname = info.hostname().into();
        read.webui_url = info.webui_url.as_deref().map(Into::into);
        read.max_offer = maximums_of(&info.offer_filters)?;
        read.min_allocatable = minimums_of(info.offer_filters)?;
        read.labels = label_map(info.labels);
        Ok(read)
    }
}

/// A framework without `MULTI_ROLE` names its one role in the old field.
fn roles_of(info: &v1::FrameworkInfo) -> Result<BTreeSet<Role>, Rejection> {
    let is_multi = info.capabilities.iter().any(|capability| capability.r#type() == Type::MultiRole);
    let names: Vec<&str> = match (is_multi, info.role.as_deref()) {
        (true, Some(_)) => {
            return Err(refuse("role is set beside MULTI_ROLE".to_owned(), "name the roles in roles"));
        }
        (false, _) if !info.roles.is_empty() => {
            return Err(refuse("roles is set without MULTI_ROLE".to_owned(), "add the capability, or set role"));
        }
        (true, None) => info.roles.iter().map(String::as_str).collect(),
        (false, role) => vec![role.unwrap_or("*")],
    };
    let read = |name: &str| {
        Role::new(name)
            .map_err(|error| Rejection::new(RejectionCode::InvalidRole, error.to_string(), "rename the role"))
    };
    names.into_iter().map(read).collect()
}

fn capabilities_of(info: &v1::FrameworkInfo) -> BTreeSet<FrameworkCapability> {
    let given: BTreeSet<i32> = info.capabilities.iter().filter_map(|capability| capability.r#type).collect();
    CAPABILITIES.into_iter().filter(|(wire, _)| given.contains(&i32::from(*wire))).map(|(_, own)| own).collect()
}

/// A role whose filters name no minimum keeps the cluster's; an empty list means anything that is not empty.
fn minimums_of(filters: BTreeMap<String, v1::OfferFilters>) -> Result<BTreeMap<Role, Vec<Quantities>>, Rejection> {
    let mut minimums = BTreeMap::new();
    for (role, filter) in filters {
        let Some(given) = filter.min_allocatable_resources else { continue };
        let role = Role::new(role.as_str())
            .map_err(|error| Rejection::new(RejectionCode::InvalidRole, error.to_string(), "rename the role"))?;
        let amounts = given.quantities.into_iter().map(|one| quantities_of(one.quantities));
        minimums.insert(role, amounts.collect::<Result<_, _>>()?);
    }
    Ok(minimums)
}

/// At most how much an offer to a role holds; a field of ours.
fn maximums_of(filters: &BTreeMap<String, v1::OfferFilters>) -> Result<BTreeMap<Role, Limits>, Rejection> {
    let mut maximums = BTreeMap::new();
    for (role, filter) in filters {
        let Some(given) = &filter.max_offer else { continue };
        let role = Role::new(role.as_str())
            .map_err(|error| Rejection::new(RejectionCode::InvalidRole, error.to_string(), "rename the role"))?;
        let mut limits = Limits::new();
        for (name, amount) in &given.quantities {
            let name = ResourceName::new(name).map_err(|error| refuse(error.to_string(), "rename the resource"))?;
            limits.set(name, Scalar::try_from(*amount)?);
        }
        maximums.insert(role, limits);
    }
    Ok(maximums)
}

fn quantities_of(pairs: BTreeMap<String, v1::value::Scalar>) -> Result<Quantities, Rejection> {
    let pair = |(name, amount): (String, v1::value::Scalar)| {
        let name = ResourceName::new(&name).map_err(|error| refuse(error.to_string(), "rename the resource"))?;
        let amount = Scalar::try_from(amount)?;
        if amount < Scalar::ZERO {
            return Err(refuse(format!("a minimum of {amount} {name}"), "give an amount of 0 or more"));
        }
        Ok((name, amount))
    };
    pairs.into_iter().map(pair).collect()
}

impl From<&FrameworkInfo> for v1::FrameworkInfo {
    fn from(info: &FrameworkInfo) -> Self {
        let is_multi = info.can(FrameworkCapability::MultiRole);
        let roles = info.roles.iter().map(|role| role.as_str().to_owned());
        let capabilities = CAPABILITIES.into_iter().filter(|(_, own)| info.can(*own));
        let mut filters = BTreeMap::<String, v1::OfferFilters>::new();
        for (role, amounts) in &info.min_allocatable {
            let quantities = amounts.iter().map(|amounts| amounts_of(amounts.iter())).collect();
            filters.entry(role.as_str().to_owned()).or_default().min_allocatable_resources =
                Some(MinAllocatableResources { quantities });
        }
        for (role, limits) in &info.max_offer {
            filters.entry(role.as_str().to_owned()).or_default().max_offer = Some(amounts_of(limits.iter()));
        }
        Self {
            user: (*info.user).to_owned(),
            name: (*info.name).to_owned(),
            id: info.id.as_ref().map(Into::into),
            failover_timeout: Some(info.failover_timeout.as_secs_f64()),
            checkpoint: Some(info.checkpoint),
            role: if is_multi { None } else { roles.clone().next() },
            roles: if is_multi { roles.collect() } else { Vec::new() },
            hostname: Some((*info.hostname).to_owned()).filter(|name| !name.is_empty()),
            principal: info.principal.as_ref().map(|principal| principal.as_str().to_owned()),
            webui_url: info.webui_url.as_deref().map(str::to_owned),
            capabilities: capabilities.map(|(wire, _)| Capability { r#type: Some(wire.into()) }).collect(),
            labels: labels_of(&info.labels),
            offer_filters: filters,
        }
    }
}

fn amounts_of<'a>(amounts: impl Iterator<Item = (&'a ResourceName, Scalar)>) -> ResourceQuantities {
    ResourceQuantities { quantities: amounts.map(|(name, amount)| (name.as_str().to_owned(), amount.into())).collect() }
}

fn refuse(what: String, remedy: &str) -> Rejection {
    Rejection::new(RejectionCode::InvalidFramework, what, remedy)
}
