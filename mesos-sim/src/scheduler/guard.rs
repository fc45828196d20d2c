//! Makes a scheduler's defects its own.
//!
//! A scheduler is somebody else's code, and the first thing a run must tell about a failure is whose it is. [`Guarded`]
//! passes everything on and watches: a panic is raised again with the name of the scheduler on it, and a task that the
//! master refused because it was not on offer is counted. The simulator itself finds who never lets time pass.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use mesos_core::kernel::Record;
use mesos_core::provider::Ack;
use mesos_core::task::Reason;
use mesos_core::{
    AgentId, ExecutorId, FrameworkId, Instant, InverseOffer, Offer, OfferId, Rejection, Scheduler, SchedulerCx,
    TaskState, TaskStatus,
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
        Self { framework: framework.into(), inner }
    }

    fn call<T>(&mut self, callback: &'static str, body: impl FnOnce(&mut dyn Scheduler) -> T) -> T {
        match catch_unwind(AssertUnwindSafe(|| body(&mut *self.inner))) {
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
        self.call("recovered", |inner| inner.recovered(records));
    }

    fn subscribed(&mut self, cx: &mut SchedulerCx<'_>, id: &FrameworkId) {
        self.call("subscribed", |inner| inner.subscribed(cx, id));
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        self.call("offers", |inner| inner.offers(cx, offers));
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        // What became of an offer meanwhile is nobody's fault; asking for more than it held is the scheduler's.
        if status.state == TaskState::Error && status.reason == Some(Reason::TaskInvalid) {
            let why = status.message.as_deref().unwrap_or("the master says no more");
            self.fail("offers", format!("it launched task {}, which it could not: {why}", status.task_id));
        }
        self.call("update", |inner| inner.update(cx, status))
    }

    fn rescinded(&mut self, cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.call("rescinded", |inner| inner.rescinded(cx, offer));
    }

    fn inverse_offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<InverseOffer>) {
        self.call("inverse_offers", |inner| inner.inverse_offers(cx, offers));
    }

    fn inverse_offer_rescinded(&mut self, cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.call("inverse_offer_rescinded", |inner| inner.inverse_offer_rescinded(cx, offer));
    }

    fn message(&mut self, cx: &mut SchedulerCx<'_>, agent: &AgentId, executor: &ExecutorId, data: &[u8]) {
        self.call("message", |inner| inner.message(cx, agent, executor, data));
    }

    fn agent_lost(&mut self, cx: &mut SchedulerCx<'_>, agent: &AgentId) {
        self.call("agent_lost", |inner| inner.agent_lost(cx, agent));
    }

    fn executor_lost(&mut self, cx: &mut SchedulerCx<'_>, agent: &AgentId, executor: &ExecutorId) {
        self.call("executor_lost", |inner| inner.executor_lost(cx, agent, executor));
    }

    fn refused(&mut self, cx: &mut SchedulerCx<'_>, why: &Rejection) {
        self.call("refused", |inner| inner.refused(cx, why));
    }

    fn disconnected(&mut self, cx: &mut SchedulerCx<'_>) {
        self.call("disconnected", |inner| inner.disconnected(cx));
    }

    fn deadline(&self) -> Option<Instant> {
        self.inner.deadline()
    }

    fn tick(&mut self, cx: &mut SchedulerCx<'_>) {
        self.call("tick", |inner| inner.tick(cx));
    }

    fn is_done(&self) -> bool {
        self.inner.is_done()
    }
}
