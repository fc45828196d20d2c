//! Stops processes and lets them go on: a paused leader wakes up believing that nothing has changed.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, Target, any_agent, any_framework, exponential, lasting};

/// Stops processes for a while.
#[derive(Debug, Clone, Copy)]
pub struct PauseNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for PauseNemesis {
    fn name(&self) -> &'static str {
        "pause"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let target = match rng.below(4) {
            0..2 => Target::Leader,
            2 => Target::Node(any_agent(scene, rng)),
            _ => Target::Node(any_framework(scene, rng)),
        };
        vec![Action::Pause { target, lasts: lasting(scene, rng) }]
    }
}
