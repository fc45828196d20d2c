//! Reads a journal.

use std::io::{self, ErrorKind, Read};

use serde::de::DeserializeOwned;

use super::{ENDING, Ending, FRAME_BYTES_MAX, HEADER, Header, MAGIC, PREAMBLE, STEPS, VERSION};
use crate::time::{Instant, Now, WallTime};

/// Why a journal cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It is something else.
    #[error("this is not a journal: it does not begin with {:?}", String::from_utf8_lossy(&MAGIC))]
    NotAJournal,
    /// Another version of the format.
    #[error(
        "version {0} of the format, and this program reads version {VERSION}; replay it with the version that wrote it"
    )]
    Version(u32),
    /// Its header is missing or cannot be understood.
    #[error("the header cannot be read: {0}")]
    Header(String),
    /// A frame is damaged.
    #[error("the frame at byte {at} is damaged: {what}; {steps} steps before it are sound")]
    Damaged {
        /// Where the frame begins.
        at: u64,
        /// What is wrong.
        what: String,
        /// Steps that were read before.
        steps: u64,
    },
    /// An input that this version does not understand.
    #[error("the input of step {step} cannot be understood: {what}")]
    Input {
        /// Which step, from 1.
        step: u64,
        /// What the decoder said.
        what: String,
    },
    /// It could not be read.
    #[error("the journal could not be read: {0}")]
    Io(#[from] io::Error),
}

/// A step as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<I> {
    /// Its number, from 1.
    pub number: u64,
    /// The times it was told.
    pub now: Now,
    /// What the machine was told; `None` is a tick.
    pub input: Option<I>,
    /// The digests of its effects, in order.
    pub effects: Vec<u32>,
}

/// A journal being read, one frame at a time: however long it is, it needs little memory.
#[derive(Debug)]
pub struct Journal<R> {
    from: R,
    header: Header,
    /// Where the next frame begins.
    at: u64,
    frame: Vec<u8>,
    /// What was read of the frame.
    read: usize,
    frame_at: u64,
    last: Now,
    steps: u64,
    ending: Option<Ending>,
}

impl<R: Read> Journal<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When this is not a journal, or one of another version.
    pub fn open(mut from: R) -> Result<Self, JournalError> {
        let mut preamble = [0; PREAMBLE];
        match from.read_exact(&mut preamble) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(JournalError::NotAJournal),
            other => other?,
        }
        let (magic, version) = preamble.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(JournalError::NotAJournal);
        }
        let version = u32::from_le_bytes(version.try_into().expect("four bytes"));
        if version != VERSION {
            return Err(JournalError::Version(version));
        }
        let mut journal = Self {
            from,
            header: Header {
                machine: String::new(),
                software: String::new(),
                rng: crate::kernel::Rng::new(0).state(),
                settings: serde_json::Value::Null,
            },
            at: PREAMBLE as u64,
            frame: Vec::new(),
            read: 0,
            frame_at: 0,
            last: Now::default(),
            steps: 0,
            ending: None,
        };
        match journal.next_frame()? {
            Some(HEADER) => {}
            Some(_) => return Err(JournalError::Header("the first frame is another one".to_owned())),
            None => return Err(JournalError::Header("the journal ends before it".to_owned())),
        }
        journal.header =
            serde_json::from_slice(&journal.frame[1..]).map_err(|error| JournalError::Header(error.to_string()))?;
        journal.read = journal.frame.len();
        Ok(journal)
    }

    /// What it says about itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How it ended; known once all steps are read.
    #[must_use]
    pub const fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// The next step; nothing at the end.
    ///
    /// # Errors
    /// When the next frame is damaged, or the input is not one of `I`. A journal whose last frame is cut off has just
    /// ended there: [`Ending::Torn`].
    pub fn next_step<I: DeserializeOwned>(&mut self) -> Result<Option<Step<I>>, JournalError> {
        while self.read == self.frame.len() {
            if self.ending.is_some() {
                return Ok(None);
            }
            match self.next_frame()? {
                None => self.ending = Some(Ending::Torn),
                Some(STEPS) => {}
                Some(ENDING) => {
                    let said: Result<(Ending, u64), _> = serde_json::from_slice(&self.frame[1..]);
                    let (ending, steps) = said.map_err(|error| self.damaged(error.to_string()))?;
                    if steps != self.steps {
                        let what = format!("it says that there were {steps} steps");
                        return Err(self.damaged(what));
                    }
                    self.ending = Some(ending);
                    self.read = self.frame.len();
                }
                Some(kind) => return Err(self.damaged(format!("unknown kind {kind}"))),
            }
        }
        self.step().map(Some)
    }

    fn step<I: DeserializeOwned>(&mut self) -> Result<Step<I>, JournalError> {
        let is_input = match self.take(1)? {
            [0] => false,
            [1] => true,
            other => {
                let what = format!("a step begins with {}", other[0]);
                return Err(self.damaged(what));
            }
        };
        let mono = self.varint()?;
        let wall = self.varint()?;
        let wall = (wall >> 1).cast_signed() ^ -((wall & 1).cast_signed());
        let last = self.last;
        self.last = Now {
            mono: Instant::from_nanos(last.mono.as_nanos().wrapping_add(mono)),
            wall: WallTime::from_nanos(last.wall.as_nanos().wrapping_add(mono).wrapping_add(wall.cast_unsigned())),
        };
        let input = if is_input { Some(self.input()?) } else { None };
        let count = self.varint()?;
        let left = (self.frame.len() - self.read) as u64;
        if count > left / 4 {
            return Err(self.damaged(format!("it promises {count} effects")));
        }
        let bytes = self.take(usize::try_from(count).unwrap_or(0) * 4)?;
        let effects = bytes.chunks_exact(4).map(|four| u32::from_le_bytes(four.try_into().expect("four bytes")));
        let effects = effects.collect();
        self.steps += 1;
        Ok(Step { number: self.steps, now: self.last, input, effects })
    }

    fn input<I: DeserializeOwned>(&mut self) -> Result<I, JournalError> {
        let length = u32::from_le_bytes(self.take(4)?.try_into().expect("four bytes"));
        let step = self.steps + 1;
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        read_input(bytes).map_err(|what| JournalError::Input { step, what })
    }

    /// Reads a frame and says its kind; nothing when the journal ends here, cleanly or in the middle of a frame.
    fn next_frame(&mut self) -> Result<Option<u8>, JournalError> {
        self.frame_at = self.at;
        let mut head = [0; 8];
        if !fill(&mut self.from, &mut head)? {
            return Ok(None);
        }
        let (length, crc) = head.split_at(4);
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        let crc = u32::from_le_bytes(crc.try_into().expect("four bytes"));
        if length == 0 || length > FRAME_BYTES_MAX {
            return Err(self.damaged(format!("it says that it is {length} bytes long")));
        }
        self.frame.clear();
        // Grows with what is there, not with what is promised.
        let got = (&mut self.from).take(length as u64).read_to_end(&mut self.frame)?;
        if got < length {
            self.frame.clear();
            self.read = 0;
            return Ok(None);
        }
        if crc32fast::hash(&self.frame) != crc {
            return Err(self.damaged("its checksum is another one".to_owned()));
        }
        self.at += 8 + length as u64;
        self.read = 1;
        Ok(Some(self.frame[0]))
    }

    fn take(&mut self, count: usize) -> Result<&[u8], JournalError> {
        let Some(end) = self.read.checked_add(count).filter(|end| *end <= self.frame.len()) else {
            return Err(self.damaged("a step ends in the middle".to_owned()));
        };
        let bytes = &self.frame[self.read..end];
        self.read = end;
        Ok(bytes)
    }

    fn varint(&mut self) -> Result<u64, JournalError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.damaged("a number is too long".to_owned()))
    }

    fn damaged(&self, what: String) -> JournalError {
        JournalError::Damaged { at: self.frame_at, what, steps: self.steps }
    }
}

/// An input as a journal holds it.
///
/// # Errors
/// Says why it is none of these.
pub fn read_input<I: DeserializeOwned>(bytes: &[u8]) -> Result<I, String> {
    rmp_serde::from_slice(bytes).map_err(|error| error.to_string())
}

/// Fills `buffer`; false at the end of what there is.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
