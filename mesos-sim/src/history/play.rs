//! What each kind of step does: draws what it concerns among what there is, and tells it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::constraint::{AttributeConstraint, OfferConstraints, Predicate, Selector};
use mesos_core::kernel::Rng;
use mesos_core::maintenance::Unavailability;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey, Grant, Used};
use mesos_core::quota::Quota;
use mesos_core::resource::{Limits, Quantities, Reservation, Resource, Resources, Scalar};
use mesos_core::{
    AgentId, AgentInfo, Filters, FrameworkCapability, FrameworkId, FrameworkInfo, Role, WallTime, Weight,
};

use super::Claim;
use super::bench::Bench;
use super::history::{Kind, Step};
use super::laws::Breach;

const ROLES: [&str; 6] = ["a", "a/b", "a/c", "d", "d/e/f", "*"];
const TOTALS: [&str; 8] = [
    "cpus:4;mem:4096",
    "cpus:2;mem:1024;disk:100",
    "cpus:8;mem:512;ports:[1-9]",
    "cpus(a):2;mem(a):512;cpus:1;mem:64",
    "cpus(a/b):1;cpus(d):1;mem:2048",
    "cpus:1;mem:64;gpus:1",
    "cpus:0.005;mem:16",
    "cpus:3;mem:100;fpgas:2",
];
const MINIMUMS: [&str; 4] = ["cpus:0.001", "mem:1000", "cpus:2;mem:64", "disk:1"];
const SIZES: [&str; 4] = ["cpus:1", "mem:64;disk:50", "cpus:0.5;mem:500", "mem:48"];
const GUARANTEES: [&str; 4] = ["cpus:1", "cpus:3;mem:256", "mem:2000", "fpgas:1;disk:60"];
const LIMITS: [&str; 4] = ["cpus:2", "cpus:0;mem:512", "mem:100;fpgas:0", "cpus:6;gpus:0"];
/// How long frameworks refuse, in milliseconds; zero is a filter that is none.
const REFUSALS: [u64; 6] = [0, 1, 900, 1_000, 5_000, 60_000];
const FRAMEWORKS: u64 = 5;
const AGENTS: u64 = 6;
/// Keys nobody has.
const STRANGER: u32 = 1_000;

fn pick<T: Copy>(dice: &mut Rng, items: &[T]) -> Option<T> {
    (!items.is_empty()).then(|| items[dice.index(items.len())])
}

fn text<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn role(path: &str) -> Role {
    Role::new(path).unwrap_or_else(|_| Role::any())
}

fn any_role(dice: &mut Rng) -> Role {
    role(ROLES[dice.index(ROLES.len())])
}

fn any_roles(dice: &mut Rng, least: u64, most: u64) -> BTreeSet<Role> {
    (0..dice.between(least, most)).map(|_| any_role(dice)).collect()
}

fn any_total(dice: &mut Rng) -> Resources {
    let mut total: Resources = text(TOTALS[dice.index(TOTALS.len())]).unwrap_or_default();
    if dice.chance(300_000) {
        let revocable = total.add(Resource::cpus(Scalar::from_units(2)).revocable());
        debug_assert!(revocable.is_ok());
    }
    total
}

fn any_info(dice: &mut Rng, has_sizes: bool) -> FrameworkInfo {
    use FrameworkCapability::{GpuResources, ReservationRefinement, RevocableResources};
    let mut info = FrameworkInfo::new("any", Role::any());
    info.roles = any_roles(dice, 1, 3);
    for capability in [GpuResources, ReservationRefinement, RevocableResources] {
        if dice.chance(500_000) {
            info.capabilities.insert(capability);
        } else {
            info.capabilities.remove(&capability);
        }
    }
    if dice.chance(250_000) {
        let minimums: Vec<Quantities> = (0..dice.below(3)).filter_map(|_| text(pick(dice, &MINIMUMS)?)).collect();
        info.min_allocatable = info.roles.iter().map(|role| (role.clone(), minimums.clone())).collect();
    }
    if has_sizes && dice.chance(250_000) {
        let size: Limits = pick(dice, &SIZES).and_then(text).unwrap_or_default();
        info.max_offer = info.roles.iter().map(|role| (role.clone(), size.clone())).collect();
    }
    info
}

/// What a framework demands of hosts, under one of its roles or two.
fn any_constraints(dice: &mut Rng) -> OfferConstraints {
    let group = |dice: &mut Rng| {
        let host = format!("host-{}", dice.below(4)).into();
        let is_wanted = dice.chance(500_000);
        let predicate = if is_wanted { Predicate::TextEquals(host) } else { Predicate::TextNotEquals(host) };
        vec![AttributeConstraint { selector: Selector::Hostname, predicate }]
    };
    let roles = any_roles(dice, 0, 2);
    let by_role = roles.into_iter().map(|role| (role, (0..dice.between(1, 2)).map(|_| group(dice)).collect()));
    OfferConstraints { by_role: by_role.collect() }
}

fn slot(dice: &mut Rng, below: u64) -> u32 {
    u32::try_from(dice.below(below)).unwrap_or(0)
}

impl Bench<'_> {
    /// Takes one step, runs what is due and checks the laws.
    pub(super) fn step(&mut self, step: Step) -> Result<(), Breach> {
        let dice = &mut Rng::new(step.dice);
        match step.kind {
            Kind::Pass => return self.pass(Duration::from_millis(dice.below(3_500))),
            Kind::Settle => return self.settle(),
            Kind::AddAgent | Kind::ResizeAgent | Kind::ToggleAgent | Kind::DescribeAgent | Kind::RemoveAgent => {
                self.step_agent(step.kind, dice);
            }
            Kind::Decline | Kind::Accept if self.is_optimistic() => self.answer(step.kind, dice)?,
            Kind::Decline | Kind::Accept | Kind::Finish | Kind::Reserve | Kind::Unreserve => {
                self.step_holding(step.kind, dice);
            }
            Kind::Claim => self.claim(dice),
            Kind::Weigh => {
                let weight = Weight::new([0.5, 1.0, 1.0, 3.0][dice.index(4)]).unwrap_or_default();
                self.observe(Fact::WeightSet { role: any_role(dice), weight });
            }
            Kind::Limit => self.limit(dice),
            Kind::Guarantee => self.guarantee(dice),
            Kind::Plan => self.plan(dice),
            Kind::Answer => self.answer_inverse(dice),
            Kind::Stray => self.observe(stray(dice)),
            _ => self.step_framework(step.kind, dice),
        }
        self.finish_step()
    }

    fn step_framework(&mut self, kind: Kind, dice: &mut Rng) {
        let known: Vec<FrameworkKey> = self.truth.frameworks.keys().copied().collect();
        if kind == Kind::AddFramework {
            return self.add_framework(dice, &known);
        }
        let Some(framework) = pick(dice, &known) else { return };
        if !matches!(kind, Kind::Suppress | Kind::Revive) {
            self.lapse_all(|grant| grant.framework == framework);
        }
        match kind {
            Kind::UpdateFramework => {
                let (info, suppressed) = (Arc::new(any_info(dice, self.has_sizes())), any_roles(dice, 0, 1));
                self.observe(Fact::FrameworkUpdated { framework, info, suppressed });
                self.constrain_again(framework);
            }
            Kind::Constrain => {
                let constraints = Arc::new(any_constraints(dice));
                self.observe(Fact::ConstraintsSet { framework, constraints });
            }
            Kind::ToggleFramework => {
                let is_active = self.truth.frameworks[&framework].is_active;
                self.end_inverse_offers(framework);
                self.observe(match is_active {
                    true => Fact::FrameworkDeactivated { framework },
                    false => Fact::FrameworkActivated { framework },
                });
            }
            Kind::RemoveFramework => self.remove_framework(framework),
            Kind::Suppress => self.observe(Fact::RolesSuppressed { framework, roles: any_roles(dice, 0, 2) }),
            _ => self.observe(Fact::RolesRevived { framework, roles: any_roles(dice, 0, 2) }),
        }
    }

    fn add_framework(&mut self, dice: &mut Rng, known: &[FrameworkKey]) {
        let framework = FrameworkKey(slot(dice, FRAMEWORKS));
        // Ids are in another order than keys.
        let Ok(id) = FrameworkId::new(format!("f{}", 9 - framework.0)) else { return };
        if !known.contains(&framework) {
            let (info, is_active) = (Arc::new(any_info(dice, self.has_sizes())), dice.chance(900_000));
            let suppressed = if dice.chance(200_000) { any_roles(dice, 1, 2) } else { BTreeSet::new() };
            self.observe(Fact::FrameworkAdded { framework, id, info, suppressed, is_active });
        }
    }

    /// As a master does it: everything comes back first.
    fn remove_framework(&mut self, framework: FrameworkKey) {
        for (agent, (holder, role), resources) in self.truth.holdings() {
            if holder == framework {
                self.give_back(Grant { framework, role, agent, resources }, None);
            }
        }
        self.end_inverse_offers(framework);
        self.observe(Fact::FrameworkRemoved { framework });
    }

    fn has_sizes(&self) -> bool {
        self.profile.claims(&Claim::Sizes)
    }

    /// As a master does it: whoever describes himself anew says what he demands, too.
    fn constrain_again(&mut self, framework: FrameworkKey) {
        if let Some(constraints) = self.truth.constraints.get(&framework).cloned() {
            self.observe(Fact::ConstraintsSet { framework, constraints });
        }
    }

    /// As a master does it: who is away is asked nothing.
    fn end_inverse_offers(&mut self, framework: FrameworkKey) {
        for agent in self.truth.asked_of(framework) {
            self.observe(Fact::InverseOfferEnded { framework, agent, filters: None });
        }
    }

    /// An agent will be away, at another time than before, or stays after all.
    fn plan(&mut self, dice: &mut Rng) {
        let known: Vec<AgentKey> = self.truth.agents.keys().copied().collect();
        if let Some(agent) = pick(dice, &known) {
            let start = WallTime::from_nanos(dice.between(1, 1_000) * 1_000_000_000);
            let unavailability = dice.chance(700_000).then_some(Unavailability { start, duration: None });
            self.observe(Fact::UnavailabilitySet { agent, unavailability });
        }
    }

    fn answer_inverse(&mut self, dice: &mut Rng) {
        let asked: Vec<(FrameworkKey, AgentKey)> = self.truth.asked.iter().copied().collect();
        if let Some((framework, agent)) = pick(dice, &asked) {
            let refuse_for = Duration::from_millis(REFUSALS[dice.index(REFUSALS.len())]);
            let filters = dice.chance(700_000).then(|| Filters::refuse_for(refuse_for));
            self.observe(Fact::InverseOfferEnded { framework, agent, filters });
        }
    }

    fn step_agent(&mut self, kind: Kind, dice: &mut Rng) {
        let known: Vec<AgentKey> = self.truth.agents.keys().copied().collect();
        if kind == Kind::AddAgent {
            return self.add_agent(dice, &known);
        }
        let Some(agent) = pick(dice, &known) else { return };
        self.lapse_all(|grant| grant.agent == agent);
        match kind {
            Kind::ResizeAgent => self.observe(Fact::AgentResized { agent, total: any_total(dice) }),
            Kind::ToggleAgent => {
                let is_active = self.truth.agents[&agent].is_active;
                self.observe(match is_active {
                    true => Fact::AgentDeactivated { agent },
                    false => Fact::AgentActivated { agent },
                });
            }
            Kind::DescribeAgent => {
                let total = self.truth.agents[&agent].total.clone();
                let info = Arc::new(AgentInfo::new(format!("host-{}", dice.below(3)), total));
                self.observe(Fact::AgentUpdated { agent, info });
            }
            _ => self.observe(Fact::AgentRemoved { agent }),
        }
    }

    fn add_agent(&mut self, dice: &mut Rng, known: &[AgentKey]) {
        let agent = AgentKey(slot(dice, AGENTS));
        let Ok(id) = AgentId::new(format!("a{}", agent.0)) else { return };
        if known.contains(&agent) {
            return;
        }
        let total = any_total(dice);
        let mut used = Vec::new();
        let resources = Resources::from_plain(total.plain_scalars());
        if dice.chance(200_000) && !resources.is_empty() {
            used.push(Used { framework: FrameworkKey(slot(dice, FRAMEWORKS)), role: any_role(dice), resources });
        }
        let info = Arc::new(AgentInfo::new(format!("host-{}", agent.0), total.clone()));
        self.observe(Fact::AgentAdded { agent, id, info, total, used });
    }

    fn step_holding(&mut self, kind: Kind, dice: &mut Rng) {
        let holdings = self.truth.holdings();
        if holdings.is_empty() {
            return;
        }
        let (agent, (framework, role), held) = holdings[dice.index(holdings.len())].clone();
        let refuse_for = Duration::from_millis(REFUSALS[dice.index(REFUSALS.len())]);
        let whole = Grant { framework, role, agent, resources: held };
        match kind {
            Kind::Decline => self.give_back(whole, Some(refuse_for)),
            Kind::Accept => {
                let half = |own: Scalar| Scalar::from_milli(own.as_milli() / 2);
                let resources = Resources::from_plain(whole.resources.plain_scalars().map(half));
                self.give_back(Grant { resources, ..whole }, Some(refuse_for));
            }
            Kind::Finish => self.give_back(whole, None),
            Kind::Reserve => self.reserve(whole),
            _ => self.unreserve(whole),
        }
    }

    /// A framework declines an optimistic offer, or commits half of it.
    fn answer(&mut self, kind: Kind, dice: &mut Rng) -> Result<(), Breach> {
        if self.truth.offered.is_empty() {
            return Ok(());
        }
        let grant = self.truth.offered[dice.index(self.truth.offered.len())].clone();
        if kind == Kind::Decline {
            self.lapse(grant, Some(Duration::from_millis(REFUSALS[dice.index(REFUSALS.len())])));
            return Ok(());
        }
        let half = |own: Scalar| Scalar::from_milli(own.as_milli() / 2);
        let is_half = dice.chance(500_000);
        let part = Resources::from_plain(grant.resources.plain_scalars().map(half));
        let wanted = if is_half && !part.is_empty() { part } else { grant.resources.clone() };
        self.commit(grant, wanted)
    }

    /// A framework reserves the plain part of what it was granted, if the agent still has that.
    fn reserve(&mut self, held: Grant) {
        let from = Resources::from_plain(held.resources.plain_scalars());
        let to = from.push_reservation(&Reservation::dynamic(held.role.clone(), None));
        if let Some(to) = to.ok().filter(|_| !held.role.is_any()) {
            self.convert(held, from, to);
        }
    }

    fn unreserve(&mut self, held: Grant) {
        let from = held.resources.filter(|entry| entry.is_dynamically_reserved() && entry.reservations().len() == 1);
        if let Ok(to) = from.pop_reservation() {
            self.convert(held, from, to);
        }
    }

    fn convert(&mut self, held: Grant, from: Resources, to: Resources) {
        let Grant { framework, role, agent, .. } = held;
        if !from.is_empty() && self.truth.agents[&agent].total.contains(&from) {
            self.observe(Fact::Converted { framework, role, agent, from, to });
        }
    }

    fn claim(&mut self, dice: &mut Rng) {
        let known: Vec<AgentKey> = self.truth.agents.keys().copied().collect();
        if let Some(agent) = pick(dice, &known) {
            let resources = Resources::from_plain([Scalar::from_milli(500), Scalar::ZERO, Scalar::ZERO, Scalar::ZERO]);
            let framework = FrameworkKey(slot(dice, FRAMEWORKS));
            self.observe(Fact::Claimed { framework, role: any_role(dice), agent, resources });
        }
    }

    fn guarantee(&mut self, dice: &mut Rng) {
        let promised: Quantities = pick(dice, &GUARANTEES).and_then(text).unwrap_or_default();
        let quota = if dice.chance(250_000) { Quota::default() } else { guaranteed(promised) };
        self.observe(Fact::QuotaSet { role: any_role(dice), quota });
    }

    fn limit(&mut self, dice: &mut Rng) {
        let limits: Limits = pick(dice, &LIMITS).and_then(text).unwrap_or_default();
        let quota = if dice.chance(250_000) { Quota::default() } else { limited(limits) };
        self.observe(Fact::QuotaSet { role: any_role(dice), quota });
    }
}

fn limited(limits: Limits) -> Quota {
    Quota::new(Quantities::new(), limits).unwrap_or_default()
}

fn guaranteed(promised: Quantities) -> Quota {
    Quota::new(promised, Limits::new()).unwrap_or_default()
}

/// A fact about somebody unknown, which changes nothing.
fn stray(dice: &mut Rng) -> Fact {
    let (framework, agent) = (FrameworkKey(STRANGER), AgentKey(STRANGER));
    let (role, resources) = (any_role(dice), any_total(dice));
    let info = Arc::new(any_info(dice, false));
    let roles = any_roles(dice, 0, 2);
    match dice.below(17) {
        0 => Fact::FrameworkUpdated { framework, info, suppressed: roles },
        1 => Fact::FrameworkActivated { framework },
        2 => Fact::FrameworkDeactivated { framework },
        3 => Fact::FrameworkRemoved { framework },
        4 => Fact::RolesSuppressed { framework, roles },
        5 => Fact::RolesRevived { framework, roles },
        6 => Fact::AgentResized { agent, total: resources },
        7 => Fact::AgentActivated { agent },
        8 => Fact::AgentDeactivated { agent },
        9 => Fact::AgentRemoved { agent },
        10 => Fact::AgentUpdated { agent, info: Arc::new(AgentInfo::new("stranger", resources)) },
        11 => Fact::Claimed { framework, role, agent, resources },
        12 => Fact::Converted { framework, role, agent, from: resources.clone(), to: resources },
        13 => Fact::ConstraintsSet { framework, constraints: Arc::new(any_constraints(dice)) },
        14 => Fact::UnavailabilitySet { agent, unavailability: None },
        15 => Fact::InverseOfferEnded { framework, agent, filters: None },
        _ => Fact::Recovered { framework, role, agent, resources, filters: None },
    }
}
