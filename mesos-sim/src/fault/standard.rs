//! The standard mix of faults for a cluster of any size: what a framework has to bear, drawn from a seed.
//!
//! Every kind of fault takes part, each at a pace of its own, so that seeds are different stories. Agents are as many as they
//! like: a nemesis hits one at a time, and how often it does grows with their number, up to a bound.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::Role;
use mesos_core::kernel::Rng;

use super::{
    BehaviourNemesis, ClogNemesis, ContainerNemesis, CrashNemesis, DiskNemesis, DriftNemesis, DuplicateNemesis,
    ExecutorNemesis, Faults, FlapNemesis, LossNemesis, MaintenanceNemesis, MastersNemesis, Nemesis, OperatorNemesis,
    PartitionNemesis, PauseNemesis, Removal, ResetNemesis, SkewNemesis, StoreNemesis, TripNemesis, UpkeepNemesis,
    VersionNemesis,
};

/// The random stream standard faults are drawn from.
const STANDARD_STREAM: u64 = 6;
/// With more agents than this, faults come no more often.
const CROWD_MAX: u64 = 200;

impl Faults {
    /// Everything that can go wrong, until `until`, in a cluster of so many agents; nothing if that is zero. Operators act on
    /// these roles: they set weights and quotas, reserve, drain, and mark agents as gone. No framework is removed: one that an
    /// operator ended would have nothing left to show; and none becomes an earlier version: its author alone knows of any.
    #[must_use]
    pub fn standard(seed: u64, agents: usize, roles: &[Role], until: Duration) -> Self {
        if until.is_zero() {
            return Self::default();
        }
        let mut dice = Rng::of_node(seed, STANDARD_STREAM);
        let crowd = (agents as u64).clamp(10, CROWD_MAX);
        let mut every = |often: bool| {
            let most = if often { 200_000 / crowd } else { 60_000 };
            Duration::from_millis(dice.between(most / 4, most))
        };
        let nemeses: Vec<Arc<dyn Nemesis>> = vec![
            Arc::new(CrashNemesis { every: every(true), disk_ppm: 100_000 }),
            Arc::new(TripNemesis { every: every(true) }),
            Arc::new(PartitionNemesis { every: every(true) }),
            Arc::new(ContainerNemesis { every: every(true) }),
            Arc::new(PauseNemesis { every: every(false) }),
            Arc::new(ClogNemesis { every: every(false) }),
            Arc::new(LossNemesis { every: every(false) }),
            Arc::new(DuplicateNemesis { every: every(false) }),
            Arc::new(ResetNemesis { every: every(false) }),
            Arc::new(FlapNemesis { every: every(false) }),
            Arc::new(StoreNemesis { every: every(false) }),
            Arc::new(DiskNemesis { every: every(false) }),
            Arc::new(SkewNemesis { every: every(false) }),
            Arc::new(DriftNemesis { every: every(false) }),
            Arc::new(MaintenanceNemesis { every: every(false) }),
            Arc::new(ExecutorNemesis { every: every(true) }),
        ];
        let operator = OperatorNemesis { every: every(false), roles: roles.to_vec(), removes: Removal::Agents };
        let masters = MastersNemesis { every: every(false) };
        let behaviour = BehaviourNemesis { every: every(true) };
        let version = VersionNemesis { every: every(false), are_frameworks_hit: false };
        let upkeep = UpkeepNemesis { every: every(false), roles: roles.to_vec(), retires: true };
        let operators: [Arc<dyn Nemesis>; 2] = [Arc::new(operator), Arc::new(upkeep)];
        let operators = operators.into_iter().filter(|_| !roles.is_empty());
        let others: [Arc<dyn Nemesis>; 3] = [Arc::new(masters), Arc::new(behaviour), Arc::new(version)];
        let nemeses = nemeses.into_iter().chain(others).chain(operators).collect();
        Self { plan: Vec::new(), nemeses, until, routine_for: Duration::ZERO }
    }
}
