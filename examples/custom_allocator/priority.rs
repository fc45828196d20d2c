//! An allocator that knows no fairness: the framework whose role weighs most is offered everything first.
//!
//! Everything an allocator needs is in here: books that follow the facts, one round, and when the next one is wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round};
use mesos_core::{Instant, Resources, Role, Weight};

/// Between two rounds.
const ROUND_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Framework {
    roles: BTreeSet<Role>,
    suppressed: BTreeSet<Role>,
    is_active: bool,
    /// Agents it refused under a role, and until when.
    refused: BTreeMap<(Role, AgentKey), Instant>,
}

#[derive(Debug, Default)]
struct Agent {
    total: Resources,
    used: Resources,
    is_active: bool,
}

impl Agent {
    /// What is used may have another form than what the agent says it has; it is not free in any.
    fn free(&self) -> Resources {
        self.total.left_beside(&self.used)
    }
}

/// Strict priority by role weight.
#[derive(Debug, Default)]
pub struct Priority {
    frameworks: BTreeMap<FrameworkKey, Framework>,
    agents: BTreeMap<AgentKey, Agent>,
    weights: BTreeMap<Role, Weight>,
    due: Option<Instant>,
}

impl Priority {
    /// Facts may be about frameworks that are gone already; then there is nothing to change.
    fn framework(&mut self, key: FrameworkKey, change: impl FnOnce(&mut Framework)) {
        self.frameworks.get_mut(&key).map(change);
    }

    fn agent(&mut self, key: AgentKey, change: impl FnOnce(&mut Agent)) {
        self.agents.get_mut(&key).map(change);
    }

    /// Who is served, in order: heaviest role first.
    fn order(&self) -> Vec<(FrameworkKey, Role)> {
        let active = self.frameworks.iter().filter(|(_, framework)| framework.is_active);
        let pairs = active.flat_map(|(key, framework)| {
            framework.roles.difference(&framework.suppressed).map(|role| (*key, role.clone()))
        });
        let mut order: Vec<_> = pairs.collect();
        order.sort_by_key(|(_, role)| std::cmp::Reverse(self.weights.get(role).copied().unwrap_or_default()));
        order
    }
}

impl Allocator for Priority {
    fn observe(&mut self, now: Instant, fact: Fact) {
        match fact {
            Fact::FrameworkAdded { framework, info, suppressed, is_active, .. } => {
                let roles = info.roles.clone();
                self.frameworks.insert(framework, Framework { roles, suppressed, is_active, ..Framework::default() });
            }
            Fact::FrameworkUpdated { framework, info, suppressed } => self.framework(framework, |row| {
                row.roles = info.roles.clone();
                row.suppressed = suppressed;
            }),
            Fact::FrameworkActivated { framework } => self.framework(framework, |row| row.is_active = true),
            Fact::FrameworkDeactivated { framework } => self.framework(framework, |row| {
                row.is_active = false;
                row.refused.clear();
            }),
            Fact::FrameworkRemoved { framework } => drop(self.frameworks.remove(&framework)),
            Fact::RolesSuppressed { framework, roles } => self.framework(framework, |row| {
                row.suppressed.extend(if roles.is_empty() { row.roles.clone() } else { roles });
            }),
            Fact::RolesRevived { framework, roles } => self.framework(framework, |row| {
                let is_meant = |role: &Role| roles.is_empty() || roles.contains(role);
                row.suppressed.retain(|role| !is_meant(role));
                row.refused.retain(|(role, _), _| !is_meant(role));
            }),
            Fact::AgentAdded { agent, total, used, .. } => {
                let used = used.into_iter().fold(Resources::new(), |sum, used| &sum + &used.resources);
                self.agents.insert(agent, Agent { total, used, is_active: true });
            }
            Fact::AgentResized { agent, total } => self.agent(agent, |row| row.total = total),
            Fact::AgentActivated { agent } => self.agent(agent, |row| row.is_active = true),
            Fact::AgentDeactivated { agent } => self.agent(agent, |row| row.is_active = false),
            Fact::AgentRemoved { agent } => drop(self.agents.remove(&agent)),
            Fact::Converted { agent, from, to, .. } => self.agent(agent, |row| {
                row.total = &(&row.total - &from) + &to;
                row.used = &(&row.used - &from) + &to;
            }),
            Fact::Claimed { agent, resources, .. } => self.agent(agent, |row| row.used += &resources),
            Fact::Recovered { framework, role, agent, resources, filters } => {
                self.agent(agent, |row| row.used -= &resources);
                if let Some(filters) = filters {
                    let until = now + filters.refuse_for;
                    self.framework(framework, |row| {
                        let refused = row.refused.entry((role, agent)).or_insert(until);
                        *refused = until.max(*refused);
                    });
                }
            }
            Fact::WeightSet { role, weight } => drop(self.weights.insert(role, weight)),
            _ => {}
        }
        self.due.get_or_insert(now + ROUND_EVERY);
    }

    fn allocate(&mut self, round: Round<'_>, grants: &mut Vec<Grant>) {
        let order = self.order();
        for (&agent, row) in self.agents.iter_mut().filter(|(_, row)| row.is_active) {
            for &(framework, ref role) in &order {
                let refused = &self.frameworks[&framework].refused;
                let resources = row.free().allocatable_to(role);
                let is_refused = refused.get(&(role.clone(), agent)).is_some_and(|until| *until > round.now);
                if resources.is_empty() || is_refused {
                    continue;
                }
                row.used += &resources;
                grants.push(Grant { framework, role: role.clone(), agent, resources });
            }
        }
        self.due = Some(round.now + ROUND_EVERY);
    }

    fn deadline(&self) -> Option<Instant> {
        self.due
    }

    fn available(&self, agent: AgentKey) -> Option<Resources> {
        self.agents.get(&agent).map(Agent::free)
    }
}
