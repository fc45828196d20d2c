//! Right after an election: nothing is granted before most agents are back.
//!
//! A new master learns of agents one by one. Were they offered as they come, frameworks without promises would take what
//! promises will need. So when a quota is set, rounds wait until most of the agents known before have come, or for so long.
//! Without a quota there is nothing to wait for.
//!
//! Semantics: Apache Mesos, `src/master/allocator/mesos/hierarchical.cpp` (`recover`).

use mesos_core::Instant;

use super::{HierarchicalDrf, Options};

/// What rounds wait for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recovery {
    /// So many agents.
    agents: usize,
    /// But no longer than until then.
    until: Instant,
}

impl Recovery {
    fn new(now: Instant, expected: usize, options: &Options) -> Option<Self> {
        let percent = usize::try_from(options.agent_recovery_percent).unwrap_or(usize::MAX);
        let agents = expected.saturating_mul(percent) / 100;
        (agents > 0).then(|| Self { agents, until: now + options.agent_recovery_timeout })
    }
}

impl HierarchicalDrf {
    pub(super) fn expect_agents(&mut self, now: Instant, count: usize) {
        self.recovery = Recovery::new(now, count, &self.options);
    }

    /// Whether a round has to wait; once it has not, none ever has.
    pub(super) fn is_recovering(&mut self, now: Instant) -> bool {
        let is_waiting = self.waits_until().is_some_and(|until| now < until);
        if !is_waiting {
            self.recovery = None;
        }
        is_waiting
    }

    /// Until when rounds have to wait, how many agents are back, and how many have to be.
    pub(super) fn awaited(&self) -> Option<(Instant, usize, usize)> {
        let until = self.waits_until()?;
        self.recovery.map(|wanted| (until, self.agent_count, wanted.agents))
    }

    /// Until when rounds have to wait, unless agents come.
    pub(super) fn waits_until(&self) -> Option<Instant> {
        let waiting = self.recovery.filter(|wanted| self.quotas.has_quota() && self.agent_count < wanted.agents);
        waiting.map(|wanted| wanted.until)
    }
}
