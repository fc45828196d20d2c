//! Offers outwards; operations and filters inwards.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::resource::{ReservationForm, resources_from_wire, resources_to_wire};
use super::task::{group_from_wire, task_from_wire};
use super::value::attributes_of;
use super::{required, unsupported};
use crate::error::{Rejection, RejectionCode};
use crate::maintenance::InverseOffer;
use crate::offer::{Filters, Offer};
use crate::operation::Operation;
use crate::resource::Resources;
use crate::role::Role;
use crate::wire::v1;
use v1::offer::operation::Type;

/// An offer, as a framework of that spelling of reservations reads it.
#[must_use]
pub fn offer_to_wire(offer: &Offer, form: ReservationForm) -> v1::Offer {
    let agent = &offer.agent;
    let address = v1::Address {
        hostname: Some((*agent.hostname).to_owned()),
        ip: agent.address().map(|ip| ip.to_string()),
        port: i32::from(agent.port),
    };
    v1::Offer {
        id: (&offer.id).into(),
        framework_id: (&offer.framework_id).into(),
        agent_id: (&offer.agent_id).into(),
        hostname: (*agent.hostname).to_owned(),
        url: Some(v1::Url {
            scheme: if agent.has_tls { "https" } else { "http" }.to_owned(),
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

/// A task of an accept that cannot be launched as it is described.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedTask {
    /// Its id, as it was given.
    pub task_id: String,
    /// The agent it named.
    pub agent_id: String,
    /// Why.
    pub why: Rejection,
}

/// An operation of an accept that cannot be done as it is described.
#[derive(Debug, Clone, PartialEq)]
pub struct DroppedOperation {
    /// The id its framework gave it, to be told of it.
    pub id: Option<String>,
    /// Why.
    pub why: Rejection,
}

/// What an accept asks for.
#[derive(Debug, Default)]
pub(super) struct ReadOperations {
    /// What can be read.
    pub operations: Vec<Operation>,
    /// The tasks that cannot; they do not keep the others from being launched.
    pub refused: Vec<RefusedTask>,
    /// The operations without tasks that cannot.
    pub dropped: Vec<DroppedOperation>,
    /// The roles the resources say they are allocated to.
    pub roles: BTreeSet<Role>,
}

/// The operations of one accept. What cannot be read is told apart, so that a client does not lose the rest.
pub(super) fn operations_from_wire(operations: Vec<v1::offer::Operation>) -> ReadOperations {
    let mut read = ReadOperations::default();
    for (index, operation) in operations.into_iter().enumerate() {
        let tasks = tasks_of(&operation);
        let id = operation.id.as_ref().map(|id| id.value.clone());
        let named = |error: Rejection| Rejection { what: format!("operation {}: {}", index + 1, error.what), ..error };
        let before = read.refused.len();
        match operation_from_wire(operation, &mut read) {
            Ok(operation) => read.operations.push(operation),
            Err(why) if tasks.is_empty() => read.dropped.push(DroppedOperation { id, why: named(why) }),
            Err(why) => {
                let refused = |(task_id, agent_id)| RefusedTask { task_id, agent_id, why: why.clone() };
                read.refused.extend(tasks.into_iter().map(refused));
            }
        }
        for task in read.refused.iter_mut().skip(before) {
            task.why = named(task.why.clone());
        }
    }
    read
}

/// One operation that starts no tasks.
pub(super) fn operation_alone(operation: v1::offer::Operation) -> Result<Operation, Rejection> {
    let mut read = ReadOperations::default();
    let operation = operation_from_wire(operation, &mut read)?;
    match operation.tasks().is_empty() && read.refused.is_empty() {
        true => Ok(operation),
        false => Err(unsupported("an operation with tasks here", "say what becomes of tasks by their updates")),
    }
}

/// The tasks an operation would start, and their agents, as they are given.
fn tasks_of(operation: &v1::offer::Operation) -> Vec<(String, String)> {
    let launched = operation.launch.iter().flat_map(|launch| &launch.task_infos);
    let grouped = operation.launch_group.iter().flat_map(|launch| &launch.task_group.tasks);
    launched.chain(grouped).map(|task| (task.task_id.value.clone(), task.agent_id.value.clone())).collect()
}

/// A bag, with the roles its entries name added to those of the accept.
fn bag(roles: &mut BTreeSet<Role>, entries: Vec<v1::Resource>) -> Result<Resources, Rejection> {
    let (resources, named) = resources_from_wire(entries)?;
    roles.extend(named);
    Ok(resources)
}

fn operation_from_wire(operation: v1::offer::Operation, read: &mut ReadOperations) -> Result<Operation, Rejection> {
    const CODE: RejectionCode = RejectionCode::InvalidOperation;
    let id = operation.id.clone().map(crate::id::OperationId::try_from).transpose()?;
    let done = match operation.r#type() {
        Type::Launch => {
            let mut tasks = Vec::new();
            for task in required(operation.launch, "launch", CODE)?.task_infos {
                let (task_id, agent_id) = (task.task_id.value.clone(), task.agent_id.value.clone());
                match task_from_wire(task) {
                    Ok((task, named)) => {
                        read.roles.extend(named);
                        tasks.push(Arc::new(task));
                    }
                    Err(why) => read.refused.push(RefusedTask { task_id, agent_id, why }),
                }
            }
            Operation::Launch(tasks)
        }
        Type::LaunchGroup => {
            let launch = required(operation.launch_group, "launch_group", CODE)?;
            let (tasks, named) = group_from_wire(launch.executor, launch.task_group)?;
            read.roles.extend(named);
            Operation::LaunchGroup(tasks)
        }
        Type::Reserve => {
            let reserve = required(operation.reserve, "reserve", CODE)?;
            if !reserve.source.is_empty() {
                // As in Mesos.
                let remedy = "leave source out and reserve what the offers hold, or let an operator move it";
                return Err(unsupported("a source in RESERVE of a framework", remedy));
            }
            Operation::Reserve(bag(&mut read.roles, reserve.resources)?)
        }
        Type::Unreserve => {
            Operation::Unreserve(bag(&mut read.roles, required(operation.unreserve, "unreserve", CODE)?.resources)?)
        }
        Type::Create => Operation::Create(bag(&mut read.roles, required(operation.create, "create", CODE)?.volumes)?),
        Type::Destroy => {
            Operation::Destroy(bag(&mut read.roles, required(operation.destroy, "destroy", CODE)?.volumes)?)
        }
        Type::GrowVolume => {
            let grow = required(operation.grow_volume, "grow_volume", CODE)?;
            let volume = bag(&mut read.roles, vec![grow.volume])?;
            Operation::GrowVolume { volume, addition: bag(&mut read.roles, vec![grow.addition])? }
        }
        Type::ShrinkVolume => {
            let shrink = required(operation.shrink_volume, "shrink_volume", CODE)?;
            let volume = bag(&mut read.roles, vec![shrink.volume])?;
            Operation::ShrinkVolume { volume, subtract: shrink.subtract.try_into()? }
        }
        Type::Unknown => return Err(unsupported("an operation of this type", "set one of the types of the API")),
        other => {
            return Err(unsupported(
                other.as_str_name(),
                "use LAUNCH, LAUNCH_GROUP, RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME or SHRINK_VOLUME",
            ));
        }
    };
    Ok(match id {
        Some(id) => done.tracked(id),
        None => done,
    })
}
