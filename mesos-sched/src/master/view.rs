//! Read-only views of a master, for operators' APIs, reports and the simulator's checkers. Costs nothing when nobody asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::kernel::{Handle as _, Term};
use mesos_core::provider::{AgentKey, Allocator, FrameworkKey, Used};
use mesos_core::{
    AgentId, AgentInfo, ExecutorInfo, FrameworkId, FrameworkInfo, MasterId, OfferConstraints, OfferId, OperationState,
    Resources, Role, TaskId, TaskInfo, TaskState, TrackedOperation,
};

use super::Master;
use super::book::{Framework, Liveness, Standing, Tally, Transition};
use crate::registry::Registry;

/// What a master has done, as plain numbers since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Counters {
    pub accepts: u64,
    pub acknowledgements: u64,
    /// Of them, those of updates nobody waits to hear acknowledged.
    pub acknowledgements_invalid: u64,
    pub agent_messages: u64,
    pub agents_registering: u64,
    pub agents_reregistering: u64,
    pub agents_unregistering: u64,
    pub calls: u64,
    pub declines: u64,
    /// What came on a connection and was passed over: a repetition, behind a gap, or of somebody who may not say it.
    pub dropped: u64,
    pub executors_exited: u64,
    /// Messages of executors to frameworks.
    pub executor_messages: u64,
    /// Of them, those to nobody.
    pub executor_messages_invalid: u64,
    /// Messages of frameworks to executors.
    pub framework_messages: u64,
    /// Of them, those to nobody.
    pub framework_messages_invalid: u64,
    pub frameworks_subscribing: u64,
    pub frameworks_resubscribing: u64,
    pub gaps: u64,
    pub kills: u64,
    pub launches: u64,
    /// Agents that are silent or stayed away, and are to be marked unreachable.
    pub losses_scheduled: u64,
    /// Of them, those that came back before.
    pub losses_canceled: u64,
    /// Of them, those that are marked.
    pub losses_completed: u64,
    /// Of these, those that did not come back to this master after it was elected.
    pub losses_of_absent: u64,
    pub offers: u64,
    /// Changes handed over to whoever keeps a picture of the books.
    pub published: u64,
    pub operation_acknowledgements: u64,
    pub operation_reconciliations: u64,
    pub operation_updates: u64,
    pub reconciliations: u64,
    /// Tasks that were looked at for them: each one that was asked about, or all of a framework.
    pub reconciled_tasks: u64,
    pub rejections: u64,
    /// Agents that are removed because another one came from where they were.
    pub removals_replaced: u64,
    pub removals_unregistered: u64,
    pub rescinds: u64,
    pub revives: u64,
    /// Accepted offers of which others had committed something before.
    pub conflicts: u64,
    pub rounds: u64,
    pub suppresses: u64,
    pub teardowns: u64,
    pub updates: u64,
    /// Those an agent may not say, and those of frameworks nobody knows; they are not among the others.
    pub updates_invalid: u64,
}

/// A framework as the master sees it.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct FrameworkView<'a> {
    pub key: FrameworkKey,
    pub id: &'a FrameworkId,
    pub info: &'a FrameworkInfo,
    /// What it demands of agents.
    pub constraints: &'a Arc<OfferConstraints>,
    /// Roles it wants no offers for.
    pub suppressed: &'a BTreeSet<Role>,
    pub is_connected: bool,
    /// Known from agents only; it has not subscribed to this master.
    pub is_recovered: bool,
    pub tasks: usize,
    pub offers: usize,
}

/// A registered agent as the master sees it.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct AgentView<'a> {
    pub key: AgentKey,
    pub id: &'a AgentId,
    pub info: &'a AgentInfo,
    /// What it has, with reservations and volumes.
    pub total: &'a Resources,
    /// What tasks and executors use, per framework and role.
    pub used: &'a [Used],
    pub is_connected: bool,
    /// Being marked unreachable, gone or removed.
    pub is_leaving: bool,
    pub tasks: usize,
    pub offers: usize,
}

/// An outstanding offer.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct OfferView<'a> {
    pub id: &'a OfferId,
    pub framework: FrameworkKey,
    pub agent: AgentKey,
    pub role: &'a Role,
    pub resources: &'a Resources,
}

/// A task as the master sees it.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct TaskView<'a> {
    pub framework_id: &'a FrameworkId,
    pub agent_id: &'a AgentId,
    pub info: &'a TaskInfo,
    pub role: &'a Role,
    pub state: TaskState,
    /// The state its framework was last told.
    pub told: TaskState,
    /// Whether what it uses still counts.
    pub is_charged: bool,
}

/// An executor that is charged to an agent.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ExecutorView<'a> {
    pub framework: FrameworkKey,
    pub agent: AgentKey,
    pub info: &'a ExecutorInfo,
    pub role: &'a Role,
}

/// An operation with an id whose end is not acknowledged.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct OperationView<'a> {
    pub framework_id: &'a FrameworkId,
    pub agent_id: &'a AgentId,
    pub operation: &'a TrackedOperation,
    pub state: OperationState,
}

impl Master {
    /// This master's id.
    #[must_use]
    pub const fn id(&self) -> &MasterId {
        &self.id
    }

    /// The term it leads in, if it leads.
    #[must_use]
    pub const fn leading(&self) -> Option<Term> {
        if self.phase.is_leading() { self.phase.term() } else { None }
    }

    /// What is durable.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        self.registrar.registry()
    }

    /// Who decides about offers.
    #[must_use]
    pub fn allocator(&self) -> &dyn Allocator {
        &*self.allocator
    }

    /// How many changes of the registry are not durable yet.
    #[must_use]
    pub fn unfinished_writes(&self) -> usize {
        self.registrar.unfinished()
    }

    /// What it has done.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether what changes is published by now.
    #[must_use]
    pub const fn publishes(&self) -> bool {
        self.notes.is_some()
    }

    /// What is counted of each framework, and the roles it wants no offers for, in slot order.
    pub fn tallies(&self) -> impl Iterator<Item = (&FrameworkId, &Tally, &BTreeSet<Role>)> {
        self.tallies_after(None).map(|(_, id, tally, suppressed)| (id, tally, suppressed))
    }

    /// The same of those behind `last`.
    pub fn tallies_after(
        &self,
        last: Option<FrameworkKey>,
    ) -> impl Iterator<Item = (FrameworkKey, &FrameworkId, &Tally, &BTreeSet<Role>)> {
        let rows = self.frameworks.table.iter_from(slot_after(last));
        rows.map(|(key, id, row)| (key, id, &row.tally, &row.suppressed))
    }

    /// Connections it holds.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// All frameworks, in slot order.
    pub fn frameworks(&self) -> impl Iterator<Item = FrameworkView<'_>> {
        self.frameworks_after(None)
    }

    /// One framework.
    #[must_use]
    pub fn framework(&self, id: &FrameworkId) -> Option<FrameworkView<'_>> {
        let key = self.frameworks.table.find(id)?;
        self.frameworks.table.iter_from(key.slot()).next().map(framework_view)
    }

    /// The frameworks behind `last`, in slot order.
    pub fn frameworks_after(&self, last: Option<FrameworkKey>) -> impl Iterator<Item = FrameworkView<'_>> {
        self.frameworks.table.iter_from(slot_after(last)).map(framework_view)
    }

    /// All registered agents, in slot order.
    pub fn agents(&self) -> impl Iterator<Item = AgentView<'_>> {
        self.agents.table.handles().filter_map(|key| self.agent(key))
    }

    /// One registered agent.
    #[must_use]
    pub fn agent(&self, key: AgentKey) -> Option<AgentView<'_>> {
        let row = self.agents.table.get(key)?;
        Some(AgentView {
            key,
            id: &row.id,
            info: &row.info,
            total: &row.total,
            used: &row.used,
            is_connected: matches!(row.liveness, Liveness::Connected { .. }),
            is_leaving: row.transition != Transition::Settled,
            tasks: row.tasks.len(),
            offers: row.offers.len(),
        })
    }

    /// The handle of a registered agent.
    #[must_use]
    pub fn agent_key(&self, id: &AgentId) -> Option<AgentKey> {
        self.agents.table.find(id)
    }

    /// The handle of a framework.
    #[must_use]
    pub fn framework_key(&self, id: &FrameworkId) -> Option<FrameworkKey> {
        self.frameworks.table.find(id)
    }

    /// Agents the registry holds that have not come back to this master.
    pub fn absent_agents(&self) -> impl Iterator<Item = &AgentId> {
        self.agents.absent.iter()
    }

    /// All outstanding offers, in slot order.
    pub fn offers(&self) -> impl Iterator<Item = OfferView<'_>> {
        self.offers.table.iter().map(|(_, id, row)| OfferView {
            id,
            framework: row.framework,
            agent: row.agent,
            role: &row.role,
            resources: &row.resources,
        })
    }

    /// The outstanding offers of one agent.
    pub fn offers_on(&self, agent: AgentKey) -> impl Iterator<Item = OfferView<'_>> {
        let keys = self.agents.table.get(agent).into_iter().flat_map(|row| &row.offers);
        keys.filter_map(|&key| {
            let row = self.offers.table.get(key)?;
            let id = self.offers.table.id(key)?;
            Some(OfferView {
                id,
                framework: row.framework,
                agent: row.agent,
                role: &row.role,
                resources: &row.resources,
            })
        })
    }

    /// One task.
    #[must_use]
    pub fn task(&self, framework: &FrameworkId, task: &TaskId) -> Option<TaskView<'_>> {
        let framework = self.frameworks.table.find(framework)?;
        let row = &self.frameworks.table[framework];
        let task = &row.tasks[row.tasks.find(task)?];
        Some(TaskView {
            framework_id: &row.id,
            agent_id: &self.agents.table[task.agent].id,
            info: &task.info,
            role: &task.role,
            state: task.state,
            told: task.told,
            is_charged: task.is_charged,
        })
    }

    /// All tasks, by framework, in slot order.
    pub fn tasks(&self) -> impl Iterator<Item = TaskView<'_>> {
        let agents = &self.agents.table;
        self.frameworks.table.iter().flat_map(move |(_, framework_id, row)| {
            row.tasks.iter().map(move |(_, _, task)| TaskView {
                framework_id,
                agent_id: &agents[task.agent].id,
                info: &task.info,
                role: &task.role,
                state: task.state,
                told: task.told,
                is_charged: task.is_charged,
            })
        })
    }

    /// All operations that have an id and whose end is not acknowledged, by framework.
    pub fn operations(&self) -> impl Iterator<Item = OperationView<'_>> {
        let agents = &self.agents.table;
        self.frameworks.table.iter().flat_map(move |(_, framework_id, row)| {
            row.operations.values().map(move |row| OperationView {
                framework_id,
                agent_id: &agents[row.agent].id,
                operation: &row.operation,
                state: row.state,
            })
        })
    }

    /// All executors that are charged, by agent.
    pub fn executors(&self) -> impl Iterator<Item = ExecutorView<'_>> {
        self.agents.table.iter().flat_map(|(agent, _, row)| {
            row.executors.iter().map(move |((framework, _), executor)| ExecutorView {
                framework: *framework,
                agent,
                info: &executor.info,
                role: &executor.role,
            })
        })
    }
}

fn framework_view<'a>((key, id, row): (FrameworkKey, &'a FrameworkId, &'a Framework)) -> FrameworkView<'a> {
    FrameworkView {
        key,
        id,
        info: &row.info,
        constraints: &row.constraints,
        suppressed: &row.suppressed,
        is_connected: row.conn().is_some(),
        is_recovered: row.standing == Standing::Recovered,
        tasks: row.tasks.len(),
        offers: row.offers.len(),
    }
}

fn slot_after(last: Option<FrameworkKey>) -> usize {
    last.map_or(0, |last| last.slot() + 1)
}
