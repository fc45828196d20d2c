//! What goes on when an effect is answered.
//!
//! Tickets are drawn in ascending order and most are answered soon, so they stand in a sorted list: who waits for long, as
//! for the end of a container, stands at its front, and what is looked for is near its end.

use mesos_core::health::CheckStatus;
use mesos_core::kernel::Ticket;
use mesos_core::{ContainerId, UpdateId};

use super::book::{ContainerRef, ExecutorRef, TaskRef};
use super::standalone::Asked;

/// What goes on when an effect is answered.
#[derive(Debug)]
pub(super) enum Pending {
    Recovery,
    Launch(ContainerRef),
    Wait(ContainerRef),
    Probe { executor: ExecutorRef, check: ContainerId, nothing: CheckStatus },
    Destroy(ContainerRef),
    Task(TaskRef),
    Group(Vec<TaskRef>),
    Update { task: TaskRef, number: u64 },
    Acknowledgement(TaskRef),
    Operation(UpdateId),
    Standalone(ContainerId, Asked),
    Farewell,
}

/// Everything that is not answered yet, in the order of its tickets.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    /// Those that were answered meanwhile are empty.
    rows: Vec<(Ticket, Option<Pending>)>,
    /// How many are empty.
    answered: usize,
}

/// So many empty rows are no reason to move the others.
const EMPTY_MAX: usize = 16;
/// What was asked for last is answered first, mostly: so many rows at the end are looked through before any others.
const RECENT: usize = 4;

impl Unanswered {
    /// The answer to the ticket that was just drawn lets `then` go on.
    pub(super) fn push(&mut self, ticket: Ticket, then: Pending) {
        debug_assert!(self.rows.last().is_none_or(|(last, _)| *last < ticket), "tickets are drawn in order");
        self.rows.push((ticket, Some(then)));
    }

    /// What was to go on with this answer, once.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Pending> {
        let place = self.place(ticket)?;
        let then = self.rows[place].1.take()?;
        self.answered += 1;
        while self.rows.pop_if(|(_, then)| then.is_none()).is_some() {
            self.answered -= 1;
        }
        if self.answered > EMPTY_MAX && self.answered * 2 > self.rows.len() {
            self.rows.retain(|(_, then)| then.is_some());
            self.answered = 0;
        }
        Some(then)
    }

    fn place(&self, ticket: Ticket) -> Option<usize> {
        let recent = self.rows.len().saturating_sub(RECENT);
        match self.rows[recent..].iter().rposition(|(own, _)| *own <= ticket) {
            Some(place) => Some(recent + place).filter(|place| self.rows[*place].0 == ticket),
            None => self.rows[..recent].binary_search_by_key(&ticket, |(own, _)| *own).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    proptest::proptest! {
        /// Whatever is answered in whatever order, and however often: everything goes on once.
        #[test]
        fn every_answer_is_taken_once(answers in proptest::collection::vec((0_u64..4, 0_u64..60), 1..300)) {
            let (mut unanswered, mut map, mut last) = (Unanswered::default(), BTreeMap::new(), 0);
            for (drawn, back) in answers {
                for _ in 0..drawn {
                    last += 1;
                    unanswered.push(Ticket(last), Pending::Farewell);
                    map.insert(last, last);
                }
                let asked = last.saturating_sub(back);
                let taken = unanswered.take(Ticket(asked)).is_some();
                proptest::prop_assert_eq!(taken, map.remove(&asked).is_some());
                proptest::prop_assert!(unanswered.rows.len() <= 2 * map.len().max(EMPTY_MAX) + 1);
            }
        }
    }
}
