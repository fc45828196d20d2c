//! An agent at one moment, as the messages of its operator API.

use mesos_core::wire::convert::{ReservationForm, operation_to_wire, resources_to_wire};
use mesos_core::wire::v1;
use mesos_core::{ExecutorInfo, Role, TaskState};
use v1::agent::response;

use crate::agent::{FrameworkSnapshot, OperationSnapshot, Snapshot, TaskSnapshot};

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
        completed_frameworks: Vec::new(),
    }
}

pub(super) fn executors(snapshot: &Snapshot) -> response::GetExecutors {
    let mut executors = Vec::new();
    for framework in &snapshot.frameworks {
        for executor in &framework.executors {
            let info = executor_info(framework, executor.info.as_deref(), executor.id.as_str(), &executor.role);
            executors.push(response::get_executors::Executor { executor_info: info });
        }
    }
    response::GetExecutors { executors, completed_executors: Vec::new() }
}

/// An executor's description; one the agent made for a command is described as Mesos describes its command executor.
pub(super) fn executor_info(
    framework: &FrameworkSnapshot,
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
    written.framework_id = Some((&framework.id).into());
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
            list.push(self::task(framework, task));
        }
    }
    all
}

fn task(framework: &FrameworkSnapshot, task: &TaskSnapshot) -> v1::Task {
    let info = v1::TaskInfo::from(&*task.info);
    let state = v1::TaskState::from(task.state).into();
    let status = v1::TaskStatus {
        task_id: info.task_id.clone(),
        state,
        agent_id: Some(info.agent_id.clone()),
        container_status: task.container_id.as_ref().map(|id| v1::ContainerStatus {
            container_id: Some(v1::ContainerId { value: id.as_str().to_owned(), parent: None }),
            ..Default::default()
        }),
        ..Default::default()
    };
    v1::Task {
        name: info.name,
        task_id: info.task_id,
        framework_id: (&framework.id).into(),
        executor_id: task.info.run.executor().map(|executor| (&executor.id).into()),
        agent_id: info.agent_id,
        state,
        resources: resources_to_wire(&task.info.resources, Some(&task.role), FORM),
        statuses: (task.state != TaskState::Staging).then_some(status).into_iter().collect(),
        labels: info.labels,
        kill_policy: info.kill_policy,
        user: info.command.and_then(|command| command.user),
        ..Default::default()
    }
}
