//! `GET /explain`: why a framework got no offer, and what would have been enough. An addition of ours: Apache Mesos answers
//! no such question, and its v1 API has no call for it.

use std::str::FromStr;

use axum::extract::{Extension, Query, State};
use mesos_core::call::operator::{Call, Response as Outcome};
use mesos_core::error::{Rejection, RejectionCode};
use mesos_core::net::http::{Caller, OriginalPath, Refusal, Response, answer_json, axum};
use mesos_core::provider::explain::{Need, Wanted};
use mesos_core::resource::Resources;
use mesos_core::{AgentId, FrameworkId, Role};
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::operator::refusal;

/// What is asked, as text.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    framework: Option<String>,
    role: Option<String>,
    agent: Option<String>,
    resources: Option<String>,
}

/// Answers `{"text": what a colleague would say, "explanation": the same as data}`.
pub(super) async fn explain(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let framework_id: FrameworkId = read("framework", asked.framework)?
        .ok_or_else(|| Refusal::bad_request("no framework is named; add framework=ID of the one that waits"))?;
    let of = match (read::<AgentId>("agent", asked.agent)?, read::<Resources>("resources", asked.resources)?) {
        (Some(agent), None) => Some(Wanted::Agent(agent)),
        (None, Some(resources)) => Some(Wanted::Need(Need::Quantities(resources.quantities()))),
        (Some(_), Some(_)) => return Err(Refusal::bad_request("agent and resources are both said; leave one out")),
        (None, None) => None,
    };
    let is_said = of.is_some();
    let of = of.unwrap_or_else(|| Wanted::Need(Need::Quantities(Resources::new().quantities())));
    let named = read("role", asked.role)?;
    let mut call =
        Call::Explain { framework_id: framework_id.clone(), role: named.clone().unwrap_or_else(Role::any), of };
    context.judge_change(&context.sight(caller), &call).await?;
    if !is_said || named.is_none() {
        // First of all: whoever is not known need not say for what it waits.
        let roles = context.roles_of(&framework_id).await?;
        if !is_said {
            return Err(Refusal::bad_request("for what it waits is not said; add either agent=ID or resources=TEXT"));
        }
        if let Call::Explain { role, .. } = &mut call {
            *role = only(&framework_id, &roles)?;
        }
    }
    match context.master.operate(call).await {
        Outcome::Explained(explanation) => {
            Ok(answer_json(json!({"text": explanation.to_string(), "explanation": explanation}).to_string()))
        }
        Outcome::Refused(why) => Err(refusal(why)),
        _ => Err(Refusal::unavailable("this master does not lead any more")),
    }
}

pub(super) fn read<T: FromStr<Err: std::fmt::Display>>(name: &str, text: Option<String>) -> Result<Option<T>, Refusal> {
    let read = |text: String| text.parse().map_err(|error| Refusal::bad_request(format!("{name}: {error}")));
    text.map(read).transpose()
}

impl super::Context {
    /// The roles of a framework.
    pub(super) async fn roles_of(&self, id: &FrameworkId) -> Result<Vec<Role>, Refusal> {
        let wanted = id.clone();
        let look = move |master: &crate::master::Master| {
            let found = master.framework(&wanted);
            found.map(|framework| framework.info.roles.iter().cloned().collect::<Vec<Role>>())
        };
        self.look(look).await?.ok_or_else(|| {
            let what = format!("framework {id} is not known");
            refusal(Rejection::new(RejectionCode::UnknownFramework, what, "name a framework of this cluster"))
        })
    }
}

/// The role of a framework that has only one.
pub(super) fn only(id: &FrameworkId, roles: &[Role]) -> Result<Role, Refusal> {
    match roles {
        [role] => Ok(role.clone()),
        roles => {
            let roles: Vec<&str> = roles.iter().map(Role::as_str).collect();
            let what = format!("framework {id} has the roles {}; add role=ROLE", roles.join(", "));
            Err(Refusal::bad_request(what))
        }
    }
}
