//! What comes: jobs that are submitted, and tasks of theirs that an earlier process of this scheduler had launched.

use mesos_core::call::scheduler::Call;
use mesos_core::{Instant, SchedulerCx};

use super::task::{YEAR, begin};
use super::{JobScheduler, Running};
use crate::scheduler::key::TaskKey;

impl JobScheduler {
    pub(super) fn admit(&mut self, cx: &mut SchedulerCx<'_>) {
        let arrived = self.queue.admit(cx.now.mono, self.options.agents);
        let mut open = Vec::new();
        for index in &arrived {
            for (task, attempt, is_over) in self.memory.take(*index) {
                open.extend(self.take_up(cx.now.mono, *index, task, attempt, is_over));
            }
        }
        if !open.is_empty() {
            cx.call(Call::Reconcile { tasks: open.into_iter().map(|key| (key.id(), None)).collect() });
        }
        let is_asking = self.is_suppressed || arrived.iter().any(|index| self.is_news(*index));
        if self.options.keeps_offers {
            self.consider(cx);
        } else if !arrived.is_empty() {
            if self.chooser.is_some() && self.holding_until.is_some() {
                // What is held for others may do for them.
                self.consider(cx);
            }
            if is_asking {
                self.ask(cx);
            }
        }
    }

    /// Goes on with a task as an earlier process left it; returns it if nobody knows how it is.
    pub(super) fn take_up(
        &mut self,
        now: Instant,
        index: u32,
        task: u32,
        attempt: u32,
        is_over: bool,
    ) -> Option<TaskKey> {
        let workload = self.workload.clone();
        let job = workload.jobs.get(index as usize).filter(|job| task < job.tasks)?;
        let progress = self.queue.progress.get_mut(&index)?;
        // Tasks of a job without input are launched in their order.
        progress.next = if job.replicas == 0 { progress.next.max(task + 1) } else { progress.next };
        if job.replicas > 0 {
            begin(progress, job, index, task, self.options.agents);
        }
        if is_over {
            self.queue.enlist(index);
            self.queue.ended(now, index);
            return None;
        }
        progress.running += 1;
        self.attempts.insert((index, task), attempt);
        let ends_at = now + job.expected(task).min(YEAR);
        self.running.insert((index, task), Running { agent: u32::MAX, launched_at: now, ends_at, attempt });
        self.queue.enlist(index);
        Some(TaskKey { job: index, task, attempt })
    }
}
