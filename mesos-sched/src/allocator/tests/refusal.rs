//! Refusals, suppression and when rounds come.

use super::*;

#[test]
fn refused_resources_are_offered_again_when_the_filter_is_over() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:1;mem:512").framework("f1", "role1");
    cluster.granted();
    cluster.decline("a1", "f1", 2 * SECOND);
    assert_eq!(cluster.allocator.filter_count(), 1);
    assert_eq!(cluster.cycle(), "");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:1;mem:512");
    assert_eq!(cluster.allocator.filter_count(), 0);
}

#[test]
fn a_short_refusal_lasts_until_a_batch_round_has_seen_it() {
    let mut cluster = Cluster::with(Options { allocation_interval: 60 * SECOND, ..Options::default() });
    cluster.framework("f1", "role1").framework("f2", "role2");
    cluster.agent("a1", "cpus:1;mem:512");
    assert_eq!(cluster.granted(), "a1->f1 cpus:1;mem:512");
    cluster.agent("a2", "cpus:1;mem:512");
    assert_eq!(cluster.granted(), "a2->f2 cpus:1;mem:512");
    cluster.decline("a2", "f2", SECOND);
    assert_eq!(cluster.pass(SECOND), "");
    assert_eq!(cluster.cycle(), "a2->f1 cpus:1;mem:512", "f2 has the smaller share, but its filter still holds");
    cluster.decline("a2", "f1", SECOND);
    assert_eq!(cluster.cycle(), "a2->f2 cpus:1;mem:512");
}

#[test]
fn a_refusal_that_is_due_at_the_very_next_round_still_holds_there() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:1;mem:512").framework("f1", "role1");
    cluster.granted();
    // The round after this is late, as if the host had been busy.
    cluster.decline("a1", "f1", SECOND);
    cluster.now = cluster.now + 5 * SECOND;
    assert_eq!(cluster.granted(), "");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:1;mem:512");
}

#[test]
fn an_agent_with_more_than_was_refused_is_offered() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:2;mem:512").framework("f1", "role1");
    cluster.granted();
    cluster.recover("a1", "f1", "role1", "cpus:1;mem:256");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:1;mem:256");
    cluster.decline("a1", "f1", 1_000 * SECOND);
    assert_eq!(cluster.cycle(), "");
    cluster.recover("a1", "f1", "role1", "cpus:0.5");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:1.5;mem:256");
}

/// As when an agent's process starts again on a machine that has less, or listens elsewhere.
#[test]
fn a_refusal_holds_when_the_same_place_describes_itself_anew() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:4;mem:512").framework("f1", "role1");
    cluster.granted();
    cluster.decline("a1", "f1", 1_000 * SECOND);
    let mut info = AgentInfo::new("a1", resources("cpus:3;mem:512"));
    info.port += 1;
    let agent = cluster.agents["a1"];
    cluster.observe(Fact::AgentUpdated { agent, info: Arc::new(info.clone()) });
    cluster.resize("a1", "cpus:3;mem:512");
    assert_eq!((cluster.granted(), cluster.cycle()), (String::new(), String::new()));
    info.attributes = "rack:r2".parse().unwrap();
    cluster.observe(Fact::AgentUpdated { agent, info: Arc::new(info) });
    assert_eq!(cluster.granted(), "a1->f1 cpus:3;mem:512");
}

#[test]
fn a_refusal_concerns_one_framework_under_one_role_on_one_agent() {
    let mut cluster = Cluster::new();
    let mut both = FrameworkInfo::new("f1", role("role1"));
    both.roles.insert(role("role2"));
    cluster.framework_with("f1", both).agent("a1", "cpus:1;mem:64");
    cluster.granted();
    assert_eq!(cluster.grants[0].role, role("role1"));
    cluster.decline("a1", "f1", 1_000 * SECOND);
    cluster.cycle();
    assert_eq!(cluster.grants[0].role, role("role2"));
    cluster.decline("a1", "f1", 1_000 * SECOND);
    assert_eq!(cluster.cycle(), "");
    cluster.agent("a2", "cpus:1;mem:64").framework("f2", "role1");
    let granted = cluster.granted();
    assert!(granted.contains("a1->f2") && granted.contains("a2->f"), "{granted}");
}

#[test]
fn the_filters_of_one_framework_on_one_agent_are_bounded() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:100;mem:100").framework("f1", "role1");
    cluster.granted();
    for n in 1_u32..100 {
        cluster.recover("a1", "f1", "role1", &format!("cpus:{n};mem:{}", 100 - n));
        let granted = cluster.cycle();
        assert_eq!(granted.matches("a1->f1").count(), 1, "{n}: {granted}");
        cluster.decline("a1", "f1", 1_000 * SECOND);
        let (framework, agent) = (cluster.key("f1"), cluster.agents["a1"]);
        let resources = cluster.allocator.available(agent).unwrap();
        cluster.observe(Fact::Claimed { framework, role: role("role1"), agent, resources });
    }
    assert!(cluster.allocator.filter_count() <= 16, "{}", cluster.allocator.filter_count());
}

#[test]
fn suppression_lasts_until_the_revival_which_clears_filters() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:2;mem:1024").framework("f1", "role1");
    cluster.granted();
    cluster.revive("f1", []);
    assert_eq!(cluster.granted(), "", "it holds everything");
    cluster.decline("a1", "f1", 1_000 * SECOND);
    cluster.suppress("f1", []);
    assert_eq!(cluster.cycle(), "");
    assert_eq!(cluster.allocator.deadline(), None, "nobody takes part, so no round is wanted");
    cluster.revive("f1", []);
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:1024");
}

#[test]
fn suppression_concerns_the_roles_named() {
    let mut cluster = Cluster::new();
    let mut info = FrameworkInfo::new("f1", role("role1"));
    info.roles.insert(role("role2"));
    cluster.framework_with("f1", info).agent("a1", "cpus:2;mem:1024");
    let role_granted = |cluster: &Cluster| cluster.grants.last().map(|grant| grant.role.to_string());
    cluster.granted();
    assert_eq!(role_granted(&cluster).as_deref(), Some("role1"));
    cluster.decline("a1", "f1", 1_000 * SECOND);
    cluster.cycle();
    assert_eq!(role_granted(&cluster).as_deref(), Some("role2"));
    cluster.decline("a1", "f1", None);
    cluster.suppress("f1", ["role2"]);
    assert_eq!(cluster.cycle(), "");
    cluster.revive("f1", ["role1"]);
    cluster.granted();
    assert_eq!(role_granted(&cluster).as_deref(), Some("role1"));
}

#[test]
fn a_disconnected_framework_is_granted_nothing_and_loses_its_filters() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:2;mem:1024").framework("f1", "role1");
    cluster.granted();
    cluster.decline("a1", "f1", 1_000 * SECOND);
    let framework = cluster.key("f1");
    cluster.observe(Fact::FrameworkDeactivated { framework });
    assert_eq!((cluster.cycle(), cluster.allocator.filter_count()), (String::new(), 0));
    cluster.observe(Fact::FrameworkActivated { framework });
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:1024");
}

#[test]
fn what_comes_back_from_a_disconnected_framework_leaves_no_filter() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:2;mem:1024").framework("f1", "role1");
    cluster.granted();
    let framework = cluster.key("f1");
    cluster.observe(Fact::FrameworkDeactivated { framework });
    cluster.decline("a1", "f1", 1_000 * SECOND);
    cluster.observe(Fact::FrameworkActivated { framework });
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:1024");
}

#[test]
fn recovered_resources_wait_for_the_batch_round() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:1;mem:64").framework("f1", "role1");
    cluster.granted();
    cluster.pass(10 * SECOND);
    cluster.now = cluster.now + SECOND / 4;
    cluster.decline("a1", "f1", None);
    assert_eq!(cluster.granted(), "");
    let wait = cluster.allocator.deadline().unwrap().since(cluster.now);
    assert_eq!(wait, SECOND * 3 / 4, "rounds that were left out do not move the next one");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:1;mem:64");
}

#[test]
fn no_round_is_wanted_while_nothing_can_change() {
    let mut cluster = Cluster::new();
    assert_eq!(cluster.allocator.deadline(), None);
    cluster.agent("a1", "cpus:1;mem:64").agent("a2", "cpus:1;mem:64");
    cluster.granted();
    assert_eq!(cluster.allocator.deadline(), None, "there are no frameworks");
    cluster.framework("f1", "role1");
    cluster.granted();
    cluster.cycle();
    assert_eq!(cluster.allocator.deadline(), None, "nothing is left");
    cluster.decline("a1", "f1", 100 * SECOND);
    cluster.cycle();
    let wait = cluster.allocator.deadline().unwrap().since(cluster.now);
    assert!(wait >= 98 * SECOND, "nothing happens until the filter ends: {wait:?}");
    assert_eq!(cluster.pass(101 * SECOND), "a1->f1 cpus:1;mem:64");
}

#[test]
fn a_round_for_a_new_agent_leaves_the_others_to_the_batch() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:1;mem:64").framework("f1", "role1");
    cluster.granted();
    cluster.decline("a1", "f1", None);
    cluster.agent("a2", "cpus:1;mem:64");
    assert_eq!(cluster.granted(), "a2->f1 cpus:1;mem:64");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:1;mem:64");
}
