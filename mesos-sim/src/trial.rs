//! An author's framework in a cluster that goes wrong, as a test of one line.
//!
//! ```
//! # use mesos_sim::workload::Sleepers;
//! # use mesos_sim::secs;
//! mesos_sim::cluster_test! {
//!     /// My framework gets its work done, whatever happens to the cluster.
//!     fn my_framework_survives(agents = 1_000) { Sleepers::new(200, secs(20)).boxed() }
//! }
//! # fn main() { mesos_sim::Trial::new("doc", || Sleepers::new(20, secs(20)).boxed()).agents(50).run(); }
//! ```
//!
//! It runs the production master, allocator, agents and driver in virtual time, under faults drawn from a seed: crashes with
//! kept, lost and torn disks, partitions, lost and repeated messages, slow and full disks, pauses, clocks that jump and drift,
//! containers and executors that die, agents and masters of earlier versions, and operators at the worst moment: weights, quotas,
//! reservations, drains, maintenance, agents marked as gone. All properties are checked after every step; once the faults are over
//! the framework has to finish. A failure prints the seed, the smallest run that was found to fail in the same way, and how
//! to see it again: `MESOS_SIM_SEED=<seed>` runs exactly that seed, `MESOS_SIM_SEEDS=<count>` runs more of them.
//!
//! The same seed is the same run, so a test that passed passes again: there is no flakiness to be tolerated.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::{FrameworkInfo, Role, Scheduler};

use crate::cluster::{Cluster, SchedulerFactory, secs};
use crate::failure::Failure;
use crate::fault::Faults;
use crate::report::Report;
use crate::shrink::{Reduction, shrink};
use crate::swarm::forget_some;

/// Runs the seed named here, and no other.
pub const SEED_ENV: &str = "MESOS_SIM_SEED";
/// Runs so many seeds.
pub const SEEDS_ENV: &str = "MESOS_SIM_SEEDS";

/// The random stream of who is of an earlier version.
const VERSIONS_STREAM: u64 = 14;
/// Of a million updates of early agents so many say as the newest state one that has passed.
const STALE_PPM: u32 = 100_000;

/// Runs that are tried to make a failing one small.
const SHRINK_RUNS_MAX: u32 = 60;

/// A framework on trial.
#[derive(Clone)]
pub struct Trial {
    name: String,
    scheduler: SchedulerFactory,
    info: FrameworkInfo,
    agents: usize,
    resources: String,
    seeds: u64,
    faults_for: Duration,
    is_finite: bool,
    shape: Arc<dyn Fn(Cluster) -> Cluster + Send + Sync>,
}

impl Trial {
    /// A framework of this name, which is also its role, on 100 agents of 8 cores, with faults for a minute, with one seed.
    ///
    /// # Panics
    /// When the name cannot be a role.
    #[must_use]
    pub fn new(name: &str, scheduler: impl Fn() -> Box<dyn Scheduler> + Send + Sync + 'static) -> Self {
        let role = Role::new(name).unwrap_or_else(|invalid| panic!("the name {name:?} is also the role: {invalid}"));
        Self {
            name: name.to_owned(),
            scheduler: Arc::new(scheduler),
            info: FrameworkInfo::new(name, role),
            agents: 100,
            resources: "cpus:8;mem:16384;disk:65536;ports:[31000-31999]".to_owned(),
            seeds: 1,
            faults_for: secs(60),
            is_finite: true,
            shape: Arc::new(|cluster| cluster),
        }
    }

    /// On so many agents.
    #[must_use]
    pub const fn agents(mut self, count: usize) -> Self {
        self.agents = count;
        self
    }

    /// Each with these resources.
    #[must_use]
    pub fn resources(mut self, resources: &str) -> Self {
        resources.clone_into(&mut self.resources);
        self
    }

    /// Described like this instead of by its name alone.
    #[must_use]
    pub fn info(mut self, info: FrameworkInfo) -> Self {
        self.info = info;
        self
    }

    /// With so many seeds, each of them another story.
    #[must_use]
    pub const fn seeds(mut self, count: u64) -> Self {
        self.seeds = count;
        self
    }

    /// Faults happen for so long; zero for a healthy cluster.
    #[must_use]
    pub const fn faults_for(mut self, time: Duration) -> Self {
        self.faults_for = time;
        self
    }

    /// Its work has no end: it is enough that it is subscribed and nothing is lost when the faults are over.
    #[must_use]
    pub const fn service(mut self) -> Self {
        self.is_finite = false;
        self
    }

    /// Changes the cluster before it is built: other frameworks beside this one, other options, faults of one's own.
    #[must_use]
    pub fn shaped(mut self, shape: impl Fn(Cluster) -> Cluster + Send + Sync + 'static) -> Self {
        self.shape = Arc::new(shape);
        self
    }

    /// The cluster of a seed.
    #[must_use]
    pub fn cluster(&self, seed: u64) -> Cluster {
        let (scheduler, info) = (self.scheduler.clone(), self.info.clone());
        let cluster = Cluster::builder()
            .masters(3)
            .agents(self.agents, &self.resources)
            .framework_as(info, move || scheduler())
            .checked();
        let mut cluster = if self.is_finite { cluster } else { cluster.serving() };
        let roles: Vec<Role> = self.info.roles.iter().cloned().collect();
        cluster.conditions_mut().faults = Faults::standard(seed, self.agents, &roles, self.faults_for);
        cluster.conditions_mut().is_tidied = true;
        if !self.faults_for.is_zero() {
            mix_versions(seed, &mut cluster);
        }
        (self.shape)(cluster)
    }

    /// Runs one seed.
    ///
    /// # Errors
    /// When a property is broken, an assertion fails, or the framework does not come to its end.
    pub fn attempt(&self, seed: u64) -> Result<Report, Failure> {
        self.cluster(seed).attempt(seed)
    }

    /// Runs its seeds, or those the environment names.
    ///
    /// # Panics
    /// At the first seed that fails, with what is needed to understand it; and when the environment makes no sense.
    pub fn run(&self) -> Vec<Report> {
        self.run_these(setting(SEED_ENV), setting(SEEDS_ENV))
    }

    fn run_these(&self, only: Option<u64>, count: Option<u64>) -> Vec<Report> {
        let seeds = only.map_or_else(|| 0..count.unwrap_or(self.seeds), |seed| seed..seed.saturating_add(1));
        seeds
            .map(|seed| match self.attempt(seed) {
                Ok(report) => report,
                Err(failure) => panic!("{}", self.explain(seed, &failure)),
            })
            .collect()
    }

    /// What is needed to understand a failure.
    fn explain(&self, seed: u64, failure: &Failure) -> String {
        let mut text = format!("{} fails with seed {seed}: {} at {}\n", self.name, failure.property, failure.at);
        let _ = writeln!(text, "  {}", failure.message);
        let build = |left: &Reduction| left.apply(self.cluster(seed));
        if let Some(small) = shrink(seed, SHRINK_RUNS_MAX, &build, &mut |_, _| {}) {
            let plan = small.reduction.plan.as_deref().unwrap_or_default();
            let agents = small.reduction.agents.as_ref().map_or(self.agents, Vec::len);
            let _ = writeln!(
                text,
                "  it still fails with {agents} agents and {} of {} faults:",
                plan.len(),
                small.faults_before
            );
            for planned in plan {
                let _ = writeln!(text, "    {:>9.3} s  {}", planned.after.as_secs_f64(), planned.action);
            }
        }
        let _ = write!(text, "  to see it again: {SEED_ENV}={seed} cargo test <this test>");
        text
    }
}

/// Some agents are of earlier versions: they know less, and some say of a task what is over already. The first one is new.
fn mix_versions(seed: u64, cluster: &mut Cluster) {
    let mut dice = Rng::of_node(seed, VERSIONS_STREAM);
    for agent in cluster.spec_mut().agents.iter_mut().skip(1) {
        forget_some(&mut dice, &mut agent.info);
    }
    cluster.conditions_mut().stale_latest_ppm = if dice.chance(500_000) { STALE_PPM } else { 0 };
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trial").field("name", &self.name).field("agents", &self.agents).finish_non_exhaustive()
    }
}

/// A number from the environment. This is the one place of the library that reads it: tests have no other arguments.
#[allow(clippy::disallowed_methods, reason = "only a test asks, and the seed it names is printed with every failure")]
pub(crate) fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.trim().parse().unwrap_or_else(|_| panic!("{name} is {text:?}, and should be a number")))
}

/// Tests of frameworks: `fn name(agents = 1_000, seeds = 4) { a boxed scheduler }`, one or more of them.
///
/// Each becomes a `#[test]` of this name that runs the scheduler in a [`Trial`]; settings are the [`Trial`]'s methods. See
/// the [module](crate::trial).
#[macro_export]
macro_rules! cluster_test {
    ($($(#[$attribute:meta])* fn $name:ident($($setting:ident = $value:expr),* $(,)?) $scheduler:block)+) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $name() {
                let name = stringify!($name).replace('_', "-");
                let _ = $crate::Trial::new(&name, || $scheduler)$(.$setting($value))*.run();
            }
        )+
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Sleepers;

    cluster_test! {
        /// The whole of an author's test.
        fn sleepers_survive(agents = 40, seeds = 3) { Sleepers::new(60, secs(20)).boxed() }
    }

    #[test]
    fn a_framework_that_cannot_work_is_reported_with_its_seed_and_a_small_run() {
        let needy = || Sleepers::new(1, secs(1)).needing("cpus:99".parse().unwrap()).boxed();
        let trial = Trial::new("needy", needy).agents(3).faults_for(secs(20));
        let failed =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| trial.run_these(Some(7), None))).unwrap_err();
        let text = failed.downcast_ref::<String>().unwrap();
        for part in ["needy fails with seed 7: liveness", "it still fails with 1 agents and 0 of", "MESOS_SIM_SEED=7"] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn seeds_are_different_stories_and_each_is_always_the_same() {
        let trial = Trial::new("batch", || Sleepers::new(10, secs(20)).boxed()).agents(10);
        let digests = |seed| trial.attempt(seed).unwrap().digest;
        assert_eq!(digests(1), digests(1));
        assert_ne!(digests(1), digests(2));
    }
}
