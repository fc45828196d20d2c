//! A run: a world, its onlookers, and the loop that takes one thing after the other from the agenda.

use std::time::Duration;

use mesos_core::Instant;

use crate::check::Check;
use crate::failure::{Failure, FailureKind};
use crate::record::{Digest, Trace};
use crate::report::Report;
use crate::watch::Watch;
use crate::world::{Stage, World};

/// A run under way.
#[derive(Debug)]
pub struct Simulation {
    world: World,
    watch: Watch,
}

impl Simulation {
    pub(crate) const fn new(world: World, watch: Watch) -> Self {
        Self { world, watch }
    }

    /// Everything there is.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// Lets one more property be checked from here on.
    pub fn watch(&mut self, check: Box<dyn Check>) {
        self.watch.add(check);
    }

    /// Steps of all machines so far.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.watch.steps()
    }

    /// The digest of everything so far: equal for equal runs.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.watch.digest()
    }

    /// The trace, if one is kept.
    #[must_use]
    pub const fn trace(&self) -> Option<&Trace> {
        self.watch.trace()
    }

    /// The trace, to take what was written.
    pub const fn trace_mut(&mut self) -> Option<&mut Trace> {
        self.watch.trace_mut()
    }

    /// What the run amounts to so far.
    pub fn report(&mut self) -> Report {
        let digest = self.watch.digest().to_string();
        self.world.report(self.watch.steps(), digest)
    }

    /// Lets the next thing happen if it is due by `limit`; whether there was one.
    ///
    /// # Errors
    /// When a property is broken.
    pub fn step(&mut self, limit: Instant) -> Result<bool, Failure> {
        let Some((at, event)) = self.world.agenda.take_until(limit) else { return Ok(false) };
        self.world.now = at;
        let result = self.world.happen(event, &mut self.watch);
        if !self.world.notices.is_empty() {
            for notice in std::mem::take(&mut self.world.notices) {
                self.watch.notice(&self.world, notice)?;
            }
        }
        result.map(|()| true)
    }

    /// Lets everything happen that is due by `until`, counted from the beginning.
    ///
    /// # Errors
    /// When a property is broken.
    pub fn run_until(&mut self, until: Duration) -> Result<(), Failure> {
        let limit = Instant::ZERO + until;
        while self.step(limit)? {}
        self.world.now = self.world.now.max(limit);
        Ok(())
    }

    /// Runs until the work of every framework that has an end is done, and faults are over.
    ///
    /// # Errors
    /// When a property is broken, or the work is not done by `limit`.
    pub fn run_until_done(&mut self, limit: Duration) -> Result<Report, Failure> {
        let until = Instant::ZERO + limit;
        while self.world.stage() == Stage::Faulty || !self.world.finite_done() {
            if !self.step(until)? {
                let why = self.world.unsettled().unwrap_or_else(|| "faults go on".into());
                let message = format!("the work is not done after {limit:?}: {why}");
                return Err(self.world.failure(FailureKind::NotLive, "run_until_done", message));
            }
        }
        Ok(self.report())
    }

    /// Runs through all faults and then until everything has settled: agents registered, frameworks served, finite work
    /// done, nothing left behind. Then every check has its last word.
    ///
    /// # Errors
    /// When a property is broken, or the cluster has not settled in time.
    pub fn run(&mut self) -> Result<Report, Failure> {
        self.run_observed(|_| {})
    }

    /// As [`run`](Self::run), handing out the trace after every thing that happens.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_observed(&mut self, mut each: impl FnMut(&mut Trace)) -> Result<Report, Failure> {
        let conditions = self.world.conditions.clone();
        let limit = Instant::ZERO + conditions.faults.until + conditions.settle_within;
        while self.world.stage() != Stage::Settled {
            if !self.step(limit)? {
                let why = self.world.unsettled().unwrap_or_else(|| "it was not looked at".into());
                let message = format!("{:?} after the last fault {why}", conditions.settle_within);
                return Err(self.world.failure(FailureKind::NotLive, "liveness", message));
            }
            if let Some(trace) = self.watch.trace_mut() {
                each(trace);
            }
        }
        self.watch.settled(&self.world)?;
        Ok(self.report())
    }
}
