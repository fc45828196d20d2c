//! What a framework remembers, and under which keys: the driver's own records and the author's never collide.

use mesos_core::FrameworkId;
use mesos_core::kernel::{Change, Draft, Key, Record, RecordError};

/// The framework's id, given by the master at the first subscription.
pub const FRAMEWORK_ID_KEY: &str = "driver/framework_id";

/// Before the keys of what the scheduler remembers.
pub const MEMORY_PREFIX: &str = "memory/";

/// The same as the first part of a key.
const MEMORY: &str = "memory";

/// What an earlier run left.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The framework's id, if it ever subscribed.
    pub(super) framework_id: Option<FrameworkId>,
    /// What its scheduler remembered, under the scheduler's own keys.
    pub(super) records: Vec<Record>,
}

/// Sorts out what a store holds. Records of neither kind belong to a newer version of the driver and are left alone.
pub(super) fn recall(records: Vec<Record>) -> Result<Memory, RecordError> {
    let mut memory = Memory::default();
    for record in records {
        if &*record.key == FRAMEWORK_ID_KEY {
            memory.framework_id = Some(record.decode()?);
        } else if let Some(key) = record.key.strip_prefix(MEMORY_PREFIX) {
            memory.records.push(Record { key: key.into(), value: record.value });
        } else {
            tracing::warn!(key = %record.key, "a record of unknown kind is left alone");
        }
    }
    Ok(memory)
}

/// The scheduler's change under the key it is stored with.
pub(super) fn stored(change: Change) -> Draft {
    let key = |key| Key::of(MEMORY, key);
    match change {
        Change::Put(record) => Draft::put_encoded(key(record.key), record.value),
        Change::Delete(deleted) => Draft::delete(key(deleted)),
    }
}
