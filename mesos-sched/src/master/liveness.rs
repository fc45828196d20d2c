//! Is the agent there? Pings, disconnection, and giving up.
//!
//! An agent that answers none of five pings in a row, or does not come back after its connection broke, is unreachable.
//! That is written to the registry first, so that every later master gives the same answer about its tasks.

use mesos_core::call::ConnId;
use mesos_core::call::agent::ToAgent;
use mesos_core::provider::{AgentKey, Fact};
use mesos_core::{AgentId, Instant};

use super::book::{ConnKey, Liveness, Transition};
use super::pending::Pending;
use super::rota::Rota;
use super::{Effect, Master, MasterCx, Timer};
use crate::registry::Op;

impl Master {
    /// The agent is asked then, or a little later, and not before; however often it comes and goes, it stands once in a list.
    pub(super) fn ask_at(&mut self, agent: AgentKey, at: Instant) {
        let at = Rota::round_up(at, self.options.agent_ping_every);
        if self.agents.table[agent].asked_at.replace(at) != Some(at) {
            self.rota.put(at, agent);
        }
    }

    /// Asks everybody whose time has come.
    pub(super) fn ask_due(&mut self, cx: &mut MasterCx<'_>) {
        while let Some((at, agents)) = self.rota.pop_due(cx.now.mono) {
            // Of thousands of rows most are far away, and a processor fetches many at once: so all are looked at before
            // the first is asked. Another time may have been set since, or another agent may have this row.
            let due = agents.into_iter().filter_map(|agent| {
                let row = self.agents.table.get_mut(agent).filter(|row| row.asked_at == Some(at))?;
                row.asked_at = None;
                row.conn().map(|conn| (agent, conn))
            });
            let due: Vec<_> = due.collect();
            let due: Vec<_> = due.into_iter().map(|(agent, conn)| (agent, conn, self.conns.key(conn))).collect();
            for (agent, conn, key) in due {
                self.ping(cx, agent, conn, key);
            }
        }
    }

    fn ping(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, conn: ConnId, key: ConnKey) {
        let Liveness::Connected { unanswered, .. } = &mut self.agents.table[agent].liveness else { return };
        if *unanswered >= self.options.agent_ping_timeouts_max {
            // It is asked on while it waits for its turn to be given up: it may answer after all.
            self.is_silent(cx, agent);
            if self.agents.table[agent].transition != Transition::Settled {
                return;
            }
        } else {
            *unanswered += 1;
        }
        let Some(row) = self.conns.at_mut(key) else { return };
        let (received, seq) = (row.inbound.received(), row.outbound.next());
        cx.emit(Effect::ToAgent { conn, seq, message: ToAgent::Ping { received } });
        self.ask_at(agent, cx.now.mono + self.options.agent_ping_every);
    }

    pub(super) fn pong(&mut self, agent: AgentKey) {
        if let Liveness::Connected { unanswered, .. } = &mut self.agents.table[agent].liveness {
            *unanswered = 0;
        }
    }

    pub(super) fn agent_disconnected(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        self.agents.table[agent].liveness = Liveness::Disconnected;
        self.rescind_offers_on(cx, agent);
        self.observe(cx, Fact::AgentDeactivated { agent });
        self.lose_tasks_without_checkpoint(cx, agent);
        // The same patience as with pings: in Mesos they go on over the broken connection until they time out.
        self.timers.set(Timer::Reregister(agent), cx.now.mono + self.options.agent_ping_timeout());
    }

    /// Starts to mark a registered agent unreachable.
    pub(super) fn give_up_on(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        let row = &mut self.agents.table[agent];
        if row.transition != Transition::Settled {
            return;
        }
        let (id, since_wall) = (row.id.clone(), cx.now.wall);
        match self.registrar.submit(Op::MarkUnreachable { id: id.clone(), since_wall }) {
            Ok(ticket) => {
                row.transition = Transition::Leaving;
                self.pending.insert(ticket, Pending::Unreachable { agent, id, since_wall });
                self.rescind_offers_on(cx, agent);
                self.observe(cx, Fact::AgentDeactivated { agent });
            }
            Err(rejection) => {
                tracing::warn!(%rejection, agent = %id, "an agent was not marked unreachable; tried again later");
                self.timers.set(Timer::Reregister(agent), cx.now.mono + self.options.agent_ping_every);
            }
        }
    }

    /// Starts to mark an agent unreachable that never came back to this master.
    pub(super) fn absent_agent_is_unreachable(&mut self, cx: &MasterCx<'_>, id: AgentId) {
        let absent = id.clone();
        let op = Op::MarkUnreachable { id: id.clone(), since_wall: cx.now.wall };
        match self.registrar.submit(op) {
            Ok(ticket) => drop(self.pending.insert(ticket, Pending::AbsentUnreachable { id })),
            Err(rejection) => {
                tracing::warn!(%rejection, "an absent agent was not marked unreachable; tried again later");
                self.expect_back(cx, absent);
            }
        }
    }
}

#[cfg(test)]
mod tests;
