//! Who comes first.

use super::*;

#[test]
fn unreserved_resources_go_to_the_smallest_dominant_share() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:2;mem:1024").framework("f1", "role1");
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:1024");
    cluster.framework("f2", "role2").agent("a2", "cpus:1;mem:512");
    assert_eq!(cluster.granted(), "a2->f2 cpus:1;mem:512");
    cluster.agent("a3", "cpus:3;mem:2048");
    assert_eq!(cluster.granted(), "a3->f2 cpus:3;mem:2048");
    cluster.framework("f3", "role1").agent("a4", "cpus:4;mem:4096");
    assert_eq!(cluster.granted(), "a4->f3 cpus:4;mem:4096");
    cluster.framework("f4", "role1").agent("a5", "cpus:1;mem:512");
    assert_eq!(cluster.granted(), "a5->f2 cpus:1;mem:512", "roles are compared before frameworks");
}

#[test]
fn reserved_resources_count_in_the_share_once_they_are_granted() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus(role1):100;mem(role1):1024").framework("f1", "role1");
    assert_eq!(cluster.granted(), "a1->f1 cpus(role1):100;mem(role1):1024");
    cluster.framework("f2", "role2").agent("a2", "cpus:2;mem:512");
    assert_eq!(cluster.granted(), "a2->f2 cpus:2;mem:512");
    cluster.agent("a3", "cpus:2;mem:512");
    assert_eq!(cluster.granted(), "a3->f2 cpus:2;mem:512");
    cluster.framework("f3", "role1").agent("a4", "cpus(role1):2;mem(role1):1024");
    assert_eq!(cluster.granted(), "a4->f3 cpus(role1):2;mem(role1):1024");
}

#[test]
fn nested_roles_are_compared_inside_their_parents_share() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:2;mem:1024").framework("f1", "a/b");
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:1024");
    cluster.framework("f2", "a/c").framework("f3", "d/e").agent("a2", "cpus:1;mem:512");
    assert_eq!(cluster.granted(), "a2->f3 cpus:1;mem:512");
    cluster.framework("f4", "d/f").agent("a3", "cpus:2;mem:1024");
    assert_eq!(cluster.granted(), "a3->f4 cpus:2;mem:1024");
}

#[test]
fn agents_are_granted_whole() {
    let mut cluster = Cluster::new();
    cluster.agent("a1", "cpus:2;mem:1024").agent("a2", "cpus:2;mem:1024").framework("f1", "role1");
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:1024, a2->f1 cpus:2;mem:1024");
    cluster.decline("a1", "f1", None);
    cluster.decline("a2", "f1", None);
    cluster.framework("f2", "role2");
    let granted = cluster.granted();
    assert!(granted == "a1->f1 cpus:2;mem:1024, a2->f2 cpus:2;mem:1024" || granted.starts_with("a1->f2"), "{granted}");
    assert!(granted.contains("->f1") && granted.contains("->f2"), "{granted}");
}

/// The worked example of the paper: 9 cpus and 18 GB; A's tasks need 1 cpu and 4 GB, B's 3 cpus and 1 GB. A ends with three
/// tasks, B with two. One agent is one task's worth here, since agents are granted whole.
#[test]
fn the_example_of_the_paper() {
    let mut cluster = Cluster::new();
    cluster.agent("all", "cpus:9;mem:18").framework("A", "a").framework("B", "b");
    cluster.granted();
    // Whoever got everything keeps one task's worth at a time, hands back the rest, and is not offered it again.
    let mut tasks = BTreeMap::from([("A", 0), ("B", 0)]);
    let task = BTreeMap::from([("A", resources("cpus:1;mem:4")), ("B", resources("cpus:3;mem:1"))]);
    cluster.allocator.options.min_allocatable.clear();
    while let Some(grant) = cluster.grants.pop() {
        let name = if grant.framework == cluster.key("A") { "A" } else { "B" };
        let Some(rest) = grant.resources.checked_sub(&task[name]) else { break };
        *tasks.get_mut(name).unwrap() += 1;
        cluster.observe(Fact::Recovered {
            framework: grant.framework,
            role: grant.role,
            agent: grant.agent,
            resources: rest,
            filters: None,
        });
        cluster.cycle();
    }
    assert_eq!(tasks, BTreeMap::from([("A", 3), ("B", 2)]));
}

#[test]
fn weights_decide_how_the_cluster_is_split() {
    let mut cluster = Cluster::new();
    for name in ["a1", "a2", "a3", "a4", "a5", "a6"] {
        cluster.agent(name, "cpus:2;mem:1024");
    }
    cluster.framework("f1", "role1").framework("f2", "role2");
    let split = |granted: &str, names: &[&str]| -> Vec<usize> {
        names.iter().map(|name| granted.matches(&format!("->{name}")).count()).collect()
    };
    assert_eq!(split(&cluster.granted(), &["f1", "f2"]), [3, 3]);
    let hand_back_all = |cluster: &mut Cluster| {
        for Grant { framework, role, agent, resources } in std::mem::take(&mut cluster.grants) {
            cluster.observe(Fact::Recovered { framework, role, agent, resources, filters: None });
        }
    };
    hand_back_all(&mut cluster);
    cluster.weigh("role2", 2.0);
    assert_eq!(cluster.granted(), "", "a weight alone grants nothing");
    assert_eq!(split(&cluster.cycle(), &["f1", "f2"]), [2, 4]);
    hand_back_all(&mut cluster);
    cluster.weigh("role3", 3.0);
    cluster.framework("f3", "role3");
    assert_eq!(split(&cluster.granted(), &["f1", "f2", "f3"]), [1, 2, 3]);
}

#[test]
fn use_known_before_its_framework_counts_from_the_beginning() {
    let used = |framework, path| vec![Used { framework, role: role(path), resources: resources("cpus:1") }];
    let mut cluster = Cluster::new();
    cluster.agent_with("a1", AgentInfo::new("a1", resources("cpus:1")), used(FrameworkKey(0), "role1"));
    cluster.framework("f1", "role1").framework("f2", "role2");
    cluster.agent_with("a2", AgentInfo::new("a2", resources("cpus:1")), used(FrameworkKey(1), "role2"));
    assert_eq!((cluster.dominant_share("role1"), cluster.dominant_share("role2")), (0.5, 0.5));
    assert_eq!(cluster.granted(), "");
    let shares = cluster.allocator.shares();
    let ids: Vec<_> = shares.iter().map(|share| share.frameworks[0].id.as_ref().unwrap().as_str()).collect();
    assert_eq!(ids, ["f1", "f2"]);
}

#[test]
fn random_sorters_serve_everybody_in_the_end() {
    let random = super::super::SorterKind::Random;
    let mut cluster = Cluster::with(Options { role_sorter: random, framework_sorter: random, ..Options::default() });
    for name in ["f1", "f2", "f3"] {
        cluster.framework(name, "role1");
    }
    cluster.framework("f4", "role2/x").agent("a1", "cpus:1;mem:64");
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        seen.extend([cluster.granted(), cluster.cycle()]);
        let grant = cluster.grants.pop().unwrap();
        let Grant { framework, role, agent, resources } = grant;
        cluster.observe(Fact::Recovered { framework, role, agent, resources, filters: None });
    }
    seen.remove("");
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn excluded_names_do_not_make_a_share() {
    let fairness_excluded = vec![mesos_core::resource::ResourceName::Gpus];
    let mut cluster = Cluster::with(Options { fairness_excluded, filter_gpu_resources: false, ..Options::default() });
    cluster.agent("a1", "cpus:2;mem:64;gpus:1").framework("f1", "role1");
    cluster.granted();
    cluster.agent("a2", "cpus:8;mem:256").framework("f2", "role2");
    cluster.granted();
    assert_eq!((cluster.dominant_share("role1"), cluster.dominant_share("role2")), (0.2, 0.8));
}
