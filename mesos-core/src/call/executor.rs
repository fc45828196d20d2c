//! Executor and agent.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::AgentInfo;
use crate::container::{CommandInfo, Signal};
use crate::error::Rejection;
use crate::executor::ExecutorInfo;
use crate::framework::FrameworkInfo;
use crate::health::{Check, CheckStatus};
use crate::id::{AgentId, ContainerId, FrameworkId, TaskId, UpdateId};
use crate::limit::ContainerLimits;
use crate::resource::{Labels, Resources};
use crate::task::{KillPolicy, Reason, TaskInfo, TaskState};
use crate::time::WallTime;

/// What an executor asks of its agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Call {
    /// News of one of its tasks. The agent adds time, uuid and ids, and delivers it until acknowledged.
    Update(TaskUpdate),
    /// Starts a container; [`launched`](crate::Executor::launched) or [`exited`](crate::Executor::exited) follows.
    Launch {
        /// Its name, unique within the executor; the agent makes it unique on the machine.
        container: ContainerId,
        /// For which task.
        task_id: TaskId,
        /// What to run.
        command: CommandInfo,
        /// What it is given.
        resources: Resources,
        /// What it may use beyond that.
        #[serde(default, skip_serializing_if = "ContainerLimits::is_empty")]
        limits: ContainerLimits,
    },
    /// Sends a signal to a container's whole process tree.
    Signal {
        /// Which.
        container: ContainerId,
        /// The signal.
        signal: Signal,
    },
    /// Ends a container and everything in it.
    Destroy {
        /// Which.
        container: ContainerId,
    },
    /// Finds out how a task is; [`checked`](crate::Executor::checked) follows.
    Check {
        /// A name for it, unique within the executor and among its containers: by it, one that is a command is destroyed.
        check: ContainerId,
        /// The container of the task.
        container: ContainerId,
        /// What is tried.
        what: Check,
        /// Nobody waits longer.
        timeout: Duration,
    },
    /// Bytes for the framework, best effort.
    Message(Arc<[u8]>),
    /// It has nothing left to do and ends; what still runs in its containers is destroyed.
    Exit,
}

/// What an executor says about a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskUpdate {
    /// Which task.
    pub task_id: TaskId,
    /// Its state; never `STAGING`.
    pub state: TaskState,
    /// Why.
    pub reason: Option<Reason>,
    /// For people.
    pub message: Option<Arc<str>>,
    /// For the framework, unread.
    pub data: Option<Arc<[u8]>>,
    /// Whether the task is well, as far as that is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<bool>,
    /// What its check found last, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_status: Option<CheckStatus>,
    /// Free labels, for whoever shows tasks.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Of which resources it used more than it was given, when that is why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limitation: Option<Arc<Resources>>,
    /// The address the task can be reached at, if its executor knows another than its agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Arc<str>>,
    /// The update's name, if its executor gives it one: what comes twice under one name counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<UpdateId>,
    /// When the executor said it; absent means now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_wall: Option<WallTime>,
}

impl TaskUpdate {
    /// A bare state.
    #[must_use]
    pub const fn new(task_id: TaskId, state: TaskState) -> Self {
        Self {
            task_id,
            state,
            reason: None,
            message: None,
            data: None,
            healthy: None,
            check_status: None,
            labels: Labels::new(),
            limitation: None,
            address: None,
            uuid: None,
            at_wall: None,
        }
    }
}

/// What an executor that is a process of its own says when it connects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Updates the agent has not taken over yet, as far as the executor knows; each has a uuid.
    pub updates: Vec<TaskUpdate>,
    /// Tasks it has of which no update was taken over yet.
    pub tasks: Vec<TaskId>,
}

/// What an executor that is a process of its own says once it is subscribed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Said {
    /// News of one of its tasks; it has a uuid.
    Update(Box<TaskUpdate>),
    /// Bytes for the framework, best effort.
    Message(Arc<[u8]>),
    /// It lives.
    Heartbeat,
}

/// The answer to a subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscribed {
    /// The executor, as the framework described it.
    pub executor: Arc<ExecutorInfo>,
    /// Its framework's id.
    pub framework_id: FrameworkId,
    /// Its framework.
    pub framework: Arc<FrameworkInfo>,
    /// Its agent's id.
    pub agent_id: AgentId,
    /// Its agent.
    pub agent: Arc<AgentInfo>,
    /// The container it runs in.
    pub container_id: ContainerId,
}

/// What an agent tells an executor that is a process of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Event {
    /// The subscription holds.
    Subscribed(Box<Subscribed>),
    /// Run this.
    Launch(Arc<TaskInfo>),
    /// Run these, which share their fate.
    LaunchGroup(Vec<Arc<TaskInfo>>),
    /// End this task.
    Kill {
        /// Which.
        task_id: TaskId,
        /// How.
        policy: KillPolicy,
    },
    /// The agent has taken over this update.
    Acknowledged {
        /// Of which task.
        task_id: TaskId,
        /// Which update.
        uuid: UpdateId,
    },
    /// Bytes from the framework.
    Message(Arc<[u8]>),
    /// End everything within the grace period.
    Shutdown {
        /// How long.
        grace: Duration,
    },
    /// Something is wrong, and the connection ends.
    Error(Rejection),
    /// The connection lives.
    Heartbeat,
}

impl Event {
    /// Its name, for messages and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Subscribed(_) => "SUBSCRIBED",
            Self::Launch(_) => "LAUNCH",
            Self::LaunchGroup(_) => "LAUNCH_GROUP",
            Self::Kill { .. } => "KILL",
            Self::Acknowledged { .. } => "ACKNOWLEDGED",
            Self::Message(_) => "MESSAGE",
            Self::Shutdown { .. } => "SHUTDOWN",
            Self::Error(_) => "ERROR",
            Self::Heartbeat => "HEARTBEAT",
        }
    }
}
