//! Sets of strings: the value of a resource whose parts have names.
//!
//! Sorted and without duplicates, so equality does not depend on the order of writing.

use std::fmt;
use std::ops::{AddAssign, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A sorted set of strings.
///
/// ```
/// use mesos_core::resource::Set;
/// assert_eq!(Set::new(["b", "a"])?, "{a,b}".parse()?);
/// assert!(Set::new(["a", "a"]).is_err());
/// # Ok::<(), mesos_core::resource::InvalidSet>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set(Vec<String>);

/// Why a list of strings is not a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSet {
    /// An item comes twice.
    #[error("item {0:?} comes twice; list every item once")]
    Duplicate(String),
    /// The text is not a list in braces.
    #[error("{0:?} is not a set; write \"{{a,b}}\"")]
    NotASet(String),
}

impl Set {
    /// Checks items from outside: none may come twice.
    ///
    /// # Errors
    /// [`InvalidSet::Duplicate`] names the item.
    pub fn new<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Result<Self, InvalidSet> {
        let mut sorted: Vec<String> = items.into_iter().map(Into::into).collect();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(InvalidSet::Duplicate(pair[0].clone())),
            None => Ok(Self(sorted)),
        }
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many items there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The items in order.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether `item` is in the set.
    #[must_use]
    pub fn contains_item(&self, item: &str) -> bool {
        self.0.binary_search_by(|own| own.as_str().cmp(item)).is_ok()
    }

    /// Whether every item of `other` is here too.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|item| self.contains_item(item))
    }

    /// Only the first `count` items.
    #[must_use]
    pub fn first(&self, count: u64) -> Self {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Self(self.0.iter().take(count).cloned().collect())
    }
}

impl AddAssign<&Self> for Set {
    fn add_assign(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
        self.0.sort_unstable();
        self.0.dedup();
    }
}

impl SubAssign<&Self> for Set {
    fn sub_assign(&mut self, other: &Self) {
        self.0.retain(|item| !other.contains_item(item));
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.0.join(","))
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Set {
    type Err = InvalidSet;

    /// Reads `{a,b}`; white space around items is ignored.
    fn from_str(text: &str) -> Result<Self, InvalidSet> {
        let refuse = || InvalidSet::NotASet(text.chars().take(64).collect());
        let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(refuse)?;
        if inner.trim().is_empty() {
            return Ok(Self::default());
        }
        let items: Vec<&str> = inner.split(',').map(str::trim).collect();
        if items.iter().any(|item| item.is_empty()) {
            return Err(refuse());
        }
        Self::new(items)
    }
}

#[derive(Serialize, Deserialize)]
struct Shape {
    #[serde(default)]
    item: Vec<String>,
}

impl Serialize for Set {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Shape { item: self.0.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Set {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Shape::deserialize(deserializer)?.item).map_err(serde::de::Error::custom)
    }
}
