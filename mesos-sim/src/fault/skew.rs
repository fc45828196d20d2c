//! Lets calendar clocks jump: nothing may be decided by them.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, Target, any_agent, any_framework, exponential};

/// Lets calendar clocks jump.
#[derive(Debug, Clone, Copy)]
pub struct SkewNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for SkewNemesis {
    fn name(&self) -> &'static str {
        "skew"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let target = match rng.below(3) {
            0 => Target::Leader,
            1 => Target::Node(any_agent(scene, rng)),
            _ => Target::Node(any_framework(scene, rng)),
        };
        vec![Action::WallJump { target, secs: any_jump(rng) }]
    }
}

/// By how many seconds a clock jumps: a day and a bit, forward or back.
pub(super) fn any_jump(rng: &mut Rng) -> i32 {
    i32::try_from(rng.below(200_000)).unwrap_or(0) - 100_000
}
