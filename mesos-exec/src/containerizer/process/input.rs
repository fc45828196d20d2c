//! What a container is given to read while it runs: the end of a pipe that is written to, or a [terminal](super::terminal).
//!
//! A pipe ends when its writer says so or when the container has ended; a container that does not read makes its writers wait,
//! and nothing is kept for it beyond what the pipe holds.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use mesos_core::ContainerSpec;
use mesos_core::container::WindowSize;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe::Sender;
use tokio::sync::{Mutex, oneshot};

use super::sys::above_streams;
use super::terminal::Terminal;

/// A container's input, until it is ended.
#[derive(Debug)]
pub(super) enum Input {
    /// One writer at a time; the others wait.
    Pipe(Mutex<Option<Sender>>),
    Terminal(Arc<Terminal>),
}

/// What a container reads, as whoever starts it is given it.
#[derive(Debug)]
pub(super) enum Reads {
    Nothing,
    Pipe(OwnedFd),
    Terminal {
        terminal: Arc<Terminal>,
        /// To be said once it is known where it goes what is shown.
        begin: oneshot::Sender<()>,
    },
}

impl Reads {
    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

impl Input {
    /// The input that a container asks for, if any. Must be called inside a tokio runtime.
    pub(super) fn open(spec: &ContainerSpec) -> io::Result<(Option<Self>, Reads)> {
        if let Some(size) = spec.terminal {
            let terminal = Arc::new(Terminal::open(size)?);
            let (begin, begun) = oneshot::channel();
            tokio::spawn({
                let terminal = terminal.clone();
                async move {
                    // Otherwise the container was not started.
                    if begun.await.is_ok() {
                        terminal.run().await;
                    }
                }
            });
            return Ok((Some(Self::Terminal(terminal.clone())), Reads::Terminal { terminal, begin }));
        }
        if !spec.takes_input {
            return Ok((None, Reads::Nothing));
        }
        let (reading, writing) = io::pipe()?;
        let sender = Sender::from_owned_fd(writing.into())?;
        Ok((Some(Self::Pipe(Mutex::new(Some(sender)))), Reads::Pipe(above_streams(reading.into())?)))
    }

    /// Gives it bytes; none end a pipe.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut sender = match self {
            Self::Terminal(terminal) => return terminal.write(bytes).await,
            Self::Pipe(sender) => sender.lock().await,
        };
        if bytes.is_empty() {
            *sender = None;
            return Ok(());
        }
        match sender.as_mut() {
            Some(sender) => sender.write_all(bytes).await,
            None => Err(io::Error::new(io::ErrorKind::BrokenPipe, "its input was ended before")),
        }
    }

    /// Gives its terminal another size, if it has one.
    pub(super) fn resize(&self, size: WindowSize) -> io::Result<()> {
        match self {
            Self::Terminal(terminal) => terminal.resize(size),
            Self::Pipe(_) => Err(io::Error::other("it was started without a terminal")),
        }
    }

    /// The container has ended.
    pub(super) fn close(&self) {
        if let Self::Terminal(terminal) = self {
            terminal.close();
        }
    }
}
