//! Operators who plan and carry out maintenance: drains, deactivations, schedules, whitelists, and their end.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, OperatorAction, Scene, draw_index, exponential};

/// Takes agents out of service and back. What is left of it when faults are over the world undoes.
#[derive(Debug, Clone)]
pub struct MaintenanceNemesis {
    /// Between two actions, on average.
    pub every: Duration,
}

impl Nemesis for MaintenanceNemesis {
    fn name(&self) -> &'static str {
        "maintenance"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let agent = draw_index(scene.agents, rng);
        let some = |rng: &mut Rng| (0..scene.agents).filter(|_| rng.chance(500_000)).collect::<Vec<u32>>();
        let action = match rng.below(14) {
            0..2 => {
                let secs = u32::try_from(rng.between(0, 60)).unwrap_or(60);
                let max_grace_secs = rng.chance(500_000).then_some(secs);
                OperatorAction::Drain { agent, max_grace_secs, mark_gone: false }
            }
            2 => OperatorAction::Deactivate { agent },
            3..6 => OperatorAction::Reactivate { agent },
            6..8 => OperatorAction::Schedule { agents: some(rng) },
            8..10 => OperatorAction::StartMaintenance { agents: vec![agent] },
            10..12 => OperatorAction::StopMaintenance { agents: vec![agent] },
            12 => OperatorAction::Whitelist { agents: Some(some(rng)) },
            _ => OperatorAction::Whitelist { agents: None },
        };
        vec![Action::Operator(action)]
    }
    fn is_routine(&self) -> bool {
        true
    }
}
