//! Hosts an executor that is a process of its own: finds its agent in the environment and speaks the v1 API with it.

use std::collections::VecDeque;
use std::env;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::{Call, Event, Said, Subscribed, Subscription};
use mesos_core::daemon::{Ended, Flow, Host, Inbox, SystemClock, Task, World, entropy, inbox};
use mesos_core::kernel::Rng;
use mesos_core::{
    Clock, ContainerId, Executor, ExecutorCx, ExecutorId, Exit, FrameworkId, Instant, KillPolicy, TaskId, TaskInfo,
    TaskState,
};
use tokio::sync::mpsc;

use super::agent::TOKEN_VARIABLE;
use super::http::client::{AgentClient, Refused};
use crate::driver::{Contained, Driver, Effect, Input, Options, StopReason};

/// Calls that may wait to be sent.
const SAID_MAX: usize = 4_096;
/// Events that may wait for an author who takes them from a stream.
const EVENTS_MAX: usize = 4_096;
/// What was said last has this long to reach the agent before the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Who an executor is and where its agent is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecutorSetup {
    /// Whose executor it is.
    pub framework_id: FrameworkId,
    /// Which one.
    pub executor_id: ExecutorId,
    /// Where its agent listens, as `host:port`.
    pub endpoint: Arc<str>,
    /// What proves who it is.
    token: Option<Token>,
    /// How it behaves.
    pub options: Options,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The seed of its randomness.
    pub seed: u64,
}

/// What never prints.
#[derive(Clone)]
struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A variable an agent sets is missing or unreadable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {name}: {problem}; executors are started by an agent, which sets it")]
pub struct EnvironmentError {
    /// Which.
    pub name: &'static str,
    /// What is wrong.
    pub problem: String,
}

impl ExecutorSetup {
    /// An executor without checkpoints, with default options.
    #[must_use]
    pub fn new(framework_id: FrameworkId, executor_id: ExecutorId, endpoint: impl Into<Arc<str>>) -> Self {
        Self {
            framework_id,
            executor_id,
            endpoint: endpoint.into(),
            token: None,
            options: Options::default(),
            clock: Arc::new(SystemClock::new()),
            seed: entropy(),
        }
    }

    /// What the agent set in the environment of this process.
    ///
    /// # Errors
    /// Names the variable that is missing or unreadable.
    pub fn from_env() -> Result<Self, EnvironmentError> {
        Self::read(|name| env::var(name).ok())
    }

    fn read(get: impl Fn(&'static str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let need = |name| get(name).ok_or_else(|| EnvironmentError { name, problem: "it is not set".into() });
        let wrong = |name, problem: String| EnvironmentError { name, problem };
        let framework_id = need("MESOS_FRAMEWORK_ID")?;
        let framework_id = FrameworkId::new(framework_id).map_err(|e| wrong("MESOS_FRAMEWORK_ID", e.to_string()))?;
        let executor_id = need("MESOS_EXECUTOR_ID")?;
        let executor_id = ExecutorId::new(executor_id).map_err(|e| wrong("MESOS_EXECUTOR_ID", e.to_string()))?;
        let mut setup = Self::new(framework_id, executor_id, need("MESOS_AGENT_ENDPOINT")?);
        let time = |name: &'static str, default: Duration| match get(name) {
            None => Ok(default),
            Some(text) => duration(&text).ok_or_else(|| wrong(name, format!("{text:?} is no time such as 5secs"))),
        };
        let options = &mut setup.options;
        options.checkpoint = get("MESOS_CHECKPOINT").as_deref() == Some("1");
        options.recovery_timeout = time("MESOS_RECOVERY_TIMEOUT", options.recovery_timeout)?;
        options.backoff_max = time("MESOS_SUBSCRIPTION_BACKOFF_MAX", options.backoff_max)?;
        options.shutdown_grace = time("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", options.shutdown_grace)?;
        setup.token = get(TOKEN_VARIABLE).map(Token);
        Ok(setup)
    }
}

/// A time as agents write it: `5secs`, `1.5mins`.
fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..end].parse().ok()?;
    let unit = match &text[end..] {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" => 1e-3,
        "secs" => 1.0,
        "mins" => 60.0,
        "hrs" => 3_600.0,
        "days" => 86_400.0,
        "weeks" => 604_800.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * unit).ok()
}

/// What a driver's world is told.
#[derive(Debug)]
enum Arrival {
    Heard { attempt: u64, event: Event },
    Lost { attempt: u64, refused: Option<mesos_core::Rejection> },
    Contained { container: ContainerId, outcome: Contained },
    Asked(Call),
}

/// Performs a driver's effects.
#[derive(Debug)]
struct ExecutorWorld {
    inbox: Inbox<Driver, Arrival>,
    client: Arc<AgentClient>,
    grace: Duration,
    /// The subscription that stands or is under way.
    stream: Option<Task>,
    said: mpsc::Sender<Said>,
    /// The executor's own container, once the agent has said which.
    own: Option<ContainerId>,
    containers: Vec<Task>,
    stopped: Option<StopReason>,
}

impl ExecutorWorld {
    fn subscribe(&mut self, attempt: u64, subscription: Subscription, tasks: Vec<Arc<TaskInfo>>) {
        let (client, inbox, grace) = (self.client.clone(), self.inbox.clone(), self.grace);
        self.stream = Some(Task::spawn(async move {
            let refused = match client.subscribe(subscription, &tasks).await {
                Ok(mut stream) => {
                    while let Some(event) = stream.next(grace).await {
                        if !inbox.send(Arrival::Heard { attempt, event }).await {
                            return;
                        }
                    }
                    None
                }
                Err(Refused::Rejected(rejection)) => Some(rejection),
                Err(Refused::Unreachable(problem)) => {
                    tracing::debug!(problem, "the agent cannot be reached");
                    None
                }
            };
            inbox.send(Arrival::Lost { attempt, refused }).await;
        }));
    }

    fn contain(&mut self, container: ContainerId, command: mesos_core::CommandInfo, resources: mesos_core::Resources) {
        let (client, inbox, own) = (self.client.clone(), self.inbox.clone(), self.own.clone());
        self.containers.retain(|task| !task.is_finished());
        self.containers.push(Task::spawn(async move {
            let say = async |outcome| inbox.send(Arrival::Contained { container: container.clone(), outcome }).await;
            let Some(own) = own else {
                say(Err("the executor is not subscribed yet".into())).await;
                return;
            };
            if let Err(problem) = client.launch_container(&own, &container, &command, &resources).await {
                say(Err(problem.into())).await;
                return;
            }
            say(Ok(None)).await;
            let exit = client.wait_container(&own, &container).await;
            say(Ok(Some(exit))).await;
        }));
    }

    fn end_container(&mut self, container: ContainerId, signal: i32) {
        let (client, own) = (self.client.clone(), self.own.clone());
        self.containers.push(Task::spawn(async move {
            if let Some(own) = own {
                client.kill_container(&own, &container, signal).await;
            }
        }));
    }
}

impl World<Driver> for ExecutorWorld {
    type Arrival = Arrival;

    fn admit(&mut self, arrival: Arrival) -> Option<Input> {
        Some(match arrival {
            Arrival::Heard { attempt, event } => Input::Heard { attempt, event },
            Arrival::Lost { attempt, refused } => Input::Lost { attempt, refused },
            Arrival::Contained { container, outcome } => Input::Contained { container, outcome },
            Arrival::Asked(call) => Input::Asked { call },
        })
    }

    fn perform(&mut self, effect: Effect, _: &mut VecDeque<Input>) -> Flow {
        const SIGTERM: i32 = 15;
        const SIGKILL: i32 = 9;
        match effect {
            Effect::Subscribe { attempt, subscription, tasks } => self.subscribe(attempt, subscription, tasks),
            Effect::Subscribed { subscribed } => {
                let Subscribed { agent_id, container_id, .. } = *subscribed;
                tracing::info!(%agent_id, %container_id, "subscribed");
                self.own = Some(container_id);
            }
            Effect::Say { said } => {
                // What does not fit is an update that comes again with the next subscription, or a message that is lost.
                if self.said.try_send(said).is_err() {
                    tracing::warn!("the agent is too slow for what this executor says");
                    self.stream = None;
                }
            }
            Effect::Launch { container, command, resources, .. } => self.contain(container, command, resources),
            Effect::Signal { container, signal } => {
                let number = if signal == mesos_core::Signal::Terminate { SIGTERM } else { SIGKILL };
                self.end_container(container, number);
            }
            Effect::Destroy { container } => self.end_container(container, SIGKILL),
            Effect::Stop { why } => {
                self.stopped = Some(why);
                return Flow::Stop;
            }
        }
        Flow::Continue
    }
}

/// Runs an author's executor as this process.
///
/// ```no_run
/// # use mesos_exec::daemon::ExecutorDriver;
/// # use mesos_exec::executor::Command;
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let why = ExecutorDriver::from_env(Command::new(false))?.run().await;
/// println!("{why}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ExecutorDriver {
    setup: ExecutorSetup,
    driver: Driver,
    /// Calls of an author who does not live inside the driver.
    asked: Option<mpsc::Receiver<Call>>,
}

impl ExecutorDriver {
    /// A driver for this executor, of the agent that started this process.
    ///
    /// # Errors
    /// [`EnvironmentError`] when no agent did.
    pub fn from_env(executor: impl Executor + 'static) -> Result<Self, EnvironmentError> {
        Ok(Self::new(ExecutorSetup::from_env()?, executor))
    }

    /// A driver for this executor.
    #[must_use]
    pub fn new(setup: ExecutorSetup, executor: impl Executor + 'static) -> Self {
        let driver = Driver::new(setup.options.clone(), Box::new(executor));
        Self { setup, driver, asked: None }
    }

    /// Runs the executor until it ends, and says why it did. Must be called inside a tokio runtime.
    pub async fn run(self) -> StopReason {
        let Self { setup, driver, asked } = self;
        let client = AgentClient::new(
            setup.framework_id.clone(),
            setup.executor_id.clone(),
            setup.endpoint.clone(),
            setup.token.map(|token| token.0),
        );
        let client = Arc::new(client);
        let (inbox, mailbox) = inbox();
        let (said, waiting) = mpsc::channel(SAID_MAX);
        let speaking = Task::spawn(speak(client.clone(), waiting));
        let _asking = asked.map(|asked| Task::spawn(pass_on(asked, inbox.clone())));
        let world = ExecutorWorld {
            inbox: inbox.clone(),
            client,
            grace: setup.options.shutdown_grace,
            stream: None,
            said,
            own: None,
            containers: Vec::new(),
            stopped: None,
        };
        let host = Host::new(driver, world, mailbox, setup.clock, Rng::new(setup.seed));
        let ended = host.spawn(inbox, Input::Started).join().await;
        let why = match ended {
            Ok(Ended { world, .. }) => world.stopped.clone(),
            Err(error) => {
                tracing::error!(%error, "the executor panicked");
                None
            }
        };
        // The sender is gone with the world: what is left is said, and then the speaker ends.
        let _ = tokio::time::timeout(FLUSH_TIMEOUT, speaking.join()).await;
        why.unwrap_or(StopReason::OutOfTime)
    }
}

/// Says one thing after the other.
async fn speak(client: Arc<AgentClient>, mut waiting: mpsc::Receiver<Said>) {
    while let Some(said) = waiting.recv().await {
        if let Err(problem) = client.say(said).await {
            tracing::warn!(%problem, "the agent did not take what was said");
        }
    }
}

async fn pass_on(mut asked: mpsc::Receiver<Call>, inbox: Inbox<Driver, Arrival>) {
    while let Some(call) = asked.recv().await {
        if !inbox.send(Arrival::Asked(call)).await {
            return;
        }
    }
}

/// What happens to an executor, for an author who takes it from a stream.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ExecutorEvent {
    /// Run this.
    Launch(Arc<TaskInfo>),
    /// Run these, which share their fate.
    LaunchGroup(Vec<Arc<TaskInfo>>),
    /// End this task.
    Kill(TaskId, KillPolicy),
    /// A container that was asked for runs.
    Launched(ContainerId),
    /// A container that was asked for ended, or could not be started.
    Exited(ContainerId, Result<Exit, Arc<str>>),
    /// The agent has taken over an update of this task.
    Acknowledged(TaskId),
    /// Bytes from the framework.
    Message(Arc<[u8]>),
    /// End everything within this time, and say [`Call::Exit`].
    Shutdown(Duration),
}

/// The events of an executor, in order. An author who leaves more than a few thousand of them lying is ended.
pub type ExecutorEvents = mpsc::Receiver<ExecutorEvent>;

/// What an author who lives outside of the driver asks with. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct ExecutorHandle(mpsc::Sender<Call>);

impl ExecutorHandle {
    /// Asks for something; whether the executor still runs.
    pub async fn ask(&self, call: Call) -> bool {
        self.0.send(call).await.is_ok()
    }

    /// Reports a task's state.
    pub async fn report(&self, task: &TaskId, state: TaskState) -> bool {
        self.ask(Call::Update(mesos_core::call::executor::TaskUpdate::new(task.clone(), state))).await
    }
}

/// An executor whose author wants a stream of events and says what to do from anywhere.
///
/// ```no_run
/// # use mesos_exec::daemon::{ExecutorEvent, ExecutorStream};
/// # use mesos_core::TaskState;
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let (stream, mut events, handle) = ExecutorStream::from_env()?;
/// let driver = tokio::spawn(stream.run());
/// while let Some(event) = events.recv().await {
///     if let ExecutorEvent::Launch(task) = event {
///         handle.report(&task.id, TaskState::Finished).await;
///     }
/// }
/// println!("{}", driver.await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ExecutorStream;

impl ExecutorStream {
    /// A driver of the agent that started this process, its events, and what to ask it with.
    ///
    /// # Errors
    /// [`EnvironmentError`] when no agent did.
    pub fn from_env() -> Result<(ExecutorDriver, ExecutorEvents, ExecutorHandle), EnvironmentError> {
        Ok(Self::open(ExecutorSetup::from_env()?))
    }

    /// A driver, its events, and what to ask it with.
    #[must_use]
    pub fn open(setup: ExecutorSetup) -> (ExecutorDriver, ExecutorEvents, ExecutorHandle) {
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        let (calls, asked) = mpsc::channel(SAID_MAX);
        let mut driver = ExecutorDriver::new(setup, Bridge { events });
        driver.asked = Some(asked);
        (driver, receiver, ExecutorHandle(calls))
    }
}

/// Passes everything on to an author outside.
#[derive(Debug)]
struct Bridge {
    events: mpsc::Sender<ExecutorEvent>,
}

impl Bridge {
    /// An author who does not listen any more, or not fast enough, is as good as one who has ended.
    fn pass(&self, cx: &mut ExecutorCx<'_>, event: ExecutorEvent) {
        if self.events.try_send(event).is_err() {
            cx.emit(Call::Exit);
        }
    }
}

impl Executor for Bridge {
    fn launch(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        for task in tasks {
            self.pass(cx, ExecutorEvent::Launch(task));
        }
    }

    fn launch_group(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        self.pass(cx, ExecutorEvent::LaunchGroup(tasks));
    }

    fn kill(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, policy: KillPolicy) {
        self.pass(cx, ExecutorEvent::Kill(task.clone(), policy));
    }

    fn launched(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId) {
        self.pass(cx, ExecutorEvent::Launched(container.clone()));
    }

    fn exited(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId, exit: Result<Exit, Arc<str>>) {
        self.pass(cx, ExecutorEvent::Exited(container.clone(), exit));
    }

    fn shutdown(&mut self, cx: &mut ExecutorCx<'_>, grace: Duration) {
        self.pass(cx, ExecutorEvent::Shutdown(grace));
    }

    fn recovered(&mut self, _: &mut ExecutorCx<'_>, _: Vec<(Arc<TaskInfo>, TaskState)>, _: &[ContainerId]) {}

    fn acknowledged(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId) {
        self.pass(cx, ExecutorEvent::Acknowledged(task.clone()));
    }

    fn message(&mut self, cx: &mut ExecutorCx<'_>, data: &[u8]) {
        self.pass(cx, ExecutorEvent::Message(data.into()));
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Result<ExecutorSetup, EnvironmentError> {
        ExecutorSetup::read(|name| pairs.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned()))
    }

    const WHO: [(&str, &str); 3] =
        [("MESOS_FRAMEWORK_ID", "f1"), ("MESOS_EXECUTOR_ID", "e1"), ("MESOS_AGENT_ENDPOINT", "127.0.0.1:5051")];

    #[test]
    fn an_executor_finds_everything_in_its_environment() {
        let more = [
            ("MESOS_CHECKPOINT", "1"),
            ("MESOS_RECOVERY_TIMEOUT", "15mins"),
            ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
            ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "1.5secs"),
            ("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "sesame"),
        ];
        let setup = read(&[&WHO[..], &more].concat()).unwrap();
        assert!(setup.options.checkpoint);
        assert_eq!(setup.options.recovery_timeout, Duration::from_secs(900));
        assert_eq!(setup.options.shutdown_grace, Duration::from_millis(1_500));
        assert!(!format!("{setup:?}").contains("sesame"), "a secret never prints");
        assert!(!read(&WHO).unwrap().options.checkpoint);
    }

    #[test]
    fn what_is_missing_or_unreadable_is_named() {
        for (name, _) in WHO {
            let rest: Vec<_> = WHO.into_iter().filter(|(own, _)| *own != name).collect();
            assert_eq!(read(&rest).unwrap_err().name, name);
        }
        let bad = [&WHO[..], &[("MESOS_RECOVERY_TIMEOUT", "soon")]].concat();
        assert_eq!(read(&bad).unwrap_err().name, "MESOS_RECOVERY_TIMEOUT");
    }
}
