//! Tasks on their way out, on request.
//!
//! A task that its executor does not have yet is over at once. Otherwise the executor ends it: with the grace the kill
//! brings, else the task's own, else the agent's default.

use mesos_core::call::executor::Event;
use mesos_core::{FrameworkId, KillPolicy, Reason, TaskId, TaskRun, TaskState};

use super::book::{ExecutorRef, Task, TaskRef};
use super::options::mutant;
use super::{Agent, AgentCx};

impl Agent {
    pub(super) fn handle_kill(
        &mut self,
        cx: &mut AgentCx<'_>,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        policy: Option<KillPolicy>,
    ) {
        let Some(at) = self.book.find_task(framework_id, task_id) else { return };
        let Some(task) = self.book.task(at).filter(|task| task.is_live()) else { return };
        if task.is_queued() {
            if !mutant!(self.options, ForgetEarlyKill) {
                self.kill_queued(cx, at);
            }
            return;
        }
        let policy = self.kill_policy(task, policy);
        if let Some(executor) = self.book.executor_of(at) {
            if let Some(body) = self.book.task_mut(at).and_then(|task| task.body.as_mut()) {
                body.kill = Some(policy);
            }
            self.tell(cx, executor, Event::Kill { task_id: task_id.clone(), policy });
            self.call_guest(cx, executor, |guest, cx| guest.kill(cx, task_id, policy));
        }
    }

    fn kill_policy(&self, task: &Task, asked: Option<KillPolicy>) -> KillPolicy {
        let own = task.body.as_ref().and_then(|body| body.info.kill_policy.grace);
        let grace = asked.and_then(|policy| policy.grace).or(own).unwrap_or(self.options.kill_grace);
        KillPolicy { grace: Some(grace) }
    }

    fn kill_queued(&mut self, cx: &mut AgentCx<'_>, at: TaskRef) {
        let executor = self.book.executor_of(at);
        let message = "Killed before its executor had it";
        for task in self.queued_with(at) {
            self.say(cx, task, TaskState::Killed, Reason::TaskKilledDuringLaunch, message);
        }
        if let Some(executor) = executor {
            self.end_if_unused(cx, executor);
        }
    }

    /// A task that waits and, if it belongs to a group, all others of that, which wait with it.
    fn queued_with(&self, at: TaskRef) -> Vec<TaskRef> {
        let group_of = |at| match &self.book.task(at)?.body.as_ref()?.info.run {
            TaskRun::InGroup { group, .. } => Some(group),
            _ => None,
        };
        let Some(group) = group_of(at) else { return vec![at] };
        let all = self.book.executor_of(at).and_then(|executor| self.book.executor(executor));
        let all = all.into_iter().flat_map(|hosted| hosted.tasks.keys()).copied();
        let is_waiting = |at: &TaskRef| self.book.task(*at).is_some_and(Task::is_queued);
        all.filter(is_waiting).filter(|own| group_of(*own) == Some(group)).collect()
    }

    /// An executor that never got a task and has none to wait for is of no use.
    fn end_if_unused(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef) {
        if self.book.executor(at).is_some_and(|hosted| !hosted.was_used && hosted.tasks.is_empty()) {
            self.end_executor(cx, at, "Executor was not needed");
        }
    }
}
