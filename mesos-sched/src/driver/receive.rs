//! What the master says, in order: to the driver itself or on to the scheduler.

use std::time::Duration;

#[cfg(feature = "mutants")]
use mesos_core::kernel::Mutant;

use mesos_core::call::scheduler::{Call, Event};
use mesos_core::call::{CloseReason, ConnId};
use mesos_core::kernel::{Arrival, Draft, Key, Seq};
use mesos_core::{Ack, FrameworkId, Rejection, RejectionCode, Scheduler, TaskStatus};

use super::session::{Wire, is_final};
use super::{Driver, DriverCx, FRAMEWORK_ID_KEY, Phase, StopReason, Timer};

impl<S: Scheduler + ?Sized> Driver<S> {
    pub(super) fn receive(&mut self, cx: &mut DriverCx<'_>, conn: ConnId, seq: Seq, event: Event) {
        let Some(wire) = self.session.wire_mut().filter(|wire| wire.conn == conn) else { return };
        match wire.inbound.arrive(seq) {
            Arrival::InOrder => {}
            Arrival::Duplicate => return,
            Arrival::Gap => return self.lose(cx, CloseReason::Gap),
        }
        wire.heard_at = cx.now.mono;
        match event {
            Event::Subscribed { framework_id, heartbeat_every, .. } => {
                self.subscribed(cx, framework_id, heartbeat_every);
            }
            Event::Error(why) => self.refused(cx, why),
            Event::Heartbeat { received } => self.heartbeat(cx, received),
            event if self.session.is_subscribed() && matches!(self.phase, Phase::Running) => self.deliver(cx, event),
            event => tracing::debug!(event = event.name(), "comes too early or too late and is dropped"),
        }
    }

    fn subscribed(&mut self, cx: &mut DriverCx<'_>, id: FrameworkId, heartbeat_every: Duration) {
        if self.session.is_subscribed() {
            return;
        }
        if self.info.id.as_ref().is_some_and(|own| *own != id) {
            let own = self.info.id.as_ref().map_or("", FrameworkId::as_str);
            let what = format!("the subscription of {own} was answered with {id}");
            tracing::error!("{what}");
            let why = Rejection::new(RejectionCode::InvalidFramework, what, "answer with the framework's own id");
            return self.lose(cx, CloseReason::Refused(why));
        }
        self.session.observe_subscribed(heartbeat_every, cx.now.mono);
        self.timers.cancel(&Timer::Attempt);
        if let Some(at) = self.session.silent_at(&self.options) {
            self.timers.set(Timer::Silence, at);
        }
        let is_known = self.info.id.is_some();
        if !is_known {
            self.outbox.save(Draft::put(Key::new(FRAMEWORK_ID_KEY), id.clone()));
            self.info.id = Some(id.clone());
        }
        if self.phase == Phase::Running {
            self.consult(cx, |scheduler, cx| scheduler.subscribed(cx, &id));
            self.resume(cx, is_known);
        }
    }

    /// Whatever was under way when the last subscription ended is in doubt: asks, and says again what must not be lost.
    fn resume(&mut self, cx: &mut DriverCx<'_>, is_known: bool) {
        self.ledger.hurry_kills(cx.now.mono, &self.options);
        #[cfg(feature = "mutants")]
        if self.options.has(Mutant::SkipReconciliation) {
            return;
        }
        self.ledger.ask_all(cx.now.mono, &self.options);
        if is_known && self.session.is_subscribed() {
            self.send(cx, Call::Reconcile { tasks: Vec::new() });
        }
        self.ask_of_operations(cx);
    }

    fn refused(&mut self, cx: &mut DriverCx<'_>, why: Rejection) {
        // The connection ends with it, and the driver comes back: the one that took over may have been itself.
        if why.code == RejectionCode::FailedOver {
            return tracing::info!(%why, "another connection of this framework took over");
        }
        let is_over =
            if self.session.is_subscribed() { why.code == RejectionCode::FrameworkRemoved } else { is_final(&why) };
        if is_over {
            // A framework that is being torn down has what it wanted.
            let why = match &self.phase {
                Phase::Ending { teardown: true, why } => why.clone(),
                _ => StopReason::Refused(why),
            };
            self.stop(cx, why);
        } else if self.session.is_subscribed() && self.phase == Phase::Running {
            self.consult(cx, |scheduler, cx| scheduler.refused(cx, &why));
        } else {
            tracing::warn!(%why, "the subscription was refused; it will be tried again");
        }
    }

    /// Calls that were sent before the last heartbeat and have not arrived by this one were lost.
    fn heartbeat(&mut self, cx: &mut DriverCx<'_>, received: u64) {
        let Some(Wire { outbound, sent_at_heartbeat, .. }) = self.session.wire_mut() else { return };
        let expected = std::mem::replace(sent_at_heartbeat, outbound.sent());
        if received < expected {
            self.lose(cx, CloseReason::Gap);
        }
    }

    fn deliver(&mut self, cx: &mut DriverCx<'_>, event: Event) {
        match event {
            Event::Offers(offers) => self.consult(cx, |scheduler, cx| scheduler.offers(cx, offers)),
            Event::Rescind(offer) => self.consult(cx, |scheduler, cx| scheduler.rescinded(cx, &offer)),
            Event::InverseOffers(offers) => self.consult(cx, |scheduler, cx| scheduler.inverse_offers(cx, offers)),
            Event::RescindInverseOffer(offer) => {
                self.consult(cx, |scheduler, cx| scheduler.inverse_offer_rescinded(cx, &offer));
            }
            Event::Update(status) => self.update(cx, &status),
            Event::OperationUpdate(status) => self.operation_update(cx, &status),
            Event::Message { executor_id, agent_id, data } => {
                self.consult(cx, |scheduler, cx| scheduler.message(cx, &agent_id, &executor_id, &data));
            }
            Event::Failure { agent_id, executor_id: None, .. } => {
                self.consult(cx, |scheduler, cx| scheduler.agent_lost(cx, &agent_id));
            }
            Event::Failure { agent_id, executor_id: Some(executor_id), .. } => {
                self.consult(cx, |scheduler, cx| scheduler.executor_lost(cx, &agent_id, &executor_id));
            }
            other => tracing::debug!(event = other.name(), "is not for a scheduler"),
        }
    }

    fn update(&mut self, cx: &mut DriverCx<'_>, status: &TaskStatus) {
        self.ledger.observe(status, cx.now.mono, &self.options);
        let mut ack = Ack::Manual;
        self.consult(cx, |scheduler, cx| ack = scheduler.update(cx, status));
        let (Ack::Auto, Some(uuid)) = (ack, status.uuid) else { return };
        let Some(agent_id) = status.agent_id.clone() else {
            tracing::debug!(task = %status.task_id, "an update names no agent and cannot be acknowledged");
            return;
        };
        let acknowledge = Call::Acknowledge { task_id: status.task_id.clone(), agent_id, uuid };
        #[cfg(feature = "mutants")]
        if self.options.has(Mutant::AcknowledgeBeforeSaved) {
            return self.send(cx, acknowledge);
        }
        self.call(cx, acknowledge);
    }
}
