//! What a search for the smallest change costs, counted in steps.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::explain::{Question, Subject};
use mesos_core::provider::{Allocator, Fact, FrameworkKey, Round, Used};
use mesos_core::{AgentId, AgentInfo, Filters, FrameworkId, FrameworkInfo, Quota};

use super::*;

const NOW: Instant = Instant::from_nanos(1);

fn role(path: &str) -> Role {
    Role::new(path).unwrap()
}

/// A cluster where one framework asks whom everything stands in the way that can, beside so many roles with guarantees.
fn hindered(roles: u32) -> HierarchicalDrf {
    let mut allocator = HierarchicalDrf::default();
    let mut observe = |fact| allocator.observe(NOW, fact);
    for slot in 0..roles {
        let quota = Quota::new("cpus:1;mem:64".parse().unwrap(), Default::default()).unwrap();
        observe(Fact::QuotaSet { role: role(&format!("r{slot}")), quota });
    }
    let quota = Quota::new(Default::default(), "cpus:2".parse().unwrap()).unwrap();
    observe(Fact::QuotaSet { role: role("asker"), quota });
    let mut info = FrameworkInfo::new("asker", role("asker"));
    info.max_offer.insert(role("asker"), "cpus:1".parse().unwrap());
    info.min_allocatable.insert(role("asker"), vec!["cpus:3".parse().unwrap()]);
    let (framework, id) = (FrameworkKey(0), FrameworkId::new("asker").unwrap());
    let (suppressed, is_active) = (BTreeSet::new(), true);
    observe(Fact::FrameworkAdded { framework, id, info: Arc::new(info), suppressed, is_active });
    let mut total: Resources = "cpus:8;mem:512;cpus(other):2".parse().unwrap();
    total.add(Resource::cpus(Scalar::from_units(1)).revocable()).unwrap();
    let (id, info) = (AgentId::new("a0").unwrap(), Arc::new(AgentInfo::new("host", total.clone())));
    let used = |framework, resources: &str| Used {
        framework: FrameworkKey(framework),
        role: role("asker"),
        resources: resources.parse().unwrap(),
    };
    let used = vec![used(0, "cpus:1;mem:64"), used(1, "cpus:1;mem:64")];
    observe(Fact::AgentAdded { agent: AgentKey(0), id, info, total, used });
    let refused = Some(Filters::refuse_for(Duration::from_secs(1_000)));
    let resources: Resources = "cpus:1;mem:64".parse().unwrap();
    let (agent, role) = (AgentKey(0), role("asker"));
    observe(Fact::Recovered { framework, role, agent, resources, filters: refused });
    allocator.allocate(Round { now: NOW, rng: &mut Rng::new(1) }, &mut Vec::new());
    allocator
}

fn searched(allocator: &HierarchicalDrf, of: Subject) -> (usize, usize, usize) {
    let question = Question { framework: FrameworkKey(0), role: role("asker"), of };
    let asker = Asker::new(allocator, &question);
    let agent = allocator.agent(AgentKey(0)).unwrap();
    let case = Case::new(allocator, &asker, NOW, (AgentKey(0), agent), WhatIf::default());
    let found = case.ways().count();
    (found, case.search.attempts.get(), case.search.walks.get())
}

#[test]
fn a_search_tries_few_sets_of_ways_and_walks_through_all_roles_a_few_times() {
    for of in [Subject::Agent(AgentKey(0)), Subject::Need(Need::Resources("cpus:6;mem:300".parse().unwrap()))] {
        let costs = [10, 1_000].map(|roles| searched(&hindered(roles), of.clone()));
        assert_eq!(costs[0], costs[1], "it does not depend on how many roles there are");
        let (found, attempts, walks) = costs[1];
        assert!(found > 0 && attempts <= 128 && walks <= 4, "{of:?}: {costs:?}");
    }
}

#[test]
fn of_many_roles_that_are_promised_something_a_few_are_named() {
    let allocator = hindered(1_000);
    let of = Subject::Agent(AgentKey(0));
    let answer = allocator.explain(NOW, &Question { framework: FrameworkKey(0), role: role("asker"), of }).unwrap();
    let kept = answer.reasons.iter().find_map(|reason| match reason {
        Reason::Headroom { kept_for, role_count, .. } => Some((kept_for.len(), *role_count)),
        _ => None,
    });
    assert_eq!(kept, Some((Holder::SHOWN_MAX, 1_000)), "{answer}");
    assert!(answer.to_string().contains(", and 997 others"), "{answer}");
}
