//! Everything free, handed out, handed back: with all frameworks in one role, and with a role for each.

use mesos_core::Role;

use super::cluster::{self, Cluster, LARGE, resources};
use super::{SIZES, Size};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] =
    &[("add_agents", "ms"), ("add_frameworks", "ms"), ("cycle", "ms"), ("recover", "ms"), ("idle_cycle", "ms")];

/// Both kinds in all sizes.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let one = SIZES.map(|size| {
        let about = "all free, all frameworks in one role";
        Workload::new(format!("alloc.full_cycle.one_role.{size}"), about, PHASES, move |readings| {
            run(size, |_| Role::any(), readings);
        })
    });
    let each = SIZES.map(|size| {
        let about = "all free, a role for each framework";
        Workload::new(format!("alloc.full_cycle.role_each.{size}"), about, PHASES, move |readings| {
            run(size, own_role, readings);
        })
    });
    one.into_iter().chain(each).collect()
}

pub(super) fn own_role(number: u32) -> Role {
    cluster::role(&format!("role{number}"))
}

pub(super) fn run(Size { agents, frameworks }: Size, role_of: fn(u32) -> Role, readings: &mut Readings) {
    let total = resources(LARGE);
    let agent_facts = cluster::agents(agents, |_| (total.clone(), Vec::new()));
    let framework_facts = cluster::frameworks(frameworks, &[], role_of);
    let mut cluster = Cluster::new();
    readings.time("add_agents", || cluster.tell_and_serve(agent_facts));
    readings.time("add_frameworks", || cluster.tell(framework_facts));
    for round in 0..6 {
        if round > 0 {
            readings.time("recover", || cluster.hand_back(None));
        }
        readings.time("cycle", || cluster.batch());
        cluster.check_spread(agents, frameworks);
    }
    for _ in 0..3 {
        readings.time("idle_cycle", || cluster.batch());
    }
    cluster.check_spread(agents, frameworks);
}
