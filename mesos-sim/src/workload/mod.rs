//! Frameworks for runs: who asks for what, when.
//!
//! [`Sleepers`] is the plain one, for tests and measurements: so many equal tasks. [`Synthetic`] is the wild one, for
//! sweeps: it does everything a framework may do, at random. Both finish every piece of work they were given, whatever
//! goes wrong, and remember how far they are across restarts ([`Book`]).

mod book;
mod sleepers;
mod synthetic;

pub use book::Book;
pub use sleepers::Sleepers;
pub use synthetic::{Habits, Synthetic};
