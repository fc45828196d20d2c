//! Fills disks and makes them slow, one at a time.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, Target, any_agent, any_framework, exponential, lasting};

/// Fills disks and makes them slow.
#[derive(Debug, Clone, Copy)]
pub struct DiskNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for DiskNemesis {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let node = if rng.chance(700_000) { any_agent(scene, rng) } else { any_framework(scene, rng) };
        let (target, lasts) = (Target::Node(node), lasting(scene, rng));
        vec![if rng.chance(500_000) {
            Action::DiskFull { target, lasts }
        } else {
            Action::DiskSlow { target, extra: Duration::from_millis(rng.between(10, 20_000)), lasts }
        }]
    }
}
