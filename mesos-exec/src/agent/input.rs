//! Everything that can happen to an agent.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::call::executor::{Said, Subscription};
use mesos_core::call::operator::ReplyTo;
use mesos_core::call::{ConnId, Leader, agent};
use mesos_core::health::Checked;
use mesos_core::kernel::{Record, Seq, Ticket};
use mesos_core::provider::StoreError;
use mesos_core::{ContainerId, Exit, WallTime};

use serde::{Deserialize, Serialize};

use super::{ContainerAsk, Nest, Speaker};

/// Something that happened to an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Input {
    /// First of all: what an earlier run of this agent checkpointed, its id among it. Empty at the first run.
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
    /// The connection broke, or could not be made (then `conn` is `None`). Not told for connections the agent closed or
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
        message: agent::ToAgent,
    },
    /// A container operation is over.
    Container {
        /// Its ticket.
        ticket: Ticket,
        /// How it ended.
        outcome: ContainerOutcome,
    },
    /// A checkpoint is durable, or not.
    Checkpointed {
        /// Its ticket.
        ticket: Ticket,
        /// How it ended.
        result: Result<(), StoreError>,
    },
    /// An executor's process has opened a stream to hear what it is told; it is answered with
    /// [`Effect::ToExecutor`](super::Effect::ToExecutor) or [`Effect::CloseExecutor`](super::Effect::CloseExecutor).
    ExecutorConnected {
        /// The stream's name, not used before.
        conn: ConnId,
        /// Who it says it is.
        speaker: Speaker,
        /// What it has.
        subscription: Subscription,
    },
    /// An executor's stream broke. Not told for streams the agent closed itself.
    ExecutorDisconnected {
        /// Which.
        conn: ConnId,
    },
    /// An executor's process said something; the answer is [`Effect::Reply`](super::Effect::Reply).
    ExecutorSaid {
        /// Who it says it is.
        speaker: Speaker,
        /// What.
        said: Said,
        /// Comes back with the answer.
        reply: ReplyTo,
    },
    /// Somebody asks for something about a container beside another; the answer is
    /// [`Effect::Reply`](super::Effect::Reply).
    ContainerAsked {
        /// Which container.
        nest: Nest,
        /// What is asked.
        ask: ContainerAsk,
        /// Comes back with the answer.
        reply: ReplyTo,
    },
    /// Whoever asked for something about a container does not wait for the answer any more.
    AskerLeft {
        /// Which container.
        nest: Nest,
        /// What would come back with the answer.
        reply: ReplyTo,
    },
    /// These sandboxes are on the disk; told once after the start, if sandboxes are collected.
    SandboxesFound {
        /// Each with the time something last happened to it.
        sandboxes: Vec<(WallTime, ContainerId)>,
    },
    /// How full the disk of the sandboxes is; answers [`Effect::LookAtDisk`](super::Effect::LookAtDisk).
    DiskSeen {
        /// In millionths.
        used_ppm: u32,
    },
    /// The agent is to end everything and stop.
    Stop,
}

/// How a container operation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ContainerOutcome {
    /// These containers survived; everything else is gone.
    Recovered(BTreeSet<ContainerId>),
    /// It runs.
    Launched,
    /// It ended.
    Exited(Exit),
    /// The signal was sent, or the container is gone.
    Done,
    /// What a probe found.
    Checked(Checked),
    /// It did not work.
    Failed(Arc<str>),
}
