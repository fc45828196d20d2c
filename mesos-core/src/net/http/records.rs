//! RecordIO in both directions: answers that go on, and bodies that do.
//!
//! A record is one frame of the body and so one chunk of the answer: clients exist that take a chunk for an event. What
//! waits is bounded; a reader that takes nothing for a while is cut off, and whoever says something finds out.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use super::Refusal;
use crate::wire::record_io::{self, Decoder};

/// Records that wait for a reader. What waits beyond is kept by whoever says it, under a bound of its own.
pub const RECORDS_WAITING_MAX: usize = 64;
/// A reader that takes nothing for this long while something waits is cut off.
pub const STALLED_MAX: Duration = Duration::from_secs(60);

/// The reader of a stream is gone or was too slow; it hears nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Overrun {
    /// It left.
    #[error("the reader left")]
    Gone,
    /// It took nothing for too long.
    #[error("the reader took nothing for {} s", STALLED_MAX.as_secs())]
    Stalled,
    /// It took less than it [must](super::Pace).
    #[error("the reader is too slow")]
    Slow,
}

/// Says records on a stream. Dropping the last clone ends the stream, after what was said.
#[derive(Debug, Clone)]
pub struct RecordSender(mpsc::Sender<Bytes>);

/// A body that is a stream of records, and what says them.
#[must_use = "the sender is the stream's life"]
pub fn record_stream() -> (RecordSender, Body) {
    let (sender, receiver) = mpsc::channel(RECORDS_WAITING_MAX);
    (RecordSender(sender), Body::new(RecordBody(receiver)))
}

/// A message as a record, for whoever [holds](super::Pace::hold) something with it and sends it as a
/// [frame](RecordSender::send_frame).
#[must_use]
pub fn record(message: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(message.len() + 12);
    record_io::encode(message, &mut record);
    record
}

impl RecordSender {
    /// Says one message; waits for room.
    ///
    /// # Errors
    /// [`Overrun`]: the stream is over.
    pub async fn send(&self, message: &[u8]) -> Result<(), Overrun> {
        self.send_frame(record(message).into()).await
    }

    /// Says what is no record, as a part of an answer that has another form; waits for room.
    ///
    /// # Errors
    /// [`Overrun`]: the stream is over.
    pub async fn send_frame(&self, frame: Bytes) -> Result<(), Overrun> {
        match self.0.try_send(frame) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Overrun::Gone),
            Err(mpsc::error::TrySendError::Full(frame)) => {
                self.0.send_timeout(frame, STALLED_MAX).await.map_err(|error| match error {
                    mpsc::error::SendTimeoutError::Closed(_) => Overrun::Gone,
                    mpsc::error::SendTimeoutError::Timeout(_) => Overrun::Stalled,
                })
            }
        }
    }

    /// Waits until the reader has left.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

struct RecordBody(mpsc::Receiver<Bytes>);

impl http_body::Body for RecordBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        self.0.poll_recv(cx).map(|record| record.map(|record| Ok(Frame::data(record))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Reads the records of a request's body as they arrive.
#[derive(Debug)]
pub struct RecordReader {
    body: Body,
    decoder: Decoder,
    is_over: bool,
}

impl RecordReader {
    /// A reader of records of at most this many bytes.
    #[must_use]
    pub fn new(body: Body, record_bytes_max: usize) -> Self {
        Self { body, decoder: Decoder::new(record_bytes_max), is_over: false }
    }

    /// The next record; nothing when the body has ended.
    ///
    /// # Errors
    /// 400 when a length is wrong or too large, or the body breaks off within a record.
    pub async fn next_record(&mut self) -> Result<Option<Vec<u8>>, Refusal> {
        loop {
            let record = self.decoder.next_record().map_err(|error| Refusal::bad_request(error.to_string()))?;
            if record.is_some() {
                return Ok(record);
            }
            if self.is_over {
                return match self.decoder.is_between_records() {
                    true => Ok(None),
                    false => Err(Refusal::bad_request("the body ended within a record")),
                };
            }
            match self.body.frame().await {
                None => self.is_over = true,
                Some(Ok(frame)) => {
                    if let Ok(part) = frame.into_data() {
                        self.decoder.feed(&part);
                    }
                }
                Some(Err(error)) => return Err(Refusal::bad_request(format!("the body broke off: {error}"))),
            }
        }
    }
}
