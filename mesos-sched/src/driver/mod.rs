//! The scheduler driver: a framework's side of the conversation with the master, as a machine.
//!
//! ```text
//!   Input ──▶ Driver ──offers, updates──▶ Scheduler (the author's)
//!             │    ◀─────── Actions ──────┘
//!             ▼
//!   Effect: Connect, Send, Save, Stop
//! ```
//!
//! It finds and keeps a subscription, makes what the framework remembers durable before the master hears of it,
//! acknowledges, and follows every task until its end ([`Ledger`]): launches and kills that were lost are noticed and
//! repeated or reconciled. A [`Scheduler`] does none of that, and decides everything else.
//!
//! It is not a framework and has no policy of its own. Hosts drive it: the daemon's scheduler host and the simulator.
//!
//! # What is promised
//!
//! * A call is sent only after everything the scheduler saved before it is durable; calls never overtake each other.
//! * An update is acknowledged only after everything saved because of it is durable.
//! * While there is no subscription, an accept, a decline, a message, an acknowledgement and the shutdown of an executor
//!   are dropped: the offers are void, the agent repeats its update, the rest is best effort. Kills, suppressed roles, a new
//!   description of the framework and questions about tasks are kept and said again at the next subscription.
//! * A task that was launched ends in a state the scheduler is told, whatever was lost on the way: after every
//!   subscription, and when nothing is heard of it, the master is asked about it until something is heard.
//! * An update may come more than once, after a restart too.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use mesos_core::kernel::{Cx, Machine, TimerTable};
use mesos_core::provider::{Action, StoreError};
use mesos_core::{FrameworkId, FrameworkInfo, Instant, OfferConstraints, Role, Scheduler};

mod call;
mod connect;
mod effect;
mod feedback;
mod input;
mod ledger;
mod memory;
mod options;
mod outbox;
mod receive;
mod session;
#[cfg(test)]
mod tests;

pub use effect::{Effect, StopReason};
pub use input::Input;
pub use ledger::{Ledger, LedgerKey, LedgerTask, PendingKill};
pub use memory::{FRAMEWORK_ID_KEY, MEMORY_PREFIX};
pub use options::Options;

use outbox::Outbox;
use session::Session;

/// The context of a driver's step.
pub(crate) type DriverCx<'a> = Cx<'a, Effect>;

/// Drives one scheduler. `S` is the scheduler's own type for a host that wants to look at it, otherwise it stays unnamed.
pub struct Driver<S: Scheduler + ?Sized = dyn Scheduler> {
    info: FrameworkInfo,
    options: Options,
    phase: Phase,
    session: Session,
    outbox: Outbox,
    ledger: Ledger,
    awaited: feedback::Awaited,
    suppressed: BTreeSet<Role>,
    constraints: Arc<OfferConstraints>,
    timers: TimerTable<Timer>,
    /// Set when too many calls waited: no subscription until the memory has caught up.
    is_overrun: bool,
    /// The subscription in which the master was asked to tear the framework down.
    torn_down_in: Option<u64>,
    /// Whether the master was asked at once when the connection of a teardown had ended; later ends may be the network's.
    has_made_sure: bool,
    /// What the scheduler asks for; kept between steps for its space.
    actions: Vec<Action>,
    scheduler: Box<S>,
}

/// Where a driver is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// What an earlier run remembered is not known yet.
    Recovering,
    /// It works.
    Running,
    /// It is ending: what was saved becomes durable, and a master is told if the framework is torn down.
    Ending { teardown: bool, why: StopReason },
    /// It has ended.
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    /// The next attempt to connect and subscribe.
    Attempt,
    /// The master was silent for too long, unless something was heard meanwhile.
    Silence,
    /// Tasks nothing was heard of are asked about.
    Reconcile,
    /// Ending takes too long.
    Patience,
}

impl<S: Scheduler + ?Sized> Driver<S> {
    /// A driver for `scheduler`. An id in `info` is used to fail over, unless the framework's memory holds one.
    #[must_use]
    pub fn new(info: FrameworkInfo, scheduler: Box<S>, options: Options) -> Self {
        Self {
            info,
            phase: Phase::Recovering,
            session: Session::new(),
            outbox: Outbox::default(),
            ledger: Ledger::default(),
            awaited: feedback::Awaited::default(),
            suppressed: BTreeSet::new(),
            constraints: options.constraints.clone(),
            options: options.usable(),
            timers: TimerTable::default(),
            is_overrun: false,
            torn_down_in: None,
            has_made_sure: false,
            actions: Vec::new(),
            scheduler,
        }
    }

    /// The framework's id, once a master gave one.
    #[must_use]
    pub const fn framework_id(&self) -> Option<&FrameworkId> {
        self.info.id.as_ref()
    }

    /// The framework's description.
    #[must_use]
    pub const fn info(&self) -> &FrameworkInfo {
        &self.info
    }

    /// Whether the subscription holds.
    #[must_use]
    pub const fn is_subscribed(&self) -> bool {
        self.session.is_subscribed()
    }

    /// Whether the framework has ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.phase == Phase::Stopped
    }

    /// The roles the framework wants no offers for.
    #[must_use]
    pub const fn suppressed(&self) -> &BTreeSet<Role> {
        &self.suppressed
    }

    /// What the framework demands of agents.
    #[must_use]
    pub fn constraints(&self) -> &OfferConstraints {
        &self.constraints
    }

    /// The tasks that have not ended, as far as is known.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The scheduler.
    #[must_use]
    pub fn scheduler(&self) -> &S {
        &self.scheduler
    }

    /// The scheduler, when the driver is done with.
    #[must_use]
    pub fn into_scheduler(self) -> Box<S> {
        self.scheduler
    }

    fn recover(&mut self, cx: &mut DriverCx<'_>, records: Vec<mesos_core::kernel::Record>) {
        match memory::recall(records) {
            Err(error) => self.stop(cx, StopReason::Memory(StoreError::Unknown(error.to_string()))),
            Ok(memory) => {
                if memory.framework_id.is_some() {
                    self.info.id = memory.framework_id;
                }
                if !memory.records.is_empty() {
                    self.scheduler.recovered(&memory.records);
                }
                self.phase = Phase::Running;
                self.schedule_attempt(cx);
                self.timers.set(Timer::Reconcile, cx.now.mono + self.options.reconcile_every);
            }
        }
    }

    fn saved(&mut self, cx: &mut DriverCx<'_>, ticket: mesos_core::kernel::Ticket, result: Result<(), StoreError>) {
        if !self.outbox.take(ticket) {
            return;
        }
        match result {
            Err(error) => self.stop(cx, StopReason::Memory(error)),
            Ok(()) => {
                self.outbox.observe_durable();
                while let Some(waiting) = self.outbox.pop_ready() {
                    self.dispatch(cx, waiting.call, waiting.subscription);
                }
            }
        }
    }

    /// Begins the end; what was saved still becomes durable.
    fn end(&mut self, cx: &mut DriverCx<'_>, teardown: bool, why: StopReason) {
        if self.phase == Phase::Running {
            self.phase = Phase::Ending { teardown, why };
            self.timers.set(Timer::Patience, cx.now.mono + self.options.end_patience);
        }
    }

    /// Ends at once. The host closes what stands, after what was sent on it.
    fn stop(&mut self, cx: &mut DriverCx<'_>, why: StopReason) {
        self.phase = Phase::Stopped;
        self.timers = TimerTable::default();
        cx.emit(Effect::Stop { why });
    }

    /// What every step ends with: questions, saves, the end.
    fn settle(&mut self, cx: &mut DriverCx<'_>) {
        if !matches!(self.phase, Phase::Running | Phase::Ending { .. }) {
            return;
        }
        if self.sweep_due_at().is_some_and(|at| at <= cx.now.mono) {
            self.sweep(cx);
        }
        if let Some((ticket, changes)) = self.outbox.begin() {
            cx.emit(Effect::Save { ticket, changes });
        } else if self.outbox.changes_waiting() > self.options.waiting_max {
            let problem = format!("{} changes wait for one save", self.outbox.changes_waiting());
            return self.stop(cx, StopReason::Memory(StoreError::Unknown(problem)));
        }
        if matches!(self.phase, Phase::Running) && self.outbox.is_settled() && self.scheduler.is_done() {
            self.end(cx, self.options.teardown_when_done, StopReason::Done);
        }
        self.try_stop(cx);
    }

    fn try_stop(&mut self, cx: &mut DriverCx<'_>) {
        let Phase::Ending { teardown, why } = &self.phase else { return };
        if !self.outbox.is_settled() {
            return;
        }
        let (is_told, why) = (*teardown && self.info.id.is_some(), why.clone());
        if !is_told {
            return self.stop(cx, why);
        }
        // The master answers that the framework is removed; until then the call may be lost, and is said again with the
        // next subscription. Tasks nobody ends would run on until the failover timeout.
        let subscription = self.session.subscription;
        if self.is_subscribed() && self.torn_down_in != Some(subscription) {
            self.torn_down_in = Some(subscription);
            self.send(cx, mesos_core::call::scheduler::Call::Teardown);
        }
    }

    /// When tasks must be looked through; not while nobody could be asked.
    fn sweep_due_at(&self) -> Option<Instant> {
        if self.is_subscribed() { self.ledger.due_at() } else { None }
    }

    fn fire(&mut self, cx: &mut DriverCx<'_>, timer: Timer) {
        match timer {
            Timer::Attempt => self.attempt(cx),
            Timer::Silence => self.check_silence(cx),
            Timer::Reconcile => {
                self.ledger.ask_silent(cx.now.mono, &self.options);
                self.ask_of_operations(cx);
                self.timers.set(Timer::Reconcile, cx.now.mono + self.options.reconcile_every);
            }
            Timer::Patience => {
                if let Phase::Ending { why, .. } = &self.phase {
                    let why = why.clone();
                    tracing::warn!("the end took too long; what was not told or saved is lost");
                    self.stop(cx, why);
                }
            }
        }
    }
}

impl<S: Scheduler + ?Sized> Machine for Driver<S> {
    type Input = Input;
    type Effect = Effect;

    fn handle(&mut self, cx: &mut DriverCx<'_>, input: Input) {
        if matches!(self.phase, Phase::Stopped) {
            return;
        }
        match input {
            Input::Recovered { records } if self.phase == Phase::Recovering => self.recover(cx, records),
            Input::Recovered { .. } => {}
            Input::LeaderChanged { leader } => self.follow(cx, leader),
            Input::Connected { conn } => self.connected(cx, conn),
            Input::Disconnected { conn } => self.disconnected(cx, conn),
            Input::Received { conn, seq, event } => self.receive(cx, conn, seq, event),
            Input::Saved { ticket, result } => self.saved(cx, ticket, result),
            Input::Asked { actions } if self.phase == Phase::Running => {
                self.consult(cx, |_, cx| actions.into_iter().for_each(|action| cx.emit(action)));
            }
            Input::Asked { .. } => {}
            Input::Stop { .. } if self.phase == Phase::Recovering => self.stop(cx, StopReason::Requested),
            Input::Stop { teardown } => self.end(cx, teardown, StopReason::Requested),
        }
        self.settle(cx);
    }

    fn deadline(&self) -> Option<Instant> {
        if matches!(self.phase, Phase::Stopped) {
            return None;
        }
        let guest = if matches!(self.phase, Phase::Running) { self.scheduler.deadline() } else { None };
        [self.timers.next(), self.sweep_due_at(), guest].into_iter().flatten().min()
    }

    fn tick(&mut self, cx: &mut DriverCx<'_>) {
        while let Some(timer) = self.timers.pop_due(cx.now.mono) {
            self.fire(cx, timer);
        }
        if matches!(self.phase, Phase::Running) && self.scheduler.deadline().is_some_and(|at| at <= cx.now.mono) {
            self.consult(cx, |scheduler, cx| scheduler.tick(cx));
        }
        self.settle(cx);
    }
}

impl<S: Scheduler + ?Sized> fmt::Debug for Driver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("framework", &self.info.id)
            .field("phase", &self.phase)
            .field("session", &self.session)
            .field("outbox", &self.outbox)
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}
