//! How often, and where, a candidate decided otherwise.

use std::collections::BTreeMap;
use std::fmt;

use mesos_core::resource::Scalar;
use mesos_core::{Resources, Role};
use serde::Serialize;

use super::Comparison;

/// The first rounds that differ are remembered whole: what comes later is often their consequence.
const FIRST_MAX: usize = 10;

/// What a candidate did otherwise, counted.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Tally {
    /// Rounds of both.
    pub rounds: u64,
    /// Rounds in which they did not grant the same.
    pub rounds_that_differ: u64,
    /// Grants on which they agree: of one framework, under one role, on one agent.
    pub grants_agreed: u64,
    /// Grants of either in which they do not.
    pub grants_that_differ: u64,
    /// The latter, by role.
    pub by_role: BTreeMap<Role, RoleTally>,
    /// The first rounds that differ.
    pub first: Vec<Comparison>,
}

/// What one role was granted otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RoleTally {
    /// Grants that differ.
    pub grants_that_differ: u64,
    /// Thousandths of cores that were granted in them.
    pub live_cpus_milli: i64,
    /// Thousandths of cores that would have been.
    pub candidate_cpus_milli: i64,
}

impl Tally {
    /// Counts a round.
    pub fn add(&mut self, comparison: &Comparison) {
        let Comparison { differences, agreed, .. } = comparison;
        self.rounds += 1;
        self.grants_agreed += *agreed as u64;
        if differences.is_empty() {
            return;
        }
        self.rounds_that_differ += 1;
        self.grants_that_differ += differences.len() as u64;
        for difference in differences {
            let own = self.by_role.entry(difference.role.clone()).or_default();
            own.grants_that_differ += 1;
            own.live_cpus_milli = own.live_cpus_milli.saturating_add(cpus(&difference.live));
            own.candidate_cpus_milli = own.candidate_cpus_milli.saturating_add(cpus(&difference.candidate));
        }
        if self.first.len() < FIRST_MAX {
            self.first.push(comparison.clone());
        }
    }
}

fn cpus(resources: &Resources) -> i64 {
    resources.cpus().as_milli()
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, rounds_that_differ, grants_agreed, grants_that_differ, by_role, first } = self;
        writeln!(f, "{rounds_that_differ} of {rounds} rounds differ")?;
        writeln!(f, "{grants_agreed} grants are the same, {grants_that_differ} are not")?;
        if !by_role.is_empty() {
            writeln!(f, "\n{:<32} {:>12} {:>16} {:>16}", "role", "differ", "cores granted", "cores otherwise")?;
        }
        for (role, own) in by_role {
            let cores = |milli: i64| Scalar::from_milli(milli).to_f64();
            let (live, candidate) = (cores(own.live_cpus_milli), cores(own.candidate_cpus_milli));
            writeln!(f, "{:<32} {:>12} {live:>16.3} {candidate:>16.3}", role.as_str(), own.grants_that_differ)?;
        }
        for comparison in first {
            writeln!(f, "\nround {} at {}, {} grants the same", comparison.round, comparison.at, comparison.agreed)?;
            for difference in &comparison.differences {
                writeln!(f, "  {difference}")?;
            }
        }
        Ok(())
    }
}
