//! Who may ask the master what over HTTP: every call and every view is judged before it reaches its handler.
//!
//! A view shows all there is, so it needs the permission for all there is. What nobody named here is an endpoint, and needs
//! the permission for its path.

use std::sync::Arc;

use mesos_core::call::operator::Call;
use mesos_core::net::auth::{Action, Authenticator, Authorizer, judge_operator, judge_scheduler};
use mesos_core::net::http::axum::extract::Request;
use mesos_core::net::http::axum::middleware::Next;
use mesos_core::net::http::axum::response::IntoResponse;
use mesos_core::net::http::{BODY_BYTES_MAX, Body, Caller, Media, Refusal, Response, axum, decode, read_body};
use mesos_core::wire::convert::call_from_wire;
use mesos_core::wire::v1;
use mesos_core::{FrameworkId, Principal};
use v1::master::call::Type;

use super::MasterHandle;

/// What anybody may ask: whether the master is well, which version it is, who leads.
const OPEN: [&str; 4] = ["/", "/health", "/version", "/redirect"];

/// Judges requests.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) authenticator: Authenticator,
    pub(super) authorizer: Arc<dyn Authorizer>,
    pub(super) master: MasterHandle,
}

impl Gate {
    /// A layer: finds out who asks, and lets through what they may.
    pub(super) async fn layer(gate: Arc<Self>, request: Request, next: Next) -> Response {
        match gate.admit(request).await {
            Ok(request) => next.run(request).await,
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn admit(&self, mut request: Request) -> Result<Request, Refusal> {
        let path = request.uri().path().to_owned();
        if OPEN.contains(&path.as_str()) {
            return Ok(request);
        }
        let caller = self.authenticator.authenticate(request.headers(), request.extensions())?;
        // What proves who somebody is goes no further.
        request.headers_mut().remove(axum::http::header::AUTHORIZATION);
        request.extensions_mut().insert(caller.clone());
        match path.as_str() {
            "/api/v1/scheduler" => {
                let (request, media, bytes) = read(request).await?;
                self.scheduler(&caller, decode(media, &bytes)?)?;
                Ok(request)
            }
            "/api/v1" => {
                let (request, media, bytes) = read(request).await?;
                self.operator(&caller, decode(media, &bytes)?).await?;
                Ok(request)
            }
            // A form, which its handler reads.
            "/teardown" => self.demand(&caller, Action::TeardownFramework).map(|()| request),
            "/state" | "/state-summary" => {
                self.demand(&caller, Action::ViewFramework)?;
                self.demand(&caller, Action::ViewAgent)?;
                self.demand(&caller, Action::ViewRole).map(|()| request)
            }
            "/slaves" => self.demand(&caller, Action::ViewAgent).map(|()| request),
            "/frameworks" | "/tasks" => self.demand(&caller, Action::ViewFramework).map(|()| request),
            "/roles" => self.demand(&caller, Action::ViewRole).map(|()| request),
            "/weights" => self.demand(&caller, Action::ViewRole).map(|()| request),
            "/quota" => self.demand(&caller, Action::GetQuota).map(|()| request),
            "/flags" => self.demand(&caller, Action::ViewFlags).map(|()| request),
            "/maintenance/schedule" => self.demand(&caller, Action::GetMaintenanceSchedule).map(|()| request),
            "/maintenance/status" => self.demand(&caller, Action::GetMaintenanceStatus).map(|()| request),
            // The streams are judged by what they carry.
            path if path.starts_with("/mesos.kernel.Kernel/") => Ok(request),
            path if path.starts_with("/files/") => self.demand(&caller, Action::AccessMesosLog).map(|()| request),
            path => {
                self.authorizer.demand(&caller, Action::GetEndpoint, Some(path)).map_err(forbid)?;
                Ok(request)
            }
        }
    }

    fn demand(&self, caller: &Caller, action: Action) -> Result<(), Refusal> {
        self.authorizer.demand(caller, action, None).map_err(forbid)
    }

    fn scheduler(&self, caller: &Caller, call: v1::scheduler::Call) -> Result<(), Refusal> {
        // What cannot be read is refused by the handler, in its own words; it does nothing.
        let Ok(mut read) = call_from_wire(call) else { return Ok(()) };
        judge_scheduler(&*self.authorizer, caller, &mut read.call).map_err(forbid)
    }

    async fn operator(&self, caller: &Caller, call: v1::master::Call) -> Result<(), Refusal> {
        let demand = |action| self.demand(caller, action);
        match call.r#type() {
            Type::GetHealth | Type::GetVersion | Type::GetMaster => Ok(()),
            Type::GetFlags => demand(Action::ViewFlags),
            Type::GetMetrics | Type::GetLoggingLevel | Type::Unknown => {
                self.authorizer.demand(caller, Action::GetEndpoint, Some("/metrics")).map_err(forbid)
            }
            Type::SetLoggingLevel => demand(Action::SetLogLevel),
            Type::ListFiles | Type::ReadFile => demand(Action::AccessMesosLog),
            Type::GetState | Type::Subscribe => {
                demand(Action::ViewFramework)?;
                demand(Action::ViewAgent)?;
                demand(Action::ViewRole)
            }
            Type::GetAgents => demand(Action::ViewAgent),
            Type::GetFrameworks | Type::GetExecutors | Type::GetTasks | Type::GetOperations => {
                demand(Action::ViewFramework)
            }
            Type::GetRoles | Type::GetWeights => demand(Action::ViewRole),
            Type::GetQuota => demand(Action::GetQuota),
            Type::GetMaintenanceStatus => demand(Action::GetMaintenanceStatus),
            Type::GetMaintenanceSchedule => demand(Action::GetMaintenanceSchedule),
            _ => {
                // As above: what cannot be read does nothing.
                let Ok(call) = Call::try_from(call) else { return Ok(()) };
                let owner = match &call {
                    Call::Teardown(id) | Call::Explain { framework_id: id, .. } => self.owner(id.clone()).await,
                    _ => None,
                };
                judge_operator(&*self.authorizer, caller, &call, &|_| owner.clone()).map_err(forbid)
            }
        }
    }

    /// Whose framework it is.
    async fn owner(&self, id: FrameworkId) -> Option<Principal> {
        let look = move |master: &crate::master::Master| {
            let found = master.frameworks().find(|framework| *framework.id == id);
            found.and_then(|framework| framework.info.principal.clone())
        };
        self.master.inspect(look).await.flatten()
    }
}

fn forbid(rejection: mesos_core::Rejection) -> Refusal {
    Refusal::forbidden(rejection.to_string())
}

/// Reads a request's body, and puts it back for its handler.
async fn read(request: Request) -> Result<(Request, Media, axum::body::Bytes), Refusal> {
    let (head, body) = request.into_parts();
    let media = Media::of_body(&head.headers)?;
    let bytes = read_body(body, BODY_BYTES_MAX).await?;
    Ok((Request::from_parts(head, Body::from(bytes.clone())), media, bytes))
}
