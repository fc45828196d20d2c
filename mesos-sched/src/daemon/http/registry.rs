//! `/registrar(1)/registry`: what this leader has written down, in the shape of Mesos (`src/master/registry.proto`).

use std::ops::Bound;

use axum::extract::{Extension, State};
use mesos_core::net::http::{OriginalPath, Refusal, Response, answer_json, axum};
use mesos_core::wire::convert::{quotas_to_wire, weights_to_wire};
use mesos_core::wire::{Message, Name, json as wire_json, v1};
use mesos_core::{AgentId, WallTime};
use serde_json::{Value, json};

use super::{Context, Shared};
use crate::registry::Registry;

/// So many agents are looked at between two steps of the master, which must not be held up.
const AT_ONCE: usize = 500;

/// What is written of an agent, and how it is found.
type Rows = fn(&Registry, Option<&AgentId>) -> Vec<(AgentId, Value)>;

pub(super) async fn registry(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let rest = context.look(|master| {
        let registry = master.registry();
        (registry.schedule(), machines(registry), registry.weights().clone(), registry.quotas().clone())
    });
    let (schedule, machines, weights, quotas) = rest.await?;
    let quotas = quotas_to_wire(&quotas).configs;
    let written = json!({
        "master": {"info": value(&context.address.to_wire(context.master.id()))},
        "slaves": {"slaves": context.agents_by(admitted).await?},
        "unreachable": {"slaves": context.agents_by(unreachable).await?},
        "gone": {"slaves": context.agents_by(gone).await?},
        "machines": {"machines": machines},
        "schedules": [value(&v1::maintenance::Schedule::from(&schedule))],
        "weights": weights_to_wire(&weights).iter().map(value).collect::<Vec<_>>(),
        "quota_configs": quotas.iter().map(value).collect::<Vec<_>>(),
    });
    Ok(answer_json(written.to_string()))
}

fn value<M: Message + Name>(message: &M) -> Value {
    serde_json::from_slice(&wire_json::write_bytes(message)).unwrap_or_default()
}

fn machines(registry: &Registry) -> Vec<Value> {
    let mode = |is_down| if is_down { "DOWN" } else { "DRAINING" };
    let machine = |(id, machine): (&mesos_core::maintenance::MachineId, &crate::registry::Machine)| json!({"info": {"id": {"hostname": id.as_str()}, "mode": mode(machine.is_down)}});
    registry.machines().iter().map(machine).collect()
}

const fn after(last: Option<&AgentId>) -> (Bound<&AgentId>, Bound<&AgentId>) {
    match last {
        None => (Bound::Unbounded, Bound::Unbounded),
        Some(last) => (Bound::Excluded(last), Bound::Unbounded),
    }
}

fn time(at: WallTime) -> Value {
    json!({"nanoseconds": at.as_nanos()})
}

fn admitted(registry: &Registry, last: Option<&AgentId>) -> Vec<(AgentId, Value)> {
    let rows = registry.agents().range::<AgentId, _>(after(last)).take(AT_ONCE);
    let info = |id: &AgentId, info: &mesos_core::AgentInfo| v1::AgentInfo { id: Some(id.into()), ..info.into() };
    rows.map(|(id, agent)| (id.clone(), json!({"info": value(&info(id, &agent.info))}))).collect()
}

fn unreachable(registry: &Registry, last: Option<&AgentId>) -> Vec<(AgentId, Value)> {
    let rows = registry.unreachable().range::<AgentId, _>(after(last)).take(AT_ONCE);
    let row = |(id, agent): (&AgentId, &crate::registry::Unreachable)| {
        (id.clone(), json!({"id": {"value": id.as_str()}, "timestamp": time(agent.since_wall)}))
    };
    rows.map(row).collect()
}

fn gone(registry: &Registry, last: Option<&AgentId>) -> Vec<(AgentId, Value)> {
    let rows = registry.gone().range::<AgentId, _>(after(last)).take(AT_ONCE);
    let row = |(id, agent): (&AgentId, &crate::registry::Gone)| {
        (id.clone(), json!({"id": {"value": id.as_str()}, "timestamp": time(agent.since_wall)}))
    };
    rows.map(row).collect()
}

impl Context {
    /// Agents, some at a time.
    async fn agents_by(&self, rows: Rows) -> Result<Vec<Value>, Refusal> {
        let (mut all, mut last): (Vec<Value>, Option<AgentId>) = (Vec::new(), None);
        loop {
            let found = self.look(move |master| rows(master.registry(), last.as_ref())).await?;
            let is_last = found.len() < AT_ONCE;
            last = found.last().map(|(id, _)| id.clone());
            all.extend(found.into_iter().map(|(_, value)| value));
            if is_last {
                return Ok(all);
            }
        }
    }
}
