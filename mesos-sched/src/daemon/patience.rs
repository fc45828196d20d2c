//! How long the registry's store takes, and how long it may: the host measures and bounds what the kernel only waits for.
//!
//! A disk that hangs must not keep a leader whose decisions are no longer durable: what does not come in time may or may not
//! have happened, and the master steps down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Clock};

use async_trait::async_trait;
use mesos_core::Store;
use mesos_core::kernel::{Change, Record, Term};
use mesos_core::provider::StoreError;

use super::rounds::Times;

/// How long the registry's store may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// To open it and read all of it.
    pub fetch: Duration,
    /// To make a batch durable.
    pub store: Duration,
}

impl Default for Patience {
    /// As in Apache Mesos (`docs/configuration/master.md`, `registry_fetch_timeout` and `registry_store_timeout`).
    fn default() -> Self {
        Self { fetch: Duration::from_secs(60), store: Duration::from_secs(20) }
    }
}

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

    /// The same store, measured, for which nobody waits longer than that.
    pub(super) fn over(&self, store: Arc<dyn Store>, patience: Patience) -> Arc<dyn Store> {
        Arc::new(Watched { store, patience, watch: self.clone() })
    }
}

#[derive(Debug)]
struct Watched {
    store: Arc<dyn Store>,
    patience: Patience,
    watch: StoreWatch,
}

#[async_trait]
impl Store for Watched {
    async fn open(&self, term: Term) -> Result<Vec<Record>, StoreError> {
        let began = Clock::now();
        let opened = tokio::time::timeout(self.patience.fetch, self.store.open(term)).await;
        let records = opened.map_err(|_| StoreError::Unusable(too_long("be read", self.patience.fetch)))??;
        let mut known = self.watch.known();
        known.times.fetched.add(began.elapsed());
        records.iter().for_each(|record| known.put(record));
        Ok(records)
    }

    async fn commit(&self, term: Term, changes: Vec<Change>) -> Result<(), StoreError> {
        let began = Clock::now();
        let committed = tokio::time::timeout(self.patience.store, self.store.commit(term, changes.clone())).await;
        committed.map_err(|_| StoreError::Unknown(too_long("write a batch", self.patience.store)))??;
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

fn too_long(what: &str, patience: Duration) -> String {
    format!("the store took longer than {patience:?} to {what}")
}

#[cfg(test)]
mod tests {
    use mesos_core::MasterId;
    use mesos_core::daemon::{Door, MemoryStore};

    use super::*;
    use crate::allocator::HierarchicalDrf;
    use crate::daemon::election::Standalone;
    use crate::daemon::{LeadError, MasterDaemon, MasterSetup};

    /// Never answers: from the beginning, or once it is open.
    #[derive(Debug)]
    struct Hung {
        opens: bool,
    }

    #[async_trait]
    impl Store for Hung {
        async fn open(&self, _: Term) -> Result<Vec<Record>, StoreError> {
            match self.opens {
                true => Ok(Vec::new()),
                false => std::future::pending().await,
            }
        }

        async fn commit(&self, _: Term, _: Vec<Change>) -> Result<(), StoreError> {
            std::future::pending().await
        }
    }

    fn master(store: Hung) -> MasterDaemon {
        let (door, _keeper) = Door::new();
        let (allocator, contender) = (Box::<HierarchicalDrf>::default(), Box::new(Standalone::new(Term(1))));
        let id = MasterId::new("m1").unwrap();
        MasterDaemon::start(MasterSetup::new(id, allocator, Arc::new(store), contender, door))
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_keeps_no_leader() {
        let began = tokio::time::Instant::now();
        let daemon = master(Hung { opens: true });
        let led = daemon.join().await.unwrap();
        assert!(led.why.contains("took longer than 20s to write a batch"), "{}", led.why);
        assert_eq!(began.elapsed().as_secs(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_cannot_be_read_in_time_makes_no_leader() {
        let began = tokio::time::Instant::now();
        let problem = master(Hung { opens: false }).join().await.unwrap_err();
        assert!(matches!(problem, LeadError::Registry(StoreError::Unusable(_))), "{problem}");
        assert!(problem.to_string().contains("took longer than 60s to be read"), "{problem}");
        assert_eq!(began.elapsed().as_secs(), 60);
    }

    #[tokio::test]
    async fn it_is_known_how_much_is_kept_and_how_long_that_takes() {
        let watch = StoreWatch::default();
        let store = watch.over(Arc::new(MemoryStore::new()), Patience::default());
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
        again.over(store, Patience::default()).open(Term(2)).await.unwrap();
        assert_eq!(again.read().bytes, 2, "what is there counts");
    }
}
