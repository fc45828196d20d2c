//! The command executor: one task, one container, its exit is the task's end.
//!
//! As Apache Mesos' `src/launcher/executor.cpp`. Not here: task groups, which are [another](super::Group)'s.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::Call;
use mesos_core::health::Checked;
use mesos_core::{ContainerId, Executor, ExecutorCx, Exit, Instant, KillPolicy, TaskId, TaskInfo, TaskRun, TaskState};

use super::work::{KILL_GRACE_DEFAULT, Reports, SHUTDOWN_RESERVE, Why, Work};

/// Runs one task that is a command.
#[derive(Debug)]
pub struct Command {
    work: Option<Work>,
    reports: Reports,
}

impl Command {
    /// A command executor; `reports_killing` when its framework has `TASK_KILLING_STATE`.
    #[must_use]
    pub const fn new(reports_killing: bool) -> Self {
        Self { work: None, reports: Reports::new(reports_killing) }
    }

    fn end(&mut self, cx: &mut ExecutorCx<'_>, grace: Duration) {
        if let Some(work) = &mut self.work {
            work.end(cx, &mut self.reports, Why::Asked, grace);
        }
    }
}

impl Executor for Command {
    fn launch(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        for task in tasks {
            match &task.run {
                _ if self.work.is_some() => {
                    self.reports.refuse(cx, &task, "A command executor runs one task, and it has one");
                }
                TaskRun::Command(command) => {
                    let command = command.clone();
                    self.reports.say_state(cx, &task.id, TaskState::Starting);
                    self.work = Some(Work::start(cx, task, command));
                }
                _ => self.reports.refuse(cx, &task, "A command executor runs commands, and this task has none"),
            }
        }
    }

    fn kill(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, policy: KillPolicy) {
        if self.work.as_ref().is_some_and(|work| work.task.id == *task) {
            self.end(cx, policy.grace.unwrap_or(KILL_GRACE_DEFAULT));
        }
    }

    fn launched(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId) {
        if let Some(work) = self.work.as_mut().filter(|work| work.container == *container) {
            work.launched(cx, &mut self.reports);
        }
    }

    fn exited(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId, exit: Result<Exit, Arc<str>>) {
        if let Some(work) = self.work.as_mut().filter(|work| work.container == *container) {
            work.exited(cx, &mut self.reports, exit);
        }
    }

    fn shutdown(&mut self, cx: &mut ExecutorCx<'_>, grace: Duration) {
        match &self.work {
            Some(work) if !work.is_done() => self.end(cx, grace.saturating_sub(SHUTDOWN_RESERVE)),
            _ => cx.emit(Call::Exit),
        }
    }

    fn recovered(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<(Arc<TaskInfo>, TaskState)>, _running: &[ContainerId]) {
        if let Some((task, state)) = tasks.into_iter().next() {
            self.work = Some(Work::found(cx, &mut self.reports, task, state));
        }
    }

    fn acknowledged(&mut self, cx: &mut ExecutorCx<'_>, _task: &TaskId) {
        let are_settled = self.reports.settle();
        if are_settled && self.work.as_ref().is_none_or(Work::is_done) {
            cx.emit(Call::Exit);
        }
    }

    fn checked(&mut self, cx: &mut ExecutorCx<'_>, check: &ContainerId, found: Checked) {
        if let Some(work) = self.work.as_mut().filter(|work| work.asked(check)) {
            work.checked(cx, &mut self.reports, check, found);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.work.as_ref().and_then(Work::deadline)
    }

    fn tick(&mut self, cx: &mut ExecutorCx<'_>) {
        if let Some(work) = &mut self.work {
            work.tick(cx, &mut self.reports);
        }
    }
}

#[cfg(test)]
mod tests;
