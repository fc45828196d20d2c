//! What an operator says about an agent: `rack:r7;zone:eu-1;slots:[1-4];speed:2.5`.
//!
//! Not resources: attributes are never consumed. Types as in Apache Mesos (`docs/attributes-resources.md`): scalar, ranges,
//! text.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::resource::{Ranges, Scalar};

/// One attribute's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeValue {
    /// A number with three decimals.
    Scalar(Scalar),
    /// Intervals of whole numbers.
    Ranges(Ranges),
    /// Anything else.
    Text(Arc<str>),
}

/// Attributes in the order they were given; a name may occur more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(Vec<(Arc<str>, AttributeValue)>);

/// Why a text is not a list of attributes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid attribute {entry:?}: {problem}")]
pub struct InvalidAttribute {
    /// The entry between semicolons.
    pub entry: String,
    /// What is wrong with it, and what would be right.
    pub problem: &'static str,
}

impl Attributes {
    /// The first value under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// The first text under `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            AttributeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// All attributes in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Arc<str>, AttributeValue)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, AttributeValue)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// Parses `name:value;name:value`.
///
/// ```
/// use mesos_core::Attributes;
/// let attributes: Attributes = "rack:r7;slots:[1-4]".parse().unwrap();
/// assert_eq!(attributes.text("rack"), Some("r7"));
/// ```
impl FromStr for Attributes {
    type Err = InvalidAttribute;

    fn from_str(text: &str) -> Result<Self, InvalidAttribute> {
        let entries = text.split(';').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(parse_entry).collect::<Result<_, _>>().map(Self)
    }
}

fn parse_entry(entry: &str) -> Result<(Arc<str>, AttributeValue), InvalidAttribute> {
    let refuse = |problem| InvalidAttribute { entry: entry.chars().take(64).collect(), problem };
    let (name, value) = entry.split_once(':').ok_or_else(|| refuse("there is no ':'; write name:value"))?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() {
        return Err(refuse("the name is empty; write name:value"));
    }
    if value.is_empty() {
        return Err(refuse("the value is empty; write name:value"));
    }
    let value = if value.starts_with('[') {
        AttributeValue::Ranges(value.parse().map_err(|_| refuse("these are not ranges; write [1-4, 8-9]"))?)
    } else if let Ok(scalar) = value.parse() {
        AttributeValue::Scalar(scalar)
    } else {
        AttributeValue::Text(value.into())
    };
    Ok((name.into(), value))
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, value)) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { ";" };
            match value {
                AttributeValue::Scalar(scalar) => write!(f, "{separator}{name}:{scalar}")?,
                AttributeValue::Ranges(ranges) => write!(f, "{separator}{name}:{ranges}")?,
                AttributeValue::Text(text) => write!(f, "{separator}{name}:{text}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_in_and_comes_out_again() {
        let text = "rack:r7;speed:2.5;slots:[1-4,8-9]";
        assert_eq!(text.parse::<Attributes>().unwrap().to_string(), text);
    }

    #[test]
    fn a_bad_entry_is_named() {
        for bad in ["rack", ":x", "rack:", "slots:[4"] {
            let refused = bad.parse::<Attributes>().unwrap_err();
            assert_eq!(refused.entry, bad);
        }
    }
}
