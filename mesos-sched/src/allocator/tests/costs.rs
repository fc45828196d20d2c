//! What changes cost, counted in steps.

use super::super::Costs;
use super::*;

/// A cluster where one framework holds every agent, and another one waits.
fn full(agents: u32) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "r1");
    for slot in 0..agents {
        let (agent, total) = (AgentKey(slot), resources("cpus:2;mem:128"));
        let info = Arc::new(AgentInfo::new("any", total.clone()));
        let id = AgentId::new(format!("a{slot}")).unwrap();
        cluster.observe(Fact::AgentAdded { agent, id, info, total, used: Vec::new() });
    }
    rounds(&mut cluster, 1);
    assert_eq!(cluster.grants.len(), agents as usize);
    cluster
}

fn rounds(cluster: &mut Cluster, count: u32) -> Costs {
    let until = cluster.now + count * SECOND;
    while let Some(due) = cluster.allocator.deadline().filter(|due| *due <= until) {
        cluster.now = due.max(cluster.now);
        cluster.allocator.allocate(Round { now: cluster.now, rng: &mut cluster.rng }, &mut cluster.grants);
    }
    cluster.now = until;
    cluster.allocator.costs()
}

fn hand_back(cluster: &mut Cluster, count: usize, refuse_for: Option<Duration>) {
    for Grant { framework, role, agent, resources } in cluster.grants.split_off(cluster.grants.len() - count) {
        let filters = refuse_for.map(Filters::refuse_for);
        cluster.observe(Fact::Recovered { framework, role, agent, resources, filters });
    }
}

fn difference(before: Costs, after: Costs) -> [u64; 3] {
    [after.visits - before.visits, after.considered - before.considered, after.filter_checks - before.filter_checks]
}

#[test]
fn a_round_costs_what_changed_and_not_the_size_of_the_cluster() {
    let costs = [40, 400].map(|agents| {
        let mut cluster = full(agents);
        hand_back(&mut cluster, 7, None);
        let before = cluster.allocator.costs();
        difference(before, rounds(&mut cluster, 1))
    });
    assert_eq!(costs[0], costs[1]);
    assert_eq!(costs[0][0], 7);
}

#[test]
fn a_cluster_where_everybody_refused_everything_costs_nothing() {
    let mut cluster = full(50);
    hand_back(&mut cluster, 50, Some(1_000 * SECOND));
    let before = rounds(&mut cluster, 2);
    assert_eq!(rounds(&mut cluster, 500), before);
}

#[test]
fn a_storm_of_refusals_costs_no_more_from_round_to_round() {
    let mut cluster = full(30);
    let mut costs = Vec::new();
    for _ in 0..20 {
        hand_back(&mut cluster, 30, Some(SECOND / 2));
        let before = cluster.allocator.costs();
        costs.push(difference(before, rounds(&mut cluster, 2)));
        assert_eq!(cluster.grants.len(), 30);
    }
    assert_eq!(costs[1..19], costs[2..], "{costs:?}");
}

#[test]
fn agents_held_back_cost_nothing_until_there_is_headroom() {
    let mut cluster = Cluster::new();
    cluster.quota("absent", "cpus:500", "").framework("f1", "r1");
    for slot in 0..100 {
        let (agent, total) = (AgentKey(slot), resources("cpus:2"));
        let id = AgentId::new(format!("a{slot}")).unwrap();
        let info = Arc::new(AgentInfo::new("any", total.clone()));
        cluster.observe(Fact::AgentAdded { agent, id, info, total, used: Vec::new() });
    }
    let before = rounds(&mut cluster, 1);
    assert_eq!(cluster.grants.len(), 0);
    assert_eq!(difference(Costs::default(), before)[1], 1, "the others have no more than the first");
    assert_eq!(rounds(&mut cluster, 100), before);
    cluster.quota("absent", "cpus:196", "");
    let after = rounds(&mut cluster, 1);
    assert_eq!((cluster.grants.len(), difference(before, after)[0]), (2, 2), "two of a hundred are looked at");
    // What comes back is granted again, without a look at the others.
    hand_back(&mut cluster, 1, None);
    assert_eq!(difference(after, rounds(&mut cluster, 1))[0], 1);
    assert_eq!(cluster.grants.len(), 2);
}

#[test]
fn agents_that_all_roles_left_are_looked_at_once() {
    let mut cluster = Cluster::new();
    for (name, path) in [("f1", "r1"), ("f2", "r2"), ("f3", "r3")] {
        cluster.quota(path, "", "cpus:1;mem:64").framework(name, path);
    }
    for slot in 0..60 {
        let (agent, total) = (AgentKey(slot), resources("cpus:1;mem:64;ports:[1-9]"));
        let id = AgentId::new(format!("a{slot}")).unwrap();
        let info = Arc::new(AgentInfo::new("any", total.clone()));
        cluster.observe(Fact::AgentAdded { agent, id, info, total, used: Vec::new() });
    }
    let [visits, considered, _] = difference(Costs::default(), rounds(&mut cluster, 1));
    assert_eq!((cluster.grants.len(), visits), (3, 60));
    assert!(considered <= 1 + 2 + 3 + 3, "{considered}");
}

/// Frameworks in one role or in one each, and agents of which nothing is used.
fn crowd(frameworks: u32, agents: u32, has_own_roles: bool) -> Cluster {
    let mut cluster = Cluster::new();
    for slot in 0..frameworks {
        let path = if has_own_roles { format!("r{slot}") } else { "r".to_owned() };
        let info = Arc::new(FrameworkInfo::new("any", role(&path)));
        let (framework, id) = (FrameworkKey(slot), FrameworkId::new(format!("f{slot}")).unwrap());
        cluster.observe(Fact::FrameworkAdded { framework, id, info, suppressed: BTreeSet::new(), is_active: true });
    }
    for slot in 0..agents {
        let (agent, total) = (AgentKey(slot), resources("cpus:2;mem:128"));
        let info = Arc::new(AgentInfo::new("any", total.clone()));
        let id = AgentId::new(format!("a{slot}")).unwrap();
        cluster.observe(Fact::AgentAdded { agent, id, info, total, used: Vec::new() });
    }
    cluster
}

#[test]
fn a_grant_costs_as_many_comparisons_as_a_search_among_its_siblings() {
    for has_own_roles in [false, true] {
        for (frameworks, bits) in [(16, 4), (256, 8), (4_096, 12)] {
            let mut cluster = crowd(frameworks, 100, has_own_roles);
            // The first round sorts, once.
            let sorted = rounds(&mut cluster, 1).comparisons;
            assert_eq!(cluster.grants.len(), 100);
            assert!(sorted <= u64::from(frameworks) * (2 * bits + 4) + 100 * (2 * bits + 8), "{sorted}");
            hand_back(&mut cluster, 100, None);
            let returned = cluster.allocator.costs().comparisons;
            assert!(returned - sorted <= 100 * (2 * bits + 8), "{} to return", returned - sorted);
            let granted = rounds(&mut cluster, 1).comparisons - returned;
            assert!(granted <= 100 * (2 * bits + 8), "{granted} of {frameworks}");
            assert_eq!(rounds(&mut cluster, 10).comparisons - returned, granted, "nothing changed");
        }
    }
}

#[test]
fn guarantees_of_all_roles_cost_half_as_many_comparisons_more_at_most() {
    let costs = [false, true].map(|has_quota| {
        let mut cluster = crowd(500, 1_000, true);
        for slot in 0..500 {
            let promised: mesos_core::resource::Quantities = "cpus:4;mem:256".parse().unwrap();
            let quota = Quota::exactly(if has_quota { promised } else { Default::default() }).unwrap();
            cluster.observe(Fact::QuotaSet { role: role(&format!("r{slot}")), quota });
        }
        let before = cluster.allocator.costs();
        let after = rounds(&mut cluster, 1);
        assert_eq!(cluster.grants.len(), 1_000);
        [after.comparisons - before.comparisons, after.visits - before.visits, after.considered - before.considered]
    });
    // Every role is put where those with a promise are, and back; every agent is looked at in both stages.
    assert!(costs[1][0] <= costs[0][0] * 3 / 2, "{costs:?}");
    assert!(costs[1][1] <= 2 * costs[0][1] && costs[1][2] <= costs[0][2] + 500, "{costs:?}");
}

/// With priorities every visit puts all active roles in order, and does nothing more for roles that are served later.
#[test]
fn priorities_cost_a_look_at_every_role_for_an_agent() {
    let policy = super::super::Policy::Priority([(role("r1"), 1), (role("r2"), 2)].into_iter().collect());
    let mut cluster = Cluster::with(Options { policy, ..Options::default() });
    for (slot, path) in (0..).zip(["r1", "r2", "r3", "r4"]) {
        let info = Arc::new(FrameworkInfo::new("any", role(path)));
        let (framework, id) = (FrameworkKey(slot), FrameworkId::new(format!("f{slot}")).unwrap());
        cluster.observe(Fact::FrameworkAdded { framework, id, info, suppressed: BTreeSet::new(), is_active: true });
    }
    for slot in 0..50 {
        let (agent, total) = (AgentKey(slot), resources("cpus:2;mem:128"));
        let info = Arc::new(AgentInfo::new("any", total.clone()));
        let id = AgentId::new(format!("a{slot}")).unwrap();
        cluster.observe(Fact::AgentAdded { agent, id, info, total, used: Vec::new() });
    }
    let costs = rounds(&mut cluster, 1);
    assert_eq!((costs.visits, costs.ranked, costs.considered), (50, 4 * 50, 50));
    hand_back(&mut cluster, 5, None);
    assert_eq!(rounds(&mut cluster, 1).ranked, 4 * 55);
    assert_eq!(rounds(&mut cluster, 100).ranked, 4 * 55, "nothing changed");
}

/// Everybody refuses everything for good, until nobody wants anything of any agent.
#[test]
fn a_round_costs_the_same_at_the_end_of_a_storm_of_refusals() {
    const FEW: u64 = 32;
    for has_own_roles in [false, true] {
        let (frameworks, agents) = (400, 20);
        let mut cluster = crowd(frameworks, agents, has_own_roles);
        let mut last = rounds(&mut cluster, 1);
        let mut offers = 0;
        while !cluster.grants.is_empty() {
            offers += cluster.grants.len();
            let count = cluster.grants.len();
            hand_back(&mut cluster, count, Some(1_000_000 * SECOND));
            let before = cluster.allocator.costs();
            last = rounds(&mut cluster, 1);
            let [visits, considered, checks] = difference(before, last);
            assert!(visits <= 2 * u64::from(agents), "{visits}");
            assert!(considered + checks <= 3 * FEW * u64::from(agents), "{considered} and {checks}");
            let compared = last.comparisons - before.comparisons;
            assert!(compared <= u64::from(agents) * (FEW * 6 + 60), "{compared}");
        }
        assert_eq!(offers, (frameworks * agents) as usize, "everybody was offered everything, once");
        assert_eq!(rounds(&mut cluster, 100), last);
    }
}
