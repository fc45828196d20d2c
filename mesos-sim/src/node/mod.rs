//! The nodes of a simulated cluster: each hosts one machine and performs its effects.
//!
//! A node outlives the processes that run on it: a crash takes the machine, its connections and what its disk had not yet
//! promised to keep; a restart makes a fresh machine and hands it what is left.

mod agent;
mod beside;
mod event;
mod executor;
mod framework;
mod master;
mod operator;
mod process;
mod quorum;
mod version;
mod wire;

pub(crate) use agent::AgentNode;
pub(crate) use beside::Asked;
pub(crate) use event::Event;
pub(crate) use executor::{ExecutorNode, Program};
pub(crate) use framework::FrameworkNode;
pub(crate) use master::MasterNode;
pub use operator::OperatorLog;
pub(crate) use operator::OperatorNode;
pub(crate) use process::{Pace, Process, Trip};
pub(crate) use version::Earlier;
pub(crate) use wire::Dialling;

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names a node by its kind and its index among its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeId {
    /// The service that holds the registry and the leadership lease, as etcd or ZooKeeper do.
    Quorum,
    /// A person or tool with the operator's rights.
    Operator,
    /// A master.
    Master(u32),
    /// A framework: a driver and its scheduler.
    Framework(u32),
    /// An agent and the containers on its machine.
    Agent(u32),
    /// An executor that is a process of its own; numbered as they are started in a run.
    Executor(u32),
}

impl NodeId {
    /// The index among its kind; 0 for those there is only one of.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Quorum | Self::Operator => 0,
            Self::Master(index) | Self::Framework(index) | Self::Agent(index) | Self::Executor(index) => index as usize,
        }
    }

    /// The number of its random stream: a function of kind and index alone, so that one more node of any kind changes no
    /// other node's draws.
    #[must_use]
    pub const fn stream(self) -> u64 {
        match self {
            Self::Quorum => 1,
            Self::Operator => 2,
            Self::Master(index) => 1 << 32 | index as u64,
            Self::Framework(index) => 2 << 32 | index as u64,
            Self::Agent(index) => 3 << 32 | index as u64,
            Self::Executor(index) => 4 << 32 | index as u64,
        }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quorum => f.pad("quorum"),
            Self::Operator => f.pad("operator"),
            Self::Master(index) => f.pad(&format!("m{index}")),
            Self::Framework(index) => f.pad(&format!("f{index}")),
            Self::Agent(index) => f.pad(&format!("a{index}")),
            Self::Executor(index) => f.pad(&format!("x{index}")),
        }
    }
}
