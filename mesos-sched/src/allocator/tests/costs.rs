//! What changes cost, counted in steps.

use super::super::{Costs, Packing, Policy, SorterKind};
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
    assert_eq!(before.expired, 0);
    let after = rounds(&mut cluster, 600);
    assert_eq!((after.expired, after.visits - before.visits, cluster.grants.len()), (50, 50, 50));
}

#[test]
fn a_storm_of_refusals_costs_no_more_from_round_to_round() {
    let mut cluster = full(30);
    let mut costs = Vec::new();
    for _ in 0..20 {
        hand_back(&mut cluster, 30, Some(SECOND / 2));
        let before = cluster.allocator.costs();
        let after = rounds(&mut cluster, 2);
        costs.push(difference(before, after));
        assert_eq!((cluster.grants.len(), after.expired - before.expired), (30, 30));
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
    for (starvation_batches, most) in [(None, 1 + 2 + 3 + 3), (Some(0), 1 + 2 + 3 + 3 + 3)] {
        let mut cluster = Cluster::with(Options { starvation_batches, ..Options::default() });
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
        assert!(considered <= most, "{considered}");
    }
}

/// Frameworks in one role or in one each, and agents of which nothing is used.
fn crowd(frameworks: u32, agents: u32, has_own_roles: bool) -> Cluster {
    crowd_with(Options::default(), frameworks, agents, has_own_roles)
}

fn crowd_with(options: Options, frameworks: u32, agents: u32, has_own_roles: bool) -> Cluster {
    let mut cluster = Cluster::with(options);
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

/// Once most have refused an agent, the few that have not are compared with each other, and not put in order, since the first
/// of them mostly takes all.
#[test]
fn the_few_that_have_not_refused_an_agent_cost_a_comparison_each() {
    for has_own_roles in [false, true] {
        let mut cluster = crowd(64, 20, has_own_roles);
        rounds(&mut cluster, 1);
        for left in (0..64).rev() {
            hand_back(&mut cluster, 20, Some(100_000 * SECOND));
            let before = cluster.allocator.costs();
            let after = rounds(&mut cluster, 1);
            assert_eq!(cluster.grants.len(), if left > 0 { 20 } else { 0 });
            if left > 31 {
                continue;
            }
            let [_, considered, _] = difference(before, after);
            assert_eq!(considered, cluster.grants.len() as u64);
            // Whoever is granted something moves among his siblings.
            let compared = after.comparisons - before.comparisons;
            assert!(compared <= 20 * (left + 2 * 6 + 8), "{compared} with {left} left");
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
    let policy = Policy::Priority([(role("r1"), 1), (role("r2"), 2)].into_iter().collect());
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

/// Everybody has waited long enough, all the time: the line is gone through as far as there is something left.
#[test]
fn a_line_of_those_who_wait_costs_what_is_granted() {
    for frameworks in [100, 2_000] {
        let options = Options { starvation_batches: Some(0), ..Options::default() };
        let mut cluster = crowd_with(options, frameworks, 50, true);
        let first = rounds(&mut cluster, 1);
        assert_eq!((cluster.grants.len(), difference(Costs::default(), first)), (50, [50, 50, 50]));
        hand_back(&mut cluster, 50, None);
        assert_eq!(difference(first, rounds(&mut cluster, 1)), [50, 50, 50], "{frameworks} wait");
        assert_eq!(difference(first, rounds(&mut cluster, 100)), [50, 50, 50], "nothing changed");
    }
}

/// Whoever is drawn is paid for, and not whoever could be: chances are computed once.
#[test]
fn a_walk_in_random_order_costs_its_draws() {
    for (has_own_roles, draws) in [(true, 2), (false, 3)] {
        for frameworks in [16, 256, 4_096] {
            let (role_sorter, framework_sorter) = (SorterKind::Random, SorterKind::Random);
            let options = Options { role_sorter, framework_sorter, ..Options::default() };
            let mut cluster = crowd_with(options, frameworks, 100, has_own_roles);
            let roles = if has_own_roles { u64::from(frameworks) } else { 1 };
            let first = rounds(&mut cluster, 1);
            // A role and a framework of it for an agent; another one of the same role is drawn before it is seen that
            // nothing is left.
            assert_eq!((cluster.grants.len(), first.draws, first.weighed), (100, draws * 100, roles));
            hand_back(&mut cluster, 100, None);
            let second = rounds(&mut cluster, 1);
            assert_eq!((second.draws, second.weighed), (draws * 200, roles), "{frameworks} frameworks");
            assert_eq!(rounds(&mut cluster, 100), second, "nothing changed");
        }
    }
}

#[test]
fn a_storm_of_revives_costs_one_round_over_what_is_open() {
    // Everything is held: nobody can have anything, however often somebody asks.
    let mut cluster = full(50);
    let before = cluster.allocator.costs();
    for _ in 0..1_000 {
        cluster.revive("f1", []);
    }
    assert_eq!(difference(before, rounds(&mut cluster, 1)), [0; 3]);
    // What is too little for anybody is looked at once, by everybody.
    let costs = [1, 40].map(|times| {
        let mut cluster = crowd(64, 0, true);
        for name in ["a1", "a2", "a3", "a4", "a5"] {
            cluster.agent(name, "cpus:0.005;mem:16");
        }
        let before = rounds(&mut cluster, 1);
        for framework in (0..64 * times).map(|number| FrameworkKey(number % 64)) {
            cluster.observe(Fact::RolesRevived { framework, roles: BTreeSet::new() });
        }
        let after = rounds(&mut cluster, 1);
        assert_eq!(rounds(&mut cluster, 100), after, "nothing changed");
        difference(before, after)
    });
    assert_eq!(costs[0], costs[1]);
    assert_eq!(costs[0][..2], [5, 5 * 64]);
}

/// Of four thousand frameworks forty take part.
#[test]
fn those_who_suppressed_their_roles_cost_nothing() {
    let mut cluster = crowd(4_000, 100, true);
    for framework in (0..4_000).filter(|slot| slot % 100 != 0).map(FrameworkKey) {
        cluster.observe(Fact::RolesSuppressed { framework, roles: BTreeSet::new() });
    }
    let before = cluster.allocator.costs();
    let sorted = rounds(&mut cluster, 1);
    assert_eq!((cluster.grants.len(), difference(before, sorted)), (100, [100; 3]));
    let bits = 6;
    let compared = sorted.comparisons - before.comparisons;
    assert!(compared <= 40 * (2 * bits + 4) + 100 * (2 * bits + 8), "{compared}");
    hand_back(&mut cluster, 100, None);
    let returned = cluster.allocator.costs();
    let granted = rounds(&mut cluster, 1);
    assert_eq!(difference(returned, granted), [100; 3]);
    let compared = granted.comparisons - sorted.comparisons;
    assert!(compared <= 200 * (2 * bits + 8), "{compared}");
}

/// A framework at every level of a path of roles.
fn deep(levels: u32, agents: u32) -> Cluster {
    let mut cluster = crowd(0, agents, true);
    for slot in 0..levels {
        let path = vec!["r"; slot as usize + 1].join("/");
        let info = Arc::new(FrameworkInfo::new("any", role(&path)));
        let (framework, id) = (FrameworkKey(slot), FrameworkId::new(format!("f{slot}")).unwrap());
        cluster.observe(Fact::FrameworkAdded { framework, id, info, suppressed: BTreeSet::new(), is_active: true });
    }
    cluster
}

#[test]
fn a_grant_in_a_deep_tree_costs_a_few_comparisons_at_every_level() {
    for levels in [4, 16, 64] {
        let mut cluster = deep(levels, 50);
        let first = rounds(&mut cluster, 1);
        assert_eq!((cluster.grants.len(), difference(Costs::default(), first)), (50, [50; 3]));
        assert!(first.comparisons <= (50 * 3 + 2) * u64::from(levels + 2), "{} of {levels}", first.comparisons);
        hand_back(&mut cluster, 50, None);
        let second = rounds(&mut cluster, 1);
        assert_eq!(difference(first, second), [50; 3]);
        let compared = second.comparisons - first.comparisons;
        assert!(compared <= 2 * 50 * 3 * u64::from(levels + 2), "{compared} of {levels}");
    }
}

/// Frameworks that each want at least this much at a time, by number, and agents of which nothing is used.
fn demanding(policy: Policy, frameworks: u32, agents: u32, demand_of: impl Fn(u32) -> String) -> Cluster {
    let mut cluster = crowd_with(Options { policy, ..Options::default() }, frameworks, agents, true);
    for slot in 0..frameworks {
        let path = role(&format!("r{slot}"));
        let mut info = FrameworkInfo::new("any", path.clone());
        info.min_allocatable.insert(path, vec![demand_of(slot).parse().unwrap()]);
        let (framework, info) = (FrameworkKey(slot), Arc::new(info));
        cluster.observe(Fact::FrameworkUpdated { framework, info, suppressed: BTreeSet::new() });
    }
    cluster
}

fn dealing_policies() -> [(Policy, bool); 3] {
    let packing = |fairness| Policy::Packing(Packing::new(fairness).unwrap());
    let slots = Policy::ConstrainedMaxMin { slot: "cpus:1;mem:64".parse().unwrap() };
    [(packing(0.0), false), (packing(0.25), false), (slots, true)]
}

/// Everybody is looked at once for an agent, and for a piece everybody who demands the same together; how many may use an agent
/// is counted once.
#[test]
fn dealing_in_pieces_costs_a_look_at_every_client_for_an_agent_and_at_every_demand_for_a_piece() {
    for (policy, is_by_constraint) in dealing_policies() {
        for frameworks in [8, 64] {
            let mut cluster = demanding(policy.clone(), frameworks, 20, |_| "cpus:1;mem:64".to_owned());
            let (all, pieces) = (u64::from(frameworks), 2);
            let first = rounds(&mut cluster, 1);
            // There is one demand, which fits to begin with and is asked again after each piece.
            let looked = all + 1 + pieces;
            assert_eq!((first.visits, first.considered), (20, 20 * pieces), "{policy:?}");
            let suited = u64::from(is_by_constraint) * (all + 20);
            assert_eq!((first.candidates, first.suited), (20 * looked, suited), "{policy:?}");
            let of_five_agents = cluster.grants.len() / 4;
            hand_back(&mut cluster, of_five_agents, None);
            let second = rounds(&mut cluster, 1);
            assert_eq!((second.candidates, second.suited), (25 * looked, suited), "{policy:?}");
            assert_eq!(rounds(&mut cluster, 100), second, "nothing changed");
        }
    }
}

/// No order of demands holds while what is left changes, so the best is found by comparing all that are different: as many as
/// there are frameworks at worst.
#[test]
fn a_piece_costs_as_many_looks_as_there_are_different_demands() {
    for fairness in [0.0, 0.25, 1.0] {
        for (frameworks, demands) in [(64, 4), (512, 4), (64, 64)] {
            let policy = Policy::Packing(Packing::new(fairness).unwrap());
            let demand = |slot: u32| format!("cpus:0.5;mem:{}", 8 + slot % demands);
            let mut cluster = demanding(policy, frameworks, 20, demand);
            let costs = rounds(&mut cluster, 1);
            let pieces = 4;
            let most = 20 * (u64::from(frameworks) + (1 + pieces) * u64::from(demands));
            assert!(costs.candidates <= most, "{} of {frameworks} with {demands}", costs.candidates);
            assert!(costs.candidates > 20 * u64::from(frameworks), "all are looked at: {}", costs.candidates);
        }
    }
}

/// Demands of agents are looked at for every agent that was not counted before, and then never again.
#[test]
fn how_many_may_use_an_agent_is_counted_when_somebody_changes() {
    use mesos_core::constraint::{AttributeConstraint, OfferConstraints, Predicate, Selector};
    let (policy, _) = &dealing_policies()[2];
    for (frameworks, particular) in [(16, 2), (256, 2), (256, 9)] {
        let mut cluster = demanding(policy.clone(), frameworks, 20, |_| "cpus:1;mem:64".to_owned());
        for slot in 0..particular {
            let one = AttributeConstraint { selector: Selector::Hostname, predicate: Predicate::Exists };
            let by_role = [(role(&format!("r{slot}")), vec![vec![one]])].into();
            let (framework, constraints) = (FrameworkKey(slot), Arc::new(OfferConstraints { by_role }));
            cluster.observe(Fact::ConstraintsSet { framework, constraints });
        }
        let counted = u64::from(frameworks) + 20 * (1 + u64::from(particular));
        assert_eq!(rounds(&mut cluster, 1).suited, counted);
        let count = cluster.grants.len();
        hand_back(&mut cluster, count, None);
        assert_eq!(rounds(&mut cluster, 1).suited, counted, "nobody changed");
        let count = cluster.grants.len();
        hand_back(&mut cluster, count, None);
        let mut info = AgentInfo::new("other", resources("cpus:2;mem:128"));
        info.attributes = "rack:r1".parse().unwrap();
        cluster.observe(Fact::AgentUpdated { agent: AgentKey(3), info: Arc::new(info) });
        assert_eq!(rounds(&mut cluster, 1).suited, counted, "it was served alone, so its place was not asked for");
        let count = cluster.grants.len();
        hand_back(&mut cluster, count, None);
        assert_eq!(rounds(&mut cluster, 1).suited, counted + 1 + u64::from(particular), "one agent did");
    }
}

/// Of agents that nobody wants one is looked at by all, and whoever can have more than before is asked alone.
#[test]
fn what_nobody_wants_is_dealt_out_once_and_then_to_those_who_may_have_more() {
    for (policy, _) in dealing_policies() {
        for (frameworks, agents) in [(8, 20), (8, 200), (256, 20)] {
            let mut cluster = demanding(policy.clone(), frameworks, agents, |_| "cpus:3;mem:64".to_owned());
            let (all, agents) = (u64::from(frameworks), u64::from(agents));
            let first = rounds(&mut cluster, 1);
            assert_eq!((cluster.grants.len(), first.visits), (0, agents), "{policy:?}");
            assert!(first.candidates <= 2 * all + 3 && first.considered <= 3 * all, "{policy:?}: {first:?}");
            cluster.observe(Fact::RolesRevived { framework: FrameworkKey(5), roles: BTreeSet::new() });
            let second = rounds(&mut cluster, 1);
            assert_eq!(second.visits - first.visits, agents);
            assert!(second.candidates - first.candidates <= 4 * agents, "{policy:?}: {second:?}");
            assert!(second.considered - first.considered <= 4 * agents, "{policy:?}: {second:?}");
            assert_eq!(rounds(&mut cluster, 100), second, "nothing changed");
        }
    }
}

/// Draws decide who comes when, and nobody can be left out of them: an agent that is dealt out costs a draw of everybody, twice
/// where something of it is left.
#[test]
fn dealing_in_an_order_that_is_drawn_costs_a_draw_of_everybody_for_an_agent() {
    for (policy, _) in dealing_policies() {
        for frameworks in [8, 64] {
            let (role_sorter, framework_sorter) = (SorterKind::Random, SorterKind::Random);
            let options = Options { policy: policy.clone(), role_sorter, framework_sorter, ..Options::default() };
            let mut cluster = crowd_with(options, frameworks, 20, true);
            let costs = rounds(&mut cluster, 1);
            // A role and a framework each.
            assert!(costs.draws <= 2 * 2 * 20 * u64::from(frameworks), "{policy:?}: {}", costs.draws);
            assert!(costs.draws >= 2 * 20 * u64::from(frameworks), "{policy:?}: {}", costs.draws);
            assert_eq!(costs.weighed, u64::from(frameworks));
        }
    }
}

/// Where an agent did not change, those alone come into question who can have more: roles are not put in order for them.
#[test]
fn with_priorities_who_may_have_more_is_asked_without_the_others() {
    for frameworks in [16, 256] {
        let policy = Policy::Priority([(role("r1"), 1), (role("r2"), 2)].into_iter().collect());
        let mut cluster = demanding(policy, frameworks, 20, |_| "cpus:3;mem:64".to_owned());
        let first = rounds(&mut cluster, 1);
        assert_eq!(first.ranked, u64::from(frameworks), "for one agent, which nobody wants");
        for framework in [3, 2, 1].map(FrameworkKey) {
            cluster.observe(Fact::RolesRevived { framework, roles: BTreeSet::new() });
        }
        let second = rounds(&mut cluster, 1);
        assert_eq!((second.ranked, second.visits - first.visits), (first.ranked, 20));
        assert_eq!(second.considered - first.considered, 3 * 20);
    }
}

/// An agent is shown to everybody once; what is shown again is what changed, however large the cluster is.
#[test]
fn showing_everything_to_everybody_costs_what_changed() {
    let costs = [20, 200].map(|agents| {
        let options = Options { policy: Policy::SharedState(Default::default()), ..Options::default() };
        let mut cluster = crowd_with(options, 30, agents, true);
        let first = rounds(&mut cluster, 1);
        assert_eq!((first.visits, first.shown), (agents.into(), u64::from(agents) * 30));
        assert_eq!(cluster.grants.len(), 30 * agents as usize);
        assert_eq!(rounds(&mut cluster, 100), first, "nothing changed");
        for Grant { framework, role, agent, resources } in cluster.grants.split_off(cluster.grants.len() - 30 * 7) {
            cluster.observe(Fact::Lapsed { framework, role, agent, resources, filters: None });
        }
        let second = rounds(&mut cluster, 1);
        assert_eq!(cluster.grants.len(), 30 * agents as usize, "they are shown it again");
        [second.visits - first.visits, second.shown - first.shown]
    });
    assert_eq!(costs, [[7, 7 * 30]; 2]);
}

/// An agent that did not change is shown to those alone who can have more than before.
#[test]
fn who_may_have_more_is_shown_everything_without_the_others() {
    for frameworks in [8, 128] {
        let options = Options { policy: Policy::SharedState(Default::default()), ..Options::default() };
        let mut cluster = crowd_with(options, frameworks, 20, true);
        let first = rounds(&mut cluster, 1);
        assert_eq!(first.shown, 20 * u64::from(frameworks));
        for framework in [0, 5].map(FrameworkKey) {
            cluster.observe(Fact::RolesRevived { framework, roles: BTreeSet::new() });
        }
        let second = rounds(&mut cluster, 1);
        assert_eq!((second.visits - first.visits, second.shown - first.shown), (20, 2 * 20));
    }
}
