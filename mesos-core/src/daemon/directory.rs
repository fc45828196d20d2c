//! Connections inside one process: addresses, and the doors behind them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::stream::{ConnectError, Connector, STREAM_BACKLOG_MAX, Stream, pair};
use crate::call::{Leader, agent, scheduler};

/// Connections that wait for a master to take them. Further ones wait with whoever makes them.
const WAITING_MAX: usize = 1_024;

/// Where a master finds new connections.
#[derive(Debug)]
pub struct Door {
    /// From frameworks.
    pub schedulers: mpsc::Receiver<Stream<scheduler::Event, scheduler::Call>>,
    /// From agents.
    pub agents: mpsc::Receiver<Stream<agent::ToAgent, agent::ToMaster>>,
}

/// The outer side of a door: a transport brings connections here.
#[derive(Debug, Clone)]
pub struct DoorKeeper {
    /// From frameworks.
    pub schedulers: mpsc::Sender<Stream<scheduler::Event, scheduler::Call>>,
    /// From agents.
    pub agents: mpsc::Sender<Stream<agent::ToAgent, agent::ToMaster>>,
}

impl Door {
    /// A door and its outer side.
    #[must_use]
    pub fn new() -> (Self, DoorKeeper) {
        let (to_schedulers, schedulers) = mpsc::channel(WAITING_MAX);
        let (to_agents, agents) = mpsc::channel(WAITING_MAX);
        (Self { schedulers, agents }, DoorKeeper { schedulers: to_schedulers, agents: to_agents })
    }
}

/// The masters of this process by address. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    doors: Arc<Mutex<BTreeMap<Arc<str>, DoorKeeper>>>,
}

impl Directory {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A door at `address`, instead of one that was there before.
    #[must_use]
    pub fn open(&self, address: impl Into<Arc<str>>) -> Door {
        self.open_with_keeper(address).0
    }

    /// A door at `address`, and its outer side for transports that bring connections of other processes.
    #[must_use]
    pub fn open_with_keeper(&self, address: impl Into<Arc<str>>) -> (Door, DoorKeeper) {
        let (door, keeper) = Door::new();
        self.doors.lock().unwrap_or_else(PoisonError::into_inner).insert(address.into(), keeper.clone());
        (door, keeper)
    }

    fn find(&self, leader: &Leader) -> Result<DoorKeeper, ConnectError> {
        let doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        doors.get(&leader.address).cloned().ok_or_else(|| refuse(leader, "nobody is known there"))
    }
}

fn refuse(leader: &Leader, problem: &str) -> ConnectError {
    ConnectError { address: leader.address.to_string(), problem: problem.to_owned() }
}

#[async_trait]
impl Connector<scheduler::Call, scheduler::Event> for Directory {
    async fn connect(&self, leader: &Leader) -> Result<Stream<scheduler::Call, scheduler::Event>, ConnectError> {
        let door = self.find(leader)?;
        let (own, theirs) = pair(STREAM_BACKLOG_MAX);
        door.schedulers.send(theirs).await.map_err(|_| refuse(leader, "its process has ended"))?;
        Ok(own)
    }
}

#[async_trait]
impl Connector<agent::ToMaster, agent::ToAgent> for Directory {
    async fn connect(&self, leader: &Leader) -> Result<Stream<agent::ToMaster, agent::ToAgent>, ConnectError> {
        let door = self.find(leader)?;
        let (own, theirs) = pair(STREAM_BACKLOG_MAX);
        door.agents.send(theirs).await.map_err(|_| refuse(leader, "its process has ended"))?;
        Ok(own)
    }
}
