//! Rows of the picture as messages of the API.

use mesos_core::wire::API_VERSION;
use mesos_core::wire::convert::{
    ReservationForm, agent_capabilities_to_wire, offer_to_wire, operation_to_wire, resources_to_wire,
};
use mesos_core::wire::v1;
use mesos_core::{Offer, Resources, TaskState};
use v1::master::response::{
    GetAgents, GetExecutors, GetFrameworks, GetOperations, GetState, GetTasks, get_agents, get_executors,
    get_frameworks,
};

use crate::daemon::view::{
    AgentRow, ExecutorRow, FrameworkRow, FrameworkView, OfferRow, OperationRow, Snapshot, TaskRow,
};
use crate::master::Connection;
use crate::registry::Duty;

const FORM: ReservationForm = ReservationForm::Stack;

pub(super) fn state(snapshot: &Snapshot) -> GetState {
    GetState {
        get_tasks: Some(tasks(snapshot)),
        get_executors: Some(executors(snapshot)),
        get_frameworks: Some(frameworks(snapshot)),
        get_agents: Some(agents(snapshot)),
    }
}

pub(super) fn tasks(snapshot: &Snapshot) -> GetTasks {
    let mut tasks = GetTasks::default();
    for framework in &snapshot.frameworks {
        tasks.tasks.extend(framework.tasks.iter().map(|row| task(row)));
        tasks.unreachable_tasks.extend(framework.unreachable.iter().map(|row| task(row)));
    }
    for framework in snapshot.frameworks.iter().chain(&snapshot.completed) {
        tasks.completed_tasks.extend(framework.completed.iter().map(|row| task(row)));
    }
    tasks
}

pub(super) fn operations(snapshot: &Snapshot) -> GetOperations {
    let rows = snapshot.frameworks.iter().flat_map(|framework| &framework.operations);
    let one = |row: &std::sync::Arc<OperationRow>| {
        operation_to_wire(&row.framework_id, Some(&row.agent_id), &row.operation, row.state)
    };
    GetOperations { operations: rows.map(one).collect() }
}

pub(super) fn task(row: &TaskRow) -> v1::Task {
    let info = v1::TaskInfo::from(&*row.info);
    let state = v1::TaskState::from(row.state).into();
    v1::Task {
        name: info.name,
        task_id: info.task_id,
        framework_id: (&row.framework_id).into(),
        executor_id: row.executor_id().map(Into::into),
        agent_id: (&row.agent_id).into(),
        state,
        resources: resources_to_wire(&row.info.resources, Some(&row.role), FORM),
        statuses: row.statuses.iter().map(|status| (&**status).into()).collect(),
        status_update_state: row.statuses.last().map(|status| v1::TaskState::from(status.state).into()),
        status_update_uuid: row.statuses.last().and_then(|status| status.uuid).map(Into::into),
        labels: info.labels,
        discovery: info.discovery,
        container: info.container,
        health_check: info.health_check,
        kill_policy: info.kill_policy,
        user: row.user().map(Into::into),
        limits: info.limits,
    }
}

/// What was said of a task last; a task nobody spoke of is as it was launched.
pub(super) fn last_status(row: &TaskRow) -> v1::TaskStatus {
    match row.statuses.last() {
        Some(status) => (&**status).into(),
        None => v1::TaskStatus {
            task_id: row.id().into(),
            state: v1::TaskState::from(TaskState::Staging).into(),
            agent_id: Some((&row.agent_id).into()),
            ..v1::TaskStatus::default()
        },
    }
}

pub(super) fn executors(snapshot: &Snapshot) -> GetExecutors {
    let executor = |row: &ExecutorRow| get_executors::Executor {
        executor_info: v1::ExecutorInfo {
            framework_id: Some((&row.framework_id).into()),
            resources: resources_to_wire(&row.info.resources, Some(&row.role), FORM),
            ..(&*row.info).into()
        },
        agent_id: (&row.agent_id).into(),
    };
    let rows = snapshot.frameworks.iter().flat_map(|framework| &framework.executors);
    GetExecutors { executors: rows.map(|row| executor(row)).collect(), orphan_executors: Vec::new() }
}

pub(super) fn frameworks(snapshot: &Snapshot) -> GetFrameworks {
    let view = |view: &FrameworkView| {
        let amounts = snapshot.usage().of_framework(&view.row.state.id);
        get_frameworks::Framework {
            offers: view.offers.iter().map(|row| offer(row, snapshot)).collect(),
            inverse_offers: view.inverse_offers.iter().map(|offer| (&**offer).into()).collect(),
            allocated_resources: plain(&amounts.used),
            offered_resources: plain(&amounts.offered),
            ..framework(&view.row)
        }
    };
    GetFrameworks {
        frameworks: snapshot.frameworks.iter().map(|framework| view(framework)).collect(),
        completed_frameworks: snapshot.completed.iter().map(|framework| view(framework)).collect(),
        recovered_frameworks: Vec::new(),
    }
}

fn plain(resources: &Resources) -> Vec<v1::Resource> {
    resources_to_wire(resources, None, FORM)
}

/// A framework without what is its.
pub(super) fn framework(row: &FrameworkRow) -> get_frameworks::Framework {
    let is_connected = row.state.connection == Connection::Connected;
    get_frameworks::Framework {
        framework_info: v1::FrameworkInfo { id: Some((&row.state.id).into()), ..(&*row.state.info).into() },
        active: is_connected,
        connected: is_connected,
        recovered: row.state.connection == Connection::Recovered,
        registered_time: Some(row.state.times.registered_wall.into()),
        reregistered_time: row.state.times.reregistered_wall.map(Into::into),
        unregistered_time: row.state.times.unregistered_wall.map(Into::into),
        offer_constraints: demands(row),
        ..get_frameworks::Framework::default()
    }
}

/// What a framework demands of agents, if it demands anything.
pub(in crate::daemon::http) fn demands(row: &FrameworkRow) -> Option<v1::scheduler::OfferConstraints> {
    let constraints = &*row.state.constraints;
    (!constraints.by_role.is_empty()).then(|| constraints.into())
}

fn offer(row: &OfferRow, snapshot: &Snapshot) -> v1::Offer {
    if let Some(agent) = snapshot.agent(&row.agent_id) {
        let OfferRow { id, framework_id, agent_id, role, resources } = row.clone();
        return offer_to_wire(&Offer::new(id, framework_id, agent_id, role, resources, agent.state.info.clone()), FORM);
    }
    v1::Offer {
        id: (&row.id).into(),
        framework_id: (&row.framework_id).into(),
        agent_id: (&row.agent_id).into(),
        resources: resources_to_wire(&row.resources, Some(&row.role), FORM),
        allocation_info: Some(v1::resource::AllocationInfo { role: Some(row.role.as_str().to_owned()) }),
        ..v1::Offer::default()
    }
}

pub(super) fn agents(snapshot: &Snapshot) -> GetAgents {
    let agents = snapshot.agents.iter().map(|row| {
        let amounts = snapshot.usage().of_agent(&row.state.id);
        get_agents::Agent {
            allocated_resources: plain(&amounts.used),
            offered_resources: plain(&amounts.offered),
            ..agent(row)
        }
    });
    let absent = snapshot.absent.iter().map(|(id, info)| v1::AgentInfo { id: Some(id.into()), ..(&**info).into() });
    GetAgents { agents: agents.collect(), recovered_agents: absent.collect() }
}

/// An agent without what is used of it.
pub(super) fn agent(row: &AgentRow) -> get_agents::Agent {
    let state = &row.state;
    let drain = |phase: v1::DrainState, drain: Option<crate::registry::Drain>| v1::DrainInfo {
        state: phase.into(),
        config: v1::DrainConfig {
            max_grace_period: drain.and_then(|drain| drain.max_grace).map(Into::into),
            mark_gone: drain.map(|drain| drain.mark_gone),
        },
    };
    get_agents::Agent {
        agent_info: v1::AgentInfo { id: Some((&state.id).into()), ..(&*state.info).into() },
        active: state.is_connected && !state.is_leaving,
        deactivated: Some(!state.duty.is_serving()),
        version: API_VERSION.to_owned(),
        pid: Some(pid(row)),
        registered_time: Some(row.state.times.registered_wall.into()),
        reregistered_time: row.state.times.reregistered_wall.map(Into::into),
        total_resources: plain(&state.total),
        capabilities: agent_capabilities_to_wire(&state.info),
        drain_info: match state.duty {
            Duty::Draining(how) => Some(drain(v1::DrainState::Draining, Some(how))),
            Duty::Drained => Some(drain(v1::DrainState::Drained, None)),
            Duty::Serving | Duty::Deactivated => None,
        },
        estimated_drain_start_time: row.state.times.drain_started_wall.map(Into::into),
        ..get_agents::Agent::default()
    }
}

/// How an agent is named among processes.
pub(in crate::daemon::http) fn pid(row: &AgentRow) -> String {
    row.state.info.pid()
}
