//! The file a program's log goes to.
//!
//! It is appended to, so that a program that starts again goes on in it, and bounded: a file that is full takes the place
//! of the one before it, and a new one begins.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// A file is this long at most, so that twice as much is kept at most (Mesos: `--max_log_size`, 1800 MB).
const LOG_BYTES_MAX: u64 = 1 << 30;

/// A log's file. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct LogFile(Arc<Mutex<Open>>);

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl LogFile {
    /// Goes on in this file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::bounded(path, LOG_BYTES_MAX)
    }

    fn bounded(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let file = append_to(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self(Arc::new(Mutex::new(Open { path: path.to_owned(), file, bytes, bytes_max }))))
    }
}

/// Nobody else may read what frameworks say and operators ask.
fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

impl Open {
    fn turn(&mut self) -> io::Result<()> {
        let mut before = self.path.clone().into_os_string();
        before.push(".1");
        std::fs::rename(&self.path, before)?;
        self.file = append_to(&self.path)?;
        self.bytes = 0;
        Ok(())
    }
}

impl Write for LogFile {
    /// One line at a time, as it is handed over.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let length = line.len() as u64;
        if open.bytes > 0 && open.bytes.saturating_add(length) > open.bytes_max {
            open.turn()?;
        }
        open.file.write_all(line)?;
        open.bytes = open.bytes.saturating_add(length);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).file.flush()
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_goes_on_where_it_was_and_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mesos-master.INFO");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        LogFile::bounded(&path, 10).unwrap().write_all(b"one\n").unwrap();
        let mut log = LogFile::bounded(&path, 10).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(read("mesos-master.INFO"), "one\ntwo\n");
        log.write_all(b"three\n").unwrap();
        assert_eq!((read("mesos-master.INFO"), read("mesos-master.INFO.1")), ("three\n".into(), "one\ntwo\n".into()));
        log.write_all(b"longer than it may be\n").unwrap();
        assert_eq!(read("mesos-master.INFO.1"), "three\n", "no line is lost or cut");
        assert_eq!(read("mesos-master.INFO"), "longer than it may be\n");
    }
}
