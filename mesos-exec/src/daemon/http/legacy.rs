//! The reads tools still poll on agents: `/state` and what is around it.
//!
//! Keys, types and shapes are those of Apache Mesos (`src/slave/http.cpp`), which predate its v1 API.

use std::sync::Arc;

use mesos_core::net::auth::Sight;
use mesos_core::net::http::axum::extract::State;
use mesos_core::net::http::{Caller, Refusal, Response, answer_json, done};
use mesos_core::resource::Value as Amount;
use mesos_core::wire::{json, v1};
use mesos_core::{AgentId, ContainerId, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, Limit, Resources};
use serde_json::{Map, Value, json};

use super::wire::Shown;
use super::{Context, Shared, VERSION};
use crate::agent::{ExecutorSnapshot, FrameworkSnapshot, PastExecutor, PastFramework, Snapshot, TaskSnapshot};

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

pub(super) async fn state(State(context): State<Shared>, caller: Caller) -> Result<Response, Refusal> {
    let sight = context.sight(caller);
    let snapshot = context.seen_by(&sight).await?;
    Ok(answer_json(context.state(&snapshot, &sight).to_string()))
}

impl Context {
    fn flag_map(&self) -> Map<String, Value> {
        self.flags.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
    }

    fn state(&self, snapshot: &Snapshot, sight: &Sight) -> Value {
        let frameworks = snapshot.frameworks.iter().filter(|framework| framework.info.is_some());
        let completed = snapshot.completed.iter().map(|(id, past)| self.completed(snapshot, id, past));
        let attributes: Map<String, Value> =
            snapshot.info.attributes.iter().map(|(name, value)| (name.to_owned(), attribute(value))).collect();
        let flags = if sight.sees_flags() { self.flag_map() } else { Map::new() };
        let mut state = json!({
            "id": snapshot.agent_id.as_ref().map_or("", AgentId::as_str),
            "pid": format!("slave(1)@{}", self.address),
            "hostname": *snapshot.info.hostname,
            "version": VERSION,
            "start_time": self.started,
            "flags": flags,
            "frameworks": frameworks.map(|framework| self.framework(snapshot, framework)).collect::<Vec<_>>(),
            "completed_frameworks": completed.collect::<Vec<_>>(),
        });
        if sight.sees_agents() {
            state["resources"] = resources(&snapshot.total);
            state["unreserved_resources"] = resources(&snapshot.total.unreserved());
            state["attributes"] = attributes.into();
        }
        state
    }

    /// A framework of which nothing is left here.
    fn completed(&self, snapshot: &Snapshot, id: &FrameworkId, past: &PastFramework) -> Value {
        let mut written = described(id, &past.info);
        written["executors"] = json!([]);
        written["completed_executors"] = self.ended(snapshot, id, past);
        written
    }

    /// Executors that have ended.
    fn ended(&self, snapshot: &Snapshot, id: &FrameworkId, past: &PastFramework) -> Value {
        let executor = |executor: &Arc<PastExecutor>| {
            let tasks = executor.tasks.iter().map(|task| self::task(&Shown::of_past(id, task)));
            json!({
                "id": executor.id.as_str(),
                "name": executor.info.as_ref().map_or("", |info| &*info.name),
                "source": executor.id.as_str(),
                "container": executor.container.as_ref().map_or("", |id| id.as_str()),
                "directory": self.directory(snapshot, id, &executor.id, executor.container.as_ref()),
                "role": executor.role.as_str(),
                "type": kind(executor.info.as_deref()),
                "resources": resources(&Resources::new()),
                "tasks": [],
                "queued_tasks": [],
                "completed_tasks": tasks.collect::<Vec<_>>(),
            })
        };
        past.executors.iter().map(executor).collect()
    }

    /// The sandbox of an executor's run.
    fn directory(
        &self,
        snapshot: &Snapshot,
        framework: &FrameworkId,
        executor: &ExecutorId,
        container: Option<&ContainerId>,
    ) -> String {
        match (&self.sandboxes, &snapshot.agent_id, container) {
            (Some(sandboxes), Some(agent), Some(container)) => {
                sandboxes.runs(agent, framework, executor).join(container.as_str()).display().to_string()
            }
            _ => String::new(),
        }
    }

    fn framework(&self, snapshot: &Snapshot, framework: &FrameworkSnapshot) -> Value {
        let Some(info) = &framework.info else { return Value::Null };
        let executors = framework.executors.iter().map(|executor| self.executor(snapshot, framework, executor));
        let past = snapshot.past.get(&framework.id);
        let mut written = described(&framework.id, info);
        written["executors"] = executors.collect();
        written["completed_executors"] =
            past.map_or_else(|| json!([]), |past| self.ended(snapshot, &framework.id, past));
        written
    }

    fn executor(&self, snapshot: &Snapshot, framework: &FrameworkSnapshot, executor: &ExecutorSnapshot) -> Value {
        let own = || framework.tasks.iter().filter(|task| task.info.executor_id() == executor.id);
        let list = |wanted: fn(&TaskSnapshot) -> bool| {
            let own = own().filter(|task| wanted(task));
            own.map(|task| self::task(&Shown::of(&framework.id, task))).collect::<Vec<_>>()
        };
        let forgotten = snapshot.past.get(&framework.id).and_then(|past| past.tasks.get(&executor.id));
        let forgotten = forgotten.into_iter().flatten().map(|task| self::task(&Shown::of_past(&framework.id, task)));
        let container = executor.process.as_ref().or_else(|| executor.containers.first());
        let mut used = executor.info.as_ref().map(|info| info.resources.clone()).unwrap_or_default();
        for task in own().filter(|task| !task.state.is_terminal()) {
            used += &task.info.resources;
        }
        let directory = self.directory(snapshot, &framework.id, &executor.id, container);
        json!({
            "id": executor.id.as_str(),
            "name": executor.info.as_ref().map_or("", |info| &*info.name),
            "source": executor.id.as_str(),
            "container": container.map_or("", |id| id.as_str()),
            "directory": directory,
            "role": executor.role.as_str(),
            "type": kind(executor.info.as_deref()),
            "resources": resources(&used),
            "tasks": list(|task| !task.is_queued && !task.state.is_terminal()),
            "queued_tasks": list(|task| task.is_queued),
            "completed_tasks": list(|task| task.state.is_terminal()).into_iter().chain(forgotten).collect::<Vec<_>>(),
        })
    }
}

fn kind(info: Option<&ExecutorInfo>) -> &'static str {
    match info {
        None => "",
        Some(info) if info.kind() == Some(ExecutorInfo::DEFAULT) => "DEFAULT",
        Some(_) => "CUSTOM",
    }
}

/// A framework without what is its.
fn described(id: &FrameworkId, info: &FrameworkInfo) -> Value {
    json!({
        "id": id.as_str(),
        "name": *info.name,
        "user": *info.user,
        "failover_timeout": info.failover_timeout.as_secs_f64(),
        "checkpoint": info.checkpoint,
        "roles": info.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
        "hostname": "",
    })
}

fn task(shown: &Shown<'_>) -> Value {
    let info = shown.info;
    let mut written = json!({
        "id": info.id.as_str(),
        "name": *info.name,
        "framework_id": shown.framework_id.as_str(),
        "executor_id": info.run.executor().map_or("", |executor| executor.id.as_str()),
        "slave_id": info.agent_id.as_str(),
        "state": format!("TASK_{}", shown.state),
        "role": shown.role.as_str(),
        "resources": resources(&info.resources),
        "statuses": shown.statuses().iter().map(status).collect::<Vec<_>>(),
        "labels": info.labels.iter().map(|(key, value)| json!({"key": **key, "value": **value})).collect::<Vec<_>>(),
    });
    if !info.limits.is_empty() {
        let one = |(name, limit): (&str, Limit)| match limit {
            Limit::Amount(most) => (name.to_owned(), most.to_f64().into()),
            Limit::Infinite => (name.to_owned(), "Infinity".into()),
        };
        written["limits"] = info.limits.iter().map(one).collect::<Map<_, _>>().into();
    }
    if let Some(discovery) = &info.discovery {
        written["discovery"] = json::value(&v1::DiscoveryInfo::from(&**discovery));
    }
    if let Some(check) = &info.health_check {
        written["health_check"] = json::value(&v1::HealthCheck::from(&**check));
    }
    written
}

fn status(status: &v1::TaskStatus) -> Value {
    let mut written = json!({"state": status.state().as_str_name()});
    if let Some(timestamp) = status.timestamp {
        written["timestamp"] = timestamp.into();
    }
    if status.reason.is_some() {
        written["reason"] = status.reason().as_str_name().into();
    }
    if let Some(labels) = &status.labels {
        written["labels"] = json::value(labels)["labels"].take();
    }
    if let Some(container) = &status.container_status {
        written["container_status"] = json::value(container);
    }
    if let Some(healthy) = status.healthy {
        written["healthy"] = healthy.into();
    }
    written
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
