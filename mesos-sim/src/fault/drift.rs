//! Lets clocks go faster and slower than time: no timeout of one node may count on that of another to be as long.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, Target, any_agent, any_framework, any_master, exponential};

/// The fastest drift: twenty times the bound of what a time daemon corrects by slewing, 500 parts per million.
const PPM_MAX: i32 = 10_000;

/// Lets clocks drift.
#[derive(Debug, Clone, Copy)]
pub struct DriftNemesis {
    /// Between two changes of pace, on average.
    pub every: Duration,
}

impl Nemesis for DriftNemesis {
    fn name(&self) -> &'static str {
        "drift"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let node = match rng.below(3) {
            0 => any_master(scene, rng),
            1 => any_agent(scene, rng),
            _ => any_framework(scene, rng),
        };
        vec![Action::Drift { target: Target::Node(node), ppm: any_pace(rng) }]
    }
}

/// By how many parts per million a clock goes too fast.
pub(super) fn any_pace(rng: &mut Rng) -> i32 {
    i32::try_from(rng.below(2 * u64::from(PPM_MAX.unsigned_abs()) + 1)).unwrap_or(0) - PPM_MAX
}
