//! Who asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use http::Request;
use http::header::AUTHORIZATION;

use super::Admission;
use crate::net::auth::Authenticator;
use crate::net::http::Refusal;

/// Puts the [`Caller`](crate::net::http::Caller) into a request's extensions, or refuses with 401.
#[derive(Debug, Clone)]
pub struct Authenticate {
    authenticator: Arc<Authenticator>,
    open: Arc<BTreeSet<&'static str>>,
}

impl Authenticate {
    /// Nobody unknown passes.
    #[must_use]
    pub fn new(authenticator: Authenticator) -> Self {
        Self { authenticator: Arc::new(authenticator), open: Arc::default() }
    }

    /// Everybody passes to these paths, without saying who they are.
    #[must_use]
    pub fn except(mut self, paths: impl IntoIterator<Item = &'static str>) -> Self {
        Arc::make_mut(&mut self.open).extend(paths);
        self
    }
}

impl Admission for Authenticate {
    fn admit(&self, request: &mut Request<Body>) -> Result<(), Refusal> {
        if self.open.contains(request.uri().path()) {
            return Ok(());
        }
        let caller = self.authenticator.authenticate(request.headers(), request.extensions())?;
        if let Some(principal) = &caller.principal {
            // Where a span of `Trace` is around this.
            tracing::Span::current().record("principal", principal.as_str());
        }
        // What proves who somebody is goes no further.
        request.headers_mut().remove(AUTHORIZATION);
        request.extensions_mut().insert(caller);
        Ok(())
    }
}
