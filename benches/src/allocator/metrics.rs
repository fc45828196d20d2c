//! A quota on every role, agents come and are offered within it, then everything the allocator can tell is read.

use mesos_core::Quota;
use mesos_core::provider::Fact;

use super::cluster::{self, Cluster, resources};
use super::{SIZES, Size};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] =
    &[("set_quota", "ms"), ("add_frameworks", "ms"), ("add_agents", "ms"), ("metrics_snapshot", "ms")];

/// All sizes up to 10,000 agents and 500 frameworks.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let about = "a quota and a framework for every role, agents that are offered within it, a snapshot of all views";
    let of = |size| Workload::new(format!("alloc.metrics.{size}"), about, PHASES, move |found| run(size, found));
    SIZES[..4].iter().copied().map(of).collect()
}

fn run(Size { agents, frameworks }: Size, readings: &mut Readings) {
    let quota = Quota::exactly("cpus:1;mem:512;disk:256".parse().expect("amounts")).expect("a quota");
    let role_of = |number: u32| cluster::role(&number.to_string());
    let quotas: Vec<Fact> =
        (0..frameworks).map(|number| Fact::QuotaSet { role: role_of(number), quota: quota.clone() }).collect();
    let framework_facts = cluster::frameworks(frameworks, &[], role_of);
    let total = resources("cpus:16;mem:2048;disk:1024");
    let agent_facts = cluster::agents(agents, |_| (total.clone(), Vec::new()));
    let mut cluster = Cluster::new();
    readings.time("set_quota", || cluster.tell_and_serve(quotas));
    readings.time("add_frameworks", || cluster.tell_and_serve(framework_facts));
    readings.time("add_agents", || cluster.tell_and_serve(agent_facts));
    let cores: i64 = cluster.offers.iter().map(|offer| offer.resources.cpus().as_milli()).sum();
    assert_eq!(cores, i64::from(frameworks) * 1_000, "every role is offered what it may have");
    for _ in 0..5 {
        let read = readings.time("metrics_snapshot", || {
            let allocator = &cluster.allocator;
            let roles: usize = allocator.shares().iter().map(|role| role.frameworks.len()).sum();
            roles + allocator.quotas().len() + allocator.filter_count() + allocator.total().iter().count()
        });
        assert!(read >= frameworks as usize, "every framework is in the views");
    }
}
