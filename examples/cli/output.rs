//! What is said to people and programs on standard output.

use std::fmt::{Arguments, Display};
use std::io::Write as _;

/// Prints a line. Whoever closed the other end, as `head` does, has seen enough: then the program ends.
pub(crate) fn say(line: impl Display) {
    write(format_args!("{line}\n"));
}

fn write(text: Arguments<'_>) {
    if std::io::stdout().write_fmt(text).is_err() {
        std::process::exit(0);
    }
}
