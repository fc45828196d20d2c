//! What an executor that is a process of its own and its agent say to each other, in both directions.

use std::sync::Arc;
use std::time::Duration;

use super::health::check_status_from_wire;
use super::status::{address_from_wire, limitation_from_wire, reason_from_wire, task_state_from_wire};
use super::task::{limitation_to_wire, network_at};
use super::value::labels_to_wire;
use super::{agent_from_wire, required, unsupported};
use crate::call::executor::{Event, Said, Subscribed, Subscription, TaskUpdate};
use crate::error::{Rejection, RejectionCode};
use crate::id::{ContainerId, ExecutorId, FrameworkId, TaskId, UpdateId};
use crate::task::{KillPolicy, TaskInfo};
use crate::time::WallTime;
use crate::wire::v1;
use v1::executor::call::{self, Type};
use v1::executor::event::{self, Type as EventType};
use v1::task_status::{Reason as WireReason, Source as WireSource};

const CODE: RejectionCode = RejectionCode::InvalidTask;

/// One call of an executor.
#[derive(Debug, Clone, PartialEq)]
pub enum ExecutorCall {
    /// It wants to hear what it is told.
    Subscribe(Subscription),
    /// Anything else.
    Said(Said),
}

/// A call, and who says to be speaking.
///
/// # Errors
/// [`Rejection`] names what cannot be read.
pub fn executor_call_from_wire(call: v1::executor::Call) -> Result<(FrameworkId, ExecutorId, ExecutorCall), Rejection> {
    let framework_id = FrameworkId::try_from(call.framework_id.clone())?;
    let executor_id = ExecutorId::try_from(call.executor_id.clone())?;
    let read = match call.r#type() {
        Type::Subscribe => {
            let subscribe = required(call.subscribe, "subscribe", CODE)?;
            let updates = subscribe.unacknowledged_updates.into_iter();
            let updates = updates.map(|update| update_from_wire(update.status, &executor_id));
            let tasks = subscribe.unacknowledged_tasks.into_iter().map(|task| TaskId::try_from(task.task_id));
            ExecutorCall::Subscribe(Subscription {
                updates: updates.collect::<Result<_, _>>()?,
                tasks: tasks.collect::<Result<_, _>>()?,
            })
        }
        Type::Update => {
            let update = required(call.update, "update", CODE)?;
            ExecutorCall::Said(Said::Update(Box::new(update_from_wire(update.status, &executor_id)?)))
        }
        Type::Message => {
            let message = required(call.message, "message", CODE)?;
            ExecutorCall::Said(Said::Message(Arc::from(message.data)))
        }
        Type::Heartbeat => ExecutorCall::Said(Said::Heartbeat),
        Type::Unknown => {
            return Err(unsupported("a call of this type, or of none,", "set one of the types of the API"));
        }
    };
    Ok((framework_id, executor_id, read))
}

/// An update as an executor says it. It names and dates it itself. Of its `container_status` the address counts; the rest is
/// the agent's to know and to say.
fn update_from_wire(status: v1::TaskStatus, executor_id: &ExecutorId) -> Result<TaskUpdate, Rejection> {
    let task = status.task_id.value.clone();
    let refuse = |what: &str, remedy: &str| Err(Rejection::new(CODE, format!("update of task {task}: {what}"), remedy));
    if status.source() != WireSource::Executor {
        return refuse("its source is not SOURCE_EXECUTOR", "say source: SOURCE_EXECUTOR");
    }
    if status.executor_id.as_ref().is_some_and(|own| own.value != executor_id.as_str()) {
        return refuse("it names another executor", "leave executor_id out, or say the own one");
    }
    let Some(uuid) = &status.uuid else {
        return refuse("it has no uuid", "name each update with 16 random bytes");
    };
    let uuid = UpdateId::try_from(uuid.as_slice())?;
    let mut update = TaskUpdate::new(status.task_id.try_into()?, task_state_from_wire(status.state)?);
    update.uuid = Some(uuid);
    update.reason = status.reason.and_then(reason_from_wire);
    update.message = status.message.map(Into::into);
    update.data = status.data.map(Arc::from);
    update.healthy = status.healthy;
    update.check_status = status.check_status.and_then(check_status_from_wire);
    update.labels = status.labels.map(Into::into).unwrap_or_default();
    update.limitation = status.limitation.map(limitation_from_wire).transpose()?;
    update.address = status.container_status.and_then(address_from_wire);
    let at = status.timestamp.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    update.at_wall = at.and_then(|at| u64::try_from(at.as_nanos()).ok()).map(WallTime::from_nanos);
    Ok(update)
}

/// A call as it is sent.
#[must_use]
pub fn executor_call_to_wire(
    framework_id: &FrameworkId,
    executor_id: &ExecutorId,
    call: &ExecutorCall,
    tasks: &[Arc<TaskInfo>],
) -> v1::executor::Call {
    let status = |update: &TaskUpdate| call::Update { status: update_to_wire(update, executor_id) };
    let mut written =
        v1::executor::Call { executor_id: executor_id.into(), framework_id: framework_id.into(), ..Default::default() };
    let kind = match call {
        ExecutorCall::Subscribe(subscription) => {
            written.subscribe = Some(call::Subscribe {
                unacknowledged_tasks: tasks.iter().map(|task| (&**task).into()).collect(),
                unacknowledged_updates: subscription.updates.iter().map(status).collect(),
            });
            Type::Subscribe
        }
        ExecutorCall::Said(Said::Update(update)) => {
            written.update = Some(status(update));
            Type::Update
        }
        ExecutorCall::Said(Said::Message(data)) => {
            written.message = Some(call::Message { data: data.to_vec() });
            Type::Message
        }
        ExecutorCall::Said(Said::Heartbeat) => Type::Heartbeat,
    };
    written.set_type(kind);
    written
}

fn update_to_wire(update: &TaskUpdate, executor_id: &ExecutorId) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: (&update.task_id).into(),
        state: v1::TaskState::from(update.state).into(),
        source: Some(WireSource::Executor.into()),
        executor_id: Some(executor_id.into()),
        reason: update.reason.map(|reason| WireReason::from(reason).into()),
        message: update.message.as_deref().map(str::to_owned),
        data: update.data.as_deref().map(<[u8]>::to_vec),
        healthy: update.healthy,
        check_status: update.check_status.map(Into::into),
        labels: labels_to_wire(&update.labels),
        limitation: update.limitation.as_deref().map(limitation_to_wire),
        container_status: update
            .address
            .as_ref()
            .map(|address| v1::ContainerStatus { network_infos: vec![network_at(address)], ..Default::default() }),
        uuid: update.uuid.map(Into::into),
        timestamp: update.at_wall.map(super::value::seconds_of),
        ..Default::default()
    }
}

/// An event as it is sent.
#[must_use]
pub fn executor_event_to_wire(event: &Event) -> v1::executor::Event {
    let mut written = v1::executor::Event::default();
    let kind = match event {
        Event::Subscribed(subscribed) => {
            written.subscribed = Some(subscribed_to_wire(subscribed));
            EventType::Subscribed
        }
        Event::Launch(task) => {
            written.launch = Some(event::Launch { task: (&**task).into() });
            EventType::Launch
        }
        Event::LaunchGroup(tasks) => {
            let tasks = tasks.iter().map(|task| (&**task).into()).collect();
            written.launch_group = Some(event::LaunchGroup { task_group: v1::TaskGroupInfo { tasks } });
            EventType::LaunchGroup
        }
        Event::Kill { task_id, policy } => {
            let kill_policy = policy.grace.map(|_| (*policy).into());
            written.kill = Some(event::Kill { task_id: task_id.into(), kill_policy });
            EventType::Kill
        }
        Event::Acknowledged { task_id, uuid } => {
            written.acknowledged = Some(event::Acknowledged { task_id: task_id.into(), uuid: (*uuid).into() });
            EventType::Acknowledged
        }
        Event::Message(data) => {
            written.message = Some(event::Message { data: data.to_vec() });
            EventType::Message
        }
        Event::Shutdown { .. } => EventType::Shutdown,
        Event::Error(rejection) => {
            written.error = Some(event::Error { message: rejection.to_string() });
            EventType::Error
        }
        Event::Heartbeat => EventType::Heartbeat,
    };
    written.set_type(kind);
    written
}

fn subscribed_to_wire(subscribed: &Subscribed) -> event::Subscribed {
    let mut framework = v1::FrameworkInfo::from(&*subscribed.framework);
    framework.id = Some((&subscribed.framework_id).into());
    let mut executor = v1::ExecutorInfo::from(&*subscribed.executor);
    executor.framework_id = Some((&subscribed.framework_id).into());
    let mut agent = v1::AgentInfo::from(&*subscribed.agent);
    agent.id = Some((&subscribed.agent_id).into());
    event::Subscribed {
        executor_info: executor,
        framework_info: framework,
        agent_info: agent,
        container_id: Some(v1::ContainerId { value: subscribed.container_id.as_str().to_owned(), parent: None }),
    }
}

/// An event as an executor reads it; none for one this version does not know. `grace` is what the executor was told at its
/// start that it has to end: the event does not repeat it.
///
/// # Errors
/// [`Rejection`] names what cannot be read.
pub fn executor_event_from_wire(event: v1::executor::Event, grace: Duration) -> Result<Option<Event>, Rejection> {
    Ok(Some(match event.r#type() {
        EventType::Subscribed => {
            let subscribed = required(event.subscribed, "subscribed", CODE)?;
            Event::Subscribed(Box::new(subscribed_from_wire(subscribed)?))
        }
        EventType::Launch => {
            let launch = required(event.launch, "launch", CODE)?;
            Event::Launch(Arc::new(task_of_executor(launch.task, None)?))
        }
        EventType::LaunchGroup => {
            let group = required(event.launch_group, "launch_group", CODE)?.task_group;
            let name = group.tasks.first().map(|task| TaskId::try_from(task.task_id.clone())).transpose()?;
            let tasks = group.tasks.into_iter().map(|task| task_of_executor(task, name.clone()).map(Arc::new));
            Event::LaunchGroup(tasks.collect::<Result<_, _>>()?)
        }
        EventType::Kill => {
            let kill = required(event.kill, "kill", CODE)?;
            let policy = kill.kill_policy.map(KillPolicy::try_from).transpose()?.unwrap_or_default();
            Event::Kill { task_id: kill.task_id.try_into()?, policy }
        }
        EventType::Acknowledged => {
            let acknowledged = required(event.acknowledged, "acknowledged", CODE)?;
            let uuid = acknowledged.uuid.as_slice().try_into()?;
            Event::Acknowledged { task_id: acknowledged.task_id.try_into()?, uuid }
        }
        EventType::Message => Event::Message(Arc::from(required(event.message, "message", CODE)?.data)),
        EventType::Shutdown => Event::Shutdown { grace },
        EventType::Error => {
            let message = required(event.error, "error", CODE)?.message;
            Event::Error(Rejection::new(RejectionCode::NotYours, message, "subscribe again"))
        }
        EventType::Heartbeat => Event::Heartbeat,
        EventType::Unknown => return Ok(None),
    }))
}

fn subscribed_from_wire(subscribed: event::Subscribed) -> Result<Subscribed, Rejection> {
    let event::Subscribed { executor_info, framework_info, agent_info, container_id } = subscribed;
    let framework_id = required(framework_info.id.clone(), "framework_info.id", CODE)?.try_into()?;
    let agent_id = required(agent_info.id.clone(), "agent_info.id", CODE)?.try_into()?;
    let container = container_id.map(|id| id.value).unwrap_or_else(|| executor_info.executor_id.value.clone());
    let container_id = ContainerId::new(container)
        .map_err(|error| Rejection::new(RejectionCode::InvalidId, error.to_string(), "choose another id"))?;
    Ok(Subscribed {
        executor: Arc::new(executor_info.try_into()?),
        framework_id,
        framework: Arc::new(framework_info.try_into()?),
        agent_id,
        agent: Arc::new(agent_from_wire(agent_info, &[])?),
        container_id,
    })
}

/// A task as its agent tells it: beside its command it may name its executor, and is in a group if it came in one.
fn task_of_executor(mut task: v1::TaskInfo, group: Option<TaskId>) -> Result<TaskInfo, Rejection> {
    use crate::task::TaskRun;
    let Some(group) = group else { return task.try_into() };
    let executor = required(task.executor.take(), "executor", CODE)?;
    let command = task.command.clone().map(TryInto::try_into).transpose()?;
    task.command.get_or_insert_with(|| v1::CommandInfo { value: Some(":".to_owned()), ..Default::default() });
    let mut read = TaskInfo::try_from(task)?;
    read.run = TaskRun::InGroup { group, executor: Arc::new(executor.try_into()?), command };
    Ok(read)
}
