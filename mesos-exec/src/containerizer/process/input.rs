//! What a container is given to read while it runs: the end of a pipe that is written to.
//!
//! It ends when its writer says so or when the container has ended; a container that does not read makes its writers wait,
//! and nothing is kept for it beyond what the pipe holds.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe::Sender;
use tokio::sync::Mutex;

use super::sys::above_streams;

/// A container's input, until it is ended. One writer at a time; the others wait.
#[derive(Debug)]
pub(super) struct Input(Mutex<Option<Sender>>);

impl Input {
    /// An input, and what the container gets as its standard input. Must be called inside a tokio runtime.
    pub(super) fn open() -> io::Result<(Self, OwnedFd)> {
        let (reading, writing) = io::pipe()?;
        let sender = Sender::from_owned_fd(writing.into())?;
        Ok((Self(Mutex::new(Some(sender))), above_streams(reading.into())?))
    }

    /// Gives it bytes; none end it.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut sender = self.0.lock().await;
        if bytes.is_empty() {
            *sender = None;
            return Ok(());
        }
        match sender.as_mut() {
            Some(sender) => sender.write_all(bytes).await,
            None => Err(io::Error::new(io::ErrorKind::BrokenPipe, "its input was ended before")),
        }
    }
}
