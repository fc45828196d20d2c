//! The framework's side of the v1 API: calls outwards, events inwards.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::node::{attributes_from_wire, domain_from_wire, unavailability_from_wire};
use super::required;
use super::resource::{ReservationForm, resources_from_wire, resources_to_wire};
use crate::agent::AgentInfo;
use crate::call::scheduler::{Call, Event};
use crate::constraint::OfferConstraints;
use crate::error::{Rejection, RejectionCode};
use crate::id::{ExecutorId, MasterId, OfferId};
use crate::maintenance::InverseOffer;
use crate::offer::{Filters, Offer};
use crate::operation::Operation;
use crate::role::Role;
use crate::wire::v1;
use v1::offer::operation;
use v1::scheduler::call::{self, Type};
use v1::scheduler::event::Type as EventType;

impl From<&Call> for v1::scheduler::Call {
    fn from(call: &Call) -> Self {
        let mut written = Self::default();
        let kind = match call {
            Call::Subscribe { info, suppressed, constraints } => {
                written.framework_id = info.id.as_ref().map(Into::into);
                written.subscribe = Some(call::Subscribe {
                    framework_info: (&**info).into(),
                    suppressed_roles: names(suppressed),
                    offer_constraints: demands(constraints),
                });
                Type::Subscribe
            }
            Call::UpdateFramework { info, suppressed, constraints } => {
                written.update_framework = Some(call::UpdateFramework {
                    framework_info: (&**info).into(),
                    suppressed_roles: names(suppressed),
                    offer_constraints: demands(constraints),
                });
                Type::UpdateFramework
            }
            Call::Teardown => Type::Teardown,
            Call::Accept { offers, operations, filters } => {
                written.accept = Some(call::Accept {
                    offer_ids: ids(offers),
                    operations: operations.iter().map(Into::into).collect(),
                    filters: Some((*filters).into()),
                });
                Type::Accept
            }
            Call::Decline { offers, filters } => {
                written.decline = Some(call::Decline { offer_ids: ids(offers), filters: Some((*filters).into()) });
                Type::Decline
            }
            Call::AcceptInverseOffers { offers, filters } => {
                let (inverse_offer_ids, filters) = (ids(offers), Some((*filters).into()));
                written.accept_inverse_offers = Some(call::AcceptInverseOffers { inverse_offer_ids, filters });
                Type::AcceptInverseOffers
            }
            Call::DeclineInverseOffers { offers, filters } => {
                let (inverse_offer_ids, filters) = (ids(offers), Some((*filters).into()));
                written.decline_inverse_offers = Some(call::DeclineInverseOffers { inverse_offer_ids, filters });
                Type::DeclineInverseOffers
            }
            Call::Revive { roles } => {
                written.revive = Some(call::Revive { roles: names(roles) });
                Type::Revive
            }
            Call::Suppress { roles } => {
                written.suppress = Some(call::Suppress { roles: names(roles) });
                Type::Suppress
            }
            Call::Kill { task_id, agent_id, policy } => {
                written.kill = Some(call::Kill {
                    task_id: task_id.into(),
                    agent_id: agent_id.as_ref().map(Into::into),
                    kill_policy: policy.map(Into::into),
                });
                Type::Kill
            }
            Call::Shutdown { executor_id, agent_id } => {
                written.shutdown = Some(call::Shutdown { executor_id: executor_id.into(), agent_id: agent_id.into() });
                Type::Shutdown
            }
            Call::Acknowledge { task_id, agent_id, uuid } => {
                written.acknowledge = Some(call::Acknowledge {
                    agent_id: agent_id.into(),
                    task_id: task_id.into(),
                    uuid: (*uuid).into(),
                });
                Type::Acknowledge
            }
            Call::Reconcile { tasks } => {
                let task = |(task_id, agent_id): &(crate::id::TaskId, Option<crate::id::AgentId>)| {
                    call::reconcile::Task { task_id: task_id.into(), agent_id: agent_id.as_ref().map(Into::into) }
                };
                written.reconcile = Some(call::Reconcile { tasks: tasks.iter().map(task).collect() });
                Type::Reconcile
            }
            Call::AcknowledgeOperation { operation_id, agent_id, uuid } => {
                written.acknowledge_operation_status = Some(call::AcknowledgeOperationStatus {
                    agent_id: Some(agent_id.into()),
                    resource_provider_id: None,
                    uuid: (*uuid).into(),
                    operation_id: operation_id.into(),
                });
                Type::AcknowledgeOperationStatus
            }
            Call::ReconcileOperations { operations } => {
                let operation = |(id, agent_id): &(crate::id::OperationId, Option<crate::id::AgentId>)| {
                    call::reconcile_operations::Operation {
                        operation_id: id.into(),
                        agent_id: agent_id.as_ref().map(Into::into),
                        ..Default::default()
                    }
                };
                let operations = operations.iter().map(operation).collect();
                written.reconcile_operations = Some(call::ReconcileOperations { operations });
                Type::ReconcileOperations
            }
            Call::Message { executor_id, agent_id, data } => {
                written.message = Some(call::Message {
                    agent_id: agent_id.into(),
                    executor_id: executor_id.into(),
                    data: data.to_vec(),
                });
                Type::Message
            }
        };
        written.set_type(kind);
        written
    }
}

fn names(roles: &BTreeSet<Role>) -> Vec<String> {
    roles.iter().map(|role| role.as_str().to_owned()).collect()
}

fn ids(offers: &[OfferId]) -> Vec<v1::OfferId> {
    offers.iter().map(Into::into).collect()
}

fn demands(constraints: &OfferConstraints) -> Option<v1::scheduler::OfferConstraints> {
    (!constraints.by_role.is_empty()).then(|| constraints.into())
}

impl From<Filters> for v1::Filters {
    fn from(filters: Filters) -> Self {
        Self { refuse_seconds: Some(filters.into()) }
    }
}

impl From<&Operation> for v1::offer::Operation {
    fn from(operation: &Operation) -> Self {
        let bag = |resources| resources_to_wire(resources, None, ReservationForm::Stack);
        let mut written = Self::default();
        let kind = match operation {
            Operation::Unauthorized { operation, .. } => return (&**operation).into(),
            Operation::Tracked { id, operation } => return Self { id: Some(id.into()), ..(&**operation).into() },
            Operation::Launch(tasks) => {
                written.launch =
                    Some(operation::Launch { task_infos: tasks.iter().map(|task| (&**task).into()).collect() });
                operation::Type::Launch
            }
            Operation::LaunchGroup(tasks) => {
                // A group of nothing is refused by whoever reads it.
                let (executor, task_group) = super::task::task_group_to_wire(tasks).unwrap_or_default();
                written.launch_group = Some(operation::LaunchGroup { executor, task_group });
                operation::Type::LaunchGroup
            }
            Operation::Reserve(resources) => {
                written.reserve = Some(operation::Reserve { resources: bag(resources), ..Default::default() });
                operation::Type::Reserve
            }
            Operation::Unreserve(resources) => {
                written.unreserve = Some(operation::Unreserve { resources: bag(resources) });
                operation::Type::Unreserve
            }
            Operation::Create(volumes) => {
                written.create = Some(operation::Create { volumes: bag(volumes) });
                operation::Type::Create
            }
            Operation::Destroy(volumes) => {
                written.destroy = Some(operation::Destroy { volumes: bag(volumes) });
                operation::Type::Destroy
            }
            Operation::GrowVolume { volume, addition } => {
                let (volume, addition) = (one(bag(volume)), one(bag(addition)));
                written.grow_volume = Some(operation::GrowVolume { volume, addition });
                operation::Type::GrowVolume
            }
            Operation::ShrinkVolume { volume, subtract } => {
                let subtract = (*subtract).into();
                written.shrink_volume = Some(operation::ShrinkVolume { volume: one(bag(volume)), subtract });
                operation::Type::ShrinkVolume
            }
        };
        written.set_type(kind);
        written
    }
}

/// The one entry there must be; without it, what nobody accepts.
fn one(entries: Vec<v1::Resource>) -> v1::Resource {
    entries.into_iter().next().unwrap_or_default()
}

/// An event as a driver reads it; what the v1 API has no place for is as it would be without it: a heartbeat tells no
/// count, a refusal no code, and an offer's agent what it is but not what all it has.
///
/// # Errors
/// [`Rejection`] names what cannot be read; a newer master's event is refused as unsupported.
pub fn event_from_wire(event: v1::scheduler::Event) -> Result<Event, Rejection> {
    let kind = event.r#type();
    Ok(match kind {
        EventType::Subscribed => {
            let subscribed = part(event.subscribed, "subscribed")?;
            let master = part(subscribed.master_info, "master_info")?;
            let every = subscribed.heartbeat_interval_seconds.unwrap_or_default();
            Event::Subscribed {
                framework_id: subscribed.framework_id.try_into()?,
                master_id: MasterId::new(master.id)
                    .map_err(|error| Rejection::new(RejectionCode::InvalidId, error.to_string(), "correct the id"))?,
                heartbeat_every: Duration::try_from_secs_f64(every).unwrap_or_default(),
            }
        }
        EventType::Offers => {
            let offers = part(event.offers, "offers")?.offers;
            Event::Offers(offers.into_iter().map(Offer::try_from).collect::<Result<_, _>>()?)
        }
        EventType::InverseOffers => {
            let offers = part(event.inverse_offers, "inverse_offers")?.inverse_offers;
            Event::InverseOffers(offers.into_iter().map(InverseOffer::try_from).collect::<Result<_, _>>()?)
        }
        EventType::Rescind => Event::Rescind(part(event.rescind, "rescind")?.offer_id.try_into()?),
        EventType::RescindInverseOffer => {
            let rescinded = part(event.rescind_inverse_offer, "rescind_inverse_offer")?;
            Event::RescindInverseOffer(rescinded.inverse_offer_id.try_into()?)
        }
        EventType::Update => Event::Update(Arc::new(part(event.update, "update")?.status.try_into()?)),
        EventType::Message => {
            let message = part(event.message, "message")?;
            Event::Message {
                executor_id: message.executor_id.try_into()?,
                agent_id: message.agent_id.try_into()?,
                data: Arc::from(message.data),
            }
        }
        EventType::Failure => {
            let failure = part(event.failure, "failure")?;
            Event::Failure {
                agent_id: part(failure.agent_id, "agent_id")?.try_into()?,
                executor_id: failure.executor_id.map(ExecutorId::try_from).transpose()?,
                status: failure.status,
            }
        }
        EventType::Error => {
            let message = part(event.error, "error")?.message;
            Event::Error(Rejection::new(RejectionCode::Unsupported, message, "see the master's log"))
        }
        EventType::Heartbeat => Event::Heartbeat { received: 0 },
        EventType::UpdateOperationStatus => {
            let update = part(event.update_operation_status, "update_operation_status")?;
            Event::OperationUpdate(Box::new(update.status.try_into()?))
        }
        EventType::Unknown => {
            return Err(super::unsupported(kind.as_str_name(), "do without it"));
        }
    })
}

fn part<T>(part: Option<T>, name: &str) -> Result<T, Rejection> {
    required(part, name, RejectionCode::Unsupported)
}

impl TryFrom<v1::Offer> for Offer {
    type Error = Rejection;

    fn try_from(offer: v1::Offer) -> Result<Self, Rejection> {
        let (resources, mut roles) = resources_from_wire(offer.resources)?;
        if let Some(role) = offer.allocation_info.and_then(|info| info.role) {
            let role = Role::new(role)
                .map_err(|error| Rejection::new(RejectionCode::InvalidRole, error.to_string(), "rename the role"))?;
            roles.insert(role);
        }
        let [role] = roles.into_iter().collect::<Vec<_>>().try_into().map_err(|roles: Vec<Role>| {
            let what = format!("an offer is allocated to {} roles", roles.len());
            Rejection::new(RejectionCode::InvalidOffers, what, "allocate it to one")
        })?;
        let mut agent = AgentInfo::new(offer.hostname, crate::resource::Resources::new());
        if let Some(url) = offer.url {
            agent.port = u16::try_from(url.address.port).unwrap_or(AgentInfo::PORT_DEFAULT);
            agent.ip = url.address.ip.and_then(|ip| ip.parse().ok());
            agent.has_tls = url.scheme == "https";
        }
        agent.attributes = attributes_from_wire(offer.attributes)?;
        agent.domain = offer.domain.and_then(domain_from_wire);
        let (id, framework_id, agent_id) =
            (offer.id.try_into()?, offer.framework_id.try_into()?, offer.agent_id.try_into()?);
        let mut read = Self::new(id, framework_id, agent_id, role, resources, Arc::new(agent));
        read.executor_ids = offer.executor_ids.into_iter().map(ExecutorId::try_from).collect::<Result<_, _>>()?;
        read.unavailability = offer.unavailability.map(unavailability_from_wire).transpose()?;
        Ok(read)
    }
}

impl TryFrom<v1::InverseOffer> for InverseOffer {
    type Error = Rejection;

    fn try_from(offer: v1::InverseOffer) -> Result<Self, Rejection> {
        Ok(Self::new(
            offer.id.try_into()?,
            offer.framework_id.try_into()?,
            part(offer.agent_id, "agent_id")?.try_into()?,
            unavailability_from_wire(offer.unavailability)?,
        ))
    }
}
