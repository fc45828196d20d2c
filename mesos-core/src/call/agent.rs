//! Agent and master.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::AgentInfo;
use crate::error::Rejection;
use crate::executor::ExecutorInfo;
use crate::feedback::{OperationState, OperationStatus, TrackedOperation};
use crate::framework::FrameworkInfo;
use crate::id::{AgentId, ExecutorId, FrameworkId, TaskId, UpdateId};
use crate::resource::Resources;
use crate::role::Role;
use crate::task::{KillPolicy, TaskInfo, TaskState, TaskStatus};

/// A task as its agent knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskReport {
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// The role its resources are allocated to.
    pub role: Role,
    /// Its description.
    pub info: Arc<TaskInfo>,
    /// Its newest state.
    pub state: TaskState,
    /// The state the framework was last told, when that is an older one.
    pub told: Option<TaskState>,
}

/// An executor as its agent knows it. Command executors are not reported: they come and go with their task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutorReport {
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// The role its resources are allocated to.
    pub role: Role,
    /// Its description.
    pub info: Arc<ExecutorInfo>,
}

/// An operation with an id as its agent knows it: what it did of it is not acknowledged yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationReport {
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// The operation.
    pub operation: Arc<TrackedOperation>,
    /// What became of it.
    pub state: OperationState,
}

/// Everything an agent tells a master it comes back to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reregistration {
    /// Its id.
    pub agent_id: AgentId,
    /// Its description.
    pub info: Arc<AgentInfo>,
    /// What it has, with what was reserved and made into volumes on it.
    pub total: Resources,
    /// The frameworks that run here.
    pub frameworks: BTreeMap<FrameworkId, Arc<FrameworkInfo>>,
    /// Their tasks, also those that wait and those whose end is not yet acknowledged.
    pub tasks: Vec<TaskReport>,
    /// Their executors.
    pub executors: Vec<ExecutorReport>,
    /// The operations nobody has acknowledged yet.
    #[serde(default)]
    pub operations: Vec<OperationReport>,
}

/// What an agent tells the master.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ToMaster {
    /// First on a connection, of an agent without an id.
    Register {
        /// Its description.
        info: Arc<AgentInfo>,
        /// What it has, with what was reserved and made into volumes on it.
        total: Resources,
    },
    /// First on a connection, of an agent with an id.
    Reregister(Box<Reregistration>),
    /// Answers a ping.
    Pong,
    /// News of a task, sent again until acknowledged.
    Update {
        /// Whose task.
        framework_id: FrameworkId,
        /// The news; carries a uuid.
        status: Arc<TaskStatus>,
        /// The task's newest state, when this news is not the newest: what a finished task used is free at once.
        latest: TaskState,
    },
    /// What became of an operation, sent again until acknowledged.
    OperationUpdate {
        /// Whose operation.
        framework_id: FrameworkId,
        /// The news; carries the operation's uuid.
        status: Box<OperationStatus>,
    },
    /// An executor ended.
    ExecutorExited {
        /// Whose.
        framework_id: FrameworkId,
        /// Which.
        executor_id: ExecutorId,
        /// How, as a wait status of the system; -1 when nobody knows.
        status: i32,
    },
    /// Bytes from an executor for its framework, best effort.
    Message {
        /// For which framework.
        framework_id: FrameworkId,
        /// From which executor.
        executor_id: ExecutorId,
        /// The bytes.
        data: Arc<[u8]>,
    },
    /// Says goodbye for good: the agent's tasks have ended.
    Unregister,
}

impl ToMaster {
    /// Its name, for messages and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "REGISTER",
            Self::Reregister(_) => "REREGISTER",
            Self::Pong => "PONG",
            Self::Update { .. } => "UPDATE",
            Self::OperationUpdate { .. } => "OPERATION_UPDATE",
            Self::ExecutorExited { .. } => "EXECUTOR_EXITED",
            Self::Message { .. } => "MESSAGE",
            Self::Unregister => "UNREGISTER",
        }
    }
}

/// A task on its way to an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunTask {
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// That framework's description.
    pub framework: Arc<FrameworkInfo>,
    /// The role its resources are allocated to.
    pub role: Role,
    /// The task.
    pub task: Arc<TaskInfo>,
    /// Whether an executor the task names may be started for it: what that uses was charged with this task. Otherwise it
    /// must run already, and a task that comes too late for it is dropped.
    pub may_start_executor: bool,
}

/// A group of tasks on its way to an agent: all of them start or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunGroup {
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// That framework's description.
    pub framework: Arc<FrameworkInfo>,
    /// The role their resources are allocated to.
    pub role: Role,
    /// The tasks, in the order they were named.
    pub tasks: Vec<Arc<TaskInfo>>,
    /// As for a [single task](RunTask::may_start_executor).
    pub may_start_executor: bool,
}

/// An operation on its way to an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplyOperation {
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// That framework's description.
    pub framework: Arc<FrameworkInfo>,
    /// The operation.
    pub operation: Arc<TrackedOperation>,
    /// The agent's total with it.
    pub total: Resources,
}

/// What the master tells an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ToAgent {
    /// The registration is durable.
    Registered {
        /// The agent's id: it keeps it.
        agent_id: AgentId,
        /// No ping for this long means the master is gone.
        ping_timeout: Duration,
    },
    /// The re-registration is durable.
    Reregistered {
        /// The agent's id.
        agent_id: AgentId,
        /// No ping for this long means the master is gone.
        ping_timeout: Duration,
        /// Tasks the master holds for this agent that it did not report: it says what became of them.
        missing: Vec<(FrameworkId, TaskId)>,
    },
    /// Are you there?
    Ping {
        /// How many messages the master has received on this connection.
        received: u64,
    },
    /// Runs a task.
    Run(Box<RunTask>),
    /// Runs a group of tasks, whole or not at all.
    RunGroup(Box<RunGroup>),
    /// Ends a task.
    Kill {
        /// Whose.
        framework_id: FrameworkId,
        /// Which.
        task_id: TaskId,
        /// Instead of the task's own policy.
        policy: Option<KillPolicy>,
    },
    /// The framework has taken note of an update.
    Acknowledge {
        /// Whose task.
        framework_id: FrameworkId,
        /// Which task.
        task_id: TaskId,
        /// Which update.
        uuid: UpdateId,
    },
    /// Ends an executor and its tasks.
    ShutdownExecutor {
        /// Whose.
        framework_id: FrameworkId,
        /// Which.
        executor_id: ExecutorId,
    },
    /// Ends everything of a framework that was removed.
    ShutdownFramework {
        /// Which.
        framework_id: FrameworkId,
    },
    /// A framework changed its description.
    UpdateFramework {
        /// Which.
        framework_id: FrameworkId,
        /// The new description.
        info: Arc<FrameworkInfo>,
    },
    /// What is reserved and made into volumes on this agent from now on; it must outlive restarts.
    SetTotal {
        /// The agent's total.
        total: Resources,
    },
    /// The same, because of an operation whose framework hears what became of it. An operation that is known already changes
    /// nothing but the total.
    Apply(Box<ApplyOperation>),
    /// The framework has taken note of what became of an operation, or nobody waits for it any more.
    AcknowledgeOperation {
        /// Whose.
        framework_id: FrameworkId,
        /// The operation's uuid.
        uuid: UpdateId,
    },
    /// Bytes for an executor, best effort.
    Message {
        /// From which framework.
        framework_id: FrameworkId,
        /// For which executor.
        executor_id: ExecutorId,
        /// The bytes.
        data: Arc<[u8]>,
    },
    /// The agent must end everything and stop; it may not come back under its id.
    Shutdown(Rejection),
}

impl ToAgent {
    /// Its name, for messages and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "REGISTERED",
            Self::Reregistered { .. } => "REREGISTERED",
            Self::Ping { .. } => "PING",
            Self::Run(_) => "RUN",
            Self::RunGroup(_) => "RUN_GROUP",
            Self::Kill { .. } => "KILL",
            Self::Acknowledge { .. } => "ACKNOWLEDGE",
            Self::ShutdownExecutor { .. } => "SHUTDOWN_EXECUTOR",
            Self::ShutdownFramework { .. } => "SHUTDOWN_FRAMEWORK",
            Self::UpdateFramework { .. } => "UPDATE_FRAMEWORK",
            Self::SetTotal { .. } => "SET_TOTAL",
            Self::Apply(_) => "APPLY",
            Self::AcknowledgeOperation { .. } => "ACKNOWLEDGE_OPERATION",
            Self::Message { .. } => "MESSAGE",
            Self::Shutdown(_) => "SHUTDOWN",
        }
    }
}
