//! Accepts connections and keeps peers within limits.
//!
//! A connection is a task of its own: its handshake, its requests and its end slow nobody else. HTTP/1.1 and HTTP/2 are told
//! apart by their first bytes, so that one port serves both.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::guard::{Guarded, Handled, Handling};
use super::{Hangup, Response, STALLED_MAX, Site};

/// Flow control of HTTP/2.
const WINDOW_BYTES: u32 = 1 << 20;

/// What peers may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at one time; further ones are closed at once.
    pub connections_max: usize,
    /// For a handshake of the transport, for example TLS.
    pub handshake_timeout: Duration,
    /// From the first byte of a request's head to its last; for the first request, from the connection on.
    pub head_timeout: Duration,
    /// The head of a request, in bytes.
    pub head_bytes_max: usize,
    /// Between two requests on one connection.
    pub idle_timeout: Duration,
    /// Requests at one time on one connection of HTTP/2.
    pub streams_max: u32,
    /// Requests at one time that wait for their answers, for whoever has a layer for that
    /// ([`LimitConcurrency`](crate::net::layer::LimitConcurrency)).
    pub requests_max: usize,
    /// Until an answer begins, likewise ([`Timeout`](crate::net::layer::Timeout)).
    pub answer_timeout: Duration,
    /// A peer that takes nothing of what waits for it for this long is cut off, and its connection with it.
    pub write_timeout: Duration,
    /// For what is under way when the server is asked to end.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(15),
            head_bytes_max: 64 << 10,
            idle_timeout: Duration::from_secs(3_600),
            streams_max: 256,
            requests_max: 4_096,
            answer_timeout: Duration::from_secs(60),
            write_timeout: STALLED_MAX,
            drain_timeout: Duration::from_secs(5),
        }
    }
}

/// Where a request comes from, in the extensions of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The other end.
    pub address: SocketAddr,
    /// This end.
    pub local: SocketAddr,
}

/// What happens on a new connection before HTTP: nothing, or TLS.
#[async_trait]
pub trait Handshake: Send + Sync + 'static {
    /// The connection after it.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Shakes hands. Bounded in time by [`Limits::handshake_timeout`]. What is learnt of the peer goes into the extensions
    /// of every request on the connection.
    async fn shake_hands(&self, stream: TcpStream, learnt: &mut http::Extensions) -> io::Result<Self::Io>;
}

/// No handshake: plain text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

#[async_trait]
impl Handshake for Plain {
    type Io = TcpStream;

    async fn shake_hands(&self, stream: TcpStream, _: &mut http::Extensions) -> io::Result<TcpStream> {
        Ok(stream)
    }
}

/// Serves until `shutdown` is ready; then takes nothing new and gives what is under way [`Limits::drain_timeout`]. Streams
/// that never end are cut off with it.
pub async fn serve<H: Handshake>(
    listener: TcpListener,
    handshake: H,
    site: Site,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) {
    let handshake = Arc::new(handshake);
    let room = Arc::new(Semaphore::new(limits.connections_max));
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let stream = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, most likely: others end, then there is room again.
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let Ok(place) = room.clone().try_acquire_owned() else {
            tracing::warn!(bound = limits.connections_max, "too many connections; one is turned away");
            continue;
        };
        let (handshake, site, stopped) = (handshake.clone(), site.clone(), stopped.clone());
        connections.spawn(async move {
            if let Err(error) = carry(stream, &*handshake, site, limits, stopped).await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    drop(stop);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain_timeout, all).await.is_err() {
        tracing::info!(left = connections.len(), "connections are cut off");
    }
}

type Problem = Box<dyn std::error::Error + Send + Sync>;

async fn carry<H: Handshake>(
    stream: TcpStream,
    handshake: &H,
    site: Site,
    limits: Limits,
    mut stopped: watch::Receiver<()>,
) -> Result<(), Problem> {
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    let mut learnt = http::Extensions::new();
    learnt.insert(Peer { address: stream.peer_addr()?, local: stream.local_addr()? });
    let hangup = Hangup::default();
    learnt.insert(hangup.clone());
    let shaken = handshake.shake_hands(stream, &mut learnt);
    let io = tokio::time::timeout(limits.handshake_timeout, shaken).await??;

    let handled = Handled::default();
    let io = TokioIo::new(Guarded::new(io, handled.clone(), limits.head_timeout, limits.write_timeout));
    let service = hyper::service::service_fn(move |request| {
        let (site, learnt, handling) = (site.clone(), learnt.clone(), handled.begin());
        async move { Ok::<_, Infallible>(handle(&site, learnt, handling, request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .title_case_headers(true)
        .header_read_timeout(limits.idle_timeout)
        .max_buf_size(limits.head_bytes_max.max(8 << 10));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .max_concurrent_streams(limits.streams_max)
        // So much may be under way: a report of all tasks of an agent shall not be a hundred round trips.
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX));
    let mut connection = pin!(builder.serve_connection(io, service));
    tokio::select! {
        biased;
        () = hangup.asked() => return Err(hung_up()),
        ended = connection.as_mut() => return ended,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        () = hangup.asked() => Err(hung_up()),
        ended = connection => ended,
    }
}

fn hung_up() -> Problem {
    "whoever answers hung up".into()
}

/// A peer that is gone without a word is noticed within about a minute.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let alive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    let socket = socket2::SockRef::from(stream);
    socket.set_tcp_keepalive(&alive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(60)))?;
    Ok(())
}

async fn handle(site: &Site, learnt: http::Extensions, handling: Handling, request: Request<Incoming>) -> Response {
    let mut request = request.map(Body::new);
    request.extensions_mut().extend(learnt);
    site.answer(request).await.map(|inner| Body::new(HandledBody { inner, _handling: handling }))
}

/// A body that is being handled until it has been written.
struct HandledBody {
    inner: Body,
    _handling: Handling,
}

impl http_body::Body for HandledBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
