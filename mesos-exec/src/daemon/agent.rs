//! Hosts an agent: its connection, its checkpoints, its containers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::{Leader, agent};
use mesos_core::daemon::{
    Connector, Ended, Flow, Host, Inbox, JournalSetup, Patience, Running, SpanSink, SystemClock, Task, Uplink,
    UplinkArrival, UplinkNews, World, Writer, entropy, inbox,
};
use mesos_core::kernel::{Draft, Rng, Term, Ticket};
use mesos_core::provider::{ContainerError, Launch, StoreError};
use mesos_core::{AgentInfo, Clock, ContainerSpec, Containerizer, Detector, Purpose, Store};

use super::fetch::{Fetcher, FetcherOptions};
use super::line::{ExecutorDoor, LineArrival, Lines};
use super::owner::{FrameworkOwners, Heard};
use super::probe;
use super::sandbox::Sandboxes;
use super::starts::Starts;
use crate::agent::{Agent, ContainerOp, ContainerOutcome, Effect, ExecutorFactory, Input, Options, Recipe, StopReason};

/// Where an executor finds what proves who it is.
pub(super) const TOKEN_VARIABLE: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

/// How long an agent's checkpoints may take. What its tasks write goes to the same disk and may keep it busy for long; but an
/// agent that does not get one written for as long as a master waits for one that is silent (15 s, five times) is as good as
/// lost.
const PATIENCE: Patience = Patience { fetch: Duration::from_secs(75), store: Duration::from_secs(75) };

/// Issues what executors prove with who they are.
pub trait ExecutorCredentials: Send + Sync + std::fmt::Debug {
    /// A token for the executor that will run in this container; none if it needs none.
    fn issue(&self, spec: &ContainerSpec) -> Option<String>;
}

/// What an agent's host is made of.
#[derive(Debug)]
pub struct AgentSetup {
    /// The agent's description.
    pub info: AgentInfo,
    /// The agent's options.
    pub options: Options,
    /// The executors it can run.
    pub executors: ExecutorFactory,
    /// What starts containers.
    pub containerizer: Arc<dyn Containerizer>,
    /// Where it keeps what must outlive its restarts. Each agent needs one of its own, on the same machine as its
    /// containers.
    pub checkpoints: Arc<dyn Store>,
    /// How long that may take before the agent ends: its next run goes on with what is written, and takes its containers back.
    pub patience: Patience,
    /// The term under which the checkpoints are opened: a later run's is larger, and fences this one off.
    pub term: Term,
    /// Finds the leading master.
    pub detector: Box<dyn Detector>,
    /// Makes connections to it.
    pub connector: Arc<dyn Connector<agent::ToMaster, agent::ToAgent>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Issues what executors prove with who they are; none when they need not.
    pub credentials: Option<Arc<dyn ExecutorCredentials>>,
    /// How what commands name by URI is fetched.
    pub fetcher: FetcherOptions,
    /// Where operators look for what ran; none when nobody does.
    pub sandboxes: Option<Arc<Sandboxes>>,
    /// The seed of the machine's randomness.
    pub seed: u64,
    /// Where everything that happens to the agent is recorded, if anywhere.
    pub journal: Option<JournalSetup>,
    /// Who is told how long tasks take until they run, if anybody.
    pub spans: Option<Arc<dyn SpanSink>>,
}

impl AgentSetup {
    /// With default options, the command executor, a term of this moment, the system's clock and a seed from the operating
    /// system.
    #[must_use]
    pub fn new(
        info: AgentInfo,
        containerizer: Arc<dyn Containerizer>,
        checkpoints: Arc<dyn Store>,
        detector: Box<dyn Detector>,
        connector: Arc<dyn Connector<agent::ToMaster, agent::ToAgent>>,
    ) -> Self {
        let clock = Arc::new(SystemClock::new());
        Self {
            info,
            options: Options::default(),
            executors: ExecutorFactory::new(),
            containerizer,
            checkpoints,
            patience: PATIENCE,
            term: Term(clock.now().wall.as_nanos()),
            detector,
            connector,
            clock,
            credentials: None,
            fetcher: FetcherOptions::default(),
            sandboxes: None,
            seed: entropy(),
            journal: None,
            spans: None,
        }
    }
}

/// Why an agent could not be started, or how its task ended instead of by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its checkpoints could not be read.
    #[error("the agent's checkpoints could not be opened: {0}")]
    Checkpoints(StoreError),
    /// The journal could not be begun.
    #[error("the journal could not be begun: {0}")]
    Journal(String),
    /// The fetcher's cache cannot be made.
    #[error("the cache of what is fetched could not be made: {0}")]
    Fetcher(String),
    /// Its task was aborted or panicked.
    #[error("the agent's task ended: {0}")]
    Task(String),
}

// No source beside it: whoever prints those as well would say it twice.
impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Checkpoints(error)
    }
}

/// An agent that has ended.
#[derive(Debug)]
pub struct AgentEnded {
    /// Why; absent when nobody could reach it any more.
    pub why: Option<StopReason>,
    /// The machine in its last state.
    pub agent: Agent,
}

type Up = UplinkArrival<agent::ToMaster, agent::ToAgent>;

/// What an agent's world is told.
#[derive(Debug)]
pub(super) enum Arrival {
    Uplink(Up),
    Line(LineArrival),
    Housekeeping(Box<Input>),
    Checkpointed(Ticket, Result<(), StoreError>),
    Container(Ticket, ContainerOutcome),
    Leader(Option<Leader>),
    Stop,
}

impl From<Up> for Arrival {
    fn from(arrival: Up) -> Self {
        Self::Uplink(arrival)
    }
}

/// Performs an agent's effects.
#[derive(Debug)]
struct AgentWorld {
    inbox: Inbox<Agent, Arrival>,
    uplink: Uplink<agent::ToMaster, agent::ToAgent>,
    writer: Writer,
    containerizer: Arc<dyn Containerizer>,
    /// Operations under way. The agent bounds how many it asks for.
    operations: BTreeMap<Ticket, Task>,
    lines: Lines,
    credentials: Option<Arc<dyn ExecutorCredentials>>,
    fetcher: Arc<Fetcher>,
    sandboxes: Option<Arc<Sandboxes>>,
    heard: Heard,
    starts: Option<Starts>,
    /// Work on the disk under way: the agent asks for one thing at a time, and for removals now and then.
    housekeeping: Vec<Task>,
    stopped: Option<StopReason>,
    _detection: Task,
}

impl AgentWorld {
    fn operate(&mut self, ticket: Ticket, mut op: ContainerOp) {
        if let ContainerOp::Launch(spec) = &mut op {
            self.furnish(spec);
        }
        let (containerizer, inbox) = (self.containerizer.clone(), self.inbox.clone());
        let fetcher = self.fetcher.clone();
        let sandboxes = self.sandboxes.clone();
        let task = Task::spawn(async move {
            // In a task of its own: a containerizer that panics fails one operation, and the agent hears of it.
            let outcome =
                Task::spawn(async move { operate(&*containerizer, &fetcher, op, sandboxes.as_deref()).await })
                    .join()
                    .await;
            let outcome = outcome.unwrap_or_else(|error| ContainerOutcome::Failed(error.to_string().into()));
            inbox.send(Arrival::Container(ticket, outcome)).await;
        });
        self.operations.insert(ticket, task);
    }
}

impl AgentWorld {
    /// Does something with the sandboxes, on a thread that may wait for the disk, and tells the machine what came of it.
    fn with_sandboxes(&mut self, work: impl FnOnce(&Sandboxes) -> Option<Input> + Send + 'static) {
        let Some(sandboxes) = self.sandboxes.clone() else { return };
        let inbox = self.inbox.clone();
        self.housekeeping.retain(|task| !task.is_finished());
        self.housekeeping.push(Task::spawn(async move {
            if let Ok(Some(input)) = tokio::task::spawn_blocking(move || work(&sandboxes)).await {
                inbox.send(Arrival::Housekeeping(Box::new(input))).await;
            }
        }));
    }

    /// A command is told where it is, and an executor's process gets what proves to this agent that it is this executor.
    fn furnish(&self, spec: &mut ContainerSpec) {
        spec.furnish();
        if spec.purpose != Purpose::Executor {
            return;
        }
        if let Some(token) = self.credentials.as_ref().and_then(|credentials| credentials.issue(spec)) {
            spec.command.environment.insert(TOKEN_VARIABLE.into(), token.into());
        }
    }
}

impl World<Agent> for AgentWorld {
    type Arrival = Arrival;

    fn admit(&mut self, arrival: Arrival) -> Option<Input> {
        Some(match arrival {
            Arrival::Uplink(arrival) => match self.uplink.admit(arrival)? {
                UplinkNews::Connected(conn) => Input::Connected { conn },
                UplinkNews::Disconnected(conn) => Input::Disconnected { conn },
                UplinkNews::Received(conn, seq, message) => {
                    self.heard.note(&message);
                    if let Some(starts) = &mut self.starts {
                        starts.received(&message);
                    }
                    Input::Received { conn, seq, message }
                }
            },
            Arrival::Line(arrival) => self.lines.admit(arrival)?,
            Arrival::Housekeeping(input) => *input,
            Arrival::Checkpointed(ticket, result) => Input::Checkpointed { ticket, result },
            Arrival::Container(ticket, outcome) => {
                self.operations.remove(&ticket);
                Input::Container { ticket, outcome }
            }
            Arrival::Leader(leader) => Input::LeaderChanged { leader },
            Arrival::Stop => Input::Stop,
        })
    }

    fn perform(&mut self, effect: Effect, back: &mut VecDeque<Input>) -> Flow {
        match effect {
            Effect::Connect { leader } => self.uplink.connect(leader, self.inbox.clone()),
            Effect::Send { conn, seq, message } => {
                if let Some(starts) = &mut self.starts {
                    starts.sends(&message);
                }
                if !self.uplink.send(conn, seq, message) {
                    back.push_back(Input::Disconnected { conn: Some(conn) });
                }
            }
            Effect::Close { conn, why } => {
                tracing::debug!(%conn, %why, "closes the connection");
                self.uplink.close(conn);
            }
            Effect::Container { ticket, op } => self.operate(ticket, op),
            Effect::Checkpoint { ticket, changes } => {
                if let Err(error) = self.writer.write(ticket, Draft::write_out_all(&changes)) {
                    back.push_back(Input::Checkpointed { ticket, result: Err(error) });
                }
            }
            Effect::ToExecutor { conn, event } => {
                if !self.lines.send(conn, event) {
                    back.push_back(Input::ExecutorDisconnected { conn });
                }
            }
            Effect::CloseExecutor { conn, why } => self.lines.close(conn, why),
            Effect::Reply { reply, result } => self.lines.answer(reply, result),
            Effect::LookAtDisk => self.with_sandboxes(|sandboxes| match sandboxes.used_ppm() {
                Ok(used_ppm) => Some(Input::DiskSeen { used_ppm }),
                Err(error) => {
                    tracing::warn!(%error, "nobody can say how full the disk is; it counts as empty");
                    Some(Input::DiskSeen { used_ppm: 0 })
                }
            }),
            Effect::RemoveSandboxes { containers } => self.with_sandboxes(move |sandboxes| {
                sandboxes.remove(&containers);
                None
            }),
            Effect::Stop { why } => {
                tracing::info!(%why, "the agent has ended");
                self.stopped = Some(why);
                return Flow::Stop;
            }
        }
        Flow::Continue
    }
}

/// Starts a container, once everything is in its sandbox that its command names.
async fn bring_and_launch(
    containerizer: &dyn Containerizer,
    fetcher: &Fetcher,
    spec: &ContainerSpec,
) -> Result<Launch, ContainerError> {
    let uris = &spec.command.uris;
    if !uris.is_empty() {
        let failed = |problem| ContainerError::Launch { id: spec.id.clone(), problem };
        let sandbox = containerizer.prepare(spec).await?;
        let sandbox = sandbox.ok_or_else(|| failed("there is no sandbox to fetch into".to_owned()))?;
        fetcher.fetch(uris, &sandbox).await.map_err(failed)?;
    }
    containerizer.launch(spec.clone()).await
}

/// One operation, from asking to its end.
async fn operate(
    containerizer: &dyn Containerizer,
    fetcher: &Fetcher,
    op: ContainerOp,
    sandboxes: Option<&Sandboxes>,
) -> ContainerOutcome {
    let result = match op {
        ContainerOp::Recover(known) => containerizer.recover(known).await.map(ContainerOutcome::Recovered),
        ContainerOp::Launch(spec) => match bring_and_launch(containerizer, fetcher, &spec).await {
            Ok(Launch::Started(container)) => {
                if let (Some(sandboxes), Some(sandbox)) = (sandboxes, &container.sandbox) {
                    sandboxes.note(&spec, sandbox);
                }
                Ok(ContainerOutcome::Launched)
            }
            Ok(Launch::AlreadyRunning) => Ok(ContainerOutcome::Launched),
            Ok(_) => Ok(ContainerOutcome::Failed("no containerizer here can start this".into())),
            Err(error) => Err(error),
        },
        ContainerOp::Wait(id) => containerizer.wait(&id).await.map(ContainerOutcome::Exited),
        ContainerOp::Signal(id, signal) => match containerizer.signal(&id, signal).await {
            // It ended before the signal came.
            Ok(()) | Err(ContainerError::Unknown(_)) => Ok(ContainerOutcome::Done),
            Err(error) => Err(error),
        },
        ContainerOp::Destroy(id) => containerizer.destroy(&id).await.map(|()| ContainerOutcome::Done),
        ContainerOp::Probe(probe, timeout) => Ok(ContainerOutcome::Checked(probe::ask(&probe, timeout).await)),
    };
    result.unwrap_or_else(|error| ContainerOutcome::Failed(error.to_string().into()))
}

/// An agent in a task of its own. Dropping this ends it as if its process had died: containers run on, and another run with
/// the same checkpoints takes them back.
#[derive(Debug)]
pub struct AgentDaemon {
    running: Running<Agent, AgentWorld>,
    heard: Heard,
    door: ExecutorDoor,
}

impl AgentDaemon {
    /// Opens the agent's checkpoints and starts it. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the checkpoints cannot be opened.
    pub async fn start(setup: AgentSetup) -> Result<Self, StartError> {
        let AgentSetup {
            info,
            options,
            executors,
            containerizer,
            checkpoints,
            patience,
            term,
            mut detector,
            connector,
            clock,
            credentials,
            fetcher,
            sandboxes,
            seed,
            journal,
            spans,
        } = setup;
        let fetcher = Fetcher::new(&fetcher).map_err(|error| StartError::Fetcher(error.to_string()))?;
        let checkpoints = patience.over(checkpoints);
        let records = checkpoints.open(term).await?;
        tracing::info!(hostname = %info.hostname, records = records.len(), seed, "starts");
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
        let heard = Heard::default();
        let is_collecting = options.sandbox_gc.is_some();
        let mut world = AgentWorld {
            uplink: Uplink::new(connector),
            writer: Writer::spawn(checkpoints, term, inbox.clone(), Arrival::Checkpointed),
            containerizer,
            operations: BTreeMap::new(),
            lines: Lines::default(),
            credentials,
            fetcher: Arc::new(fetcher),
            sandboxes,
            heard: heard.clone(),
            starts: spans.map(|sink| Starts::new(sink, clock.clone())),
            housekeeping: Vec::new(),
            inbox: inbox.clone(),
            stopped: None,
            _detection: detection,
        };
        if is_collecting {
            world.with_sandboxes(|sandboxes| Some(Input::SandboxesFound { sandboxes: sandboxes.list() }));
        }
        let door = ExecutorDoor::new(inbox.clone());
        let (agent, rng) = (Agent::new(info, options, executors), Rng::new(seed));
        let recorder = journal.map(|journal| journal.open(Recipe::MACHINE, &rng, &agent.recipe())).transpose();
        let recorder = recorder.map_err(|error| StartError::Journal(error.to_string()))?;
        let host = Host::new(agent, world, mailbox, clock, rng).recorded(recorder);
        Ok(Self { running: host.spawn(inbox, Input::Recovered { records }), heard, door })
    }

    /// Where executors' calls are taken to the agent.
    #[must_use]
    pub fn executors(&self) -> ExecutorDoor {
        self.door.clone()
    }

    /// Finds out whose frameworks are.
    #[must_use]
    pub fn owners(&self) -> FrameworkOwners {
        FrameworkOwners::new(self.running.inbox().clone(), self.heard.clone())
    }

    /// Looks at the machine between two steps; nothing when it has ended.
    pub async fn inspect<R: Send + 'static>(&self, look: impl FnOnce(&Agent) -> R + Send + 'static) -> Option<R> {
        self.running.inspect(look).await
    }

    /// Asks it to end all its tasks and stop.
    pub async fn stop(&self) {
        self.running.send(Arrival::Stop).await;
    }

    /// Ends it as if its process had died. Its containers run on.
    pub fn abort(&self) {
        self.running.abort();
    }

    /// Waits until it has ended, in whatever way.
    pub async fn ended(&self) {
        self.running.ended().await;
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.running.is_finished()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When its task panicked or was aborted.
    pub async fn join(self) -> Result<AgentEnded, StartError> {
        match self.running.join().await {
            Ok(Ended { machine, world }) => Ok(AgentEnded { why: world.stopped, agent: machine }),
            Err(error) => Err(StartError::Task(error.to_string())),
        }
    }
}
