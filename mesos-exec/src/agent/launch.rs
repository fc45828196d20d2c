//! Tasks on their way in: validated, booked, written down, handed to their executor.
//!
//! For a checkpointing framework nothing starts before the task is durable: an agent that dies in between must know, when
//! it is back, what it had promised to run. The tasks of a group are judged, written and handed over together.

use std::slice;
use std::sync::Arc;

use mesos_core::call::agent::{RunGroup, RunTask};
use mesos_core::kernel::Draft;
use mesos_core::{FrameworkId, FrameworkInfo, Role, TaskInfo, TaskRun, TaskState};

use super::book::{Body, ExecutorPhase, ExecutorRef, FrameworkKey, Hosted, Task, TaskRef};
use super::checkpoint::{self, ExecutorRecord, TaskRecord};
use super::update_stream::UpdateStream;
use super::validate::{Destination, Refusal};
use super::{Agent, AgentCx, Pending, Phase};

/// What the master wants to run: one task, or a whole group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) framework_id: &'a FrameworkId,
    pub(super) framework: &'a Arc<FrameworkInfo>,
    pub(super) role: &'a Role,
    /// At least one, all of one executor.
    pub(super) tasks: &'a [Arc<TaskInfo>],
    pub(super) may_start_executor: bool,
}

impl Agent {
    pub(super) fn handle_run(&mut self, cx: &mut AgentCx<'_>, run: &RunTask) {
        let RunTask { framework_id, framework, role, task, may_start_executor } = run;
        let (tasks, may_start_executor) = (slice::from_ref(task), *may_start_executor);
        self.handle_wanted(cx, Wanted { framework_id, framework, role, tasks, may_start_executor });
    }

    pub(super) fn handle_run_group(&mut self, cx: &mut AgentCx<'_>, run: &RunGroup) {
        let RunGroup { framework_id, framework, role, tasks, may_start_executor } = run;
        let may_start_executor = *may_start_executor;
        if !tasks.is_empty() {
            self.handle_wanted(cx, Wanted { framework_id, framework, role, tasks, may_start_executor });
        }
    }

    fn handle_wanted(&mut self, cx: &mut AgentCx<'_>, wanted: Wanted<'_>) {
        if !matches!(self.phase, Phase::Serving) {
            return;
        }
        match self.validate_run(wanted) {
            Ok(destination) => self.launch(cx, wanted, destination),
            Err(Refusal::Silent) => {}
            Err(Refusal::Told(state, reason, message)) => {
                let framework = self.book.framework_or_new(wanted.framework_id, Some(wanted.framework));
                self.describe_framework(cx, framework, wanted);
                for task in wanted.tasks {
                    self.say_of_absent(cx, framework, task.id.clone(), (state, reason, message.clone()));
                }
                self.drop_framework_if_empty(framework);
            }
        }
    }

    fn launch(&mut self, cx: &mut AgentCx<'_>, wanted: Wanted<'_>, destination: Destination) {
        self.past.begin_framework(wanted.framework_id);
        let framework = self.book.framework_or_new(wanted.framework_id, Some(wanted.framework));
        self.describe_framework(cx, framework, wanted);
        let Some(executor) = self.assign(framework, wanted.role, destination) else { return };
        let Some(row) = self.book.framework_mut(framework) else { return };
        let is_checkpointed = row.is_checkpointed;
        let mut changes = Vec::new();
        if is_checkpointed {
            changes = self.launch_records(framework, executor, wanted);
        }
        let is_remote = self.book.executor(executor).is_some_and(|hosted| hosted.remote().is_some());
        let mut booked = Vec::with_capacity(wanted.tasks.len());
        for info in wanted.tasks {
            let body = Body::new(info.clone(), wanted.role.clone(), Some(executor));
            let mut task = Task::new(UpdateStream::new(TaskState::Staging), is_checkpointed, Some(body));
            if is_remote {
                task.stream.remember([]);
            }
            booked.extend(self.book.add_task(framework, info.id.clone(), task));
        }
        if let Some(hosted) = self.book.executor_mut(executor) {
            booked.iter().for_each(|task| hosted.tasks.insert(*task, ()));
        }
        if is_checkpointed {
            self.queued += booked.len();
            let then = match *booked {
                [task] => Pending::Task(task),
                _ => Pending::Group(booked),
            };
            self.write_then(cx, changes, then);
        } else {
            self.deliver(cx, executor, &booked);
        }
    }

    /// A framework may come with a newer description than the one that is known.
    fn describe_framework(&mut self, cx: &mut AgentCx<'_>, framework: FrameworkKey, wanted: Wanted<'_>) {
        let Some(row) = self.book.framework_mut(framework) else { return };
        if row.describe(wanted.framework) && row.is_written {
            self.write(cx, vec![checkpoint::put_framework(wanted.framework_id, wanted.framework)]);
        }
    }

    fn assign(&mut self, framework: FrameworkKey, role: &Role, destination: Destination) -> Option<ExecutorRef> {
        match destination {
            Destination::Existing(executor) => Some(executor),
            Destination::New { id, info, body } => {
                self.book.add_executor(framework, id, Hosted::new(info, role.clone(), body))
            }
        }
    }

    /// What has to be durable before the tasks start, in one batch.
    fn launch_records(&mut self, framework: FrameworkKey, executor: ExecutorRef, wanted: Wanted<'_>) -> Vec<Draft> {
        let mut changes = Vec::with_capacity(2 + wanted.tasks.len());
        if let Some(row) = self.book.framework_mut(framework)
            && !std::mem::replace(&mut row.is_written, true)
        {
            let info = row.info.as_ref().unwrap_or(wanted.framework);
            changes.push(checkpoint::put_framework(wanted.framework_id, info));
        }
        if let Some(hosted) = self.book.executor_mut(executor)
            && let Some(info) = hosted.info.clone()
            && !std::mem::replace(&mut hosted.is_written, true)
        {
            let record = ExecutorRecord { info, role: hosted.role.clone() };
            changes.push(checkpoint::put_executor(wanted.framework_id, self.book.executor_id(executor), record));
        }
        for task in wanted.tasks {
            let record = TaskRecord { info: task.clone(), role: wanted.role.clone() };
            changes.push(checkpoint::put_task(wanted.framework_id, &task.id, record));
        }
        changes
    }

    /// Tasks are durable; those that nobody ended meanwhile start.
    pub(super) fn handle_tasks_written(&mut self, cx: &mut AgentCx<'_>, tasks: &[TaskRef]) {
        self.queued = self.queued.saturating_sub(tasks.len());
        let waiting = tasks.iter().copied().filter(|at| self.book.task(*at).is_some_and(Task::is_queued));
        let waiting: Vec<TaskRef> = waiting.collect();
        if let Some(executor) = waiting.first().and_then(|at| self.book.executor_of(*at)) {
            self.deliver(cx, executor, &waiting);
        }
    }

    /// Hands tasks that belong together to their executor. One that is ending gets nothing: the tasks end with it.
    pub(super) fn deliver(&mut self, cx: &mut AgentCx<'_>, executor: ExecutorRef, tasks: &[TaskRef]) {
        let Some(hosted) = self.book.executor_mut(executor) else { return };
        if hosted.phase != ExecutorPhase::Serving {
            return;
        }
        if hosted.remote().is_some() {
            return self.deliver_remote(cx, executor, tasks);
        }
        hosted.was_used = true;
        let mut infos = Vec::with_capacity(tasks.len());
        for at in tasks {
            let Some(body) = self.book.task_mut(*at).and_then(|task| task.body.as_mut()) else { continue };
            body.is_delivered = true;
            infos.push(body.info.clone());
        }
        let is_group = infos.iter().any(|info| matches!(info.run, TaskRun::InGroup { .. }));
        self.call_guest(cx, executor, |guest, cx| match is_group {
            true => guest.launch_group(cx, infos),
            false => guest.launch(cx, infos),
        });
    }
}
