//! An allocator of somebody's own, for tests: the built-in one, but every round comes ten seconds later.

use std::time::Duration;

use mesos_core::provider::{AgentKey, Allocator, Fact, Grant, Round};
use mesos_core::{Instant, Resources};
use mesos_sched::allocator::{HierarchicalDrf, Options};

/// So much later.
const LATER: Duration = Duration::from_secs(10);

/// Takes its time.
#[derive(Debug)]
pub(crate) struct Leisurely(HierarchicalDrf);

impl Default for Leisurely {
    fn default() -> Self {
        Self(HierarchicalDrf::new(Options::default()))
    }
}

impl Allocator for Leisurely {
    fn observe(&mut self, now: Instant, fact: Fact) {
        self.0.observe(now, fact);
    }

    fn allocate(&mut self, round: Round<'_>, grants: &mut Vec<Grant>) {
        self.0.allocate(round, grants);
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.deadline().map(|at| at + LATER)
    }

    fn inconsistency(&self) -> Option<String> {
        self.0.inconsistency()
    }

    fn available(&self, agent: AgentKey) -> Option<Resources> {
        self.0.available(agent)
    }
}
