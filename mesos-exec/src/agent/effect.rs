//! Everything an agent can ask for.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_core::call::executor::Event;
use mesos_core::call::operator::ReplyTo;
use mesos_core::call::{CloseReason, ConnId, Leader, agent};
use mesos_core::health::Probe;
use mesos_core::kernel::{Draft, Seq, Ticket};
use mesos_core::{ContainerId, ContainerSpec, Rejection, Signal};

use serde::Serialize;

use super::Answer;

/// Something an agent wants done.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
        /// The message's number there.
        seq: Seq,
        /// What.
        message: agent::ToMaster,
    },
    /// Close the connection, after what was sent on it.
    Close {
        /// Which.
        conn: ConnId,
        /// Why.
        why: CloseReason,
    },
    /// Do something with a container; the answer is [`Input::Container`](super::Input::Container).
    Container {
        /// Comes back with the answer.
        ticket: Ticket,
        /// What.
        op: ContainerOp,
    },
    /// Make records durable; the answer is [`Input::Checkpointed`](super::Input::Checkpointed). Batches are written in the
    /// order they were asked for.
    Checkpoint {
        /// Comes back with the answer.
        ticket: Ticket,
        /// The batch.
        changes: Vec<Draft>,
    },
    /// Tell an executor's process.
    ToExecutor {
        /// On this stream.
        conn: ConnId,
        /// What.
        event: Event,
    },
    /// Close an executor's stream, after what was sent on it.
    CloseExecutor {
        /// Which.
        conn: ConnId,
        /// Why.
        why: CloseReason,
    },
    /// Answer somebody who asked.
    Reply {
        /// What came with the question.
        reply: ReplyTo,
        /// The answer.
        result: Result<Answer, Rejection>,
    },
    /// Say how full the disk of the sandboxes is, with [`Input::DiskSeen`](super::Input::DiskSeen). Never asked unless
    /// sandboxes are collected.
    LookAtDisk,
    /// Remove the sandboxes of these containers, which have ended. Nothing waits for it.
    RemoveSandboxes {
        /// Whose.
        containers: Vec<ContainerId>,
    },
    /// The agent has ended: this machine does nothing more.
    Stop {
        /// Why.
        why: StopReason,
    },
}

/// What to do with a container.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ContainerOp {
    /// Take back what survived of these, and destroy everything else. Answer: `Recovered`.
    Recover(BTreeSet<ContainerId>),
    /// Start it. Answer: `Launched` or `Failed`.
    Launch(Box<ContainerSpec>),
    /// Tell when it ends. Answer: `Exited` or `Failed`.
    Wait(ContainerId),
    /// Send a signal to all its processes. Answer: `Done` or `Failed`.
    Signal(ContainerId, Signal),
    /// End it. Answer: `Done` or `Failed`.
    Destroy(ContainerId),
    /// Ask one of its ports, for at most so long. Answer: `Checked`, or `Failed`.
    Probe(Probe, Duration),
}

/// Why an agent ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum StopReason {
    /// It was asked to.
    #[error("stopped on request")]
    Requested,
    /// The master ordered it.
    #[error("the master ordered it: {0}")]
    Ordered(Rejection),
    /// A checkpoint could not be written or read.
    #[error("a checkpoint failed: {0}")]
    Checkpoint(String),
    /// It is another than it was, and may not be.
    #[error("this is not the agent that had this work directory: {0}")]
    Reconfigured(String),
    /// What runs here could not be found out.
    #[error("containers could not be recovered: {0}")]
    Recovery(String),
}
