//! Tasks on their way in: validated, booked, written down, handed to their executor.
//!
//! For a checkpointing framework nothing starts before the task is durable: an agent that dies in between must know, when
//! it is back, what it had promised to run.

use mesos_core::TaskState;
use mesos_core::call::agent::RunTask;
use mesos_core::kernel::Draft;

use super::book::{Body, ExecutorPhase, ExecutorRef, FrameworkKey, Hosted, Task, TaskRef};
use super::checkpoint::{self, ExecutorRecord, TaskRecord};
use super::update_stream::UpdateStream;
use super::validate::{Destination, Refusal};
use super::{Agent, AgentCx, Pending, Phase};

impl Agent {
    pub(super) fn handle_run(&mut self, cx: &mut AgentCx<'_>, run: RunTask) {
        if !matches!(self.phase, Phase::Serving) {
            return;
        }
        match self.validate_run(&run) {
            Ok(destination) => self.launch(cx, run, destination),
            Err(Refusal::Silent) => {}
            Err(Refusal::Told(state, reason, message)) => {
                let framework = self.book.framework_or_new(&run.framework_id, Some(&run.framework));
                self.describe_framework(cx, framework, &run);
                self.say_of_absent(cx, framework, run.task.id.clone(), (state, reason, message));
                self.drop_framework_if_empty(framework);
            }
        }
    }

    fn launch(&mut self, cx: &mut AgentCx<'_>, run: RunTask, destination: Destination) {
        let framework = self.book.framework_or_new(&run.framework_id, Some(&run.framework));
        self.describe_framework(cx, framework, &run);
        let Some(executor) = self.assign(framework, &run, destination) else { return };
        let Some(row) = self.book.framework_mut(framework) else { return };
        let is_checkpointed = row.is_checkpointed;
        let mut changes = Vec::new();
        if is_checkpointed {
            changes = self.launch_records(framework, executor, &run);
        }
        let RunTask { task: info, role, .. } = run;
        let id = info.id.clone();
        let body = Body::new(info, role, Some(executor));
        let task = Task::new(UpdateStream::new(TaskState::Staging), is_checkpointed, Some(body));
        let Some(at) = self.book.add_task(framework, id, task) else { return };
        if let Some(hosted) = self.book.executor_mut(executor) {
            hosted.tasks.insert(at);
        }
        if is_checkpointed {
            self.queued += 1;
            self.write_then(cx, changes, Pending::Task(at));
        } else {
            self.deliver(cx, at);
        }
    }

    /// A framework may come with a newer description than the one that is known.
    fn describe_framework(&mut self, cx: &mut AgentCx<'_>, framework: FrameworkKey, run: &RunTask) {
        let Some(row) = self.book.framework_mut(framework) else { return };
        if row.describe(&run.framework) && row.is_written {
            self.write(cx, vec![checkpoint::put_framework(&run.framework_id, &run.framework)]);
        }
    }

    fn assign(&mut self, framework: FrameworkKey, run: &RunTask, destination: Destination) -> Option<ExecutorRef> {
        match destination {
            Destination::Existing(executor) => Some(executor),
            Destination::New { id, info, guest } => {
                self.book.add_executor(framework, id, Hosted::new(info, run.role.clone(), guest))
            }
        }
    }

    /// What has to be durable before the task starts, in one batch.
    fn launch_records(&mut self, framework: FrameworkKey, executor: ExecutorRef, run: &RunTask) -> Vec<Draft> {
        let mut changes = Vec::with_capacity(3);
        if let Some(row) = self.book.framework_mut(framework)
            && !std::mem::replace(&mut row.is_written, true)
        {
            let info = row.info.as_ref().unwrap_or(&run.framework);
            changes.push(checkpoint::put_framework(&run.framework_id, info));
        }
        if let Some(hosted) = self.book.executor_mut(executor)
            && let Some(info) = hosted.info.clone()
            && !std::mem::replace(&mut hosted.is_written, true)
        {
            let record = ExecutorRecord { info, role: hosted.role.clone() };
            changes.push(checkpoint::put_executor(&run.framework_id, self.book.executor_id(executor), record));
        }
        let record = TaskRecord { info: run.task.clone(), role: run.role.clone() };
        changes.push(checkpoint::put_task(&run.framework_id, &run.task.id, record));
        changes
    }

    /// A task is durable; if nobody ended it meanwhile, it starts.
    pub(super) fn handle_task_written(&mut self, cx: &mut AgentCx<'_>, at: TaskRef) {
        self.queued = self.queued.saturating_sub(1);
        if self.book.task(at).is_some_and(Task::is_queued) {
            self.deliver(cx, at);
        }
    }

    /// Hands a task to its executor. One that is ending gets nothing: the task ends with it.
    fn deliver(&mut self, cx: &mut AgentCx<'_>, at: TaskRef) {
        let Some(executor) = self.book.executor_of(at) else { return };
        let Some(hosted) = self.book.executor_mut(executor) else { return };
        if hosted.phase != ExecutorPhase::Serving {
            return;
        }
        hosted.was_used = true;
        let Some(body) = self.book.task_mut(at).and_then(|task| task.body.as_mut()) else { return };
        body.is_delivered = true;
        let info = body.info.clone();
        self.call_guest(cx, executor, |guest, cx| guest.launch(cx, vec![info]));
    }
}
