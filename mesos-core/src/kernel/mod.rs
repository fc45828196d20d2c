//! The contract every state machine of the cluster keeps, and the parts such machines are made of.
//!
//! ```text
//!            input, now                      effects, in order
//!   host  ───────────────▶  Machine::handle ───────────────▶  host performs them
//!         ◀─ deadline() ──  Machine::tick
//! ```
//!
//! A machine is plain synchronous code: told the time, handed its randomness, appending what it wants done. Two hosts
//! drive the same code: the tokio loop in `daemon` and the simulator. Nothing in here knows either.

mod cx;
mod draft;
mod link;
mod machine;
#[cfg(feature = "mutants")]
mod mutant;
mod record;
mod rng;
mod table;
mod ticket;
mod timer;

pub use cx::Cx;
pub use draft::{Draft, Encode, Key, Value};
pub use link::{Arrival, Inbound, Outbound, Seq};
pub use machine::Machine;
#[cfg(feature = "mutants")]
pub use mutant::Mutant;
pub use record::{Change, Record, RecordError, Term};
pub use rng::{Rng, RngState};
pub use table::{Handle, Table};
pub use ticket::{Ticket, Tickets};
pub use timer::TimerTable;
