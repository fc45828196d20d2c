//! The connections of many peers to one machine, inside its world.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::backlog::{BacklogBounds, Waiting, Weigh};
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
    bounds: BacklogBounds,
    /// What waits for all of them, at most: peers that have read since something was said to them hold less.
    bytes: usize,
    /// When so much may wait it is found out how much does.
    look_at: usize,
}

#[derive(Debug)]
struct Peer<S> {
    sender: mpsc::Sender<(Seq, S)>,
    waiting: Waiting,
    _reader: Task,
}

impl<S> Peer<S> {
    /// Finds out what was read; the bytes of it.
    fn settle(&mut self) -> usize {
        self.waiting.settle(self.sender.max_capacity() - self.sender.capacity())
    }
}

impl<S> Default for Peers<S> {
    fn default() -> Self {
        Self::new(BacklogBounds::default())
    }
}

impl<S> Peers<S> {
    /// None yet.
    #[must_use]
    pub fn new(bounds: BacklogBounds) -> Self {
        Self { peers: HashMap::new(), bounds, bytes: 0, look_at: bounds.sum_bytes_max }
    }
}

impl<S: Weigh + Send + 'static> Peers<S> {
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
        self.peers.insert(conn, Peer { sender, waiting: Waiting::default(), _reader: reader });
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

    /// Says something. `ended` hears which connections are over with that: this one, when it is gone or too much waits for
    /// it, and whichever held most, when too much waits for all.
    pub fn send(&mut self, conn: ConnId, seq: Seq, message: S, mut ended: impl FnMut(ConnId)) {
        let Some(peer) = self.peers.get_mut(&conn) else { return };
        let bytes = message.bytes();
        self.bytes -= peer.settle();
        let has_room = peer.waiting.bytes() + bytes <= self.bounds.stream_bytes_max || peer.waiting.bytes() == 0;
        if !has_room || peer.sender.try_send((seq, message)).is_err() {
            tracing::warn!(%conn, waiting = peer.waiting.bytes(), "the peer is gone or too slow; its connection is closed");
            self.close(conn);
            return ended(conn);
        }
        peer.waiting.add(bytes);
        self.bytes += bytes;
        while self.bytes > self.look_at {
            self.look();
            if self.bytes <= self.bounds.sum_bytes_max {
                break;
            }
            let Some(most) = self.hungriest() else { break };
            let waiting = self.peers.get(&most).map_or(0, |peer| peer.waiting.bytes());
            tracing::warn!(conn = %most, waiting, all = self.bytes, "too much waits for all peers; the slowest is cut off");
            self.close(most);
            ended(most);
        }
    }

    /// Finds out what waits. It is looked again when a sixteenth more may wait, so that looking costs little per message.
    fn look(&mut self) {
        self.bytes -= self.peers.values_mut().map(Peer::settle).sum::<usize>();
        let max = self.bounds.sum_bytes_max;
        self.look_at = if self.bytes > max { max } else { max.max(self.bytes + max / 16) };
    }

    /// For whom most waits; of several, the one that connected last.
    fn hungriest(&self) -> Option<ConnId> {
        self.peers.iter().map(|(conn, peer)| (peer.waiting.bytes(), *conn)).max().map(|(_, conn)| conn)
    }

    /// Ends a connection, after what was said on it. Whether it stood.
    pub fn close(&mut self, conn: ConnId) -> bool {
        let Some(peer) = self.peers.remove(&conn) else { return false };
        self.bytes -= peer.waiting.bytes();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::agent::ToAgent;
    use crate::daemon::{STREAM_BACKLOG_MAX, inbox, pair};

    #[derive(Debug)]
    struct Heard;

    impl From<PeerArrival<ToAgent, u8>> for Heard {
        fn from(_: PeerArrival<ToAgent, u8>) -> Self {
            Self
        }
    }

    fn message(bytes: usize) -> ToAgent {
        ToAgent::Message {
            framework_id: crate::FrameworkId::new("f").unwrap(),
            executor_id: crate::ExecutorId::new("e").unwrap(),
            data: vec![0; bytes].into(),
        }
    }

    const STREAM_MAX: usize = 1 << 20;
    const SUM_MAX: usize = 3 << 20;

    /// Peers with these names, and their ends.
    fn peers(count: u64) -> (Peers<ToAgent>, Vec<Stream<u8, ToAgent>>) {
        let mut peers = Peers::new(BacklogBounds { stream_bytes_max: STREAM_MAX, sum_bytes_max: SUM_MAX });
        let (inbox, _) = inbox::<(), Heard>();
        let ends = (0..count).map(|conn| {
            let (own, theirs) = pair(STREAM_BACKLOG_MAX);
            peers.accept(ConnId(conn), own, inbox.clone());
            theirs
        });
        let ends = ends.collect();
        (peers, ends)
    }

    fn say(peers: &mut Peers<ToAgent>, conn: u64, bytes: usize) -> Vec<u64> {
        let mut ended = Vec::new();
        peers.send(ConnId(conn), Seq(0), message(bytes), |conn| ended.push(conn.0));
        ended
    }

    #[tokio::test]
    async fn a_peer_for_whom_too_many_bytes_wait_is_cut_off_and_one_that_reads_is_not() {
        let (mut peers, mut ends) = peers(2);
        let size = 10_000;
        let mut said = 0;
        while say(&mut peers, 0, size).is_empty() {
            said += 1;
            assert!(said * size <= STREAM_MAX, "{said} messages wait");
            // The other one reads, and hears far more than may wait.
            assert!(say(&mut peers, 1, 4 * size).is_empty());
            assert!(ends[1].receiver.recv().await.is_some());
        }
        assert!(said * size > STREAM_MAX * 9 / 10, "{said} messages are far from the bound");
        assert!(!peers.contains(ConnId(0)) && peers.contains(ConnId(1)));
        // What is larger than the bound is said to whoever has read everything.
        assert!(say(&mut peers, 1, 2 * STREAM_MAX).is_empty());
        assert_eq!(say(&mut peers, 1, 1), [1]);
    }

    #[tokio::test]
    async fn when_too_much_waits_for_all_the_one_that_holds_most_is_cut_off() {
        let (mut peers, mut ends) = peers(8);
        let size = 100_000;
        let mut ended = Vec::new();
        for round in 0..5 {
            for conn in 0..8 {
                ended.extend(say(&mut peers, conn, if conn == 5 { 2 * size } else { size }));
            }
            // This one reads what it is told: it is never in anybody's way.
            while ends[6].receiver.try_recv().is_ok() {}
            assert!(ended.is_empty() || round > 2, "{ended:?} in round {round}");
        }
        assert_eq!(ended.first(), Some(&5), "it holds most");
        assert!(!ended.contains(&6), "{ended:?}");
        assert!(peers.bytes <= SUM_MAX + SUM_MAX / 16, "{} bytes wait", peers.bytes);
        for conn in 0..8 {
            peers.close(ConnId(conn));
        }
        assert_eq!(peers.bytes, 0);
    }
}
