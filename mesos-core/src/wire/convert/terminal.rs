//! Terminals of containers.

use crate::container::WindowSize;
use crate::error::{Rejection, RejectionCode};
use crate::wire::v1;
use v1::tty_info::WindowSize as WireSize;

/// How large a terminal is; nobody knows where nothing is said.
///
/// # Errors
/// [`RejectionCode::InvalidOperation`] when no terminal is as large.
pub fn terminal_from_wire(terminal: v1::TtyInfo) -> Result<WindowSize, Rejection> {
    let Some(WireSize { rows, columns }) = terminal.window_size else { return Ok(WindowSize::default()) };
    let read = |count: u32, name: &str| {
        u16::try_from(count).map_err(|_| {
            let what = format!("a terminal of {count} {name}");
            Rejection::new(RejectionCode::InvalidOperation, what, format!("say at most {}", u16::MAX))
        })
    };
    Ok(WindowSize { rows: read(rows, "rows")?, columns: read(columns, "columns")? })
}

/// A terminal of this size.
#[must_use]
pub const fn terminal_to_wire(size: WindowSize) -> v1::TtyInfo {
    v1::TtyInfo { window_size: Some(WireSize { rows: size.rows as u32, columns: size.columns as u32 }) }
}
