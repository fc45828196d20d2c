//! Every offer is refused for a year, round after round, until nobody wants anything any more.

use mesos_core::Role;

use super::cluster::{self, Cluster, LARGE, YEAR, resources, with_ports16};
use super::{SIZES, Size, size};
use crate::heap;
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] =
    &[("add_agents", "ms"), ("recover", "ms"), ("cycle", "ms"), ("first_cycle", "ms"), ("bytes_per_filter", "B")];

const SATURATED: &[(&str, &str)] = &[("cycle", "ms"), ("shrunk_cycle", "ms"), ("bytes_per_filter", "B")];

/// By so many offers the parts of frameworks may differ from even ones once they have refused agents.
pub(super) const MORE: u32 = 1;

/// The first rounds, and what a round costs when everything is refused.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let first = SIZES.map(|size| {
        let rounds = if size.agents >= 50_000 { 6 } else { 20 };
        let about = "all offers refused for a year, the first 20 rounds (6 at 50,000 agents)";
        Workload::new(format!("alloc.decline.{size}"), about, PHASES, move |readings| run(size, rounds, readings))
    });
    let saturated = [size(1_000, 50), size(1_000, 200), size(5_000, 50)].map(|size| {
        let about =
            "everybody has refused everything: a round when nothing changed, and when all agents shrank a little";
        Workload::new(format!("alloc.decline.saturated.{size}"), about, SATURATED, move |readings| {
            saturate(size, readings);
        })
    });
    first.into_iter().chain(saturated).collect()
}

/// Frameworks in one role, and agents of which two thirds are used, all added and offered.
pub(super) fn partly_used(Size { agents, frameworks }: Size, used_text: &str, readings: &mut Readings) -> Cluster {
    let (total, used) = (resources(LARGE), with_ports16(used_text));
    let of = |number| (total.clone(), cluster::used(number % frameworks, &Role::any(), &used));
    let agent_facts = cluster::agents(agents, of);
    let mut cluster = Cluster::new();
    cluster.tell(cluster::frameworks(frameworks, &[], |_| Role::any()));
    readings.time("add_agents", || cluster.tell_and_serve(agent_facts));
    cluster.check_once_each(agents);
    cluster
}

pub(super) fn declining(size: Size, readings: &mut Readings) -> Cluster {
    partly_used(size, "cpus:16;mem:2014;disk:1024", readings)
}

fn run(size: Size, rounds: u32, readings: &mut Readings) {
    let mut cluster = declining(size, readings);
    cluster.check_spread(size.agents, size.frameworks);
    let before = heap::held();
    for round in 0..rounds {
        readings.time("recover", || cluster.hand_back(Some(YEAR)));
        readings.time("cycle", || cluster.batch());
        cluster.check_spread_within(size.agents, size.frameworks, MORE);
        if let Some(first) = readings.last("cycle").filter(|_| round == 0) {
            readings.note("first_cycle", first);
        }
    }
    note_memory(&cluster, before, readings);
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
pub(super) fn note_memory(cluster: &Cluster, before: usize, readings: &mut Readings) {
    let grown = heap::held().saturating_sub(before);
    readings.note("bytes_per_filter", grown as f64 / cluster.allocator.filter_count() as f64);
}

fn saturate(size: Size, readings: &mut Readings) {
    let mut cluster = declining(size, &mut Readings::default());
    let before = heap::held();
    refuse_all(&mut cluster, |_, _| {});
    note_memory(&cluster, before, readings);
    for _ in 0..5 {
        readings.time("cycle", || cluster.batch());
        assert!(cluster.offers.is_empty(), "everything was refused");
    }
    time_shrunk(size, &mut cluster, "shrunk_cycle", readings);
}

/// Refuses until there are no offers any more; tells each round's time.
pub(super) fn refuse_all(cluster: &mut Cluster, mut round: impl FnMut(f64, f64)) {
    while !cluster.offers.is_empty() {
        let (recover, ()) = crate::measure::thread_time(|| cluster.hand_back(Some(YEAR)));
        let (cycle, ()) = crate::measure::thread_time(|| cluster.batch());
        round(recover.as_secs_f64() * 1e3, cycle.as_secs_f64() * 1e3);
    }
}

/// Every agent has less than what was refused of it, so every pair of agent and framework must be judged anew, to no avail.
pub(super) fn time_shrunk(size: Size, cluster: &mut Cluster, phase: &'static str, readings: &mut Readings) {
    for step in 1..=3_u32 {
        let total = resources(&format!("cpus:24;mem:{};disk:4096;ports:[31000-32000]", 4_096 - step));
        cluster.tell((0..size.agents).map(|agent| mesos_core::provider::Fact::AgentResized {
            agent: mesos_core::provider::AgentKey(agent),
            total: total.clone(),
        }));
        readings.time(phase, || cluster.batch());
        assert!(cluster.offers.is_empty(), "everything was refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_stay_even_while_refusals_pile_up() {
        run(size(1_000, 50), 20, &mut Readings::default());
        run(size(1_000, 200), 20, &mut Readings::default());
    }
}
