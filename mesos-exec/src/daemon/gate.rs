//! Who may ask the agent what over HTTP, by the layers masters have too.
//!
//! Nobody unknown comes further than what is open. Calls, executors and sandboxes are [judged](super::http) by what is asked
//! for. What nobody named here is an endpoint, and needs the permission for its path.

use mesos_core::net::auth::Action;
use mesos_core::net::http::axum::body::Body;
use mesos_core::net::http::axum::extract::{Request, State};
use mesos_core::net::http::axum::middleware::Next;
use mesos_core::net::http::axum::response::IntoResponse;
use mesos_core::net::http::{Caller, Refusal, Response, axum};
use mesos_core::net::layer::{Admission, Needs, RateLimit, Rules};

use super::http::connection::CONNECT;
use super::http::judge::Judge;

/// What each path needs.
pub(super) fn rules() -> Rules {
    Rules::new()
        // Whether the agent is well, and which version it is.
        .open("/")
        .open("/health")
        .open("/version")
        .open("/help")
        .open("/grpc.health.v1.Health/Check")
        .path("/api/v1", Needs::Handler)
        .path("/api/v1/executor", Needs::Handler)
        .path(CONNECT, Needs::Handler)
        // These leave out what may not be seen.
        .path("/state", Needs::Handler)
        .path("/containers", Needs::Handler)
        .path("/monitor/statistics", Needs::Handler)
        .path("/flags", Needs::Action(Action::ViewFlags))
        // Judged by `sandboxes`.
        .prefix("/files/", Needs::Handler)
}

/// The door of executors where the agent's own speaks TLS: behind it they find what they need, and nobody else anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForExecutors;

impl Admission for ForExecutors {
    fn admit(&self, request: &mut axum::http::Request<Body>) -> Result<(), Refusal> {
        let is_executor = request.extensions().get::<Caller>().is_some_and(|caller| caller.claims.contains_key("cid"));
        match request.uri().path() {
            "/api/v1/executor" | CONNECT => Ok(()),
            "/api/v1" if is_executor => Ok(()),
            _ => Err(Refusal::forbidden("this port is for executors alone; ask at the agent's own")),
        }
    }
}

/// How often operators and tools may ask. Executors are many and have no principal of their own: what they may cost is
/// bounded by what each may have.
#[derive(Debug, Clone)]
pub(super) struct OfOthers(pub(super) RateLimit);

impl Admission for OfOthers {
    fn admit(&self, request: &mut axum::http::Request<Body>) -> Result<(), Refusal> {
        let is_executor = request.extensions().get::<Caller>().is_some_and(|caller| caller.claims.contains_key("cid"));
        match request.uri().path() {
            "/api/v1/executor" | CONNECT => Ok(()),
            _ if is_executor => Ok(()),
            _ => self.0.admit(request),
        }
    }
}

/// A layer: files are read by whoever may have the sandbox they lie in.
pub(super) async fn sandboxes(State(judge): State<Judge>, caller: Caller, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/files/") {
        let of = named_in_query(request.uri().query().unwrap_or_default());
        if let Err(refusal) = judge.sandbox(&caller, of.as_deref()).await {
            return refusal.into_response();
        }
    }
    next.run(request).await
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
    fn behind_the_door_of_executors_there_is_nothing_for_others() {
        let executor = Caller::anonymous().with_claim("cid", "e1.1");
        for (path, caller, is_let_in) in [
            ("/api/v1/executor", Caller::anonymous(), true),
            (CONNECT, Caller::anonymous(), true),
            ("/api/v1", executor.clone(), true),
            ("/api/v1", Caller::anonymous(), false),
            ("/state", executor.clone(), false),
            ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", executor, false),
        ] {
            let mut request = axum::http::Request::post(path).body(Body::empty()).unwrap();
            request.extensions_mut().insert(caller);
            assert_eq!(ForExecutors.admit(&mut request).is_ok(), is_let_in, "{path}");
        }
    }

    #[test]
    fn others_are_held_back_and_executors_are_not() {
        let limits = r#"{"aggregate_default_qps": 0.001, "aggregate_default_capacity": 1}"#;
        let limits = mesos_core::net::auth::RateLimits::parse(limits).unwrap();
        let layer = OfOthers(RateLimit::new(std::sync::Arc::new(limits)).except("/health"));
        let status = |path: &str, caller: Caller| {
            let mut request = axum::http::Request::post(path).body(Body::empty()).unwrap();
            request.extensions_mut().insert(caller);
            layer.admit(&mut request).map_err(|refused| refused.status.as_u16())
        };
        assert_eq!(status("/api/v1", Caller::anonymous()), Ok(()));
        for _ in 0..3 {
            assert_eq!(status("/state", Caller::anonymous()), Err(429));
            assert_eq!(status("/health", Caller::anonymous()), Ok(()));
            assert_eq!(status("/api/v1/executor", Caller::anonymous()), Ok(()));
            assert_eq!(status("/api/v1", Caller::anonymous().with_claim("cid", "e1.1")), Ok(()));
        }
    }

    #[test]
    fn the_path_in_a_query_is_unescaped() {
        assert_eq!(named_in_query("offset=0&path=%2Fframeworks%2ff%201/x+y"), Some("/frameworks/f 1/x y".into()));
        assert_eq!(named_in_query("path=%f"), None);
        assert_eq!(named_in_query("offset=0"), None);
    }
}
