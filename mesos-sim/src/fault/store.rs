//! Makes the registry and the disks slow, and lets writes end without an answer.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, StoreTrouble, draw_ppm, exponential, lasting};

/// Makes storage slow and unsure.
#[derive(Debug, Clone, Copy)]
pub struct StoreNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for StoreNemesis {
    fn name(&self) -> &'static str {
        "store"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let trouble = StoreTrouble {
            slow: Duration::from_millis(rng.between(0, 5_000)),
            unknown_ppm: if rng.chance(500_000) { draw_ppm(1_000, 300_000, rng) } else { 0 },
            disk_ppm: if rng.chance(300_000) { draw_ppm(1_000, 50_000, rng) } else { 0 },
        };
        vec![Action::Store { trouble, lasts: lasting(scene, rng) }]
    }
}
