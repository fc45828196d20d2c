//! What changed, for whoever keeps a picture of the cluster outside the master: operators' views and event streams.
//!
//! Nothing is noted while nobody listens, and what is noted costs as much as what changed. The changes of a step are one
//! effect. Whoever folds them in order has what the books hold; a host that lost some asks for all of it again.

use std::sync::Arc;

use mesos_core::maintenance::Unavailability;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey};
use mesos_core::{
    AgentId, AgentInfo, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, OfferId, OperationId, OperationState,
    Resources, Role, TaskId, TaskInfo, TaskState, TaskStatus, TrackedOperation, WallTime,
};

use serde::Serialize;

use super::book::{Liveness, Offered, Standing, TaskKey, Transition};
use super::{Effect, Master, MasterCx};
use crate::registry::Duty;

/// How a framework stands with the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Connection {
    /// It is connected.
    Connected,
    /// Its connection broke, and it may come back.
    Disconnected,
    /// It is known from agents alone.
    Recovered,
}

/// A framework, as far as views show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FrameworkState {
    /// Its id.
    pub id: FrameworkId,
    /// Its description.
    pub info: Arc<FrameworkInfo>,
    /// How it stands.
    pub connection: Connection,
}

/// An agent, as far as views show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentState {
    /// Its id.
    pub id: AgentId,
    /// Its description.
    pub info: Arc<AgentInfo>,
    /// What it has, with reservations and volumes.
    pub total: Resources,
    /// Whether its connection stands.
    pub is_connected: bool,
    /// Whether it is being marked unreachable, gone or removed.
    pub is_leaving: bool,
    /// Whether it is offered.
    pub duty: Duty,
    /// When it is planned to be away.
    pub unavailability: Option<Unavailability>,
}

/// One change of the books.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Change {
    /// Everything before is void: all of it follows anew.
    Reset,
    /// A framework is new, or looks like this by now.
    Framework(FrameworkState),
    /// A framework was removed, and all that was its.
    FrameworkGone(FrameworkId),
    /// An agent is new, or looks like this by now.
    Agent(AgentState),
    /// An agent left, and all that was on it.
    AgentGone(AgentId),
    /// An executor is charged to an agent.
    Executor {
        /// On which agent.
        agent_id: AgentId,
        /// Whose.
        framework_id: FrameworkId,
        /// Its description.
        info: Arc<ExecutorInfo>,
        /// Under which role.
        role: Role,
    },
    /// An executor ended.
    ExecutorGone {
        /// On which agent.
        agent_id: AgentId,
        /// Whose.
        framework_id: FrameworkId,
        /// Which.
        executor_id: ExecutorId,
    },
    /// A task is in the books.
    Task {
        /// Whose.
        framework_id: FrameworkId,
        /// On which agent.
        agent_id: AgentId,
        /// Its description.
        info: Arc<TaskInfo>,
        /// Under which role.
        role: Role,
        /// Its state.
        state: TaskState,
    },
    /// A task's newest state.
    TaskState {
        /// Whose.
        framework_id: FrameworkId,
        /// Which.
        task_id: TaskId,
        /// Its state.
        state: TaskState,
    },
    /// What is said of a task to its framework.
    TaskStatus {
        /// Whose.
        framework_id: FrameworkId,
        /// What.
        status: Arc<TaskStatus>,
    },
    /// A task is not in the books any more: it has ended, or was lost with its agent.
    TaskGone {
        /// Whose.
        framework_id: FrameworkId,
        /// Which.
        task_id: TaskId,
    },
    /// An offer is out.
    Offer {
        /// Which.
        id: OfferId,
        /// To whom.
        framework_id: FrameworkId,
        /// Of which agent.
        agent_id: AgentId,
        /// Under which role.
        role: Role,
        /// What.
        resources: Resources,
    },
    /// An offer is off the table.
    OfferGone(OfferId),
    /// An operation that has an id is in the books, or stands like this by now.
    Operation {
        /// Whose.
        framework_id: FrameworkId,
        /// On which agent.
        agent_id: AgentId,
        /// The operation.
        operation: Arc<TrackedOperation>,
        /// How it stands.
        state: OperationState,
    },
    /// An operation is not in the books any more: its end is acknowledged, or it was lost with its agent.
    OperationGone {
        /// Whose.
        framework_id: FrameworkId,
        /// Which.
        operation_id: OperationId,
    },
}

/// The changes of one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changes {
    /// When.
    pub at_wall: WallTime,
    /// What, in order.
    pub list: Vec<Change>,
}

/// A change, or a row that is read when the step ends.
#[derive(Debug)]
enum Note {
    Change(Change),
    Framework(FrameworkKey),
    Agent(AgentKey),
}

/// What was noted in this step.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    /// The row is read when the step ends; several touches in a row are one.
    fn touch(&mut self, note: Note) {
        let is_noted = match (&note, self.0.last()) {
            (Note::Framework(one), Some(Note::Framework(other))) => one == other,
            (Note::Agent(one), Some(Note::Agent(other))) => one == other,
            _ => false,
        };
        if !is_noted {
            self.0.push(note);
        }
    }
}

impl Master {
    /// Notes a change, if anybody listens.
    pub(super) fn note(&mut self, change: impl FnOnce(&Self) -> Change) {
        if self.notes.is_some() {
            let change = change(self);
            self.notes.get_or_insert_default().0.push(Note::Change(change));
        }
    }

    /// An agent's row changed in a way the allocator is not told.
    pub(super) fn note_agent(&mut self, agent: AgentKey) {
        if let Some(notes) = &mut self.notes {
            notes.touch(Note::Agent(agent));
        }
    }

    /// What the allocator is told of frameworks and agents is what views show.
    pub(super) fn note_fact(&mut self, fact: &Fact) {
        let Some(notes) = &mut self.notes else { return };
        match *fact {
            Fact::FrameworkAdded { framework, .. }
            | Fact::FrameworkUpdated { framework, .. }
            | Fact::FrameworkActivated { framework }
            | Fact::FrameworkDeactivated { framework } => notes.touch(Note::Framework(framework)),
            Fact::AgentAdded { agent, .. }
            | Fact::AgentUpdated { agent, .. }
            | Fact::AgentResized { agent, .. }
            | Fact::AgentActivated { agent }
            | Fact::AgentDeactivated { agent }
            | Fact::UnavailabilitySet { agent, .. }
            | Fact::Converted { agent, .. } => notes.touch(Note::Agent(agent)),
            _ => {}
        }
    }

    pub(super) fn note_offer(&mut self, id: &OfferId, offered: &Offered) {
        self.note(|master| Change::Offer {
            id: id.clone(),
            framework_id: master.frameworks.table[offered.framework].id.clone(),
            agent_id: master.agents.table[offered.agent].id.clone(),
            role: offered.role.clone(),
            resources: offered.resources.clone(),
        });
    }

    pub(super) fn note_task(&mut self, framework: FrameworkKey, task: TaskKey) {
        self.note(|master| master.task_change(framework, task));
    }

    pub(super) fn note_executor(&mut self, agent: AgentKey, framework: FrameworkKey, id: &ExecutorId) {
        self.note(|master| master.executor_change(agent, framework, id));
    }

    /// Hands over what was noted in this step.
    pub(super) fn publish(&mut self, cx: &mut MasterCx<'_>) {
        let Some(notes) = self.notes.as_mut().filter(|notes| !notes.0.is_empty()) else { return };
        let notes = std::mem::take(&mut notes.0);
        let read = notes.into_iter().filter_map(|note| match note {
            Note::Change(change) => Some(change),
            Note::Framework(framework) => self.framework_change(framework),
            Note::Agent(agent) => self.agent_change(agent),
        });
        let list = read.collect();
        cx.emit(Effect::Publish(Changes { at_wall: cx.now.wall, list }));
    }

    /// Hands over everything there is, and from then on what changes.
    pub(super) fn publish_all(&mut self, cx: &mut MasterCx<'_>) {
        self.notes = Some(Notes::default());
        let mut list = vec![Change::Reset];
        list.extend(self.agents.table.handles().filter_map(|agent| self.agent_change(agent)));
        list.extend(self.frameworks.table.handles().filter_map(|framework| self.framework_change(framework)));
        for (agent, _, row) in self.agents.table.iter() {
            list.extend(row.executors.keys().map(|(framework, id)| self.executor_change(agent, *framework, id)));
        }
        for (framework, _, row) in self.frameworks.table.iter() {
            list.extend(row.tasks.handles().map(|task| self.task_change(framework, task)));
        }
        for (_, id, row) in self.frameworks.table.iter() {
            list.extend(row.operations.values().map(|operation| self.operation_change(id, operation)));
        }
        for (_, id, row) in self.offers.table.iter() {
            list.push(Change::Offer {
                id: id.clone(),
                framework_id: self.frameworks.table[row.framework].id.clone(),
                agent_id: self.agents.table[row.agent].id.clone(),
                role: row.role.clone(),
                resources: row.resources.clone(),
            });
        }
        cx.emit(Effect::Publish(Changes { at_wall: cx.now.wall, list }));
    }

    fn framework_change(&self, framework: FrameworkKey) -> Option<Change> {
        let row = self.frameworks.table.get(framework)?;
        let connection = match row.standing {
            Standing::Connected(_) => Connection::Connected,
            Standing::Disconnected => Connection::Disconnected,
            Standing::Recovered => Connection::Recovered,
        };
        Some(Change::Framework(FrameworkState { id: row.id.clone(), info: row.info.clone(), connection }))
    }

    fn agent_change(&self, agent: AgentKey) -> Option<Change> {
        let row = self.agents.table.get(agent)?;
        Some(Change::Agent(AgentState {
            id: row.id.clone(),
            info: row.info.clone(),
            total: row.total.clone(),
            is_connected: matches!(row.liveness, Liveness::Connected { .. }),
            is_leaving: row.transition != Transition::Settled,
            duty: self.registrar.registry().duty(&row.id).unwrap_or_default(),
            unavailability: row.unavailability,
        }))
    }

    fn task_change(&self, framework: FrameworkKey, task: TaskKey) -> Change {
        let row = &self.frameworks.table[framework];
        let task = &row.tasks[task];
        Change::Task {
            framework_id: row.id.clone(),
            agent_id: self.agents.table[task.agent].id.clone(),
            info: task.info.clone(),
            role: task.role.clone(),
            state: task.state,
        }
    }

    fn executor_change(&self, agent: AgentKey, framework: FrameworkKey, id: &ExecutorId) -> Change {
        let row = &self.agents.table[agent];
        let executor = &row.executors[&(framework, id.clone())];
        Change::Executor {
            agent_id: row.id.clone(),
            framework_id: self.frameworks.table[framework].id.clone(),
            info: executor.info.clone(),
            role: executor.role.clone(),
        }
    }
}
