//! How long an answer may take to begin.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse as _;
use http::Request;
use tower::{Layer, Service};

use super::long::LongAnswer;
use super::scope::Scope;
use crate::net::http::{Refusal, Response};

/// Answers 503 for whoever does not answer in time, and gives the request up, unless it is [said](LongAnswer) that the answer
/// will be long in coming. What an answer's body takes is not counted: streams go on.
#[derive(Debug, Clone)]
pub struct Timeout {
    answer_timeout: Duration,
    scope: Scope,
}

impl Timeout {
    /// So long until an answer begins.
    #[must_use]
    pub fn new(answer_timeout: Duration) -> Self {
        Self { answer_timeout, scope: Scope::default() }
    }

    /// This path has all the time it wants, and so has, when it ends with a slash, what lies below.
    #[must_use]
    pub fn except(mut self, path: &'static str) -> Self {
        self.scope.except(path);
        self
    }
}

impl<S> Layer<S> for Timeout {
    type Service = Hurried<S>;

    fn layer(&self, inner: S) -> Hurried<S> {
        Hurried { timeout: self.clone(), inner }
    }
}

/// A service whose answers begin in time.
#[derive(Debug, Clone)]
pub struct Hurried<S> {
    timeout: Timeout,
    inner: S,
}

impl<S> Service<Request<Body>> for Hurried<S>
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
        let is_hurried = self.timeout.scope.holds(request.uri().path());
        let long = LongAnswer::of(&mut request);
        let (answer, within) = (self.inner.call(request), self.timeout.answer_timeout);
        if !is_hurried {
            return Box::pin(answer);
        }
        Box::pin(async move {
            let mut answer = pin!(answer);
            match tokio::time::timeout(within, &mut answer).await {
                Ok(answered) => answered,
                Err(_) if long.is_announced() => answer.await,
                Err(_) => {
                    let text = format!("no answer came within {within:?}; whether it was done is not known");
                    Ok(Refusal::unavailable(text).into_response())
                }
            }
        })
    }
}
