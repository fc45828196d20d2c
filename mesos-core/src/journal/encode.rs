//! Writes a journal, as bytes.

use serde::Serialize;

use super::{ENDING, Ending, FRAME_BYTES, HEADER, Header, MAGIC, STEPS, VERSION, digest};
use crate::time::Now;

/// Turns the steps of one machine into the bytes of its journal.
///
/// ```
/// use mesos_core::journal::{Encoder, Ending, Header, Journal};
/// use mesos_core::kernel::Rng;
/// use mesos_core::time::Now;
///
/// let header = Header {
///     machine: "counter".into(),
///     software: "0.1.0".into(),
///     rng: Rng::new(1).state(),
///     settings: serde_json::Value::Null,
/// };
/// let mut encoder = Encoder::new(&header);
/// encoder.begin(Now::default(), Some(&7_u32));
/// encoder.end(&["seven"]);
/// let bytes = encoder.finish(Ending::Complete);
///
/// let mut journal = Journal::open(bytes.as_slice())?;
/// assert_eq!(journal.next_step::<u32>()?.and_then(|step| step.input), Some(7));
/// # Ok::<(), mesos_core::journal::JournalError>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    /// Whole frames that nobody took yet.
    ready: Vec<u8>,
    /// The frame under way, without its kind.
    open: Vec<u8>,
    last: Now,
    steps: u64,
    /// Of these, in frames that are closed, and in frames that were taken.
    framed: u64,
    taken: u64,
}

impl Encoder {
    /// A journal that begins now.
    ///
    /// # Panics
    /// When the header's settings cannot be written as JSON: JSON values always can.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        let mut ready = MAGIC.to_vec();
        ready.extend_from_slice(&VERSION.to_le_bytes());
        let header = serde_json::to_vec(header).expect("a header is plain data");
        put_frame(&mut ready, HEADER, &header);
        Self { ready, open: Vec::new(), last: Now::default(), steps: 0, framed: 0, taken: 0 }
    }

    /// A step begins: with an input, or a tick.
    ///
    /// # Panics
    /// When the input cannot be serialised: inputs of machines are plain data.
    pub fn begin<I: Serialize>(&mut self, now: Now, input: Option<&I>) {
        self.steps += 1;
        self.open.push(u8::from(input.is_some()));
        let mono = now.mono.as_nanos().wrapping_sub(self.last.mono.as_nanos());
        // Both clocks mostly go on by the same: the difference is small.
        let wall = now.wall.as_nanos().wrapping_sub(self.last.wall.as_nanos()).wrapping_sub(mono);
        put_varint(&mut self.open, mono);
        put_varint(&mut self.open, zigzag(wall.cast_signed()));
        self.last = now;
        if let Some(input) = input {
            let at = self.open.len();
            self.open.extend_from_slice(&[0; 4]);
            put_input(&mut self.open, input);
            let length = u32::try_from(self.open.len() - at - 4).expect("an input is shorter than 4 GiB");
            self.open[at..at + 4].copy_from_slice(&length.to_le_bytes());
        }
    }

    /// The step that began has ended, and asks for this.
    ///
    /// # Panics
    /// When an effect cannot be serialised: effects of machines are plain data.
    pub fn end<E: Serialize>(&mut self, effects: &[E]) {
        put_varint(&mut self.open, effects.len() as u64);
        for effect in effects {
            self.open.extend_from_slice(&digest(effect).to_le_bytes());
        }
        if self.open.len() >= FRAME_BYTES {
            self.close_frame();
        }
    }

    /// Closes the frame under way, so that everything so far can be taken.
    pub fn close_frame(&mut self) {
        if !self.open.is_empty() {
            put_frame(&mut self.ready, STEPS, &self.open);
            self.open.clear();
        }
        self.framed = self.steps;
    }

    /// Whether there is something to take.
    #[must_use]
    pub const fn has_frames(&self) -> bool {
        !self.ready.is_empty()
    }

    /// How many bytes there are to take.
    #[must_use]
    pub const fn ready(&self) -> usize {
        self.ready.len()
    }

    /// What can be written by now; empty if it is all taken.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        self.taken = self.framed;
        std::mem::take(&mut self.ready)
    }

    /// Steps so far.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Ends the journal: the last bytes of it.
    ///
    /// # Panics
    /// Never: an ending is plain data.
    #[must_use]
    pub fn finish(mut self, ending: Ending) -> Vec<u8> {
        self.close_frame();
        put_ending(&mut self.ready, ending, self.steps);
        self.ready
    }

    /// Ends the journal with what was taken: the last bytes of it.
    ///
    /// # Panics
    /// As [`finish`](Self::finish).
    #[must_use]
    pub fn abandon(self, ending: Ending) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_ending(&mut bytes, ending, self.taken);
        bytes
    }
}

fn put_ending(out: &mut Vec<u8>, ending: Ending, steps: u64) {
    let said = serde_json::to_vec(&(ending, steps)).expect("an ending is plain data");
    put_frame(out, ENDING, &said);
}

fn put_frame(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    let length = u32::try_from(body.len() + 1).expect("a frame is shorter than 4 GiB");
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind]);
    crc.update(body);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc.finalize().to_le_bytes());
    out.push(kind);
    out.extend_from_slice(body);
}

/// An input as a journal holds it.
///
/// # Panics
/// When it cannot be serialised: inputs of machines are plain data.
#[must_use]
pub fn write_input<I: Serialize>(input: &I) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_input(&mut bytes, input);
    bytes
}

fn put_input<I: Serialize>(to: &mut Vec<u8>, input: &I) {
    let mut writer = rmp_serde::Serializer::new(to).with_struct_map();
    input.serialize(&mut writer).expect("inputs can be serialised, and memory does not fail");
}

#[allow(clippy::cast_possible_truncation, reason = "seven bits at a time")]
fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

const fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}
