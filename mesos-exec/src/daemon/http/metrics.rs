//! `/metrics/snapshot` of an agent, with the names of Mesos (`docs/monitoring.md`) as far as there are such, and `/metrics`
//! for Prometheus.

use mesos_core::net::http::axum::extract::State;
use mesos_core::net::http::{Refusal, Response, answer_json};
use mesos_core::net::metrics::{Metrics, real};
use mesos_core::{Resources, TaskState};

use super::{Context, Shared};

pub(super) async fn snapshot(State(context): State<Shared>) -> Result<Response, Refusal> {
    let all = collect(&context).await?.by_name();
    Ok(answer_json(serde_json::to_string(&all).expect("numbers by name are JSON")))
}

pub(super) async fn prometheus(State(context): State<Shared>) -> Result<Response, Refusal> {
    Ok(collect(&context).await?.exposed())
}

pub(super) async fn collect(context: &Context) -> Result<Metrics, Refusal> {
    let snapshot = context.snapshot().await?;
    let mut metrics = Metrics::default();
    metrics.add_system();
    metrics.add_requests(&context.requests);
    let mut set = |name: &str, value: f64| metrics.gauge(&format!("slave/{name}"), value);
    let count = |found: usize| real(found as u64);
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
    set("frameworks_active", count(snapshot.frameworks.len()));
    set("executors_running", count(executors().filter(|executor| executor.is_serving).count()));
    set("executors_terminating", count(executors().filter(|executor| !executor.is_serving).count()));
    for (name, state) in [
        ("tasks_staging", TaskState::Staging),
        ("tasks_starting", TaskState::Starting),
        ("tasks_running", TaskState::Running),
        ("tasks_killing", TaskState::Killing),
    ] {
        set(name, count(live().filter(|task| task.state == state).count()));
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
    Ok(metrics)
}
