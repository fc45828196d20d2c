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
    /// Agents it refused, and until when.
    refused: BTreeMap<AgentKey, Instant>,
}

#[derive(Debug, Default)]
struct Agent {
    total: Resources,
    used: Resources,
    is_active: bool,
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
    fn framework(&mut self, key: FrameworkKey) -> &mut Framework {
        self.frameworks.entry(key).or_default()
    }

    fn agent(&mut self, key: AgentKey) -> &mut Agent {
        self.agents.entry(key).or_default()
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
            Fact::FrameworkUpdated { framework, info, suppressed } => {
                let row = self.framework(framework);
                (row.roles, row.suppressed) = (info.roles.clone(), suppressed);
            }
            Fact::FrameworkActivated { framework } => self.framework(framework).is_active = true,
            Fact::FrameworkDeactivated { framework } => {
                let row = self.framework(framework);
                row.is_active = false;
                row.refused.clear();
            }
            Fact::FrameworkRemoved { framework } => drop(self.frameworks.remove(&framework)),
            Fact::RolesSuppressed { framework, roles } => {
                let row = self.framework(framework);
                row.suppressed.extend(if roles.is_empty() { row.roles.clone() } else { roles });
            }
            Fact::RolesRevived { framework, roles } => {
                let row = self.framework(framework);
                row.suppressed.retain(|role| !roles.is_empty() && !roles.contains(role));
                row.refused.clear();
            }
            Fact::AgentAdded { agent, total, used, .. } => {
                let used = used.into_iter().fold(Resources::new(), |sum, used| &sum + &used.resources);
                self.agents.insert(agent, Agent { total, used, is_active: true });
            }
            Fact::AgentResized { agent, total } => self.agent(agent).total = total,
            Fact::AgentActivated { agent } => self.agent(agent).is_active = true,
            Fact::AgentDeactivated { agent } => self.agent(agent).is_active = false,
            Fact::AgentRemoved { agent } => drop(self.agents.remove(&agent)),
            Fact::Converted { agent, from, to, .. } => {
                let row = self.agent(agent);
                row.total = &(&row.total - &from) + &to;
                row.used = &(&row.used - &from) + &to;
            }
            Fact::Claimed { agent, resources, .. } => self.agent(agent).used += &resources,
            Fact::Recovered { framework, agent, resources, filters, .. } => {
                if let Some(row) = self.agents.get_mut(&agent) {
                    row.used -= &resources;
                }
                if let (Some(filters), Some(row)) = (filters, self.frameworks.get_mut(&framework)) {
                    row.refused.insert(agent, now + filters.refuse_for);
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
                let resources = (&row.total - &row.used).allocatable_to(role);
                if resources.is_empty() || refused.get(&agent).is_some_and(|until| *until > round.now) {
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
        self.agents.get(&agent).map(|row| &row.total - &row.used)
    }
}
