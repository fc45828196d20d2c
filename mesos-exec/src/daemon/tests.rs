//! An agent's host with a master played by hand and containers that end when told.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::call::Leader;
use mesos_core::call::agent::{RunTask, ToAgent, ToMaster};
use mesos_core::container::{Run, Usage};
use mesos_core::daemon::{Directory, Door, MemoryStore, Stream};
use mesos_core::kernel::{Change, Inbound, Outbound, Record, Term};
use mesos_core::provider::{Container, ContainerError, Launch, StoreError};
use mesos_core::{
    AgentId, AgentInfo, ContainerId, ContainerSpec, Containerizer, Detector, Exit, FrameworkId, FrameworkInfo,
    MasterId, Resources, Role, Signal, Store, TaskId, TaskInfo, TaskState,
};
use tokio::sync::watch;

use super::{AgentDaemon, AgentSetup, StartError};
use crate::agent::{Answer, ContainerAsk, Nest, WAITS_PER_CONTAINER_MAX};

/// Containers that run until their shell line says `true`, or until they are told to end.
#[derive(Debug, Default)]
struct Fake {
    running: Mutex<std::collections::BTreeMap<ContainerId, watch::Sender<Option<Exit>>>>,
}

impl Fake {
    fn end(&self, id: &ContainerId, exit: Exit) {
        if let Some(container) = self.running.lock().unwrap().get(id) {
            container.send_replace(Some(exit));
        }
    }
}

#[async_trait]
impl Containerizer for Fake {
    async fn recover(&self, known: BTreeSet<ContainerId>) -> Result<BTreeSet<ContainerId>, ContainerError> {
        let mut running = self.running.lock().unwrap();
        running.retain(|id, _| known.contains(id));
        Ok(running.keys().cloned().collect())
    }

    async fn launch(&self, spec: ContainerSpec) -> Result<Launch, ContainerError> {
        let quick = spec.command.run == Run::Shell("true".into());
        let (container, _) = watch::channel(quick.then_some(Exit::Status(0)));
        self.running.lock().unwrap().insert(spec.id, container);
        Ok(Launch::Started(Container { sandbox: None }))
    }

    async fn resize(&self, _: &ContainerId, _: Resources) -> Result<(), ContainerError> {
        Ok(())
    }

    async fn usage(&self, _: &ContainerId) -> Result<Usage, ContainerError> {
        Ok(Usage::default())
    }

    async fn wait(&self, id: &ContainerId) -> Result<Exit, ContainerError> {
        let container = self.running.lock().unwrap().get(id).map(watch::Sender::subscribe);
        let mut exits = container.ok_or_else(|| ContainerError::Unknown(id.clone()))?;
        let exit = exits.wait_for(Option::is_some).await.map(|exit| exit.clone());
        Ok(exit.ok().flatten().unwrap_or(Exit::Unknown))
    }

    async fn signal(&self, id: &ContainerId, _: Signal) -> Result<(), ContainerError> {
        self.end(id, Exit::Signalled(15));
        Ok(())
    }

    async fn destroy(&self, id: &ContainerId) -> Result<(), ContainerError> {
        self.end(id, Exit::Signalled(9));
        self.running.lock().unwrap().remove(id);
        Ok(())
    }
}

/// Knows the leader from the start.
#[derive(Debug)]
struct Known(Leader);

#[async_trait]
impl Detector for Known {
    async fn detect(&mut self, previous: Option<Leader>) -> Option<Leader> {
        if previous.is_some() {
            std::future::pending::<()>().await;
        }
        Some(self.0.clone())
    }
}

/// A master played by hand.
struct Master {
    door: Door,
    stream: Stream<ToAgent, ToMaster>,
    outbound: Outbound,
    inbound: Inbound,
}

impl Master {
    /// Takes the agent's first connection.
    async fn meet(mut door: Door) -> Self {
        let stream = door.agents.recv().await.unwrap();
        Self { door, stream, outbound: Outbound::default(), inbound: Inbound::default() }
    }

    async fn meet_again(self) -> Self {
        Self::meet(self.door).await
    }

    async fn hear(&mut self) -> ToMaster {
        let (seq, message) = self.stream.receiver.recv().await.unwrap();
        assert_eq!(self.inbound.arrive(seq), mesos_core::kernel::Arrival::InOrder);
        message
    }

    async fn say(&mut self, message: ToAgent) {
        self.stream.sender.send((self.outbound.next(), message)).await.unwrap();
    }

    /// The next state of a task, acknowledged.
    async fn next_state(&mut self) -> TaskState {
        loop {
            match self.hear().await {
                ToMaster::Update { framework_id, status, .. } => {
                    let (task_id, uuid) = (status.task_id.clone(), status.uuid.unwrap());
                    self.say(ToAgent::Acknowledge { framework_id, task_id, uuid }).await;
                    return status.state;
                }
                ToMaster::Pong | ToMaster::ExecutorExited { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn agent_id() -> AgentId {
    AgentId::new("a1").unwrap()
}

fn run(id: &str, line: &str) -> ToAgent {
    let task = TaskInfo::shell(TaskId::new(id).unwrap(), agent_id(), "cpus:1".parse().unwrap(), line);
    ToAgent::Run(Box::new(RunTask {
        framework_id: FrameworkId::new("f1").unwrap(),
        framework: Arc::new(FrameworkInfo::new("f", Role::new("web").unwrap())),
        role: Role::new("web").unwrap(),
        task: Arc::new(task),
        may_start_executor: true,
    }))
}

struct Bench {
    fake: Arc<Fake>,
    store: MemoryStore,
    directory: Directory,
}

impl Bench {
    fn new() -> (Self, Door) {
        let directory = Directory::new();
        let door = directory.open("here");
        (Self { fake: Arc::default(), store: MemoryStore::new(), directory }, door)
    }

    async fn start(&self, term: u64) -> AgentDaemon {
        let leader = Leader { id: MasterId::new("m1").unwrap(), address: "here".into(), term: Term(1) };
        let info = AgentInfo::new("host", "cpus:4;mem:1024".parse().unwrap());
        let connector = Arc::new(self.directory.clone());
        let mut setup =
            AgentSetup::new(info, self.fake.clone(), Arc::new(self.store.clone()), Box::new(Known(leader)), connector);
        setup.term = Term(term);
        AgentDaemon::start(setup).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_and_what_becomes_of_it_is_told() {
    let (bench, door) = Bench::new();
    let agent = bench.start(1).await;
    let mut master = Master::meet(door).await;
    assert!(matches!(master.hear().await, ToMaster::Register { .. }));
    master.say(ToAgent::Registered { agent_id: agent_id(), ping_timeout: Duration::from_secs(75) }).await;
    master.say(run("t1", "true")).await;
    let mut states = Vec::new();
    while states.last() != Some(&TaskState::Finished) {
        states.push(master.next_state().await);
    }
    assert_eq!(states, [TaskState::Starting, TaskState::Running, TaskState::Finished]);
    assert_eq!(agent.inspect(|agent| agent.id().cloned()).await.flatten(), Some(agent_id()));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_died_takes_its_containers_back_and_says_so() {
    let (bench, door) = Bench::new();
    let agent = bench.start(1).await;
    let mut master = Master::meet(door).await;
    master.hear().await;
    master.say(ToAgent::Registered { agent_id: agent_id(), ping_timeout: Duration::from_secs(75) }).await;
    master.say(run("t1", "sleep")).await;
    while master.next_state().await != TaskState::Running {}
    drop(agent);

    let _agent = bench.start(2).await;
    let mut master = master.meet_again().await;
    let ToMaster::Reregister(again) = master.hear().await else { panic!("it has an id") };
    assert_eq!(again.agent_id, agent_id());
    assert_eq!(
        again.tasks.iter().map(|task| (task.info.id.as_str(), task.state)).collect::<Vec<_>>(),
        [("t1", TaskState::Running)]
    );
    let missing = Vec::new();
    master.say(ToAgent::Reregistered { agent_id: agent_id(), ping_timeout: Duration::from_secs(75), missing }).await;
    let framework_id = FrameworkId::new("f1").unwrap();
    master.say(ToAgent::Kill { framework_id, task_id: TaskId::new("t1").unwrap(), policy: None }).await;
    loop {
        if master.next_state().await == TaskState::Killed {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_leaves_waits_for_no_container_any_more() {
    let (bench, door) = Bench::new();
    let agent = bench.start(1).await;
    let mut master = Master::meet(door).await;
    master.hear().await;
    master.say(ToAgent::Registered { agent_id: agent_id(), ping_timeout: Duration::from_secs(75) }).await;
    master.say(run("t1", "sleep")).await;
    while master.next_state().await != TaskState::Running {}
    let name = bench.fake.running.lock().unwrap().keys().next().unwrap().clone();
    let wait = || {
        let (executors, name) = (agent.executors(), name.clone());
        async move { executors.ask(Nest { parent: None, name }, ContainerAsk::Wait).await }
    };
    for _ in 0..2 * WAITS_PER_CONTAINER_MAX {
        let left = tokio::time::timeout(Duration::from_millis(1), wait()).await;
        assert!(left.is_err(), "{left:?}");
    }
    let waiting = tokio::spawn(wait());
    for _ in 0..3 {
        agent.inspect(|_| ()).await;
    }
    bench.fake.end(&name, Exit::Status(3));
    assert_eq!(waiting.await.unwrap(), Ok(Answer::Ended(Exit::Status(3))));
}

#[tokio::test(start_paused = true)]
async fn many_who_look_at_one_time_share_what_is_seen_and_see_what_was_done_before_they_asked() {
    let (bench, door) = Bench::new();
    let agent = bench.start(1).await;
    let mut master = Master::meet(door).await;
    master.hear().await;
    let door = agent.executors();
    let all: Vec<_> =
        (0..50).map(|_| door.clone()).map(|door| tokio::spawn(async move { door.snapshot().await })).collect();
    for one in all {
        assert!(one.await.unwrap().unwrap().agent_id.is_none());
    }
    assert_eq!(door.snapshots_begun(), 2, "the first has its own, those who came while it was taken have the next");
    // What is kept for nobody would be old by now.
    master.say(ToAgent::Registered { agent_id: agent_id(), ping_timeout: Duration::from_secs(75) }).await;
    while agent.inspect(|agent| agent.id().cloned()).await.flatten().is_none() {}
    assert_eq!(door.snapshot().await.unwrap().agent_id, Some(agent_id()));
    assert_eq!(door.snapshots_begun(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_older_run_that_still_lives_is_fenced_off_by_its_checkpoints() {
    let (bench, _door) = Bench::new();
    let _new = bench.start(5).await;
    let leader = Leader { id: MasterId::new("m1").unwrap(), address: "here".into(), term: Term(1) };
    let info = AgentInfo::new("host", "cpus:4".parse().unwrap());
    let connector = Arc::new(bench.directory.clone());
    let store = Arc::new(bench.store.clone());
    let mut setup = AgentSetup::new(info, bench.fake.clone(), store, Box::new(Known(leader)), connector);
    setup.term = Term(4);
    let refused = AgentDaemon::start(setup).await.unwrap_err();
    assert!(refused.to_string().contains("fenced off by term 5"), "{refused}");
}

/// Opens, and never writes.
#[derive(Debug)]
struct Hung;

#[async_trait]
impl Store for Hung {
    async fn open(&self, _: Term) -> Result<Vec<Record>, StoreError> {
        Ok(Vec::new())
    }

    async fn commit(&self, _: Term, _: Vec<Change>) -> Result<(), StoreError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_keeps_no_agent() {
    let (bench, door) = Bench::new();
    let leader = Leader { id: MasterId::new("m1").unwrap(), address: "here".into(), term: Term(1) };
    let info = AgentInfo::new("host", "cpus:4".parse().unwrap());
    let connector = Arc::new(bench.directory.clone());
    let setup = AgentSetup::new(info, bench.fake.clone(), Arc::new(Hung), Box::new(Known(leader)), connector);
    let agent = AgentDaemon::start(setup).await.unwrap();
    let mut master = Master::meet(door).await;
    master.hear().await;
    master.say(ToAgent::Registered { agent_id: agent_id(), ping_timeout: Duration::from_secs(3_600) }).await;
    let why = agent.join().await.unwrap().why.unwrap();
    assert!(why.to_string().contains("took longer than 75s to write a batch"), "{why}");
}

#[test]
fn what_cannot_be_opened_is_said_once() {
    let error = StartError::from(StoreError::Unusable("no room".to_owned()));
    assert_eq!(error.to_string(), "the agent's checkpoints could not be opened: no room");
    assert!(std::error::Error::source(&error).is_none(), "programs print sources as well");
}
