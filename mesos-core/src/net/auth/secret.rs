//! What never prints.

use std::fmt;

use ring::digest;
use subtle::ConstantTimeEq as _;

/// A secret. It has no text, no JSON, and no equality but one that takes the same time whatever it finds.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Keeps these bytes.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// New ones from the operating system.
    ///
    /// # Panics
    /// When the operating system gives none.
    #[must_use]
    pub fn random() -> Self {
        let bytes = ring::rand::generate::<[u8; 32]>(&ring::rand::SystemRandom::new());
        Self::new(bytes.expect("the operating system gives randomness").expose().to_vec())
    }

    /// The bytes, for whoever must have them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether `other` is the same. Digests are compared, whole, so that neither length nor content can be felt for.
    #[must_use]
    pub fn matches(&self, other: &[u8]) -> bool {
        let digest = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes);
        digest(&self.0).as_ref().ct_eq(digest(other).as_ref()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
