//! The connection of an agent or a framework to the leading master, inside its world.
//!
//! At most one stands or is under way. Each has a name of its own from the start, so that what an earlier one still has to
//! report is recognised and dropped.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::run::TOGETHER_MAX;
use super::{Connector, Inbox, Task};
use crate::call::{ConnId, Leader};
use crate::kernel::Seq;

/// What a connection reports.
#[derive(Debug)]
pub enum UplinkArrival<S, R> {
    /// It stands.
    Connected {
        /// Which.
        conn: ConnId,
        /// Says.
        sender: mpsc::Sender<(Seq, S)>,
    },
    /// It could not be made.
    Failed {
        /// Which.
        conn: ConnId,
    },
    /// The master said something.
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

/// What a machine is told about its connection.
#[derive(Debug)]
pub enum UplinkNews<R> {
    /// It stands.
    Connected(ConnId),
    /// It broke; without a name when it was never made.
    Disconnected(Option<ConnId>),
    /// The master said something.
    Received(ConnId, Seq, R),
}

/// The connection to the leading master.
#[derive(Debug)]
pub struct Uplink<S, R> {
    connector: Arc<dyn Connector<S, R>>,
    connections: u64,
    current: Option<Current<S>>,
}

#[derive(Debug)]
struct Current<S> {
    conn: ConnId,
    sender: Option<mpsc::Sender<(Seq, S)>>,
    /// Connects, then hears; ends with the connection.
    _task: Task,
}

impl<S: Send + 'static, R: Send + 'static> Uplink<S, R> {
    /// No connection yet.
    #[must_use]
    pub const fn new(connector: Arc<dyn Connector<S, R>>) -> Self {
        Self { connector, connections: 0, current: None }
    }

    /// Begins a connection instead of any other.
    pub fn connect<M, A>(&mut self, leader: Leader, inbox: Inbox<M, A>)
    where
        M: 'static,
        A: From<UplinkArrival<S, R>> + Send + 'static,
    {
        self.connections += 1;
        let conn = ConnId(self.connections);
        let connector = self.connector.clone();
        let task = Task::spawn(async move { carry(&*connector, &leader, conn, &inbox).await });
        self.current = Some(Current { conn, sender: None, _task: task });
    }

    /// What a report means to the machine; nothing when it is about an earlier connection.
    pub fn admit(&mut self, arrival: UplinkArrival<S, R>) -> Option<UplinkNews<R>> {
        let current = self.current.as_mut()?;
        match arrival {
            UplinkArrival::Connected { conn, sender } if conn == current.conn => {
                current.sender = Some(sender);
                Some(UplinkNews::Connected(conn))
            }
            UplinkArrival::Received { conn, seq, message } if conn == current.conn => {
                Some(UplinkNews::Received(conn, seq, message))
            }
            UplinkArrival::Failed { conn } if conn == current.conn => {
                self.current = None;
                Some(UplinkNews::Disconnected(None))
            }
            UplinkArrival::Closed { conn } if conn == current.conn => {
                self.current = None;
                Some(UplinkNews::Disconnected(Some(conn)))
            }
            _ => None,
        }
    }

    /// Says something. Whether the connection goes on: one that is gone or whose backlog is full does not.
    #[must_use]
    pub fn send(&mut self, conn: ConnId, seq: Seq, message: S) -> bool {
        let Some(current) = self.current.as_ref().filter(|current| current.conn == conn) else { return true };
        let is_said = current.sender.as_ref().is_some_and(|sender| sender.try_send((seq, message)).is_ok());
        if !is_said {
            tracing::warn!(%conn, "the master is gone or too slow; the connection is given up");
            self.current = None;
        }
        is_said
    }

    /// Closes a connection, after what was said on it.
    pub fn close(&mut self, conn: ConnId) {
        if self.current.as_ref().is_some_and(|current| current.conn == conn) {
            self.current = None;
        }
    }
}

/// Connects, and reports what comes.
async fn carry<S, R, M, A>(connector: &dyn Connector<S, R>, leader: &Leader, conn: ConnId, inbox: &Inbox<M, A>)
where
    R: Send,
    A: From<UplinkArrival<S, R>> + Send,
{
    let mut stream = match connector.connect(leader).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "no connection");
            inbox.send(UplinkArrival::Failed { conn }.into()).await;
            return;
        }
    };
    if !inbox.send(UplinkArrival::Connected { conn, sender: stream.sender }.into()).await {
        return;
    }
    let mut heard = Vec::new();
    while stream.receiver.recv_many(&mut heard, TOGETHER_MAX).await > 0 {
        let arrivals = heard.drain(..).map(|(seq, message)| A::from(UplinkArrival::Received { conn, seq, message }));
        if !inbox.send_all(arrivals).await {
            return;
        }
    }
    inbox.send(UplinkArrival::Closed { conn }.into()).await;
}
