//! Hanging up from within.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use tokio::sync::Notify;

/// Ends the connection a request came on, with everything that waits to be written to it. In the extensions of every request
/// that [`serve`](super::serve) hands over; handlers take it as an argument. One that came in another way does nothing.
#[derive(Debug, Clone, Default)]
pub struct Hangup(Arc<Notify>);

impl Hangup {
    /// Ends it now.
    pub fn hang_up(&self) {
        // Kept until somebody looks, if nobody waits yet.
        self.0.notify_one();
    }

    /// Waits until it shall end.
    pub(super) async fn asked(&self) {
        self.0.notified().await;
    }
}

impl<S: Sync> FromRequestParts<S> for Hangup {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
