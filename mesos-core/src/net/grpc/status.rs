//! Refusals of HTTP as statuses of gRPC: the same sentence under the code that means the same.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use tonic::{Code, Status};

use crate::net::http::{Refusal, Response};

/// Of a refusal's text; it travels in a header.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// The code that means the same as a status that is no success.
#[must_use]
pub fn code_of(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::NotFound,
        // The cluster is not in the state that the call needs.
        StatusCode::CONFLICT => Code::FailedPrecondition,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Code::DeadlineExceeded,
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Code::Unimplemented,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TEMPORARY_REDIRECT => Code::Unavailable,
        status if status.is_client_error() => Code::InvalidArgument,
        _ => Code::Internal,
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self::new(code_of(refusal.status), refusal.text)
    }
}

/// Whether a request or an answer is one of gRPC.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// An answer that is no success, as gRPC says it. What says when or how to come again is kept.
pub(super) async fn refused(response: Response, code: Code) -> Response {
    let (head, body) = response.into_parts();
    let text = match (head.headers.get(LOCATION).and_then(|place| place.to_str().ok()), head.status) {
        (Some(place), status) if status.is_redirection() => {
            let leader = place.trim_start_matches('/').split('/').next().unwrap_or_default();
            format!("another master leads; ask at {leader}")
        }
        _ => match Limited::new(body, TEXT_BYTES_MAX).collect().await {
            Ok(text) => String::from_utf8_lossy(&text.to_bytes()).into_owned(),
            Err(_) => head.status.to_string(),
        },
    };
    let mut answer = Status::new(code, text).into_http::<Body>();
    for name in [RETRY_AFTER, WWW_AUTHENTICATE] {
        if let Some(value) = head.headers.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

/// A layer around everything else: whoever asks by gRPC is refused by gRPC, also by layers that know nothing of it.
pub async fn statuses(request: Request, next: Next) -> Response {
    let asks_by_grpc = is_grpc(request.headers());
    let response = next.run(request).await;
    if !asks_by_grpc || is_grpc(response.headers()) {
        return response;
    }
    let code = match response.status() {
        // A method nobody has, which is not the same as a thing nobody has.
        StatusCode::NOT_FOUND => Code::Unimplemented,
        status => code_of(status),
    };
    refused(response, code).await
}
