//! Operators at the worst moment: weights, reservations, and now and then an agent or a framework removed for good.

use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::resource::Reservation;
use mesos_core::{Resources, Role};

use super::{Action, Nemesis, OperatorAction, Scene, draw_index, exponential};

/// Acts as an operator.
#[derive(Debug, Clone)]
pub struct OperatorNemesis {
    /// Between two actions, on average.
    pub every: Duration,
    /// Roles it knows.
    pub roles: Vec<Role>,
    /// Whether it also removes agents and frameworks for good.
    pub is_destructive: bool,
}

impl Nemesis for OperatorNemesis {
    fn name(&self) -> &'static str {
        "operator"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let agent = draw_index(scene.agents, rng);
        let role = &self.roles[rng.index(self.roles.len())];
        let action = match rng.below(if self.is_destructive { 8 } else { 6 }) {
            0..2 => OperatorAction::SetWeight {
                role: role.clone(),
                milli: u32::try_from(rng.between(100, 8_000)).unwrap_or(1_000),
            },
            2..4 => OperatorAction::Reserve { agent, resources: reserved(role) },
            4..6 => OperatorAction::Unreserve { agent, resources: reserved(role) },
            6 => OperatorAction::MarkGone { agent },
            _ if scene.frameworks > 1 && rng.chance(200_000) => {
                OperatorAction::Teardown { framework: draw_index(scene.frameworks, rng) }
            }
            _ => OperatorAction::MarkGone { agent },
        };
        vec![Action::Operator(action)]
    }
}

/// Half a core and some memory, reserved to `role` by nobody in particular: small enough to be free often.
fn reserved(role: &Role) -> Resources {
    let plain: Resources = "cpus:0.5;mem:64".parse().expect("a constant");
    plain.push_reservation(&Reservation::dynamic(role.clone(), None)).expect("roles of a run can be reserved to")
}
