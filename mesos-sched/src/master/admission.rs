//! New agents: from REGISTER to the first ping.
//!
//! An agent serves offers only when its admission is durable, so that no later master can be surprised by it.

use std::sync::Arc;

use mesos_core::call::agent::ToAgent;
use mesos_core::call::{CloseReason, ConnId};
use mesos_core::provider::{AgentKey, Fact, Used};
use mesos_core::{AgentId, AgentInfo, Rejection, RejectionCode, Resources};

use super::book::{Agent, Liveness, Transition, Who};
use super::options::mutant;
use super::pending::Pending;
use super::validate::validate_agent;
use super::{Master, MasterCx, Timer};
use crate::registry::Op;

impl Master {
    pub(super) fn register(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, info: Arc<AgentInfo>, total: Resources) {
        if let Err(rejection) = validate_agent(&info, &total).and_then(|()| self.check_domain(&info)) {
            return self.refuse_agent(cx, conn, rejection);
        }
        if let Err(rejection) = self.check_machine_is_up(&info.hostname) {
            return self.shut_out(cx, conn, rejection);
        }
        // An agent without an id at the address of one that lost its connection is that host, started anew: unless it proves
        // to be another.
        if let Some(old) = self.agents.at_address(&info)
            && self.agents.table[old].liveness == Liveness::Disconnected
            && self.agents.table[old].info.principal.as_ref().is_none_or(|kept| info.principal.as_ref() == Some(kept))
        {
            if mutant!(self, ShareIdentity) {
                self.conns.meet(conn).who = Who::Agent(old);
                self.agents.table[old].liveness = Liveness::Connected { conn, unanswered: 0 };
                self.timers.cancel(&Timer::Reregister(old));
                return self.answer_registration_again(cx, old);
            }
            if self.remove_agent(old) {
                self.counters.removals_replaced += 1;
            }
        }
        let id = self.agents.next_id(self.id.as_str());
        let op = Op::AdmitAgent { id: id.clone(), info: info.clone() };
        match self.registrar.submit(op) {
            Err(rejection) => self.refuse_agent(cx, conn, rejection),
            Ok(_) if mutant!(self, AdmitBeforePersisted) => self.admitted(cx, conn, id, info, total),
            Ok(ticket) => {
                self.conns.meet(conn).who = Who::Joining;
                self.pending.insert(ticket, Pending::Admission { conn, id, info, total });
            }
        }
    }

    /// The admission is durable.
    pub(super) fn admitted(
        &mut self,
        cx: &mut MasterCx<'_>,
        conn: ConnId,
        id: AgentId,
        info: Arc<AgentInfo>,
        total: Resources,
    ) {
        if self.conns.who(conn).is_none() {
            // The agent left while its admission was written, and does not know the id: nobody will ever use it.
            if let Err(rejection) = self.registrar.submit(Op::RemoveAgent { id }) {
                tracing::warn!(%rejection, "an unused admission was not undone");
            }
            return;
        }
        let agent = self.add_agent(cx, Agent::new(id.clone(), info, total, conn), Vec::new());
        let ping_timeout = self.options.agent_ping_timeout();
        self.tell_agent(cx, agent, ToAgent::Registered { agent_id: id, ping_timeout });
        self.plan_for(cx, agent);
    }

    /// Puts an agent into the books and starts to ping it.
    pub(super) fn add_agent(&mut self, cx: &mut MasterCx<'_>, row: Agent, used: Vec<Used>) -> AgentKey {
        let (id, info, total) = (row.id.clone(), row.info.clone(), row.total.clone());
        let conn = row.conn();
        let agent = self.agents.insert(row);
        self.agents.table[agent].times.registered_wall = cx.now.wall;
        self.date_duty(cx, agent);
        if let Some(past) = &mut self.past {
            past.totals.agents_added += 1;
        }
        if let Some(conn) = conn {
            self.conns.meet(conn).who = Who::Agent(agent);
        }
        self.observe(cx, Fact::AgentAdded { agent, id, info, total, used });
        // Spread over the interval, so that agents that came together are not pinged together.
        let first = cx.rng.duration(self.options.agent_ping_every);
        self.ask_at(agent, cx.now.mono + first);
        agent
    }

    /// An agent that is on its way out is not answered: its registration would not hold.
    pub(super) fn answer_registration_again(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        if self.agents.table[agent].transition != Transition::Settled {
            return;
        }
        let agent_id = self.agents.table[agent].id.clone();
        let ping_timeout = self.options.agent_ping_timeout();
        self.tell_agent(cx, agent, ToAgent::Registered { agent_id, ping_timeout });
    }

    /// Refuses an agent that does not say where it stands, where all have to.
    pub(super) fn check_domain(&self, info: &AgentInfo) -> Result<(), Rejection> {
        if info.domain.is_some() || !self.options.require_agent_domain {
            return Ok(());
        }
        let what = format!("the agent on {} does not say where it stands", info.hostname);
        Err(Rejection::new(RejectionCode::InvalidAgent, what, "start it with --domain=region/zone"))
    }

    /// Starts to remove an agent for good; its tasks are lost when that is durable. Whether it did.
    pub(super) fn remove_agent(&mut self, agent: AgentKey) -> bool {
        let row = &mut self.agents.table[agent];
        if row.transition != Transition::Settled {
            return false;
        }
        let id = row.id.clone();
        match self.registrar.submit(Op::RemoveAgent { id: id.clone() }) {
            Ok(ticket) => {
                row.transition = Transition::Leaving;
                self.note_agent(agent);
                self.pending.insert(ticket, Pending::Removal { agent, id });
                true
            }
            Err(rejection) => {
                tracing::warn!(%rejection, agent = %id, "an agent was not removed");
                false
            }
        }
    }

    pub(super) fn unregister(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        self.rescind_offers_on(cx, agent);
        self.observe(cx, Fact::AgentDeactivated { agent });
        if self.remove_agent(agent) {
            self.counters.removals_unregistered += 1;
        }
        self.close_agent(cx, agent, CloseReason::Removed);
    }
}
