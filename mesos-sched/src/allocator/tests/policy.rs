//! What each policy does other than the hierarchical one.

use mesos_core::provider::NoPriorities;
use mesos_core::resource::Quantities;

use super::super::{Packing, Policy, Priorities};
use super::*;

fn amounts(text: &str) -> Quantities {
    text.parse().unwrap()
}

fn cluster(policy: Policy) -> Cluster {
    Cluster::with(Options { policy, ..Options::default() })
}

fn prioritised<const N: usize>(priorities: [(&str, i32); N]) -> Cluster {
    cluster(Policy::Priority(priorities.map(|(path, priority)| (role(path), priority)).into_iter().collect()))
}

/// A framework that asks for this much at a time.
fn asking(name: &str, path: &str, amount: &str) -> FrameworkInfo {
    let mut info = FrameworkInfo::new(name, role(path));
    info.min_allocatable.insert(role(path), vec![amounts(amount)]);
    info
}

#[test]
fn a_higher_priority_is_served_first_and_equals_by_share() {
    let mut cluster = prioritised([("prod", 5)]);
    cluster.framework("batch", "dev/batch").framework("web", "prod/web").framework("api", "prod/api");
    cluster.agent("a1", "cpus:4;mem:4096");
    assert_eq!(cluster.granted(), "a1->api cpus:4;mem:4096");
    cluster.agent("a2", "cpus:1;mem:1024");
    assert_eq!(cluster.granted(), "a2->web cpus:1;mem:1024");
    cluster.agent("a3", "cpus:9;mem:9216");
    assert_eq!(cluster.granted(), "a3->web cpus:9;mem:9216", "not the empty-handed one of a lower priority");
    cluster.suppress("web", []);
    cluster.suppress("api", []);
    cluster.agent("a4", "cpus:1;mem:1024");
    assert_eq!(cluster.granted(), "a4->batch cpus:1;mem:1024");
}

#[test]
fn a_priority_of_a_nested_role_overrides_that_above() {
    let mut cluster = prioritised([("prod", 5), ("prod/batch", -5)]);
    cluster.framework("low", "prod/batch/x").framework("none", "dev").agent("a1", "cpus:4;mem:4096");
    assert_eq!(cluster.granted(), "a1->none cpus:4;mem:4096");
}

#[test]
fn priorities_hold_for_random_sorters_too() {
    let random = super::super::SorterKind::Random;
    let policy = Policy::Priority(Priorities::from_iter([(role("b"), 1)]));
    let mut cluster =
        Cluster::with(Options { policy, role_sorter: random, framework_sorter: random, ..Options::default() });
    cluster.framework("f1", "a").framework("f2", "b").framework("f3", "c").agent("a1", "cpus:1;mem:64");
    for _ in 0..20 {
        assert_eq!(cluster.cycle(), "a1->f2 cpus:1;mem:64");
        cluster.decline("a1", "f2", None);
    }
}

fn victims(cluster: &Cluster, framework: &str, path: &str, need: &str) -> Option<(AgentKey, Vec<String>)> {
    let found = cluster.allocator.preemptions(cluster.key(framework), &role(path), &amounts(need)).ok()??;
    let names = found.victims.iter().map(|victim| format!("{}:{}", victim.role, victim.resources));
    Some((found.agent, names.collect()))
}

/// An agent on which these roles hold this much.
fn held(cluster: &mut Cluster, agent: &'static str, total: &str, holders: &[(&str, &str, &str)]) {
    let used = holders.iter().map(|(framework, path, amount)| Used {
        framework: cluster.key(framework),
        role: role(path),
        resources: resources(amount),
    });
    let used = used.collect();
    cluster.agent_with(agent, AgentInfo::new(agent, resources(total)), used);
}

#[test]
fn the_fewest_and_least_important_holdings_are_named_for_preemption() {
    let mut cluster = prioritised([("prod", 10), ("mid", 5), ("low", 1), ("lower", 0)]);
    for (name, path) in [("p", "prod"), ("m", "mid"), ("l", "low"), ("z", "lower")] {
        cluster.framework(name, path);
    }
    held(&mut cluster, "a1", "cpus:4;mem:40", &[("z", "lower", "cpus:2;mem:20"), ("l", "low", "cpus:2;mem:20")]);
    held(&mut cluster, "a2", "cpus:4;mem:40", &[("l", "low", "cpus:3;mem:30"), ("m", "mid", "cpus:1;mem:10")]);
    held(&mut cluster, "a3", "cpus:8;mem:80", &[("p", "prod", "cpus:8;mem:80")]);
    let named = |need| victims(&cluster, "p", "prod", need);
    assert_eq!(named("cpus:2"), Some((AgentKey(0), vec!["lower:cpus:2;mem:20".into()])));
    assert_eq!(named("cpus:3;mem:20"), Some((AgentKey(1), vec!["low:cpus:3;mem:30".into()])), "one rather than two");
    let both = vec!["lower:cpus:2;mem:20".into(), "low:cpus:2;mem:20".into()];
    assert_eq!(named("cpus:4;mem:40"), Some((AgentKey(0), both)), "two of low rather than one of mid with it");
    assert_eq!(named("cpus:5"), None, "what equals hold is safe");
    assert_eq!(victims(&cluster, "l", "low", "cpus:2"), Some((AgentKey(0), vec!["lower:cpus:2;mem:20".into()])));
    assert_eq!(victims(&cluster, "l", "low", "cpus:3"), None);
    cluster.agent("a4", "cpus:9;mem:90");
    assert_eq!(victims(&cluster, "p", "prod", "cpus:5"), Some((AgentKey(3), vec![])), "there is room already");
}

#[test]
fn a_return_that_quota_makes_useless_is_no_preemption() {
    let mut cluster = prioritised([("prod", 10)]);
    for (name, path) in [("p", "prod"), ("l", "low"), ("o", "org/low"), ("q", "org/prod")] {
        cluster.framework(name, path);
    }
    held(&mut cluster, "a1", "cpus:2;mem:20", &[("l", "low", "cpus:2;mem:20")]);
    held(&mut cluster, "a2", "cpus:2;mem:20", &[("p", "prod", "cpus:2;mem:20")]);
    let low = || Some((AgentKey(0), vec!["low:cpus:2;mem:20".to_owned()]));
    assert_eq!(victims(&cluster, "p", "prod", "cpus:2"), low());
    cluster.quota("prod", "", "cpus:2");
    assert_eq!(victims(&cluster, "p", "prod", "cpus:2"), None, "it has all it may have");
    cluster.quota("prod", "", "cpus:3");
    assert_eq!(victims(&cluster, "p", "prod", "cpus:2"), None, "one of two");
    assert_eq!(victims(&cluster, "p", "prod", "cpus:1"), low());
    cluster.quota("prod", "", "").quota("low", "cpus:2", "");
    assert_eq!(victims(&cluster, "p", "prod", "cpus:2"), None, "it would be kept for low");
    cluster.quota("low", "cpus:1", "");
    assert_eq!(victims(&cluster, "p", "prod", "cpus:2"), None, "a part of it would");
    assert_eq!(victims(&cluster, "p", "prod", "cpus:1"), low());
    cluster.quota("low", "", "").quota("absent", "cpus:9", "");
    assert_eq!(victims(&cluster, "p", "prod", "cpus:1"), None, "it would be kept for who is not there");
}

#[test]
fn a_return_below_the_same_limit_makes_room_below_it() {
    let mut cluster = prioritised([("org/prod", 10)]);
    for (name, path) in [("low", "org/low"), ("other", "other"), ("prod", "org/prod")] {
        cluster.framework(name, path);
    }
    cluster.quota("org", "", "cpus:2");
    let holders = [("low", "org/low", "cpus:2"), ("other", "other", "cpus:2")];
    held(&mut cluster, "a1", "cpus:6;mem:60", &holders);
    let named = victims(&cluster, "prod", "org/prod", "cpus:2");
    assert_eq!(named, Some((AgentKey(0), vec!["org/low:cpus:2".into()])), "there is room, but not for org");
}

#[test]
fn a_return_that_makes_too_small_an_offer_is_no_preemption() {
    let mut cluster = prioritised([("prod", 10)]);
    cluster.framework_with("p", asking("p", "prod", "cpus:1;mem:64")).framework("l", "low");
    held(&mut cluster, "a1", "cpus:2;mem:20", &[("l", "low", "cpus:2;mem:20")]);
    assert_eq!(victims(&cluster, "p", "prod", "cpus:2"), None, "never as much memory as an offer has to hold");
    held(&mut cluster, "a2", "cpus:2;mem:80", &[("l", "low", "cpus:2;mem:80")]);
    assert_eq!(victims(&cluster, "p", "prod", "cpus:2"), Some((AgentKey(1), vec!["low:cpus:2;mem:80".into()])));
    let mut info = FrameworkInfo::new("s", role("prod/s"));
    info.max_offer.insert(role("prod/s"), "cpus:1".parse().unwrap());
    cluster.framework_with("s", info);
    assert_eq!(victims(&cluster, "s", "prod/s", "cpus:2"), None, "it wants no such offers");
}

#[test]
fn no_preemption_is_named_without_priorities_or_for_strangers() {
    let mut cluster = Cluster::new();
    cluster.framework("f", "a").agent("a1", "cpus:1;mem:64");
    let asked = |cluster: &Cluster, key| cluster.allocator.preemptions(key, &role("a"), &amounts("cpus:1"));
    assert_eq!(asked(&cluster, cluster.key("f")), Err(NoPriorities));
    let cluster = prioritised([]);
    assert_eq!(asked(&cluster, FrameworkKey(9)), Ok(None));
}

#[test]
fn packing_gives_an_agent_to_whom_it_suits_and_the_rest_to_whom_that_suits() {
    let mut cluster = cluster(Policy::Packing(Packing::new(0.0).unwrap()));
    cluster.framework_with("lean", asking("lean", "a", "cpus:1;mem:1000"));
    cluster.framework_with("fat", asking("fat", "b", "cpus:1;mem:4000"));
    cluster.agent("a1", "cpus:4;mem:10000");
    assert_eq!(cluster.granted(), "a1->fat cpus:2;mem:8000, a1->lean cpus:2;mem:2000");
}

#[test]
fn packing_with_all_fairness_serves_whoever_is_furthest_below_the_share() {
    let mut cluster = cluster(Policy::Packing(Packing::new(1.0).unwrap()));
    cluster.framework_with("lean", asking("lean", "a", "cpus:1;mem:1000"));
    cluster.framework_with("fat", asking("fat", "b", "cpus:1;mem:4000"));
    cluster.agent("a1", "cpus:4;mem:10000");
    assert_eq!(cluster.granted(), "a1->lean cpus:4;mem:4000");
}

#[test]
fn packing_learns_a_demand_from_what_offers_were_used_for() {
    let mut cluster = cluster(Policy::Packing(Packing::new(0.0).unwrap()));
    cluster.framework("f1", "a").agent("a1", "cpus:8;mem:800");
    assert_eq!(cluster.granted(), "a1->f1 cpus:8;mem:800", "all, while nothing is known");
    let (framework, agent) = (cluster.key("f1"), cluster.agents["a1"]);
    let filters = Some(Filters::refuse_for(SECOND));
    let rest = resources("cpus:5;mem:500");
    cluster.observe(Fact::Recovered { framework, role: role("a"), agent, resources: rest, filters });
    cluster.framework_with("f2", asking("f2", "b", "cpus:4;mem:100")).agent("a2", "cpus:7;mem:400");
    let granted = cluster.granted();
    assert!(granted.contains("a2->f1 cpus:3;mem:300, a2->f2 cpus:4;mem:100"), "{granted}");
}

#[test]
fn slots_go_to_whoever_has_the_fewest_and_agents_few_may_use_first() {
    use mesos_core::FrameworkCapability::GpuResources;
    let mut cluster = cluster(Policy::ConstrainedMaxMin { slot: amounts("cpus:1;mem:64") });
    for name in ["a1", "a2", "a3"] {
        cluster.agent(name, "cpus:1;mem:64");
    }
    cluster.agent("g1", "cpus:1;mem:64;gpus:1").agent("g2", "cpus:1;mem:64;gpus:1");
    // One may use all five, the other three: as fair as can be is three and two, with both agents with gpus for the first.
    cluster.framework_with("any", capable("any", "a", GpuResources)).framework("plain", "b");
    let granted = cluster.granted();
    assert_eq!(granted.matches("->plain").count(), 3, "{granted}");
    assert_eq!(granted.matches("g1->any").count() + granted.matches("g2->any").count(), 2, "{granted}");
}

#[test]
fn an_agent_of_many_slots_is_divided() {
    let mut cluster = cluster(Policy::ConstrainedMaxMin { slot: amounts("cpus:1;mem:64") });
    cluster.weigh("b", 3.0);
    cluster.framework("f1", "a").framework("f2", "b").agent("a1", "cpus:8;mem:512;disk:9");
    let granted = cluster.granted();
    assert_eq!(granted, "a1->f1 cpus:2;mem:128;disk:9, a1->f2 cpus:6;mem:384");
}

#[test]
fn agents_of_very_many_pieces_are_dealt_in_few_steps() {
    let mut cluster = cluster(Policy::ConstrainedMaxMin { slot: amounts("cpus:0.001") });
    let undemanding = |name, path| {
        let mut info = FrameworkInfo::new(name, role(path));
        info.min_allocatable.insert(role(path), Vec::new());
        info
    };
    cluster.framework_with("f1", undemanding("f1", "a")).framework_with("f2", undemanding("f2", "b"));
    cluster.agent("a1", "cpus:1000000");
    cluster.granted();
    let [one, two] = ["a", "b"].map(|path| cluster.dominant_share(path));
    assert!((one - two).abs() < 0.05 && one + two > 0.999, "{one} {two}");
}

#[test]
fn who_went_first_leaves_the_rest_to_be_dealt_out() {
    for policy in [Policy::Packing(Packing::new(0.0).unwrap()), Policy::ConstrainedMaxMin { slot: amounts("cpus:1") }] {
        let mut cluster =
            Cluster::with(Options { policy: policy.clone(), starvation_batches: Some(3), ..Options::default() });
        cluster.quota("x", "", "cpus:1").framework("x", "x").framework_with("y", asking("y", "y", "cpus:1"));
        for _ in 0..5 {
            cluster.pass(SECOND);
            cluster.weigh("z", 2.0);
        }
        assert_eq!(cluster.agent("a0", "cpus(y):1").granted(), "a0->y cpus(y):1");
        let granted = cluster.agent("a1", "cpus:8;mem:64").granted();
        assert_eq!(granted, "a1->x cpus:1;mem:64, a1->y cpus:7", "{policy:?}");
    }
}

/// Nobody was faster, so all of it is there: that the role has an unclaimed guarantee takes nothing away.
#[test]
fn what_was_shown_is_committed_while_a_guarantee_is_unclaimed() {
    for total in [
        "cpus(q):1;mem(q):64",
        "cpus(q/b):1;mem(q):64",
        "ports:[1-5]",
        "cpus:8;mem:64;ports:[1-5]",
        "cpus:2;mem:64;cpus(q/b):1;mem(q):64",
    ] {
        let options = Options { policy: Policy::SharedState(Default::default()), ..Options::default() };
        let mut cluster = Cluster::with(Options { min_allocatable: Vec::new(), ..options });
        cluster.quota("q", "cpus:4", "").framework("f1", "q/b").framework("f2", "r").agent("a1", total);
        let mut shown = cluster.pass(10 * SECOND);
        let key = cluster.key("f1");
        let mut committed = 0;
        while let Some(place) = cluster.grants.iter().position(|grant| grant.framework == key) {
            let grant = cluster.grants.remove(place);
            let (now, wanted) = (cluster.now, grant.resources.clone());
            assert_eq!(cluster.allocator.commit(now, &grant, &wanted), Ok(()), "{total}: {shown}");
            committed += 1;
            shown += &cluster.pass(10 * SECOND);
        }
        assert!(committed > 0, "{total}: {shown}");
        assert_eq!(cluster.available("a1"), "", "{total}: {shown}");
    }
}

/// What is left of an offer by others can be committed, whichever entries it consists of.
#[test]
fn the_rest_of_a_conflict_is_no_conflict() {
    let options = Options { policy: Policy::SharedState(Default::default()), ..Options::default() };
    let mut cluster = Cluster::with(Options { min_allocatable: Vec::new(), ..options });
    cluster.quota("q", "disk:5", "disk:6").framework("f1", "q").framework("f2", "q");
    cluster.agent("a1", "cpus:2;disk:4").agent("a2", "cpus:2;disk:4");
    cluster.pass(10 * SECOND);
    let grants: Vec<Grant> = std::mem::take(&mut cluster.grants);
    assert!(grants.len() > 2, "{grants:?}");
    let mut conflicts = 0;
    for grant in grants {
        let (now, wanted) = (cluster.now, grant.resources.clone());
        if let Err(conflict) = cluster.allocator.commit(now, &grant, &wanted) {
            assert_eq!(
                cluster.allocator.commit(now, &grant, &conflict.left),
                Ok(()),
                "{grant:?} of which {conflict:?}"
            );
            conflicts += 1;
        }
    }
    assert!(conflicts > 0);
    assert!(cluster.allocator.inconsistency().is_none());
}
