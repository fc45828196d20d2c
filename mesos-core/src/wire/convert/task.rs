//! Tasks and what is said about them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::resource::{ReservationForm, resources_from_wire, resources_to_wire};
use super::value::{label_map, labels_of, seconds_of};
use super::{unset, unsupported};
use crate::container::{CommandInfo, Run};
use crate::error::{Rejection, RejectionCode};
use crate::executor::ExecutorInfo;
use crate::role::Role;
use crate::task::{KillPolicy, Reason, Source, TaskInfo, TaskRun, TaskState, TaskStatus};
use crate::wire::v1;
use v1::task_status::{Reason as WireReason, Source as WireSource};

/// Reasons as both sides call them; the last one has no counterpart and is told as the nearest.
const REASONS: [(WireReason, Reason); 19] = [
    (WireReason::ContainerLaunchFailed, Reason::ContainerLaunchFailed),
    (WireReason::ContainerLimitationMemory, Reason::ContainerLimitationMemory),
    (WireReason::ContainerLimitationDisk, Reason::ContainerLimitationDisk),
    (WireReason::MaxCompletionTimeReached, Reason::MaxCompletionTimeReached),
    (WireReason::ExecutorTerminated, Reason::ExecutorTerminated),
    (WireReason::ExecutorRegistrationTimeout, Reason::ExecutorRegistrationTimeout),
    (WireReason::ExecutorReregistrationTimeout, Reason::ExecutorReregistrationTimeout),
    (WireReason::FrameworkRemoved, Reason::FrameworkRemoved),
    (WireReason::InvalidOffers, Reason::InvalidOffers),
    (WireReason::Reconciliation, Reason::Reconciliation),
    (WireReason::ResourcesUnknown, Reason::ResourcesUnknown),
    (WireReason::AgentDisconnected, Reason::AgentDisconnected),
    (WireReason::AgentRemoved, Reason::AgentRemoved),
    (WireReason::AgentRemovedByOperator, Reason::AgentRemovedByOperator),
    (WireReason::AgentReregistered, Reason::AgentReregistered),
    (WireReason::AgentRestarted, Reason::AgentRestarted),
    (WireReason::TaskKilledDuringLaunch, Reason::TaskKilledDuringLaunch),
    (WireReason::TaskInvalid, Reason::TaskInvalid),
    (WireReason::TaskUnauthorized, Reason::TaskUnauthorized),
];

impl TryFrom<v1::CommandInfo> for CommandInfo {
    type Error = Rejection;

    fn try_from(command: v1::CommandInfo) -> Result<Self, Rejection> {
        if !command.uris.is_empty() {
            return Err(unsupported("fetching uris", "fetch in the command itself"));
        }
        let value = command.value.clone().filter(|value| !value.is_empty()).ok_or_else(|| {
            Rejection::new(RejectionCode::InvalidTask, "the command has no value", "name a program or a shell line")
        })?;
        let mut read = if command.shell() {
            Self::shell(value)
        } else {
            // The first argument is the program's name as it sees itself, which is the value's business here.
            Self::exec(value, command.arguments.iter().skip(1).map(String::as_str))
        };
        read.user = command.user.map(Into::into);
        for variable in command.environment.map(|environment| environment.variables).unwrap_or_default() {
            unset(variable.secret.as_ref(), "a secret in the environment")?;
            read = read.env(variable.name, variable.value.unwrap_or_default());
        }
        Ok(read)
    }
}

impl From<&CommandInfo> for v1::CommandInfo {
    fn from(command: &CommandInfo) -> Self {
        let (shell, value, arguments) = match &command.run {
            Run::Shell(line) => (true, line, Vec::new()),
            Run::Exec { program, arguments } => {
                (false, program, std::iter::once(program).chain(arguments).map(|text| (**text).to_owned()).collect())
            }
        };
        let variable = |(name, value): (&Arc<str>, &Arc<str>)| v1::environment::Variable {
            name: (**name).to_owned(),
            value: Some((**value).to_owned()),
            ..Default::default()
        };
        let variables: Vec<_> = command.environment.iter().map(variable).collect();
        Self {
            environment: (!variables.is_empty()).then_some(v1::Environment { variables }),
            shell: Some(shell),
            value: Some((**value).to_owned()),
            arguments,
            user: command.user.as_deref().map(str::to_owned),
            uris: Vec::new(),
        }
    }
}

impl TryFrom<v1::KillPolicy> for KillPolicy {
    type Error = Rejection;

    fn try_from(policy: v1::KillPolicy) -> Result<Self, Rejection> {
        Ok(Self { grace: policy.grace_period.map(Duration::try_from).transpose()? })
    }
}

impl From<KillPolicy> for v1::KillPolicy {
    fn from(policy: KillPolicy) -> Self {
        Self { grace_period: policy.grace.map(Into::into) }
    }
}

impl TryFrom<v1::TaskInfo> for TaskInfo {
    type Error = Rejection;

    fn try_from(task: v1::TaskInfo) -> Result<Self, Rejection> {
        task_from_wire(task).map(|(task, _)| task)
    }
}

/// A task, and the roles its resources say they are allocated to.
pub(super) fn task_from_wire(task: v1::TaskInfo) -> Result<(TaskInfo, BTreeSet<Role>), Rejection> {
    unset(task.executor.as_ref(), "an executor of the framework's own")?;
    unset(task.container.as_ref(), "a container image or network")?;
    unset(task.health_check.as_ref(), "a health check")?;
    unset(task.check.as_ref(), "a check")?;
    unset(task.limits.keys().next(), "a limit above the task's resources")?;
    let command = task
        .command
        .ok_or_else(|| Rejection::new(RejectionCode::InvalidTask, "the task has no command", "set command"))?;
    // Amounts of nothing are what some clients send for what a task does not need.
    let is_nothing = |entry: &v1::Resource| entry.scalar.is_some_and(|scalar| scalar.value == 0.0);
    let resources = task.resources.into_iter().filter(|entry| !is_nothing(entry)).collect();
    let (resources, roles) = resources_from_wire(resources)?;
    let run = TaskRun::Command(command.try_into()?);
    let mut read = TaskInfo::new(task.task_id.try_into()?, task.agent_id.try_into()?, resources, run);
    read.name = task.name.into();
    read.kill_policy = task.kill_policy.map(KillPolicy::try_from).transpose()?.unwrap_or_default();
    read.max_completion_time = task.max_completion_time.map(Duration::try_from).transpose()?;
    read.labels = label_map(task.labels);
    read.data = task.data.unwrap_or_default().into();
    Ok((read, roles))
}

impl From<&TaskInfo> for v1::TaskInfo {
    fn from(task: &TaskInfo) -> Self {
        let (command, executor) = match &task.run {
            TaskRun::Command(command) => (Some(command.into()), None),
            TaskRun::Executor(executor) => (None, Some((&**executor).into())),
        };
        Self {
            name: (*task.name).to_owned(),
            task_id: (&task.id).into(),
            agent_id: (&task.agent_id).into(),
            resources: resources_to_wire(&task.resources, None, ReservationForm::Stack),
            executor,
            command,
            kill_policy: task.kill_policy.grace.map(|_| task.kill_policy.into()),
            data: Some(task.data.to_vec()).filter(|data| !data.is_empty()),
            labels: labels_of(&task.labels),
            max_completion_time: task.max_completion_time.map(Into::into),
            ..Default::default()
        }
    }
}

impl From<&ExecutorInfo> for v1::ExecutorInfo {
    fn from(executor: &ExecutorInfo) -> Self {
        Self {
            r#type: Some(v1::executor_info::Type::Custom.into()),
            executor_id: (&executor.id).into(),
            name: Some((*executor.kind).to_owned()),
            resources: resources_to_wire(&executor.resources, None, ReservationForm::Stack),
            data: Some(executor.data.to_vec()).filter(|data| !data.is_empty()),
            shutdown_grace_period: executor.shutdown_grace.map(Into::into),
            ..Default::default()
        }
    }
}

impl From<TaskState> for v1::TaskState {
    fn from(state: TaskState) -> Self {
        match state {
            TaskState::Starting => Self::TaskStarting,
            TaskState::Running => Self::TaskRunning,
            TaskState::Finished => Self::TaskFinished,
            TaskState::Failed => Self::TaskFailed,
            TaskState::Killed => Self::TaskKilled,
            TaskState::Lost => Self::TaskLost,
            TaskState::Staging => Self::TaskStaging,
            TaskState::Error => Self::TaskError,
            TaskState::Killing => Self::TaskKilling,
            TaskState::Dropped => Self::TaskDropped,
            TaskState::Unreachable => Self::TaskUnreachable,
            TaskState::Gone => Self::TaskGone,
            TaskState::GoneByOperator => Self::TaskGoneByOperator,
            TaskState::Unknown => Self::TaskUnknown,
        }
    }
}

impl From<Source> for WireSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Master => Self::Master,
            Source::Agent => Self::Agent,
            Source::Executor => Self::Executor,
        }
    }
}

impl From<Reason> for WireReason {
    fn from(reason: Reason) -> Self {
        let known = REASONS.into_iter().find(|(_, own)| *own == reason);
        // A full queue is told as what it leads to in Mesos: the task is dropped because its offer is void.
        known.map_or(Self::InvalidOffers, |(wire, _)| wire)
    }
}

impl From<&TaskStatus> for v1::TaskStatus {
    fn from(status: &TaskStatus) -> Self {
        Self {
            task_id: (&status.task_id).into(),
            state: v1::TaskState::from(status.state).into(),
            message: status.message.as_deref().map(str::to_owned),
            source: Some(WireSource::from(status.source).into()),
            reason: status.reason.map(|reason| WireReason::from(reason).into()),
            data: status.data.as_deref().map(<[u8]>::to_vec),
            agent_id: status.agent_id.as_ref().map(Into::into),
            executor_id: status.executor_id.as_ref().map(Into::into),
            timestamp: Some(seconds_of(status.at_wall)),
            uuid: status.uuid.map(Into::into),
            unreachable_time: status.unreachable_since_wall.map(Into::into),
            ..Default::default()
        }
    }
}
