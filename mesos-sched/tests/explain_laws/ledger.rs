//! What is true, as one would write it down without a thought of speed; it confirms reasons one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::constraint::{OfferConstraints, Selector};
use mesos_core::provider::Used;
use mesos_core::provider::explain::{Holder, Lack, Order, Party, Reason, Standing};
use mesos_core::provider::{AgentKey, Fact, FrameworkKey, Grant};
use mesos_core::resource::{Quantities, Resources, Scalar};
use mesos_core::{
    AgentCapability, AgentInfo, FrameworkCapability, FrameworkId, FrameworkInfo, Instant, Quota, Role, Weight,
};
use mesos_sched::allocator::{Options, Policy, SorterKind};
use mesos_sim::history::{is_met, key_of_framework};

const INTERVAL: Duration = Duration::from_secs(1);

pub(crate) fn role(path: &str) -> Role {
    Role::new(path).unwrap()
}

#[derive(Debug, Clone)]
pub(crate) struct Framework {
    pub(crate) info: Arc<FrameworkInfo>,
    pub(crate) suppressed: BTreeSet<Role>,
    pub(crate) constraints: Arc<OfferConstraints>,
    pub(crate) is_active: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Agent {
    pub(crate) info: Arc<AgentInfo>,
    pub(crate) total: Resources,
    pub(crate) is_active: bool,
}

#[derive(Debug, Clone)]
struct Refusal {
    framework: FrameworkKey,
    role: Role,
    agent: AgentKey,
    refused: Resources,
    until: Instant,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) frameworks: BTreeMap<FrameworkKey, Framework>,
    pub(crate) agents: BTreeMap<AgentKey, Agent>,
    pub(crate) held: BTreeMap<(AgentKey, FrameworkKey, Role), Resources>,
    pub(crate) quotas: BTreeMap<Role, Quota>,
    pub(crate) whitelist: Option<BTreeSet<Arc<str>>>,
    weights: BTreeMap<Role, Weight>,
    refusals: Vec<Refusal>,
}

/// Who asked, and about what.
pub(crate) struct Asked<'a> {
    pub(crate) framework: FrameworkKey,
    pub(crate) role: &'a Role,
    pub(crate) agent: AgentKey,
    pub(crate) now: Instant,
}

impl Ledger {
    pub(crate) fn hold(&mut self, agent: AgentKey, framework: FrameworkKey, role: &Role, resources: &Resources) {
        *self.held.entry((agent, framework, role.clone())).or_default() += resources;
    }

    pub(crate) fn observe(&mut self, now: Instant, fact: &Fact) {
        match fact.clone() {
            Fact::FrameworkAdded { framework, info, suppressed, is_active, .. } => {
                let constraints = Arc::default();
                self.frameworks.insert(framework, Framework { info, suppressed, constraints, is_active });
            }
            Fact::FrameworkUpdated { framework, info, suppressed } => {
                let known = self.frameworks.get_mut(&framework).unwrap();
                (known.info, known.suppressed) = (info, suppressed);
            }
            Fact::FrameworkActivated { framework } => self.frameworks.get_mut(&framework).unwrap().is_active = true,
            Fact::FrameworkDeactivated { framework } => {
                self.frameworks.get_mut(&framework).unwrap().is_active = false;
                self.refusals.retain(|refusal| refusal.framework != framework);
            }
            Fact::FrameworkRemoved { framework } => {
                self.frameworks.remove(&framework);
                self.refusals.retain(|refusal| refusal.framework != framework);
            }
            Fact::RolesSuppressed { framework, roles } => {
                if let Some(known) = self.frameworks.get_mut(&framework) {
                    let all = known.info.roles.iter().filter(|own| roles.is_empty() || roles.contains(*own));
                    known.suppressed.extend(all.cloned());
                }
            }
            Fact::RolesRevived { framework, roles } => {
                let is_meant = |role: &Role| roles.is_empty() || roles.contains(role);
                if let Some(known) = self.frameworks.get_mut(&framework) {
                    known.suppressed.retain(|role| !is_meant(role));
                    self.refusals.retain(|refusal| refusal.framework != framework || !is_meant(&refusal.role));
                }
            }
            Fact::ConstraintsSet { framework, constraints } => {
                self.frameworks.get_mut(&framework).unwrap().constraints = constraints;
            }
            Fact::AgentAdded { agent, info, total, used, .. } => {
                self.agents.insert(agent, Agent { info, total, is_active: true });
                for Used { framework, role, resources } in used {
                    self.hold(agent, framework, &role, &resources);
                }
            }
            Fact::Claimed { framework, role, agent, resources } => self.hold(agent, framework, &role, &resources),
            Fact::Converted { framework, role, agent, from, to } => {
                let held = self.held.get_mut(&(agent, framework, role)).expect("only what is held is converted");
                let total = &mut self.agents.get_mut(&agent).unwrap().total;
                for bag in [held, total] {
                    if bag.contains(&from) {
                        *bag -= &from;
                        *bag += &to;
                    }
                }
            }
            Fact::UnavailabilitySet { .. } | Fact::AgentsExpected { .. } => {}
            Fact::Lapsed { framework, role, agent, resources, filters } => {
                if let Some(filters) = filters.filter(|filters| !filters.refuse_for.is_zero()) {
                    let until = now + filters.refuse_for.max(INTERVAL);
                    self.refusals.push(Refusal { framework, role, agent, refused: resources, until });
                }
            }
            Fact::AgentUpdated { agent, info } => {
                let known = self.agents.get_mut(&agent).unwrap();
                let before = std::mem::replace(&mut known.info, info);
                let place = |info: &AgentInfo| {
                    (info.hostname.clone(), info.attributes.clone(), info.domain.clone(), info.capabilities.clone())
                };
                // With other resources alone it is the agent that was refused.
                if place(&before) != place(&known.info) {
                    self.refusals.retain(|refusal| refusal.agent != agent);
                }
            }
            Fact::AgentResized { agent, total } => {
                if let Some(known) = self.agents.get_mut(&agent) {
                    known.total = total;
                }
            }
            Fact::AgentActivated { agent } => self.set_agent_active(agent, true),
            Fact::AgentDeactivated { agent } => self.set_agent_active(agent, false),
            Fact::AgentRemoved { agent } => {
                self.agents.remove(&agent);
                self.held.retain(|(own, ..), _| *own != agent);
                self.refusals.retain(|refusal| refusal.agent != agent);
            }
            Fact::Recovered { framework, role, agent, resources, filters } => {
                let held =
                    self.held.get_mut(&(agent, framework, role.clone())).expect("only what is held is recovered");
                *held -= &resources;
                self.held.retain(|_, held| !held.is_empty());
                if let Some(filters) = filters.filter(|filters| !filters.refuse_for.is_zero()) {
                    let until = now + filters.refuse_for.max(INTERVAL);
                    self.refusals.push(Refusal { framework, role, agent, refused: resources, until });
                }
            }
            Fact::WhitelistSet { hostnames } => self.whitelist = hostnames,
            Fact::WeightSet { role, weight } => drop(self.weights.insert(role, weight)),
            Fact::QuotaSet { role, quota } => drop(self.quotas.insert(role, quota)),
            other => panic!("histories have no {other:?}"),
        }
    }

    fn set_agent_active(&mut self, agent: AgentKey, is_active: bool) {
        if let Some(known) = self.agents.get_mut(&agent) {
            known.is_active = is_active;
        }
    }

    pub(crate) fn free(&self, agent: AgentKey) -> Resources {
        self.agents[&agent].total.left_beside(&self.held_of(agent).non_shared())
    }

    fn held_of(&self, agent: AgentKey) -> Resources {
        self.held.iter().filter(|((own, ..), _)| *own == agent).map(|(_, held)| held).sum()
    }

    /// Whether something is held of an agent that is not there.
    pub(crate) fn is_over(&self, agent: AgentKey) -> bool {
        !self.agents[&agent].total.contains(&self.held_of(agent).non_shared())
    }

    /// What is reserved to a role or below it, and what is held there of what nobody owns.
    fn consumed(&self, role: &Role) -> Quantities {
        let is_within = |other: &Role| other == role || other.is_below(role);
        let mut all = Quantities::new();
        for agent in self.agents.values() {
            for (_, bag) in agent.total.reserved().iter().filter(|(owner, _)| is_within(owner)) {
                all += &bag.scalar_quantities();
            }
        }
        for (_, held) in self.held.iter().filter(|((_, _, holder), _)| is_within(holder)) {
            all += &held.unreserved().non_revocable().scalar_quantities();
        }
        all
    }

    /// Who holds something; a framework that is not known is not named.
    pub(crate) fn holder(&self, agent: AgentKey, holder: &Holder) -> Option<FrameworkKey> {
        let Holder { party, resources, .. } = holder;
        let named = party.framework.as_ref().and_then(key_of_framework);
        let is_it = |framework: FrameworkKey| match named {
            Some(named) => named == framework,
            None => !self.frameworks.contains_key(&framework),
        };
        let mut held = self.held.iter();
        let found = held.find(|((own, framework, role), bag)| {
            *own == agent && is_it(*framework) && *role == party.role && bag.contains(resources)
        });
        found.map(|((_, framework, _), _)| *framework)
    }

    /// All minimal amounts that may be in force under a role.
    pub(crate) fn minimums_of(&self, role: &Role) -> Vec<Quantities> {
        let own = self.frameworks.values().filter_map(|known| known.info.min_allocatable.get(role));
        own.flatten().cloned().chain(defaults()).collect()
    }

    /// Whether an agent is as a framework demands it under a role.
    pub(crate) fn demands(&self, framework: FrameworkKey, role: &Role, agent: &Agent) -> bool {
        let groups = self.frameworks.get(&framework).and_then(|known| known.constraints.by_role.get(role));
        groups.is_none_or(|groups| {
            groups.is_empty() || groups.iter().any(|group| group.iter().all(|one| is_met(one, &agent.info)))
        })
    }

    /// Whether a reason is true.
    pub(crate) fn confirms(&self, asked: &Asked<'_>, reason: &Reason) -> bool {
        let framework = self.frameworks.get(&asked.framework);
        let Some(agent) = self.agents.get(&asked.agent) else {
            return match reason {
                Reason::AgentUnknown => true,
                reason => self.confirms_of_framework(framework, asked, reason),
            };
        };
        let free = self.free(asked.agent);
        let Some(known) = framework else {
            return match reason {
                Reason::AgentDeactivated => !agent.is_active,
                Reason::NotWhitelisted { .. } => !self.lists(agent),
                Reason::NothingFree { .. } => free.is_empty(),
                reason => *reason == Reason::FrameworkUnknown,
            };
        };
        let can = |capability| known.info.can(capability);
        match reason {
            Reason::AgentDeactivated => !agent.is_active,
            Reason::NotWhitelisted { hostname } => *hostname == agent.info.hostname && !self.lists(agent),
            Reason::NothingFree { total, holders, holder_count } => {
                let count = self.held.keys().filter(|(own, ..)| *own == asked.agent).count();
                let is_held = |holder: &Holder| self.has(asked.agent, &holder.party, &holder.resources);
                free.is_empty() && *total == agent.total && *holder_count == count && holders.iter().all(is_held)
            }
            Reason::CapabilityMissing { lack, hidden: None } => match lack {
                Lack::Framework(FrameworkCapability::GpuResources) => {
                    !agent.total.gpus().is_zero() && !can(FrameworkCapability::GpuResources)
                }
                Lack::Agent(capability) => {
                    let is_needed = match capability {
                        AgentCapability::MultiRole => can(FrameworkCapability::MultiRole),
                        AgentCapability::HierarchicalRole => asked.role.parent().is_some(),
                        _ => false,
                    };
                    is_needed && !agent.info.capabilities.contains(capability)
                }
                Lack::Framework(_) | _ => false,
            },
            Reason::CapabilityMissing { lack: Lack::Framework(capability), hidden: Some(hidden) } => {
                let is_hidden = match capability {
                    FrameworkCapability::SharedResources => hidden.shared() == *hidden,
                    FrameworkCapability::RevocableResources => hidden.revocable() == *hidden,
                    FrameworkCapability::ReservationRefinement => hidden.iter().all(|one| one.reservations().len() > 1),
                    _ => false,
                };
                is_hidden && !hidden.is_empty() && free.contains(hidden) && !can(*capability)
            }
            Reason::Constraint { failed } => {
                let groups = known.constraints.by_role.get(asked.role);
                let domain = agent.info.domain.as_ref();
                let found = |selector: &Selector| match selector {
                    Selector::Hostname => Some(&*agent.info.hostname),
                    Selector::Region => domain.map(|domain| &*domain.region),
                    Selector::Zone => domain.map(|domain| &*domain.zone),
                    Selector::Attribute(name) => agent.info.attributes.text(name),
                    _ => None,
                };
                !failed.is_empty()
                    && failed.len() == groups.map_or(0, Vec::len)
                    && failed.iter().all(|failed| {
                        !is_met(&failed.constraint, &agent.info)
                            && failed.found.as_deref() == found(&failed.constraint.selector)
                    })
            }
            Reason::Reserved { to } => to.iter().all(|(owner, bag)| {
                owner != asked.role && !asked.role.is_below(owner) && free.reserved_to(owner) == *bag
            }),
            reason => self.confirms_amounts(known, asked, &free, reason),
        }
    }

    fn confirms_of_framework(&self, framework: Option<&Framework>, asked: &Asked<'_>, reason: &Reason) -> bool {
        match (reason, framework) {
            (Reason::FrameworkUnknown, known) => known.is_none(),
            (_, None) => false,
            (Reason::NotSubscribed { roles }, Some(known)) => *roles == known.info.roles && !roles.contains(asked.role),
            (Reason::FrameworkInactive, Some(known)) => !known.is_active,
            (Reason::Suppressed, Some(known)) => known.suppressed.contains(asked.role),
            _ => false,
        }
    }

    fn confirms_amounts(&self, known: &Framework, asked: &Asked<'_>, free: &Resources, reason: &Reason) -> bool {
        match reason {
            Reason::QuotaLimit { role, limits, consumed, withheld } => {
                let quota = &self.quotas[role];
                let amounts = free.quota_quantities();
                (asked.role == role || asked.role.is_below(role))
                    && quota.limits() == limits
                    && self.consumed(role) == *consumed
                    && !withheld.is_empty()
                    && withheld.iter().all(|(name, amount)| {
                        let room = limits.get(name).unwrap().sub_floored(consumed.get(name));
                        amount <= amounts.get(name) && amounts.get(name) > room
                    })
            }
            Reason::Headroom { kept_for, role_count, withheld } => {
                let is_missing = |name| kept_for.iter().any(|own| !own.missing.get(name).is_zero());
                let missing = self.quotas.iter().map(|(role, quota)| quota.guarantees().clone() - &self.consumed(role));
                let is_kept = |missing: &Quantities| withheld.iter().any(|(name, _)| !missing.get(name).is_zero());
                !withheld.is_empty()
                    && free.quota_quantities().contains(withheld)
                    && *role_count == missing.filter(is_kept).count()
                    && kept_for.len() == (*role_count).min(Holder::SHOWN_MAX)
                    && (kept_for.len() < *role_count || withheld.iter().all(|(name, _)| is_missing(name)))
                    && kept_for.iter().all(|own| {
                        self.quotas[&own.role].guarantees().clone() - &self.consumed(&own.role) == own.missing
                    })
            }
            Reason::OwnMaximum { limits, withheld } => {
                known.info.max_offer.get(asked.role) == Some(limits) && free.quota_quantities().contains(withheld)
            }
            Reason::BelowMinimum { left, minimums, is_own, missing } => {
                let own = known.info.min_allocatable.get(asked.role).filter(|_| known.info.roles.contains(asked.role));
                let default = defaults();
                let is_reached = |minimum: &Quantities| left.contains_quantities(minimum);
                let with_missing = left.quantities() + missing;
                *is_own == own.is_some()
                    && minimums == own.unwrap_or(&default)
                    && free.contains(left)
                    && !minimums.iter().any(is_reached)
                    && minimums.iter().any(|minimum| with_missing.contains(minimum))
            }
            Reason::Filtered { until, refused } => self.refusals.iter().any(|own| {
                own.framework == asked.framework
                    && own.role == *asked.role
                    && own.agent == asked.agent
                    && own.until == *until
                    && refused.contains(&own.refused)
                    && *until + INTERVAL > asked.now
            }),
            reason => self.confirms_of_framework(Some(known), asked, reason),
        }
    }

    pub(crate) fn lists(&self, agent: &Agent) -> bool {
        self.whitelist.as_ref().is_none_or(|hosts| hosts.contains(&agent.info.hostname))
    }

    fn has(&self, agent: AgentKey, party: &Party, resources: &Resources) -> bool {
        let framework =
            self.holder(agent, &Holder { party: party.clone(), resources: resources.clone(), offered: None });
        framework.is_some_and(|framework| self.held.get(&(agent, framework, party.role.clone())) == Some(resources))
    }

    // Who went first: asked of the ledger as it was before the round.

    /// Whether somebody was granted that of the agent in the round, and had the place he is said to have had.
    pub(crate) fn confirms_order(
        &self,
        asked: &Asked<'_>,
        by: &Party,
        taken: &Resources,
        order: &Order,
        grants: &[Grant],
        options: &Options,
    ) -> bool {
        let key = by.framework.as_ref().and_then(key_of_framework).unwrap();
        let is_his = |grant: &Grant| grant.agent == asked.agent && grant.framework == key && grant.role == by.role;
        let Some(place) = grants.iter().position(is_his) else { return false };
        // Both stages of a round make one grant, so with guarantees the moment cannot be told from the grants.
        let has_guarantees = self.quotas.values().any(|quota| !quota.guarantees().is_empty());
        if has_guarantees {
            let path = std::iter::successors(Some(by.role.clone()), Role::parent);
            let mut quotas = path.filter_map(|role| self.quotas.get(&role));
            return grants[place].resources.contains(taken)
                && match order {
                    Order::Guarantee { role } => *role == by.role && quotas.any(|quota| !quota.guarantees().is_empty()),
                    order => is_of(order, asked, by, options),
                };
        }
        let first_of_agent = grants.iter().position(|grant| grant.agent == asked.agent).unwrap();
        let mut then = self.clone();
        for grant in &grants[..first_of_agent] {
            then.hold(grant.agent, grant.framework, &grant.role, &grant.resources);
        }
        let is_exact = |own: &Standing| then.confirms_standing(own, asked.role);
        grants[place].resources == *taken
            && is_of(order, asked, by, options)
            && match order {
                Order::Shares { first, own } => {
                    let (left, right) = (fraction(first), fraction(own));
                    is_exact(first) && is_exact(own) && left.0 * right.1 <= right.0 * left.1
                }
                Order::Drawn { first, own } | Order::Policy { first, own } => is_exact(first) && is_exact(own),
                Order::Waited { .. } => true,
                _ => false,
            }
    }

    fn confirms_standing(&self, standing: &Standing, role: &Role) -> bool {
        let name = standing.name.strip_suffix("'s own frameworks");
        let id = FrameworkId::new(standing.name.as_str()).ok().and_then(|id| key_of_framework(&id));
        // Copies of what is shared count once on an agent, whoever has them.
        let mut on_agents = BTreeMap::<AgentKey, Resources>::new();
        for ((agent, framework, holder), bag) in &self.held {
            let is_counted = match (name, id) {
                (Some(own), _) => holder.as_str() == own,
                (None, Some(id)) => *framework == id && holder == role,
                (None, None) => {
                    holder.as_str() == standing.name || holder.as_str().starts_with(&format!("{}/", standing.name))
                }
            };
            if is_counted {
                *on_agents.entry(*agent).or_default() += bag;
            }
        }
        let held: Quantities = on_agents.values().map(Resources::scalar_quantities).sum();
        let total: Quantities = self.agents.values().map(|agent| agent.total.scalar_quantities()).sum();
        let weight = match (name, id, Role::new(standing.name.as_str())) {
            (None, None, Ok(role)) => self.weights.get(&role).copied().unwrap_or_default(),
            _ => Weight::ONE,
        };
        let milli = |amount: Scalar| i128::from(amount.as_milli());
        weight == standing.weight
            && match &standing.resource {
                None => held.iter().all(|(name, _)| total.get(name).is_zero()),
                Some(name) => {
                    held.get(name) == standing.held
                        && total.get(name) == standing.total
                        && held.iter().filter(|(other, _)| !total.get(other).is_zero()).all(|(other, amount)| {
                            milli(amount) * milli(total.get(name)) <= milli(held.get(name)) * milli(total.get(other))
                        })
                }
            }
    }
}

/// Whether an order can be what decided, where these are the settings.
fn is_of(order: &Order, asked: &Asked<'_>, by: &Party, options: &Options) -> bool {
    let sorters = [options.role_sorter, options.framework_sorter];
    match order {
        Order::Shares { .. } => sorters.contains(&SorterKind::Drf),
        Order::Drawn { .. } => sorters.contains(&SorterKind::Random),
        Order::Policy { .. } => match &options.policy {
            Policy::Priority(priorities) => priorities.of(&by.role) > priorities.of(asked.role),
            Policy::Packing(_) | Policy::ConstrainedMaxMin { .. } => true,
            _ => false,
        },
        Order::Waited { batches } => options.starvation_batches == Some(*batches),
        _ => false,
    }
}

/// What an offer has to hold unless its framework says otherwise.
fn defaults() -> Vec<Quantities> {
    ["cpus:0.01", "mem:32"].map(|text| text.parse().unwrap()).to_vec()
}

fn fraction(standing: &Standing) -> (i128, i128) {
    match standing.resource {
        None => (0, 1),
        Some(_) => {
            let weight = i128::from(standing.weight.as_milli());
            (i128::from(standing.held.as_milli()), i128::from(standing.total.as_milli()) * weight)
        }
    }
}
