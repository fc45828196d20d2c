//! Breaks what is between executors that are processes of their own and their agents, stops such processes and ends them.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, ExecutorTrouble, Nemesis, Scene, draw_index, draw_ppm, exponential, lasting};

/// Troubles executors.
#[derive(Debug, Clone, Copy)]
pub struct ExecutorNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for ExecutorNemesis {
    fn name(&self) -> &'static str {
        "executor"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let trouble = match rng.below(4) {
            0 => ExecutorTrouble::Break,
            1 => ExecutorTrouble::Cut(lasting(scene, rng)),
            2 => ExecutorTrouble::Pause(lasting(scene, rng)),
            _ => ExecutorTrouble::Kill,
        };
        let ppm = if rng.chance(500_000) { 1_000_000 } else { draw_ppm(100_000, 700_000, rng) };
        vec![Action::Executors { agent: draw_index(scene.agents, rng), ppm, draw: rng.bits(), trouble }]
    }
}
