//! What an agent shows to checkers and operators.

use mesos_core::call::ConnId;
use mesos_core::{
    AgentId, AgentInfo, ContainerId, FrameworkId, FrameworkInfo, Resources, Role, TaskId, TaskState, TrackedOperation,
};

use super::{Agent, Phase, Timer};

/// A task as seen from outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskView<'a> {
    /// Whose it is.
    pub framework_id: &'a FrameworkId,
    /// Which task.
    pub task_id: &'a TaskId,
    /// Its newest state, whether or not anybody was told.
    pub state: TaskState,
    /// What it uses; nothing any more once it has ended.
    pub resources: &'a Resources,
    /// The role its resources are allocated to.
    pub role: &'a Role,
    /// Whether it has ended and somebody still has to acknowledge that.
    pub is_terminal_unacknowledged: bool,
}

/// What an agent has done, as plain numbers since its process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Tasks that ended, by the number of their last state.
    pub ended: [u64; 14],
    /// Updates of executors that count.
    pub updates: u64,
    /// Those that say what an executor may not say, or too much.
    pub updates_invalid: u64,
    /// Messages of frameworks to executors that are here.
    pub messages: u64,
    /// Those to executors that are not.
    pub messages_invalid: u64,
    /// Executors that are gone, with all their containers.
    pub executors_terminated: u64,
    /// Containers that could not be started.
    pub launches_failed: u64,
}

impl Agent {
    /// What it has done.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Its id, once a master has given it one.
    #[must_use]
    pub const fn id(&self) -> Option<&AgentId> {
        self.id.as_ref()
    }

    /// What it says about itself.
    #[must_use]
    pub fn info(&self) -> &AgentInfo {
        &self.info
    }

    /// What it has, with what was reserved and made into volumes on it.
    #[must_use]
    pub const fn total(&self) -> &Resources {
        &self.total
    }

    /// Whether a master has registered it on the connection that stands.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.link.is_registered()
    }

    /// Whether it has nothing to do but to answer at this connection, on which a master has registered it.
    #[must_use]
    pub fn is_idle_at(&self, conn: ConnId) -> bool {
        matches!(self.phase, Phase::Serving) && self.calls.is_empty() && self.link.is_registered() && self.link.is(conn)
    }

    /// Whether it would miss the pings of the master that registered it.
    #[must_use]
    pub fn awaits_pings(&self) -> bool {
        self.timers.due_at(&Timer::Link).is_some()
    }

    /// Whether it has ended for good.
    #[must_use]
    pub const fn has_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
    }

    /// The tasks that run here or ended here and are not acknowledged yet.
    pub fn tasks(&self) -> impl Iterator<Item = TaskView<'_>> {
        self.book.frameworks().flat_map(|(_, framework_id, framework)| {
            framework.tasks.iter().filter_map(move |(_, task_id, task)| {
                let body = task.body.as_ref()?;
                Some(TaskView {
                    framework_id,
                    task_id,
                    state: task.stream.newest(),
                    resources: &body.info.resources,
                    role: &body.role,
                    is_terminal_unacknowledged: task.stream.is_closed(),
                })
            })
        })
    }

    /// The operations that have an id and nobody has acknowledged yet.
    pub fn operations(&self) -> impl Iterator<Item = (&FrameworkId, &TrackedOperation)> {
        self.operations.iter().map(|(framework_id, operation, _)| (framework_id, &**operation))
    }

    /// The description of a framework that has something here, if it is known.
    #[must_use]
    pub fn framework(&self, id: &FrameworkId) -> Option<&FrameworkInfo> {
        let mut frameworks = self.book.frameworks();
        frameworks.find(|(_, own, _)| *own == id).and_then(|(_, _, framework)| framework.info.as_deref())
    }

    /// Whose a container is that runs, is being started or is being destroyed.
    #[must_use]
    pub fn framework_of(&self, container: &ContainerId) -> Option<&FrameworkId> {
        let container = self.book.container(self.book.find_container(container)?)?;
        Some(self.book.framework_id(container.executor.framework))
    }

    /// The containers that run, are being started or are being destroyed.
    pub fn running_containers(&self) -> impl Iterator<Item = &ContainerId> {
        self.book.containers().map(|(id, _)| id)
    }

    /// How many executors there are, with those that are ending.
    #[must_use]
    pub const fn executor_count(&self) -> usize {
        self.book.executor_count()
    }

    /// How many updates nobody has acknowledged yet.
    #[must_use]
    pub fn unacknowledged_updates(&self) -> usize {
        self.book.all_tasks().filter_map(|at| self.book.task(at)).map(|task| task.stream.len()).sum()
    }
}
