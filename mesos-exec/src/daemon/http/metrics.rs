//! `/metrics/snapshot` of an agent: numbers by the names Mesos gave them (`docs/monitoring.md`), as far as there are such.

use std::collections::BTreeMap;

use mesos_core::net::http::axum::extract::State;
use mesos_core::net::http::{Refusal, Response, answer_json};
use mesos_core::{Resources, TaskState};

use super::{Context, Shared};

#[allow(clippy::cast_precision_loss, reason = "metrics are doubles")]
const fn real(count: usize) -> f64 {
    count as f64
}

pub(super) async fn snapshot(State(context): State<Shared>) -> Result<Response, Refusal> {
    let all = collect(&context).await?;
    Ok(answer_json(serde_json::to_string(&all).expect("numbers by name are JSON")))
}

pub(super) async fn collect(context: &Context) -> Result<BTreeMap<String, f64>, Refusal> {
    let snapshot = context.snapshot().await?;
    let mut all = BTreeMap::new();
    let mut set = |name: &str, value: f64| _ = all.insert(format!("slave/{name}"), value);
    let tasks = || snapshot.frameworks.iter().flat_map(|framework| &framework.tasks);
    let executors = || snapshot.frameworks.iter().flat_map(|framework| &framework.executors);
    let live = || tasks().filter(|task| !task.state.is_terminal());
    let mut used = Resources::new();
    for task in live() {
        used += &task.info.resources;
    }
    for info in executors().filter_map(|executor| executor.info.as_ref()) {
        used += &info.resources;
    }
    set("uptime_secs", context.began.elapsed().as_secs_f64());
    set("registered", if snapshot.is_registered { 1.0 } else { 0.0 });
    set("frameworks_active", real(snapshot.frameworks.len()));
    set("executors_running", real(executors().filter(|executor| executor.is_serving).count()));
    set("executors_terminating", real(executors().filter(|executor| !executor.is_serving).count()));
    for (name, state) in [
        ("tasks_staging", TaskState::Staging),
        ("tasks_starting", TaskState::Starting),
        ("tasks_running", TaskState::Running),
        ("tasks_killing", TaskState::Killing),
    ] {
        set(name, real(live().filter(|task| task.state == state).count()));
    }
    let amounts = |resources: &Resources| {
        [resources.cpus(), resources.mem(), resources.disk(), resources.gpus()].map(|amount| amount.to_f64())
    };
    let names = ["cpus", "mem", "disk", "gpus"];
    for ((name, total), used) in names.iter().zip(amounts(&snapshot.total)).zip(amounts(&used)) {
        set(&format!("{name}_total"), total);
        set(&format!("{name}_used"), used);
        set(&format!("{name}_percent"), if total > 0.0 { used / total } else { 0.0 });
    }
    Ok(all)
}
