//! What the scheduler asks for: saved, waiting for what was saved, sent, kept for later or dropped.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::call::CloseReason;
use mesos_core::call::scheduler::Call;
use mesos_core::provider::Action;
use mesos_core::{
    AgentId, FrameworkInfo, OfferConstraints, Operation, Rejection, RejectionCode, Role, Scheduler, SchedulerCx, TaskId,
};

use super::{Driver, DriverCx, Effect, StopReason, memory};
use crate::allocator::validate_constraints;
use crate::master::validate::{validate_subscribe, validate_update};

impl<S: Scheduler + ?Sized> Driver<S> {
    /// Lets the scheduler do something, and does what it asks for, in its order.
    pub(super) fn consult(&mut self, cx: &mut DriverCx<'_>, ask: impl FnOnce(&mut S, &mut SchedulerCx<'_>)) {
        let mut actions = std::mem::take(&mut self.actions);
        ask(&mut self.scheduler, &mut cx.guest(&mut actions));
        for action in actions.drain(..) {
            match action {
                Action::Save(change) => self.outbox.save(memory::stored(change)),
                Action::Call(call) => self.call(cx, call),
                other => tracing::debug!(?other, "is not known to this driver"),
            }
        }
        self.actions = actions;
    }

    /// Says something once everything saved so far is durable.
    pub(super) fn call(&mut self, cx: &mut DriverCx<'_>, call: Call) {
        let subscription = self.session.subscription;
        if let Some(call) = self.outbox.push(call, subscription) {
            self.dispatch(cx, call, subscription);
        } else if self.outbox.calls_waiting() > self.options.waiting_max && !self.is_overrun {
            self.is_overrun = true;
            let what = format!("more than {} calls wait for the framework's memory", self.options.waiting_max);
            tracing::warn!("{what}");
            let why = Rejection::new(RejectionCode::TooMany, what, "the framework comes back when it has caught up");
            self.lose(cx, CloseReason::Refused(why));
        }
    }

    /// Nothing holds the call up any more: says it, or does with it what is done without a subscription.
    pub(super) fn dispatch(&mut self, cx: &mut DriverCx<'_>, call: Call, subscription: u64) {
        let is_current = self.is_subscribed() && subscription == self.session.subscription;
        let is_sent = match &call {
            Call::Subscribe { .. } => false,
            Call::UpdateFramework { info, suppressed, constraints } => {
                if let Err(why) = self.describe(info, suppressed, constraints) {
                    return self.consult(cx, |scheduler, cx| scheduler.refused(cx, &why));
                }
                self.is_subscribed()
            }
            Call::Teardown => {
                self.end(cx, true, StopReason::Requested);
                return;
            }
            Call::Accept { operations, .. } => {
                self.book_launches(cx, operations);
                self.awaited.observe_accept(operations);
                is_current
            }
            Call::Suppress { roles } => {
                let all = if roles.is_empty() { &self.info.roles } else { roles };
                self.suppressed.extend(all.intersection(&self.info.roles).cloned());
                self.is_subscribed()
            }
            Call::Revive { roles } => {
                self.suppressed.retain(|role| !roles.is_empty() && !roles.contains(role));
                self.is_subscribed()
            }
            Call::Kill { task_id, agent_id, policy } => {
                self.ledger.observe_kill(task_id, agent_id.clone(), *policy, cx.now.mono, &self.options);
                self.is_subscribed()
            }
            Call::ReconcileOperations { operations } => {
                self.awaited.observe_question(operations);
                self.is_subscribed()
            }
            Call::Reconcile { tasks } if !tasks.is_empty() => return self.book_questions(cx, tasks),
            _ => is_current,
        };
        if is_sent {
            self.send(cx, call);
        } else {
            tracing::debug!(call = call.name(), "is not sent: there is no subscription, or another one by now");
        }
    }

    /// Takes over what the framework says of itself, for this and later subscriptions. What the master would refuse is
    /// refused here: said again with a subscription, it would end the framework.
    fn describe(
        &mut self,
        info: &FrameworkInfo,
        suppressed: &BTreeSet<Role>,
        constraints: &Arc<OfferConstraints>,
    ) -> Result<(), Rejection> {
        let mut info = info.clone();
        info.id.clone_from(&self.info.id);
        validate_subscribe(&info, suppressed)?;
        validate_update(&self.info, &info)?;
        validate_constraints(constraints, &info.roles)?;
        self.info = info;
        self.suppressed.clone_from(suppressed);
        self.constraints = constraints.clone();
        Ok(())
    }

    /// Launches are followed even when they are not sent: the master will say that it does not know the tasks.
    fn book_launches(&mut self, cx: &DriverCx<'_>, operations: &[Operation]) {
        for task in operations.iter().flat_map(Operation::tasks) {
            self.ledger.observe_launch(task, cx.now.mono, &self.options);
        }
    }

    /// Questions go through the ledger, which repeats them until something is heard.
    fn book_questions(&mut self, cx: &DriverCx<'_>, tasks: &[(TaskId, Option<AgentId>)]) {
        for (task_id, agent_id) in tasks {
            self.ledger.ask(task_id, agent_id.clone(), cx.now.mono, &self.options);
        }
    }

    /// Sends what the ledger finds due.
    pub(super) fn sweep(&mut self, cx: &mut DriverCx<'_>) {
        let due = self.ledger.sweep(cx.now.mono, &self.options);
        #[cfg(feature = "mutants")]
        let is_skipped = self.options.has(mesos_core::kernel::Mutant::SkipReconciliation);
        #[cfg(not(feature = "mutants"))]
        let is_skipped = false;
        if !is_skipped {
            for tasks in due.questions.chunks(self.options.reconcile_batch_max) {
                self.send(cx, Call::Reconcile { tasks: tasks.to_vec() });
            }
        }
        for kill in due.kills {
            self.send(cx, kill);
        }
    }

    /// Says something on the connection that stands; the caller knows that one does.
    pub(super) fn send(&mut self, cx: &mut DriverCx<'_>, call: Call) {
        let Some(wire) = self.session.wire_mut() else {
            tracing::debug!(call = call.name(), "is dropped: the connection is gone");
            return;
        };
        cx.emit(Effect::Send { conn: wire.conn, seq: wire.outbound.next(), call });
    }
}
