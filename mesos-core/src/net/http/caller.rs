//! Who asks.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::id::Principal;

/// Who a request comes from, as far as somebody made sure of it.
///
/// A layer that authenticates puts it into the request's extensions; without such a layer everybody is anonymous. Handlers
/// take it as an argument. Whether an anonymous caller may do anything is for the layer that authorizes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// Who the caller proved to be.
    pub principal: Option<Principal>,
    /// What else is sure about it, for example which executor it is.
    pub claims: std::collections::BTreeMap<String, String>,
}

impl Caller {
    /// Nobody in particular.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// Somebody who proved to be this principal.
    #[must_use]
    pub fn of(principal: Principal) -> Self {
        Self { principal: Some(principal), ..Self::default() }
    }

    /// With one more claim.
    #[must_use]
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
