//! An executor's client of its agent's API, in protobuf: by requests of HTTP, or by gRPC.

mod grpc;
mod http;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::{Event, Said, Subscription};
use mesos_core::wire::convert::{
    ExecutorCall, ReservationForm, executor_call_to_wire, executor_event_from_wire, limits_to_wire, resources_to_wire,
};
use mesos_core::wire::v1;
use mesos_core::{
    CommandInfo, ContainerId, ContainerLimits, ExecutorId, Exit, FrameworkId, Rejection, RejectionCode, Resources,
    TaskInfo,
};
use v1::agent::call::{self, Type};

use self::grpc::GrpcLine;
use self::http::HttpLine;

/// An agent has this long to answer a call that is no stream.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest event: a group of many tasks.
const EVENT_BYTES_MAX: usize = 64 << 20;
/// The largest answer that is no stream.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Between attempts to ask again how a container ended.
const WAIT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How an executor speaks with its agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// `/api/v1/executor` of Mesos: a stream of records, and a request for everything that is said.
    #[default]
    Http,
    /// One stream of gRPC in both directions.
    Grpc,
}

/// Why an agent did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// It said why.
    #[error("{0}")]
    Rejected(Rejection),
    /// It could not be asked.
    #[error("{0}")]
    Unreachable(String),
}

fn unreachable(error: impl fmt::Display) -> Refused {
    Refused::Unreachable(error.to_string())
}

/// The ways.
#[derive(Debug)]
enum Line {
    Http(HttpLine),
    Grpc(GrpcLine),
}

/// Speaks with one agent for one executor.
#[derive(Debug)]
pub(super) struct AgentClient {
    framework_id: FrameworkId,
    executor_id: ExecutorId,
    line: Line,
}

/// What an agent tells a subscribed executor.
#[derive(Debug)]
pub(super) enum EventStream {
    Http(http::Records),
    Grpc(grpc::Events),
}

impl AgentClient {
    pub(super) fn new(
        framework_id: FrameworkId,
        executor_id: ExecutorId,
        endpoint: Arc<str>,
        token: Option<String>,
        transport: Transport,
    ) -> Self {
        let line = match transport {
            Transport::Http => Line::Http(HttpLine::new(endpoint, token)),
            Transport::Grpc => Line::Grpc(GrpcLine::new(endpoint, token)),
        };
        Self { framework_id, executor_id, line }
    }

    fn call(&self, call: &ExecutorCall, tasks: &[Arc<TaskInfo>]) -> v1::executor::Call {
        executor_call_to_wire(&self.framework_id, &self.executor_id, call, tasks)
    }

    /// Opens the stream of what the agent tells.
    pub(super) async fn subscribe(
        &self,
        subscription: Subscription,
        tasks: &[Arc<TaskInfo>],
    ) -> Result<EventStream, Refused> {
        let call = self.call(&ExecutorCall::Subscribe(subscription), tasks);
        Ok(match &self.line {
            Line::Http(line) => EventStream::Http(line.subscribe(&call).await?),
            Line::Grpc(line) => EventStream::Grpc(line.subscribe(call).await?),
        })
    }

    /// Says one thing; the agent has taken it when this returns.
    pub(super) async fn say(&self, said: Said) -> Result<(), Refused> {
        let call = self.call(&ExecutorCall::Said(said), &[]);
        match &self.line {
            Line::Http(line) => line.say(&call).await,
            Line::Grpc(line) => line.say(call).await,
        }
    }

    /// A call about a container, and its answer, which comes at once.
    async fn ask(&self, kind: Type, mut call: v1::agent::Call) -> Result<(), Refused> {
        call.set_type(kind);
        match &self.line {
            Line::Http(line) => line.ask(&call).await,
            Line::Grpc(line) => line.ask(call).await,
        }
    }

    /// A call about a container that is answered when that ends.
    async fn wait(&self, container_id: v1::ContainerId) -> Result<Exit, Refused> {
        let wait = call::WaitContainer { container_id };
        let mut call = v1::agent::Call { wait_container: Some(wait), ..Default::default() };
        call.set_type(Type::WaitContainer);
        let answer = match &self.line {
            Line::Http(line) => line.wait(&call).await,
            Line::Grpc(line) => line.wait(call).await,
        };
        answer.map(|answer| exit_of(answer.wait_container.and_then(|wait| wait.exit_status)))
    }

    fn container(own: &ContainerId, name: &ContainerId) -> v1::ContainerId {
        Self::beside(v1::ContainerId { value: own.as_str().to_owned(), parent: None }, name)
    }

    fn beside(parent: v1::ContainerId, name: &ContainerId) -> v1::ContainerId {
        v1::ContainerId { value: name.as_str().to_owned(), parent: Some(Box::new(parent)) }
    }

    /// Starts a container beside the executor's own; why not otherwise.
    pub(super) async fn launch_container(
        &self,
        own: &ContainerId,
        name: &ContainerId,
        command: &CommandInfo,
        resources: &Resources,
        limits: &ContainerLimits,
    ) -> Result<(), String> {
        let launch = call::LaunchContainer {
            container_id: Self::container(own, name),
            command: Some(command.into()),
            resources: resources_to_wire(resources, None, ReservationForm::Stack),
            limits: limits_to_wire(limits),
            ..Default::default()
        };
        let call = v1::agent::Call { launch_container: Some(launch), ..Default::default() };
        self.ask(Type::LaunchContainer, call).await.map_err(|refused| refused.to_string())
    }

    /// How a container ended. An agent that is away is asked again.
    pub(super) async fn wait_container(&self, own: &ContainerId, name: &ContainerId) -> Exit {
        loop {
            match self.wait(Self::container(own, name)).await {
                Ok(exit) => return exit,
                Err(Refused::Rejected(rejection)) if rejection.code != RejectionCode::NotReady => return Exit::Unknown,
                // It comes back, and then knows.
                Err(_) => tokio::time::sleep(WAIT_AGAIN_AFTER).await,
            }
        }
    }

    /// Runs a command beside a container of its own, where that began, to its end. Dropped before, it is ended.
    pub(super) async fn run_session(
        &self,
        own: &ContainerId,
        container: &ContainerId,
        name: &ContainerId,
        command: &CommandInfo,
    ) -> Result<Exit, Refused> {
        let id = Self::beside(Self::container(own, container), name);
        let launch = call::LaunchNestedContainerSession {
            container_id: id.clone(),
            command: Some(command.into()),
            ..Default::default()
        };
        let mut call = v1::agent::Call { launch_nested_container_session: Some(launch), ..Default::default() };
        call.set_type(Type::LaunchNestedContainerSession);
        // What it writes is of no interest; the output ends with it.
        match &self.line {
            Line::Http(line) => line.hear_out(&call).await?,
            Line::Grpc(line) => line.hear_out(call).await?,
        }
        let exit = self.wait(id.clone()).await?;
        // Otherwise the agent remembers it for as long as the container it ran beside.
        let remove = call::RemoveContainer { container_id: id };
        let call = v1::agent::Call { remove_container: Some(remove), ..Default::default() };
        self.ask(Type::RemoveContainer, call).await?;
        Ok(exit)
    }

    /// Sends a signal to a container; one that is gone is no concern any more.
    pub(super) async fn kill_container(&self, own: &ContainerId, name: &ContainerId, signal: i32) {
        let kill = call::KillContainer { container_id: Self::container(own, name), signal: Some(signal) };
        let call = v1::agent::Call { kill_container: Some(kill), ..Default::default() };
        if let Err(problem) = self.ask(Type::KillContainer, call).await {
            tracing::debug!(%problem, container = %name, "a container was not signalled");
        }
    }
}

impl EventStream {
    /// The next event; nothing when the stream is over.
    pub(super) async fn next(&mut self, grace: Duration) -> Option<Event> {
        loop {
            let event = match self {
                Self::Http(records) => records.next().await?,
                Self::Grpc(events) => events.next().await?,
            };
            match executor_event_from_wire(event, grace) {
                Ok(Some(event)) => return Some(event),
                // A newer agent's.
                Ok(None) => {}
                Err(problem) => {
                    tracing::warn!(%problem, "an event cannot be read");
                    return None;
                }
            }
        }
    }
}

/// What kind of refusal it is: what asking again cannot change is told from what it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NotReady,
    NotYours,
    NotFound,
    Other,
}

/// A refusal as agents write them: the words say more than the kind.
fn rejected(kind: Kind, status: impl fmt::Display, text: &str) -> Refused {
    let code = match kind {
        Kind::NotReady => RejectionCode::NotReady,
        Kind::NotYours if text.starts_with("not_subscribed") => RejectionCode::NotSubscribed,
        Kind::NotYours => RejectionCode::NotYours,
        Kind::NotFound => RejectionCode::UnknownContainer,
        Kind::Other if text.starts_with("unknown_framework") => RejectionCode::UnknownFramework,
        Kind::Other if text.starts_with("unknown_executor") => RejectionCode::UnknownExecutor,
        Kind::Other => RejectionCode::InvalidTask,
    };
    Refused::Rejected(Rejection::new(code, format!("{status}: {text}"), "see the agent's words"))
}

/// How a process ended, by its wait status.
fn exit_of(status: Option<i32>) -> Exit {
    match status {
        Some(status) if status & 0x7f == 0 && status >= 0 => Exit::Status((status >> 8) & 0xff),
        Some(status) if status > 0 => Exit::Signalled(status & 0x7f),
        _ => Exit::Unknown,
    }
}
