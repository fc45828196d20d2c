//! A store nobody waits for longer than they may: a disk that hangs must not keep a process whose decisions are no longer
//! durable.
//!
//! What does not come in time may or may not have happened, so whoever asked ends, and begins anew from what is written.
//! Every host wraps its store in this; stores themselves know no time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::kernel::{Change, Record, Term};
use crate::provider::{Store, StoreError};

/// How long a store may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// To open it and read all of it.
    pub fetch: Duration,
    /// To make a batch durable.
    pub store: Duration,
}

impl Default for Patience {
    /// As Apache Mesos has it for registries (`docs/configuration/master.md`, `registry_fetch_timeout` and
    /// `registry_store_timeout`).
    fn default() -> Self {
        Self { fetch: Duration::from_secs(60), store: Duration::from_secs(20) }
    }
}

impl Patience {
    /// The same store, for which nobody waits longer than that.
    #[must_use]
    pub fn over(self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Patient { store, patience: self })
    }
}

#[derive(Debug)]
struct Patient {
    store: Arc<dyn Store>,
    patience: Patience,
}

#[async_trait]
impl Store for Patient {
    async fn open(&self, term: Term) -> Result<Vec<Record>, StoreError> {
        let opened = tokio::time::timeout(self.patience.fetch, self.store.open(term)).await;
        opened.map_err(|_| StoreError::Unusable(too_long("be read", self.patience.fetch)))?
    }

    async fn commit(&self, term: Term, changes: Vec<Change>) -> Result<(), StoreError> {
        let committed = tokio::time::timeout(self.patience.store, self.store.commit(term, changes)).await;
        committed.map_err(|_| StoreError::Unknown(too_long("write a batch", self.patience.store)))?
    }
}

/// What is said of a store that took longer than it may, for example "to be read".
fn too_long(what: &str, patience: Duration) -> String {
    format!("the store took longer than {patience:?} to {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::MemoryStore;

    /// Answers late.
    #[derive(Debug)]
    struct Late(MemoryStore, Duration);

    #[async_trait]
    impl Store for Late {
        async fn open(&self, term: Term) -> Result<Vec<Record>, StoreError> {
            tokio::time::sleep(self.1).await;
            self.0.open(term).await
        }

        async fn commit(&self, term: Term, changes: Vec<Change>) -> Result<(), StoreError> {
            tokio::time::sleep(self.1).await;
            self.0.commit(term, changes).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_has_its_time_and_no_more() {
        let changes = || vec![Change::Put(Record::encode("a", &1))];
        let slow = Patience::default().over(Arc::new(Late(MemoryStore::new(), Duration::from_secs(20))));
        assert_eq!(slow.open(Term(1)).await, Ok(Vec::new()));
        let began = tokio::time::Instant::now();
        let slower = Patience::default().over(Arc::new(Late(MemoryStore::new(), Duration::from_secs(61))));
        let StoreError::Unusable(why) = slower.open(Term(1)).await.unwrap_err() else { panic!("it is not open") };
        assert_eq!((&*why, began.elapsed().as_secs()), ("the store took longer than 60s to be read", 60));
        let StoreError::Unknown(why) = slower.commit(Term(1), changes()).await.unwrap_err() else {
            panic!("nobody knows what became of it")
        };
        assert_eq!((&*why, began.elapsed().as_secs()), ("the store took longer than 20s to write a batch", 80));
        let quick = Patience::default().over(Arc::new(MemoryStore::new()));
        assert_eq!(quick.commit(Term(1), changes()).await, Ok(()));
        assert_eq!(quick.open(Term(1)).await.unwrap().len(), 1);
    }
}
