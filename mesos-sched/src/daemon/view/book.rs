//! The picture itself: folds changes, and remembers what is over.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use mesos_core::{
    AgentId, AgentInfo, ExecutorId, FrameworkId, InverseOffer, OfferId, OperationId, TaskId, TaskState, TaskStatus,
    WallTime,
};

use super::Event;
use super::row::{AgentRow, ExecutorRow, FrameworkRow, OfferRow, OperationRow, TaskRow, Totals};
use super::snapshot::{FrameworkView, Snapshot};
use crate::master::{AgentState, Change, Changes, FrameworkState, Memory, Over, RemovedFramework, push_bounded};

#[derive(Debug)]
pub(super) struct Book {
    memory: Memory,
    agents: BTreeMap<AgentId, Arc<AgentRow>>,
    absent: BTreeMap<AgentId, Arc<AgentInfo>>,
    frameworks: BTreeMap<FrameworkId, Framework>,
    completed: VecDeque<Arc<FrameworkView>>,
    offers: HashMap<OfferId, FrameworkId>,
    totals: Totals,
    snapshot: Option<Arc<Snapshot>>,
}

#[derive(Debug)]
struct Framework {
    row: Arc<FrameworkRow>,
    tasks: BTreeMap<TaskId, Arc<TaskRow>>,
    over: Over,
    executors: BTreeMap<(AgentId, ExecutorId), Arc<ExecutorRow>>,
    offers: BTreeMap<OfferId, Arc<OfferRow>>,
    inverse_offers: BTreeMap<OfferId, Arc<InverseOffer>>,
    operations: BTreeMap<OperationId, Arc<OperationRow>>,
    view: Option<Arc<FrameworkView>>,
}

impl Framework {
    fn new(row: Arc<FrameworkRow>) -> Self {
        Self {
            row,
            tasks: BTreeMap::new(),
            over: Over::default(),
            executors: BTreeMap::new(),
            offers: BTreeMap::new(),
            inverse_offers: BTreeMap::new(),
            operations: BTreeMap::new(),
            view: None,
        }
    }

    fn view(&mut self) -> Arc<FrameworkView> {
        if let Some(view) = &self.view {
            return view.clone();
        }
        let view = Arc::new(FrameworkView {
            row: self.row.clone(),
            tasks: self.tasks.values().cloned().collect(),
            unreachable: self.over.unreachable(),
            completed: self.over.completed(),
            executors: self.executors.values().cloned().collect(),
            offers: self.offers.values().cloned().collect(),
            inverse_offers: self.inverse_offers.values().cloned().collect(),
            operations: self.operations.values().cloned().collect(),
        });
        self.view = Some(view.clone());
        view
    }
}

impl Book {
    pub(super) fn new(memory: Memory) -> Self {
        Self {
            memory,
            agents: BTreeMap::new(),
            absent: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            completed: VecDeque::new(),
            offers: HashMap::new(),
            totals: Totals::default(),
            snapshot: None,
        }
    }

    /// The picture by now. What did not change since the last one is shared with it.
    pub(super) fn snapshot(&mut self) -> Arc<Snapshot> {
        if let Some(snapshot) = &self.snapshot {
            return snapshot.clone();
        }
        let snapshot = Arc::new(Snapshot {
            agents: self.agents.values().cloned().collect(),
            absent: self.absent.iter().map(|(id, info)| (id.clone(), info.clone())).collect(),
            frameworks: self.frameworks.values_mut().map(Framework::view).collect(),
            completed: self.completed.iter().cloned().collect(),
            totals: self.totals,
            usage: std::sync::OnceLock::new(),
        });
        self.snapshot = Some(snapshot.clone());
        snapshot
    }

    pub(super) fn fold(&mut self, changes: Changes, mut tell: impl FnMut(Event)) {
        self.snapshot = None;
        let at = changes.at_wall;
        for change in changes.list {
            self.apply(change, at, &mut tell);
        }
    }

    fn apply(&mut self, change: Change, at: WallTime, tell: &mut impl FnMut(Event)) {
        match change {
            Change::Reset => {
                let is_first = self.agents.is_empty() && self.frameworks.is_empty();
                self.clear();
                if !is_first {
                    tell(Event::Reset);
                }
            }
            Change::Framework(state) => self.framework(state, tell),
            Change::FrameworkGone(id) => self.framework_gone(&id, at, tell),
            Change::Agent(state) => self.agent(state, tell),
            Change::AgentGone(id) => {
                if let Some(row) = self.agents.remove(&id) {
                    self.totals.agents_removed += 1;
                    tell(Event::AgentRemoved(row));
                }
            }
            Change::Absent { id, info } => drop(self.absent.insert(id, info)),
            Change::AbsentGone(id) => drop(self.absent.remove(&id)),
            Change::Executor { agent_id, framework_id, info, role } => {
                self.with(&framework_id, |framework| {
                    let key = (agent_id.clone(), info.id.clone());
                    let row = ExecutorRow { framework_id: framework_id.clone(), agent_id, info, role };
                    framework.executors.insert(key, Arc::new(row));
                });
            }
            Change::ExecutorGone { agent_id, framework_id, executor_id } => {
                self.with(&framework_id, |framework| framework.executors.remove(&(agent_id, executor_id)));
            }
            Change::Task(row) => {
                self.with(&row.framework_id, |framework| {
                    framework.over.begin(row.id());
                    // One that is known is told again when all is told.
                    if framework.tasks.insert(row.id().clone(), row.clone()).is_none() {
                        tell(Event::TaskAdded(row.clone()));
                    }
                });
            }
            Change::TaskState { framework_id, task_id, state } => {
                let has_ended = self.with(&framework_id, |framework| {
                    let row = framework.tasks.get_mut(&task_id).filter(|row| row.state != state)?;
                    Arc::make_mut(row).state = state;
                    state.is_terminal().then_some(())
                });
                if has_ended.flatten().is_some() {
                    self.totals.ended[state as usize] += 1;
                }
            }
            Change::TaskStatus { framework_id, status } => {
                let memory = self.memory;
                let ended = self.with(&framework_id, |framework| framework.say(status, at, &memory, tell));
                if let Some(state) = ended.flatten() {
                    self.totals.ended[state as usize] += 1;
                }
            }
            Change::TaskGone { framework_id, task_id } => {
                let memory = self.memory;
                self.with(&framework_id, |framework| {
                    if let Some(row) = framework.tasks.remove(&task_id) {
                        framework.over.end(row, &memory);
                    }
                });
            }
            Change::Offer { id, framework_id, agent_id, role, resources } => {
                self.offers.insert(id.clone(), framework_id.clone());
                self.with(&framework_id, |framework| {
                    let framework_id = framework_id.clone();
                    let row = OfferRow { id: id.clone(), framework_id, agent_id, role, resources };
                    framework.offers.insert(id, Arc::new(row));
                });
            }
            Change::OfferGone(id) => {
                if let Some(framework_id) = self.offers.remove(&id) {
                    self.with(&framework_id, |framework| framework.offers.remove(&id));
                }
            }
            Change::InverseOffer(offer) => {
                self.with(&offer.framework_id.clone(), |framework| {
                    framework.inverse_offers.insert(offer.id.clone(), Arc::new(offer));
                });
            }
            Change::InverseOfferGone { framework_id, offer_id } => {
                self.with(&framework_id, |framework| framework.inverse_offers.remove(&offer_id));
            }
            Change::Operation { framework_id, agent_id, operation, state } => {
                self.with(&framework_id, |framework| {
                    let (framework_id, id) = (framework_id.clone(), operation.id.clone());
                    let row = OperationRow { framework_id, agent_id, operation, state };
                    framework.operations.insert(id, Arc::new(row));
                });
            }
            Change::OperationGone { framework_id, operation_id } => {
                self.with(&framework_id, |framework| framework.operations.remove(&operation_id));
            }
            Change::Over { framework_id, completed, unreachable } => {
                self.with(&framework_id, |framework| framework.over = Over::of(completed, unreachable));
            }
            Change::Past { removed, totals } => {
                self.completed = removed.iter().map(|removed| Arc::new(removed_view(removed))).collect();
                self.totals = totals;
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.memory);
    }

    /// Changes a framework that is known.
    fn with<R>(&mut self, id: &FrameworkId, change: impl FnOnce(&mut Framework) -> R) -> Option<R> {
        let framework = self.frameworks.get_mut(id)?;
        framework.view = None;
        Some(change(framework))
    }

    fn framework(&mut self, state: FrameworkState, tell: &mut impl FnMut(Event)) {
        let Some(framework) = self.frameworks.get_mut(&state.id) else {
            let id = state.id.clone();
            let row = Arc::new(FrameworkRow { state });
            self.frameworks.insert(id, Framework::new(row.clone()));
            self.totals.frameworks_added += 1;
            return tell(Event::FrameworkAdded(row));
        };
        if framework.row.state == state {
            return;
        }
        framework.view = None;
        framework.row = Arc::new(FrameworkRow { state });
        tell(Event::FrameworkUpdated(framework.row.clone()));
    }

    fn framework_gone(&mut self, id: &FrameworkId, at: WallTime, tell: &mut impl FnMut(Event)) {
        let Some(mut framework) = self.frameworks.remove(id) else { return };
        self.offers.retain(|_, owner| owner != id);
        Arc::make_mut(&mut framework.row).state.remove(at);
        for task in framework.tasks.into_values() {
            framework.over.end(task, &self.memory);
        }
        self.totals.ended[TaskState::Killed as usize] += framework.over.close(&self.memory);
        self.totals.frameworks_removed += 1;
        let row = framework.row;
        tell(Event::FrameworkRemoved(row.clone()));
        let view = Arc::new(over_view(row, framework.over.completed()));
        push_bounded(&mut self.completed, view, self.memory.completed_frameworks_max);
    }

    fn agent(&mut self, state: AgentState, tell: &mut impl FnMut(Event)) {
        let Some(row) = self.agents.get_mut(&state.id) else {
            let id = state.id.clone();
            let row = Arc::new(AgentRow { state });
            self.agents.insert(id, row.clone());
            self.totals.agents_added += 1;
            return tell(Event::AgentAdded(row));
        };
        if row.state == state {
            return;
        }
        self.totals.agents_returned += state.times.returns.saturating_sub(row.state.times.returns);
        *row = Arc::new(AgentRow { state });
    }
}

fn removed_view(removed: &RemovedFramework) -> FrameworkView {
    over_view(Arc::new(FrameworkRow { state: removed.state.clone() }), removed.completed.clone())
}

/// A framework of which nothing is left but what is remembered.
fn over_view(row: Arc<FrameworkRow>, completed: Vec<Arc<TaskRow>>) -> FrameworkView {
    FrameworkView {
        row,
        tasks: Vec::new(),
        unreachable: Vec::new(),
        completed,
        executors: Vec::new(),
        offers: Vec::new(),
        inverse_offers: Vec::new(),
        operations: Vec::new(),
    }
}

impl Framework {
    /// The state of a task that ended with this.
    fn say(
        &mut self,
        status: Arc<TaskStatus>,
        at: WallTime,
        memory: &Memory,
        tell: &mut impl FnMut(Event),
    ) -> Option<TaskState> {
        if let Some(row) = self.tasks.get_mut(&status.task_id) {
            Arc::make_mut(row).say(status, at);
            tell(Event::TaskUpdated(row.clone()));
            return None;
        }
        // The last word on a task that was lost with its agent.
        let row = self.over.say(&status, at, memory)?;
        tell(Event::TaskUpdated(row.clone()));
        row.state.is_terminal().then_some(row.state)
    }
}
