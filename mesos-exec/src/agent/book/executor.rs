//! One executor on this agent.

use std::fmt;
use std::sync::Arc;

use mesos_core::call::ConnId;
use mesos_core::{ContainerId, Executor, ExecutorId, ExecutorInfo, FrameworkId, Instant, Reason, Role, TaskState};

use super::few::Few;
use super::{Book, ContainerRef, ExecutorRef, FrameworkKey, TaskRef};

/// One executor: what stands for it, its tasks and its containers.
pub(in crate::agent) struct Hosted {
    pub(super) born: u64,
    /// Its description; missing for an executor the agent made for a command.
    pub(in crate::agent) info: Option<Arc<ExecutorInfo>>,
    pub(in crate::agent) role: Role,
    pub(in crate::agent) phase: ExecutorPhase,
    pub(in crate::agent) body: ExecutorBody,
    /// When the guest wants to be called, as last set in the agent's timers.
    pub(in crate::agent) deadline: Option<Instant>,
    /// Whether its description is written down.
    pub(in crate::agent) is_written: bool,
    /// Whether it was ever given a task.
    pub(in crate::agent) was_used: bool,
    /// Its tasks that can still change, with those that wait.
    pub(in crate::agent) tasks: Few<TaskRef, ()>,
    /// The container it runs in itself, or the first it made; known also when that has gone.
    pub(in crate::agent) run: Option<ContainerId>,
    /// Its containers by the names it gave them, and the one it runs in itself by its id.
    pub(in crate::agent) containers: Few<ContainerId, ContainerRef>,
}

/// What stands for an executor.
pub(in crate::agent) enum ExecutorBody {
    /// Code inside the agent.
    Guest(Box<dyn Executor>),
    /// A process that connects.
    Remote(Remote),
    /// Nothing any more: it has ended.
    Gone,
}

/// An executor that is a process of its own.
#[derive(Debug)]
pub(in crate::agent) struct Remote {
    /// The container it runs in; none before its first task is ready.
    pub(in crate::agent) process: Option<ContainerId>,
    pub(in crate::agent) line: Line,
}

/// How an executor's process is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::agent) enum Line {
    /// It has not subscribed yet.
    Awaited,
    /// It ran before the agent restarted and has not subscribed since.
    AwaitedAgain,
    /// It is subscribed.
    Open(ConnId),
    /// It was, and may be again.
    Broken,
}

/// Where an executor is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) enum ExecutorPhase {
    /// It takes tasks.
    Serving,
    /// It was told to end.
    Stopping,
    /// It has ended; what is left of its containers is being destroyed.
    Ended(End),
}

/// How an executor ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) struct End {
    /// For people.
    pub(in crate::agent) message: Arc<str>,
    /// What becomes of its tasks.
    pub(in crate::agent) state: TaskState,
    /// Why.
    pub(in crate::agent) reason: Reason,
    /// As a wait status of the system.
    pub(in crate::agent) status: i32,
    /// The task whose updates were too many.
    pub(in crate::agent) flooded: Option<TaskRef>,
}

impl End {
    /// Ended by its agent.
    pub(in crate::agent) fn forced(message: impl Into<Arc<str>>) -> Self {
        const SIGKILL: i32 = 9;
        Self {
            message: message.into(),
            state: TaskState::Failed,
            reason: Reason::ExecutorTerminated,
            status: SIGKILL,
            flooded: None,
        }
    }

    /// With this reason.
    pub(in crate::agent) fn because(self, reason: Reason) -> Self {
        Self { reason, ..self }
    }
}

impl ExecutorBody {
    /// A process that was not started yet.
    pub(in crate::agent) const fn remote() -> Self {
        Self::Remote(Remote { process: None, line: Line::Awaited })
    }
}

impl fmt::Debug for ExecutorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guest(_) => f.write_str("Guest"),
            Self::Remote(remote) => remote.fmt(f),
            Self::Gone => f.write_str("Gone"),
        }
    }
}

impl Hosted {
    /// An executor that has not been given anything.
    pub(in crate::agent) const fn new(info: Option<Arc<ExecutorInfo>>, role: Role, body: ExecutorBody) -> Self {
        Self {
            born: 0,
            info,
            role,
            phase: ExecutorPhase::Serving,
            body,
            deadline: None,
            is_written: false,
            was_used: false,
            tasks: Few::None,
            run: None,
            containers: Few::None,
        }
    }

    /// Whether it has ended.
    pub(in crate::agent) const fn has_ended(&self) -> bool {
        matches!(self.phase, ExecutorPhase::Ended(_))
    }

    /// The process it is, if it is one of its own and has not ended.
    pub(in crate::agent) const fn remote(&self) -> Option<&Remote> {
        match &self.body {
            ExecutorBody::Remote(remote) => Some(remote),
            ExecutorBody::Guest(_) | ExecutorBody::Gone => None,
        }
    }

    /// Whether it is a process that has never connected.
    pub(in crate::agent) const fn is_awaited(&self) -> bool {
        matches!(self.body, ExecutorBody::Remote(Remote { line: Line::Awaited, .. }))
    }

    /// The connection of its process, if it stands.
    pub(in crate::agent) const fn conn(&self) -> Option<ConnId> {
        match &self.body {
            ExecutorBody::Remote(Remote { line: Line::Open(conn), .. }) => Some(*conn),
            _ => None,
        }
    }
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted")
            .field("info", &self.info)
            .field("phase", &self.phase)
            .field("body", &self.body)
            .field("tasks", &self.tasks)
            .field("containers", &self.containers)
            .finish_non_exhaustive()
    }
}

impl Book {
    /// Adds an executor; `None` when the id is taken.
    pub(in crate::agent) fn add_executor(
        &mut self,
        framework: FrameworkKey,
        id: ExecutorId,
        mut hosted: Hosted,
    ) -> Option<ExecutorRef> {
        let born = self.birth();
        hosted.born = born;
        let executor = self.framework_mut(framework)?.executors.insert(id, hosted).ok()?;
        self.executors += 1;
        Some(ExecutorRef { framework, executor, born })
    }

    pub(in crate::agent) fn find_executor(&self, framework: &FrameworkId, id: &ExecutorId) -> Option<ExecutorRef> {
        self.find_executor_of(self.find_framework(framework)?, id)
    }

    pub(in crate::agent) fn find_executor_of(&self, framework: FrameworkKey, id: &ExecutorId) -> Option<ExecutorRef> {
        let executors = &self.framework(framework)?.executors;
        let executor = executors.find(id)?;
        Some(ExecutorRef { framework, executor, born: executors[executor].born })
    }

    pub(in crate::agent) fn executor(&self, at: ExecutorRef) -> Option<&Hosted> {
        self.framework(at.framework)?.executors.get(at.executor).filter(|hosted| hosted.born == at.born)
    }

    pub(in crate::agent) fn executor_mut(&mut self, at: ExecutorRef) -> Option<&mut Hosted> {
        self.framework_mut(at.framework)?.executors.get_mut(at.executor).filter(|hosted| hosted.born == at.born)
    }

    /// The id of an executor somebody holds a live reference to.
    pub(in crate::agent) fn executor_id(&self, at: ExecutorRef) -> &ExecutorId {
        self.framework(at.framework)
            .and_then(|f| f.executors.id(at.executor))
            .expect("asked for executors that are known")
    }

    pub(in crate::agent) fn remove_executor(&mut self, at: ExecutorRef) -> Option<(ExecutorId, Hosted)> {
        self.executor(at)?;
        self.executors -= 1;
        self.framework_mut(at.framework)?.executors.remove(at.executor)
    }

    /// All executors of a framework, in slot order.
    pub(in crate::agent) fn executors_of(&self, framework: FrameworkKey) -> impl Iterator<Item = ExecutorRef> + '_ {
        let executors = self.framework(framework).into_iter().flat_map(|f| f.executors.iter());
        executors.map(move |(key, _, hosted)| ExecutorRef { framework, executor: key, born: hosted.born })
    }

    /// All executors, in slot order.
    pub(in crate::agent) fn all_executors(&self) -> impl Iterator<Item = ExecutorRef> + '_ {
        self.frameworks().flat_map(|(key, _, _)| self.executors_of(key))
    }
}
