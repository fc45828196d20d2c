//! Layers that watch requests come and answers go, and change neither.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use http::Request;
use tower::{Layer, Service};

use crate::net::http::Response;

/// Watches requests.
pub trait Observation: Clone + Send + Sync + 'static {
    /// What is noted of a request until its answer begins.
    type Note: Send + 'static;

    /// A request comes.
    fn begin(&self, request: &Request<Body>) -> Self::Note;

    /// Its answer is about to be polled for: what must be in force meanwhile is kept until the poll is over.
    fn enter<'a>(&self, _note: &'a mut Self::Note) -> Option<tracing::span::Entered<'a>> {
        None
    }

    /// Its answer begins; a body may follow for as long as it likes.
    fn end(&self, note: Self::Note, response: &Response);
}

/// The layer of an observation.
#[derive(Debug, Clone)]
pub struct Observe<O>(pub O);

impl<O: Clone, S> Layer<S> for Observe<O> {
    type Service = Observed<O, S>;

    fn layer(&self, inner: S) -> Observed<O, S> {
        Observed { observation: self.0.clone(), inner }
    }
}

/// A service that is watched.
#[derive(Debug, Clone)]
pub struct Observed<O, S> {
    observation: O,
    inner: S,
}

impl<O, S> Service<Request<Body>> for Observed<O, S>
where
    O: Observation,
    S: Service<Request<Body>, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let observation = self.observation.clone();
        let mut note = observation.begin(&request);
        let mut answer = Box::pin(self.inner.call(request));
        Box::pin(async move {
            let answered = std::future::poll_fn(|cx| {
                let _entered = observation.enter(&mut note);
                answer.as_mut().poll(cx)
            });
            let response = match answered.await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            observation.end(note, &response);
            Ok(response)
        })
    }
}
