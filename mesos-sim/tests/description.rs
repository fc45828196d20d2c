//! What a described cluster is from its first moment on: what roles weigh, what is reserved to them, what agents say of
//! themselves. Simulated here; live with the feature `live`.

use std::collections::BTreeMap;

use mesos_sched::master::Master;
use mesos_sim::workload::Sleepers;
use mesos_sim::{Cluster, InvalidCluster, Simulation, secs};

fn leader(run: &Simulation) -> &Master {
    let masters = run.world().masters().filter_map(|view| view.machine);
    masters.into_iter().find(|machine| machine.leading().is_some()).expect("one leads")
}

/// How many tasks each framework has by its name.
fn tasks(run: &Simulation) -> BTreeMap<String, usize> {
    leader(run).frameworks().map(|framework| (framework.info.name.to_string(), framework.tasks)).collect()
}

fn rivals() -> Cluster {
    let work = || Sleepers::new(10_000, secs(7)).boxed();
    Cluster::builder().agents(4, "cpus:4;mem:4096").service("light", work).service("heavy", work)
}

/// Seconds of tasks of each framework in a minute.
fn shares(cluster: &Cluster) -> (usize, usize) {
    let mut run = cluster.simulate(1).unwrap();
    let (mut light, mut heavy) = (0, 0);
    for second in 30..90 {
        run.run_until(secs(second)).unwrap();
        let now = tasks(&run);
        light += now["light"];
        heavy += now["heavy"];
    }
    (light, heavy)
}

#[test]
fn roles_share_by_their_weights() {
    let (light, heavy) = shares(&rivals());
    assert!((light * 8..light * 12).contains(&(heavy * 10)), "alike they get alike, not {light} and {heavy}");
    let (light, heavy) = shares(&rivals().weight("heavy", 3.0));
    assert!((light * 2..light * 4).contains(&heavy), "three times as much, not {light} and {heavy}");
}

#[test]
fn weights_outlive_a_leader_and_options_that_come_later() {
    let mut options = mesos_sched::master::Options::default();
    options.offer_timeout = Some(secs(30));
    let cluster = rivals().weight("heavy", 3.0).master_options(options).masters(2).crash_leader_at(secs(5));
    let mut run = cluster.simulate(2).unwrap();
    run.run_until(secs(60)).unwrap();
    let weights: Vec<_> =
        leader(&run).registry().weights().iter().map(|(role, weight)| (role.as_str(), weight)).collect();
    assert_eq!(weights.iter().map(|(role, weight)| (*role, weight.as_milli())).collect::<Vec<_>>(), [("heavy", 3_000)]);
}

#[test]
fn what_is_reserved_from_the_start_is_for_its_role() {
    let batch = || Sleepers::new(10, secs(5)).boxed();
    let web = || Sleepers::new(10, secs(5)).needing("cpus(web):1;mem(web):128".parse().unwrap()).boxed();
    let cluster = Cluster::builder()
        .agents_with(1, "cpus(web):2;mem(web):1024", "rack:r1")
        .service("batch", batch)
        .framework("web", web);
    let mut run = cluster.simulate(3).unwrap();
    let report = run.run_until_done(secs(300)).unwrap();
    assert_eq!((report.tasks("FINISHED"), report.launched()), (10, 10), "the other framework got nothing");
    let agent = leader(&run).agents().next().unwrap();
    assert_eq!(agent.info.attributes.to_string(), "rack:r1");
}

#[test]
fn weights_that_are_none_are_refused() {
    let refused = |cluster: Cluster| cluster.simulate(1).unwrap_err();
    assert!(matches!(refused(Cluster::builder().weight("web", 0.0)), InvalidCluster::Weight(_)));
    assert!(matches!(refused(Cluster::builder().weight("a//b", 1.0)), InvalidCluster::Role(_)));
}

#[cfg(feature = "live")]
#[tokio::test]
async fn a_live_cluster_begins_with_the_same_weights_and_reservations() {
    let cluster = Cluster::builder().weight("web", 2.5).agents_with(1, "cpus(web):1;cpus:1;mem:64", "rack:r1");
    let live = cluster.live(mesos_sim::LiveOptions::new()).await.unwrap();
    let seen = |master: &Master| {
        let weights: Vec<_> = master.registry().weights().values().map(|weight| weight.as_milli()).collect();
        let agents = master.agents().map(|agent| (agent.total.to_string(), agent.info.attributes.to_string()));
        (weights, agents.collect::<Vec<_>>())
    };
    let registered = async {
        loop {
            match live.inspect(seen).await {
                Some((weights, agents)) if !agents.is_empty() => return (weights, agents),
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let (weights, agents) = tokio::time::timeout(secs(60), registered).await.expect("the agent registers");
    assert_eq!(weights, [2_500]);
    assert_eq!(agents.len(), 1);
    let (total, attributes) = &agents[0];
    assert!(total.contains("cpus(web):1") && attributes == "rack:r1", "{total} {attributes}");
    live.shutdown().await.unwrap();
}
