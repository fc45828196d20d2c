//! An executor's client of its agent's API, in protobuf.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mesos_core::call::executor::{Event, Said, Subscription};
use mesos_core::net::http::{Media, PROTOBUF, decode, encode};
use mesos_core::wire::convert::{
    ExecutorCall, ReservationForm, executor_call_to_wire, executor_event_from_wire, resources_to_wire,
};
use mesos_core::wire::record_io::Decoder;
use mesos_core::wire::v1;
use mesos_core::{
    CommandInfo, ContainerId, ExecutorId, Exit, FrameworkId, Rejection, RejectionCode, Resources, TaskInfo,
};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// An agent has this long to answer a call that is no stream.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest event: a group of many tasks.
const EVENT_BYTES_MAX: usize = 64 << 20;
/// The largest answer that is no stream.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Between attempts to ask again how a container ended.
const WAIT_AGAIN_AFTER: Duration = Duration::from_secs(1);

type Sender = SendRequest<Full<Bytes>>;

/// Why an agent did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::daemon) enum Refused {
    /// It said why.
    #[error("{0}")]
    Rejected(Rejection),
    /// It could not be asked.
    #[error("{0}")]
    Unreachable(String),
}

fn unreachable(error: impl std::fmt::Display) -> Refused {
    Refused::Unreachable(error.to_string())
}

/// Speaks with one agent for one executor.
pub(in crate::daemon) struct AgentClient {
    framework_id: FrameworkId,
    executor_id: ExecutorId,
    endpoint: Arc<str>,
    token: Option<String>,
    /// The connection calls are sent on, one after the other.
    calls: Mutex<Option<Sender>>,
}

impl std::fmt::Debug for AgentClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentClient").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What an agent tells a subscribed executor.
#[derive(Debug)]
pub(in crate::daemon) struct EventStream {
    body: Incoming,
    decoder: Decoder,
    /// The connection, which ends with it.
    _sender: Sender,
}

impl AgentClient {
    pub(in crate::daemon) fn new(
        framework_id: FrameworkId,
        executor_id: ExecutorId,
        endpoint: Arc<str>,
        token: Option<String>,
    ) -> Self {
        Self { framework_id, executor_id, endpoint, token, calls: Mutex::new(None) }
    }

    async fn connect(&self) -> Result<Sender, Refused> {
        let connecting = TcpStream::connect(&*self.endpoint);
        let stream = tokio::time::timeout(ANSWER_TIMEOUT, connecting).await.map_err(unreachable)?;
        let stream = stream.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the agent ended");
            }
        });
        Ok(sender)
    }

    fn request(&self, path: &str, body: Vec<u8>) -> Result<Request<Full<Bytes>>, Refused> {
        let mut request =
            Request::post(path).header(HOST, &*self.endpoint).header(CONTENT_TYPE, PROTOBUF).header(ACCEPT, PROTOBUF);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        request.body(Full::new(body.into())).map_err(unreachable)
    }

    /// Opens the stream of what the agent tells.
    pub(in crate::daemon) async fn subscribe(
        &self,
        subscription: Subscription,
        tasks: &[Arc<TaskInfo>],
    ) -> Result<EventStream, Refused> {
        let call = ExecutorCall::Subscribe(subscription);
        let call = executor_call_to_wire(&self.framework_id, &self.executor_id, &call, tasks);
        let request = self.request("/api/v1/executor", encode(Media::Protobuf, &call))?;
        let mut sender = self.connect().await?;
        let response = tokio::time::timeout(ANSWER_TIMEOUT, sender.send_request(request)).await;
        let response = response.map_err(unreachable)?.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(refusal(response).await);
        }
        Ok(EventStream { body: response.into_body(), decoder: Decoder::new(EVENT_BYTES_MAX), _sender: sender })
    }

    /// Says one thing, on a connection that is kept.
    pub(in crate::daemon) async fn say(&self, said: Said) -> Result<(), Refused> {
        let call = executor_call_to_wire(&self.framework_id, &self.executor_id, &ExecutorCall::Said(said), &[]);
        let body = encode(Media::Protobuf, &call);
        self.ask("/api/v1/executor", body).await.map(drop)
    }

    /// One call and its answer.
    async fn ask(&self, path: &str, body: Vec<u8>) -> Result<Vec<u8>, Refused> {
        let mut calls = self.calls.lock().await;
        let kept = calls.take().filter(|sender| !sender.is_closed());
        let was_kept = kept.is_some();
        let mut sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let mut answered = self.exchange(&mut sender, path, body.clone()).await;
        // A kept connection may have ended in the very moment it was used.
        if was_kept && matches!(answered, Err(Refused::Unreachable(_))) {
            sender = self.connect().await?;
            answered = self.exchange(&mut sender, path, body).await;
        }
        if !matches!(answered, Err(Refused::Unreachable(_))) {
            *calls = Some(sender);
        }
        answered
    }

    async fn exchange(&self, sender: &mut Sender, path: &str, body: Vec<u8>) -> Result<Vec<u8>, Refused> {
        let request = self.request(path, body)?;
        let exchange = async {
            sender.ready().await.map_err(unreachable)?;
            let response = sender.send_request(request).await.map_err(unreachable)?;
            if !response.status().is_success() {
                return Err(refusal(response).await);
            }
            bounded(response.into_body()).await
        };
        tokio::time::timeout(ANSWER_TIMEOUT, exchange).await.map_err(unreachable)?
    }

    fn container(own: &ContainerId, name: &ContainerId) -> v1::ContainerId {
        Self::beside(own.as_str().to_owned(), name)
    }

    fn beside(parent: String, name: &ContainerId) -> v1::ContainerId {
        let parent = v1::ContainerId { value: parent, parent: None };
        v1::ContainerId { value: name.as_str().to_owned(), parent: Some(Box::new(parent)) }
    }

    /// Starts a container beside the executor's own; why not otherwise.
    pub(in crate::daemon) async fn launch_container(
        &self,
        own: &ContainerId,
        name: &ContainerId,
        command: &CommandInfo,
        resources: &Resources,
    ) -> Result<(), String> {
        let mut call = v1::agent::Call::default();
        call.set_type(v1::agent::call::Type::LaunchContainer);
        call.launch_container = Some(v1::agent::call::LaunchContainer {
            container_id: Self::container(own, name),
            command: Some(command.into()),
            resources: resources_to_wire(resources, None, ReservationForm::Stack),
            ..Default::default()
        });
        let asked = self.ask("/api/v1", encode(Media::Protobuf, &call)).await;
        asked.map(drop).map_err(|refused| refused.to_string())
    }

    /// Runs a command beside a container of its own, where that began, to its end. Dropped before, it is ended.
    pub(in crate::daemon) async fn run_session(
        &self,
        own: &ContainerId,
        container: &ContainerId,
        name: &ContainerId,
        command: &CommandInfo,
    ) -> Result<Exit, Refused> {
        let id = Self::beside(format!("{own}.{container}"), name);
        let mut call = v1::agent::Call::default();
        call.set_type(v1::agent::call::Type::LaunchNestedContainerSession);
        call.launch_nested_container_session = Some(v1::agent::call::LaunchNestedContainerSession {
            container_id: id.clone(),
            command: Some(command.into()),
            ..Default::default()
        });
        let mut sender = self.connect().await?;
        let request = self.request("/api/v1", encode(Media::Protobuf, &call))?;
        let response = sender.send_request(request).await.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(refusal(response).await);
        }
        // What it writes is of no interest; the output ends with it.
        let mut output = response.into_body();
        while let Some(frame) = output.frame().await {
            frame.map_err(unreachable)?;
        }
        let mut call = v1::agent::Call::default();
        call.set_type(v1::agent::call::Type::WaitContainer);
        call.wait_container = Some(v1::agent::call::WaitContainer { container_id: id.clone() });
        let exit = exit_of(self.wait_once(encode(Media::Protobuf, &call)).await?);
        let mut call = v1::agent::Call::default();
        call.set_type(v1::agent::call::Type::RemoveContainer);
        call.remove_container = Some(v1::agent::call::RemoveContainer { container_id: id });
        // Otherwise the agent remembers it for as long as the container it ran beside.
        self.ask("/api/v1", encode(Media::Protobuf, &call)).await?;
        Ok(exit)
    }

    /// How a container ended. An agent that is away is asked again.
    pub(in crate::daemon) async fn wait_container(&self, own: &ContainerId, name: &ContainerId) -> Exit {
        let mut call = v1::agent::Call::default();
        call.set_type(v1::agent::call::Type::WaitContainer);
        call.wait_container = Some(v1::agent::call::WaitContainer { container_id: Self::container(own, name) });
        let body = encode(Media::Protobuf, &call);
        loop {
            match self.wait_once(body.clone()).await {
                Ok(status) => return exit_of(status),
                Err(Refused::Rejected(rejection)) if rejection.code != RejectionCode::NotReady => return Exit::Unknown,
                // It comes back, and then knows.
                Err(_) => tokio::time::sleep(WAIT_AGAIN_AFTER).await,
            }
        }
    }

    async fn wait_once(&self, body: Vec<u8>) -> Result<Option<i32>, Refused> {
        let mut sender = self.connect().await?;
        let request = self.request("/api/v1", body)?;
        let response = sender.send_request(request).await.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(refusal(response).await);
        }
        let bytes = bounded(response.into_body()).await?;
        let answer: v1::agent::Response = decode(Media::Protobuf, &bytes).map_err(unreachable)?;
        Ok(answer.wait_container.and_then(|wait| wait.exit_status))
    }

    /// Sends a signal to a container; one that is gone is no concern any more.
    pub(in crate::daemon) async fn kill_container(&self, own: &ContainerId, name: &ContainerId, signal: i32) {
        let mut call = v1::agent::Call::default();
        call.set_type(v1::agent::call::Type::KillContainer);
        call.kill_container =
            Some(v1::agent::call::KillContainer { container_id: Self::container(own, name), signal: Some(signal) });
        if let Err(problem) = self.ask("/api/v1", encode(Media::Protobuf, &call)).await {
            tracing::debug!(%problem, container = %name, "a container was not signalled");
        }
    }
}

impl EventStream {
    /// The next event; nothing when the stream is over.
    pub(in crate::daemon) async fn next(&mut self, grace: Duration) -> Option<Event> {
        loop {
            match self.decoder.next_record() {
                Err(error) => {
                    tracing::warn!(%error, "the agent's stream cannot be read");
                    return None;
                }
                Ok(Some(record)) => match read_event(&record, grace) {
                    Ok(Some(event)) => return Some(event),
                    // A newer agent's.
                    Ok(None) => continue,
                    Err(problem) => {
                        tracing::warn!(problem, "an event cannot be read");
                        return None;
                    }
                },
                Ok(None) => {}
            }
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(part) = frame.into_data() {
                        self.decoder.feed(&part);
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "the agent's stream broke");
                    return None;
                }
            }
        }
    }
}

fn read_event(record: &[u8], grace: Duration) -> Result<Option<Event>, String> {
    let event: v1::executor::Event = decode(Media::Protobuf, record).map_err(|refusal| refusal.to_string())?;
    executor_event_from_wire(event, grace).map_err(|rejection| rejection.to_string())
}

async fn bounded(mut body: Incoming) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(part) = frame.map_err(unreachable)?.into_data() {
            if bytes.len() + part.len() > ANSWER_BYTES_MAX {
                return Err(Refused::Unreachable("the answer is too long".into()));
            }
            bytes.extend_from_slice(&part);
        }
    }
    Ok(bytes)
}

/// An answer that is none: what asking again cannot change is a rejection.
async fn refusal(response: Response<Incoming>) -> Refused {
    let status = response.status();
    let text = bounded(response.into_body()).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let code = match status {
        StatusCode::SERVICE_UNAVAILABLE => RejectionCode::NotReady,
        StatusCode::FORBIDDEN if text.starts_with("not_subscribed") => RejectionCode::NotSubscribed,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RejectionCode::NotYours,
        StatusCode::NOT_FOUND => RejectionCode::UnknownContainer,
        _ if text.starts_with("unknown_framework") => RejectionCode::UnknownFramework,
        _ if text.starts_with("unknown_executor") => RejectionCode::UnknownExecutor,
        _ => RejectionCode::InvalidTask,
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
