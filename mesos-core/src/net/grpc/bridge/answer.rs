//! The body of an answer of HTTP as messages of gRPC, with the status behind them.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use tonic::Code;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Frames to come. What a record keeps alive until it is written lives on: its bytes are passed, not copied.
pub(super) struct Framed {
    /// Where further records come from.
    records: Option<Body>,
    waiting: VecDeque<Frame<Bytes>>,
}

impl Framed {
    /// One message; nothing when it is longer than a message may be.
    pub(super) fn one(message: Bytes) -> Option<Self> {
        let mut framed = Self { records: None, waiting: VecDeque::with_capacity(3) };
        framed.say(message)?;
        framed.end(Code::Ok);
        Some(framed)
    }

    /// Each record as a message.
    pub(super) fn stream(records: Body) -> Self {
        Self { records: Some(records), waiting: VecDeque::new() }
    }

    fn say(&mut self, message: Bytes) -> Option<()> {
        let [a, b, c, d] = u32::try_from(message.len()).ok()?.to_be_bytes();
        self.waiting.push_back(Frame::data(Bytes::copy_from_slice(&[0, a, b, c, d])));
        if !message.is_empty() {
            self.waiting.push_back(Frame::data(message));
        }
        Some(())
    }

    fn end(&mut self, code: Code) {
        self.records = None;
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert(STATUS, HeaderValue::from(code as i32));
        self.waiting.push_back(Frame::trailers(trailers));
    }
}

/// The message in a record. A record is one frame of a body, always.
fn message_in(mut record: Bytes) -> Option<Bytes> {
    let at = record.iter().position(|byte| *byte == b'\n')?;
    let head = record.split_to(at + 1);
    let length: usize = std::str::from_utf8(&head).ok()?.trim_end().parse().ok()?;
    (length == record.len()).then_some(record)
}

impl http_body::Body for Framed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            let Some(records) = &mut self.records else { return Poll::Ready(None) };
            match ready!(Pin::new(records).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let message = frame.into_data().ok().and_then(message_in);
                    if message.and_then(|message| self.say(message)).is_none() {
                        self.end(Code::Internal);
                    }
                }
                Some(Err(_)) => self.end(Code::Internal),
                None => self.end(Code::Ok),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::net::http::record_stream;

    async fn written(framed: Framed) -> (Vec<u8>, HeaderValue) {
        let whole = framed.collect().await.unwrap();
        let status = whole.trailers().unwrap()[STATUS].clone();
        (whole.to_bytes().to_vec(), status)
    }

    #[tokio::test]
    async fn messages_are_followed_by_the_status() {
        let (bytes, status) = written(Framed::one(Bytes::from_static(b"hello")).unwrap()).await;
        assert_eq!((&bytes[..], status), (&b"\0\0\0\0\x05hello"[..], HeaderValue::from(0)));
        let (records, body) = record_stream();
        records.send(b"hello").await.unwrap();
        records.send(b"").await.unwrap();
        drop(records);
        let (bytes, status) = written(Framed::stream(body)).await;
        assert_eq!((&bytes[..], status), (&b"\0\0\0\0\x05hello\0\0\0\0\0"[..], HeaderValue::from(0)));
    }

    #[tokio::test]
    async fn what_is_no_record_ends_the_stream_as_broken() {
        for wrong in [&b"hello"[..], b"6\nhello", b"x\nhello"] {
            let (bytes, status) = written(Framed::stream(Body::from(wrong))).await;
            assert_eq!((bytes.len(), status), (0, HeaderValue::from(Code::Internal as i32)));
        }
    }
}
