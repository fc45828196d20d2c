//! What runs tasks on an agent.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::ExecutorId;
use crate::resource::Resources;

/// An executor's description. Two tasks naming the same executor on one agent must describe it identically.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExecutorInfo {
    /// Its name, unique per framework on its agent.
    pub id: ExecutorId,
    /// Which implementation to run; the agent's host knows implementations by this name.
    pub kind: Arc<str>,
    /// What it uses itself, charged once, with its first task.
    pub resources: Resources,
    /// How long it may take to end when told to; absent means the agent's default.
    pub shutdown_grace: Option<Duration>,
    /// Given to it unread.
    pub data: Arc<[u8]>,
}

impl ExecutorInfo {
    /// The executor an agent makes for a task that only has a command.
    pub const COMMAND: &'static str = "command";

    /// An executor of the implementation named `kind`.
    #[must_use]
    pub fn new(id: ExecutorId, kind: impl Into<Arc<str>>, resources: Resources) -> Self {
        Self { id, kind: kind.into(), resources, shutdown_grace: None, data: Arc::from([]) }
    }
}
