//! The executor driver: a pure machine that stands between an author's [`Executor`] and its agent, when the executor is a
//! process of its own.
//!
//! ```text
//!   Executor ── calls ──▶ Driver ── Subscribe, Say, Contain ──▶ agent
//!            ◀─ told ───         ◀─ Heard, Lost, Container ────
//! ```
//!
//! It subscribes, names and keeps every update until the agent has taken it over, subscribes again after a broken connection
//! and says then what the agent does not have, and ends in time when it is told to. Two hosts drive it: the process's own,
//! and the simulator. Semantics: Apache Mesos, `src/executor/executor.cpp`.
//!
//! Not here: the network, and containers. Those an executor asks for are asked of the agent, by the host.

mod effect;
mod input;
mod options;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::{Call, Event, Said, Subscription, TaskUpdate};
use mesos_core::kernel::{Cx, Machine, TimerTable};
use mesos_core::{ContainerId, Executor, ExecutorCx, Instant, Rejection, RejectionCode, TaskId, TaskInfo, UpdateId};

pub use effect::{Effect, StopReason};
pub use input::{Contained, Input};
pub use options::Options;

type DriverCx<'a> = Cx<'a, Effect>;

/// No timer is set closer than this, so that settings of zero cannot make a step endless.
const DELAY_MIN: Duration = Duration::from_millis(1);

/// One executor's side of its agent. See the [module](self).
pub struct Driver {
    options: Options,
    executor: Box<dyn Executor>,
    line: Line,
    /// The connection's number: what belongs to an earlier one is void.
    attempt: u64,
    /// Whether the agent ever took the subscription.
    was_subscribed: bool,
    /// Tasks of which the agent has not taken over anything.
    tasks: BTreeMap<TaskId, Arc<TaskInfo>>,
    /// Updates the agent has not taken over, in the order they were said.
    updates: Vec<TaskUpdate>,
    /// How many of the newest were said to nobody: they came while a subscription was under way.
    unsaid: usize,
    /// It ends once nothing is left to be taken over.
    is_leaving: bool,
    timers: TimerTable<Timer>,
    /// The buffer the executor writes to, kept for its capacity.
    scratch: Vec<Call>,
}

/// How the driver is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// A subscription is under way.
    Asked,
    /// It stands.
    Open,
    /// The next attempt waits.
    Down,
    /// Nothing more is done.
    Stopped,
}

/// What is due when. The order is that of timers due at the same instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    Retry,
    GiveUp,
    Silence,
    Guest,
    Die,
}

impl Driver {
    /// A driver that waits for [`Input::Started`].
    #[must_use]
    pub fn new(options: Options, executor: Box<dyn Executor>) -> Self {
        Self {
            options,
            executor,
            line: Line::Down,
            attempt: 0,
            was_subscribed: false,
            tasks: BTreeMap::new(),
            updates: Vec::new(),
            unsaid: 0,
            is_leaving: false,
            timers: TimerTable::default(),
            scratch: Vec::new(),
        }
    }

    /// Whether the agent has taken the subscription.
    #[must_use]
    pub const fn is_subscribed(&self) -> bool {
        matches!(self.line, Line::Open)
    }

    /// How many updates the agent has not taken over.
    #[must_use]
    pub const fn unacknowledged_updates(&self) -> usize {
        self.updates.len()
    }

    fn subscribe(&mut self, cx: &mut DriverCx<'_>) {
        self.line = Line::Asked;
        self.attempt += 1;
        self.unsaid = 0;
        let subscription = Subscription { updates: self.updates.clone(), tasks: self.tasks.keys().cloned().collect() };
        let tasks = self.tasks.values().cloned().collect();
        cx.emit(Effect::Subscribe { attempt: self.attempt, subscription, tasks });
    }

    fn handle_heard(&mut self, cx: &mut DriverCx<'_>, attempt: u64, event: Event) {
        if attempt != self.attempt || matches!(self.line, Line::Down | Line::Stopped) {
            return;
        }
        self.arm(cx, Timer::Silence, self.options.silence_max);
        match event {
            Event::Subscribed(subscribed) => {
                self.line = Line::Open;
                self.was_subscribed = true;
                self.timers.cancel(&Timer::GiveUp);
                cx.emit(Effect::Subscribed { subscribed });
                let first = self.updates.len() - std::mem::take(&mut self.unsaid).min(self.updates.len());
                for update in &self.updates[first..] {
                    cx.emit(Effect::Say { said: Said::Update(Box::new(update.clone())) });
                }
            }
            Event::Launch(task) => {
                self.tasks.insert(task.id.clone(), task.clone());
                self.consult(cx, |executor, cx| executor.launch(cx, vec![task]));
            }
            Event::LaunchGroup(tasks) => {
                self.tasks.extend(tasks.iter().map(|task| (task.id.clone(), task.clone())));
                self.consult(cx, |executor, cx| executor.launch_group(cx, tasks));
            }
            Event::Kill { task_id, policy } => self.consult(cx, |executor, cx| executor.kill(cx, &task_id, policy)),
            Event::Acknowledged { task_id, uuid } => self.acknowledged(cx, &task_id, uuid),
            Event::Message(data) => self.consult(cx, |executor, cx| executor.message(cx, &data)),
            Event::Shutdown { grace } => self.shut_down(cx, grace),
            // Its place is taken, or the agent cannot go on with it: trying again would take the place back.
            Event::Error(rejection) => self.stop(cx, StopReason::Refused(rejection)),
            _ => {}
        }
    }

    fn acknowledged(&mut self, cx: &mut DriverCx<'_>, task_id: &TaskId, uuid: UpdateId) {
        let before = self.updates.len();
        self.updates.retain(|update| update.uuid != Some(uuid));
        self.tasks.remove(task_id);
        // One that was repeated is confirmed twice; the executor hears of it once.
        if self.updates.len() < before {
            self.consult(cx, |executor, cx| executor.acknowledged(cx, task_id));
        }
        self.leave_if_done(cx);
    }

    fn handle_lost(&mut self, cx: &mut DriverCx<'_>, attempt: u64, refused: Option<Rejection>) {
        if attempt != self.attempt || matches!(self.line, Line::Down | Line::Stopped) {
            return;
        }
        self.timers.cancel(&Timer::Silence);
        self.line = Line::Down;
        if let Some(rejection) = refused.filter(|rejection| is_final(rejection.code)) {
            self.stop(cx, StopReason::Refused(rejection));
            return;
        }
        if self.is_leaving {
            self.stop(cx, StopReason::Done);
            return;
        }
        if self.was_subscribed && !self.options.checkpoint {
            // An agent that does not checkpoint does not know this executor when it is back.
            let grace = self.options.shutdown_grace;
            self.shut_down(cx, grace);
            return;
        }
        if self.timers.due_at(&Timer::GiveUp).is_none() {
            self.arm(cx, Timer::GiveUp, self.options.recovery_timeout);
        }
        let delay = cx.rng.duration(self.options.backoff_max);
        self.arm(cx, Timer::Retry, delay);
    }

    /// Ends everything within the grace period, and then whatever is left with the process.
    fn shut_down(&mut self, cx: &mut DriverCx<'_>, grace: Duration) {
        if self.timers.due_at(&Timer::Die).is_some() {
            return;
        }
        self.timers.cancel(&Timer::Retry);
        self.timers.cancel(&Timer::GiveUp);
        self.arm(cx, Timer::Die, grace);
        self.consult(cx, |executor, cx| executor.shutdown(cx, grace));
    }

    /// Lets the executor act, and does what it asks for.
    fn consult(&mut self, cx: &mut DriverCx<'_>, act: impl FnOnce(&mut dyn Executor, &mut ExecutorCx<'_>)) {
        if self.line == Line::Stopped {
            return;
        }
        act(&mut *self.executor, &mut cx.guest(&mut self.scratch));
        let mut calls = std::mem::take(&mut self.scratch);
        for call in calls.drain(..) {
            self.perform(cx, call);
        }
        self.scratch = calls;
        match self.executor.deadline() {
            Some(due) => self.timers.set(Timer::Guest, due.max(cx.now.mono + DELAY_MIN)),
            None => {
                self.timers.cancel(&Timer::Guest);
            }
        }
    }

    fn perform(&mut self, cx: &mut DriverCx<'_>, call: Call) {
        match call {
            Call::Update(mut update) => {
                update.uuid = Some(update.uuid.unwrap_or_else(|| cx.rng.update_id()));
                update.at_wall = Some(update.at_wall.unwrap_or(cx.now.wall));
                if self.updates.len() >= self.options.updates_max {
                    let what = format!("{} updates wait to be taken over", self.updates.len());
                    let rejection = Rejection::new(RejectionCode::TooMany, what, "report less often");
                    self.stop(cx, StopReason::Refused(rejection));
                    return;
                }
                self.updates.push(update.clone());
                self.unsaid += usize::from(self.line != Line::Open);
                self.say(cx, Said::Update(Box::new(update)));
            }
            Call::Message(data) => self.say(cx, Said::Message(data)),
            Call::Launch { container, task_id, command, resources, limits } => {
                cx.emit(Effect::Launch { container, task_id, command, resources, limits });
            }
            Call::Signal { container, signal } => cx.emit(Effect::Signal { container, signal }),
            Call::Destroy { container } => cx.emit(Effect::Destroy { container }),
            Call::Check { check, container, what, timeout } => {
                cx.emit(Effect::Check { check, container, what, timeout });
            }
            Call::Exit => {
                self.is_leaving = true;
                self.leave_if_done(cx);
            }
            _ => {}
        }
    }

    /// Updates that cannot be said now are said with the next subscription.
    fn say(&self, cx: &mut DriverCx<'_>, said: Said) {
        if self.line == Line::Open {
            cx.emit(Effect::Say { said });
        }
    }

    fn leave_if_done(&mut self, cx: &mut DriverCx<'_>) {
        if self.is_leaving && self.updates.is_empty() {
            self.stop(cx, StopReason::Done);
        } else if self.is_leaving && self.timers.due_at(&Timer::Die).is_none() {
            self.arm(cx, Timer::Die, self.options.farewell_timeout);
        }
    }

    fn stop(&mut self, cx: &mut DriverCx<'_>, why: StopReason) {
        if self.line != Line::Stopped {
            self.line = Line::Stopped;
            self.timers = TimerTable::default();
            cx.emit(Effect::Stop { why });
        }
    }

    fn arm(&mut self, cx: &DriverCx<'_>, timer: Timer, after: Duration) {
        self.timers.set(timer, cx.now.mono + after.max(DELAY_MIN));
    }

    fn fire(&mut self, cx: &mut DriverCx<'_>, timer: &Timer) {
        match timer {
            Timer::Retry => self.subscribe(cx),
            Timer::GiveUp => {
                let grace = self.options.shutdown_grace;
                self.shut_down(cx, grace);
            }
            Timer::Silence => {
                let attempt = self.attempt;
                self.handle_lost(cx, attempt, None);
            }
            Timer::Guest => self.consult(cx, |executor, cx| executor.tick(cx)),
            Timer::Die => {
                let why = if self.is_leaving { StopReason::Done } else { StopReason::OutOfTime };
                self.stop(cx, why);
            }
        }
    }

    fn container(&mut self, cx: &mut DriverCx<'_>, container: &ContainerId, outcome: Contained) {
        match outcome {
            Ok(None) => self.consult(cx, |executor, cx| executor.launched(cx, container)),
            Ok(Some(exit)) => self.consult(cx, |executor, cx| executor.exited(cx, container, Ok(exit))),
            Err(problem) => self.consult(cx, |executor, cx| executor.exited(cx, container, Err(problem))),
        }
    }
}

/// Whether asking again cannot help: an executor that its agent does not know never will be known.
const fn is_final(code: RejectionCode) -> bool {
    matches!(code, RejectionCode::UnknownFramework | RejectionCode::UnknownExecutor | RejectionCode::NotYours)
}

impl Machine for Driver {
    type Input = Input;
    type Effect = Effect;

    fn handle(&mut self, cx: &mut DriverCx<'_>, input: Input) {
        if self.line == Line::Stopped {
            return;
        }
        match input {
            Input::Started => {
                self.arm(cx, Timer::GiveUp, self.options.recovery_timeout);
                self.subscribe(cx);
            }
            Input::Heard { attempt, event } => self.handle_heard(cx, attempt, event),
            Input::Lost { attempt, refused } => self.handle_lost(cx, attempt, refused),
            Input::Asked { call } => self.perform(cx, call),
            Input::Contained { container, outcome } => self.container(cx, &container, outcome),
            Input::Checked { check, found } => self.consult(cx, |executor, cx| executor.checked(cx, &check, found)),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn tick(&mut self, cx: &mut DriverCx<'_>) {
        while let Some(timer) = self.timers.pop_due(cx.now.mono) {
            self.fire(cx, &timer);
        }
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver")
            .field("options", &self.options)
            .field("line", &self.line)
            .field("attempt", &self.attempt)
            .field("tasks", &self.tasks.keys())
            .field("updates", &self.updates.len())
            .finish_non_exhaustive()
    }
}
