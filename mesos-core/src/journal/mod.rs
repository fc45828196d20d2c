//! Journals: what a machine was told, when, and what it asked for, written down so that it can be done again.
//!
//! ```text
//!   file    magic, version, frame*
//!   frame   length: u32, CRC-32 of the payload: u32, payload       little endian
//!   payload 'H' header as JSON | 'S' steps | 'E' how it ended, as JSON
//!   step    input or tick, times, the input as MessagePack, one 32-bit digest per effect
//! ```
//!
//! A machine is a function of its inputs, their times and its draws ([`kernel`](crate::kernel)), so that is all there is to
//! record; of effects only digests are kept, by which a replay notices the first that differs. A journal begins with the
//! beginning of its machine: without it nothing can be replayed, so at its bound a journal *ends*, and says so, instead of
//! dropping what is oldest. Whoever wants the newest keeps the journals of the newest machines: a master lives for one term.
//!
//! [`Encoder`] and [`Journal`] are pure. Files are the business of hosts (`daemon::JournalFile`) and of the simulator.

mod decode;
mod digest;
mod encode;

pub use decode::{Journal, JournalError, Step, read_input};
pub use digest::digest;
pub use encode::{Encoder, write_input};

use serde::{Deserialize, Serialize};

use crate::kernel::{Rng, RngState};

/// What every journal begins with.
pub const MAGIC: [u8; 8] = *b"MESOSJNL";
/// The version of the format. A reader refuses others.
pub const VERSION: u32 = 1;
/// Bytes before the first frame.
const PREAMBLE: usize = MAGIC.len() + 4;
/// A frame is closed once it is this long: what a crash takes of a journal is less than that and one step.
const FRAME_BYTES: usize = 64 * 1024;
/// No frame is longer: a step whose input is longer than this ends the journal. A reader trusts no length beyond it.
const FRAME_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What kind of frame it is.
const HEADER: u8 = b'H';
const STEPS: u8 = b'S';
const ENDING: u8 = b'E';

/// What a journal says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Which kind of machine: `master`.
    pub machine: String,
    /// The version of the software that wrote it.
    pub software: String,
    /// Where the machine's randomness stood before its first step.
    pub rng: RngState,
    /// What the machine was made of, in the form its kind has for that.
    pub settings: serde_json::Value,
}

impl Header {
    /// Of a journal that this version begins, of a machine whose randomness is about to be drawn from `rng`.
    #[must_use]
    pub fn new(machine: &str, rng: &Rng, settings: serde_json::Value) -> Self {
        let software = env!("CARGO_PKG_VERSION").to_owned();
        Self { machine: machine.to_owned(), software, rng: rng.state(), settings }
    }
}

/// How a journal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// Its machine ended.
    Complete,
    /// The journal reached its bound; its machine went on.
    Full,
    /// The disk could not keep up with the machine, which does not wait for it.
    Overrun,
    /// Nothing says how: the host died, or it is still writing.
    Torn,
}

#[cfg(test)]
mod tests;
