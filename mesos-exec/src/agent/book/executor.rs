//! One executor on this agent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use mesos_core::{ContainerId, Executor, ExecutorId, ExecutorInfo, FrameworkId, Instant, Role};

use super::{Book, ContainerRef, ExecutorRef, FrameworkKey, TaskRef};

/// One executor: the guest, its tasks and its containers.
pub(in crate::agent) struct Hosted {
    pub(super) born: u64,
    /// Its description; missing for an executor the agent made for a command.
    pub(in crate::agent) info: Option<Arc<ExecutorInfo>>,
    pub(in crate::agent) role: Role,
    pub(in crate::agent) phase: ExecutorPhase,
    /// The implementation; gone once the executor has ended.
    pub(in crate::agent) guest: Option<Box<dyn Executor>>,
    /// When the guest wants to be called, as last set in the agent's timers.
    pub(in crate::agent) deadline: Option<Instant>,
    /// Whether its description is written down.
    pub(in crate::agent) is_written: bool,
    /// Whether it was ever given a task.
    pub(in crate::agent) was_used: bool,
    /// Its tasks that can still change, with those that wait.
    pub(in crate::agent) tasks: BTreeSet<TaskRef>,
    /// Its containers by the names it gave them.
    pub(in crate::agent) containers: BTreeMap<ContainerId, ContainerRef>,
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

/// Why an executor ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) struct End {
    /// For people.
    pub(in crate::agent) message: Arc<str>,
    /// The task whose updates were too many.
    pub(in crate::agent) flooded: Option<TaskRef>,
}

impl Hosted {
    /// An executor that has not been given anything.
    pub(in crate::agent) fn new(info: Option<Arc<ExecutorInfo>>, role: Role, guest: Box<dyn Executor>) -> Self {
        Self {
            born: 0,
            info,
            role,
            phase: ExecutorPhase::Serving,
            guest: Some(guest),
            deadline: None,
            is_written: false,
            was_used: false,
            tasks: BTreeSet::new(),
            containers: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted")
            .field("info", &self.info)
            .field("phase", &self.phase)
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
