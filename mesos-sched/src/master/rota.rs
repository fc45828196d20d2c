//! Which agent is asked next whether it is there.
//!
//! Every agent is asked as often as every other one, so nobody overtakes anybody: those that are due together stand in one
//! list, and lists follow each other. A ping costs neither a timer of its own nor a wake-up of its own, however many
//! agents there are: the time is rounded up to a part of the interval.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::Instant;
use mesos_core::provider::AgentKey;

/// An interval has so many parts: 250 ms of the default.
const PARTS: u32 = 60;

/// The agents that are asked, by when they are.
#[derive(Debug, Default)]
pub(super) struct Rota {
    /// The latest list: most who are put are put there, one after the other.
    last: Option<(Instant, Vec<AgentKey>)>,
    /// All others.
    lists: BTreeMap<Instant, Vec<AgentKey>>,
}

impl Rota {
    /// The next time that is one for pings `every` so often, at `at` or after.
    pub(super) fn round_up(at: Instant, every: Duration) -> Instant {
        let part = (u64::try_from(every.as_nanos()).unwrap_or(u64::MAX) / u64::from(PARTS)).max(1);
        Instant::from_nanos(at.as_nanos().checked_next_multiple_of(part).unwrap_or(u64::MAX))
    }

    /// The agent is asked then. Whoever takes the list sees whether that still holds.
    pub(super) fn put(&mut self, at: Instant, agent: AgentKey) {
        match &mut self.last {
            Some((own, list)) if *own == at => list.push(agent),
            Some((own, _)) if at < *own => self.lists.entry(at).or_default().push(agent),
            last => self.lists.extend(last.replace((at, vec![agent]))),
        }
    }

    /// When somebody is asked next.
    pub(super) fn next(&self) -> Option<Instant> {
        let first = self.lists.first_key_value().map(|(at, _)| *at);
        first.or_else(|| self.last.as_ref().map(|(at, _)| *at))
    }

    /// Everybody who is to be asked by now.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Instant, Vec<AgentKey>)> {
        if self.next()? > now {
            return None;
        }
        self.lists.pop_first().or_else(|| self.last.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up_to_parts_of_the_interval() {
        let round = |millis| {
            let at = Instant::ZERO + Duration::from_millis(millis);
            Rota::round_up(at, Duration::from_secs(15)).as_nanos() / 1_000_000
        };
        assert_eq!([0, 1, 250, 251, 15_000].map(round), [0, 250, 250, 500, 15_000]);
        assert_eq!(Rota::round_up(Instant::from_nanos(7), Duration::ZERO), Instant::from_nanos(7));
        assert_eq!(Rota::round_up(Instant::MAX, Duration::from_secs(15)), Instant::MAX);
    }

    #[test]
    fn those_that_are_due_together_come_together_and_in_order() {
        let mut rota = Rota::default();
        let at = Instant::from_nanos;
        for (time, agent) in [(2, 7), (1, 3), (2, 5)] {
            rota.put(at(time), AgentKey(agent));
        }
        assert_eq!((rota.pop_due(at(0)), rota.next()), (None, Some(at(1))));
        assert_eq!(rota.pop_due(at(9)), Some((at(1), vec![AgentKey(3)])));
        assert_eq!(rota.pop_due(at(9)), Some((at(2), vec![AgentKey(7), AgentKey(5)])));
        assert_eq!((rota.pop_due(at(9)), rota.next()), (None, None));
    }
}
