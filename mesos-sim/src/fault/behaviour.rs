//! Executors that behave badly, each in its own way: they end with any status, in the middle of a step, connect late, are heard
//! late, and say everything twice.
//!
//! What breaks between an executor and its agent, and executors that are killed or stand still, are the business of
//! [`ExecutorNemesis`](super::ExecutorNemesis); those that never connect are drawn with the work of frameworks.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, ExecutorTrouble, Nemesis, Scene, draw_index, draw_ppm, exponential, lasting};

/// Statuses of programs that end: well, badly, by the shell's numbers for signals, and as large as they can be.
const STATUSES: [i32; 6] = [0, 1, 126, 137, 143, 255];

/// Lets executors behave badly.
#[derive(Debug, Clone, Copy)]
pub struct BehaviourNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for BehaviourNemesis {
    fn name(&self) -> &'static str {
        "behaviour"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let trouble = match rng.below(6) {
            0 => ExecutorTrouble::Exit(STATUSES[rng.index(STATUSES.len())]),
            1..3 => ExecutorTrouble::Trip { steps: draw_index(6, rng), done_ppm: draw_ppm(0, 1_000_000, rng) },
            3 => ExecutorTrouble::Stall(lasting(scene, rng)),
            4 => ExecutorTrouble::Repeat(lasting(scene, rng)),
            // Shorter and longer than agents wait for an executor.
            _ => ExecutorTrouble::Late { lasts: lasting(scene, rng), delay: Duration::from_secs(rng.between(1, 120)) },
        };
        let ppm = if rng.chance(500_000) { 1_000_000 } else { draw_ppm(100_000, 700_000, rng) };
        vec![Action::Executors { agent: draw_index(scene.agents, rng), ppm, draw: rng.bits(), trouble }]
    }
}
