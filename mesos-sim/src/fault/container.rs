//! Lets containers fail to start and end badly, and ends them in whatever phase they are.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, draw_index, draw_ppm, exponential, lasting};

/// Lets containers fail.
#[derive(Debug, Clone, Copy)]
pub struct ContainerNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for ContainerNemesis {
    fn name(&self) -> &'static str {
        "container"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        if rng.chance(500_000) {
            let ppm = if rng.chance(300_000) { 1_000_000 } else { draw_ppm(50_000, 500_000, rng) };
            return vec![Action::Kill { agent: draw_index(scene.agents, rng), ppm, draw: rng.bits() }];
        }
        vec![Action::Containers {
            launch_failure_ppm: draw_ppm(0, 300_000, rng),
            crash_ppm: draw_ppm(0, 300_000, rng),
            lasts: lasting(scene, rng),
        }]
    }
}
