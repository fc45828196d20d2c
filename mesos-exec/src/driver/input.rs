//! Everything that can happen to an executor driver.

use std::sync::Arc;

use mesos_core::call::executor::{Call, Event};
use mesos_core::health::Checked;
use mesos_core::{ContainerId, Exit, Rejection};

/// What became of a container: it runs, it ended, or it could not be started.
pub type Contained = Result<Option<Exit>, Arc<str>>;

/// Something that happened to a driver.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// First of all: the process runs.
    Started,
    /// The agent said something.
    Heard {
        /// In answer to which subscription.
        attempt: u64,
        /// What.
        event: Event,
    },
    /// The stream of a subscription broke, or was never opened.
    Lost {
        /// Which.
        attempt: u64,
        /// The agent's reason, if it gave one.
        refused: Option<Rejection>,
    },
    /// The author asks for something outside of a callback.
    Asked {
        /// What.
        call: Call,
    },
    /// A container that was asked for runs, ended, or could not be started.
    Contained {
        /// Its name within the executor.
        container: ContainerId,
        /// What became of it.
        outcome: Contained,
    },
    /// A check that was asked for has its answer.
    Checked {
        /// Which.
        check: ContainerId,
        /// What was found.
        found: Checked,
    },
}
