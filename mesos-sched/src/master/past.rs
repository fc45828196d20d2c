//! Since when things are, and what became of those that are over.
//!
//! Nothing is decided by it: it is kept for views, within bounds, as Apache Mesos keeps it (`src/master/framework.cpp`,
//! `completedTasks`). It is here and not with whoever shows it so that whoever asks for the first time, or again after a while,
//! is told what happened before, although [nothing is published](super::publish) while nobody asks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mesos_core::{
    AgentId, ExecutorId, FrameworkId, Reason, Role, Source, TaskId, TaskInfo, TaskState, TaskStatus, WallTime,
};
use serde::{Deserialize, Serialize};

use super::ending::Endings;
use super::publish::FrameworkState;

/// Statuses of one task that are kept; the oldest are let go. Tasks have few: one per state.
const STATUSES_MAX: usize = 16;
/// Ended tasks that are looked through for one that something more is said of: what a master says of a task it forgets
/// comes right after.
const LAST_WORDS_MAX: usize = 16;

/// How much of what is over is remembered. The defaults are those of Mesos (`docs/configuration/master.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Removed frameworks.
    pub completed_frameworks_max: usize,
    /// Ended tasks of one framework.
    pub completed_tasks_max: usize,
    /// Unreachable tasks of one framework.
    pub unreachable_tasks_max: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { completed_frameworks_max: 50, completed_tasks_max: 1_000, unreachable_tasks_max: 1_000 }
    }
}

/// What happened since the master leads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Tasks that have ended, by the number of their last state.
    pub ended: [u64; 14],
    /// Agents that came.
    pub agents_added: u64,
    /// Agents that came back.
    pub agents_returned: u64,
    /// Agents that left.
    pub agents_removed: u64,
    /// Frameworks that came.
    pub frameworks_added: u64,
    /// Frameworks that were removed.
    pub frameworks_removed: u64,
}

/// Since when a framework is what it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FrameworkTimes {
    /// Since when it is known.
    pub registered_wall: WallTime,
    /// When it last came back.
    pub reregistered_wall: Option<WallTime>,
    /// When it was removed or lost its connection.
    pub unregistered_wall: Option<WallTime>,
}

impl FrameworkTimes {
    pub(super) const fn come_back(&mut self, at: WallTime) {
        self.reregistered_wall = Some(at);
        self.unregistered_wall = None;
    }
}

/// Since when an agent is what it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AgentTimes {
    /// Since when it is known.
    pub registered_wall: WallTime,
    /// When it last came back.
    pub reregistered_wall: Option<WallTime>,
    /// How often it came back.
    pub returns: u64,
    /// Since when it drains.
    pub drain_started_wall: Option<WallTime>,
}

impl AgentTimes {
    pub(super) const fn come_back(&mut self, at: WallTime) {
        self.reregistered_wall = Some(at);
        self.returns += 1;
    }

    pub(super) fn drain(&mut self, is_draining: bool, at: WallTime) {
        self.drain_started_wall = is_draining.then(|| self.drain_started_wall.unwrap_or(at));
    }
}

/// What is kept of a task beside what the books need.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TaskPast {
    since_wall: WallTime,
    heard_wall: WallTime,
    statuses: Vec<Arc<TaskStatus>>,
    /// Whether its end is counted by its reason.
    is_end_counted: bool,
}

impl TaskPast {
    pub(super) const fn since(at: WallTime) -> Self {
        Self { since_wall: at, heard_wall: at, statuses: Vec::new(), is_end_counted: false }
    }

    pub(super) fn say(&mut self, status: Arc<TaskStatus>, at: WallTime) {
        self.heard_wall = at;
        keep(&mut self.statuses, status);
    }

    /// It has ended; whether that is news.
    pub(super) const fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.is_end_counted, true)
    }
}

fn keep(statuses: &mut Vec<Arc<TaskStatus>>, status: Arc<TaskStatus>) {
    if statuses.last().is_some_and(|last| last.state == status.state) {
        statuses.pop();
    }
    if statuses.len() >= STATUSES_MAX {
        statuses.remove(0);
    }
    statuses.push(status);
}

/// A task, as far as views show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskRow {
    /// Whose.
    pub framework_id: FrameworkId,
    /// On which agent.
    pub agent_id: AgentId,
    /// Its description.
    pub info: Arc<TaskInfo>,
    /// Under which role.
    pub role: Role,
    /// Since when it is in the books.
    pub since_wall: WallTime,
    /// When the master last heard of it.
    pub heard_wall: WallTime,
    /// Its state.
    pub state: TaskState,
    /// What was said of it, the last of each state, oldest first.
    pub statuses: Vec<Arc<TaskStatus>>,
}

impl TaskRow {
    /// The executor it names; none for a command, which gets one of its own.
    #[must_use]
    pub fn executor_id(&self) -> Option<&ExecutorId> {
        self.info.run.executor().map(|executor| &executor.id)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        &self.info.id
    }

    /// The user its command names, or else that of its executor.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        let executor = self.info.run.executor().and_then(|executor| executor.command());
        [self.info.run.command(), executor].into_iter().flatten().find_map(|command| command.user.as_deref())
    }

    /// Takes note of what is said of it; its state is not changed.
    pub(crate) fn say(&mut self, status: Arc<TaskStatus>, at: WallTime) {
        self.heard_wall = at;
        keep(&mut self.statuses, status);
    }

    pub(super) fn with_past(self, past: Option<&TaskPast>) -> Self {
        let Some(TaskPast { since_wall, heard_wall, statuses, .. }) = past else { return self };
        Self { since_wall: *since_wall, heard_wall: *heard_wall, statuses: statuses.clone(), ..self }
    }
}

/// The tasks of a framework that are over, or lost with their agents.
#[derive(Debug, Clone, Default)]
pub(crate) struct Over {
    /// Oldest first.
    completed: VecDeque<Arc<TaskRow>>,
    lost: BTreeMap<TaskId, u64>,
    /// By when they were lost.
    unreachable: BTreeMap<u64, Arc<TaskRow>>,
    numbered: u64,
}

impl Over {
    /// As it was handed over.
    #[cfg(feature = "daemon")]
    pub(crate) fn of(completed: Vec<Arc<TaskRow>>, unreachable: Vec<Arc<TaskRow>>) -> Self {
        let mut over = Self { completed: completed.into(), ..Self::default() };
        for row in unreachable {
            over.lose(row, usize::MAX);
        }
        over
    }

    pub(crate) fn completed(&self) -> Vec<Arc<TaskRow>> {
        self.completed.iter().cloned().collect()
    }

    pub(crate) fn unreachable(&self) -> Vec<Arc<TaskRow>> {
        self.unreachable.values().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.completed.len() + self.unreachable.len()
    }

    /// A task is not in the books any more.
    pub(crate) fn end(&mut self, row: Arc<TaskRow>, memory: &Memory) {
        push_bounded(&mut self.completed, row, memory.completed_tasks_max);
    }

    /// A task of this id is in the books (again).
    pub(crate) fn begin(&mut self, id: &TaskId) {
        if let Some(place) = self.lost.remove(id) {
            self.unreachable.remove(&place);
        }
    }

    fn lose(&mut self, row: Arc<TaskRow>, max: usize) {
        self.begin(row.id());
        self.lost.insert(row.id().clone(), self.numbered);
        self.unreachable.insert(self.numbered, row);
        self.numbered += 1;
        while self.unreachable.len() > max {
            if let Some((_, oldest)) = self.unreachable.pop_first() {
                self.lost.remove(oldest.id());
            }
        }
    }

    /// The last word on a task that is not in the books: the row as it is with that.
    pub(crate) fn say(&mut self, status: &Arc<TaskStatus>, at: WallTime, memory: &Memory) -> Option<Arc<TaskRow>> {
        let last = self.completed.iter().rev().take(LAST_WORDS_MAX).position(|row| *row.id() == status.task_id)?;
        let place = self.completed.len() - 1 - last;
        if self.completed[place].state.is_terminal() {
            return None;
        }
        let row = Arc::make_mut(&mut self.completed[place]);
        row.state = status.state;
        row.say(status.clone(), at);
        let row = self.completed[place].clone();
        if row.state == TaskState::Unreachable {
            self.completed.remove(place);
            self.lose(row.clone(), memory.unreachable_tasks_max);
        }
        Some(row)
    }

    /// With a framework its tasks are as good as killed; how many that makes.
    pub(crate) fn close(&mut self, memory: &Memory) -> u64 {
        self.lost.clear();
        for task in std::mem::take(&mut self.unreachable).into_values() {
            push_bounded(&mut self.completed, task, memory.completed_tasks_max);
        }
        let mut killed = 0;
        for task in self.completed.iter_mut().filter(|task| !task.state.is_terminal()) {
            Arc::make_mut(task).state = TaskState::Killed;
            killed += 1;
        }
        killed
    }
}

/// A framework that was removed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RemovedFramework {
    /// As it was.
    pub state: FrameworkState,
    /// Its tasks, oldest first.
    pub completed: Vec<Arc<TaskRow>>,
}

/// What a master remembers.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) memory: Memory,
    pub(super) totals: Totals,
    pub(super) endings: Endings,
    /// Oldest first.
    pub(super) removed: VecDeque<Arc<RemovedFramework>>,
}

impl Past {
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, totals: Totals::default(), endings: Endings::default(), removed: VecDeque::new() }
    }

    pub(super) fn remember(&mut self, state: FrameworkState, mut over: Over) {
        self.totals.frameworks_removed += 1;
        let killed = over.close(&self.memory);
        self.totals.ended[TaskState::Killed as usize] += killed;
        self.endings.count_many(TaskState::Killed, Source::Master, Reason::FrameworkRemoved, killed);
        let removed = RemovedFramework { state, completed: over.completed.into() };
        push_bounded(&mut self.removed, Arc::new(removed), self.memory.completed_frameworks_max);
    }
}

/// Adds to a list of a fixed length; the oldest is let go.
pub(crate) fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    queue.push_back(item);
    while queue.len() > max {
        queue.pop_front();
    }
}
