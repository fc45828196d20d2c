//! Makes everything to and from some nodes slow, up to the length of the kernel's own timeouts.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, any_agent, any_framework, any_master, exponential, lasting};
use crate::net::{Clog, Group};

/// Makes links slow.
#[derive(Debug, Clone, Copy)]
pub struct ClogNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for ClogNemesis {
    fn name(&self) -> &'static str {
        "clog"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let group = match rng.below(4) {
            0 => Group::new([any_agent(scene, rng)]),
            1 => Group::new([any_framework(scene, rng)]),
            2 => Group::new([any_master(scene, rng)]),
            _ => Group::new((0..scene.agents).map(crate::node::NodeId::Agent).filter(|_| rng.chance(300_000))),
        };
        let extra = Duration::from_millis(rng.between(10, 20_000));
        vec![Action::Clog { clog: Clog { group, extra }, lasts: lasting(scene, rng) }]
    }
}
