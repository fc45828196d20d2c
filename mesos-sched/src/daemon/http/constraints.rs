//! `/offer_constraints_debug`: which agents frameworks keep out of their own offers by what they demand, as Mesos's allocator
//! shows it (`HierarchicalAllocatorProcess::offerConstraintsDebug`, in a process of its own name). Why one framework waits is
//! [explained](super::explain) instead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Extension, State};
use mesos_core::net::http::{Caller, OriginalPath, Refusal, Response, answer_json, axum};
use mesos_core::provider::FrameworkKey;
use mesos_core::{FrameworkId, OfferConstraints, Principal, Role};
use serde_json::{Value, json};

use super::Shared;
use super::asking::AT_ONCE;
use crate::allocator::Demands;
use crate::daemon::view::Snapshot;
use crate::master::{FrameworkView, Master};

/// What one framework demands.
struct Demanding {
    id: FrameworkId,
    principal: Option<Principal>,
    roles: BTreeSet<Role>,
    suppressed: BTreeSet<Role>,
    constraints: Arc<OfferConstraints>,
}

/// Answers with the agents that each role of each framework excludes, of those the caller may see.
pub(super) async fn debug(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
    caller: Caller,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let sight = context.sight(caller);
    let mut all = context.look_through(demanding).await?;
    all.retain(|framework| sight.sees_framework(framework.principal.as_ref()));
    let snapshot = context.seen_by(&sight).await;
    // Every agent is judged by every framework that demands something: not on a thread that serves others.
    let judged = tokio::task::spawn_blocking(move || {
        let written = all.iter().map(|framework| Ok((framework.id.to_string(), written(framework, &snapshot)?)));
        let frameworks = written.collect::<Result<BTreeMap<_, _>, String>>()?;
        Ok(json!({ "frameworks": frameworks }).to_string())
    });
    let judged: Result<String, String> = judged.await.map_err(|_| Refusal::unavailable("this master is ending"))?;
    judged.map(answer_json).map_err(Refusal::unavailable)
}

fn demanding(master: &Master, last: Option<&FrameworkKey>) -> Vec<(FrameworkKey, Demanding)> {
    let demanding = |framework: FrameworkView<'_>| Demanding {
        id: framework.id.clone(),
        principal: framework.info.principal.clone(),
        roles: framework.info.roles.clone(),
        suppressed: framework.suppressed.clone(),
        constraints: framework.constraints.clone(),
    };
    let frameworks = master.frameworks_after(last.copied()).take(AT_ONCE);
    frameworks.map(|framework| (framework.key, demanding(framework))).collect()
}

/// Of one framework; what its master took can be read, so an error is a defect that must not look like an agent that is offered.
fn written(framework: &Demanding, snapshot: &Snapshot) -> Result<Value, String> {
    let mut excluded = BTreeMap::new();
    for role in &framework.roles {
        let groups = framework.constraints.by_role.get(role).map(Vec::as_slice).unwrap_or_default();
        let demands = Demands::new(groups)?;
        let agents = snapshot.agents.iter().filter(|agent| demands.exclude(&agent.state.info));
        excluded.insert(role.as_str(), agents.map(|agent| agent.state.id.as_str()).collect::<Vec<_>>());
    }
    let suppressed: Vec<&str> = framework.suppressed.iter().map(Role::as_str).collect();
    Ok(json!({ "suppressed_roles": suppressed, "excluded_by_attribute_constraints": excluded }))
}
