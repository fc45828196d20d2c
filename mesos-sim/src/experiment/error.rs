//! What can be wrong with an experiment.

use std::path::{Path, PathBuf};

use crate::trace::TraceError;
use crate::{Failure, InvalidCluster};

/// Why an experiment cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is no experiment.
    #[error("{0}")]
    Text(String),
    /// Something in it cannot be.
    #[error("{place}: {problem}; {remedy}")]
    Invalid {
        /// The name in the file.
        place: String,
        /// What is wrong with it.
        problem: String,
        /// What would be right.
        remedy: String,
    },
    /// A trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The cluster cannot be built.
    #[error(transparent)]
    Cluster(#[from] InvalidCluster),
    /// The kernel or the simulator failed: neither the experiment's nor a scheduler's fault.
    #[error("case {case}: {failure}")]
    Kernel {
        /// Which case.
        case: String,
        /// What failed.
        failure: Box<Failure>,
    },
}

impl ExperimentError {
    pub(super) fn text(error: &toml::de::Error) -> Self {
        Self::Text(error.to_string())
    }

    /// Of an experiment in this file, if it is in one.
    pub(super) fn within(self, file: Option<&Path>) -> Self {
        let Some(file) = file.map(Path::display) else { return self };
        match self {
            Self::Text(text) => Self::Text(format!("{file}: {text}")),
            Self::Invalid { place, problem, remedy } => {
                Self::Invalid { place: format!("{file}: {place}"), problem, remedy }
            }
            other => other,
        }
    }

    pub(super) fn invalid(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Invalid { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }
}
