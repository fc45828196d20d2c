//! Operations that have an id: what was done of them is said until somebody has taken note.
//!
//! What an operation made is in the agent's total, which is written down with it in one batch; from then on it is finished,
//! and that is sent, sent again and told every new master, as the updates of tasks are. The total outlives all of it.
//!
//! Semantics: Apache Mesos, `src/status_update_manager/operation.cpp`. It judges nothing: the master has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::agent::{ApplyOperation, OperationReport, ToMaster};
use mesos_core::kernel::Draft;
use mesos_core::{FrameworkId, FrameworkInfo, OperationState, OperationStatus, TrackedOperation, UpdateId};

use super::checkpoint::{self, OperationRecord};
use super::{Agent, AgentCx, Pending, Timer};

/// Operations that wait for an acknowledgement. The masters' bounds per framework are far below; beyond it what becomes of
/// an operation is not said until there is room, and the master asks again when the agent comes back to it.
const OPERATIONS_MAX: usize = 100_000;

/// Operations nobody has acknowledged yet, by their uuid.
#[derive(Debug, Default)]
pub(super) struct Operations(BTreeMap<UpdateId, Row>);

#[derive(Debug)]
struct Row {
    record: OperationRecord,
    /// Whether it is written down; nothing is said before.
    is_durable: bool,
    retry_after: Duration,
}

impl Operations {
    /// What an earlier run wrote down.
    pub(super) fn recovered(records: impl IntoIterator<Item = OperationRecord>) -> Self {
        let row = |record: OperationRecord| {
            (record.operation.uuid, Row { record, is_durable: true, retry_after: Duration::ZERO })
        };
        Self(records.into_iter().map(row).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&FrameworkId, &Arc<TrackedOperation>, bool)> {
        self.0.values().map(|row| (&row.record.framework_id, &row.record.operation, row.is_durable))
    }

    /// Those that are written down, with their frameworks' descriptions.
    pub(super) fn reports(&self) -> impl Iterator<Item = (OperationReport, &Arc<FrameworkInfo>)> {
        self.0.values().filter(|row| row.is_durable).map(|row| {
            let OperationRecord { framework_id, framework, operation } = &row.record;
            let (framework_id, operation) = (framework_id.clone(), operation.clone());
            (OperationReport { framework_id, operation, state: OperationState::Finished }, framework)
        })
    }

    /// Deletes what was written down of all of them.
    pub(super) fn erasure(&self) -> impl Iterator<Item = Draft> {
        self.0.keys().map(|uuid| checkpoint::delete_operation(*uuid))
    }

    /// A framework changed its description.
    pub(super) fn describe(&mut self, framework_id: &FrameworkId, info: &Arc<FrameworkInfo>) {
        for row in self.0.values_mut().filter(|row| row.record.framework_id == *framework_id) {
            row.record.framework = info.clone();
        }
    }
}

impl Agent {
    pub(super) fn handle_apply(&mut self, cx: &mut AgentCx<'_>, apply: ApplyOperation) {
        let ApplyOperation { framework_id, framework, operation, total } = apply;
        self.total = total;
        let total = checkpoint::put_total(&self.total);
        let (uuid, rows) = (operation.uuid, &mut self.operations.0);
        if rows.contains_key(&uuid) || rows.len() >= OPERATIONS_MAX {
            return self.write(cx, vec![total]);
        }
        let record = OperationRecord { framework_id, framework, operation };
        let changes = vec![total, checkpoint::put_operation(record.clone())];
        rows.insert(uuid, Row { record, is_durable: false, retry_after: Duration::ZERO });
        self.write_then(cx, changes, Pending::Operation(uuid));
    }

    pub(super) fn handle_operation_written(&mut self, cx: &mut AgentCx<'_>, uuid: UpdateId) {
        if let Some(row) = self.operations.0.get_mut(&uuid) {
            row.is_durable = true;
            row.retry_after = self.options.update_retry;
            self.send_operation(cx, uuid);
        }
    }

    fn send_operation(&mut self, cx: &mut AgentCx<'_>, uuid: UpdateId) {
        let Some(row) = self.operations.0.get(&uuid).filter(|row| row.is_durable) else { return };
        if !self.link.is_registered() {
            return;
        }
        let (OperationRecord { framework_id, operation, .. }, after) = (&row.record, row.retry_after);
        let mut status = OperationStatus::new(operation.id.clone(), OperationState::Finished);
        status.converted = operation.converted.clone();
        status.uuid = Some(uuid);
        status.agent_id.clone_from(&self.id);
        let framework_id = framework_id.clone();
        self.send(cx, ToMaster::OperationUpdate { framework_id, status: Box::new(status) });
        self.arm(cx, Timer::Operation(uuid), after);
    }

    /// Nobody has taken note in time.
    pub(super) fn retry_operation(&mut self, cx: &mut AgentCx<'_>, uuid: UpdateId) {
        let max = self.options.update_retry_max;
        if let Some(row) = self.operations.0.get_mut(&uuid) {
            row.retry_after = (row.retry_after * 2).min(max);
            self.send_operation(cx, uuid);
        }
    }

    /// A (new) master listens: it hears of all of them at once.
    pub(super) fn send_all_operations(&mut self, cx: &mut AgentCx<'_>) {
        let uuids: Vec<UpdateId> = self.operations.0.keys().copied().collect();
        for uuid in uuids {
            if let Some(row) = self.operations.0.get_mut(&uuid) {
                row.retry_after = self.options.update_retry;
            }
            self.send_operation(cx, uuid);
        }
    }

    pub(super) fn handle_acknowledge_operation(
        &mut self,
        cx: &mut AgentCx<'_>,
        framework_id: &FrameworkId,
        uuid: UpdateId,
    ) {
        let rows = &mut self.operations.0;
        if rows.get(&uuid).is_none_or(|row| row.record.framework_id != *framework_id) {
            return;
        }
        rows.remove(&uuid);
        self.timers.cancel(&Timer::Operation(uuid));
        self.write(cx, vec![checkpoint::delete_operation(uuid)]);
    }

    /// The framework is gone: nobody will take note any more.
    pub(super) fn forget_operations_of(&mut self, cx: &mut AgentCx<'_>, framework_id: &FrameworkId) {
        let own = self.operations.0.iter().filter(|(_, row)| row.record.framework_id == *framework_id);
        let own: Vec<UpdateId> = own.map(|(uuid, _)| *uuid).collect();
        for uuid in &own {
            self.operations.0.remove(uuid);
            self.timers.cancel(&Timer::Operation(*uuid));
        }
        self.write(cx, own.into_iter().map(checkpoint::delete_operation).collect());
    }
}
