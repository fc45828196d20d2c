//! Short texts made in one piece.
//!
//! Names of tasks, containers and offers are made by the hundred thousand. `format!` makes a string that grows as it is
//! written and is then copied into its shared form; a short text fits a buffer on the stack and is copied once.

use std::fmt::{self, Write as _};
use std::sync::Arc;

/// Longer texts are made like any other.
const SHORT: usize = 96;

struct Buffer {
    bytes: [u8; SHORT],
    used: usize,
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.used + text.len();
        let Some(room) = self.bytes.get_mut(self.used..end) else { return Err(fmt::Error) };
        room.copy_from_slice(text.as_bytes());
        self.used = end;
        Ok(())
    }
}

/// The formatted text, shared: `shared(format_args!("{piece}.{attempt}"))`.
#[must_use]
pub fn shared(text: fmt::Arguments<'_>) -> Arc<str> {
    let mut buffer = Buffer { bytes: [0; SHORT], used: 0 };
    match buffer.write_fmt(text) {
        Ok(()) => String::from_utf8_lossy(&buffer.bytes[..buffer.used]).into(),
        Err(_) => text.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_texts_are_what_format_makes_of_them() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 1_000] {
            let text = "ä".repeat(length / 2) + &"x".repeat(length % 2);
            assert_eq!(*shared(format_args!("{text}")), *text);
            assert_eq!(*shared(format_args!("{text}.{:04x}", 7)), *format!("{text}.0007"));
        }
    }
}
