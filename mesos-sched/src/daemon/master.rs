//! Hosts a master: contends, opens the registry, leads, ends.
//!
//! ```text
//!   contend ──term──▶ Store::open ──records──▶ Elected ──▶ (fences, leads) ──▶ StepDown: the daemon ends
//!      │ connections are turned away ── and then wait ──────▶ are let in      ▲
//!      └───────────────────── Contender::lost ──── Demoted ───────────────────┘
//! ```
//!
//! A master leads for at most one term. Whoever wants it to contend again starts another daemon: with another machine,
//! which knows nothing but what the registry holds.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use mesos_core::call::operator::{self, ReplyTo};
use mesos_core::call::{ConnId, agent, scheduler};
use mesos_core::daemon::{
    BacklogBounds, Door, Ended, Flow, Host, Inbox, JournalSetup, Patience, PeerArrival, Peers, Stream, SystemClock,
    Task, Waiting, World, Writer, entropy, inbox,
};
use mesos_core::kernel::{Rng, Term, Ticket};
use mesos_core::provider::StoreError;
use mesos_core::{Allocator, Clock, Contender, MasterId, Rejection, RejectionCode, Store};
use tokio::sync::{oneshot, watch};

use super::rounds::Rounds;
use super::shadow::ShadowTally;
use super::store_watch::StoreWatch;
use super::view::{Feed, Published, Wish};
use crate::master::{Effect, Input, Master, Options, Recipe};

/// Connections to one master at one time; further ones are turned away.
const CONNECTIONS_MAX: usize = 200_000;

/// What a master's daemon is made of.
#[derive(Debug)]
pub struct MasterSetup {
    /// The master's id; a new one for every start.
    pub id: MasterId,
    /// The master's options.
    pub options: Options,
    /// Decides who is offered what.
    pub allocator: Box<dyn Allocator>,
    /// The registry.
    pub store: Arc<dyn Store>,
    /// How long the registry's store may take before the master steps down.
    pub patience: Patience,
    /// Finds out when this master leads. Kept until the daemon ends, and dropped then.
    pub contender: Box<dyn Contender>,
    /// Where connections come from.
    pub door: Door,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The seed of the machine's randomness.
    pub seed: u64,
    /// Keeps a picture of the cluster outside the master, for views and event streams, while somebody looks at it.
    pub view: Option<Feed>,
    /// Where everything that happens to the master while it leads is recorded, if anywhere.
    pub journal: Option<JournalSetup>,
    /// What was found of the candidate beside the allocator, if there is [one](Self::with_shadow).
    shadow: Option<ShadowTally>,
    /// How much may wait for frameworks, and for agents.
    pub backlog: BacklogBounds,
}

impl MasterSetup {
    /// With default options, the system's clock and a seed from the operating system.
    #[must_use]
    pub fn new(
        id: MasterId,
        allocator: Box<dyn Allocator>,
        store: Arc<dyn Store>,
        contender: Box<dyn Contender>,
        door: Door,
    ) -> Self {
        Self {
            id,
            options: Options::default(),
            allocator,
            store,
            patience: Patience::default(),
            contender,
            door,
            clock: Arc::new(SystemClock::new()),
            seed: entropy(),
            view: None,
            journal: None,
            shadow: None,
            backlog: BacklogBounds::default(),
        }
    }

    /// Runs a candidate beside the allocator: it is told the same and asked the same, and decides nothing. What it would have
    /// decided is counted and logged; see [`MasterHandle::shadow`].
    ///
    /// # Errors
    /// When one of the two makes optimistic offers: then there is no set of books both could share.
    pub fn with_shadow(self, candidate: Box<dyn Allocator>) -> Result<Self, Rejection> {
        let (allocator, shadow) = ShadowTally::beside(self.allocator, candidate)?;
        Ok(Self { allocator, shadow: Some(shadow), ..self })
    }
}

/// Why a master that won its election did not lead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeadError {
    /// The registry could not be opened.
    #[error("the registry could not be opened: {0}")]
    Registry(StoreError),
    /// The journal could not be begun.
    #[error("the journal could not be begun: {0}")]
    Journal(String),
    /// The daemon's task was aborted or panicked.
    #[error("the master's task ended: {0}")]
    Task(String),
}

// No source beside it: whoever prints those as well would say it twice.
impl From<StoreError> for LeadError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error)
    }
}

impl LeadError {
    #[allow(clippy::needless_pass_by_value, reason = "handed to map_err")]
    fn journal(error: io::Error) -> Self {
        Self::Journal(error.to_string())
    }
}

/// A master after its term.
#[derive(Debug)]
pub struct Led {
    /// The machine in its last state.
    pub master: Master,
    /// Its term.
    pub term: Term,
    /// Why it stepped down.
    pub why: String,
}

/// What a master's world is told.
#[derive(Debug)]
enum Arrival {
    Scheduler(PeerArrival<scheduler::Event, scheduler::Call>),
    Agent(PeerArrival<agent::ToAgent, agent::ToMaster>),
    Persisted(Ticket, Result<(), StoreError>),
    Operator(operator::Call, oneshot::Sender<operator::Response>),
    Wished(Wish),
    Demoted,
}

impl From<PeerArrival<scheduler::Event, scheduler::Call>> for Arrival {
    fn from(arrival: PeerArrival<scheduler::Event, scheduler::Call>) -> Self {
        Self::Scheduler(arrival)
    }
}

impl From<PeerArrival<agent::ToAgent, agent::ToMaster>> for Arrival {
    fn from(arrival: PeerArrival<agent::ToAgent, agent::ToMaster>) -> Self {
        Self::Agent(arrival)
    }
}

/// Performs a master's effects.
#[derive(Debug)]
struct MasterWorld {
    inbox: Inbox<Master, Arrival>,
    schedulers: Peers<scheduler::Event>,
    agents: Peers<agent::ToAgent>,
    connections: u64,
    callers: HashMap<ReplyTo, oneshot::Sender<operator::Response>>,
    /// Answers of this step: given when the views know of it.
    answers: Vec<(oneshot::Sender<operator::Response>, operator::Response)>,
    view: Option<Feed>,
    calls: u64,
    writer: Writer,
    stepped_down: Option<String>,
    phase: Arc<watch::Sender<Lead>>,
    /// Where connections wait until the machine leads.
    door: Option<Door>,
    doorman: Option<Task>,
    /// The watch over the lead.
    _watch: Task,
    /// Whoever tells what the view wants.
    _wishes: Option<Task>,
}

impl MasterWorld {
    fn name_connection(&mut self) -> Option<ConnId> {
        if self.schedulers.len() + self.agents.len() >= CONNECTIONS_MAX {
            tracing::warn!(bound = CONNECTIONS_MAX, "too many connections; one is turned away");
            return None;
        }
        self.connections += 1;
        Some(ConnId(self.connections))
    }
}

impl World<Master> for MasterWorld {
    type Arrival = Arrival;

    fn admit(&mut self, arrival: Arrival) -> Option<Input> {
        match arrival {
            Arrival::Scheduler(PeerArrival::Received { conn, seq, message }) => {
                self.schedulers.contains(conn).then_some(Input::Scheduler { conn, seq, call: message })
            }
            Arrival::Agent(PeerArrival::Received { conn, seq, message }) => {
                self.agents.contains(conn).then_some(Input::Agent { conn, seq, message })
            }
            Arrival::Scheduler(PeerArrival::Accepted(stream)) => {
                let conn = self.name_connection()?;
                self.schedulers.accept(conn, stream, self.inbox.clone());
                None
            }
            Arrival::Agent(PeerArrival::Accepted(stream)) => {
                let conn = self.name_connection()?;
                self.agents.accept(conn, stream, self.inbox.clone());
                None
            }
            Arrival::Scheduler(PeerArrival::Closed { conn }) => {
                self.schedulers.close(conn).then_some(Input::Disconnected { conn })
            }
            Arrival::Agent(PeerArrival::Closed { conn }) => {
                self.agents.close(conn).then_some(Input::Disconnected { conn })
            }
            Arrival::Persisted(ticket, result) => Some(Input::Persisted { ticket, result }),
            Arrival::Operator(call, caller) => {
                self.calls += 1;
                let reply = ReplyTo(self.calls);
                self.callers.insert(reply, caller);
                Some(Input::Operator { reply, call })
            }
            Arrival::Wished(wish) => {
                self.view.as_mut()?.take_up(wish);
                Some(if wish.is_all { Input::PublishAll } else { Input::PublishNothing })
            }
            Arrival::Demoted => Some(Input::Demoted),
        }
    }

    fn perform(&mut self, effect: Effect, back: &mut VecDeque<Input>) -> Flow {
        match effect {
            Effect::ToScheduler { conn, seq, event } => {
                self.schedulers.send(conn, seq, event, |conn| back.push_back(Input::Disconnected { conn }));
            }
            Effect::ToAgent { conn, seq, message } => {
                self.agents.send(conn, seq, message, |conn| back.push_back(Input::Disconnected { conn }));
            }
            Effect::Persist { ticket, term: _, changes } => {
                if let Err(error) = self.writer.write(ticket, changes) {
                    back.push_back(Input::Persisted { ticket, result: Err(error) });
                }
            }
            Effect::Close { conn, why } => {
                tracing::debug!(%conn, %why, "closes a connection");
                let _ = self.schedulers.close(conn) || self.agents.close(conn);
            }
            Effect::Reply { to, response } => {
                if let Some(caller) = self.callers.remove(&to) {
                    self.answers.push((caller, response));
                }
            }
            Effect::Publish(changes) => {
                if let Some(view) = &mut self.view
                    && view.publish(changes) == Published::AllIsWanted
                {
                    back.push_back(Input::PublishAll);
                }
            }
            Effect::StepDown { term, why } => {
                tracing::warn!(term = term.0, why, "steps down");
                self.stepped_down = Some(why);
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    fn settled(&mut self, master: &Master) {
        if let Some(term) = master.leading()
            && let Some(door) = self.door.take()
        {
            self.doorman = Some(Task::spawn(open_door(door, self.inbox.clone())));
            self.phase.send_replace(Lead::Leading(term));
        }
        for (caller, response) in self.answers.drain(..) {
            // A caller that went away gets no answer.
            let _ = caller.send(response);
        }
    }
}

/// How far a master is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// It does not lead.
    Waiting,
    /// It won its election; it reads the registry, and writes its name into it.
    Recovering,
    /// It leads in this term.
    Leading(Term),
    /// It led, or failed to, and has ended.
    Ended,
}

/// Speaks to a master's daemon. Cheap to clone; does not keep the daemon alive.
#[derive(Debug, Clone)]
pub struct MasterHandle {
    id: MasterId,
    inbox: Inbox<Master, Arrival>,
    lead: watch::Receiver<Lead>,
    rounds: Rounds,
    registry: StoreWatch,
    shadow: Option<ShadowTally>,
}

/// A master in a task of its own. Dropping this ends it as if its process had died.
#[derive(Debug)]
pub struct MasterDaemon {
    handle: MasterHandle,
    task: Task<Result<Led, LeadError>>,
}

impl MasterHandle {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &MasterId {
        &self.id
    }

    /// How far it is, and every change of that.
    #[must_use]
    pub fn lead(&self) -> watch::Receiver<Lead> {
        self.lead.clone()
    }

    /// How long its allocation rounds take.
    #[must_use]
    pub const fn rounds(&self) -> &Rounds {
        &self.rounds
    }

    /// How long its registry's store takes, and how much is in it.
    #[must_use]
    pub const fn registry(&self) -> &StoreWatch {
        &self.registry
    }

    /// What the candidate beside its allocator would have done otherwise, if there is one.
    #[must_use]
    pub const fn shadow(&self) -> Option<&ShadowTally> {
        self.shadow.as_ref()
    }

    /// What waits for the machine.
    #[must_use]
    pub fn waiting(&self) -> Waiting {
        self.inbox.waiting()
    }

    /// Looks at the machine between two steps. Waits while another master leads; nothing when this one has ended.
    pub async fn inspect<R: Send + 'static>(&self, look: impl FnOnce(&Master) -> R + Send + 'static) -> Option<R> {
        self.inbox.inspect(look).await
    }

    /// Asks something as an operator.
    pub async fn operate(&self, call: operator::Call) -> operator::Response {
        let (answer, answered) = oneshot::channel();
        let gone = || {
            let what = format!("master {} has ended", self.id);
            operator::Response::Refused(Rejection::new(RejectionCode::NotLeading, what, "ask the leading master"))
        };
        if !self.inbox.send(Arrival::Operator(call, answer)).await {
            return gone();
        }
        answered.await.unwrap_or_else(|_| gone())
    }

    /// Ends its lead as if its session had expired, or as soon as it begins.
    pub async fn demote(&self) {
        self.inbox.send(Arrival::Demoted).await;
    }
}

impl MasterDaemon {
    /// Starts a master. Must be called inside a tokio runtime.
    #[must_use]
    pub fn start(mut setup: MasterSetup) -> Self {
        let rounds = Rounds::default();
        setup.allocator = rounds.measure(setup.allocator);
        let registry = StoreWatch::default();
        setup.store = registry.over(setup.patience.over(setup.store));
        let (inbox, mailbox) = inbox();
        let (id, shadow) = (setup.id.clone(), setup.shadow.clone());
        let (phase, lead) = watch::channel(Lead::Waiting);
        let (phase, own) = (Arc::new(phase), inbox.clone());
        let task = Task::spawn(async move {
            let led = self::lead(setup, own, mailbox, phase.clone()).await;
            phase.send_replace(Lead::Ended);
            led
        });
        Self { handle: MasterHandle { id, inbox, lead, rounds, registry, shadow }, task }
    }

    /// Speaks to it.
    #[must_use]
    pub const fn handle(&self) -> &MasterHandle {
        &self.handle
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &MasterId {
        &self.handle.id
    }

    /// As [`MasterHandle::inspect`].
    pub async fn inspect<R: Send + 'static>(&self, look: impl FnOnce(&Master) -> R + Send + 'static) -> Option<R> {
        self.handle.inspect(look).await
    }

    /// As [`MasterHandle::operate`].
    pub async fn operate(&self, call: operator::Call) -> operator::Response {
        self.handle.operate(call).await
    }

    /// As [`MasterHandle::demote`].
    pub async fn demote(&self) {
        self.handle.demote().await;
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

    /// Waits until it has stepped down.
    ///
    /// # Errors
    /// [`LeadError`] when it never led, panicked or was aborted.
    pub async fn join(self) -> Result<Led, LeadError> {
        match self.task.join().await {
            Ok(result) => result,
            Err(error) => Err(LeadError::Task(error.to_string())),
        }
    }
}

async fn lead(
    setup: MasterSetup,
    inbox: Inbox<Master, Arrival>,
    mailbox: mesos_core::daemon::Mailbox<Master, Arrival>,
    phase: Arc<watch::Sender<Lead>>,
) -> Result<Led, LeadError> {
    let MasterSetup {
        id,
        options,
        allocator,
        store,
        patience: _,
        mut contender,
        mut door,
        clock,
        seed,
        view,
        journal,
        shadow: _,
        backlog,
    } = setup;
    let term = win(&mut *contender, &mut door).await;
    phase.send_replace(Lead::Recovering);
    let records = store.open(term).await?;
    tracing::info!(master = %id, term = term.0, records = records.len(), seed, "leads");

    let writer = Writer::spawn(store, term, inbox.clone(), Arrival::Persisted);
    let watched = inbox.clone();
    let watch = Task::spawn(async move {
        contender.lost(term).await;
        watched.send(Arrival::Demoted).await;
        // Resigns only when the daemon has ended: until then nobody else may think that nobody leads.
        std::future::pending::<()>().await;
        drop(contender);
    });
    let memory = options.memory.or_else(|| view.as_ref().map(Feed::memory));
    let wishes = view.as_ref().map(|view| Task::spawn(convey(view.wishes(), inbox.clone())));
    let world = MasterWorld {
        inbox,
        schedulers: Peers::new(backlog),
        agents: Peers::new(backlog),
        connections: 0,
        callers: HashMap::new(),
        answers: Vec::new(),
        view,
        calls: 0,
        writer,
        stepped_down: None,
        phase,
        door: Some(door),
        doorman: None,
        _watch: watch,
        _wishes: wishes,
    };
    let options = Options { memory, ..options };
    let master = Master::new(id, options, allocator);
    let rng = Rng::new(seed);
    let recorder = journal.map(|journal| journal.open(Recipe::MACHINE, &rng, &master.recipe()));
    let recorder = recorder.transpose().map_err(LeadError::journal)?;
    let host = Host::new(master, world, mailbox, clock, rng).recorded(recorder);
    let Ended { machine, world } = host.run(Input::Elected { term, records }).await;
    let why = world.stepped_down.unwrap_or_else(|| "nobody holds it any more".to_owned());
    Ok(Led { master: machine, term, why })
}

/// Tells what the view wants, for as long as there is one.
async fn convey(mut wishes: watch::Receiver<Wish>, inbox: Inbox<Master, Arrival>) {
    let mut told = Wish::default();
    loop {
        let wish = *wishes.borrow_and_update();
        if wish != told && !inbox.send(Arrival::Wished(wish)).await {
            return;
        }
        told = wish;
        if wishes.changed().await.is_err() {
            return;
        }
    }
}

/// Waits until this master leads; who comes before is turned away and looks for the leader again.
async fn win(contender: &mut dyn Contender, door: &mut Door) -> Term {
    let mut contend = contender.contend();
    loop {
        tokio::select! {
            biased;
            term = &mut contend => return term,
            Some(stream) = door.schedulers.recv() => drop::<Stream<_, _>>(stream),
            Some(stream) = door.agents.recv() => drop::<Stream<_, _>>(stream),
        }
    }
}

/// Lets connections in.
async fn open_door(mut door: Door, inbox: Inbox<Master, Arrival>) {
    loop {
        let arrival = tokio::select! {
            biased;
            Some(stream) = door.agents.recv() => Arrival::Agent(PeerArrival::Accepted(stream)),
            Some(stream) = door.schedulers.recv() => Arrival::Scheduler(PeerArrival::Accepted(stream)),
            else => return,
        };
        if !inbox.send(arrival).await {
            return;
        }
    }
}
