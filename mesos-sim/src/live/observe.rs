//! Onlookers of a live cluster: they count what frameworks and containers do, and change nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use mesos_core::call::scheduler::Call;
use mesos_core::container::WindowSize;
use mesos_core::kernel::Record;
use mesos_core::provider::{Action, ContainerError, Launch};
use mesos_core::{
    Ack, AgentId, Clock, ContainerId, ContainerSpec, Containerizer, ExecutorId, Exit, FrameworkId, Instant,
    InverseOffer, Offer, OfferId, Operation, OperationStatus, Rejection, Resources, Scheduler, SchedulerCx, Signal,
    TaskStatus,
};

use crate::report::{Tally, amounts};

/// Where a task's output is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// Whose task it was.
    pub framework_id: FrameworkId,
    /// Its executor; for a command the task's own id.
    pub executor_id: ExecutorId,
    /// On which agent, by host name.
    pub hostname: Arc<str>,
    /// The folder with `stdout` and `stderr`.
    pub path: PathBuf,
}

#[derive(Debug)]
struct Seen {
    tally: Tally,
    sandboxes: Vec<Sandbox>,
}

/// What all onlookers share.
#[derive(Debug, Clone)]
pub(super) struct Ledger(Arc<Mutex<Seen>>);

impl Ledger {
    pub(super) fn new(tally: Tally) -> Self {
        Self(Arc::new(Mutex::new(Seen { tally, sandboxes: Vec::new() })))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tally<T>(&self, look: impl FnOnce(&mut Tally) -> T) -> T {
        look(&mut self.seen().tally)
    }

    pub(super) fn sandboxes(&self) -> Vec<Sandbox> {
        self.seen().sandboxes.clone()
    }
}

/// A scheduler that is watched.
pub(super) struct Watched {
    pub(super) inner: Box<dyn Scheduler>,
    pub(super) framework: u32,
    pub(super) ledger: Ledger,
    pub(super) actions: Vec<Action>,
}

impl Watched {
    /// Lets the scheduler act, looks at what it asks for, and passes it on.
    fn act<T>(
        &mut self,
        cx: &mut SchedulerCx<'_>,
        act: impl FnOnce(&mut dyn Scheduler, &mut SchedulerCx<'_>) -> T,
    ) -> T {
        let result = act(&mut *self.inner, &mut cx.guest(&mut self.actions));
        for action in self.actions.drain(..) {
            if let Action::Call(Call::Accept { operations, .. }) = &action {
                for tasks in operations.iter().map(Operation::tasks).filter(|tasks| !tasks.is_empty()) {
                    self.ledger.tally(|tally| tally.launched(cx.now.mono, self.framework, tasks));
                }
            }
            cx.emit(action);
        }
        result
    }
}

impl Scheduler for Watched {
    fn recovered(&mut self, records: &[Record]) {
        self.inner.recovered(records);
    }

    fn subscribed(&mut self, cx: &mut SchedulerCx<'_>, id: &FrameworkId) {
        self.ledger.tally(|tally| tally.subscribed(self.framework, id));
        self.act(cx, |inner, cx| inner.subscribed(cx, id));
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        self.ledger.tally(|tally| tally.offered(self.framework, offers.len()));
        self.act(cx, |inner, cx| inner.offers(cx, offers));
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        self.ledger.tally(|tally| tally.told(cx.now.mono, self.framework, status));
        self.act(cx, |inner, cx| inner.update(cx, status))
    }

    fn operation_updated(&mut self, cx: &mut SchedulerCx<'_>, status: &OperationStatus) -> Ack {
        self.act(cx, |inner, cx| inner.operation_updated(cx, status))
    }

    fn rescinded(&mut self, cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.act(cx, |inner, cx| inner.rescinded(cx, offer));
    }

    fn inverse_offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<InverseOffer>) {
        self.act(cx, |inner, cx| inner.inverse_offers(cx, offers));
    }

    fn inverse_offer_rescinded(&mut self, cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.act(cx, |inner, cx| inner.inverse_offer_rescinded(cx, offer));
    }

    fn message(&mut self, cx: &mut SchedulerCx<'_>, agent: &AgentId, executor: &ExecutorId, data: &[u8]) {
        self.act(cx, |inner, cx| inner.message(cx, agent, executor, data));
    }

    fn agent_lost(&mut self, cx: &mut SchedulerCx<'_>, agent: &AgentId) {
        self.act(cx, |inner, cx| inner.agent_lost(cx, agent));
    }

    fn executor_lost(&mut self, cx: &mut SchedulerCx<'_>, agent: &AgentId, executor: &ExecutorId) {
        self.act(cx, |inner, cx| inner.executor_lost(cx, agent, executor));
    }

    fn refused(&mut self, cx: &mut SchedulerCx<'_>, why: &Rejection) {
        self.act(cx, |inner, cx| inner.refused(cx, why));
    }

    fn disconnected(&mut self, cx: &mut SchedulerCx<'_>) {
        self.act(cx, |inner, cx| inner.disconnected(cx));
    }

    fn deadline(&self) -> Option<Instant> {
        self.inner.deadline()
    }

    fn tick(&mut self, cx: &mut SchedulerCx<'_>) {
        self.act(cx, |inner, cx| inner.tick(cx));
    }

    fn is_done(&self) -> bool {
        self.inner.is_done()
    }
}

/// A containerizer that is watched.
#[derive(Debug)]
pub(super) struct WatchedContainers {
    pub(super) inner: Arc<dyn Containerizer>,
    pub(super) hostname: Arc<str>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ledger: Ledger,
    /// What runs, until its end is known.
    pub(super) running: Mutex<BTreeMap<ContainerId, (FrameworkId, Resources)>>,
}

impl WatchedContainers {
    fn running(&self) -> MutexGuard<'_, BTreeMap<ContainerId, (FrameworkId, Resources)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn began(&self, spec: &ContainerSpec, path: Option<PathBuf>) {
        let owner = (spec.framework_id.clone(), spec.resources.clone());
        self.running().insert(spec.id.clone(), owner);
        let mut seen = self.ledger.seen();
        seen.tally.container_began(self.clock.now().mono, &spec.framework_id, amounts(&spec.resources));
        let (framework_id, executor_id) = (spec.framework_id.clone(), spec.executor_id.clone());
        let hostname = self.hostname.clone();
        seen.sandboxes.extend(path.map(|path| Sandbox { framework_id, executor_id, hostname, path }));
    }

    fn ended(&self, id: &ContainerId) {
        if let Some((owner, resources)) = self.running().remove(id) {
            let now = self.clock.now().mono;
            self.ledger.tally(|tally| tally.container_ended(now, &owner, amounts(&resources)));
        }
    }
}

#[async_trait]
impl Containerizer for WatchedContainers {
    async fn recover(&self, known: BTreeSet<ContainerId>) -> Result<BTreeSet<ContainerId>, ContainerError> {
        self.inner.recover(known).await
    }

    async fn prepare(&self, spec: &ContainerSpec) -> Result<Option<PathBuf>, ContainerError> {
        self.inner.prepare(spec).await
    }

    async fn resize_terminal(&self, id: &ContainerId, to: WindowSize) -> Result<(), ContainerError> {
        self.inner.resize_terminal(id, to).await
    }

    async fn write_input(&self, id: &ContainerId, bytes: &[u8]) -> Result<(), ContainerError> {
        self.inner.write_input(id, bytes).await
    }

    async fn launch(&self, spec: ContainerSpec) -> Result<Launch, ContainerError> {
        let launch = self.inner.launch(spec.clone()).await?;
        if let Launch::Started(container) = &launch {
            self.began(&spec, container.sandbox.clone());
        }
        Ok(launch)
    }

    async fn resize(&self, id: &ContainerId, to: Resources) -> Result<(), ContainerError> {
        self.inner.resize(id, to).await
    }

    async fn usage(&self, id: &ContainerId) -> Result<mesos_core::container::Usage, ContainerError> {
        self.inner.usage(id).await
    }

    async fn wait(&self, id: &ContainerId) -> Result<Exit, ContainerError> {
        let exit = self.inner.wait(id).await;
        self.ended(id);
        exit
    }

    async fn signal(&self, id: &ContainerId, signal: Signal) -> Result<(), ContainerError> {
        self.inner.signal(id, signal).await
    }

    async fn destroy(&self, id: &ContainerId) -> Result<(), ContainerError> {
        let destroyed = self.inner.destroy(id).await;
        if destroyed.is_ok() {
            self.ended(id);
        }
        destroyed
    }
}
