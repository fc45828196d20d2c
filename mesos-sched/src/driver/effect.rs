//! Everything a scheduler driver can ask for.

use mesos_core::call::{CloseReason, ConnId, Leader, scheduler};
use mesos_core::kernel::{Draft, Seq, Ticket};

/// Something a driver wants done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// Open a connection to the leader, instead of any other that stands or is under way.
    Connect {
        /// To whom.
        leader: Leader,
    },
    /// Tell the master.
    Send {
        /// On this connection.
        conn: ConnId,
        /// The call's number there.
        seq: Seq,
        /// What.
        call: scheduler::Call,
    },
    /// Close the connection, after what was sent on it.
    Close {
        /// Which.
        conn: ConnId,
        /// Why.
        why: CloseReason,
    },
    /// Make records durable; the answer is [`Input::Saved`](super::Input::Saved). At most one is under way.
    Save {
        /// Comes back with the answer.
        ticket: Ticket,
        /// The batch.
        changes: Vec<Draft>,
    },
    /// The framework has ended: this machine does nothing more.
    Stop {
        /// Why.
        why: StopReason,
    },
}

/// Why a driver ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopReason {
    /// It was asked to.
    #[error("stopped on request")]
    Requested,
    /// The scheduler said that its work is done.
    #[error("the work is done")]
    Done,
    /// The master refused the subscription for good.
    #[error("the master refused the subscription: {0}")]
    Refused(mesos_core::Rejection),
    /// What had to be remembered could not be.
    #[error("the framework's memory failed: {0}")]
    Memory(mesos_core::provider::StoreError),
}
