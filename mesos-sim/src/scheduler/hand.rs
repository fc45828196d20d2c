//! Offers that were not answered yet, and what was decided to run on them.

use mesos_core::{Offer, OfferId, Operation, Resources, SchedulerCx, TaskInfo};

use mesos_core::Filters;
use std::sync::Arc;
use std::time::Duration;

/// One offer in the hand.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) offer: Offer,
    /// The number in the agent's host name, if there is one.
    pub(super) agent: u32,
    /// What is left of it.
    pub(super) left: Resources,
    pub(super) tasks: Vec<Arc<TaskInfo>>,
    /// Jobs that put a task here, for those who spread.
    pub(super) jobs: Vec<u32>,
}

impl Slot {
    pub(super) fn has_room(&self, need: &Resources, per_offer: Option<u32>) -> bool {
        self.left.contains(need) && per_offer.is_none_or(|most| self.tasks.len() < most as usize)
    }
}

/// Offers that were not answered yet, in the order of their agents.
#[derive(Debug, Default)]
pub(super) struct Hand {
    pub(super) slots: Vec<Slot>,
}

impl Hand {
    pub(super) fn take_up(&mut self, offers: Vec<Offer>) {
        for offer in offers {
            let digits = offer.agent.hostname.rsplit('-').next().and_then(|digits| digits.parse().ok());
            let (agent, left) = (digits.unwrap_or(u32::MAX), offer.resources.clone());
            self.slots.push(Slot { offer, agent, left, tasks: Vec::new(), jobs: Vec::new() });
        }
        self.slots.sort_by_key(|slot| slot.agent);
    }

    pub(super) fn drop_offer(&mut self, id: &OfferId) {
        self.slots.retain(|slot| slot.offer.id != *id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Answers every offer. What is left over of one is refused for so long; a framework that took only as much as it
    /// allows itself per offer wants the rest at once.
    pub(super) fn answer(&mut self, cx: &mut SchedulerCx<'_>, refuse_for: Duration, is_rest_wanted: bool) {
        let mut refused = Vec::new();
        for slot in self.slots.drain(..) {
            if slot.tasks.is_empty() {
                refused.push(slot.offer.id);
            } else {
                let filters = if is_rest_wanted { Filters::none() } else { Filters::refuse_for(refuse_for) };
                cx.accept([slot.offer.id], [Operation::Launch(slot.tasks)], filters);
            }
        }
        if !refused.is_empty() {
            let filters = Filters::refuse_for(refuse_for);
            cx.call(mesos_core::call::scheduler::Call::Decline { offers: refused, filters });
        }
    }

    /// Answers the offers something is to run on, and keeps the others.
    pub(super) fn launch(&mut self, cx: &mut SchedulerCx<'_>, refuse_for: Duration) {
        let (used, kept) = self.slots.drain(..).partition(|slot| !slot.tasks.is_empty());
        self.slots = kept;
        let mut used = Self { slots: used };
        used.answer(cx, refuse_for, false);
    }
}
