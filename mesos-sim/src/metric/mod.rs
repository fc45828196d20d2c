//! What a run of a workload was like: every task's times, use over time, and the figures made of them.
//!
//! A [`Recorder`] listens while the world turns and changes nothing; [`Record`] is what it wrote down; a [`Summary`] is the
//! figures that are compared, per queue and for all.
//!
//! This is not the [`Report`](crate::Report) that every run has: it costs memory for every task, and only runs of a
//! [`Workload`](crate::workload::Workload) have one.

mod distribution;
mod fairness;
mod record;
mod recorder;
mod series;
mod summary;

pub use distribution::Distribution;
pub use fairness::jain;
pub use record::{Failover, FrameworkRecord, Record, TaskRow};
pub use recorder::Recorder;
pub use series::{Bin, Series};
pub use summary::{Summary, Value, dominant_share, fairness};
