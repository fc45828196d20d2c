//! The simulated election: one lease, ever larger terms, and news of it that travels at its own pace.
//!
//! A leader holds the lease as long as it lives and can reach the quorum. When it cannot, the lease runs out after a while
//! and somebody else is chosen, whether or not the old leader has noticed: that one may believe for a long time that it
//! leads, and only the registry's fence keeps it from doing harm. News of the leader reaches every node in order, late and
//! possibly with gaps, never from the future.
//!
//! The world asks and schedules; this module keeps the truth.

use std::time::Duration;

use mesos_core::Instant;
use mesos_core::kernel::Term;
use serde::{Deserialize, Serialize};

/// How elections go when nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectionModel {
    /// How long the lease of a silent leader holds (the session timeout of Mesos' ZooKeeper groups).
    pub lease: Duration,
    /// From a free lease to its next holder, at most.
    pub choose: Duration,
    /// From a change to its news at a node, at most.
    pub detect: Duration,
    /// From a lost lease to the old holder's hearing of it, usually at most; now and then it takes much longer.
    pub notice: Duration,
}

impl Default for ElectionModel {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            choose: Duration::from_millis(200),
            detect: Duration::from_millis(500),
            notice: Duration::from_secs(2),
        }
    }
}

/// Who holds the lease: one process of a master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The master's index.
    pub master: u32,
    /// Which of its processes.
    pub life: u32,
    /// Under which term.
    pub term: Term,
}

/// The truth about leadership.
#[derive(Debug, Default)]
pub struct Election {
    holder: Option<Holder>,
    term: Term,
    /// Since when the holder has not been heard of.
    silent_since: Option<Instant>,
    is_choosing: bool,
    /// What was announced, oldest first; a node knows a prefix of it, by its newest entry.
    announced: Vec<Option<Holder>>,
    changes: u64,
}

impl Election {
    /// Who holds the lease now.
    #[must_use]
    pub const fn holder(&self) -> Option<Holder> {
        self.holder
    }

    /// The newest term.
    #[must_use]
    pub const fn term(&self) -> Term {
        self.term
    }

    /// How often the lease changed hands.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// The number of announcements so far.
    pub(crate) fn version(&self) -> u32 {
        u32::try_from(self.announced.len()).expect("fewer than 2^32 elections")
    }

    /// What a node knows that has heard the first `version` announcements.
    pub(crate) fn known(&self, version: u32) -> Option<Holder> {
        self.announced.get((version as usize).checked_sub(1)?).copied().flatten()
    }

    /// Notes whether the holder can be heard; says when its lease runs out if that is new.
    pub(crate) fn review(&mut self, now: Instant, is_heard: bool, lease: Duration) -> Option<(Term, Instant)> {
        let holder = self.holder?;
        match (is_heard, self.silent_since) {
            (true, _) => {
                self.silent_since = None;
                None
            }
            (false, Some(_)) => None,
            (false, None) => {
                self.silent_since = Some(now);
                Some((holder.term, now + lease))
            }
        }
    }

    /// Whether the lease of `term`, doubted a while ago, has run out now.
    pub(crate) fn has_expired(&self, now: Instant, term: Term, lease: Duration) -> bool {
        self.holder.is_some_and(|holder| holder.term == term)
            && self.silent_since.is_some_and(|since| now.since(since) >= lease)
    }

    /// The holder loses the lease.
    pub(crate) fn release(&mut self) -> Option<Holder> {
        let holder = self.holder.take()?;
        self.silent_since = None;
        self.announced.push(None);
        Some(holder)
    }

    /// Whether a choice should be scheduled now; true once until [`choose`](Self::choose).
    pub(crate) fn begin_choice(&mut self) -> bool {
        self.holder.is_none() && !std::mem::replace(&mut self.is_choosing, true)
    }

    /// The lease goes to this process, or to nobody for want of candidates.
    pub(crate) fn choose(&mut self, candidate: Option<(u32, u32)>) -> Option<Holder> {
        self.is_choosing = false;
        let (master, life) = candidate?;
        if self.holder.is_some() {
            return None;
        }
        self.term = Term(self.term.0 + 1);
        self.changes += 1;
        let holder = Holder { master, life, term: self.term };
        self.holder = Some(holder);
        self.announced.push(Some(holder));
        Some(holder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(10);

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(secs)
    }

    #[test]
    fn terms_only_grow_and_there_is_one_holder() {
        let mut election = Election::default();
        assert!(election.begin_choice() && !election.begin_choice());
        let first = election.choose(Some((0, 1))).unwrap();
        assert!(!election.begin_choice());
        assert_eq!(election.choose(Some((1, 1))), None);
        election.release();
        assert!(election.begin_choice());
        let second = election.choose(Some((1, 1))).unwrap();
        assert!(second.term > first.term);
        assert_eq!([1, 2, 3].map(|version| election.known(version)), [Some(first), None, Some(second)]);
    }

    #[test]
    fn a_lease_runs_out_only_after_unbroken_silence() {
        let mut election = Election::default();
        let term = election.choose(Some((0, 1))).unwrap().term;
        assert_eq!(election.review(at(0), false, LEASE), Some((term, at(10))));
        assert_eq!(election.review(at(4), true, LEASE), None);
        assert_eq!(election.review(at(5), false, LEASE), Some((term, at(15))));
        assert!(!election.has_expired(at(10), term, LEASE));
        assert!(election.has_expired(at(15), term, LEASE));
    }
}
