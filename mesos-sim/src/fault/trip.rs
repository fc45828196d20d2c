//! Ends processes between what they decided and what their host did about it: after the write, before the message.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::crash::{down_for, either};
use super::{Action, Nemesis, Scene, Target, any_agent, any_framework, exponential};

/// Ends processes in the middle of a step.
#[derive(Debug, Clone, Copy)]
pub struct TripNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for TripNemesis {
    fn name(&self) -> &'static str {
        "trip"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let target = match rng.below(4) {
            0 => Target::Leader,
            1 => Target::Node(any_framework(scene, rng)),
            _ => Target::Node(any_agent(scene, rng)),
        };
        let (kind, done_ppm) = (either(rng), super::draw_ppm(0, 1_000_000, rng));
        let steps = u32::try_from(rng.below(20)).unwrap_or(0);
        vec![Action::Trip { target, kind, steps, done_ppm, down_for: down_for(scene, rng) }]
    }
}
