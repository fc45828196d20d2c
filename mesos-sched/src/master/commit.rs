//! Optimistic offers: what an accept holds is committed first, and what others committed before is missing from it.
//!
//! Where offers are exclusive all of this does nothing. Everything of an offer that is still free is booked for the length
//! of the accept, as if it had been exclusive from the beginning, and what the operations leave over comes back as ever. So
//! operations know nothing of conflicts, and nothing is used twice.
//!
//! A task that would have fitted if others had not been faster is dropped as one with an invalid offer. Which transactions
//! there are: Schwarzkopf et al., "Omega", EuroSys 2013.

use std::sync::Arc;

use mesos_core::provider::{AgentKey, Concurrency, Conflict, Grant, Transactions};
use mesos_core::resource::Resources;
use mesos_core::{Rejection, RejectionCode, TaskInfo};

use super::accept::Accepting;
use super::{Master, MasterCx};

impl Master {
    /// Commits what is left of an accepted offer; that, and what is missing.
    pub(super) fn commit(&mut self, cx: &MasterCx<'_>, mut grant: Grant) -> (Resources, Resources) {
        let wanted = grant.resources.clone();
        let Err(Conflict { left }) = self.allocator.commit(cx.now.mono, &grant, &wanted) else {
            return (wanted, Resources::new());
        };
        if let Err(Conflict { .. }) = self.allocator.commit(cx.now.mono, &grant, &left) {
            // An allocator that takes back its word has not booked anything.
            grant.resources = Resources::new();
            return (grant.resources, wanted);
        }
        self.counters.conflicts += 1;
        let lost = &wanted - &left;
        (left, lost)
    }

    /// Why nothing of an accept is done, if it is to be done as a whole and something is missing.
    pub(super) fn conflict_of(&self, accepting: &Accepting) -> Option<Rejection> {
        let is_whole = self.allocator.concurrency() == Concurrency::Optimistic(Transactions::AllOrNothing);
        (is_whole && !accepting.lost.is_empty()).then(|| conflict(accepting))
    }

    /// Offers of an agent of which nothing is free any more are worth nothing. Others stay: what is missing is found out when
    /// they are accepted, and what comes back to the agent meanwhile is in them already.
    pub(super) fn rescind_stale_offers(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        if self.allocator.concurrency() == Concurrency::Pessimistic {
            return;
        }
        let free = self.allocator.available(agent).unwrap_or_default();
        for key in self.agents.table[agent].offers.clone() {
            let offered = &self.offers.table[key].resources;
            if offered - &free == *offered {
                self.rescind(cx, key);
            }
        }
    }
}

impl Accepting {
    /// Why a task does not fit, if it would have with what others committed before.
    pub(super) fn conflict_with(&self, task: &TaskInfo) -> Option<Rejection> {
        let executor = task.run.executor().map_or_else(Resources::new, |executor| executor.resources.clone());
        self.conflict_over(&(&task.resources + &executor))
    }

    /// Why a group of tasks does not fit, if it would have with what others committed before.
    pub(super) fn conflict_with_all(&self, tasks: &[Arc<TaskInfo>]) -> Option<Rejection> {
        let executor = tasks.first()?.run.executor();
        let mut needed = executor.map_or_else(Resources::new, |executor| executor.resources.clone());
        for task in tasks {
            needed += &task.resources;
        }
        self.conflict_over(&needed)
    }

    fn conflict_over(&self, needed: &Resources) -> Option<Rejection> {
        let missing = needed - &self.remaining;
        (!missing.is_empty() && self.lost.contains(&missing)).then(|| conflict(self))
    }
}

fn conflict(accepting: &Accepting) -> Rejection {
    let what = format!("others used {} of the offers before", accepting.lost);
    Rejection::new(RejectionCode::InvalidOffers, what, "try again with another offer")
}
