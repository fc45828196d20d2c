//! The reads tools still poll: `/state` and what is around it.
//!
//! Keys, types and shapes are those of Apache Mesos (`src/master/http.cpp`, `src/common/http.cpp`), which predate its v1 API.
//! Large ones are written piece by piece from a snapshot, as fast as their reader reads.

mod model;
mod pieces;
mod resources;
mod state;

use std::collections::{BTreeMap, HashMap};

use axum::extract::{Extension, Query, State};
use mesos_core::call::operator::{Call, Response as Outcome};
use mesos_core::net::http::{Body, Caller, OriginalPath, Refusal, Response, answer_json, axum, done, read_body};
use mesos_core::resource::{ResourceName, Scalar};
use mesos_core::wire::convert::{quotas_to_wire, weights_to_wire};
use mesos_core::wire::{API_VERSION, json as wire_json, v1};
use mesos_core::{FrameworkId, Role};
use serde_json::json;

use super::Shared;
use super::operator::{is_unknown, refusal};
use crate::master::Master;
use resources::Legacy;

pub(super) use state::{frameworks, slaves, state, summary, tasks};

pub(super) type Asked = Query<HashMap<String, String>>;

/// Nothing but the status.
pub(super) async fn health() -> Response {
    done()
}

pub(super) async fn root() -> Response {
    answer_json(json!({"name": "master", "version": API_VERSION}).to_string())
}

pub(super) async fn version() -> Response {
    answer_json(json!({"version": API_VERSION, "build_time": 0.0, "build_date": "", "build_user": ""}).to_string())
}

pub(super) async fn flags(State(context): State<Shared>) -> Response {
    let flags: serde_json::Map<_, _> =
        context.flags.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    answer_json(json!({"flags": flags}).to_string())
}

/// Where the leader is, whoever that is.
pub(super) async fn redirect(State(context): State<Shared>) -> Refusal {
    match context.leadership.is_own() {
        true => Refusal::redirect(&format!("{}:{}", context.address.hostname, context.address.port), ""),
        false => context.leadership.elsewhere(""),
    }
}

pub(super) async fn roles(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
    caller: Caller,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let sight = context.sight(caller);
    let registry = |master: &Master| (master.registry().shared_weights(), master.registry().shared_quotas());
    let (weights, quotas) = context.look(registry).await?;
    let mut roles = context.seen_by(&sight).await.roles();
    roles.entry(Role::any()).or_default();
    for role in weights.keys().chain(quotas.keys()) {
        roles.entry(role.clone()).or_default();
    }
    roles.retain(|role, _| sight.sees_role(role));
    let role = |(role, amounts): (&Role, &crate::daemon::view::RoleAmounts)| {
        let mut row = json!({
            "name": role.as_str(),
            "weight": f64::from(weights.get(role).copied().unwrap_or_default()),
            "frameworks": amounts.frameworks.iter().map(FrameworkId::as_str).collect::<Vec<_>>(),
            "resources": Legacy(&amounts.allocated),
            "allocated": Legacy(&(&amounts.allocated - &amounts.offered)),
            "offered": Legacy(&amounts.offered),
            "reserved": amounts_of(amounts.reserved.iter()),
        });
        if let Some(quota) = quotas.get(role).filter(|_| sight.sees_quota(role)) {
            row["quota"] = json!({
                "role": role.as_str(),
                "guarantee": amounts_of(quota.guarantees().iter()),
                "limit": amounts_of(quota.limits().iter()),
                "consumed": Legacy(&amounts.allocated),
            });
        }
        row
    };
    let list: Vec<_> = roles.iter().map(role).collect();
    Ok(answer_json(json!({"roles": list}).to_string()))
}

fn amounts_of<'a>(pairs: impl Iterator<Item = (&'a ResourceName, Scalar)>) -> BTreeMap<&'a str, f64> {
    pairs.map(|(name, amount)| (name.as_str(), amount.to_f64())).collect()
}

pub(super) async fn weights(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
    caller: Caller,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let mut weights = context.weights().await?;
    let sight = context.sight(caller);
    weights.retain(|role, _| sight.sees_role(role));
    let list: Vec<_> = weights_to_wire(&weights).iter().map(wire_json::write).collect();
    Ok(answer_json(format!("[{}]", list.join(","))))
}

pub(super) async fn quota(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
    caller: Caller,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let mut quotas = context.quotas().await?;
    let sight = context.sight(caller);
    quotas.retain(|role, _| sight.sees_quota(role));
    Ok(answer_json(wire_json::write(&quotas_to_wire(&quotas))))
}

pub(super) async fn maintenance_schedule(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let schedule = context.schedule().await?;
    Ok(answer_json(wire_json::write(&v1::maintenance::Schedule::from(&schedule))))
}

pub(super) async fn maintenance_status(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let status = context.maintenance_status().await?;
    Ok(answer_json(wire_json::write(&v1::maintenance::ClusterStatus::from(&status))))
}

/// A form with a framework's id, whatever its type is said to be: the DC/OS command says none.
pub(super) async fn teardown(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let body = read_body(body, 4_096).await?;
    let body = std::str::from_utf8(&body).unwrap_or_default();
    let id = body.split('&').find_map(|pair| pair.trim().strip_prefix("frameworkId="));
    let id = id.ok_or_else(|| Refusal::bad_request("Missing 'frameworkId' in the body; send frameworkId=ID"))?;
    let id = FrameworkId::new(id).map_err(|error| Refusal::bad_request(error.to_string()))?;
    let call = Call::Teardown(id);
    context.judge_change(&context.sight(caller), &call).await?;
    match context.master.operate(call).await {
        Outcome::Refused(why) if is_unknown(why.code) => Err(Refusal::bad_request(why.to_string())),
        Outcome::Refused(why) => Err(refusal(why)),
        _ => Ok(done()),
    }
}
