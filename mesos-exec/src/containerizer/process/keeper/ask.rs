//! What the keeper can be asked, and how to reach it.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::ContainerId;
use mesos_core::container::Usage;
use mesos_core::provider::ContainerError;
use nix::sys::eventfd::EventFd;
use tokio::sync::{mpsc, oneshot};

use crate::containerizer::process::spawn::Spawned;
use crate::containerizer::process::sys::PidFd;
use crate::containerizer::process::{launcher, shim};

/// Answer to a request to end something: `Ok` once it is gone.
pub(in crate::containerizer::process) type Gone = oneshot::Receiver<Result<(), ContainerError>>;

/// A container that has just been started.
#[derive(Debug)]
pub(in crate::containerizer::process) struct Started {
    pub(in crate::containerizer::process) id: ContainerId,
    pub(in crate::containerizer::process) run: u64,
    pub(in crate::containerizer::process) pid: i32,
    pub(in crate::containerizer::process) pidfd: PidFd,
    /// Whether this is the container's shim instead of its leader.
    pub(in crate::containerizer::process) has_shim: bool,
}

impl Started {
    /// Ends what nobody will look after.
    pub(in crate::containerizer::process) fn end(self) {
        let spawned = Spawned { pid: self.pid, pidfd: self.pidfd };
        if self.has_shim { shim::end(&spawned) } else { launcher::end(&spawned) }
    }
}

/// What the keeper is asked to do.
#[derive(Debug)]
pub(in crate::containerizer::process) enum Ask {
    /// Look after a new container.
    Keep(Started),
    /// End a container.
    Destroy { id: ContainerId, reply: oneshot::Sender<Result<(), ContainerError>> },
    /// Signal all processes of a container.
    Signal { id: ContainerId, signal: i32, reply: oneshot::Sender<Result<(), ContainerError>> },
    /// Measure a container.
    Usage { id: ContainerId, reply: oneshot::Sender<Result<Usage, ContainerError>> },
    /// End everything that is not known.
    Recover { known: BTreeSet<ContainerId>, reply: oneshot::Sender<Recovered> },
    /// End everything.
    Shutdown { reply: oneshot::Sender<Vec<Gone>> },
}

/// What a recovery found.
#[derive(Debug)]
pub(in crate::containerizer::process) struct Recovered {
    /// Known, and still running.
    pub(in crate::containerizer::process) kept: BTreeSet<ContainerId>,
    /// Everything else that was found, on its way out.
    pub(in crate::containerizer::process) leaving: Vec<Gone>,
}

/// How to reach the keeper.
#[derive(Debug, Clone)]
pub(in crate::containerizer::process) struct Asker {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) wake: Arc<EventFd>,
}

impl Asker {
    /// Asks from async code; fails when the keeper has ended.
    pub(in crate::containerizer::process) async fn ask(&self, ask: Ask) -> Result<(), Ask> {
        self.asks.send(ask).await.map_err(|refused| refused.0)?;
        self.wake();
        Ok(())
    }

    /// Asks from a thread; fails when the keeper has ended.
    pub(in crate::containerizer::process) fn tell(&self, ask: Ask) -> Result<(), Ask> {
        self.asks.blocking_send(ask).map_err(|refused| refused.0)?;
        self.wake();
        Ok(())
    }

    /// Makes the keeper look up.
    pub(in crate::containerizer::process) fn wake(&self) {
        // Fails only when the counter is full, and then the keeper is being woken already.
        let _ = self.wake.write(1);
    }
}
