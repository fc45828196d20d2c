//! Ending executors, frameworks and the agent itself: asked first, destroyed when the grace is over.
//!
//! The agent ends in two ways. On request it lets its tasks end, delivers their last updates as far as a master listens,
//! and says goodbye. On a master's order nobody listens any more. Both erase what was written, except reservations and
//! volumes, which belong to the machine: an agent that comes back is a new one.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::CloseReason;
use mesos_core::call::agent::ToMaster;
use mesos_core::call::executor::Event;
use mesos_core::kernel::{Draft, TimerTable};
use mesos_core::{FrameworkId, FrameworkInfo};

use super::book::{ExecutorPhase, ExecutorRef, TaskRef};
use super::options::mutant;
use super::{Agent, AgentCx, Effect, Pending, Phase, StopReason, Timer, Unanswered, checkpoint};
use crate::executor::SHUTDOWN_RESERVE;

impl Agent {
    /// Tells an executor to end; when its grace is over it is ended.
    pub(super) fn shutdown_executor(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef) {
        let grace = self.grace_of(at);
        let Some(hosted) = self.book.executor_mut(at).filter(|hosted| hosted.phase == ExecutorPhase::Serving) else {
            return;
        };
        // A process that has never connected has nothing to end in good order.
        if hosted.is_awaited() {
            return self.end_executor(cx, at, "Executor was told to end before it had registered");
        }
        hosted.phase = ExecutorPhase::Stopping;
        self.arm(cx, Timer::Executor(at), grace);
        self.tell(cx, at, Event::Shutdown { grace });
        self.call_guest(cx, at, |guest, cx| guest.shutdown(cx, grace));
    }

    /// An executor made for a command gets what its task's kill takes and time to report it; others say themselves.
    pub(super) fn grace_of(&self, at: ExecutorRef) -> Duration {
        let Some(hosted) = self.book.executor(at) else { return Duration::ZERO };
        match &hosted.info {
            Some(info) => info.shutdown_grace.unwrap_or(self.options.executor_shutdown_grace),
            None => {
                let task = hosted.tasks.keys().next().and_then(|task| self.book.task(*task)?.body.as_ref());
                let grace = task.and_then(|body| body.info.kill_policy.grace).unwrap_or(self.options.kill_grace);
                grace.saturating_add(SHUTDOWN_RESERVE)
            }
        }
    }

    /// The framework is gone: nobody will acknowledge anything, so nothing is told any more, and what runs ends.
    pub(super) fn handle_shutdown_framework(&mut self, cx: &mut AgentCx<'_>, framework_id: &FrameworkId) {
        self.forget_operations_of(cx, framework_id);
        let Some(framework) = self.book.find_framework(framework_id) else { return };
        let Some(row) = self.book.framework_mut(framework) else { return };
        if std::mem::replace(&mut row.is_removed, true) {
            return;
        }
        let executors: Vec<ExecutorRef> = self.book.executors_of(framework).collect();
        let tasks: Vec<TaskRef> = self.book.tasks_of(framework).collect();
        for task in tasks {
            let is_live = self.book.task(task).is_some_and(|task| task.is_live() && !task.is_queued());
            if !is_live && !mutant!(self.options, RetryForRemoved) {
                self.forget_task(cx, task, Vec::new());
            }
        }
        for executor in executors {
            let is_used = self.book.executor(executor).is_some_and(|hosted| hosted.was_used);
            if is_used {
                self.shutdown_executor(cx, executor);
            } else {
                self.end_executor(cx, executor, "Framework was removed");
            }
        }
    }

    pub(super) fn handle_update_framework(
        &mut self,
        cx: &mut AgentCx<'_>,
        framework_id: &FrameworkId,
        info: &Arc<FrameworkInfo>,
    ) {
        self.operations.describe(framework_id, info);
        let Some(framework) = self.book.find_framework(framework_id) else { return };
        let Some(row) = self.book.framework_mut(framework) else { return };
        // A framework of which nothing runs here stays undescribed: it was only asked about.
        if row.info.is_some() && row.describe(info) && row.is_written {
            self.write(cx, vec![checkpoint::put_framework(framework_id, info)]);
        }
    }

    /// Ends everything, then the agent.
    pub(super) fn begin_ending(&mut self, cx: &mut AgentCx<'_>, why: StopReason) {
        let is_ordered = matches!(why, StopReason::Ordered(_));
        match &mut self.phase {
            Phase::Starting { stop } => {
                *stop = Some(why);
                return;
            }
            Phase::Recovering(recovery) => {
                recovery.stop = Some(why);
                return;
            }
            Phase::Serving => self.phase = Phase::Ending { why },
            // An order overrides a request: there is nobody to say goodbye to any more.
            Phase::Ending { why: before } if is_ordered => *before = why,
            Phase::Ending { .. } | Phase::Leaving { .. } | Phase::Stopped => return,
        }
        if is_ordered {
            self.hang_up(cx, CloseReason::Removed);
        }
        let executors: Vec<ExecutorRef> = self.book.all_executors().collect();
        let longest = executors.iter().map(|at| self.grace_of(*at)).max().unwrap_or_default();
        for executor in executors {
            self.shutdown_executor(cx, executor);
        }
        self.end_standalone(cx);
        // What was not gone when its grace was over gets as long again as an executor to be destroyed.
        if self.timers.due_at(&Timer::Stop).is_none() {
            self.arm(cx, Timer::Stop, longest + self.options.executor_shutdown_grace);
        }
    }

    /// Whether a connection to the master is of use.
    pub(super) const fn may_register(&self) -> bool {
        matches!(self.phase, Phase::Serving | Phase::Ending { why: StopReason::Requested })
    }

    /// Leaves once everything has ended and, if a master listens, everything is told.
    pub(super) fn leave_if_empty(&mut self, cx: &mut AgentCx<'_>) {
        if !matches!(self.phase, Phase::Ending { .. }) || self.book.executor_count() > 0 || self.has_containers() {
            return;
        }
        if self.link.is_registered() && (self.book.task_count() > 0 || !self.operations.is_empty()) {
            return;
        }
        self.say_goodbye(cx);
    }

    fn has_containers(&self) -> bool {
        self.book.containers().next().is_some() || !self.standalone.is_empty()
    }

    fn say_goodbye(&mut self, cx: &mut AgentCx<'_>) {
        let Phase::Ending { why } = std::mem::replace(&mut self.phase, Phase::Stopped) else { return };
        if self.link.is_registered() && why == StopReason::Requested {
            self.send(cx, ToMaster::Unregister);
        }
        self.phase = Phase::Leaving { why };
        // Nothing may be written after the erasure: half a task on the disk would keep the next agent from starting.
        self.calls.clear();
        self.pending = Unanswered::default();
        self.timers = TimerTable::default();
        self.arm(cx, Timer::Stop, self.options.executor_shutdown_grace);
        let changes = self.erasure();
        self.write_then(cx, changes, Pending::Farewell);
    }

    /// Deletes everything but the total.
    fn erasure(&self) -> Vec<Draft> {
        let mut changes = vec![checkpoint::delete_agent()];
        changes.extend(self.operations.erasure());
        changes.extend(self.standalone.erasure());
        for (_, framework_id, framework) in self.book.frameworks().filter(|(_, _, framework)| framework.is_written) {
            for (_, id, task) in framework.tasks.iter().filter(|(_, _, task)| task.is_checkpointed) {
                changes.extend(checkpoint::delete_task(framework_id, id, task.stream.numbers()));
            }
            let executors = framework.executors.iter().filter(|(_, _, hosted)| hosted.is_written);
            changes.extend(executors.map(|(_, id, _)| checkpoint::delete_executor(framework_id, id)));
            changes.push(checkpoint::delete_framework(framework_id));
        }
        let containers = self.book.containers().filter(|(_, container)| container.is_checkpointed);
        changes.extend(containers.map(|(id, _)| checkpoint::delete_container(id)));
        changes
    }

    /// What was written is erased.
    pub(super) fn leave(&mut self, cx: &mut AgentCx<'_>) {
        if let Phase::Leaving { why } = std::mem::replace(&mut self.phase, Phase::Stopped) {
            self.stop(cx, why);
        }
    }

    /// The agent's patience is over. What still runs is destroyed by the next agent on this machine, which does not know it.
    pub(super) fn handle_stop_timer(&mut self, cx: &mut AgentCx<'_>) {
        match self.phase {
            Phase::Ending { .. } => self.say_goodbye(cx),
            Phase::Leaving { .. } => self.leave(cx),
            _ => {}
        }
    }

    /// Does nothing more.
    pub(super) fn stop(&mut self, cx: &mut AgentCx<'_>, why: StopReason) {
        self.phase = Phase::Stopped;
        self.calls.clear();
        self.timers = TimerTable::default();
        cx.emit(Effect::Stop { why });
    }
}
