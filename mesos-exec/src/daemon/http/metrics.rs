//! `/metrics/snapshot` of an agent, with the names of Mesos (`docs/monitoring.md`) as far as there are such, and `/metrics`
//! for Prometheus.

use mesos_core::net::http::axum::extract::State;
use mesos_core::net::http::{Refusal, Response, answer_json};
use mesos_core::net::metrics::{Metrics, real};
use mesos_core::{Resources, TaskState};

use super::{Context, Shared};
use crate::agent::{Counters, ExecutorSnapshot, Snapshot, TaskSnapshot};

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
    metrics.gauge("slave/uptime_secs", context.began.elapsed().as_secs_f64());
    metrics.gauge("slave/registered", if snapshot.is_registered { 1.0 } else { 0.0 });
    present(&mut metrics, &snapshot);
    resources(&mut metrics, &snapshot);
    done(&mut metrics, &snapshot.counters);
    if let Some(sandboxes) = &context.sandboxes {
        let (removed, failed) = sandboxes.removals();
        metrics.gauge("gc/path_removals_pending", real(snapshot.retired as u64));
        metrics.counter("gc/path_removals_succeeded", removed);
        metrics.counter("gc/path_removals_failed", failed);
    }
    Ok(metrics)
}

fn tasks(snapshot: &Snapshot) -> impl Iterator<Item = &TaskSnapshot> {
    let tasks = snapshot.frameworks.iter().flat_map(|framework| &framework.tasks);
    tasks.filter(|task| !task.state.is_terminal())
}

fn executors(snapshot: &Snapshot) -> impl Iterator<Item = &ExecutorSnapshot> {
    snapshot.frameworks.iter().flat_map(|framework| &framework.executors)
}

/// What is here.
fn present(metrics: &mut Metrics, snapshot: &Snapshot) {
    let mut set = |name: &str, count: usize| metrics.gauge(&format!("slave/{name}"), real(count as u64));
    set("frameworks_active", snapshot.frameworks.len());
    let executors_that =
        |is_meant: fn(&ExecutorSnapshot) -> bool| executors(snapshot).filter(|own| is_meant(own)).count();
    set("executors_registering", executors_that(|own| own.is_registering));
    set("executors_running", executors_that(|own| own.is_serving && !own.is_registering));
    set("executors_terminating", executors_that(|own| !own.is_serving));
    for (name, state) in [
        ("tasks_staging", TaskState::Staging),
        ("tasks_starting", TaskState::Starting),
        ("tasks_running", TaskState::Running),
        ("tasks_killing", TaskState::Killing),
    ] {
        set(name, tasks(snapshot).filter(|task| task.state == state).count());
    }
}

fn resources(metrics: &mut Metrics, snapshot: &Snapshot) {
    let mut used = Resources::new();
    for task in tasks(snapshot) {
        used += &task.info.resources;
    }
    for info in executors(snapshot).filter_map(|executor| executor.info.as_ref()) {
        used += &info.resources;
    }
    let amounts = |resources: &Resources| {
        [resources.cpus(), resources.mem(), resources.disk(), resources.gpus()].map(|amount| amount.to_f64())
    };
    for (suffix, total, used) in [
        ("", snapshot.total.non_revocable(), used.non_revocable()),
        ("_revocable", snapshot.total.revocable(), used.revocable()),
    ] {
        for ((name, total), used) in ["cpus", "mem", "disk", "gpus"].iter().zip(amounts(&total)).zip(amounts(&used)) {
            metrics.gauge(&format!("slave/{name}{suffix}_total"), total);
            metrics.gauge(&format!("slave/{name}{suffix}_used"), used);
            metrics.gauge(&format!("slave/{name}{suffix}_percent"), if total > 0.0 { used / total } else { 0.0 });
        }
    }
}

/// States in which tasks end here.
const ENDED: [(TaskState, &str); 7] = [
    (TaskState::Finished, "finished"),
    (TaskState::Failed, "failed"),
    (TaskState::Killed, "killed"),
    (TaskState::Lost, "lost"),
    (TaskState::Error, "error"),
    (TaskState::Dropped, "dropped"),
    (TaskState::Gone, "gone"),
];

/// What cannot happen here, and tools ask for all the same: an agent that cannot read what an earlier run wrote down does not
/// run, and nobody preempts executors.
const NEVER: [&str; 2] = ["slave/recovery_errors", "slave/executors_preempted"];

/// What happened since its process began.
fn done(metrics: &mut Metrics, counters: &Counters) {
    for (state, name) in ENDED {
        metrics.counter(&format!("slave/tasks_{name}"), counters.ended[state as usize]);
    }
    for (name, count) in [
        ("slave/container_launch_errors", counters.launches_failed),
        ("slave/executors_terminated", counters.executors_terminated),
        ("slave/invalid_framework_messages", counters.messages_invalid),
        ("slave/invalid_status_updates", counters.updates_invalid),
        ("slave/valid_framework_messages", counters.messages),
        ("slave/valid_status_updates", counters.updates),
    ] {
        metrics.counter(name, count);
    }
    for name in NEVER {
        metrics.counter(name, 0);
    }
}
