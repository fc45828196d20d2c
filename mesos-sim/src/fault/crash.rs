//! Ends processes and cuts the power of machines, and lets them come back.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::{Action, CrashKind, DiskFate, Nemesis, Scene, Target, any_agent, any_framework, any_master, exponential};
use crate::node::NodeId;

/// Ends processes and cuts power.
#[derive(Debug, Clone, Copy)]
pub struct CrashNemesis {
    /// Between two crashes, on average.
    pub every: Duration,
    /// Disks that are lost or torn by it, per million.
    pub disk_ppm: u32,
}

impl Nemesis for CrashNemesis {
    fn name(&self) -> &'static str {
        "crash"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let (target, kind) = match rng.below(10) {
            0..4 => (Target::Node(any_agent(scene, rng)), CrashKind::Process),
            4 => (Target::Node(any_agent(scene, rng)), CrashKind::Machine),
            5..7 => (Target::Leader, either(rng)),
            7 => (Target::Node(any_master(scene, rng)), either(rng)),
            _ => (Target::Node(any_framework(scene, rng)), either(rng)),
        };
        let disk = match target {
            Target::Leader | Target::Standby(_) | Target::Node(NodeId::Master(_)) => DiskFate::Kept,
            _ if !rng.chance(self.disk_ppm) => DiskFate::Kept,
            Target::Node(NodeId::Agent(_)) if rng.chance(500_000) => DiskFate::Torn,
            Target::Node(_) => DiskFate::Lost,
        };
        vec![Action::Crash { target, kind, down_for: down_for(scene, rng), disk }]
    }
}

pub(super) fn either(rng: &mut Rng) -> CrashKind {
    if rng.chance(700_000) { CrashKind::Process } else { CrashKind::Machine }
}

pub(super) fn down_for(scene: &Scene, rng: &mut Rng) -> Duration {
    let millis = match rng.below(10) {
        0..6 => rng.between(10, 3_000),
        6..9 => rng.between(3_000, 60_000),
        _ => rng.between(60_000, 200_000),
    };
    Duration::from_millis(millis).min(scene.left)
}
