//! How long the registry's store takes, and how much is in it: the host measures what the kernel only waits for.
//!
//! It bounds nothing: [`Patience`](mesos_core::daemon::Patience) does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant as Clock;

use async_trait::async_trait;
use mesos_core::Store;
use mesos_core::kernel::{Change, Record, Term};
use mesos_core::provider::StoreError;

use super::rounds::Times;

/// What was measured of a registry's store.
#[derive(Debug, Clone, Default)]
pub struct StoreTimes {
    /// How long it took to open it and read all of it.
    pub fetched: Times,
    /// How long batches took to become durable.
    pub stored: Times,
    /// How large all records are, with their keys.
    pub bytes: u64,
}

/// The times of a registry's store. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct StoreWatch(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    times: StoreTimes,
    /// The size of each record.
    sizes: BTreeMap<Arc<str>, u64>,
}

impl Known {
    fn put(&mut self, record: &Record) {
        let bytes = (record.key.len() + record.value.len()) as u64;
        self.times.bytes += bytes;
        self.times.bytes -= self.sizes.insert(record.key.clone(), bytes).unwrap_or_default();
    }

    fn delete(&mut self, key: &Arc<str>) {
        self.times.bytes -= self.sizes.remove(key).unwrap_or_default();
    }
}

impl StoreWatch {
    /// As they are now.
    #[must_use]
    pub fn read(&self) -> StoreTimes {
        self.known().times.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same store, measured.
    pub(super) fn over(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Watched { store, watch: self.clone() })
    }
}

#[derive(Debug)]
struct Watched {
    store: Arc<dyn Store>,
    watch: StoreWatch,
}

#[async_trait]
impl Store for Watched {
    async fn open(&self, term: Term) -> Result<Vec<Record>, StoreError> {
        let began = Clock::now();
        let records = self.store.open(term).await?;
        let mut known = self.watch.known();
        known.times.fetched.add(began.elapsed());
        records.iter().for_each(|record| known.put(record));
        Ok(records)
    }

    async fn commit(&self, term: Term, changes: Vec<Change>) -> Result<(), StoreError> {
        let began = Clock::now();
        self.store.commit(term, changes.clone()).await?;
        let mut known = self.watch.known();
        known.times.stored.add(began.elapsed());
        for change in &changes {
            match change {
                Change::Put(record) => known.put(record),
                Change::Delete(key) => known.delete(key),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::daemon::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn it_is_known_how_much_is_kept_and_how_long_that_takes() {
        let watch = StoreWatch::default();
        let store = watch.over(Arc::new(MemoryStore::new()));
        store.open(Term(1)).await.unwrap();
        let put = |key: &str, value: &str| Change::Put(Record { key: key.into(), value: value.as_bytes().into() });
        store.commit(Term(1), vec![put("a", "12345"), put("b", "1")]).await.unwrap();
        assert_eq!(watch.read().bytes, 8);
        store
            .commit(Term(1), vec![put("a", "1"), Change::Delete("b".into()), Change::Delete("c".into())])
            .await
            .unwrap();
        let times = watch.read();
        assert_eq!((times.bytes, times.fetched.count(), times.stored.count()), (2, 1, 2));
        let again = StoreWatch::default();
        again.over(store).open(Term(2)).await.unwrap();
        assert_eq!(again.read().bytes, 2, "what is there counts");
    }
}
