//! Laws of explanations: random histories, and after every round everybody asks about every agent.
//!
//! * Complete: whoever was granted nothing of an agent hears of at least one reason.
//! * True: no reason is claimed that a ledger kept beside the allocator does not confirm.
//! * Enough: what an explanation says would be enough is made true, and the offer comes.
//! * Needed: without any one of the steps it does not.

#[path = "explain_laws/ledger.rs"]
mod ledger;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::explain::{Change, Explanation, Lack, Need, Question, Reason, Subject, Verdict};
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round};
use mesos_core::resource::Resources;
use mesos_core::{AgentCapability, AgentId, AgentInfo, FrameworkId, FrameworkInfo, Instant, Quota, Role, Weight};
use mesos_sched::allocator::{HierarchicalDrf, Options, SorterKind};
use mesos_sim::history::{History, Kind, Mix, Stage, key_of_agent, key_of_framework};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use ledger::{Ledger, role};

const ROLES: [&str; 6] = ["a", "a/b", "a/c", "d", "d/e/f", "*"];
const FRAMEWORKS: u32 = 4;
const AGENTS: u32 = 4;
const INTERVAL: Duration = Duration::from_secs(1);

/// A step of a history that can be gone through again.
#[derive(Debug, Clone)]
enum Step {
    Fact(Instant, Fact),
    Round(Instant),
}

/// An allocator beside its ledger.
struct World {
    allocator: HierarchicalDrf,
    rng: Rng,
    now: Instant,
    ledger: Ledger,
    steps: Vec<Step>,
    /// The grants of the last round, in order.
    grants: Vec<Grant>,
    /// How the ledger stood before it.
    before: Ledger,
    sorter: SorterKind,
    seed: u64,
    /// Whether everybody asks about everything after every round.
    is_asked: bool,
}

impl World {
    fn new(sorter: SorterKind, seed: u64) -> Self {
        let options = Options { role_sorter: sorter, framework_sorter: sorter, ..Options::default() };
        Self {
            allocator: HierarchicalDrf::new(options),
            rng: Rng::new(seed),
            now: Instant::from_nanos(12_345),
            ledger: Ledger::default(),
            steps: Vec::new(),
            grants: Vec::new(),
            before: Ledger::default(),
            sorter,
            seed,
            is_asked: false,
        }
    }

    /// The same world once more, after the same steps.
    fn again(&self) -> Self {
        let mut world = Self::new(self.sorter, self.seed);
        for step in &self.steps {
            match step {
                Step::Fact(now, fact) => {
                    world.now = *now;
                    world.observe(fact.clone());
                }
                Step::Round(now) => {
                    world.now = *now;
                    world.round();
                }
            }
        }
        world.now = self.now;
        world
    }

    fn observe(&mut self, fact: Fact) {
        self.ledger.observe(self.now, &fact);
        self.steps.push(Step::Fact(self.now, fact.clone()));
        self.allocator.observe(self.now, fact);
    }

    fn round(&mut self) {
        self.steps.push(Step::Round(self.now));
        self.before = self.ledger.clone();
        self.grants.clear();
        self.allocator.allocate(Round { now: self.now, rng: &mut self.rng }, &mut self.grants);
        for grant in &self.grants {
            self.ledger.hold(grant.agent, grant.framework, &grant.role, &grant.resources);
        }
    }

    /// Runs the rounds that are due until then; `check` looks after each.
    fn pass_until(&mut self, until: Instant, mut check: impl FnMut(&Self)) {
        while let Some(due) = self.allocator.deadline().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.round();
            check(self);
        }
        self.now = until.max(self.now);
    }

    fn add_framework(&mut self, slot: u32, path: &str) {
        let info = Arc::new(FrameworkInfo::new("any", role(path)));
        let (framework, id) = (FrameworkKey(slot), FrameworkId::new(format!("f{}", 9 - slot)).unwrap());
        self.observe(Fact::FrameworkAdded { framework, id, info, suppressed: BTreeSet::new(), is_active: true });
        self.pass_until(self.now, |_| {});
    }

    fn add_agent(&mut self, slot: u32, total: &str) {
        let total: Resources = total.parse().unwrap();
        let (agent, id) = (AgentKey(slot), AgentId::new(format!("a{slot}")).unwrap());
        let info = Arc::new(AgentInfo::new(format!("host-{slot}"), total.clone()));
        self.observe(Fact::AgentAdded { agent, id, info, total, used: Vec::new() });
        self.pass_until(self.now, |_| {});
    }

    fn knows(&self, framework: FrameworkKey) -> bool {
        self.ledger.frameworks.contains_key(&framework)
    }

    fn ask(&self, framework: FrameworkKey, role: &Role, of: Subject) -> Explanation {
        self.allocator.explain(self.now, &Question { framework, role: role.clone(), of }).expect("it can tell")
    }

    /// Everybody asks about every agent; every answer is complete and true.
    fn check_answers(&self) {
        for framework in (0..FRAMEWORKS).map(FrameworkKey) {
            for role in ROLES.map(role) {
                for agent in (0..AGENTS).map(AgentKey) {
                    let answer = self.ask(framework, &role, Subject::Agent(agent));
                    let granted: Resources = self
                        .grants
                        .iter()
                        .filter(|grant| grant.framework == framework && grant.role == role && grant.agent == agent)
                        .map(|grant| &grant.resources)
                        .sum();
                    match &answer.verdict {
                        Verdict::Offered { resources, .. } => assert_eq!(*resources, granted),
                        _ => {
                            assert!(granted.is_empty(), "{answer}");
                            assert!(!answer.reasons.is_empty() && !answer.change.is_empty(), "{answer:?}");
                        }
                    }
                    let text = serde_json::to_string(&answer).unwrap();
                    assert_eq!(serde_json::from_str::<Explanation>(&text).unwrap(), answer);
                    for reason in &answer.reasons {
                        let asked = ledger::Asked { framework, role: &role, agent, now: self.now };
                        let is_true = match reason {
                            Reason::AwaitingRound { next_at } => self.allocator.deadline() == Some(*next_at),
                            Reason::ShareOrder { by, taken, order } => {
                                self.before.confirms_order(&asked, by, taken, order, &self.grants)
                            }
                            reason => self.ledger.confirms(&asked, reason),
                        };
                        assert!(is_true, "{framework:?} {role} {agent:?}: {reason:?}\nof {answer}");
                    }
                }
            }
        }
    }
}

// Changes.

/// Whether all of it can be made true by facts about who asks and about the agent.
fn can_be_made_true(changes: &[Change]) -> bool {
    !changes.iter().any(|change| matches!(change, Change::AddAgent { .. }))
}

impl World {
    /// Makes changes true, and lets the rounds run that follow; whether the offer came.
    fn try_out(
        &mut self,
        changes: &[Change],
        framework: FrameworkKey,
        role: &Role,
        agent: AgentKey,
        need: Option<&Need>,
    ) -> bool {
        let mut until = self.now;
        for change in changes {
            match change {
                Change::Wait { until: at } => until = until.max(*at),
                change => self.make_true(change, framework, role, agent),
            }
        }
        let mut is_offered = false;
        self.pass_until(until + INTERVAL * 2, |world| {
            is_offered |= world.grants.iter().any(|grant| {
                grant.framework == framework
                    && grant.role == *role
                    && grant.agent == agent
                    && need.is_none_or(|need| need.is_met_by(&grant.resources))
            });
        });
        is_offered
    }

    /// Nobody else takes part, nothing else is offered.
    fn leave_alone(&mut self, framework: FrameworkKey, role: &Role, agent: AgentKey) {
        let others: Vec<_> = self.ledger.frameworks.keys().copied().collect();
        for other in others {
            let roles: BTreeSet<Role> = ROLES.map(self::role).into_iter().filter(|own| own != role).collect();
            let roles = if other == framework { roles } else { BTreeSet::new() };
            self.observe(Fact::RolesSuppressed { framework: other, roles });
        }
        for other in (0..AGENTS).map(AgentKey).filter(|other| *other != agent) {
            self.observe(Fact::AgentDeactivated { agent: other });
        }
    }

    fn make_true(&mut self, change: &Change, framework: FrameworkKey, role: &Role, agent: AgentKey) {
        match change.clone() {
            Change::Subscribe { role } => {
                let known = &self.ledger.frameworks[&framework];
                let (mut info, mut suppressed) = ((*known.info).clone(), known.suppressed.clone());
                info.roles.insert(role.clone());
                suppressed.remove(&role);
                self.observe(Fact::FrameworkUpdated { framework, info: Arc::new(info), suppressed });
            }
            Change::Reconnect => self.observe(Fact::FrameworkActivated { framework }),
            Change::Revive { role } => self.observe(Fact::RolesRevived { framework, roles: [role].into() }),
            Change::ActivateAgent => self.observe(Fact::AgentActivated { agent }),
            Change::Whitelist { hostname } => {
                let mut hostnames = self.ledger.whitelist.clone();
                hostnames.as_mut().unwrap().insert(hostname);
                self.observe(Fact::WhitelistSet { hostnames });
            }
            Change::AddCapability { lack: Lack::Framework(capability) } => {
                self.describe(framework, |info| info.capabilities.extend([capability]));
            }
            Change::AddCapability { lack: Lack::Agent(capability) } => {
                let mut info = (*self.ledger.agents[&agent].info).clone();
                info.capabilities.insert(capability);
                info.capabilities.insert(AgentCapability::ReservationRefinement);
                self.observe(Fact::AgentUpdated { agent, info: Arc::new(info) });
            }
            Change::RelaxConstraints { constraints } => {
                let mut own = (*self.ledger.frameworks[&framework].constraints).clone();
                for failed in constraints {
                    own.by_role.get_mut(role).unwrap()[failed.group].retain(|one| *one != failed.constraint);
                }
                own.by_role.retain(|_, groups| !groups.iter().any(Vec::is_empty));
                self.observe(Fact::ConstraintsSet { framework, constraints: Arc::new(own) });
            }
            Change::Unreserve { resources } => {
                self.resize(agent, |total| &(total - &resources) + &resources.to_unreserved())
            }
            Change::AddCapacity { resources } => self.resize(agent, |total| total + &resources),
            Change::RaiseLimit { role, by } => self.requote(role, |quota| {
                let raised = quota.limits().iter().map(|(name, limit)| (name.clone(), limit + by.get(name)));
                Quota::new(quota.guarantees().clone(), raised.collect())
            }),
            Change::LowerGuarantee { role, by } => {
                self.requote(role, |quota| Quota::new(quota.guarantees().clone() - &by, quota.limits().clone()));
            }
            Change::RaiseMaximum { by } => self.describe(framework, |info| {
                let own = info.max_offer.get_mut(role).unwrap();
                *own = own.iter().map(|(name, size)| (name.clone(), size + by.get(name))).collect();
            }),
            Change::LowerMinimum { to } => self.describe(framework, |info| {
                let minimums = if to.is_empty() { Vec::new() } else { vec![to] };
                info.min_allocatable.insert(role.clone(), minimums);
            }),
            Change::Free { from } => {
                for holder in from {
                    let id = holder.party.framework.expect("everybody is known here");
                    let framework = key_of_framework(&id).unwrap();
                    let (role, resources) = (holder.party.role, holder.resources);
                    self.observe(Fact::Recovered { framework, role, agent, resources, filters: None });
                }
            }
            other => panic!("{other:?} cannot be made true"),
        }
    }

    fn describe(&mut self, framework: FrameworkKey, change: impl FnOnce(&mut FrameworkInfo)) {
        let known = &self.ledger.frameworks[&framework];
        let (mut info, suppressed) = ((*known.info).clone(), known.suppressed.clone());
        change(&mut info);
        self.observe(Fact::FrameworkUpdated { framework, info: Arc::new(info), suppressed });
    }

    fn resize(&mut self, agent: AgentKey, change: impl FnOnce(&Resources) -> Resources) {
        let total = change(&self.ledger.agents[&agent].total);
        self.observe(Fact::AgentResized { agent, total });
    }

    fn requote(&mut self, role: Role, change: impl FnOnce(&Quota) -> Result<Quota, mesos_core::Rejection>) {
        let quota = change(&self.ledger.quotas[&role]).expect("it is still a quota");
        self.observe(Fact::QuotaSet { role, quota });
    }

    /// What would be enough is enough, and no step of it is too much.
    fn check_change(&self, framework: FrameworkKey, role: &Role, of: Subject) {
        let answer = self.ask(framework, role, of.clone());
        let (agent, need) = match (&of, &answer.survey) {
            (Subject::Agent(agent), _) => (*agent, None),
            (Subject::Need(need), Some(survey)) => {
                (key_of_agent(survey.nearest.as_ref().unwrap()).unwrap(), Some(need))
            }
            _ => return,
        };
        let is_offered = matches!(answer.verdict, Verdict::Offered { .. });
        if is_offered
            || !self.knows(framework)
            || !self.ledger.agents.contains_key(&agent)
            || !can_be_made_true(&answer.change)
        {
            return;
        }
        let attempt = |changes: &[Change]| {
            let mut alone = self.again();
            alone.leave_alone(framework, role, agent);
            alone.try_out(changes, framework, role, agent, need)
        };
        let told = || format!("{framework:?} {role} {of:?} at {:?}\n{answer}\n{answer:?}", self.now);
        assert!(
            self.again().try_out(&answer.change, framework, role, agent, need) || attempt(&answer.change),
            "{}",
            told()
        );
        let ways = answer.or.iter().any(|change| matches!(change, Change::RaiseWeight { .. }));
        if !answer.or.is_empty() && !ways {
            assert!(attempt(&answer.or), "the other way is not enough: {}", told());
        }
        for left_out in 0..answer.change.len() {
            let mut less = answer.change.clone();
            let left = less.remove(left_out);
            let is_wait = matches!(left, Change::Wait { .. });
            assert!(is_wait || !attempt(&less), "step {left_out} is too much: {}", told());
        }
    }
}

impl Stage for World {
    type Stop = Infallible;

    fn observe(&mut self, fact: Fact) {
        Self::observe(self, fact);
    }

    fn pass(&mut self, time: Duration) -> Result<(), Infallible> {
        let check = if self.is_asked { Self::check_answers } else { |_: &Self| {} };
        self.pass_until(self.now + time, check);
        Ok(())
    }

    fn holdings(&self) -> Vec<Grant> {
        let held = self.ledger.held.clone().into_iter();
        held.map(|((agent, framework, role), resources)| Grant { framework, role, agent, resources }).collect()
    }
}

/// Goes through a history, looking after every round; the world at its end.
fn go_through(sorter: SorterKind, seed: u64, history: &History) -> World {
    let mut world = World { is_asked: true, ..World::new(sorter, seed) };
    let Ok(()) = history.play(&mut world);
    world
}

/// Of all that happens, what the ledger knows of; in a small cluster, since everybody asks about everything.
fn mix(has_quota: bool) -> Mix {
    use Kind::{Answer, Claim, Guarantee, Limit, Plan, Quota, Reserve, Settle, Stray, Unreserve};
    let mix = Mix::default().with_size(FRAMEWORKS, AGENTS).without_users().without_mounts();
    let mix = mix.without([Reserve, Unreserve, Claim, Plan, Answer, Stray, Settle]);
    if has_quota { mix } else { mix.without([Limit, Guarantee, Quota]) }
}

fn any_history(has_quota: bool) -> impl Strategy<Value = History> {
    let mix = mix(has_quota);
    prop::collection::vec(any::<(u64, u64)>(), 1..50).prop_map(move |numbers| mix.of_numbers(numbers))
}

fn any_need() -> impl Strategy<Value = Need> {
    select(vec!["cpus:1", "cpus:2;mem:512", "mem:32", "cpus:9", "gpus:1;cpus:0.5"])
        .prop_map(|text| Need::Resources(text.parse().unwrap()))
}

fn check_all_changes(world: &World, need: Need) {
    for framework in (0..FRAMEWORKS).map(FrameworkKey) {
        for role in ROLES.map(role) {
            for agent in (0..AGENTS).map(AgentKey) {
                world.check_change(framework, &role, Subject::Agent(agent));
            }
            world.check_change(framework, &role, Subject::Need(need.clone()));
        }
    }
}

/// The same cases in every run, unless `PROPTEST_RNG_SEED` and `PROPTEST_CASES` say otherwise: what is left of rare corners
/// is hunted by hand with other seeds, and does not fail somebody else's change.
fn repeatable(cases: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { cases };
    let config = ProptestConfig { cases, ..config };
    let rng_seed = match config.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        given => given,
    };
    ProptestConfig { rng_seed, ..config }
}

proptest! {
    #![proptest_config(repeatable(64))]

    #[test]
    fn everybody_hears_true_reasons(history in any_history(false), seed in any::<u64>(), is_fair: bool) {
        go_through(if is_fair { SorterKind::Drf } else { SorterKind::Random }, seed, &history);
    }

    #[test]
    fn everybody_hears_true_reasons_with_quotas(history in any_history(true), seed in any::<u64>()) {
        go_through(SorterKind::Drf, seed, &history);
    }

    #[test]
    fn what_would_be_enough_is_enough(history in any_history(false), seed in any::<u64>(), need in any_need()) {
        let world = go_through(SorterKind::Drf, seed, &history);
        check_all_changes(&world, need);
    }

    #[test]
    fn what_would_be_enough_is_enough_with_quotas(history in any_history(true), seed in any::<u64>(), need in any_need()) {
        let world = go_through(SorterKind::Drf, seed, &history);
        check_all_changes(&world, need);
    }
}

/// Where a weight is named, it would have put the asker first: the history is gone through again with it.
#[test]
fn the_weight_that_would_have_been_enough_is_enough() {
    let mut tried = 0;
    for seed in 0..40 {
        let mut world = World::new(SorterKind::Drf, seed);
        world.add_agent(0, "cpus:4;mem:4096");
        world.add_framework(0, "a/b");
        world.add_agent(1, if seed % 2 == 0 { "cpus:1;mem:64" } else { "cpus:3;mem:512" });
        world.add_framework(1, "d");
        world.add_agent(2, "cpus:2;mem:100");
        world.add_agent(3, "cpus:2;mem:700");
        for asked in (0..AGENTS).map(AgentKey) {
            for (framework, path) in [(FrameworkKey(0), "a/b"), (FrameworkKey(1), "d")] {
                let answer = world.ask(framework, &role(path), Subject::Agent(asked));
                let weight = answer.or.iter().find_map(|change| match change {
                    Change::RaiseWeight { role, to } => Some((role.clone(), *to)),
                    _ => None,
                });
                let Some((raised, to)) = weight else { continue };
                tried += 1;
                let (last, earlier) = world.steps.split_last().unwrap();
                let mut again = World::new(SorterKind::Drf, seed);
                again.steps = earlier.to_vec();
                let mut again = again.again();
                let Step::Round(at) = last else { panic!("a round was the last step") };
                again.now = *at;
                again.observe(Fact::WeightSet { role: raised.clone(), weight: to });
                again.round();
                let is_first = |world: &World| {
                    world.grants.iter().any(|grant| grant.framework == framework && grant.agent == asked)
                };
                assert!(is_first(&again), "{answer}");
                let less = Weight::new(f64::from(to) - 0.002).unwrap();
                let mut again = World { steps: earlier.to_vec(), ..World::new(SorterKind::Drf, seed) }.again();
                again.now = *at;
                again.observe(Fact::WeightSet { role: raised, weight: less });
                again.round();
                assert!(!is_first(&again), "less would have been enough: {answer}");
            }
        }
    }
    assert!(tried > 10, "only {tried} weights were named");
}

/// What is added to an agent may be matched with what is held of it in another form, and then does not come free itself.
#[test]
fn capacity_added_to_an_agent_that_holds_another_form_is_enough() {
    for total in ["cpus(a):4;mem:512", "cpus(a):3;cpus:1;mem:512", "cpus(a):5;mem:512"] {
        let mut world = World::new(SorterKind::Drf, 1);
        world.add_agent(0, "cpus:4;mem:512");
        world.add_framework(0, "d");
        assert_eq!(world.grants.len(), 1, "somebody holds all of it");
        world.observe(Fact::AgentResized { agent: AgentKey(0), total: total.parse().unwrap() });
        world.add_framework(1, "a");
        for need in ["cpus:1", "cpus:1;mem:64", "cpus(a):2"].map(|text| Need::Resources(text.parse().unwrap())) {
            let (asker, role, of) = (FrameworkKey(1), role("a"), Subject::Need(need));
            let answer = world.ask(asker, &role, of.clone());
            let adds = |change: &Change| matches!(change, Change::AddCapacity { .. });
            assert!(answer.change.iter().any(adds) || matches!(answer.verdict, Verdict::Offered { .. }), "{answer:?}");
            world.check_change(asker, &role, of);
        }
        world.check_change(FrameworkKey(1), &role("a"), Subject::Agent(AgentKey(0)));
    }
}

/// What is promised to a role goes out by itself when guarantees are served, without what is reserved to roles above it: each
/// of the two must hold a minimum of its own.
#[test]
fn what_is_promised_and_what_is_reserved_above_make_no_offer_together() {
    let mut world = World::new(SorterKind::Drf, 1);
    let quota = Quota::new("cpus:6;mem:2000".parse().unwrap(), "".parse().unwrap()).unwrap();
    world.observe(Fact::QuotaSet { role: role("a/c"), quota });
    world.add_framework(0, "a/c");
    world.describe(FrameworkKey(0), |info| {
        info.min_allocatable.insert(role("a/c"), vec!["mem:1000".parse().unwrap()]);
    });
    world.add_agent(0, "cpus(a):2;mem(a):512;cpus:1;mem:64");
    assert!(world.grants.is_empty());
    world.check_change(FrameworkKey(0), &role("a/c"), Subject::Agent(AgentKey(0)));
    world.check_change(FrameworkKey(0), &role("a/c"), Subject::Need(Need::Resources("mem:32".parse().unwrap())));
}

/// The same below a limit: what comes when guarantees are served is all that counts towards a minimum there.
#[test]
fn a_minimum_is_lowered_to_what_one_stage_offers() {
    let mut world = World::new(SorterKind::Drf, 1);
    for (path, guarantees, limits) in [("a", "", "cpus:0;mem:512"), ("a/c", "cpus:3;mem:256", "")] {
        let quota = Quota::new(guarantees.parse().unwrap(), limits.parse().unwrap()).unwrap();
        world.observe(Fact::QuotaSet { role: role(path), quota });
    }
    world.add_framework(0, "a/c");
    world.describe(FrameworkKey(0), |info| {
        info.min_allocatable.insert(role("a/c"), vec!["mem:1000".parse().unwrap()]);
    });
    world.add_agent(0, "cpus(a):2;mem(a):512;cpus:1;mem:64");
    assert!(world.grants.is_empty());
    world.check_change(FrameworkKey(0), &role("a/c"), Subject::Need(Need::Resources("mem:32".parse().unwrap())));
}

/// Two roles beside each other whose reservations come back are both promised as much again.
#[test]
fn promises_to_roles_beside_each_other_add_up() {
    let mut world = World::new(SorterKind::Drf, 1);
    for (path, guarantees) in [("a/b", "cpus:6"), ("d", "cpus:1")] {
        let quota = Quota::new(guarantees.parse().unwrap(), "".parse().unwrap()).unwrap();
        world.observe(Fact::QuotaSet { role: role(path), quota });
    }
    world.add_framework(0, "*");
    world.add_agent(0, "cpus(a/b):1;cpus(d):1;mem:2000");
    world.check_change(FrameworkKey(0), &role("*"), Subject::Need(Need::Resources("cpus:9".parse().unwrap())));
}

/// Promises below another one: once they are smaller, the one above asks for what they do not any more.
#[test]
fn promises_below_one_role_are_lowered_together_with_it() {
    for (b, c) in [("cpus:6;mem:2000;disk:50", "cpus:6;mem:2000;disk:50"), ("cpus:3;mem:256", ""), ("cpus:3", "cpus:2")]
    {
        let mut world = World::new(SorterKind::Drf, 1);
        for (path, guarantees) in [("a", "cpus:6;mem:2000;disk:50"), ("a/b", b), ("a/c", c)] {
            let quota = Quota::new(guarantees.parse().unwrap(), "".parse().unwrap()).unwrap();
            world.observe(Fact::QuotaSet { role: role(path), quota });
        }
        world.add_agent(0, "cpus:4;mem:512;ports:[1-9]");
        world.add_framework(0, "d");
        for of in [Subject::Agent(AgentKey(0)), Subject::Need(Need::Resources("cpus:1".parse().unwrap()))] {
            world.check_change(FrameworkKey(0), &role("d"), of);
        }
    }
}

/// Nothing above is true by accident: every reason and change comes up.
#[test]
fn histories_bring_up_all_kinds_of_reasons() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..240 {
        let mut world = World::new(SorterKind::Drf, seed);
        let mut dice = Rng::new(seed);
        let history = mix(true).of_numbers((0..50).map(|_| (dice.bits(), dice.bits())));
        let Ok(()) = history.play(&mut world);
        for framework in (0..FRAMEWORKS).map(FrameworkKey) {
            for role in ROLES.map(role) {
                for agent in (0..AGENTS).map(AgentKey) {
                    let answer = world.ask(framework, &role, Subject::Agent(agent));
                    answer.reasons.iter().for_each(|reason| *counts.entry(reason.code()).or_default() += 1);
                    answer.change.iter().for_each(|change| *counts.entry(change.code()).or_default() += 1);
                }
            }
        }
    }
    // What needs more than an agent (a need, an election) has tests of its own.
    let others = ["no_agents", "recovery_hold_off", "too_small"];
    for code in Reason::CODES.iter().filter(|code| !others.contains(code)) {
        assert!(counts.contains_key(code), "{code} never came up: {counts:?}");
    }
    for code in
        ["subscribe", "revive", "wait", "free", "raise_limit", "lower_guarantee", "add_capacity", "lower_minimum"]
    {
        assert!(counts.contains_key(code), "{code} never came up: {counts:?}");
    }
}
