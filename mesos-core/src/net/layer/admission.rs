//! Layers that look at a request's head, and let it pass or refuse it.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::IntoResponse as _;
use http::Request;
use tower::{Layer, Service};

use crate::net::http::{Refusal, Response};

/// Lets requests pass, or refuses them.
pub trait Admission: Clone + Send + Sync + 'static {
    /// Judges one, and may put into it what was found out.
    ///
    /// # Errors
    /// The answer, when it does not pass.
    fn admit(&self, request: &mut Request<Body>) -> Result<(), Refusal>;
}

/// The layer of an admission.
#[derive(Debug, Clone)]
pub struct Admit<A>(pub A);

impl<A: Clone, S> Layer<S> for Admit<A> {
    type Service = Admitted<A, S>;

    fn layer(&self, inner: S) -> Admitted<A, S> {
        Admitted { admission: self.0.clone(), inner }
    }
}

/// A service behind an admission.
#[derive(Debug, Clone)]
pub struct Admitted<A, S> {
    admission: A,
    inner: S,
}

impl<A, S> Service<Request<Body>> for Admitted<A, S>
where
    A: Admission,
    S: Service<Request<Body>, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.admission.admit(&mut request) {
            Ok(()) => Box::pin(self.inner.call(request)),
            Err(refusal) => Box::pin(ready(Ok(refusal.into_response()))),
        }
    }
}
