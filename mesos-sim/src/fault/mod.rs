//! What goes wrong: actions as plain data, and the nemeses that draw them.
//!
//! ```text
//!   a plan written by hand ──┐
//!                            ├──▶ Action ──▶ the world carries it out, and undoes it when it has lasted
//!   a nemesis and the dice ──┘
//! ```
//!
//! A nemesis decides only what it wants done next and how long it rests; every draw comes from the run's fault stream. All
//! of them stop at one time, [`Faults::until`]: then everything is healed and the cluster has to settle. Only what is routine,
//! the work of operators, may go on for a while in the healthy cluster. Since actions are data, those of a run can be listed,
//! replayed and thinned out until only the guilty ones are left.

mod apply;
mod behaviour;
mod clog;
mod container;
mod crash;
mod disk;
#[cfg(test)]
mod drawn;
mod drift;
mod duplicate;
mod executor;
mod flap;
mod loss;
mod maintenance;
mod masters;
mod ongoing;
mod operator;
mod partition;
mod pause;
mod reset;
mod skew;
mod standard;
mod store;
#[cfg(test)]
mod tests;
mod text;
mod trip;
mod upkeep;
mod version;

pub use behaviour::BehaviourNemesis;
pub use clog::ClogNemesis;
pub use container::ContainerNemesis;
pub use crash::CrashNemesis;
pub use disk::DiskNemesis;
pub use drift::DriftNemesis;
pub use duplicate::DuplicateNemesis;
pub use executor::ExecutorNemesis;
pub use flap::FlapNemesis;
pub use loss::LossNemesis;
pub use maintenance::MaintenanceNemesis;
pub use masters::MastersNemesis;
pub(crate) use ongoing::Ongoing;
pub use operator::{OperatorNemesis, Removal};
pub use partition::PartitionNemesis;
pub use pause::PauseNemesis;
pub use reset::ResetNemesis;
pub use skew::SkewNemesis;
pub use store::StoreNemesis;
pub use trip::TripNemesis;
pub use upkeep::UpkeepNemesis;
pub use version::VersionNemesis;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::Quota;
use mesos_core::Resources;
use mesos_core::Role;
use mesos_core::kernel::Rng;
use serde::{Deserialize, Serialize};

use crate::net::{Clog, Cut};
use crate::node::NodeId;

/// Whom a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Whichever master holds the lease at that moment; nobody if none does.
    Leader,
    /// One of the masters that do not hold the lease at that moment: the one of this index among them, counted round and
    /// round; nobody if there is none.
    Standby(u32),
    /// This node.
    Node(NodeId),
}

/// How a node goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrashKind {
    /// The process: its connections are closed by its system, its containers run on.
    Process,
    /// The machine: nobody is told, and what ran on it is gone. Its disk is kept.
    Machine,
}

/// What a node that goes down finds on its disk when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskFate {
    /// Everything that was acknowledged, and of the rest a part from its beginning.
    #[default]
    Kept,
    /// The same, but one record is damaged. Only agents: what frameworks keep is in a store of their author's choice.
    Torn,
    /// Nothing. An operator tells the master then that who was there before will not come back.
    Lost,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// A node goes down and comes back.
    Crash {
        /// Which.
        target: Target,
        /// How.
        kind: CrashKind,
        /// For how long.
        down_for: Duration,
        /// What it finds on its disk afterwards.
        #[serde(default)]
        disk: DiskFate,
    },
    /// A node goes down in the middle of a step to come: when its machine has decided, and its host has done only a part of
    /// what was decided.
    Trip {
        /// Which.
        target: Target,
        /// How.
        kind: CrashKind,
        /// In which of its steps from now, from 0.
        steps: u32,
        /// Of a million parts of the step's effects so many are still carried out, from the first.
        done_ppm: u32,
        /// For how long.
        down_for: Duration,
    },
    /// A process ends and comes back as an earlier version of itself, and as its own again when that has lasted.
    Earlier {
        /// Which; executors have no earlier version.
        target: Target,
        /// Decides what that version does not know yet.
        #[serde(default)]
        draw: u64,
        /// How long it is down before it comes back.
        down_for: Duration,
        /// For how long, the time it is down included.
        lasts: Duration,
    },
    /// Nodes cannot talk to each other.
    Partition {
        /// Which.
        cut: Cut,
        /// For how long.
        lasts: Duration,
    },
    /// Messages take long.
    Clog {
        /// Whose, how long.
        clog: Clog,
        /// For how long.
        lasts: Duration,
    },
    /// Messages get lost, anywhere.
    Loss {
        /// So many per million.
        ppm: u32,
        /// For how long.
        lasts: Duration,
    },
    /// Messages come twice, anywhere.
    Duplicate {
        /// So many per million.
        ppm: u32,
        /// For how long.
        lasts: Duration,
    },
    /// Standing connections break.
    Reset {
        /// Of a million connections, so many.
        ppm: u32,
        /// Decides which: the same fault breaks the same ones again.
        #[serde(default)]
        draw: u64,
    },
    /// A process stands still and then goes on as if nothing had happened.
    Pause {
        /// Which.
        target: Target,
        /// For how long.
        lasts: Duration,
    },
    /// The registry or all disks are slow or fail.
    Store {
        /// How.
        trouble: StoreTrouble,
        /// For how long.
        lasts: Duration,
    },
    /// The lease is lost although its holder is well.
    Flap,
    /// Containers fail.
    Containers {
        /// Starts that fail, per million.
        launch_failure_ppm: u32,
        /// Runs that end badly, per million.
        crash_ppm: u32,
        /// For how long.
        lasts: Duration,
    },
    /// Containers on a machine end, in whatever phase they are: as when memory runs out, or somebody kills them by hand.
    Kill {
        /// On which agent's machine.
        agent: u32,
        /// Of a million containers so many.
        ppm: u32,
        /// Decides which: the same fault ends the same ones again.
        #[serde(default)]
        draw: u64,
    },
    /// Something goes wrong with executors that are processes of their own.
    Executors {
        /// On which agent's machine.
        agent: u32,
        /// Of a million such executors so many.
        ppm: u32,
        /// Decides which: the same fault hits the same ones again.
        #[serde(default)]
        draw: u64,
        /// What.
        trouble: ExecutorTrouble,
    },
    /// Nothing can be written to a node's disk.
    DiskFull {
        /// Whose.
        target: Target,
        /// For how long.
        lasts: Duration,
    },
    /// Writes to a node's disk take long.
    DiskSlow {
        /// Whose.
        target: Target,
        /// Longest extra time of a write.
        extra: Duration,
        /// For how long.
        lasts: Duration,
    },
    /// A node's clocks go faster or slower from now on, the calendar's and the one its timeouts run by.
    Drift {
        /// Whose.
        target: Target,
        /// By how many parts per million.
        ppm: i32,
    },
    /// A node's calendar clock jumps.
    WallJump {
        /// Whose.
        target: Target,
        /// By how many seconds, forward or back.
        secs: i32,
    },
    /// An operator does something.
    Operator(OperatorAction),
}

/// What goes wrong with the process of an executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorTrouble {
    /// Its connection to its agent breaks.
    Break,
    /// It cannot reach its agent for so long.
    Cut(Duration),
    /// It stands still for so long.
    Pause(Duration),
    /// It is killed.
    Kill,
    /// It ends by itself with this status.
    Exit(i32),
    /// It is killed in the middle of a step to come.
    Trip {
        /// In which of its steps from now, from 0.
        steps: u32,
        /// Of a million parts of the step's effects so many are still carried out, from the first.
        done_ppm: u32,
    },
    /// What it and its agent say to each other arrives only after so long, or what is left of that.
    Stall(Duration),
    /// For so long it says everything twice, as one does that never gets its answers.
    Repeat(Duration),
    /// Those that are started within a time connect late. Hits all of them.
    Late {
        /// Within which time.
        lasts: Duration,
        /// How long they take to connect.
        delay: Duration,
    },
}

impl ExecutorTrouble {
    /// For how long it lasts, if it does not happen at once.
    pub(crate) const fn lasts_mut(&mut self) -> Option<&mut Duration> {
        match self {
            Self::Cut(lasts) | Self::Pause(lasts) | Self::Stall(lasts) | Self::Repeat(lasts) => Some(lasts),
            Self::Late { lasts, .. } => Some(lasts),
            Self::Break | Self::Kill | Self::Exit(_) | Self::Trip { .. } => None,
        }
    }

    /// For how long it lasts.
    pub(crate) const fn lasts(mut self) -> Duration {
        match self.lasts_mut() {
            Some(lasts) => *lasts,
            None => Duration::ZERO,
        }
    }
}

/// What is wrong with storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreTrouble {
    /// Longest extra time of a write.
    pub slow: Duration,
    /// Registry writes whose outcome stays unknown, per million.
    pub unknown_ppm: u32,
    /// Disk writes that fail, per million.
    pub disk_ppm: u32,
}

/// What an operator may do in a run; names nodes, which are resolved to ids when it happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OperatorAction {
    /// Says that this agent will never come back.
    MarkGone {
        /// The agent's index.
        agent: u32,
    },
    /// Removes this framework.
    Teardown {
        /// The framework's index.
        framework: u32,
    },
    /// Sets how much a role counts.
    SetWeight {
        /// Which role.
        role: Role,
        /// In thousandths.
        milli: u32,
    },
    /// Sets what a role is promised and allowed.
    SetQuota {
        /// Which role.
        role: Role,
        /// The whole of it.
        quota: Quota,
        /// Whether to set it although there is less, or the role has more.
        force: bool,
    },
    /// Reserves free resources.
    Reserve {
        /// The agent's index.
        agent: u32,
        /// As what.
        resources: Resources,
    },
    /// Ends this agent's tasks and offers it no more.
    Drain {
        /// The agent's index.
        agent: u32,
        /// How long tasks have at most, in seconds.
        max_grace_secs: Option<u32>,
        /// Whether it is gone for good when it is drained.
        #[serde(default)]
        mark_gone: bool,
    },
    /// Offers this agent no more.
    Deactivate {
        /// The agent's index.
        agent: u32,
    },
    /// Offers this agent again.
    Reactivate {
        /// The agent's index.
        agent: u32,
    },
    /// Plans that these agents, and no others, will be away.
    Schedule {
        /// The agents' indexes.
        agents: Vec<u32>,
    },
    /// Takes these agents' machines down, if all of them are to be away.
    StartMaintenance {
        /// The agents' indexes.
        agents: Vec<u32>,
    },
    /// Takes these agents' machines up, if all of them that are to be away are down.
    StopMaintenance {
        /// The agents' indexes.
        agents: Vec<u32>,
    },
    /// Offers only these agents.
    Whitelist {
        /// The agents' indexes; nothing said means all.
        agents: Option<Vec<u32>>,
    },
    /// Undoes a reservation.
    Unreserve {
        /// The agent's index.
        agent: u32,
        /// What is reserved.
        resources: Resources,
    },
    /// Makes persistent volumes of reserved disk.
    CreateVolumes {
        /// The agent's index.
        agent: u32,
        /// Which.
        volumes: Resources,
    },
    /// Unmakes persistent volumes.
    DestroyVolumes {
        /// The agent's index.
        agent: u32,
        /// Which.
        volumes: Resources,
    },
    /// Enlarges a persistent volume.
    GrowVolume {
        /// The agent's index.
        agent: u32,
        /// The volume.
        volume: Resources,
        /// The disk it is enlarged by.
        addition: Resources,
    },
    /// Makes a persistent volume smaller.
    ShrinkVolume {
        /// The agent's index.
        agent: u32,
        /// The volume.
        volume: Resources,
        /// By how many megabytes.
        subtract_mib: u32,
    },
}

impl Action {
    /// A short name, for counting.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Crash { disk: DiskFate::Torn, .. } => "torn-disk",
            Self::Crash { disk: DiskFate::Lost, .. } => "lost-disk",
            Self::Crash { kind: CrashKind::Process, .. } => "process-crash",
            Self::Crash { kind: CrashKind::Machine, .. } => "machine-crash",
            Self::Trip { .. } => "trip",
            Self::Earlier { .. } => "earlier-version",
            Self::Kill { .. } => "kill",
            Self::Executors { .. } => "executors",
            Self::DiskFull { .. } => "disk-full",
            Self::DiskSlow { .. } => "disk-slow",
            Self::Drift { .. } => "drift",
            Self::Partition { .. } => "partition",
            Self::Clog { .. } => "clog",
            Self::Loss { .. } => "loss",
            Self::Duplicate { .. } => "duplicate",
            Self::Reset { .. } => "reset",
            Self::Pause { .. } => "pause",
            Self::Store { .. } => "store",
            Self::Flap => "flap",
            Self::Containers { .. } => "containers",
            Self::WallJump { .. } => "wall-jump",
            Self::Operator(_) => "operator",
        }
    }
}

/// What a nemesis may know when it strikes.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// How many masters there are.
    pub masters: u32,
    /// How many agents.
    pub agents: u32,
    /// How many frameworks.
    pub frameworks: u32,
    /// Until faults must end.
    pub left: Duration,
}

/// Something that keeps breaking things in one way. Stateless: what it does comes from the scene and the dice.
pub trait Nemesis: Send + Sync + fmt::Debug {
    /// Its name: that of its file.
    fn name(&self) -> &'static str;
    /// How long it rests before the next strike.
    fn rest(&self, rng: &mut Rng) -> Duration;
    /// What it does.
    fn strike(&self, scene: &Scene, rng: &mut Rng) -> Vec<Action>;
    /// Whether it breaks nothing and does what is done in a healthy cluster, too, so that it goes on for a while when faults
    /// are over. It may do nothing but what operators do.
    fn is_routine(&self) -> bool {
        false
    }
}

/// Everything that goes wrong in a run.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// At these times, counted from the start.
    pub plan: Vec<(Duration, Action)>,
    /// Whenever they like.
    pub nemeses: Vec<Arc<dyn Nemesis>>,
    /// All nemeses stop and everything is healed at this time.
    pub until: Duration,
    /// Those that are [routine](Nemesis::is_routine) go on for so long after it, and only then the cluster has to settle.
    pub routine_for: Duration,
}

/// How long a nemesis rests: exponential around `mean`, at least a tenth of it, so that strikes neither keep a beat nor
/// bunch without end.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand seconds in nanoseconds")]
fn exponential(mean: Duration, rng: &mut Rng) -> Duration {
    let factor = -libm::log(1.0 - rng.unit());
    mean / 10 + mean.mul_f64((factor * 0.9).min(10.0))
}

/// How long a fault lasts: mostly seconds, sometimes longer than any timeout of the kernel; never beyond what is left.
fn lasting(scene: &Scene, rng: &mut Rng) -> Duration {
    let secs = |low: u64, high: u64, rng: &mut Rng| Duration::from_millis(rng.between(low * 1_000, high * 1_000));
    let drawn = match rng.below(10) {
        0..5 => secs(0, 10, rng),
        5..8 => secs(10, 60, rng),
        _ => secs(60, 200, rng),
    };
    drawn.min(scene.left)
}

fn any_agent(scene: &Scene, rng: &mut Rng) -> NodeId {
    NodeId::Agent(draw_index(scene.agents, rng))
}

fn any_framework(scene: &Scene, rng: &mut Rng) -> NodeId {
    NodeId::Framework(draw_index(scene.frameworks, rng))
}

fn any_master(scene: &Scene, rng: &mut Rng) -> NodeId {
    NodeId::Master(draw_index(scene.masters, rng))
}

fn draw_index(count: u32, rng: &mut Rng) -> u32 {
    u32::try_from(rng.below(u64::from(count))).unwrap_or(0)
}

fn draw_ppm(low: u32, high: u32, rng: &mut Rng) -> u32 {
    u32::try_from(rng.between(u64::from(low), u64::from(high))).unwrap_or(high)
}
