//! Between a [`Stream`] of a machine and the batches of a connection.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::{Stream as Batches, StreamExt as _};
use tonic::{Status, Streaming};

use super::direction::Direction;
use super::server::{Judge, Pace};
use crate::daemon::Task;
use crate::kernel::Seq;
use crate::wire::convert::Aside;

/// A batch holds at most so many messages.
const BATCH_MESSAGES_MAX: usize = 256;
/// A batch that has so many bytes takes no more.
const BATCH_BYTES_ENOUGH: usize = 256 << 10;
/// What waits to be told beside the machine's messages. Of calls that are skipped whole beyond that, the log alone has it;
/// what was left out of a call waits, and its framework's further calls with it.
const ASIDES_MAX: usize = 64;

/// What both halves of one connection know.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    /// Messages of the peer that were skipped.
    skipped: Arc<AtomicU64>,
}

/// Tells the other half what was refused.
pub(super) type Asides = mpsc::Sender<Aside>;

/// What waits to go out.
enum Waiting<D: Direction> {
    /// Of the machine.
    Message(D::Domain),
    /// Of this side itself.
    Aside(D::Wire),
}

/// A peer that was cut off is let read what was said before for so long; tests wait less. For one that does not, the
/// transport asks for nothing more, so that it would never be let go.
const LAST_WORDS_AFTER: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 60 });

/// What was said and not yet taken by the transport.
struct Said<D: Direction> {
    messages: mpsc::Receiver<(Seq, D::Domain)>,
    asides: mpsc::Receiver<Aside>,
    waiting: VecDeque<Waiting<D>>,
}

/// The same, held by both halves of a connection; nothing when it was let go.
type Held<D> = Arc<Mutex<Option<Said<D>>>>;

/// Lets what was said go, in the end.
pub(super) struct LastWords<D: Direction>(Held<D>);

impl<D: Direction> LastWords<D> {
    async fn let_go(self) {
        tokio::time::sleep(LAST_WORDS_AFTER).await;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What is said, as batches. Ends when the machine has closed its side.
pub(super) struct Outgoing<D: Direction> {
    line: Line,
    said: Held<D>,
    next: u64,
    /// Hears the peer; ends with this.
    reader: Option<Task>,
}

impl<D: Direction> Outgoing<D> {
    pub(super) fn new(line: Line, messages: mpsc::Receiver<(Seq, D::Domain)>) -> (Self, Asides) {
        let (tell, asides) = mpsc::channel(ASIDES_MAX);
        let said = Said { messages, asides, waiting: VecDeque::new() };
        (Self { line, said: Arc::new(Mutex::new(Some(said))), next: 0, reader: None }, tell)
    }

    /// For whoever knows that the machine has closed its side, although nobody reads.
    pub(super) fn last_words(&self) -> LastWords<D> {
        LastWords(self.said.clone())
    }

    /// Ends `reader` when this ends.
    pub(super) fn with_reader(mut self, reader: Task) -> Self {
        self.reader = Some(reader);
        self
    }

    fn batch(&mut self, waiting: &mut VecDeque<Waiting<D>>) -> D::Batch {
        let skipped = self.line.skipped.load(Ordering::Relaxed);
        let (mut messages, mut bytes) = (Vec::with_capacity(waiting.len()), 0);
        while bytes < BATCH_BYTES_ENOUGH {
            let message = match waiting.pop_front() {
                Some(Waiting::Message(message)) => D::encode(&message, skipped),
                Some(Waiting::Aside(message)) => message,
                None => break,
            };
            bytes += message.encoded_len();
            messages.push(message);
        }
        let first = self.next;
        self.next += messages.len() as u64;
        D::batch(first, messages)
    }
}

impl<D: Direction> Batches for Outgoing<D>
where
    D::Domain: Unpin,
{
    type Item = D::Batch;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<D::Batch>> {
        let held = self.said.clone();
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(said) = &mut *held else { return Poll::Ready(None) };
        if said.waiting.is_empty() {
            while let Poll::Ready(Some(aside)) = said.asides.poll_recv(cx) {
                said.waiting.extend(D::aside(aside).map(Waiting::Aside));
            }
        }
        if said.waiting.is_empty() {
            let mut arrived = Vec::with_capacity(16);
            if ready!(said.messages.poll_recv_many(cx, &mut arrived, BATCH_MESSAGES_MAX)) == 0 {
                return Poll::Ready(None);
            }
            said.waiting.extend(arrived.into_iter().map(|(_, message)| Waiting::Message(message)));
        }
        Poll::Ready(Some(self.batch(&mut said.waiting)))
    }
}

/// The same for the answer of a server.
pub(super) struct Answer<D: Direction>(pub(super) Outgoing<D>);

impl<D: Direction> Batches for Answer<D>
where
    D::Domain: Unpin,
{
    type Item = Result<D::Batch, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(cx).map(|batch| batch.map(Ok))
    }
}

/// What a message of a peer must pass.
pub(super) struct Checks<T> {
    pub judge: Option<Judge<T>>,
    pub pace: Option<Pace>,
}

impl<T> Checks<T> {
    /// Nothing.
    pub(super) const fn none() -> Self {
        Self { judge: None, pace: None }
    }
}

/// Hears the peer of a server's stream, and sees to it that nothing is kept for one that was cut off.
pub(super) async fn attend<U: Direction, D: Direction>(
    batches: Streaming<U::Batch>,
    to: mpsc::Sender<(Seq, U::Domain)>,
    line: Line,
    checks: Checks<U::Domain>,
    tell: Asides,
    last_words: LastWords<D>,
) {
    hear::<U>(batches, to, line, checks, Some(tell)).await;
    last_words.let_go().await;
}

/// Hears the peer until either side ends: the machine hears of it when `to` is dropped.
pub(super) async fn hear<D: Direction>(
    mut batches: Streaming<D::Batch>,
    to: mpsc::Sender<(Seq, D::Domain)>,
    line: Line,
    mut checks: Checks<D::Domain>,
    tell: Option<Asides>,
) {
    let (mut expected, mut seq) = (0, 0);
    loop {
        let batch = tokio::select! {
            biased;
            () = to.closed() => return,
            batch = batches.next() => batch,
        };
        let batch = match batch {
            Some(Ok(batch)) => batch,
            Some(Err(status)) => {
                tracing::debug!(code = ?status.code(), message = status.message(), "a stream ended");
                return;
            }
            None => return,
        };
        let (first, messages) = D::open(batch);
        if first != expected {
            tracing::warn!(expected, first, "messages were lost on a stream; it is closed");
            return;
        }
        expected += messages.len() as u64;
        for message in messages {
            if let Some(wait) = checks.pace.as_mut().map(|pace| pace()).filter(|wait| !wait.is_zero()) {
                tokio::time::sleep(wait).await;
            }
            let judged = D::decode_parts(message).and_then(|(mut message, asides)| {
                checks.judge.as_mut().map_or(Ok(()), |judge| judge(&mut message)).map(|()| (message, asides))
            });
            match judged {
                Ok((message, asides)) => {
                    if to.send((Seq(seq), message)).await.is_err() {
                        return;
                    }
                    seq += 1;
                    for aside in asides {
                        let Some(tell) = &tell else { continue };
                        let is_told = tokio::select! {
                            biased;
                            () = to.closed() => false,
                            told = tell.send(aside) => told.is_ok(),
                        };
                        if !is_told {
                            return;
                        }
                    }
                }
                Err(rejection) => {
                    tracing::warn!(%rejection, "a message is skipped");
                    line.skipped.fetch_add(1, Ordering::Relaxed);
                    if let Some(tell) = &tell {
                        // When too many wait, the log has it.
                        let _ = tell.try_send(Aside::Refusal(rejection));
                    }
                }
            }
        }
    }
}
