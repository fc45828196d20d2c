//! Larger clusters, quotas everywhere, and storms of refusals: figures without a counterpart in the comparison.

use std::collections::BTreeSet;

use mesos_core::Role;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey};

use super::cluster::{self, Cluster, LARGE, resources};
use super::full_cycle::own_role;
use super::{Size, decline, full_cycle, quota, size};
use crate::heap;
use crate::measure::Readings;
use crate::workload::Workload;

const FREE: &[(&str, &str)] = &[("cycle", "ms"), ("recover", "ms"), ("add_agents", "ms"), ("add_frameworks", "ms")];
const QUOTA: &[(&str, &str)] = &[("", "times")];
const STORM: &[(&str, &str)] = &[
    ("first", "ms"),
    ("median", "ms"),
    ("last", "ms"),
    ("recover_first", "ms"),
    ("recover_median", "ms"),
    ("recover_last", "ms"),
    ("growth", "times"),
    ("recover_growth", "times"),
    ("bytes_per_filter", "B"),
];
const FILTERED: &[(&str, &str)] = &[("cycle", "ms"), ("shrunk_cycle", "ms"), ("revive_cycle", "ms")];

/// All of them.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let free = [size(20_000, 2_000), size(100_000, 10_000)].map(|size| {
        let about = "all free, all frameworks in one role";
        Workload::new(format!("alloc.free.{size}"), about, FREE, move |found| {
            full_cycle::run(size, |_| Role::any(), found);
        })
    });
    let everywhere = Workload::new(
        "alloc.quota_everywhere.10000x500",
        "a round that gives everything with a quota on every role, compared to the same round without",
        QUOTA,
        |found| quota_everywhere(size(10_000, 500), found),
    );
    let storm = Workload::new(
        "alloc.decline_storm.10000x1000",
        "every offer refused for a year until nobody wants anything: rounds, hand backs, memory",
        STORM,
        |found| storm(size(10_000, 1_000), found),
    );
    let storm = storm.runs(1);
    let filtered = [size(1_000, 200), size(10_000, 1_000)].map(|size| {
        let about = "everybody has refused everything: nothing changed; all agents shrank; a framework revived";
        Workload::new(format!("alloc.filtered.{size}"), about, FILTERED, move |found| filtered(size, found)).runs(1)
    });
    free.into_iter().chain([everywhere, storm]).chain(filtered).collect()
}

fn quota_everywhere(size: Size, readings: &mut Readings) {
    let with = everywhere(size, true);
    let without = everywhere(size, false);
    readings.note("", with / without);
}

/// The median round that gives all agents to roles of equal right.
fn everywhere(Size { agents, frameworks }: Size, has_quota: bool) -> f64 {
    let total = resources(LARGE);
    let mut cluster = Cluster::new();
    cluster.tell(cluster::agents(agents, |_| (total.clone(), Vec::new())));
    cluster.tell(cluster::frameworks(frameworks, &[], own_role));
    if has_quota {
        let each = agents / frameworks;
        let quota = quota::exactly(&format!("cpus:{};mem:{};disk:{}", 24 * each, 4_096 * each, 4_096 * each));
        cluster.tell((0..frameworks).map(|number| Fact::QuotaSet { role: own_role(number), quota: quota.clone() }));
    }
    let mut found = Readings::default();
    for _ in 0..15 {
        cluster.hand_back(None);
        found.time("cycle", || cluster.batch());
        cluster.check_spread(agents, frameworks);
    }
    found.spread("cycle").map_or(0.0, |spread| spread.median)
}

fn storm(size: Size, readings: &mut Readings) {
    let mut cluster = decline::declining(size, &mut Readings::default());
    let before = heap::held();
    let (mut recovers, mut cycles) = (Vec::new(), Vec::new());
    decline::refuse_all(&mut cluster, |recover, cycle| {
        recovers.push(recover);
        cycles.push(cycle);
    });
    decline::note_memory(&cluster, before, readings);
    // The last round gave nothing; the one before gave the last offers.
    cycles.pop();
    let phases =
        [("first", "median", "last", "growth"), ("recover_first", "recover_median", "recover_last", "recover_growth")];
    for (values, (first, median, last, growth)) in [&cycles, &recovers].into_iter().zip(phases) {
        readings.note(first, values[0]);
        readings.note(last, values[values.len() - 1]);
        readings.note(median, middle(values));
        readings.note(growth, growth_of(values));
    }
}

/// How many times as much the last tenth of the rounds takes as the first.
fn growth_of(values: &[f64]) -> f64 {
    let tenth = values.len().div_ceil(10);
    middle(&values[values.len() - tenth..]) / middle(&values[..tenth])
}

fn middle(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn filtered(size: Size, readings: &mut Readings) {
    let mut cluster = decline::declining(size, &mut Readings::default());
    decline::refuse_all(&mut cluster, |_, _| {});
    for _ in 0..3 {
        readings.time("cycle", || cluster.batch());
    }
    decline::time_shrunk(size, &mut cluster, "shrunk_cycle", readings);
    for number in 0..3 {
        cluster.tell([Fact::RolesRevived { framework: FrameworkKey(number), roles: BTreeSet::new() }]);
        readings.time("revive_cycle", || cluster.batch());
        cluster.check_once_each(size.agents);
        let all: BTreeSet<AgentKey> = cluster.offers.iter().map(|offer| offer.agent).collect();
        assert_eq!(all.len(), size.agents as usize, "who revives is offered everything");
        cluster.hand_back(Some(cluster::YEAR));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_that_of_the_last_rounds_over_the_first() {
        let steady: Vec<f64> = vec![2.0; 40];
        let growing: Vec<f64> = (1..=40_u32).map(f64::from).collect();
        assert!((growth_of(&steady) - 1.0).abs() < 1e-9);
        assert!((growth_of(&growing) - 39.0 / 3.0).abs() < 1e-9);
        assert!((growth_of(&[3.0]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_small_storm_ends_and_is_measured() {
        let mut readings = Readings::default();
        storm(size(40, 6), &mut readings);
        assert!(STORM.iter().all(|(phase, _)| readings.spread(phase).is_some()));
    }

    #[test]
    fn quotas_everywhere_leave_the_spread_as_it_is() {
        quota_everywhere(size(40, 8), &mut Readings::default());
    }
}
