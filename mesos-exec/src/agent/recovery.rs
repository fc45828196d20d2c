//! Coming back: from what an earlier run wrote down and what survived of it on the machine.
//!
//! ```text
//!   records ─▶ Memory ─▶ executors worth keeping ─ Recover(their containers) ─▶ survivors
//!                                                                                 │
//!     task with a surviving command, or of an executor made anew ─▶ goes on       │
//!     task whose command did not survive ─▶ GONE                                  ▼
//!     task that never reached an executor ─▶ DROPPED                           Serving
//! ```
//!
//! Terminal updates found here go through the ordinary streams, so they are written, sent and sent again like any other.
//! Registration begins afterwards: the first thing a master hears is complete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::kernel::{Draft, Record};
use mesos_core::{ContainerId, ExecutorId, ExecutorRun, Exit, FrameworkId, Reason, Role, TaskId, TaskInfo, TaskState};

use super::book::{
    Body, Book, Container, ContainerPhase, End, ExecutorBody, ExecutorRef, FrameworkKey, Hosted, Line, Remote, Task,
    TaskRef,
};
use super::checkpoint::{self, ContainerRecord, ExecutorRecord, Memory, StateRecord};
use super::nested::nest_of;
use super::operation::Operations;
use super::options::mutant;
use super::update_stream::UpdateStream;
use super::{Agent, AgentCx, ContainerOp, ContainerOutcome, Effect, Pending, Phase, StopReason, Timer};

/// What is said of tasks that are gone.
const GONE: &str = "Task did not survive the restart of its agent";

/// An executor of an earlier run.
type Key = (FrameworkId, ExecutorId);

/// What is kept until the containers are known.
#[derive(Debug)]
pub(super) struct Recovery {
    /// Containers that were written down, by executor.
    containers: BTreeMap<Key, BTreeMap<ContainerId, ContainerRecord>>,
    /// Executors worth keeping, with the tasks they had.
    executors: BTreeMap<Key, Former>,
    /// Containers that no executor had.
    standalone: BTreeMap<ContainerId, Option<ContainerId>>,
    /// The agent is to end as soon as it is back.
    pub(super) stop: Option<StopReason>,
}

/// What an executor of an earlier run had.
#[derive(Debug, Default)]
struct Former {
    /// Tasks it was given and that had not ended.
    tasks: Vec<TaskRef>,
    /// The container it ran in, if it was a process.
    process: Option<ContainerId>,
}

impl Agent {
    /// The first input.
    pub(super) fn handle_records(&mut self, cx: &mut AgentCx<'_>, records: &[Record]) {
        let Phase::Starting { stop } = &mut self.phase else { return };
        let stop = stop.take();
        let readable: Vec<Record>;
        let records = if mutant!(self.options, TrustTornRecord) {
            let is_read = |record: &&Record| record.decode::<serde_json::Value>().is_ok();
            readable = records.iter().filter(is_read).cloned().collect();
            &readable
        } else {
            records
        };
        let memory = match Memory::decode(records) {
            Ok(memory) => memory,
            Err(problem) => {
                self.stop(cx, StopReason::Checkpoint(problem));
                return;
            }
        };
        self.book = Book::seeded(cx.rng.bits());
        self.id = memory.agent_id.clone();
        if let Some(total) = &memory.total {
            self.total = total.clone();
        }
        if let Err(problem) = self.reconfigure(cx, memory.info.as_ref(), memory.total.is_some()) {
            self.stop(cx, StopReason::Reconfigured(problem));
            return;
        }
        self.operations = Operations::recovered(memory.operations.values().cloned());
        let recovery = self.restore(cx, memory, stop);
        let known = recovery.executors.keys().filter_map(|key| recovery.containers.get(key));
        let known = known.flat_map(BTreeMap::keys).chain(recovery.standalone.keys()).cloned().collect();
        self.phase = Phase::Recovering(Box::new(recovery));
        let ticket = self.tickets.draw();
        self.await_answer(ticket, Pending::Recovery);
        cx.emit(Effect::Container { ticket, op: ContainerOp::Recover(known) });
        self.arm(cx, Timer::Recovery, self.options.recovery_timeout);
    }

    pub(super) fn handle_recovery_timeout(&mut self, cx: &mut AgentCx<'_>) {
        if matches!(self.phase, Phase::Recovering(_)) {
            self.stop(cx, StopReason::Recovery("the containerizer did not answer in time".into()));
        }
    }

    /// Puts frameworks and tasks back into the book and finds out which executors are worth keeping.
    fn restore(&mut self, cx: &mut AgentCx<'_>, memory: Memory, stop: Option<StopReason>) -> Recovery {
        let Memory { frameworks, executors, tasks, mut states, mut updates, containers, standalone, .. } = memory;
        for (id, info) in &frameworks {
            let key = self.book.framework_or_new(id, Some(info));
            if let Some(framework) = self.book.framework_mut(key) {
                framework.is_written = true;
                framework.is_checkpointed = true;
            }
        }
        let mut recovery = Recovery { containers: BTreeMap::new(), executors: BTreeMap::new(), standalone, stop };
        let mut contained = BTreeSet::new();
        for (id, record) in containers {
            contained.extend(record.task_id.clone().map(|task_id| (record.framework_id.clone(), task_id)));
            let key = (record.framework_id.clone(), record.executor_id.clone());
            if record.is_process {
                // An executor that is a process may run on without tasks.
                recovery.executors.entry(key.clone()).or_default().process = Some(id.clone());
            }
            recovery.containers.entry(key).or_default().insert(id, record);
        }
        for (key, record) in tasks {
            let (told, recent) = states.remove(&key).map(StateRecord::into_parts).unzip();
            let updates = updates.remove(&key).unwrap_or_default();
            let executor = (key.0.clone(), record.info.executor_id());
            // What a process was given it says itself when it is back.
            let has_process = recovery.executors.get(&executor).is_some_and(|former| former.process.is_some());
            let was_delivered = told.is_some() || !updates.is_empty() || contained.contains(&key) || has_process;
            let mut stream = UpdateStream::recovered(told.unwrap_or(TaskState::Staging), updates);
            if record.info.run.executor().is_some_and(|executor| executor.command().is_some()) {
                stream.remember(recent.unwrap_or_default());
            }
            let framework = self.book.framework_or_new(&key.0, None);
            let mut body = Body::new(record.info, record.role, None);
            body.is_delivered = was_delivered;
            let mut task = Task::new(stream, true, Some(body));
            if self.options.past.is_some() {
                task.note_all_waiting();
            }
            let Some(at) = self.book.add_task(framework, key.1, task) else { continue };
            if self.book.task(at).is_some_and(|task| task.is_live() && !task.is_queued()) {
                recovery.executors.entry(executor).or_default().tasks.push(at);
            }
        }
        self.restore_executors(cx, &mut recovery, &executors);
        recovery
    }

    /// Makes executors anew; of those that cannot be made nothing is kept.
    fn restore_executors(
        &mut self,
        cx: &mut AgentCx<'_>,
        recovery: &mut Recovery,
        records: &BTreeMap<Key, ExecutorRecord>,
    ) {
        let mut changes = Vec::new();
        recovery.executors.retain(|(framework_id, executor_id), former| {
            let record = records.get(&(framework_id.clone(), executor_id.clone()));
            let made = self.restore_executor(framework_id, executor_id, former, record);
            if let Some(executor) = made {
                self.adopt(executor, former);
            }
            made.is_some()
        });
        for (framework_id, executor_id) in records.keys() {
            if self.book.find_executor(framework_id, executor_id).is_none() {
                changes.push(checkpoint::delete_executor(framework_id, executor_id));
            }
        }
        for (key, framework) in self.empty_frameworks() {
            changes.push(checkpoint::delete_framework(&framework));
            let _ = self.drop_framework_if_empty(key);
        }
        self.write(cx, changes);
    }

    fn empty_frameworks(&self) -> Vec<(FrameworkKey, FrameworkId)> {
        let empty = self.book.frameworks().filter(|(_, _, f)| f.tasks.is_empty() && f.executors.is_empty());
        empty.map(|(key, id, _)| (key, id.clone())).collect()
    }

    fn restore_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        former: &Former,
        record: Option<&ExecutorRecord>,
    ) -> Option<ExecutorRef> {
        let framework = self.book.find_framework(framework_id)?;
        let framework_info = self.book.framework(framework)?.info.clone()?;
        let mut hosted = if let Some(ExecutorRecord { info, role }) = record {
            let body = match info.command() {
                None => ExecutorBody::Guest(self.factory.make(info, &framework_info)?),
                // Without a container it has not survived, which shows when its containers are looked at.
                Some(_) => ExecutorBody::Remote(Remote { process: former.process.clone(), line: Line::AwaitedAgain }),
            };
            let mut hosted = Hosted::new(Some(info.clone()), role.clone(), body);
            hosted.is_written = true;
            hosted
        } else {
            let guest = self.factory.command(&framework_info);
            Hosted::new(None, self.role_of(former)?, ExecutorBody::Guest(guest))
        };
        hosted.was_used = true;
        self.book.add_executor(framework, executor_id.clone(), hosted)
    }

    /// The role of an executor that the agent made for a command: its task's.
    fn role_of(&self, former: &Former) -> Option<Role> {
        let body = self.book.task(*former.tasks.first()?)?.body.as_ref()?;
        body.info.run.executor().is_none().then(|| body.role.clone())
    }

    fn adopt(&mut self, executor: ExecutorRef, former: &Former) {
        for task in &former.tasks {
            if let Some(body) = self.book.task_mut(*task).and_then(|task| task.body.as_mut()) {
                body.executor = Some(executor);
            }
        }
        if let Some(hosted) = self.book.executor_mut(executor) {
            former.tasks.iter().for_each(|task| hosted.tasks.insert(*task, ()));
        }
    }

    /// The machine was looked over.
    pub(super) fn handle_survivors(&mut self, cx: &mut AgentCx<'_>, outcome: ContainerOutcome) {
        self.timers.cancel(&Timer::Recovery);
        let survivors = match outcome {
            ContainerOutcome::Recovered(survivors) => survivors,
            ContainerOutcome::Failed(problem) => {
                self.stop(cx, StopReason::Recovery(problem.to_string()));
                return;
            }
            other => {
                self.stop(cx, StopReason::Recovery(format!("the containerizer answered {other:?}")));
                return;
            }
        };
        let Phase::Recovering(recovery) = std::mem::replace(&mut self.phase, Phase::Serving) else { return };
        let Recovery { mut containers, executors, standalone, stop } = *recovery;
        self.resume_standalone(cx, standalone, &survivors);
        let mut changes = Vec::new();
        for (key, _) in executors {
            let own = containers.remove(&key).unwrap_or_default();
            if let Some(executor) = self.book.find_executor(&key.0, &key.1) {
                self.resume(cx, executor, own, &survivors, &mut changes);
            }
        }
        changes
            .extend(containers.into_values().flat_map(BTreeMap::into_keys).map(|id| checkpoint::delete_container(&id)));
        self.write(cx, changes);
        self.end_lost_tasks(cx);
        match stop {
            Some(why) => self.begin_ending(cx, why),
            None => self.start_over(cx),
        }
    }

    /// Gives an executor back what it had.
    fn resume(
        &mut self,
        cx: &mut AgentCx<'_>,
        at: ExecutorRef,
        own: BTreeMap<ContainerId, ContainerRecord>,
        survivors: &BTreeSet<ContainerId>,
        changes: &mut Vec<Draft>,
    ) {
        let mut running = Vec::new();
        let (mut ended, mut orphans) = (Vec::new(), Vec::new());
        let contained: BTreeSet<TaskId> = own.values().filter_map(|record| record.task_id.clone()).collect();
        for (id, record) in own {
            let (name, parent) = (record.name.clone(), record.parent.clone());
            let has_survived = survivors.contains(&id);
            if has_survived {
                self.take_back(cx, at, id, record);
            } else {
                changes.push(checkpoint::delete_container(&id));
            }
            match parent {
                None if has_survived => running.push(name),
                None => ended.push(name),
                // What lies beside another ends with it.
                Some(parent) if !survivors.contains(&parent) => orphans.push(name),
                Some(_) => {}
            }
        }
        let Some(hosted) = self.book.executor(at) else { return };
        let has_survived = match (&hosted.info, hosted.remote()) {
            (None, _) => !running.is_empty(),
            (_, Some(remote)) => remote.process.as_ref().is_some_and(|process| running.contains(process)),
            _ => true,
        };
        if !has_survived {
            if mutant!(self.options, MissExitOverRestart) {
                return;
            }
            // Its process is gone, and nobody saw how.
            self.lose_executor(cx, at);
            return;
        }
        if hosted.remote().is_some() {
            self.arm(cx, Timer::Executor(at), self.options.executor_reregistration_timeout);
        }
        for orphan in orphans {
            if let Some(orphan) = self.book.find_container(&orphan) {
                self.destroy_container(cx, orphan);
            }
        }
        self.end_uncontained_tasks(cx, at, &contained);
        let tasks = self.handed_back(at);
        self.call_guest(cx, at, |guest, cx| guest.recovered(cx, tasks, &running));
        for name in ended {
            self.call_guest(cx, at, |guest, cx| guest.exited(cx, &name, Ok(Exit::Unknown)));
        }
    }

    fn take_back(&mut self, cx: &mut AgentCx<'_>, executor: ExecutorRef, id: ContainerId, record: ContainerRecord) {
        let ContainerRecord { name, is_process, parent, .. } = record;
        let mut container = Container::new(executor, name.clone(), ContainerPhase::Running, true);
        container.is_process = is_process;
        container.nest = parent.and_then(|parent| nest_of(&id, parent)).map(Arc::new);
        let Some(at) = self.book.add_container(id, container) else { return };
        if let Some(hosted) = self.book.executor_mut(executor) {
            hosted.containers.insert(name, at);
        }
        self.watch_container(cx, at);
    }

    /// Tasks of an executor of groups of whose container nothing is written: it was never started, or it has ended and what was
    /// said of that end is lost. Nobody would ever tell the executor.
    fn end_uncontained_tasks(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, contained: &BTreeSet<TaskId>) {
        let info = self.book.executor(at).and_then(|hosted| hosted.info.as_ref());
        if info.is_none_or(|info| info.run != ExecutorRun::Default) {
            return;
        }
        for task in self.tasks_of_executor(at) {
            let is_live = self.book.task(task).is_some_and(|row| row.is_live() && !row.is_queued());
            if is_live && !contained.contains(self.book.task_id(task)) {
                self.say_gone(cx, task);
            }
        }
    }

    fn handed_back(&self, at: ExecutorRef) -> Vec<(Arc<TaskInfo>, TaskState)> {
        let tasks = self.book.executor(at).into_iter().flat_map(|hosted| hosted.tasks.keys());
        let rows = tasks.filter_map(|task| self.book.task(*task)).filter(|row| row.is_live());
        rows.filter_map(|row| Some((row.body.as_ref()?.info.clone(), row.stream.newest()))).collect()
    }

    /// An executor that did not come back: its tasks are gone, and so is it.
    pub(super) fn lose_executor(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef) {
        let end = End::forced(GONE).because(Reason::ExecutorReregistrationTimeout);
        self.end_executor_as(cx, at, End { state: TaskState::Gone, ..end });
    }

    fn say_gone(&mut self, cx: &mut AgentCx<'_>, task: TaskRef) {
        self.say(cx, task, TaskState::Gone, Reason::ExecutorReregistrationTimeout, GONE);
    }

    /// Says what became of tasks that have no executor.
    fn end_lost_tasks(&mut self, cx: &mut AgentCx<'_>) {
        let tasks: Vec<TaskRef> = self.book.all_tasks().collect();
        for at in tasks {
            let Some(task) = self.book.task(at).filter(|task| task.is_live()) else { continue };
            if task.is_queued() {
                let message = "The agent restarted before the task reached its executor";
                self.say(cx, at, TaskState::Dropped, Reason::AgentRestarted, message);
            } else if self.book.executor_of(at).is_none_or(|executor| self.book.executor(executor).is_none()) {
                self.say_gone(cx, at);
            }
        }
    }
}
