//! The cluster at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use mesos_core::resource::Quantities;
use mesos_core::{AgentId, AgentInfo, FrameworkId, FrameworkInfo, InverseOffer, Resources, Role};

use super::row::{AgentRow, ExecutorRow, FrameworkRow, OfferRow, OperationRow, TaskRow, Totals};
use super::usage::Usage;

/// The cluster at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The registered agents, by id.
    pub agents: Vec<Arc<AgentRow>>,
    /// The agents of the registry that have not come back to this master, by id.
    pub absent: Vec<(AgentId, Arc<AgentInfo>)>,
    /// The frameworks, by id.
    pub frameworks: Vec<Arc<FrameworkView>>,
    /// Removed frameworks, oldest first.
    pub completed: Vec<Arc<FrameworkView>>,
    /// What happened so far.
    pub totals: Totals,
    pub(super) usage: OnceLock<Usage>,
}

/// A framework and what is its.
#[derive(Debug, Clone)]
pub struct FrameworkView {
    /// The framework.
    pub row: Arc<FrameworkRow>,
    /// Its tasks, by id.
    pub tasks: Vec<Arc<TaskRow>>,
    /// Its tasks on agents that were lost.
    pub unreachable: Vec<Arc<TaskRow>>,
    /// Its tasks that have ended, oldest first.
    pub completed: Vec<Arc<TaskRow>>,
    /// Its executors.
    pub executors: Vec<Arc<ExecutorRow>>,
    /// Its offers.
    pub offers: Vec<Arc<OfferRow>>,
    /// What it was asked for and has not answered.
    pub inverse_offers: Vec<Arc<InverseOffer>>,
    /// Its operations that have an id and whose end it has not acknowledged, by id.
    pub operations: Vec<Arc<OperationRow>>,
}

/// What of a framework somebody may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visible {
    /// It, its offers and its operations.
    pub framework: bool,
    /// Its tasks.
    pub tasks: bool,
    /// Its executors.
    pub executors: bool,
}

/// A role: who is in it, and what it has. Roles above it are not in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoleAmounts {
    /// The frameworks subscribed to it.
    pub frameworks: BTreeSet<FrameworkId>,
    /// What is allocated to it: used or offered.
    pub allocated: Resources,
    /// What of it is offered.
    pub offered: Resources,
    /// What is reserved for it, used or not.
    pub reserved: Quantities,
}

impl Snapshot {
    /// What is used and offered; added up once.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        self.usage.get_or_init(|| Usage::of(self))
    }

    /// What is left for somebody who may not see everything. Sums are of what is left.
    #[must_use]
    pub fn restricted(&self, sees_agents: bool, of_framework: impl Fn(&FrameworkInfo) -> Visible) -> Self {
        let restrict = |view: &Arc<FrameworkView>| {
            let visible = of_framework(&view.row.state.info);
            if !visible.framework {
                return None;
            }
            if visible.tasks && visible.executors {
                return Some(view.clone());
            }
            let tasks = |rows: &Vec<Arc<TaskRow>>| if visible.tasks { rows.clone() } else { Vec::new() };
            Some(Arc::new(FrameworkView {
                row: view.row.clone(),
                tasks: tasks(&view.tasks),
                unreachable: tasks(&view.unreachable),
                completed: tasks(&view.completed),
                executors: if visible.executors { view.executors.clone() } else { Vec::new() },
                offers: view.offers.clone(),
                inverse_offers: view.inverse_offers.clone(),
                operations: view.operations.clone(),
            }))
        };
        Self {
            agents: if sees_agents { self.agents.clone() } else { Vec::new() },
            absent: if sees_agents { self.absent.clone() } else { Vec::new() },
            frameworks: self.frameworks.iter().filter_map(restrict).collect(),
            completed: self.completed.iter().filter_map(restrict).collect(),
            totals: self.totals,
            usage: OnceLock::new(),
        }
    }

    /// All roles somebody is subscribed to, uses something under, or owns something as.
    #[must_use]
    pub fn roles(&self) -> BTreeMap<Role, RoleAmounts> {
        let mut roles: BTreeMap<Role, RoleAmounts> = BTreeMap::new();
        for framework in &self.frameworks {
            for role in &framework.row.state.info.roles {
                let role = roles.entry(role.clone()).or_default();
                role.frameworks.insert(framework.row.state.id.clone());
            }
            for task in framework.tasks.iter().filter(|task| !task.state.is_terminal()) {
                roles.entry(task.role.clone()).or_default().allocated += &task.info.resources;
            }
            for executor in &framework.executors {
                roles.entry(executor.role.clone()).or_default().allocated += &executor.info.resources;
            }
            for offer in &framework.offers {
                let role = roles.entry(offer.role.clone()).or_default();
                role.allocated += &offer.resources;
                role.offered += &offer.resources;
            }
        }
        for agent in &self.agents {
            for (role, reserved) in agent.state.total.reserved() {
                roles.entry(role).or_default().reserved += &reserved.quantities();
            }
        }
        roles
    }

    /// An agent.
    #[must_use]
    pub fn agent(&self, id: &AgentId) -> Option<&Arc<AgentRow>> {
        self.agents.binary_search_by(|row| row.state.id.cmp(id)).ok().map(|place| &self.agents[place])
    }

    /// A framework.
    #[must_use]
    pub fn framework(&self, id: &FrameworkId) -> Option<&Arc<FrameworkView>> {
        let place = self.frameworks.binary_search_by(|framework| framework.row.state.id.cmp(id));
        place.ok().map(|place| &self.frameworks[place])
    }
}
