//! The allocator as one would write it without a thought of speed: everything is recomputed from a list of what is used,
//! every batch round takes place and looks at every agent, nothing is remembered between rounds but the counts of grants.
//!
//! The model does not shuffle. It is told in which order the allocator took the agents, and says for each what must
//! have been granted; of the others, that nothing could have been. Where a cut depends on a draw, any outcome of it will do.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::constraint::OfferConstraints;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey, Grant};
use mesos_core::resource::{Quantities, ResourceName, Resources, Scalar};
use mesos_core::{AgentCapability, AgentInfo, FrameworkCapability, FrameworkId, FrameworkInfo, Instant, Role, Weight};
use mesos_sched::allocator::{Priorities, Served};
use mesos_sim::history::is_met;

use super::packing;
use super::promise::Promises;
use super::waiting::Waiting;

pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// Who holds something, or would: a framework under a role.
pub(crate) type Client = (FrameworkKey, Role);

#[derive(Debug)]
pub(crate) struct Framework {
    pub(crate) id: FrameworkId,
    pub(crate) info: Arc<FrameworkInfo>,
    suppressed: BTreeSet<Role>,
    pub(crate) is_active: bool,
}

#[derive(Debug)]
pub(crate) struct Agent {
    info: Arc<AgentInfo>,
    pub(crate) total: Resources,
    is_active: bool,
}

#[derive(Debug)]
struct Filter {
    client: Client,
    agent: AgentKey,
    refused: Resources,
    due_at: Instant,
    batch: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) frameworks: BTreeMap<FrameworkKey, Framework>,
    pub(crate) agents: BTreeMap<AgentKey, Agent>,
    pub(crate) used: BTreeMap<(AgentKey, Client), Resources>,
    weights: BTreeMap<String, Weight>,
    pub(crate) promises: Promises,
    /// Grants by node: a role's path, `path/.` for its own frameworks, `path/./id` for one of them.
    counts: BTreeMap<String, u64>,
    filters: Vec<Filter>,
    first_at: Option<Instant>,
    batches: u64,
    candidates: BTreeSet<AgentKey>,
    is_called: bool,
    constraints: BTreeMap<FrameworkKey, Arc<OfferConstraints>>,
    /// The hosts that may be offered; nothing means all.
    hostnames: Option<BTreeSet<Arc<str>>>,
    /// Agents that will be away.
    planned: BTreeSet<AgentKey>,
    /// Who was asked for which agent, and did not answer yet.
    pub(crate) asked: BTreeSet<(FrameworkKey, AgentKey)>,
    /// Until when somebody does not want to be asked for an agent.
    unasked: BTreeMap<(FrameworkKey, AgentKey), Instant>,
    /// Shared resources that somebody was granted of an agent in this round.
    shared: BTreeMap<AgentKey, Resources>,
    /// What was granted in this round, by stage.
    granted: BTreeMap<(bool, AgentKey, Client), Resources>,
    /// Names that make no share.
    pub(crate) excluded: BTreeSet<ResourceName>,
    /// Where the master stands, if that matters.
    pub(crate) region: Option<Arc<str>>,
    /// Whether agents with gpus are kept for those who can deal with them.
    pub(crate) filters_gpus: bool,
    /// Who waits, where that is bounded.
    pub(crate) waiting: Option<Waiting>,
    /// Roles of a higher one come first, where there are any.
    pub(crate) priorities: Option<Priorities>,
    /// How fair shares are dealt out in pieces, if they are.
    pub(crate) dealing: Option<Dealing>,
    /// How often a piece was compared with what somebody else could have had instead.
    pub(crate) compared: usize,
}

/// Which pieces are handed out to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dealing {
    /// Those that suit the agent best.
    Packing,
    /// Those the model does not look at.
    Any,
}

impl Model {
    // Time.

    pub(crate) fn next_batch(&self) -> Option<Instant> {
        let intervals = u32::try_from(self.batches + 1).unwrap();
        self.first_at.map(|first_at| first_at + INTERVAL * intervals)
    }

    pub(crate) fn is_called(&self) -> bool {
        self.is_called || !self.candidates.is_empty()
    }

    // Facts.

    pub(crate) fn observe(&mut self, now: Instant, fact: &Fact) {
        self.apply(now, fact);
        let parts = self.clients().into_iter().filter(|client| self.takes_part(client)).collect();
        if let Some(waiting) = &mut self.waiting {
            waiting.settle(&parts, self.batches);
        }
    }

    fn apply(&mut self, now: Instant, fact: &Fact) {
        self.first_at.get_or_insert(now);
        match fact.clone() {
            Fact::FrameworkAdded { framework, id, info, suppressed, is_active } => {
                self.frameworks.insert(framework, Framework { id, info, suppressed, is_active });
                self.is_called |= is_active;
            }
            Fact::FrameworkUpdated { framework, info, suppressed } => {
                if let Some(known) = self.frameworks.get_mut(&framework) {
                    self.filters.retain(|filter| filter.client.0 != framework || info.roles.contains(&filter.client.1));
                    (known.info, known.suppressed) = (info, suppressed);
                }
            }
            Fact::FrameworkActivated { framework } => self.set_active(framework, true),
            Fact::FrameworkDeactivated { framework } => self.set_active(framework, false),
            Fact::FrameworkRemoved { framework } => {
                self.frameworks.remove(&framework);
                self.filters.retain(|filter| filter.client.0 != framework);
                self.constraints.remove(&framework);
                self.asked.retain(|(own, _)| *own != framework);
                self.unasked.retain(|(own, _), _| *own != framework);
            }
            Fact::RolesSuppressed { framework, roles } => self.suppress(framework, &roles, true),
            Fact::RolesRevived { framework, roles } => self.suppress(framework, &roles, false),
            Fact::AgentAdded { agent, info, total, used, .. } => {
                self.agents.insert(agent, Agent { info, total, is_active: true });
                for used in used {
                    self.book((used.framework, used.role), agent, &used.resources);
                }
                self.candidates.insert(agent);
            }
            Fact::AgentResized { agent, total } => {
                if let Some(known) = self.agents.get_mut(&agent).filter(|known| known.total != total) {
                    known.total = total;
                    self.candidates.insert(agent);
                }
            }
            Fact::AgentActivated { agent } => self.set_agent_active(agent, true),
            Fact::AgentDeactivated { agent } => self.set_agent_active(agent, false),
            Fact::AgentRemoved { agent } => {
                self.agents.remove(&agent);
                self.candidates.remove(&agent);
                self.used.retain(|(own, _), _| *own != agent);
                self.filters.retain(|filter| filter.agent != agent);
                self.plan(agent, false);
            }
            Fact::AgentUpdated { agent, info } => {
                if let Some(known) = self.agents.get_mut(&agent).filter(|known| known.info != info) {
                    let before = std::mem::replace(&mut known.info, info);
                    // With other resources alone it is the agent that was refused.
                    if place(&before) != place(&known.info) {
                        self.filters.retain(|filter| filter.agent != agent);
                    }
                    self.candidates.insert(agent);
                }
            }
            Fact::ConstraintsSet { framework, constraints } => drop(self.constraints.insert(framework, constraints)),
            Fact::WhitelistSet { hostnames } => self.hostnames = hostnames,
            Fact::UnavailabilitySet { agent, unavailability } => {
                self.plan(agent, unavailability.is_some());
                self.candidates.insert(agent);
            }
            Fact::InverseOfferEnded { framework, agent, filters } => {
                let refuse_for = filters.map_or(Duration::ZERO, |filters| filters.refuse_for);
                let is_there = self.frameworks.get(&framework).is_some_and(|known| known.is_active);
                if self.asked.remove(&(framework, agent)) && is_there && !refuse_for.is_zero() {
                    self.unasked.insert((framework, agent), now + refuse_for);
                }
            }
            Fact::Converted { framework, role, agent, from, to } => {
                let held = self.used.get_mut(&(agent, (framework, role))).expect("only what is held is converted");
                let total = &mut self.agents.get_mut(&agent).unwrap().total;
                for bag in [held, total] {
                    if bag.contains(&from) {
                        *bag -= &from;
                        *bag += &to;
                    }
                }
            }
            Fact::Claimed { framework, role, agent, resources } => self.book((framework, role), agent, &resources),
            Fact::Recovered { framework, role, agent, resources, filters } => {
                let client = (framework, role);
                let held = self.used.get_mut(&(agent, client.clone())).expect("only what is held is recovered");
                *held -= &resources;
                self.used.retain(|_, held| !held.is_empty());
                let refuse_for = filters.map_or(Duration::ZERO, |filters| filters.refuse_for);
                if !refuse_for.is_zero() && self.is_subscribed(&client) && self.frameworks[&framework].is_active {
                    let due_at = now + refuse_for.max(INTERVAL);
                    self.filters.push(Filter { client, agent, refused: resources, due_at, batch: self.batches });
                }
            }
            Fact::WeightSet { role, weight } => {
                self.weights.insert(role.to_string(), weight);
                self.weights.retain(|_, weight| *weight != Weight::ONE);
            }
            Fact::QuotaSet { role, quota } => self.promises.set(&role, quota),
            _ => unreachable!("histories have no other facts"),
        }
        self.prune();
    }

    fn set_active(&mut self, framework: FrameworkKey, is_active: bool) {
        if let Some(known) = self.frameworks.get_mut(&framework) {
            known.is_active = is_active;
            self.is_called |= is_active;
            if !is_active {
                self.filters.retain(|filter| filter.client.0 != framework);
                self.unasked.retain(|(own, _), _| *own != framework);
            }
        }
    }

    fn suppress(&mut self, framework: FrameworkKey, roles: &BTreeSet<Role>, is_suppressed: bool) {
        let Some(known) = self.frameworks.get_mut(&framework) else { return };
        let is_meant = |role: &Role| roles.is_empty() || roles.contains(role);
        if is_suppressed {
            known.suppressed.extend(known.info.roles.iter().filter(|role| is_meant(role)).cloned());
        } else {
            known.suppressed.retain(|role| !is_meant(role));
            self.filters.retain(|filter| filter.client.0 != framework || !is_meant(&filter.client.1));
            self.unasked.retain(|(own, _), _| *own != framework);
            self.is_called = true;
        }
    }

    fn set_agent_active(&mut self, agent: AgentKey, is_active: bool) {
        if let Some(known) = self.agents.get_mut(&agent) {
            known.is_active = is_active;
        }
    }

    /// An agent will be away, or will not: what was asked and answered before is void.
    fn plan(&mut self, agent: AgentKey, is_planned: bool) {
        self.asked.retain(|(_, own)| *own != agent);
        self.unasked.retain(|(_, own), _| *own != agent);
        if is_planned {
            self.planned.insert(agent)
        } else {
            self.planned.remove(&agent)
        };
    }

    /// Whom a round has to ask for an agent back: who holds something there, was not asked and did not refuse.
    pub(crate) fn to_be_asked(&self, now: Instant) -> BTreeSet<(FrameworkKey, AgentKey)> {
        let holders = self.used.keys().map(|(agent, (framework, _))| (*framework, *agent));
        let is_asked = |(framework, agent): &(FrameworkKey, AgentKey)| {
            self.planned.contains(agent)
                && self.agents[agent].is_active
                && self.frameworks.get(framework).is_some_and(|known| known.is_active)
                && !self.asked.contains(&(*framework, *agent))
                && self.unasked.get(&(*framework, *agent)).is_none_or(|until| *until <= now)
        };
        holders.filter(is_asked).collect()
    }

    fn book(&mut self, client: Client, agent: AgentKey, resources: &Resources) {
        for node in nodes_of(&client) {
            *self.counts.entry(node).or_default() += 1;
        }
        *self.used.entry((agent, client)).or_default() += resources;
    }

    /// Forgets the counts of roles and clients that are nobody's any more.
    fn prune(&mut self) {
        let mut nodes: BTreeSet<String> = self.clients().iter().flat_map(nodes_of).collect();
        for path in self.weights.keys() {
            nodes.extend(prefixes(path));
        }
        self.counts.retain(|node, _| nodes.contains(node));
    }

    pub(crate) fn clients(&self) -> BTreeSet<Client> {
        let subscribed = self
            .frameworks
            .iter()
            .flat_map(|(framework, known)| known.info.roles.iter().map(|role| (*framework, role.clone())));
        subscribed.chain(self.used.keys().map(|(_, client)| client.clone())).collect()
    }

    fn is_subscribed(&self, (framework, role): &Client) -> bool {
        self.frameworks.get(framework).is_some_and(|known| known.info.roles.contains(role))
    }

    // Books.

    pub(crate) fn available(&self, agent: AgentKey) -> Resources {
        let used: Resources = self.used.iter().filter(|((own, _), _)| *own == agent).map(|(_, held)| held).sum();
        self.agents[&agent].total.left_beside(&used.non_shared())
    }

    /// Whether something is held of an agent that is not there.
    pub(crate) fn is_over(&self, agent: AgentKey) -> bool {
        let held: Resources = self.used.iter().filter(|((own, _), _)| *own == agent).map(|(_, held)| held).sum();
        !self.agents[&agent].total.contains(&held.non_shared())
    }

    fn total(&self) -> Quantities {
        self.agents.values().map(|agent| agent.total.scalar_quantities()).sum()
    }

    /// Everything that clients below a node hold: of an agent, what several of them share counts once.
    fn allocated(&self, node: &str) -> Quantities {
        let mut below: BTreeMap<AgentKey, Resources> = BTreeMap::new();
        for ((agent, client), held) in &self.used {
            if nodes_of(client).any(|own| own == node) {
                *below.entry(*agent).or_default() += held;
            }
        }
        below.values().map(Resources::scalar_quantities).sum()
    }

    /// The largest part of the cluster, as numerator and denominator with the weight in it.
    fn share(&self, node: &str) -> (u128, u128) {
        let (held, total) = (self.allocated(node), self.total());
        let weight = self.weights.get(node).copied().unwrap_or_default().as_milli();
        let milli = |amount: Scalar| u128::try_from(amount.as_milli()).unwrap();
        let counted = total.iter().filter(|(name, _)| !self.excluded.contains(name));
        let fractions = counted.map(|(name, total)| (milli(held.get(name)), milli(total)));
        let largest = fractions.fold(
            (0, 1),
            |largest, other| {
                if other.0 * largest.1 > largest.0 * other.1 { other } else { largest }
            },
        );
        (largest.0, largest.1 * u128::from(weight))
    }

    // Rounds.

    /// Checks one round: that every grant is what must have been granted, and that nothing was left out.
    pub(crate) fn check_round(&mut self, now: Instant, served: &[Served], is_fair: bool) {
        let is_batch = self.next_batch().is_some_and(|due| due == now);
        let is_for_all = is_batch || self.is_called;
        let considered: BTreeSet<AgentKey> =
            if is_for_all { self.agents.keys().copied().collect() } else { std::mem::take(&mut self.candidates) };
        self.filters.retain(|filter| filter.due_at > now || filter.batch == self.batches);
        self.granted.clear();
        self.shared.clear();
        let second = served.partition_point(|step| step.is_for_guarantees);
        for (is_guaranteed, steps) in [(true, &served[..second]), (false, &served[second..])] {
            let mut seen = BTreeSet::new();
            for step in steps {
                assert_eq!(step.is_for_guarantees, is_guaranteed, "guarantees come first");
                assert!(considered.contains(&step.agent), "{:?} was not due", step.agent);
                assert!(seen.insert(step.agent), "{:?} was served twice", step.agent);
                self.check_step(step, is_fair);
            }
            let order = self.order();
            for agent in &considered {
                self.follow(*agent, is_guaranteed, &BTreeSet::new(), &order, &mut [].iter());
            }
        }
        if is_for_all {
            self.candidates.clear();
            self.is_called = false;
        }
        self.batches += u64::from(is_batch);
    }

    /// One agent's grants are those of a walk through all clients: in their order, or in the order of the grants.
    fn check_step(&mut self, step: &Served, is_fair: bool) {
        let line = self.waiting.as_ref().map(|waiting| waiting.line(self.batches)).unwrap_or_default();
        self.check_waiting(step, &line);
        let mut granted = step.granted.iter();
        let order = if is_fair {
            self.order()
        } else {
            let first = step.granted.iter().map(|grant| told(grant).0);
            let others =
                self.order().into_iter().filter(|client| !step.granted.iter().any(|own| told(own).0 == *client));
            let mut order: Vec<Client> = first.chain(others).collect();
            // Who has waited goes before those who are more important.
            if self.waiting.is_none() {
                self.rank(&mut order);
            }
            order
        };
        if let Some(dealing) = self.dealing.filter(|_| !step.is_for_guarantees) {
            return self.check_dealt(step, dealing);
        }
        self.follow(step.agent, step.is_for_guarantees, &line, &order, &mut granted);
        assert_eq!(granted.next(), None, "more was granted than could be of {:?}", step.agent);
    }

    /// What was dealt was there for whoever got it, and nobody who got nothing could have had anything of what is left.
    fn check_dealt(&mut self, step: &Served, dealing: Dealing) {
        let agent = step.agent;
        for piece in &step.pieces {
            let (client, resources) = told(piece);
            if dealing == Dealing::Packing && self.waiting.is_none() {
                self.check_piece(agent, &client);
            }
            self.deal(agent, &client, &resources);
        }
        for grant in &step.granted {
            let (client, resources) = told(grant);
            let own = step.pieces.iter().map(told).filter(|(own, _)| *own == client);
            let rest = own.fold(resources, |rest, (_, piece)| rest - &piece);
            self.deal(agent, &client, &rest);
        }
        for grant in &step.granted {
            for node in nodes_of(&told(grant).0) {
                *self.counts.entry(node).or_default() += 1;
            }
        }
        let order = self.order();
        self.follow(agent, false, &BTreeSet::new(), &order, &mut [].iter());
    }

    /// Books a part of what was dealt.
    fn deal(&mut self, agent: AgentKey, client: &Client, resources: &Resources) {
        let gone = self.shared.get(&agent).cloned().unwrap_or_default();
        let free = (self.available(agent) - &gone).allocatable_to(&client.1);
        assert!(free.contains(resources) && self.takes_part(client), "{client:?} got {resources:?} of {free:?}");
        if !resources.is_empty() {
            self.grant(false, agent, client, resources);
        }
    }

    /// Nobody else who could have had a piece would have suited the agent better.
    fn check_piece(&mut self, agent: AgentKey, client: &Client) {
        let demand = |client: &Client| packing::demand(&self.frameworks[&client.0].info, &client.1);
        let Some(own) = demand(client) else { return };
        let (left, capacity) = (self.available(agent).quantities(), self.agents[&agent].total.quantities());
        let suits = |demand: &Quantities| packing::alignment(demand, &left, &capacity);
        let mut compared = 0;
        for other in self.order().iter().filter(|other| *other != client) {
            let Some(demand) = demand(other) else { continue };
            let possible = self.possible_of(other, agent, false, false, Some(&demand));
            if !possible.is_empty() && possible.iter().all(Option::is_some) {
                compared += 1;
                let (best, other_one) = (suits(&own), suits(&demand));
                assert!(
                    best >= other_one - packing::ROUNDING,
                    "{client:?} got a piece of {agent:?}, which suits it {best}, and {other:?} {other_one}"
                );
            }
        }
        self.compared += compared;
    }

    /// Nobody who has waited long is served after somebody who has not.
    fn check_waiting(&mut self, step: &Served, line: &BTreeSet<Client>) {
        let Some(mut waiting) = self.waiting.take() else { return };
        let due = self.clients().into_iter().filter(|client| waiting.is_due(client));
        let must_be_served = |client: &Client| {
            let is_counting = self.is_counting(client, step.is_for_guarantees, line);
            let possible = self.possible_offers(client, step.agent, step.is_for_guarantees, is_counting);
            !possible.is_empty() && possible.iter().all(Option::is_some)
        };
        let entitled = due.filter(must_be_served).collect();
        waiting.check_first(step.granted.first().map(|grant| told(grant).0).as_ref(), entitled);
        self.waiting = Some(waiting);
    }

    /// Whether a client can count on guarantees: in their stage everybody does, but those in line who have none.
    fn is_counting(&self, client: &Client, is_guaranteed: bool, line: &BTreeSet<Client>) -> bool {
        is_guaranteed && (!line.contains(client) || !self.promises.promised(self, &client.1).is_empty())
    }

    /// Walks through the clients, and books what was granted where it could be.
    fn follow<'a>(
        &mut self,
        agent: AgentKey,
        is_guaranteed: bool,
        line: &BTreeSet<Client>,
        order: &[Client],
        granted: &mut (impl Iterator<Item = &'a Grant> + Clone),
    ) {
        let mut nodes = Vec::new();
        for client in order {
            let is_counting = self.is_counting(client, is_guaranteed, line);
            let possible = self.possible_offers(client, agent, is_guaranteed, is_counting);
            let next = granted.clone().next().filter(|grant| told(grant).0 == *client);
            let actual = next.map(|grant| grant.resources.clone());
            assert!(
                possible.contains(&actual),
                "{client:?} was granted {actual:?} of {agent:?} with {:?}, guaranteed: {is_guaranteed}; possible: {possible:?}",
                self.available(agent)
            );
            if let Some(resources) = actual {
                granted.next();
                self.grant(is_guaranteed, agent, client, &resources);
                nodes.extend(nodes_of(client));
            }
        }
        // Counts do not change while an agent is served.
        for node in nodes {
            *self.counts.entry(node).or_default() += 1;
        }
    }

    fn grant(&mut self, is_guaranteed: bool, agent: AgentKey, client: &Client, resources: &Resources) {
        *self.used.entry((agent, client.clone())).or_default() += resources;
        *self.granted.entry((is_guaranteed, agent, client.clone())).or_default() += resources;
        *self.shared.entry(agent).or_default() += &resources.shared();
        if let Some(waiting) = &mut self.waiting {
            waiting.note_grant(client, self.batches);
        }
    }

    /// What a client may be offered, whatever is drawn; nothing among them means that it may be left out.
    fn possible_offers(
        &self,
        client: &Client,
        agent: AgentKey,
        is_guaranteed: bool,
        is_counting: bool,
    ) -> Vec<Option<Resources>> {
        self.possible_of(client, agent, is_guaranteed, is_counting, None)
    }

    /// The same of a piece as large as what it takes at a time, where it takes no more.
    fn possible_of(
        &self,
        client: &Client,
        agent: AgentKey,
        is_guaranteed: bool,
        is_counting: bool,
        demand: Option<&Quantities>,
    ) -> Vec<Option<Resources>> {
        let info = &self.frameworks[&client.0].info;
        let can = |capability| info.can(capability);
        let known = &self.agents[&agent];
        let wants_gpus = self.filters_gpus && !known.total.gpus().is_zero() && !can(FrameworkCapability::GpuResources);
        let places = known.info.domain.as_ref().zip(self.region.as_ref());
        let is_far =
            places.is_some_and(|(domain, region)| domain.region != *region) && !can(FrameworkCapability::RegionAware);
        let knows = |capability| known.info.capabilities.contains(&capability);
        let is_too_old = can(FrameworkCapability::MultiRole) && !knows(AgentCapability::MultiRole)
            || client.1.parent().is_some() && !knows(AgentCapability::HierarchicalRole);
        let is_listed = self.hostnames.as_ref().is_none_or(|hosts| hosts.contains(&known.info.hostname));
        if is_too_old || is_far || !is_listed || !self.meets(client, &known.info) {
            return vec![None];
        }
        let was_granted = self.granted.contains_key(&(is_guaranteed, agent, client.clone()));
        if !known.is_active || wants_gpus || !self.takes_part(client) || was_granted {
            return vec![None];
        }
        let gone = self.shared.get(&agent).cloned().unwrap_or_default();
        let left = (self.available(agent) - &gone).allocatable_to(&client.1);
        let left = match demand {
            Some(demand) => packing::piece(left, demand),
            None => Some(left),
        };
        let Some(left) = left else { return vec![None] };
        let whole = left.filter(|entry| {
            (!entry.is_shared() || can(FrameworkCapability::SharedResources))
                && (!entry.is_revocable() || can(FrameworkCapability::RevocableResources))
                && (entry.reservations().len() <= 1 || can(FrameworkCapability::ReservationRefinement))
        });
        let default = ["cpus:0.01", "mem:32"].map(|text| text.parse().unwrap()).to_vec();
        let minimums = info.min_allocatable.get(&client.1).unwrap_or(&default);
        let size = info.max_offer.get(&client.1).map(|size| {
            let earlier = self.granted.get(&(true, agent, client.clone())).cloned().unwrap_or_default();
            size.clone() - &earlier.quota_quantities()
        });
        let portions = self.promises.portions(self, &client.1, &whole, size.as_ref(), is_counting);
        let is_wanted = |offer: &Resources| {
            let is_enough = minimums.is_empty() || minimums.iter().any(|minimum| offer.contains_quantities(minimum));
            let mut filters = self.filters.iter().filter(|filter| filter.client == *client && filter.agent == agent);
            !offer.is_empty() && is_enough && !filters.any(|filter| filter.refused.contains(offer))
        };
        portions.into_iter().map(|portion| portion.filter(is_wanted)).collect()
    }

    /// Whether an agent is what a client demands.
    fn meets(&self, client: &Client, info: &AgentInfo) -> bool {
        let groups = self.constraints.get(&client.0).and_then(|own| own.by_role.get(&client.1));
        groups.is_none_or(|groups| {
            groups.is_empty() || groups.iter().any(|group| group.iter().all(|one| is_met(one, info)))
        })
    }

    pub(crate) fn takes_part(&self, client: &Client) -> bool {
        let known = self.frameworks.get(&client.0);
        self.is_subscribed(client)
            && known.is_some_and(|known| known.is_active && !known.suppressed.contains(&client.1))
    }

    /// Clients in the order to serve them: pre-order through the tree of their paths.
    fn order(&self) -> Vec<Client> {
        let mut clients: Vec<Client> = self.clients().into_iter().filter(|client| self.takes_part(client)).collect();
        clients.sort_by(|left, right| {
            let split = nodes_of(left).zip(nodes_of(right)).find(|(left, right)| left != right);
            split.map_or(Ordering::Equal, |(left_node, right_node)| {
                let names = self.name_of(&left_node, left).cmp(&self.name_of(&right_node, right));
                let (left, right) = (self.share(&left_node), self.share(&right_node));
                let shares = (left.0 * right.1).cmp(&(right.0 * left.1));
                shares.then_with(|| self.count(&left_node).cmp(&self.count(&right_node))).then(names)
            })
        });
        self.rank(&mut clients);
        clients
    }

    /// Puts those of a higher priority before others; equals stay as they are.
    fn rank(&self, clients: &mut [Client]) {
        if let Some(priorities) = &self.priorities {
            clients.sort_by_key(|(_, role)| Reverse(priorities.of(role)));
        }
    }

    fn count(&self, node: &str) -> u64 {
        self.counts.get(node).copied().unwrap_or(0)
    }

    fn name_of(&self, node: &str, client: &Client) -> String {
        if node.contains("./") {
            self.frameworks[&client.0].id.to_string()
        } else {
            node.rsplit('/').next().unwrap_or(node).to_owned()
        }
    }

    // For drawing histories.

    /// What may be recovered, of known frameworks and unknown ones alike.
    pub(crate) fn holdings(&self) -> Vec<(AgentKey, Client, Resources)> {
        self.used.iter().map(|((agent, client), held)| (*agent, client.clone(), held.clone())).collect()
    }

    /// A quantity of the shares that people see.
    pub(crate) fn dominant_share(&self, path: &str) -> f64 {
        let (part, whole) = self.share(path);
        let weight = self.weights.get(path).copied().unwrap_or_default().as_milli();
        part as f64 * f64::from(weight) / whole as f64
    }

    pub(crate) fn has_name(&self, name: &ResourceName) -> bool {
        !self.total().get(name).is_zero()
    }
}

/// What makes another agent of one that describes itself anew.
fn place(info: &AgentInfo) -> impl PartialEq {
    (info.hostname.clone(), info.attributes.clone(), info.domain.clone(), info.capabilities.clone())
}

fn told(grant: &Grant) -> (Client, Resources) {
    ((grant.framework, grant.role.clone()), grant.resources.clone())
}

pub(crate) fn prefixes(path: &str) -> impl Iterator<Item = String> {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    ends.map(|end| path[..end].to_owned())
}

/// The nodes above a client and its own, from the outermost.
fn nodes_of((framework, role): &Client) -> impl Iterator<Item = String> {
    let path = role.as_str();
    prefixes(path).chain([format!("{path}/."), format!("{path}/./{}", framework.0)])
}
