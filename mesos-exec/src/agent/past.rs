//! What is over on an agent, for whoever looks back: executors that have ended, their tasks, frameworks of which nothing is
//! left. Bounded, and forgotten when the agent's process ends; only remembered where somebody asks for it.
//!
//! Bounds and meaning: Apache Mesos, `src/slave/constants.hpp` and `src/slave/slave.hpp` (`completedFrameworks`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mesos_core::{
    ContainerId, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, Role, TaskInfo, TaskState, TaskStatus,
};
use serde::{Deserialize, Serialize};

use super::book::{Hosted, Task};

/// How much of what is over is remembered. The defaults are those of Apache Mesos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PastOptions {
    /// Frameworks of which nothing is left.
    pub frameworks_max: usize,
    /// Ended executors of one framework.
    pub executors_per_framework_max: usize,
    /// Ended tasks of one executor.
    pub tasks_per_executor_max: usize,
}

impl Default for PastOptions {
    fn default() -> Self {
        Self { frameworks_max: 50, executors_per_framework_max: 150, tasks_per_executor_max: 200 }
    }
}

/// A task that has ended, and whose end is acknowledged.
#[derive(Debug, Clone)]
pub struct PastTask {
    /// Its description.
    pub info: Arc<TaskInfo>,
    /// The role its resources were allocated to.
    pub role: Role,
    /// How it ended.
    pub state: TaskState,
    /// What was said of it, oldest first.
    pub statuses: Vec<Arc<TaskStatus>>,
}

/// An executor that has ended.
#[derive(Debug, Clone)]
pub struct PastExecutor {
    /// Its id.
    pub id: ExecutorId,
    /// Its description; missing for one the agent made for a command.
    pub info: Option<Arc<ExecutorInfo>>,
    /// The role its resources were allocated to.
    pub role: Role,
    /// The container it ran in, or the first it made.
    pub container: Option<ContainerId>,
    /// Its ended tasks, the oldest first.
    pub tasks: VecDeque<PastTask>,
}

/// What is over of one framework.
#[derive(Debug, Clone)]
pub struct PastFramework {
    /// Its description.
    pub info: Arc<FrameworkInfo>,
    /// Executors that have ended, the oldest first.
    pub executors: VecDeque<Arc<PastExecutor>>,
    /// Ended tasks of executors that run.
    pub tasks: BTreeMap<ExecutorId, VecDeque<PastTask>>,
}

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Past {
    frameworks: BTreeMap<FrameworkId, PastFramework>,
    /// Those of which nothing is left, the oldest first.
    over: VecDeque<FrameworkId>,
}

impl Past {
    /// What is over, by framework.
    pub(super) const fn frameworks(&self) -> &BTreeMap<FrameworkId, PastFramework> {
        &self.frameworks
    }

    fn of(&mut self, id: &FrameworkId, info: &Arc<FrameworkInfo>) -> &mut PastFramework {
        let new = || PastFramework { info: info.clone(), executors: VecDeque::new(), tasks: BTreeMap::new() };
        let past = self.frameworks.entry(id.clone()).or_insert_with(new);
        past.info = info.clone();
        past
    }

    /// A task is forgotten.
    pub(super) fn note_task(
        &mut self,
        bounds: &PastOptions,
        id: &FrameworkId,
        info: &Arc<FrameworkInfo>,
        task: &Task,
        has_executor: bool,
    ) {
        let Some(body) = &task.body else { return };
        let (info_of_task, role) = (body.info.clone(), body.role.clone());
        let past = PastTask { info: info_of_task, role, state: task.stream.newest(), statuses: task.said.clone() };
        let executor_id = past.info.executor_id();
        let framework = self.of(id, info);
        let ended = framework.executors.iter_mut().rev().find(|executor| executor.id == executor_id);
        // An executor that runs may have had others of its name before it.
        let tasks = match ended {
            Some(ended) if !has_executor => &mut Arc::make_mut(ended).tasks,
            _ => framework.tasks.entry(executor_id).or_default(),
        };
        push(tasks, past, bounds.tasks_per_executor_max);
    }

    /// An executor is removed.
    pub(super) fn note_executor(
        &mut self,
        bounds: &PastOptions,
        id: &FrameworkId,
        info: &Arc<FrameworkInfo>,
        executor: (&ExecutorId, &Hosted),
    ) {
        let framework = self.of(id, info);
        let (id, hosted) = executor;
        let past = PastExecutor {
            id: id.clone(),
            info: hosted.info.clone(),
            role: hosted.role.clone(),
            container: hosted.run.clone(),
            tasks: framework.tasks.remove(id).unwrap_or_default(),
        };
        push(&mut framework.executors, Arc::new(past), bounds.executors_per_framework_max);
    }

    /// Nothing is left of a framework.
    pub(super) fn end_framework(&mut self, bounds: &PastOptions, id: &FrameworkId) {
        if !self.frameworks.contains_key(id) {
            return;
        }
        self.begin_framework(id);
        self.over.push_back(id.clone());
        while self.over.len() > bounds.frameworks_max {
            if let Some(oldest) = self.over.pop_front() {
                self.frameworks.remove(&oldest);
            }
        }
    }

    /// A framework runs something: it is not over, or not any more.
    pub(super) fn begin_framework(&mut self, id: &FrameworkId) {
        self.over.retain(|over| over != id);
    }
}

fn push<T>(list: &mut VecDeque<T>, item: T, max: usize) {
    list.push_back(item);
    while list.len() > max {
        list.pop_front();
    }
}
