//! One process on a node: a machine, its dice, and what a restart must renew.

use mesos_core::kernel::Rng;
use mesos_core::{Instant, Now, WallTime};

use super::{Event, NodeId};

/// The calendar time at which runs begin: 2026-01-01, an arbitrary day that is easy to recognise.
const EPOCH: WallTime = WallTime::from_nanos(1_767_225_600_000_000_000);

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
    /// Whether the node answers at all.
    pub(crate) is_powered: bool,
    /// Of its calendar clock, in seconds.
    pub(crate) wall_skew: i64,
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
            is_powered: false,
            wall_skew: 0,
            is_retired: false,
            known_version: 0,
            is_behind: false,
        }
    }

    pub(crate) fn now(&self, mono: Instant) -> Now {
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
