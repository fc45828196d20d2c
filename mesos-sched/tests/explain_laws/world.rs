//! An allocator beside its ledger, and everybody who asks it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::explain::{Explanation, Need, Order, Party, Question, Reason, Subject, Verdict};
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round};
use mesos_core::resource::Resources;
use mesos_core::{AgentId, AgentInfo, FrameworkId, FrameworkInfo, Instant, Role};
use mesos_sched::allocator::{HierarchicalDrf, Options, Policy, SorterKind};
use mesos_sim::history::{Stage, key_of_framework};

use super::ledger::{Asked, Ledger, role};

pub(crate) const ROLES: [&str; 6] = ["a", "a/b", "a/c", "d", "d/e/f", "*"];
pub(crate) const FRAMEWORKS: u32 = 4;
pub(crate) const AGENTS: u32 = 4;
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// A step of a history that can be gone through again.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Fact(Instant, Fact),
    Round(Instant),
    Commit(Instant, Grant, Resources),
}

/// An allocator beside its ledger.
pub(crate) struct World {
    pub(crate) allocator: HierarchicalDrf,
    pub(crate) rng: Rng,
    pub(crate) now: Instant,
    pub(crate) ledger: Ledger,
    pub(crate) steps: Vec<Step>,
    /// The grants of the last round, in order.
    pub(crate) grants: Vec<Grant>,
    /// How the ledger stood before it.
    pub(crate) before: Ledger,
    pub(crate) options: Options,
    pub(crate) seed: u64,
    /// Where grants are optimistic: those that nobody answered yet.
    pub(crate) offered: Vec<Grant>,
    /// When who was granted something last before the last round.
    pub(crate) served_at: BTreeMap<(FrameworkKey, Role), Instant>,
    pub(crate) round_at: Instant,
    /// Whether everybody asks about everything after every round.
    pub(crate) is_asked: bool,
    /// Whether everybody does so after every fact, before the next round.
    pub(crate) is_asked_between: bool,
    /// What everybody asks for after every round.
    pub(crate) needs: Vec<Need>,
    /// By what somebody was told to have gone first.
    pub(crate) orders: RefCell<BTreeSet<&'static str>>,
}

impl World {
    pub(crate) fn new(sorter: SorterKind, seed: u64) -> Self {
        Self::with(sorted(sorter), seed)
    }

    pub(crate) fn with(options: Options, seed: u64) -> Self {
        Self {
            allocator: HierarchicalDrf::new(options.clone()),
            rng: Rng::new(seed),
            now: Instant::from_nanos(12_345),
            ledger: Ledger::default(),
            steps: Vec::new(),
            grants: Vec::new(),
            before: Ledger::default(),
            options,
            seed,
            offered: Vec::new(),
            served_at: BTreeMap::new(),
            round_at: Instant::ZERO,
            is_asked: false,
            is_asked_between: false,
            needs: Vec::new(),
            orders: RefCell::default(),
        }
    }

    /// The same world once more, after the same steps.
    pub(crate) fn again(&self) -> Self {
        let mut world = Self::with(self.options.clone(), self.seed);
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
                Step::Commit(now, grant, wanted) => {
                    world.now = *now;
                    world.take(grant.clone(), wanted.clone());
                }
            }
        }
        world.now = self.now;
        world
    }

    pub(crate) fn is_optimistic(&self) -> bool {
        matches!(self.options.policy, Policy::SharedState(_))
    }

    /// Commits a part of an optimistic grant; of one that conflicts, nothing.
    pub(crate) fn take(&mut self, grant: Grant, wanted: Resources) {
        let is_committed = self.allocator.commit(self.now, &grant, &wanted).is_ok();
        if is_committed {
            self.forget_offered(&grant.clone());
            self.ledger.hold(grant.agent, grant.framework, &grant.role, &wanted);
            self.steps.push(Step::Commit(self.now, grant, wanted));
        } else {
            let Grant { framework, role, agent, resources } = grant;
            self.observe(Fact::Lapsed { framework, role, agent, resources, filters: None });
        }
    }

    pub(crate) fn forget_offered(&mut self, grant: &Grant) {
        let place = self.offered.iter().position(|own| own == grant).expect("it was offered");
        self.offered.swap_remove(place);
    }

    /// What a framework was shown of an agent and did not answer.
    pub(crate) fn shown(&self, framework: FrameworkKey, role: &Role, agent: AgentKey) -> Vec<Grant> {
        let own = |grant: &&Grant| grant.framework == framework && grant.role == *role && grant.agent == agent;
        self.offered.iter().filter(own).cloned().collect()
    }

    pub(crate) fn observe(&mut self, fact: Fact) {
        if let Fact::Lapsed { framework, role, agent, resources, .. } = fact.clone() {
            self.forget_offered(&Grant { framework, role, agent, resources });
        }
        self.ledger.observe(self.now, &fact);
        self.steps.push(Step::Fact(self.now, fact.clone()));
        self.allocator.observe(self.now, fact);
    }

    pub(crate) fn round(&mut self) {
        self.steps.push(Step::Round(self.now));
        self.before = self.ledger.clone();
        for grant in &self.grants {
            self.served_at.insert((grant.framework, grant.role.clone()), self.round_at);
        }
        self.round_at = self.now;
        self.grants.clear();
        self.allocator.allocate(Round { now: self.now, rng: &mut self.rng }, &mut self.grants);
        if self.is_optimistic() {
            return self.offered.extend(self.grants.iter().cloned());
        }
        for grant in &self.grants {
            self.ledger.hold(grant.agent, grant.framework, &grant.role, &grant.resources);
        }
    }

    /// Runs the rounds that are due until then; `check` looks after each.
    pub(crate) fn pass_until(&mut self, until: Instant, mut check: impl FnMut(&Self)) {
        while let Some(due) = self.allocator.deadline().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.round();
            check(self);
        }
        self.now = until.max(self.now);
    }

    pub(crate) fn add_framework(&mut self, slot: u32, path: &str) {
        let info = Arc::new(FrameworkInfo::new("any", role(path)));
        let (framework, id) = (FrameworkKey(slot), FrameworkId::new(format!("f{}", 9 - slot)).unwrap());
        self.observe(Fact::FrameworkAdded { framework, id, info, suppressed: BTreeSet::new(), is_active: true });
        self.pass_until(self.now, |_| {});
    }

    pub(crate) fn add_agent(&mut self, slot: u32, total: &str) {
        self.add_agent_of(slot, total.parse().unwrap());
    }

    pub(crate) fn add_agent_of(&mut self, slot: u32, total: Resources) {
        let (agent, id) = (AgentKey(slot), AgentId::new(format!("a{slot}")).unwrap());
        let info = Arc::new(AgentInfo::new(format!("host-{slot}"), total.clone()));
        self.observe(Fact::AgentAdded { agent, id, info, total, used: Vec::new() });
        self.pass_until(self.now, |_| {});
    }

    pub(crate) fn knows(&self, framework: FrameworkKey) -> bool {
        self.ledger.frameworks.contains_key(&framework)
    }

    pub(crate) fn ask(&self, framework: FrameworkKey, role: &Role, of: Subject) -> Explanation {
        self.allocator.explain(self.now, &Question { framework, role: role.clone(), of }).expect("it can tell")
    }

    /// Everybody asks about every agent; every answer is complete and true. Between rounds, what the last one granted may not
    /// be told any more.
    pub(crate) fn check_answers(&self, is_after_round: bool) {
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
                            assert!(granted.is_empty() || !is_after_round, "{answer}");
                            assert!(!answer.reasons.is_empty() && !answer.change.is_empty(), "{answer:?}");
                        }
                    }
                    let text = serde_json::to_string(&answer).unwrap();
                    assert_eq!(serde_json::from_str::<Explanation>(&text).unwrap(), answer);
                    for reason in &answer.reasons {
                        if let Reason::ShareOrder { order, .. } = reason {
                            self.orders.borrow_mut().insert(name_of(order));
                        }
                        let asked = Asked { framework, role: &role, agent, now: self.now };
                        let is_true = match reason {
                            Reason::AwaitingRound { next_at } => {
                                let due = self.allocator.deadline();
                                let is_due = due.map_or(self.now, |due| due.max(self.now)) == *next_at;
                                is_due && (due.is_some() || !is_after_round)
                            }
                            Reason::ShareOrder { by, order: Order::Waited { batches }, .. }
                                if !self.has_waited(by, *batches) =>
                            {
                                false
                            }
                            Reason::ShareOrder { by, taken, order } => {
                                self.before.confirms_order(&asked, by, taken, order, &self.grants, &self.options)
                            }
                            Reason::Shown { resources } => {
                                let shown: Resources =
                                    self.shown(framework, &role, agent).iter().map(|grant| &grant.resources).sum();
                                !resources.is_empty() && shown.contains(resources)
                            }
                            reason => self.ledger.confirms(&asked, reason),
                        };
                        assert!(is_true, "{framework:?} {role} {agent:?}: {reason:?}\nof {answer}");
                    }
                }
            }
        }
    }

    /// Whether somebody was granted nothing for so many batch rounds before the last round.
    pub(crate) fn has_waited(&self, party: &Party, batches: u32) -> bool {
        let served_at = self.served_at.get(&(self.key_of(party), party.role.clone()));
        served_at.is_none_or(|served_at| self.round_at.since(*served_at) >= INTERVAL * batches.saturating_sub(1))
    }

    pub(crate) fn key_of(&self, party: &Party) -> FrameworkKey {
        key_of_framework(party.framework.as_ref().expect("who is served is known")).unwrap()
    }
}

fn name_of(order: &Order) -> &'static str {
    match order {
        Order::Shares { .. } => "shares",
        Order::Drawn { .. } => "drawn",
        Order::Policy { .. } => "policy",
        Order::Guarantee { .. } => "guarantee",
        Order::Waited { .. } => "waited",
        other => panic!("{other:?} has no name here"),
    }
}

pub(crate) fn sorted(sorter: SorterKind) -> Options {
    Options { role_sorter: sorter, framework_sorter: sorter, ..Options::default() }
}

impl Stage for World {
    type Stop = Infallible;

    fn observe(&mut self, fact: Fact) {
        Self::observe(self, fact);
        if self.is_asked_between {
            self.check_answers(false);
        }
    }

    fn pass(&mut self, time: Duration) -> Result<(), Infallible> {
        let (is_asked, needs) = (self.is_asked, self.needs.clone());
        self.pass_until(self.now + time, |world| {
            if is_asked {
                world.check_answers(true);
            }
            needs.iter().for_each(|need| world.check_need(need));
        });
        Ok(())
    }

    fn holdings(&self) -> Vec<Grant> {
        let held = self.ledger.held.clone().into_iter();
        held.map(|((agent, framework, role), resources)| Grant { framework, role, agent, resources }).collect()
    }

    fn offered(&self) -> Option<Vec<Grant>> {
        self.is_optimistic().then(|| self.offered.clone())
    }

    fn commit(&mut self, grant: Grant, wanted: Resources) -> Result<(), Infallible> {
        self.take(grant, wanted);
        Ok(())
    }
}
