//! Work that goes on while a master is killed or connections are cut: every task is accounted for.
//!
//! The master is a process of its own, killed with SIGKILL. Agents run real processes, each of which writes down that it ran:
//! what the framework was told is compared with that.

mod ready;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mesos_core::call::Leader;
use mesos_core::daemon::{MemoryStore, Task};
use mesos_core::journal::Ending;
use mesos_core::kernel::Term;
use mesos_core::net::grpc::{Dialer, GrpcConnector, RemoteDetector};
use mesos_core::{
    Ack, AgentInfo, FrameworkInfo, MasterId, Offer, Resources, Role, Scheduler, SchedulerCx, TaskId, TaskInfo,
    TaskState, TaskStatus,
};
use mesos_exec::containerizer::{Process, ProcessOptions};
use mesos_exec::daemon::{AgentDaemon, AgentSetup};
use mesos_sched::daemon::election::Fixed;
use mesos_sched::daemon::{SchedulerDriver, SchedulerSetup};
use mesos_sim::replay::Replay;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use ready::Ears;

/// Tasks of one test.
const TASKS: usize = 900;
/// So many run at one time, and none has ended, when the fault comes.
const TOGETHER: usize = 200;
/// Nothing takes so long, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A master process, killed when this is dropped.
struct Master(Child);

impl Master {
    /// It leads when this returns, and writes a journal of its own.
    fn start(folder: &Path, port: u16) -> Self {
        let journal = folder.join(format!("{:x}.journal", rand_name()));
        let notify = folder.join(format!("notify-{}", rand_name()));
        let ears = Ears::open(&notify, PATIENCE);
        let child = Command::new(env!("CARGO_BIN_EXE_mesos"))
            .args(["master", "--ip=127.0.0.1", "--logging_level=error", "--allocation_interval=50ms"])
            .args(["--insecure-plaintext", "--insecure-anonymous"])
            .args([format!("--port={port}"), format!("--work_dir={}", folder.join("master").display())])
            .arg(format!("--journal={}", journal.display()))
            .env("NOTIFY_SOCKET", &notify)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let master = Self(child);
        ears.hear();
        master
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        // SIGKILL: it has no time to say anything.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn rand_name() -> u64 {
    mesos_core::daemon::entropy()
}

/// What the framework was told of each task that ended, and how many processes should have written.
#[derive(Debug, Default)]
struct Told {
    launched: usize,
    /// Those that run, and the most that ran at one time.
    running: BTreeSet<String>,
    together: usize,
    ended: BTreeMap<String, TaskState>,
}

/// Launches so many tasks, each of which writes its name down once, and ends when the gate is open.
struct Flood {
    told: Arc<Mutex<Told>>,
    /// How many run at one time at most, and how many have ended.
    counts: watch::Sender<(usize, usize)>,
    each: Resources,
    ran: PathBuf,
    gate: PathBuf,
}

impl Scheduler for Flood {
    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        let mut told = self.told.lock().unwrap();
        for offer in offers {
            let (mut left, mut tasks) = (offer.resources.clone(), Vec::new());
            while told.launched < TASKS && left.contains(&self.each) {
                left -= &self.each;
                let name = format!("t{}", told.launched);
                told.launched += 1;
                let line = format!("echo {name} >> {}; : < {}", self.ran.display(), self.gate.display());
                let id = TaskId::new(name).unwrap();
                tasks.push(TaskInfo::shell(id, offer.agent_id.clone(), self.each.clone(), line));
            }
            match tasks.is_empty() {
                true => cx.decline(&offer),
                false => cx.launch(&offer, tasks),
            }
        }
    }

    fn update(&mut self, _: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        let mut told = self.told.lock().unwrap();
        if status.state == TaskState::Running {
            told.running.insert(status.task_id.to_string());
            told.together = told.together.max(told.running.len());
        }
        if status.state.is_terminal() || status.state == TaskState::Unknown {
            told.running.remove(status.task_id.as_str());
            let before = told.ended.insert(status.task_id.to_string(), status.state);
            assert!(before.is_none_or(|before| before == status.state), "{status:?} after {before:?}");
        }
        self.counts.send_replace((told.together, told.ended.len()));
        Ack::Auto
    }
}

/// Passes bytes on between agents and a master, until it is cut.
struct Cable {
    address: SocketAddr,
    cut: watch::Sender<u64>,
    _carrying: Task,
}

impl Cable {
    async fn to(master: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, cuts) = watch::channel(0);
        let carrying = Task::spawn(async move {
            let mut carried = tokio::task::JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                carried.spawn(async move {
                    // A master that is not there refuses, as it would without a cable.
                    let Ok(mut far) = TcpStream::connect(master).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self { address, cut, _carrying: carrying }
    }

    /// Every connection ends in the middle of whatever it carries.
    fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    MasterKilled,
    AgentsCutOff,
}

async fn accounts_for_every_task(fault: Fault) {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut master = Some(Master::start(folder.path(), port));
    let cable = Cable::to(address).await;

    let mut agents = Vec::new();
    for n in 0..2 {
        let work_dir = folder.path().join(format!("agent-{n}"));
        let containers = Arc::new(Process::new(ProcessOptions::new(&work_dir)).unwrap());
        let info = AgentInfo::new(format!("host-{n}"), "cpus:8;mem:1024".parse().unwrap());
        let id = MasterId::new("m").unwrap();
        let leader = Leader { id, address: cable.address.to_string().into(), term: Term(1) };
        let (store, detector) = (Arc::new(MemoryStore::new()), Box::new(Fixed::new(leader)));
        let mut setup = AgentSetup::new(info, containers.clone(), store, detector, Arc::new(GrpcConnector::default()));
        setup.options.registration_delay_max = Duration::from_millis(50);
        agents.push((AgentDaemon::start(setup).await.unwrap(), containers));
    }
    let told = Arc::new(Mutex::new(Told::default()));
    let (counts, mut counted) = watch::channel((0, 0));
    let (ran, gate) = (folder.path().join("ran"), folder.path().join("gate"));
    // Whoever reads waits until somebody writes, or could.
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let flood: Box<dyn Scheduler> = Box::new(Flood {
        told: told.clone(),
        counts,
        each: "cpus:0.05;mem:3".parse().unwrap(),
        ran: ran.clone(),
        gate: gate.clone(),
    });
    let mut info = FrameworkInfo::new("flood", Role::any());
    info.checkpoint = true;
    info.failover_timeout = Duration::from_secs(3_600);
    let detector = Box::new(RemoteDetector::new([address.to_string()], Dialer::plaintext()));
    let connector = Arc::new(GrpcConnector::default());
    let mut setup = SchedulerSetup::new(info, flood, Arc::new(MemoryStore::new()), detector, connector);
    setup.options.connect_jitter_max = Duration::from_millis(50);
    setup.options.launch_doubt_after = Duration::from_secs(2);
    setup.options.reconcile_every = Duration::from_secs(5);
    let framework = SchedulerDriver::start(setup).await.unwrap();

    let work = async {
        counted.wait_for(|(together, _)| *together >= TOGETHER).await.unwrap();
        match fault {
            Fault::MasterKilled => {
                drop(master.take());
                master = Some(Master::start(folder.path(), port));
            }
            Fault::AgentsCutOff => cable.cut(),
        }
        let open = File::options().read(true).write(true).open(&gate).unwrap();
        counted.wait_for(|(_, ended)| *ended >= TASKS).await.unwrap();
        drop(open);
    };
    let worked = tokio::time::timeout(PATIENCE, work).await;
    let told = std::mem::take(&mut *told.lock().unwrap());
    let finished: BTreeSet<_> =
        told.ended.iter().filter(|(_, state)| **state == TaskState::Finished).map(|(name, _)| name.clone()).collect();
    assert!(worked.is_ok(), "{} of {} were launched, {} ended", told.launched, TASKS, told.ended.len());
    let lines = std::fs::read_to_string(&ran).unwrap();
    let wrote: Vec<_> = lines.lines().map(str::to_owned).collect();
    let once: BTreeSet<_> = wrote.iter().cloned().collect();
    assert_eq!(wrote.len(), once.len(), "no task ran twice");
    assert_eq!(finished, once, "what ran was told to have finished, and nothing else: {:?}", told.ended);
    assert!(finished.len() >= TOGETHER, "work went on after the fault");

    framework.stop(true).await;
    framework.join().await.unwrap();
    for (agent, containers) in agents {
        agent.stop().await;
        agent.join().await.unwrap();
        containers.shutdown().await.unwrap();
    }
    drop(master);
    let lives = replay_journals(folder.path());
    assert_eq!(lives, if fault == Fault::MasterKilled { 2 } else { 1 });
}

/// What masters wrote down until they were killed does again what they did, to the bit; how many masters.
fn replay_journals(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let journals: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "journal")).collect();
    for path in &journals {
        let mut replay = Replay::open(BufReader::new(File::open(path).unwrap())).unwrap();
        assert_eq!(replay.run().unwrap(), None, "the replay is the same, effect for effect");
        let counts = replay.counts();
        assert!(counts.inputs > 100 && counts.effects > 100, "{counts:?}");
        assert!(matches!(replay.ending(), Some(Ending::Torn)), "{:?}", replay.ending());
    }
    journals.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_is_killed_under_load_loses_no_task() {
    accounts_for_every_task(Fault::MasterKilled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_are_cut_off_under_load_lose_no_task() {
    accounts_for_every_task(Fault::AgentsCutOff).await;
}
