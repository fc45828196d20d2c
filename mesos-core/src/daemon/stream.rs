//! One connection: numbered messages both ways, bounded, whatever carries them.
//!
//! A machine never waits for a peer. What is said to it goes into a bounded backlog; a peer that lets the backlog fill is
//! too slow, and its connection ends: it comes back and is told everything again. In the other direction the reader waits
//! for room in its machine's inbox, so a peer that says too much is slowed down by its own backlog.

use std::fmt;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::call::Leader;
use crate::kernel::Seq;

/// Messages said and not yet taken by the peer. At the bound the connection ends. Large enough for the answer to a
/// reconciliation of a quarter of a million tasks, which is one message each; memory is used only for what waits.
pub const STREAM_BACKLOG_MAX: usize = 262_144;

/// One end of a connection, where `S` is said and `R` is heard. Dropping the sender ends it, after what was said.
#[derive(Debug)]
pub struct Stream<S, R> {
    /// Says.
    pub sender: mpsc::Sender<(Seq, S)>,
    /// Hears.
    pub receiver: mpsc::Receiver<(Seq, R)>,
}

/// Both ends of a connection inside one process.
#[must_use]
pub fn pair<A, B>(backlog_max: usize) -> (Stream<A, B>, Stream<B, A>) {
    let (to_b, from_a) = mpsc::channel(backlog_max);
    let (to_a, from_b) = mpsc::channel(backlog_max);
    (Stream { sender: to_b, receiver: from_b }, Stream { sender: to_a, receiver: from_a })
}

/// Why a connection could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} cannot be reached: {problem}")]
pub struct ConnectError {
    /// Where.
    pub address: String,
    /// Why.
    pub problem: String,
}

/// Makes connections to a leading master. [`Directory`](super::Directory) does it inside one process.
#[async_trait]
pub trait Connector<S, R>: Send + Sync + fmt::Debug {
    /// A new connection.
    async fn connect(&self, leader: &Leader) -> Result<Stream<S, R>, ConnectError>;
}
