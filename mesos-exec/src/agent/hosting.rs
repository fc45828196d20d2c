//! Executors as guests: calling them, waking them, doing what they ask, and burying them.
//!
//! A guest is called with a context of its own; what it asks for is queued and handled after the call, in order, by the
//! loop in [`Agent::settle`](super::Agent), so that a guest that answers every event cannot recurse.

use std::sync::Arc;

use mesos_core::call::CloseReason;
use mesos_core::call::agent::ToMaster;
use mesos_core::call::executor::{Call, Event};
use mesos_core::{Executor, ExecutorCx, Instant, Reason};

use super::book::{End, ExecutorBody, ExecutorPhase, ExecutorRef, TaskRef};
use super::containment::Order;
use super::delivery::Breach;
use super::{Agent, AgentCx, Timer, checkpoint};

impl Agent {
    /// Calls a guest, if it still lives.
    pub(super) fn call_guest(
        &mut self,
        cx: &mut AgentCx<'_>,
        at: ExecutorRef,
        call: impl FnOnce(&mut dyn Executor, &mut ExecutorCx<'_>),
    ) {
        let Some(hosted) = self.book.executor_mut(at) else { return };
        let ExecutorBody::Guest(guest) = &mut hosted.body else { return };
        call(&mut **guest, &mut cx.guest(&mut self.scratch));
        self.calls.extend(self.scratch.drain(..).map(|call| (at, call)));
        let deadline = guest.deadline();
        if hosted.deadline != deadline {
            hosted.deadline = deadline;
            self.set_guest_timer(at, deadline);
        }
    }

    fn set_guest_timer(&mut self, at: ExecutorRef, deadline: Option<Instant>) {
        match deadline {
            Some(due) => self.timers.set(Timer::Guest(at), due),
            None => {
                self.timers.cancel(&Timer::Guest(at));
            }
        }
    }

    /// A guest's deadline has come.
    pub(super) fn wake_guest(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef) {
        self.call_guest(cx, at, |guest, cx| guest.tick(cx));
        // A guest that stays due would be woken for ever within one step; it is woken again a little later.
        if let Some(hosted) = self.book.executor(at)
            && hosted.deadline.is_some_and(|due| due <= cx.now.mono)
        {
            self.arm(cx, Timer::Guest(at), super::DELAY_MIN);
        }
    }

    /// Does what a guest asked for, unless it has ended since.
    pub(super) fn handle_call(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, call: Call) {
        if !self.book.executor(at).is_some_and(|hosted| matches!(hosted.body, ExecutorBody::Guest(_))) {
            return;
        }
        match call {
            Call::Update(update) => match self.handle_update(cx, at, update) {
                Ok(()) => {}
                Err(Breach::Flood(task)) => {
                    self.end_flooding(cx, at, task);
                }
                Err(Breach::State(state)) => {
                    self.end_executor(cx, at, format!("Executor reported a task {state}, which is not for it to say"));
                }
            },
            Call::Launch { container, task_id, command, resources, limits } => {
                let order = Order { command, resources, limits };
                if let Err(breach) = self.launch_container(cx, at, container, task_id, order) {
                    self.end_executor(cx, at, breach);
                }
            }
            Call::Signal { container, signal } => self.signal_container(cx, at, &container, signal),
            Call::Destroy { container } => {
                let found = self.book.executor(at).and_then(|hosted| hosted.containers.get(&container).copied());
                if let Some(container) = found {
                    self.destroy_container(cx, container);
                }
            }
            Call::Check { check, container, what, timeout } => self.check(cx, at, check, &container, what, timeout),
            Call::Message(data) => self.send_message(cx, at, data),
            Call::Exit => self.end_executor_as(cx, at, End { status: 0, ..End::forced("Executor ended") }),
            _ => {}
        }
    }

    /// Bytes from the framework, best effort.
    pub(super) fn message_executor(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, data: Arc<[u8]>) {
        if !self.tell(cx, at, Event::Message(data.clone())) {
            self.call_guest(cx, at, |guest, cx| guest.message(cx, &data));
        }
    }

    /// An executor that says more about a task than there is room for ends, and that task says why.
    pub(super) fn end_flooding(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, task: TaskRef) {
        let end = End::forced("Executor said more about a task than the agent holds unacknowledged");
        self.end_executor_as(cx, at, End { flooded: Some(task), ..end });
    }

    pub(super) fn send_message(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, data: Arc<[u8]>) {
        let is_removed = self.book.framework(at.framework).is_none_or(|framework| framework.is_removed);
        if self.link.is_registered() && !is_removed {
            let framework_id = self.book.framework_id(at.framework).clone();
            let executor_id = self.book.executor_id(at).clone();
            self.send(cx, ToMaster::Message { framework_id, executor_id, data });
        }
    }

    /// An executor ends, whether it wanted to or not.
    pub(super) fn end_executor(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, message: impl Into<Arc<str>>) {
        self.end_executor_as(cx, at, End::forced(message));
    }

    pub(super) fn end_executor_as(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, end: End) {
        let Some(hosted) = self.book.executor_mut(at) else { return };
        if hosted.has_ended() {
            return;
        }
        hosted.phase = ExecutorPhase::Ended(end);
        let conn = hosted.conn();
        hosted.body = ExecutorBody::Gone;
        let containers: Vec<_> = hosted.containers.values().copied().collect();
        self.timers.cancel(&Timer::Guest(at));
        self.timers.cancel(&Timer::Executor(at));
        self.timers.cancel(&Timer::Heartbeat(at));
        if let Some(conn) = conn {
            self.close_line(cx, conn, CloseReason::Removed);
        }
        for container in containers {
            self.destroy_container(cx, container);
        }
        self.bury_executor(cx, at);
    }

    /// Removes an executor that has ended, once its last container is gone: only then is what its tasks used free.
    pub(super) fn bury_executor(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef) {
        let Some(hosted) = self.book.executor(at) else { return };
        let ExecutorPhase::Ended(end) = hosted.phase.clone() else { return };
        if !hosted.containers.is_empty() {
            return;
        }
        let tasks: Vec<TaskRef> = hosted.tasks.keys().copied().collect();
        for task in tasks {
            let reason = if end.flooded == Some(task) { Reason::QueueFull } else { end.reason };
            self.say(cx, task, end.state, reason, end.message.clone());
        }
        self.remove_executor(cx, at, end.status);
    }

    fn remove_executor(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, status: i32) {
        let Some((executor_id, hosted)) = self.book.remove_executor(at) else { return };
        self.counters.executors_terminated += 1;
        let framework_id = self.book.framework_id(at.framework).clone();
        if let (Some(bounds), Some(framework)) = (&self.options.past, self.book.framework(at.framework))
            && let Some(info) = &framework.info
        {
            self.past.note_executor(bounds, &framework_id, info, (&executor_id, &hosted));
        }
        let is_removed = self.book.framework(at.framework).is_none_or(|framework| framework.is_removed);
        let mut changes = Vec::new();
        if hosted.is_written {
            changes.push(checkpoint::delete_executor(&framework_id, &executor_id));
        }
        changes.extend(self.drop_framework_if_empty(at.framework));
        self.write(cx, changes);
        if hosted.info.is_some() && self.link.is_registered() && !is_removed {
            self.send(cx, ToMaster::ExecutorExited { framework_id, executor_id, status });
        }
    }
}
