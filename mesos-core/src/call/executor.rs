//! Executor and agent.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{CommandInfo, Exit, Signal};
use crate::id::{ContainerId, TaskId};
use crate::resource::Resources;
use crate::task::{KillPolicy, Reason, TaskInfo, TaskState};

/// What an executor asks of its agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Call {
    /// News of one of its tasks. The agent adds time, uuid and ids, and delivers it until acknowledged.
    Update(TaskUpdate),
    /// Starts a container; [`Event::Launched`] or [`Event::Exited`] follows.
    Launch {
        /// Its name, unique within the executor; the agent makes it unique on the machine.
        container: ContainerId,
        /// For which task.
        task_id: TaskId,
        /// What to run.
        command: CommandInfo,
        /// What it may use.
        resources: Resources,
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
    /// Bytes for the framework, best effort.
    Message(Arc<[u8]>),
    /// It has nothing left to do and ends; what still runs in its containers is destroyed.
    Exit,
}

/// What an executor says about a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl TaskUpdate {
    /// A bare state.
    #[must_use]
    pub const fn new(task_id: TaskId, state: TaskState) -> Self {
        Self { task_id, state, reason: None, message: None, data: None }
    }
}

/// What an agent tells an executor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Event {
    /// Run these.
    Launch(Vec<Arc<TaskInfo>>),
    /// End this task.
    Kill {
        /// Which.
        task_id: TaskId,
        /// How.
        policy: KillPolicy,
    },
    /// A container runs.
    Launched {
        /// Which.
        container: ContainerId,
    },
    /// A container ended, or could not be started.
    Exited {
        /// Which.
        container: ContainerId,
        /// How, or why it never ran.
        exit: Result<Exit, Arc<str>>,
    },
    /// The agent has taken over an update of this task.
    Acknowledged {
        /// Which task.
        task_id: TaskId,
    },
    /// Bytes from the framework.
    Message(Arc<[u8]>),
    /// End everything within the grace period.
    Shutdown {
        /// How long.
        grace: Duration,
    },
}
