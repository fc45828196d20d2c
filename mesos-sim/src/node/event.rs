//! Everything that can be on the agenda.

use mesos_core::Rejection;
use mesos_core::call::{ConnId, agent, executor, scheduler};
use mesos_core::kernel::{Seq, Term, Ticket};
use mesos_core::provider::StoreError;
use mesos_exec::agent::{Answer, ContainerOutcome};

use super::NodeId;
use super::beside::Asked;
use super::executor::ToItsAgent;
use crate::container::{ContainerRef, Due};
use crate::disk::WriteId;
use crate::election::Holder;
use crate::net::End;

/// Something that happens at its time. `life` says which of a node's processes is meant: what comes for a dead one is void.
#[derive(Debug, Default)]
pub(crate) enum Event {
    /// Nothing happens: what a place of the agenda holds that nothing else does.
    #[default]
    Nothing,
    /// A machine may be due.
    Wake(NodeId),
    /// A message reaches the master's end.
    FromAgent { conn: ConnId, seq: Seq, message: agent::ToMaster },
    /// A message that waited for the master is handled.
    Handled(Box<Self>),
    /// A call reaches the master's end.
    FromFramework { conn: ConnId, seq: Seq, call: scheduler::Call },
    /// A message reaches the client's end.
    ToAgent { conn: ConnId, seq: Seq, message: agent::ToAgent },
    /// An event reaches the client's end.
    ToFramework { conn: ConnId, seq: Seq, event: scheduler::Event },
    /// What an executor says reaches its agent.
    FromExecutor { conn: ConnId, said: ToItsAgent },
    /// What an agent says reaches the executor.
    ToExecutor { conn: ConnId, event: executor::Event },
    /// An executor hears that its agent refused it.
    Refused { conn: ConnId, rejection: Rejection },
    /// Something happens to an executor that has to do with no connection.
    HearsExecutor { executor: u32, life: u32, input: Box<mesos_exec::driver::Input> },
    /// A request of an executor reaches its agent.
    Asks(Box<Asked>),
    /// The answer reaches the executor.
    Answered(Box<(Asked, Result<Answer, Rejection>)>),
    /// The end of the connection, or a reset, reaches this end.
    End { conn: ConnId, end: End },
    /// A client's wish to connect reaches the master.
    Dial { client: NodeId, life: u32, attempt: u32, master: u32, patience_ends_at: mesos_core::Instant },
    /// The client learns what came of it.
    Answer { client: NodeId, life: u32, attempt: u32, conn: Option<ConnId> },
    /// A registry write arrives.
    Land { master: u32, life: u32, ticket: Ticket, write: WriteId },
    /// Its outcome reaches the master.
    Persisted { master: u32, life: u32, ticket: Ticket, result: Result<(), StoreError> },
    /// The oldest batch on a node's disk becomes durable.
    Stored { node: NodeId, life: u32 },
    /// A fresh process has read its disk.
    Recovered { node: NodeId, life: u32 },
    /// Something scheduled for a container.
    ContainerDue { agent: u32, at: ContainerRef, due: Due },
    /// The outcome of a container operation reaches the agent.
    ContainerAnswer { agent: u32, life: u32, ticket: Ticket, outcome: ContainerOutcome },
    /// A doubted lease may have run out.
    LeaseOver(Term),
    /// The quorum chooses a leader.
    Choose,
    /// A master learns that it leads.
    Lead(Holder),
    /// A master learns that it does not lead any more.
    Demote { master: u32, life: u32 },
    /// News of the leader reach a node.
    Tell { node: NodeId, version: u32 },
    /// A node comes up.
    Start(NodeId),
    /// A paused process goes on.
    Resume { node: NodeId, life: u32 },
    /// A planned fault happens.
    Planned(usize),
    /// A nemesis strikes.
    Strike(usize),
    /// A fault has lasted.
    Lift(u32),
    /// All faults are over.
    Heal,
    /// Time to look whether everything is settled; counts how often it was looked.
    Probe(u32),
}
