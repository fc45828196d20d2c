//! What a framework asks and is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::feedback::operation_status_to_wire;
use super::offer::{DroppedOperation, ReadOperations, RefusedTask, offer_to_wire, operations_from_wire};
use super::{required, unsupported};
use crate::call::scheduler::{Call, Event};
use crate::constraint::OfferConstraints;
use crate::error::{Rejection, RejectionCode};
use crate::id::{AgentId, OfferId};
use crate::offer::Filters;
use crate::role::Role;
use crate::time::WallTime;
use crate::wire::convert::ReservationForm;
use crate::wire::convert::value::seconds_of;
use crate::wire::v1;
use v1::scheduler::call::{Reconcile, Type};
use v1::scheduler::event::{self, Type as EventType};

/// A call as it was read.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReadCall {
    /// What can be read of it.
    pub call: Call,
    /// Tasks of an ACCEPT that cannot be launched as they are described. They do not keep the others from being launched;
    /// their framework is told `TASK_ERROR` of each.
    pub refused: Vec<RefusedTask>,
    /// Operations without tasks that were left out.
    pub dropped: Vec<DroppedOperation>,
}

/// What a framework is told of a part of its call that no master hears of.
#[derive(Debug, Clone, PartialEq)]
pub enum Aside {
    /// This event.
    Event(Box<v1::scheduler::Event>),
    /// Why; there is no name under which an event could say it.
    Refusal(Rejection),
}

impl ReadCall {
    /// What the framework is told of the parts that cannot be done, whatever it speaks to the master.
    pub fn asides(&self, now: WallTime) -> impl Iterator<Item = Aside> {
        let dropped = self.dropped.iter().map(|dropped| match dropped_operation_to_wire(dropped) {
            Some(event) => Aside::Event(Box::new(event)),
            None => Aside::Refusal(dropped.why.clone()),
        });
        let refused = self.refused.iter().map(move |task| Aside::Event(Box::new(refused_task_to_wire(task, now))));
        dropped.chain(refused)
    }
}

/// Reads a call.
///
/// # Errors
/// [`Rejection`] when nothing of it can be done.
pub fn call_from_wire(call: v1::scheduler::Call) -> Result<ReadCall, Rejection> {
    let Type::Accept = call.r#type() else {
        return Ok(ReadCall { call: call.try_into()?, refused: Vec::new(), dropped: Vec::new() });
    };
    let accept = part(call.accept, "accept")?;
    let ReadOperations { operations, refused, dropped, roles } = operations_from_wire(accept.operations);
    if roles.len() > 1 {
        let named: Vec<&str> = roles.iter().map(Role::as_str).collect();
        let what = format!("resources of one accept are allocated to {}", named.join(" and "));
        return Err(Rejection::new(RejectionCode::InvalidOffers, what, "accept offers of one role at a time"));
    }
    let call = Call::Accept { offers: offers(accept.offer_ids)?, operations, filters: accept.filters.into() };
    Ok(ReadCall { call, refused, dropped })
}

impl TryFrom<v1::scheduler::Call> for Call {
    type Error = Rejection;

    /// Reads a call of which everything must be done.
    fn try_from(call: v1::scheduler::Call) -> Result<Self, Rejection> {
        Ok(match call.r#type() {
            Type::Subscribe => {
                let subscribe = part(call.subscribe, "subscribe")?;
                let mut info = subscribe.framework_info;
                if let (Some(outer), Some(inner)) = (&call.framework_id, &info.id)
                    && outer != inner
                {
                    let what = format!("framework_id is {:?} and framework_info.id {:?}", outer.value, inner.value);
                    return Err(Rejection::new(
                        RejectionCode::InvalidId,
                        what,
                        "say the same id in both, or in one alone",
                    ));
                }
                // Some clients say their id beside the description, some within, some both.
                info.id = info.id.or(call.framework_id);
                Self::Subscribe {
                    info: Box::new(info.try_into()?),
                    suppressed: roles(subscribe.suppressed_roles)?,
                    constraints: constraints(subscribe.offer_constraints)?,
                }
            }
            Type::UpdateFramework => {
                let update = part(call.update_framework, "update_framework")?;
                Self::UpdateFramework {
                    info: Box::new(update.framework_info.try_into()?),
                    suppressed: roles(update.suppressed_roles)?,
                    constraints: constraints(update.offer_constraints)?,
                }
            }
            Type::Teardown => Self::Teardown,
            Type::Accept => {
                let read = call_from_wire(call)?;
                let refused = read.refused.into_iter().map(|task| task.why);
                match read.dropped.into_iter().map(|dropped| dropped.why).chain(refused).next() {
                    Some(why) => return Err(why),
                    None => read.call,
                }
            }
            Type::Decline => {
                let decline = part(call.decline, "decline")?;
                Self::Decline { offers: offers(decline.offer_ids)?, filters: Filters::from(decline.filters) }
            }
            Type::AcceptInverseOffers => {
                let accept = part(call.accept_inverse_offers, "accept_inverse_offers")?;
                Self::AcceptInverseOffers {
                    offers: offers(accept.inverse_offer_ids)?,
                    filters: Filters::from(accept.filters),
                }
            }
            Type::DeclineInverseOffers => {
                let decline = part(call.decline_inverse_offers, "decline_inverse_offers")?;
                Self::DeclineInverseOffers {
                    offers: offers(decline.inverse_offer_ids)?,
                    filters: Filters::from(decline.filters),
                }
            }
            Type::Revive => Self::Revive { roles: roles(call.revive.unwrap_or_default().roles)? },
            Type::Suppress => Self::Suppress { roles: roles(call.suppress.unwrap_or_default().roles)? },
            Type::Kill => {
                let kill = part(call.kill, "kill")?;
                Self::Kill {
                    task_id: kill.task_id.try_into()?,
                    agent_id: agent(kill.agent_id)?,
                    policy: kill.kill_policy.map(TryInto::try_into).transpose()?,
                }
            }
            Type::Shutdown => {
                let shutdown = part(call.shutdown, "shutdown")?;
                Self::Shutdown {
                    executor_id: shutdown.executor_id.try_into()?,
                    agent_id: shutdown.agent_id.try_into()?,
                }
            }
            Type::Acknowledge => {
                let acknowledge = part(call.acknowledge, "acknowledge")?;
                Self::Acknowledge {
                    task_id: acknowledge.task_id.try_into()?,
                    agent_id: acknowledge.agent_id.try_into()?,
                    uuid: acknowledge.uuid.as_slice().try_into()?,
                }
            }
            Type::Reconcile => Self::Reconcile { tasks: reconciled(call.reconcile.unwrap_or_default())? },
            Type::AcknowledgeOperationStatus => {
                let acknowledge = part(call.acknowledge_operation_status, "acknowledge_operation_status")?;
                Self::AcknowledgeOperation {
                    operation_id: acknowledge.operation_id.try_into()?,
                    agent_id: part(acknowledge.agent_id, "acknowledge_operation_status.agent_id")?.try_into()?,
                    uuid: acknowledge.uuid.as_slice().try_into()?,
                }
            }
            Type::ReconcileOperations => {
                let asked = call.reconcile_operations.unwrap_or_default().operations.into_iter();
                let asked = asked.map(|asked| Ok((asked.operation_id.try_into()?, agent(asked.agent_id)?)));
                Self::ReconcileOperations { operations: asked.collect::<Result<_, Rejection>>()? }
            }
            Type::Message => {
                let message = part(call.message, "message")?;
                Self::Message {
                    executor_id: message.executor_id.try_into()?,
                    agent_id: message.agent_id.try_into()?,
                    data: Arc::from(message.data),
                }
            }
            Type::Unknown => {
                let remedy = "set type to one of the calls of the API";
                return Err(Rejection::new(
                    RejectionCode::Unsupported,
                    "the call has no type, or one not known",
                    remedy,
                ));
            }
            other => return Err(unsupported(other.as_str_name(), "do without it")),
        })
    }
}

fn part<T>(part: Option<T>, name: &str) -> Result<T, Rejection> {
    required(part, name, RejectionCode::InvalidOperation)
}

fn roles(names: Vec<String>) -> Result<BTreeSet<Role>, Rejection> {
    let read = |name: String| {
        Role::new(name.as_str()).map_err(|error| {
            Rejection::new(RejectionCode::InvalidRole, error.to_string(), "name a role of the framework")
        })
    };
    names.into_iter().map(read).collect()
}

fn constraints(given: Option<v1::scheduler::OfferConstraints>) -> Result<Arc<OfferConstraints>, Rejection> {
    given.map(OfferConstraints::try_from).transpose().map(|read| Arc::new(read.unwrap_or_default()))
}

fn offers(ids: Vec<v1::OfferId>) -> Result<Vec<OfferId>, Rejection> {
    ids.into_iter().map(OfferId::try_from).collect()
}

/// Nothing, or an empty text as some clients write it, means that the agent is not known.
fn agent(id: Option<v1::AgentId>) -> Result<Option<AgentId>, Rejection> {
    id.filter(|id| !id.value.is_empty()).map(AgentId::try_from).transpose()
}

fn reconciled(reconcile: Reconcile) -> Result<Vec<(crate::id::TaskId, Option<AgentId>)>, Rejection> {
    reconcile.tasks.into_iter().map(|task| Ok((task.task_id.try_into()?, agent(task.agent_id)?))).collect()
}

/// An event as a framework of that spelling of reservations reads it.
#[must_use]
pub fn event_to_wire(event: &Event, master: &v1::MasterInfo, form: ReservationForm) -> v1::scheduler::Event {
    let mut written = v1::scheduler::Event::default();
    let kind = match event {
        Event::Subscribed { framework_id, heartbeat_every, .. } => {
            written.subscribed = Some(event::Subscribed {
                framework_id: framework_id.into(),
                heartbeat_interval_seconds: Some(heartbeat_every.as_secs_f64()),
                master_info: Some(master.clone()),
            });
            EventType::Subscribed
        }
        Event::Offers(offers) => {
            let offers = offers.iter().map(|offer| offer_to_wire(offer, form)).collect();
            written.offers = Some(event::Offers { offers });
            EventType::Offers
        }
        Event::Rescind(offer_id) => {
            written.rescind = Some(event::Rescind { offer_id: offer_id.into() });
            EventType::Rescind
        }
        Event::InverseOffers(offers) => {
            let inverse_offers = offers.iter().map(Into::into).collect();
            written.inverse_offers = Some(event::InverseOffers { inverse_offers });
            EventType::InverseOffers
        }
        Event::RescindInverseOffer(offer_id) => {
            let rescinded = event::RescindInverseOffer { inverse_offer_id: offer_id.into() };
            written.rescind_inverse_offer = Some(rescinded);
            EventType::RescindInverseOffer
        }
        Event::Update(status) => {
            written.update = Some(event::Update { status: (&**status).into() });
            EventType::Update
        }
        Event::OperationUpdate(status) => {
            let status = operation_status_to_wire(status, form);
            written.update_operation_status = Some(event::UpdateOperationStatus { status });
            EventType::UpdateOperationStatus
        }
        Event::Message { executor_id, agent_id, data } => {
            written.message = Some(event::Message {
                agent_id: agent_id.into(),
                executor_id: executor_id.into(),
                data: data.to_vec(),
            });
            EventType::Message
        }
        Event::Failure { agent_id, executor_id, status } => {
            written.failure = Some(event::Failure {
                agent_id: Some(agent_id.into()),
                executor_id: executor_id.as_ref().map(Into::into),
                // Clients fail without a status of an executor that ended.
                status: executor_id.as_ref().map(|_| status.unwrap_or(-1)),
            });
            EventType::Failure
        }
        Event::Error(rejection) => {
            written.error = Some(event::Error { message: error_text(rejection) });
            EventType::Error
        }
        Event::Heartbeat { .. } => EventType::Heartbeat,
    };
    written.set_type(kind);
    written
}

/// Clients compare these texts.
fn error_text(rejection: &Rejection) -> String {
    match rejection.code {
        RejectionCode::FailedOver => "Framework failed over".to_owned(),
        RejectionCode::FrameworkRemoved => "Framework has been removed".to_owned(),
        _ => rejection.to_string(),
    }
}

/// What a framework is told of an operation it named that cannot be done; nothing of one it did not name.
fn dropped_operation_to_wire(operation: &DroppedOperation) -> Option<v1::scheduler::Event> {
    let status = v1::OperationStatus {
        operation_id: Some(v1::OperationId { value: operation.id.clone()? }),
        state: v1::OperationState::OperationError.into(),
        message: Some(operation.why.to_string()),
        ..Default::default()
    };
    let update = event::UpdateOperationStatus { status };
    let mut event = v1::scheduler::Event { update_operation_status: Some(update), ..Default::default() };
    event.set_type(EventType::UpdateOperationStatus);
    Some(event)
}

/// What a framework is told of a task that cannot be launched as it is described.
fn refused_task_to_wire(task: &RefusedTask, now: WallTime) -> v1::scheduler::Event {
    let status = v1::TaskStatus {
        task_id: v1::TaskId { value: task.task_id.clone() },
        agent_id: Some(v1::AgentId { value: task.agent_id.clone() }),
        state: v1::TaskState::TaskError.into(),
        source: Some(v1::task_status::Source::Master.into()),
        reason: Some(v1::task_status::Reason::TaskInvalid.into()),
        message: Some(task.why.to_string()),
        timestamp: Some(seconds_of(now)),
        ..Default::default()
    };
    let mut event = v1::scheduler::Event { update: Some(event::Update { status }), ..v1::scheduler::Event::default() };
    event.set_type(EventType::Update);
    event
}
