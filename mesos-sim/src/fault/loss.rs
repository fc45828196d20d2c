//! Loses messages anywhere, one by one: on a numbered connection each loss is a gap, and so the end of the connection.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, draw_ppm, exponential, lasting};

/// Loses messages.
#[derive(Debug, Clone, Copy)]
pub struct LossNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for LossNemesis {
    fn name(&self) -> &'static str {
        "loss"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        vec![Action::Loss { ppm: draw_ppm(100, 30_000, rng), lasts: lasting(scene, rng) }]
    }
}
