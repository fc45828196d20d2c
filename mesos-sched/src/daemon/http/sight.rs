//! What the one who asks may see and do, for handlers.

use std::sync::Arc;

use mesos_core::call::operator::Call;
use mesos_core::net::auth::{Action, Sight, judge_operator};
use mesos_core::net::http::{Caller, Refusal};
use mesos_core::wire::v1;
use mesos_core::{FrameworkId, FrameworkInfo, Principal, Rejection};
use v1::master::call::Type;

use super::Context;
use crate::daemon::view::{Snapshot, Visible};

impl Context {
    /// What `caller` may see.
    pub(super) fn sight(&self, caller: Caller) -> Sight {
        Sight::new(self.authorizer.clone(), caller)
    }

    /// The cluster at one moment, as far as it may be seen, and added up.
    pub(super) async fn seen_by(&self, sight: &Sight) -> Arc<Snapshot> {
        let sight = sight.clone();
        let look = move |snapshot| {
            let seen = seen(snapshot, &sight);
            // Kept there: whoever writes it out finds it.
            let _ = seen.usage();
            seen
        };
        self.view.look(look).await
    }

    /// Refuses an operator's call that the caller may not make. Views are not refused: they show what may be seen.
    pub(super) async fn judge(&self, sight: &Sight, call: &v1::master::Call) -> Result<(), Refusal> {
        let demand = |action, object: Option<&str>| sight.demand(action, object).map_err(forbid);
        match call.r#type() {
            Type::GetHealth | Type::GetVersion | Type::GetMaster => Ok(()),
            Type::GetState
            | Type::Subscribe
            | Type::GetFrameworks
            | Type::GetExecutors
            | Type::GetTasks
            | Type::GetOperations
            | Type::GetRoles
            | Type::GetWeights
            | Type::GetQuota => Ok(()),
            Type::GetAgents => demand(Action::ViewAgent, None),
            Type::GetFlags => demand(Action::ViewFlags, None),
            Type::GetMetrics | Type::GetLoggingLevel | Type::Unknown => demand(Action::GetEndpoint, Some("/metrics")),
            Type::SetLoggingLevel => demand(Action::SetLogLevel, None),
            Type::ListFiles | Type::ReadFile => demand(Action::AccessMesosLog, None),
            Type::GetMaintenanceStatus => demand(Action::GetMaintenanceStatus, None),
            Type::GetMaintenanceSchedule => demand(Action::GetMaintenanceSchedule, None),
            _ => {
                // What cannot be read is refused by the handler, in its own words; it does nothing.
                let Ok(call) = Call::try_from(call.clone()) else { return Ok(()) };
                self.judge_change(sight, &call).await
            }
        }
    }

    /// Refuses a change that the caller may not make.
    pub(super) async fn judge_change(&self, sight: &Sight, call: &Call) -> Result<(), Refusal> {
        let owner = match call {
            Call::Teardown(id)
            | Call::Explain { framework_id: id, .. }
            | Call::Preemptions { framework_id: id, .. } => self.owner(id.clone()).await,
            _ => None,
        };
        judge_operator(sight.authorizer(), sight.caller(), call, &|_| owner.clone()).map_err(forbid)
    }

    /// Whose framework it is.
    async fn owner(&self, id: FrameworkId) -> Option<Principal> {
        let look = move |master: &crate::master::Master| master.framework(&id)?.info.principal.clone();
        self.master.inspect(look).await.flatten()
    }
}

/// What of a snapshot may be seen.
pub(super) fn seen(snapshot: Arc<Snapshot>, sight: &Sight) -> Arc<Snapshot> {
    if sight.sees_all() {
        return snapshot;
    }
    Arc::new(snapshot.restricted(sight.sees_agents(), |info| visible(info, sight)))
}

/// What of a framework may be seen.
pub(super) fn visible(info: &FrameworkInfo, sight: &Sight) -> Visible {
    let principal = info.principal.as_ref();
    let framework = sight.sees_framework(principal);
    Visible {
        framework,
        tasks: framework && sight.sees_tasks(principal),
        executors: framework && sight.sees_executors(principal),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "handed to map_err")]
pub(super) fn forbid(rejection: Rejection) -> Refusal {
    Refusal::forbidden(rejection.to_string())
}
