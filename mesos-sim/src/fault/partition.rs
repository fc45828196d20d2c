//! Cuts nodes off from each other: fully, one way or partly.
//!
//! Partial cuts matter most: a master that agents reach but the quorum does not, an agent one master sees and another does
//! not, a link that carries pings one way only.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, Nemesis, Scene, any_agent, any_framework, any_master, exponential, lasting};
use crate::net::{Cut, CutMode, Group};
use crate::node::NodeId;

/// Cuts nodes off from each other.
#[derive(Debug, Clone, Copy)]
pub struct PartitionNemesis {
    /// Between two cuts, on average.
    pub every: Duration,
}

impl Nemesis for PartitionNemesis {
    fn name(&self) -> &'static str {
        "partition"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let (from, to) = sides(scene, rng);
        let cut = Cut {
            from: Group::new(from),
            to: Group::new(to),
            is_both_ways: rng.chance(600_000),
            mode: if rng.chance(700_000) { CutMode::Drop } else { CutMode::Hold },
        };
        vec![Action::Partition { cut, lasts: lasting(scene, rng) }]
    }
}

fn sides(scene: &Scene, rng: &mut Rng) -> (Vec<NodeId>, Vec<NodeId>) {
    let masters = || (0..scene.masters).map(NodeId::Master).collect::<Vec<_>>();
    let sides = match rng.below(7) {
        0 => (vec![any_agent(scene, rng)], masters()),
        1 => (vec![any_agent(scene, rng)], vec![any_master(scene, rng)]),
        2 => (vec![any_framework(scene, rng)], masters()),
        3 => (vec![any_master(scene, rng)], vec![NodeId::Quorum]),
        4 => {
            let agents = (0..scene.agents).map(NodeId::Agent).filter(|_| rng.chance(500_000)).collect();
            (agents, masters())
        }
        5 => {
            let one = any_master(scene, rng);
            let everybody = (0..scene.agents).map(NodeId::Agent).chain((0..scene.frameworks).map(NodeId::Framework));
            (vec![one], everybody.collect())
        }
        _ => {
            let mut some = vec![any_framework(scene, rng)];
            some.extend((0..scene.agents).map(NodeId::Agent).filter(|_| rng.chance(300_000)));
            (some, vec![NodeId::Quorum])
        }
    };
    if rng.chance(500_000) { sides } else { (sides.1, sides.0) }
}
