//! A store that keeps everything in memory: for tests, for trying things out, and for masters that share one process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::kernel::{Change, Record, Term};
use crate::provider::{Store, StoreError};

/// Records in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    records: BTreeMap<Arc<str>, Arc<[u8]>>,
    fence: Term,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Raises the fence, or says who raised it further.
    fn pass(&mut self, term: Term) -> Result<(), StoreError> {
        if term < self.fence {
            return Err(StoreError::Fenced { by: self.fence });
        }
        self.fence = term;
        Ok(())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn open(&self, term: Term) -> Result<Vec<Record>, StoreError> {
        let mut inner = self.lock();
        inner.pass(term)?;
        Ok(inner.records.iter().map(|(key, value)| Record { key: key.clone(), value: value.clone() }).collect())
    }

    async fn commit(&self, term: Term, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.pass(term)?;
        for change in changes {
            match change {
                Change::Put(record) => inner.records.insert(record.key, record.value),
                Change::Delete(key) => inner.records.remove(&key),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_older_term_is_fenced_off_and_writes_nothing() {
        let store = MemoryStore::new();
        let put = |key: &str| vec![Change::Put(Record::encode(key, &1))];
        store.open(Term(1)).await.unwrap();
        store.commit(Term(1), put("a")).await.unwrap();
        assert_eq!(store.open(Term(2)).await.unwrap().len(), 1);
        assert_eq!(store.commit(Term(1), put("b")).await, Err(StoreError::Fenced { by: Term(2) }));
        assert_eq!(store.open(Term(1)).await, Err(StoreError::Fenced { by: Term(2) }));
        store.commit(Term(2), vec![Change::Delete("a".into())]).await.unwrap();
        assert!(store.is_empty());
    }
}
