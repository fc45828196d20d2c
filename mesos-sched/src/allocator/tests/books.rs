//! What is available after agents and frameworks change.

use super::*;

#[test]
fn an_agent_that_shrank_below_its_use_offers_nothing_until_enough_is_recovered() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "cpus:100;mem:100;disk:100");
    cluster.granted();
    cluster.resize("a1", "cpus:112;mem:100;disk:100");
    assert_eq!(cluster.granted(), "a1->f1 cpus:12");
    cluster.resize("a1", "cpus:50;mem:50;disk:50");
    assert_eq!((cluster.granted(), cluster.cycle()), (String::new(), String::new()));
    cluster.recover("a1", "f1", "role1", "cpus:12");
    cluster.recover("a1", "f1", "role1", "cpus:50;mem:10");
    assert_eq!(cluster.available("a1"), "", "still more is used than there is");
    cluster.recover("a1", "f1", "role1", "cpus:50;mem:90;disk:100");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:50;mem:50;disk:50");
    cluster.resize("a1", "cpus:100;mem:100;disk:100");
    assert_eq!(cluster.granted(), "a1->f1 cpus:50;mem:50;disk:50");
}

/// In Mesos, `web` would be offered the cores that `f1` uses.
#[test]
fn what_is_held_in_another_form_than_the_agent_has_is_not_granted_twice() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "cpus:4;mem:512;ports:[1-9]");
    assert_eq!(cluster.granted(), "a1->f1 cpus:4;mem:512;ports:[1-9]");
    cluster.framework("web", "web");
    cluster.resize("a1", "cpus(web):4;mem(web):500;mem:100;ports(web):[1-12]");
    assert_eq!(cluster.cycle(), "a1->web mem(web):88;ports(web):[10-12]");
    cluster.recover("a1", "f1", "role1", "cpus:1;ports:[1-2]");
    assert_eq!(cluster.cycle(), "a1->web cpus(web):1;ports(web):[1-2]");
    cluster.recover("a1", "f1", "role1", "cpus:3;mem:512;ports:[3-9]");
    cluster.recover("a1", "web", "web", "cpus(web):1;mem(web):88;ports(web):[1-2,10-12]");
    assert_eq!(cluster.available("a1"), "mem:100;cpus(web):4;mem(web):500;ports(web):[1-12]");
}

#[test]
fn revocable_resources_come_and_go() {
    let revocable = |amount: u32| {
        use mesos_core::resource::{Resource, Scalar};
        let mut total = resources("cpus:100;mem:100;disk:100");
        total.add(Resource::cpus(Scalar::from_units(amount)).revocable()).unwrap();
        total
    };
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:100;mem:100;disk:100");
    cluster.framework_with("f1", capable("f1", "role1", FrameworkCapability::RevocableResources));
    cluster.granted();
    let agent = cluster.agents["a1"];
    for (amount, gain) in [(10, 10.0), (12, 2.0), (5, 0.0)] {
        cluster.observe(Fact::AgentResized { agent, total: revocable(amount) });
        let before = cluster.grants.len();
        cluster.granted();
        let gained: f64 = cluster.grants[before..].iter().map(|grant| grant.resources.cpus().to_f64()).sum();
        assert_eq!(gained, gain, "{amount}");
    }
}

#[test]
fn the_same_resources_again_call_for_no_round() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "cpus:1;mem:64");
    cluster.granted();
    cluster.resize("a1", "cpus:1;mem:64");
    assert_eq!(cluster.allocator.deadline(), None);
}

#[test]
fn an_inactive_agent_is_not_offered_and_its_activation_waits_for_the_batch() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:1;mem:64");
    let agent = cluster.agents["a1"];
    cluster.observe(Fact::AgentDeactivated { agent });
    cluster.framework("f1", "role1");
    assert_eq!((cluster.granted(), cluster.cycle()), (String::new(), String::new()));
    cluster.observe(Fact::AgentActivated { agent });
    assert_eq!(cluster.granted(), "");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:1;mem:64");
}

#[test]
fn a_removed_agent_takes_its_use_and_its_filters_with_it() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:1;mem:64").agent("a2", "cpus:1;mem:64").framework("f1", "role1");
    cluster.granted();
    cluster.decline("a1", "f1", 1_000 * SECOND);
    let (a1, a2) = (cluster.agents["a1"], cluster.agents["a2"]);
    cluster.observe(Fact::AgentRemoved { agent: a1 });
    cluster.observe(Fact::AgentRemoved { agent: a2 });
    assert_eq!((cluster.allocator.filter_count(), cluster.dominant_share("role1")), (0, 0.0));
    assert!(cluster.allocator.total().is_empty());
    assert_eq!(cluster.allocator.available(a1), None);
    cluster.recover("a2", "f1", "role1", "cpus:1");
    cluster.agents.clear();
    cluster.agent("a3", "cpus:1;mem:64").agent("a4", "cpus:1;mem:64");
    assert_eq!(cluster.granted(), "a3->f1 cpus:1;mem:64, a4->f1 cpus:1;mem:64");
}

#[test]
fn facts_about_the_unknown_change_nothing() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "cpus:1;mem:64");
    cluster.granted();
    let (known, unknown) = (cluster.key("f1"), FrameworkKey(77));
    let (a1, nowhere) = (cluster.agents["a1"], AgentKey(77));
    let all = BTreeSet::new();
    for framework in [known, unknown] {
        let agent = if framework == known { nowhere } else { a1 };
        let (role, resources) = (role("role1"), resources("cpus:1"));
        let filters = Some(Filters::default());
        cluster.observe(Fact::Converted {
            framework,
            role: role.clone(),
            agent,
            from: resources.clone(),
            to: resources.clone(),
        });
        cluster.observe(Fact::Recovered { framework, role, agent, resources, filters });
    }
    let info = Arc::new(FrameworkInfo::new("x", role("role1")));
    cluster.observe(Fact::FrameworkUpdated { framework: unknown, info, suppressed: all.clone() });
    cluster.observe(Fact::FrameworkActivated { framework: unknown });
    cluster.observe(Fact::FrameworkDeactivated { framework: unknown });
    cluster.observe(Fact::RolesSuppressed { framework: unknown, roles: all.clone() });
    cluster.observe(Fact::RolesRevived { framework: unknown, roles: all });
    cluster.observe(Fact::FrameworkRemoved { framework: unknown });
    cluster.observe(Fact::AgentResized { agent: nowhere, total: resources("cpus:9") });
    cluster.observe(Fact::AgentActivated { agent: nowhere });
    cluster.observe(Fact::AgentDeactivated { agent: nowhere });
    cluster.observe(Fact::AgentRemoved { agent: nowhere });
    let claim =
        |framework| Fact::Claimed { framework, role: role("role1"), agent: nowhere, resources: resources("cpus:1") };
    cluster.observe(claim(known));
    assert_eq!((cluster.cycle(), cluster.allocator.filter_count()), (String::new(), 0));
    assert_eq!((cluster.available("a1"), cluster.dominant_share("role1")), (String::new(), 1.0));
}

#[test]
fn a_role_that_was_given_up_counts_while_something_is_held_under_it() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "cpus:1;mem:64");
    cluster.granted();
    cluster.update("f1", |info| info.roles = roles(["role2"]));
    let paths = |cluster: &Cluster| -> Vec<String> { cluster.allocator.shares().into_iter().map(|s| s.role).collect() };
    assert_eq!(paths(&cluster), ["role1", "role2"]);
    cluster.decline("a1", "f1", 1_000 * SECOND);
    assert_eq!(cluster.allocator.filter_count(), 0, "a filter for a role nobody has is pointless");
    assert_eq!(paths(&cluster), ["role2"]);
    cluster.cycle();
    assert_eq!(cluster.grants[0].role, role("role2"));
}

#[test]
fn a_reservation_changes_the_form_and_not_the_amount() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").framework("f2", "role2").agent("a1", "cpus:4;mem:64");
    cluster.granted();
    let (framework, agent) = (cluster.key("f1"), cluster.agents["a1"]);
    let (from, to) = (resources("cpus:2"), resources("cpus(role1):2"));
    cluster.observe(Fact::Converted { framework, role: role("role1"), agent, from, to });
    assert_eq!((cluster.available("a1"), cluster.dominant_share("role1")), (String::new(), 1.0));
    cluster.recover("a1", "f1", "role1", "cpus:2;cpus(role1):2;mem:64");
    assert_eq!(cluster.available("a1"), "cpus:2;mem:64;cpus(role1):2");
    assert_eq!(cluster.cycle(), "a1->f1 cpus(role1):2, a1->f2 cpus:2;mem:64");
}

#[test]
fn a_conversion_that_changes_the_amount_changes_share_and_total() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "disk:100;mem:64").agent("a2", "cpus:1;disk:100");
    cluster.granted();
    cluster.recover("a1", "f1", "role1", "mem:64");
    let (framework, agent) = (cluster.key("f1"), cluster.agents["a1"]);
    let (from, to) = (resources("disk:100"), resources("disk:25"));
    cluster.observe(Fact::Converted { framework, role: role("role1"), agent, from, to });
    let shares = cluster.allocator.shares();
    assert_eq!(shares[0].allocated.to_string(), "cpus:1;disk:125");
    assert_eq!(cluster.allocator.total().to_string(), "cpus:1;mem:64;disk:125");
}

#[test]
fn claimed_resources_are_used_without_a_grant() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:4;mem:64");
    let claim = Fact::Claimed {
        framework: FrameworkKey(0),
        role: role("role1"),
        agent: cluster.agents["a1"],
        resources: resources("cpus:3"),
    };
    cluster.observe(claim);
    cluster.framework("f1", "role1");
    assert_eq!((cluster.dominant_share("role1"), cluster.granted().as_str()), (0.75, "a1->f1 cpus:1;mem:64"));
}

#[test]
fn a_framework_known_by_its_use_alone_is_forgotten_with_it() {
    let mut cluster = Cluster::new();
    let used = vec![Used { framework: FrameworkKey(5), role: role("old"), resources: resources("cpus:1") }];
    cluster.agent_with("a1", AgentInfo::new("a1", resources("cpus:1;mem:64")), used);
    assert_eq!(cluster.allocator.shares()[0].frameworks[0].id, None);
    let (framework, agent) = (FrameworkKey(5), cluster.agents["a1"]);
    let filters = Some(Filters::default());
    cluster.observe(Fact::Recovered { framework, role: role("old"), agent, resources: resources("cpus:1"), filters });
    assert_eq!((cluster.allocator.shares(), cluster.allocator.filter_count()), (Vec::new(), 0));
    assert_eq!(cluster.available("a1"), "cpus:1;mem:64");
}

#[test]
fn resources_handed_back_twice_are_refused_and_told_of() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "cpus:1;mem:64");
    cluster.granted();
    cluster.recover("a1", "f1", "role1", "cpus:1");
    assert_eq!(cluster.allocator.inconsistencies().count(), 0);
    cluster.recover("a1", "f1", "role1", "cpus:1");
    cluster.recover("a1", "f1", "role2", "mem:1");
    assert_eq!((cluster.available("a1"), cluster.dominant_share("role1")), ("cpus:1".into(), 1.0));
    let told: Vec<String> = cluster.allocator.inconsistencies().latest().map(ToString::to_string).collect();
    assert_eq!(told[0], "cpus:1 of agent 0 was recovered from framework 0 under role role1, which does not hold it");
    assert!(told.len() == 2 && told[1].starts_with("mem:1 "), "{told:?}");
}

#[test]
fn a_conversion_of_what_nobody_holds_is_refused() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "cpus:1;mem:64");
    cluster.granted();
    let (framework, agent) = (cluster.key("f1"), cluster.agents["a1"]);
    let (from, to) = (resources("cpus:2"), resources("cpus(role1):2"));
    cluster.observe(Fact::Converted { framework, role: role("role1"), agent, from, to });
    assert_eq!(cluster.allocator.inconsistencies().count(), 1);
    assert_eq!(
        (cluster.available("a1"), cluster.allocator.total().to_string()),
        (String::new(), "cpus:1;mem:64".into())
    );
}

#[test]
fn a_framework_removed_while_it_holds_something_keeps_it_and_gets_nothing_more() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "cpus:1;mem:64").agent("a2", "cpus:1;mem:64");
    cluster.granted();
    cluster.recover("a2", "f1", "role1", "cpus:1;mem:64");
    let framework = cluster.key("f1");
    cluster.observe(Fact::FrameworkRemoved { framework });
    assert_eq!(cluster.allocator.inconsistencies().count(), 1);
    assert_eq!((cluster.pass(10 * SECOND), cluster.dominant_share("role1")), (String::new(), 0.5));
    cluster.recover("a1", "f1", "role1", "cpus:1;mem:64");
    assert_eq!(cluster.allocator.shares(), []);
}

#[cfg(feature = "mutants")]
mod planted {
    use super::*;
    use mesos_core::kernel::Mutant;

    fn cluster(mutant: Mutant) -> Cluster {
        let mut cluster = Cluster::with(Options { mutant: Some(mutant), ..Options::default() });
        cluster.framework("f1", "role1").agent("a1", "cpus:4;mem:64");
        cluster.granted();
        cluster
    }

    #[test]
    fn an_eternal_filter_never_ends() {
        let mut cluster = cluster(Mutant::EternalFilter);
        cluster.decline("a1", "f1", SECOND);
        assert_eq!(cluster.pass(100 * SECOND), "");
    }

    #[test]
    fn converted_resources_are_free_and_used_at_once() {
        let mut cluster = cluster(Mutant::CountConvertedTwice);
        let (framework, agent) = (cluster.key("f1"), cluster.agents["a1"]);
        let (from, to) = (resources("cpus:2"), resources("cpus(role1):2"));
        cluster.observe(Fact::Converted { framework, role: role("role1"), agent, from, to });
        assert_eq!(cluster.available("a1"), "cpus:2");
    }

    #[test]
    fn a_revival_is_ignored() {
        let mut cluster = cluster(Mutant::IgnoreRevive);
        cluster.decline("a1", "f1", None);
        cluster.suppress("f1", []);
        cluster.revive("f1", []);
        assert_eq!(cluster.pass(100 * SECOND), "");
    }
}

/// Books lie by handle, and a handle that nobody gave out must not make them grow.
#[test]
fn facts_about_the_unknown_take_no_memory() {
    let mut cluster = Cluster::new();
    let (framework, agent, role) = (FrameworkKey(u32::MAX), AgentKey(u32::MAX), role("role1"));
    let (resources, info) = (resources("cpus:1"), Arc::new(FrameworkInfo::new("x", role.clone())));
    let none = BTreeSet::new;
    cluster.observe(Fact::FrameworkUpdated { framework, info, suppressed: none() });
    cluster.observe(Fact::FrameworkActivated { framework });
    cluster.observe(Fact::FrameworkDeactivated { framework });
    cluster.observe(Fact::RolesSuppressed { framework, roles: none() });
    cluster.observe(Fact::RolesRevived { framework, roles: none() });
    cluster.observe(Fact::ConstraintsSet { framework, constraints: Arc::default() });
    cluster.observe(Fact::FrameworkRemoved { framework });
    cluster.observe(Fact::AgentUpdated { agent, info: Arc::new(AgentInfo::new("x", resources.clone())) });
    cluster.observe(Fact::AgentResized { agent, total: resources.clone() });
    cluster.observe(Fact::AgentActivated { agent });
    cluster.observe(Fact::AgentDeactivated { agent });
    cluster.observe(Fact::UnavailabilitySet { agent, unavailability: None });
    cluster.observe(Fact::InverseOfferEnded { framework, agent, filters: None });
    cluster.observe(Fact::Claimed { framework, role: role.clone(), agent, resources: resources.clone() });
    cluster.observe(Fact::Converted {
        framework,
        role: role.clone(),
        agent,
        from: resources.clone(),
        to: resources.clone(),
    });
    cluster.observe(Fact::Recovered { framework, role, agent, resources, filters: Some(Filters::default()) });
    cluster.observe(Fact::AgentRemoved { agent });
    assert_eq!((cluster.granted(), cluster.allocator.available(agent)), (String::new(), None));
}
