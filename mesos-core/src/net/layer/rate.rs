//! How often one principal may ask.

use std::sync::Arc;

use axum::body::Body;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{Request, StatusCode};

use super::Admission;
use super::scope::Scope;
use crate::net::auth::RateLimits;
use crate::net::http::{Caller, Refusal};

/// Refuses with 429 what comes faster than allowed, and says in `Retry-After` when to come again. Behind
/// [`Authenticate`](super::Authenticate): without a principal, everybody is one.
#[derive(Debug, Clone)]
pub struct RateLimit {
    limits: Arc<RateLimits>,
    prefix: &'static str,
    scope: Scope,
}

impl RateLimit {
    /// These limits for all paths.
    #[must_use]
    pub fn new(limits: Arc<RateLimits>) -> Self {
        Self { limits, prefix: "", scope: Scope::default() }
    }

    /// For paths that begin like this alone.
    #[must_use]
    pub fn only(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    /// Not for this path and, when it ends with a slash, what lies below.
    #[must_use]
    pub fn except(mut self, path: &'static str) -> Self {
        self.scope.except(path);
        self
    }
}

impl Admission for RateLimit {
    fn admit(&self, request: &mut Request<Body>) -> Result<(), Refusal> {
        let path = request.uri().path();
        if !path.starts_with(self.prefix) || !self.scope.holds(path) {
            return Ok(());
        }
        let principal = request.extensions().get::<Caller>().and_then(|caller| caller.principal.as_ref());
        self.limits.take(principal).map_err(|wait| {
            let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let text = format!("too many calls of this principal; come again in {secs} s");
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, text).with(RETRY_AFTER, HeaderValue::from(secs))
        })
    }
}
