//! One ACCEPT: resolve the offers, apply the operations in order, hand back the rest.
//!
//! Semantics: Apache Mesos, `src/master/master.cpp` (`Master::accept`) and `docs/scheduler-http-api.md`. An accept that names an
//! invalid offer loses all its offers; an operation that fails is dropped and those after it still run.

use std::time::Duration;

use mesos_core::call::agent::ToAgent;
use mesos_core::provider::{AgentKey, FrameworkKey, Grant};
use mesos_core::resource::Resources;
use mesos_core::{Filters, OfferId, Operation, Reason, Rejection, Role, Source, TaskInfo, TaskState, TaskStatus};

use super::book::Offered;
use super::options::mutant;
use super::validate::{OfferFacts, validate_grow, validate_offers, validate_shrink};
use super::{Master, MasterCx};

/// An ACCEPT under way.
#[derive(Debug)]
pub(super) struct Accepting {
    pub framework: FrameworkKey,
    pub agent: AgentKey,
    pub role: Role,
    /// What the offers hold that no operation has used yet.
    pub remaining: Resources,
    /// The part of it that operations of this call made.
    pub made: Resources,
    /// Whether the agent's total changed its form.
    pub is_total_changed: bool,
    /// What the offers held and others committed before; nothing unless offers are optimistic.
    pub lost: Resources,
}

impl Master {
    pub(super) fn accept(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        offers: &[OfferId],
        operations: Vec<Operation>,
        filters: Filters,
    ) {
        let table = &self.offers.table;
        let facts = |id: &OfferId| {
            let offered = &table[table.find(id)?];
            Some(OfferFacts { framework: offered.framework, agent: offered.agent, role: &offered.role })
        };
        if let Err(rejection) = validate_offers(offers, framework, facts) {
            assert!(!mutant!(self, TrustOfferId), "every offer that is accepted is on the table: {rejection}");
            return self.refuse_accept(cx, framework, offers, &operations, &rejection);
        }
        let Some(mut accepting) = self.take_accepted(cx, framework, offers) else { return };
        let agent = accepting.agent;
        self.counters.accepts += 1;
        self.frameworks.table[framework].tally.offers_accepted += offers.len() as u64;
        if let Some(rejection) = self.conflict_of(&accepting) {
            self.drop_operations(cx, framework, &operations, &rejection);
            self.finish_accept(cx, accepting, Filters::refuse_for(Duration::ZERO));
        } else {
            for operation in operations {
                self.apply(cx, &mut accepting, operation);
            }
            self.finish_accept(cx, accepting, filters);
        }
        self.rescind_stale_offers(cx, agent);
    }

    /// Takes all offers of a valid accept off the table, as one pool.
    fn take_accepted(&mut self, cx: &MasterCx<'_>, framework: FrameworkKey, offers: &[OfferId]) -> Option<Accepting> {
        let mut pool: Option<Accepting> = None;
        for id in offers {
            let (_, Offered { agent, role, resources, .. }) = self.take_offer(self.offers.table.find(id)?)?;
            let (resources, lost) = self.commit(cx, Grant { framework, role: role.clone(), agent, resources });
            match &mut pool {
                Some(pool) => {
                    pool.remaining += &resources;
                    pool.lost += &lost;
                }
                None => {
                    let (made, remaining) = (Resources::new(), resources);
                    pool = Some(Accepting { framework, agent, role, remaining, made, is_total_changed: false, lost });
                }
            }
        }
        pool
    }

    fn apply(&mut self, cx: &mut MasterCx<'_>, accepting: &mut Accepting, operation: Operation) {
        self.frameworks.table[accepting.framework].tally.operations.count(operation.name());
        match operation {
            Operation::Launch(tasks) => {
                for task in tasks {
                    self.launch(cx, accepting, task);
                }
            }
            Operation::LaunchGroup(tasks) => self.launch_group(cx, accepting, tasks),
            Operation::Unauthorized { operation, why } => {
                self.refuse_unauthorized(cx, accepting.framework, &operation, &why);
            }
            Operation::Tracked { id, operation } => self.track(cx, accepting, id, *operation),
            operation => {
                if let Err(rejection) = self.reshape(cx, accepting, &operation) {
                    self.reject(cx, accepting.framework, rejection);
                }
            }
        }
    }

    /// Gives resources another form; what came of it.
    pub(super) fn reshape(
        &mut self,
        cx: &mut MasterCx<'_>,
        accepting: &mut Accepting,
        operation: &Operation,
    ) -> Result<Resources, Rejection> {
        match operation {
            Operation::Reserve(entries) => self.reserve(cx, accepting, entries),
            Operation::Unreserve(entries) => self.unreserve(cx, accepting, entries),
            Operation::Create(volumes) => self.create(cx, accepting, volumes),
            Operation::Destroy(volumes) => self.destroy(cx, accepting, volumes),
            Operation::GrowVolume { volume, addition } => {
                validate_grow(volume, addition).and_then(|conversion| self.convert(cx, accepting, &conversion))
            }
            Operation::ShrinkVolume { volume, subtract } => {
                validate_shrink(volume, *subtract).and_then(|conversion| self.convert(cx, accepting, &conversion))
            }
            other => Err(Rejection::new(
                mesos_core::RejectionCode::Unsupported,
                format!("operation {} is not known to this master", other.name()),
                "use a newer master",
            )),
        }
    }

    /// Nothing of it is done, and the framework hears of each task.
    fn refuse_unauthorized(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        operation: &Operation,
        why: &Rejection,
    ) {
        let reason = match operation {
            Operation::LaunchGroup(_) => Reason::TaskGroupUnauthorized,
            _ => Reason::TaskUnauthorized,
        };
        for task in operation.tasks() {
            self.refuse_as(cx, framework, task, why, reason);
        }
        if operation.tasks().is_empty() {
            self.refuse_operation(cx, framework, operation.id(), why);
        }
    }

    /// Tells the agent what its resources look like by now, if an operation changed that. Before any task that may use them:
    /// an agent that knew the task alone would come back with more in use than it has.
    pub(super) fn tell_total(&mut self, cx: &mut MasterCx<'_>, accepting: &mut Accepting) {
        if std::mem::take(&mut accepting.is_total_changed) {
            let total = self.agents.table[accepting.agent].total.clone();
            self.tell_agent(cx, accepting.agent, ToAgent::SetTotal { total });
        }
    }

    /// Hands back what is left: what the call did not touch under its filters, what it made without.
    fn finish_accept(&mut self, cx: &mut MasterCx<'_>, mut accepting: Accepting, filters: Filters) {
        self.tell_total(cx, &mut accepting);
        let Accepting { framework, agent, role, remaining, made, .. } = accepting;
        if made.is_empty() {
            let rest = Offered { framework, agent, role, resources: remaining };
            return self.hand_back(cx, rest, Some(filters));
        }
        let untouched = &remaining - &made;
        let results = &remaining - &untouched;
        self.hand_back(cx, Offered { framework, agent, role: role.clone(), resources: results }, None);
        self.hand_back(cx, Offered { framework, agent, role, resources: untouched }, Some(filters));
    }

    /// An accept with an offer that is not valid: the framework's other offers of the call are void as well, and its tasks
    /// were never started.
    fn refuse_accept(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        offers: &[OfferId],
        operations: &[Operation],
        rejection: &Rejection,
    ) {
        for id in offers {
            let Some(key) = self.offers.table.find(id) else { continue };
            if self.offers.table[key].framework != framework {
                continue;
            }
            if let Some((_, offered)) = self.take_offer(key) {
                self.lapse(cx, offered, None);
            }
        }
        self.drop_operations(cx, framework, operations, rejection);
    }

    /// Says of the operations of an accept that none of them was done.
    fn drop_operations(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        operations: &[Operation],
        rejection: &Rejection,
    ) {
        let mut is_told = false;
        for task in operations.iter().flat_map(Operation::tasks) {
            is_told = true;
            self.drop_task(cx, framework, task, rejection);
        }
        for id in operations.iter().filter(|operation| operation.tasks().is_empty()).filter_map(Operation::id) {
            is_told = true;
            self.refuse_operation(cx, framework, Some(id), rejection);
        }
        if !is_told {
            self.reject(cx, framework, rejection.clone());
        }
    }

    /// Says that a task was never started, unless the id is that of one that was.
    pub(super) fn drop_task(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        task: &TaskInfo,
        rejection: &Rejection,
    ) {
        if self.refuse_taken(cx, framework, &task.id, rejection) {
            return;
        }
        let state = self.frameworks.table[framework].hears(TaskState::Dropped);
        let status = TaskStatus::new(task.id.clone(), state, Source::Master, cx.now.wall)
            .because(Reason::InvalidOffers)
            .saying(rejection.to_string())
            .on(task.agent_id.clone());
        self.count_refusal(framework, &status);
        self.tell_status(cx, framework, status);
    }
}
