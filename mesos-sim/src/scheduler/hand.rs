//! Offers that were not answered yet, and what was decided to run on them.

use mesos_core::{Offer, OfferId, Operation, Resources, SchedulerCx, TaskInfo};

use mesos_core::Filters;
use std::sync::Arc;
use std::time::Duration;

/// One offer in the hand, or all of one agent.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) offer: Offer,
    /// Other offers of the same agent, whose resources are in `left`, too.
    more: Vec<(OfferId, Resources)>,
    /// The number in the agent's host name, if there is one.
    pub(super) agent: u32,
    /// What is left of it.
    pub(super) left: Resources,
    pub(super) tasks: Vec<Arc<TaskInfo>>,
    /// Jobs that put a task here, for those who spread.
    pub(super) jobs: Vec<u32>,
}

impl Slot {
    fn new(offer: Offer) -> Self {
        let digits = offer.agent.hostname.rsplit('-').next().and_then(|digits| digits.parse().ok());
        let (agent, left) = (digits.unwrap_or(u32::MAX), offer.resources.clone());
        Self { offer, more: Vec::new(), agent, left, tasks: Vec::new(), jobs: Vec::new() }
    }

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
        self.slots.extend(offers.into_iter().map(Slot::new));
        self.slots.sort_by_key(|slot| slot.agent);
    }

    /// The same for offers that are kept: those of one agent are put together and used as one.
    pub(super) fn add(&mut self, offers: Vec<Offer>) {
        for offer in offers {
            let slot = Slot::new(offer);
            match self.slots.binary_search_by_key(&slot.agent, |own| own.agent) {
                Ok(at) if self.slots[at].offer.agent_id == slot.offer.agent_id => {
                    let own = &mut self.slots[at];
                    own.left += &slot.left;
                    own.more.push((slot.offer.id, slot.offer.resources));
                }
                Ok(at) | Err(at) => self.slots.insert(at, slot),
            }
        }
    }

    pub(super) fn drop_offer(&mut self, id: &OfferId) {
        self.slots.retain_mut(|slot| {
            if slot.offer.id == *id {
                let Some((id, resources)) = slot.more.pop() else { return false };
                slot.left -= &slot.offer.resources;
                (slot.offer.id, slot.offer.resources) = (id, resources);
            } else if let Some(at) = slot.more.iter().position(|(own, _)| own == id) {
                let (_, resources) = slot.more.swap_remove(at);
                slot.left -= &resources;
            }
            true
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Answers every offer. What is left over of one is refused for so long; a framework that took only as much as it
    /// allows itself per offer wants the rest at once.
    pub(super) fn answer(&mut self, cx: &mut SchedulerCx<'_>, refuse_for: Duration, is_rest_wanted: bool) {
        let mut refused = Vec::new();
        for slot in self.slots.drain(..) {
            let ids = [slot.offer.id].into_iter().chain(slot.more.into_iter().map(|(id, _)| id));
            if slot.tasks.is_empty() {
                refused.extend(ids);
            } else {
                let filters = if is_rest_wanted { Filters::none() } else { Filters::refuse_for(refuse_for) };
                cx.accept(ids, [Operation::Launch(slot.tasks)], filters);
            }
        }
        if !refused.is_empty() {
            let filters = Filters::refuse_for(refuse_for);
            cx.call(mesos_core::call::scheduler::Call::Decline { offers: refused, filters });
        }
    }

    /// Answers the offers something is to run on, and keeps the others.
    pub(super) fn launch(&mut self, cx: &mut SchedulerCx<'_>, refuse_for: Duration, is_rest_wanted: bool) {
        let mut used = Self { slots: self.slots.extract_if(.., |slot| !slot.tasks.is_empty()).collect() };
        used.answer(cx, refuse_for, is_rest_wanted);
    }
}
