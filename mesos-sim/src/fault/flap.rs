//! Takes the lease from a leader that is well, as an overloaded quorum does.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, exponential};

/// Takes the lease away.
#[derive(Debug, Clone, Copy)]
pub struct FlapNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for FlapNemesis {
    fn name(&self) -> &'static str {
        "flap"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, _scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        (0..=rng.below(2)).map(|_| Action::Flap).collect()
    }
}
