//! How many requests there may be at one time.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::IntoResponse as _;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{Request, StatusCode};
use tokio::sync::Semaphore;
use tower::{Layer, Service};

use super::long::LongAnswer;
use super::scope::Scope;
use crate::net::http::{Refusal, Response};

/// When those that found no place may come again, in seconds.
const RETRY_AFTER_SECS: u16 = 1;

/// Refuses with 503 what comes while so many requests wait for their answers. A request has its place until its answer begins,
/// or is [said](LongAnswer) to be long in coming: a stream that goes on for hours takes none. All services made by one layer,
/// and by its clones, share the places.
#[derive(Debug, Clone)]
pub struct LimitConcurrency {
    places: Arc<Semaphore>,
    scope: Scope,
}

impl LimitConcurrency {
    /// So many at one time.
    #[must_use]
    pub fn new(requests_max: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(requests_max.min(Semaphore::MAX_PERMITS))), scope: Scope::default() }
    }

    /// This path needs no place, nor does, when it ends with a slash, what lies below: for those whose answers are long in
    /// coming, as they should be.
    #[must_use]
    pub fn except(mut self, path: &'static str) -> Self {
        self.scope.except(path);
        self
    }
}

impl<S> Layer<S> for LimitConcurrency {
    type Service = Concurrent<S>;

    fn layer(&self, inner: S) -> Concurrent<S> {
        Concurrent { limit: self.clone(), inner }
    }
}

/// A service that is asked so much at one time and no more.
#[derive(Debug, Clone)]
pub struct Concurrent<S> {
    limit: LimitConcurrency,
    inner: S,
}

impl<S> Service<Request<Body>> for Concurrent<S>
where
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
        if !self.limit.scope.holds(request.uri().path()) {
            return Box::pin(self.inner.call(request));
        }
        let Ok(place) = self.limit.places.clone().try_acquire_owned() else {
            let text = format!("too many requests are being answered; come again in {RETRY_AFTER_SECS} s");
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
                .with(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECS));
            return Box::pin(ready(Ok(refusal.into_response())));
        };
        let long = LongAnswer::of(&mut request);
        long.take(place);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answered = answer.await;
            long.leave();
            answered
        })
    }
}
