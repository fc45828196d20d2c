//! How much may come out of what is fetched.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// So many files and folders at most: more take a disk's room without holding anything.
const ENTRIES_MAX: u64 = 1_000_000;

/// What a sandbox, or a file, may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// In bytes.
    pub(super) bytes_max: u64,
}

impl Budget {
    /// Whether what lies here holds no more than it may.
    ///
    /// # Errors
    /// A sentence when it does, or when that cannot be found out.
    pub(super) async fn check(&self, path: &Path) -> Result<(), String> {
        let (bytes_max, path) = (self.bytes_max, path.to_owned());
        let looked = tokio::task::spawn_blocking(move || weigh(path, bytes_max)).await;
        match looked.map_err(io::Error::other).flatten() {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(format!("with it there are more than {bytes_max} bytes or {ENTRIES_MAX} files in the sandbox"))
            }
            Err(error) => Err(format!("nobody can say how much it holds: {error}")),
        }
    }
}

/// Looks at everything below a path, without following links, until it is too much.
fn weigh(path: PathBuf, bytes_max: u64) -> io::Result<bool> {
    let (mut bytes, mut entries, mut left) = (0_u64, 0_u64, vec![path]);
    while let Some(path) = left.pop() {
        let metadata = match fs::symlink_metadata(&path) {
            // What unpacks renames and removes as it goes.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        entries += 1;
        // What is on the disk: holes take no room.
        bytes = bytes.saturating_add(metadata.blocks().saturating_mul(512));
        if bytes > bytes_max || entries > ENTRIES_MAX {
            return Ok(false);
        }
        if metadata.is_dir() {
            match fs::read_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                listed => {
                    for entry in listed? {
                        left.push(entry?.path());
                    }
                }
            }
        }
    }
    Ok(true)
}
