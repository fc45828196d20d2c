//! One framework on this agent.

use std::sync::Arc;

use mesos_core::kernel::Table;
use mesos_core::{ExecutorId, FrameworkCapability, FrameworkInfo, TaskId, TaskState};

use super::{ExecutorKey, Hosted, Task, TaskKey};

/// One framework on this agent.
#[derive(Debug)]
pub(in crate::agent) struct Framework {
    /// Its description; missing when the master only asked about a task of it.
    pub(in crate::agent) info: Option<Arc<FrameworkInfo>>,
    /// Whether what runs for it is written down. Settled when it first runs something here.
    pub(in crate::agent) is_checkpointed: bool,
    /// Whether its description is written down.
    pub(in crate::agent) is_written: bool,
    /// The framework is gone: everything of it ends, and nobody is told.
    pub(in crate::agent) is_removed: bool,
    pub(in crate::agent) tasks: Table<TaskId, TaskKey, Task>,
    pub(in crate::agent) executors: Table<ExecutorId, ExecutorKey, Hosted>,
}

impl Framework {
    pub(super) fn new(seed: u64, info: Option<Arc<FrameworkInfo>>) -> Self {
        Self {
            is_checkpointed: info.as_ref().is_some_and(|info| info.checkpoint),
            info,
            is_written: false,
            is_removed: false,
            tasks: Table::seeded(seed),
            executors: Table::seeded(seed),
        }
    }

    /// Takes note of its description; whether that was news.
    pub(in crate::agent) fn describe(&mut self, info: &Arc<FrameworkInfo>) -> bool {
        if self.info.as_ref().is_some_and(|own| Arc::ptr_eq(own, info) || own == info) {
            return false;
        }
        if self.info.is_none() {
            self.is_checkpointed = info.checkpoint;
        }
        self.info = Some(info.clone());
        true
    }

    /// The state as this framework is told: `LOST` instead of the precise ones when it does not know them.
    pub(in crate::agent) fn spelled(&self, state: TaskState) -> TaskState {
        // What it can deal with is not known here while its description is missing; the master spells it then.
        let is_aware = self.info.as_ref().is_none_or(|info| info.can(FrameworkCapability::PartitionAware));
        if is_aware { state } else { state.for_partition_unaware() }
    }
}
