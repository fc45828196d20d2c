//! What a resource is called.
//!
//! The five names every cluster knows are enum variants, so that comparing them costs no text. Any other name is allowed,
//! as long as the text form of resources can write it. Units are not part of a name: `mem` and `disk` are megabytes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name in bytes; the same bound as for ids.
const NAME_BYTES_MAX: usize = 255;

/// The name of a resource. The well-known ones come first in order, then the others by their text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceName {
    /// Cores, in thousandths.
    Cpus,
    /// Memory in megabytes.
    Mem,
    /// Disk space in megabytes.
    Disk,
    /// Whole graphics processors.
    Gpus,
    /// Network ports, a set of ranges.
    Ports,
    /// Anything else an agent offers.
    Other(OtherName),
}

/// A checked name that is none of the well-known ones; made by [`ResourceName::new`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherName(Arc<str>);

/// Why a text is not the name of a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid resource name {text:?}: {problem}")]
pub struct InvalidName {
    /// The refused text, cut after 64 characters.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl ResourceName {
    /// Checks `text` and makes it a name.
    ///
    /// # Errors
    /// [`InvalidName`] says which rule the text breaks.
    ///
    /// ```
    /// use mesos_core::resource::ResourceName;
    /// assert_eq!(ResourceName::new("cpus")?, ResourceName::Cpus);
    /// assert_eq!(ResourceName::new("fpgas")?.as_str(), "fpgas");
    /// assert!(ResourceName::new("a;b").is_err());
    /// # Ok::<(), mesos_core::resource::InvalidName>(())
    /// ```
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        Ok(match text {
            "cpus" => Self::Cpus,
            "mem" => Self::Mem,
            "disk" => Self::Disk,
            "gpus" => Self::Gpus,
            "ports" => Self::Ports,
            _ => match problem_of(text) {
                None => Self::Other(OtherName(Arc::from(text))),
                Some(problem) => return Err(InvalidName { text: text.chars().take(64).collect(), problem }),
            },
        })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Cpus => "cpus",
            Self::Mem => "mem",
            Self::Disk => "disk",
            Self::Gpus => "gpus",
            Self::Ports => "ports",
            Self::Other(name) => &name.0,
        }
    }

    /// Where the four common scalars live in the inline arrays of this module tree.
    #[must_use]
    pub(super) const fn slot(&self) -> Option<usize> {
        match self {
            Self::Cpus => Some(0),
            Self::Mem => Some(1),
            Self::Disk => Some(2),
            Self::Gpus => Some(3),
            Self::Ports | Self::Other(_) => None,
        }
    }
}

/// The names of the inline slots, in order.
pub(super) const SLOTS: [ResourceName; 4] =
    [ResourceName::Cpus, ResourceName::Mem, ResourceName::Disk, ResourceName::Gpus];

fn problem_of(text: &str) -> Option<&'static str> {
    // Almost all names are like this, and one look at each byte tells.
    let is_common = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_common) {
        None
    } else if text.is_empty() {
        Some("it is empty; give a name such as \"cpus\"")
    } else if text.len() > NAME_BYTES_MAX {
        Some("it is longer than 255 bytes")
    } else if text.trim() != text || text.chars().any(char::is_control) {
        Some("it starts or ends with white space, or holds a control character")
    } else if text.contains(|c| ":;,()[]{}\"".contains(c)) {
        Some("the characters : ; , ( ) [ ] { } \" separate things in the text form")
    } else {
        None
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for OtherName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ResourceName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl Serialize for ResourceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ResourceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
