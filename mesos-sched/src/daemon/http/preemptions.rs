//! `GET /preemptions`: who would have to return something so that a framework could have what it needs. An addition of ours,
//! for clusters in which roles have priorities.

use axum::extract::{Extension, Query, State};
use mesos_core::call::operator::{Call, Response as Outcome, RoomMade};
use mesos_core::net::http::{Caller, OriginalPath, Refusal, Response, answer_json, axum};
use mesos_core::resource::Resources;
use mesos_core::{FrameworkId, Role};
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::explain::{only, read};
use super::operator::refusal;

/// What is asked, as text.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    framework: Option<String>,
    role: Option<String>,
    resources: Option<String>,
}

/// Answers `{"text": what a colleague would say, "preemption": the same as data, or null if nobody can make room}`.
pub(super) async fn preemptions(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let framework_id: FrameworkId = read("framework", asked.framework)?.ok_or_else(|| {
        Refusal::bad_request("no framework is named; add framework=ID of the one that needs something")
    })?;
    let named: Option<Role> = read("role", asked.role)?;
    let resources: Option<Resources> = read("resources", asked.resources)?;
    let need = resources.as_ref().map(Resources::quantities).unwrap_or_default();
    let mut call = Call::Preemptions {
        framework_id: framework_id.clone(),
        role: named.clone().unwrap_or_else(Role::any),
        need: need.clone(),
    };
    context.judge_change(&context.sight(caller), &call).await?;
    if named.is_none() {
        let roles = context.roles_of(&framework_id).await?;
        if let Call::Preemptions { role, .. } = &mut call {
            *role = only(&framework_id, &roles)?;
        }
    }
    if need.is_empty() {
        return Err(Refusal::bad_request("what is needed is not said; add resources=TEXT, such as cpus:2;mem:64"));
    }
    match context.master.operate(call).await {
        Outcome::Preemptions(found) => {
            Ok(answer_json(json!({"text": told(found.as_ref()), "preemption": found}).to_string()))
        }
        Outcome::Refused(why) => Err(refusal(why)),
        _ => Err(Refusal::unavailable("this master does not lead any more")),
    }
}

fn told(found: Option<&RoomMade>) -> String {
    found.map_or_else(
        || "No agent would have room, whatever less important roles returned.".to_owned(),
        RoomMade::to_string,
    )
}
