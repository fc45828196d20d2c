//! A master played by hand, and the agent it has.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use mesos_core::call::Leader;
use mesos_core::call::agent::{RunTask, ToAgent, ToMaster};
use mesos_core::daemon::{Directory, Door, MemoryStore, Stream, SystemClock};
use mesos_core::kernel::{Inbound, Outbound, Term};
use mesos_core::net::auth::{
    Authenticator, Authorizer, Credentials, Open, Parts as ByPart, RateLimits, Secret, TokenKey,
};
use mesos_core::net::http::{Attached, Limits, Verbosity};
use mesos_core::net::layer::Firewall;
use mesos_core::net::tls::{Authority, Identity, Material, Part, ServerTls, VALID_FOR_DEFAULT};
use mesos_core::{
    AgentId, AgentInfo, CommandInfo, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, MasterId, Resources, Role,
    TaskId, TaskInfo, TaskRun, TaskState, TaskStatus, UpdateId,
};
use mesos_exec::agent::ExecutorTransport;
use mesos_exec::containerizer::{Process, ProcessOptions};
use mesos_exec::daemon::{AgentServer, AgentServerSetup, AgentSetup, ExecutorTokens};
use mesos_sched::daemon::election::Fixed;
use tokio::net::TcpListener;

/// A level of logging that is only remembered.
#[derive(Debug, Default)]
struct Heard(AtomicU32);

impl Verbosity for Heard {
    fn level(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, level: u32, duration: Duration) -> Result<(), String> {
        if level > 3 || duration.is_zero() {
            return Err("it cannot be like this".to_owned());
        }
        self.0.store(level, Ordering::Relaxed);
        Ok(())
    }
}

/// A master played by hand, and the agent it has.
pub(crate) struct Rig {
    door: Door,
    stream: Stream<ToAgent, ToMaster>,
    outbound: Outbound,
    inbound: Inbound,
    server: AgentServer,
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
    /// What signs executors' tokens; none where executors and everybody else may do anything.
    secret: Option<Arc<Secret>>,
    credentials: Option<&'static str>,
    /// What the agent's own port speaks TLS with, where it does.
    material: Option<Arc<Material>>,
    transport: ExecutorTransport,
    limits: Limits,
    rate_limits: Option<&'static str>,
}

pub(crate) fn framework_id() -> FrameworkId {
    FrameworkId::new("f1").unwrap()
}

pub(crate) fn agent_id() -> AgentId {
    AgentId::new("a1").unwrap()
}

/// A task of the executor in this package.
pub(crate) fn task(name: &str, data: &str) -> TaskInfo {
    task_of(CommandInfo::exec(env!("CARGO_BIN_EXE_custom_executor"), [] as [&str; 0]), name, data)
}

/// The same with an executor that speaks gRPC.
pub(crate) fn grpc_task(name: &str, data: &str) -> TaskInfo {
    let command = CommandInfo::exec(env!("CARGO_BIN_EXE_custom_executor"), [] as [&str; 0]);
    task_of(command.env("MESOS_EXECUTOR_TRANSPORT", "grpc"), name, data)
}

fn task_of(command: CommandInfo, name: &str, data: &str) -> TaskInfo {
    let info = ExecutorInfo::custom(ExecutorId::new("e1").unwrap(), command, Resources::new());
    let run = TaskRun::Executor(Arc::new(info));
    let mut task = TaskInfo::new(TaskId::new(name).unwrap(), agent_id(), Resources::new(), run);
    task.data = data.as_bytes().into();
    task
}

/// An address of this machine that nobody else uses: a port of it that is free stays free while an agent is restarted, and the
/// executor must find the next one under it. Under 127.0.0.1, whoever asks for any port may be given that one meanwhile.
fn own_host() -> Ipv4Addr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high | 1, low, COUNT.fetch_add(1, Ordering::Relaxed))
}

async fn start_agent(parts: &Parts) -> AgentServer {
    let listener = TcpListener::bind(parts.address).await.unwrap();
    let leader = Leader { id: MasterId::new("m1").unwrap(), address: "m:5050".into(), term: Term(1) };
    let mut agent = AgentSetup::new(
        AgentInfo::new("127.0.0.1", "cpus:1;mem:64".parse().unwrap()),
        parts.containers.clone(),
        parts.checkpoints.clone(),
        Box::new(Fixed::new(leader)),
        Arc::new(parts.directory.clone()),
    );
    agent.term = Term(parts.term);
    agent.options.executor_transport = parts.transport;
    agent.options.registration_delay_max = Duration::ZERO;
    // A loaded machine starts a process slowly; the test is of what happens, not of when.
    agent.options.executor_reregistration_timeout = Duration::from_secs(60);
    let known = Authenticator::new(Arc::new(SystemClock::new()));
    let (authenticator, authorizer): (_, Arc<dyn Authorizer>) = match &parts.secret {
        None if parts.credentials.is_some() => {
            let credentials = Credentials::parse(parts.credentials.unwrap_or_default()).unwrap();
            (known.with_credentials(credentials), Arc::new(ByPart))
        }
        None => (known.admitting_anonymous(), Arc::new(Open)),
        Some(secret) => {
            agent.credentials = Some(Arc::new(ExecutorTokens::new(secret)));
            (known.with_tokens(TokenKey::new(secret)), Arc::new(ByPart))
        }
    };
    let setup = AgentServerSetup {
        agent,
        work_dir: parts.work.path().join("agent"),
        listener,
        tls: parts.material.as_ref().map(|material| ServerTls::new(material).unwrap()),
        authenticator,
        authorizer,
        insecure_executors: parts.secret.is_none() && parts.credentials.is_none(),
        firewall: Firewall::default(),
        limits: parts.limits,
        operator_rate_limits: parts.rate_limits.map(|limits| RateLimits::parse(limits).unwrap()),
        flags: vec![("a-flag".to_owned(), "of-the-agent".to_owned())],
        verbosity: Arc::new(Heard::default()),
        attached: Attached::default(),
    };
    AgentServer::start(setup).await.unwrap()
}

impl Rig {
    /// Where everybody may do anything.
    pub(crate) async fn new() -> Self {
        Self::with(None, None).await
    }

    /// Where executors prove who they are, and nobody else may do anything.
    pub(crate) async fn guarded() -> Self {
        Self::with(Some(Arc::new(Secret::random())), None).await
    }

    /// Where these are known, and may do what their kind does.
    pub(crate) async fn known(credentials: &'static str) -> Self {
        Self::with(None, Some(credentials)).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.parts.address
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.parts.work.path().join(name)
    }

    /// Where everybody may do anything, but so much at one time, and by principal so often.
    pub(crate) async fn limited(limits: Limits, rate_limits: Option<&'static str>) -> Self {
        let (mut parts, door) = Self::parts(None, None, None, ExecutorTransport::Http).await;
        (parts.limits, parts.rate_limits) = (limits, rate_limits);
        Self::begin(parts, door).await
    }

    async fn with(secret: Option<Arc<Secret>>, credentials: Option<&'static str>) -> Self {
        Self::with_tls(secret, credentials, None, ExecutorTransport::Http).await
    }

    /// Where executors prove who they are, and find a port of their own because the agent's speaks TLS with what this authority
    /// issues. They are told to speak like this.
    pub(crate) async fn guarded_by_tls(authority: &Authority, transport: ExecutorTransport) -> Self {
        Self::with_tls(Some(Arc::new(Secret::random())), None, Some(authority), transport).await
    }

    async fn with_tls(
        secret: Option<Arc<Secret>>,
        credentials: Option<&'static str>,
        authority: Option<&Authority>,
        transport: ExecutorTransport,
    ) -> Self {
        let (parts, door) = Self::parts(secret, credentials, authority, transport).await;
        Self::begin(parts, door).await
    }

    async fn parts(
        secret: Option<Arc<Secret>>,
        credentials: Option<&'static str>,
        authority: Option<&Authority>,
        transport: ExecutorTransport,
    ) -> (Parts, Door) {
        let work = Arc::new(tempfile::tempdir().unwrap());
        // Where the port of executors is remembered.
        std::fs::create_dir_all(work.path().join("agent")).unwrap();
        let directory = Directory::new();
        let door = directory.open("m:5050");
        let address = TcpListener::bind((own_host(), 0)).await.unwrap().local_addr().unwrap();
        let parts = Parts {
            directory,
            containers: Arc::new(Process::new(ProcessOptions::new(work.path())).unwrap()),
            checkpoints: Arc::new(MemoryStore::new()),
            address,
            term: 1,
            work,
            secret,
            credentials,
            material: authority.map(|authority| {
                let (identity, names) = (Identity::new(Part::Agent, "a1".parse().unwrap()), [address.ip().to_string()]);
                Arc::new(authority.material(&identity, &names, VALID_FOR_DEFAULT).unwrap())
            }),
            transport,
            limits: Limits::default(),
            rate_limits: None,
        };
        (parts, door)
    }

    async fn begin(parts: Parts, mut door: Door) -> Self {
        let server = start_agent(&parts).await;
        let stream = door.agents.recv().await.unwrap();
        let (outbound, inbound) = (Outbound::default(), Inbound::default());
        let expected = (parts.material.is_some(), Some(parts.address.ip()));
        let mut rig = Self { door, stream, outbound, inbound, server, parts, heard: BTreeSet::new() };
        let ToMaster::Register { info, .. } = rig.hear().await else { panic!("it has no id yet") };
        assert_eq!((info.has_tls, info.ip), expected);
        rig.say(ToAgent::Registered { agent_id: agent_id(), ping_timeout: Duration::from_secs(600) }).await;
        rig
    }

    /// The agent's process dies and another one takes its place; containers run on.
    pub(crate) async fn restart(mut self) -> Self {
        self.parts.term += 1;
        // Dropping it frees its port.
        self.server.leave().await;
        self.server = start_agent(&self.parts).await;
        self.stream = self.door.agents.recv().await.unwrap();
        (self.outbound, self.inbound) = (Outbound::default(), Inbound::default());
        assert!(matches!(self.hear().await, ToMaster::Reregister(_)));
        let ping_timeout = Duration::from_secs(600);
        self.say(ToAgent::Reregistered { agent_id: agent_id(), ping_timeout, missing: Vec::new() }).await;
        self
    }

    pub(crate) async fn hear(&mut self) -> ToMaster {
        let (seq, message) = self.stream.receiver.recv().await.unwrap();
        assert_eq!(self.inbound.arrive(seq), mesos_core::kernel::Arrival::InOrder);
        message
    }

    pub(crate) async fn say(&mut self, message: ToAgent) {
        self.stream.sender.send((self.outbound.next(), message)).await.unwrap();
    }

    pub(crate) async fn run(&mut self, task: TaskInfo) {
        let mut framework = FrameworkInfo::new("web", Role::new("web").unwrap());
        framework.id = Some(framework_id());
        self.run_for(framework, task).await;
    }

    /// Runs a task of this framework, which has an id and one role.
    pub(crate) async fn run_for(&mut self, framework: FrameworkInfo, task: TaskInfo) {
        let run = RunTask {
            framework_id: framework.id.clone().unwrap(),
            role: framework.roles.first().unwrap().clone(),
            framework: Arc::new(framework),
            task: Arc::new(task),
            may_start_executor: true,
        };
        self.say(ToAgent::Run(Box::new(run))).await;
    }

    /// The next status that is news, acknowledged.
    pub(crate) async fn next_status(&mut self) -> TaskStatus {
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

    pub(crate) async fn expect(&mut self, task: &str, states: &[TaskState]) {
        for state in states {
            let status = self.next_status().await;
            assert_eq!((status.task_id.as_str(), status.state), (task, *state), "{status:?}");
        }
    }
}

/// Takes a line from a pipe that somebody will write to.
pub(crate) async fn line_of(pipe: std::path::PathBuf) -> String {
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(pipe).unwrap());
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("nobody wrote").unwrap()
}
