//! A picture of the cluster outside the master: what operators see, and what happened.
//!
//! ```text
//!   Master ──Publish(Changes)──▶ Feed ══bounded══▶ View: folds ──▶ Snapshot      (any number of readers)
//!                                                        └───────▶ Event stream  (any number of subscribers)
//! ```
//!
//! The master never waits for a reader: changes go through a bounded queue into a picture of its own, whose rows readers
//! share. A snapshot is taken between two changes and costs as many reference counts as it has rows; writing it out
//! happens without any lock. All of that runs in a thread of its own. What the master forgets (tasks that have
//! ended, frameworks that were removed) is remembered here, within bounds.
//!
//! It decides nothing and is never asked by the master.

mod book;
mod row;
mod snapshot;
mod spans;
mod thread;
mod usage;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesos_core::daemon::{OpenSpans, SpanSink, Stretch};
use tokio::sync::{broadcast, mpsc, watch};

use crate::master::Changes;
use book::Book;
use thread::Thread;

pub use row::{AgentRow, ExecutorRow, FrameworkRow, OfferRow, OperationRow, TaskRow, Totals};
pub use snapshot::{FrameworkView, RoleAmounts, Snapshot, Visible};
pub use usage::{Amounts, Usage};

/// Steps whose changes wait to be folded. When more do, the rest is let go and all of it is asked for again.
const FEED_MAX: usize = 65_536;
/// Changes that wait: one step can have many. They take a few hundred bytes each, beside what they share with the master.
const CHANGES_MAX: usize = 1 << 19;
/// Batches folded under one lock.
const TOGETHER_MAX: usize = 64;
/// Events that wait for a subscriber. One that is further behind is cut off.
pub const EVENTS_MAX: usize = 16_384;

/// How much of what is over is remembered. The defaults are those of Mesos (`docs/configuration/master.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Removed frameworks.
    pub completed_frameworks_max: usize,
    /// Ended tasks of one framework.
    pub completed_tasks_max: usize,
    /// Unreachable tasks of one framework.
    pub unreachable_tasks_max: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { completed_frameworks_max: 50, completed_tasks_max: 1_000, unreachable_tasks_max: 1_000 }
    }
}

/// Something that happened, for subscribers.
#[derive(Debug, Clone)]
pub enum Event {
    /// A task was launched, or came with its agent.
    TaskAdded(Arc<TaskRow>),
    /// A task is in another state, or something new was said of it; what was said last is its last status.
    TaskUpdated(Arc<TaskRow>),
    /// A framework subscribed for the first time.
    FrameworkAdded(Arc<FrameworkRow>),
    /// A framework is another.
    FrameworkUpdated(Arc<FrameworkRow>),
    /// A framework was removed.
    FrameworkRemoved(Arc<FrameworkRow>),
    /// An agent came.
    AgentAdded(Arc<AgentRow>),
    /// An agent left.
    AgentRemoved(Arc<AgentRow>),
    /// The picture was begun anew: what subscribers know is void.
    Reset,
}

/// The master's end of a view.
#[derive(Debug)]
pub struct Feed {
    sender: mpsc::Sender<Changes>,
    shared: Arc<Shared>,
    is_lost: bool,
}

/// What became of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Published {
    /// They will be folded, or nobody listens.
    Handed,
    /// Some were let go before: everything is wanted anew.
    AllIsWanted,
}

#[derive(Debug)]
struct Shared {
    book: Mutex<Book>,
    /// Batches handed over.
    published: AtomicU64,
    /// Changes handed over and not yet folded.
    waiting: AtomicUsize,
    /// Batches folded.
    folded: watch::Sender<u64>,
    events: broadcast::Sender<Event>,
}

/// The picture. Clones share it.
#[derive(Debug, Clone)]
pub struct View {
    shared: Arc<Shared>,
    thread: Arc<Thread>,
}

impl View {
    /// A picture, and the end that a master fills it through.
    ///
    /// # Panics
    /// When the system has no thread left.
    #[must_use]
    pub fn start(memory: Memory) -> (Self, Feed) {
        let (sender, receiver) = mpsc::channel(FEED_MAX);
        let shared = Arc::new(Shared {
            book: Mutex::new(Book::new(memory)),
            published: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            folded: watch::channel(0).0,
            events: broadcast::channel(EVENTS_MAX).0,
        });
        let thread = Arc::new(Thread::start("mesos-view"));
        thread.spawn(fold(shared.clone(), receiver));
        (Self { shared: shared.clone(), thread }, Feed { sender, shared, is_lost: false })
    }

    /// The cluster at one moment: everything the master had done when this was asked is in it.
    pub async fn snapshot(&self) -> Arc<Snapshot> {
        self.look(|snapshot| snapshot).await
    }

    /// Looks at the cluster at such a moment, for as long as it takes.
    pub async fn look<R: Send + 'static>(&self, look: impl FnOnce(Arc<Snapshot>) -> R + Send + 'static) -> R {
        let shared = self.shared.clone();
        let looking = async move {
            shared.catch_up().await;
            let snapshot = shared.lock().snapshot();
            look(snapshot)
        };
        self.thread.run(looking).await
    }

    /// The cluster at one moment, and everything that happens from then on.
    pub async fn subscribe(&self) -> (Arc<Snapshot>, broadcast::Receiver<Event>) {
        let shared = self.shared.clone();
        let subscribing = async move {
            shared.catch_up().await;
            let mut book = shared.lock();
            (book.snapshot(), shared.events.subscribe())
        };
        self.thread.run(subscribing).await
    }

    /// Tells how long tasks take until they run, from their accepted offers on, for as long as there is the picture.
    pub fn tell_spans(&self, sink: Arc<dyn SpanSink>) {
        let open = OpenSpans::new(sink, Stretch::Task);
        self.begin(spans::tell(self.shared.events.subscribe(), open));
    }

    /// Begins what takes long and waits in between, like writing the cluster out to a slow reader. Nobody else waits for
    /// it, and it ends with the picture.
    pub fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.thread.spawn(work);
    }
}

impl Shared {
    async fn catch_up(&self) {
        let published = self.published.load(Ordering::Acquire);
        // The sender lives as long as the picture.
        let _ = self.folded.subscribe().wait_for(|folded| *folded >= published).await;
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed {
    /// Hands over the changes of one step; never waits.
    pub fn publish(&mut self, changes: Changes) -> Published {
        let is_whole = matches!(changes.list.first(), Some(crate::master::Change::Reset));
        let (count, waiting) = (changes.list.len(), self.shared.waiting.load(Ordering::Acquire));
        if self.is_lost && !is_whole {
            // There is room enough again when half of the queue is free.
            return match self.sender.capacity() * 2 > FEED_MAX && waiting * 2 < CHANGES_MAX {
                true => Published::AllIsWanted,
                false => Published::Handed,
            };
        }
        // All of it is as much as it is; it comes when there is room.
        if !is_whole && waiting + count > CHANGES_MAX {
            self.lose();
            return Published::Handed;
        }
        // Before it can be folded.
        self.shared.waiting.fetch_add(count, Ordering::AcqRel);
        match self.sender.try_send(changes) {
            Ok(()) => {
                self.is_lost = false;
                self.shared.published.fetch_add(1, Ordering::Release);
                return Published::Handed;
            }
            Err(mpsc::error::TrySendError::Full(_)) => self.lose(),
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
        self.shared.waiting.fetch_sub(count, Ordering::AcqRel);
        Published::Handed
    }

    fn lose(&mut self) {
        tracing::warn!(
            steps = FEED_MAX,
            changes = CHANGES_MAX,
            "the picture for views is too far behind and begins anew"
        );
        self.is_lost = true;
    }
}

async fn fold(shared: Arc<Shared>, mut receiver: mpsc::Receiver<Changes>) {
    let mut batches = Vec::with_capacity(TOGETHER_MAX);
    while receiver.recv_many(&mut batches, TOGETHER_MAX).await > 0 {
        let count = batches.len() as u64;
        let changes: usize = batches.iter().map(|changes| changes.list.len()).sum();
        let is_heard = shared.events.receiver_count() > 0;
        let mut book = shared.lock();
        for changes in batches.drain(..) {
            book.fold(changes, |event| {
                if is_heard {
                    // Nobody may listen any more.
                    let _ = shared.events.send(event);
                }
            });
        }
        drop(book);
        shared.waiting.fetch_sub(changes, Ordering::AcqRel);
        shared.folded.send_modify(|folded| *folded += count);
    }
}
