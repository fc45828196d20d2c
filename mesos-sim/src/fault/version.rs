//! Rolls processes back to earlier versions and forward again: one, or many at once that come forward one after the other.
//!
//! Agents, masters and frameworks alike. Peers of earlier versions that stay what they are come with the cluster, where it is
//! drawn; here the very same process knows less for a while, in the middle of its work.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::crash::down_for;
use super::{Action, Nemesis, Scene, Target, any_agent, any_framework, draw_index, exponential, lasting};
use crate::node::NodeId;

/// Restarts processes as earlier versions.
#[derive(Debug, Clone, Copy)]
pub struct VersionNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
    /// Whether frameworks have earlier versions, too.
    pub are_frameworks_hit: bool,
}

impl Nemesis for VersionNemesis {
    fn name(&self) -> &'static str {
        "version"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let targets = match rng.below(10) {
            0 => vec![Target::Leader],
            1 => vec![Target::Standby(draw_index(scene.masters, rng))],
            2 => (0..scene.masters).map(NodeId::Master).map(Target::Node).collect(),
            3..6 if self.are_frameworks_hit => vec![Target::Node(any_framework(scene, rng))],
            6..8 => {
                let some = (0..scene.agents).filter(|_| rng.chance(300_000));
                some.map(NodeId::Agent).map(Target::Node).collect()
            }
            _ => vec![Target::Node(any_agent(scene, rng))],
        };
        // All that go back together go back to the same.
        let draw = rng.bits();
        let back = |target| {
            let (down_for, lasts) = (down_for(scene, rng), lasting(scene, rng));
            Action::Earlier { target, draw, down_for, lasts: lasts.max(down_for) }
        };
        targets.into_iter().map(back).collect()
    }
}
