//! Which tasks an agent takes.
//!
//! The master has judged the task itself: resources, role, authorization. Here is only what the agent alone can know: that
//! the task is meant for it, that it never runs twice, that there is room, and that somebody can run it. A refusal changes
//! nothing.

use std::sync::Arc;

use mesos_core::{ExecutorId, ExecutorInfo, Reason, TaskState};

use super::Agent;
use super::book::{ExecutorBody, ExecutorPhase, ExecutorRef};
use super::launch::Wanted;

/// Why a task is not taken.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Nothing is to be said: the task is known, or nobody is left to hear it.
    Silent,
    /// Its framework is told.
    Told(TaskState, Reason, Arc<str>),
}

/// The executor a task goes to.
pub(super) enum Destination {
    /// One that runs.
    Existing(ExecutorRef),
    /// One that is made for it.
    New { id: ExecutorId, info: Option<Arc<ExecutorInfo>>, body: ExecutorBody },
}

fn told(state: TaskState, reason: Reason, message: impl Into<Arc<str>>) -> Refusal {
    Refusal::Told(state, reason, message.into())
}

impl Agent {
    /// Where a task, or a group, goes, or why nowhere.
    pub(super) fn validate_run(&self, run: Wanted<'_>) -> Result<Destination, Refusal> {
        let framework = self.book.find_framework(run.framework_id);
        let is_known = |id| framework.is_some_and(|framework| self.book.find_task_of(framework, id).is_some());
        let known = run.tasks.iter().filter(|task| is_known(&task.id)).count();
        if known == run.tasks.len() {
            return Err(Refusal::Silent);
        }
        if known > 0 {
            let message = "A task of the group is on the agent already";
            return Err(told(TaskState::Dropped, Reason::TaskGroupInvalid, message));
        }
        if framework.and_then(|framework| self.book.framework(framework)).is_some_and(|f| f.is_removed) {
            return Err(Refusal::Silent);
        }
        if let Some(other) = run.tasks.iter().find(|task| self.id.as_ref() != Some(&task.agent_id)) {
            let message = format!("Task was meant for agent {}, and this is another", other.agent_id);
            return Err(told(TaskState::Error, Reason::TaskInvalid, message));
        }
        let more = run.tasks.len();
        if self.book.task_count() + more > self.options.tasks_max {
            return Err(told(TaskState::Dropped, Reason::QueueFull, "The agent has as many tasks as it may have"));
        }
        if self.queued + more > self.options.queued_tasks_max {
            return Err(told(TaskState::Dropped, Reason::QueueFull, "Too many tasks wait to be written on the agent"));
        }
        let id = run.tasks[0].executor_id();
        match framework.and_then(|framework| self.book.find_executor_of(framework, &id)) {
            Some(executor) => self.validate_existing(executor, run),
            None => self.validate_new(id, run),
        }
    }

    fn validate_existing(&self, at: ExecutorRef, run: Wanted<'_>) -> Result<Destination, Refusal> {
        let Some(hosted) = self.book.executor(at) else { return Err(Refusal::Silent) };
        if hosted.phase != ExecutorPhase::Serving {
            return Err(told(TaskState::Dropped, Reason::ExecutorTerminated, "The executor of the task is ending"));
        }
        match (run.tasks[0].run.executor(), &hosted.info) {
            (Some(wanted), Some(info)) if wanted == info => {}
            _ => {
                let message =
                    format!("An executor {} with another description runs already", self.book.executor_id(at));
                return Err(told(TaskState::Error, Reason::TaskInvalid, message));
            }
        }
        if hosted.tasks.len() + run.tasks.len() > self.options.tasks_per_executor_max {
            return Err(told(TaskState::Dropped, Reason::QueueFull, "The executor has as many tasks as it may have"));
        }
        Ok(Destination::Existing(at))
    }

    fn validate_new(&self, id: ExecutorId, run: Wanted<'_>) -> Result<Destination, Refusal> {
        let Some(info) = run.tasks[0].run.executor() else {
            let body = ExecutorBody::Guest(self.factory.command(run.framework));
            return Ok(Destination::New { id, info: None, body });
        };
        if !run.may_start_executor {
            return Err(told(TaskState::Dropped, Reason::ExecutorTerminated, "The executor of the task has ended"));
        }
        let body = match info.command() {
            None => self.factory.make(info, run.framework).map(ExecutorBody::Guest),
            Some(_) if self.options.endpoint.is_some() => Some(ExecutorBody::remote()),
            Some(_) => {
                let message = "The agent listens to no executors, so it starts none that would have to connect";
                return Err(told(TaskState::Failed, Reason::ContainerLaunchFailed, message));
            }
        };
        match body {
            Some(body) => Ok(Destination::New { id, info: Some(info.clone()), body }),
            None => {
                let kinds: Vec<&str> = self.factory.kinds().collect();
                let message = format!(
                    "The agent knows no executors of kind {:?}, only of {}",
                    info.kind().unwrap_or_default(),
                    kinds.join(", ")
                );
                Err(told(TaskState::Failed, Reason::ContainerLaunchFailed, message))
            }
        }
    }
}
