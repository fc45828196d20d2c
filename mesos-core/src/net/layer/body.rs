//! How long a body may be.

use axum::body::Body;
use http::header::CONTENT_LENGTH;
use http::{Request, StatusCode};
use http_body_util::Limited;

use super::Admission;
use crate::net::http::Refusal;

/// Refuses with 413 a body that says it is longer, and breaks off one that is without having said so.
#[derive(Debug, Clone, Copy)]
pub struct LimitBody {
    bytes_max: usize,
}

impl LimitBody {
    /// At most so many bytes.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { bytes_max }
    }
}

impl Admission for LimitBody {
    fn admit(&self, request: &mut Request<Body>) -> Result<(), Refusal> {
        let said = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if said.is_some_and(|length| length > self.bytes_max as u64) {
            let text = format!("the body is longer than {} bytes; send less at a time", self.bytes_max);
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(Limited::new(body, self.bytes_max));
        Ok(())
    }
}
