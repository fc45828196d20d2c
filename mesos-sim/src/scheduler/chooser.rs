//! Somebody's own rule of placement, without the trouble of being a framework.
//!
//! A [`Chooser`] is shown the jobs that wait and the offers in hand, and says what goes where. Arrivals, tries, acknowledged
//! updates, refusals and dependencies are [`JobScheduler`](super::JobScheduler)'s business, as for its own disciplines.

use std::fmt;
use std::time::Duration;

use mesos_core::{Attributes, Instant, Resources};

use crate::workload::Job;

/// A job of which tasks wait.
#[derive(Debug, Clone, Copy)]
pub struct WaitingJob<'a> {
    /// Its place in the workload.
    pub index: u32,
    /// What it is.
    pub job: &'a Job,
    /// How many of its tasks wait.
    pub waiting: u32,
    /// How many of them run.
    pub running: u32,
}

/// An offer in hand.
#[derive(Debug, Clone, Copy)]
pub struct InHand<'a> {
    /// The agent's number.
    pub agent: u32,
    /// What is offered.
    pub resources: &'a Resources,
    /// What is said about the agent.
    pub attributes: &'a Attributes,
}

/// Some tasks of a job on an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The job's place in the workload.
    pub job: u32,
    /// The offer's place in what was shown.
    pub offer: usize,
    /// How many tasks.
    pub tasks: u32,
}

/// Says what goes where.
pub trait Chooser: Send + fmt::Debug {
    /// What to launch now. Offers on which nothing is placed are refused. A placement of a job that does not wait, or on an
    /// offer without room for it, is a defect of the chooser and ends the run as its fault.
    fn choose(&mut self, now: Instant, jobs: &[WaitingJob<'_>], offers: &[InHand<'_>]) -> Vec<Placement>;

    /// A task ran so long and has ended, well or not.
    fn ended(&mut self, _now: Instant, _job: u32, _ran: Duration, _is_well: bool) {}
}
