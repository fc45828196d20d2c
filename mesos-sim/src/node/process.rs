//! One process on a node: a machine, its dice, and what a restart must renew.

use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::{Instant, Now, WallTime};

use super::{Event, NodeId};
use crate::fault::CrashKind;

/// The calendar time at which runs begin: 2026-01-01, an arbitrary day that is easy to recognise.
const EPOCH: WallTime = WallTime::from_nanos(1_767_225_600_000_000_000);

/// A process is to end in the middle of a step to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trip {
    /// In how many steps.
    pub(crate) steps: u32,
    /// Of a million parts of the effects so many are carried out.
    pub(crate) done_ppm: u32,
    pub(crate) kind: CrashKind,
    pub(crate) down_for: Duration,
}

/// How fast a node's clock goes. It never jumps: a change of pace goes on from where the clock is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    ppm: i32,
    /// The true time of the last change, and what the clock showed then.
    since: Instant,
    shown: Instant,
}

/// A million parts.
const WHOLE: u128 = 1_000_000;

impl Pace {
    /// Parts of a second that pass on the clock in a million seconds.
    fn rate(self) -> u128 {
        u128::from(1_000_000_u32.saturating_add_signed(self.ppm).max(1))
    }

    const fn is_right(self) -> bool {
        self.ppm == 0 && self.since.as_nanos() == self.shown.as_nanos()
    }

    /// What the clock shows at a true time.
    pub(crate) fn shows(self, at: Instant) -> Instant {
        if self.is_right() {
            return at;
        }
        let passed = at.since(self.since).as_nanos() * self.rate() / WHOLE;
        Instant::from_nanos(self.shown.as_nanos().saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
    }

    /// The first true time at which the clock shows `shown`, or more.
    pub(crate) fn reaches(self, shown: Instant) -> Instant {
        if self.is_right() || shown == Instant::MAX {
            return shown;
        }
        let left = (shown.since(self.shown).as_nanos() * WHOLE).div_ceil(self.rate());
        Instant::from_nanos(self.since.as_nanos().saturating_add(u64::try_from(left).unwrap_or(u64::MAX)))
    }

    pub(crate) fn set(&mut self, now: Instant, ppm: i32) {
        *self = Self { ppm, since: now, shown: self.shows(now) };
    }
}

/// The process of a node; `machine` is absent while it is down.
#[derive(Debug)]
pub(crate) struct Process<M> {
    pub(crate) machine: Option<Box<M>>,
    /// Which process this is, counted from 1; 0 before the first start.
    pub(crate) life: u32,
    /// The machine's stream. It goes on over restarts, as fresh entropy would.
    pub(crate) rng: Rng,
    /// When the live wake-up on the agenda is due; all others are stale.
    pub(crate) wake_at: Instant,
    /// What came while the process was paused.
    pub(crate) held: Option<Vec<Event>>,
    /// It stands still until then, if it does.
    pub(crate) held_until: Instant,
    /// Whether the node answers at all.
    pub(crate) is_powered: bool,
    /// Of its calendar clock, in seconds.
    pub(crate) wall_skew: i64,
    /// Of its clocks.
    pub(crate) pace: Pace,
    /// Set when it is to end in a step to come.
    pub(crate) trip: Option<Trip>,
    /// It ended for good.
    pub(crate) is_retired: bool,
    /// How many announcements of leaders it knows.
    pub(crate) known_version: u32,
    /// News of the leader could not reach it.
    pub(crate) is_behind: bool,
}

impl<M> Process<M> {
    /// The time on a node whose clock is right.
    pub(crate) const fn right_now(mono: Instant) -> Now {
        Now { mono, wall: WallTime::from_nanos(EPOCH.as_nanos().saturating_add(mono.as_nanos())) }
    }

    pub(crate) fn new(seed: u64, node: NodeId) -> Self {
        Self {
            machine: None,
            life: 0,
            rng: Rng::of_node(seed, node.stream()),
            wake_at: Instant::MAX,
            held: None,
            held_until: Instant::ZERO,
            is_powered: false,
            wall_skew: 0,
            pace: Pace::default(),
            trip: None,
            is_retired: false,
            known_version: 0,
            is_behind: false,
        }
    }

    pub(crate) fn now(&self, mono: Instant) -> Now {
        let mono = self.pace.shows(mono);
        let skew = self.wall_skew.saturating_mul(1_000_000_000);
        let right = Self::right_now(mono).wall.as_nanos();
        Now { mono, wall: WallTime::from_nanos(right.saturating_add_signed(skew)) }
    }

    pub(crate) fn news_mut(&mut self) -> (&mut u32, &mut bool) {
        (&mut self.known_version, &mut self.is_behind)
    }

    pub(crate) fn start(&mut self, machine: M) {
        self.machine = Some(Box::new(machine));
        self.life += 1;
        self.is_powered = true;
        self.wake_at = Instant::MAX;
        self.held = None;
        self.known_version = 0;
        self.is_behind = false;
    }

    pub(crate) fn stop(&mut self, is_powered: bool) {
        self.machine = None;
        self.trip = None;
        self.is_powered = is_powered;
        self.wake_at = Instant::MAX;
        self.held = None;
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.machine.is_some()
    }

    pub(crate) const fn is_paused(&self) -> bool {
        self.held.is_some()
    }

    pub(crate) fn is_life(&self, life: u32) -> bool {
        self.life == life && self.is_up()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_never_goes_back_and_what_is_due_is_due_when_the_clock_says_so() {
        let (mut pace, mut last) = (Pace::default(), Instant::ZERO);
        let mut dice = Rng::new(5);
        for secs in 0..2_000 {
            let now = Instant::ZERO + Duration::from_secs(secs);
            if secs % 100 == 0 {
                pace.set(now, i32::try_from(dice.below(20_000)).unwrap() - 10_000);
            }
            let shown = pace.shows(now);
            assert!(shown >= last);
            last = shown;
            let due = shown + dice.duration(Duration::from_secs(90));
            let at = pace.reaches(due);
            assert!(pace.shows(at) >= due && at >= now);
            let before = Instant::from_nanos(at.as_nanos() - 1);
            assert!(before < now || pace.shows(before) < due);
        }
        assert_eq!(Pace::default().shows(Instant::MAX), Instant::MAX);
        assert_eq!(pace.reaches(Instant::MAX), Instant::MAX);
    }
}
