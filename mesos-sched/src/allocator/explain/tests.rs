//! What a survey costs, counted in agents that are judged in full: at most those of which amounts do not tell.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::explain::{Need, Question, Subject};
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round, Used};
use mesos_core::resource::{Resource, Resources};
use mesos_core::{AgentId, AgentInfo, Filters, FrameworkId, FrameworkInfo, Instant, Quota, Role, Scalar};

use super::super::HierarchicalDrf;
use super::asker::Asker;
use super::survey::SurveyCosts;

const NOW: Instant = Instant::from_nanos(1);
const AGENTS: u32 = 200;

fn role(path: &str) -> Role {
    Role::new(path).unwrap()
}

/// Agents with ports, reservations, revocable cpus and disks that go as a whole, all different in size.
fn any_total(number: u32) -> Resources {
    let mut total: Resources = format!("cpus:{};mem:{}", 4 + number, 512 + number).parse().unwrap();
    let more: &[&str] = match number % 5 {
        0 => &[],
        1 => &["ports:[1-9]"],
        2 => &["cpus(a):2;mem(a):64", "ports:[1-9]"],
        3 => &["cpus(other):2"],
        _ => &[r#"[{"name":"disk","type":"SCALAR","scalar":{"value":60},"disk":{"source":{"type":"MOUNT"}}}]"#],
    };
    for part in more {
        total += &part.parse::<Resources>().unwrap();
    }
    if number.is_multiple_of(2) {
        total.add(Resource::cpus(Scalar::from_units(1)).revocable()).unwrap();
    }
    total
}

/// A cluster where one framework under `a/b` asks; `quotas` are set, and it refuses whatever it is offered once.
fn cluster(quotas: &[(&str, &str, &str)], has_refused: bool) -> HierarchicalDrf {
    cluster_of(AGENTS, quotas, has_refused)
}

fn cluster_of(agents: u32, quotas: &[(&str, &str, &str)], has_refused: bool) -> HierarchicalDrf {
    let mut allocator = HierarchicalDrf::default();
    for (path, guarantees, limits) in quotas {
        let quota = Quota::new(guarantees.parse().unwrap(), limits.parse().unwrap()).unwrap();
        allocator.observe(NOW, Fact::QuotaSet { role: role(path), quota });
    }
    let info = Arc::new(FrameworkInfo::new("any", role("a/b")));
    let (framework, id) = (FrameworkKey(0), FrameworkId::new("asker").unwrap());
    let (suppressed, is_active) = (BTreeSet::new(), true);
    allocator.observe(NOW, Fact::FrameworkAdded { framework, id, info, suppressed, is_active });
    for number in 0..agents {
        let (agent, total) = (AgentKey(number), any_total(number));
        let id = AgentId::new(format!("a{number}")).unwrap();
        let info = Arc::new(AgentInfo::new("host", total.clone()));
        allocator.observe(NOW, Fact::AgentAdded { agent, id, info, total, used: Vec::new() });
    }
    let mut grants = Vec::new();
    if has_refused {
        allocator.allocate(Round { now: NOW, rng: &mut Rng::new(1) }, &mut grants);
        assert!(!grants.is_empty());
    }
    for Grant { framework, role, agent, resources } in grants {
        let filters = Some(Filters::refuse_for(Duration::from_secs(1_000)));
        allocator.observe(NOW, Fact::Recovered { framework, role, agent, resources, filters });
    }
    allocator
}

/// What it costs to ask all agents for a need, and how many there are.
fn surveyed(allocator: &HierarchicalDrf, need: Need) -> (SurveyCosts, usize) {
    let amounts = need.quantities();
    let question = Question { framework: FrameworkKey(0), role: role("a/b"), of: Subject::Need(need) };
    let asker = Asker::new(allocator, &question);
    let mut costs = SurveyCosts::default();
    let (_, survey) = allocator.survey(&asker, &amounts, &mut costs).expect("there are agents");
    (costs, survey.agents)
}

/// On how many agents a glance does not tell.
fn judged_in_full(allocator: &HierarchicalDrf, need: Need) -> usize {
    let (costs, agents) = surveyed(allocator, need);
    assert_eq!(agents, AGENTS as usize);
    costs.in_full
}

fn needs() -> [Need; 3] {
    let resources = ["cpus:1000", "cpus:6;mem:600"].map(|text| Need::Resources(text.parse().unwrap()));
    let [first, second] = resources;
    [first, second, Need::Quantities("cpus:6;mem:600".parse().unwrap())]
}

#[test]
fn amounts_tell_of_all_agents_what_stands_in_the_way() {
    for quotas in [&[][..], &[("c", "cpus:20", ""), ("a", "mem:40", "cpus:100000"), ("a/b", "cpus:3", "")]] {
        for need in needs() {
            assert_eq!(judged_in_full(&cluster(quotas, false), need.clone()), 0, "{need:?}");
        }
    }
}

/// What is cut of an agent may be a part of a disk that goes as a whole.
#[test]
fn where_bounds_cut_only_disks_that_go_as_a_whole_are_judged_in_full() {
    let quotas = [("c", "cpus:1000000", ""), ("a", "", "cpus:2;mem:64;disk:50")];
    for need in needs() {
        let count = judged_in_full(&cluster(&quotas, false), need.clone());
        assert!(count <= AGENTS as usize / 5, "{count}: {need:?}");
    }
}

#[test]
fn whether_all_that_may_be_offered_was_refused_is_seen_at_a_glance() {
    for need in needs() {
        assert_eq!(judged_in_full(&cluster(&[], true), need.clone()), 0, "{need:?}");
    }
}

/// A cluster of agents that are alike; of some of them everything is held, and the others are kept for a promise.
fn alike(agents: u32) -> HierarchicalDrf {
    let mut allocator = cluster_of(0, &[("c", "cpus:1000000", "")], false);
    for number in 0..agents {
        let (agent, total): (_, Resources) = (AgentKey(number), "cpus:4;mem:512".parse().unwrap());
        let id = AgentId::new(format!("a{number}")).unwrap();
        let info = Arc::new(AgentInfo::new("host", total.clone()));
        let held = Used { framework: FrameworkKey(9), role: role("d"), resources: total.clone() };
        let used = if number % 4 == 1 { vec![held] } else { Vec::new() };
        allocator.observe(NOW, Fact::AgentAdded { agent, id, info, total, used });
    }
    allocator
}

/// What the same stands in the way of is seen once, and only what may be nearer than the nearest so far is measured.
#[test]
fn a_survey_of_agents_that_are_alike_is_a_look_at_one_of_them() {
    let amounts = "cpus:2;mem:64";
    for need in [Need::Resources(amounts.parse().unwrap()), Need::Quantities(amounts.parse().unwrap())] {
        let costs = [40, 400].map(|agents| surveyed(&alike(agents), need.clone()));
        for ((costs, agents), expected) in costs.into_iter().zip([40, 400]) {
            assert_eq!((costs.in_full, costs.looked, agents), (0, 1, expected), "{need:?}");
            assert!(costs.measured <= 2, "{costs:?} for {need:?}");
        }
    }
}
