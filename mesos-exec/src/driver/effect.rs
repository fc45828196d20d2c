//! Everything an executor driver can ask for.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::{Said, Subscribed, Subscription};
use mesos_core::health::Check;
use mesos_core::{CommandInfo, ContainerId, ContainerLimits, Rejection, Resources, Signal, TaskId, TaskInfo};

/// Something a driver wants done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// Open a stream to the agent, instead of any other; what is heard on it is [`Input::Heard`](super::Input::Heard).
    Subscribe {
        /// Comes back with everything about this stream.
        attempt: u64,
        /// What the agent is to be told.
        subscription: Subscription,
        /// The tasks named there, whole.
        tasks: Vec<Arc<TaskInfo>>,
    },
    /// The agent has taken the subscription: who the executor is and where.
    Subscribed {
        /// What the agent said.
        subscribed: Box<Subscribed>,
    },
    /// Tell the agent, in the order asked for. What is lost is repeated with the next subscription, if it is an update.
    Say {
        /// What.
        said: Said,
    },
    /// Start a container beside the executor's own; [`Input::Contained`](super::Input::Contained) follows.
    Launch {
        /// Its name within the executor.
        container: ContainerId,
        /// For which task.
        task_id: TaskId,
        /// What to run.
        command: CommandInfo,
        /// What it is given.
        resources: Resources,
        /// What it may use beyond that.
        limits: ContainerLimits,
    },
    /// Send a signal to a container.
    Signal {
        /// Which.
        container: ContainerId,
        /// The signal.
        signal: Signal,
    },
    /// Find out how a task is; [`Input::Checked`](super::Input::Checked) follows, unless it is destroyed before.
    Check {
        /// Its name, by which it is destroyed.
        check: ContainerId,
        /// The container of the task: a command begins where that began.
        container: ContainerId,
        /// What is tried.
        what: Check,
        /// Nobody waits longer for a probe.
        timeout: Duration,
    },
    /// End a container, or a check.
    Destroy {
        /// Which.
        container: ContainerId,
    },
    /// The executor has ended: this machine does nothing more, and its process ends.
    Stop {
        /// Why.
        why: StopReason,
    },
}

/// Why an executor ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopReason {
    /// It said that it has nothing left to do.
    #[error("the executor has nothing left to do")]
    Done,
    /// It was told to end, or lost its agent for good, and did not end in time.
    #[error("the executor did not end within its grace period")]
    OutOfTime,
    /// Its agent does not know it, or it said too much.
    #[error("refused: {0}")]
    Refused(Rejection),
}
