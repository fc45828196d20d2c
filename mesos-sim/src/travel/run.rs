//! A simulated run, to be gone through.

use std::fmt::Write as _;

use mesos_core::{Instant, TaskId};

use super::Journey;
use crate::cluster::Cluster;
use crate::failure::{Failure, FailureKind};
use crate::record::{Detail, Trace};
use crate::simulation::Simulation;
use crate::story::{standing, waited_for, why};
use crate::world::{Stage, World};

/// A run of a cluster, moment by moment.
#[derive(Debug)]
pub struct RunJourney {
    cluster: Cluster,
    seed: u64,
    run: Simulation,
    limit: Instant,
    end: Option<Result<(), Failure>>,
}

impl RunJourney {
    /// At the beginning of a run.
    ///
    /// # Panics
    /// When the description cannot be.
    #[must_use]
    pub fn new(cluster: Cluster, seed: u64) -> Self {
        let faults = cluster.conditions().faults.until + cluster.conditions().settle_within;
        let run = begin(&cluster, seed);
        Self { cluster, seed, run, limit: Instant::ZERO + faults, end: None }
    }

    /// The world at this moment.
    #[must_use]
    pub const fn world(&self) -> &World {
        self.run.world()
    }

    /// How the run ended, once it has.
    #[must_use]
    pub const fn result(&self) -> Option<&Result<(), Failure>> {
        self.end.as_ref()
    }
}

impl Journey for RunJourney {
    fn restart(&mut self) -> Result<(), String> {
        self.run = begin(&self.cluster, self.seed);
        self.end = None;
        Ok(())
    }

    fn forward(&mut self) -> Option<String> {
        while self.end.is_none() {
            if self.run.world().stage() == Stage::Settled {
                self.end = Some(self.run.last_word());
                break;
            }
            let limit = self.limit;
            match self.run.guarded(|run| run.step(limit)) {
                Ok(true) => {}
                Ok(false) => {
                    let why = self.run.world().unsettled().unwrap_or_else(|| "it was not looked at".into());
                    self.end = Some(Err(self.run.world().failure(FailureKind::NotLive, "liveness", why)));
                }
                Err(failure) => self.end = Some(Err(failure)),
            }
            let said = self.run.trace_mut().map(Trace::drain).unwrap_or_default();
            if !said.is_empty() {
                return Some(said);
            }
        }
        None
    }

    fn now(&self) -> Instant {
        self.world().now().mono
    }

    fn end(&self) -> Option<String> {
        Some(match self.end.as_ref()? {
            Ok(()) => "the run has settled: this is its end\n".to_owned(),
            Err(failure) => format!("the run ends here\n{failure}\n"),
        })
    }

    fn why(&self, framework: Option<u32>, task: &TaskId) -> String {
        why(self.world(), framework, task)
    }

    fn tasks(&self) -> Vec<String> {
        waited_for(self.world())
    }

    fn standing(&self) -> String {
        standing(self.world())
    }

    fn faults(&self) -> String {
        let struck = self.world().struck();
        let mut text = String::new();
        for (after, action) in struck {
            let _ = writeln!(text, "{:>10.3} s  {action}", after.as_secs_f64());
        }
        let _ = writeln!(text, "{} faults so far", struck.len());
        text
    }
}

fn begin(cluster: &Cluster, seed: u64) -> Simulation {
    let run = cluster.simulate_into(seed, Some(Trace::text(Detail::Brief)));
    run.unwrap_or_else(|invalid| panic!("this cluster cannot be: {invalid}"))
}
