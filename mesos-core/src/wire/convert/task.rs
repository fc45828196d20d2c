//! Tasks and what is said about them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::executor::executor_from_wire;
use super::limit::{limits_from_wire, limits_to_wire};
use super::resource::{ReservationForm, resources_from_wire, resources_to_wire};
use super::unset;
use super::value::{label_map, labels_of, labels_to_wire, seconds_of};
use crate::container::{CommandInfo, Run, Uri};
use crate::error::{Rejection, RejectionCode};
use crate::health::{CheckInfo, HealthCheck};
use crate::id::TaskId;
use crate::resource::Resources;
use crate::role::Role;
use crate::task::{KillPolicy, Reason, Source, TaskInfo, TaskRun, TaskState, TaskStatus};
use crate::wire::v1;
use v1::task_status::{Reason as WireReason, Source as WireSource};

/// Reasons as both sides call them; [`Reason::QueueFull`] has no counterpart and is told as the nearest.
pub(super) const REASONS: [(WireReason, Reason); 35] = [
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
    (WireReason::TaskGroupInvalid, Reason::TaskGroupInvalid),
    (WireReason::TaskGroupUnauthorized, Reason::TaskGroupUnauthorized),
    (WireReason::ContainerLimitation, Reason::ContainerLimitation),
    (WireReason::TaskCheckStatusUpdated, Reason::TaskCheckStatusUpdated),
    (WireReason::TaskHealthCheckStatusUpdated, Reason::TaskHealthCheckStatusUpdated),
    (WireReason::CommandExecutorFailed, Reason::CommandExecutorFailed),
    (WireReason::ContainerPreempted, Reason::ContainerPreempted),
    (WireReason::ContainerUpdateFailed, Reason::ContainerUpdateFailed),
    (WireReason::ExecutorUnregistered, Reason::ExecutorUnregistered),
    (WireReason::GcError, Reason::GcError),
    (WireReason::InvalidFrameworkid, Reason::InvalidFrameworkId),
    (WireReason::IoSwitchboardExited, Reason::IoSwitchboardExited),
    (WireReason::MasterDisconnected, Reason::MasterDisconnected),
    (WireReason::AgentDraining, Reason::AgentDraining),
    (WireReason::AgentUnknown, Reason::AgentUnknown),
    (WireReason::TaskUnknown, Reason::TaskUnknown),
];

impl TryFrom<v1::CommandInfo> for CommandInfo {
    type Error = Rejection;

    fn try_from(command: v1::CommandInfo) -> Result<Self, Rejection> {
        let value = command.value.clone().filter(|value| !value.is_empty()).ok_or_else(|| {
            Rejection::new(RejectionCode::InvalidTask, "the command has no value", "name a program or a shell line")
        })?;
        let mut read = if command.shell() {
            Self::shell(value)
        } else {
            // The first argument is the program's name as it sees itself, which is the value's business here.
            Self::exec(value, command.arguments.iter().skip(1).map(String::as_str))
        };
        read.uris = command.uris.into_iter().map(Uri::try_from).collect::<Result<_, _>>()?;
        read.user = command.user.map(Into::into);
        read.working_dir = command.working_dir.map(Into::into);
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
            working_dir: command.working_dir.as_deref().map(str::to_owned),
            uris: command.uris.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::command_info::Uri> for Uri {
    type Error = Rejection;

    fn try_from(uri: v1::command_info::Uri) -> Result<Self, Rejection> {
        if uri.value.is_empty() || uri.value.contains(|c: char| c.is_ascii_control()) {
            let what = format!("the URI {:?} is none", uri.value);
            return Err(Rejection::new(RejectionCode::InvalidTask, what, "give a file, http or https URI"));
        }
        let mut read = Self::new(uri.value.as_str());
        read.is_executable = uri.executable();
        read.is_extracted = uri.extract();
        read.is_cached = uri.cache();
        read.output_file = uri.output_file.map(Into::into);
        Ok(read)
    }
}

impl From<&Uri> for v1::command_info::Uri {
    fn from(uri: &Uri) -> Self {
        Self {
            value: (*uri.value).to_owned(),
            executable: Some(uri.is_executable),
            extract: Some(uri.is_extracted),
            cache: Some(uri.is_cached),
            output_file: uri.output_file.as_deref().map(str::to_owned),
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

/// Refuses a container that would be more than a process of its own, and names what is asked for. Some clients always send
/// one that says nothing.
///
/// # Errors
/// [`RejectionCode::Unsupported`] names the field.
pub fn check_plain_container(container: &v1::ContainerInfo) -> Result<(), Rejection> {
    use v1::container_info::Type;
    let image = container.mesos.as_ref().and_then(|mesos| mesos.image.as_ref());
    unset(image, "an image (container.mesos.image)")?;
    unset(container.docker.as_ref(), "Docker (container.docker)")?;
    unset(Some(container.r#type()).filter(|kind| *kind != Type::Mesos).as_ref(), "a container.type other than MESOS")?;
    unset(container.volumes.first(), "a volume (container.volumes)")?;
    unset(container.hostname.as_ref(), "a host name of its own (container.hostname)")?;
    unset(container.linux_info.as_ref(), "what the kernel allows it (container.linux_info)")?;
    unset(container.rlimit_info.as_ref(), "a limit of the kernel (container.rlimit_info)")?;
    unset(container.tty_info.as_ref(), "a terminal (container.tty_info)")?;
    let is_own = |network: &&v1::NetworkInfo| network.name.is_some() || !network.port_mappings.is_empty();
    unset(container.network_infos.iter().find(is_own), "a network of its own (container.network_infos)")
}

/// A task, and the roles its resources say they are allocated to.
pub(super) fn task_from_wire(task: v1::TaskInfo) -> Result<(TaskInfo, BTreeSet<Role>), Rejection> {
    let (executor, mut roles) = match task.executor.clone() {
        None => (None, BTreeSet::new()),
        Some(executor) => {
            let (executor, roles) = executor_from_wire(executor)?;
            (Some(executor), roles)
        }
    };
    let run = match (executor, task.command.clone()) {
        (None, Some(command)) => TaskRun::Command(command.try_into()?),
        (Some(executor), None) => TaskRun::Executor(Arc::new(executor)),
        (None, None) => {
            let remedy = "set command, or executor";
            return Err(Rejection::new(
                RejectionCode::InvalidTask,
                "the task has neither command nor executor",
                remedy,
            ));
        }
        (Some(_), Some(_)) => {
            let remedy = "set one of them; tasks of a group say their command and leave the executor to the group";
            return Err(Rejection::new(RejectionCode::InvalidTask, "the task has both command and executor", remedy));
        }
    };
    let (task, named) = described(task, run)?;
    roles.extend(named);
    Ok((task, roles))
}

/// The tasks of a group, and the roles their resources and those of their executor say they are allocated to.
pub(super) fn group_from_wire(
    executor: v1::ExecutorInfo,
    group: v1::TaskGroupInfo,
) -> Result<(Vec<Arc<TaskInfo>>, BTreeSet<Role>), Rejection> {
    const CODE: RejectionCode = RejectionCode::InvalidTask;
    let (executor, mut roles) = executor_from_wire(executor)?;
    let mut tasks = Vec::with_capacity(group.tasks.len());
    for task in group.tasks {
        if let Some(own) = task.executor.clone()
            && executor_from_wire(own)?.0 != executor
        {
            let what = format!("task {} names another executor than its group", task.task_id.value);
            return Err(Rejection::new(CODE, what, "leave the executor to the group"));
        }
        let command = task.command.clone().map(CommandInfo::try_from).transpose()?;
        // The executor is put in place of this below, and the command with it.
        let run =
            TaskRun::InGroup { group: task.task_id.clone().try_into()?, executor: Arc::new(executor.clone()), command };
        let (task, named) = described(task, run)?;
        roles.extend(named);
        tasks.push(task);
    }
    Ok((TaskInfo::group(executor, tasks), roles))
}

/// A task that belongs to a group already, as agents report it: with its executor and its command, if it has one.
///
/// # Errors
/// [`Rejection`] names what cannot be read.
pub fn grouped_task_from_wire(mut task: v1::TaskInfo, group: TaskId) -> Result<TaskInfo, Rejection> {
    let executor = super::required(task.executor.take(), "executor", RejectionCode::InvalidTask)?;
    let executor = Arc::new(executor_from_wire(executor)?.0);
    let command = task.command.take().map(CommandInfo::try_from).transpose()?;
    described(task, TaskRun::InGroup { group, executor, command }).map(|(task, _)| task)
}

/// A group on its way to an agent.
///
/// # Errors
/// [`Rejection`] names what cannot be read.
pub fn task_group_from_wire(
    executor: v1::ExecutorInfo,
    group: v1::TaskGroupInfo,
) -> Result<Vec<Arc<TaskInfo>>, Rejection> {
    group_from_wire(executor, group).map(|(tasks, _)| tasks)
}

/// The executor and the tasks of a group; nothing when there is no task, or the first belongs to no group.
#[must_use]
pub fn task_group_to_wire(tasks: &[Arc<TaskInfo>]) -> Option<(v1::ExecutorInfo, v1::TaskGroupInfo)> {
    let executor = tasks.first()?.run.executor()?;
    let written = tasks.iter().map(|task| {
        let mut written = v1::TaskInfo::from(&**task);
        // It is the group's.
        written.executor = None;
        written
    });
    Some(((&**executor).into(), v1::TaskGroupInfo { tasks: written.collect() }))
}

/// What a task says beside what it runs.
fn described(task: v1::TaskInfo, run: TaskRun) -> Result<(TaskInfo, BTreeSet<Role>), Rejection> {
    task.container.as_ref().map_or(Ok(()), check_plain_container)?;
    let limits = limits_from_wire(task.limits)?;
    // Amounts of nothing are what some clients send for what a task does not need.
    let is_nothing = |entry: &v1::Resource| entry.scalar.is_some_and(|scalar| scalar.value == 0.0);
    let resources = task.resources.into_iter().filter(|entry| !is_nothing(entry)).collect();
    let (resources, roles) = resources_from_wire(resources)?;
    let mut read = TaskInfo::new(task.task_id.try_into()?, task.agent_id.try_into()?, resources, run);
    read.name = task.name.into();
    read.limits = limits;
    read.kill_policy = task.kill_policy.map(KillPolicy::try_from).transpose()?.unwrap_or_default();
    read.max_completion_time = task.max_completion_time.map(Duration::try_from).transpose()?;
    read.health_check = task.health_check.map(HealthCheck::try_from).transpose()?.map(Arc::new);
    read.check = task.check.map(CheckInfo::try_from).transpose()?.map(Arc::new);
    read.labels = label_map(task.labels);
    read.discovery = task.discovery.map(|discovery| Arc::new(discovery.into()));
    read.data = task.data.unwrap_or_default().into();
    Ok((read, roles))
}

impl From<&TaskInfo> for v1::TaskInfo {
    fn from(task: &TaskInfo) -> Self {
        let command = task.run.command().map(Into::into);
        let executor = task.run.executor().map(|executor| (&**executor).into());
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
            discovery: task.discovery.as_deref().map(Into::into),
            max_completion_time: task.max_completion_time.map(Into::into),
            health_check: task.health_check.as_deref().map(Into::into),
            check: task.check.as_deref().map(Into::into),
            limits: limits_to_wire(&task.limits),
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

/// A network in which something has this address.
pub(super) fn network_at(address: &str) -> v1::NetworkInfo {
    let address = v1::network_info::IpAddress { ip_address: Some(address.to_owned()), protocol: None };
    v1::NetworkInfo { ip_addresses: vec![address], ..Default::default() }
}

/// What a task used too much of.
pub(super) fn limitation_to_wire(resources: &Resources) -> v1::TaskResourceLimitation {
    v1::TaskResourceLimitation { resources: resources_to_wire(resources, None, ReservationForm::Stack) }
}

/// Where readers look for a task's container and address.
fn container_status(status: &TaskStatus) -> Option<v1::ContainerStatus> {
    if status.container_id.is_none() && status.address.is_none() {
        return None;
    }
    let id = status.container_id.as_ref();
    Some(v1::ContainerStatus {
        container_id: id.map(|id| v1::ContainerId { value: id.as_str().to_owned(), parent: None }),
        network_infos: status.address.iter().map(|address| network_at(address)).collect(),
        ..Default::default()
    })
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
            healthy: status.healthy,
            check_status: status.check_status.map(Into::into),
            labels: labels_to_wire(&status.labels),
            container_status: container_status(status),
            limitation: status.limitation.as_deref().map(limitation_to_wire),
        }
    }
}
