//! A handler's word that its answer will be long in coming.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::FromRequestParts;
use http::Request;
use http::request::Parts;
use tokio::sync::OwnedSemaphorePermit;

/// With this a handler says that its answer is one of those that are long in coming, as they should be: from then on it takes
/// no place of [`LimitConcurrency`](super::LimitConcurrency), and has all the time it wants of [`Timeout`](super::Timeout).
/// Until then it is a request like others. Handlers take it as an argument; without these layers it does nothing.
#[derive(Debug, Clone, Default)]
pub struct LongAnswer(Arc<Said>);

#[derive(Debug, Default)]
struct Said {
    is_long: AtomicBool,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl LongAnswer {
    /// It will be long.
    pub fn announce(&self) {
        self.0.is_long.store(true, Ordering::Relaxed);
        self.leave();
    }

    pub(super) fn is_announced(&self) -> bool {
        self.0.is_long.load(Ordering::Relaxed)
    }

    /// The one of this request, whichever layer asks for it first.
    pub(super) fn of(request: &mut Request<Body>) -> Self {
        request.extensions_mut().get_or_insert_default::<Self>().clone()
    }

    /// Takes a place, to keep until the answer begins or is announced to be long.
    pub(super) fn take(&self, place: OwnedSemaphorePermit) {
        *self.place() = Some(place);
    }

    /// Gives the place back, if it has one.
    pub(super) fn leave(&self) {
        *self.place() = None;
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.0.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Sync> FromRequestParts<S> for LongAnswer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
