//! What containers use, as operators ask for it.

use std::time::{SystemTime, UNIX_EPOCH};

use mesos_core::container::Usage;
use mesos_core::net::http::axum::extract::State;
use mesos_core::net::http::{Caller, Refusal, Response, answer_json};
use mesos_core::wire::{json, v1};
use mesos_core::{ContainerId, ContainerLimits, Limit, Resources, Scalar};
use serde_json::{Value, json};
use v1::agent::response::get_containers::Container;

use super::{Context, Shared};
use crate::agent::{ExecutorSnapshot, FrameworkSnapshot, Snapshot};

const BYTES_PER_MIB: f64 = 1_048_576.0;

/// The containers that run and what they use. Those that lie beside others, and those that no executor has, are left out
/// unless they are asked for.
pub(super) async fn containers(
    context: &Context,
    snapshot: &Snapshot,
    shows_nested: bool,
    shows_standalone: bool,
) -> Vec<Container> {
    let mut all = Vec::new();
    for framework in &snapshot.frameworks {
        for executor in &framework.executors {
            let own = executor.containers.iter().filter(|id| shows_nested || !is_nested(&executor.containers, id));
            for id in own {
                all.push(container(context, framework, executor, id).await);
            }
        }
    }
    let alone = snapshot.standalone.iter().filter(|_| shows_standalone);
    for id in alone.filter(|id| shows_nested || !is_nested(&snapshot.standalone, id)) {
        let usage = context.containerizer.usage(id).await;
        all.push(Container {
            container_id: v1::ContainerId { value: id.as_str().to_owned(), parent: None },
            resource_statistics: usage
                .ok()
                .map(|usage| statistics(usage, &Resources::new(), ContainerLimits::default())),
            ..Container::default()
        });
    }
    all
}

/// A container beside another is named after it.
fn is_nested(containers: &[ContainerId], id: &ContainerId) -> bool {
    let lies_beside = |other: &ContainerId| {
        other != id && id.as_str().strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.'))
    };
    containers.iter().any(lies_beside)
}

async fn container(
    context: &Context,
    framework: &FrameworkSnapshot,
    executor: &ExecutorSnapshot,
    id: &ContainerId,
) -> Container {
    let usage = context.containerizer.usage(id).await;
    let (given, limits) = given(framework, executor, id);
    Container {
        framework_id: Some((&framework.id).into()),
        executor_id: Some((&executor.id).into()),
        executor_name: executor.info.as_ref().map(|info| (*info.name).to_owned()),
        container_id: v1::ContainerId { value: id.as_str().to_owned(), parent: None },
        container_status: None,
        // One that ended in the meantime uses nothing.
        resource_statistics: usage.ok().map(|usage| statistics(usage, &given, limits)),
    }
}

/// What a container was given, and may use beyond that.
fn given(framework: &FrameworkSnapshot, executor: &ExecutorSnapshot, id: &ContainerId) -> (Resources, ContainerLimits) {
    if executor.process.as_ref() == Some(id) {
        let resources = executor.info.as_ref().map(|info| info.resources.clone());
        return (resources.unwrap_or_default(), ContainerLimits::default());
    }
    let task = framework.tasks.iter().find(|task| task.container_id.as_ref() == Some(id));
    task.map(|task| (task.info.resources.clone(), task.info.limits)).unwrap_or_default()
}

/// The most a container may use: as much as it was given unless something else is said; nothing where there is no end.
fn most(given: Scalar, limit: Option<Limit>) -> Option<f64> {
    match limit {
        None => Some(given.to_f64()),
        Some(Limit::Amount(most)) => Some(most.to_f64()),
        Some(Limit::Infinite) => None,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an amount of memory in whole bytes")]
fn bytes_of(mib: f64) -> u64 {
    (mib * BYTES_PER_MIB) as u64
}

/// Where more is allowed than given, the soft limits are what was given, as in Mesos.
#[allow(clippy::cast_precision_loss, reason = "statistics are doubles")]
fn statistics(usage: Usage, given: &Resources, limits: ContainerLimits) -> v1::ResourceStatistics {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    v1::ResourceStatistics {
        timestamp: now.as_secs_f64(),
        processes: Some(usage.processes),
        // The containerizer does not tell the two apart.
        cpus_user_time_secs: Some(usage.cpu_nanos as f64 / 1e9),
        cpus_system_time_secs: Some(0.0),
        cpus_limit: most(given.cpus(), limits.cpus),
        cpus_soft_limit: limits.cpus.map(|_| given.cpus().to_f64()),
        mem_rss_bytes: Some(usage.memory_bytes),
        mem_total_bytes: Some(usage.memory_bytes),
        mem_limit_bytes: most(given.mem(), limits.mem).map(bytes_of),
        mem_soft_limit_bytes: limits.mem.map(|_| bytes_of(given.mem().to_f64())),
        ..Default::default()
    }
}

/// `/containers`: with the ids of containers.
pub(super) async fn all(State(context): State<Shared>, caller: Caller) -> Result<Response, Refusal> {
    list(&context, caller, true).await
}

/// `/monitor/statistics`: without.
pub(super) async fn monitor(State(context): State<Shared>, caller: Caller) -> Result<Response, Refusal> {
    list(&context, caller, false).await
}

async fn list(context: &Context, caller: Caller, is_named: bool) -> Result<Response, Refusal> {
    let seen = context.seen_by(&context.sight(caller)).await?;
    let containers = containers(context, &seen, false, false).await;
    let list: Vec<Value> = containers.iter().map(|container| legacy(container, is_named)).collect();
    Ok(answer_json(Value::from(list).to_string()))
}

fn legacy(container: &Container, is_named: bool) -> Value {
    let id = |id: Option<&String>| id.cloned().unwrap_or_default();
    let executor = id(container.executor_id.as_ref().map(|id| &id.value));
    let statistics = container.resource_statistics.as_ref().map(json::write);
    let statistics = statistics.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_else(|| json!({}));
    let mut written = json!({
        "framework_id": id(container.framework_id.as_ref().map(|id| &id.value)),
        "executor_id": executor,
        "executor_name": container.executor_name.clone().unwrap_or_default(),
        "source": executor,
        "statistics": statistics,
    });
    if is_named {
        written["container_id"] = container.container_id.value.clone().into();
        written["status"] = json!({"container_id": {"value": container.container_id.value}});
    }
    written
}
