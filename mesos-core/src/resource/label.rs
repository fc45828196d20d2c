//! Labels: free key and value pairs that take part in the identity of what carries them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One key, with or without a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label {
    /// The key; several labels may share one.
    pub key: String,
    /// The value, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Labels in sorted order: two lists with the same labels are equal however they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Vec<Label>);

impl Labels {
    /// No labels.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels, sorted by key and value.
    #[must_use]
    pub fn as_slice(&self) -> &[Label] {
        &self.0
    }

    /// The value of the first label with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|label| label.key == key).and_then(|label| label.value.as_deref())
    }
}

impl FromIterator<Label> for Labels {
    fn from_iter<I: IntoIterator<Item = Label>>(labels: I) -> Self {
        let mut sorted: Vec<Label> = labels.into_iter().collect();
        sorted.sort_unstable();
        Self(sorted)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        pairs.into_iter().map(|(key, value)| Label { key: key.into(), value: Some(value.into()) }).collect()
    }
}

#[derive(Serialize, Deserialize)]
struct Shape {
    #[serde(default)]
    labels: Vec<Label>,
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Shape { labels: self.0.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Shape::deserialize(deserializer)?.labels.into_iter().collect())
    }
}
