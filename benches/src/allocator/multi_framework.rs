//! Frameworks of three kinds that launch many, some and few tasks, and hand back the rest of every offer.

use mesos_core::provider::{Fact, FrameworkKey};
use mesos_core::{Resources, Role};

use super::cluster::{self, Cluster, recovered, resources};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] = &[("cycle", "ms"), ("tasks", "tasks")];

/// The rounds of one run; the first ones launch, those at the end give everything to who has finished.
const ROUNDS: u32 = 2_000;

/// Of 19,500 tasks so many are launched before those who have finished, with the lowest shares, are offered everything again
/// and again; in Mesos, too.
const LAUNCHED: u32 = 5_132;

/// The one workload.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let about = "554 frameworks of three kinds on 80 agents, each launching what it may; the time of a round";
    vec![Workload::new("alloc.multi_framework", about, PHASES, run)]
}

/// What a framework still wants to launch.
#[derive(Debug, Clone)]
struct Wish {
    role: Role,
    each: Resources,
    left: u32,
    per_offer: u32,
}

impl Wish {
    /// Launches what it may of an offer; what is left of it.
    fn take(&mut self, offer: &Resources) -> Resources {
        let mut rest = offer.clone();
        for _ in 0..self.per_offer {
            if self.left == 0 || !rest.contains(&self.each) {
                break;
            }
            rest -= &self.each;
            self.left -= 1;
        }
        rest
    }
}

fn wishes() -> Vec<Wish> {
    let wish = |role: String, each: &str, left, per_offer| Wish {
        role: cluster::role(&role),
        each: resources(each),
        left,
        per_offer,
    };
    let marathon = (0..4).map(|number| wish(format!("marathon{number}"), "cpus:0.07;mem:400", 4_000, 100));
    let jenkins = (0..500).map(|_| wish("jenkins".to_owned(), "cpus:0.1;mem:4000", 5, 1));
    let spark = (0..50).map(|number| wish(format!("spark{number}"), "cpus:1;mem:1000", 20, 5));
    marathon.chain(jenkins).chain(spark).collect()
}

fn run(readings: &mut Readings) {
    let mut wishes = wishes();
    let all: u32 = wishes.iter().map(|wish| wish.left).sum();
    let total = resources("cpus:64;mem:488000");
    let mut cluster = Cluster::new();
    cluster.tell(cluster::agents(80, |_| (total.clone(), Vec::new())));
    for (number, wish) in (0..).zip(&wishes) {
        cluster.tell([cluster::framework(number, wish.role.clone(), &[])]);
    }
    for _ in 0..ROUNDS {
        readings.time("cycle", || cluster.batch());
        let offers = std::mem::take(&mut cluster.offers);
        let rest = offers.into_iter().map(|mut offer| {
            let FrameworkKey(number) = offer.framework;
            offer.resources = wishes[number as usize].take(&offer.resources);
            recovered(offer, None)
        });
        let rest: Vec<Fact> = rest.collect();
        cluster.tell(rest);
        if wishes.iter().all(|wish| wish.left == 0) {
            break;
        }
    }
    let left: u32 = wishes.iter().map(|wish| wish.left).sum();
    let launched = all - left;
    assert_eq!(launched, LAUNCHED, "the same decisions launch the same tasks");
    readings.note("tasks", f64::from(launched));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_tasks_are_launched_as_in_mesos() {
        run(&mut Readings::default());
    }
}
