//! Constrained max-min fairness against the exact solution.
//!
//! Ghodsi, Zaharia, Shenker, Stoica: "Choosy: Max-Min Fair Sharing for Datacenter Jobs with Constraints", EuroSys 2013. An
//! allocation of slots is constrained max-min fair when its smallest share is as large as any allocation's, then its second
//! smallest, and so on. For a handful of agents with one slot each the fairest can be found by trying all allocations.
//! The allocator knows nothing of that: it gives each slot that becomes free to the eligible framework with the fewest.
//! So the first allocation may miss, and as slots come back one by one it must never get worse and must arrive.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round};
use mesos_core::{
    AgentId, AgentInfo, AttributeConstraint, FrameworkId, FrameworkInfo, Instant, OfferConstraints, Predicate, Role,
    Selector,
};
use mesos_sched::allocator::{HierarchicalDrf, Options, Policy};
use proptest::prelude::*;

/// Who may use each agent: a bit per user.
type Eligible = Vec<u8>;

/// Slots that end one after the other until the allocation must be as fair as can be.
const TURNOVER: u64 = 600;

struct Cluster {
    allocator: HierarchicalDrf,
    users: usize,
    holder: Vec<Option<Grant>>,
    now: Instant,
    rng: Rng,
}

impl Cluster {
    fn new(users: usize, eligible: &Eligible, seed: u64) -> Self {
        let slot = "cpus:1;mem:64".parse().unwrap();
        let options = Options { policy: Policy::ConstrainedMaxMin { slot }, ..Options::default() };
        let allocator = HierarchicalDrf::new(options);
        let holder = vec![None; eligible.len()];
        let mut cluster = Self { allocator, users, holder, now: Instant::from_nanos(1), rng: Rng::new(seed) };
        for user in 0..users {
            cluster.add_user(user);
        }
        for (place, users) in eligible.iter().enumerate() {
            cluster.add_agent(place, *users);
        }
        cluster
    }

    fn observe(&mut self, fact: Fact) {
        self.allocator.observe(self.now, fact);
    }

    /// A framework that wants agents with the attribute of its name.
    fn add_user(&mut self, user: usize) {
        let framework = FrameworkKey(u32::try_from(user).unwrap());
        let role = Role::new(format!("role-{user}")).unwrap();
        let id = FrameworkId::new(format!("user-{user}")).unwrap();
        let info = Arc::new(FrameworkInfo::new("user", role.clone()));
        self.observe(Fact::FrameworkAdded { framework, id, info, suppressed: BTreeSet::new(), is_active: true });
        let selector = Selector::Attribute(format!("user-{user}").into());
        let wanted = AttributeConstraint { selector, predicate: Predicate::Exists };
        let constraints = Arc::new(OfferConstraints { by_role: BTreeMap::from([(role, vec![vec![wanted]])]) });
        self.observe(Fact::ConstraintsSet { framework, constraints });
    }

    fn add_agent(&mut self, place: usize, users: u8) {
        let total: mesos_core::Resources = "cpus:1;mem:64".parse().unwrap();
        let mut info = AgentInfo::new(format!("agent-{place}"), total.clone());
        let names = (0..self.users).filter(|user| users & (1 << user) != 0).map(|user| format!("user-{user}:yes"));
        info.attributes = names.collect::<Vec<_>>().join(";").parse().unwrap();
        let agent = AgentKey(u32::try_from(place).unwrap());
        let id = AgentId::new(format!("agent-{place}")).unwrap();
        self.observe(Fact::AgentAdded { agent, id, info: Arc::new(info), total, used: Vec::new() });
    }

    fn run(&mut self) {
        let until = self.now + Duration::from_secs(2);
        let mut grants = Vec::new();
        while let Some(due) = self.allocator.deadline().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.allocator.allocate(Round { now: self.now, rng: &mut self.rng }, &mut grants);
        }
        self.now = until;
        for grant in grants {
            let place = grant.agent.0 as usize;
            assert!(self.holder[place].replace(grant).is_none(), "a slot is granted once");
        }
    }

    /// The slot of one agent is free again.
    fn end(&mut self, place: usize) {
        if let Some(Grant { framework, role, agent, resources }) = self.holder[place].take() {
            self.observe(Fact::Recovered { framework, role, agent, resources, filters: None });
        }
    }

    fn counts(&self) -> Vec<usize> {
        let holders = self.holder.iter().flatten().map(|grant| grant.framework.0 as usize);
        sorted(self.users, holders)
    }
}

/// How many slots each has, fewest first: of two allocations the one with the larger list is fairer.
fn sorted(users: usize, holders: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut counts = vec![0; users];
    holders.for_each(|user| counts[user] += 1);
    counts.sort_unstable();
    counts
}

/// The fairest allocation there is, by trying all.
fn fairest(users: usize, eligible: &Eligible) -> Vec<usize> {
    let mut best = Vec::new();
    let mut open = vec![Vec::new()];
    while let Some(holders) = open.pop() {
        let Some(may) = eligible.get(holders.len()) else {
            best = best.max(sorted(users, holders.iter().flatten().copied()));
            continue;
        };
        let own: Vec<usize> = (0..users).filter(|user| may & (1 << user) != 0).collect();
        let choices = if own.is_empty() { vec![None] } else { own.into_iter().map(Some).collect() };
        for choice in choices {
            let mut longer: Vec<Option<usize>> = holders.clone();
            longer.push(choice);
            open.push(longer);
        }
    }
    best
}

#[test]
fn the_solver_finds_what_is_plain_to_see() {
    assert_eq!(fairest(2, &vec![0b11, 0b11, 0b01, 0b01, 0b01]), [2, 3]);
    assert_eq!(fairest(3, &vec![0b001, 0b011, 0b110, 0b110]), [1, 1, 2]);
    assert_eq!(fairest(2, &vec![0b01, 0b00]), [0, 1]);
}

/// A greedy choice can be wrong only where agents differ; most constrained first gets the plain cases right at once.
#[test]
fn the_most_constrained_agents_are_dealt_first() {
    for seed in 0..40 {
        let eligible = vec![0b11, 0b01, 0b11, 0b01];
        let mut cluster = Cluster::new(2, &eligible, seed);
        cluster.run();
        assert_eq!(cluster.counts(), [2, 2], "seed {seed}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn slots_that_come_back_make_the_allocation_as_fair_as_can_be(
        users in 2_usize..=4,
        eligible in prop::collection::vec(0_u8..16, 1..=6),
        seed in any::<u64>(),
    ) {
        let best = fairest(users, &eligible);
        let mut cluster = Cluster::new(users, &eligible, seed);
        cluster.run();
        let usable = eligible.iter().filter(|may| **may & ((1 << users) - 1) != 0).count();
        let mut before = cluster.counts();
        prop_assert_eq!(before.iter().sum::<usize>(), usable, "no slot that somebody may use is idle");
        let mut dice = Rng::new(seed);
        for _ in 0..TURNOVER {
            cluster.end(dice.index(eligible.len()));
            cluster.run();
            let after = cluster.counts();
            prop_assert!(after >= before, "{:?} became {:?}", before, after);
            before = after;
        }
        prop_assert_eq!(before, best);
    }
}
