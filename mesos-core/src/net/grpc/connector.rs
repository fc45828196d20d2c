//! Makes connections to masters.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::agent::{AgentDown, AgentUp};
use super::direction::Direction;
use super::proto::kernel::kernel_client::KernelClient;
use super::scheduler::{SchedulerDown, SchedulerUp};
use super::server::MESSAGE_BYTES_MAX;
use super::stream::{Checks, Line, Outgoing, hear};
use crate::call::{Leader, agent, scheduler};
use crate::daemon::{ConnectError, Connector, STREAM_BACKLOG_MAX, Stream};
use crate::kernel::Seq;
use crate::net::tls::{ClientTls, Part};

/// For a connection with everything that belongs to it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle connection is asked whether it lives.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
/// And is over when it does not say so.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Flow control: so much may be under way on one stream, so that a re-registration is not a hundred round trips.
const WINDOW_BYTES: u32 = 1 << 20;
/// Messages that were read and wait for the machine.
const INBOUND_MAX: usize = 1_024;

/// How to reach a master: in the open or by TLS, and what to say about oneself.
#[derive(Clone, Default)]
pub struct Dialer {
    tls: Option<ClientTls>,
    /// The value of `authorization`.
    credential: Option<HeaderValue>,
}

impl Dialer {
    /// Without TLS: everybody on the way reads and changes what is said.
    #[must_use]
    pub fn plaintext() -> Self {
        Self::default()
    }

    /// By TLS.
    #[must_use]
    pub fn tls(tls: ClientTls) -> Self {
        Self { tls: Some(tls), credential: None }
    }

    /// Says this in `authorization`: `Bearer …` or `Basic …`.
    #[must_use]
    pub fn with_credential(mut self, mut credential: HeaderValue) -> Self {
        credential.set_sensitive(true);
        self.credential = Some(credential);
        self
    }

    /// The same towards servers of another kind than masters.
    #[must_use]
    pub fn expecting(&self, part: Part) -> Self {
        Self { tls: self.tls.clone().map(|tls| tls.expecting(part)), credential: self.credential.clone() }
    }

    /// What is said in `authorization`.
    #[must_use]
    pub const fn credential(&self) -> Option<&HeaderValue> {
        self.credential.as_ref()
    }

    /// A request that says in `authorization` what this says.
    #[must_use]
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(credential) = &self.credential
            && let Ok(mut value) = tonic::metadata::MetadataValue::try_from(credential.as_bytes())
        {
            value.set_sensitive(true);
            request.metadata_mut().insert("authorization", value);
        }
        request
    }

    /// How TLS is done, if it is.
    #[must_use]
    pub const fn client_tls(&self) -> Option<&ClientTls> {
        self.tls.as_ref()
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("is_encrypted", &self.tls.is_some()).finish_non_exhaustive()
    }
}

/// A client of one master.
pub(super) async fn client(dialer: &Dialer, address: &Arc<str>) -> Result<KernelClient<Channel>, ConnectError> {
    Ok(KernelClient::new(channel(dialer, address).await?)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX))
}

/// A connection to a master or an agent, at `host:port`, for any client of gRPC. It is made anew when it breaks. What the
/// dialer says in `authorization` is for the caller to say with each request.
///
/// # Errors
/// [`ConnectError`] says what is in the way.
pub async fn channel(dialer: &Dialer, address: &str) -> Result<Channel, ConnectError> {
    let refuse = |problem: String| ConnectError { address: address.to_string(), problem };
    let scheme = if dialer.tls.is_some() { "https" } else { "http" };
    let malformed = |error: &dyn fmt::Display| refuse(format!("{error}; write host:port"));
    let origin: Uri = format!("{scheme}://{address}").parse().map_err(|error| malformed(&error))?;
    // TLS is done below: a tonic that can do it as well, since another crate of the program asks for that, shall not try.
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|error| malformed(&error))?
        .origin(origin)
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_EVERY)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .tcp_nodelay(true);
    let tls = dialer.tls.clone();
    let dial = tower::service_fn(move |uri: Uri| {
        let tls = tls.clone();
        async move {
            let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(5050));
            let tcp = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
            tcp.set_nodelay(true)?;
            match tls {
                None => Ok::<_, std::io::Error>(TokioIo::new(Io::Plain(tcp))),
                Some(tls) => Ok(TokioIo::new(Io::Tls(Box::new(tls.connect(host, tcp).await?)))),
            }
        }
    });
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, endpoint.connect_with_connector(dial));
    match connecting.await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(error)) => Err(refuse(causes(&error))),
        Err(_) => Err(refuse(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()))),
    }
}

/// An error with what is behind it; the outermost of a transport says nothing by itself.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// Connections of agents and frameworks to a master. Clones share what is shared.
#[derive(Debug, Clone, Default)]
pub struct GrpcConnector {
    dialer: Dialer,
    shared: Option<Shared>,
}

/// A connection, and how many streams were begun on it.
type Begun = (KernelClient<Channel>, usize);

/// Connections that carry the streams of several.
#[derive(Debug, Clone)]
struct Shared {
    streams_max: usize,
    /// The newest connection to each master, and how many streams were begun on it.
    newest: Arc<Mutex<BTreeMap<Arc<str>, Begun>>>,
}

impl GrpcConnector {
    /// Connects like this, each stream by a connection of its own.
    #[must_use]
    pub const fn new(dialer: Dialer) -> Self {
        Self { dialer, shared: None }
    }

    /// Lets up to so many streams go by one connection, for processes that stand for many agents or frameworks. Servers
    /// let through [`Limits::streams_max`](crate::net::http::Limits::streams_max).
    #[must_use]
    pub fn sharing(self, streams_max: usize) -> Self {
        let shared = Shared { streams_max: streams_max.max(1), newest: Arc::default() };
        Self { shared: Some(shared), ..self }
    }

    async fn client(&self, address: &Arc<str>) -> Result<KernelClient<Channel>, ConnectError> {
        let Some(shared) = &self.shared else { return client(&self.dialer, address).await };
        // Held while connecting: whoever comes meanwhile shares what is being made.
        let mut newest = shared.newest.lock().await;
        if let Some((client, begun)) = newest.get_mut(address)
            && *begun < shared.streams_max
        {
            *begun += 1;
            return Ok(client.clone());
        }
        let client = client(&self.dialer, address).await?;
        newest.insert(address.clone(), (client.clone(), 1));
        Ok(client)
    }

    /// A stream was refused: the connection may be at its end, and the next stream goes by another.
    async fn forget(&self, address: &Arc<str>) {
        if let Some(shared) = &self.shared {
            shared.newest.lock().await.remove(address);
        }
    }

    async fn judged<T>(&self, leader: &Leader, answer: Result<T, Status>) -> Result<T, ConnectError> {
        if answer.is_err() {
            self.forget(&leader.address).await;
        }
        answer.map_err(|status| refused(leader, &status))
    }

    fn request<T>(&self, message: T) -> Request<T> {
        self.dialer.request(message)
    }
}

/// A new connection as the machine sees it, and what the transport has of it.
type Halves<U, D> = (
    Stream<<U as Direction>::Domain, <D as Direction>::Domain>,
    Outgoing<U>,
    mpsc::Sender<(Seq, <D as Direction>::Domain)>,
    Line,
);

fn halves<U: Direction, D: Direction>() -> Halves<U, D> {
    let (up, messages) = mpsc::channel(STREAM_BACKLOG_MAX);
    let (to_machine, down) = mpsc::channel(INBOUND_MAX);
    let line = Line::default();
    let (outgoing, _) = Outgoing::<U>::new(line.clone(), messages);
    (Stream { sender: up, receiver: down }, outgoing, to_machine, line)
}

fn refused(leader: &Leader, status: &Status) -> ConnectError {
    ConnectError { address: leader.address.to_string(), problem: status.message().to_owned() }
}

#[async_trait]
impl Connector<agent::ToMaster, agent::ToAgent> for GrpcConnector {
    async fn connect(&self, leader: &Leader) -> Result<Stream<agent::ToMaster, agent::ToAgent>, ConnectError> {
        let mut client = self.client(&leader.address).await?;
        let (own, outgoing, to_machine, line) = halves::<AgentUp, AgentDown>();
        let answer = client.connect_agent(self.request(outgoing)).await;
        let answer = self.judged(leader, answer).await?;
        // Ends with the connection: when either side closes it, or the machine is gone.
        tokio::spawn(hear::<AgentDown>(answer.into_inner(), to_machine, line, Checks::none(), None));
        Ok(own)
    }
}

#[async_trait]
impl Connector<scheduler::Call, scheduler::Event> for GrpcConnector {
    async fn connect(&self, leader: &Leader) -> Result<Stream<scheduler::Call, scheduler::Event>, ConnectError> {
        let mut client = self.client(&leader.address).await?;
        let (own, outgoing, to_machine, line) = halves::<SchedulerUp, SchedulerDown>();
        let answer = client.connect_scheduler(self.request(outgoing)).await;
        let answer = self.judged(leader, answer).await?;
        // As above.
        tokio::spawn(hear::<SchedulerDown>(answer.into_inner(), to_machine, line, Checks::none(), None));
        Ok(own)
    }
}

/// A connection with or without TLS.
enum Io {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

macro_rules! delegate {
    ($self:ident, $io:ident => $call:expr) => {
        match $self.get_mut() {
            Io::Plain($io) => $call,
            Io::Tls($io) => $call,
        }
    };
}

impl tokio::io::AsyncRead for Io {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        delegate!(self, io => std::pin::Pin::new(io).poll_read(cx, buf))
    }
}

impl tokio::io::AsyncWrite for Io {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        delegate!(self, io => std::pin::Pin::new(io).poll_write(cx, buf))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        delegate!(self, io => std::pin::Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        delegate!(self, io => std::pin::Pin::new(io).poll_shutdown(cx))
    }
}
