//! Methods of gRPC that paths of the HTTP APIs answer: the same code, and so the same judgements, bounds and sentences.
//!
//! ```text
//!   /mesos.kernel.MasterOperator/Ask ──▶ frames off ──▶ /api/v1, protobuf ──▶ layers ──▶ handler
//!                                    ◀── frames on, status ◀────────────────────────────────┘
//! ```
//!
//! Nothing is read or written twice: a message passes as the bytes it came in. What a request says of itself (who asks, from
//! where) passes unchanged, so that everything behind it sees one more request of HTTP.

mod answer;
mod request;
#[cfg(test)]
mod tests;

use axum::body::Body;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri};
use http_body_util::BodyExt as _;
use tonic::Status;

use self::answer::Framed;
use self::request::Unframed;
#[cfg(any(test, fuzzing))]
pub(super) use self::request::unframed;
use super::status::{code_of, is_grpc, refused};
use crate::net::http::{Answering, PROTOBUF, RECORD_IO, Refusal, Response, Site, axum};

const MESSAGE_CONTENT_TYPE: HeaderName = HeaderName::from_static("message-content-type");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// A method, and the path that answers it.
#[derive(Debug, Clone, Copy)]
pub struct Bridged {
    method: &'static str,
    path: &'static str,
    /// Whether the caller sends a stream.
    takes_stream: bool,
    answering: Answering,
}

impl Bridged {
    const fn new(method: &'static str, takes_stream: bool, answering: Answering) -> Self {
        Self { method, path: "/api/v1", takes_stream, answering }
    }
}

/// The methods of `mesos.kernel.MasterOperator`.
pub const MASTER_OPERATOR: &[Bridged] = &[
    Bridged::new("/mesos.kernel.MasterOperator/Ask", false, Answering::Once),
    Bridged::new("/mesos.kernel.MasterOperator/Subscribe", false, Answering::Streaming),
];

/// The methods of `mesos.kernel.AgentOperator`.
pub const AGENT_OPERATOR: &[Bridged] = &[
    Bridged::new("/mesos.kernel.AgentOperator/Ask", false, Answering::Once),
    Bridged::new("/mesos.kernel.AgentOperator/AttachOutput", false, Answering::Streaming),
    Bridged::new("/mesos.kernel.AgentOperator/AttachInput", true, Answering::Once),
];

/// Answers these methods by what a site answers. The site is whole by then: with all its layers, which these requests pass like
/// all others.
///
/// # Panics
/// When the site answers one of them already.
#[must_use]
pub fn bridge(site: Site, methods: &[Bridged]) -> Site {
    let whole = site.clone();
    methods.iter().fold(site, |site, &method| {
        let whole = whole.clone();
        let answer = move |request: Request<Body>| carry(whole.clone(), method, request);
        site.route(method.method, axum::routing::post(answer))
    })
}

async fn carry(site: Site, method: Bridged, request: Request<Body>) -> Response {
    if !is_grpc(request.headers()) {
        let refusal =
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("this is gRPC; {} is HTTP", method.path));
        return axum::response::IntoResponse::into_response(refusal);
    }
    if is_compressed(request.headers()) {
        let mut answer = Status::unimplemented("compressed messages are not read; send them as they are").into_http();
        answer.headers_mut().insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        return answer;
    }
    let (mut head, body) = request.into_parts();
    head.uri = Uri::from_static(method.path);
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(ACCEPT, HeaderValue::from_static(PROTOBUF));
    if method.takes_stream {
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(RECORD_IO));
        head.headers.insert(MESSAGE_CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
    } else {
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
    }
    head.extensions.insert(method.answering);
    let body = Body::new(Unframed::new(body, method.takes_stream));
    let response = site.answer(Request::from_parts(head, body)).await;
    if !response.status().is_success() {
        let code = code_of(response.status());
        return refused(response, code).await;
    }
    let framed = match method.answering {
        Answering::Streaming => Framed::stream(response.into_body()),
        Answering::Once | Answering::Freely => match response.into_body().collect().await {
            Ok(whole) => match Framed::one(whole.to_bytes()) {
                Some(framed) => framed,
                None => return Status::out_of_range("the answer is larger than a message of gRPC").into_http(),
            },
            Err(error) => return Status::internal(error.to_string()).into_http(),
        },
    };
    let mut answer = Response::new(Body::new(framed));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    answer
}

fn is_compressed(headers: &HeaderMap) -> bool {
    headers.get(GRPC_ENCODING).is_some_and(|encoding| encoding != "identity")
}
