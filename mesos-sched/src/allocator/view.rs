//! What the books say about fairness, for people and reports.

use std::collections::BTreeMap;

use mesos_core::provider::FrameworkKey;
use mesos_core::resource::{Quantities, ResourceName};
use mesos_core::{FrameworkId, Quota, Role, Weight};

use super::quota::RoleBook;
use super::sorter::{Kind, NodeKey, WalkCosts};
use super::{Costs, HierarchicalDrf, Inconsistencies, Served};

/// A role and what was granted to it and to the roles below it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RoleShare {
    /// The role's path.
    pub role: String,
    /// How much it counts beside its siblings.
    pub weight: Weight,
    /// Offered and used together.
    pub allocated: Quantities,
    /// Its largest part of the cluster in any name, from 0 to 1.
    pub dominant_share: f64,
    /// The name it has that part of; nothing if it has nothing.
    pub dominant_resource: Option<ResourceName>,
    /// The frameworks under exactly this role, by id.
    pub frameworks: Vec<FrameworkShare>,
}

/// A framework and what was granted to it under one role.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FrameworkShare {
    /// Its handle.
    pub framework: FrameworkKey,
    /// Its id; nothing while it is only known to use something.
    pub id: Option<FrameworkId>,
    /// Whether it takes part: connected, and not suppressed here.
    pub is_active: bool,
    /// Offered and used together.
    pub allocated: Quantities,
    /// Its largest part of the cluster in any name, from 0 to 1.
    pub dominant_share: f64,
    /// How many grants it had.
    pub grants: u64,
}

/// What a role, with those below it, consumes of its quota.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoleQuota {
    /// Which role.
    pub role: Role,
    /// What it is promised and may have; nothing for a role that only consumes.
    pub quota: Quota,
    /// What is reserved to it or below, in use or not, and what is offered or used there of what nobody owns.
    pub consumed: Quantities,
    /// What has to stay free for promises to it and to those below.
    pub required: Quantities,
}

impl HierarchicalDrf {
    /// What roles consume of their quota, by path: all roles that have one, consume something or have frameworks.
    #[must_use]
    pub fn quotas(&self) -> Vec<RoleQuota> {
        self.quotas.roles().map(RoleQuota::of).collect()
    }

    /// What one role consumes of its quota; nothing if it is unknown.
    #[must_use]
    pub fn quota(&self, role: &Role) -> Option<RoleQuota> {
        self.quotas.find(role).map(RoleQuota::of)
    }

    /// What is available over all agents, of what nobody owns and whose holder would keep it.
    #[must_use]
    pub const fn headroom(&self) -> &Quantities {
        self.headroom.free()
    }

    /// What of the headroom has to stay free for promises that are not consumed yet. May exceed it: guarantees are given as
    /// long as there is anything.
    #[must_use]
    pub fn required_headroom(&self) -> &Quantities {
        self.quotas.required()
    }

    /// What rounds have cost so far.
    #[must_use]
    pub const fn costs(&self) -> Costs {
        let WalkCosts { ranked, draws, weighed } = self.scratch.walk.costs();
        Costs { comparisons: self.tree.comparisons(), ranked, draws, weighed, ..self.costs }
    }

    /// Remembers from now on how each round served which agents.
    pub fn trace_rounds(&mut self) {
        self.trace.start();
    }

    /// How the last round served which agents, in order; nothing unless [told to remember](Self::trace_rounds).
    #[must_use]
    pub fn last_round(&self) -> &[Served] {
        self.trace.last_round()
    }

    /// Facts that disagreed with the books, and changed nothing.
    #[must_use]
    pub const fn inconsistencies(&self) -> &Inconsistencies {
        &self.inconsistencies
    }

    /// Shares of all roles: parents before children, siblings by name.
    #[must_use]
    pub fn shares(&self) -> Vec<RoleShare> {
        let mut shares = Vec::new();
        let mut open = vec![(NodeKey::ROOT, String::new())];
        while let Some((node, path)) = open.pop() {
            let mut frameworks = Vec::new();
            for child in self.tree.children_by_name(node).iter().rev() {
                let name = self.tree[*child].name();
                match self.tree[*child].kind {
                    Kind::Own => frameworks = self.shares_below(*child),
                    _ if path.is_empty() => open.push((*child, name.to_owned())),
                    _ => open.push((*child, format!("{path}/{name}"))),
                }
            }
            if node != NodeKey::ROOT {
                shares.push(self.share_of(node, path, frameworks));
            }
        }
        shares
    }

    fn share_of(&self, node: NodeKey, role: String, frameworks: Vec<FrameworkShare>) -> RoleShare {
        let (row, totals) = (&self.tree[node], self.tree.totals());
        RoleShare {
            role,
            weight: row.weight(),
            allocated: row.amounts().clone(),
            dominant_share: totals.dominant(row.amounts(), Weight::ONE).to_f64(),
            dominant_resource: totals.dominant_name(row.amounts()),
            frameworks,
        }
    }

    fn shares_below(&self, own: NodeKey) -> Vec<FrameworkShare> {
        let clients = self.tree.children_by_name(own);
        clients.iter().filter_map(|client| self.framework_share(*client)).collect()
    }

    fn framework_share(&self, node: NodeKey) -> Option<FrameworkShare> {
        let framework = self.clients[node.slot()].as_ref()?.framework;
        let (row, totals) = (&self.tree[node], self.tree.totals());
        Some(FrameworkShare {
            framework,
            id: self.framework(framework)?.id.clone(),
            is_active: row.is_active(),
            allocated: row.amounts().clone(),
            dominant_share: totals.dominant(row.amounts(), Weight::ONE).to_f64(),
            grants: self.tree.count(node),
        })
    }

    /// How much the cluster has, of what is an amount.
    #[must_use]
    pub const fn total(&self) -> &Quantities {
        self.tree.totals().quantities()
    }

    /// How many refusals are in force.
    #[must_use]
    pub fn filter_count(&self) -> usize {
        self.filters.len()
    }

    /// The same, by role; of roles without refusals nothing.
    pub(super) fn filter_counts(&self) -> BTreeMap<Role, u64> {
        let clients = self.frameworks.iter().flatten().flat_map(|framework| &framework.clients);
        let mut counts = BTreeMap::new();
        for (role, client) in clients {
            let count = u64::from(self.filters.len_of(*client));
            if count > 0 {
                *counts.entry(role.clone()).or_default() += count;
            }
        }
        counts
    }
}

impl RoleQuota {
    fn of(book: &RoleBook) -> Self {
        Self {
            role: book.role().clone(),
            quota: book.quota().cloned().unwrap_or_default(),
            consumed: book.consumed().clone(),
            required: book.required().clone(),
        }
    }
}
