//! Questions to an allocator with many agents: about one agent, and about a need on all of them. And what it takes that there
//! may be questions, when nobody asks: the same rounds with an allocator that remembers for them and with one that does not.
//! Their instructions are told side by side by `figures --instructions alloc.unasked`.

use mesos_core::Role;
use mesos_core::provider::explain::{Need, Question, Subject};
use mesos_core::provider::{AgentKey, Allocator, FrameworkKey};

use super::cluster::{self, Cluster, LARGE, resources};
use super::{Size, size};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] = &[("", "ms"), ("agent", "ms")];

const UNASKED: &[(&str, &str)] = &[("cycle", "ms"), ("recover", "ms")];

/// The questions to a cluster of 10,000 agents of which everything was granted in the last round.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let about = "why is nothing offered that holds a need (all agents are looked at), or one agent";
    let asked = Workload::new("alloc.explain.10000", about, PHASES, |readings| run(size(10_000, 500), readings));
    let unasked = [("remembering", true), ("forgetful", false)].map(|(kind, remembers)| {
        let about = "nobody asks: rounds of an allocator that remembers them for questions, and of one that does not";
        Workload::new(format!("alloc.unasked.10000x1000.{kind}"), about, UNASKED, move |readings| {
            run_unasked(size(10_000, 1_000), remembers, readings);
        })
    });
    std::iter::once(asked).chain(unasked).collect()
}

fn run_unasked(Size { agents, frameworks }: Size, remembers: bool, readings: &mut Readings) {
    let total = resources(LARGE);
    let mut cluster = Cluster::new();
    if !remembers {
        cluster.allocator.forget_for_questions();
    }
    cluster.tell(cluster::agents(agents, |_| (total.clone(), Vec::new())));
    cluster.tell(cluster::frameworks(frameworks, &[], |_| Role::any()));
    for _ in 0..20 {
        readings.time("cycle", || cluster.batch());
        cluster.check_once_each(agents);
        readings.time("recover", || cluster.hand_back(None));
    }
}

fn run(Size { agents, frameworks }: Size, readings: &mut Readings) {
    let total = resources(LARGE);
    let mut cluster = Cluster::new();
    cluster.tell(cluster::agents(agents, |_| (total.clone(), Vec::new())));
    cluster.tell(cluster::frameworks(frameworks, &[], |_| Role::any()));
    cluster.batch();
    cluster.check_spread(agents, frameworks);
    let needs = ["cpus:1;mem:64", "cpus:25"].map(|text| Need::Resources(resources(text)));
    for number in 0..20 {
        let asked = |of| Question { framework: FrameworkKey(number), role: Role::any(), of };
        for need in &needs {
            let question = asked(Subject::Need(Need::clone(need)));
            let answer = readings.time("", || cluster.allocator.explain(cluster.now, &question));
            assert!(answer.is_some(), "it can tell");
        }
        let question = asked(Subject::Agent(AgentKey(number * 37)));
        let answer = readings.time("agent", || cluster.allocator.explain(cluster.now, &question));
        assert!(answer.is_some_and(|answer| !answer.reasons.is_empty() || number > 0), "it can tell");
    }
}
