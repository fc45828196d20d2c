//! From a connection to the framework or agent behind it, and back.

use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::call::scheduler::{Call, Event};
use mesos_core::call::{CloseReason, ConnId};
use mesos_core::kernel::{Arrival, Seq};
use mesos_core::provider::{AgentKey, Fact, FrameworkKey};
use mesos_core::{Rejection, RejectionCode};

use super::book::Who;
use super::options::mutant;
use super::{Effect, Master, MasterCx};

impl Master {
    pub(super) fn handle_scheduler(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, seq: Seq, call: Call) {
        let Some(who) = self.arrive(cx, conn, seq) else { return };
        match (who, call) {
            (Who::Stranger, Call::Subscribe { info, suppressed, constraints }) => {
                match info.id {
                    None => self.counters.frameworks_subscribing += 1,
                    Some(_) => self.counters.frameworks_resubscribing += 1,
                }
                self.subscribe(cx, conn, *info, suppressed, constraints);
            }
            (Who::Framework(framework), call) => self.call(cx, framework, call),
            (Who::Stranger, call) => {
                self.counters.dropped += 1;
                self.refuse_scheduler(cx, conn, before_subscribe(call.name()));
            }
            (Who::Agent(_) | Who::Joining, call) => self.refuse_agent(cx, conn, wrong_side(call.name())),
        }
    }

    fn count_call(&mut self, call: &Call) {
        let counters = &mut self.counters;
        counters.calls += 1;
        match call {
            Call::Kill { .. } => counters.kills += 1,
            Call::Revive { .. } => counters.revives += 1,
            Call::Suppress { .. } => counters.suppresses += 1,
            Call::Teardown => counters.teardowns += 1,
            Call::Message { .. } => counters.framework_messages += 1,
            _ => {}
        }
    }

    fn call(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, call: Call) {
        self.count_call(&call);
        self.frameworks.table[framework].tally.calls.count(call.name());
        match call {
            Call::Subscribe { .. } => {
                let what = "SUBSCRIBE came twice on one connection";
                self.refuse(cx, framework, RejectionCode::InvalidFramework, what, "open a new connection to fail over");
            }
            Call::UpdateFramework { info, suppressed, constraints } => {
                self.update_framework(cx, framework, *info, suppressed, constraints);
            }
            Call::Teardown => self.end_framework(cx, framework),
            Call::Accept { offers, operations, filters } => self.accept(cx, framework, &offers, operations, filters),
            Call::Decline { offers, filters } => self.decline(cx, framework, &offers, filters),
            Call::AcceptInverseOffers { offers, filters } => {
                self.answer_inverse_offers(cx, framework, &offers, filters, true);
            }
            Call::DeclineInverseOffers { offers, filters } => {
                self.answer_inverse_offers(cx, framework, &offers, filters, false);
            }
            Call::Revive { roles } => self.revive(cx, framework, roles),
            Call::Suppress { roles } => self.suppress(cx, framework, roles),
            Call::Kill { task_id, agent_id, policy } => self.kill(cx, framework, &task_id, agent_id.as_ref(), policy),
            Call::Shutdown { executor_id, agent_id } => self.shut_down_executor(cx, framework, &agent_id, executor_id),
            Call::Acknowledge { task_id, agent_id, uuid } => {
                self.acknowledge(cx, framework, &task_id, &agent_id, uuid);
            }
            Call::Reconcile { tasks } => self.reconcile(cx, framework, &tasks),
            Call::AcknowledgeOperation { operation_id, agent_id, uuid } => {
                self.acknowledge_operation(cx, framework, &operation_id, &agent_id, uuid);
            }
            Call::ReconcileOperations { operations } => self.reconcile_operations(cx, framework, operations),
            Call::Message { executor_id, agent_id, data } => {
                let framework_id = self.frameworks.table[framework].id.clone();
                let agent = self.agents.table.find(&agent_id);
                let message = ToAgent::Message { framework_id, executor_id, data };
                let is_told = agent.is_some_and(|agent| self.tell_agent(cx, agent, message));
                if !is_told {
                    self.counters.framework_messages_invalid += 1;
                }
            }
            other => {
                let what = format!("call {} is not known to this master", other.name());
                self.refuse(cx, framework, RejectionCode::Unsupported, &what, "use a newer master");
            }
        }
    }

    pub(super) fn handle_agent(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, seq: Seq, message: ToMaster) {
        let Some(who) = self.arrive(cx, conn, seq) else { return };
        match (who, message) {
            (Who::Stranger, ToMaster::Register { info, total }) => {
                self.counters.agents_registering += 1;
                self.register(cx, conn, info, total);
            }
            (Who::Stranger, ToMaster::Reregister(report)) => {
                self.counters.agents_reregistering += 1;
                self.reregister(cx, conn, report);
            }
            // An impatient agent asked again; the answer to its first request is on its way.
            (Who::Joining, ToMaster::Register { .. } | ToMaster::Reregister(_)) => {}
            (Who::Agent(agent), message) => self.agent_message(cx, agent, message),
            (Who::Stranger | Who::Joining, message) => {
                self.counters.dropped += 1;
                self.refuse_agent(cx, conn, before_register(message.name()));
            }
            (Who::Framework(_), message) => self.refuse_scheduler(cx, conn, wrong_side(message.name())),
        }
    }

    fn agent_message(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, message: ToMaster) {
        self.counters.agent_messages += 1;
        match message {
            ToMaster::Pong => self.pong(agent),
            ToMaster::Update { framework_id, status, latest } => {
                self.update(cx, agent, &framework_id, status, latest);
            }
            ToMaster::OperationUpdate { framework_id, status } => {
                self.operation_update(cx, agent, &framework_id, *status);
            }
            ToMaster::Register { .. } | ToMaster::Reregister(_) => self.answer_registration_again(cx, agent),
            ToMaster::ExecutorExited { framework_id, executor_id, status } => {
                self.counters.executors_exited += 1;
                self.executor_exited(cx, agent, &framework_id, executor_id, status);
            }
            ToMaster::Message { framework_id, executor_id, data } => {
                self.counters.executor_messages += 1;
                let agent_id = self.agents.table[agent].id.clone();
                let framework = self.frameworks.table.find(&framework_id);
                let message = Event::Message { executor_id, agent_id, data };
                let is_told = framework.is_some_and(|framework| self.tell_framework(cx, framework, message));
                if !is_told {
                    self.counters.executor_messages_invalid += 1;
                }
            }
            ToMaster::Unregister => {
                self.counters.agents_unregistering += 1;
                self.unregister(cx, agent);
            }
            other => {
                let what = format!("message {} is not known to this master", other.name());
                let rejection = Rejection::new(RejectionCode::Unsupported, what, "use a newer master");
                self.close_agent(cx, agent, CloseReason::Refused(rejection));
            }
        }
    }

    /// Judges a message's number on its connection; nobody is returned when it must not be handled.
    fn arrive(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, seq: Seq) -> Option<Who> {
        if !self.phase.is_leading() {
            self.counters.dropped += 1;
            cx.emit(Effect::Close { conn, why: CloseReason::NotLeading });
            return None;
        }
        let row = self.conns.meet(conn);
        match row.inbound.arrive(seq) {
            Arrival::InOrder => Some(row.who),
            Arrival::Duplicate => {
                let who = row.who;
                self.counters.dropped += 1;
                mutant!(self, ActOnDuplicates).then_some(who)
            }
            Arrival::Gap => {
                self.counters.gaps += 1;
                self.counters.dropped += 1;
                if mutant!(self, StepDownOnBadPeer) {
                    self.step_down(cx, "a peer left out a message");
                }
                self.close(cx, conn, CloseReason::Gap);
                None
            }
        }
    }

    pub(super) fn disconnected(&mut self, cx: &mut MasterCx<'_>, conn: ConnId) {
        let row = if mutant!(self, LeakClosedConnections) {
            self.conns.get_mut(conn).map(|row| row.who)
        } else {
            self.conns.remove(conn).map(|row| row.who)
        };
        match row {
            Some(Who::Framework(framework)) => self.framework_disconnected(cx, framework),
            Some(Who::Agent(agent)) => self.agent_disconnected(cx, agent),
            // Admissions under way notice when their write is done.
            Some(Who::Stranger | Who::Joining) | None => {}
        }
    }

    /// Closes a connection and does what its end entails.
    pub(super) fn close(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, why: CloseReason) {
        cx.emit(Effect::Close { conn, why });
        self.disconnected(cx, conn);
    }

    /// Closes a connection whose owner has let go of it already.
    pub(super) fn drop_conn(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, why: CloseReason) {
        if self.conns.remove(conn).is_some() {
            cx.emit(Effect::Close { conn, why });
        }
    }

    pub(super) fn close_agent(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, why: CloseReason) {
        if let Some(conn) = self.agents.table[agent].conn() {
            self.close(cx, conn, why);
        }
    }

    /// Tells a framework, if it is connected; whether it is.
    pub(super) fn tell_framework(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, event: Event) -> bool {
        let row = &mut self.frameworks.table[framework];
        let Some(conn) = row.conn() else { return false };
        row.tally.events.count(event.name());
        self.tell_scheduler(cx, conn, event)
    }

    pub(super) fn tell_scheduler(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, event: Event) -> bool {
        let Some(row) = self.conns.get_mut(conn) else { return false };
        let seq = row.outbound.next();
        cx.emit(Effect::ToScheduler { conn, seq, event });
        true
    }

    /// Tells an agent, if it is connected; whether it is.
    pub(super) fn tell_agent(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, message: ToAgent) -> bool {
        match self.agents.table[agent].conn() {
            Some(conn) => self.tell_agent_at(cx, conn, message),
            None => false,
        }
    }

    pub(super) fn tell_agent_at(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, message: ToAgent) -> bool {
        let Some(row) = self.conns.get_mut(conn) else { return false };
        let seq = row.outbound.next();
        cx.emit(Effect::ToAgent { conn, seq, message });
        true
    }

    /// Tells a framework that a call was refused; its subscription stays.
    pub(super) fn refuse(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        code: RejectionCode,
        what: &str,
        remedy: &str,
    ) {
        self.reject(cx, framework, Rejection::new(code, what, remedy));
    }

    pub(super) fn reject(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, rejection: Rejection) {
        self.counters.rejections += 1;
        self.tell_framework(cx, framework, Event::Error(rejection));
    }

    pub(super) fn refuse_scheduler(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, rejection: Rejection) {
        self.counters.rejections += 1;
        self.tell_scheduler(cx, conn, Event::Error(rejection.clone()));
        self.close(cx, conn, CloseReason::Refused(rejection));
    }

    pub(super) fn refuse_agent(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, rejection: Rejection) {
        self.counters.rejections += 1;
        tracing::warn!(%rejection, %conn, "an agent was refused");
        self.close(cx, conn, CloseReason::Refused(rejection));
    }

    pub(super) fn observe(&mut self, cx: &MasterCx<'_>, fact: Fact) {
        self.note_fact(&fact);
        self.allocator.observe(cx.now.mono, fact);
    }
}

fn before_subscribe(call: &str) -> Rejection {
    Rejection::new(
        RejectionCode::NotSubscribed,
        format!("{call} came before SUBSCRIBE on this connection"),
        "subscribe first",
    )
}

fn before_register(message: &str) -> Rejection {
    Rejection::new(
        RejectionCode::NotRegistered,
        format!("{message} came before the agent was registered on this connection"),
        "register first",
    )
}

fn wrong_side(message: &str) -> Rejection {
    Rejection::new(
        RejectionCode::NotYours,
        format!("{message} came from the wrong kind of peer"),
        "agents and frameworks use connections of their own",
    )
}
