//! `mesos.kernel.Agent`: an executor's calls and events on one stream of gRPC, by the door of `/api/v1/executor`.
//!
//! ```text
//!   SUBSCRIBE ──▶ ExecutorDoor ──▶ events
//!   call ───────▶ ExecutorDoor ──▶ answer, in the order of calls
//! ```

use std::pin::Pin;

use mesos_core::net::grpc::proto::kernel::agent_server::{Agent, AgentServer};
use mesos_core::net::grpc::proto::kernel::executor_message::{Answer, Message, Refused};
use mesos_core::net::grpc::proto::kernel::{ExecutorMessage, agent_server};
use mesos_core::net::grpc::tonic;
use mesos_core::net::grpc::tonic::codegen::tokio_stream::Stream;
use mesos_core::net::grpc::tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use mesos_core::net::http::{BODY_BYTES_MAX, BODY_TIMEOUT, Caller, RECORDS_WAITING_MAX, Refusal, STALLED_MAX};
use mesos_core::wire::convert::{ExecutorCall, executor_event_to_wire};
use mesos_core::wire::v1;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, Streaming};

use super::super::{ExecutorLine, LineItem};
use super::executor::Executors;

/// The path of its one method.
pub(in crate::daemon) const CONNECT: &str = "/mesos.kernel.Agent/ConnectExecutor";

/// The service, as something to be routed.
pub(super) fn service(executors: Executors) -> AgentServer<Executors> {
    debug_assert!(CONNECT[1..].starts_with(agent_server::SERVICE_NAME));
    AgentServer::new(executors).max_decoding_message_size(BODY_BYTES_MAX).max_encoding_message_size(usize::MAX)
}

#[tonic::async_trait]
impl Agent for Executors {
    type ConnectExecutorStream = Pin<Box<dyn Stream<Item = Result<ExecutorMessage, Status>> + Send>>;

    async fn connect_executor(
        &self,
        request: Request<Streaming<v1::executor::Call>>,
    ) -> Result<Response<Self::ConnectExecutorStream>, Status> {
        let caller = request.extensions().get::<Caller>().cloned().unwrap_or_default();
        let mut calls = request.into_inner();
        let first = tokio::time::timeout(BODY_TIMEOUT, calls.message()).await;
        let first = first.map_err(|_| {
            let text = format!("no call arrived within {} s; begin with SUBSCRIBE", BODY_TIMEOUT.as_secs());
            Status::deadline_exceeded(text)
        })?;
        let first = first?.ok_or_else(|| Status::invalid_argument("the stream holds no call; begin with SUBSCRIBE"))?;
        let (speaker, ExecutorCall::Subscribe(subscription)) = self.read(&caller, first)? else {
            return Err(Status::invalid_argument("a stream begins with SUBSCRIBE"));
        };
        let (line, event) = self.subscribe(speaker, subscription).await?;
        let (out, messages) = mpsc::channel(RECORDS_WAITING_MAX);
        let connection = Connection { executors: self.clone(), caller, out };
        // Ends with the stream, or with the agent.
        tokio::spawn(async move {
            if connection.say(Message::Event(executor_event_to_wire(&event))).await {
                connection.carry(line, calls).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
    }
}

/// One executor's stream.
struct Connection {
    executors: Executors,
    caller: Caller,
    out: mpsc::Sender<Result<ExecutorMessage, Status>>,
}

impl Connection {
    /// Says something; whether the executor is still there and reads.
    async fn say(&self, message: Message) -> bool {
        let message = ExecutorMessage { message: Some(message) };
        self.out.send_timeout(Ok(message), STALLED_MAX).await.is_ok()
    }

    /// Carries events and calls until either side ends.
    async fn carry(self, mut line: ExecutorLine, mut calls: Streaming<v1::executor::Call>) {
        let mut says_more = true;
        loop {
            let message = tokio::select! {
                biased;
                () = self.out.closed() => return,
                item = line.next() => match item {
                    Some(LineItem::Event(event)) => Message::Event(executor_event_to_wire(&event)),
                    Some(LineItem::Closed(why)) => {
                        tracing::debug!(%why, "closes an executor's stream");
                        // Nobody may be there to hear it.
                        let _ = self.out.try_send(Err(Status::aborted(why.to_string())));
                        return;
                    }
                    None => return,
                },
                call = calls.message(), if says_more => match call {
                    Ok(Some(call)) => Message::Answer(self.answer(call).await),
                    // It has nothing more to say, and still listens.
                    Ok(None) => {
                        says_more = false;
                        continue;
                    }
                    Err(status) => {
                        tracing::debug!(code = ?status.code(), message = status.message(), "an executor's stream broke");
                        let _ = self.out.try_send(Err(status));
                        return;
                    }
                },
            };
            if !self.say(message).await {
                tracing::debug!("an executor left, or read nothing for too long");
                return;
            }
        }
    }

    async fn answer(&self, call: v1::executor::Call) -> Answer {
        let refused = self.take(call).await.err().map(Status::from);
        let refused = refused.map(|why| Refused { code: why.code().into(), message: why.message().to_owned() });
        Answer { refused }
    }

    async fn take(&self, call: v1::executor::Call) -> Result<(), Refusal> {
        match self.executors.read(&self.caller, call)? {
            (speaker, ExecutorCall::Said(said)) => Ok(self.executors.door.say(speaker, said).await?),
            (_, ExecutorCall::Subscribe(_)) => Err(Refusal::bad_request(
                "this stream is subscribed already; open another one for another subscription",
            )),
        }
    }
}
