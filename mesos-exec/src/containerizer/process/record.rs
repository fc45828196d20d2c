//! What is remembered on disk of each container that runs, so that nothing outlives its host unseen.
//!
//! One file per container, `<work dir>/containers/<container id>`, one line: form, process number, start time, boot,
//! containerizer. It is renamed into place before a launch is reported. It is not flushed to the disk: a record that a
//! power cut takes away describes a process that the same power cut ended.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mesos_core::ContainerId;
use mesos_core::daemon::{Access, make_folder};

/// The form of the line; another one is not understood and its container not touched.
const FORM: &str = "v1";

/// The process a container's leader was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) pid: i32,
    pub(super) start: u64,
    /// Which boot of the machine; after another one no number means anything.
    pub(super) boot: String,
    /// Which containerizer started it.
    pub(super) owner: String,
}

impl Record {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        if words.next()? != FORM {
            return None;
        }
        let (pid, start) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { pid, start, boot: words.next()?.into(), owner: words.next()?.into() })
    }

    fn line(&self) -> String {
        format!("{FORM} {} {} {} {}\n", self.pid, self.start, self.boot, self.owner)
    }
}

/// The folder of records.
#[derive(Debug, Clone)]
pub(super) struct Records {
    folder: PathBuf,
    unfinished: PathBuf,
}

impl Records {
    /// Makes the folders.
    pub(super) fn open(work_dir: &Path) -> io::Result<Self> {
        let records = Self { folder: work_dir.join("containers"), unfinished: work_dir.join("unfinished") };
        make_folder(&records.folder, Access::Closed)?;
        make_folder(&records.unfinished, Access::Closed)?;
        Ok(records)
    }

    /// Writes a container's record, under a name of the writer's own until it is whole; a reader sees all of it or none.
    pub(super) fn write(&self, id: &ContainerId, writer: &str, record: &Record) -> io::Result<()> {
        // Not named by the container: an id may be as long as a file name can be.
        let unfinished = self.unfinished.join(writer);
        fs::write(&unfinished, record.line())?;
        fs::rename(&unfinished, self.path(id))
    }

    /// Forgets a container; it may be forgotten already.
    pub(super) fn remove(&self, id: &ContainerId) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a container has a record.
    pub(super) fn has(&self, id: &ContainerId) -> bool {
        self.path(id).exists()
    }

    /// Every container that has a record; `None` where it cannot be understood.
    pub(super) fn read_all(&self) -> io::Result<Vec<(ContainerId, Option<Record>)>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let Some(id) = name.to_str().and_then(|name| ContainerId::new(name).ok()) else { continue };
            let text = fs::read(self.path(&id)).unwrap_or_default();
            let record = std::str::from_utf8(&text).ok().and_then(Record::parse);
            all.push((id, record));
        }
        Ok(all)
    }

    fn path(&self, id: &ContainerId) -> PathBuf {
        self.folder.join(id.as_str())
    }
}

/// Reads a line, for fuzzing: what was read is written, and read as the same.
#[cfg(all(feature = "net", any(test, fuzzing)))]
pub(crate) fn read(text: &str) {
    if let Some(record) = Record::parse(text) {
        assert_eq!(Record::parse(&record.line()), Some(record));
    }
}

/// Which boot of the machine this is.
pub(super) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// A name nobody else has.
pub(super) fn fresh_name() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/uuid")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record { pid: 42, start: 123_456, boot: "b".into(), owner: "o".into() }
    }

    #[test]
    fn what_is_written_is_read_even_under_the_longest_and_oddest_names() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(folder.path()).unwrap();
        let names = ["x".repeat(255), ".hidden".into(), "-rf *".into(), "ü $(id) \"'".into()];
        for name in &names {
            records.write(&ContainerId::new(name.as_str()).unwrap(), "w", &record()).unwrap();
        }
        let read = records.read_all().unwrap();
        assert_eq!(read.len(), names.len());
        assert!(read.iter().all(|(_, read)| *read == Some(record())), "{read:?}");
        for (id, _) in &read {
            records.remove(id).unwrap();
            records.remove(id).unwrap();
        }
        assert_eq!(records.read_all().unwrap(), []);
    }

    #[test]
    fn a_torn_or_foreign_line_is_no_record() {
        let whole = record().line();
        assert_eq!(Record::parse(&whole), Some(record()));
        for cut in 0..whole.len() - "o\n".len() {
            assert_eq!(Record::parse(&whole[..cut]), None, "{:?}", &whole[..cut]);
        }
        assert_eq!(Record::parse(&whole.replace("v1", "v2")), None);
    }
}
