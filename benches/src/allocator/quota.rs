//! Quotas on many roles: small and large ones side by side, and the same cluster with and without.

use mesos_core::provider::Fact;
use mesos_core::{FrameworkCapability, Quota, Role};
use mesos_sched::allocator::{Options, SorterKind};

use super::cluster::{self, Cluster, resources};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] = &[("cycle_0", "ms"), ("cycle_1", "ms"), ("add_frameworks", "ms")];
const SORTERS: [(SorterKind, &str); 2] = [(SorterKind::Drf, "drf"), (SorterKind::Random, "random")];

/// Both kinds, with both sorters.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let mut all = Vec::new();
    for (sorter, sorter_name) in SORTERS {
        for (small, large) in [(25, 5), (250, 50), (2_500, 500)] {
            let name = format!("alloc.quota.large_and_small.{sorter_name}.{small}+{large}");
            let about = "roles with small and with large quotas get all of it; then a round that gives nothing";
            all.push(Workload::new(name, about, PHASES, move |found| large_and_small(sorter, small, large, found)));
        }
        for roles in [10, 100, 1_000] {
            for has_quota in [false, true] {
                let with = if has_quota { "with" } else { "without" };
                let name = format!("alloc.quota.non_quota_vs_quota.{sorter_name}.{roles}.{with}");
                let about = "two frameworks and two agents for every role; then a round that gives nothing";
                all.push(Workload::new(name, about, PHASES, move |found| with_or_not(sorter, roles, has_quota, found)));
            }
        }
    }
    all
}

fn small_agents(count: u32) -> Vec<Fact> {
    let total = resources("cpus:2;mem:2048;disk:2048");
    cluster::agents(count, |_| (total.clone(), Vec::new()))
}

pub(super) fn exactly(amounts: &str) -> Quota {
    Quota::exactly(amounts.parse().expect("amounts")).expect("a quota")
}

fn with_sorter(sorter: SorterKind) -> Cluster {
    Cluster::with(Options { role_sorter: sorter, framework_sorter: sorter, ..Options::default() })
}

/// Cores that are offered, in thousandths.
fn cores(cluster: &Cluster) -> i64 {
    cluster.offers.iter().map(|offer| offer.resources.cpus().as_milli()).sum()
}

/// How many offers the first of two rounds gives; the second gives none.
fn two_rounds(cluster: &mut Cluster, readings: &mut Readings) -> u32 {
    readings.time("cycle_0", || cluster.batch());
    let given = cluster.offers.len();
    readings.time("cycle_1", || cluster.batch());
    assert_eq!(cluster.offers.len(), given, "there was nothing left to give");
    u32::try_from(given).expect("a round makes fewer than 2^32 grants")
}

fn large_and_small(sorter: SorterKind, small: u32, large: u32, readings: &mut Readings) {
    let role_of = move |number: u32| match number.checked_sub(small) {
        None => cluster::role(&format!("smallQuotaRole{number}")),
        Some(number) => cluster::role(&format!("largeQuotaRole{number}")),
    };
    let count = small + large;
    let frameworks = cluster::frameworks(count, &[FrameworkCapability::ReservationRefinement], role_of);
    let quotas = (0..count).map(|number| {
        let amounts = if number < small { "cpus:1;mem:1024;disk:1024" } else { "cpus:4;mem:4096;disk:4096" };
        Fact::QuotaSet { role: role_of(number), quota: exactly(amounts) }
    });
    let quotas: Vec<Fact> = quotas.collect();
    let mut cluster = with_sorter(sorter);
    cluster.tell(small_agents(small / 5 + large * 5));
    readings.time("add_frameworks", || cluster.tell(frameworks));
    cluster.tell(quotas);
    let given = two_rounds(&mut cluster, readings);
    // Of a small role one offer, of a large one two whole agents; with draws a large one may come when only halves are left.
    let offers = small + 2 * large;
    let most = if sorter == SorterKind::Drf { offers + 1 } else { small + 4 * large };
    assert!((offers..=most).contains(&given), "{given} offers");
    // There may be less than what is promised; then all of it is given.
    let (promised, there) = (small + large * 4, (small / 5 + large * 5) * 2);
    assert_eq!(cores(&cluster), i64::from(promised.min(there)) * 1_000, "roles have what they are promised");
}

fn with_or_not(sorter: SorterKind, roles: u32, has_quota: bool, readings: &mut Readings) {
    let role_of = |number: u32| -> Role { cluster::role(&format!("role{}", number / 2)) };
    let frameworks = cluster::frameworks(roles * 2, &[FrameworkCapability::ReservationRefinement], role_of);
    let mut cluster = with_sorter(sorter);
    cluster.tell(small_agents(roles * 2));
    readings.time("add_frameworks", || cluster.tell(frameworks));
    if has_quota {
        let quota = exactly("cpus:4;mem:4096;disk:4096");
        cluster.tell((0..roles).map(|number| Fact::QuotaSet { role: role_of(number * 2), quota: quota.clone() }));
    }
    let given = two_rounds(&mut cluster, readings);
    assert_eq!(given, roles * 2, "every agent is in one offer");
    assert_eq!(cores(&cluster), i64::from(roles) * 4_000, "everything is given");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_offers_are_made_as_there_are_parts_to_give() {
        for (sorter, _) in SORTERS {
            large_and_small(sorter, 25, 5, &mut Readings::default());
            large_and_small(sorter, 250, 50, &mut Readings::default());
            with_or_not(sorter, 10, false, &mut Readings::default());
            with_or_not(sorter, 10, true, &mut Readings::default());
        }
    }
}
