//! Who may ask the agent what: every call and every view is judged before it reaches its handler.
//!
//! Executors speak at their own door and nowhere else. A sandbox belongs to its framework: whoever may see the sandboxes of
//! that framework's principal may read it.

use std::sync::Arc;

use mesos_core::net::auth::{Action, Authenticator, Authorizer};
use mesos_core::net::http::axum::extract::Request;
use mesos_core::net::http::axum::middleware::Next;
use mesos_core::net::http::axum::response::IntoResponse;
use mesos_core::net::http::{BODY_BYTES_MAX, Body, Caller, Media, Refusal, Response, axum, decode, read_body};
use mesos_core::wire::v1;
use v1::agent::call::Type;

use super::FrameworkOwners;

/// What anybody may ask: whether the agent is well, and which version it is.
const OPEN: [&str; 3] = ["/", "/health", "/version"];

/// Judges requests.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) authenticator: Authenticator,
    pub(super) authorizer: Arc<dyn Authorizer>,
    pub(super) owners: FrameworkOwners,
    /// Whether this is the door of executors, behind which there is nothing else.
    pub(super) is_for_executors_alone: bool,
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
        if self.is_for_executors_alone && path != "/api/v1/executor" {
            return Err(Refusal::forbidden("this port is for executors alone; ask at the agent's own"));
        }
        if OPEN.contains(&path.as_str()) {
            return Ok(request);
        }
        let caller = self.authenticator.authenticate(request.headers(), request.extensions())?;
        // What proves who somebody is goes no further.
        request.headers_mut().remove(axum::http::header::AUTHORIZATION);
        request.extensions_mut().insert(caller.clone());
        match path.as_str() {
            // Judged there by the claims of the executor's token.
            "/api/v1/executor" => Ok(request),
            "/api/v1" => {
                let (head, body) = request.into_parts();
                let media = Media::of_body(&head.headers)?;
                let bytes = read_body(body, BODY_BYTES_MAX).await?;
                self.operator(&caller, decode(media, &bytes)?)?;
                Ok(Request::from_parts(head, Body::from(bytes)))
            }
            "/state" | "/containers" | "/monitor/statistics" => {
                self.demand(&caller, Action::ViewFramework, None).map(|()| request)
            }
            "/flags" => self.demand(&caller, Action::ViewFlags, None).map(|()| request),
            path if path.starts_with("/files/") => {
                let of = named_in_query(request.uri().query().unwrap_or_default());
                self.sandbox(&caller, of.as_deref()).await.map(|()| request)
            }
            path => self.demand(&caller, Action::GetEndpoint, Some(path)).map(|()| request),
        }
    }

    fn demand(&self, caller: &Caller, action: Action, object: Option<&str>) -> Result<(), Refusal> {
        self.authorizer.demand(caller, action, object).map_err(|why| Refusal::forbidden(why.to_string()))
    }

    fn operator(&self, caller: &Caller, call: v1::agent::Call) -> Result<(), Refusal> {
        let demand = |action| self.demand(caller, action, None);
        match call.r#type() {
            Type::GetHealth | Type::GetVersion => Ok(()),
            Type::GetFlags => demand(Action::ViewFlags),
            Type::GetMetrics | Type::GetLoggingLevel | Type::Unknown => {
                self.demand(caller, Action::GetEndpoint, Some("/metrics"))
            }
            Type::SetLoggingLevel => demand(Action::SetLogLevel),
            Type::ListFiles | Type::ReadFile => demand(Action::AccessSandbox),
            Type::GetState
            | Type::GetContainers
            | Type::GetFrameworks
            | Type::GetExecutors
            | Type::GetOperations
            | Type::GetTasks => demand(Action::ViewFramework),
            Type::GetAgent => demand(Action::ViewAgent),
            // Starts, ends and attaches to containers, and whatever a newer API can do.
            _ => demand(Action::UseNestedContainer),
        }
    }

    /// Reading below the sandbox of a framework, or anywhere else.
    async fn sandbox(&self, caller: &Caller, path: Option<&str>) -> Result<(), Refusal> {
        let mut parts = path.unwrap_or_default().split('/').skip_while(|part| *part != "frameworks").skip(1);
        let owner = match parts.next().map(mesos_core::FrameworkId::new) {
            Some(Ok(framework)) if !path.unwrap_or_default().split('/').any(|part| part == "..") => {
                self.owners.find(framework).await
            }
            _ => None,
        };
        let owner = owner.as_ref().map(mesos_core::Principal::as_str);
        self.demand(caller, Action::AccessSandbox, owner)
    }
}

/// The value of `path` in a query, unescaped.
fn named_in_query(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("path="))?;
    let (mut bytes, mut rest) = (Vec::with_capacity(value.len()), value.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_in_a_query_is_unescaped() {
        assert_eq!(named_in_query("offset=0&path=%2Fframeworks%2ff%201/x+y"), Some("/frameworks/f 1/x y".into()));
        assert_eq!(named_in_query("path=%f"), None);
        assert_eq!(named_in_query("offset=0"), None);
    }
}
