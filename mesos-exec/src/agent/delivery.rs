//! Delivering what is said about tasks: taken over, written, sent, sent again, acknowledged, forgotten.
//!
//! The order is the point: an update is durable before it is sent and before its executor hears that it was taken over, and
//! an acknowledgement is durable before the next update is sent. Updates of frameworks that do not checkpoint count as
//! durable at once. The queue itself is an [`UpdateStream`].

use std::sync::Arc;

use mesos_core::call::agent::ToMaster;
use mesos_core::call::executor::{Event, TaskUpdate};
use mesos_core::kernel::Draft;
use mesos_core::{ContainerId, FrameworkId, Reason, Source, TaskId, TaskState, TaskStatus, UpdateId};

use super::book::{ExecutorRef, FrameworkKey, Task, TaskRef};
use super::options::mutant;
use super::update_stream::{Standing, UpdateStream};
use super::{Agent, AgentCx, Pending, Timer, checkpoint};

impl Agent {
    /// Says something about a task itself, in the words its framework knows.
    pub(super) fn say(
        &mut self,
        cx: &mut AgentCx<'_>,
        at: TaskRef,
        state: TaskState,
        reason: Reason,
        message: impl Into<Arc<str>>,
    ) {
        let Some(framework) = self.book.framework(at.framework) else { return };
        let state = framework.spelled(state);
        let mut status = self.status(cx, at, state, Source::Agent);
        status.reason = Some(reason);
        status.message = Some(message.into());
        self.take_over(cx, at, status);
    }

    /// Says something about a task that is not here. `is_told` is false when there is no room left to remember it.
    pub(super) fn say_of_absent(
        &mut self,
        cx: &mut AgentCx<'_>,
        framework: FrameworkKey,
        task_id: TaskId,
        (state, reason, message): (TaskState, Reason, Arc<str>),
    ) {
        // Twice the bound: the refusals of a full agent have room of their own.
        if self.book.task_count() < self.options.tasks_max.saturating_mul(2) {
            let task = Task::new(UpdateStream::new(TaskState::Staging), false, None);
            if let Some(at) = self.book.add_task(framework, task_id, task) {
                self.say(cx, at, state, reason, message);
            }
        }
    }

    /// What an executor says about one of its tasks. Returns what it may not say.
    pub(super) fn handle_update(
        &mut self,
        cx: &mut AgentCx<'_>,
        executor: ExecutorRef,
        update: TaskUpdate,
    ) -> Result<(), Breach> {
        let judged = self.judge_update(cx, executor, update);
        match judged {
            Ok(()) => self.counters.updates += 1,
            Err(_) => self.counters.updates_invalid += 1,
        }
        judged
    }

    fn judge_update(&mut self, cx: &mut AgentCx<'_>, executor: ExecutorRef, update: TaskUpdate) -> Result<(), Breach> {
        if !is_reportable(update.state) && update.uuid.is_some() {
            return Err(Breach::State(update.state));
        }
        let found = self.book.find_task_of(executor.framework, &update.task_id);
        let found = found.filter(|at| self.book.executor_of(*at) == Some(executor));
        let Some((at, task)) = found.and_then(|at| Some((at, self.book.task(at)?))) else {
            self.confirm_repeated(cx, executor, &update);
            return Ok(());
        };
        match update.uuid.and_then(|uuid| task.stream.standing(uuid)) {
            None => {}
            // It is confirmed once it is written.
            Some(Standing::Pending) => return Ok(()),
            Some(Standing::TakenOver) => {
                self.confirm_repeated(cx, executor, &update);
                return Ok(());
            }
        }
        // Nothing follows a terminal state; an executor that says it twice, or says more, changes nothing.
        if task.stream.is_closed() {
            self.confirm_repeated(cx, executor, &update);
            return Ok(());
        }
        if !is_reportable(update.state) {
            return Err(Breach::State(update.state));
        }
        // The last word always has room: nothing comes after it.
        if task.stream.len() >= self.options.updates_per_task_max && !update.state.is_terminal() {
            return Err(Breach::Flood(at));
        }
        let mut status = self.status(cx, at, update.state, Source::Executor);
        status.reason = update.reason;
        status.message = update.message;
        status.data = update.data;
        status.healthy = update.healthy;
        status.check_status = update.check_status;
        status.labels = update.labels;
        status.limitation = update.limitation;
        status.address = update.address.or(status.address);
        status.uuid = update.uuid.or(status.uuid);
        status.at_wall = update.at_wall.unwrap_or(status.at_wall);
        self.take_over(cx, at, status);
        Ok(())
    }

    /// An executor's process repeats what was taken over, or says what changes nothing: it need not say it again.
    fn confirm_repeated(&self, cx: &mut AgentCx<'_>, executor: ExecutorRef, update: &TaskUpdate) {
        if let Some(uuid) = update.uuid {
            self.tell(cx, executor, Event::Acknowledged { task_id: update.task_id.clone(), uuid });
        }
    }

    fn status(&self, cx: &mut AgentCx<'_>, at: TaskRef, state: TaskState, source: Source) -> TaskStatus {
        let mut status = TaskStatus::new(self.book.task_id(at).clone(), state, source, cx.now.wall);
        status.uuid = Some(cx.rng.update_id());
        status.agent_id = self.id.clone();
        let executor = self.book.executor_of(at).filter(|executor| self.book.executor(*executor).is_some());
        status.executor_id = executor.map(|executor| self.book.executor_id(executor).clone());
        status.container_id = executor.and_then(|executor| self.container_of(executor, &status.task_id));
        if status.container_id.is_some() {
            status.address.clone_from(&self.options.address);
        }
        status
    }

    /// The container a task runs in: its own, or that of the process its executor is.
    pub(super) fn container_of(&self, executor: ExecutorRef, task_id: &TaskId) -> Option<ContainerId> {
        let hosted = self.book.executor(executor)?;
        if let Some(remote) = hosted.remote() {
            return remote.process.clone();
        }
        hosted.containers.get(task_id.as_str()).map(|container| self.book.container_id(*container).clone())
    }

    fn take_over(&mut self, cx: &mut AgentCx<'_>, at: TaskRef, status: TaskStatus) {
        if status.state.is_terminal() {
            self.counters.ended[status.state as usize] += 1;
            self.detach_from_executor(at);
        }
        let is_removed = self.book.framework(at.framework).is_some_and(|framework| framework.is_removed);
        if is_removed && !mutant!(self.options, RetryForRemoved) {
            self.swallow(cx, at, &status);
            return;
        }
        let Some(task) = self.book.task_mut(at) else { return };
        let status = Arc::new(status);
        if self.options.past.is_some() {
            task.note(status.clone());
        }
        let is_checkpointed = task.is_checkpointed;
        if !is_checkpointed {
            let number = task.stream.push(status);
            self.handle_update_written(cx, at, number);
            return;
        }
        let number = task.stream.push(status.clone());
        let change = checkpoint::put_update(self.book.framework_id(at.framework), number, status);
        self.write_then(cx, vec![change], Pending::Update { task: at, number });
    }

    /// Nobody is left to be told.
    fn swallow(&mut self, cx: &mut AgentCx<'_>, at: TaskRef, status: &TaskStatus) {
        if status.source == Source::Executor {
            self.confirm_to_executor(cx, at, &status.task_id, status.uuid);
        }
        if status.state.is_terminal() {
            self.forget_task(cx, at, Vec::new());
        }
    }

    fn confirm_to_executor(&mut self, cx: &mut AgentCx<'_>, at: TaskRef, task_id: &TaskId, uuid: Option<UpdateId>) {
        if let Some(executor) = self.book.executor_of(at) {
            if let Some(uuid) = uuid {
                self.tell(cx, executor, Event::Acknowledged { task_id: task_id.clone(), uuid });
            }
            self.call_guest(cx, executor, |guest, cx| guest.acknowledged(cx, task_id));
        }
    }

    /// A task that ended is not its executor's concern any more.
    pub(super) fn detach_from_executor(&mut self, at: TaskRef) {
        if let Some(executor) = self.book.executor_of(at)
            && let Some(hosted) = self.book.executor_mut(executor)
        {
            hosted.tasks.remove(&at);
        }
    }

    pub(super) fn handle_update_written(&mut self, cx: &mut AgentCx<'_>, at: TaskRef, number: u64) {
        let Some(task) = self.book.task_mut(at) else { return };
        let settled = task.stream.settle(number);
        let is_head = task.stream.is_head(number);
        if let Some((Source::Executor, uuid)) = settled {
            let task_id = self.book.task_id(at).clone();
            self.confirm_to_executor(cx, at, &task_id, uuid);
        }
        if is_head {
            self.send_first(cx, at);
        } else if mutant!(self.options, SendPastHead) {
            self.send_tail(cx, at);
        }
    }

    /// Sends a head for the first time on this registration.
    fn send_first(&mut self, cx: &mut AgentCx<'_>, at: TaskRef) {
        if let Some(task) = self.book.task_mut(at) {
            task.stream.retry_after = self.options.update_retry;
        }
        self.send_head(cx, at);
    }

    fn send_head(&mut self, cx: &mut AgentCx<'_>, at: TaskRef) {
        if !self.link.is_registered() {
            return;
        }
        let Some(task) = self.book.task_mut(at) else { return };
        let (latest, after) = (task.stream.settled(), task.stream.retry_after);
        let Some(status) = task.stream.head_to_send().cloned() else { return };
        let framework_id = self.book.framework_id(at.framework).clone();
        self.send(cx, ToMaster::Update { framework_id, status, latest });
        if !mutant!(self.options, NeverRetryUpdate) {
            self.arm(cx, Timer::Update(at), after);
        }
    }

    fn send_tail(&mut self, cx: &mut AgentCx<'_>, at: TaskRef) {
        let Some(task) = self.book.task(at).filter(|_| self.link.is_registered()) else { return };
        let latest = task.stream.settled();
        let Some(status) = task.stream.tail().cloned() else { return };
        let framework_id = self.book.framework_id(at.framework).clone();
        self.send(cx, ToMaster::Update { framework_id, status, latest });
    }

    /// The head was not acknowledged in time.
    pub(super) fn retry_head(&mut self, cx: &mut AgentCx<'_>, at: TaskRef) {
        let max = self.options.update_retry_max;
        if let Some(task) = self.book.task_mut(at) {
            task.stream.retry_after = (task.stream.retry_after * 2).min(max);
        }
        self.send_head(cx, at);
    }

    /// A (new) master listens: it hears every head at once.
    pub(super) fn send_all_heads(&mut self, cx: &mut AgentCx<'_>) {
        let tasks: Vec<TaskRef> = self.book.all_tasks().collect();
        for at in tasks {
            let is_told = self.book.task(at).is_some_and(|task| task.stream.is_head_told());
            if !(mutant!(self.options, NeverRetryUpdate) && is_told) {
                self.send_first(cx, at);
            }
        }
    }

    pub(super) fn handle_acknowledge(
        &mut self,
        cx: &mut AgentCx<'_>,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        uuid: UpdateId,
    ) {
        let Some(at) = self.book.find_task(framework_id, task_id) else { return };
        let Some(task) = self.book.task_mut(at) else { return };
        let is_any_good = mutant!(self.options, AcknowledgeAnything);
        let acknowledged = if is_any_good { task.stream.pop() } else { task.stream.acknowledge(uuid) };
        let Some(acknowledged) = acknowledged else { return };
        let is_checkpointed = task.is_checkpointed;
        self.timers.cancel(&Timer::Update(at));
        let delete = || checkpoint::delete_update(framework_id, task_id, acknowledged.number);
        if acknowledged.state.is_terminal() {
            self.forget_task(cx, at, if is_checkpointed { vec![delete()] } else { Vec::new() });
        } else if is_checkpointed {
            task.stream.set_acknowledging(true);
            let recent = task.stream.recent().map(Iterator::collect);
            let changes = vec![checkpoint::put_state(framework_id, task_id, acknowledged.state, recent), delete()];
            self.write_then(cx, changes, Pending::Acknowledgement(at));
        } else {
            self.send_first(cx, at);
        }
    }

    pub(super) fn handle_acknowledgement_written(&mut self, cx: &mut AgentCx<'_>, at: TaskRef) {
        if let Some(task) = self.book.task_mut(at) {
            task.stream.set_acknowledging(false);
            self.send_first(cx, at);
        }
    }

    /// The master holds these tasks, and this agent never reported them: it says what became of those it does not know.
    pub(super) fn handle_missing(&mut self, cx: &mut AgentCx<'_>, missing: Vec<(FrameworkId, TaskId)>) {
        // The master may have mistaken this agent for another; then it is not registered any more.
        if !self.link.is_registered() {
            return;
        }
        for (framework_id, task_id) in missing {
            let framework = self.book.framework_or_new(&framework_id, None);
            if self.book.find_task_of(framework, &task_id).is_none() {
                let message = "The agent does not know the task".into();
                self.say_of_absent(cx, framework, task_id, (TaskState::Dropped, Reason::Reconciliation, message));
            }
            self.drop_framework_if_empty(framework);
        }
    }

    /// Forgets a task and all it had to tell. `changes` are written in the same batch.
    pub(super) fn forget_task(&mut self, cx: &mut AgentCx<'_>, at: TaskRef, mut changes: Vec<Draft>) {
        let has_executor = self.book.executor_of(at).is_some_and(|executor| self.book.executor(executor).is_some());
        self.detach_from_executor(at);
        self.timers.cancel(&Timer::Update(at));
        let Some((id, task)) = self.book.remove_task(at) else { return };
        if let (Some(bounds), Some(framework)) = (&self.options.past, self.book.framework(at.framework))
            && let Some(info) = &framework.info
        {
            self.past.note_task(bounds, self.book.framework_id(at.framework), info, &task, has_executor);
        }
        if task.is_checkpointed {
            let framework_id = self.book.framework_id(at.framework);
            changes.extend(checkpoint::delete_task(framework_id, &id, task.stream.numbers()));
        }
        changes.extend(self.drop_framework_if_empty(at.framework));
        self.write(cx, changes);
    }

    /// Forgets a framework of which nothing is left here; the record to delete with it, if there is one.
    pub(super) fn drop_framework_if_empty(&mut self, framework: FrameworkKey) -> Option<Draft> {
        let (id, is_written) = self.book.drop_framework_if_empty(framework)?;
        if let Some(bounds) = &self.options.past {
            self.past.end_framework(bounds, &id);
        }
        is_written.then(|| checkpoint::delete_framework(&id))
    }
}

/// What an executor did that it may not do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Breach {
    /// It reported a state that only an agent or a master can know.
    State(TaskState),
    /// It said more about this task than there is room for.
    Flood(TaskRef),
}

const fn is_reportable(state: TaskState) -> bool {
    !matches!(state, TaskState::Staging | TaskState::Unreachable | TaskState::GoneByOperator | TaskState::Unknown)
}
