//! What a scheduler remembers over a restart of its process: which tries it made, and which tasks are over.
//!
//! A record per task, under `job.task`. The driver makes it durable before the launch it belongs to is said to the master, so
//! a task nobody remembers was never launched.

use std::collections::BTreeMap;

use mesos_core::SchedulerCx;
use mesos_core::kernel::Record;
use mesos_core::text::{Part, joined};

use super::key::TaskKey;

/// Remembers, if it is to.
#[derive(Debug)]
pub(super) struct Memory {
    is_kept: bool,
    /// By job and task: the last try, and whether the task is over. Of jobs that were not taken up again yet.
    recovered: BTreeMap<(u32, u32), (u32, bool)>,
}

impl Memory {
    pub(super) const fn new(is_kept: bool) -> Self {
        Self { is_kept, recovered: BTreeMap::new() }
    }

    pub(super) fn recover(&mut self, records: &[Record]) {
        let row = |record: &Record| {
            let (job, task) = record.key.split_once('.')?;
            Some(((job.parse().ok()?, task.parse().ok()?), record.decode::<(u32, bool)>().ok()?))
        };
        self.recovered.extend(records.iter().filter_map(row));
    }

    /// What is remembered of a job's tasks: task, last try, whether it is over.
    pub(super) fn take(&mut self, job: u32) -> Vec<(u32, u32, bool)> {
        let own: Vec<(u32, u32)> = self.recovered.range((job, 0)..=(job, u32::MAX)).map(|(key, _)| *key).collect();
        let take = |key: (u32, u32)| self.recovered.remove(&key).map(|(attempt, is_over)| (key.1, attempt, is_over));
        own.into_iter().filter_map(take).collect()
    }

    pub(super) fn launched(&self, cx: &mut SchedulerCx<'_>, key: TaskKey) {
        self.keep(cx, key, false);
    }

    pub(super) fn over(&self, cx: &mut SchedulerCx<'_>, key: TaskKey) {
        self.keep(cx, key, true);
    }

    fn keep(&self, cx: &mut SchedulerCx<'_>, key: TaskKey, is_over: bool) {
        if self.is_kept {
            let name = joined([Part::Number(key.job.into()), Part::Text("."), Part::Number(key.task.into())]);
            cx.remember(name, &(key.attempt, is_over));
        }
    }
}
