//! RecordIO: messages on a stream, each behind its length.
//!
//! A record is its length in bytes as a decimal number, a line end, and the bytes. Reading is incremental and bounded: a
//! peer that announces too much is refused before anything of it is kept.
//!
//! Format: Apache Mesos, `docs/recordio.md`.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::fmt;

/// The longest length that can be written: that of the largest 64 bit number.
const LENGTH_DIGITS_MAX: usize = 20;

/// Appends one record.
///
/// ```
/// let mut stream = Vec::new();
/// mesos_core::wire::record_io::encode(b"{}", &mut stream);
/// assert_eq!(stream, b"2\n{}");
/// ```
pub fn encode(record: &[u8], stream: &mut Vec<u8>) {
    stream.extend_from_slice(record.len().to_string().as_bytes());
    stream.push(b'\n');
    stream.extend_from_slice(record);
}

/// Cuts a stream into records.
///
/// ```
/// use mesos_core::wire::record_io::Decoder;
///
/// let mut decoder = Decoder::new(1_024);
/// decoder.feed(b"5\nhel");
/// assert_eq!(decoder.next_record()?, None);
/// decoder.feed(b"lo2\n!!");
/// assert_eq!(decoder.next_record()?.as_deref(), Some(&b"hello"[..]));
/// assert_eq!(decoder.next_record()?.as_deref(), Some(&b"!!"[..]));
/// assert!(decoder.is_between_records());
/// # Ok::<(), mesos_core::wire::record_io::InvalidStream>(())
/// ```
pub struct Decoder {
    bytes_max: usize,
    buffer: Vec<u8>,
    /// How much of the buffer was handed out.
    taken: usize,
    /// The announced length of the record that is being read.
    length: Option<usize>,
    failed: Option<InvalidStream>,
}

/// Why a stream cannot be cut any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidStream {
    /// What stands where a length should be.
    #[error("a record begins with {0:?}; write its length in bytes as a decimal number and a line end before it")]
    NotALength(String),
    /// A record is larger than the reader takes.
    #[error("a record of {announced} bytes was announced; at most {bytes_max} are read")]
    TooLarge {
        /// What the peer announced.
        announced: u64,
        /// What is read at most.
        bytes_max: usize,
    },
}

impl Decoder {
    /// A decoder for records of at most this many bytes.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { bytes_max, buffer: Vec::new(), taken: 0, length: None, failed: None }
    }

    /// Takes in the next part of the stream. The caller takes records out before it feeds more, so no more is kept than
    /// one record and one part.
    pub fn feed(&mut self, part: &[u8]) {
        if self.failed.is_none() {
            self.buffer.drain(..std::mem::take(&mut self.taken));
            self.buffer.extend_from_slice(part);
        }
    }

    /// The next whole record, if it is there.
    ///
    /// # Errors
    /// [`InvalidStream`], from then on every time: there is no way to find the next record behind a wrong length.
    pub fn next_record(&mut self) -> Result<Option<Vec<u8>>, InvalidStream> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let taken = self.take_record();
        if let Err(failed) = &taken {
            self.failed = Some(failed.clone());
            self.buffer = Vec::new();
            self.taken = 0;
        }
        taken
    }

    /// Whether the stream may end here.
    #[must_use]
    pub const fn is_between_records(&self) -> bool {
        self.length.is_none() && self.taken == self.buffer.len()
    }

    fn take_record(&mut self) -> Result<Option<Vec<u8>>, InvalidStream> {
        let Some(length) = self.length()? else { return Ok(None) };
        let Some(record) = self.buffer.get(self.taken..self.taken + length) else { return Ok(None) };
        let record = record.to_vec();
        self.taken += length;
        self.length = None;
        Ok(Some(record))
    }

    fn length(&mut self) -> Result<Option<usize>, InvalidStream> {
        if let Some(length) = self.length {
            return Ok(Some(length));
        }
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let head = rest.get(..=LENGTH_DIGITS_MAX).unwrap_or(rest);
        let Some(end) = head.iter().position(|byte| *byte == b'\n') else {
            let is_bad = head.len() > LENGTH_DIGITS_MAX || !head.iter().all(u8::is_ascii_digit);
            return if is_bad { Err(not_a_length(head)) } else { Ok(None) };
        };
        let digits = head.get(..end).unwrap_or_default();
        let announced = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit));
        let announced: u64 = announced.and_then(|digits| digits.parse().ok()).ok_or_else(|| not_a_length(digits))?;
        let length = usize::try_from(announced).ok().filter(|length| *length <= self.bytes_max);
        let length = length.ok_or(InvalidStream::TooLarge { announced, bytes_max: self.bytes_max })?;
        self.taken += end + 1;
        self.length = Some(length);
        Ok(Some(length))
    }
}

fn not_a_length(head: &[u8]) -> InvalidStream {
    InvalidStream::NotALength(String::from_utf8_lossy(head).into_owned())
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("buffered", &(self.buffer.len() - self.taken)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(stream: &[u8], bytes_max: usize) -> Result<Vec<Vec<u8>>, InvalidStream> {
        let mut decoder = Decoder::new(bytes_max);
        decoder.feed(stream);
        let mut records = Vec::new();
        while let Some(record) = decoder.next_record()? {
            records.push(record);
        }
        Ok(records)
    }

    #[test]
    fn a_record_too_large_is_refused_before_it_is_read() {
        assert_eq!(decode(b"11\n", 10), Err(InvalidStream::TooLarge { announced: 11, bytes_max: 10 }));
        let huge = decode(b"18446744073709551615\n", usize::MAX / 2);
        assert!(matches!(huge, Err(InvalidStream::TooLarge { .. })), "{huge:?}");
    }

    #[test]
    fn what_is_no_length_is_refused_at_once_and_for_good() {
        for bad in ["{\"type\"", "-1\n", "\n", "1 \n", "+1\nx", "111111111111111111111", "99999999999999999999\n"] {
            let mut decoder = Decoder::new(100);
            decoder.feed(bad.as_bytes());
            let error = decoder.next_record().unwrap_err();
            assert!(matches!(error, InvalidStream::NotALength(_)), "{bad:?}: {error}");
            decoder.feed(b"1\nx");
            assert_eq!(decoder.next_record(), Err(error));
        }
    }

    #[test]
    fn an_empty_record_is_a_record() {
        assert_eq!(decode(b"0\n1\na", 10), Ok(vec![Vec::new(), b"a".to_vec()]));
    }

    proptest! {
        #[test]
        fn records_come_out_however_the_stream_was_cut(
            records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
            parts in proptest::collection::vec(1_usize..9, 1..40),
        ) {
            let mut stream = Vec::new();
            for record in &records {
                encode(record, &mut stream);
            }
            let (mut decoder, mut out, mut rest) = (Decoder::new(40), Vec::new(), stream.as_slice());
            for part in parts.iter().cycle() {
                let (now, later) = rest.split_at((*part).min(rest.len()));
                decoder.feed(now);
                while let Some(record) = decoder.next_record().unwrap() {
                    out.push(record);
                }
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert!(decoder.is_between_records());
            prop_assert_eq!(out, records);
        }

        #[test]
        fn no_stream_upsets_the_decoder(stream in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(&stream, 30);
        }
    }
}
