//! `/state` of a large cluster, while the master goes on stepping.
//!
//! ```text
//! cargo run --release -p mesos-benches --bin views                    10,000 agents, 100,000 tasks
//! cargo run --release -p mesos-benches --bin views -- 1000 10         agents, tasks per agent
//! ```
//!
//! Agents with their tasks register with a real master in this process, which serves HTTP on loopback. A reader then takes
//! `/state` several times while updates of tasks keep coming, and something is asked of the master again and again: how long
//! an answer takes is how long a step waits at most, with the runtime's own share in it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mesos_core::call::Leader;
use mesos_core::call::agent::{Reregistration, TaskReport, ToAgent, ToMaster};
use mesos_core::daemon::{Connector, Directory, MemoryStore, Stream};
use mesos_core::kernel::{Outbound, Term};
use mesos_core::net::http::{Limits, Plain, serve};
use mesos_core::{
    AgentId, AgentInfo, FrameworkId, FrameworkInfo, MasterId, Role, Source, TaskId, TaskInfo, TaskState, TaskStatus,
    UpdateId, WallTime,
};
use mesos_sched::allocator::{HierarchicalDrf, Options};
use mesos_sched::daemon::election::{Fixed, Standalone};
use mesos_sched::daemon::http::{HttpSetup, MasterAddress, site};
use mesos_sched::daemon::view::{Memory, View};
use mesos_sched::daemon::{MasterDaemon, MasterSetup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[global_allocator]
static HEAP: mesos_benches::heap::Counted = mesos_benches::heap::Counted;

/// Times `/state` is read.
const READS: usize = 5;
/// Between two looks at the master.
const LOOK_EVERY: Duration = Duration::from_micros(500);

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse().expect("numbers: agents, tasks per agent"));
    let (agents, tasks) = (numbers.next().unwrap_or(10_000), numbers.next().unwrap_or(10));

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let directory = Directory::new();
    let id = MasterId::new("bench").expect("an id");
    let leader = Leader { id: id.clone(), address: address.to_string().into(), term: Term(1) };
    let (door, keeper) = directory.open_with_keeper(address.to_string());
    let (view, feed) = View::start(Memory::default());
    let allocator = Box::new(HierarchicalDrf::new(Options::default()));
    let contender = Box::new(Standalone::new(Term(1)));
    let mut setup = MasterSetup::new(id, allocator, Arc::new(MemoryStore::new()), contender, door);
    setup.view = Some(feed);
    let master = MasterDaemon::start(setup);
    let own = MasterAddress::new("localhost", "127.0.0.1", address.port());
    let detector = Box::new(Fixed::new(leader.clone()));
    let site = site(HttpSetup::new(master.handle().clone(), keeper, view.clone(), detector, own));
    tokio::spawn(serve(listener, Plain, site, Limits::default(), std::future::pending()));

    let began = Instant::now();
    for agent in 0..agents {
        let toy = Toy::connect(&directory, &leader, agent, tasks).await;
        tokio::spawn(toy.run());
    }
    loop {
        let snapshot = view.snapshot().await;
        let known: usize = snapshot.frameworks.iter().map(|framework| framework.tasks.len()).sum();
        if snapshot.agents.len() == agents && known == agents * tasks {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("views.registered {:.2} s", began.elapsed().as_secs_f64());

    let quiet = percentiles(&master, Duration::from_secs(2)).await;
    println!("views.step_quiet_p99 {:.3} ms", quiet.as_secs_f64() * 1e3);
    for _ in 0..READS {
        let began = Instant::now();
        let bytes = read_state(address).await;
        println!(
            "views.state {:.2} s for {:.1} MB",
            began.elapsed().as_secs_f64(),
            f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1e6
        );
    }
    let reading = tokio::spawn(async move {
        loop {
            read_state(address).await;
        }
    });
    let busy = percentiles(&master, Duration::from_secs(5)).await;
    reading.abort();
    println!("views.step_while_read_p99 {:.3} ms", busy.as_secs_f64() * 1e3);
}

/// How long the master takes to answer while this goes on: the 99th percentile.
async fn percentiles(master: &MasterDaemon, span: Duration) -> Duration {
    let (began, mut taken) = (Instant::now(), Vec::new());
    while began.elapsed() < span {
        let asked = Instant::now();
        master.inspect(|_| ()).await.expect("the master runs");
        taken.push(asked.elapsed());
        tokio::time::sleep(LOOK_EVERY).await;
    }
    taken.sort();
    taken[taken.len() * 99 / 100]
}

async fn read_state(address: std::net::SocketAddr) -> usize {
    let mut stream = TcpStream::connect(address).await.expect("the master listens");
    stream.write_all(b"GET /state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("a request");
    let (mut total, mut buffer) = (0, vec![0; 1 << 20]);
    loop {
        match stream.read(&mut buffer).await.expect("an answer") {
            0 => return total,
            read => total += read,
        }
    }
}

/// An agent that says its tasks run, again and again.
struct Toy {
    id: AgentId,
    tasks: Vec<Arc<TaskInfo>>,
    stream: Stream<ToMaster, ToAgent>,
    outbound: Outbound,
    updates: u128,
}

fn framework() -> FrameworkId {
    FrameworkId::new("framework").expect("an id")
}

impl Toy {
    async fn connect(directory: &Directory, leader: &Leader, index: usize, tasks: usize) -> Self {
        let id = AgentId::new(format!("old-S{index}")).expect("an id");
        let total: mesos_core::Resources = "cpus:32;mem:65536;ports:[31000-32000]".parse().expect("resources");
        let role = Role::new("web").expect("a role");
        let task = |n: usize| {
            let task = TaskId::new(format!("task-{index}-{n}")).expect("an id");
            let resources = "cpus:0.5;mem:128".parse().expect("resources");
            Arc::new(TaskInfo::shell(task, id.clone(), resources, "sleep 1000"))
        };
        let tasks: Vec<_> = (0..tasks).map(task).collect();
        let report = |info: &Arc<TaskInfo>| TaskReport {
            framework_id: framework(),
            role: role.clone(),
            info: info.clone(),
            state: TaskState::Running,
            told: None,
        };
        let info = FrameworkInfo::new("bench", role.clone());
        let registration = Reregistration {
            agent_id: id.clone(),
            info: Arc::new(AgentInfo::new(format!("host-{index}"), total.clone())),
            total,
            frameworks: [(framework(), Arc::new(info))].into(),
            tasks: tasks.iter().map(report).collect(),
            executors: Vec::new(),
        };
        let stream: Stream<ToMaster, ToAgent> = directory.connect(leader).await.expect("the master is there");
        let mut outbound = Outbound::default();
        let message = ToMaster::Reregister(Box::new(registration));
        stream.sender.send((outbound.next(), message)).await.expect("the master listens");
        Self { id, tasks, stream, outbound, updates: 0 }
    }

    async fn run(mut self) {
        let mut next = tokio::time::interval(Duration::from_secs(5));
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = self.stream.receiver.recv() => match message {
                    None => return,
                    Some((_, ToAgent::Ping { .. })) => self.say(ToMaster::Pong).await,
                    Some(_) => {}
                },
                _ = next.tick() => {
                    self.updates += 1;
                    let task = self.tasks[usize::try_from(self.updates).unwrap_or(0) % self.tasks.len()].id.clone();
                    let mut status = TaskStatus::new(task, TaskState::Running, Source::Executor, WallTime::default());
                    status.uuid = Some(UpdateId(self.updates));
                    status.agent_id = Some(self.id.clone());
                    let latest = TaskState::Running;
                    self.say(ToMaster::Update { framework_id: framework(), status: status.into(), latest }).await;
                }
            }
        }
    }

    async fn say(&mut self, message: ToMaster) {
        let _ = self.stream.sender.send((self.outbound.next(), message)).await;
    }
}
