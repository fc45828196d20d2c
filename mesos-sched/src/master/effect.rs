//! Everything a master can ask for.

use mesos_core::call::operator::{ReplyTo, Response};
use mesos_core::call::{CloseReason, ConnId, agent, scheduler};
use mesos_core::kernel::{Change, Seq, Term, Ticket};
use serde::Serialize;

use super::Changes;

/// Something a master wants done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Effect {
    /// Write one atomic batch of registry records, fenced by the term; the answer is
    /// [`Input::Persisted`](super::Input::Persisted) with the same ticket. At most one is under way.
    Persist {
        /// Comes back with the answer.
        ticket: Ticket,
        /// The fence.
        term: Term,
        /// The batch.
        changes: Vec<Change>,
    },
    /// Tell a framework.
    ToScheduler {
        /// On this connection.
        conn: ConnId,
        /// The event's number there.
        seq: Seq,
        /// What.
        event: scheduler::Event,
    },
    /// Tell an agent.
    ToAgent {
        /// On this connection.
        conn: ConnId,
        /// The message's number there.
        seq: Seq,
        /// What.
        message: agent::ToAgent,
    },
    /// Close a connection, after what was sent on it.
    Close {
        /// Which.
        conn: ConnId,
        /// Why.
        why: CloseReason,
    },
    /// Answer an operator.
    Reply {
        /// Whom.
        to: ReplyTo,
        /// What.
        response: Response,
    },
    /// Tell whoever keeps a picture of the books. Comes when the options say so, and after
    /// [`Input::PublishAll`](super::Input::PublishAll) until [`Input::PublishNothing`](super::Input::PublishNothing).
    Publish(Changes),
    /// Give up leadership and end: this machine does nothing more.
    StepDown {
        /// Of which term.
        term: Term,
        /// Why.
        why: String,
    },
}
