//! Where a live cluster keeps its files, and what runs its containers.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mesos_core::{AgentInfo, Containerizer};

/// Makes the containerizer of one agent, which keeps its files in the folder given.
pub type ContainerizerFactory =
    Arc<dyn Fn(&AgentInfo, &Path) -> Result<Arc<dyn Containerizer>, Box<dyn Error + Send + Sync>> + Send + Sync>;

/// How a cluster is run live. The default is a fresh temporary folder, nothing durable, and plain processes.
#[derive(Clone, Default)]
pub struct LiveOptions {
    pub(super) folder: Option<PathBuf>,
    pub(super) containerizer: Option<ContainerizerFactory>,
    pub(super) journals: Option<PathBuf>,
}

impl LiveOptions {
    /// A fresh temporary folder, nothing durable, plain processes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps registry, checkpoints and frameworks' memories in this folder, so that a later run in the same folder goes on
    /// where this one ended. Sandboxes are below it.
    #[must_use]
    pub fn durable_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Records every master and agent into a journal of its own in this folder, `<id of the master>.journal` and
    /// `<name of the agent>.journal`, to be [replayed](crate::replay).
    #[must_use]
    pub fn journals_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.journals = Some(folder.into());
        self
    }

    /// Runs containers with something else than plain processes.
    #[must_use]
    pub fn containerizer(
        mut self,
        make: impl Fn(&AgentInfo, &Path) -> Result<Arc<dyn Containerizer>, Box<dyn Error + Send + Sync>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.containerizer = Some(Arc::new(make));
        self
    }
}

impl fmt::Debug for LiveOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveOptions").field("folder", &self.folder).finish_non_exhaustive()
    }
}
