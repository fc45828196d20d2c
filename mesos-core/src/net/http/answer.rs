//! Answers to requests: one message, nothing, or a refusal that says what would be right.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};
use prost::{Message, Name};

use super::{JSON, Media, encode};
use crate::error::{Rejection, RejectionCode};

/// A request that was not done: a status and a sentence, as plain text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {text}")]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// What was wrong and what would be right.
    pub text: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), header: None }
    }

    /// 400.
    pub fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// 403.
    pub fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// 404.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// 409.
    pub fn conflict(text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, text)
    }

    /// 501.
    pub fn not_implemented(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, text)
    }

    /// 503.
    pub fn unavailable(text: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
    }

    /// 401, with how to prove who one is.
    pub fn unauthorized(challenge: HeaderValue, text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, text).with(WWW_AUTHENTICATE, challenge)
    }

    /// 405, with the methods that are allowed.
    pub fn method(allowed: &'static str) -> Self {
        let text = format!("Expecting one of {{ '{allowed}' }}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, text).with(ALLOW, HeaderValue::from_static(allowed))
    }

    /// 307 to another address, as Mesos writes it: without a scheme, so that the caller keeps its own.
    #[must_use]
    pub fn redirect(host_and_port: &str, path_and_query: &str) -> Self {
        let place = format!("//{host_and_port}{path_and_query}");
        match HeaderValue::try_from(&place) {
            Ok(place) => Self::new(StatusCode::TEMPORARY_REDIRECT, "").with(LOCATION, place),
            Err(_) => Self::unavailable("the leading master's address cannot be written in a header"),
        }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }
}

impl From<Rejection> for Refusal {
    /// What a caller did wrong is a bad request, unless its code says more.
    fn from(rejection: Rejection) -> Self {
        let status = match rejection.code {
            RejectionCode::NotLeading | RejectionCode::NotReady | RejectionCode::TooMany => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            RejectionCode::UnknownContainer => StatusCode::NOT_FOUND,
            RejectionCode::NotSubscribed | RejectionCode::NotRegistered | RejectionCode::NotYours => {
                StatusCode::FORBIDDEN
            }
            RejectionCode::Unsupported => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, rejection.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.text).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// 200 with one message.
#[must_use]
pub fn answer<M: Message + Name>(media: Media, message: &M) -> Response {
    whole(media.name(), encode(media, message))
}

/// 200 with a message that is written already, in this form.
#[must_use]
pub fn answer_bytes(media: Media, message: Bytes) -> Response {
    whole(media.name(), message)
}

/// 200 with a JSON text.
#[must_use]
pub fn answer_json(text: impl Into<Body>) -> Response {
    whole(JSON, text)
}

fn whole(name: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(name));
    response
}

/// 202, with nothing: what scheduler and executor calls are answered. Says no type, because clients take a type for a body.
#[must_use]
pub fn accepted() -> Response {
    empty(StatusCode::ACCEPTED)
}

/// 200, with nothing.
#[must_use]
pub fn done() -> Response {
    empty(StatusCode::OK)
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
