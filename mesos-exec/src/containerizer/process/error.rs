//! Why a containerizer could not be made.

use std::path::PathBuf;

/// Why [`Process::new`](super::Process::new) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// The work directory cannot be used.
    #[error("work directory {path}: {problem}; give a directory this user can write to")]
    WorkDir {
        /// Which directory or file.
        path: PathBuf,
        /// What failed.
        problem: std::io::Error,
    },
    /// Another containerizer works there.
    #[error("work directory {path} is in use by another containerizer; give each its own")]
    InUse {
        /// Which directory.
        path: PathBuf,
    },
    /// The machine lacks something containers need.
    #[error("{what}: {problem}")]
    Machine {
        /// What was tried.
        what: &'static str,
        /// What failed.
        problem: std::io::Error,
    },
}
