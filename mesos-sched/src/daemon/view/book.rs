//! The picture itself: folds changes, and remembers what is over.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use mesos_core::{AgentId, ExecutorId, FrameworkId, OfferId, OperationId, TaskId, TaskState, TaskStatus, WallTime};

use super::row::{AgentRow, ExecutorRow, FrameworkRow, OfferRow, OperationRow, TaskRow, Totals};
use super::snapshot::{FrameworkView, Snapshot};
use super::{Event, Memory};
use crate::master::{AgentState, Change, Changes, Connection, FrameworkState};
use crate::registry::Duty;

/// Ended tasks that are looked through for one that something more is said of: what a master says of a task it forgets
/// comes right after.
const LAST_WORDS_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct Book {
    memory: Memory,
    agents: BTreeMap<AgentId, Arc<AgentRow>>,
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
    unreachable: VecDeque<Arc<TaskRow>>,
    completed: VecDeque<Arc<TaskRow>>,
    executors: BTreeMap<(AgentId, ExecutorId), Arc<ExecutorRow>>,
    offers: BTreeMap<OfferId, Arc<OfferRow>>,
    operations: BTreeMap<OperationId, Arc<OperationRow>>,
    view: Option<Arc<FrameworkView>>,
}

impl Framework {
    fn new(row: Arc<FrameworkRow>) -> Self {
        Self {
            row,
            tasks: BTreeMap::new(),
            unreachable: VecDeque::new(),
            completed: VecDeque::new(),
            executors: BTreeMap::new(),
            offers: BTreeMap::new(),
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
            unreachable: self.unreachable.iter().cloned().collect(),
            completed: self.completed.iter().cloned().collect(),
            executors: self.executors.values().cloned().collect(),
            offers: self.offers.values().cloned().collect(),
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
                self.agents.clear();
                self.frameworks.clear();
                self.offers.clear();
                if !is_first {
                    tell(Event::Reset);
                }
            }
            Change::Framework(state) => self.framework(state, at, tell),
            Change::FrameworkGone(id) => self.framework_gone(&id, at, tell),
            Change::Agent(state) => self.agent(state, at, tell),
            Change::AgentGone(id) => {
                if let Some(row) = self.agents.remove(&id) {
                    self.totals.agents_removed += 1;
                    tell(Event::AgentRemoved(row));
                }
            }
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
            Change::Task { framework_id, agent_id, info, role, state } => {
                self.with(&framework_id, |framework| {
                    let id = info.id.clone();
                    framework.unreachable.retain(|lost| *lost.id() != id);
                    let framework_id = framework_id.clone();
                    let statuses = Vec::new();
                    let row = Arc::new(TaskRow {
                        framework_id,
                        agent_id,
                        info,
                        role,
                        since_wall: at,
                        heard_wall: at,
                        state,
                        statuses,
                    });
                    framework.tasks.insert(id, row.clone());
                    tell(Event::TaskAdded(row));
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
                let unreachable_max = self.memory.unreachable_tasks_max;
                let ended = self.with(&framework_id, |framework| framework.say(status, at, unreachable_max, tell));
                if let Some(state) = ended.flatten() {
                    self.totals.ended[state as usize] += 1;
                }
            }
            Change::TaskGone { framework_id, task_id } => {
                let completed_max = self.memory.completed_tasks_max;
                self.with(&framework_id, |framework| {
                    if let Some(row) = framework.tasks.remove(&task_id) {
                        push_bounded(&mut framework.completed, row, completed_max);
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
        }
    }

    /// Changes a framework that is known.
    fn with<R>(&mut self, id: &FrameworkId, change: impl FnOnce(&mut Framework) -> R) -> Option<R> {
        let framework = self.frameworks.get_mut(id)?;
        framework.view = None;
        Some(change(framework))
    }

    fn framework(&mut self, state: FrameworkState, at: WallTime, tell: &mut impl FnMut(Event)) {
        let Some(framework) = self.frameworks.get_mut(&state.id) else {
            let id = state.id.clone();
            let row = FrameworkRow { state, registered_wall: at, reregistered_wall: None, unregistered_wall: None };
            let row = Arc::new(row);
            self.frameworks.insert(id, Framework::new(row.clone()));
            self.totals.frameworks_added += 1;
            return tell(Event::FrameworkAdded(row));
        };
        if framework.row.state == state {
            return;
        }
        framework.view = None;
        let (before, now) = (framework.row.state.connection, state.connection);
        let row = Arc::make_mut(&mut framework.row);
        if before != now {
            match now {
                Connection::Connected => {
                    row.reregistered_wall = Some(at);
                    row.unregistered_wall = None;
                }
                Connection::Disconnected | Connection::Recovered => row.unregistered_wall = Some(at),
            }
        }
        row.state = state;
        tell(Event::FrameworkUpdated(framework.row.clone()));
    }

    fn framework_gone(&mut self, id: &FrameworkId, at: WallTime, tell: &mut impl FnMut(Event)) {
        let Some(mut framework) = self.frameworks.remove(id) else { return };
        self.offers.retain(|_, owner| owner != id);
        let row = Arc::make_mut(&mut framework.row);
        row.unregistered_wall = Some(at);
        if row.state.connection == Connection::Connected {
            row.state.connection = Connection::Disconnected;
        }
        let running = std::mem::take(&mut framework.tasks).into_values();
        for task in running.chain(std::mem::take(&mut framework.unreachable)) {
            push_bounded(&mut framework.completed, task, self.memory.completed_tasks_max);
        }
        // With a framework its tasks are as good as killed.
        for task in framework.completed.iter_mut().filter(|task| !task.state.is_terminal()) {
            Arc::make_mut(task).state = TaskState::Killed;
            self.totals.ended[TaskState::Killed as usize] += 1;
        }
        self.totals.frameworks_removed += 1;
        framework.executors.clear();
        framework.offers.clear();
        framework.operations.clear();
        framework.view = None;
        let view = framework.view();
        tell(Event::FrameworkRemoved(view.row.clone()));
        push_bounded(&mut self.completed, view, self.memory.completed_frameworks_max);
    }

    fn agent(&mut self, state: AgentState, at: WallTime, tell: &mut impl FnMut(Event)) {
        let draining = |state: &AgentState| matches!(state.duty, Duty::Draining(_) | Duty::Drained);
        let Some(row) = self.agents.get_mut(&state.id) else {
            let id = state.id.clone();
            let drain_started_wall = draining(&state).then_some(at);
            let row = AgentRow { state, registered_wall: at, reregistered_wall: None, drain_started_wall };
            let row = Arc::new(row);
            self.agents.insert(id, row.clone());
            self.totals.agents_added += 1;
            return tell(Event::AgentAdded(row));
        };
        if row.state == state {
            return;
        }
        let row = Arc::make_mut(row);
        if state.is_connected && !row.state.is_connected {
            row.reregistered_wall = Some(at);
            self.totals.agents_returned += 1;
        }
        if draining(&state) != draining(&row.state) {
            row.drain_started_wall = draining(&state).then_some(at);
        }
        row.state = state;
    }
}

impl Framework {
    /// The state of a task that ended with this.
    fn say(
        &mut self,
        status: Arc<TaskStatus>,
        at: WallTime,
        unreachable_max: usize,
        tell: &mut impl FnMut(Event),
    ) -> Option<TaskState> {
        if let Some(row) = self.tasks.get_mut(&status.task_id) {
            Arc::make_mut(row).say(status, at);
            tell(Event::TaskUpdated(row.clone()));
            return None;
        }
        // The last word on a task that was lost with its agent.
        let last = self.completed.iter().rev().take(LAST_WORDS_MAX).position(|row| *row.id() == status.task_id);
        let place = last.map(|place| self.completed.len() - 1 - place)?;
        if self.completed[place].state.is_terminal() {
            return None;
        }
        let row = Arc::make_mut(&mut self.completed[place]);
        row.state = status.state;
        row.say(status, at);
        let row = self.completed[place].clone();
        tell(Event::TaskUpdated(row.clone()));
        if row.state == TaskState::Unreachable {
            self.completed.remove(place);
            push_bounded(&mut self.unreachable, row.clone(), unreachable_max);
        }
        row.state.is_terminal().then_some(row.state)
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    queue.push_back(item);
    while queue.len() > max {
        queue.pop_front();
    }
}
