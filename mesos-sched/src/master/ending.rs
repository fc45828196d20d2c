//! How often tasks ended by whom and why, and how often they never began.
//!
//! Nothing is decided by it: it is counted for views, while they are kept at all ([`Options::memory`](super::Options)). A task
//! counts once, by the first end its framework is told or would be told if it listened: not by repetitions, and not by
//! answers to reconciliations. Ends without a reason, as most that are well, are not here but in
//! [`Totals`](super::Totals).
//!
//! Semantics: Apache Mesos, `src/master/metrics.cpp` (`incrementTasksStates`).

use std::collections::BTreeMap;

use mesos_core::provider::FrameworkKey;
use mesos_core::{Reason, Source, TaskState, TaskStatus};

use super::Master;
use super::book::TaskKey;

/// How often tasks ended by whom and why. No larger than there are states, sources and reasons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endings {
    by_reason: BTreeMap<(TaskState, Source, Reason), u64>,
    unbooked: [u64; 14],
}

impl Endings {
    /// The ends that had a reason: state, who said so, why, how often.
    pub fn by_reason(&self) -> impl Iterator<Item = (TaskState, Source, Reason, u64)> + '_ {
        self.by_reason.iter().map(|(&(state, source, reason), &count)| (state, source, reason, count))
    }

    /// Tasks that were refused in this state and never were in the books, so that they are not in
    /// [`Totals`](super::Totals) either.
    #[must_use]
    pub const fn unbooked(&self, state: TaskState) -> u64 {
        self.unbooked[state as usize]
    }

    /// A task ended so.
    pub(super) fn count(&mut self, status: &TaskStatus) {
        if let Some(reason) = status.reason {
            self.count_many(status.state, status.source, reason, 1);
        }
    }

    pub(super) fn count_many(&mut self, state: TaskState, source: Source, reason: Reason, count: u64) {
        if count > 0 {
            *self.by_reason.entry((state, source, reason)).or_default() += count;
        }
    }

    /// A task was refused so.
    fn refuse(&mut self, status: &TaskStatus) {
        self.unbooked[status.state as usize] += 1;
        self.count(status);
    }
}

impl Master {
    /// How often tasks ended by whom and why, if that is counted.
    #[must_use]
    pub fn endings(&self) -> Option<&Endings> {
        Some(&self.past.as_ref()?.endings)
    }

    /// Counts a task's end, the first time it is heard of.
    pub(super) fn count_ending(&mut self, framework: FrameworkKey, task: TaskKey, status: &TaskStatus) {
        let Some(past) = self.past.as_mut().filter(|_| status.state.is_terminal()) else { return };
        let own = self.frameworks.table[framework].tasks[task].past.as_mut();
        if own.is_some_and(|own| own.end()) {
            past.endings.count(status);
        }
    }

    /// Counts a task that is refused.
    pub(super) fn count_refusal(&mut self, framework: FrameworkKey, status: &TaskStatus) {
        self.frameworks.table[framework].tally.end(status.state);
        if let Some(past) = &mut self.past {
            past.endings.refuse(status);
        }
    }
}
