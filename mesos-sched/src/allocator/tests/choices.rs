//! What an operator may choose: waiting for agents after an election, the order of agents, a bound on starvation.

use super::super::AgentOrder;
use super::*;

#[test]
fn with_a_quota_rounds_wait_until_most_agents_are_back() {
    let mut cluster = Cluster::new();
    cluster.quota("q", "cpus:1", "");
    cluster.observe(Fact::AgentsExpected { count: 5 });
    cluster.framework("f1", "r");
    for agent in ["a1", "a2", "a3"] {
        cluster.agent(agent, "cpus:1;mem:64");
    }
    assert_eq!(cluster.pass(100 * SECOND), "");
    cluster.agent("a4", "cpus:1;mem:64");
    assert_eq!(cluster.granted().matches("->f1").count(), 4, "one of them without cpus");
    // From then on nothing waits, whatever comes and goes.
    let (first, second) = (cluster.agents["a1"], cluster.agents["a2"]);
    cluster.observe(Fact::AgentRemoved { agent: first });
    cluster.observe(Fact::AgentRemoved { agent: second });
    cluster.agent("a5", "cpus:1;mem:64");
    assert_ne!(cluster.granted(), "");
}

#[test]
fn rounds_wait_no_longer_than_the_timeout() {
    let mut cluster = Cluster::with(Options { agent_recovery_timeout: 30 * SECOND, ..Options::default() });
    cluster.quota("q", "cpus:1", "");
    cluster.observe(Fact::AgentsExpected { count: 100 });
    cluster.framework("f1", "q").agent("a1", "cpus:1;mem:64");
    assert_eq!(cluster.pass(29 * SECOND), "");
    assert_eq!(cluster.pass(SECOND), "a1->f1 cpus:1;mem:64");
}

#[test]
fn without_a_quota_nothing_waits() {
    let mut cluster = Cluster::new();
    cluster.observe(Fact::AgentsExpected { count: 100 });
    cluster.framework("f1", "r").agent("a1", "cpus:1;mem:64");
    assert_eq!(cluster.granted(), "a1->f1 cpus:1;mem:64");
    cluster.quota("q", "cpus:1", "").agent("a2", "cpus:2;mem:64");
    assert_eq!(cluster.granted(), "a2->f1 cpus:1;mem:64");
}

#[test]
fn the_fullest_agents_come_first_if_that_is_chosen() {
    let mut cluster = Cluster::with(Options { agent_order: AgentOrder::FullestFirst, ..Options::default() });
    cluster.quota("q", "", "cpus:2;mem:64");
    for agent in ["a1", "a2", "a3", "a4", "a5"] {
        let part = if agent == "a4" { "cpus:6;mem:576" } else { "cpus:0.1" };
        let used = vec![Used { framework: FrameworkKey(100), role: role("old"), resources: resources(part) }];
        cluster.agent_with(agent, AgentInfo::new(agent, resources("cpus:8;mem:640")), used);
    }
    cluster.framework("f1", "q");
    assert_eq!(cluster.granted(), "a4->f1 cpus:2;mem:64");
}

/// One framework returns everything at once, another one has something and would take more.
fn rounds_until_served(starvation_batches: Option<u32>) -> Option<u32> {
    let mut cluster = Cluster::with(Options { starvation_batches, ..Options::default() });
    cluster.framework("greedy", "r1").agent("a1", "cpus:1;mem:64");
    cluster.granted();
    cluster.framework("picky", "r2").agent("a2", "cpus:1;mem:64");
    cluster.granted();
    (1..=50).find(|_| {
        cluster.decline("a2", "picky", None);
        cluster.cycle() == "a2->greedy cpus:1;mem:64"
    })
}

#[test]
fn who_waits_long_enough_goes_first_if_that_is_chosen() {
    assert_eq!(rounds_until_served(None), None);
    let waited = rounds_until_served(Some(5)).unwrap();
    assert!((5..=6).contains(&waited), "{waited}");
}

#[test]
fn who_went_first_once_waits_again() {
    let mut cluster = Cluster::with(Options { starvation_batches: Some(3), ..Options::default() });
    cluster.framework("f1", "r1").framework("f2", "r2").agent("a1", "cpus:1;mem:64");
    cluster.granted();
    cluster.agent("a2", "cpus:1;mem:64");
    cluster.granted();
    let mut served = BTreeMap::<FrameworkKey, u32>::new();
    for _ in 0..40 {
        let Grant { framework, role, agent, resources } =
            cluster.grants.iter().rfind(|grant| grant.agent == cluster.agents["a2"]).unwrap().clone();
        cluster.observe(Fact::Recovered { framework, role, agent, resources, filters: None });
        cluster.cycle();
        *served.entry(cluster.grants.last().unwrap().framework).or_default() += 1;
    }
    assert!(served.values().all(|times| *times >= 9), "{served:?}");
}

/// A role is granted more than its guarantee while guarantees are served, and gives it back; another one wants it.
fn rounds_until_served_beside_a_guarantee(starvation_batches: Option<u32>) -> Option<u32> {
    let mut cluster = Cluster::with(Options { starvation_batches, ..Options::default() });
    cluster.quota("q", "cpus:1;mem:64", "").framework("greedy", "q").framework("patient", "r");
    cluster.agent("a1", "cpus:8;mem:640");
    cluster.granted();
    (1..=20).find(|_| {
        cluster.decline("a1", "greedy", None);
        cluster.cycle().contains("patient")
    })
}

#[test]
fn a_burst_beyond_a_guarantee_waits_for_those_who_have_waited() {
    assert_eq!(rounds_until_served_beside_a_guarantee(None), None);
    let waited = rounds_until_served_beside_a_guarantee(Some(5)).unwrap();
    assert!((5..=6).contains(&waited), "{waited}");
}

/// Who was held back stands in line before somebody new who has a promise, once less has to be kept.
#[test]
fn who_was_held_back_and_has_waited_goes_before_a_burst_of_somebody_new() {
    let mut cluster = Cluster::with(Options { starvation_batches: Some(2), ..Options::default() });
    cluster.quota("q", "cpus:4", "").quota("p", "cpus:1", "");
    let mut info = FrameworkInfo::new("patient", role("r"));
    info.min_allocatable.insert(role("r"), vec!["cpus:1".parse().unwrap()]);
    cluster.framework_with("patient", info).agent("a1", "cpus:4;mem:256");
    assert_eq!(cluster.pass(5 * SECOND), "", "all cores are kept");
    cluster.quota("q", "", "").framework("new", "p");
    assert_eq!(cluster.granted(), "a1->new cpus:1, a1->patient cpus:3;mem:256");
}

#[test]
fn batch_rounds_that_were_left_out_count_as_waiting() {
    let mut cluster = Cluster::with(Options { starvation_batches: Some(5), ..Options::default() });
    cluster.framework("large", "r1").agent("a1", "cpus:8;mem:512");
    assert_eq!(cluster.granted(), "a1->large cpus:8;mem:512");
    // Nothing is free for as long as nine batch rounds, so none of them takes place.
    assert_eq!(cluster.pass(9 * SECOND), "");
    cluster.framework("small", "r2");
    let granted = cluster.agent("a2", "cpus:1;mem:64").granted();
    assert_eq!(granted, "a2->large cpus:1;mem:64", "the other one came just now");
}
