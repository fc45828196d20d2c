//! Everything an agent knows, at one moment, for whoever shows it: taken between two steps, written out elsewhere.
//!
//! Taking it copies names and counts references, so it costs the machine little; nobody pays for it who does not ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_core::{
    AgentId, AgentInfo, ContainerId, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, OperationState, Resources,
    Role, TaskInfo, TaskState, TaskStatus, TrackedOperation,
};

use super::book::{ExecutorPhase, Framework, Hosted};
use super::{Agent, Counters, PastFramework, Phase};

/// An agent at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its id, once a master has given it one.
    pub agent_id: Option<AgentId>,
    /// Its description.
    pub info: Arc<AgentInfo>,
    /// What it has, with what was reserved and made into volumes on it.
    pub total: Resources,
    /// Whether a master has registered it.
    pub is_registered: bool,
    /// Whether it has found out what runs on its machine.
    pub is_recovered: bool,
    /// The frameworks something of which is here.
    pub frameworks: Vec<FrameworkSnapshot>,
    /// The operations that have an id and nobody has acknowledged yet.
    pub operations: Vec<OperationSnapshot>,
    /// Containers that no executor has.
    pub standalone: Vec<ContainerId>,
    /// What is over of frameworks that have something here.
    pub past: BTreeMap<FrameworkId, PastFramework>,
    /// Frameworks of which nothing is left here.
    pub completed: BTreeMap<FrameworkId, PastFramework>,
    /// What it has done.
    pub counters: Counters,
    /// Sandboxes of what ended that are still there.
    pub retired: usize,
}

/// An operation with an id at one moment.
#[derive(Debug, Clone)]
pub struct OperationSnapshot {
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// The operation.
    pub operation: Arc<TrackedOperation>,
    /// How it stands.
    pub state: OperationState,
}

/// A framework on an agent at one moment.
#[derive(Debug, Clone)]
pub struct FrameworkSnapshot {
    /// Its id.
    pub id: FrameworkId,
    /// Its description; missing when a master only asked about a task of it.
    pub info: Option<Arc<FrameworkInfo>>,
    /// Its executors.
    pub executors: Vec<ExecutorSnapshot>,
    /// Its tasks.
    pub tasks: Vec<TaskSnapshot>,
}

/// An executor at one moment.
#[derive(Debug, Clone)]
pub struct ExecutorSnapshot {
    /// Its id.
    pub id: ExecutorId,
    /// Its description; missing for one the agent made for a command.
    pub info: Option<Arc<ExecutorInfo>>,
    /// The role its resources are allocated to.
    pub role: Role,
    /// Whether it takes tasks.
    pub is_serving: bool,
    /// Whether it is a process that has not registered yet.
    pub is_registering: bool,
    /// Its containers.
    pub containers: Vec<ContainerId>,
    /// The container it runs in itself, if it is a process of its own.
    pub process: Option<ContainerId>,
}

/// A task at one moment.
#[derive(Debug, Clone)]
pub struct TaskSnapshot {
    /// Its description.
    pub info: Arc<TaskInfo>,
    /// The role its resources are allocated to.
    pub role: Role,
    /// Its newest state.
    pub state: TaskState,
    /// Whether its executor does not have it yet.
    pub is_queued: bool,
    /// The container it runs in, if it runs.
    pub container_id: Option<ContainerId>,
    /// What was said of it, oldest first; empty where nobody asked for that to be kept, and of what was acknowledged before
    /// the agent's last restart.
    pub statuses: Vec<Arc<TaskStatus>>,
}

impl Agent {
    /// Everything it knows.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let all = self.past.frameworks().clone().into_iter();
        let (past, completed) = all.partition(|(id, _)| self.book.find_framework(id).is_some());
        Snapshot {
            agent_id: self.id.clone(),
            info: self.info.clone(),
            total: self.total.clone(),
            is_registered: self.link.is_registered(),
            is_recovered: !matches!(self.phase, Phase::Starting { .. } | Phase::Recovering(_)),
            frameworks: self
                .book
                .frameworks()
                .map(|(_, id, framework)| self.framework_snapshot(id, framework))
                .collect(),
            operations: self.operations.iter().map(operation_snapshot).collect(),
            standalone: self.standalone.ids().cloned().collect(),
            past,
            completed,
            counters: self.counters,
            retired: self.retired.len(),
        }
    }

    fn framework_snapshot(&self, id: &FrameworkId, framework: &Framework) -> FrameworkSnapshot {
        let executors = framework.executors.iter().map(|(_, id, hosted)| self.executor_snapshot(id, hosted));
        let tasks = framework.tasks.iter().filter_map(|(_, _, task)| {
            let body = task.body.as_ref()?;
            let executor = body.executor.filter(|_| task.is_live());
            Some(TaskSnapshot {
                info: body.info.clone(),
                role: body.role.clone(),
                state: task.stream.newest(),
                is_queued: task.is_queued(),
                container_id: executor.and_then(|executor| self.container_of(executor, &body.info.id)),
                statuses: task.said.clone(),
            })
        });
        FrameworkSnapshot {
            id: id.clone(),
            info: framework.info.clone(),
            executors: executors.collect(),
            tasks: tasks.collect(),
        }
    }

    fn executor_snapshot(&self, id: &ExecutorId, hosted: &Hosted) -> ExecutorSnapshot {
        ExecutorSnapshot {
            id: id.clone(),
            info: hosted.info.clone(),
            role: hosted.role.clone(),
            is_serving: hosted.phase == ExecutorPhase::Serving,
            is_registering: hosted.phase == ExecutorPhase::Serving && hosted.is_awaited(),
            containers: hosted.containers.values().map(|at| self.book.container_id(*at).clone()).collect(),
            process: hosted.remote().and_then(|remote| remote.process.clone()),
        }
    }
}

fn operation_snapshot(
    (framework_id, operation, is_durable): (&FrameworkId, &Arc<TrackedOperation>, bool),
) -> OperationSnapshot {
    let state = if is_durable { OperationState::Finished } else { OperationState::Pending };
    OperationSnapshot { framework_id: framework_id.clone(), operation: operation.clone(), state }
}
