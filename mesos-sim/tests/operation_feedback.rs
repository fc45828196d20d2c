//! Operations that have an id: under faults every framework hears of each of its operations, never two different ends, and in
//! the end nobody waits for an acknowledgement.
//!
//! The frameworks are those of the swarm, except that everything they reserve, make and undo has an id.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use mesos_core::call::scheduler::Call;
use mesos_core::kernel::Record;
use mesos_core::provider::{Ack, Action};
use mesos_core::{
    AgentId, ExecutorId, FrameworkId, Instant, Offer, OfferId, Operation, OperationId, OperationState, OperationStatus,
    Rejection, Scheduler, SchedulerCx, TaskStatus,
};
use mesos_sim::Cluster;

/// What frameworks asked for and heard, over restarts.
#[derive(Debug, Default)]
struct Ledger {
    asked: u64,
    finished: u64,
    ends: BTreeMap<OperationId, OperationState>,
}

/// Gives every operation of a scheduler an id.
struct Tracking {
    inner: Box<dyn Scheduler>,
    ledger: Arc<Mutex<Ledger>>,
}

impl Tracking {
    fn act<T>(
        &mut self,
        cx: &mut SchedulerCx<'_>,
        act: impl FnOnce(&mut dyn Scheduler, &mut SchedulerCx<'_>) -> T,
    ) -> T {
        let mut actions = Vec::new();
        let result = act(&mut *self.inner, &mut cx.guest(&mut actions));
        for mut action in actions {
            if let Action::Call(Call::Accept { operations, .. }) = &mut action {
                *operations = std::mem::take(operations).into_iter().map(|own| self.track(cx, own)).collect();
            }
            cx.emit(action);
        }
        result
    }

    fn track(&self, cx: &mut SchedulerCx<'_>, operation: Operation) -> Operation {
        if !operation.tasks().is_empty() {
            return operation;
        }
        self.ledger.lock().unwrap().asked += 1;
        operation.tracked(OperationId::new(format!("op-{:016x}", cx.rng.bits())).unwrap())
    }
}

impl Scheduler for Tracking {
    fn operation_updated(&mut self, _: &mut SchedulerCx<'_>, status: &OperationStatus) -> Ack {
        let mut ledger = self.ledger.lock().unwrap();
        if status.state.is_terminal() {
            let before = ledger.ends.insert(status.id.clone(), status.state);
            let is_same = before.is_none_or(|before| before == status.state);
            // An agent that is removed takes along what was done on it.
            let is_removal = status.state == OperationState::GoneByOperator;
            assert!(is_same || is_removal, "operation {} ended as {before:?}, then as {}", status.id, status.state);
            ledger.finished += u64::from(before.is_none() && status.state == OperationState::Finished);
        }
        Ack::Auto
    }

    fn recovered(&mut self, records: &[Record]) {
        self.inner.recovered(records);
    }

    fn subscribed(&mut self, cx: &mut SchedulerCx<'_>, id: &FrameworkId) {
        self.act(cx, |inner, cx| inner.subscribed(cx, id));
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        self.act(cx, |inner, cx| inner.offers(cx, offers));
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        self.act(cx, |inner, cx| inner.update(cx, status))
    }

    fn rescinded(&mut self, cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.act(cx, |inner, cx| inner.rescinded(cx, offer));
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

#[test]
fn random_clusters_under_faults_hear_of_every_operation_and_come_to_rest() {
    let (mut asked, mut finished) = (0, 0);
    for seed in 0..150 {
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let mut cluster = Cluster::swarm(seed).checked();
        for framework in &mut cluster.spec_mut().frameworks {
            let (inner, ledger) = (framework.scheduler.clone(), ledger.clone());
            framework.scheduler = Arc::new(move || Box::new(Tracking { inner: inner(), ledger: ledger.clone() }));
        }
        cluster.simulate(seed).unwrap().run().unwrap_or_else(|failure| panic!("{failure}"));
        let ledger = ledger.lock().unwrap();
        asked += ledger.asked;
        finished += ledger.finished;
    }
    assert!(asked > 500 && finished * 2 > asked, "{finished} of {asked} operations are known to be finished");
}
