//! Hits masters that do not lead, and all masters at once: who leads next must be as well as who led.
//!
//! What other nemeses do to the leader is done to a standby here: it ends, stands still, its clocks go wrong, or it ends in the
//! middle of one of the first steps of the term it is elected for later. Masters have no disk of their own: what they know is
//! in the registry.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::crash::{down_for, either};
use super::drift::any_pace;
use super::skew::any_jump;
use super::{Action, DiskFate, Nemesis, Scene, Target, draw_index, draw_ppm, exponential, lasting};
use crate::node::NodeId;

/// Hits masters that do not lead, and all of them.
#[derive(Debug, Clone, Copy)]
pub struct MastersNemesis {
    /// Between two strikes, on average.
    pub every: Duration,
}

impl Nemesis for MastersNemesis {
    fn name(&self) -> &'static str {
        "masters"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let targets = match rng.below(10) {
            0..7 => vec![Target::Standby(draw_index(scene.masters, rng))],
            7 => vec![Target::Leader],
            _ => (0..scene.masters).map(NodeId::Master).map(Target::Node).collect(),
        };
        let action = one(scene, rng);
        targets.into_iter().map(action).collect()
    }
}

/// One thing that goes wrong, with whomever it is to hit.
fn one(scene: &Scene, rng: &mut Rng) -> Box<dyn Fn(Target) -> Action> {
    match rng.below(6) {
        0..2 => {
            let (kind, down_for, disk) = (either(rng), down_for(scene, rng), DiskFate::Kept);
            Box::new(move |target| Action::Crash { target, kind, down_for, disk })
        }
        2 => {
            let (kind, done_ppm, down_for) = (either(rng), draw_ppm(0, 1_000_000, rng), down_for(scene, rng));
            let steps = draw_index(20, rng);
            Box::new(move |target| Action::Trip { target, kind, steps, done_ppm, down_for })
        }
        3 => {
            let lasts = lasting(scene, rng);
            Box::new(move |target| Action::Pause { target, lasts })
        }
        4 => {
            let secs = any_jump(rng);
            Box::new(move |target| Action::WallJump { target, secs })
        }
        _ => {
            let ppm = any_pace(rng);
            Box::new(move |target| Action::Drift { target, ppm })
        }
    }
}
