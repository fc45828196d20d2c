//! The simulator at work: a thousand agents, a framework, a failover, the standard faults.

use mesos_sim::workload::Sleepers;
use mesos_sim::{Cluster, Report, Trial, secs};

/// A healthy cluster at work for so many virtual seconds; the steps are in the report.
///
/// # Panics
/// When the simulation fails: a defect.
#[must_use]
pub fn steady(agents: usize, tasks: u32, for_secs: u64) -> Report {
    let cluster = Cluster::builder()
        .agents(agents, "cpus:16;mem:65536")
        .framework("batch", move || Sleepers::new(tasks, secs(20)).boxed());
    let mut simulation = cluster.simulate(7).expect("a valid cluster");
    simulation.run_until(secs(for_secs)).expect("a healthy run");
    simulation.report()
}

/// The unit test of a framework's author: a thousand agents, three masters, the leader lost in the middle.
///
/// # Panics
/// When the work is not done: a defect.
#[must_use]
pub fn failover(agents: usize, tasks: u32) -> Report {
    let cluster = Cluster::builder()
        .masters(3)
        .agents(agents, "cpus:8;mem:16384")
        .framework("batch", move || Sleepers::new(tasks, secs(20)).boxed())
        .crash_leader_at(secs(15));
    let report = cluster.simulate(7).expect("a valid cluster").run_until_done(secs(600)).expect("a run that ends");
    assert_eq!(report.tasks("FINISHED"), u64::from(tasks), "{report}");
    report
}

/// What one seed of a `cluster_test!` runs: a framework of 200 tasks, a minute of the standard faults, all checks.
///
/// # Panics
/// When the seed fails: a defect.
#[must_use]
pub fn trial(agents: usize, seed: u64) -> Report {
    let trial = Trial::new("batch", || Sleepers::new(200, secs(20)).boxed()).agents(agents);
    trial.attempt(seed).unwrap_or_else(|failure| panic!("{failure}"))
}
