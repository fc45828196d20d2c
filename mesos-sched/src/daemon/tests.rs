//! Masters and frameworks in one process, with agents made of a few lines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::agent::{Reregistration, TaskReport, ToAgent, ToMaster};
use mesos_core::call::{Leader, operator};
use mesos_core::daemon::{Connector, Directory, MemoryStore, Stream, Task};
use mesos_core::kernel::{Change, Outbound, Record, Term};
use mesos_core::provider::StoreError;
use mesos_core::{
    AgentId, AgentInfo, Detector, FrameworkId, FrameworkInfo, MasterId, Role, Scheduler, Source, Store, TaskId,
    TaskInfo, TaskState, TaskStatus, UpdateId, WallTime,
};

use super::election::Ballot;
use super::{Lead, LeadError, MasterDaemon, MasterSetup, SchedulerDriver, SchedulerSetup};
use crate::allocator::HierarchicalDrf;
use crate::driver::StopReason;
use crate::framework::batch::{Batch, Job};
use crate::master::Master;

/// An agent without containers: a task whose line is `true` ends at once, any other runs until it is killed.
struct ToyAgent {
    info: Arc<AgentInfo>,
    id: Option<AgentId>,
    tasks: BTreeMap<TaskId, TaskReport>,
    updates: u128,
}

impl ToyAgent {
    fn spawn(cluster: &Cluster) -> Task {
        let info = Arc::new(AgentInfo::new("toy", "cpus:4;mem:1024".parse().unwrap()));
        let (directory, mut detector) = (cluster.directory.clone(), cluster.ballot.detector());
        Task::spawn(async move {
            let mut toy = Self { info, id: None, tasks: BTreeMap::new(), updates: 0 };
            let mut leader: Option<Leader> = None;
            loop {
                if let Some(found) = &leader {
                    tokio::select! {
                        biased;
                        other = detector.detect(leader.clone()) => leader = other,
                        () = toy.serve(&directory, found) => {}
                    }
                } else {
                    leader = detector.detect(None).await;
                }
            }
        })
    }

    /// One connection, until it breaks.
    async fn serve(&mut self, directory: &Directory, leader: &Leader) {
        let connection: Result<Stream<ToMaster, ToAgent>, _> = directory.connect(leader).await;
        if let Ok(mut stream) = connection {
            let mut outbound = Outbound::default();
            let mut say = vec![self.introduce()];
            loop {
                for message in say.drain(..) {
                    let _ = stream.sender.send((outbound.next(), message)).await;
                }
                let Some((_, message)) = stream.receiver.recv().await else { break };
                say = self.answer(message);
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    fn introduce(&self) -> ToMaster {
        let (info, total) = (self.info.clone(), self.info.resources.clone());
        match self.id.clone() {
            None => ToMaster::Register { info, total },
            Some(agent_id) => ToMaster::Reregister(Box::new(Reregistration {
                agent_id,
                info,
                total,
                frameworks: self.tasks.values().map(|task| (task.framework_id.clone(), framework_info())).collect(),
                tasks: self.tasks.values().cloned().collect(),
                executors: Vec::new(),
                operations: Vec::new(),
            })),
        }
    }

    fn answer(&mut self, message: ToAgent) -> Vec<ToMaster> {
        match message {
            ToAgent::Registered { agent_id, .. } => {
                self.id = Some(agent_id);
                vec![]
            }
            ToAgent::Ping { .. } => vec![ToMaster::Pong],
            ToAgent::Run(run) => {
                let report = TaskReport {
                    framework_id: run.framework_id,
                    role: run.role,
                    info: run.task.clone(),
                    state: TaskState::Running,
                    told: None,
                };
                let is_quick = matches!(&run.task.run, mesos_core::TaskRun::Command(command)
                    if command.run == mesos_core::Run::Shell("true".into()));
                self.tasks.insert(run.task.id.clone(), report);
                let mut said = vec![self.update(&run.task, TaskState::Running)];
                if is_quick {
                    said.push(self.update(&run.task, TaskState::Finished));
                }
                said
            }
            ToAgent::Kill { task_id, .. } => match self.tasks.get(&task_id).map(|task| task.info.clone()) {
                Some(task) => vec![self.update(&task, TaskState::Killed)],
                None => vec![],
            },
            ToAgent::Acknowledge { task_id, .. } => {
                self.tasks.retain(|id, task| *id != task_id || !task.state.is_terminal());
                vec![]
            }
            ToAgent::ShutdownFramework { framework_id } => {
                self.tasks.retain(|_, task| task.framework_id != framework_id);
                vec![]
            }
            _ => vec![],
        }
    }

    fn update(&mut self, task: &TaskInfo, state: TaskState) -> ToMaster {
        self.updates += 1;
        let report = self.tasks.get_mut(&task.id).expect("the task was run here");
        report.state = state;
        report.told = Some(state);
        let mut status = TaskStatus::new(task.id.clone(), state, Source::Executor, WallTime::default());
        status.uuid = Some(UpdateId(self.updates));
        status.agent_id.clone_from(&self.id);
        ToMaster::Update { framework_id: report.framework_id.clone(), status: status.into(), latest: state }
    }
}

fn framework_info() -> Arc<FrameworkInfo> {
    Arc::new(FrameworkInfo::new("batch", Role::new("web").unwrap()))
}

struct Cluster {
    directory: Directory,
    ballot: Ballot,
    registry: MemoryStore,
    memory: MemoryStore,
    runs: u64,
}

impl Cluster {
    fn new() -> Self {
        Self {
            directory: Directory::new(),
            ballot: Ballot::new(Term(0)),
            registry: MemoryStore::new(),
            memory: MemoryStore::new(),
            runs: 0,
        }
    }

    fn master(&self, name: &str) -> MasterDaemon {
        let id = MasterId::new(name).unwrap();
        let contender = Box::new(self.ballot.contender(id.clone(), name));
        let store = Arc::new(self.registry.clone());
        let allocator = Box::new(HierarchicalDrf::new(crate::allocator::Options::default()));
        MasterDaemon::start(MasterSetup::new(id, allocator, store, contender, self.directory.open(name)))
    }

    async fn framework(&mut self, jobs: Vec<Job>) -> SchedulerDriver<Batch> {
        self.runs += 1;
        let mut setup = SchedulerSetup::new(
            (*framework_info()).clone(),
            Box::new(Batch::new(jobs).unwrap()),
            Arc::new(self.memory.clone()),
            Box::new(self.ballot.detector()),
            Arc::new(self.directory.clone()),
        );
        setup.term = Term(self.runs);
        SchedulerDriver::start(setup).await.unwrap()
    }
}

fn job(name: &str, line: &str) -> Job {
    Job::shell(name, line, "cpus:1;mem:32".parse().unwrap())
}

/// Waits, in paused time, until something holds.
async fn until(
    framework: &SchedulerDriver<Batch>,
    holds: impl Fn(&crate::driver::Driver<Batch>) -> bool + Copy + Send + 'static,
) {
    for _ in 0..10_000 {
        if framework.inspect(holds).await.unwrap() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never comes to that: {:?}", framework.inspect(|driver| format!("{driver:?}")).await);
}

#[tokio::test(start_paused = true)]
async fn jobs_run_to_their_end_and_the_framework_is_torn_down() {
    let mut cluster = Cluster::new();
    let master = cluster.master("m1");
    let _agent = ToyAgent::spawn(&cluster);
    let jobs = vec![job("a", "true"), job("b", "true").after("a"), job("c", "true")];
    let ended = cluster.framework(jobs).await.join().await.unwrap();
    assert_eq!(ended.why, StopReason::Done);
    assert!(ended.driver.scheduler().is_success());
    assert!(ended.driver.ledger().is_empty());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(master.inspect(|master| master.frameworks().count()).await, Some(0), "nothing is left of it");
}

/// Which scheduler it is may be known at run time only, and any task may start it and wait for its end.
#[tokio::test(start_paused = true)]
async fn a_boxed_scheduler_runs_in_a_task_of_its_callers() {
    let cluster = Cluster::new();
    let _master = cluster.master("m1");
    let _agent = ToyAgent::spawn(&cluster);
    let scheduler: Box<dyn Scheduler> = Box::new(Batch::new(vec![job("a", "true")]).unwrap());
    let setup: SchedulerSetup = SchedulerSetup::new(
        (*framework_info()).clone(),
        scheduler,
        Arc::new(cluster.memory.clone()),
        Box::new(cluster.ballot.detector()),
        Arc::new(cluster.directory.clone()),
    );
    let served = tokio::spawn(async move {
        let driver = SchedulerDriver::start(setup).await?;
        let is_subscribed = driver.inspect(|driver| driver.is_subscribed()).await;
        assert_eq!(is_subscribed, Some(false));
        driver.join().await
    });
    assert_eq!(served.await.unwrap().unwrap().why, StopReason::Done);
}

/// A registry whose writes take their time.
#[derive(Debug)]
struct SlowStore(MemoryStore);

#[async_trait::async_trait]
impl Store for SlowStore {
    async fn open(&self, term: Term) -> Result<Vec<Record>, StoreError> {
        self.0.open(term).await
    }

    async fn commit(&self, term: Term, changes: Vec<Change>) -> Result<(), StoreError> {
        tokio::time::sleep(Duration::from_secs(5)).await;
        self.0.commit(term, changes).await
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_a_master_fences_waits_until_it_leads() {
    let cluster = Cluster::new();
    let id = MasterId::new("m1").unwrap();
    let contender = Box::new(cluster.ballot.contender(id.clone(), "m1"));
    let store = Arc::new(SlowStore(cluster.registry.clone()));
    let allocator = Box::new(HierarchicalDrf::new(crate::allocator::Options::default()));
    let master = MasterDaemon::start(MasterSetup::new(id, allocator, store, contender, cluster.directory.open("m1")));
    let mut lead = master.handle().lead();
    lead.wait_for(|lead| *lead == Lead::Recovering).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((*lead.borrow(), master.inspect(Master::leading).await), (Lead::Recovering, Some(None)));

    let leader = Leader { id: master.id().clone(), address: "m1".into(), term: Term(1) };
    let mut stream: Stream<ToMaster, ToAgent> = cluster.directory.connect(&leader).await.unwrap();
    let info = Arc::new(AgentInfo::new("toy", "cpus:4".parse().unwrap()));
    let register = ToMaster::Register { total: info.resources.clone(), info };
    stream.sender.send((Outbound::default().next(), register)).await.unwrap();
    let answer = stream.receiver.recv().await.map(|(_, message)| message);
    assert!(matches!(answer, Some(ToAgent::Registered { .. })), "{answer:?}");
    assert_eq!(*lead.borrow(), Lead::Leading(Term(1)));
}

#[tokio::test(start_paused = true)]
async fn another_master_takes_over_and_tasks_run_on() {
    let mut cluster = Cluster::new();
    let first = cluster.master("m1");
    tokio::task::yield_now().await;
    let second = cluster.master("m2");
    let _agent = ToyAgent::spawn(&cluster);
    let framework = cluster.framework(vec![job("a", "sleep")]).await;
    until(&framework, |driver| driver.ledger().iter().any(|(_, task)| task.state == Some(TaskState::Running))).await;
    let id = framework.inspect(|driver| driver.framework_id().cloned()).await.unwrap();

    assert_eq!(cluster.ballot.depose().unwrap().id.as_str(), "m1");
    let led = first.join().await.unwrap();
    assert_eq!(led.term, Term(1));
    until(&framework, |driver| driver.is_subscribed()).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(framework.inspect(|driver| driver.framework_id().cloned()).await.unwrap(), id);
    assert_eq!(second.inspect(|master| (master.leading(), master.tasks().count())).await, Some((Some(Term(2)), 1)));
    assert_eq!(framework.inspect(|driver| driver.scheduler().totals().launches).await, Some(1), "it was not run again");
}

#[tokio::test(start_paused = true)]
async fn a_framework_that_died_fails_over_to_its_tasks() {
    let mut cluster = Cluster::new();
    let master = cluster.master("m1");
    let _agent = ToyAgent::spawn(&cluster);
    let framework = cluster.framework(vec![job("a", "sleep")]).await;
    until(&framework, |driver| driver.scheduler().totals().out == 1 && driver.ledger().len() == 1).await;
    let id = framework.inspect(|driver| driver.framework_id().cloned()).await.unwrap();
    drop(framework);

    let framework = cluster.framework(vec![job("a", "sleep")]).await;
    until(&framework, |driver| driver.ledger().iter().any(|(_, task)| task.state == Some(TaskState::Running))).await;
    assert_eq!(framework.inspect(|driver| driver.framework_id().cloned()).await.unwrap(), id);
    assert_eq!(framework.inspect(|driver| driver.scheduler().totals().launches).await, Some(1));
    framework.stop(true).await;
    assert_eq!(framework.join().await.unwrap().why, StopReason::Requested);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(master.inspect(|master| master.tasks().count()).await, Some(0), "its tasks ended with it");
}

#[tokio::test(start_paused = true)]
async fn a_master_that_was_fenced_off_steps_down_at_its_next_write() {
    let cluster = Cluster::new();
    let master = cluster.master("m1");
    while master.inspect(|master| master.leading()).await != Some(Some(Term(1))) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    cluster.registry.open(Term(9)).await.unwrap();
    let _agent = ToyAgent::spawn(&cluster);
    let led = master.join().await.unwrap();
    assert!(led.why.contains("fenced"), "{}", led.why);
    assert_eq!(cluster.ballot.leader(), None, "it resigned");
}

#[tokio::test(start_paused = true)]
async fn an_operator_is_answered_and_after_the_end_refused() {
    let cluster = Cluster::new();
    let master = cluster.master("m1");
    let unknown = operator::Call::Teardown(FrameworkId::new("nobody").unwrap());
    assert!(matches!(master.operate(unknown.clone()).await, operator::Response::Refused(_)));
    master.demote().await;
    while !master.is_finished() {
        tokio::task::yield_now().await;
    }
    let operator::Response::Refused(why) = master.operate(unknown).await else { panic!("it has ended") };
    assert_eq!(why.code, mesos_core::RejectionCode::NotLeading);
}

#[tokio::test(start_paused = true)]
async fn a_master_whose_registry_is_ahead_of_its_term_never_leads() {
    let cluster = Cluster::new();
    cluster.registry.open(Term(5)).await.unwrap();
    let refused = cluster.master("m1").join().await.unwrap_err();
    assert!(refused.to_string().contains("fenced off by term 5"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn two_runs_of_one_framework_do_not_share_its_memory() {
    let mut cluster = Cluster::new();
    let _master = cluster.master("m1");
    let first = cluster.framework(vec![job("a", "sleep")]).await;
    let second = cluster.framework(vec![job("a", "sleep")]).await;
    let _agent = ToyAgent::spawn(&cluster);
    let ended = tokio::time::timeout(Duration::from_secs(600), first.join()).await.unwrap().unwrap();
    assert!(matches!(ended.why, StopReason::Memory(_)), "{}", ended.why);
    until(&second, |driver| driver.is_subscribed() && driver.scheduler().totals().out == 1).await;
    let records: Vec<Record> = cluster.memory.open(Term(cluster.runs)).await.unwrap();
    assert!(!records.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_detector_that_knows_the_leader_tells_it_once() {
    let leader = Leader { id: MasterId::new("m1").unwrap(), address: "here".into(), term: Term(1) };
    let mut fixed = super::election::Fixed::new(leader.clone());
    assert_eq!(fixed.detect(None).await, Some(leader.clone()));
    let again = tokio::time::timeout(Duration::from_secs(60), fixed.detect(Some(leader))).await;
    assert!(again.is_err());
}

/// Never answers: from the beginning, or once it is open.
#[derive(Debug)]
struct Hung {
    opens: bool,
}

#[async_trait::async_trait]
impl Store for Hung {
    async fn open(&self, _: Term) -> Result<Vec<Record>, StoreError> {
        match self.opens {
            true => Ok(Vec::new()),
            false => std::future::pending().await,
        }
    }

    async fn commit(&self, _: Term, _: Vec<Change>) -> Result<(), StoreError> {
        std::future::pending().await
    }
}

fn hung_master(cluster: &Cluster, store: Hung) -> MasterDaemon {
    let id = MasterId::new("m1").unwrap();
    let contender = Box::new(cluster.ballot.contender(id.clone(), "m1"));
    let (allocator, store, door) = (Box::<HierarchicalDrf>::default(), Arc::new(store), cluster.directory.open("m1"));
    MasterDaemon::start(MasterSetup::new(id, allocator, store, contender, door))
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_keeps_no_leader() {
    let began = tokio::time::Instant::now();
    let led = hung_master(&Cluster::new(), Hung { opens: true }).join().await.unwrap();
    assert!(led.why.contains("took longer than 20s to write a batch"), "{}", led.why);
    assert_eq!(began.elapsed().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_cannot_be_read_in_time_makes_no_leader() {
    let began = tokio::time::Instant::now();
    let problem = hung_master(&Cluster::new(), Hung { opens: false }).join().await.unwrap_err();
    assert!(matches!(problem, LeadError::Registry(StoreError::Unusable(_))), "{problem}");
    assert!(problem.to_string().contains("took longer than 60s to be read"), "{problem}");
    assert_eq!(began.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_keeps_no_framework() {
    let cluster = Cluster::new();
    let _master = cluster.master("m1");
    let _agent = ToyAgent::spawn(&cluster);
    let start = async |opens: bool| {
        let scheduler = Box::new(Batch::new(vec![job("a", "true")]).unwrap());
        let (detector, connector) = (Box::new(cluster.ballot.detector()), Arc::new(cluster.directory.clone()));
        let memory = Arc::new(Hung { opens });
        let info = (*framework_info()).clone();
        SchedulerDriver::start(SchedulerSetup::new(info, scheduler, memory, detector, connector)).await
    };
    let problem = start(false).await.unwrap_err();
    assert!(problem.to_string().contains("took longer than 60s to be read"), "{problem}");
    let ended = start(true).await.unwrap().join().await.unwrap();
    assert!(ended.why.to_string().contains("took longer than 20s to write a batch"), "{}", ended.why);
}
