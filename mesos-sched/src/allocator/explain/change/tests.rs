//! What a search for the smallest change costs, counted in steps.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::explain::{Change, Holder, Need, Question, Reason, Subject};
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Round, Used};
use mesos_core::resource::{Resource, Resources};
use mesos_core::{AgentId, AgentInfo, Filters, FrameworkId, FrameworkInfo, Instant, Quota, Role, Scalar};

use super::super::super::HierarchicalDrf;
use super::super::asker::Asker;
use super::super::judge::WhatIf;
use super::Case;

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

/// What a search found, and what it cost: sets of ways, walks through all roles, and changes of one role.
fn searched(allocator: &HierarchicalDrf, of: Subject) -> ([usize; 3], usize) {
    let question = Question { framework: FrameworkKey(0), role: role("asker"), of };
    let asker = Asker::new(allocator, &question);
    let agent = allocator.agent(AgentKey(0)).unwrap();
    let case = Case::new(allocator, &asker, NOW, (AgentKey(0), agent), WhatIf::default());
    let found = case.ways().count();
    ([found, case.search.attempts.get(), case.search.walks.get()], case.search.steps.get())
}

#[test]
fn a_search_tries_few_sets_of_ways_and_walks_through_all_roles_a_few_times() {
    for of in [Subject::Agent(AgentKey(0)), Subject::Need(Need::Resources("cpus:6;mem:300".parse().unwrap()))] {
        let costs = [10, 1_000].map(|roles| searched(&hindered(roles), of.clone()));
        let [(few, _), (many, steps)] = costs;
        assert_eq!(few, many, "it does not depend on how many roles there are");
        let [found, attempts, walks] = many;
        assert!(found > 0 && attempts <= 128 && walks <= 4, "{of:?}: {costs:?}");
        assert!(steps <= 8 * 1_000, "{of:?}: every role is lowered a few times: {costs:?}");
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

/// A cluster with one agent of 8 cpus and 512 MB, where these guarantees are promised, and a framework under `asker`.
fn promised(guarantees: impl IntoIterator<Item = (String, String)>, asker: &str) -> HierarchicalDrf {
    let mut allocator = HierarchicalDrf::default();
    let mut observe = |fact| allocator.observe(NOW, fact);
    for (path, amounts) in guarantees {
        let quota = Quota::new(amounts.parse().unwrap(), Default::default()).unwrap();
        observe(Fact::QuotaSet { role: role(&path), quota });
    }
    let info = Arc::new(FrameworkInfo::new("asker", role(asker)));
    let (framework, id) = (FrameworkKey(0), FrameworkId::new("asker").unwrap());
    observe(Fact::FrameworkAdded { framework, id, info, suppressed: BTreeSet::new(), is_active: true });
    let total: Resources = "cpus:8;mem:512".parse().unwrap();
    let (id, info) = (AgentId::new("a0").unwrap(), Arc::new(AgentInfo::new("host", total.clone())));
    observe(Fact::AgentAdded { agent: AgentKey(0), id, info, total, used: Vec::new() });
    allocator.allocate(Round { now: NOW, rng: &mut Rng::new(1) }, &mut Vec::new());
    allocator
}

/// The promises that would have to be smaller for a need: so many, and the first of them; and how many roles were changed.
fn lowered(allocator: &HierarchicalDrf, path: &str, need: &str) -> (usize, String, usize) {
    let of = Subject::Need(Need::Resources(need.parse().unwrap()));
    let question = Question { framework: FrameworkKey(0), role: role(path), of };
    let asker = Asker::new(allocator, &question);
    let agent = allocator.agent(AgentKey(0)).unwrap();
    let case = Case::new(allocator, &asker, NOW, (AgentKey(0), agent), WhatIf::default());
    let ways: Vec<_> = case.ways().collect();
    let is_lower = |change: &&Change| matches!(change, Change::LowerGuarantee { .. });
    let lowered = ways.iter().map(|way| way.changes.iter().filter(is_lower).collect::<Vec<_>>());
    let lowered = lowered.into_iter().find(|lowered| !lowered.is_empty()).unwrap();
    let Change::LowerGuarantee { role, by } = lowered[0] else { panic!("it is a promise") };
    (lowered.len(), format!("{role} by {by}"), case.search.steps.get())
}

#[test]
fn the_fewest_promises_are_lowered_and_those_that_go_furthest_first() {
    let guarantees = (0..100).map(|slot| (format!("r{slot:02}"), "cpus:0.01".to_owned()));
    let guarantees = guarantees.chain([("s".to_owned(), "cpus:6".to_owned()), ("t".to_owned(), "cpus:3".to_owned())]);
    let allocator = promised(guarantees, "asker");
    // Promised are 10, there are 8, and wanted is 1.
    assert_eq!(lowered(&allocator, "asker", "cpus:1").1, "s by cpus:3");
    assert_eq!(lowered(&allocator, "asker", "cpus:1").0, 1);
    let (count, first, _) = lowered(&allocator, "asker", "cpus:7");
    assert_eq!((count, first.as_str()), (2, "s by cpus:6"), "all of the larger one, and of the other one the rest");
}

/// Who asks is below one of a thousand promises: once a few beside him are smaller, what is promised above is for him, however
/// much more is promised than there is.
#[test]
fn promises_to_roles_beside_are_lowered_until_the_one_above_is_enough() {
    let beside = (0..1_000).map(|slot| (format!("top/r{slot:03}"), "cpus:1".to_owned()));
    let apart = (0..1_000).map(|slot| (format!("u{slot:03}"), "cpus:1".to_owned()));
    let guarantees = beside.chain(apart).chain([("top".to_owned(), "cpus:1000".to_owned())]);
    let allocator = promised(guarantees, "top/asker");
    let (count, first, steps) = lowered(&allocator, "top/asker", "cpus:3");
    assert_eq!((count, first.as_str()), (3, "top/r000 by cpus:1"));
    assert!(steps <= 1_000, "{steps}");
}
