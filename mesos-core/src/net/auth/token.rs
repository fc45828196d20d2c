//! Tokens that say who somebody is, for a while: JSON Web Tokens signed with HMAC and SHA-256, as Mesos makes for executors.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::Secret;
use crate::time::WallTime;

/// A token is no longer than this, whoever made it.
const BYTES_MAX: usize = 8 << 10;
/// The one header there is: no other way of signing is understood.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Why a token says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It is no token of this kind.
    #[error("it is no token signed with HS256")]
    Malformed,
    /// Somebody else made it, or changed it.
    #[error("its signature is wrong")]
    Forged,
    /// It was good once.
    #[error("it has expired")]
    Expired,
}

/// What a token says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who: a principal.
    #[serde(rename = "sub", default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Until when, in seconds since 1970; absent when something else than time ends it, which whoever takes the token must
    /// look at.
    #[serde(rename = "exp", default, skip_serializing_if = "Option::is_none")]
    pub expires_at_secs: Option<u64>,
    /// What else; for an executor `fid`, `eid` and `cid`, as in Mesos.
    #[serde(flatten)]
    pub others: BTreeMap<String, String>,
}

impl Claims {
    /// Good for so long from `now` on.
    #[must_use]
    pub fn valid_for(now: WallTime, valid_for: Duration) -> Self {
        Self { expires_at_secs: Some((now + valid_for).as_secs()), ..Self::default() }
    }

    /// With one more claim.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.others.insert(name.to_owned(), value.into());
        self
    }
}

/// Signs tokens, and knows its own.
pub struct TokenKey(hmac::Key);

impl TokenKey {
    /// Signs with this secret.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
    }

    /// A token.
    #[must_use]
    #[allow(clippy::expect_used, reason = "what is signed is ours")]
    pub fn sign(&self, claims: &Claims) -> String {
        let claims = serde_json::to_string(claims).expect("texts and a number are JSON");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims));
        let signature = hmac::sign(&self.0, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// What a token says. The signature is judged first, in a time that tells nothing about it.
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn verify(&self, token: &str, now: WallTime) -> Result<Claims, InvalidToken> {
        if token.len() > BYTES_MAX {
            return Err(InvalidToken::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(InvalidToken::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(InvalidToken::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken::Malformed);
        hmac::verify(&self.0, signed.as_bytes(), &decode(signature)?).map_err(|_| InvalidToken::Forged)?;
        let header: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&decode(header)?).map_err(|_| InvalidToken::Malformed)?;
        if header.get("alg").and_then(|alg| alg.as_str()) != Some("HS256") {
            return Err(InvalidToken::Malformed);
        }
        let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| InvalidToken::Malformed)?;
        if claims.expires_at_secs.is_some_and(|at| now.as_secs() >= at) {
            return Err(InvalidToken::Expired);
        }
        Ok(claims)
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(…)")
    }
}
