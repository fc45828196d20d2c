//! A JSON text that is written piece by piece.

use mesos_core::net::http::{JSON, Overrun, Pace, RecordSender, Response, axum, record_stream};
use serde::Serialize;
use tokio::time::Instant;

/// A piece is sent when it has grown to this.
const PIECE_BYTES: usize = 64 << 10;

/// Writes a JSON text into an answer.
pub(super) struct Pieces {
    out: RecordSender,
    buffer: Vec<u8>,
    /// Whether the next member or item follows another one.
    follows: bool,
    pace: Pace,
    began: Instant,
    /// Bytes handed over.
    sent: u64,
}

impl Pieces {
    /// An answer, and what writes it, for a reader that is no slower than this.
    pub(super) fn answer(pace: Pace) -> (Self, Response) {
        let (out, body) = record_stream();
        let mut response = Response::new(body);
        let json = axum::http::HeaderValue::from_static(JSON);
        response.headers_mut().insert(axum::http::header::CONTENT_TYPE, json);
        let buffer = Vec::with_capacity(PIECE_BYTES + 4_096);
        (Self { out, buffer, follows: false, pace, began: Instant::now(), sent: 0 }, response)
    }

    pub(super) fn open(&mut self, bracket: u8) {
        self.buffer.push(bracket);
        self.follows = false;
    }

    /// Begins an object as an item of a list.
    pub(super) fn item_open(&mut self) {
        self.separate();
        self.open(b'{');
    }

    pub(super) fn close(&mut self, bracket: u8) {
        self.buffer.push(bracket);
        self.follows = true;
    }

    fn separate(&mut self) {
        if std::mem::replace(&mut self.follows, true) {
            self.buffer.push(b',');
        }
    }

    /// The name of the member that is written next.
    pub(super) fn key(&mut self, name: &str) {
        self.separate();
        self.write(name);
        self.buffer.push(b':');
        self.follows = false;
    }

    /// A whole member.
    pub(super) fn member(&mut self, name: &str, value: &impl Serialize) {
        self.key(name);
        self.write(value);
        self.follows = true;
    }

    /// An item of a list.
    pub(super) fn item(&mut self, value: &impl Serialize) {
        self.separate();
        self.write(value);
    }

    /// The members of an object, without its braces.
    pub(super) fn members_of(&mut self, value: &impl Serialize) {
        let start = self.buffer.len();
        self.separate();
        let after_separator = self.buffer.len();
        self.write(value);
        let is_object = self.buffer.get(after_separator) == Some(&b'{') && self.buffer.last() == Some(&b'}');
        debug_assert!(is_object, "only an object has members");
        self.buffer.pop();
        self.buffer.remove(after_separator);
        if self.buffer.len() == after_separator {
            self.buffer.truncate(start);
            self.follows = start != after_separator;
        }
    }

    pub(super) fn list<T: Serialize>(&mut self, name: &str, items: impl IntoIterator<Item = T>) {
        self.key(name);
        self.open(b'[');
        for item in items {
            self.item(&item);
        }
        self.close(b']');
    }

    fn write(&mut self, value: &(impl Serialize + ?Sized)) {
        serde_json::to_writer(&mut self.buffer, value).expect("rows have texts as keys, and memory takes all");
    }

    /// Hands over what is written, if it is much.
    pub(super) async fn hand_over(&mut self) -> Result<(), Overrun> {
        if self.buffer.len() < PIECE_BYTES {
            return Ok(());
        }
        self.finish().await
    }

    /// Hands over what is written.
    pub(super) async fn finish(&mut self) -> Result<(), Overrun> {
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES + 4_096));
        let left = self.pace.within(self.sent).saturating_sub(self.began.elapsed());
        self.sent += piece.len() as u64;
        // It may be late because this side was: what there is room for is taken in any case.
        tokio::time::timeout(left, self.out.send_frame(piece.into())).await.unwrap_or(Err(Overrun::Slow))
    }
}
