//! Operations the scheduler gave an id: asked about until something is heard, acknowledged when it is.

use std::collections::BTreeMap;

use mesos_core::call::scheduler::Call;
use mesos_core::{Ack, AgentId, Operation, OperationId, OperationState, OperationStatus, Scheduler};

use super::{Driver, DriverCx};

/// The operations whose end is not known, and where they are if that was ever heard.
#[derive(Debug, Default)]
pub(super) struct Awaited(BTreeMap<OperationId, Option<AgentId>>);

impl Awaited {
    /// Also those that are not sent: the master will say that it does not know them.
    pub(super) fn observe_accept(&mut self, operations: &[Operation]) {
        let tracked = operations.iter().filter(|operation| operation.tasks().is_empty()).filter_map(Operation::id);
        for id in tracked {
            self.0.entry(id.clone()).or_default();
        }
    }

    /// The scheduler asks about these.
    pub(super) fn observe_question(&mut self, asked: &[(OperationId, Option<AgentId>)]) {
        for (id, agent) in asked {
            let known = self.0.entry(id.clone()).or_default();
            *known = agent.clone().or_else(|| known.take());
        }
    }

    /// Whether this is news.
    fn observe(&mut self, status: &OperationStatus) -> bool {
        match status.state {
            OperationState::Pending | OperationState::Recovering | OperationState::Unreachable => {
                let known = self.0.entry(status.id.clone()).or_default();
                *known = status.agent_id.clone().or_else(|| known.take());
                status.state == OperationState::Unreachable
            }
            _ => {
                self.0.remove(&status.id);
                true
            }
        }
    }

    fn questions(&self) -> Vec<(OperationId, Option<AgentId>)> {
        self.0.iter().map(|(id, agent)| (id.clone(), agent.clone())).collect()
    }
}

impl<S: Scheduler + ?Sized> Driver<S> {
    /// The operations with an id whose end is not known.
    pub fn awaited_operations(&self) -> impl Iterator<Item = &OperationId> {
        self.awaited.0.keys()
    }

    pub(super) fn operation_update(&mut self, cx: &mut DriverCx<'_>, status: &OperationStatus) {
        let mut ack = Ack::Auto;
        if self.awaited.observe(status) {
            self.consult(cx, |scheduler, cx| ack = scheduler.operation_updated(cx, status));
        }
        if let (Ack::Auto, Some(uuid), Some(agent_id)) = (ack, status.uuid, status.agent_id.clone()) {
            self.call(cx, Call::AcknowledgeOperation { operation_id: status.id.clone(), agent_id, uuid });
        }
    }

    /// Asks about all of them, as far as there is somebody to ask.
    pub(super) fn ask_of_operations(&mut self, cx: &mut DriverCx<'_>) {
        let operations = self.awaited.questions();
        if self.is_subscribed() && !operations.is_empty() {
            for operations in operations.chunks(self.options.reconcile_batch_max) {
                self.send(cx, Call::ReconcileOperations { operations: operations.to_vec() });
            }
        }
    }
}
