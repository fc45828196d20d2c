//! Everything that can happen to a scheduler driver.

use mesos_core::call::{ConnId, Leader, scheduler};
use mesos_core::kernel::{Record, Seq, Ticket};
use mesos_core::provider::{Action, StoreError};

/// Something that happened to a driver.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// First of all: what an earlier run of this framework remembered, its id among it. Empty at the first run.
    Recovered {
        /// The records.
        records: Vec<Record>,
    },
    /// Another master leads, or none.
    LeaderChanged {
        /// Who.
        leader: Option<Leader>,
    },
    /// The connection asked for with [`Effect::Connect`](super::Effect::Connect) stands.
    Connected {
        /// Its name.
        conn: ConnId,
    },
    /// The connection broke, or could not be made (then `conn` is `None`). Not told for connections the driver closed or
    /// replaced itself.
    Disconnected {
        /// Which.
        conn: Option<ConnId>,
    },
    /// The master said something.
    Received {
        /// On which connection.
        conn: ConnId,
        /// Its number there.
        seq: Seq,
        /// What.
        event: scheduler::Event,
    },
    /// What was to be remembered is durable, or not.
    Saved {
        /// The write's ticket.
        ticket: Ticket,
        /// How it ended.
        result: Result<(), StoreError>,
    },
    /// Somebody beside the scheduler asks for these, as if it had asked itself. What comes before the driver runs, or when
    /// it is about to end, is dropped.
    Asked {
        /// In this order.
        actions: Vec<Action>,
    },
    /// The framework is to end.
    Stop {
        /// Whether its tasks end with it; otherwise another run may fail over to them.
        teardown: bool,
    },
}
