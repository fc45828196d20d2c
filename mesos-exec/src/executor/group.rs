//! The default executor: groups of tasks, each task in a container of its own, each group with one fate.
//!
//! ```text
//!   group ─ STARTING, all ─▶ containers ─ RUNNING, each when it runs ─▶ FINISHED: the others go on
//!                                                                    └▶ FAILED, KILLED: the others of the group are killed
//! ```
//!
//! Several groups may run at the same time; what happens to one is nothing to the others. It ends when no container is left
//! and the agent has taken over everything it said. As Apache Mesos' `src/launcher/default_executor.cpp`. Not here: an
//! executor container the tasks' containers would lie in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::Call;
use mesos_core::health::Checked;
use mesos_core::{ContainerId, Executor, ExecutorCx, Exit, Instant, KillPolicy, TaskId, TaskInfo, TaskRun, TaskState};

use super::work::{KILL_GRACE_DEFAULT, Reports, SHUTDOWN_RESERVE, Why, Work};

/// Runs groups of tasks that are commands.
#[derive(Debug)]
pub struct Group {
    /// Tasks that have not ended.
    works: BTreeMap<TaskId, Work>,
    reports: Reports,
    /// Whether it was told to end, or ever given a task: then it ends once nothing is left.
    may_end: bool,
}

impl Group {
    /// An executor of groups; `reports_killing` when their framework has `TASK_KILLING_STATE`.
    #[must_use]
    pub const fn new(reports_killing: bool) -> Self {
        Self { works: BTreeMap::new(), reports: Reports::new(reports_killing), may_end: false }
    }

    /// Ends what is left of a group one of whose tasks ended badly.
    fn end_group(&mut self, cx: &mut ExecutorCx<'_>, group: &TaskId) {
        for work in self.works.values_mut().filter(|work| group_of(&work.task) == group && !work.is_ending()) {
            let grace = work.task.kill_policy.grace.unwrap_or(KILL_GRACE_DEFAULT);
            work.end(cx, &mut self.reports, Why::Asked, grace);
        }
    }

    fn task_in(&self, container: &ContainerId) -> Option<TaskId> {
        self.works.get(container.as_str()).map(|work| work.task.id.clone())
    }

    fn end_if_idle(&self, cx: &mut ExecutorCx<'_>) {
        if self.may_end && self.works.is_empty() && self.reports.are_settled() {
            cx.emit(Call::Exit);
        }
    }
}

/// A task that is alone is a group of one.
fn group_of(task: &TaskInfo) -> &TaskId {
    match &task.run {
        TaskRun::InGroup { group, .. } => group,
        _ => &task.id,
    }
}

impl Executor for Group {
    fn launch(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        self.may_end = true;
        let mut broken = None;
        let mut starting = Vec::with_capacity(tasks.len());
        for task in tasks {
            match task.run.command() {
                Some(command) => starting.push((task.clone(), command.clone())),
                None => {
                    self.reports.refuse(cx, &task, "An executor of groups runs commands, and this task has none");
                    broken = Some(group_of(&task).clone());
                }
            }
        }
        for (task, _) in &starting {
            self.reports.say_state(cx, &task.id, TaskState::Starting);
        }
        for (task, command) in starting {
            self.works.insert(task.id.clone(), Work::start(cx, task, command));
        }
        if let Some(group) = broken {
            self.end_group(cx, &group);
        }
    }

    fn kill(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, policy: KillPolicy) {
        if let Some(work) = self.works.get_mut(task) {
            work.end(cx, &mut self.reports, Why::Asked, policy.grace.unwrap_or(KILL_GRACE_DEFAULT));
        }
    }

    fn launched(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId) {
        if let Some(work) = self.works.get_mut(container.as_str()) {
            work.launched(cx, &mut self.reports);
        }
    }

    fn exited(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId, exit: Result<Exit, Arc<str>>) {
        let Some(mut work) = self.task_in(container).and_then(|task| self.works.remove(&task)) else { return };
        let state = work.exited(cx, &mut self.reports, exit);
        if state.is_some_and(|state| state != TaskState::Finished) {
            self.end_group(cx, group_of(&work.task));
        }
    }

    fn shutdown(&mut self, cx: &mut ExecutorCx<'_>, grace: Duration) {
        self.may_end = true;
        let grace = grace.saturating_sub(SHUTDOWN_RESERVE);
        for work in self.works.values_mut() {
            work.end(cx, &mut self.reports, Why::Asked, grace);
        }
        self.end_if_idle(cx);
    }

    fn recovered(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<(Arc<TaskInfo>, TaskState)>, _running: &[ContainerId]) {
        self.may_end = true;
        for (task, state) in tasks {
            let id = task.id.clone();
            let work = Work::found(cx, &mut self.reports, task, state);
            self.works.insert(id, work);
        }
        self.end_if_idle(cx);
    }

    fn acknowledged(&mut self, cx: &mut ExecutorCx<'_>, _task: &TaskId) {
        if self.reports.settle() {
            self.end_if_idle(cx);
        }
    }

    fn checked(&mut self, cx: &mut ExecutorCx<'_>, check: &ContainerId, found: Checked) {
        if let Some(work) = self.works.values_mut().find(|work| work.asked(check)) {
            work.checked(cx, &mut self.reports, check, found);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.works.values().filter_map(Work::deadline).min()
    }

    fn tick(&mut self, cx: &mut ExecutorCx<'_>) {
        for work in self.works.values_mut() {
            work.tick(cx, &mut self.reports);
        }
    }
}

#[cfg(test)]
mod tests;
