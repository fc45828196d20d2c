//! Whether a task is well: when it is checked, what the answers mean, and when it is hopeless.
//!
//! ```text
//!   task runs ─ delay ─▶ Waits ─ due ─▶ Asked ─ answer, or too late ─▶ Waits ─ interval ─▶ ...
//!                                         └─ the last failure in a row that is allowed: hopeless, the task is killed
//! ```
//!
//! Failures within the grace period do not count until the first success. Rules: Apache Mesos, `docs/health-checks.md` and
//! `src/checks/health_checker.cpp`. Who runs a check is the agent: a command in a container of its own, a probe from its host.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::Call;
use mesos_core::health::{Check, HealthCheck};
use mesos_core::{CommandInfo, ContainerId, ExecutorCx, Instant};

/// How long a check without a timeout may take: for ever, as far as anybody cares.
const NO_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3_600);

/// One task's health.
#[derive(Debug)]
pub(super) struct Health {
    check: Arc<HealthCheck>,
    phase: Phase,
    /// Failures before this do not count.
    forgiving_until: Instant,
    is_well: Option<bool>,
    failures: u32,
}

#[derive(Debug)]
enum Phase {
    Waits { until: Instant },
    Asked { name: ContainerId, until: Instant },
    Over,
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
    pub(super) fn begin(check: Arc<HealthCheck>, now: Instant) -> Self {
        let (until, forgiving_until) = (now + check.delay, now + check.grace);
        Self { phase: Phase::Waits { until }, forgiving_until, check, is_well: None, failures: 0 }
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Waits { until } | Phase::Asked { until, .. } => Some(*until),
            Phase::Over => None,
        }
    }

    /// Whether this is the check that is under way.
    pub(super) fn asked(&self, name: &ContainerId) -> bool {
        matches!(&self.phase, Phase::Asked { name: own, .. } if own == name)
    }

    /// Does what is due, for the task in this container that runs this command.
    pub(super) fn tick(
        &mut self,
        cx: &mut ExecutorCx<'_>,
        container: &ContainerId,
        command: Option<&CommandInfo>,
    ) -> Option<Finding> {
        match &self.phase {
            Phase::Waits { until } if *until <= cx.now.mono => {
                self.ask(cx, container, command);
                None
            }
            Phase::Asked { name, until } if *until <= cx.now.mono => {
                self.give_up(cx, name.clone());
                self.count(cx.now.mono, Err("it took too long".into()))
            }
            _ => None,
        }
    }

    /// A check has its answer.
    pub(super) fn answered(&mut self, cx: &ExecutorCx<'_>, result: Result<(), Arc<str>>) -> Option<Finding> {
        self.count(cx.now.mono, result)
    }

    /// Nobody wants to know any more.
    pub(super) fn stop(&mut self, cx: &mut ExecutorCx<'_>) {
        if let Phase::Asked { name, .. } = std::mem::replace(&mut self.phase, Phase::Over) {
            self.give_up(cx, name);
        }
    }

    fn ask(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId, command: Option<&CommandInfo>) {
        let mut what = self.check.what.clone();
        if let (Check::Command(own), Some(command)) = (&mut what, command) {
            for (name, value) in &command.environment {
                own.environment.entry(name.clone()).or_insert_with(|| value.clone());
            }
            own.user = own.user.take().or_else(|| command.user.clone());
        }
        let name = ContainerId::new(format!("check-{:016x}", cx.rng.bits())).expect("a short word is a container id");
        let timeout = if self.check.timeout.is_zero() { NO_TIMEOUT } else { self.check.timeout };
        self.phase = Phase::Asked { name: name.clone(), until: cx.now.mono + timeout };
        cx.emit(Call::Check { check: name, container: container.clone(), what, timeout });
    }

    /// A command may still run; a probe ends by itself.
    fn give_up(&self, cx: &mut ExecutorCx<'_>, name: ContainerId) {
        if matches!(self.check.what, Check::Command(_)) {
            cx.emit(Call::Destroy { container: name });
        }
    }

    fn count(&mut self, now: Instant, result: Result<(), Arc<str>>) -> Option<Finding> {
        self.phase = Phase::Waits { until: now + self.check.interval };
        let Err(problem) = result else {
            self.failures = 0;
            return (self.is_well.replace(true) != Some(true)).then_some(Finding::Well);
        };
        let is_forgiven = self.is_well.is_none() && now < self.forgiving_until;
        if is_forgiven {
            return None;
        }
        self.is_well = Some(false);
        self.failures += 1;
        if self.failures < self.check.failures_max {
            return Some(Finding::Unwell(problem));
        }
        self.phase = Phase::Over;
        Some(Finding::Hopeless(problem))
    }
}
