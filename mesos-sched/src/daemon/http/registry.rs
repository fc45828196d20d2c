//! `/registrar(1)/registry`: what this leader has written down, in the shape of Mesos (`src/master/registry.proto`).

use std::collections::BTreeMap;
use std::ops::Bound;

use axum::extract::{Extension, State};
use mesos_core::maintenance::MachineId;
use mesos_core::net::http::{OriginalPath, Refusal, Response, answer_json, axum};
use mesos_core::wire::convert::{quotas_to_wire, weights_to_wire};
use mesos_core::wire::{Message, Name, json as wire_json, v1};
use mesos_core::{AgentId, WallTime};
use serde_json::{Value, json};

use super::Shared;
use super::asking::AT_ONCE;
use crate::master::Master;
use crate::registry::{Machine, schedule_of};

pub(super) async fn registry(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let rest = context.look(|master| {
        let registry = master.registry();
        (registry.shared_machines(), registry.shared_weights(), registry.shared_quotas())
    });
    let (planned, weights, quotas) = rest.await?;
    let quotas = quotas_to_wire(&quotas).configs;
    let written = json!({
        "master": {"info": value(&context.address.to_wire(context.master.id()))},
        "slaves": {"slaves": context.look_through(admitted).await?},
        "unreachable": {"slaves": context.look_through(unreachable).await?},
        "gone": {"slaves": context.look_through(gone).await?},
        "machines": {"machines": machines(&planned)},
        "schedules": [value(&v1::maintenance::Schedule::from(&schedule_of(&planned)))],
        "weights": weights_to_wire(&weights).iter().map(value).collect::<Vec<_>>(),
        "quota_configs": quotas.iter().map(value).collect::<Vec<_>>(),
    });
    Ok(answer_json(written.to_string()))
}

fn value<M: Message + Name>(message: &M) -> Value {
    serde_json::from_slice(&wire_json::write_bytes(message)).unwrap_or_default()
}

fn machines(planned: &BTreeMap<MachineId, Machine>) -> Vec<Value> {
    let mode = |is_down| if is_down { "DOWN" } else { "DRAINING" };
    let machine = |(id, machine): (&MachineId, &Machine)| json!({"info": {"id": {"hostname": id.as_str()}, "mode": mode(machine.is_down)}});
    planned.iter().map(machine).collect()
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

fn admitted(master: &Master, last: Option<&AgentId>) -> Vec<(AgentId, Value)> {
    let rows = master.registry().agents().range::<AgentId, _>(after(last)).take(AT_ONCE);
    let info = |id: &AgentId, info: &mesos_core::AgentInfo| v1::AgentInfo { id: Some(id.into()), ..info.into() };
    rows.map(|(id, agent)| (id.clone(), json!({"info": value(&info(id, &agent.info))}))).collect()
}

fn unreachable(master: &Master, last: Option<&AgentId>) -> Vec<(AgentId, Value)> {
    let rows = master.registry().unreachable().range::<AgentId, _>(after(last)).take(AT_ONCE);
    let row = |(id, agent): (&AgentId, &crate::registry::Unreachable)| {
        (id.clone(), json!({"id": {"value": id.as_str()}, "timestamp": time(agent.since_wall)}))
    };
    rows.map(row).collect()
}

fn gone(master: &Master, last: Option<&AgentId>) -> Vec<(AgentId, Value)> {
    let rows = master.registry().gone().range::<AgentId, _>(after(last)).take(AT_ONCE);
    let row = |(id, agent): (&AgentId, &crate::registry::Gone)| {
        (id.clone(), json!({"id": {"value": id.as_str()}, "timestamp": time(agent.since_wall)}))
    };
    rows.map(row).collect()
}
