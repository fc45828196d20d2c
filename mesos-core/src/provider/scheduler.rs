//! A framework's brain.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use crate::call::scheduler::Call;
use crate::constraint::OfferConstraints;
use crate::error::Rejection;
use crate::feedback::OperationStatus;
use crate::framework::FrameworkInfo;
use crate::id::{AgentId, ExecutorId, FrameworkId, OfferId, OperationId, TaskId};
use crate::kernel::{Change, Cx, Record};
use crate::maintenance::InverseOffer;
use crate::offer::{Filters, Offer};
use crate::operation::Operation;
use crate::role::Role;
use crate::task::{TaskInfo, TaskStatus};
use crate::time::Instant;

/// What a scheduler may do: read the time, draw, and [act](Action).
pub type SchedulerCx<'a> = Cx<'a, Action>;

/// What a scheduler asks for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Say this to the master.
    Call(Call),
    /// Remember this across restarts. What is asked of the master in the same step or later waits until it is durable.
    Save(Change),
}

/// Whether the driver acknowledges an update itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Ack {
    /// The driver acknowledges, after everything saved in this step is durable.
    Auto,
    /// The scheduler acknowledges later, with [`Cx::acknowledge`]; until then no further update of the task comes.
    Manual,
}

/// A framework's brain: synchronous and pure, so that the same code runs live and simulated.
///
/// Called by the driver alone. Takes offers, asks for tasks, hears what becomes of them. The driver subscribes, backs off,
/// fails over, acknowledges and reconciles; a scheduler does none of that.
pub trait Scheduler: Send {
    /// Called first of all, once, when something was [remembered](Cx::remember) by an earlier run of this framework.
    fn recovered(&mut self, _records: &[Record]) {}

    /// The subscription holds, for the first time or again after a disconnection. Offers from before are void.
    fn subscribed(&mut self, _cx: &mut SchedulerCx<'_>, _id: &FrameworkId) {}

    /// Resources to use, with [`Cx::launch`], or refuse, with [`Cx::decline`]. An offer nobody answers stays with this
    /// framework until the master's offer timeout.
    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>);

    /// News of a task: from its executor, agent or the master, or the answer to a reconciliation. The same news may come
    /// more than once.
    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack;

    /// News of an operation that was given an [id](Operation::tracked). The driver asks until it has heard an end. The same
    /// news may come more than once. `UNKNOWN`: the operation was never begun, or was lost with its agent before anybody heard
    /// of it.
    fn operation_updated(&mut self, _cx: &mut SchedulerCx<'_>, _status: &OperationStatus) -> Ack {
        Ack::Auto
    }

    /// An offer cannot be used any more.
    fn rescinded(&mut self, _cx: &mut SchedulerCx<'_>, _offer: &OfferId) {}

    /// Agents will be away: the master asks for them back. To be answered with [`Cx::accept_inverse_offers`] or
    /// [`Cx::decline_inverse_offers`]; the answer tells operators whether they may go ahead and changes nothing else.
    /// Whoever does not answer is not asked again.
    fn inverse_offers(&mut self, _cx: &mut SchedulerCx<'_>, _offers: Vec<InverseOffer>) {}

    /// A request for an agent needs no answer any more.
    fn inverse_offer_rescinded(&mut self, _cx: &mut SchedulerCx<'_>, _offer: &OfferId) {}

    /// Bytes from an executor.
    fn message(&mut self, _cx: &mut SchedulerCx<'_>, _agent: &AgentId, _executor: &ExecutorId, _data: &[u8]) {}

    /// An agent was lost. A hint: each task's own update says what became of it.
    fn agent_lost(&mut self, _cx: &mut SchedulerCx<'_>, _agent: &AgentId) {}

    /// An executor ended.
    fn executor_lost(&mut self, _cx: &mut SchedulerCx<'_>, _agent: &AgentId, _executor: &ExecutorId) {}

    /// The master refused a call.
    fn refused(&mut self, _cx: &mut SchedulerCx<'_>, _why: &Rejection) {}

    /// The connection to the master broke; the driver is looking for the leader. Tasks run on.
    fn disconnected(&mut self, _cx: &mut SchedulerCx<'_>) {}

    /// When [`tick`](Self::tick) is next due, if ever.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Does what is due. A call that comes early or twice changes nothing.
    fn tick(&mut self, _cx: &mut SchedulerCx<'_>) {}

    /// Whether all its work is done: the host may then end the framework. Frameworks that serve for ever keep the default.
    fn is_done(&self) -> bool {
        false
    }
}

/// The verbs of a scheduler.
impl Cx<'_, Action> {
    /// Runs tasks on what one offer holds; what is left over comes back to the cluster, and under the default filter not to
    /// this framework for 5 s.
    pub fn launch(&mut self, offer: &Offer, tasks: impl IntoIterator<Item = TaskInfo>) {
        let tasks: Vec<_> = tasks.into_iter().map(Arc::new).collect();
        self.accept([offer.id.clone()], [Operation::Launch(tasks)], Filters::default());
    }

    /// Uses offers of one agent and role for several operations.
    pub fn accept(
        &mut self,
        offers: impl IntoIterator<Item = OfferId>,
        operations: impl IntoIterator<Item = Operation>,
        filters: Filters,
    ) {
        let (offers, operations) = (offers.into_iter().collect(), operations.into_iter().collect());
        self.call(Call::Accept { offers, operations, filters });
    }

    /// Refuses an offer for the default 5 s.
    pub fn decline(&mut self, offer: &Offer) {
        self.decline_for(offer, Filters::default());
    }

    /// Refuses an offer, and the same again as long as `filters` says.
    pub fn decline_for(&mut self, offer: &Offer, filters: Filters) {
        self.call(Call::Decline { offers: vec![offer.id.clone()], filters });
    }

    /// Will let go of agents in time; is asked again when `filters` are over and it still holds
    /// something there.
    pub fn accept_inverse_offers(&mut self, offers: impl IntoIterator<Item = OfferId>, filters: Filters) {
        self.call(Call::AcceptInverseOffers { offers: offers.into_iter().collect(), filters });
    }

    /// Will not, or cannot, let go of agents.
    pub fn decline_inverse_offers(&mut self, offers: impl IntoIterator<Item = OfferId>, filters: Filters) {
        self.call(Call::DeclineInverseOffers { offers: offers.into_iter().collect(), filters });
    }

    /// Changes the framework's description, the roles it wants no offers for and what it demands of agents, here and at
    /// every later subscription. Id, principal, user and checkpointing must stay.
    pub fn update_framework(&mut self, info: FrameworkInfo, suppressed: BTreeSet<Role>, constraints: OfferConstraints) {
        let (info, constraints) = (Box::new(info), Arc::new(constraints));
        self.call(Call::UpdateFramework { info, suppressed, constraints });
    }

    /// Wants no offers until it revives: what a framework without work owes the others.
    pub fn suppress(&mut self) {
        self.call(Call::Suppress { roles: [].into() });
    }

    /// Wants offers again, and drops its filters.
    pub fn revive(&mut self) {
        self.call(Call::Revive { roles: [].into() });
    }

    /// Wants offers for one role again, and drops its filters there.
    pub fn revive_role(&mut self, role: Role) {
        self.call(Call::Revive { roles: [role].into() });
    }

    /// Ends a task.
    pub fn kill(&mut self, task_id: TaskId) {
        self.call(Call::Kill { task_id, agent_id: None, policy: None });
    }

    /// Acknowledges an update for which [`Ack::Manual`] was returned. Updates without a uuid need none.
    pub fn acknowledge(&mut self, status: &TaskStatus) {
        if let (Some(uuid), Some(agent_id)) = (status.uuid, status.agent_id.clone()) {
            self.call(Call::Acknowledge { task_id: status.task_id.clone(), agent_id, uuid });
        }
    }

    /// Acknowledges news of an operation for which [`Ack::Manual`] was returned. Those without a uuid need none.
    pub fn acknowledge_operation(&mut self, status: &OperationStatus) {
        if let (Some(uuid), Some(agent_id)) = (status.uuid, status.agent_id.clone()) {
            self.call(Call::AcknowledgeOperation { operation_id: status.id.clone(), agent_id, uuid });
        }
    }

    /// Asks what became of tasks, for a scheduler that remembers more than its driver: after a restart, the tasks it was
    /// about to launch. The driver asks until there is an answer; a task nobody knows is `UNKNOWN` or `GONE`.
    pub fn reconcile(&mut self, tasks: impl IntoIterator<Item = TaskId>) {
        let tasks: Vec<_> = tasks.into_iter().map(|task| (task, None)).collect();
        if !tasks.is_empty() {
            self.call(Call::Reconcile { tasks });
        }
    }

    /// Asks what became of operations, for a scheduler that remembers more than its driver. The driver asks until there is an
    /// answer.
    pub fn reconcile_operations(&mut self, operations: impl IntoIterator<Item = OperationId>) {
        let operations: Vec<_> = operations.into_iter().map(|operation| (operation, None)).collect();
        if !operations.is_empty() {
            self.call(Call::ReconcileOperations { operations });
        }
    }

    /// Remembers a small value under a key, across restarts of the framework and its failover to another machine.
    pub fn remember(&mut self, key: impl Into<Arc<str>>, value: &impl Serialize) {
        self.emit(Action::Save(Change::Put(Record::encode(key, value))));
    }

    /// Forgets what was remembered under a key.
    pub fn forget(&mut self, key: impl Into<Arc<str>>) {
        self.emit(Action::Save(Change::Delete(key.into())));
    }

    /// Says anything else to the master.
    pub fn call(&mut self, call: Call) {
        self.emit(Action::Call(call));
    }
}
