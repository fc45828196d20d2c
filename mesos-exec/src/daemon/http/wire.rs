//! An agent at one moment, as the messages of its operator API.

use std::sync::Arc;

use mesos_core::wire::convert::{ReservationForm, operation_to_wire, resources_to_wire};
use mesos_core::wire::v1;
use mesos_core::{ContainerId, ExecutorInfo, FrameworkId, Role, TaskInfo, TaskState, TaskStatus};
use v1::agent::response;

use crate::agent::{FrameworkSnapshot, OperationSnapshot, PastFramework, PastTask, Snapshot, TaskSnapshot};

const FORM: ReservationForm = ReservationForm::Stack;

pub(super) fn state(snapshot: &Snapshot) -> response::GetState {
    response::GetState {
        get_tasks: Some(tasks(snapshot)),
        get_executors: Some(executors(snapshot)),
        get_frameworks: Some(frameworks(snapshot)),
    }
}

pub(super) fn agent(snapshot: &Snapshot) -> v1::AgentInfo {
    let mut info = v1::AgentInfo::from(&*snapshot.info);
    info.id = snapshot.agent_id.as_ref().map(Into::into);
    info.resources = resources_to_wire(&snapshot.total, None, FORM);
    info
}

pub(super) fn frameworks(snapshot: &Snapshot) -> response::GetFrameworks {
    let one = |framework: &FrameworkSnapshot| {
        let mut info = v1::FrameworkInfo::from(&**framework.info.as_ref()?);
        info.id = Some((&framework.id).into());
        Some(response::get_frameworks::Framework { framework_info: info })
    };
    response::GetFrameworks {
        frameworks: snapshot.frameworks.iter().filter_map(one).collect(),
        completed_frameworks: snapshot.completed.iter().map(|(id, past)| completed(id, past)).collect(),
    }
}

fn completed(id: &FrameworkId, past: &PastFramework) -> response::get_frameworks::Framework {
    let framework_info = v1::FrameworkInfo { id: Some(id.into()), ..v1::FrameworkInfo::from(&*past.info) };
    response::get_frameworks::Framework { framework_info }
}

/// What is over of all frameworks.
fn past(snapshot: &Snapshot) -> impl Iterator<Item = (&FrameworkId, &PastFramework)> {
    snapshot.past.iter().chain(&snapshot.completed)
}

pub(super) fn executors(snapshot: &Snapshot) -> response::GetExecutors {
    let mut executors = Vec::new();
    for framework in &snapshot.frameworks {
        for executor in &framework.executors {
            let info = executor_info(&framework.id, executor.info.as_deref(), executor.id.as_str(), &executor.role);
            executors.push(response::get_executors::Executor { executor_info: info });
        }
    }
    let completed_executors = past(snapshot).flat_map(|(framework_id, past)| {
        past.executors.iter().map(move |executor| response::get_executors::Executor {
            executor_info: executor_info(framework_id, executor.info.as_deref(), executor.id.as_str(), &executor.role),
        })
    });
    let completed_executors = completed_executors.collect();
    response::GetExecutors { executors, completed_executors }
}

/// An executor's description; one the agent made for a command is described as Mesos describes its command executor.
pub(super) fn executor_info(
    framework_id: &FrameworkId,
    info: Option<&ExecutorInfo>,
    id: &str,
    role: &Role,
) -> v1::ExecutorInfo {
    let mut written = match info {
        Some(info) => {
            let mut written = v1::ExecutorInfo::from(info);
            written.resources = resources_to_wire(&info.resources, Some(role), FORM);
            written
        }
        None => v1::ExecutorInfo {
            executor_id: v1::ExecutorId { value: id.to_owned() },
            name: Some(format!("Command Executor (Task: {id})")),
            source: Some(id.to_owned()),
            ..Default::default()
        },
    };
    written.framework_id = Some(framework_id.into());
    written
}

pub(super) fn operations(snapshot: &Snapshot) -> response::GetOperations {
    let agent_id = snapshot.agent_id.as_ref();
    let one = |row: &OperationSnapshot| operation_to_wire(&row.framework_id, agent_id, &row.operation, row.state);
    response::GetOperations { operations: snapshot.operations.iter().map(one).collect() }
}

pub(super) fn tasks(snapshot: &Snapshot) -> response::GetTasks {
    let mut all = response::GetTasks::default();
    for framework in &snapshot.frameworks {
        for task in &framework.tasks {
            let list = match task.state {
                _ if task.is_queued => &mut all.queued_tasks,
                state if state.is_terminal() => &mut all.terminated_tasks,
                _ => &mut all.launched_tasks,
            };
            list.push(self::task(&Shown::of(&framework.id, task)));
        }
    }
    for (framework_id, past) in past(snapshot) {
        let of_executors = past.executors.iter().flat_map(|executor| &executor.tasks);
        let ended = of_executors.chain(past.tasks.values().flatten());
        all.terminated_tasks.extend(ended.map(|task| self::task(&Shown::of_past(framework_id, task))));
    }
    all
}

/// A task, with what was said of it.
pub(super) struct Shown<'a> {
    pub(super) framework_id: &'a FrameworkId,
    pub(super) info: &'a TaskInfo,
    pub(super) role: &'a Role,
    pub(super) state: TaskState,
    container: Option<&'a ContainerId>,
    statuses: &'a [Arc<TaskStatus>],
}

impl<'a> Shown<'a> {
    pub(super) fn of(framework_id: &'a FrameworkId, task: &'a TaskSnapshot) -> Self {
        let TaskSnapshot { info, role, state, container_id, statuses, .. } = task;
        Self { framework_id, info, role, state: *state, container: container_id.as_ref(), statuses }
    }

    pub(super) fn of_past(framework_id: &'a FrameworkId, task: &'a PastTask) -> Self {
        let PastTask { info, role, state, statuses } = task;
        Self { framework_id, info, role, state: *state, container: None, statuses }
    }

    /// What was said of it. Of one that was taken back after a restart it may be that its state alone is known.
    pub(super) fn statuses(&self) -> Vec<v1::TaskStatus> {
        if !self.statuses.is_empty() || self.state == TaskState::Staging {
            return self.statuses.iter().map(|status| (&**status).into()).collect();
        }
        let container_status = self.container.map(|id| v1::ContainerStatus {
            container_id: Some(v1::ContainerId { value: id.as_str().to_owned(), parent: None }),
            ..Default::default()
        });
        vec![v1::TaskStatus {
            task_id: (&self.info.id).into(),
            state: v1::TaskState::from(self.state).into(),
            agent_id: Some((&self.info.agent_id).into()),
            container_status,
            ..Default::default()
        }]
    }
}

fn task(shown: &Shown<'_>) -> v1::Task {
    let info = v1::TaskInfo::from(shown.info);
    let (statuses, last) = (shown.statuses(), shown.statuses.last());
    v1::Task {
        name: info.name,
        task_id: info.task_id,
        framework_id: shown.framework_id.into(),
        executor_id: shown.info.run.executor().map(|executor| (&executor.id).into()),
        agent_id: info.agent_id,
        state: v1::TaskState::from(shown.state).into(),
        resources: resources_to_wire(&shown.info.resources, Some(shown.role), FORM),
        statuses,
        status_update_state: last.map(|status| v1::TaskState::from(status.state).into()),
        status_update_uuid: last.and_then(|status| status.uuid).map(Into::into),
        labels: info.labels,
        discovery: info.discovery,
        container: info.container,
        health_check: info.health_check,
        kill_policy: info.kill_policy,
        user: info.command.and_then(|command| command.user),
        limits: info.limits,
    }
}
