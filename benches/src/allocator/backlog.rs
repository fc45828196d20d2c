//! Every framework wants its offers again while all agents are in offers already.

use std::collections::BTreeSet;

use mesos_core::Role;
use mesos_core::provider::{Fact, FrameworkKey};

use super::cluster::{self, Cluster, LARGE, resources};
use super::{SIZES, Size};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] = &[("add_agents", "ms"), ("revive", "ms")];

/// All sizes.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let about = "all agents are offered, then every framework revives";
    let of = |size| Workload::new(format!("alloc.backlog.{size}"), about, PHASES, move |found| run(size, found));
    SIZES.map(of).into()
}

fn run(Size { agents, frameworks }: Size, readings: &mut Readings) {
    let total = resources(LARGE);
    let agent_facts = cluster::agents(agents, |_| (total.clone(), Vec::new()));
    let mut cluster = Cluster::new();
    cluster.tell(cluster::frameworks(frameworks, &[], |_| Role::any()));
    readings.time("add_agents", || cluster.tell_and_serve(agent_facts));
    cluster.check_spread(agents, frameworks);
    let revived = |number| Fact::RolesRevived { framework: FrameworkKey(number), roles: BTreeSet::new() };
    let facts: Vec<Fact> = (0..frameworks).map(revived).collect();
    readings.time("revive", || cluster.tell_and_serve(facts));
    cluster.check_spread(agents, frameworks);
}
