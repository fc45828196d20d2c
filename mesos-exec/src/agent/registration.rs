//! The agent's side of its connection to the leading master.
//!
//! ```text
//!            leader found             timer                connected              (Re)registered
//!   Idle ─────────────────▶ Waiting ────────▶ Connecting ─────────────▶ Registering ─────────────▶ Registered
//!                              ▲                  │  lost, too slow          │ retry ↺                  │
//!                              └──────────────────┴──────────────────────────┴── lost, silent, gap ─────┘
//! ```
//!
//! Delays are random, so that a cluster's agents do not come all at once (Apache Mesos, `src/slave/slave.cpp`,
//! `doReliableRegistration`). Nothing about tasks is decided here.

use std::time::Duration;

use mesos_core::call::agent::{ExecutorReport, Reregistration, TaskReport, ToMaster};
use mesos_core::call::{CloseReason, ConnId, Leader};
use mesos_core::kernel::{Arrival, Inbound, Outbound, Seq};
use mesos_core::{AgentId, Rejection, RejectionCode};

use super::checkpoint;
use super::options::mutant;
use super::{Agent, AgentCx, Effect, Timer};

/// A master may not make an agent doubt it sooner: the least it can be told to ping is once a second.
const PING_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// The connection to the leader, and how far it has come.
#[derive(Debug)]
pub(super) struct Link {
    leader: Option<Leader>,
    phase: LinkPhase,
    conn: Option<Conn>,
    /// The next retry is due within this.
    retry: Duration,
    ping_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinkPhase {
    Idle,
    Waiting,
    Connecting,
    Registering,
    Registered,
}

#[derive(Debug)]
struct Conn {
    id: ConnId,
    inbound: Inbound,
    outbound: Outbound,
    /// How many messages were sent when the last ping came.
    sent_at_ping: u64,
}

impl Link {
    pub(super) const fn new(ping_timeout: Duration) -> Self {
        Self { leader: None, phase: LinkPhase::Idle, conn: None, retry: Duration::ZERO, ping_timeout }
    }

    pub(super) fn is_registered(&self) -> bool {
        self.phase == LinkPhase::Registered
    }

    pub(super) fn is(&self, conn: ConnId) -> bool {
        self.conn.as_ref().is_some_and(|own| own.id == conn)
    }
}

impl Agent {
    /// Another master leads, or none.
    pub(super) fn handle_leader(&mut self, cx: &mut AgentCx<'_>, leader: Option<Leader>) {
        if self.link.leader == leader {
            return;
        }
        // Only before the first leader was found there is no wait between two attempts.
        let is_missed = self.link.leader.is_none() && self.link.retry > Duration::ZERO;
        self.link.leader = leader;
        if mutant!(self.options, MissLeaderChange) && is_missed {
            return;
        }
        self.close(cx, CloseReason::NotLeading);
        self.start_over(cx);
    }

    /// Looks for the leader anew: after a random delay when one is known and the agent is ready, else not at all.
    pub(super) fn start_over(&mut self, cx: &mut AgentCx<'_>) {
        self.link.conn = None;
        self.link.retry = self.options.registration_retry;
        if self.link.leader.is_none() || !self.may_register() {
            self.link.phase = LinkPhase::Idle;
            self.timers.cancel(&Timer::Link);
            return;
        }
        self.link.phase = LinkPhase::Waiting;
        let delay = cx.rng.duration(self.options.registration_delay_max);
        self.arm(cx, Timer::Link, delay);
    }

    /// The connection broke or could not be made before the registration was through.
    fn retry_connection(&mut self, cx: &mut AgentCx<'_>) {
        self.link.conn = None;
        self.link.phase = LinkPhase::Waiting;
        let delay = self.next_retry(cx);
        self.arm(cx, Timer::Link, delay);
    }

    fn next_retry(&mut self, cx: &mut AgentCx<'_>) -> Duration {
        let delay = cx.rng.duration(self.link.retry);
        self.link.retry = (self.link.retry * 2).min(self.options.registration_retry_max);
        delay
    }

    /// Closes the connection, if there is one, and leaves it to the caller what follows.
    fn close(&mut self, cx: &mut AgentCx<'_>, why: CloseReason) {
        if let Some(conn) = self.link.conn.take() {
            cx.emit(Effect::Close { conn: conn.id, why });
        }
    }

    /// Closes the connection and starts again with what both sides know.
    pub(super) fn reconnect(&mut self, cx: &mut AgentCx<'_>, why: CloseReason) {
        self.close(cx, why);
        self.start_over(cx);
    }

    /// Never speaks to a master again.
    pub(super) fn hang_up(&mut self, cx: &mut AgentCx<'_>, why: CloseReason) {
        self.link.leader = None;
        self.reconnect(cx, why);
    }

    pub(super) fn handle_connected(&mut self, cx: &mut AgentCx<'_>, conn: ConnId) {
        if self.link.phase != LinkPhase::Connecting {
            cx.emit(Effect::Close { conn, why: CloseReason::NotLeading });
            return;
        }
        let (inbound, outbound) = (Inbound::default(), Outbound::default());
        self.link.conn = Some(Conn { id: conn, inbound, outbound, sent_at_ping: 0 });
        self.link.phase = LinkPhase::Registering;
        self.register(cx);
    }

    pub(super) fn handle_disconnected(&mut self, cx: &mut AgentCx<'_>, conn: Option<ConnId>) {
        let own = self.link.conn.as_ref().map(|conn| conn.id);
        if own != conn {
            return;
        }
        match self.link.phase {
            LinkPhase::Registered => self.start_over(cx),
            LinkPhase::Registering | LinkPhase::Connecting => self.retry_connection(cx),
            LinkPhase::Idle | LinkPhase::Waiting => {}
        }
    }

    pub(super) fn handle_link_timer(&mut self, cx: &mut AgentCx<'_>) {
        match (self.link.phase, self.link.leader.clone()) {
            (LinkPhase::Waiting | LinkPhase::Connecting, Some(leader)) => {
                self.link.phase = LinkPhase::Connecting;
                cx.emit(Effect::Connect { leader });
                self.arm(cx, Timer::Link, self.options.connect_timeout);
            }
            (LinkPhase::Registering, _) => self.register(cx),
            (LinkPhase::Registered, _) => self.reconnect(cx, CloseReason::Silent),
            (LinkPhase::Idle | LinkPhase::Waiting | LinkPhase::Connecting, _) => {}
        }
    }

    /// Whether a message that came on `conn` with number `seq` is to be handled.
    pub(super) fn arrives(&mut self, cx: &mut AgentCx<'_>, conn: ConnId, seq: Seq) -> bool {
        let Some(own) = self.link.conn.as_mut().filter(|own| own.id == conn) else { return false };
        match own.inbound.arrive(seq) {
            Arrival::InOrder => true,
            Arrival::Duplicate => false,
            Arrival::Gap => {
                self.reconnect(cx, CloseReason::Gap);
                false
            }
        }
    }

    /// Tells the master, if there is a connection.
    pub(super) fn send(&mut self, cx: &mut AgentCx<'_>, message: ToMaster) {
        if let Some(conn) = &mut self.link.conn {
            cx.emit(Effect::Send { conn: conn.id, seq: conn.outbound.next(), message });
        }
    }

    fn register(&mut self, cx: &mut AgentCx<'_>) {
        let message = match self.id.clone() {
            None => ToMaster::Register { info: self.info.clone(), total: self.total.clone() },
            Some(agent_id) => ToMaster::Reregister(Box::new(self.reregistration(agent_id))),
        };
        self.send(cx, message);
        let delay = self.next_retry(cx);
        if mutant!(self.options, NeverRetryRegistration) {
            self.timers.cancel(&Timer::Link);
        } else {
            self.arm(cx, Timer::Link, delay);
        }
    }

    /// Everything that is known here. States are those that are durable: a state told and then forgotten in a crash would
    /// be taken back.
    fn reregistration(&self, agent_id: AgentId) -> Reregistration {
        let mut told = Reregistration {
            agent_id,
            info: self.info.clone(),
            total: self.total.clone(),
            frameworks: std::collections::BTreeMap::new(),
            tasks: Vec::new(),
            executors: Vec::new(),
            operations: Vec::new(),
        };
        for (_, id, framework) in self.book.frameworks() {
            let Some(info) = &framework.info else { continue };
            told.frameworks.insert(id.clone(), info.clone());
            for (_, _, task) in framework.tasks.iter() {
                let Some(body) = &task.body else { continue };
                if mutant!(self.options, ReregisterWithoutTasks) && task.is_live() {
                    continue;
                }
                let (state, before) = (task.stream.settled(), task.stream.told());
                told.tasks.push(TaskReport {
                    framework_id: id.clone(),
                    role: body.role.clone(),
                    info: body.info.clone(),
                    state,
                    told: (before != state).then_some(before),
                });
            }
            for (_, _, hosted) in framework.executors.iter() {
                let Some(info) = &hosted.info else { continue };
                let (role, info) = (hosted.role.clone(), info.clone());
                told.executors.push(ExecutorReport { framework_id: id.clone(), role, info });
            }
        }
        for (report, info) in self.operations.reports() {
            told.frameworks.entry(report.framework_id.clone()).or_insert_with(|| info.clone());
            told.operations.push(report);
        }
        told
    }

    /// The master has written the agent down.
    pub(super) fn handle_registered(&mut self, cx: &mut AgentCx<'_>, agent_id: AgentId, ping_timeout: Duration) {
        match &self.id {
            Some(own) if *own != agent_id => {
                let what = format!("the master calls this agent {agent_id}, but it is {own}");
                let remedy = "answer a re-registration with the id it came with";
                let rejection = Rejection::new(RejectionCode::InvalidAgent, what, remedy);
                self.reconnect(cx, CloseReason::Refused(rejection));
                return;
            }
            Some(_) => {}
            None => {
                let change = checkpoint::put_agent(&agent_id, self.options.reconfiguration.map(|_| &self.info));
                self.id = Some(agent_id);
                self.write(cx, vec![change]);
            }
        }
        let was_registered = self.link.is_registered();
        self.link.phase = LinkPhase::Registered;
        self.link.ping_timeout = ping_timeout.max(PING_TIMEOUT_MIN);
        self.arm(cx, Timer::Link, self.link.ping_timeout);
        if !was_registered {
            self.send_all_heads(cx);
            self.send_all_operations(cx);
        }
    }

    pub(super) fn handle_ping(&mut self, cx: &mut AgentCx<'_>, received: u64) {
        let Some(conn) = &mut self.link.conn else { return };
        if received < conn.sent_at_ping {
            self.reconnect(cx, CloseReason::Gap);
            return;
        }
        conn.sent_at_ping = conn.outbound.sent();
        if self.link.is_registered() {
            self.arm(cx, Timer::Link, self.link.ping_timeout);
        }
        self.send(cx, ToMaster::Pong);
    }
}
