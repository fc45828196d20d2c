//! A span per request.

use axum::body::Body;
use http::Request;

use super::Observation;
use crate::net::http::{Caller, Peer, Response};

/// Puts a span `request` around each request, at level debug: method, path, peer, status, and who asked as soon as that is
/// known. What a handler logs is inside.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trace;

impl Observation for Trace {
    type Note = tracing::Span;

    fn begin(&self, request: &Request<Body>) -> tracing::Span {
        let span = tracing::debug_span!(
            "request",
            method = %request.method(),
            path = request.uri().path(),
            peer = tracing::field::Empty,
            principal = tracing::field::Empty,
            call = tracing::field::Empty,
            status = tracing::field::Empty,
        );
        if let Some(peer) = request.extensions().get::<Peer>() {
            span.record("peer", tracing::field::display(peer.address));
        }
        // Known already where this is behind a layer that authenticates.
        if let Some(principal) = request.extensions().get::<Caller>().and_then(|caller| caller.principal.as_ref()) {
            span.record("principal", principal.as_str());
        }
        span
    }

    fn enter<'a>(&self, span: &'a mut tracing::Span) -> Option<tracing::span::Entered<'a>> {
        Some(span.enter())
    }

    fn end(&self, span: tracing::Span, response: &Response) {
        span.record("status", response.status().as_u16());
        let _entered = span.enter();
        tracing::debug!("answered");
    }
}
