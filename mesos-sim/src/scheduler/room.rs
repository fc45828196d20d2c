//! What is known about the offers in hand, so that not every job looks at all of them.
//!
//! It holds from one round of decisions to the next: room only shrinks, but for offers that come, and those are told.

use mesos_core::Resources;

use super::hand::{Place, Slot};

/// So many different needs are remembered; the one that was remembered first gives way.
const BEGINS_MAX: usize = 16;
/// So many needs for which there is no room are remembered, none of them more than another.
const ROOMLESS_MAX: usize = 16;

/// Where to look for room, and for what there is none.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Where in the hand to begin looking for so much: before it there is no room for it.
    begins: Vec<(Resources, Place)>,
    /// Which of them gives way next.
    next: usize,
    /// Needs for which there is no room in the whole hand, so many times each: none for more, either.
    roomless: Vec<(Resources, u32)>,
}

impl Room {
    /// Whether the hand has no room for this need so many times, as far as is known.
    pub(super) fn is_hopeless(&self, need: &Resources, times: u32) -> bool {
        self.roomless.iter().any(|(roomless, least)| times >= *least && need.contains(roomless))
    }

    /// Where to begin looking for room.
    pub(super) fn begin(&self, need: &Resources) -> Place {
        self.begins.iter().find(|(own, _)| own == need).map_or(Place::FIRST, |(_, place)| *place)
    }

    /// Before this place there is no room for so much.
    pub(super) fn note_begin(&mut self, need: &Resources, place: Place) {
        if let Some((_, begin)) = self.begins.iter_mut().find(|(own, _)| own == need) {
            *begin = place;
        } else if self.begins.len() < BEGINS_MAX {
            self.begins.push((need.clone(), place));
        } else {
            self.begins[self.next] = (need.clone(), place);
            self.next = (self.next + 1) % BEGINS_MAX;
        }
    }

    /// There is no room for this need so many times in the whole hand.
    pub(super) fn note_roomless(&mut self, need: &Resources, times: u32) {
        self.roomless.retain(|(other, least)| !(*least >= times && other.contains(need)));
        if self.roomless.len() < ROOMLESS_MAX {
            self.roomless.push((need.clone(), times));
        }
    }

    /// An offer has come, alone or to others of its agent.
    pub(super) fn note_grown(&mut self, place: Place, slot: &Slot) {
        self.roomless.retain(|(need, _)| !slot.left.contains(need));
        for (need, begin) in &mut self.begins {
            if *begin > place && slot.left.contains(need) {
                *begin = place;
            }
        }
    }

    /// The hand is empty.
    pub(super) fn forget(&mut self) {
        self.begins.clear();
        self.roomless.clear();
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mesos_core::kernel::Rng;
    use mesos_core::{AgentInfo, CommandInfo, Offer, Role, TaskInfo, TaskRun};

    use super::super::hand::Hand;
    use super::super::key::TaskKey;
    use super::*;

    fn offer(number: u64, agent: u64, cpus: u64) -> Offer {
        let resources: Resources = format!("cpus:{cpus}").parse().unwrap();
        let info = Arc::new(AgentInfo::new(format!("agent-{agent}"), resources.clone()));
        let (id, agent_id) = (format!("o{number}").parse().unwrap(), format!("s{agent}").parse().unwrap());
        Offer::new(id, "f".parse().unwrap(), agent_id, Role::any(), resources, info)
    }

    fn need(cpus: u64) -> Resources {
        format!("cpus:{cpus}").parse().unwrap()
    }

    /// How often a need fits in the hand.
    fn times(hand: &Hand, need: &Resources) -> u32 {
        let fits = |(_, slot): (Place, &Slot)| {
            let (mut left, mut times) = (slot.left.clone(), 0);
            while left.contains(need) {
                left -= need;
                times += 1;
            }
            times
        };
        hand.slots().map(fits).sum()
    }

    /// Offers come and go and are used at random, kept apart or put together: what is known never hides any room.
    #[test]
    fn whatever_comes_and_goes_no_room_is_overlooked() {
        for seed in 0..40 {
            let (mut dice, mut hand, mut room) = (Rng::new(seed), Hand::default(), Room::default());
            for number in 0..300 {
                match dice.below(4) {
                    0 => {
                        let offer = offer(number, dice.below(12), dice.between(1, 4));
                        let place = hand.add(offer, seed % 2 == 0);
                        room.note_grown(place, hand.slot(place));
                    }
                    1 => hand.drop_offer(&format!("o{}", dice.below(number + 1)).parse().unwrap()),
                    2 => {
                        let need = need(dice.between(1, 6));
                        let found = hand.slots_from(room.begin(&need)).find(|(_, slot)| slot.has_room(&need, None));
                        let first = hand.slots().find(|(_, slot)| slot.has_room(&need, None));
                        assert_eq!(found.map(|(place, _)| place), first.map(|(place, _)| place), "seed {seed}");
                        let Some((place, slot)) = found else { continue };
                        let id = TaskKey { job: 0, task: 0, attempt: 0 }.id();
                        let run = TaskRun::Command(CommandInfo::shell("work"));
                        let task = TaskInfo::new(id, slot.offer.agent_id.clone(), need.clone(), run);
                        hand.put(place, task);
                        room.note_begin(&need, place);
                    }
                    _ => {
                        let need = need(dice.between(1, 6));
                        room.note_roomless(&need, times(&hand, &need) + 1);
                    }
                }
                for need in (1..=6).map(need) {
                    let times = times(&hand, &need);
                    assert!(times == 0 || !room.is_hopeless(&need, times), "seed {seed}: room for {times} x {need}");
                }
            }
        }
    }
}
