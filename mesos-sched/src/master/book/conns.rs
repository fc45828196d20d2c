//! Who is at the other end of each connection.

use mesos_core::call::ConnId;
use mesos_core::handles;
use mesos_core::kernel::{Inbound, Outbound, Table};
use mesos_core::provider::{AgentKey, FrameworkKey};

handles! {
    /// A connection.
    ConnKey;
}

/// Who a connection belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::master) enum Who {
    /// Nobody has said so yet.
    Stranger,
    /// An agent whose admission is being written.
    Joining,
    /// A framework.
    Framework(FrameworkKey),
    /// An agent.
    Agent(AgentKey),
}

/// One connection.
#[derive(Debug, Clone, Copy)]
pub(in crate::master) struct Conn {
    pub who: Who,
    pub inbound: Inbound,
    pub outbound: Outbound,
}

/// All connections that have said something and are not closed.
#[derive(Debug, Default)]
pub(in crate::master) struct Conns(Table<ConnId, ConnKey, Conn>);

impl Conns {
    /// The connection's row, made when it is new.
    pub(in crate::master) fn meet(&mut self, id: ConnId) -> &mut Conn {
        let key = self.key(id);
        &mut self.0[key]
    }

    /// The handle of the connection's row, which is made when it is new.
    pub(in crate::master) fn key(&mut self, id: ConnId) -> ConnKey {
        self.0.find(&id).unwrap_or_else(|| {
            let conn = Conn { who: Who::Stranger, inbound: Inbound::default(), outbound: Outbound::default() };
            self.0.insert(id, conn).expect("the id was just looked up")
        })
    }

    pub(in crate::master) fn at_mut(&mut self, key: ConnKey) -> Option<&mut Conn> {
        self.0.get_mut(key)
    }

    pub(in crate::master) fn get_mut(&mut self, id: ConnId) -> Option<&mut Conn> {
        let key = self.0.find(&id)?;
        self.0.get_mut(key)
    }

    pub(in crate::master) fn who(&self, id: ConnId) -> Option<Who> {
        self.0.get(self.0.find(&id)?).map(|conn| conn.who)
    }

    pub(in crate::master) fn remove(&mut self, id: ConnId) -> Option<Conn> {
        let key = self.0.find(&id)?;
        self.0.remove(key).map(|(_, conn)| conn)
    }

    pub(in crate::master) fn len(&self) -> usize {
        self.0.len()
    }
}
