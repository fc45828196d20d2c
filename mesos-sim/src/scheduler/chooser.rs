//! Somebody's own rule of placement, without the trouble of being a framework.
//!
//! A [`Chooser`] is shown the jobs that wait and the offers in hand, and says what goes where. Arrivals, tries, acknowledged
//! updates, refusals and dependencies are [`JobScheduler`](super::JobScheduler)'s business, as for its own disciplines.
//!
//! What jobs demand binds a chooser as it binds the disciplines: which agents will do, no two tasks of a job that spreads on
//! one agent, and all waiting tasks of a gang together or none of them.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Of a job with input: agents, and its tasks with input there that were never launched.
    pub near: &'a BTreeMap<u32, BTreeSet<u32>>,
}

impl WaitingJob<'_> {
    /// Whether its tasks may run on the agent of this offer, as far as it demands something of agents. Whether there is room,
    /// and where a job that spreads has tasks already, is not looked at.
    #[must_use]
    pub fn admits(&self, offer: &InHand<'_>) -> bool {
        self.job.admits(offer.attributes)
    }
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
    /// What to launch now. Offers on which nothing is placed are refused, unless they are [held](Self::is_holding).
    ///
    /// These are defects of the chooser and end the run as its fault: a placement of a job that does not wait, on an offer
    /// without room for it or of an agent that does not meet the job's constraints; a second task of a job that spreads on one
    /// agent; and an answer that places some of the waiting tasks of a gang and not all of them. A gang for which there is too
    /// little waits.
    fn choose(&mut self, now: Instant, jobs: &[WaitingJob<'_>], offers: &[InHand<'_>]) -> Vec<Placement>;

    /// Whether the offers are kept on which nothing was placed, until more come or jobs do: asked after every choice that
    /// leaves tasks waiting. Not for ever: after [`Options::hold_for`](super::Options::hold_for) they are given back, since
    /// two that hold what the other needs would wait for each other.
    fn is_holding(&mut self, _now: Instant) -> bool {
        false
    }

    /// A task ran so long and has ended, well or not.
    fn ended(&mut self, _now: Instant, _job: u32, _ran: Duration, _is_well: bool) {}
}
