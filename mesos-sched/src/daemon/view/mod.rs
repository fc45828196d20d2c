//! A picture of the cluster outside the master: what operators see, and what happened.
//!
//! ```text
//!   Master ◀──PublishAll, PublishNothing── Wish ◀──first reader, none for a while── View
//!   Master ──Publish(Changes)──▶ Feed ══bounded══▶ View: folds ──▶ Snapshot      (any number of readers)
//!                                                        └───────▶ Event stream  (any number of subscribers)
//! ```
//!
//! The master never waits for a reader: changes go through a bounded queue into a picture of its own, whose rows readers
//! share. A snapshot is taken between two changes and costs as many reference counts as it has rows; writing it out
//! happens without any lock. All of that runs in a thread of its own.
//!
//! There is a picture only while somebody looks at it. The first reader wakes it: the master tells all there is, a portion at a
//! time, and then what changes. When nobody has looked for a while the master is told to publish nothing, and the picture is let
//! go. What is over (tasks that have ended, frameworks that were removed) is not lost with it: the master
//! [remembers](crate::master::Memory) that itself.
//!
//! It decides nothing and is never asked by the master.

mod book;
mod reading;
mod row;
mod snapshot;
mod spans;
mod thread;
mod usage;

#[cfg(test)]
mod equality;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mesos_core::daemon::{OpenSpans, SpanSink, Stretch};
use tokio::sync::{broadcast, mpsc, watch};

use crate::master::Changes;
use book::Book;
use reading::{Attention, Reading};
use thread::Thread;

pub use crate::master::Memory;
pub use reading::{Subscription, Wish};
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

/// So long after the last reader the picture is kept. What polls does so at least once a minute, as a rule: Mesos-DNS and
/// Prometheus every 60 s unless told otherwise.
pub const KEPT_AFTER: Duration = Duration::from_secs(150);

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
    sender: mpsc::Sender<Batch>,
    shared: Arc<Shared>,
    /// The wish that is being answered.
    wish: Wish,
    is_lost: bool,
    /// Whether all there is is being told, and is not yet.
    is_begun: bool,
}

/// The changes of a step on their way.
#[derive(Debug)]
struct Batch {
    /// Which wish they answer.
    wish: Wish,
    /// How many of them count as waiting.
    counted: usize,
    changes: Changes,
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
    memory: Memory,
    attention: watch::Sender<Attention>,
    wishes: watch::Sender<Wish>,
    /// Batches handed over.
    published: AtomicU64,
    /// Changes handed over and not yet folded.
    waiting: AtomicUsize,
    progress: watch::Sender<Progress>,
    events: broadcast::Sender<Event>,
}

/// How far folding is.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Batches folded, or let go because nobody wants them any more.
    folded: u64,
    /// Whether the picture has all there is.
    is_complete: bool,
    /// Whether nothing more will come.
    is_over: bool,
}

/// The picture. Clones share it.
#[derive(Debug, Clone)]
pub struct View {
    shared: Arc<Shared>,
    thread: Arc<Thread>,
}

impl View {
    /// A picture, and the end that a master fills it through. Nothing is filled in before somebody looks.
    ///
    /// # Panics
    /// When the system has no thread left.
    #[must_use]
    pub fn start(memory: Memory) -> (Self, Feed) {
        Self::start_kept(memory, KEPT_AFTER)
    }

    /// One that is kept for so long after its last reader.
    ///
    /// # Panics
    /// When the system has no thread left.
    #[must_use]
    pub fn start_kept(memory: Memory, kept_after: Duration) -> (Self, Feed) {
        let (sender, receiver) = mpsc::channel(FEED_MAX);
        let shared = Arc::new(Shared {
            book: Mutex::new(Book::new(memory)),
            memory,
            attention: watch::Sender::default(),
            wishes: watch::Sender::default(),
            published: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            progress: watch::Sender::default(),
            events: broadcast::channel(EVENTS_MAX).0,
        });
        let thread = Arc::new(Thread::start("mesos-view"));
        thread.spawn(fold(shared.clone(), receiver));
        thread.spawn(reading::put_to_sleep(shared.clone(), kept_after));
        let feed = Feed { sender, shared: shared.clone(), wish: Wish::default(), is_lost: false, is_begun: false };
        (Self { shared, thread }, feed)
    }

    /// The cluster at one moment: everything the master had done when this was asked is in it.
    pub async fn snapshot(&self) -> Arc<Snapshot> {
        self.look(|snapshot| snapshot).await
    }

    /// Looks at the cluster at such a moment, for as long as it takes.
    pub async fn look<R: Send + 'static>(&self, look: impl FnOnce(Arc<Snapshot>) -> R + Send + 'static) -> R {
        let reading = self.read();
        let looking = async move {
            reading.catch_up().await;
            let snapshot = reading.lock().snapshot();
            look(snapshot)
        };
        self.thread.run(looking).await
    }

    /// The cluster at one moment, and everything that happens from then on.
    pub async fn subscribe(&self) -> (Arc<Snapshot>, Subscription) {
        let reading = self.read();
        let subscribing = async move {
            reading.catch_up().await;
            let mut book = reading.lock();
            let (snapshot, events) = (book.snapshot(), reading.events.subscribe());
            drop(book);
            (snapshot, Subscription { events, _reading: reading })
        };
        self.thread.run(subscribing).await
    }

    /// Tells how long tasks take until they run, from their accepted offers on, for as long as there is the picture: there is
    /// one from now on.
    pub fn tell_spans(&self, sink: Arc<dyn SpanSink>) {
        let open = OpenSpans::new(sink, Stretch::Task);
        let (events, reading) = (self.shared.events.subscribe(), self.read());
        self.begin(spans::tell(Subscription { events, _reading: reading }, open));
    }

    /// Begins what takes long and waits in between, like writing the cluster out to a slow reader. Nobody else waits for
    /// it, and it ends with the picture.
    pub fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.thread.spawn(work);
    }

    fn read(&self) -> Reading {
        Reading::begin(self.shared.clone())
    }
}

impl Shared {
    async fn catch_up(&self) {
        let published = self.published.load(Ordering::Acquire);
        let is_there = |now: &Progress| now.is_over || (now.is_complete && now.folded >= published);
        // The sender lives as long as the picture.
        let _ = self.progress.subscribe().wait_for(is_there).await;
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed {
    /// What the picture wants of its master, and every change of that. Whoever hosts the master tells it.
    #[must_use]
    pub fn wishes(&self) -> watch::Receiver<Wish> {
        self.shared.wishes.subscribe()
    }

    /// What is published from now on answers this wish.
    pub const fn take_up(&mut self, wish: Wish) {
        self.wish = wish;
        self.is_lost = false;
    }

    /// How much of what is over the master shall remember.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.shared.memory
    }

    /// Hands over the changes of one step; never waits.
    pub fn publish(&mut self, changes: Changes) -> Published {
        let is_first = matches!(changes.list.first(), Some(crate::master::Change::Reset));
        let (is_complete, waiting) = (changes.is_complete, self.shared.waiting.load(Ordering::Acquire));
        if self.is_lost && !is_first {
            // There is room enough again when half of the queue is free.
            return match self.sender.capacity() * 2 > FEED_MAX && waiting * 2 < CHANGES_MAX {
                true => Published::AllIsWanted,
                false => Published::Handed,
            };
        }
        // All there is is as much as the books hold, and whoever wants it takes it all.
        self.is_begun |= is_first;
        let counted = if self.is_begun { 0 } else { changes.list.len() };
        if waiting + counted > CHANGES_MAX {
            self.lose();
            return Published::Handed;
        }
        // Before it can be folded.
        self.shared.waiting.fetch_add(counted, Ordering::AcqRel);
        match self.sender.try_send(Batch { wish: self.wish, counted, changes }) {
            Ok(()) => {
                self.is_lost = false;
                self.is_begun &= !is_complete;
                self.shared.published.fetch_add(1, Ordering::Release);
                return Published::Handed;
            }
            Err(mpsc::error::TrySendError::Full(_)) => self.lose(),
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
        self.shared.waiting.fetch_sub(counted, Ordering::AcqRel);
        Published::Handed
    }

    fn lose(&mut self) {
        tracing::warn!(
            steps = FEED_MAX,
            changes = CHANGES_MAX,
            "the picture for views is too far behind and begins anew"
        );
        (self.is_lost, self.is_begun) = (true, false);
    }
}

async fn fold(shared: Arc<Shared>, mut receiver: mpsc::Receiver<Batch>) {
    let mut batches = Vec::with_capacity(TOGETHER_MAX);
    while receiver.recv_many(&mut batches, TOGETHER_MAX).await > 0 {
        let count = batches.len() as u64;
        let counted: usize = batches.iter().map(|batch| batch.counted).sum();
        let wish = *shared.wishes.borrow();
        let is_heard = shared.events.receiver_count() > 0;
        let mut is_complete = None;
        let mut book = shared.lock();
        for Batch { changes, .. } in batches.drain(..).filter(|batch| wish.is_all && batch.wish == wish) {
            is_complete = Some(changes.is_complete);
            book.fold(changes, |event| {
                if is_heard {
                    // Nobody may listen any more.
                    let _ = shared.events.send(event);
                }
            });
        }
        drop(book);
        shared.waiting.fetch_sub(counted, Ordering::AcqRel);
        shared.progress.send_modify(|progress| {
            progress.folded += count;
            progress.is_complete = is_complete.unwrap_or(progress.is_complete);
        });
    }
    shared.progress.send_modify(|progress| progress.is_over = true);
}
