//! What becomes of tasks.

use mesos_core::{SchedulerCx, TaskState};

use super::JobScheduler;
use crate::scheduler::key::TaskKey;
use crate::scheduler::options::Discipline;

impl JobScheduler {
    pub(super) fn ended(&mut self, cx: &mut SchedulerCx<'_>, key: TaskKey, state: TaskState) {
        let Some(running) = self.running.get(&(key.job, key.task)) else { return };
        if running.attempt != key.attempt {
            return;
        }
        if let Some(chooser) = &mut self.chooser {
            let ran = cx.now.mono.since(running.launched_at);
            chooser.ended(cx.now.mono, key.job, ran, state == TaskState::Finished);
        }
        self.ends.remove(&(running.ends_at, key.job, key.task));
        self.running.remove(&(key.job, key.task));
        if let Some(progress) = self.queue.progress.get_mut(&key.job) {
            progress.running -= 1;
        }
        let is_over = matches!(state, TaskState::Finished | TaskState::Killed)
            || (state == TaskState::Failed && self.queue.job(key.job).fails)
            || key.attempt + 1 >= self.options.attempts_max;
        if is_over {
            self.memory.over(cx, key);
            self.attempts.remove(&(key.job, key.task));
            self.queue.ended(cx.now.mono, key.job);
            if matches!(self.options.discipline, Discipline::Delay(_)) {
                self.queue.enlist(key.job);
            }
        } else {
            self.attempts.insert((key.job, key.task), key.attempt + 1);
            if let Some(progress) = self.queue.progress.get_mut(&key.job) {
                progress.again.push(key.task);
            }
            self.queue.enlist(key.job);
            if self.is_suppressed || self.is_news(key.job) {
                self.ask(cx);
            }
        }
    }
}
