//! The messages of a request of gRPC as the body of a request of HTTP.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http_body::Frame;

/// Before each message: whether it is compressed, and its length in four bytes.
const HEAD_BYTES: usize = 5;

/// One message without what is around it, or each as a record. How large a body or a record may be is for whoever reads it: a
/// message is passed on as it arrives, and never kept.
pub(super) struct Unframed {
    inner: Body,
    takes_stream: bool,
    /// What came and was not passed on.
    rest: Bytes,
    /// What came of the next message's head.
    head: BytesMut,
    /// What is to come of the message that has begun.
    left: usize,
    /// Messages that have begun.
    begun: u64,
}

impl Unframed {
    pub(super) fn new(inner: Body, takes_stream: bool) -> Self {
        Self { inner, takes_stream, rest: Bytes::new(), head: BytesMut::with_capacity(HEAD_BYTES), left: 0, begun: 0 }
    }

    /// The next part of the body that is here already.
    fn next_part(&mut self) -> Result<Option<Bytes>, io::Error> {
        while !self.rest.is_empty() {
            if self.left > 0 {
                let part = self.rest.split_to(self.left.min(self.rest.len()));
                self.left -= part.len();
                return Ok(Some(part));
            }
            let missing = HEAD_BYTES - self.head.len();
            let part = self.rest.split_to(missing.min(self.rest.len()));
            self.head.put_slice(&part);
            if self.head.len() == HEAD_BYTES
                && let Some(record) = self.begin()?
            {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// A head is here: begins its message, with the head of a record where records are wanted.
    fn begin(&mut self) -> Result<Option<Bytes>, io::Error> {
        let is_compressed = self.head.get_u8() != 0;
        let length = self.head.get_u32();
        self.head.clear();
        if is_compressed {
            return Err(wrong("compressed messages are not read"));
        }
        self.begun += 1;
        if self.begun > 1 && !self.takes_stream {
            return Err(wrong("there is more than one message"));
        }
        self.left = usize::try_from(length).map_err(|_| wrong("a message is too long"))?;
        Ok(self.takes_stream.then(|| Bytes::from(format!("{length}\n"))))
    }

    /// The body has ended: whether that is where it may.
    fn end(&self) -> Result<(), io::Error> {
        if self.left > 0 || !self.head.is_empty() {
            return Err(wrong("it ended within a message"));
        }
        if self.begun == 0 && !self.takes_stream {
            return Err(wrong("there is no message"));
        }
        Ok(())
    }
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl http_body::Body for Unframed {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        loop {
            match self.next_part() {
                Ok(Some(part)) => return Poll::Ready(Some(Ok(Frame::data(part)))),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                // Trailers say nothing here.
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(self.end().err().map(|error| Err(error.into()))),
            }
        }
    }
}

/// What comes of these bytes in pieces of this size, and why no more does.
#[cfg(any(test, fuzzing))]
pub(in crate::net) fn unframed(bytes: &[u8], piece: usize, takes_stream: bool) -> (Vec<u8>, Option<String>) {
    let pieces: Vec<_> =
        bytes.chunks(piece).map(|piece| io::Result::Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let pieces = Body::new(http_body_util::StreamBody::new(tokio_stream::iter(pieces)));
    let mut body = Unframed::new(pieces, takes_stream);
    let mut read = Vec::new();
    let mut cx = Context::from_waker(std::task::Waker::noop());
    loop {
        match http_body::Body::poll_frame(Pin::new(&mut body), &mut cx) {
            Poll::Ready(Some(Ok(frame))) => read.extend(frame.into_data().unwrap_or_default()),
            Poll::Ready(Some(Err(error))) => return (read, Some(error.to_string())),
            Poll::Ready(None) => return (read, None),
            // The stream lets others go first now and then.
            Poll::Pending => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> Vec<u8> {
        let mut framed = vec![0];
        framed.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        framed.extend(bytes);
        framed
    }

    fn read(bytes: &[u8], piece: usize, takes_stream: bool) -> Result<Vec<u8>, String> {
        let (read, problem) = unframed(bytes, piece, takes_stream);
        problem.map_or(Ok(read), Err)
    }

    #[test]
    fn messages_are_read_whatever_their_pieces() {
        let (one, three) = (message(b"hello"), [message(b"hello"), message(b""), message(b"you")].concat());
        for piece in [1, 2, 5, 7, 100] {
            assert_eq!(read(&one, piece, false).unwrap(), b"hello");
            assert_eq!(read(&message(b""), piece, false).unwrap(), b"");
            assert_eq!(read(&three, piece, true).unwrap(), b"5\nhello0\n3\nyou");
            assert_eq!(read(b"", piece, true).unwrap(), b"");
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let two = [message(b"a"), message(b"b")].concat();
        let compressed = [1, 0, 0, 0, 1, b'a'];
        for (bytes, takes_stream, says) in [
            (&b""[..], false, "there is no message"),
            (&two, false, "there is more than one message"),
            (&two[..5], false, "it ended within a message"),
            (&two[..8], true, "it ended within a message"),
            (&compressed, true, "compressed messages are not read"),
        ] {
            assert_eq!(read(bytes, 3, takes_stream).unwrap_err(), says);
        }
    }
}
