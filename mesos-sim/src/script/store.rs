//! The store of a session: what is written is durable at once, unless the script says otherwise. Not a [`Store`] of a
//! host: it is asked and answers within one step.
//!
//! [`Store`]: mesos_core::provider::Store

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mesos_core::kernel::{Change, Record, Term, Ticket};
use mesos_core::provider::StoreError;

/// How a write ended.
pub(super) type Ending = (Ticket, Result<(), StoreError>);

/// What a session's machine wrote, and what it is still waiting for.
#[derive(Debug, Default)]
pub(super) struct ScriptedStore {
    is_holding: bool,
    records: BTreeMap<Arc<str>, Arc<[u8]>>,
    under_way: VecDeque<(Ticket, Vec<Change>)>,
}

impl ScriptedStore {
    pub(super) fn write(&mut self, ticket: Ticket, changes: Vec<Change>) {
        self.under_way.push_back((ticket, changes));
    }

    /// The oldest write that lands by itself; none while the script holds them.
    pub(super) fn next_landed(&mut self) -> Option<Ending> {
        if self.is_holding { None } else { self.land() }
    }

    /// The oldest write is durable.
    fn land(&mut self) -> Option<Ending> {
        let (ticket, changes) = self.under_way.pop_front()?;
        for change in changes {
            match change {
                Change::Put(record) => drop(self.records.insert(record.key, record.value)),
                Change::Delete(key) => drop(self.records.remove(&key)),
            }
        }
        Some((ticket, Ok(())))
    }

    /// `hold`, `land`, `fail`, `fence`: the last three say how the oldest write ends.
    pub(super) fn told(&mut self, what: &str) -> Result<Option<Ending>, String> {
        let problem = match what {
            "hold" => {
                self.is_holding = true;
                return Ok(None);
            }
            "land" => return self.land().map(Some).ok_or_else(|| "no write is under way".into()),
            "fail" => StoreError::Unknown("the disk is full".into()),
            "fence" => StoreError::Fenced { by: Term(9) },
            other => return Err(format!("{other:?} is nothing a store does; it can hold, land, fail and fence")),
        };
        let (ticket, _) = self.under_way.pop_front().ok_or("no write is under way; hold them before it")?;
        Ok(Some((ticket, Err(problem))))
    }

    /// Of a record that is durable, the disk kept the first half only.
    pub(super) fn tear(&mut self, key: &str) -> Result<(), String> {
        let value = self.records.get_mut(key).ok_or_else(|| format!("no record {key:?} is durable"))?;
        *value = value[..value.len() / 2].into();
        Ok(())
    }

    /// Somebody else wrote that.
    pub(super) fn put(&mut self, key: &str, value: Vec<u8>) {
        self.records.insert(key.into(), value.into());
    }

    pub(super) fn records(&self) -> Vec<Record> {
        self.records.iter().map(|(key, value)| Record { key: key.clone(), value: value.clone() }).collect()
    }

    /// The process that wrote is gone, and with it what was not durable.
    pub(super) fn lose_what_is_under_way(&mut self) {
        (self.is_holding, self.under_way) = (false, VecDeque::new());
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
