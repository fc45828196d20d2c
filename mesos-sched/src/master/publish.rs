//! What changed, for whoever keeps a picture of the cluster outside the master: operators' views and event streams.
//!
//! Nothing is noted while nobody listens, and what is noted costs as much as what changed. The changes of a step are one
//! effect. Whoever folds them in order has what the books hold, and [what is over](super::past). Whoever begins to listen, or
//! lost some, asks for [all of it](super::portion).

use std::sync::Arc;

use mesos_core::maintenance::Unavailability;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey};
use mesos_core::{
    AgentId, AgentInfo, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, InverseOffer, OfferConstraints, OfferId,
    OperationId, OperationState, Resources, Role, TaskId, TaskState, TaskStatus, TrackedOperation, WallTime,
};

use serde::Serialize;

use super::book::{Framework, Liveness, Offered, Standing, TaskKey, Transition};
use super::past::{AgentTimes, FrameworkTimes, RemovedFramework, TaskRow, Totals};
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
    /// What it demands of agents.
    pub constraints: Arc<OfferConstraints>,
    /// How it stands.
    pub connection: Connection,
    /// Since when.
    pub times: FrameworkTimes,
}

impl FrameworkState {
    pub(super) fn of(row: &Framework) -> Self {
        let connection = match row.standing {
            Standing::Connected(_) => Connection::Connected,
            Standing::Disconnected => Connection::Disconnected,
            Standing::Recovered => Connection::Recovered,
        };
        let (info, constraints) = (row.info.clone(), row.constraints.clone());
        Self { id: row.id.clone(), info, constraints, connection, times: row.times }
    }

    /// As it is when it is removed.
    pub(crate) fn remove(&mut self, at: WallTime) {
        self.times.unregistered_wall = Some(at);
        if self.connection == Connection::Connected {
            self.connection = Connection::Disconnected;
        }
    }
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
    /// Since when.
    pub times: AgentTimes,
}

/// One change of the books.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Change {
    /// Everything before is void: all of it follows anew, a portion at a time.
    Reset,
    /// A framework is new, or looks like this by now.
    Framework(FrameworkState),
    /// A framework was removed, and all that was its.
    FrameworkGone(FrameworkId),
    /// An agent is new, or looks like this by now.
    Agent(AgentState),
    /// An agent left, and all that was on it.
    AgentGone(AgentId),
    /// An agent of the registry has not come back to this master.
    Absent {
        /// Which.
        id: AgentId,
        /// Its description, as it was admitted.
        info: Arc<AgentInfo>,
    },
    /// An agent came back, or is not expected any more.
    AbsentGone(AgentId),
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
    Task(Arc<TaskRow>),
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
    /// A framework was asked for an agent and has not answered.
    InverseOffer(InverseOffer),
    /// An inverse offer is off the table.
    InverseOfferGone {
        /// Whose.
        framework_id: FrameworkId,
        /// Which.
        offer_id: OfferId,
    },
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
    /// What is remembered of a framework's tasks that are not in the books any more. A part of all there is.
    Over {
        /// Whose.
        framework_id: FrameworkId,
        /// Those that have ended, oldest first.
        completed: Vec<Arc<TaskRow>>,
        /// Those on agents that were lost, oldest first.
        unreachable: Vec<Arc<TaskRow>>,
    },
    /// What is remembered beside the books. The last part of all there is.
    Past {
        /// Removed frameworks, oldest first.
        removed: Vec<Arc<RemovedFramework>>,
        /// What happened so far.
        totals: Totals,
    },
}

/// The changes of one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changes {
    /// When.
    pub at_wall: WallTime,
    /// Whether whoever folded everything up to these has all there is; not so while more of it follows a [`Change::Reset`].
    pub is_complete: bool,
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
            | Fact::ConstraintsSet { framework, .. }
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
        self.note(|master| master.offer_change(id, offered));
    }

    pub(super) fn note_task(&mut self, framework: FrameworkKey, task: TaskKey) {
        self.note(|master| master.task_change(framework, task));
    }

    /// Something is said of a task to its framework, whether the task is in the books or was until then.
    pub(super) fn note_status(
        &mut self,
        cx: &MasterCx<'_>,
        framework: FrameworkKey,
        task: Option<TaskKey>,
        status: &Arc<TaskStatus>,
    ) {
        if let Some(past) = &mut self.past {
            let row = &mut self.frameworks.table[framework];
            let own = task.and_then(|task| row.tasks[task].past.as_mut());
            match own {
                Some(own) => own.say(status.clone(), cx.now.wall),
                None => {
                    let said = row.over.say(status, cx.now.wall, &past.memory);
                    if let Some(ended) = said.filter(|row| row.state.is_terminal()) {
                        past.totals.ended[ended.state as usize] += 1;
                        past.endings.count(status);
                    }
                }
            }
        }
        self.note(|master| Change::TaskStatus {
            framework_id: master.frameworks.table[framework].id.clone(),
            status: status.clone(),
        });
    }

    /// A framework has left the books.
    pub(super) fn note_removed(&mut self, cx: &MasterCx<'_>, row: Framework) {
        if let Some(past) = &mut self.past {
            let mut state = FrameworkState::of(&row);
            state.remove(cx.now.wall);
            past.remember(state, row.over);
        }
        self.note(|_| Change::FrameworkGone(row.id));
    }

    pub(super) fn note_executor(&mut self, agent: AgentKey, framework: FrameworkKey, id: &ExecutorId) {
        self.note(|master| master.executor_change(agent, framework, id));
    }

    /// An agent of the registry is expected back.
    pub(super) fn expect(&mut self, id: AgentId) {
        if self.notes.is_some()
            && let Some(change) = self.absent_change(&id)
        {
            self.note(|_| change);
        }
        self.agents.absent.insert(id);
    }

    /// An agent is not expected back any more; whether it was.
    pub(super) fn expect_no_more(&mut self, id: &AgentId) -> bool {
        let was_expected = self.agents.absent.remove(id);
        if was_expected {
            self.note(|_| Change::AbsentGone(id.clone()));
        }
        was_expected
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
        self.hand_over(cx, list);
    }

    pub(super) fn hand_over(&mut self, cx: &mut MasterCx<'_>, list: Vec<Change>) {
        self.counters.published += list.len() as u64;
        let is_complete = self.walk.is_none();
        cx.emit(Effect::Publish(Changes { at_wall: cx.now.wall, is_complete, list }));
    }

    /// Notes nothing any more: nobody listens.
    pub(super) fn publish_nothing(&mut self) {
        self.notes = None;
        self.walk = None;
    }

    pub(super) fn framework_change(&self, framework: FrameworkKey) -> Option<Change> {
        self.frameworks.table.get(framework).map(|row| Change::Framework(FrameworkState::of(row)))
    }

    pub(super) fn absent_change(&self, id: &AgentId) -> Option<Change> {
        let info = self.registrar.registry().agents().get(id)?.info.clone();
        Some(Change::Absent { id: id.clone(), info })
    }

    pub(super) fn agent_change(&self, agent: AgentKey) -> Option<Change> {
        let row = self.agents.table.get(agent)?;
        Some(Change::Agent(AgentState {
            id: row.id.clone(),
            info: row.info.clone(),
            total: row.total.clone(),
            is_connected: matches!(row.liveness, Liveness::Connected { .. }),
            is_leaving: row.transition != Transition::Settled,
            duty: self.registrar.registry().duty(&row.id).unwrap_or_default(),
            unavailability: row.unavailability,
            times: row.times,
        }))
    }

    pub(super) fn task_change(&self, framework: FrameworkKey, task: TaskKey) -> Change {
        let row = &self.frameworks.table[framework];
        let task = &row.tasks[task];
        Change::Task(Arc::new(task.shown(&row.id, &self.agents.table[task.agent].id)))
    }

    pub(super) fn executor_change(&self, agent: AgentKey, framework: FrameworkKey, id: &ExecutorId) -> Change {
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
