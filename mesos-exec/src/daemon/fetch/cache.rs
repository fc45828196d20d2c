//! What was fetched and may be kept for later containers.
//!
//! A file is kept under whose it is and its URI, and what a URI names is taken to stay the same. Containers get copies: what
//! they do to theirs is no concern of others. Whoever asks while a file is on its way waits for it. When there is no room the
//! file that nobody has asked for the longest goes; what is still being copied stays until that is done. Rules: Apache Mesos,
//! `docs/fetcher.md`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::bring;
use super::budget::Budget;
use super::place::Place;

/// Files at most, however small.
const FILES_MAX: usize = 10_000;

/// Whose, and which.
type Key = (u32, String);
/// Empty until the file is there. Whoever brings it holds the lock meanwhile.
type Slot = Arc<tokio::sync::Mutex<Option<Arc<Kept>>>>;

/// Files for later containers.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    bytes_max: u64,
    /// On the disk, with what is on its way out.
    bytes: Arc<AtomicU64>,
    listed: Mutex<Listed>,
}

#[derive(Debug, Default)]
struct Listed {
    slots: BTreeMap<Key, (Slot, u64)>,
    /// Counts questions: larger is later.
    asked: u64,
    /// Names of files, never used twice.
    names: u64,
}

/// A file of the cache, which stays as long as somebody has this.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    length: u64,
    bytes: Arc<AtomicU64>,
}

impl Kept {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a file of the fetcher's cache cannot be removed");
        }
        self.bytes.fetch_sub(self.length, Ordering::Relaxed);
    }
}

impl Cache {
    /// An empty one below this folder, which nobody else may look into.
    pub(super) fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        let folder = folder.join("fetched");
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder, bytes_max, bytes: Arc::default(), listed: Mutex::default() })
    }

    /// What a URI names, as the owner of this place may have it.
    pub(super) async fn get(&self, uri: &str, place: &Place, budget: &Budget) -> Result<Arc<Kept>, String> {
        let (slot, name) = self.ask((place.uid, uri.to_owned()));
        // Also when nothing comes of it.
        self.make_room();
        let mut slot = slot.lock().await;
        if let Some(kept) = &*slot {
            return Ok(kept.clone());
        }
        let path = self.folder.join(name.to_string());
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|error| format!("the cache has no room for it: {error}"))?;
        // From here on the file goes when nobody has it.
        let mut kept = Kept { path, length: 0, bytes: self.bytes.clone() };
        bring(uri, place, file, &kept.path, budget).await?;
        kept.length = fs::metadata(&kept.path).map_err(|error| error.to_string())?.len();
        self.bytes.fetch_add(kept.length, Ordering::Relaxed);
        let kept = Arc::new(kept);
        if kept.length <= self.bytes_max {
            *slot = Some(kept.clone());
        }
        drop(slot);
        self.make_room();
        Ok(kept)
    }

    fn ask(&self, key: Key) -> (Slot, u64) {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.asked += 1;
        listed.names += 1;
        let (asked, name) = (listed.asked, listed.names);
        let (slot, asked_at) = listed.slots.entry(key).or_default();
        *asked_at = asked;
        (slot.clone(), name)
    }

    /// Forgets what nobody has asked for the longest, until the rest fits.
    fn make_room(&self) {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        while self.bytes.load(Ordering::Relaxed) > self.bytes_max || listed.slots.len() > FILES_MAX {
            // One that is on its way is somebody's.
            let idle = listed.slots.iter().filter(|(_, (slot, _))| Arc::strong_count(slot) == 1);
            let Some(key) = idle.min_by_key(|(_, (_, asked_at))| *asked_at).map(|(key, _)| key.clone()) else { return };
            listed.slots.remove(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
