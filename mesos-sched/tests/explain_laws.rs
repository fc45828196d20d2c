//! Laws of explanations: random histories, and after every round everybody asks about every agent.
//!
//! * Complete: whoever was granted nothing of an agent hears of at least one reason.
//! * True: no reason is claimed that a ledger kept beside the allocator does not confirm.
//! * Enough: what an explanation says would be enough is made true, and the offer comes.
//! * Needed: without any one of the steps it does not.

#[path = "explain_laws/ledger.rs"]
mod ledger;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::constraint::{AttributeConstraint, OfferConstraints, Predicate, Selector};
use mesos_core::kernel::Rng;
use mesos_core::provider::explain::{Change, Explanation, Lack, Need, Question, Reason, Subject, Verdict};
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round};
use mesos_core::resource::{Limits, Quantities, Resource, Resources, Scalar};
use mesos_core::{
    AgentCapability, AgentId, AgentInfo, Filters, FrameworkCapability, FrameworkId, FrameworkInfo, Instant, Quota,
    Role, Weight,
};
use mesos_sched::allocator::{HierarchicalDrf, Options, SorterKind};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::RngSeed;

use ledger::{Ledger, role};

const ROLES: [&str; 4] = ["a", "a/b", "d", "*"];
const FRAMEWORKS: u32 = 4;
const AGENTS: u32 = 4;
const TOTALS: [&str; 7] = [
    "cpus:4;mem:4096",
    "cpus:2;mem:1024;disk:100",
    "cpus(a):2;mem(a):512;cpus:1;mem:64",
    "cpus(a/b):1;cpus(d):1;mem:2048",
    "cpus:1;mem:64;gpus:1",
    "cpus:0.005;mem:16",
    "cpus:3;mem:100;fpgas:2",
];
const INTERVAL: Duration = Duration::from_secs(1);

/// Something that happens; what it concerns is picked among what there is then.
#[derive(Debug, Clone)]
enum Event {
    AddFramework { slot: u32, info: FrameworkInfo, suppressed: BTreeSet<Role>, is_active: bool },
    UpdateFramework { slot: u32, info: FrameworkInfo, suppressed: BTreeSet<Role> },
    SetFrameworkActive { slot: u32, is_active: bool },
    RemoveFramework { slot: u32 },
    Suppress { slot: u32, roles: BTreeSet<Role> },
    Revive { slot: u32, roles: BTreeSet<Role> },
    Constrain { slot: u32, path: &'static str, rack: Option<&'static str> },
    AddAgent { slot: u32, total: Resources, rack: &'static str, is_modern: bool },
    ResizeAgent { slot: u32, total: Resources },
    SetAgentActive { slot: u32, is_active: bool },
    RemoveAgent { slot: u32 },
    Whitelist { hosts: Option<Vec<u32>> },
    Recover { which: Index, is_whole: bool, refuse_ms: Option<u64> },
    Weigh { path: &'static str, milli: u32 },
    SetQuota { path: &'static str, quota: Quota },
    Pass { ms: u64 },
}

fn any_roles(least: usize) -> impl Strategy<Value = BTreeSet<Role>> {
    subsequence(ROLES.to_vec(), least..=2).prop_map(|paths| paths.into_iter().map(role).collect())
}

fn any_info() -> impl Strategy<Value = FrameworkInfo> {
    use FrameworkCapability::{GpuResources, MultiRole, ReservationRefinement, RevocableResources};
    let capabilities = subsequence(vec![GpuResources, ReservationRefinement, RevocableResources, MultiRole], 0..=4);
    let minimums = prop::option::weighted(0.2, subsequence(vec!["cpus:0.001", "mem:1000", "disk:1"], 0..=2));
    let size = prop::option::weighted(0.15, select(vec!["cpus:1", "cpus:0.005;mem:16", "mem:128"]));
    (any_roles(1), capabilities, minimums, size).prop_map(|(roles, capabilities, minimums, size)| {
        let mut info = FrameworkInfo::new("any", role("a"));
        if let Some(minimums) = minimums {
            let minimums: Vec<_> = minimums.into_iter().map(|text| text.parse().unwrap()).collect();
            info.min_allocatable = roles.iter().map(|role| (role.clone(), minimums.clone())).collect();
        }
        if let Some(size) = size {
            info.max_offer = roles.iter().map(|role| (role.clone(), size.parse().unwrap())).collect();
        }
        info.roles = roles;
        info.capabilities = capabilities.into_iter().collect();
        info
    })
}

fn any_total() -> impl Strategy<Value = Resources> {
    (select(&TOTALS[..]), prop::bool::weighted(0.2)).prop_map(|(text, has_revocable)| {
        let mut total: Resources = text.parse().unwrap();
        if has_revocable {
            total.add(Resource::cpus(Scalar::from_units(2)).revocable()).unwrap();
        }
        total
    })
}

fn any_quota() -> impl Strategy<Value = Quota> {
    let guarantees = select(vec!["", "", "cpus:2", "cpus:3;mem:256", "mem:4000"]);
    let limits = select(vec!["", "", "cpus:3;mem:4096", "cpus:0", "mem:4000;cpus:3.5"]);
    (guarantees, limits).prop_map(|(guarantees, limits)| {
        let (guarantees, limits): (Quantities, Limits) = (guarantees.parse().unwrap(), limits.parse().unwrap());
        Quota::new(guarantees, limits.clone()).unwrap_or_else(|_| Quota::new(Quantities::new(), limits).unwrap())
    })
}

fn any_event(has_quota: bool) -> impl Strategy<Value = Event> {
    let framework = || 0..FRAMEWORKS;
    let agent = || 0..AGENTS;
    let path = || select(&ROLES[..]);
    let refusal = prop::option::of(select(vec![0, 900, 1_000, 2_500, 60_000]));
    let rack = || select(vec!["r1", "r2"]);
    prop_oneof![
        5 => (framework(), any_info(), any_roles(0), prop::bool::weighted(0.9)).prop_map(
            |(slot, info, suppressed, is_active)| Event::AddFramework { slot, info, suppressed, is_active }
        ),
        2 => (framework(), any_info(), any_roles(0))
            .prop_map(|(slot, info, suppressed)| Event::UpdateFramework { slot, info, suppressed }),
        1 => (framework(), any::<bool>()).prop_map(|(slot, is_active)| Event::SetFrameworkActive { slot, is_active }),
        1 => framework().prop_map(|slot| Event::RemoveFramework { slot }),
        1 => (framework(), any_roles(0)).prop_map(|(slot, roles)| Event::Suppress { slot, roles }),
        2 => (framework(), any_roles(0)).prop_map(|(slot, roles)| Event::Revive { slot, roles }),
        2 => (framework(), path(), prop::option::of(rack()))
            .prop_map(|(slot, path, rack)| Event::Constrain { slot, path, rack }),
        7 => (agent(), any_total(), rack(), prop::bool::weighted(0.8))
            .prop_map(|(slot, total, rack, is_modern)| Event::AddAgent { slot, total, rack, is_modern }),
        1 => (agent(), any_total()).prop_map(|(slot, total)| Event::ResizeAgent { slot, total }),
        1 => (agent(), any::<bool>()).prop_map(|(slot, is_active)| Event::SetAgentActive { slot, is_active }),
        1 => agent().prop_map(|slot| Event::RemoveAgent { slot }),
        1 => prop::option::of(subsequence(vec![0, 1, 2, 3], 2..=4)).prop_map(|hosts| Event::Whitelist { hosts }),
        12 => (any::<Index>(), any::<bool>(), refusal)
            .prop_map(|(which, is_whole, refuse_ms)| Event::Recover { which, is_whole, refuse_ms }),
        2 => (path(), select(vec![500, 1_000, 3_000])).prop_map(|(path, milli)| Event::Weigh { path, milli }),
        4 => (path(), any_quota()).prop_map(move |(path, quota)| match has_quota {
            true => Event::SetQuota { path, quota },
            false => Event::Pass { ms: 100 },
        }),
        8 => (0_u64..2_500).prop_map(|ms| Event::Pass { ms }),
    ]
}

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

    fn apply(&mut self, event: Event, check: impl FnMut(&Self)) {
        match event {
            Event::AddFramework { slot, .. } if self.ledger.frameworks.contains_key(&FrameworkKey(slot)) => {}
            Event::AddFramework { slot, info, suppressed, is_active } => {
                let (framework, id) = (FrameworkKey(slot), FrameworkId::new(format!("f{slot}")).unwrap());
                self.observe(Fact::FrameworkAdded { framework, id, info: Arc::new(info), suppressed, is_active });
            }
            Event::UpdateFramework { slot, info, suppressed } if self.knows(slot) => {
                self.observe(Fact::FrameworkUpdated {
                    framework: FrameworkKey(slot),
                    info: Arc::new(info),
                    suppressed,
                });
            }
            Event::SetFrameworkActive { slot, is_active } if self.knows(slot) => {
                let framework = FrameworkKey(slot);
                self.observe(match is_active {
                    true => Fact::FrameworkActivated { framework },
                    false => Fact::FrameworkDeactivated { framework },
                });
            }
            Event::RemoveFramework { slot } if self.knows(slot) => self.remove_framework(FrameworkKey(slot)),
            Event::Suppress { slot, roles } => {
                self.observe(Fact::RolesSuppressed { framework: FrameworkKey(slot), roles });
            }
            Event::Revive { slot, roles } => self.observe(Fact::RolesRevived { framework: FrameworkKey(slot), roles }),
            Event::Constrain { slot, path, rack } if self.knows(slot) => self.constrain(slot, path, rack),
            Event::AddAgent { slot, total, rack, is_modern } => self.add_agent(slot, total, rack, is_modern),
            Event::ResizeAgent { slot, total } => self.observe(Fact::AgentResized { agent: AgentKey(slot), total }),
            Event::SetAgentActive { slot, is_active: true } => {
                self.observe(Fact::AgentActivated { agent: AgentKey(slot) });
            }
            Event::SetAgentActive { slot, .. } => self.observe(Fact::AgentDeactivated { agent: AgentKey(slot) }),
            Event::RemoveAgent { slot } => self.observe(Fact::AgentRemoved { agent: AgentKey(slot) }),
            Event::Whitelist { hosts } => {
                let hostnames =
                    hosts.map(|hosts| hosts.into_iter().map(|slot| Arc::from(format!("h{slot}"))).collect());
                self.observe(Fact::WhitelistSet { hostnames });
            }
            Event::Recover { which, is_whole, refuse_ms } => self.recover(which, is_whole, refuse_ms),
            Event::Weigh { path, milli } => {
                let weight = Weight::new(f64::from(milli) / 1_000.0).unwrap();
                self.observe(Fact::WeightSet { role: role(path), weight });
            }
            Event::SetQuota { path, quota } if path != "*" => self.observe(Fact::QuotaSet { role: role(path), quota }),
            Event::Pass { ms } => return self.pass_until(self.now + Duration::from_millis(ms), check),
            _ => {}
        }
        self.pass_until(self.now, check);
    }

    fn knows(&self, slot: u32) -> bool {
        self.ledger.frameworks.contains_key(&FrameworkKey(slot))
    }

    fn constrain(&mut self, slot: u32, path: &str, rack: Option<&str>) {
        let demand = |rack: &str| AttributeConstraint {
            selector: Selector::Attribute("rack".into()),
            predicate: Predicate::TextEquals(rack.into()),
        };
        let groups: Vec<_> = rack.into_iter().map(|rack| vec![demand(rack)]).collect();
        let constraints = Arc::new(OfferConstraints { by_role: [(role(path), groups)].into() });
        self.observe(Fact::ConstraintsSet { framework: FrameworkKey(slot), constraints });
    }

    fn add_agent(&mut self, slot: u32, total: Resources, rack: &str, is_modern: bool) {
        let agent = AgentKey(slot);
        if self.ledger.agents.contains_key(&agent) {
            return;
        }
        let mut info = AgentInfo::new(format!("h{slot}"), total.clone());
        info.attributes = format!("rack:{rack}").parse().unwrap();
        if !is_modern {
            info.capabilities.clear();
        }
        let id = AgentId::new(format!("agent-{slot}")).unwrap();
        self.observe(Fact::AgentAdded { agent, id, info: Arc::new(info), total, used: Vec::new() });
    }

    /// As a master does it: hand back everything first.
    fn remove_framework(&mut self, framework: FrameworkKey) {
        for ((agent, holder, role), resources) in self.ledger.held.clone() {
            if holder == framework {
                self.observe(Fact::Recovered { framework, role, agent, resources, filters: None });
            }
        }
        self.observe(Fact::FrameworkRemoved { framework });
    }

    fn recover(&mut self, which: Index, is_whole: bool, refuse_ms: Option<u64>) {
        let held: Vec<_> = self.ledger.held.clone().into_iter().collect();
        if held.is_empty() {
            return;
        }
        let ((agent, framework, role), held) = which.get(&held).clone();
        let half = Resources::from_plain(held.plain_scalars().map(|own| Scalar::from_milli(own.as_milli() / 2)));
        let resources = if is_whole { held } else { half };
        let filters = refuse_ms.map(|ms| Filters::refuse_for(Duration::from_millis(ms)));
        if !resources.is_empty() {
            self.observe(Fact::Recovered { framework, role, agent, resources, filters });
        }
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
                    let framework = FrameworkKey(id.as_str()[1..].parse().unwrap());
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
                let id = survey.nearest.as_ref().unwrap().as_str();
                (AgentKey(id["agent-".len()..].parse().unwrap()), Some(need))
            }
            _ => return,
        };
        let is_offered = matches!(answer.verdict, Verdict::Offered { .. });
        if is_offered
            || !self.knows(framework.0)
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

/// Goes through a history, looking after every round; the world at its end.
fn go_through(sorter: SorterKind, seed: u64, events: Vec<Event>) -> World {
    let mut world = World::new(sorter, seed);
    for event in events {
        world.apply(event, World::check_answers);
    }
    world
}

fn any_history(has_quota: bool) -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(any_event(has_quota), 1..50)
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

/// The same cases in every run, unless `PROPTEST_RNG_SEED` says otherwise: what is left of rare corners is hunted by hand
/// with other seeds, and does not fail somebody else's change.
fn repeatable(cases: u32) -> ProptestConfig {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let rng_seed = match config.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        given => given,
    };
    ProptestConfig { rng_seed, ..config }
}

proptest! {
    #![proptest_config(repeatable(64))]

    #[test]
    fn everybody_hears_true_reasons(events in any_history(false), seed in any::<u64>(), is_fair: bool) {
        go_through(if is_fair { SorterKind::Drf } else { SorterKind::Random }, seed, events);
    }

    #[test]
    fn everybody_hears_true_reasons_with_quotas(events in any_history(true), seed in any::<u64>()) {
        go_through(SorterKind::Drf, seed, events);
    }

    #[test]
    fn what_would_be_enough_is_enough(events in any_history(false), seed in any::<u64>(), need in any_need()) {
        let world = go_through(SorterKind::Drf, seed, events);
        check_all_changes(&world, need);
    }

    #[test]
    fn what_would_be_enough_is_enough_with_quotas(events in any_history(true), seed in any::<u64>(), need in any_need()) {
        let world = go_through(SorterKind::Drf, seed, events);
        check_all_changes(&world, need);
    }
}

/// Where a weight is named, it would have put the asker first: the history is gone through again with it.
#[test]
fn the_weight_that_would_have_been_enough_is_enough() {
    let mut tried = 0;
    for seed in 0..40 {
        let mut world = World::new(SorterKind::Drf, seed);
        let add = |world: &mut World, slot, path| {
            let info = FrameworkInfo::new("any", role(path));
            world.apply(Event::AddFramework { slot, info, suppressed: BTreeSet::new(), is_active: true }, |_| {});
        };
        let agent = |world: &mut World, slot, total: &str| {
            world.apply(Event::AddAgent { slot, total: total.parse().unwrap(), rack: "r1", is_modern: true }, |_| {});
        };
        agent(&mut world, 0, "cpus:4;mem:4096");
        add(&mut world, 0, "a/b");
        agent(&mut world, 1, if seed % 2 == 0 { "cpus:1;mem:64" } else { "cpus:3;mem:512" });
        add(&mut world, 1, "d");
        agent(&mut world, 2, "cpus:2;mem:100");
        agent(&mut world, 3, "cpus:2;mem:700");
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

/// Nothing above is true by accident: every reason and change comes up.
#[test]
fn histories_bring_up_all_kinds_of_reasons() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..60 {
        let events = any_history(true).new_tree(&mut runner).unwrap().current();
        let mut world = World::new(SorterKind::Drf, seed);
        for event in events {
            world.apply(event, |_| {});
        }
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
