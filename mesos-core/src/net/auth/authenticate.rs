//! Finds out who asks.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Extensions, HeaderMap};

use super::{Claims, Credentials, TokenKey};
use crate::net::http::{Caller, Refusal};
use crate::net::tls::{Identity, Part};
use crate::provider::Clock;

/// Under this name a caller's claims say what [`Part`] it is.
pub const PART_CLAIM: &str = "part";

const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Basic realm="mesos", Bearer realm="mesos""#);

/// Knows people by their certificate, or by what they say in `Authorization`. What is said there counts before the
/// certificate: a tool may act for somebody else than the machine it runs on.
#[derive(Debug, Clone)]
pub struct Authenticator {
    credentials: Arc<Credentials>,
    tokens: Vec<Arc<TokenKey>>,
    admits_anonymous: bool,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// Knows holders of certificates only.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { credentials: Arc::default(), tokens: Vec::new(), admits_anonymous: false, clock }
    }

    /// Knows those who say their name and secret.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Arc::new(credentials);
        self
    }

    /// Knows holders of tokens signed with this key, besides those of other keys.
    #[must_use]
    pub fn with_tokens(mut self, key: TokenKey) -> Self {
        self.tokens.push(Arc::new(key));
        self
    }

    /// Lets those through of whom nothing is known. Whether they may do anything is another question.
    #[must_use]
    pub const fn admitting_anonymous(mut self) -> Self {
        self.admits_anonymous = true;
        self
    }

    /// Who sent a request with these headers and extensions.
    ///
    /// # Errors
    /// 401 when that is not known: the same for a name nobody has and for a wrong secret.
    pub fn authenticate(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<Caller, Refusal> {
        let mut said = headers.get_all(AUTHORIZATION).iter();
        match (said.next(), said.next(), extensions.get::<Identity>()) {
            (Some(said), None, _) => {
                self.by_words(said).ok_or_else(|| refuse("what is said in Authorization is wrong"))
            }
            (Some(_), Some(_), _) => Err(refuse("Authorization is said twice")),
            (None, _, Some(identity)) => Ok(of(identity.principal.clone(), identity.part)),
            (None, ..) if self.admits_anonymous => Ok(Caller::anonymous()),
            (None, ..) => Err(refuse("nobody is known here without a certificate, a secret or a token")),
        }
    }

    fn by_words(&self, said: &HeaderValue) -> Option<Caller> {
        let (scheme, words) = said.to_str().ok()?.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("basic") {
            let pair = STANDARD.decode(words.trim()).ok()?;
            let colon = pair.iter().position(|&byte| byte == b':')?;
            let principal = std::str::from_utf8(pair.get(..colon)?).ok()?;
            let (principal, part) = self.credentials.verify(principal, pair.get(colon + 1..)?)?;
            return Some(of(principal, part));
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            let now = self.clock.now().wall;
            return of_claims(self.tokens.iter().find_map(|key| key.verify(words.trim(), now).ok())?);
        }
        None
    }

    /// A layer for a router: puts the [`Caller`] into the extensions, or answers 401.
    pub async fn layer(
        authenticator: Arc<Self>,
        mut request: axum::extract::Request,
        next: axum::middleware::Next,
    ) -> axum::response::Response {
        use axum::response::IntoResponse as _;
        match authenticator.authenticate(request.headers(), request.extensions()) {
            Ok(caller) => {
                // What proves who somebody is goes no further.
                request.headers_mut().remove(AUTHORIZATION);
                request.extensions_mut().insert(caller);
                next.run(request).await
            }
            Err(refusal) => refusal.into_response(),
        }
    }
}

fn of(principal: crate::id::Principal, part: Part) -> Caller {
    Caller::of(principal).with_claim(PART_CLAIM, part.name())
}

fn of_claims(claims: Claims) -> Option<Caller> {
    let mut caller = match claims.subject {
        Some(subject) => Caller::of(crate::id::Principal::new(subject).ok()?),
        None => Caller::anonymous(),
    };
    caller.claims = claims.others;
    Some(caller)
}

fn refuse(text: &str) -> Refusal {
    Refusal::unauthorized(CHALLENGE, text)
}
