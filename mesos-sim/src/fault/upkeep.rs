//! Operators who look after what lies on agents: they reserve disk, make volumes of it, enlarge, shrink and destroy these, and
//! retire machines for good.

use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::resource::{Disk, Persistence, Reservation, Volume, VolumeMode};
use mesos_core::{PersistenceId, Resources, Role};

use super::{Action, Nemesis, OperatorAction, Scene, draw_index, exponential};

/// Size of a volume when it is made, in megabytes: a fit for the smallest disk.
const SIZE_MIB: u32 = 16;
/// What it is enlarged by, in megabytes.
const MORE_MIB: u32 = 8;
/// Volumes of a role on an agent have this many names, so that one is met again.
const NAMES: u32 = 2;
/// Work is on the first agents, for the same reason.
const AGENTS: u32 = 4;

/// Looks after volumes, and retires machines.
#[derive(Debug, Clone)]
pub struct UpkeepNemesis {
    /// Between two pieces of work, on average.
    pub every: Duration,
    /// To whom disk is reserved; at least one.
    pub roles: Vec<Role>,
    /// Whether machines are retired.
    pub retires: bool,
}

impl Nemesis for UpkeepNemesis {
    fn name(&self) -> &'static str {
        "upkeep"
    }

    fn rest(&self, rng: &mut Rng) -> Duration {
        exponential(self.every, rng)
    }

    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action> {
        let agent = draw_index(scene.agents.min(AGENTS), rng);
        let role = &self.roles[rng.index(self.roles.len())];
        let name = draw_index(NAMES, rng);
        let is_large = rng.chance(300_000);
        let volume = volume(role, name, if is_large { SIZE_MIB + MORE_MIB } else { SIZE_MIB });
        let reserve = |mib| OperatorAction::Reserve { agent, resources: disk(role, mib) };
        let work = match rng.below(if self.retires { 10 } else { 9 }) {
            0..4 => vec![reserve(SIZE_MIB + MORE_MIB), OperatorAction::CreateVolumes { agent, volumes: volume }],
            4..6 => {
                let addition = disk(role, MORE_MIB);
                vec![reserve(MORE_MIB), OperatorAction::GrowVolume { agent, volume, addition }]
            }
            6 => vec![OperatorAction::ShrinkVolume { agent, volume, subtract_mib: MORE_MIB }],
            7..9 => vec![OperatorAction::DestroyVolumes { agent, volumes: volume }],
            _ => vec![OperatorAction::Drain {
                agent: draw_index(scene.agents, rng),
                max_grace_secs: rng.chance(500_000).then_some(draw_index(60, rng)),
                mark_gone: true,
            }],
        };
        work.into_iter().map(Action::Operator).collect()
    }

    fn is_routine(&self) -> bool {
        true
    }
}

/// So much disk that is reserved to a role.
pub(super) fn disk(role: &Role, mib: u32) -> Resources {
    let plain: Resources = format!("disk:{mib}").parse().expect("a constant form");
    plain.push_reservation(&Reservation::dynamic(role.clone(), None)).expect("roles of a run can be reserved to")
}

/// A volume of it.
pub(super) fn volume(role: &Role, name: u32, mib: u32) -> Resources {
    let id = PersistenceId::new(format!("operator-{name}")).expect("letters and digits make an id");
    let own = Disk {
        persistence: Some(Persistence { id, principal: None }),
        volume: Some(Volume { container_path: "data".into(), host_path: None, mode: VolumeMode::Rw }),
        source: None,
    };
    let entry = disk(role, mib).iter().next().expect("disk is one entry").with_disk(own);
    entry.try_into().expect("reserved disk can be a volume")
}
