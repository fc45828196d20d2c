//! Operators at the worst moment: weights, quotas, reservations, and now and then an agent or a framework removed for good.

use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::resource::{Limits, Quantities, Reservation, ResourceName, Scalar};
use mesos_core::{Quota, Rejection, Resources, Role};

use super::{Action, Nemesis, OperatorAction, Scene, draw_index, exponential};

/// Acts as an operator.
#[derive(Debug, Clone)]
pub struct OperatorNemesis {
    /// Between two actions, on average.
    pub every: Duration,
    /// Roles it knows.
    pub roles: Vec<Role>,
    /// What it removes for good.
    pub removes: Removal,
}

/// What an operator removes for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Nothing.
    Nothing,
    /// Agents.
    Agents,
    /// Agents, and now and then a framework.
    All,
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
        let action = match rng.below(if self.removes == Removal::Nothing { 8 } else { 10 }) {
            0..2 => OperatorAction::SetWeight {
                role: role.clone(),
                milli: u32::try_from(rng.between(100, 8_000)).unwrap_or(1_000),
            },
            2..4 => OperatorAction::Reserve { agent, resources: reserved(role) },
            4..6 => OperatorAction::Unreserve { agent, resources: reserved(role) },
            6..8 => OperatorAction::SetQuota {
                role: quota_role(role, rng),
                quota: quota(rng).expect("guarantees are drawn below the limits"),
                force: rng.chance(500_000),
            },
            8 => OperatorAction::MarkGone { agent },
            _ if self.removes == Removal::All && scene.frameworks > 1 && rng.chance(200_000) => {
                OperatorAction::Teardown { framework: draw_index(scene.frameworks, rng) }
            }
            _ => OperatorAction::MarkGone { agent },
        };
        vec![Action::Operator(action)]
    }

    fn is_routine(&self) -> bool {
        true
    }
}

/// The role itself, or the outermost one above it.
fn quota_role(role: &Role, rng: &mut Rng) -> Role {
    let above = std::iter::successors(role.parent(), Role::parent).last();
    above.filter(|_| rng.chance(300_000)).unwrap_or_else(|| role.clone())
}

/// A guarantee, a limit, both or none; small enough to matter in a small cluster.
fn quota(rng: &mut Rng) -> Result<Quota, Rejection> {
    let amounts = |rng: &mut Rng, cpus_max: u64| {
        let cpus = Scalar::from_count(rng.below(cpus_max + 1));
        let mem = Scalar::from_count(rng.below(cpus_max + 1) * 1_024);
        [(ResourceName::Cpus, cpus), (ResourceName::Mem, mem)]
    };
    let limits = if rng.chance(600_000) { Limits::from_iter(amounts(rng, 12)) } else { Limits::new() };
    let mut guarantees = Quantities::new();
    if rng.chance(600_000) {
        for (name, amount) in amounts(rng, 6) {
            let most = limits.get(&name).unwrap_or(amount);
            guarantees.set(name, amount.min(most));
        }
    }
    Quota::new(guarantees, limits)
}

/// Half a core and some memory, reserved to `role` by nobody in particular: small enough to be free often.
fn reserved(role: &Role) -> Resources {
    let plain: Resources = "cpus:0.5;mem:64".parse().expect("a constant");
    plain.push_reservation(&Reservation::dynamic(role.clone(), None)).expect("roles of a run can be reserved to")
}
