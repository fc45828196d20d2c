//! Clusters in which everybody is offered everything: under faults, nothing is ever used twice and all work gets done.
//!
//! Schwarzkopf et al., "Omega: flexible, scalable schedulers for large compute clusters", EuroSys 2013.

use mesos_core::provider::Transactions;
use mesos_sched::allocator::{Options, Policy};
use mesos_sim::workload::Sleepers;
use mesos_sim::{Cluster, Report, secs};

fn shared(transactions: Transactions) -> Options {
    Options { policy: Policy::SharedState(transactions), ..Options::default() }
}

/// Three frameworks that each could fill the cluster.
fn contention(transactions: Transactions) -> Cluster {
    Cluster::builder()
        .masters(3)
        .drf(shared(transactions))
        .agents(8, "cpus:4;mem:4096")
        .framework("a", || Sleepers::new(60, secs(5)).boxed())
        .framework("b", || Sleepers::new(60, secs(5)).boxed())
        .framework("c", || Sleepers::new(60, secs(5)).boxed())
        .checked()
}

fn finished(report: &Report) -> u64 {
    report.tasks("FINISHED")
}

#[test]
fn everybody_works_at_once_and_conflicts_are_no_loss() {
    for transactions in [Transactions::Incremental, Transactions::AllOrNothing] {
        let mut simulation = contention(transactions).simulate(3).unwrap();
        let report = simulation.run_until_done(secs(3_600)).unwrap();
        assert_eq!(finished(&report), 180, "{transactions:?}");
        let masters = simulation.world().masters().filter_map(|master| master.machine);
        let conflicts: u64 = masters.map(|master| master.counters().conflicts).sum();
        assert!(conflicts > 0, "{transactions:?}: nobody met anybody");
    }
}

#[test]
fn a_crashed_leader_and_lost_messages_change_nothing_about_it() {
    for seed in 0..12 {
        let cluster = contention(Transactions::Incremental).crash_leader_at(secs(7)).loss(20_000, secs(30));
        let cluster = cluster.crash_framework_at(secs(12), 1).crash_agent_at(secs(9), 3);
        let report = cluster.simulate(seed).unwrap().run_until_done(secs(3_600)).unwrap();
        assert!(finished(&report) >= 180, "seed {seed}: {}", finished(&report));
    }
}

#[test]
fn random_clusters_keep_every_promise_in_shared_state_too() {
    for seed in 0..60 {
        let transactions = if seed % 2 == 0 { Transactions::Incremental } else { Transactions::AllOrNothing };
        let run = Cluster::swarm(seed).drf(shared(transactions)).checked().simulate(seed).unwrap().run();
        run.unwrap_or_else(|failure| panic!("{failure}"));
    }
}
