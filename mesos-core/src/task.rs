//! Tasks, their states, and what is said about them.
//!
//! States, numbers, sources and reasons as in Apache Mesos (`include/mesos/v1/mesos.proto`, `docs/task-state-reasons.md`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::CommandInfo;
use crate::discovery::Discovery;
use crate::executor::ExecutorInfo;
use crate::health::{Check, CheckInfo, CheckStatus, HealthCheck};
use crate::id::{AgentId, ContainerId, ExecutorId, TaskId, UpdateId};
use crate::limit::ContainerLimits;
use crate::resource::{Labels, Resources};
use crate::time::WallTime;

/// What a framework asks to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskInfo {
    /// Its name, unique among its framework's tasks that have not ended. Another task under it is not started, and the answer
    /// is how the first one stands, as if that had been asked: an error under this name would look like its end.
    pub id: TaskId,
    /// A name for people.
    pub name: Arc<str>,
    /// Where it goes: the agent of the offer.
    pub agent_id: AgentId,
    /// What it uses.
    pub resources: Resources,
    /// What it may use beyond that.
    #[serde(default, skip_serializing_if = "ContainerLimits::is_empty")]
    pub limits: ContainerLimits,
    /// How it is run.
    pub run: TaskRun,
    /// How it is ended.
    pub kill_policy: KillPolicy,
    /// Ended, as failed, when it runs longer than this.
    pub max_completion_time: Option<Duration>,
    /// How it is found out whether it is well; nothing when nobody asks. Executors of the framework's own check it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<Arc<HealthCheck>>,
    /// What is looked at regularly for the framework; nothing follows from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Arc<CheckInfo>>,
    /// Free labels.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// What it says to those who want to find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Arc<Discovery>>,
    /// Given to the executor unread.
    pub data: Arc<[u8]>,
}

/// How a task is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskRun {
    /// One process, under an executor the agent makes for it.
    Command(CommandInfo),
    /// By this executor.
    Executor(Arc<ExecutorInfo>),
    /// As part of a group, by this executor: the tasks of a group are launched whole or not at all.
    InGroup {
        /// The group's name: the id of its first task.
        group: TaskId,
        /// The executor of the whole group.
        executor: Arc<ExecutorInfo>,
        /// What the task runs; an executor of the framework's own may do without.
        command: Option<CommandInfo>,
    },
}

impl TaskRun {
    /// The executor it names; none for a task that is a command alone.
    #[must_use]
    pub const fn executor(&self) -> Option<&Arc<ExecutorInfo>> {
        match self {
            Self::Command(_) => None,
            Self::Executor(executor) | Self::InGroup { executor, .. } => Some(executor),
        }
    }

    /// The command it runs, if it says one.
    #[must_use]
    pub const fn command(&self) -> Option<&CommandInfo> {
        match self {
            Self::Command(command) => Some(command),
            Self::InGroup { command, .. } => command.as_ref(),
            Self::Executor(_) => None,
        }
    }
}

/// How a task is ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillPolicy {
    /// Between the polite signal and the other; absent means the executor's default, 3 s.
    pub grace: Option<Duration>,
}

impl TaskInfo {
    /// A task.
    #[must_use]
    pub fn new(id: TaskId, agent_id: AgentId, resources: Resources, run: TaskRun) -> Self {
        Self {
            name: id.shared(),
            id,
            agent_id,
            resources,
            limits: ContainerLimits::default(),
            run,
            kill_policy: KillPolicy::default(),
            max_completion_time: None,
            health_check: None,
            check: None,
            labels: BTreeMap::new(),
            discovery: None,
            data: Arc::default(),
        }
    }

    /// A task that is one shell line.
    #[must_use]
    pub fn shell(id: TaskId, agent_id: AgentId, resources: Resources, line: impl Into<Arc<str>>) -> Self {
        Self::new(id, agent_id, resources, TaskRun::Command(CommandInfo::shell(line)))
    }

    /// A task that is one process.
    #[must_use]
    pub fn command(id: TaskId, agent_id: AgentId, resources: Resources, command: CommandInfo) -> Self {
        Self::new(id, agent_id, resources, TaskRun::Command(command))
    }

    /// Makes a group of tasks that are commands: from now on they belong to this executor and share their fate.
    #[must_use]
    pub fn group(executor: ExecutorInfo, tasks: impl IntoIterator<Item = Self>) -> Vec<Arc<Self>> {
        let executor = Arc::new(executor);
        let mut name = None;
        let join = |mut task: Self| {
            let group = name.get_or_insert_with(|| task.id.clone()).clone();
            let command = match task.run {
                TaskRun::Command(command) => Some(command),
                TaskRun::InGroup { command, .. } => command,
                TaskRun::Executor(_) => None,
            };
            task.run = TaskRun::InGroup { group, executor: executor.clone(), command };
            Arc::new(task)
        };
        tasks.into_iter().map(join).collect()
    }

    /// The users that are named for it, whatever runs as them: its command, its executor's, those of its checks. Where none is
    /// named, its framework's holds.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        let checks =
            [self.health_check.as_ref().map(|check| &check.what), self.check.as_ref().map(|check| &check.what)];
        let checks = checks.into_iter().flatten().map(|what| match what {
            Check::Command(command) => Some(&**command),
            Check::Probe(_) => None,
        });
        let executor = self.run.executor().and_then(|executor| executor.command());
        let commands = [self.run.command(), executor].into_iter().chain(checks);
        commands.flatten().filter_map(|command| command.user.as_deref())
    }

    /// The id of the executor that runs it: its own id for a command.
    #[must_use]
    pub fn executor_id(&self) -> ExecutorId {
        match self.run.executor() {
            None => (&self.id).into(),
            Some(info) => info.id.clone(),
        }
    }
}

/// Where a task is in its life. The numbers are those of the Mesos protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum TaskState {
    /// The executor has it and is preparing.
    Starting = 0,
    /// It runs.
    Running = 1,
    /// It ended well.
    Finished = 2,
    /// It ended badly.
    Failed = 3,
    /// It was ended on request.
    Killed = 4,
    /// Said to frameworks that are not partition aware, for everything between unreachable and gone.
    Lost = 5,
    /// Accepted by the master, not yet with an executor.
    Staging = 6,
    /// Refused: the description is wrong or not allowed.
    Error = 7,
    /// It was asked to end and has not yet.
    Killing = 8,
    /// It never started.
    Dropped = 9,
    /// Its agent cannot be reached; it may still run.
    Unreachable = 10,
    /// It is certainly not running any more.
    Gone = 11,
    /// An operator said its agent will never come back.
    GoneByOperator = 12,
    /// Nobody knows it.
    Unknown = 13,
}

impl TaskState {
    /// Whether a task in this state holds nothing and will say nothing more. `LOST` and `GONE_BY_OPERATOR` count as
    /// terminal although such a task may turn up again with its agent.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Finished
                | Self::Failed
                | Self::Killed
                | Self::Error
                | Self::Lost
                | Self::Dropped
                | Self::Gone
                | Self::GoneByOperator
        )
    }

    /// Whether nobody can say if a task in this state runs: it may turn up again, or never.
    #[must_use]
    pub const fn is_in_doubt(self) -> bool {
        matches!(self, Self::Unreachable | Self::Unknown)
    }

    /// What a framework without `PARTITION_AWARE` is told instead.
    #[must_use]
    pub const fn for_partition_unaware(self) -> Self {
        match self {
            Self::Dropped | Self::Unreachable | Self::Gone | Self::GoneByOperator | Self::Unknown => Self::Lost,
            other => other,
        }
    }

    /// What a framework without `TASK_KILLING_STATE` is told instead.
    #[must_use]
    pub const fn for_killing_unaware(self) -> Self {
        match self {
            Self::Killing => Self::Running,
            other => other,
        }
    }

    /// The protocol's name without `TASK_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
            Self::Lost => "LOST",
            Self::Staging => "STAGING",
            Self::Error => "ERROR",
            Self::Killing => "KILLING",
            Self::Dropped => "DROPPED",
            Self::Unreachable => "UNREACHABLE",
            Self::Gone => "GONE",
            Self::GoneByOperator => "GONE_BY_OPERATOR",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Source {
    /// The master.
    Master,
    /// The agent.
    Agent,
    /// The executor.
    Executor,
}

/// Why a task is in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Reason {
    /// The container could not be started.
    ContainerLaunchFailed,
    /// More memory than given.
    ContainerLimitationMemory,
    /// More disk than given.
    ContainerLimitationDisk,
    /// It ran longer than it may.
    MaxCompletionTimeReached,
    /// Its executor ended.
    ExecutorTerminated,
    /// Its executor did not come up in time.
    ExecutorRegistrationTimeout,
    /// Its executor did not come back after its agent's restart.
    ExecutorReregistrationTimeout,
    /// Its framework was removed.
    FrameworkRemoved,
    /// The accept named an offer that was not valid.
    InvalidOffers,
    /// An answer to a reconciliation.
    Reconciliation,
    /// The agent does not know the resources the task wants.
    ResourcesUnknown,
    /// Its agent's connection broke.
    AgentDisconnected,
    /// Its agent is unreachable or was removed.
    AgentRemoved,
    /// An operator marked its agent gone.
    AgentRemovedByOperator,
    /// Its agent is back.
    AgentReregistered,
    /// Its agent restarted before the task reached an executor.
    AgentRestarted,
    /// It was killed before its executor had it.
    TaskKilledDuringLaunch,
    /// Its description breaks a rule.
    TaskInvalid,
    /// A task of its group, or the group, breaks a rule.
    TaskGroupInvalid,
    /// Its framework may not run it.
    TaskUnauthorized,
    /// Its framework may not run a task of its group.
    TaskGroupUnauthorized,
    /// More of something than given.
    ContainerLimitation,
    /// What a check found out changed.
    TaskCheckStatusUpdated,
    /// Its health changed.
    TaskHealthCheckStatusUpdated,
    /// The agent or executor has as much as it may queue.
    QueueFull,
    /// Whoever runs commands could not.
    CommandExecutorFailed,
    /// Its container made room for another.
    ContainerPreempted,
    /// What its container may use could not be changed.
    ContainerUpdateFailed,
    /// Its executor is not registered any more.
    ExecutorUnregistered,
    /// What an earlier run left could not be cleared away.
    GcError,
    /// Its framework is not known.
    InvalidFrameworkId,
    /// What carries its input and output ended.
    IoSwitchboardExited,
    /// Its master's connection broke.
    MasterDisconnected,
    /// Its agent is being drained.
    AgentDraining,
    /// Its agent is not known.
    AgentUnknown,
    /// It is not known.
    TaskUnknown,
}

/// What is said about a task at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskStatus {
    /// Which task.
    pub task_id: TaskId,
    /// Where it is in its life.
    pub state: TaskState,
    /// Who says so.
    pub source: Source,
    /// Why.
    pub reason: Option<Reason>,
    /// For people.
    pub message: Option<Arc<str>>,
    /// Present when the framework must acknowledge.
    pub uuid: Option<UpdateId>,
    /// On which agent, if on any.
    pub agent_id: Option<AgentId>,
    /// Under which executor, if under any.
    pub executor_id: Option<ExecutorId>,
    /// When it was said.
    pub at_wall: WallTime,
    /// Since when its agent cannot be reached.
    pub unreachable_since_wall: Option<WallTime>,
    /// From the executor, unread.
    pub data: Option<Arc<[u8]>>,
    /// Whether it is well, as far as its executor checks that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<bool>,
    /// What its check found last, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_status: Option<CheckStatus>,
    /// Free labels its executor gave the update.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Of which resources it used more than it was given, when that is why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limitation: Option<Arc<Resources>>,
    /// The container it runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_id: Option<ContainerId>,
    /// The address it can be reached at: the one its executor says, or else its agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Arc<str>>,
}

impl TaskStatus {
    /// A status without reason, message, uuid, agent or executor.
    #[must_use]
    pub const fn new(task_id: TaskId, state: TaskState, source: Source, at_wall: WallTime) -> Self {
        Self {
            task_id,
            state,
            source,
            reason: None,
            message: None,
            uuid: None,
            agent_id: None,
            executor_id: None,
            at_wall,
            unreachable_since_wall: None,
            data: None,
            healthy: None,
            check_status: None,
            labels: Labels::new(),
            limitation: None,
            container_id: None,
            address: None,
        }
    }

    /// With this reason.
    #[must_use]
    pub const fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// With this message.
    #[must_use]
    pub fn saying(mut self, message: impl Into<Arc<str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// On this agent.
    #[must_use]
    pub fn on(mut self, agent_id: AgentId) -> Self {
        self.agent_id = Some(agent_id);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreachable_and_unknown_are_not_the_end() {
        assert!(!TaskState::Unreachable.is_terminal() && !TaskState::Unknown.is_terminal());
        assert!(TaskState::Lost.is_terminal() && TaskState::Dropped.is_terminal());
    }

    #[test]
    fn killing_unaware_frameworks_hear_that_it_runs() {
        assert_eq!(TaskState::Killing.for_killing_unaware(), TaskState::Running);
        assert_eq!(TaskState::Killed.for_killing_unaware(), TaskState::Killed);
    }

    #[test]
    fn partition_unaware_frameworks_hear_lost() {
        assert_eq!(TaskState::Gone.for_partition_unaware(), TaskState::Lost);
        assert_eq!(TaskState::Killed.for_partition_unaware(), TaskState::Killed);
    }
}
