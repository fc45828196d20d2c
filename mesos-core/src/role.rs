//! Role paths: who resources are offered to, reserved for and counted against.
//!
//! A role is `*` or a path such as `eng/web`; a role's descendants share what is reserved to it and compete inside its
//! share. Not here: weights (allocator) and who may subscribe to a role (authorization).
//!
//! Rules as in Apache Mesos, `src/common/roles.cpp`, and a longest path, which Mesos leaves open.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// A checked role path. Cloning costs one reference count; order is that of the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Role(Arc<str>);

/// Longest path of a role in bytes: volumes of a role lie in one folder named after the whole path, so it is bounded like
/// the ids. It holds wherever a role is read, whether from a peer, a store or a command line.
pub const ROLE_BYTES_MAX: usize = 255;

/// Why a text is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid role {text:?}: {problem}")]
pub struct InvalidRole {
    /// The refused text, cut after 64 characters.
    pub text: String,
    /// What is wrong with it, and what would be right.
    pub problem: &'static str,
}

impl Role {
    /// Checks `text` and makes it a role.
    ///
    /// # Errors
    /// [`InvalidRole`] says which rule the text breaks.
    ///
    /// ```
    /// use mesos_core::Role;
    /// assert!(Role::new("eng/web").is_ok());
    /// assert!(Role::new("eng//web").unwrap_err().to_string().contains("empty component"));
    /// ```
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, InvalidRole> {
        let text = text.into();
        match problem_of(&text) {
            None => Ok(Self(text)),
            Some(problem) => Err(InvalidRole { text: text.chars().take(64).collect(), problem }),
        }
    }

    /// The default role `*`: everybody's, and never reserved to anybody.
    #[must_use]
    pub fn any() -> Self {
        Self(Arc::from("*"))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, shared.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }

    /// Whether this is the default role `*`.
    #[must_use]
    pub fn is_any(&self) -> bool {
        &*self.0 == "*"
    }

    /// Whether this role lies strictly below `ancestor`: `a/b` is below `a`, but neither `a` nor `ab` is.
    #[must_use]
    pub fn is_below(&self, ancestor: &Self) -> bool {
        let (own, other) = (self.0.as_bytes(), ancestor.0.as_bytes());
        own.len() > other.len() && own[other.len()] == b'/' && own.starts_with(other)
    }

    /// The role one level up, if this one is nested.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(Arc::from(parent)))
    }

    /// The names along the path, outermost first.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

fn problem_of(text: &str) -> Option<&'static str> {
    if text == "*" {
        return None;
    }
    if text.is_empty() {
        return Some("it is empty; use \"*\" for the default role");
    }
    if text.len() > ROLE_BYTES_MAX {
        return Some("it is longer than 255 bytes");
    }
    if text.bytes().any(|b| matches!(b, 0x09..=0x0d | b' ' | 0x7f)) {
        return Some("white space and DEL are not allowed");
    }
    if text.starts_with('/') || text.ends_with('/') {
        return Some("it starts or ends with '/'; write \"a/b\"");
    }
    text.split('/').find_map(|component| match component {
        "" => Some("'//' leaves an empty component; write \"a/b\""),
        "." | ".." => Some("'.' and '..' are not components"),
        "*" => Some("'*' stands alone or not at all"),
        _ if component.starts_with('-') => Some("a component may not start with '-'"),
        _ => None,
    })
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Role({})", self.0)
    }
}

impl Borrow<str> for Role {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_role_paths() {
        for good in ["*", "a", "a/b", "a.b", "a-b/c_d", "a*"] {
            assert!(Role::new(good).is_ok(), "{good:?} was refused");
        }
        for bad in ["", "/a", "a/", "a//b", "a/./b", "..", "a/*", "-a", "a/-b", "a b", "a\tb", "a\x7f"] {
            assert!(Role::new(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_path_is_as_long_as_a_file_name_may_be() {
        let path = |bytes: usize| format!("a/{}", "r".repeat(bytes - 2));
        assert!(Role::new(path(ROLE_BYTES_MAX)).is_ok());
        let refused = Role::new(path(ROLE_BYTES_MAX + 1)).unwrap_err();
        assert!(refused.to_string().contains("255 bytes") && refused.text.len() == 64, "{refused}");
        let text = serde_json::to_string(&path(ROLE_BYTES_MAX + 1)).unwrap();
        assert!(serde_json::from_str::<Role>(&text).is_err(), "a peer's text is bounded, too");
        assert!(Role::new("ü".repeat(128)).is_err(), "bytes count, not characters");
    }

    #[test]
    fn below_is_by_component_and_strict() {
        let role = |text: &str| Role::new(text).unwrap();
        assert!(role("a/b").is_below(&role("a")));
        assert!(role("a/b/c").is_below(&role("a")));
        assert!(!role("a").is_below(&role("a")));
        assert!(!role("ab").is_below(&role("a")));
        assert_eq!(role("a/b/c").parent(), Some(role("a/b")));
        assert_eq!(role("a").parent(), None);
    }
}
