//! By gRPC: one stream for everything that an executor says and is told, and calls beside it.

use std::collections::VecDeque;
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesos_core::net::grpc::proto::kernel::agent_client::AgentClient;
use mesos_core::net::grpc::proto::kernel::agent_operator_client::AgentOperatorClient;
use mesos_core::net::grpc::proto::kernel::{ExecutorMessage, executor_message};
use mesos_core::net::grpc::tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use mesos_core::net::grpc::tonic::transport::Channel;
use mesos_core::net::grpc::tonic::{Code, Status, Streaming};
use mesos_core::net::grpc::{Dialer, channel};
use mesos_core::net::http::axum::http::HeaderValue;
use mesos_core::wire::v1;
use tokio::sync::{mpsc, oneshot};

use super::{ANSWER_BYTES_MAX, ANSWER_TIMEOUT, EVENT_BYTES_MAX, Kind, Refused, rejected, unreachable};

/// Calls that may wait for the connection. Each is said after the one before was answered, so few ever do.
const CALLS_WAITING_MAX: usize = 16;

type Answer = Result<(), Refused>;

/// A connection to one agent, and the stream that stands on it.
pub(super) struct GrpcLine {
    endpoint: Arc<str>,
    dialer: Dialer,
    /// Made when it is needed first; it connects again by itself.
    channel: tokio::sync::Mutex<Option<Channel>>,
    /// The newest stream.
    spoken: Mutex<Spoken>,
}

impl fmt::Debug for GrpcLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcLine").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// The half of a stream by which things are said, while it stands. Clones share it: the other half ends it.
#[derive(Debug, Clone, Default)]
struct Spoken(Arc<Mutex<Option<Half>>>);

#[derive(Debug)]
struct Half {
    calls: mpsc::Sender<v1::executor::Call>,
    /// Who waits for answers, in the order of calls.
    unanswered: VecDeque<oneshot::Sender<Answer>>,
}

impl Spoken {
    fn lock(&self) -> MutexGuard<'_, Option<Half>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GrpcLine {
    pub(super) fn new(endpoint: Arc<str>, token: Option<String>) -> Self {
        let credential = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
        let dialer = credential.into_iter().fold(Dialer::plaintext(), Dialer::with_credential);
        Self { endpoint, dialer, channel: tokio::sync::Mutex::default(), spoken: Mutex::default() }
    }

    async fn channel(&self) -> Result<Channel, Refused> {
        let mut kept = self.channel.lock().await;
        if let Some(channel) = &*kept {
            return Ok(channel.clone());
        }
        let made = channel(&self.dialer, &self.endpoint).await.map_err(unreachable)?;
        *kept = Some(made.clone());
        Ok(made)
    }

    pub(super) async fn subscribe(&self, call: v1::executor::Call) -> Result<Events, Refused> {
        let mut client = AgentClient::new(self.channel().await?).max_decoding_message_size(EVENT_BYTES_MAX);
        let (calls, waiting) = mpsc::channel(CALLS_WAITING_MAX);
        calls.try_send(call).map_err(unreachable)?;
        let request = self.dialer.request(ReceiverStream::new(waiting));
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, client.connect_executor(request)).await;
        let messages = answered.map_err(unreachable)?.map_err(|status| refusal(&status))?.into_inner();
        let spoken = Spoken::default();
        *spoken.lock() = Some(Half { calls, unanswered: VecDeque::new() });
        *self.spoken.lock().unwrap_or_else(PoisonError::into_inner) = spoken.clone();
        Ok(Events { messages, spoken })
    }

    /// Says one thing on the stream that stands.
    pub(super) async fn say(&self, call: v1::executor::Call) -> Result<(), Refused> {
        let answer = self.begin(call)?;
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(unreachable)? {
            Ok(answer) => answer,
            Err(_) => Err(unreachable("the stream ended before the answer")),
        }
    }

    fn begin(&self, call: v1::executor::Call) -> Result<oneshot::Receiver<Answer>, Refused> {
        let spoken = self.spoken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut half = spoken.lock();
        let Some(half) = &mut *half else { return Err(unreachable("no stream stands")) };
        // Said and filed under one lock: answers come in the order of calls.
        half.calls.try_send(call).map_err(unreachable)?;
        let (tell, answer) = oneshot::channel();
        half.unanswered.push_back(tell);
        Ok(answer)
    }

    /// One call that is done at once.
    pub(super) async fn ask(&self, call: v1::agent::Call) -> Result<(), Refused> {
        let mut client = operator(self.channel().await?);
        let asked = tokio::time::timeout(ANSWER_TIMEOUT, client.ask(self.dialer.request(call))).await;
        asked.map_err(unreachable)?.map(drop).map_err(|status| refusal(&status))
    }

    /// One call whose answer is a stream, on a connection of its own, which ends with this; returns when that is over.
    pub(super) async fn hear_out(&self, call: v1::agent::Call) -> Result<(), Refused> {
        let own = channel(&self.dialer, &self.endpoint).await.map_err(unreachable)?;
        let answered = operator(own).attach_output(self.dialer.request(call)).await;
        let mut output = answered.map_err(|status| refusal(&status))?.into_inner();
        while output.message().await.map_err(|status| refusal(&status))?.is_some() {}
        Ok(())
    }

    /// One call whose answer may take as long as a container lives, on a connection of its own: a connection has room for so
    /// many calls and no more.
    pub(super) async fn wait(&self, call: v1::agent::Call) -> Result<v1::agent::Response, Refused> {
        let own = channel(&self.dialer, &self.endpoint).await.map_err(unreachable)?;
        let answer = operator(own).ask(self.dialer.request(call)).await;
        answer.map(|answer| answer.into_inner()).map_err(|status| refusal(&status))
    }
}

fn operator(channel: Channel) -> AgentOperatorClient<Channel> {
    AgentOperatorClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

/// What an agent tells.
#[derive(Debug)]
pub(in crate::daemon) struct Events {
    messages: Streaming<ExecutorMessage>,
    spoken: Spoken,
}

impl Events {
    /// The next event; nothing when the stream is over. Answers are passed to who waits for them meanwhile.
    pub(super) async fn next(&mut self) -> Option<v1::executor::Event> {
        loop {
            let message = match self.messages.message().await {
                Ok(message) => message?,
                Err(status) => {
                    tracing::debug!(code = ?status.code(), message = status.message(), "the agent's stream broke");
                    return None;
                }
            };
            match message.message {
                Some(executor_message::Message::Event(event)) => return Some(event),
                Some(executor_message::Message::Answer(answer)) => self.answered(answer.refused),
                // A newer agent's.
                None => {}
            }
        }
    }

    fn answered(&self, refused: Option<executor_message::Refused>) {
        let first = self.spoken.lock().as_mut().and_then(|half| half.unanswered.pop_front());
        let Some(first) = first else {
            tracing::warn!("the agent answers what was not said");
            return;
        };
        let answer = match refused {
            None => Ok(()),
            Some(refused) => Err(refusal(&Status::new(Code::from_i32(refused.code), refused.message))),
        };
        // Who said it may have given up.
        let _ = first.send(answer);
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // Nothing can be said any more, and nobody waits for an answer; the connection lets the stream go.
        self.spoken.lock().take();
    }
}

/// What an agent refused, or why it could not be asked.
fn refusal(status: &Status) -> Refused {
    let kind = match status.code() {
        // Made here, of what the connection said.
        Code::Unavailable | Code::Cancelled | Code::Unknown if status.source().is_some() => {
            return unreachable(status.message());
        }
        Code::Unavailable => Kind::NotReady,
        Code::Unauthenticated | Code::PermissionDenied => Kind::NotYours,
        Code::NotFound => Kind::NotFound,
        _ => Kind::Other,
    };
    rejected(kind, format!("{:?}", status.code()), status.message())
}
