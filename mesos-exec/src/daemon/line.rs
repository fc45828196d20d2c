//! How executors that are processes of their own reach the agent's machine: a door for whoever carries their calls.
//!
//! It knows no protocol. A stream that is not read fast enough is cut off: its executor subscribes again and is told what it
//! does not have.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mesos_core::call::executor::{Event, Said, Subscription};
use mesos_core::call::operator::ReplyTo;
use mesos_core::call::{CloseReason, ConnId};
use mesos_core::daemon::Inbox;
use mesos_core::{Rejection, RejectionCode};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::agent::Arrival;
use crate::agent::{Agent, Answer, ContainerAsk, Input, Nest, Snapshot, Speaker};

/// Events that may wait for an executor that does not read; one this far behind is cut off.
const BACKLOG_MAX: usize = 4_096;

/// What an executor's stream carries.
#[derive(Debug, Clone, PartialEq)]
pub enum LineItem {
    /// The agent says something.
    Event(Event),
    /// The agent closes the stream.
    Closed(CloseReason),
}

/// What comes from executors.
#[derive(Debug)]
pub(super) enum LineArrival {
    Connected {
        conn: ConnId,
        speaker: Speaker,
        subscription: Subscription,
        line: mpsc::Sender<LineItem>,
    },
    Gone(ConnId),
    Said {
        speaker: Speaker,
        said: Said,
        reply: ReplyTo,
        answer: oneshot::Sender<Result<Answer, Rejection>>,
    },
    Asked {
        nest: Nest,
        ask: ContainerAsk,
        reply: ReplyTo,
        answer: oneshot::Sender<Result<Answer, Rejection>>,
    },
    /// Whoever asked does not wait for the answer any more.
    Left {
        nest: Nest,
        reply: ReplyTo,
    },
}

/// Takes executors' calls to the agent. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct ExecutorDoor {
    inbox: Inbox<Agent, Arrival>,
    conns: Arc<AtomicU64>,
    replies: Arc<AtomicU64>,
    pictures: Arc<Pictures>,
}

/// What keeps many who look at the agent at one time from costing it a snapshot each.
#[derive(Debug, Default)]
struct Pictures {
    /// Snapshots that were begun.
    begun: AtomicU64,
    /// The last one and its number, while somebody waits who may still take it.
    last: Mutex<Option<(u64, Arc<Snapshot>)>>,
    /// One more for each who asks.
    askers: Arc<()>,
}

impl Pictures {
    /// A snapshot that was begun after this was asked for; nothing when there is none any more.
    async fn take(&self, inbox: &Inbox<Agent, Arrival>) -> Option<Arc<Snapshot>> {
        let (before, asker) = (self.begun.load(Ordering::Relaxed), self.askers.clone());
        let mut last = self.last.lock().await;
        let taken = match last.take() {
            Some((number, snapshot)) if number > before => (number, snapshot),
            _ => {
                let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
                (number, Arc::new(inbox.inspect(Agent::snapshot).await?))
            }
        };
        let snapshot = taken.1.clone();
        // Not only this one and the door itself.
        if Arc::strong_count(&asker) > 2 {
            *last = Some(taken);
        }
        Some(snapshot)
    }
}

impl ExecutorDoor {
    pub(super) fn new(inbox: Inbox<Agent, Arrival>) -> Self {
        Self { inbox, conns: Arc::default(), replies: Arc::default(), pictures: Arc::default() }
    }

    /// Subscribes an executor. The first item is the agent's answer.
    ///
    /// # Errors
    /// [`RejectionCode::NotReady`] when the agent has ended.
    pub async fn subscribe(&self, speaker: Speaker, subscription: Subscription) -> Result<ExecutorLine, Rejection> {
        let conn = ConnId(self.conns.fetch_add(1, Ordering::Relaxed));
        let (line, items) = mpsc::channel(BACKLOG_MAX);
        let arrival = LineArrival::Connected { conn, speaker, subscription, line };
        if !self.inbox.send(Arrival::Line(arrival)).await {
            return Err(has_ended());
        }
        Ok(ExecutorLine { conn, items, inbox: self.inbox.clone(), is_closed: false })
    }

    /// Says something for an executor that is subscribed.
    ///
    /// # Errors
    /// The agent's refusal.
    pub async fn say(&self, speaker: Speaker, said: Said) -> Result<(), Rejection> {
        let (answer, answered) = oneshot::channel();
        let reply = self.next_reply();
        if !self.inbox.send(Arrival::Line(LineArrival::Said { speaker, said, reply, answer })).await {
            return Err(has_ended());
        }
        answered.await.unwrap_or_else(|_| Err(has_ended())).map(drop)
    }

    /// Asks for something about a container beside another. Whoever drops this before the answer is forgotten.
    ///
    /// # Errors
    /// The agent's refusal.
    pub async fn ask(&self, nest: Nest, ask: ContainerAsk) -> Result<Answer, Rejection> {
        let (answer, answered) = oneshot::channel();
        let reply = self.next_reply();
        let asked = Arrival::Line(LineArrival::Asked { nest: nest.clone(), ask, reply, answer });
        if !self.inbox.send(asked).await {
            return Err(has_ended());
        }
        let mut asker = Asker { inbox: &self.inbox, left: Some((nest, reply)) };
        let answer = answered.await;
        asker.left = None;
        answer.unwrap_or_else(|_| Err(has_ended()))
    }

    fn next_reply(&self) -> ReplyTo {
        ReplyTo(self.replies.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether somebody speaks for an executor whose process runs.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self, speaker: Speaker) -> Result<(), Rejection> {
        self.inbox.inspect(move |agent| agent.check_speaker(&speaker)).await.unwrap_or_else(|| Err(has_ended()))
    }

    /// Everything the agent knows; nothing when it has ended. It is as fresh as if it had been taken for whoever asks alone,
    /// and those who ask while another is taken share the next.
    pub async fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.pictures.take(&self.inbox).await
    }

    /// Snapshots that were begun so far.
    #[cfg(test)]
    pub(super) fn snapshots_begun(&self) -> u64 {
        self.pictures.begun.load(Ordering::Relaxed)
    }
}

/// Tells the agent when whoever asked leaves before the answer.
struct Asker<'a> {
    inbox: &'a Inbox<Agent, Arrival>,
    left: Option<(Nest, ReplyTo)>,
}

impl Drop for Asker<'_> {
    fn drop(&mut self) {
        let (Some((nest, reply)), Ok(runtime)) = (self.left.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let inbox = self.inbox.clone();
        runtime.spawn(async move { inbox.send(Arrival::Line(LineArrival::Left { nest, reply })).await });
    }
}

fn has_ended() -> Rejection {
    Rejection::new(RejectionCode::NotReady, "the agent has ended", "connect again when it is back")
}

/// One executor's stream. Dropping it tells the agent that the executor is gone.
#[derive(Debug)]
pub struct ExecutorLine {
    conn: ConnId,
    items: mpsc::Receiver<LineItem>,
    inbox: Inbox<Agent, Arrival>,
    is_closed: bool,
}

impl ExecutorLine {
    /// What the agent says next; nothing when the agent cut the stream off.
    pub async fn next(&mut self) -> Option<LineItem> {
        let item = self.items.recv().await;
        self.is_closed = !matches!(item, Some(LineItem::Event(_)));
        item
    }
}

impl Drop for ExecutorLine {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.is_closed {
            let (inbox, conn) = (self.inbox.clone(), self.conn);
            runtime.spawn(async move { inbox.send(Arrival::Line(LineArrival::Gone(conn))).await });
        }
    }
}

/// The streams of the executors that are connected, and the questions that are not answered.
#[derive(Debug, Default)]
pub(super) struct Lines {
    open: BTreeMap<ConnId, mpsc::Sender<LineItem>>,
    asked: BTreeMap<ReplyTo, oneshot::Sender<Result<Answer, Rejection>>>,
}

impl Lines {
    pub(super) fn admit(&mut self, arrival: LineArrival) -> Option<Input> {
        match arrival {
            LineArrival::Connected { conn, speaker, subscription, line } => {
                self.open.insert(conn, line);
                Some(Input::ExecutorConnected { conn, speaker, subscription })
            }
            LineArrival::Gone(conn) => {
                self.open.remove(&conn)?;
                Some(Input::ExecutorDisconnected { conn })
            }
            LineArrival::Said { speaker, said, reply, answer } => {
                self.asked.insert(reply, answer);
                Some(Input::ExecutorSaid { speaker, said, reply })
            }
            LineArrival::Asked { nest, ask, reply, answer } => {
                self.asked.insert(reply, answer);
                Some(Input::ContainerAsked { nest, ask, reply })
            }
            LineArrival::Left { nest, reply } => {
                self.asked.remove(&reply)?;
                Some(Input::AskerLeft { nest, reply })
            }
        }
    }

    /// Says something on a stream; whether it still stands.
    pub(super) fn send(&mut self, conn: ConnId, event: Event) -> bool {
        let Some(line) = self.open.get(&conn) else { return true };
        if line.try_send(LineItem::Event(event)).is_ok() {
            return true;
        }
        tracing::warn!(%conn, "an executor does not read what it is told, or left; it is cut off");
        self.open.remove(&conn);
        false
    }

    pub(super) fn close(&mut self, conn: ConnId, why: CloseReason) {
        if let Some(line) = self.open.remove(&conn) {
            // One whose backlog is full hears of the end from the end of the stream.
            let _ = line.try_send(LineItem::Closed(why));
        }
    }

    pub(super) fn answer(&mut self, reply: ReplyTo, result: Result<Answer, Rejection>) {
        if let Some(answer) = self.asked.remove(&reply) {
            let _ = answer.send(result);
        }
    }
}
