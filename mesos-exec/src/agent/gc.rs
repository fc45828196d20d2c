//! Sandboxes of what ended: how long they stay.
//!
//! A sandbox is kept for `delay` on an empty disk, and for less the fuller the disk is: `delay × (1 - headroom - used)`, at
//! once when nothing is left of that. Looked at once every `watch_every`, and only while there is something to remove. The
//! rule is that of Apache Mesos, `src/slave/gc.cpp` and `src/slave/slave.cpp` (`Slave::age`).
//!
//! Which sandboxes there are after a restart the host says; how full the disk is, too. What runs is never removed.

use std::collections::VecDeque;
use std::time::Duration;

use mesos_core::{ContainerId, WallTime};

use super::{Agent, AgentCx, Effect, Timer};

/// How sandboxes are collected. Defaults are those of Apache Mesos.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct GcOptions {
    /// How long a sandbox stays on an empty disk.
    pub delay: Duration,
    /// The part of the disk that counts as full, in millionths.
    pub headroom_ppm: u32,
    /// How often the disk is looked at.
    pub watch_every: Duration,
    /// Sandboxes of what ended that are kept at most; the oldest go first.
    pub sandboxes_max: usize,
}

impl Default for GcOptions {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(7 * 24 * 3_600),
            headroom_ppm: 100_000,
            watch_every: Duration::from_secs(60),
            sandboxes_max: 100_000,
        }
    }
}

impl GcOptions {
    /// How long a sandbox stays on a disk that is so full.
    #[must_use]
    pub fn age_max(&self, used_ppm: u32) -> Duration {
        const WHOLE: u32 = 1_000_000;
        let free = WHOLE.saturating_sub(self.headroom_ppm).saturating_sub(used_ppm);
        // Nanoseconds of weeks times a million do not fit into 64 bits.
        let nanos = self.delay.as_nanos().saturating_mul(u128::from(free)) / u128::from(WHOLE);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Agent {
    /// A container has ended: its sandbox ages from now on.
    pub(super) fn retire_sandbox(&mut self, cx: &mut AgentCx<'_>, id: ContainerId) {
        let Some(gc) = &self.options.sandbox_gc else { return };
        let (watch_every, max) = (gc.watch_every, gc.sandboxes_max);
        self.retired.push_back((cx.now.wall, id));
        if self.retired.len() > max
            && let Some((_, oldest)) = self.retired.pop_front()
        {
            cx.emit(Effect::RemoveSandboxes { containers: vec![oldest] });
        }
        self.watch_disk(cx, watch_every);
    }

    /// These sandboxes were found on the disk, with the time something last happened to them.
    pub(super) fn handle_sandboxes_found(&mut self, cx: &AgentCx<'_>, found: Vec<(WallTime, ContainerId)>) {
        let Some(gc) = &self.options.sandbox_gc else { return };
        let watch_every = gc.watch_every;
        let mut all: Vec<(WallTime, ContainerId)> = self.retired.drain(..).chain(found).collect();
        all.sort();
        self.retired = VecDeque::from(all);
        if !self.retired.is_empty() {
            self.watch_disk(cx, watch_every);
        }
    }

    fn watch_disk(&mut self, cx: &AgentCx<'_>, after: Duration) {
        if self.timers.due_at(&Timer::Disk).is_none() {
            self.arm(cx, Timer::Disk, after);
        }
    }

    /// The host saw how full the disk is: whatever is too old for that goes.
    pub(super) fn handle_disk_seen(&mut self, cx: &mut AgentCx<'_>, used_ppm: u32) {
        let Some(gc) = &self.options.sandbox_gc else { return };
        let (age_max, watch_every) = (gc.age_max(used_ppm), gc.watch_every);
        let now = cx.now.wall;
        let mut containers = Vec::new();
        while self.retired.front().is_some_and(|(ended, _)| *ended + age_max <= now) {
            let Some((_, id)) = self.retired.pop_front() else { break };
            // One that runs ages anew from its end.
            if !self.has_container(&id) {
                containers.push(id);
            }
        }
        if !containers.is_empty() {
            cx.emit(Effect::RemoveSandboxes { containers });
        }
        if !self.retired.is_empty() {
            self.watch_disk(cx, watch_every);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuller_the_disk_the_shorter_sandboxes_stay() {
        let gc = GcOptions::default();
        let days = |used| gc.age_max(used).as_secs_f64() / 86_400.0;
        assert!((days(0) - 6.3).abs() < 1e-9, "a tenth of the disk counts as full");
        assert!((days(500_000) - 2.8).abs() < 1e-9);
        assert_eq!(gc.age_max(900_000), Duration::ZERO);
        assert_eq!(gc.age_max(u32::MAX), Duration::ZERO);
    }
}
