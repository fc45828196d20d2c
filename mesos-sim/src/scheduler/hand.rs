//! Offers that were not answered yet, and what was decided to run on them.
//!
//! What comes and goes costs what it is, whatever else is in the hand: offers lie still behind an order of small places.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::scheduler::Call;
use mesos_core::kernel::Table;
use mesos_core::{Filters, Offer, OfferId, Operation, Resources, SchedulerCx, TaskInfo};

mesos_core::handles! {
    /// An offer in the hand.
    OfferKey;
}

/// Where a slot lies in the hand: by the number of its agent, then in the order in which they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    agent: u32,
    serial: u64,
}

impl Place {
    pub(super) const FIRST: Self = Self { agent: 0, serial: 0 };
    pub(super) const LAST: Self = Self { agent: u32::MAX, serial: u64::MAX };

    /// The one behind it.
    pub(super) const fn next(self) -> Self {
        Self { agent: self.agent, serial: self.serial.saturating_add(1) }
    }
}

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

    fn into_ids(self) -> impl Iterator<Item = OfferId> {
        [self.offer.id].into_iter().chain(self.more.into_iter().map(|(id, _)| id))
    }
}

/// Offers that were not answered yet, in the order of their agents.
#[derive(Debug, Default)]
pub(super) struct Hand {
    slots: BTreeMap<Place, Box<Slot>>,
    /// Where each offer is.
    offers: Table<OfferId, OfferKey, Place>,
    /// Where something is to run.
    used: Vec<Place>,
    serial: u64,
}

impl Hand {
    /// Takes up an offer; where it lies. `is_kept` puts it together with what the hand has of the same agent already, so that
    /// both are used as one.
    pub(super) fn add(&mut self, offer: Offer, is_kept: bool) -> Place {
        let slot = Slot::new(offer);
        if is_kept && let Some(place) = self.place_of(&slot) {
            let own = self.slots.get_mut(&place).expect("a place that was just found");
            own.left += &slot.left;
            self.offers.replace(slot.offer.id.clone(), place);
            own.more.push((slot.offer.id, slot.offer.resources));
            return place;
        }
        let place = Place { agent: slot.agent, serial: self.serial };
        self.serial += 1;
        self.offers.replace(slot.offer.id.clone(), place);
        self.slots.insert(place, Box::new(slot));
        place
    }

    /// Where other offers of the same agent lie.
    fn place_of(&self, slot: &Slot) -> Option<Place> {
        let [first, last] = [0, u64::MAX].map(|serial| Place { agent: slot.agent, serial });
        let is_same = |other: &Slot| other.offer.agent_id == slot.offer.agent_id;
        self.slots.range(first..=last).find(|(_, other)| is_same(other)).map(|(place, _)| *place)
    }

    pub(super) fn drop_offer(&mut self, id: &OfferId) {
        let Some((_, place)) = self.offers.remove_id(id) else { return };
        let Some(slot) = self.slots.get_mut(&place) else { return };
        if slot.offer.id == *id {
            let Some((id, resources)) = slot.more.pop() else {
                self.slots.remove(&place);
                return;
            };
            slot.left -= &slot.offer.resources;
            (slot.offer.id, slot.offer.resources) = (id, resources);
        } else if let Some(at) = slot.more.iter().position(|(own, _)| own == id) {
            let (_, resources) = slot.more.swap_remove(at);
            slot.left -= &resources;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = (Place, &Slot)> {
        self.slots_from(Place::FIRST)
    }

    /// The slots from a place on.
    pub(super) fn slots_from(&self, place: Place) -> impl Iterator<Item = (Place, &Slot)> {
        self.slots.range(place..).map(|(place, slot)| (*place, &**slot))
    }

    pub(super) fn slot(&self, place: Place) -> &Slot {
        &self.slots[&place]
    }

    /// Decides that a task runs on an offer, which has room.
    pub(super) fn put(&mut self, place: Place, task: TaskInfo) -> &mut Slot {
        let slot = self.slots.get_mut(&place).expect("who places has looked at what there is");
        if slot.tasks.is_empty() {
            self.used.push(place);
        }
        slot.left -= &task.resources;
        slot.tasks.push(Arc::new(task));
        slot
    }

    /// Answers every offer. What is left over of one is refused for so long; a framework that took only as much as it
    /// allows itself per offer wants the rest at once.
    pub(super) fn answer(&mut self, cx: &mut SchedulerCx<'_>, refuse_for: Duration, is_rest_wanted: bool) {
        self.launch(cx, refuse_for, is_rest_wanted);
        let unused = std::mem::take(self).slots.into_values();
        let refused: Vec<OfferId> = unused.flat_map(|slot| slot.into_ids()).collect();
        if !refused.is_empty() {
            let filters = Filters::refuse_for(refuse_for);
            cx.call(Call::Decline { offers: refused, filters });
        }
    }

    /// Answers the offers something is to run on, and keeps the others.
    pub(super) fn launch(&mut self, cx: &mut SchedulerCx<'_>, refuse_for: Duration, is_rest_wanted: bool) {
        self.used.sort_unstable();
        for place in std::mem::take(&mut self.used) {
            let Some(mut slot) = self.slots.remove(&place) else { continue };
            let filters = if is_rest_wanted { Filters::none() } else { Filters::refuse_for(refuse_for) };
            let tasks = std::mem::take(&mut slot.tasks);
            let ids: Vec<OfferId> = slot.into_ids().collect();
            for id in &ids {
                self.offers.remove_id(id);
            }
            cx.accept(ids, [Operation::Launch(tasks)], filters);
        }
    }
}
