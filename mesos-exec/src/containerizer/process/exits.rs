//! How containers ended that were watched by a [shim](super::shim), written down where a host that was away finds it.
//!
//! One file per container, `<work dir>/exits/<container id>`, one line: form, kind, number. It is flushed to the disk before
//! it is renamed into place: unlike what runs, what has ended is true after a power cut too.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use mesos_core::daemon::{Access, make_folder};
use mesos_core::{ContainerId, Exit};

/// The form of the line; another one is not understood, and how its container ended not known.
const FORM: &str = "v1";

/// The folder of ends.
#[derive(Debug, Clone)]
pub(super) struct Exits {
    folder: PathBuf,
    unfinished: PathBuf,
}

impl Exits {
    /// Makes the folders.
    pub(super) fn open(work_dir: &Path) -> io::Result<Self> {
        let exits = Self { folder: work_dir.join("exits"), unfinished: work_dir.join("unfinished") };
        make_folder(&exits.folder, Access::Closed)?;
        make_folder(&exits.unfinished, Access::Closed)?;
        Ok(exits)
    }

    /// Writes down how a container ended, under a name of the writer's own until it is whole; durable when this returns.
    pub(super) fn write(&self, id: &ContainerId, writer: &str, exit: &Exit) -> io::Result<()> {
        let unfinished = self.unfinished.join(writer);
        let mut file = File::create(&unfinished)?;
        file.write_all(line(exit).as_bytes())?;
        file.sync_data()?;
        fs::rename(&unfinished, self.path(id))?;
        File::open(&self.folder)?.sync_all()
    }

    /// How a container ended; nothing when that was not written down.
    pub(super) fn read(&self, id: &ContainerId) -> Option<Exit> {
        parse(&fs::read_to_string(self.path(id)).ok()?)
    }

    /// Forgets how a container ended; it may be forgotten already.
    pub(super) fn remove(&self, id: &ContainerId) {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, container = %id, "how a container ended cannot be forgotten");
            }
            _ => {}
        }
    }

    /// Every container whose end was written down.
    pub(super) fn list(&self) -> io::Result<Vec<ContainerId>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            all.extend(name.to_str().and_then(|name| ContainerId::new(name).ok()));
        }
        Ok(all)
    }

    fn path(&self, id: &ContainerId) -> PathBuf {
        self.folder.join(id.as_str())
    }
}

fn line(exit: &Exit) -> String {
    match exit {
        Exit::Status(status) => format!("{FORM} status {status}\n"),
        Exit::Signalled(signal) => format!("{FORM} signal {signal}\n"),
        // Shims limit nothing, and see how what they started ends.
        Exit::LimitExceeded { .. } | Exit::Unknown => format!("{FORM} unknown 0\n"),
    }
}

fn parse(text: &str) -> Option<Exit> {
    // A line that was cut has lost its end.
    let mut words = text.strip_suffix('\n')?.split(' ');
    if words.next()? != FORM {
        return None;
    }
    let (kind, number) = (words.next()?, words.next()?.parse().ok()?);
    match kind {
        "status" => Some(Exit::Status(number)),
        "signal" => Some(Exit::Signalled(number)),
        "unknown" => Some(Exit::Unknown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let exits = Exits::open(folder.path()).unwrap();
        let id = ContainerId::new("-rf *").unwrap();
        for exit in [Exit::Status(0), Exit::Status(255), Exit::Signalled(9), Exit::Unknown] {
            exits.write(&id, "shim-7", &exit).unwrap();
            assert_eq!(exits.read(&id), Some(exit));
        }
        assert_eq!(exits.list().unwrap(), std::slice::from_ref(&id));
        exits.remove(&id);
        exits.remove(&id);
        assert_eq!((exits.read(&id), exits.list().unwrap()), (None, Vec::new()));
    }

    #[test]
    fn a_torn_or_foreign_line_is_no_end() {
        let whole = line(&Exit::Status(10));
        assert_eq!(parse(&whole), Some(Exit::Status(10)));
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut]), None, "{:?}", &whole[..cut]);
        }
        assert_eq!(parse(&whole.replace("v1", "v2")), None);
    }
}
