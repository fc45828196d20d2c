//! Frameworks for runs, and the work they are given: who asks for what, when.
//!
//! [`Sleepers`] is the plain one, for tests and measurements: so many equal tasks. [`Synthetic`] is the wild one, for
//! sweeps: it does everything a framework may do, at random. Both finish every piece of work they were given, whatever
//! goes wrong, and remember how far they are across restarts ([`Book`]).
//!
//! A [`Workload`] is work as data: jobs with times of submission, from a trace or drawn by a [`Generator`], for the
//! schedulers of [`scheduler`](crate::scheduler).

mod book;
mod draw;
mod generate;
mod job;
mod sleepers;
mod synthetic;
mod ways;

pub use book::Book;
pub use draw::{Draw, InvalidDraw};
pub use generate::{Arrivals, Generator, InvalidWork, JOBS_MAX, TASKS_MAX, TASKS_PER_JOB_MAX};
pub use job::{Absence, Constraint, Job, Machine, Relation, Runs, Workload, replica};
pub use sleepers::Sleepers;
pub use synthetic::{Habits, Synthetic};
pub use ways::Ways;
