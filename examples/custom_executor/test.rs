//! The executor as a process of its own, under a real agent that serves real sockets; the master is played by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use mesos_core::call::Leader;
use mesos_core::call::agent::{RunGroup, RunTask, ToAgent, ToMaster};
use mesos_core::daemon::{Directory, Door, MemoryStore, Stream};
use mesos_core::kernel::{Inbound, Outbound, Term};
use mesos_core::net::http::{Limits, Plain, serve};
use mesos_core::{
    AgentId, AgentInfo, CommandInfo, Detector, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, MasterId, Reason,
    Resources, Role, TaskId, TaskInfo, TaskRun, TaskState, TaskStatus, UpdateId,
};
use mesos_exec::containerizer::{Process, ProcessOptions};
use mesos_exec::daemon::http::AgentSite;
use mesos_exec::daemon::{AgentDaemon, AgentSetup, ExecutorEvent, ExecutorSetup, ExecutorStream, Sandboxes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

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

/// A master played by hand, and the agent it has.
struct Rig {
    door: Door,
    stream: Stream<ToAgent, ToMaster>,
    outbound: Outbound,
    inbound: Inbound,
    daemon: AgentDaemon,
    server: tokio::task::JoinHandle<()>,
    parts: Parts,
    /// Updates that were heard: what comes again after a restart is no news.
    heard: BTreeSet<UpdateId>,
}

/// What outlives the agent's process.
#[derive(Clone)]
struct Parts {
    directory: Directory,
    containers: Arc<Process>,
    checkpoints: Arc<MemoryStore>,
    address: SocketAddr,
    term: u64,
    work: Arc<tempfile::TempDir>,
}

fn framework_id() -> FrameworkId {
    FrameworkId::new("f1").unwrap()
}

fn agent_id() -> AgentId {
    AgentId::new("a1").unwrap()
}

/// A task of the executor in this package.
fn task(name: &str, data: &str) -> TaskInfo {
    let command = CommandInfo::exec(env!("CARGO_BIN_EXE_custom_executor"), [] as [&str; 0]);
    let info = ExecutorInfo::custom(ExecutorId::new("e1").unwrap(), command, Resources::new());
    let run = TaskRun::Executor(Arc::new(info));
    let mut task = TaskInfo::new(TaskId::new(name).unwrap(), agent_id(), Resources::new(), run);
    task.data = data.as_bytes().into();
    task
}

async fn start_agent(parts: &Parts) -> (AgentDaemon, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(parts.address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let leader = Leader { id: MasterId::new("m1").unwrap(), address: "m:5050".into(), term: Term(1) };
    let mut setup = AgentSetup::new(
        AgentInfo::new("127.0.0.1", "cpus:1;mem:64".parse().unwrap()),
        parts.containers.clone(),
        parts.checkpoints.clone(),
        Box::new(Known(leader)),
        Arc::new(parts.directory.clone()),
    );
    setup.term = Term(parts.term);
    setup.options.endpoint = Some(address.to_string().into());
    setup.options.registration_delay_max = std::time::Duration::ZERO;
    // A loaded machine starts a process slowly; the test is of what happens, not of when.
    setup.options.executor_reregistration_timeout = std::time::Duration::from_secs(60);
    let sandboxes = Arc::new(Sandboxes::new(parts.work.path().join("agent")));
    setup.sandboxes = Some(sandboxes.clone());
    let daemon = AgentDaemon::start(setup).await.unwrap();
    let mut site = AgentSite::new(daemon.executors(), parts.containers.clone());
    site.insecure_executors = true;
    site.sandboxes = Some(sandboxes);
    site.address = address.to_string();
    let server = tokio::spawn(serve(listener, Plain, site.site(), Limits::default(), std::future::pending::<()>()));
    (daemon, server)
}

impl Rig {
    async fn new() -> Self {
        let work = Arc::new(tempfile::tempdir().unwrap());
        let directory = Directory::new();
        let mut door = directory.open("m:5050");
        // A port that is free now; the executor must find the agent under it again after a restart.
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let parts = Parts {
            directory,
            containers: Arc::new(Process::new(ProcessOptions::new(work.path())).unwrap()),
            checkpoints: Arc::new(MemoryStore::new()),
            address,
            term: 1,
            work,
        };
        let (daemon, server) = start_agent(&parts).await;
        let stream = door.agents.recv().await.unwrap();
        let (outbound, inbound) = (Outbound::default(), Inbound::default());
        let mut rig = Self { door, stream, outbound, inbound, daemon, server, parts, heard: BTreeSet::new() };
        assert!(matches!(rig.hear().await, ToMaster::Register { .. }));
        rig.say(ToAgent::Registered { agent_id: agent_id(), ping_timeout: std::time::Duration::from_secs(600) }).await;
        rig
    }

    /// The agent's process dies and another one takes its place; containers run on.
    async fn restart(mut self) -> Self {
        self.daemon.abort();
        self.server.abort();
        let _ = self.server.await;
        self.parts.term += 1;
        let (daemon, server) = start_agent(&self.parts).await;
        (self.daemon, self.server) = (daemon, server);
        self.stream = self.door.agents.recv().await.unwrap();
        (self.outbound, self.inbound) = (Outbound::default(), Inbound::default());
        assert!(matches!(self.hear().await, ToMaster::Reregister(_)));
        let ping_timeout = std::time::Duration::from_secs(600);
        self.say(ToAgent::Reregistered { agent_id: agent_id(), ping_timeout, missing: Vec::new() }).await;
        self
    }

    async fn hear(&mut self) -> ToMaster {
        let (seq, message) = self.stream.receiver.recv().await.unwrap();
        assert_eq!(self.inbound.arrive(seq), mesos_core::kernel::Arrival::InOrder);
        message
    }

    async fn say(&mut self, message: ToAgent) {
        self.stream.sender.send((self.outbound.next(), message)).await.unwrap();
    }

    async fn run(&mut self, task: TaskInfo) {
        let mut framework = FrameworkInfo::new("web", Role::new("web").unwrap());
        framework.id = Some(framework_id());
        let run = RunTask {
            framework_id: framework_id(),
            framework: Arc::new(framework),
            role: Role::new("web").unwrap(),
            task: Arc::new(task),
            may_start_executor: true,
        };
        self.say(ToAgent::Run(Box::new(run))).await;
    }

    /// The next status that is news, acknowledged.
    async fn next_status(&mut self) -> TaskStatus {
        loop {
            if let ToMaster::Update { framework_id, status, .. } = self.hear().await {
                let (task_id, uuid) = (status.task_id.clone(), status.uuid.unwrap());
                self.say(ToAgent::Acknowledge { framework_id, task_id, uuid }).await;
                if self.heard.insert(uuid) {
                    return (*status).clone();
                }
            }
        }
    }

    async fn expect(&mut self, task: &str, states: &[TaskState]) {
        for state in states {
            let status = self.next_status().await;
            assert_eq!((status.task_id.as_str(), status.state), (task, *state), "{status:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_runs_tasks_hears_messages_and_ends_when_told() {
    let mut rig = Rig::new().await;
    rig.run(task("t1", "finish")).await;
    rig.expect("t1", &[TaskState::Running, TaskState::Finished]).await;
    rig.run(task("t2", "run")).await;
    rig.expect("t2", &[TaskState::Running]).await;
    let (framework_id, executor_id) = (framework_id(), ExecutorId::new("e1").unwrap());
    let message = |data: &[u8]| ToAgent::Message {
        framework_id: framework_id.clone(),
        executor_id: executor_id.clone(),
        data: data.into(),
    };
    rig.say(message(b"hello")).await;
    loop {
        if let ToMaster::Message { data, .. } = rig.hear().await {
            assert_eq!(&*data, b"hello");
            break;
        }
    }
    let kill = ToAgent::Kill { framework_id: framework_id.clone(), task_id: TaskId::new("t2").unwrap(), policy: None };
    rig.say(kill).await;
    rig.expect("t2", &[TaskState::Killed]).await;
    rig.say(ToAgent::ShutdownExecutor { framework_id: framework_id.clone(), executor_id: executor_id.clone() }).await;
    loop {
        if let ToMaster::ExecutorExited { status, .. } = rig.hear().await {
            assert_eq!(status, 0, "it ended in good order");
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_crashes_takes_its_tasks_with_it_and_its_status_is_told() {
    let mut rig = Rig::new().await;
    rig.run(task("t1", "run")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    rig.run(task("t2", "crash")).await;
    let mut seen = BTreeMap::new();
    let mut exit = None;
    while seen.len() < 2 || exit.is_none() {
        match rig.hear().await {
            ToMaster::Update { status, .. } => {
                seen.insert(status.task_id.to_string(), (status.state, status.reason));
            }
            ToMaster::ExecutorExited { status, .. } => exit = Some(status),
            _ => {}
        }
    }
    let failed = (TaskState::Failed, Some(Reason::ExecutorTerminated));
    assert_eq!(seen, BTreeMap::from([("t1".to_owned(), failed), ("t2".to_owned(), failed)]));
    assert_eq!(exit, Some(3 << 8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_outlives_its_agent_and_goes_on_under_the_next() {
    let mut rig = Rig::new().await;
    rig.run(task("t1", "run")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let mut rig = rig.restart().await;
    rig.run(task("t2", "finish")).await;
    rig.expect("t2", &[TaskState::Running, TaskState::Finished]).await;
    let kill = ToAgent::Kill { framework_id: framework_id(), task_id: TaskId::new("t1").unwrap(), policy: None };
    rig.say(kill).await;
    rig.expect("t1", &[TaskState::Killed]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_run_in_the_default_executor_and_share_their_fate() {
    let mut rig = Rig::new().await;
    let resources: Resources = "cpus:0.1;mem:32;disk:10".parse().unwrap();
    let executor = ExecutorInfo::for_groups(ExecutorId::new("g1").unwrap(), resources);
    let shell =
        |name: &str, line: &str| TaskInfo::shell(TaskId::new(name).unwrap(), agent_id(), Resources::new(), line);
    let mut framework = FrameworkInfo::new("web", Role::new("web").unwrap());
    framework.id = Some(framework_id());
    let run = RunGroup {
        framework_id: framework_id(),
        framework: Arc::new(framework),
        role: Role::new("web").unwrap(),
        tasks: TaskInfo::group(executor, [shell("t1", "sleep 1000"), shell("t2", "exit 5")]),
        may_start_executor: true,
    };
    rig.say(ToAgent::RunGroup(Box::new(run))).await;
    let mut last = BTreeMap::new();
    while last.values().filter(|state: &&TaskState| state.is_terminal()).count() < 2 {
        let status = rig.next_status().await;
        last.insert(status.task_id.to_string(), status.state);
    }
    assert_eq!(last, BTreeMap::from([("t1".into(), TaskState::Killed), ("t2".into(), TaskState::Failed)]));
}

/// One request on a connection of its own; the answer as far as it has come once `until` is in it.
async fn ask(address: SocketAddr, head: &str, body: &str, until: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nHost: agent\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut part = [0; 4_096];
    while !String::from_utf8_lossy(&answer).contains(until) {
        match stream.read(&mut part).await.unwrap() {
            0 => break,
            read => answer.extend_from_slice(&part[..read]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_clients_are_answered_as_they_expect() {
    let mut rig = Rig::new().await;
    rig.run(task("t1", "run")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let address = rig.parts.address;
    let post = "POST /slave(1)/api/v1/executor HTTP/1.1\r\nContent-Type: application/json";
    let who = r#""executor_id":{"value":"e1"},"framework_id":{"value":"f1"}"#;
    // A second subscription takes the place of the first: this test is the executor from now on.
    let subscribe = format!(r#"{{"type":"SUBSCRIBE",{who},"subscribe":{{"unacknowledged_tasks":null}}}}"#);
    let answer = ask(address, &format!("{post}\r\nAccept: application/json"), &subscribe, "container_id").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("Content-Type: application/json\r\n"), "{answer}");
    assert!(answer.to_lowercase().contains("transfer-encoding: chunked\r\n"), "{answer}");
    for part in [
        r#"{"type":"SUBSCRIBED","subscribed":{"#,
        r#""executor_id":{"value":"e1"}"#,
        r#""id":{"value":"f1"}"#,
        r#""hostname":"127.0.0.1""#,
        r#""id":{"value":"a1"}"#,
    ] {
        assert!(answer.contains(part), "{answer} lacks {part}");
    }
    for (head, body, status) in [
        (post.to_owned(), format!(r#"{{"type":"SUBSCRIBE",{who}}}"#), 400),
        (
            post.to_owned(),
            r#"{"type":"HEARTBEAT","executor_id":{"value":"e9"},"framework_id":{"value":"f1"}}"#.into(),
            400,
        ),
        (
            post.to_owned(),
            r#"{"type":"HEARTBEAT","executor_id":{"value":"e1"},"framework_id":{"value":"f9"}}"#.into(),
            400,
        ),
        (post.to_owned(), "{".into(), 400),
        (post.replace("application/json", "text/plain"), "{}".into(), 415),
        ("POST /api/v1/executor HTTP/1.1".into(), "{}".into(), 400),
        ("GET /api/v1/executor HTTP/1.1".into(), String::new(), 405),
        (format!("{post}\r\nAccept: text/html"), subscribe.clone(), 406),
    ] {
        let answer = ask(address, &head, &body, "\r\n\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head} {body}: {answer}");
    }
}

/// The body of an answer whose length is known.
fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// One call of the operator API and its whole answer.
async fn call(address: SocketAddr, body: &str) -> (String, String) {
    let post = "POST /slave(1)/api/v1 HTTP/1.1\r\nContent-Type: application/json\r\nConnection: close";
    let answer = ask(address, post, body, "never said").await;
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    (status, self::body(&answer).to_owned())
}

async fn get(address: SocketAddr, path: &str) -> (String, String) {
    let answer = ask(address, &format!("GET {path} HTTP/1.1\r\nConnection: close"), "", "never said").await;
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    (status, body(&answer).to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_runs_tasks_in_containers_beside_its_own() {
    let mut rig = Rig::new().await;
    rig.run(task("t1", "contain")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let status = rig.next_status().await;
    assert_eq!(status.state, TaskState::Finished);
    assert_eq!(status.message.as_deref(), Some("Command exited with status 7"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_what_runs_and_read_what_it_wrote() {
    let mut rig = Rig::new().await;
    let line = "echo out; echo err >&2; ln -s /etc/passwd leak; ln -s .. up; sleep 1000";
    rig.run(TaskInfo::shell(TaskId::new("t1").unwrap(), agent_id(), "cpus:0.1".parse().unwrap(), line)).await;
    rig.expect("t1", &[TaskState::Starting, TaskState::Running]).await;
    let address = rig.parts.address;
    let (status, containers) = call(address, r#"{"type":"GET_CONTAINERS"}"#).await;
    assert_eq!(status, "200", "{containers}");
    let containers: serde_json::Value = serde_json::from_str(&containers).unwrap();
    let found = &containers["get_containers"]["containers"][0];
    assert!(found["resource_statistics"]["timestamp"].as_f64().unwrap() > 0.0);
    let container = found["container_id"]["value"].as_str().unwrap();
    for (kind, part) in [
        ("GET_HEALTH", r#""healthy":true"#),
        ("GET_VERSION", r#""version":"1.11.0""#),
        ("GET_STATE", r#""task_id":{"value":"t1"}"#),
        ("GET_TASKS", r#""launched_tasks""#),
        ("GET_AGENT", r#""id":{"value":"a1"}"#),
        ("GET_FRAMEWORKS", r#""name":"web""#),
        ("GET_EXECUTORS", r#""executor_id":{"value":"t1"}"#),
        ("GET_METRICS", "slave/tasks_running"),
        ("GET_OPERATIONS", "get_operations"),
        ("GET_FLAGS", "get_flags"),
        ("GET_LOGGING_LEVEL", r#""level":0"#),
    ] {
        let (status, answer) = call(address, &format!(r#"{{"type":"{kind}"}}"#)).await;
        assert_eq!(status, "200", "{kind}: {answer}");
        assert!(answer.contains(&format!(r#""type":"{kind}""#)) && answer.contains(part), "{kind}: {answer}");
    }
    for (path, part) in [
        ("/state", r#""id":"t1""#),
        ("/slave(1)/state", r#""pid":"slave(1)@"#),
        ("/containers", "container_id"),
        ("/monitor/statistics", "mem_limit_bytes"),
        ("/metrics/snapshot", "slave/cpus_total"),
        ("/version", "1.11.0"),
        ("/flags", "flags"),
    ] {
        let (status, answer) = get(address, path).await;
        assert!(status == "200" && answer.contains(part), "{path}: {status} {answer}");
    }
    let runs = "/frameworks/f1/executors/t1/runs/latest";
    // The shell may not have come to its first word when the container is said to run.
    while get(address, &format!("/files/read?path={runs}/stderr&offset=0")).await.1 != r#"{"data":"err\n","offset":0}"# {
    }
    let (_, read) = get(address, &format!("/files/read?path={runs}/stdout&offset=0&length=2")).await;
    assert_eq!(read, r#"{"data":"ou","offset":0}"#);
    while !get(address, &format!("/files/browse?path={runs}")).await.1.contains("/up") {}
    for secret in ["leak", "up/../../lock", "../../../../../../etc/passwd", "up/lock"] {
        let (status, answer) = get(address, &format!("/files/read?path={runs}/{secret}&offset=0")).await;
        assert!(status != "200", "{secret}: {answer}");
    }
    let nested = format!(r#"{{"parent":{{"value":"{container}"}},"value":"debug"}}"#);
    let launch = format!(
        r#"{{"type":"LAUNCH_NESTED_CONTAINER","launch_nested_container":{{"container_id":{nested},
        "command":{{"value":"exit 5"}}}}}}"#
    );
    assert_eq!(call(address, &launch).await.0, "200");
    let wait = format!(r#"{{"type":"WAIT_CONTAINER","wait_container":{{"container_id":{nested}}}}}"#);
    let (status, answer) = call(address, &wait).await;
    assert_eq!(status, "200");
    assert!(answer.contains(r#""exit_status":1280"#), "{answer}");
    let unknown = wait.replace("debug", "other");
    assert_eq!(call(address, &unknown).await.0, "404");
    for (call_text, status) in [
        (r#"{"type":"PRUNE_IMAGES","prune_images":{}}"#, "501"),
        (r#"{"type":"ATTACH_CONTAINER_INPUT"}"#, "501"),
        (r#"{"type":"READ_FILE"}"#, "400"),
        (r#"{"type":"LIST_FILES","list_files":{"path":"/nowhere"}}"#, "404"),
    ] {
        assert_eq!(call(address, call_text).await.0, status, "{call_text}");
    }
    // A session tells what its container writes, and ends with it.
    let session = format!(
        r#"{{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{{"container_id":{},
        "command":{{"value":"echo inside"}}}}}}"#,
        nested.replace("debug", "session")
    );
    let head = "POST /api/v1 HTTP/1.1\r\nContent-Type: application/json\r\nAccept: application/recordio\r\n\
        Message-Accept: application/json\r\nConnection: close";
    let answer = ask(address, head, &session, "never said").await;
    assert!(answer.contains("Content-Type: application/recordio"), "{answer}");
    assert!(answer.contains("Message-Content-Type: application/json"), "{answer}");
    assert!(answer.contains(r#"{"type":"DATA","data":{"type":"STDOUT","data":"aW5zaWRlCg=="}}"#), "{answer}");
}

/// Takes a line from a pipe that somebody will write to.
async fn line_of(pipe: std::path::PathBuf) -> String {
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(pipe).unwrap());
    tokio::time::timeout(std::time::Duration::from_secs(60), read).await.expect("nobody wrote").unwrap()
}

/// What existing executors find in their environment, and an executor that is a stream of events in the place of one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_finds_its_environment_and_may_be_written_as_a_stream() {
    let mut rig = Rig::new().await;
    let pipe = rig.parts.work.path().join("environment");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let command = CommandInfo::shell(format!("env > {}; exec sleep 1000", pipe.display())).env("OWN", "value");
    let mut info = ExecutorInfo::custom(ExecutorId::new("e1").unwrap(), command, Resources::new());
    info.shutdown_grace = Some(std::time::Duration::from_millis(7_500));
    let run = TaskRun::Executor(Arc::new(info));
    let task = |name: &str| TaskInfo::new(TaskId::new(name).unwrap(), agent_id(), Resources::new(), run.clone());
    rig.run(task("t1")).await;
    let environment = line_of(pipe).await;
    let find = |name: &str| environment.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let address = rig.parts.address;
    let sandbox = find("MESOS_SANDBOX").unwrap().to_owned();
    assert!(std::path::Path::new(&sandbox).join("stdout").exists(), "{sandbox}");
    for (name, value) in [
        ("MESOS_FRAMEWORK_ID", "f1"),
        ("MESOS_EXECUTOR_ID", "e1"),
        ("MESOS_DIRECTORY", &sandbox),
        ("MESOS_SLAVE_ID", "a1"),
        ("MESOS_SLAVE_PID", &format!("slave(1)@{address}")),
        ("MESOS_AGENT_ENDPOINT", &address.to_string()),
        ("MESOS_CHECKPOINT", "1"),
        ("MESOS_HTTP_COMMAND_EXECUTOR", "0"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "7500ms"),
        ("MESOS_RECOVERY_TIMEOUT", "15mins"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
        ("LIBPROCESS_PORT", "0"),
        ("OWN", "value"),
    ] {
        assert_eq!(find(name), Some(value), "{name} in {environment}");
    }

    let setup = ExecutorSetup::new(framework_id(), ExecutorId::new("e1").unwrap(), address.to_string());
    let (driver, mut events, handle) = ExecutorStream::open(setup);
    let driver = tokio::spawn(driver.run());
    let Some(ExecutorEvent::Launch(launched)) = events.recv().await else { panic!("no task") };
    assert_eq!(launched.id.as_str(), "t1");
    assert!(handle.report(&launched.id, TaskState::Running).await);
    rig.expect("t1", &[TaskState::Running]).await;
    let kill = ToAgent::Kill { framework_id: framework_id(), task_id: launched.id.clone(), policy: None };
    rig.say(kill).await;
    loop {
        match events.recv().await.unwrap() {
            ExecutorEvent::Kill(task, _) => break assert_eq!(task, launched.id),
            other => assert!(matches!(other, ExecutorEvent::Acknowledged(_)), "{other:?}"),
        }
    }
    handle.report(&launched.id, TaskState::Killed).await;
    rig.expect("t1", &[TaskState::Killed]).await;

    // Another one in its place: the first hears that, and ends.
    let setup = ExecutorSetup::new(framework_id(), ExecutorId::new("e1").unwrap(), address.to_string());
    let (other, mut others, _handle) = ExecutorStream::open(setup);
    let _other = tokio::spawn(other.run());
    let why = driver.await.unwrap().to_string();
    assert!(why.contains("took the place"), "{why}");
    rig.run(task("t2")).await;
    let Some(ExecutorEvent::Launch(launched)) = others.recv().await else { panic!("no task") };
    assert_eq!(launched.id.as_str(), "t2");
}

/// An executor nobody here wrote the library of. It needs a Python with pymesos, so it has a feature of its own.
#[cfg(feature = "pymesos")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executors_of_pymesos_run_unchanged() {
    let python = std::env::var("MESOS_TEST_PYMESOS").expect("MESOS_TEST_PYMESOS names a Python with pymesos");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/custom_executor/pymesos_executor.py");
    let mut rig = Rig::new().await;
    let command = CommandInfo::exec(python, [script]);
    let info = ExecutorInfo::custom(ExecutorId::new("e1").unwrap(), command, Resources::new());
    let run = TaskRun::Executor(Arc::new(info));
    rig.run(TaskInfo::new(TaskId::new("t1").unwrap(), agent_id(), Resources::new(), run)).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let mut hello = false;
    loop {
        match rig.hear().await {
            ToMaster::Message { data, .. } => hello = &*data == b"hi",
            ToMaster::Update { status, .. } if status.state == TaskState::Finished => break,
            _ => {}
        }
    }
    assert!(hello, "its message came before its last word");
    rig.say(ToAgent::ShutdownExecutor { framework_id: framework_id(), executor_id: "e1".parse().unwrap() }).await;
    while !matches!(rig.hear().await, ToMaster::ExecutorExited { .. }) {}
}
