//! A master with its HTTP side on a port of its own, and agents of a few lines.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::call::Leader;
use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::daemon::{BacklogBounds, Connector, Directory, MemoryStore, Stream, Task};
use mesos_core::kernel::{Outbound, Term};
use mesos_core::net::auth::Open;
use mesos_core::net::http::{Attached, Files, Limits, Pace, Plain, serve};
use mesos_core::{
    AgentId, AgentInfo, Contender, Detector, FrameworkId, MasterId, OperationState, OperationStatus, Run, Source,
    TaskId, TaskInfo, TaskRun, TaskState, TaskStatus, UpdateId, WallTime,
};
use mesos_sched::allocator::{HierarchicalDrf, Options};
use mesos_sched::daemon::election::{Fixed, Standalone};
use mesos_sched::daemon::http::{HttpSetup, MasterAddress, SUBSCRIBERS_MAX, site};
use mesos_sched::daemon::view::{KEPT_AFTER, Memory, View};
use mesos_sched::daemon::{Lead, MasterDaemon, MasterSetup};
use tokio::net::TcpListener;

/// What a test may want to be otherwise.
pub(crate) struct Made<'a> {
    /// Who leads instead of this master; nobody at an empty address.
    pub(crate) elsewhere: Option<&'a str>,
    /// The policy of a shadow.
    pub(crate) shadow: Option<&'a str>,
    pub(crate) backlog: BacklogBounds,
    /// Between two heartbeats, to frameworks and to subscribers.
    pub(crate) heartbeat_every: Duration,
    /// The files that are shown.
    pub(crate) files: Files,
    /// So long the picture is kept after its last reader.
    pub(crate) kept_after: Duration,
    /// How fast states must be taken.
    pub(crate) pace: Pace,
    /// Who may listen to events at one time.
    pub(crate) subscribers_max: usize,
    pub(crate) publishes_framework_metrics: bool,
}

impl Default for Made<'_> {
    fn default() -> Self {
        Self {
            elsewhere: None,
            shadow: None,
            backlog: BacklogBounds::default(),
            heartbeat_every: Duration::from_secs(15),
            files: Files::new(Attached::default()),
            kept_after: KEPT_AFTER,
            pace: Pace::default(),
            subscribers_max: SUBSCRIBERS_MAX,
            publishes_framework_metrics: true,
        }
    }
}

/// A master that leads.
pub(crate) struct Cluster {
    pub(crate) address: SocketAddr,
    pub(crate) master: MasterDaemon,
    /// What its HTTP side answers.
    pub(crate) paths: Vec<String>,
    store: MemoryStore,
    directory: Directory,
    leader: Leader,
    _tasks: Vec<Task>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        Self::start_as(Made::default()).await
    }

    pub(crate) async fn start_as(made: Made<'_>) -> Self {
        Self::lead("m1", Term(1), MemoryStore::new(), made).await
    }

    /// A master for whose peers only so much may wait.
    pub(crate) async fn start_with(backlog: BacklogBounds) -> Self {
        Self::start_as(Made { backlog, ..Made::default() }).await
    }

    /// A master with this policy as a shadow beside its own.
    pub(crate) async fn start_with_shadow(policy: &str) -> Self {
        Self::start_as(Made { shadow: Some(policy), ..Made::default() }).await
    }

    /// The next master, with what this one wrote down.
    pub(crate) async fn fail_over(self) -> Self {
        let store = self.store.clone();
        drop(self);
        Self::lead("m2", Term(2), store, Made::default()).await
    }

    async fn lead(name: &str, term: Term, store: MemoryStore, made: Made<'_>) -> Self {
        let cluster = Self::begin(name, term, store, made).await;
        // Leads from here on.
        cluster.master.inspect(|_| ()).await.unwrap();
        cluster.master.handle().lead().wait_for(|lead| matches!(lead, Lead::Leading(_))).await.unwrap();
        cluster
    }

    /// A master that does not lead, while the one at this address does; an empty address means that nobody does.
    pub(crate) async fn start_elsewhere(leader: &str) -> Self {
        let made = Made { elsewhere: Some(leader), ..Made::default() };
        Self::begin("m1", Term(1), MemoryStore::new(), made).await
    }

    async fn begin(name: &str, term: Term, store: MemoryStore, made: Made<'_>) -> Self {
        let Made { elsewhere, shadow, backlog, heartbeat_every, files, kept_after, pace, .. } = made;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let directory = Directory::new();
        let id = MasterId::new(name).unwrap();
        let own = Leader { id: id.clone(), address: address.to_string().into(), term };
        let leader = match elsewhere {
            Some(other) => Leader { id: MasterId::new("m0").unwrap(), address: other.into(), term: Term(1) },
            None => own,
        };
        let (door, keeper) = directory.open_with_keeper(address.to_string());
        let allocator = Box::new(HierarchicalDrf::new(Options::default()));
        let contender: Box<dyn Contender> = match elsewhere {
            Some(_) => Box::new(Never),
            None => Box::new(Standalone::new(term)),
        };
        let (view, feed) = View::start_kept(Memory::default(), kept_after);
        let mut setup = MasterSetup::new(id, allocator, Arc::new(store.clone()), contender, door);
        setup.view = Some(feed);
        if let Some(policy) = shadow {
            let candidate = HierarchicalDrf::new(Options::named(policy).unwrap());
            setup = setup.with_shadow(Box::new(candidate)).unwrap();
        }
        setup.backlog = backlog;
        setup.options.heartbeat_every = heartbeat_every;
        let master = MasterDaemon::start(setup);
        let detector: Box<dyn Detector> = match elsewhere {
            Some("") => Box::new(Never),
            _ => Box::new(Fixed::new(leader.clone())),
        };
        let own = MasterAddress::new("localhost", address.ip(), address.port());
        let mut setup = HttpSetup::new(master.handle().clone(), keeper, view, detector, own, Arc::new(Open));
        setup.heartbeat_every = heartbeat_every;
        setup.files = files;
        setup.pace = pace;
        setup.subscribers_max = made.subscribers_max;
        setup.publishes_framework_metrics = made.publishes_framework_metrics;
        let site = site(setup);
        let paths = site.paths().map(str::to_owned).collect();
        let served = Task::spawn(serve(listener, Plain, site, Limits::default(), std::future::pending()));
        // Whoever asks from now on finds a detector that has said what it knows.
        tokio::task::yield_now().await;
        Self { address, master, paths, store, directory, leader, _tasks: vec![served] }
    }

    /// What the master has published so far.
    pub(crate) async fn published(&self) -> u64 {
        self.master.inspect(|master| master.counters().published).await.unwrap()
    }

    /// Waits until the master publishes nothing more.
    pub(crate) async fn is_left_alone(&self) {
        while self.master.inspect(mesos_sched::master::Master::publishes).await.unwrap() {
            tokio::task::yield_now().await;
        }
    }

    /// A toy agent; it has registered when this returns.
    pub(crate) async fn agent(&mut self, hostname: &str, resources: &str) -> AgentId {
        self.agent_as(AgentInfo::new(hostname, resources.parse().unwrap())).await
    }

    /// One that is described like this.
    pub(crate) async fn agent_as(&mut self, info: AgentInfo) -> AgentId {
        let stream: Stream<ToMaster, ToAgent> = self.directory.connect(&self.leader).await.unwrap();
        let (id, task) = described_agent_on(stream, info).await;
        self._tasks.push(task);
        id
    }
}

/// A toy agent on this stream; it has registered when this returns, and lives as long as the task.
pub(crate) async fn agent_on(stream: Stream<ToMaster, ToAgent>, hostname: &str, resources: &str) -> (AgentId, Task) {
    described_agent_on(stream, AgentInfo::new(hostname, resources.parse().unwrap())).await
}

async fn described_agent_on(stream: Stream<ToMaster, ToAgent>, info: AgentInfo) -> (AgentId, Task) {
    let info = Arc::new(info);
    let mut toy = Toy { id: None, tasks: BTreeMap::new(), updates: 0, outbound: Outbound::default(), stream };
    let total = info.resources.clone();
    toy.say(ToMaster::Register { info, total }).await;
    while toy.id.is_none() {
        assert!(toy.step().await, "the master lets an agent in");
    }
    let id = toy.id.clone().unwrap();
    (id, Task::spawn(async move { while toy.step().await {} }))
}

/// Neither leads nor finds who does.
#[derive(Debug)]
struct Never;

#[async_trait]
impl Contender for Never {
    async fn contend(&mut self) -> Term {
        std::future::pending().await
    }

    async fn lost(&mut self, _: Term) {}
}

#[async_trait]
impl Detector for Never {
    async fn detect(&mut self, _: Option<Leader>) -> Option<Leader> {
        std::future::pending().await
    }
}

/// An agent without containers: a task whose line is `true` ends at once, any other runs until it is killed.
struct Toy {
    id: Option<AgentId>,
    tasks: BTreeMap<TaskId, (FrameworkId, Vec<TaskState>)>,
    updates: u128,
    outbound: Outbound,
    stream: Stream<ToMaster, ToAgent>,
}

impl Toy {
    async fn say(&mut self, message: ToMaster) {
        // A master that is gone is noticed by the next step.
        let _ = self.stream.sender.send((self.outbound.next(), message)).await;
    }

    /// Whether the master is still there.
    async fn step(&mut self) -> bool {
        let Some((_, message)) = self.stream.receiver.recv().await else { return false };
        match message {
            ToAgent::Registered { agent_id, .. } => self.id = Some(agent_id),
            ToAgent::Ping { .. } => self.say(ToMaster::Pong).await,
            ToAgent::Run(run) => {
                let id = run.task.id.clone();
                self.tasks.insert(id.clone(), (run.framework_id, states_of(&run.task)));
                self.update(&id).await;
            }
            ToAgent::RunGroup(run) => {
                for task in run.tasks {
                    let id = task.id.clone();
                    self.tasks.insert(id.clone(), (run.framework_id.clone(), states_of(&task)));
                    self.update(&id).await;
                }
            }
            // Its executors say what they are told, and fail when they are shut down.
            ToAgent::Message { framework_id, executor_id, data } => {
                self.say(ToMaster::Message { framework_id, executor_id, data }).await;
            }
            ToAgent::ShutdownExecutor { framework_id, executor_id } => {
                let own: Vec<_> = self.tasks.iter().filter(|(_, (of, _))| *of == framework_id).collect();
                for id in own.into_iter().map(|(id, _)| id.clone()).collect::<Vec<_>>() {
                    if let Some((_, states)) = self.tasks.get_mut(&id) {
                        states.push(TaskState::Failed);
                    }
                    self.update(&id).await;
                }
                self.say(ToMaster::ExecutorExited { framework_id, executor_id, status: 9 }).await;
            }
            ToAgent::Kill { task_id, .. } => {
                if let Some((_, states)) = self.tasks.get_mut(&task_id) {
                    states.push(TaskState::Killed);
                    self.update(&task_id).await;
                }
            }
            ToAgent::Apply(apply) => {
                let operation = &apply.operation;
                let mut status = OperationStatus::new(operation.id.clone(), OperationState::Finished);
                status.uuid = Some(operation.uuid);
                let framework_id = apply.framework_id.clone();
                self.say(ToMaster::OperationUpdate { framework_id, status: Box::new(status) }).await;
            }
            // The next update comes only when the one before was acknowledged.
            ToAgent::Acknowledge { task_id, .. } => self.update(&task_id).await,
            _ => {}
        }
        true
    }

    async fn update(&mut self, id: &TaskId) {
        let Some((framework_id, states)) = self.tasks.get_mut(id) else { return };
        if states.is_empty() {
            return;
        }
        let state = states.remove(0);
        let framework_id = framework_id.clone();
        self.updates += 1;
        let mut status = TaskStatus::new(id.clone(), state, Source::Executor, WallTime::from_nanos(1_500_000_000));
        status.uuid = Some(UpdateId(self.updates));
        status.labels = [("said by", "a toy")].into_iter().collect();
        self.say(ToMaster::Update { framework_id, status: status.into(), latest: state }).await;
    }
}

fn states_of(task: &TaskInfo) -> Vec<TaskState> {
    match &task.run {
        TaskRun::Command(command) if command.run == Run::Shell("true".into()) => {
            vec![TaskState::Running, TaskState::Finished]
        }
        _ => vec![TaskState::Running],
    }
}
