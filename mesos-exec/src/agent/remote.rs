//! Executors that are processes of their own: started, connected, told, heard, connected again.
//!
//! ```text
//!   first task ready ─▶ process started ─ SUBSCRIBE ─▶ Open ─ the connection breaks ─▶ Broken ─ SUBSCRIBE ─▶ Open
//!                          │ too late: EXECUTOR_REGISTRATION_TIMEOUT                     │ not in time: ended
//!   agent restarted ─▶ AwaitedAgain ─ SUBSCRIBE ─▶ Open
//!                          │ too late: EXECUTOR_REREGISTRATION_TIMEOUT
//! ```
//!
//! What the process is told is not numbered: a connection either carries everything in order or breaks. After a break the
//! executor says what it has, and the agent compares: updates it knows are confirmed again, tasks the executor never got
//! are dropped, kills are repeated, what waited is handed over.

use mesos_core::call::executor::{Event, Said, Subscribed, Subscription, TaskUpdate};
use mesos_core::call::operator::ReplyTo;
use mesos_core::call::{CloseReason, ConnId};
use mesos_core::{ContainerId, ExecutorId, FrameworkId, Reason, Rejection, RejectionCode, TaskRun, TaskState};

use super::book::{End, ExecutorBody, ExecutorPhase, ExecutorRef, Line, Remote, Task, TaskRef};
use super::delivery::Breach;
use super::{Agent, AgentCx, Answer, Effect, Phase, Timer};

/// Who somebody says to be who speaks as an executor.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Speaker {
    /// Of which framework.
    pub framework_id: FrameworkId,
    /// Which executor.
    pub executor_id: ExecutorId,
    /// The container it proved to run in; nothing if executors need not prove anything.
    pub container_id: Option<ContainerId>,
}

impl Agent {
    /// An executor's process wants to hear what it is told.
    pub(super) fn handle_executor_connected(
        &mut self,
        cx: &mut AgentCx<'_>,
        conn: ConnId,
        speaker: &Speaker,
        subscription: Subscription,
    ) {
        let at = match self.find_speaker(speaker) {
            Ok(at) => at,
            Err(rejection) => {
                cx.emit(Effect::CloseExecutor { conn, why: CloseReason::Refused(rejection) });
                return;
            }
        };
        let Some(subscribed) = self.open_line(cx, at, conn) else { return };
        cx.emit(Effect::ToExecutor { conn, event: Event::Subscribed(Box::new(subscribed)) });
        let is_stopping = self.book.executor(at).is_some_and(|hosted| hosted.phase == ExecutorPhase::Stopping);
        self.arm(cx, Timer::Heartbeat(at), self.options.executor_heartbeat);
        for update in subscription.updates {
            // A subscription is not undone by what is wrong with an update; one that floods ends its executor.
            let _ = self.hear_update(cx, at, update);
        }
        self.drop_tasks_that_never_came(cx, at, &subscription.tasks);
        if is_stopping {
            let grace = self.grace_of(at);
            self.tell(cx, at, Event::Shutdown { grace });
            return;
        }
        self.timers.cancel(&Timer::Executor(at));
        self.deliver_waiting(cx, at);
        self.repeat_kills(cx, at);
    }

    /// Makes this the executor's connection, instead of any other.
    fn open_line(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, conn: ConnId) -> Option<Subscribed> {
        let hosted = self.book.executor_mut(at)?;
        let ExecutorBody::Remote(remote) = &mut hosted.body else { return None };
        let container_id = remote.process.clone()?;
        let before = std::mem::replace(&mut remote.line, Line::Open(conn));
        let executor = hosted.info.clone()?;
        if let Line::Open(old) = before {
            let what = "another connection of this executor took the place of this one";
            let rejection = Rejection::new(RejectionCode::FailedOver, what, "end; the other one goes on");
            cx.emit(Effect::ToExecutor { conn: old, event: Event::Error(rejection) });
            self.close_line(cx, old, CloseReason::Superseded);
        }
        self.lines.insert(conn, at);
        Some(Subscribed {
            executor,
            framework_id: self.book.framework_id(at.framework).clone(),
            framework: self.book.framework(at.framework)?.info.clone()?,
            agent_id: self.id.clone()?,
            agent: self.info.clone(),
            container_id,
        })
    }

    pub(super) fn close_line(&mut self, cx: &mut AgentCx<'_>, conn: ConnId, why: CloseReason) {
        self.lines.remove(&conn);
        cx.emit(Effect::CloseExecutor { conn, why });
    }

    /// An executor's connection broke. It may come back as long as its process lives: with checkpoints for as long as its
    /// library tries, without for as long as its library takes to end.
    pub(super) fn handle_executor_disconnected(&mut self, cx: &mut AgentCx<'_>, conn: ConnId) {
        let Some(at) = self.lines.remove(&conn) else { return };
        let Some(hosted) = self.book.executor_mut(at) else { return };
        if let ExecutorBody::Remote(remote) = &mut hosted.body {
            remote.line = Line::Broken;
        }
        let is_serving = hosted.phase == ExecutorPhase::Serving;
        self.timers.cancel(&Timer::Heartbeat(at));
        if is_serving {
            let is_checkpointed = self.book.framework(at.framework).is_some_and(|framework| framework.is_checkpointed);
            let patience = if is_checkpointed { self.options.executor_recovery_timeout } else { self.grace_of(at) };
            self.arm(cx, Timer::Executor(at), patience);
        }
    }

    /// An executor's process says something, on a connection of its own.
    pub(super) fn handle_executor_said(&mut self, cx: &mut AgentCx<'_>, speaker: &Speaker, said: Said, reply: ReplyTo) {
        let result = self.hear(cx, speaker, said).map(|()| Answer::Done);
        cx.emit(Effect::Reply { reply, result });
    }

    fn hear(&mut self, cx: &mut AgentCx<'_>, speaker: &Speaker, said: Said) -> Result<(), Rejection> {
        let at = self.find_speaker(speaker)?;
        if self.book.executor(at).and_then(|hosted| hosted.conn()).is_none() {
            let what = format!("executor {} is not subscribed", speaker.executor_id);
            return Err(Rejection::new(RejectionCode::NotSubscribed, what, "subscribe first"));
        }
        match said {
            Said::Update(update) => self.hear_update(cx, at, *update),
            Said::Message(data) => {
                self.send_message(cx, at, data);
                Ok(())
            }
            Said::Heartbeat => Ok(()),
        }
    }

    fn hear_update(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, update: TaskUpdate) -> Result<(), Rejection> {
        const CODE: RejectionCode = RejectionCode::InvalidTask;
        if update.uuid.is_none() {
            self.counters.updates_invalid += 1;
            let what = format!("the update of task {} has no uuid", update.task_id);
            return Err(Rejection::new(CODE, what, "name each update with 16 random bytes"));
        }
        match self.handle_update(cx, at, update) {
            Ok(()) => Ok(()),
            Err(Breach::State(state)) => {
                let what = format!("an executor cannot say that a task is {state}");
                Err(Rejection::new(CODE, what, "say how the task is"))
            }
            Err(Breach::Flood(task)) => {
                self.end_flooding(cx, at, task);
                let what = "there are too many unacknowledged updates of the task";
                Err(Rejection::new(RejectionCode::TooMany, what, "wait for acknowledgements"))
            }
        }
    }

    /// Whether somebody speaks for an executor whose process runs here. What was issued to a container is good for nothing
    /// once that has ended.
    ///
    /// # Errors
    /// Why not.
    pub fn check_speaker(&self, speaker: &Speaker) -> Result<(), Rejection> {
        self.find_speaker(speaker).map(drop)
    }

    /// The executor somebody speaks for, if it is one and may.
    fn find_speaker(&self, speaker: &Speaker) -> Result<ExecutorRef, Rejection> {
        let Speaker { framework_id, executor_id, container_id } = speaker;
        if matches!(self.phase, Phase::Starting { .. } | Phase::Recovering(_)) {
            let what = "the agent is finding out what runs on its machine";
            return Err(Rejection::new(RejectionCode::NotReady, what, "try again in a moment"));
        }
        if self.book.find_framework(framework_id).is_none() {
            let what = format!("framework {framework_id} is not known to the agent");
            return Err(Rejection::new(RejectionCode::UnknownFramework, what, "say MESOS_FRAMEWORK_ID"));
        }
        let unknown = |problem: &str| {
            let what = format!("executor {executor_id} of framework {framework_id} {problem}");
            Rejection::new(
                RejectionCode::UnknownExecutor,
                what,
                "say MESOS_EXECUTOR_ID; one that has ended cannot return",
            )
        };
        let at = self.book.find_executor(framework_id, executor_id);
        let at = at.ok_or_else(|| unknown("is not known to the agent"))?;
        let remote = self.book.executor(at).and_then(|hosted| hosted.remote());
        let process = remote.and_then(|remote| remote.process.as_ref());
        let process = process.ok_or_else(|| unknown("is no process that runs"))?;
        if container_id.as_ref().is_some_and(|own| own != process) {
            let what = format!("the credentials are not those of executor {executor_id} in container {process}");
            return Err(Rejection::new(RejectionCode::NotYours, what, "speak for the executor they were issued to"));
        }
        Ok(at)
    }

    /// Tells an executor's process something, if it is connected.
    pub(super) fn tell(&self, cx: &mut AgentCx<'_>, at: ExecutorRef, event: Event) -> bool {
        let conn = self.book.executor(at).and_then(|hosted| hosted.conn());
        if let Some(conn) = conn {
            cx.emit(Effect::ToExecutor { conn, event });
        }
        conn.is_some()
    }

    pub(super) fn send_heartbeat(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef) {
        if self.tell(cx, at, Event::Heartbeat) {
            self.arm(cx, Timer::Heartbeat(at), self.options.executor_heartbeat);
        }
    }

    /// An executor took too long: to connect, to come back, or to end.
    pub(super) fn handle_executor_timer(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef) {
        let Some(hosted) = self.book.executor(at) else { return };
        let line = hosted.remote().map(|remote| remote.line);
        match (&hosted.phase, line) {
            (ExecutorPhase::Serving, Some(Line::Awaited)) => {
                let end = End::forced("Executor did not register within the registration timeout");
                self.end_executor_as(cx, at, end.because(Reason::ExecutorRegistrationTimeout));
            }
            (ExecutorPhase::Serving, Some(Line::AwaitedAgain)) => self.lose_executor(cx, at),
            (ExecutorPhase::Serving, Some(Line::Broken)) => {
                self.end_executor(cx, at, "Executor disconnected and did not come back");
            }
            (ExecutorPhase::Stopping, _) => {
                self.end_executor(cx, at, "Executor did not end within its grace period");
            }
            _ => {}
        }
    }

    /// Hands tasks that are ready to an executor's process, or starts it for them.
    pub(super) fn deliver_remote(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, tasks: &[TaskRef]) {
        for task in tasks {
            if let Some(body) = self.book.task_mut(*task).and_then(|task| task.body.as_mut()) {
                body.is_ready = true;
            }
        }
        let Some(Remote { process, line }) = self.book.executor(at).and_then(|hosted| hosted.remote()) else { return };
        match line {
            Line::Open(_) => self.hand_over(cx, at, tasks),
            _ if process.is_none() => self.start_process(cx, at),
            _ => {}
        }
    }

    /// Tasks that belong together, to a process that listens.
    fn hand_over(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, tasks: &[TaskRef]) {
        let mut infos = Vec::with_capacity(tasks.len());
        for task in tasks {
            let Some(body) = self.book.task_mut(*task).and_then(|task| task.body.as_mut()) else { continue };
            body.is_delivered = true;
            infos.push(body.info.clone());
        }
        if let Some(hosted) = self.book.executor_mut(at) {
            hosted.was_used = true;
        }
        if infos.iter().any(|info| matches!(info.run, TaskRun::InGroup { .. })) {
            self.tell(cx, at, Event::LaunchGroup(infos));
            return;
        }
        for info in infos {
            self.tell(cx, at, Event::Launch(info));
        }
    }

    /// What waited for the executor, in the order it came.
    fn deliver_waiting(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef) {
        let is_waiting = |task: &Task| task.is_queued() && task.body.as_ref().is_some_and(|body| body.is_ready);
        let mut waiting = self.tasks_of_executor(at);
        waiting.retain(|task| self.book.task(*task).is_some_and(is_waiting));
        waiting.sort_by_key(|task| task.born);
        let together = waiting.chunk_by(|one, next| self.are_of_one_group(*one, *next));
        let together: Vec<Vec<TaskRef>> = together.map(<[TaskRef]>::to_vec).collect();
        for tasks in together {
            self.hand_over(cx, at, &tasks);
        }
    }

    fn are_of_one_group(&self, one: TaskRef, other: TaskRef) -> bool {
        let group_of = |at| match &self.book.task(at)?.body.as_ref()?.info.run {
            TaskRun::InGroup { group, .. } => Some(group),
            _ => None,
        };
        group_of(one).is_some() && group_of(one) == group_of(other)
    }

    /// Tasks that were told to an executor which does not have them: the connection broke in between.
    fn drop_tasks_that_never_came(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, has: &[mesos_core::TaskId]) {
        for task in self.tasks_of_executor(at) {
            let Some(row) = self.book.task(task) else { continue };
            let is_silent = row.is_live() && !row.is_queued() && row.stream.newest() == TaskState::Staging;
            if is_silent && !has.contains(self.book.task_id(task)) {
                let message = "The task did not reach its executor before the connection broke";
                self.say(cx, task, TaskState::Dropped, Reason::AgentRestarted, message);
            }
        }
    }

    fn repeat_kills(&self, cx: &mut AgentCx<'_>, at: ExecutorRef) {
        for task in self.tasks_of_executor(at) {
            let body = self.book.task(task).filter(|task| task.is_live()).and_then(|task| task.body.as_ref());
            if let Some(policy) = body.and_then(|body| body.kill) {
                let task_id = self.book.task_id(task).clone();
                self.tell(cx, at, Event::Kill { task_id, policy });
            }
        }
    }

    pub(super) fn tasks_of_executor(&self, at: ExecutorRef) -> Vec<TaskRef> {
        self.book.executor(at).into_iter().flat_map(|hosted| hosted.tasks.keys().copied()).collect()
    }
}
