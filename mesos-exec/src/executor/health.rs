//! Whether a task is well: what the answers to its health check mean, and when it is hopeless.
//!
//! Failures within the grace period do not count until the first success; the last failure in a row that is allowed makes it
//! hopeless, and the task is killed. Rules: Apache Mesos, `docs/health-checks.md` and `src/checks/health_checker.cpp`.

use std::sync::Arc;

use mesos_core::Instant;
use mesos_core::health::HealthCheck;

/// One task's health.
#[derive(Debug)]
pub(super) struct Health {
    failures_max: u32,
    /// Failures before this do not count.
    forgiving_until: Instant,
    is_well: Option<bool>,
    failures: u32,
}

/// What is to be said or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is well, which is news.
    Well,
    /// It is not well.
    Unwell(Arc<str>),
    /// It is not well, and that for the last time.
    Hopeless(Arc<str>),
}

impl Health {
    /// From the moment the task runs.
    pub(super) fn begin(check: &HealthCheck, now: Instant) -> Self {
        Self { failures_max: check.failures_max, forgiving_until: now + check.grace, is_well: None, failures: 0 }
    }

    /// Whether it is well, as far as that is known.
    pub(super) const fn is_well(&self) -> Option<bool> {
        self.is_well
    }

    /// A check has its answer: nothing, or what is wrong.
    pub(super) fn count(&mut self, now: Instant, problem: Option<Arc<str>>) -> Option<Finding> {
        let Some(problem) = problem else {
            self.failures = 0;
            return (self.is_well.replace(true) != Some(true)).then_some(Finding::Well);
        };
        let is_forgiven = self.is_well.is_none() && now < self.forgiving_until;
        if is_forgiven {
            return None;
        }
        self.is_well = Some(false);
        self.failures += 1;
        Some(if self.failures < self.failures_max { Finding::Unwell(problem) } else { Finding::Hopeless(problem) })
    }
}
