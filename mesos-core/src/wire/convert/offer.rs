//! Offers outwards; operations and filters inwards.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::resource::{ReservationForm, resources_from_wire, resources_to_wire};
use super::task::{group_from_wire, task_from_wire};
use super::value::attributes_of;
use super::{required, unset, unsupported};
use crate::error::{Rejection, RejectionCode};
use crate::maintenance::InverseOffer;
use crate::offer::{Filters, Offer};
use crate::operation::Operation;
use crate::resource::Resources;
use crate::role::Role;
use crate::wire::v1;
use v1::offer::operation::Type;

/// An offer, as a framework of that spelling of reservations reads it.
pub(super) fn offer_to_wire(offer: &Offer, form: ReservationForm) -> v1::Offer {
    let agent = &offer.agent;
    let address = v1::Address {
        hostname: Some((*agent.hostname).to_owned()),
        ip: agent.hostname.parse::<core::net::IpAddr>().ok().map(|ip| ip.to_string()),
        port: i32::from(agent.port),
    };
    v1::Offer {
        id: (&offer.id).into(),
        framework_id: (&offer.framework_id).into(),
        agent_id: (&offer.agent_id).into(),
        hostname: (*agent.hostname).to_owned(),
        url: Some(v1::Url {
            scheme: "http".to_owned(),
            address,
            path: Some("/slave(1)".to_owned()),
            ..Default::default()
        }),
        domain: agent.domain.as_ref().map(Into::into),
        resources: resources_to_wire(&offer.resources, Some(&offer.role), form),
        attributes: attributes_of(&agent.attributes),
        executor_ids: offer.executor_ids.iter().map(Into::into).collect(),
        unavailability: offer.unavailability.as_ref().map(Into::into),
        allocation_info: Some(v1::resource::AllocationInfo { role: Some(offer.role.as_str().to_owned()) }),
    }
}

impl From<&InverseOffer> for v1::InverseOffer {
    fn from(offer: &InverseOffer) -> Self {
        Self {
            id: (&offer.id).into(),
            framework_id: (&offer.framework_id).into(),
            agent_id: Some((&offer.agent_id).into()),
            unavailability: (&offer.unavailability).into(),
            ..Default::default()
        }
    }
}

impl From<Option<v1::Filters>> for Filters {
    /// Nothing said means the default.
    fn from(filters: Option<v1::Filters>) -> Self {
        filters.map_or_else(Self::default, |filters| Self::from_secs_lenient(filters.refuse_seconds()))
    }
}

/// The operations of one accept, and the roles their resources say they are allocated to.
pub(super) fn operations_from_wire(
    operations: Vec<v1::offer::Operation>,
) -> Result<(Vec<Operation>, BTreeSet<Role>), Rejection> {
    let mut roles = BTreeSet::new();
    let mut read = Vec::with_capacity(operations.len());
    for (index, operation) in operations.into_iter().enumerate() {
        let operation = operation_from_wire(operation, &mut roles);
        read.push(
            operation
                .map_err(|error| Rejection { what: format!("operation {}: {}", index + 1, error.what), ..error })?,
        );
    }
    Ok((read, roles))
}

/// A bag, with the roles its entries name added to those of the accept.
fn bag(roles: &mut BTreeSet<Role>, entries: Vec<v1::Resource>) -> Result<Resources, Rejection> {
    let (resources, named) = resources_from_wire(entries)?;
    roles.extend(named);
    Ok(resources)
}

fn operation_from_wire(operation: v1::offer::Operation, roles: &mut BTreeSet<Role>) -> Result<Operation, Rejection> {
    const CODE: RejectionCode = RejectionCode::InvalidOperation;
    unset(operation.id.as_ref(), "feedback about operations")?;
    Ok(match operation.r#type() {
        Type::Launch => {
            let mut tasks = Vec::new();
            for task in required(operation.launch, "launch", CODE)?.task_infos {
                let (task, named) = task_from_wire(task)?;
                roles.extend(named);
                tasks.push(Arc::new(task));
            }
            Operation::Launch(tasks)
        }
        Type::LaunchGroup => {
            let launch = required(operation.launch_group, "launch_group", CODE)?;
            let (tasks, named) = group_from_wire(launch.executor, launch.task_group)?;
            roles.extend(named);
            Operation::LaunchGroup(tasks)
        }
        Type::Reserve => {
            let reserve = required(operation.reserve, "reserve", CODE)?;
            unset(reserve.source.first(), "reserving from a source other than what is below")?;
            Operation::Reserve(bag(roles, reserve.resources)?)
        }
        Type::Unreserve => {
            Operation::Unreserve(bag(roles, required(operation.unreserve, "unreserve", CODE)?.resources)?)
        }
        Type::Create => Operation::Create(bag(roles, required(operation.create, "create", CODE)?.volumes)?),
        Type::Destroy => Operation::Destroy(bag(roles, required(operation.destroy, "destroy", CODE)?.volumes)?),
        Type::Unknown => return Err(unsupported("an operation of this type", "set one of the types of the API")),
        other => {
            return Err(unsupported(
                other.as_str_name(),
                "use LAUNCH, LAUNCH_GROUP, RESERVE, UNRESERVE, CREATE or DESTROY",
            ));
        }
    })
}
