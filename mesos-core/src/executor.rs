//! What runs tasks on an agent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::CommandInfo;
use crate::id::ExecutorId;
use crate::resource::Resources;

/// An executor's description. Two tasks naming the same executor on one agent must describe it identically.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExecutorInfo {
    /// Its name, unique per framework on its agent.
    pub id: ExecutorId,
    /// A name for people.
    pub name: Arc<str>,
    /// What it is.
    pub run: ExecutorRun,
    /// What it uses itself, charged once, with its first task.
    pub resources: Resources,
    /// How long it may take to end when told to; absent means the agent's default.
    pub shutdown_grace: Option<Duration>,
    /// Free labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Given to it unread.
    pub data: Arc<[u8]>,
}

/// What an executor is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExecutorRun {
    /// Part of the agent: the implementation its host knows by this name.
    BuiltIn(Arc<str>),
    /// The agent's own executor of task groups.
    Default,
    /// A program of its own, which the agent starts and which then connects to it.
    Custom(CommandInfo),
}

impl ExecutorInfo {
    /// The executor an agent makes for a task that only has a command.
    pub const COMMAND: &'static str = "command";
    /// The executor of task groups.
    pub const DEFAULT: &'static str = "default";

    /// An executor that is part of the agent: the implementation named `kind`.
    #[must_use]
    pub fn new(id: ExecutorId, kind: impl Into<Arc<str>>, resources: Resources) -> Self {
        Self::of(id, ExecutorRun::BuiltIn(kind.into()), resources)
    }

    /// The agent's own executor of task groups.
    #[must_use]
    pub fn for_groups(id: ExecutorId, resources: Resources) -> Self {
        Self::of(id, ExecutorRun::Default, resources)
    }

    /// A program of its own.
    #[must_use]
    pub fn custom(id: ExecutorId, command: CommandInfo, resources: Resources) -> Self {
        Self::of(id, ExecutorRun::Custom(command), resources)
    }

    fn of(id: ExecutorId, run: ExecutorRun, resources: Resources) -> Self {
        let (name, labels, data) = (Arc::from(""), BTreeMap::new(), Arc::from([]));
        Self { id, name, run, resources, shutdown_grace: None, labels, data }
    }

    /// The name of its implementation, if that is part of the agent.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        match &self.run {
            ExecutorRun::BuiltIn(kind) => Some(kind),
            ExecutorRun::Default => Some(Self::DEFAULT),
            ExecutorRun::Custom(_) => None,
        }
    }

    /// The program to start, if it is one of its own.
    #[must_use]
    pub const fn command(&self) -> Option<&CommandInfo> {
        match &self.run {
            ExecutorRun::Custom(command) => Some(command),
            ExecutorRun::BuiltIn(_) | ExecutorRun::Default => None,
        }
    }
}
