//! Makes a scheduler's defects its own.
//!
//! A scheduler is somebody else's code, and the first thing a run must tell about a failure is whose it is. [`Guarded`]
//! passes everything on and watches: a panic is raised again with the name of the scheduler on it, and so is a task that the
//! master refused because it was not on offer, or the answer to an offer that was never made or was answered before. The
//! simulator itself finds who never lets time pass.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use mesos_core::call::scheduler::Call;
use mesos_core::kernel::Record;
use mesos_core::provider::{Ack, Action};
use mesos_core::task::Reason;
use mesos_core::{
    AgentId, ExecutorId, FrameworkId, Instant, InverseOffer, Offer, OfferId, OperationStatus, Rejection, Scheduler,
    SchedulerCx, TaskState, TaskStatus,
};

/// What a scheduler did that no scheduler may do. The payload of the panic that [`Guarded`] raises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulerFault {
    /// The framework's name.
    pub framework: Arc<str>,
    /// The callback it was in.
    pub callback: &'static str,
    /// What it did.
    pub message: String,
}

impl fmt::Display for SchedulerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the scheduler of framework {} failed in {}: {}", self.framework, self.callback, self.message)
    }
}

/// A scheduler under watch.
pub struct Guarded {
    framework: Arc<str>,
    inner: Box<dyn Scheduler>,
    /// Offers it was made and has not answered, those that are void meanwhile too: whether it could know is not judged.
    offered: BTreeSet<OfferId>,
    /// What it asked for in the callback under way.
    asked: Vec<Action>,
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("framework", &self.framework).finish_non_exhaustive()
    }
}

impl Guarded {
    /// Watches over the scheduler of this framework.
    #[must_use]
    pub fn new(framework: impl Into<Arc<str>>, inner: Box<dyn Scheduler>) -> Self {
        Self { framework: framework.into(), inner, offered: BTreeSet::new(), asked: Vec::new() }
    }

    /// Lets it speak, and passes on what it asked for if it may ask for that.
    fn call<T>(
        &mut self,
        cx: &mut SchedulerCx<'_>,
        callback: &'static str,
        body: impl FnOnce(&mut dyn Scheduler, &mut SchedulerCx<'_>) -> T,
    ) -> T {
        let mut asked = std::mem::take(&mut self.asked);
        let value = {
            let (inner, mut cx) = (&mut *self.inner, cx.guest(&mut asked));
            catch_unwind(AssertUnwindSafe(|| body(inner, &mut cx)))
        };
        let value = self.own(callback, value);
        for action in asked.drain(..) {
            if let Action::Call(Call::Accept { offers, .. } | Call::Decline { offers, .. }) = &action {
                self.judge_answer(callback, offers);
            }
            cx.emit(action);
        }
        self.asked = asked;
        value
    }

    fn judge_answer(&mut self, callback: &'static str, offers: &[OfferId]) {
        for offer in offers {
            if !self.offered.remove(offer) {
                self.fail(
                    callback,
                    format!("it answered offer {offer}, which it was never made or had answered before"),
                );
            }
        }
    }

    /// What came of a callback, unless it was a panic.
    fn own<T>(&self, callback: &'static str, outcome: Result<T, Box<dyn Any + Send>>) -> T {
        match outcome {
            Ok(value) => value,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let message = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
                self.fail(callback, format!("it panicked: {message}"))
            }
        }
    }

    fn fail(&self, callback: &'static str, message: String) -> ! {
        resume_unwind(Box::new(SchedulerFault { framework: self.framework.clone(), callback, message }))
    }
}

impl Scheduler for Guarded {
    fn recovered(&mut self, records: &[Record]) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.inner.recovered(records)));
        self.own("recovered", outcome);
    }

    fn subscribed(&mut self, cx: &mut SchedulerCx<'_>, id: &FrameworkId) {
        self.call(cx, "subscribed", |inner, cx| inner.subscribed(cx, id));
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        self.offered.extend(offers.iter().map(|offer| offer.id.clone()));
        self.call(cx, "offers", |inner, cx| inner.offers(cx, offers));
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        // What became of an offer meanwhile is nobody's fault; asking for more than it held is the scheduler's.
        if status.state == TaskState::Error && status.reason == Some(Reason::TaskInvalid) {
            let why = status.message.as_deref().unwrap_or("the master says no more");
            self.fail("offers", format!("it launched task {}, which it could not: {why}", status.task_id));
        }
        self.call(cx, "update", |inner, cx| inner.update(cx, status))
    }

    fn operation_updated(&mut self, cx: &mut SchedulerCx<'_>, status: &OperationStatus) -> Ack {
        self.call(cx, "operation_updated", |inner, cx| inner.operation_updated(cx, status))
    }

    fn rescinded(&mut self, cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.call(cx, "rescinded", |inner, cx| inner.rescinded(cx, offer));
    }

    fn inverse_offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<InverseOffer>) {
        self.call(cx, "inverse_offers", |inner, cx| inner.inverse_offers(cx, offers));
    }

    fn inverse_offer_rescinded(&mut self, cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.call(cx, "inverse_offer_rescinded", |inner, cx| inner.inverse_offer_rescinded(cx, offer));
    }

    fn message(&mut self, cx: &mut SchedulerCx<'_>, agent: &AgentId, executor: &ExecutorId, data: &[u8]) {
        self.call(cx, "message", |inner, cx| inner.message(cx, agent, executor, data));
    }

    fn agent_lost(&mut self, cx: &mut SchedulerCx<'_>, agent: &AgentId) {
        self.call(cx, "agent_lost", |inner, cx| inner.agent_lost(cx, agent));
    }

    fn executor_lost(&mut self, cx: &mut SchedulerCx<'_>, agent: &AgentId, executor: &ExecutorId) {
        self.call(cx, "executor_lost", |inner, cx| inner.executor_lost(cx, agent, executor));
    }

    fn refused(&mut self, cx: &mut SchedulerCx<'_>, why: &Rejection) {
        self.call(cx, "refused", |inner, cx| inner.refused(cx, why));
    }

    fn disconnected(&mut self, cx: &mut SchedulerCx<'_>) {
        self.call(cx, "disconnected", |inner, cx| inner.disconnected(cx));
    }

    fn deadline(&self) -> Option<Instant> {
        self.inner.deadline()
    }

    fn tick(&mut self, cx: &mut SchedulerCx<'_>) {
        self.call(cx, "tick", |inner, cx| inner.tick(cx));
    }

    fn is_done(&self) -> bool {
        self.inner.is_done()
    }
}
