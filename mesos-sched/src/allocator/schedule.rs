//! When rounds are due, and which agents an event calls for.
//!
//! Batch rounds come every interval and consider everything. Some events call for a round at once: they only add to what the
//! next round considers, so a burst of them costs one round. While nothing can change, batch rounds are left out; when
//! something happens again, the next one comes where it would have come anyway.

use std::time::Duration;

use mesos_core::Instant;
use mesos_core::provider::AgentKey;

use super::agent_set::AgentSet;

/// Which agents a round considers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All, because the interval is over.
    Batch,
    /// All, because an event called for it.
    All,
    /// Those that events named.
    Candidates,
}

/// The due times.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: Duration,
    /// The next batch round; nothing before the first fact.
    batch_at: Option<Instant>,
    /// Grows with batch rounds, whether they took place or were left out.
    batches: u64,
    /// Since when an event calls for a round.
    called_at: Option<Instant>,
    is_for_all: bool,
    candidates: AgentSet,
}

impl Schedule {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval: interval.max(Duration::from_nanos(1)),
            batch_at: None,
            batches: 0,
            called_at: None,
            is_for_all: false,
            candidates: AgentSet::default(),
        }
    }

    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    /// Grows with batch rounds, whether they took place or were left out.
    pub(super) const fn batches(&self) -> u64 {
        self.batches
    }

    /// Whether the next batch round is not ahead: it is due, or was left out.
    pub(super) fn is_behind(&self, now: Instant) -> bool {
        self.batch_at.is_none_or(|batch_at| batch_at <= now)
    }

    /// How often batch rounds will have come until then, whether they took place or were left out.
    pub(super) fn batches_until(&self, at: Instant) -> u64 {
        let Some(batch_at) = self.batch_at.filter(|batch_at| *batch_at <= at) else { return self.batches };
        let missed = at.since(batch_at).as_nanos() / self.interval.as_nanos() + 1;
        self.batches.saturating_add(u64::try_from(missed).unwrap_or(u64::MAX))
    }

    /// There was nothing to do in the batch rounds before `due`. They count as if they had been.
    pub(super) fn leave_out_before(&mut self, due: Instant) {
        if let Some(batch_at) = self.batch_at.filter(|batch_at| *batch_at < due) {
            let left_out = due.since(batch_at).as_nanos().div_ceil(self.interval.as_nanos().max(1));
            self.batches = self.batches.saturating_add(u64::try_from(left_out).unwrap_or(u64::MAX));
            self.batch_at = Some(due);
        }
    }

    /// There was nothing to do in the batch rounds up to now; what happens now is for the one after. The first one is an
    /// interval after the first fact.
    pub(super) fn leave_out_through(&mut self, now: Instant) {
        match self.batch_at {
            Some(_) => self.leave_out_before(self.batch_from(now + Duration::from_nanos(1))),
            None => self.batch_at = Some(now + self.interval),
        }
    }

    /// When the first batch round comes that is not before `at`.
    pub(super) fn batch_from(&self, at: Instant) -> Instant {
        let Some(batch_at) = self.batch_at else { return at };
        // Asked after every step of the master: no division where none is needed.
        if at <= batch_at {
            return batch_at;
        }
        let intervals = at.since(batch_at).as_nanos().div_ceil(self.interval.as_nanos());
        let skipped = intervals.saturating_mul(self.interval.as_nanos());
        batch_at + Duration::from_nanos(u64::try_from(skipped).unwrap_or(u64::MAX))
    }

    /// An event calls for a round over all agents.
    pub(super) fn call_for_all(&mut self, now: Instant) {
        self.is_for_all = true;
        self.called_at.get_or_insert(now);
    }

    /// An event calls for a round over one agent.
    pub(super) fn call_for(&mut self, now: Instant, agent: AgentKey) {
        self.candidates.insert(agent);
        self.called_at.get_or_insert(now);
    }

    /// Since when an event calls for a round.
    pub(super) const fn called_at(&self) -> Option<Instant> {
        self.called_at
    }

    /// What a round at `now` considers; nothing when none is due.
    pub(super) fn scope(&self, now: Instant) -> Option<Scope> {
        if self.batch_at? <= now {
            Some(Scope::Batch)
        } else {
            self.called_at?;
            Some(if self.is_for_all { Scope::All } else { Scope::Candidates })
        }
    }

    /// The agents that events named.
    pub(super) fn candidates(&self) -> &[AgentKey] {
        self.candidates.as_slice()
    }

    /// A round is over.
    pub(super) fn finish(&mut self, now: Instant, scope: Scope) {
        self.called_at = None;
        self.is_for_all = false;
        self.candidates.clear();
        if scope == Scope::Batch {
            self.batches += 1;
            self.batch_at = Some(now + self.interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    fn begun() -> Schedule {
        let mut schedule = Schedule::new(Duration::from_secs(10));
        schedule.leave_out_through(at(3));
        schedule
    }

    #[test]
    fn a_batch_comes_an_interval_after_the_first_fact_and_after_each_other() {
        let mut schedule = begun();
        assert_eq!((schedule.scope(at(12)), schedule.scope(at(13))), (None, Some(Scope::Batch)));
        schedule.finish(at(14), Scope::Batch);
        assert_eq!((schedule.scope(at(23)), schedule.scope(at(24))), (None, Some(Scope::Batch)));
    }

    #[test]
    fn batches_left_out_do_not_move_those_that_follow() {
        let mut schedule = begun();
        assert_eq!((schedule.batch_from(at(1)), schedule.batch_from(at(13))), (at(13), at(13)));
        schedule.leave_out_through(at(34));
        assert_eq!((schedule.batch_from(at(34)), schedule.batches()), (at(43), 3));
        assert_eq!([42, 43, 52, 53].map(|seconds| schedule.batches_until(at(seconds))), [3, 4, 4, 5]);
        schedule.leave_out_through(at(43));
        assert_eq!((schedule.batch_from(at(43)), schedule.batches()), (at(53), 4));
        schedule.leave_out_before(at(73));
        assert_eq!((schedule.scope(at(73)), schedule.batches()), (Some(Scope::Batch), 6));
    }

    #[test]
    fn calls_are_answered_by_one_round() {
        let mut schedule = begun();
        schedule.call_for(at(4), AgentKey(1));
        schedule.call_for(at(5), AgentKey(2));
        assert_eq!((schedule.called_at(), schedule.scope(at(5))), (Some(at(4)), Some(Scope::Candidates)));
        schedule.call_for_all(at(5));
        assert_eq!(schedule.scope(at(5)), Some(Scope::All));
        schedule.finish(at(5), Scope::All);
        assert_eq!((schedule.called_at(), schedule.scope(at(5))), (None, None));
    }

    #[test]
    fn a_filter_of_a_year_does_not_overflow() {
        assert_eq!(Schedule::new(Duration::ZERO).batch_from(Instant::MAX), Instant::MAX);
        assert_eq!(begun().batch_from(Instant::MAX), Instant::MAX);
    }
}
