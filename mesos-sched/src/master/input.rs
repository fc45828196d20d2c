//! Everything that can happen to a master.

use mesos_core::call::operator::ReplyTo;
use mesos_core::call::{ConnId, agent, operator, scheduler};
use mesos_core::kernel::{Record, Seq, Term, Ticket};
use mesos_core::provider::StoreError;
use serde::{Deserialize, Serialize};

/// Something that happened to a master.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Input {
    /// It leads from now on, and this is everything the registry holds. Comes once in a master's life.
    Elected {
        /// Its term: the fence of all its writes.
        term: Term,
        /// What earlier leaders stored.
        records: Vec<Record>,
    },
    /// It leads no more; the last thing it does is step down.
    Demoted,
    /// A write is durable, or failed.
    Persisted {
        /// The write's ticket.
        ticket: Ticket,
        /// How it ended.
        result: Result<(), StoreError>,
    },
    /// A framework said something.
    Scheduler {
        /// On which connection.
        conn: ConnId,
        /// Its number there.
        seq: Seq,
        /// What.
        call: scheduler::Call,
    },
    /// An agent said something.
    Agent {
        /// On which connection.
        conn: ConnId,
        /// Its number there.
        seq: Seq,
        /// What.
        message: agent::ToMaster,
    },
    /// A connection is closed, by the peer or by the network. Not told for connections the master closed itself.
    Disconnected {
        /// Which.
        conn: ConnId,
    },
    /// Somebody begins a picture of the books, or lost it: everything there is shall be published, and what changes.
    PublishAll,
    /// An operator asks something.
    Operator {
        /// Where the answer goes.
        reply: ReplyTo,
        /// What.
        call: operator::Call,
    },
    /// Nobody keeps a picture of the books any more: nothing shall be published until all of it is wanted again.
    PublishNothing,
}
