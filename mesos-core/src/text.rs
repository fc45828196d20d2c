//! Short texts made in one piece.
//!
//! Names of tasks, containers and offers are made by the hundred thousand. `format!` makes a string that grows as it is
//! written and is then copied into its shared form; a short text of known parts fits a buffer on the stack and is copied
//! once.

use std::fmt::{self, Write as _};
use std::sync::Arc;

/// Longer texts are made like any other.
const SHORT: usize = 96;

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// As it is.
    Text(&'a str),
    /// In decimal digits.
    Number(u64),
    /// In sixteen hexadecimal digits.
    Hex(u64),
}

/// The parts as one text, shared: `joined([Number(piece), Text("."), Number(attempt)])`.
#[must_use]
pub fn joined<const N: usize>(parts: [Part<'_>; N]) -> Arc<str> {
    let mut buffer = [0; SHORT];
    let mut used = 0;
    for part in parts {
        match put(&mut buffer[used..], part) {
            Some(more) => used += more,
            None => return long(&parts),
        }
    }
    std::str::from_utf8(&buffer[..used]).expect("texts and digits are text").into()
}

/// The formatted text, shared: `shared(format_args!("{seconds}"))`. For what [`joined`] has no part for.
#[must_use]
pub fn shared(text: fmt::Arguments<'_>) -> Arc<str> {
    let mut buffer = Buffer { bytes: [0; SHORT], used: 0 };
    match buffer.write_fmt(text) {
        Ok(()) => std::str::from_utf8(&buffer.bytes[..buffer.used]).expect("texts are text").into(),
        Err(_) => text.to_string().into(),
    }
}

struct Buffer {
    bytes: [u8; SHORT],
    used: usize,
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.used += put(&mut self.bytes[self.used..], Part::Text(text)).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// Writes a part; how long it is, if there is room.
fn put(room: &mut [u8], part: Part<'_>) -> Option<usize> {
    const DIGITS_MAX: usize = 20;
    let mut digits = [0; DIGITS_MAX];
    let bytes = match part {
        Part::Text(text) => text.as_bytes(),
        Part::Number(number) => {
            let mut first = DIGITS_MAX;
            let mut rest = number;
            while rest > 0 || first == DIGITS_MAX {
                first -= 1;
                digits[first] = digit(rest % 10);
                rest /= 10;
            }
            &digits[first..]
        }
        Part::Hex(number) => {
            for (place, byte) in digits[..16].iter_mut().enumerate() {
                *byte = digit(number >> (60 - 4 * place) & 15);
            }
            &digits[..16]
        }
    };
    room.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(bytes.len())
}

fn digit(value: u64) -> u8 {
    b"0123456789abcdef"[usize::try_from(value).unwrap_or(0)]
}

fn long(parts: &[Part<'_>]) -> Arc<str> {
    let mut text = String::new();
    for part in parts {
        // Writing to a string cannot fail.
        let _ = match part {
            Part::Text(part) => text.write_str(part),
            Part::Number(number) => write!(text, "{number}"),
            Part::Hex(number) => write!(text, "{number:016x}"),
        };
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_texts_are_what_format_makes_of_them() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 1_000] {
            let text = "ä".repeat(length / 2) + &"x".repeat(length % 2);
            assert_eq!(*joined([Part::Text(&text)]), *text);
            assert_eq!(*shared(format_args!("{text}.{:04x}", 7)), *format!("{text}.0007"));
            for number in [0, 7, 10, 4_294_967_296, u64::MAX] {
                let parts = [Part::Text(&text), Part::Number(number), Part::Text("."), Part::Hex(number)];
                assert_eq!(*joined(parts), *format!("{text}{number}.{number:016x}"));
            }
        }
    }
}
