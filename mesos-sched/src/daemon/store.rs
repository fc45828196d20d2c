//! Where records are kept: in memory, or in one file.

pub use mesos_core::daemon::{MemoryStore, RedbStore};

use std::time::SystemTime;

use mesos_core::kernel::Term;

/// A term for a process that is alone with its store: later than that of any earlier process whose clock was right, so
/// that an earlier one that still lives is fenced off. Masters take their terms from their election instead.
#[must_use]
pub fn term_of_this_moment() -> Term {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Term(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
