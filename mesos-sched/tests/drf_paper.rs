//! The properties of dominant resource fairness, on the allocator that runs.
//!
//! Ghodsi, Zaharia, Hindman, Konwinski, Shenker, Stoica: "Dominant Resource Fairness: Fair Allocation of Multiple Resource
//! Types", NSDI 2011, states what a fair allocation should be, gives the algorithm, and proves what it satisfies, for demands
//! that can be divided at will. Here users take tasks one by one out of offers of all that is free, as the algorithm has it,
//! so every property holds up to a few tasks: whoever is served first is ahead by one, and everybody's last task may be the
//! one that does not fit. Tasks are small, so that a few of them are little, and bounds are stated in shares. Properties are
//! called what the paper calls them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round};
use mesos_core::resource::{Resources, Scalar};
use mesos_core::{AgentId, AgentInfo, FrameworkId, FrameworkInfo, Instant, Role, Weight};
use mesos_sched::allocator::{HierarchicalDrf, Options};
use proptest::prelude::*;

/// Thousandths of a CPU, and megabytes.
type Amounts = [i64; 2];

/// What there is to divide.
const ALL: Amounts = [100_000, 100_000];

/// Who takes part: what each task needs, and the weight.
#[derive(Debug, Clone, Copy)]
struct User {
    task: Amounts,
    weight: u32,
}

fn user(task: Amounts) -> User {
    User { task, weight: 1 }
}

/// The largest part of anything that so much is.
fn dominant(amounts: Amounts) -> f64 {
    amounts.iter().zip(ALL).map(|(own, all)| *own as f64 / all as f64).fold(0.0, f64::max)
}

fn times(task: Amounts, count: i64) -> Amounts {
    task.map(|own| own * count)
}

/// How many tasks fit into so much.
fn fitting(task: Amounts, into: Amounts) -> i64 {
    let counts = task.iter().zip(into).filter(|(own, _)| **own > 0).map(|(own, into)| into / own);
    counts.min().unwrap_or(0)
}

fn resources([cpus, mem]: Amounts) -> Resources {
    Resources::from_plain([Scalar::from_milli(cpus), Scalar::from_milli(mem * 1_000), Scalar::ZERO, Scalar::ZERO])
}

/// The allocator, and users who keep one task of every offer for as long as one fits.
struct Market {
    allocator: HierarchicalDrf,
    users: Vec<User>,
    tasks: Vec<i64>,
    now: Instant,
    rng: Rng,
}

impl Market {
    fn new(users: &[User]) -> Self {
        let allocator = HierarchicalDrf::new(Options { min_allocatable: Vec::new(), ..Options::default() });
        let now = Instant::from_nanos(1);
        let mut market = Self { allocator, users: users.to_vec(), tasks: vec![0; users.len()], now, rng: Rng::new(7) };
        let info = Arc::new(AgentInfo::new("all", resources(ALL)));
        let (total, id) = (resources(ALL), AgentId::new("all").unwrap());
        market.observe(Fact::AgentAdded { agent: AgentKey(0), id, info, total, used: Vec::new() });
        for (place, user) in users.iter().enumerate() {
            let (framework, role) = (key(place), role(place));
            let weight = Weight::new(f64::from(user.weight)).unwrap();
            market.observe(Fact::WeightSet { role: role.clone(), weight });
            let id = FrameworkId::new(format!("user-{place}")).unwrap();
            let (info, suppressed) = (Arc::new(FrameworkInfo::new("user", role)), BTreeSet::new());
            market.observe(Fact::FrameworkAdded { framework, id, info, suppressed, is_active: true });
        }
        market
    }

    fn observe(&mut self, fact: Fact) {
        self.allocator.observe(self.now, fact);
    }

    /// Runs until nobody has room for a further task.
    fn fill(mut self) -> Vec<i64> {
        let mut grants = Vec::new();
        while let Some(due) = self.allocator.deadline() {
            self.now = due.max(self.now);
            self.allocator.allocate(Round { now: self.now, rng: &mut self.rng }, &mut grants);
            for grant in grants.drain(..) {
                self.answer(grant);
            }
            assert!(self.now < Instant::ZERO + Duration::from_secs(1_000_000), "it ends");
        }
        self.tasks
    }

    fn answer(&mut self, grant: Grant) {
        let Grant { framework, role, agent, resources: offered } = grant;
        let place = framework.0 as usize;
        let (kept, is_done) = match offered.checked_sub(&resources(self.users[place].task)) {
            Some(rest) => {
                self.tasks[place] += 1;
                (rest, false)
            }
            None => (offered, true),
        };
        if !kept.is_empty() {
            self.observe(Fact::Recovered { framework, role, agent, resources: kept, filters: None });
        }
        if is_done {
            self.observe(Fact::RolesSuppressed { framework, roles: BTreeSet::new() });
        }
    }
}

fn key(place: usize) -> FrameworkKey {
    FrameworkKey(u32::try_from(place).unwrap())
}

fn role(place: usize) -> Role {
    Role::new(format!("role-{place}")).unwrap()
}

fn fill(users: &[User]) -> Vec<i64> {
    Market::new(users).fill()
}

fn share(user: &User, tasks: i64) -> f64 {
    dominant(times(user.task, tasks))
}

/// The share of one task.
fn grain(user: &User) -> f64 {
    dominant(user.task)
}

/// One task of everybody.
fn grains(users: &[User]) -> f64 {
    users.iter().map(grain).sum()
}

fn left(users: &[User], tasks: &[i64]) -> Amounts {
    let used = users.iter().zip(tasks).map(|(user, tasks)| times(user.task, *tasks));
    used.fold(ALL, |left, used| [left[0] - used[0], left[1] - used[1]])
}

/// Tasks of up to two hundredths of everything; some need nothing of one kind.
fn any_task() -> impl Strategy<Value = Amounts> {
    let amount = || prop_oneof![1 => Just(0), 6 => (1_i64..=20).prop_map(|part| part * 100)];
    (amount(), amount())
        .prop_filter("a task needs something", |task| *task != (0, 0))
        .prop_map(|(cpus, mem)| [cpus, mem])
}

fn any_users() -> impl Strategy<Value = Vec<User>> {
    prop::collection::vec(any_task().prop_map(user), 2..=5)
}

/// Tasks ten times smaller: what is lost to the last task that does not fit is little beside what a lie could gain.
fn any_small_task() -> impl Strategy<Value = Amounts> {
    any_task().prop_map(|task| task.map(|own| own / 10))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// "Sharing incentive": each of n users is at least as well off as with an nth of the cluster alone.
    #[test]
    fn nobody_would_be_better_off_alone(users in any_users()) {
        let tasks = fill(&users);
        let part = ALL.map(|all| all / i64::try_from(users.len()).unwrap());
        for (user, tasks) in users.iter().zip(tasks) {
            let alone = share(user, fitting(user.task, part));
            prop_assert!(share(user, tasks) >= alone - grains(&users), "{user:?} has {tasks}, alone {alone}");
        }
    }

    /// "Strategy-proofness": who asks for something else than needed has no more useful tasks.
    #[test]
    fn nobody_gains_by_asking_for_something_else(
        tasks in prop::collection::vec(any_small_task(), 2..=5),
        lie in any_small_task(),
    ) {
        let users: Vec<User> = tasks.into_iter().map(user).collect();
        let honest = fill(&users);
        let mut lying = users.clone();
        lying[0].task = lie;
        let useful = fitting(users[0].task, times(lie, fill(&lying)[0]));
        let slack = grains(&users) + grains(&lying);
        prop_assert!(slack <= 0.02, "a hundredth for each of both");
        prop_assert!(share(&users[0], useful) <= share(&users[0], honest[0]) + slack, "{useful} rather than {honest:?}");
    }

    /// "Envy-freeness": nobody would run more tasks with what another one has.
    #[test]
    fn nobody_envies_another(users in any_users()) {
        let tasks = fill(&users);
        for (user, own) in users.iter().zip(&tasks) {
            for (other, theirs) in users.iter().zip(&tasks) {
                let with_theirs = fitting(user.task, times(other.task, *theirs));
                let slack = grain(user) + grain(other);
                prop_assert!(share(user, with_theirs) <= share(user, *own) + slack, "{user:?} and {other:?}: {tasks:?}");
            }
        }
    }

    /// "Pareto efficiency": nobody can have more unless another has less; not even one task more.
    #[test]
    fn nothing_is_left_that_somebody_could_use(users in any_users()) {
        let tasks = fill(&users);
        let left = left(&users, &tasks);
        for user in &users {
            prop_assert_eq!(fitting(user.task, left), 0, "{:?} of {:?} left", user, left);
        }
    }

    /// "Single resource fairness": of one resource it is max-min fairness, by weight.
    #[test]
    fn one_resource_is_divided_by_weight(parts in prop::collection::vec((1_i64..=20, 1_u32..=3), 2..=5)) {
        let users: Vec<User> =
            parts.iter().map(|(part, weight)| User { task: [part * 100, 0], weight: *weight }).collect();
        let tasks = fill(&users);
        let shares: Vec<f64> =
            users.iter().zip(&tasks).map(|(user, tasks)| share(user, *tasks) / f64::from(user.weight)).collect();
        let (least, most) = (shares.iter().copied().fold(1.0, f64::min), shares.iter().copied().fold(0.0, f64::max));
        prop_assert!(most - least <= grains(&users), "{shares:?}");
        prop_assert!(left(&users, &tasks)[0] < 2_000);
    }

    /// "Bottleneck fairness": of one resource that everybody needs most of, it is max-min fairness too.
    #[test]
    fn a_bottleneck_is_divided_equally(parts in prop::collection::vec((1_i64..=20, 0_i64..=100), 2..=5)) {
        let users: Vec<User> = parts.iter().map(|(part, of)| user([part * 100, part * of])).collect();
        let tasks = fill(&users);
        let shares = || users.iter().zip(&tasks).map(|(user, tasks)| share(user, *tasks));
        let (least, most) = (shares().fold(1.0, f64::min), shares().fold(0.0, f64::max));
        prop_assert!(most - least <= grains(&users), "{tasks:?}");
    }

    /// "Population monotonicity": when somebody leaves, nobody who stays has less. As in the proofs,
    /// everybody needs some of everything: else whoever does not need what ran out goes on alone, and may have to share again
    /// when another one leaves.
    #[test]
    fn nobody_loses_when_another_leaves(
        parts in prop::collection::vec((100_i64..=200, 100_i64..=200), 2..=5),
    ) {
        let users: Vec<User> = parts.iter().map(|(cpus, mem)| user([*cpus, *mem])).collect();
        let (before, after) = (fill(&users), fill(&users[1..]));
        // What is left when somebody is stopped holds up to two tasks of each of the others.
        let slack = 3.0 * grains(&users);
        for (user, (before, after)) in users[1..].iter().zip(before[1..].iter().zip(after)) {
            prop_assert!(share(user, after) >= share(user, *before) - slack, "{user:?} had {before} and has {after}");
        }
    }

    /// The algorithm: while everybody has room, dominant shares differ by a task at most; so whoever ends with less than
    /// another one was stopped by a resource that ran out.
    #[test]
    fn who_has_less_lacks_something_that_ran_out(users in any_users()) {
        let tasks = fill(&users);
        let left = left(&users, &tasks);
        let most = users.iter().zip(&tasks).map(|(user, tasks)| share(user, *tasks)).fold(0.0, f64::max);
        for (user, tasks) in users.iter().zip(&tasks) {
            if share(user, *tasks) < most - grains(&users) {
                prop_assert!(user.task.iter().zip(left).any(|(own, left)| *own > left), "{user:?}");
            }
        }
    }
}

/// The worked example: 9 cpus and 18 GB; tasks of 1 cpu and 4 GB, and of 3 cpus and 1 GB, make three and two of them. Everything is
/// scaled to the cluster of this file, where 100 of each stand for 9 and 18.
#[test]
fn the_example_comes_out() {
    let scaled = |cpus: i64, mem: i64| user([cpus * ALL[0] / 9, mem * ALL[1] / 18]);
    assert_eq!(fill(&[scaled(1, 4), scaled(3, 1)]), [3, 2]);
}
