//! Agents that do not serve: deactivated, draining, drained.
//!
//! The registry holds an agent's duty, so it outlives failovers and absences. Draining needs nothing of the agent but to end
//! tasks: the master asks for the end of each one it knows, again when the agent comes back, and sees from its own books when
//! none is left. Unlike in Mesos the agent does not learn that it drains; it gets no tasks because it is not offered.
//!
//! Semantics: Apache Mesos, `docs/operator-http-api.md` (DRAIN_AGENT) and `src/master/master.cpp`
//! (`checkAndTransitionDrainingAgent`).

use std::time::Duration;

use mesos_core::call::operator::ReplyTo;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey};
use mesos_core::{AgentId, KillPolicy, Rejection, RejectionCode};

use super::book::{Task, TaskKey, Transition};
use super::options::mutant;
use super::pending::Pending;
use super::{Master, MasterCx};
use crate::registry::{Drain, Duty, Op};

impl Master {
    /// Starts to change an agent's duty.
    pub(super) fn change_duty(&mut self, id: AgentId, op: Op, reply: ReplyTo) -> Result<(), Rejection> {
        let agent = self.agents.table.find(&id);
        if agent.is_some_and(|agent| self.agents.table[agent].transition != Transition::Settled) {
            let what = format!("agent {id} is being marked unreachable, gone or removed at this moment");
            return Err(Rejection::new(RejectionCode::Unavailable, what, "ask again when that is done"));
        }
        let ticket = self.registrar.submit(op)?;
        self.pending.insert(ticket, Pending::Duty { id, reply });
        Ok(())
    }

    /// An agent's duty is durable.
    pub(super) fn duty_changed(&mut self, cx: &mut MasterCx<'_>, id: &AgentId) {
        let Some(agent) = self.agents.table.find(id) else { return };
        self.date_duty(cx, agent);
        self.note_agent(agent);
        let row = &self.agents.table[agent];
        if row.transition != Transition::Settled {
            return;
        }
        match self.duty_of(agent) {
            Duty::Serving if row.conn().is_some() => self.observe(cx, Fact::AgentActivated { agent }),
            Duty::Serving => {}
            Duty::Deactivated | Duty::Draining(_) | Duty::Drained => {
                self.rescind_offers_on(cx, agent);
                self.take_up_duty(cx, agent);
                for (framework, task) in self.agents.table[agent].tasks.clone() {
                    self.send_kill_again(cx, agent, framework, task);
                }
            }
        }
    }

    /// Since when it drains.
    pub(super) fn date_duty(&mut self, cx: &MasterCx<'_>, agent: AgentKey) {
        let is_draining = matches!(self.duty_of(agent), Duty::Draining(_) | Duty::Drained);
        self.agents.table[agent].times.drain(is_draining, cx.now.wall);
    }

    fn duty_of(&self, agent: AgentKey) -> Duty {
        self.registrar.registry().duty(&self.agents.table[agent].id).unwrap_or_default()
    }

    /// Whether an agent may be offered.
    pub(super) fn serves(&self, agent: AgentKey) -> bool {
        self.duty_of(agent).is_serving()
    }

    /// An agent that does not serve, and came back or is known already: it is not offered, and one that drains shall end its
    /// tasks. The caller sends the kills.
    pub(super) fn take_up_duty(&mut self, cx: &MasterCx<'_>, agent: AgentKey) {
        let duty = self.duty_of(agent);
        if duty.is_serving() || (mutant!(self, ForgetDrain) && self.agents.table[agent].tasks.is_empty()) {
            return;
        }
        self.observe(cx, Fact::AgentDeactivated { agent });
        if let Duty::Draining(drain) = duty {
            self.draining.insert(agent);
            for (framework, task) in self.agents.table[agent].tasks.clone() {
                self.plan_kill(framework, task, drain);
            }
        }
    }

    fn plan_kill(&mut self, framework: FrameworkKey, task: TaskKey, drain: Drain) {
        let row = &mut self.frameworks.table[framework].tasks[task];
        if !row.state.is_terminal() {
            row.kill = Some(Box::new(drain_policy(row, drain.max_grace)));
        }
    }

    /// Draining agents without a task, and without an operation somebody waits to hear of, are drained, or gone if that was asked for. Costs nothing while none drains.
    pub(super) fn check_drained(&mut self, cx: &mut MasterCx<'_>) {
        if self.draining.is_empty() {
            return;
        }
        for agent in self.draining.clone() {
            let drain = match self.agents.table.get(agent) {
                Some(row) if row.transition == Transition::Settled => match self.duty_of(agent) {
                    Duty::Draining(drain) => Some(drain),
                    _ => None,
                },
                _ => None,
            };
            let Some(drain) = drain else {
                self.draining.remove(&agent);
                continue;
            };
            let row = &self.agents.table[agent];
            if row.conn().is_some() && row.tasks.is_empty() && row.operations.is_empty() {
                self.drained(cx, agent, drain);
            }
        }
    }

    fn drained(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, drain: Drain) {
        let id = self.agents.table[agent].id.clone();
        let (op, pending) = match drain.mark_gone {
            true => (Op::MarkGone { id: id.clone(), at_wall: cx.now.wall }, Pending::DrainedGone { id }),
            false => (Op::MarkDrained { id }, Pending::Drained { agent }),
        };
        match self.registrar.submit(op) {
            Ok(ticket) => {
                if drain.mark_gone {
                    self.agents.table[agent].transition = Transition::Leaving;
                    self.note_agent(agent);
                }
                self.draining.remove(&agent);
                self.pending.insert(ticket, pending);
            }
            Err(rejection) => tracing::warn!(%rejection, "a drained agent was not marked; tried again later"),
        }
    }
}

/// How a task of a draining agent ends: a kill that was asked for holds, except where it would take longer.
fn drain_policy(task: &Task, max_grace: Option<Duration>) -> Option<KillPolicy> {
    let asked = task.kill.as_deref().copied().flatten();
    let own = asked.unwrap_or(task.info.kill_policy).grace;
    match max_grace {
        Some(max) if own.is_none_or(|own| own > max) => Some(KillPolicy { grace: Some(max) }),
        _ => asked,
    }
}
