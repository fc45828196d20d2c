//! Simulated schedulers worth comparing: a queue of jobs each, over the real kernel.
//!
//! ```text
//!   Workload ──submit──▶ queue ──discipline──▶ who is next ──┐
//!   master ──offers──▶ hand ─────────────────────────────────┴─▶ accept, decline, or hold
//! ```
//!
//! [`JobScheduler`] is an ordinary framework: it gets offers, launches tasks of one [`Workload`](crate::workload::Workload)
//! and hears what becomes of them. Its [`Discipline`] says which job goes first and what happens when that one does not fit.
//! The time it takes to decide is charged to virtual time: while it thinks, it sits on its offers, as real schedulers do.
//!
//! [`Guarded`] stands between the driver and any scheduler and makes its defects its own: a panic, or a task on what it was
//! not offered, is reported as the fault of that scheduler and of nobody else.

mod chooser;
mod guard;
mod hand;
mod job_scheduler;
mod key;
mod memory;
mod options;
mod queue;
mod room;
mod shadow;

#[cfg(test)]
mod tests;

pub use chooser::{Chooser, InHand, Placement, WaitingJob};
pub use guard::{Guarded, SchedulerFault};
pub use job_scheduler::JobScheduler;
pub use key::TaskKey;
pub use options::{Discipline, Options};
