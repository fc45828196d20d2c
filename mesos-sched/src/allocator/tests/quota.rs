//! Guarantees, limits and headroom.

use mesos_core::resource::{Disk, DiskSource, Resource, Scalar};

use super::*;

const LONG: Duration = Duration::from_secs(86_400);

/// Quota is set before anything else happens, as after an election.
fn cluster(quotas: &[(&str, &str, &str)]) -> Cluster {
    let mut cluster = Cluster::new();
    for (path, guarantees, limits) in quotas {
        cluster.quota(path, guarantees, limits);
    }
    cluster
}

#[test]
fn a_limit_of_nothing_keeps_a_role_out_and_a_raised_one_lets_it_in() {
    let mut cluster = cluster(&[("q", "", "cpus:0;mem:0;disk:0")]);
    cluster.framework("f1", "q").agent("a1", "cpus:2;mem:1024;disk:1024");
    assert_eq!(cluster.granted(), "");
    cluster.framework("f2", "r");
    assert_eq!(cluster.granted(), "a1->f2 cpus:2;mem:1024;disk:1024");
    cluster.quota("q", "", "cpus:1;mem:512;disk:512").agent("a2", "cpus:2;mem:1024;disk:1024");
    assert_eq!(cluster.granted(), "a2->f1 cpus:1;mem:512;disk:512, a2->f2 cpus:1;mem:512;disk:512");
}

#[test]
fn a_removed_quota_frees_what_was_kept() {
    let mut cluster = cluster(&[("q", "cpus:2;mem:1024", "cpus:2;mem:1024")]);
    cluster.framework("f1", "q").agent("a1", "cpus:1;mem:512").agent("a2", "cpus:1;mem:512");
    cluster.granted();
    cluster.framework("f2", "r");
    assert_eq!(cluster.granted(), "");
    cluster.quota("q", "", "");
    cluster.decline("a1", "f1", None);
    assert_eq!(cluster.cycle(), "a1->f2 cpus:1;mem:512");
}

#[test]
fn an_agent_is_cut_to_what_is_guaranteed() {
    let mut cluster = cluster(&[("q", "cpus:0.5;mem:200", "cpus:0.5;mem:200")]);
    cluster.framework("f1", "q").agent("a1", "cpus:1;mem:512");
    assert_eq!(cluster.granted(), "a1->f1 cpus:0.5;mem:200");
    cluster.framework("f2", "r");
    assert_eq!(cluster.granted(), "a1->f2 cpus:0.5;mem:312");
}

fn with_mount(text: &str, megabytes: u32) -> Resources {
    let disk = Resource::disk(Scalar::from_units(megabytes)).with_disk(Disk::from_source(DiskSource::mount("/data")));
    let mut total = resources(text);
    total.add(disk).unwrap();
    total
}

#[test]
fn an_exclusive_disk_is_given_as_a_whole_or_not_at_all() {
    let quota = "cpus:2;mem:2048;disk:150";
    let mut cluster = cluster(&[("q", quota, quota)]);
    cluster.framework("f1", "q");
    let mut granted = Vec::new();
    for (name, total) in [
        ("a1", with_mount("cpus:0.5;mem:512", 100)),
        ("a2", with_mount("cpus:0.5;mem:512", 100)),
        ("a3", resources("cpus:2;mem:2048;disk:150")),
    ] {
        cluster.agent_with(name, AgentInfo::new(name, total), Vec::new());
        granted.push(cluster.granted());
    }
    assert_eq!(granted[0], format!("a1->f1 {}", with_mount("cpus:0.5;mem:512", 100)));
    assert_eq!(granted[1..], ["a2->f1 cpus:0.5;mem:512", "a3->f1 cpus:1;mem:1024;disk:50"]);
}

#[test]
fn what_a_satisfied_role_leaves_goes_to_others() {
    let mut cluster = cluster(&[("q", "cpus:0.25;mem:128", "cpus:0.25;mem:128")]);
    cluster.framework("f1", "q");
    let used = vec![Used { framework: cluster.key("f1"), role: role("q"), resources: resources("cpus:0.25;mem:128") }];
    cluster.agent_with("a1", AgentInfo::new("a1", resources("cpus:1;mem:512")), used);
    assert_eq!(cluster.granted(), "");
    cluster.framework("f2", "r");
    assert_eq!(cluster.granted(), "a1->f2 cpus:0.75;mem:384");
    cluster.agent("a2", "cpus:1;mem:512");
    assert_eq!(cluster.granted(), "a2->f2 cpus:1;mem:512");
}

#[test]
fn a_guarantee_ends_starvation() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "q").agent("a1", "cpus:1;mem:512");
    cluster.granted();
    cluster.framework("f2", "r").agent("a2", "cpus:1;mem:512");
    assert_eq!(cluster.granted(), "a2->f2 cpus:1;mem:512");
    for _ in 0..3 {
        cluster.decline("a2", "f2", None);
        assert_eq!(cluster.cycle(), "a2->f2 cpus:1;mem:512");
    }
    cluster.quota("q", "cpus:2;mem:1024", "cpus:2;mem:1024");
    cluster.decline("a2", "f2", None);
    assert_eq!(cluster.cycle(), "a2->f1 cpus:1;mem:512");
}

#[test]
fn a_guarantee_is_given_even_when_another_cannot_be_kept_any_more() {
    let mut cluster = cluster(&[("absent", "cpus:1;mem:1024", ""), ("q", "cpus:2;mem:2048", "")]);
    cluster.framework("f1", "q").agent("a1", "cpus:2;mem:2048");
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:2048");
    assert_eq!(cluster.allocator.required_headroom().to_string(), "cpus:1;mem:1024");
}

#[test]
fn a_role_bursts_beyond_its_guarantee_within_headroom() {
    let mut cluster =
        cluster(&[("q1", "cpus:1;mem:200", "cpus:1;mem:200"), ("q2", "cpus:2;mem:2000", "cpus:2;mem:2000")]);
    cluster.framework("f1", "q1").framework("f2", "q2");
    for (agent, framework, path, part) in [("a1", "f1", "q1", "cpus:1;mem:200"), ("a2", "f2", "q2", "cpus:1;mem:1024")]
    {
        let used = vec![Used { framework: cluster.key(framework), role: role(path), resources: resources(part) }];
        cluster.agent_with(agent, AgentInfo::new(agent, resources(part)), used);
    }
    cluster.agent("a3", "cpus:2;mem:2048");
    assert_eq!(cluster.granted(), "a3->f2 cpus:1;mem:976");

    let mut cluster = self::cluster(&[("q", "cpus:2", "cpus:5"), ("absent", "cpus:4", "")]);
    cluster.framework("f1", "q").agent("a1", "cpus:10;mem:64;disk:7;gpus:0");
    assert_eq!(cluster.granted(), "a1->f1 cpus:5;mem:64;disk:7", "names that are not guaranteed travel along");
}

#[test]
fn headroom_bounds_the_burst() {
    let mut cluster = cluster(&[("q", "cpus:2", ""), ("absent", "cpus:4;mem:10", "")]);
    cluster.framework("f1", "q").agent("a1", "cpus:10;mem:64;ports:[1-9]");
    assert_eq!(cluster.granted(), "a1->f1 cpus:6;mem:54;ports:[1-9]");
    assert_eq!(cluster.available("a1"), "cpus:4;mem:10");
}

#[test]
fn a_role_without_frameworks_keeps_its_headroom() {
    let mut cluster = cluster(&[("absent", "cpus:1;mem:512", "")]);
    cluster.framework("f1", "r").agent("a1", "cpus:1;mem:512");
    assert_eq!(cluster.granted(), "");
    cluster.agent("a2", "cpus:1;mem:512");
    let granted = cluster.granted();
    assert!(granted == "a1->f1 cpus:1;mem:512" || granted == "a2->f1 cpus:1;mem:512", "{granted}");
    assert_eq!(cluster.pass(100 * SECOND), "");
    assert_eq!(cluster.allocator.deadline(), None, "what is held back waits for a change");
    cluster.framework("f2", "absent");
    assert!(cluster.granted().ends_with("->f2 cpus:1;mem:512"));
}

#[test]
fn what_is_held_back_is_given_when_headroom_grows_elsewhere() {
    let mut cluster = cluster(&[("absent", "cpus:2;mem:64", "")]);
    cluster.framework("f1", "r").agent("a1", "cpus:2;mem:64");
    assert_eq!(cluster.granted(), "");
    // The larger agent is nothing for f1, so it is headroom.
    cluster.agent("a2", "cpus:8;mem:640;gpus:1");
    assert_eq!(cluster.granted(), "");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:2;mem:64");
}

#[test]
fn a_lower_guarantee_and_a_removed_one_free_what_was_held_back() {
    let mut cluster = cluster(&[("absent", "cpus:4", "")]);
    cluster.framework("f1", "r").agent("a1", "cpus:4;mem:64");
    assert_eq!(cluster.granted(), "a1->f1 mem:64");
    cluster.quota("absent", "cpus:3", "");
    assert_eq!(cluster.granted(), "", "a quota calls for no round");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:1");
    cluster.quota("absent", "", "");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:3");
}

#[test]
fn a_limited_role_is_offered_more_when_it_returns_something_elsewhere() {
    let mut cluster = cluster(&[("q", "", "cpus:2")]);
    cluster.framework("f1", "q").framework("f2", "q").agent("a1", "cpus:2;mem:64").agent("a2", "cpus:2;mem:64");
    cluster.granted();
    assert_eq!(cluster.cycle(), "");
    let holder = |cluster: &Cluster| cluster.grants.iter().find(|grant| !grant.resources.cpus().is_zero()).cloned();
    let Grant { framework, role, agent, .. } = holder(&cluster).unwrap();
    cluster.observe(Fact::AgentDeactivated { agent });
    cluster.observe(Fact::Recovered { framework, role, agent, resources: resources("cpus:1"), filters: None });
    let granted = cluster.cycle();
    assert!(granted.ends_with(" cpus:1"), "{granted}");
}

#[test]
fn reservations_are_set_aside_from_headroom() {
    let mut cluster = cluster(&[("q", "cpus:4;mem:512", "cpus:4;mem:512")]);
    cluster.agent("a1", "cpus(r):4;mem(r):512").agent("a2", "cpus:4;mem:512").framework("f1", "q");
    assert_eq!(cluster.granted(), "a2->f1 cpus:4;mem:512");
    cluster.decline("a2", "f1", LONG);
    cluster.framework("f2", "r");
    assert_eq!(cluster.granted(), "a1->f2 cpus(r):4;mem(r):512");
    cluster.decline("a1", "f2", None);
    assert_eq!(cluster.cycle(), "a1->f2 cpus(r):4;mem(r):512");
}

#[test]
fn an_unused_reservation_of_the_role_counts_against_its_guarantee() {
    let mut cluster = cluster(&[("q", "cpus:1;mem:1024", "cpus:1;mem:1024")]);
    cluster.framework("f1", "q").agent("a1", "cpus(q):1;mem(q):1024");
    assert_eq!(cluster.granted(), "a1->f1 cpus(q):1;mem(q):1024");
    cluster.decline("a1", "f1", LONG);
    cluster.agent("a2", "cpus:1;mem:1024");
    assert_eq!(cluster.granted(), "");
}

#[test]
fn a_reservation_is_offered_whatever_is_held_back() {
    let mut cluster = cluster(&[("q", "cpus:2;mem:2048", "cpus:2;mem:2048")]);
    cluster.framework("f1", "q").agent("a1", "cpus:2;mem:2048;cpus(n):2;mem(n):2048");
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:2048");
    cluster.decline("a1", "f1", LONG);
    cluster.framework("f2", "n");
    assert_eq!(cluster.granted(), "a1->f2 cpus(n):2;mem(n):2048");
}

#[test]
fn reservations_beyond_a_guarantee_need_no_headroom() {
    let mut cluster = cluster(&[("r1", "cpus:1;mem:1024", ""), ("r2", "cpus:1;mem:1024", "")]);
    cluster.agent("a1", "cpus(r1):2;mem(r1):2048").agent("a2", "cpus:1;mem:1024").framework("f1", "other");
    assert_eq!(cluster.granted(), "");
    cluster.agent("a3", "cpus:1;mem:1024");
    assert_ne!(cluster.granted(), "");
    assert_eq!(cluster.allocator.required_headroom().to_string(), "cpus:1;mem:1024");
}

#[test]
fn reservations_of_ancestors_go_to_descendants_in_the_second_stage() {
    let mut cluster = cluster(&[("absent", "cpus:1;mem:1024", "")]);
    cluster.agent("a1", "cpus(a):1;mem(a):1024").framework("f1", "a/b");
    assert_eq!(cluster.granted(), "a1->f1 cpus(a):1;mem(a):1024");
    cluster.agent("a2", "cpus:1;mem:1024").agent("a3", "cpus:1;mem:1024").framework("f2", "r");
    let granted = cluster.granted();
    assert_eq!(granted.matches("cpus:1;mem:1024").count(), 1, "{granted}");

    // With a guarantee of its own, what is reserved to the role comes with it, and what is above it follows in one grant.
    let mut cluster = self::cluster(&[("a/b", "cpus:1", "")]);
    cluster.framework("f1", "a/b").agent("a1", "cpus:1;mem:64;cpus(a):2;mem(a/b):8");
    assert_eq!(cluster.granted(), "a1->f1 cpus:1;mem:64;cpus(a):2;mem(a/b):8");
    assert_eq!(cluster.grants.len(), 1);
}

#[test]
fn a_reservation_of_a_nested_role_counts_for_the_role_above() {
    let mut cluster = cluster(&[("a", "cpus:2;mem:200", "cpus:2;mem:200")]);
    cluster.agent("a1", "cpus(a/b):1;mem(a/b):100").framework("f1", "a").agent("a2", "cpus:10;mem:1000");
    assert_eq!(cluster.granted(), "a2->f1 cpus:1;mem:100");
}

#[test]
fn what_nested_roles_hold_is_no_headroom() {
    let mut cluster = cluster(&[("q", "cpus:1;mem:100", "")]);
    cluster.framework("f1", "a").framework("f2", "a/b");
    for (agent, framework, path) in [("a1", "f1", "a"), ("a2", "f2", "a/b")] {
        let used = Used { framework: cluster.key(framework), role: role(path), resources: resources("cpus:1;mem:100") };
        cluster.agent_with(agent, AgentInfo::new(agent, resources("cpus:1;mem:100")), vec![used]);
    }
    cluster.agent("a3", "cpus:1;mem:100");
    assert_eq!(cluster.granted(), "");
    cluster.agent("a4", "cpus:1;mem:100");
    assert_eq!(cluster.granted().matches("cpus:1;mem:100").count(), 1);
}

#[test]
fn a_limit_above_bounds_the_roles_below() {
    let mut cluster = cluster(&[("a", "", "cpus:3"), ("a/b", "", "cpus:2")]);
    cluster.framework("f1", "a/b").framework("f2", "a/c").agent("a1", "cpus:8;mem:64");
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:64, a1->f2 cpus:1");
    cluster.framework("f3", "d");
    assert_eq!(cluster.granted(), "a1->f3 cpus:5");
}

#[test]
fn a_guarantee_above_is_there_for_all_below_but_not_twice() {
    let mut cluster = cluster(&[("a", "cpus:4", ""), ("a/b", "cpus:3", "")]);
    cluster.framework("f1", "a/c").framework("f2", "other").agent("a1", "cpus:4;mem:64");
    assert_eq!(cluster.granted(), "a1->f1 cpus:1;mem:64", "three are for a/b");
    assert_eq!(cluster.allocator.required_headroom().to_string(), "cpus:3");
    cluster.framework("f3", "a/b");
    assert_eq!(cluster.granted(), "a1->f3 cpus:3");
}

#[test]
fn small_offers_leave_the_rest_to_others_in_the_same_round() {
    let mut cluster = Cluster::new();
    let mut info = FrameworkInfo::new("f1", role("r"));
    info.max_offer = [(role("r"), "cpus:2".parse().unwrap())].into();
    cluster.framework_with("f1", info).framework("f2", "r").agent("a1", "cpus:8;mem:64;ports:[1-9]");
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:64;ports:[1-9], a1->f2 cpus:6");
    cluster.recover("a1", "f2", "r", "cpus:6");
    cluster.suppress("f2", []);
    assert_eq!([cluster.cycle(), cluster.cycle()], ["a1->f1 cpus:2", "a1->f1 cpus:2"]);
}

/// What is left of an agent counts for the next guarantee even where nobody wants as much as an agent beside it has.
#[test]
fn small_offers_for_a_guarantee_come_round_by_round() {
    for seed in 0..8 {
        let mut cluster = cluster(&[("r", "cpus:100", "")]);
        cluster.rng = Rng::new(seed);
        let mut info = FrameworkInfo::new("f1", role("r"));
        info.max_offer = [(role("r"), "cpus:1".parse().unwrap())].into();
        cluster.framework_with("f1", info).agent("a1", "cpus:4").agent("a2", "cpus:4");
        cluster.granted();
        cluster.decline("a1", "f1", LONG);
        assert_eq!([cluster.cycle(), cluster.cycle(), cluster.cycle()], ["a2->f1 cpus:1"; 3], "{seed}");
    }
}

#[test]
fn reserved_and_revocable_resources_are_no_matter_of_limits() {
    let mut total = resources("cpus:4;cpus(q):2;mem:64");
    total.add(Resource::cpus(Scalar::from_units(3)).revocable()).unwrap();
    let mut cluster = cluster(&[("q", "", "cpus:3")]);
    let info = capable("f1", "q", FrameworkCapability::RevocableResources);
    cluster.framework_with("f1", info).agent_with("a1", AgentInfo::new("a1", total), Vec::new());
    let granted = cluster.granted();
    assert!(granted.contains("cpus:1;") && granted.contains("cpus(q):2"), "{granted}");
    assert_eq!(cluster.available("a1"), "cpus:3", "two of the three are reserved already");
}

#[test]
fn consumption_is_seen_from_outside() {
    let mut cluster = cluster(&[("a", "cpus:3", "")]);
    cluster.framework("f1", "a/b").agent("a1", "cpus:2;mem:64;cpus(a/b):1");
    cluster.granted();
    let of = |path| cluster.allocator.quota(&role(path)).unwrap();
    assert_eq!((of("a").consumed.to_string(), of("a").required.to_string()), ("cpus:3;mem:64".into(), String::new()));
    assert_eq!(of("a/b").consumed.to_string(), "cpus:3;mem:64");
    assert_eq!(cluster.allocator.quota(&role("c")), None);
}
