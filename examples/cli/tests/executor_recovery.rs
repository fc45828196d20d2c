//! An executor of a framework's own that outlives its agent: the agent's process is killed, and every task is accounted for.
//!
//! Master, agent and executor are processes of their own; the executor is this test's program, told by its environment.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mesos_core::call::executor::Call;
use mesos_core::daemon::MemoryStore;
use mesos_core::net::grpc::{Dialer, GrpcConnector, RemoteDetector};
use mesos_core::{
    Ack, CommandInfo, ExecutorId, ExecutorInfo, FrameworkInfo, Offer, Resources, Role, Scheduler, SchedulerCx, TaskId,
    TaskInfo, TaskRun, TaskState, TaskStatus,
};
use mesos_exec::daemon::{ExecutorEvent, ExecutorStream};
use mesos_sched::daemon::{SchedulerDriver, SchedulerSetup};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// In the environment of the executor: where it and the test meet.
const GROUND: &str = "MESOS_TEST_GROUND";
/// Nothing takes so long, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(300);
/// Tasks that are there before the agent dies.
const TASKS: usize = 4;

/// The executor: a task ends when somebody writes into the pipe of its name. Nothing when this is the test.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn be_the_executor_if_that_is_what_this_process_is() {
    let Some(ground) = std::env::var_os(GROUND).map(PathBuf::from) else { return };
    let started = ground.join(format!("executor-{}", std::process::id()));
    std::fs::write(started, "").unwrap();
    let (driver, mut events, handle) = ExecutorStream::from_env().unwrap();
    let driver = tokio::spawn(driver.run());
    while let Some(event) = events.recv().await {
        match event {
            ExecutorEvent::Launch(task) => {
                let (handle, end) = (handle.clone(), ground.join(task.id.as_str()));
                tokio::spawn(async move {
                    handle.report(&task.id, TaskState::Running).await;
                    tokio::task::spawn_blocking(move || std::fs::read(end)).await.unwrap().unwrap();
                    handle.report(&task.id, TaskState::Finished).await;
                });
            }
            ExecutorEvent::Shutdown(_) => drop(handle.ask(Call::Exit).await),
            _ => {}
        }
    }
    driver.await.unwrap();
}

/// A process of ours, killed with SIGKILL when this is dropped.
struct Program(Child);

impl Program {
    /// It is ready when this returns.
    fn start(folder: &Path, arguments: &[String]) -> Self {
        let notify = folder.join(format!("notify-{:x}", mesos_core::daemon::entropy()));
        let socket = UnixDatagram::bind(&notify).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_mesos"))
            .args(arguments)
            .args(["--ip=127.0.0.1", "--logging_level=error", "--insecure-plaintext", "--insecure-anonymous"])
            .env("NOTIFY_SOCKET", &notify)
            .env_remove(GROUND)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self(child);
        let mut said = [0; 512];
        let length = socket.recv(&mut said).unwrap();
        assert!(String::from_utf8_lossy(&said[..length]).contains("READY=1"));
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A folder; what runs on after its agent ends with it.
struct Ground(tempfile::TempDir);

impl Ground {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn executors(&self) -> usize {
        let names = std::fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("executor-")).count()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for record in std::fs::read_dir(self.path("agent/containers")).into_iter().flatten().flatten() {
            let record = std::fs::read_to_string(record.path()).unwrap_or_default();
            if let Some(shim) = record.split(' ').nth(1) {
                let _ = Command::new("kill").arg(shim).status();
            }
        }
    }
}

/// Every state the framework was told of each task, in order.
type Told = BTreeMap<String, Vec<TaskState>>;

/// Launches so many tasks in one executor, and as many more as it is told to.
struct Batch {
    wanted: watch::Receiver<usize>,
    launched: usize,
    executor: Arc<ExecutorInfo>,
    told: Arc<Mutex<Told>>,
    news: watch::Sender<()>,
}

impl Scheduler for Batch {
    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in offers {
            let mut tasks = Vec::new();
            let each: Resources = "cpus:0.1;mem:8".parse().unwrap();
            while self.launched < *self.wanted.borrow() {
                let id = TaskId::new(format!("t{}", self.launched)).unwrap();
                let run = TaskRun::Executor(self.executor.clone());
                tasks.push(TaskInfo::new(id, offer.agent_id.clone(), each.clone(), run));
                self.launched += 1;
            }
            match tasks.is_empty() {
                true => cx.decline(&offer),
                false => cx.launch(&offer, tasks),
            }
        }
    }

    fn update(&mut self, _: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        let mut told = self.told.lock().unwrap();
        let own = told.entry(status.task_id.to_string()).or_default();
        // What is told again after a restart is no news.
        if own.last() != Some(&status.state) {
            own.push(status.state);
        }
        self.news.send_replace(());
        Ack::Auto
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_whose_agent_is_killed_goes_on_under_the_next_and_loses_no_task() {
    let ground = Ground(tempfile::tempdir().unwrap());
    let port = || async { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port() };
    let (master_port, agent_port) = (port().await, port().await);
    let folder = |name: &str| format!("--work_dir={}", ground.path(name).display());
    let master =
        ["master".to_owned(), format!("--port={master_port}"), folder("master"), "--allocation_interval=50ms".into()];
    let _master = Program::start(ground.0.path(), &master);
    let address = format!("127.0.0.1:{master_port}");
    let agent = [
        "agent".to_owned(),
        format!("--port={agent_port}"),
        folder("agent"),
        format!("--master={address}"),
        "--resources=cpus:2;mem:512".into(),
        "--registration_backoff_factor=10ms".into(),
        // A loaded machine is slow; the test is of what happens, not of when.
        "--executor_reregistration_timeout=60secs".into(),
    ];
    let first = Program::start(ground.0.path(), &agent);

    let this = std::env::current_exe().unwrap().display().to_string();
    let itself = ["--exact", "be_the_executor_if_that_is_what_this_process_is", "--nocapture"];
    let command = CommandInfo::exec(this, itself).env(GROUND, ground.0.path().display().to_string());
    let id = ExecutorId::new("e1").unwrap();
    let executor = Arc::new(ExecutorInfo::custom(id, command, "cpus:0.1;mem:32".parse().unwrap()));
    let told = Arc::new(Mutex::new(Told::new()));
    let (news, mut heard) = watch::channel(());
    let (want, wanted) = watch::channel(TASKS);
    let batch: Box<dyn Scheduler> = Box::new(Batch { wanted, launched: 0, executor, told: told.clone(), news });
    let mut info = FrameworkInfo::new("batch", Role::any());
    info.checkpoint = true;
    let detector = Box::new(RemoteDetector::new([address], Dialer::plaintext()));
    let connector = Arc::new(GrpcConnector::default());
    let setup = SchedulerSetup::new(info, batch, Arc::new(MemoryStore::new()), detector, connector);
    let framework = SchedulerDriver::start(setup).await.unwrap();

    // Waits until so many tasks were told to be like this.
    let mut until = async |state: TaskState, count: usize| {
        let are_there = |told: &Told| told.values().filter(|states| states.last() == Some(&state)).count() >= count;
        let waiting = async {
            while !are_there(&told.lock().unwrap()) {
                heard.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{count} tasks are not {state}: {:?}", told.lock().unwrap());
    };
    for task in 0..=TASKS {
        let pipe = ground.path(&format!("t{task}"));
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    let end = async |task: usize| {
        let pipe = ground.path(&format!("t{task}"));
        tokio::task::spawn_blocking(move || std::fs::write(pipe, "")).await.unwrap().unwrap();
    };
    until(TaskState::Running, TASKS).await;
    drop(first);
    // One ends while there is no agent.
    end(0).await;
    let _second = Program::start(ground.0.path(), &agent);
    until(TaskState::Finished, 1).await;
    // The executor takes further tasks, and those it had end as they should.
    want.send_replace(TASKS + 1);
    until(TaskState::Running, TASKS).await;
    for task in 1..=TASKS {
        end(task).await;
    }
    until(TaskState::Finished, TASKS + 1).await;
    let told = told.lock().unwrap().clone();
    let lived = vec![TaskState::Running, TaskState::Finished];
    assert_eq!(told, (0..=TASKS).map(|n| (format!("t{n}"), lived.clone())).collect());
    assert_eq!(ground.executors(), 1, "it is the same process as before");
    framework.stop(true).await;
    framework.join().await.unwrap();
}
