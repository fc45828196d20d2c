//! What is found out about a task while it runs: its health, and what its framework wants to know.

use std::sync::Arc;

use mesos_core::call::executor::TaskUpdate;
use mesos_core::health::{CheckStatus, Checked};
use mesos_core::{CommandInfo, ContainerId, ExecutorCx, Instant, Reason, TaskInfo, TaskState};

use super::checker::Checker;
use super::health::{Finding, Health};

/// The checks of one task.
#[derive(Debug, Default)]
pub(super) struct Watch {
    health: Option<(Checker, Health)>,
    other: Option<(Checker, CheckStatus)>,
}

/// What came of a check.
#[derive(Debug)]
pub(super) struct News {
    /// To be said.
    pub(super) update: TaskUpdate,
    /// Whether the task is to be ended for it.
    pub(super) is_hopeless: bool,
}

impl Watch {
    /// From the moment the task runs.
    pub(super) fn begin(task: &TaskInfo, now: Instant) -> Self {
        let health = task.health_check.as_ref().map(|check| {
            let checker = Checker::new(check.what.clone(), now + check.delay, check.interval, check.timeout);
            (checker, Health::begin(check, now))
        });
        let other = task.check.as_ref().map(|check| {
            let checker = Checker::new(check.what.clone(), now + check.delay, check.interval, check.timeout);
            (checker, check.what.nothing())
        });
        Self { health, other }
    }

    /// What is known by now, in an update that says that the task runs.
    pub(super) fn describe(&self, update: &mut TaskUpdate) {
        update.healthy = self.health.as_ref().and_then(|(_, health)| health.is_well());
        update.check_status = self.other.as_ref().map(|(_, status)| *status);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.checkers().filter_map(Checker::deadline).min()
    }

    /// Whether this check is under way.
    pub(super) fn asked(&self, name: &ContainerId) -> bool {
        self.checkers().any(|checker| checker.asked(name))
    }

    fn checkers(&self) -> impl Iterator<Item = &Checker> {
        let health = self.health.as_ref().map(|(checker, _)| checker);
        health.into_iter().chain(self.other.as_ref().map(|(checker, _)| checker))
    }

    /// Does what is due, for the task in this container that runs this command.
    pub(super) fn tick(
        &mut self,
        cx: &mut ExecutorCx<'_>,
        task: &TaskInfo,
        container: &ContainerId,
        command: Option<&CommandInfo>,
    ) -> Vec<News> {
        let mut news = Vec::new();
        if let Some((checker, _)) = &mut self.health
            && let Some(found) = checker.tick(cx, container, command)
        {
            news.extend(self.judge(cx.now.mono, task, found));
        }
        if let Some((checker, _)) = &mut self.other
            && let Some(found) = checker.tick(cx, container, command)
        {
            news.extend(self.note(task, &found));
        }
        news
    }

    /// A check that is under way has its answer.
    pub(super) fn checked(
        &mut self,
        now: Instant,
        task: &TaskInfo,
        name: &ContainerId,
        found: Checked,
    ) -> Option<News> {
        if let Some((checker, _)) = self.health.as_mut().filter(|(checker, _)| checker.asked(name)) {
            checker.rest(now);
            return self.judge(now, task, found);
        }
        let (checker, _) = self.other.as_mut().filter(|(checker, _)| checker.asked(name))?;
        checker.rest(now);
        self.note(task, &found)
    }

    /// Nobody wants to know any more.
    pub(super) fn stop(mut self, cx: &mut ExecutorCx<'_>) {
        if let Some((checker, _)) = &mut self.health {
            checker.stop(cx);
        }
        if let Some((checker, _)) = &mut self.other {
            checker.stop(cx);
        }
    }

    fn judge(&mut self, now: Instant, task: &TaskInfo, found: Checked) -> Option<News> {
        let finding = self.health.as_mut().and_then(|(_, health)| health.count(now, found.problem))?;
        let is_hopeless = matches!(finding, Finding::Hopeless(_));
        let problem: Option<Arc<str>> = match finding {
            Finding::Well => None,
            Finding::Unwell(problem) | Finding::Hopeless(problem) => {
                Some(format!("Health check failed: {problem}").into())
            }
        };
        let update = self.running(task, Reason::TaskHealthCheckStatusUpdated, problem);
        Some(News { update, is_hopeless })
    }

    /// Only what changes is news.
    fn note(&mut self, task: &TaskInfo, found: &Checked) -> Option<News> {
        let (_, status) = self.other.as_mut()?;
        if std::mem::replace(status, found.status) == found.status {
            return None;
        }
        let update = self.running(task, Reason::TaskCheckStatusUpdated, None);
        Some(News { update, is_hopeless: false })
    }

    fn running(&self, task: &TaskInfo, reason: Reason, message: Option<Arc<str>>) -> TaskUpdate {
        let mut update = TaskUpdate::new(task.id.clone(), TaskState::Running);
        self.describe(&mut update);
        (update.reason, update.message) = (Some(reason), message);
        update
    }
}
