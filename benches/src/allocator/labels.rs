//! As declining, with agents that carry two reservations, told apart by a dozen labels each.

use mesos_core::id::Principal;
use mesos_core::resource::{Label, Labels, Reservation, Reservations, Resource, Scalar};
use mesos_core::{Resources, Role};

use super::cluster::{self, Cluster, LARGE, YEAR, resources, with_ports16};
use super::decline::MORE;
use super::{SIZES, Size};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] = &[("add_agents", "ms"), ("recover", "ms"), ("cycle", "ms")];

/// All sizes up to 10,000 agents and 500 frameworks.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let about = "all offers refused for a year, five rounds; used resources carry labelled reservations";
    let of = |size| Workload::new(format!("alloc.labels.{size}"), about, PHASES, move |found| run(size, found));
    SIZES[..4].iter().copied().map(of).collect()
}

/// Eight cores reserved at run time; the first of a pair has two labels more, of its own.
fn reserved(role: &Role, agent: Option<u32>) -> Resource {
    let common = (0..=10).map(|key| (format!("key{key}"), format!("value{key}")));
    let own = agent
        .into_iter()
        .flat_map(|agent| (1..=2).map(move |key| (format!("unique_key_{key}"), format!("value_{agent}"))));
    let label = |(key, value)| Label { key, value: Some(value) };
    let labels: Labels = common.chain(own).map(label).collect();
    let principal = Principal::new("principal1").expect("a principal");
    let reservation = Reservation::dynamic(role.clone(), Some(principal)).with_labels(labels);
    Resource::cpus(Scalar::from_units(8)).with_reservations(Reservations::new([reservation]).expect("a stack"))
}

fn run(Size { agents, frameworks }: Size, readings: &mut Readings) {
    let role = cluster::role("role1");
    let (all, plain_used) = (resources(LARGE), with_ports16("mem:2014;disk:1024"));
    let agent_facts = cluster::agents(agents, |number| {
        let mut reservations = Resources::new();
        for entry in [reserved(&role, Some(number)), reserved(&role, None)] {
            reservations.add(entry).expect("a valid entry");
        }
        let used = &plain_used + &reservations;
        let total = &(&all - &resources("cpus:16")) + &reservations;
        (total, cluster::used(number % frameworks, &role, &used))
    });
    let mut cluster = Cluster::new();
    cluster.tell(cluster::frameworks(frameworks, &[], |_| cluster::role("role1")));
    readings.time("add_agents", || cluster.tell_and_serve(agent_facts));
    cluster.check_spread(agents, frameworks);
    for _ in 0..5 {
        readings.time("recover", || cluster.hand_back(Some(YEAR)));
        readings.time("cycle", || cluster.batch());
        cluster.check_spread_within(agents, frameworks, MORE);
    }
}

#[cfg(test)]
mod tests {
    use super::super::size;
    use super::*;

    #[test]
    fn offers_stay_even_where_reservations_are_told_apart() {
        run(size(1_000, 50), &mut Readings::default());
        run(size(1_000, 200), &mut Readings::default());
    }
}
