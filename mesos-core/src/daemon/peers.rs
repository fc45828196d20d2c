//! The connections of many peers to one machine, inside its world.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::run::TOGETHER_MAX;
use super::{Inbox, Stream, Task};
use crate::call::ConnId;
use crate::kernel::Seq;

/// What peers' connections report.
#[derive(Debug)]
pub enum PeerArrival<S, R> {
    /// A new one.
    Accepted(Stream<S, R>),
    /// The peer said something.
    Received {
        /// On which.
        conn: ConnId,
        /// Its number.
        seq: Seq,
        /// What.
        message: R,
    },
    /// It is over.
    Closed {
        /// Which.
        conn: ConnId,
    },
}

/// Connections by name.
#[derive(Debug)]
pub struct Peers<S> {
    peers: HashMap<ConnId, Peer<S>>,
}

#[derive(Debug)]
struct Peer<S> {
    sender: mpsc::Sender<(Seq, S)>,
    _reader: Task,
}

impl<S> Default for Peers<S> {
    fn default() -> Self {
        Self { peers: HashMap::new() }
    }
}

impl<S: Send + 'static> Peers<S> {
    /// Takes a connection in under this name and reports what its peer says.
    pub fn accept<R, M, A>(&mut self, conn: ConnId, stream: Stream<S, R>, inbox: Inbox<M, A>)
    where
        R: Send + 'static,
        M: 'static,
        A: From<PeerArrival<S, R>> + Send + 'static,
    {
        let Stream { sender, mut receiver } = stream;
        let reader = Task::spawn(async move {
            let mut heard = Vec::new();
            while receiver.recv_many(&mut heard, TOGETHER_MAX).await > 0 {
                let arrivals =
                    heard.drain(..).map(|(seq, message)| A::from(PeerArrival::Received { conn, seq, message }));
                if !inbox.send_all(arrivals).await {
                    return;
                }
            }
            inbox.send(PeerArrival::Closed { conn }.into()).await;
        });
        self.peers.insert(conn, Peer { sender, _reader: reader });
    }

    /// Whether the connection stands.
    #[must_use]
    pub fn contains(&self, conn: ConnId) -> bool {
        self.peers.contains_key(&conn)
    }

    /// How many stand.
    #[must_use]
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether none stands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Says something. Whether the connection goes on: one that is gone or whose backlog is full does not, and is over.
    #[must_use]
    pub fn send(&mut self, conn: ConnId, seq: Seq, message: S) -> bool {
        let Some(peer) = self.peers.get(&conn) else { return true };
        let is_said = peer.sender.try_send((seq, message)).is_ok();
        if !is_said {
            tracing::warn!(%conn, "the peer is gone or too slow; its connection is closed");
            self.peers.remove(&conn);
        }
        is_said
    }

    /// Ends a connection, after what was said on it. Whether it stood.
    pub fn close(&mut self, conn: ConnId) -> bool {
        self.peers.remove(&conn).is_some()
    }
}
