//! The books of the host: what there is and who holds it, recomputed from lists whenever somebody asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::constraint::OfferConstraints;
use mesos_core::maintenance::Unavailability;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey, Grant};
use mesos_core::quota::Quota;
use mesos_core::resource::{Quantities, Resources};
use mesos_core::{AgentInfo, Filters, FrameworkInfo, Instant, Role};

use crate::history::is_met;

/// Who holds something, or would: a framework under a role.
pub(super) type Client = (FrameworkKey, Role);

#[derive(Debug)]
pub(super) struct Framework {
    pub(super) info: Arc<FrameworkInfo>,
    pub(super) suppressed: BTreeSet<Role>,
    pub(super) is_active: bool,
}

#[derive(Debug)]
pub(super) struct Agent {
    pub(super) info: Arc<AgentInfo>,
    pub(super) total: Resources,
    pub(super) is_active: bool,
}

/// What somebody does not want for a while.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) client: Client,
    pub(super) agent: AgentKey,
    pub(super) refused: Resources,
    pub(super) until: Instant,
}

/// An allocator may keep no more refusals than this of one client on one agent.
const REFUSALS_PER_PAIR_MAX: usize = 8;

/// Everything that is true.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) frameworks: BTreeMap<FrameworkKey, Framework>,
    pub(super) agents: BTreeMap<AgentKey, Agent>,
    pub(super) held: BTreeMap<(AgentKey, Client), Resources>,
    /// Optimistic grants that were not answered yet.
    pub(super) offered: Vec<Grant>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) quotas: BTreeMap<Role, Quota>,
    pub(super) constraints: BTreeMap<FrameworkKey, Arc<OfferConstraints>>,
    /// The hosts that may be offered; nothing means all.
    pub(super) whitelist: Option<BTreeSet<Arc<str>>>,
    /// Agents that will be away.
    pub(super) planned: BTreeMap<AgentKey, Unavailability>,
    /// Who was asked for which agent, and did not answer yet.
    pub(super) asked: BTreeSet<(FrameworkKey, AgentKey)>,
    /// Until when somebody does not want to be asked for an agent.
    pub(super) unasked: BTreeMap<(FrameworkKey, AgentKey), Instant>,
    /// How many agents were known before an election, and when that was told; nothing once it did not matter in a round.
    pub(super) expected: Option<(usize, Instant)>,
}

impl Truth {
    pub(super) fn observe(&mut self, now: Instant, fact: &Fact) {
        match fact.clone() {
            Fact::FrameworkAdded { framework, info, suppressed, is_active, .. } => {
                self.frameworks.insert(framework, Framework { info, suppressed, is_active });
            }
            Fact::FrameworkUpdated { framework, info, suppressed } => {
                if let Some(known) = self.frameworks.get_mut(&framework) {
                    self.refusals.retain(|own| own.client.0 != framework || info.roles.contains(&own.client.1));
                    (known.info, known.suppressed) = (info, suppressed);
                }
            }
            Fact::FrameworkActivated { framework } => self.set_active(framework, true),
            Fact::FrameworkDeactivated { framework } => self.set_active(framework, false),
            Fact::FrameworkRemoved { framework } => {
                self.frameworks.remove(&framework);
                self.refusals.retain(|own| own.client.0 != framework);
                self.constraints.remove(&framework);
                self.asked.retain(|(own, _)| *own != framework);
                self.unasked.retain(|(own, _), _| *own != framework);
            }
            Fact::RolesSuppressed { framework, roles } => self.suppress(framework, &roles, true),
            Fact::RolesRevived { framework, roles } => self.suppress(framework, &roles, false),
            Fact::AgentAdded { agent, info, total, used, .. } => {
                self.agents.insert(agent, Agent { info, total, is_active: true });
                for used in used {
                    self.hold((used.framework, used.role), agent, &used.resources);
                }
            }
            Fact::AgentResized { agent, total } => self.with_agent(agent, |known| known.total = total),
            Fact::AgentUpdated { agent, info } => {
                // Who says the same again is who was refused.
                let is_another = self.agents.get(&agent).is_some_and(|known| known.info != info);
                self.with_agent(agent, |known| known.info = info);
                self.refusals.retain(|own| own.agent != agent || !is_another);
            }
            Fact::AgentActivated { agent } => self.with_agent(agent, |known| known.is_active = true),
            Fact::AgentDeactivated { agent } => self.with_agent(agent, |known| known.is_active = false),
            Fact::AgentRemoved { agent } => {
                self.agents.remove(&agent);
                self.held.retain(|(own, _), _| *own != agent);
                self.offered.retain(|own| own.agent != agent);
                self.refusals.retain(|own| own.agent != agent);
                self.replan(agent, None);
            }
            Fact::Converted { framework, role, agent, from, to } => {
                let held = self.held.get_mut(&(agent, (framework, role)));
                if let Some(held) = held.filter(|held| held.contains(&from)) {
                    *held = &(&*held - &from) + &to;
                    self.with_agent(agent, |known| known.total = &(&known.total - &from) + &to);
                }
            }
            Fact::Claimed { framework, role, agent, resources } if self.agents.contains_key(&agent) => {
                self.hold((framework, role), agent, &resources);
            }
            Fact::Recovered { framework, role, agent, resources, filters } => {
                self.recover(now, (framework, role), agent, &resources, filters);
            }
            Fact::Lapsed { framework, role, agent, resources, filters } => {
                let lapsed = Grant { framework, role, agent, resources };
                if self.take_offered(&lapsed) {
                    let Grant { framework, role, agent, resources } = lapsed;
                    self.refuse(now, (framework, role), agent, &resources, filters);
                }
            }
            Fact::QuotaSet { role, quota } if quota.is_none() => drop(self.quotas.remove(&role)),
            Fact::QuotaSet { role, quota } => drop(self.quotas.insert(role, quota)),
            Fact::ConstraintsSet { framework, constraints } if self.frameworks.contains_key(&framework) => {
                self.constraints.insert(framework, constraints);
            }
            Fact::WhitelistSet { hostnames } => self.whitelist = hostnames,
            Fact::AgentsExpected { count } => self.expected = Some((count, now)),
            Fact::UnavailabilitySet { agent, unavailability } if self.agents.contains_key(&agent) => {
                self.replan(agent, unavailability);
            }
            Fact::InverseOfferEnded { framework, agent, filters } => {
                self.end_inverse_offer(now, framework, agent, filters);
            }
            _ => {}
        }
    }

    pub(super) fn grant(&mut self, grant: &Grant) {
        self.hold((grant.framework, grant.role.clone()), grant.agent, &grant.resources);
    }

    /// An agent will be away at another time: what was asked and answered before is void.
    fn replan(&mut self, agent: AgentKey, unavailability: Option<Unavailability>) {
        self.asked.retain(|(_, own)| *own != agent);
        self.unasked.retain(|(_, own), _| *own != agent);
        match unavailability {
            Some(unavailability) => drop(self.planned.insert(agent, unavailability)),
            None => drop(self.planned.remove(&agent)),
        }
    }

    fn end_inverse_offer(&mut self, now: Instant, framework: FrameworkKey, agent: AgentKey, filters: Option<Filters>) {
        let is_there = self.frameworks.get(&framework).is_some_and(|own| own.is_active);
        let refuse_for = filters.map(|filters| filters.refuse_for).unwrap_or_default();
        if self.asked.remove(&(framework, agent)) && is_there && !refuse_for.is_zero() {
            self.unasked.insert((framework, agent), now + refuse_for);
        }
    }

    fn with_agent(&mut self, agent: AgentKey, change: impl FnOnce(&mut Agent)) {
        if let Some(known) = self.agents.get_mut(&agent) {
            change(known);
        }
    }

    fn set_active(&mut self, framework: FrameworkKey, is_active: bool) {
        if let Some(known) = self.frameworks.get_mut(&framework) {
            known.is_active = is_active;
            if !is_active {
                self.refusals.retain(|own| own.client.0 != framework);
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
            self.refusals.retain(|own| own.client.0 != framework || !is_meant(&own.client.1));
            self.unasked.retain(|(own, _), _| *own != framework);
        }
    }

    fn hold(&mut self, client: Client, agent: AgentKey, resources: &Resources) {
        *self.held.entry((agent, client)).or_default() += resources;
        self.held.retain(|_, held| !held.is_empty());
    }

    fn recover(
        &mut self,
        now: Instant,
        client: Client,
        agent: AgentKey,
        resources: &Resources,
        filters: Option<Filters>,
    ) {
        let held = self.held.get_mut(&(agent, client.clone()));
        let Some(held) = held.filter(|held| held.contains(resources)) else { return };
        *held -= resources;
        self.held.retain(|_, held| !held.is_empty());
        self.refuse(now, client, agent, resources, filters);
    }

    /// An optimistic grant is off the table; whether it was on it.
    pub(super) fn take_offered(&mut self, grant: &Grant) -> bool {
        let place = self.offered.iter().position(|own| own == grant);
        place.map(|place| self.offered.remove(place)).is_some()
    }

    fn refuse(
        &mut self,
        now: Instant,
        client: Client,
        agent: AgentKey,
        resources: &Resources,
        filters: Option<Filters>,
    ) {
        let refuse_for = filters.map(|filters| filters.refuse_for).unwrap_or_default();
        let is_heard =
            self.frameworks.get(&client.0).is_some_and(|own| own.is_active && own.info.roles.contains(&client.1));
        if refuse_for.is_zero() || !is_heard {
            return;
        }
        let is_own = |own: &Refusal| own.client == client && own.agent == agent;
        if self.refusals.iter().filter(|own| is_own(own)).count() >= REFUSALS_PER_PAIR_MAX {
            let first = self.refusals.iter().position(is_own);
            first.map(|first| self.refusals.remove(first));
        }
        self.refusals.push(Refusal { client, agent, refused: resources.clone(), until: now + refuse_for });
    }

    // Questions.

    /// What a client has on the table of an agent.
    pub(super) fn offered_to(&self, (framework, role): &Client, agent: AgentKey) -> Resources {
        let is_own = |own: &&Grant| own.framework == *framework && own.role == *role && own.agent == agent;
        self.offered.iter().filter(is_own).map(|own| &own.resources).sum()
    }

    /// What is on the table under a role and those below it, of what counts against its quota.
    pub(super) fn offered_under(&self, role: &Role) -> Quantities {
        let own = self.offered.iter().filter(|own| own.role == *role || own.role.is_below(role));
        own.map(|own| own.resources.quota_quantities()).sum()
    }

    /// What is held on an agent.
    pub(super) fn held_on(&self, agent: AgentKey) -> Resources {
        self.held.iter().filter(|((own, _), _)| *own == agent).map(|(_, held)| held).sum()
    }

    /// Whether a framework is to be asked for an agent: it is there and holds something on it, and the agent will be away.
    pub(super) fn is_to_be_asked(&self, now: Instant, framework: FrameworkKey, agent: AgentKey) -> bool {
        let is_there = self.frameworks.get(&framework).is_some_and(|own| own.is_active);
        let serves = self.agents.get(&agent).is_some_and(|own| own.is_active);
        let holds = self.held.keys().any(|(on, (own, _))| (*on, *own) == (agent, framework));
        let may_ask = self.unasked.get(&(framework, agent)).is_none_or(|until| *until <= now);
        is_there && serves && holds && may_ask && self.planned.contains_key(&agent)
    }

    /// Whether an agent may be offered at all.
    pub(super) fn serves(&self, agent: AgentKey) -> bool {
        let lists = |own: &Agent| self.whitelist.as_ref().is_none_or(|hosts| hosts.contains(&own.info.hostname));
        self.agents.get(&agent).is_some_and(|own| own.is_active && lists(own))
    }

    /// Whether a client's constraints let it have something of an agent.
    pub(super) fn meets(&self, (framework, role): &Client, agent: AgentKey) -> bool {
        let groups = self.constraints.get(framework).and_then(|own| own.by_role.get(role));
        let Some(agent) = self.agents.get(&agent) else { return false };
        let is_met = |one| is_met(one, &agent.info);
        groups.is_none_or(|groups| groups.is_empty() || groups.iter().any(|group| group.iter().all(is_met)))
    }

    /// What a role with those below it has of what counts against its quota: reserved to it, or held of what nobody owns.
    pub(super) fn consumed(&self, role: &Role) -> Quantities {
        let is_within = |other: &Role| other == role || other.is_below(role);
        let counted = |resources: &Resources| resources.unreserved().non_revocable().quota_quantities();
        let held = self.held.iter().filter(|((_, (_, own)), _)| is_within(own)).map(|(_, held)| counted(held));
        let reserved = self.agents.values().flat_map(|agent| agent.total.reserved());
        let reserved = reserved.filter(|(own, _)| is_within(own)).map(|(_, own)| own.scalar_quantities());
        held.chain(reserved).sum()
    }

    /// What is free on an agent: what is shared stays free, however many hold it.
    pub(super) fn free(&self, agent: AgentKey) -> Option<Resources> {
        Some(self.agents.get(&agent)?.total.left_beside(&self.held_on(agent).non_shared()))
    }

    /// Whether a client wants offers, and is there to get them.
    pub(super) fn takes_part(&self, (framework, role): &Client) -> bool {
        let known = self.frameworks.get(framework);
        known.is_some_and(|own| own.is_active && own.info.roles.contains(role) && !own.suppressed.contains(role))
    }

    /// The refusals in force of a client on an agent.
    pub(super) fn refusals(&self, now: Instant, client: &Client, agent: AgentKey) -> impl Iterator<Item = &Refusal> {
        let is_own = move |own: &&Refusal| own.client == *client && own.agent == agent && own.until > now;
        self.refusals.iter().filter(is_own)
    }
}
