//! Breaks standing connections, some or all at once.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, draw_ppm, exponential};

/// Breaks connections.
#[derive(Debug, Clone, Copy)]
pub struct ResetNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for ResetNemesis {
    fn name(&self) -> &'static str {
        "reset"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, _scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let ppm = if rng.chance(200_000) { 1_000_000 } else { draw_ppm(10_000, 500_000, rng) };
        vec![Action::Reset { ppm, draw: rng.bits() }]
    }
}
