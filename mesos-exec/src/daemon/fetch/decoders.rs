//! URIs and archives as functions of bytes, for fuzzing: whatever they say, nothing is made outside the sandbox.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use mesos_core::container::Uri;

use super::budget::Budget;
use super::place::Place;
use super::unpack::unpack;

/// What an archive may become.
const BYTES_MAX: u64 = 1 << 20;
/// Programs of the system run as somebody who owns nothing.
const NOBODY: u32 = 65_534;

/// A folder with a sandbox, and something beside it.
struct Beside(PathBuf);

impl Beside {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("mesos-fuzz-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(folder.join("sandbox")).expect("there is room for a folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
        fs::write(folder.join("beside"), "beside").expect("there is room for a file");
        Self(folder)
    }

    fn sandbox(&self) -> PathBuf {
        self.0.join("sandbox")
    }

    /// Nothing but the sandbox has changed.
    fn check(&self) {
        let listed =
            fs::read_dir(&self.0).expect("it is there").map(|entry| entry.expect("it can be read").file_name());
        let mut names: Vec<_> = listed.collect();
        names.sort();
        assert_eq!(names, ["beside", "sandbox"], "something was made outside the sandbox");
        assert_eq!(fs::read(self.0.join("beside")).expect("it is there"), b"beside");
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // What is left is in the folder for what is temporary.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What is fetched in the first line; in the second, if there is one, the name it is given.
pub(in crate::daemon) fn uri(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let mut uri = Uri::new(lines.next().unwrap_or_default());
    uri.output_file = lines.next().map(Into::into);
    let beside = Beside::new();
    if let Ok(place) = Place::find(&uri, &beside.sandbox()) {
        assert!(place.path.starts_with(&place.sandbox) && place.folder.starts_with(&place.sandbox), "{place:?}");
        // It may be the name of no file that can be.
        drop(place.create().and_then(|_| place.finish(true)));
    }
    beside.check();
}

/// An archive's name in the first line, then what it holds.
pub(in crate::daemon) fn archive(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (name, content) = (String::from_utf8_lossy(&bytes[..end]), bytes.get(end + 1..).unwrap_or_default());
    let is_plain = Path::new(&*name).file_name().is_some_and(|own| own == &*name);
    let beside = Beside::new();
    let sandbox = beside.sandbox();
    let path = sandbox.join(&*name);
    if !is_plain || fs::write(&path, content).is_err() {
        return;
    }
    let (mut uid, mut gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    if uid == 0 {
        (uid, gid) = (NOBODY, NOBODY);
        for path in [&sandbox, &path] {
            chown(path, Some(uid), Some(gid)).expect("whoever is root may");
        }
    }
    let place = Place { folder: sandbox.clone(), sandbox, path, uid, gid };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the system has one more");
    // Most are none.
    drop(runtime.block_on(unpack(&place, &Budget { bytes_max: BYTES_MAX })));
    beside.check();
}
