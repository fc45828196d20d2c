//! An executor whose author takes what happens from a stream, and says what to do from anywhere.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::{Call, TaskUpdate};
use mesos_core::{ContainerId, Executor, ExecutorCx, Exit, Instant, KillPolicy, TaskId, TaskInfo, TaskState};
use tokio::sync::mpsc;

use super::environment::{EnvironmentError, ExecutorSetup};
use super::{ExecutorDriver, SAID_MAX};

/// Events that may wait for an author who takes them from a stream.
const EVENTS_MAX: usize = 4_096;

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
        self.ask(Call::Update(TaskUpdate::new(task.clone(), state))).await
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
        let driver = ExecutorDriver::new(setup, Bridge { events }).asked_by(asked);
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
