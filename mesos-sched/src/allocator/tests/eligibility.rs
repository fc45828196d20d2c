//! Who may have what, and how little is worth an offer.

use super::*;
use mesos_core::resource::{Disk, Reservation, Reservations, Resource, Scalar};
use mesos_core::{AgentCapability, FaultDomain, PersistenceId};

#[test]
fn reservations_are_kept_for_their_roles() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus(role1):2;mem(role1):1024");
    cluster.agent("a2", "cpus(role2):2;mem(role2):1024;cpus:1;mem:1024");
    cluster.agent("a3", "cpus(role3):1;mem(role3):1024").framework("f1", "role1");
    assert_eq!(cluster.granted(), "a1->f1 cpus(role1):2;mem(role1):1024, a2->f1 cpus:1;mem:1024");
    cluster.framework("f2", "role2");
    assert_eq!(cluster.granted(), "a2->f2 cpus(role2):2;mem(role2):1024");
}

#[test]
fn reservations_of_a_role_are_offered_to_the_roles_below_it() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "a/b/c").agent("a1", "cpus(a):1;mem(a):64").agent("a2", "cpus(a):1;cpus:2;mem:64");
    cluster.agent("a3", "cpus(a/b/c/d):1;mem(ab):64");
    assert_eq!(cluster.granted(), "a1->f1 cpus(a):1;mem(a):64, a2->f1 cpus:2;mem:64;cpus(a):1");
}

#[test]
fn one_agent_may_be_shared_by_the_owners_of_its_parts() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").framework("f2", "role2").framework("f3", "role3");
    cluster.agent("a1", "cpus(role1):1;cpus(role2):1;cpus:1");
    let granted = cluster.granted();
    assert_eq!(granted.matches("cpus(role1):1").count(), 1, "{granted}");
    assert_eq!(granted.matches("cpus(role2):1").count(), 1, "{granted}");
    assert_eq!(cluster.available("a1"), "");
}

#[test]
fn too_little_is_not_offered() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "cpus:0.005;mem:16").agent("a2", "cpus:0.01;mem:16");
    cluster.agent("a3", "cpus:0.005;mem:32").agent("a4", "cpus:0.015;mem:16;cpus(role1):0.015;mem(role1):16");
    let granted = cluster.granted();
    for (agent, is_granted) in [("a1", false), ("a2", true), ("a3", true), ("a4", true)] {
        assert_eq!(granted.contains(&format!("{agent}->f1")), is_granted, "{agent}: {granted}");
    }
}

#[test]
fn a_framework_may_have_minimal_amounts_of_its_own() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "cpus:0.005;mem:16;disk:100");
    assert_eq!((cluster.granted(), cluster.cycle()), (String::new(), String::new()));
    let minimums = vec!["cpus:0.003".parse().unwrap(), "mem:1000".parse().unwrap()];
    cluster.update("f1", |info| {
        info.min_allocatable.insert(role("role1"), minimums);
    });
    assert_eq!(cluster.granted(), "", "an update calls for no round");
    assert_eq!(cluster.cycle(), "a1->f1 cpus:0.005;mem:16;disk:100");
}

#[test]
fn an_empty_list_of_minimal_amounts_means_anything() {
    let mut cluster = Cluster::new();
    let mut info = FrameworkInfo::new("f1", role("role1"));
    info.min_allocatable.insert(role("role1"), Vec::new());
    cluster.framework_with("f1", info).agent("a1", "disk:1");
    assert_eq!(cluster.granted(), "a1->f1 disk:1");
}

#[test]
fn agents_with_gpus_are_kept_for_those_who_can_use_them() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1").agent("a1", "cpus:1;mem:64;gpus:1");
    assert_eq!(cluster.granted(), "");
    cluster.framework_with("f2", capable("f2", "role2", FrameworkCapability::GpuResources));
    assert_eq!(cluster.granted(), "a1->f2 cpus:1;mem:64;gpus:1");
    let mut cluster = Cluster::with(Options { filter_gpu_resources: false, ..Options::default() });
    cluster.framework("f1", "role1").agent("a1", "cpus:1;mem:64;gpus:1");
    assert_eq!(cluster.granted(), "a1->f1 cpus:1;mem:64;gpus:1");
}

#[test]
fn agents_of_other_regions_are_kept_for_those_who_know() {
    let mut cluster = Cluster::with(Options { region: Some("north".into()), ..Options::default() });
    cluster.framework("f1", "role1");
    for (name, region) in [("a1", Some("south")), ("a2", Some("north")), ("a3", None)] {
        let mut info = AgentInfo::new(name, resources("cpus:1;mem:64"));
        info.domain = region.map(|region| FaultDomain { region: region.into(), zone: "z".into() });
        cluster.agent_with(name, info, Vec::new());
    }
    assert_eq!(cluster.granted(), "a2->f1 cpus:1;mem:64, a3->f1 cpus:1;mem:64");
    cluster.update("f1", |info| {
        info.capabilities.insert(FrameworkCapability::RegionAware);
    });
    assert_eq!(cluster.cycle(), "a1->f1 cpus:1;mem:64");
}

#[test]
fn old_agents_are_kept_from_frameworks_of_several_roles_and_from_nested_roles() {
    let mut cluster = Cluster::new();
    let mut simple = FrameworkInfo::new("simple", role("a"));
    simple.capabilities.remove(&FrameworkCapability::MultiRole);
    let mut nested = FrameworkInfo::new("nested", role("a/b"));
    nested.capabilities.remove(&FrameworkCapability::MultiRole);
    cluster.framework("several", "a").framework_with("nested", nested);
    let mut agent = AgentInfo::new("a1", resources("cpus:1;mem:64"));
    agent.capabilities.remove(&AgentCapability::MultiRole);
    agent.capabilities.remove(&AgentCapability::HierarchicalRole);
    cluster.agent_with("a1", agent, Vec::new());
    assert_eq!(cluster.granted(), "");
    cluster.framework_with("simple", simple);
    assert_eq!(cluster.granted(), "a1->simple cpus:1;mem:64");
}

fn volume(size: u32) -> Resource {
    let disk = Disk::volume(PersistenceId::new("v").unwrap(), None, "data");
    let reserved = Reservations::new([Reservation::dynamic(role("role1"), None)]).unwrap();
    Resource::disk(Scalar::from_units(size)).with_reservations(reserved).with_disk(disk)
}

#[test]
fn what_a_framework_cannot_handle_is_left_out() {
    let refined = Reservations::new([Reservation::fixed(role("role1"))]).unwrap();
    let refined = refined.push(Reservation::dynamic(role("role1/x"), None)).unwrap();
    let mut total = resources("cpus:1;mem:64");
    total.add(Resource::cpus(Scalar::from_units(2)).revocable()).unwrap();
    total.add(Resource::cpus(Scalar::from_units(4)).with_reservations(refined)).unwrap();
    total.add(volume(10).shared()).unwrap();
    let granted_to = |info: FrameworkInfo| {
        let mut cluster = Cluster::new();
        cluster.framework_with("f1", info).agent_with("a1", AgentInfo::new("a1", total.clone()), Vec::new());
        cluster.granted();
        cluster.grants.pop().unwrap().resources
    };
    let mut plain = FrameworkInfo::new("f1", role("role1/x"));
    plain.capabilities = BTreeSet::from([FrameworkCapability::MultiRole]);
    let cpus_and_disk = |resources: Resources| (resources.cpus(), resources.disk());
    let units = Scalar::from_units;
    assert_eq!(cpus_and_disk(granted_to(plain.clone())), (units(1), units(0)));
    let cases = [
        (FrameworkCapability::RevocableResources, (units(3), units(0))),
        (FrameworkCapability::ReservationRefinement, (units(5), units(0))),
        (FrameworkCapability::SharedResources, (units(1), units(10))),
    ];
    for (capability, expected) in cases {
        let mut info = plain.clone();
        info.capabilities.insert(capability);
        assert_eq!(cpus_and_disk(granted_to(info)), expected, "{capability:?}");
    }
}

/// A framework that comes first but may not have what is left is passed over, and does not end the round.
#[test]
fn a_framework_that_cannot_handle_the_rest_is_passed_over() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "role1/x").agent("a0", "cpus:1;mem:64");
    assert_eq!(cluster.granted(), "a0->f1 cpus:1;mem:64");
    let mut simple = FrameworkInfo::new("f2", role("role1/x"));
    simple.capabilities.remove(&FrameworkCapability::ReservationRefinement);
    cluster.framework_with("f2", simple);
    let refined = Reservations::new([Reservation::fixed(role("role1"))]).unwrap();
    let refined = refined.push(Reservation::dynamic(role("role1/x"), None)).unwrap();
    let total = Resources::try_from(Resource::cpus(Scalar::from_units(1)).with_reservations(refined)).unwrap();
    cluster.agent_with("a1", AgentInfo::new("a1", total), Vec::new());
    assert!(cluster.granted().starts_with("a1->f1"));
}

#[test]
fn a_shared_volume_goes_to_one_client_a_round_and_stays_available() {
    let mut cluster = Cluster::new();
    for name in ["f1", "f2"] {
        let mut info = capable(name, "role1", FrameworkCapability::SharedResources);
        info.min_allocatable.insert(role("role1"), Vec::new());
        cluster.framework_with(name, info);
    }
    let mut total = resources("cpus:1;mem:64");
    total.add(volume(10).shared()).unwrap();
    cluster.agent_with("a1", AgentInfo::new("a1", total), Vec::new());
    let first = cluster.granted();
    assert_eq!(first.matches("a1->").count(), 1, "{first}");
    let share = cluster.dominant_share("role1");
    let second = cluster.cycle();
    assert_eq!(second.matches("a1->").count(), 1, "{second}");
    assert_ne!(first[..6], second[..6], "the other framework has the smaller share now");
    assert!(cluster.available("a1").contains("disk"), "{}", cluster.available("a1"));
    let third = cluster.cycle();
    assert_eq!(third.matches("a1->").count(), 1, "{third}");
    let total: f64 = cluster.allocator.shares()[0].frameworks.iter().map(|own| own.dominant_share).sum();
    assert_eq!((share, total), (1.0, 2.0), "copies of what a framework has already do not count again");
    // To those who share among roles a role is one client.
    assert_eq!(cluster.dominant_share("role1"), 1.0, "it counts once, however many below the role hold it");
    cluster.framework("f3", "role1/below");
    for (framework, left) in [("f1", 1.0), ("f2", 0.0)] {
        let key = cluster.key(framework);
        while cluster.grants.iter().any(|grant| grant.framework == key) {
            cluster.decline("a1", framework, None);
        }
        assert_eq!(cluster.dominant_share("role1"), left, "{framework} holds nothing any more");
    }
}

/// Sub-roles may hold the same volume of the role above; it counts once there as well, and once for each of them.
#[test]
fn a_shared_volume_counts_once_for_each_role_on_the_way() {
    let mut cluster = Cluster::new();
    for (name, path) in [("f1", "role1/b"), ("f2", "role1/c")] {
        let mut info = capable(name, path, FrameworkCapability::SharedResources);
        info.min_allocatable.insert(role(path), Vec::new());
        cluster.framework_with(name, info);
    }
    let mut total = resources("");
    total.add(volume(10).shared()).unwrap();
    cluster.agent_with("a1", AgentInfo::new("a1", total), Vec::new());
    cluster.granted();
    cluster.cycle();
    let shares = ["role1", "role1/b", "role1/c"].map(|path| cluster.dominant_share(path));
    assert_eq!(shares, [1.0; 3]);
    let agent = cluster.agents["a1"];
    cluster.observe(Fact::AgentRemoved { agent });
    let shares = ["role1", "role1/b", "role1/c"].map(|path| cluster.dominant_share(path));
    assert_eq!(shares, [0.0; 3]);
}
