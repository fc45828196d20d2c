//! The reads tools still poll on agents: `/state` and what is around it.
//!
//! Keys, types and shapes are those of Apache Mesos (`src/slave/http.cpp`), which predate its v1 API.

use mesos_core::net::http::axum::extract::State;
use mesos_core::net::http::{Refusal, Response, answer_json, done};
use mesos_core::resource::Value as Amount;
use mesos_core::{AgentId, Resources, TaskState};
use serde_json::{Map, Value, json};

use super::{Context, Shared, VERSION};
use crate::agent::{ExecutorSnapshot, FrameworkSnapshot, Snapshot, TaskSnapshot};

/// Nothing but the status.
pub(super) async fn health() -> Response {
    done()
}

pub(super) async fn root() -> Response {
    answer_json(json!({"name": "slave(1)", "version": VERSION}).to_string())
}

pub(super) async fn version() -> Response {
    answer_json(json!({"version": VERSION, "build_time": 0.0, "build_date": "", "build_user": ""}).to_string())
}

pub(super) async fn flags(State(context): State<Shared>) -> Response {
    answer_json(json!({"flags": context.flag_map()}).to_string())
}

pub(super) async fn state(State(context): State<Shared>) -> Result<Response, Refusal> {
    let snapshot = context.snapshot().await?;
    Ok(answer_json(context.state(&snapshot).to_string()))
}

impl Context {
    fn flag_map(&self) -> Map<String, Value> {
        self.flags.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
    }

    fn state(&self, snapshot: &Snapshot) -> Value {
        let frameworks = snapshot.frameworks.iter().filter(|framework| framework.info.is_some());
        let attributes: Map<String, Value> =
            snapshot.info.attributes.iter().map(|(name, value)| (name.to_owned(), attribute(value))).collect();
        json!({
            "id": snapshot.agent_id.as_ref().map_or("", AgentId::as_str),
            "pid": format!("slave(1)@{}", self.address),
            "hostname": *snapshot.info.hostname,
            "version": VERSION,
            "start_time": self.started,
            "resources": resources(&snapshot.total),
            "unreserved_resources": resources(&snapshot.total.unreserved()),
            "attributes": attributes,
            "flags": self.flag_map(),
            "frameworks": frameworks.map(|framework| self.framework(snapshot, framework)).collect::<Vec<_>>(),
            "completed_frameworks": [],
        })
    }

    fn framework(&self, snapshot: &Snapshot, framework: &FrameworkSnapshot) -> Value {
        let Some(info) = &framework.info else { return Value::Null };
        let executors = framework.executors.iter().map(|executor| self.executor(snapshot, framework, executor));
        json!({
            "id": framework.id.as_str(),
            "name": *info.name,
            "user": *info.user,
            "failover_timeout": info.failover_timeout.as_secs_f64(),
            "checkpoint": info.checkpoint,
            "roles": info.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
            "hostname": "",
            "executors": executors.collect::<Vec<_>>(),
            "completed_executors": [],
        })
    }

    fn executor(&self, snapshot: &Snapshot, framework: &FrameworkSnapshot, executor: &ExecutorSnapshot) -> Value {
        let own = || framework.tasks.iter().filter(|task| task.info.executor_id() == executor.id);
        let list = |wanted: fn(&TaskSnapshot) -> bool| {
            own().filter(|task| wanted(task)).map(|task| self::task(framework, task)).collect::<Vec<_>>()
        };
        let container = executor.process.as_ref().or_else(|| executor.containers.first());
        let mut used = executor.info.as_ref().map(|info| info.resources.clone()).unwrap_or_default();
        for task in own().filter(|task| !task.state.is_terminal()) {
            used += &task.info.resources;
        }
        let directory = match (&self.sandboxes, &snapshot.agent_id, container) {
            (Some(sandboxes), Some(agent), Some(container)) => {
                let runs = sandboxes.runs(agent, &framework.id, &executor.id);
                runs.join(container.as_str()).display().to_string()
            }
            _ => String::new(),
        };
        json!({
            "id": executor.id.as_str(),
            "name": executor.info.as_ref().map_or("", |info| &*info.name),
            "source": executor.id.as_str(),
            "container": container.map_or("", |id| id.as_str()),
            "directory": directory,
            "role": executor.role.as_str(),
            "type": match &executor.info {
                None => "",
                Some(info) if info.kind() == Some(mesos_core::ExecutorInfo::DEFAULT) => "DEFAULT",
                Some(_) => "CUSTOM",
            },
            "resources": resources(&used),
            "tasks": list(|task| !task.is_queued && !task.state.is_terminal()),
            "queued_tasks": list(|task| task.is_queued),
            "completed_tasks": list(|task| task.state.is_terminal()),
        })
    }
}

fn task(framework: &FrameworkSnapshot, task: &TaskSnapshot) -> Value {
    let state = format!("TASK_{}", task.state);
    let status = task.container_id.as_ref().map(|id| json!({"container_id": {"value": id.as_str()}}));
    let statuses = match (task.state, status) {
        (TaskState::Staging, _) => json!([]),
        (_, Some(container)) => json!([{"state": state, "container_status": container}]),
        (_, None) => json!([{"state": state}]),
    };
    json!({
        "id": task.info.id.as_str(),
        "name": *task.info.name,
        "framework_id": framework.id.as_str(),
        "executor_id": task.info.run.executor().map_or("", |executor| executor.id.as_str()),
        "slave_id": task.info.agent_id.as_str(),
        "state": state,
        "role": task.role.as_str(),
        "resources": resources(&task.info.resources),
        "statuses": statuses,
        "labels": task.info.labels.iter().map(|(key, value)| json!({"key": **key, "value": **value})).collect::<Vec<_>>(),
    })
}

fn attribute(value: &mesos_core::AttributeValue) -> Value {
    match value {
        mesos_core::AttributeValue::Scalar(scalar) => scalar.to_f64().into(),
        mesos_core::AttributeValue::Ranges(ranges) => ranges.to_string().into(),
        mesos_core::AttributeValue::Text(text) => (**text).into(),
    }
}

/// Amounts by name: the four common ones always, what else there is as it reads.
pub(super) fn resources(resources: &Resources) -> Value {
    let mut written = json!({
        "cpus": resources.cpus().to_f64(),
        "mem": resources.mem().to_f64(),
        "disk": resources.disk().to_f64(),
        "gpus": resources.gpus().to_f64(),
    });
    for entry in resources.iter() {
        let name = entry.name().as_str().to_owned();
        match entry.value() {
            Amount::Scalar(_) if written.get(&name).is_some() => {}
            Amount::Scalar(scalar) => written[name] = scalar.to_f64().into(),
            Amount::Ranges(ranges) => written[name] = ranges.to_string().into(),
            Amount::Set(set) => written[name] = set.to_string().into(),
        }
    }
    written
}
