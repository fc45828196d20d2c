//! By requests of HTTP, as Mesos has them.

use std::fmt;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mesos_core::net::http::{Media, PROTOBUF, decode, encode};
use mesos_core::wire::record_io::Decoder;
use mesos_core::wire::v1;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::{ANSWER_BYTES_MAX, ANSWER_TIMEOUT, EVENT_BYTES_MAX, Kind, Refused, rejected, unreachable};

const EXECUTOR: &str = "/api/v1/executor";
const OPERATOR: &str = "/api/v1";

type Sender = SendRequest<Full<Bytes>>;

/// Connections to one agent.
pub(super) struct HttpLine {
    endpoint: Arc<str>,
    token: Option<String>,
    /// The connection calls are sent on, one after the other.
    calls: Mutex<Option<Sender>>,
}

impl fmt::Debug for HttpLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpLine").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What an agent tells, as a stream of records.
#[derive(Debug)]
pub(in crate::daemon) struct Records {
    body: Incoming,
    decoder: Decoder,
    /// The connection, which ends with it.
    _sender: Sender,
}

impl HttpLine {
    pub(super) fn new(endpoint: Arc<str>, token: Option<String>) -> Self {
        Self { endpoint, token, calls: Mutex::new(None) }
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

    pub(super) async fn subscribe(&self, call: &v1::executor::Call) -> Result<Records, Refused> {
        let request = self.request(EXECUTOR, encode(Media::Protobuf, call))?;
        let mut sender = self.connect().await?;
        let response = tokio::time::timeout(ANSWER_TIMEOUT, sender.send_request(request)).await;
        let response = response.map_err(unreachable)?.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(refusal(response).await);
        }
        Ok(Records { body: response.into_body(), decoder: Decoder::new(EVENT_BYTES_MAX), _sender: sender })
    }

    /// Says one thing, on a connection that is kept.
    pub(super) async fn say(&self, call: &v1::executor::Call) -> Result<(), Refused> {
        self.exchange(EXECUTOR, encode(Media::Protobuf, call)).await
    }

    /// One call that is done at once, on a connection that is kept.
    pub(super) async fn ask(&self, call: &v1::agent::Call) -> Result<(), Refused> {
        self.exchange(OPERATOR, encode(Media::Protobuf, call)).await
    }

    async fn exchange(&self, path: &str, body: Vec<u8>) -> Result<(), Refused> {
        let mut calls = self.calls.lock().await;
        let kept = calls.take().filter(|sender| !sender.is_closed());
        let was_kept = kept.is_some();
        let mut sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let mut answered = self.exchange_on(&mut sender, path, body.clone()).await;
        // A kept connection may have ended in the very moment it was used.
        if was_kept && matches!(answered, Err(Refused::Unreachable(_))) {
            sender = self.connect().await?;
            answered = self.exchange_on(&mut sender, path, body).await;
        }
        if !matches!(answered, Err(Refused::Unreachable(_))) {
            *calls = Some(sender);
        }
        answered.map(drop)
    }

    async fn exchange_on(&self, sender: &mut Sender, path: &str, body: Vec<u8>) -> Result<Vec<u8>, Refused> {
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

    /// One call whose answer is a stream, on a connection of its own, which ends with this; returns when that is over.
    pub(super) async fn hear_out(&self, call: &v1::agent::Call) -> Result<(), Refused> {
        let mut sender = self.connect().await?;
        let request = self.request(OPERATOR, encode(Media::Protobuf, call))?;
        let response = sender.send_request(request).await.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(refusal(response).await);
        }
        let mut output = response.into_body();
        while let Some(frame) = output.frame().await {
            frame.map_err(unreachable)?;
        }
        Ok(())
    }

    /// One call whose answer may take as long as a container lives, on a connection of its own.
    pub(super) async fn wait(&self, call: &v1::agent::Call) -> Result<v1::agent::Response, Refused> {
        let mut sender = self.connect().await?;
        let request = self.request(OPERATOR, encode(Media::Protobuf, call))?;
        let response = sender.send_request(request).await.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(refusal(response).await);
        }
        let bytes = bounded(response.into_body()).await?;
        decode(Media::Protobuf, &bytes).map_err(unreachable)
    }
}

impl Records {
    /// The next event; nothing when the stream is over.
    pub(super) async fn next(&mut self) -> Option<v1::executor::Event> {
        loop {
            match self.decoder.next_record() {
                Err(error) => {
                    tracing::warn!(%error, "the agent's stream cannot be read");
                    return None;
                }
                Ok(Some(record)) => match decode(Media::Protobuf, &record) {
                    Ok(event) => return Some(event),
                    Err(problem) => {
                        tracing::warn!(%problem, "an event cannot be read");
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

/// An answer that is none.
async fn refusal(response: Response<Incoming>) -> Refused {
    let status = response.status();
    let text = bounded(response.into_body()).await.unwrap_or_default();
    let kind = match status {
        StatusCode::SERVICE_UNAVAILABLE => Kind::NotReady,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::NotYours,
        StatusCode::NOT_FOUND => Kind::NotFound,
        _ => Kind::Other,
    };
    rejected(kind, status, &String::from_utf8_lossy(&text))
}
