//! Starts, limits and ends containers.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;

use crate::container::{ContainerSpec, Exit, Signal, Usage, WindowSize};
use crate::id::ContainerId;
use crate::resource::Resources;

/// What became of a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Launch {
    /// It runs.
    Started(Container),
    /// A container of this id runs already.
    AlreadyRunning,
    /// Not this containerizer's: a composing containerizer asks the next one.
    Unsupported,
}

/// A started container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Where its `stdout` and `stderr` are, if it has a sandbox.
    pub sandbox: Option<PathBuf>,
}

/// A containerizer's failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// No container of this id is known.
    #[error("container {0} is not known")]
    Unknown(ContainerId),
    /// The container could not be made or started.
    #[error("container {id} could not be started: {problem}")]
    Launch {
        /// Which.
        id: ContainerId,
        /// Why.
        problem: String,
    },
    /// Something failed under a container that runs.
    #[error("container {id}: {problem}")]
    Failed {
        /// Which.
        id: ContainerId,
        /// What.
        problem: String,
    },
}

/// Starts, limits and ends containers.
///
/// Called by the agent's host only; the simulator replaces it by a model. All methods are safe to call at any time and in
/// any order; `destroy` may come while `launch` is under way.
#[async_trait]
pub trait Containerizer: Send + Sync + fmt::Debug {
    /// Takes back what survived a restart of the agent, with what ended meanwhile in a way that is known and that
    /// [`wait`](Self::wait) then tells; destroys whatever it finds and does not know. Called first.
    async fn recover(&self, known: BTreeSet<ContainerId>) -> Result<BTreeSet<ContainerId>, ContainerError>;
    /// Makes the container's sandbox, for what is to be there before it starts; nothing when containers have none. Called
    /// before `launch`, and only when there is something to be brought.
    async fn prepare(&self, _spec: &ContainerSpec) -> Result<Option<PathBuf>, ContainerError> {
        Ok(None)
    }
    /// Starts a container.
    async fn launch(&self, spec: ContainerSpec) -> Result<Launch, ContainerError>;
    /// Changes what a container may use.
    async fn resize(&self, id: &ContainerId, to: Resources) -> Result<(), ContainerError>;
    /// What a container uses now.
    async fn usage(&self, id: &ContainerId) -> Result<Usage, ContainerError>;
    /// Gives bytes to the standard input of a container that [takes some](ContainerSpec::takes_input), after those of earlier
    /// calls; resolves once all of them are on their way, which a container that does not read keeps from happening. No bytes
    /// are the end of the input.
    async fn write_input(&self, id: &ContainerId, _bytes: &[u8]) -> Result<(), ContainerError> {
        Err(ContainerError::Failed { id: id.clone(), problem: "it takes no input".into() })
    }
    /// Gives the [terminal](ContainerSpec::terminal) of a container another size, and lets its processes know.
    async fn resize_terminal(&self, id: &ContainerId, _to: WindowSize) -> Result<(), ContainerError> {
        Err(ContainerError::Failed { id: id.clone(), problem: "it has no terminal".into() })
    }
    /// Resolves when the container has ended.
    async fn wait(&self, id: &ContainerId) -> Result<Exit, ContainerError>;
    /// Sends a signal to all processes of a container.
    async fn signal(&self, id: &ContainerId, signal: Signal) -> Result<(), ContainerError>;
    /// Ends a container; resolves once its processes are gone. May be called again, and for unknown containers.
    async fn destroy(&self, id: &ContainerId) -> Result<(), ContainerError>;
}
