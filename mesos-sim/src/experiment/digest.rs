//! 128 bits that tell one content from another: of texts, files and programs. They name things and protect nothing.

use std::fmt::Write as _;
use std::io::{self, Read};

/// Bytes read at a time: a multiple of those taken at once.
const BLOCK: usize = 1 << 16;
/// Bytes taken at once.
const CHUNK: usize = 16;

/// Of all that can be read.
pub(super) fn of(mut from: impl Read) -> io::Result<String> {
    let mut lanes = Lanes::default();
    let (mut block, mut length) = (vec![0; BLOCK], 0_u64);
    loop {
        let filled = fill(&mut from, &mut block)?;
        block[filled..].fill(0);
        block[..filled.next_multiple_of(CHUNK)].chunks_exact(CHUNK).for_each(|chunk| lanes.take(chunk));
        length += filled as u64;
        if filled < BLOCK {
            // Zeros at the end are told from what was filled up.
            return Ok(lanes.finish(length));
        }
    }
}

/// Of a text.
pub(super) fn of_text(text: &str) -> String {
    of(text.as_bytes()).expect("memory can be read")
}

/// Reads until the block is full or all is read.
fn fill(from: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match from.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Two words that take in two words at a time. Every step can be undone, so contents that differ in one place alone never
/// come to the same.
#[derive(Default)]
struct Lanes(u64, u64);

impl Lanes {
    fn take(&mut self, chunk: &[u8]) {
        let (first, second) = chunk.split_at(CHUNK / 2);
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word: u64, byte| word << 8 | u64::from(*byte));
        self.mix(word(first), word(second));
    }

    /// The factors are odd, which makes each product reversible; these are those of xxHash (`PRIME64_1`, `PRIME64_2`).
    fn mix(&mut self, first: u64, second: u64) {
        let one = (self.0 ^ first).wrapping_mul(0x9e37_79b1_85eb_ca87).rotate_left(29);
        let other = (self.1 ^ second).wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(31);
        self.0 = one.wrapping_add(other);
        self.1 = other ^ self.0;
    }

    fn finish(mut self, length: u64) -> String {
        self.mix(length, !length);
        // The last words reach every bit.
        (0..4).for_each(|round| self.mix(round, length));
        let mut text = String::with_capacity(32);
        let _ = write!(text, "{:016x}{:016x}", self.0, self.1);
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_byte_and_the_length_count() {
        let long = vec![7_u8; 3 * BLOCK + 5];
        let mut seen = BTreeSet::from([of(long.as_slice()).unwrap()]);
        for at in (0..long.len()).step_by(977).chain([long.len() - 1, BLOCK, BLOCK - 1]) {
            let mut other = long.clone();
            other[at] ^= 1;
            assert!(seen.insert(of(other.as_slice()).unwrap()), "byte {at} does not count");
        }
        for zeros in 0..40 {
            assert!(seen.insert(of(vec![0; zeros].as_slice()).unwrap()), "{zeros} zeros are like others");
        }
    }

    /// However the bytes come.
    #[test]
    fn pieces_make_the_same_as_the_whole() {
        struct Drops<'a>(&'a [u8]);
        impl Read for Drops<'_> {
            fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
                let count = self.0.len().min(to.len()).min(7);
                to[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let bytes: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[at as usize % 3]).collect();
        assert_eq!(of(Drops(&bytes)).unwrap(), of(bytes.as_slice()).unwrap());
    }
}
