//! Hosts a scheduler: what a framework author starts.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use mesos_core::call::{Leader, scheduler};
use mesos_core::daemon::{
    Connector, Ended, Flow, Host, Inbox, Patience, SystemClock, Task, Uplink, UplinkArrival, UplinkNews, World, Writer,
    entropy, inbox,
};
use mesos_core::kernel::{Draft, Rng, Term, Ticket};
use mesos_core::provider::StoreError;
use mesos_core::{Clock, Detector, FrameworkInfo, Scheduler, SchedulerCx, Store};

use super::store::term_of_this_moment;
use crate::driver::{Driver, Effect, Input, Options, StopReason};

/// What a framework's host is made of.
pub struct SchedulerSetup<S: Scheduler + ?Sized = dyn Scheduler> {
    /// The framework's description.
    pub info: FrameworkInfo,
    /// Its brain.
    pub scheduler: Box<S>,
    /// The driver's options.
    pub options: Options,
    /// What it remembers across restarts, its id among it. Each framework needs one of its own.
    pub memory: Arc<dyn Store>,
    /// How long that may take before the framework ends: a later run goes on with what is written.
    pub patience: Patience,
    /// The term under which the memory is opened: a later run's is larger, and fences this one off.
    pub term: Term,
    /// Finds the leading master.
    pub detector: Box<dyn Detector>,
    /// Makes connections to it.
    pub connector: Arc<dyn Connector<scheduler::Call, scheduler::Event>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The seed of the machine's randomness.
    pub seed: u64,
}

impl<S: Scheduler + ?Sized> SchedulerSetup<S> {
    /// With default options, a term of this moment, the system's clock and a seed from the operating system.
    #[must_use]
    pub fn new(
        info: FrameworkInfo,
        scheduler: Box<S>,
        memory: Arc<dyn Store>,
        detector: Box<dyn Detector>,
        connector: Arc<dyn Connector<scheduler::Call, scheduler::Event>>,
    ) -> Self {
        Self {
            info,
            scheduler,
            options: Options::default(),
            memory,
            patience: Patience::default(),
            term: term_of_this_moment(),
            detector,
            connector,
            clock: Arc::new(SystemClock::new()),
            seed: entropy(),
        }
    }
}

impl<S: Scheduler + ?Sized> fmt::Debug for SchedulerSetup<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerSetup").field("info", &self.info).field("memory", &self.memory).finish_non_exhaustive()
    }
}

/// Why a framework could not be started, or how its task ended instead of by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// What it remembers could not be read.
    #[error("the framework's memory could not be opened: {0}")]
    Memory(StoreError),
    /// Its task was aborted or panicked.
    #[error("the framework's task ended: {0}")]
    Task(String),
}

// No source beside it: whoever prints those as well would say it twice.
impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Memory(error)
    }
}

/// A framework that has ended.
#[derive(Debug)]
pub struct SchedulerEnded<S: Scheduler + ?Sized = dyn Scheduler> {
    /// Why.
    pub why: StopReason,
    /// The driver in its last state.
    pub driver: Driver<S>,
}

type Up = UplinkArrival<scheduler::Call, scheduler::Event>;

/// What a framework's world is told.
#[derive(Debug)]
enum Arrival {
    Uplink(Up),
    Saved(Ticket, Result<(), StoreError>),
    Leader(Option<Leader>),
    Asked(super::events::AskBox),
    Stop { teardown: bool },
}

impl From<Up> for Arrival {
    fn from(arrival: Up) -> Self {
        Self::Uplink(arrival)
    }
}

/// Performs a driver's effects.
#[derive(Debug)]
struct SchedulerWorld<S: Scheduler + ?Sized> {
    inbox: Inbox<Driver<S>, Arrival>,
    uplink: Uplink<scheduler::Call, scheduler::Event>,
    writer: Writer,
    stopped: Option<StopReason>,
    /// For what is asked beside the scheduler.
    clock: Arc<dyn Clock>,
    rng: Rng,
    _detection: Task,
}

impl<S: Scheduler + ?Sized + 'static> World<Driver<S>> for SchedulerWorld<S> {
    type Arrival = Arrival;

    fn admit(&mut self, arrival: Arrival) -> Option<Input> {
        Some(match arrival {
            Arrival::Uplink(arrival) => match self.uplink.admit(arrival)? {
                UplinkNews::Connected(conn) => Input::Connected { conn },
                UplinkNews::Disconnected(conn) => Input::Disconnected { conn },
                UplinkNews::Received(conn, seq, event) => Input::Received { conn, seq, event },
            },
            Arrival::Saved(ticket, result) => Input::Saved { ticket, result },
            Arrival::Leader(leader) => Input::LeaderChanged { leader },
            Arrival::Asked(ask) => Input::Asked { actions: ask.actions(self.clock.now(), &mut self.rng) },
            Arrival::Stop { teardown } => Input::Stop { teardown },
        })
    }

    fn perform(&mut self, effect: Effect, back: &mut VecDeque<Input>) -> Flow {
        match effect {
            Effect::Connect { leader } => self.uplink.connect(leader, self.inbox.clone()),
            Effect::Send { conn, seq, call } => {
                if !self.uplink.send(conn, seq, call) {
                    back.push_back(Input::Disconnected { conn: Some(conn) });
                }
            }
            Effect::Close { conn, why } => {
                tracing::debug!(%conn, %why, "closes the connection");
                self.uplink.close(conn);
            }
            Effect::Save { ticket, changes } => {
                if let Err(error) = self.writer.write(ticket, Draft::write_out_all(&changes)) {
                    back.push_back(Input::Saved { ticket, result: Err(error) });
                }
            }
            Effect::Stop { why } => {
                tracing::info!(%why, "the framework has ended");
                self.stopped = Some(why);
                return Flow::Stop;
            }
        }
        Flow::Continue
    }
}

/// A framework in a task of its own. Dropping this ends it as if its process had died: its tasks run on, and another run
/// with the same memory fails over to them.
///
/// All its futures can be awaited in tasks of the caller's, also for `dyn Scheduler`.
pub struct SchedulerDriver<S: Scheduler + ?Sized + 'static = dyn Scheduler> {
    // Not a `Running`: to see that one is `Send`, the compiler looks at the world's trait, which holds for what is
    // `'static` only, and inside a caller's task it has forgotten that `dyn Scheduler` is.
    inbox: Inbox<Driver<S>, Arrival>,
    task: Task<SchedulerEnded<S>>,
}

impl<S: Scheduler + ?Sized + 'static> SchedulerDriver<S> {
    /// Opens the framework's memory and starts it. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the memory cannot be opened.
    pub async fn start(setup: SchedulerSetup<S>) -> Result<Self, StartError> {
        let SchedulerSetup { info, scheduler, options, memory, patience, term, mut detector, connector, clock, seed } =
            setup;
        let memory = patience.over(memory);
        let records = memory.open(term).await?;
        tracing::info!(framework = %info.name, records = records.len(), seed, "starts");
        let (inbox, mailbox) = inbox();
        let found = inbox.clone();
        let detection = Task::spawn(async move {
            let mut leader = None;
            loop {
                leader = detector.detect(leader).await;
                if !found.send(Arrival::Leader(leader.clone())).await {
                    return;
                }
            }
        });
        let world = SchedulerWorld {
            uplink: Uplink::new(connector),
            writer: Writer::spawn(memory, term, inbox.clone(), Arrival::Saved),
            inbox: inbox.clone(),
            stopped: None,
            clock: clock.clone(),
            rng: Rng::new(entropy()),
            _detection: detection,
        };
        let host = Host::new(Driver::new(info, scheduler, options), world, mailbox, clock, Rng::new(seed));
        let task = Task::spawn(async move {
            let Ended { machine, world } = host.run(Input::Recovered { records }).await;
            SchedulerEnded { why: world.stopped.unwrap_or(StopReason::Requested), driver: machine }
        });
        Ok(Self { inbox, task })
    }

    /// Looks at the driver, and through it at the scheduler, between two steps; nothing when it has ended.
    pub async fn inspect<R: Send + 'static>(&self, look: impl FnOnce(&Driver<S>) -> R + Send + 'static) -> Option<R> {
        self.inbox.inspect(look).await
    }

    /// Does what a scheduler does with its context, beside the scheduler: `ask` is called before the next step. Whether the
    /// driver still takes anything.
    pub async fn act(&self, ask: impl FnOnce(&mut SchedulerCx<'_>) + Send + 'static) -> bool {
        self.inbox.send(Arrival::Asked(super::events::AskBox::new(ask))).await
    }

    /// Asks it to end; with its tasks, or leaving them to a later run.
    pub async fn stop(&self, teardown: bool) {
        self.inbox.send(Arrival::Stop { teardown }).await;
    }

    /// Ends it as if its process had died.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for its end: until its work is done, it is stopped, or it cannot go on.
    ///
    /// # Errors
    /// When its task panicked or was aborted.
    pub async fn join(self) -> Result<SchedulerEnded<S>, StartError> {
        self.task.join().await.map_err(|error| StartError::Task(error.to_string()))
    }
}

impl<S: Scheduler + ?Sized + 'static> fmt::Debug for SchedulerDriver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerDriver").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
