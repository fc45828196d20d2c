//! When something is found out about a task, again and again.
//!
//! ```text
//!   task runs ─ delay ─▶ Waits ─ due ─▶ Asked ─ answer, or too late ─▶ Waits ─ interval ─▶ ...
//! ```
//!
//! What an answer means is for others: [health](super::health), or the framework. Who runs a check is the agent: a command in
//! a container of its own, a probe from its host. Rules: Apache Mesos, `src/checks/checker_process.cpp`.

use std::time::Duration;

use mesos_core::call::executor::Call;
use mesos_core::health::{Check, Checked};
use mesos_core::{CommandInfo, ContainerId, ExecutorCx, Instant};

/// How long a check without a timeout may take: for ever, as far as anybody cares.
const NO_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3_600);

/// One thing about one task.
#[derive(Debug)]
pub(super) struct Checker {
    what: Check,
    interval: Duration,
    timeout: Duration,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Waits { until: Instant },
    Asked { name: ContainerId, until: Instant },
    Over,
}

impl Checker {
    /// For the first time at `first_at`; a timeout of zero is none.
    pub(super) const fn new(what: Check, first_at: Instant, interval: Duration, timeout: Duration) -> Self {
        let timeout = if timeout.is_zero() { NO_TIMEOUT } else { timeout };
        Self { what, interval, timeout, phase: Phase::Waits { until: first_at } }
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

    /// Does what is due, for the task in this container that runs this command; an answer, when one did not come in time.
    pub(super) fn tick(
        &mut self,
        cx: &mut ExecutorCx<'_>,
        container: &ContainerId,
        command: Option<&CommandInfo>,
    ) -> Option<Checked> {
        match &self.phase {
            Phase::Waits { until } if *until <= cx.now.mono => {
                self.ask(cx, container, command);
                None
            }
            Phase::Asked { name, until } if *until <= cx.now.mono => {
                self.give_up(cx, name.clone());
                self.rest(cx.now.mono);
                Some(Checked::nothing(self.what.nothing(), "it took too long"))
            }
            _ => None,
        }
    }

    /// The check that is under way has its answer.
    pub(super) fn rest(&mut self, now: Instant) {
        self.phase = Phase::Waits { until: now + self.interval };
    }

    /// Nobody wants to know any more.
    pub(super) fn stop(&mut self, cx: &mut ExecutorCx<'_>) {
        if let Phase::Asked { name, .. } = std::mem::replace(&mut self.phase, Phase::Over) {
            self.give_up(cx, name);
        }
    }

    fn ask(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId, command: Option<&CommandInfo>) {
        let mut what = self.what.clone();
        if let (Check::Command(own), Some(command)) = (&mut what, command) {
            for (name, value) in &command.environment {
                own.environment.entry(name.clone()).or_insert_with(|| value.clone());
            }
            own.user = own.user.take().or_else(|| command.user.clone());
        }
        let name = ContainerId::new(format!("check-{:016x}", cx.rng.bits())).expect("a short word is a container id");
        self.phase = Phase::Asked { name: name.clone(), until: cx.now.mono + self.timeout };
        cx.emit(Call::Check { check: name, container: container.clone(), what, timeout: self.timeout });
    }

    /// A command may still run; a probe ends by itself.
    fn give_up(&self, cx: &mut ExecutorCx<'_>, name: ContainerId) {
        if matches!(self.what, Check::Command(_)) {
            cx.emit(Call::Destroy { container: name });
        }
    }
}
