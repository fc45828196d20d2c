//! A connection whose peer must not dawdle: over the head of a request, and over what it is told.
//!
//! The server underneath knows one limit for the time between two requests and for the head itself. Clients keep connections
//! open and idle for hours, which is fine; a head that has begun and does not end is not. So the guard counts from the first
//! byte of a head to the moment its request is handled. Over HTTP/2 it counts to the preface alone: what follows is bounded
//! by the pings and the sizes of that protocol.
//!
//! A peer that takes nothing of what is written to it for a while is gone or deaf, and its connection ends: what waits for it
//! lies in the buffers of this side until then. One that reads slowly goes on reading.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How many requests of a connection are being handled.
#[derive(Debug, Clone, Default)]
pub(super) struct Handled(Arc<AtomicUsize>);

/// One request that is being handled, until its answer has been written or dropped.
#[derive(Debug)]
pub(super) struct Handling(Arc<AtomicUsize>);

impl Handled {
    pub(super) fn begin(&self) -> Handling {
        self.0.fetch_add(1, Ordering::Relaxed);
        Handling(self.0.clone())
    }

    fn is_none(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A guarded connection.
#[derive(Debug)]
pub(super) struct Guarded<I> {
    inner: I,
    handled: Handled,
    head_timeout: Duration,
    /// Until when a head that has begun must be whole. The first one begins with the connection.
    until: Option<Pin<Box<Sleep>>>,
    protocol: Protocol,
    write_timeout: Duration,
    /// Until when the peer must take something. Set while something waits.
    taken_until: Option<Pin<Box<Sleep>>>,
}

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Unknown,
    Http1,
    Http2,
}

impl<I> Guarded<I> {
    pub(super) fn new(inner: I, handled: Handled, head_timeout: Duration, write_timeout: Duration) -> Self {
        let until = Some(Box::pin(tokio::time::sleep(head_timeout)));
        Self { inner, handled, head_timeout, until, protocol: Protocol::Unknown, write_timeout, taken_until: None }
    }

    /// How a write went, or that the peer takes nothing.
    fn watched<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.taken_until = None;
            return written;
        }
        let timeout = self.write_timeout;
        let until = self.taken_until.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer took nothing for too long")))
    }

    /// A part of a head was read.
    fn begun(&mut self, part: &[u8]) {
        if self.protocol == Protocol::Unknown {
            self.protocol = if part.starts_with(b"PRI") { Protocol::Http2 } else { Protocol::Http1 };
        }
        if self.protocol == Protocol::Http2 {
            self.until = None;
        } else if self.until.is_none() {
            self.until = Some(Box::pin(tokio::time::sleep_until(Instant::now() + self.head_timeout)));
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Guarded<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if !self.handled.is_none() {
            self.until = None;
        }
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if self.handled.is_none() {
            if matches!(read, Poll::Ready(Ok(()))) && buf.filled().len() > before {
                self.begun(&buf.filled()[before..]);
            }
            if let Some(until) = &mut self.until
                && until.as_mut().poll(cx).is_ready()
            {
                let what = "the peer did not finish the head of a request in time";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, what)));
            }
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Guarded<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watched(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.watched(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
