//! Records in one file, by the embedded database redb.
//!
//! The fence is a record beside the others, read and written in the transaction that writes them: two processes that both
//! believe they lead cannot interleave. Commits wait for the disk, on threads that may block.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::kernel::{Change, Record, Term};
use crate::provider::{Store, StoreError};
use async_trait::async_trait;
use redb::{Database, ReadableTable, TableDefinition, WriteTransaction};

const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");
const FENCE: TableDefinition<'_, (), u64> = TableDefinition::new("fence");

/// Records in one file. Clones share it; two processes cannot have it open at once.
#[derive(Clone)]
pub struct RedbStore {
    database: Arc<Database>,
    path: PathBuf,
}

impl RedbStore {
    /// Opens the file, or makes it, for its owner alone. Blocks while an interrupted write is repaired.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the file cannot be opened, for example since another process has it open, or when it is there
    /// and empty.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        // What a full disk or a lost write leaves is no new store: whoever forgot everything shall know it.
        if std::fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
            let what = format!("{} is empty, so what was kept in it is lost; remove it to begin anew", path.display());
            return Err(StoreError::Unusable(what));
        }
        let refuse = |why: String| StoreError::Unusable(format!("{} cannot be opened: {why}", path.display()));
        let file = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|error| refuse(error.to_string()))?;
        let database = Database::builder().create_file(file).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => refuse("another process has it open".to_owned()),
            error => refuse(error.to_string()),
        })?;
        Ok(Self { database: Arc::new(database), path })
    }

    /// Opens the file as [`open`](Self::open) does, on a thread that may block and for no longer than that, and says the
    /// newest term it was opened with.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`StoreError::Unusable`] when it takes longer.
    pub async fn open_within(path: impl AsRef<Path>, time: Duration) -> Result<(Self, Term), StoreError> {
        let path = path.as_ref().to_owned();
        let shown = path.display().to_string();
        let opening = async {
            let store = tokio::task::spawn_blocking(|| Self::open(path)).await.map_err(unknown)??;
            let newest = store.fence().await?;
            Ok((store, newest))
        };
        let too_long = |_| StoreError::Unusable(format!("{shown} took longer than {time:?} to be opened"));
        tokio::time::timeout(time, opening).await.map_err(too_long)?
    }

    /// The newest term this file was opened with.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn fence(&self) -> Result<Term, StoreError> {
        self.blocking(|database| {
            let transaction = database.begin_write().map_err(unknown)?;
            fence(&transaction)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = self.database.clone();
        match tokio::task::spawn_blocking(move || work(&database)).await {
            Ok(result) => result,
            Err(error) => Err(unknown(error)),
        }
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("path", &self.path).finish_non_exhaustive()
    }
}

fn unknown(error: impl fmt::Display) -> StoreError {
    StoreError::Unknown(error.to_string())
}

fn fence(transaction: &WriteTransaction) -> Result<Term, StoreError> {
    let table = transaction.open_table(FENCE).map_err(unknown)?;
    let term = table.get(()).map_err(unknown)?;
    Ok(Term(term.map_or(0, |term| term.value())))
}

/// Raises the fence, or says who raised it further.
fn pass(transaction: &WriteTransaction, term: Term) -> Result<(), StoreError> {
    let by = fence(transaction)?;
    if term < by {
        return Err(StoreError::Fenced { by });
    }
    if term > by {
        transaction.open_table(FENCE).map_err(unknown)?.insert((), term.0).map_err(unknown)?;
    }
    Ok(())
}

fn load(database: &Database, term: Term) -> Result<Vec<Record>, StoreError> {
    let transaction = database.begin_write().map_err(unknown)?;
    pass(&transaction, term)?;
    let mut records = Vec::new();
    {
        let table = transaction.open_table(RECORDS).map_err(unknown)?;
        for row in table.iter().map_err(unknown)? {
            let (key, value) = row.map_err(unknown)?;
            records.push(Record { key: key.value().into(), value: value.value().into() });
        }
    }
    transaction.commit().map_err(unknown)?;
    Ok(records)
}

fn write(database: &Database, term: Term, changes: &[Change]) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(unknown)?;
    pass(&transaction, term)?;
    {
        let mut table = transaction.open_table(RECORDS).map_err(unknown)?;
        for change in changes {
            match change {
                Change::Put(record) => table.insert(&*record.key, &*record.value).map_err(unknown)?,
                Change::Delete(key) => table.remove(&**key).map_err(unknown)?,
            };
        }
    }
    transaction.commit().map_err(unknown)
}

#[async_trait]
impl Store for RedbStore {
    async fn open(&self, term: Term) -> Result<Vec<Record>, StoreError> {
        self.blocking(move |database| load(database, term)).await
    }

    async fn commit(&self, term: Term, changes: Vec<Change>) -> Result<(), StoreError> {
        self.blocking(move |database| write(database, term, &changes)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: u32) -> Change {
        Change::Put(Record::encode(key, &value))
    }

    #[tokio::test]
    async fn what_was_committed_is_there_after_the_file_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let store = RedbStore::open(&path).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "nobody else may read it");
        assert!(store.open(Term(3)).await.unwrap().is_empty());
        store.commit(Term(3), vec![put("b", 1), put("a", 2), put("b", 3)]).await.unwrap();
        store.commit(Term(3), vec![Change::Delete("none".into())]).await.unwrap();
        drop(store);
        let store = RedbStore::open(&path).unwrap();
        let records = store.open(Term(4)).await.unwrap();
        assert_eq!(records, [Record::encode("a", &2), Record::encode("b", &3)]);
        assert_eq!(store.fence().await, Ok(Term(4)));
    }

    #[test]
    fn a_file_is_opened_in_time_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let hour = Duration::from_secs(3_600);
            let (store, newest) = RedbStore::open_within(&path, hour).await.unwrap();
            assert_eq!(newest, Term(0));
            store.open(Term(7)).await.unwrap();
            drop(store);
            assert_eq!(RedbStore::open_within(&path, hour).await.unwrap().1, Term(7));
            // The one thread that may block hangs, as at a disk that does.
            let (release, hangs) = std::sync::mpsc::sync_channel::<()>(0);
            let hung = tokio::task::spawn_blocking(move || hangs.recv());
            let refused = RedbStore::open_within(&path, Duration::ZERO).await.unwrap_err();
            assert!(refused.to_string().ends_with("records took longer than 0ns to be opened"), "{refused}");
            drop(release);
            hung.await.unwrap().unwrap_err();
        });
    }

    #[tokio::test]
    async fn an_older_term_is_fenced_off_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = RedbStore::open(folder.path().join("records")).unwrap();
        store.open(Term(2)).await.unwrap();
        let fenced = Err(StoreError::Fenced { by: Term(2) });
        assert_eq!(store.commit(Term(1), vec![put("a", 1)]).await, fenced);
        assert_eq!(store.open(Term(1)).await.map(|_| ()), fenced);
        assert!(store.open(Term(2)).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_file_in_use_is_refused_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let _first = RedbStore::open(&path).unwrap();
        let refused = RedbStore::open(&path).unwrap_err();
        assert!(refused.to_string().contains("another process"), "{refused}");
        let emptied = folder.path().join("emptied");
        std::fs::write(&emptied, []).unwrap();
        let refused = RedbStore::open(&emptied).unwrap_err();
        assert!(refused.to_string().contains("is empty"), "{refused}");
    }
}
