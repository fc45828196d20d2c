//! A short fingerprint of a value: equal values have equal ones.

use std::io;

use serde::Serialize;

/// The fingerprint of a value: 32 bits of its MessagePack form, mixed. For noticing accidents, not attacks.
///
/// # Panics
/// When the value cannot be serialised, which effects of machines always can.
#[must_use]
pub fn digest(value: &impl Serialize) -> u32 {
    let mut mixer = Mixer { state: 0xcbf2_9ce4_8422_2325, word: 0, filled: 0, length: 0 };
    rmp_serde::encode::write(&mut mixer, value).expect("effects can be serialised, and mixing does not fail");
    mixer.finish()
}

/// Takes bytes and keeps a few.
struct Mixer {
    state: u64,
    word: u64,
    filled: u32,
    length: u64,
}

impl Mixer {
    const fn fold(&mut self, word: u64) {
        // The multiplier of the Fx hash; the rotation keeps high bits from being lost.
        self.state = (self.state.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    #[allow(clippy::cast_possible_truncation, reason = "the upper half is what is wanted")]
    const fn finish(mut self) -> u32 {
        self.fold(self.word);
        self.fold(self.length);
        ((self.state ^ self.state >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
    }
}

impl io::Write for Mixer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length += bytes.len() as u64;
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            if self.filled == 0 && rest.len() >= 8 {
                let (eight, after) = rest.split_at(8);
                self.fold(u64::from_le_bytes(eight.try_into().expect("eight bytes")));
                rest = after;
                continue;
            }
            self.word |= u64::from(byte) << (8 * self.filled);
            self.filled += 1;
            if self.filled == 8 {
                let word = std::mem::take(&mut self.word);
                self.filled = 0;
                self.fold(word);
            }
            rest = after;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
