//! Small keyed records: the one form in which the kernel keeps anything durable.
//!
//! The master's registry, an agent's checkpoints and a framework's memory are all maps from a short key to a small value,
//! changed by atomic batches. Not one big value: rewriting it is what limits Mesos at tens of thousands of agents, and
//! ZooKeeper and etcd cap a value near 1 MB. Values are JSON, so that people can read what a store holds.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The number of a leadership; a store refuses writes of an older term than the newest it was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Term(pub u64);

/// One durable record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its key, for example `agent/<id>`.
    pub key: Arc<str>,
    /// Its value, JSON.
    pub value: Arc<[u8]>,
}

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Writes the record, over whatever was there.
    Put(Record),
    /// Deletes the record with this key, if there is one.
    Delete(Arc<str>),
}

/// A stored record that cannot be read back: the store holds something this version does not understand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {key:?} is unreadable: {problem}")]
pub struct RecordError {
    /// The record's key.
    pub key: Arc<str>,
    /// What the decoder said.
    pub problem: String,
}

impl Record {
    /// Encodes `value` under `key`.
    ///
    /// # Panics
    /// When `value` cannot be written as JSON, for example a map with keys that are not text: a defect of the caller.
    #[must_use]
    pub fn encode(key: impl Into<Arc<str>>, value: &impl Serialize) -> Self {
        let value = serde_json::to_vec(value).expect("records are plain data");
        Self { key: key.into(), value: value.into() }
    }

    /// Decodes the value.
    ///
    /// # Errors
    /// [`RecordError`] names the record and what is wrong with it.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, RecordError> {
        serde_json::from_slice(&self.value)
            .map_err(|error| RecordError { key: self.key.clone(), problem: error.to_string() })
    }
}

impl Change {
    /// The key this change is about.
    #[must_use]
    pub const fn key(&self) -> &Arc<str> {
        match self {
            Self::Put(record) => &record.key,
            Self::Delete(key) => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_record_is_named() {
        let record = Record { key: "agent/a1".into(), value: b"{".as_slice().into() };
        assert!(record.decode::<u32>().unwrap_err().to_string().contains("agent/a1"));
        assert_eq!(Record::encode("n", &7_u32).decode::<u32>(), Ok(7));
    }
}
