//! A client of the HTTP APIs: one request at a time, to the master that leads.
//!
//! For tools and tests. Frameworks and agents hold streams instead: see [`grpc`](super::grpc).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::grpc::Dialer;
use super::http::JSON;
use crate::daemon::Task;

/// An answer is no larger than this: the whole state of a large cluster.
const ANSWER_BYTES_MAX: usize = 1 << 30;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two parts of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const REDIRECTS_MAX: usize = 5;

/// Why a request was not answered as wished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody could be asked.
    #[error("{address} cannot be reached: {problem}")]
    Unreachable {
        /// Who.
        address: String,
        /// Why.
        problem: String,
    },
    /// It was refused.
    #[error("{status}: {text}")]
    Refused {
        /// With which status.
        status: StatusCode,
        /// The server's own words.
        text: String,
    },
    /// The answer cannot be understood.
    #[error("the answer of {address} cannot be understood: {problem}")]
    Answer {
        /// Whose.
        address: String,
        /// Why.
        problem: String,
    },
}

/// Asks one of several servers; follows redirects to the one that leads.
#[derive(Debug, Clone)]
pub struct ApiClient {
    addresses: Vec<String>,
    dialer: Dialer,
}

impl ApiClient {
    /// Asks these, each `host:port`, the first that answers.
    #[must_use]
    pub fn new(addresses: impl IntoIterator<Item = impl Into<String>>, dialer: Dialer) -> Self {
        Self { addresses: addresses.into_iter().map(Into::into).collect(), dialer }
    }

    /// Posts JSON and reads JSON; null when the answer is empty.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn call(&self, path: &str, call: &serde_json::Value) -> Result<serde_json::Value, ClientError> {
        self.json(Method::POST, path, Bytes::from(call.to_string())).await
    }

    /// Gets JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&self, path_and_query: &str) -> Result<serde_json::Value, ClientError> {
        self.json(Method::GET, path_and_query, Bytes::new()).await
    }

    async fn json(&self, method: Method, path: &str, body: Bytes) -> Result<serde_json::Value, ClientError> {
        let (address, bytes) = self.ask(&method, path, &body).await?;
        if bytes.is_empty() {
            return Ok(serde_json::Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Answer { address, problem: error.to_string() })
    }

    async fn ask(&self, method: &Method, path: &str, body: &Bytes) -> Result<(String, Bytes), ClientError> {
        let mut last = ClientError::Unreachable { address: "the master".into(), problem: "no address is known".into() };
        for address in &self.addresses {
            let mut address = address.clone();
            for _ in 0..=REDIRECTS_MAX {
                match self.ask_one(&address, method, path, body).await {
                    Ok(Asked::Answered(bytes)) => return Ok((address, bytes)),
                    Ok(Asked::Elsewhere(other)) => address = other,
                    // Another one may lead.
                    Err(
                        error @ (ClientError::Unreachable { .. }
                        | ClientError::Refused { status: StatusCode::SERVICE_UNAVAILABLE, .. }),
                    ) => {
                        last = error;
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Err(last)
    }

    async fn ask_one(&self, address: &str, method: &Method, path: &str, body: &Bytes) -> Result<Asked, ClientError> {
        let unreachable = |problem: String| ClientError::Unreachable { address: address.to_owned(), problem };
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connect(address, &self.dialer)).await;
        let io = connected.map_err(|_| unreachable("no answer in time".into()))?.map_err(unreachable)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io))
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        let _connection = Task::spawn(async move {
            // How it ends shows in the answer.
            let _ = connection.await;
        });
        let mut request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(HOST, address)
            .header(ACCEPT, JSON)
            .header(CONTENT_TYPE, JSON);
        if let Some(credential) = self.dialer.credential() {
            request = request.header(AUTHORIZATION, credential.clone());
        }
        let request = request.body(Full::new(body.clone())).map_err(|error| unreachable(error.to_string()))?;
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, sender.send_request(request)).await;
        let answer = answered
            .map_err(|_| unreachable("no answer in time".into()))?
            .map_err(|error| unreachable(error.to_string()))?;
        let (head, body) = answer.into_parts();
        if head.status == StatusCode::TEMPORARY_REDIRECT {
            // Written without a scheme, as Mesos does: //host:port/path.
            let place = head.headers.get(LOCATION).and_then(|place| place.to_str().ok());
            let host = place.and_then(|place| place.split_once("//")?.1.split('/').next()).map(str::to_owned);
            return host.map(Asked::Elsewhere).ok_or_else(|| unreachable("it redirects to nowhere".into()));
        }
        let bytes = collect(body).await.map_err(unreachable)?;
        if head.status.is_success() {
            return Ok(Asked::Answered(bytes));
        }
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        Err(ClientError::Refused { status: head.status, text })
    }
}

enum Asked {
    Answered(Bytes),
    Elsewhere(String),
}

async fn collect(mut body: Incoming) -> Result<Bytes, String> {
    let mut whole = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(ANSWER_TIMEOUT, body.frame()).await;
        let Some(frame) = frame.map_err(|_| "the answer stopped".to_owned())? else { return Ok(whole.freeze()) };
        if let Ok(part) = frame.map_err(|error| error.to_string())?.into_data() {
            if whole.len() + part.len() > ANSWER_BYTES_MAX {
                return Err(format!("the answer is larger than {ANSWER_BYTES_MAX} bytes"));
            }
            whole.extend_from_slice(&part);
        }
    }
}

trait Connection: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> Connection for T {}

async fn connect(address: &str, dialer: &Dialer) -> Result<Box<dyn Connection>, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let Some(tls) = dialer.client_tls() else { return Ok(Box::new(stream)) };
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let stream = tls.connect_http1(host, stream).await.map_err(|error| error.to_string())?;
    Ok(Box::new(stream))
}
