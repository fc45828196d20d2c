//! What each kind of step does: draws what it concerns among what there is, and tells it as a master would.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::maintenance::Unavailability;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey, Grant, Used};
use mesos_core::resource::{Reservation, Resources, Scalar};
use mesos_core::{Filters, WallTime, Weight};

use super::known::Known;
use super::mix::{Dials, Kind, Step};
use super::{Stage, sample};

/// How long frameworks refuse, in milliseconds; zero is a filter that is none.
const REFUSALS: [u64; 7] = [0, 1, 900, 1_000, 2_500, 5_000, 60_000];
const WEIGHTS: [f64; 4] = [0.5, 1.0, 1.0, 3.0];

/// A stage, and who is there.
pub(super) struct Player<'a, S> {
    stage: &'a mut S,
    known: Known,
    dials: Dials,
}

fn any_refusal(dice: &mut Rng) -> Duration {
    Duration::from_millis(REFUSALS[dice.index(REFUSALS.len())])
}

fn half(resources: &Resources) -> Resources {
    Resources::from_plain(resources.plain_scalars().map(|own| Scalar::from_milli(own.as_milli() / 2)))
}

impl<'a, S: Stage> Player<'a, S> {
    pub(super) fn new(stage: &'a mut S, dials: Dials) -> Self {
        Self { stage, known: Known::default(), dials }
    }

    /// Takes one step; the rounds run that are due after it.
    pub(super) fn step(&mut self, step: Step) -> Result<(), S::Stop> {
        let dice = &mut Rng::new(step.dice);
        match step.kind {
            Kind::Pass => return self.stage.pass(Duration::from_millis(dice.below(3_500))),
            Kind::Settle => return self.stage.settle(),
            Kind::AddAgent | Kind::ResizeAgent | Kind::ToggleAgent | Kind::DescribeAgent | Kind::RemoveAgent => {
                self.step_agent(step.kind, dice);
            }
            Kind::Decline | Kind::Accept => match self.stage.offered() {
                Some(offered) => self.answer(step.kind, &offered, dice)?,
                None => self.step_holding(step.kind, dice),
            },
            Kind::Finish | Kind::Reserve | Kind::Unreserve => self.step_holding(step.kind, dice),
            Kind::Claim => self.claim(dice),
            Kind::Plan => self.plan(dice),
            Kind::Answer => self.answer_inverse(dice),
            Kind::Excess => self.exceed(dice),
            Kind::Weigh
            | Kind::Limit
            | Kind::Guarantee
            | Kind::Quota
            | Kind::Whitelist
            | Kind::Stray
            | Kind::Expect => {
                let fact = self.setting(step.kind, dice);
                self.observe(fact);
            }
            _ => self.step_framework(step.kind, dice),
        }
        self.stage.pass(Duration::ZERO)
    }

    fn observe(&mut self, fact: Fact) {
        self.known.observe(&fact);
        self.stage.observe(fact);
    }

    /// What an operator sets, or what concerns nobody there.
    fn setting(&self, kind: Kind, dice: &mut Rng) -> Fact {
        let quota = |quota: fn(&mut Rng) -> _, dice: &mut Rng| {
            let role = sample::any_own_role(dice);
            Fact::QuotaSet { role, quota: quota(dice) }
        };
        match kind {
            Kind::Weigh => {
                let weight = Weight::new(WEIGHTS[dice.index(WEIGHTS.len())]).unwrap_or_default();
                Fact::WeightSet { role: sample::any_role(dice), weight }
            }
            Kind::Limit => quota(sample::any_limit, dice),
            Kind::Guarantee => quota(sample::any_guarantee, dice),
            Kind::Quota => quota(sample::any_quota, dice),
            Kind::Whitelist => Fact::WhitelistSet { hostnames: sample::any_hosts(dice, self.dials) },
            Kind::Expect => {
                Fact::AgentsExpected { count: usize::try_from(dice.below(self.dials.agents + 3)).unwrap_or(0) }
            }
            _ => {
                let frameworks: Vec<FrameworkKey> = self.known.frameworks.keys().copied().collect();
                let agents: Vec<AgentKey> = self.known.agents.keys().copied().collect();
                sample::any_stray(dice, self.dials, &frameworks, &agents)
            }
        }
    }

    /// More comes back than somebody holds, or what nobody was granted or shown: that changes nothing.
    fn exceed(&mut self, dice: &mut Rng) {
        let frameworks: Vec<FrameworkKey> = self.known.frameworks.keys().copied().collect();
        let agents: Vec<AgentKey> = self.known.agents.keys().copied().collect();
        let (Some(framework), Some(agent)) = (sample::pick(dice, &frameworks), sample::pick(dice, &agents)) else {
            return;
        };
        // No agent has so much.
        let more = Resources::from_plain([Scalar::from_units(1_000), Scalar::ZERO, Scalar::ZERO, Scalar::ZERO]);
        let (role, held) = (sample::any_role(dice), sample::pick(dice, &self.stage.holdings()));
        let filters = Some(Filters::refuse_for(any_refusal(dice)));
        self.observe(match (dice.below(4), held) {
            (0, Some(Grant { framework, role, agent, resources })) => {
                Fact::Recovered { framework, role, agent, resources: resources + &more, filters }
            }
            (0 | 1, _) => Fact::Recovered { framework, role, agent, resources: more, filters },
            (2, _) => Fact::Converted { framework, role, agent, from: more.clone(), to: more },
            _ => Fact::Lapsed { framework, role, agent, resources: more, filters: None },
        });
    }

    // Frameworks.

    fn step_framework(&mut self, kind: Kind, dice: &mut Rng) {
        let known: Vec<FrameworkKey> = self.known.frameworks.keys().copied().collect();
        if kind == Kind::AddFramework {
            return self.add_framework(dice, &known);
        }
        let Some(framework) = sample::pick(dice, &known) else { return };
        if !matches!(kind, Kind::Suppress | Kind::Revive) {
            self.lapse_all(|grant| grant.framework == framework);
        }
        match kind {
            Kind::UpdateFramework => {
                let info = Arc::new(sample::any_framework(dice, self.dials));
                let suppressed = sample::any_roles(dice, 0, 1);
                self.observe(Fact::FrameworkUpdated { framework, info, suppressed });
                self.constrain_again(framework);
            }
            Kind::Constrain => {
                let constraints = Arc::new(sample::any_constraints(dice));
                self.observe(Fact::ConstraintsSet { framework, constraints });
            }
            Kind::ToggleFramework => {
                let is_active = self.known.frameworks[&framework].is_active;
                self.end_inverse_offers(framework);
                self.observe(match is_active {
                    true => Fact::FrameworkDeactivated { framework },
                    false => Fact::FrameworkActivated { framework },
                });
            }
            Kind::RemoveFramework => self.remove_framework(framework),
            Kind::Suppress => self.observe(Fact::RolesSuppressed { framework, roles: sample::any_roles(dice, 0, 2) }),
            _ => self.observe(Fact::RolesRevived { framework, roles: sample::any_roles(dice, 0, 2) }),
        }
    }

    fn add_framework(&mut self, dice: &mut Rng, known: &[FrameworkKey]) {
        let framework = FrameworkKey(sample::slot(dice, self.dials.frameworks));
        let Some(id) = sample::id_of_framework(framework).filter(|_| !known.contains(&framework)) else { return };
        let (info, is_active) = (Arc::new(sample::any_framework(dice, self.dials)), dice.chance(900_000));
        let suppressed = if dice.chance(200_000) { sample::any_roles(dice, 1, 2) } else { BTreeSet::new() };
        self.observe(Fact::FrameworkAdded { framework, id, info, suppressed, is_active });
    }

    /// Everything comes back first.
    fn remove_framework(&mut self, framework: FrameworkKey) {
        for held in self.stage.holdings() {
            if held.framework == framework {
                self.give_back(held, None);
            }
        }
        self.end_inverse_offers(framework);
        self.observe(Fact::FrameworkRemoved { framework });
    }

    /// Whoever describes himself anew says what he demands, too.
    fn constrain_again(&mut self, framework: FrameworkKey) {
        if let Some(constraints) = self.known.frameworks[&framework].constraints.clone() {
            self.observe(Fact::ConstraintsSet { framework, constraints });
        }
    }

    // Agents.

    fn step_agent(&mut self, kind: Kind, dice: &mut Rng) {
        let known: Vec<AgentKey> = self.known.agents.keys().copied().collect();
        if kind == Kind::AddAgent {
            return self.add_agent(dice, &known);
        }
        let Some(agent) = sample::pick(dice, &known) else { return };
        self.lapse_all(|grant| grant.agent == agent);
        match kind {
            Kind::ResizeAgent => {
                let total = sample::any_total(dice, self.dials);
                self.observe(Fact::AgentResized { agent, total });
            }
            Kind::ToggleAgent => {
                let is_active = self.known.agents[&agent].is_active;
                self.observe(match is_active {
                    true => Fact::AgentDeactivated { agent },
                    false => Fact::AgentActivated { agent },
                });
            }
            Kind::DescribeAgent => {
                let host = sample::slot(dice, 3);
                let info = Arc::new(sample::any_agent(dice, host, &self.known.agents[&agent].total, self.dials));
                self.observe(Fact::AgentUpdated { agent, info });
            }
            _ => self.observe(Fact::AgentRemoved { agent }),
        }
    }

    fn add_agent(&mut self, dice: &mut Rng, known: &[AgentKey]) {
        let agent = AgentKey(sample::slot(dice, self.dials.agents));
        let Some(id) = sample::id_of_agent(agent).filter(|_| !known.contains(&agent)) else { return };
        let total = sample::any_total(dice, self.dials);
        let mut used = Vec::new();
        let resources = Resources::from_plain(total.plain_scalars());
        if self.dials.has_users && dice.chance(200_000) && !resources.is_empty() {
            let framework = FrameworkKey(sample::slot(dice, self.dials.frameworks));
            used.push(Used { framework, role: sample::any_role(dice), resources });
        }
        let info = Arc::new(sample::any_agent(dice, agent.0, &total, self.dials));
        self.observe(Fact::AgentAdded { agent, id, info, total, used });
    }

    fn claim(&mut self, dice: &mut Rng) {
        let known: Vec<AgentKey> = self.known.agents.keys().copied().collect();
        if let Some(agent) = sample::pick(dice, &known) {
            let resources = Resources::from_plain([Scalar::from_milli(500), Scalar::ZERO, Scalar::ZERO, Scalar::ZERO]);
            let framework = FrameworkKey(sample::slot(dice, self.dials.frameworks));
            self.observe(Fact::Claimed { framework, role: sample::any_role(dice), agent, resources });
        }
    }

    // What is held.

    fn step_holding(&mut self, kind: Kind, dice: &mut Rng) {
        let Some(whole) = sample::pick(dice, &self.stage.holdings()) else { return };
        match kind {
            Kind::Decline => self.give_back(whole, Some(any_refusal(dice))),
            Kind::Accept => {
                let resources = half(&whole.resources);
                self.give_back(Grant { resources, ..whole }, Some(any_refusal(dice)));
            }
            Kind::Finish => self.give_back(whole, None),
            Kind::Reserve => self.reserve(whole),
            _ => self.unreserve(whole),
        }
    }

    fn give_back(&mut self, held: Grant, refuse_for: Option<Duration>) {
        let Grant { framework, role, agent, resources } = held;
        if !resources.is_empty() {
            let filters = refuse_for.map(Filters::refuse_for);
            self.observe(Fact::Recovered { framework, role, agent, resources, filters });
        }
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
        if !from.is_empty() && self.known.agents[&agent].total.contains(&from) {
            self.observe(Fact::Converted { framework, role, agent, from, to });
        }
    }

    // Optimistic grants.

    /// A framework declines one, or commits all or half of it.
    fn answer(&mut self, kind: Kind, offered: &[Grant], dice: &mut Rng) -> Result<(), S::Stop> {
        let Some(grant) = sample::pick(dice, offered) else { return Ok(()) };
        if kind == Kind::Decline {
            self.lapse(grant, Some(any_refusal(dice)));
            return Ok(());
        }
        let part = half(&grant.resources);
        let is_part = dice.chance(500_000) && !part.is_empty();
        let wanted = if is_part { part } else { grant.resources.clone() };
        self.stage.commit(grant, wanted)
    }

    fn lapse(&mut self, grant: Grant, refuse_for: Option<Duration>) {
        let Grant { framework, role, agent, resources } = grant;
        let filters = refuse_for.map(Filters::refuse_for);
        self.observe(Fact::Lapsed { framework, role, agent, resources, filters });
    }

    /// Takes grants off the table when those they concern change.
    fn lapse_all(&mut self, is_meant: impl Fn(&Grant) -> bool) {
        for grant in self.stage.offered().unwrap_or_default() {
            if is_meant(&grant) {
                self.lapse(grant, None);
            }
        }
    }

    // Maintenance.

    /// An agent will be away, at another time than before, or stays after all.
    fn plan(&mut self, dice: &mut Rng) {
        let known: Vec<AgentKey> = self.known.agents.keys().copied().collect();
        if let Some(agent) = sample::pick(dice, &known) {
            let start = WallTime::from_nanos(dice.between(1, 1_000) * 1_000_000_000);
            let unavailability = dice.chance(700_000).then_some(Unavailability { start, duration: None });
            self.observe(Fact::UnavailabilitySet { agent, unavailability });
        }
    }

    fn answer_inverse(&mut self, dice: &mut Rng) {
        if let Some((framework, agent)) = sample::pick(dice, &self.stage.asked()) {
            let refuse_for = any_refusal(dice);
            let filters = dice.chance(700_000).then(|| Filters::refuse_for(refuse_for));
            self.observe(Fact::InverseOfferEnded { framework, agent, filters });
        }
    }

    /// Who is away is asked nothing.
    fn end_inverse_offers(&mut self, framework: FrameworkKey) {
        for (asked, agent) in self.stage.asked() {
            if asked == framework {
                self.observe(Fact::InverseOfferEnded { framework, agent, filters: None });
            }
        }
    }
}
