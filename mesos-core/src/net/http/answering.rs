//! Whether an answer is one message or goes on.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::Refusal;

/// What answer a caller's transport has room for. Over HTTP every call is answered in its own way; a method of gRPC says
/// beforehand how, and puts that into the request's extensions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answering {
    /// Either.
    #[default]
    Freely,
    /// One message.
    Once,
    /// A stream of messages.
    Streaming,
}

impl Answering {
    /// Lets a call pass whose answer there is room for. Called before anything is done.
    ///
    /// # Errors
    /// 400 names the call and how it is answered.
    pub fn check(self, call: &str, is_stream: bool) -> Result<(), Refusal> {
        let how = match (self, is_stream) {
            (Self::Freely, _) | (Self::Once, false) | (Self::Streaming, true) => return Ok(()),
            (Self::Once, true) => "a stream",
            (Self::Streaming, false) => "one message",
        };
        Err(Refusal::bad_request(format!("{call} is answered with {how}; call the method that answers so")))
    }
}

impl<S: Sync> FromRequestParts<S> for Answering {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or_default())
    }
}
