//! Typed identifiers: one macro, one table, no bare strings elsewhere.
//!
//! An id is a shared, immutable string that was checked when it was made: cloning costs one reference count and an id
//! that exists is valid. The rules are those of Apache Mesos (`src/common/validation.cpp`, `validateID`): not empty, at
//! most 255 bytes, not `.` or `..`, no control characters, no `/` and no `\`, because ids become folder names.
//!
//! This is not where ids are *generated*: the master numbers frameworks, agents and offers; authors name tasks.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// Longest id in bytes: the longest file name on common file systems.
pub const ID_BYTES_MAX: usize = 255;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {kind} {text:?}: {problem}")]
pub struct InvalidId {
    /// What the text was meant to be, for example `task id`.
    pub kind: &'static str,
    /// The refused text, cut after 64 characters.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

fn check(kind: &'static str, text: &str) -> Result<(), InvalidId> {
    // Most ids are plain, and seen to be so in one pass.
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b'\\');
    if is_plain && (3..=ID_BYTES_MAX).contains(&text.len()) {
        return Ok(());
    }
    let problem = if text.is_empty() {
        "it is empty; give at least one character"
    } else if text.len() > ID_BYTES_MAX {
        "it is longer than 255 bytes"
    } else if text == "." || text == ".." {
        "'.' and '..' are reserved names of the file system"
    } else if text.bytes().any(|b| b == b'/' || b == b'\\') {
        "'/' and '\\' are not allowed, since ids become folder names"
    } else if text.chars().any(char::is_control) {
        "control characters are not allowed"
    } else {
        return Ok(());
    };
    Err(InvalidId { kind, text: text.chars().take(64).collect(), problem })
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and makes it an id.
            ///
            /// # Errors
            /// [`InvalidId`] says which rule the text breaks.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, InvalidId> {
                let text = text.into();
                check($kind, &text)?;
                Ok(Self(text))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text itself, shared.
            #[must_use]
            pub fn shared(&self) -> Arc<str> {
                self.0.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// One run of a master process; prefix of every id it hands out.
    MasterId = "master id";
    /// A framework, given by the master when it first subscribes, kept across failovers.
    FrameworkId = "framework id";
    /// An agent, given by the master at its first registration, kept across restarts.
    AgentId = "agent id";
    /// One offer; never used twice by a master.
    OfferId = "offer id";
    /// A task, chosen by its framework and unique among that framework's tasks.
    TaskId = "task id";
    /// An executor, chosen by its framework and unique per agent and framework.
    ExecutorId = "executor id";
    /// One container on one agent.
    ContainerId = "container id";
    /// An operation whose outcome the framework wants to be told.
    OperationId = "operation id";
    /// A persistent volume, unique per role on its agent.
    PersistenceId = "persistence id";
    /// A resource provider on an agent.
    ProviderId = "provider id";
    /// Who somebody proved to be.
    Principal = "principal";
}

/// The executor the agent makes for a task that is a command: named like the task, under the same rules.
impl From<&TaskId> for ExecutorId {
    fn from(id: &TaskId) -> Self {
        Self(id.0.clone())
    }
}

/// The one container of a task that is a command: named like the task, under the same rules.
impl From<&TaskId> for ContainerId {
    fn from(id: &TaskId) -> Self {
        Self(id.0.clone())
    }
}

/// Names one status update, so that it can be acknowledged: 16 random bytes, as Mesos has them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpdateId(pub u128);

impl fmt::Display for UpdateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for UpdateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpdateId({:032x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_with_a_slash_is_refused_and_says_why() {
        let refused = TaskId::new("web/1").unwrap_err();
        assert_eq!(refused.kind, "task id");
        assert!(refused.to_string().contains("'/'"), "{refused}");
    }

    #[test]
    fn every_rule_has_its_case() {
        for bad in ["", ".", "..", "a\\b", "a\nb", &"x".repeat(256)] {
            assert!(AgentId::new(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(AgentId::new("x".repeat(255)).is_ok());
    }

    #[test]
    fn reading_json_checks_the_rules_too() {
        assert!(serde_json::from_str::<TaskId>("\"a/b\"").is_err());
        assert_eq!(serde_json::from_str::<TaskId>("\"a.b\"").unwrap().as_str(), "a.b");
    }
}
