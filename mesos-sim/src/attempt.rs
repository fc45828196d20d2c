//! Runs that may panic: an assertion of the kernel is a way to fail like any other, and keeps its seed.
//!
//! Called by whoever runs seeds: the program, the tests, authors' tests. Nothing in here is part of a run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cluster::Cluster;
use crate::failure::{Failure, FailureKind};
use crate::report::Report;
use crate::simulation::Simulation;

impl Simulation {
    /// Drives the run with `drive`; a panic becomes a [`Failure`] of kind [`FailureKind::Assertion`].
    ///
    /// After a panic the world is as it was when the panic came: to be looked at, not to be run on.
    ///
    /// # Errors
    /// What `drive` fails with, and its panics.
    pub fn guarded<T>(&mut self, drive: impl FnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        catch_unwind(AssertUnwindSafe(|| drive(self))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let message = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message");
            Err(self.world().failure(FailureKind::Assertion, "assertion", message.to_owned()))
        })
    }
}

impl Cluster {
    /// Runs this cluster with a seed through its faults until it has settled; a panic is a failure.
    ///
    /// # Errors
    /// When a property is broken, an assertion fails, or the cluster does not settle.
    ///
    /// # Panics
    /// When the description cannot be: see [`Cluster::simulate`] for a way to be told.
    pub fn attempt(&self, seed: u64) -> Result<Report, Failure> {
        let mut simulation = self.simulate(seed).unwrap_or_else(|invalid| panic!("this cluster cannot be: {invalid}"));
        simulation.guarded(Simulation::run)
    }
}
