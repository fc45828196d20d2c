//! Delivers messages twice: on a numbered connection the second one must change nothing.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, draw_ppm, exponential, lasting};

/// Delivers messages twice.
#[derive(Debug, Clone, Copy)]
pub struct DuplicateNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for DuplicateNemesis {
    fn name(&self) -> &'static str {
        "duplicate"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        vec![Action::Duplicate { ppm: draw_ppm(1_000, 300_000, rng), lasts: lasting(scene, rng) }]
    }
}
