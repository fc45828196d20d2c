//! Connections between clients and masters: dialling, carrying, hanging up.

use mesos_core::call::{ConnId, Leader};

use super::{Event, NodeId};
use crate::net::{End, Verdict};
use crate::world::World;

impl World {
    /// Puts a message on its way.
    pub(crate) fn carry<T: Clone>(&mut self, conn: ConnId, from: End, message: T, event: impl Fn(T) -> Event) {
        match self.net.send(self.now, conn, from) {
            Verdict::Arrives(at) => self.agenda.put(at, event(message)),
            Verdict::Twice(at, again) => {
                self.agenda.put(at, event(message.clone()));
                self.agenda.put(again, event(message));
            }
            Verdict::Lost => {}
        }
    }

    /// Closes one end; the other hears of it behind what was sent.
    pub(crate) fn hang_up(&mut self, conn: ConnId, end: End) {
        if self.net.close(conn, end) {
            self.send_end(conn, end);
        }
    }

    fn send_end(&mut self, conn: ConnId, from: End) {
        if let Some(at) = self.net.send_end(self.now, conn, from) {
            self.agenda.put(at, Event::End { conn, end: from.other() });
        }
    }

    /// Whether a message that reached `end` is taken there. What meets a closed end of a node that has power is answered
    /// by a reset.
    pub(crate) fn is_taken(&mut self, conn: ConnId, end: End) -> bool {
        let Some(row) = self.net.conn(conn) else { return false };
        let (node, life) = (row.node(end), row.life(end));
        if row.is_open(end) && self.is_life(node, life) {
            return true;
        }
        if self.is_powered(node) {
            self.send_end(conn, end);
        }
        false
    }

    /// Starts to connect to a leader, instead of whatever stood or was under way.
    pub(crate) fn dial(&mut self, client: NodeId, leader: &Leader) {
        let life = self.life(client);
        let (old, attempt) = {
            let dialling = self.dialling(client);
            dialling.attempt += 1;
            (dialling.conn.take(), dialling.attempt)
        };
        if let Some(conn) = old {
            self.hang_up(conn, End::Client);
        }
        let patience_ends_at = self.now + self.net.connect_timeout();
        let master = leader.address.strip_prefix('m').and_then(|index| index.parse().ok());
        let way = master.and_then(|master| Some((master, self.net.way(self.now, client, NodeId::Master(master))?)));
        match way.filter(|(_, at)| *at <= patience_ends_at) {
            Some((master, at)) => self.agenda.put(at, Event::Dial { client, life, attempt, master, patience_ends_at }),
            None => self.agenda.put(patience_ends_at, Event::Answer { client, life, attempt, conn: None }),
        }
    }

    /// The wish reaches the master's node.
    pub(crate) fn dialled(
        &mut self,
        client: NodeId,
        life: u32,
        attempt: u32,
        master: u32,
        patience_ends_at: mesos_core::Instant,
    ) {
        let too_late = Event::Answer { client, life, attempt, conn: None };
        let Some(node) = self.masters.get(master as usize) else {
            return self.agenda.put(patience_ends_at, too_late);
        };
        let (master_life, is_silent) = (node.process.life, !node.process.is_powered || node.process.is_paused());
        let is_leading = node.process.machine.as_ref().is_some_and(|machine| machine.leading().is_some());
        let Some(at) = self.net.way(self.now, NodeId::Master(master), client).filter(|_| !is_silent) else {
            return self.agenda.put(patience_ends_at, too_late);
        };
        if at > patience_ends_at {
            return self.agenda.put(patience_ends_at, too_late);
        }
        let conn = is_leading.then(|| self.net.open((client, life), (NodeId::Master(master), master_life)));
        self.agenda.put(at, Event::Answer { client, life, attempt, conn });
    }

    /// Whether the answer is the one the client waits for; anything else is hung up on.
    pub(crate) fn answered(&mut self, client: NodeId, life: u32, attempt: u32, conn: Option<ConnId>) -> bool {
        let is_wanted = self.is_life(client, life) && self.dialling(client).attempt == attempt;
        match conn {
            Some(conn) if is_wanted => self.dialling(client).conn = Some(conn),
            Some(conn) => self.hang_up(conn, End::Client),
            None => {}
        }
        is_wanted
    }
}

/// A client's side of its one connection.
#[derive(Debug, Default)]
pub(crate) struct Dialling {
    /// Counts its attempts, so that an answer to an old one is recognised.
    pub(crate) attempt: u32,
    /// The connection that stands.
    pub(crate) conn: Option<ConnId>,
}
