//! One task on this agent.

use std::sync::Arc;

use mesos_core::{FrameworkId, KillPolicy, Role, TaskId, TaskInfo, TaskStatus};

use super::{Book, ExecutorRef, FrameworkKey, TaskRef};
use crate::agent::update_stream::UpdateStream;

/// Statuses of one task that are kept for views: as a rule fewer are said.
const SAID_MAX: usize = 16;

/// One task: what runs, if anything does, and what is still to be told about it.
#[derive(Debug)]
pub(in crate::agent) struct Task {
    pub(super) born: u64,
    /// Whether it is written down.
    pub(in crate::agent) is_checkpointed: bool,
    pub(in crate::agent) stream: UpdateStream,
    /// What was said of it, the last of those in a row with one state; only kept where somebody looks back.
    pub(in crate::agent) said: Vec<Arc<TaskStatus>>,
    /// Missing for a task that never was here: then the stream says so.
    pub(in crate::agent) body: Option<Body>,
}

/// A task that is or was here.
#[derive(Debug)]
pub(in crate::agent) struct Body {
    pub(in crate::agent) info: Arc<TaskInfo>,
    pub(in crate::agent) role: Role,
    /// Its executor, for as long as that lives.
    pub(in crate::agent) executor: Option<ExecutorRef>,
    /// Whether it may be given to its executor: whatever has to be written before is.
    pub(in crate::agent) is_ready: bool,
    /// Whether its executor has it.
    pub(in crate::agent) is_delivered: bool,
    /// It was asked to end, and how: told again to an executor that connects again.
    pub(in crate::agent) kill: Option<KillPolicy>,
}

impl Task {
    /// A task on its way to an executor.
    pub(in crate::agent) const fn new(stream: UpdateStream, is_checkpointed: bool, body: Option<Body>) -> Self {
        Self { born: 0, is_checkpointed, stream, said: Vec::new(), body }
    }

    /// Something is said of it.
    pub(in crate::agent) fn note(&mut self, status: Arc<TaskStatus>) {
        if self.said.last().is_some_and(|last| last.state == status.state) {
            self.said.pop();
        }
        if self.said.len() >= SAID_MAX {
            self.said.remove(0);
        }
        self.said.push(status);
    }

    /// What waits to be told was said before: it is all that is known of that after a restart.
    pub(in crate::agent) fn note_all_waiting(&mut self) {
        for status in self.stream.waiting().cloned().collect::<Vec<_>>() {
            self.note(status);
        }
    }

    /// Whether it can still change.
    pub(in crate::agent) const fn is_live(&self) -> bool {
        self.body.is_some() && !self.stream.is_closed()
    }

    /// Whether it waits to be given to its executor.
    pub(in crate::agent) fn is_queued(&self) -> bool {
        self.is_live() && self.body.as_ref().is_some_and(|body| !body.is_delivered)
    }
}

impl Body {
    /// A task that its executor does not have yet.
    pub(in crate::agent) const fn new(info: Arc<TaskInfo>, role: Role, executor: Option<ExecutorRef>) -> Self {
        Self { info, role, executor, is_ready: false, is_delivered: false, kill: None }
    }
}

impl Book {
    /// Adds a task; `None` when the id is taken.
    pub(in crate::agent) fn add_task(
        &mut self,
        framework: FrameworkKey,
        id: TaskId,
        mut task: Task,
    ) -> Option<TaskRef> {
        let born = self.birth();
        task.born = born;
        let task = self.framework_mut(framework)?.tasks.insert(id, task).ok()?;
        self.tasks += 1;
        Some(TaskRef { framework, task, born })
    }

    pub(in crate::agent) fn find_task(&self, framework: &FrameworkId, id: &TaskId) -> Option<TaskRef> {
        self.find_task_of(self.find_framework(framework)?, id)
    }

    pub(in crate::agent) fn find_task_of(&self, framework: FrameworkKey, id: &TaskId) -> Option<TaskRef> {
        let tasks = &self.framework(framework)?.tasks;
        let task = tasks.find(id)?;
        Some(TaskRef { framework, task, born: tasks[task].born })
    }

    pub(in crate::agent) fn task(&self, at: TaskRef) -> Option<&Task> {
        self.framework(at.framework)?.tasks.get(at.task).filter(|task| task.born == at.born)
    }

    pub(in crate::agent) fn task_mut(&mut self, at: TaskRef) -> Option<&mut Task> {
        self.framework_mut(at.framework)?.tasks.get_mut(at.task).filter(|task| task.born == at.born)
    }

    /// The id of a task somebody holds a live reference to.
    pub(in crate::agent) fn task_id(&self, at: TaskRef) -> &TaskId {
        self.framework(at.framework).and_then(|f| f.tasks.id(at.task)).expect("asked for tasks that are known")
    }

    /// The executor a task is with.
    pub(in crate::agent) fn executor_of(&self, at: TaskRef) -> Option<ExecutorRef> {
        self.task(at)?.body.as_ref()?.executor
    }

    pub(in crate::agent) fn remove_task(&mut self, at: TaskRef) -> Option<(TaskId, Task)> {
        self.task(at)?;
        self.tasks -= 1;
        self.framework_mut(at.framework)?.tasks.remove(at.task)
    }

    /// All tasks of a framework, in slot order.
    pub(in crate::agent) fn tasks_of(&self, framework: FrameworkKey) -> impl Iterator<Item = TaskRef> + '_ {
        let tasks = self.framework(framework).into_iter().flat_map(|f| f.tasks.iter());
        tasks.map(move |(key, _, task)| TaskRef { framework, task: key, born: task.born })
    }

    /// All tasks, in slot order.
    pub(in crate::agent) fn all_tasks(&self) -> impl Iterator<Item = TaskRef> + '_ {
        self.frameworks().flat_map(|(key, _, _)| self.tasks_of(key))
    }
}
