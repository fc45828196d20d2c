//! The master: owns the books, routes inputs, nothing else.
//!
//! ```text
//!   frameworks ──calls──▶ ┌────────┐ ──run, kill──▶ agents
//!              ◀─offers── │ Master │ ◀──updates────
//!                         └────────┘
//!                facts │ ▲ grants  │ persist ▲ persisted
//!                      ▼ │         ▼         │
//!                    Allocator     registry store
//! ```
//!
//! A master leads for at most one term and then ends; another machine takes over with what the registry holds and what
//! agents and frameworks tell it when they come back. It is not a server: hosts carry its messages and writes.
//!
//! Called by the tokio host in `daemon` and by the simulator.

mod accept;
mod admission;
mod book;
mod commit;
mod describe;
mod duty;
mod effect;
mod ending;
mod explain;
mod feedback;
mod input;
mod inverse;
mod leading;
mod liveness;
mod loss;
mod maintenance;
mod offering;
mod operation;
mod operator;
mod options;
mod past;
mod pending;
mod portion;
mod preemption;
mod publish;
mod quota;
mod readmission;
mod recipe;
mod reconcile;
mod removal;
mod role;
mod rota;
mod route;
mod status;
mod subscribe;
pub mod validate;
mod view;

pub use book::{Counted, Tally};
pub use effect::Effect;
pub use ending::Endings;
pub use input::Input;
pub use maintenance::maintenance_status_of;
pub use options::Options;
pub use past::{AgentTimes, FrameworkTimes, Memory, RemovedFramework, TaskRow, Totals};
#[cfg(feature = "daemon")]
pub(crate) use past::{Over, push_bounded};
pub use publish::{AgentState, Change, Changes, Connection, FrameworkState};
pub use recipe::Recipe;
pub use role::RoleView;
pub use view::{AgentView, Counters, ExecutorView, FrameworkView, OfferView, OperationView, TaskView};

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::kernel::{Cx, Machine, Ticket, TimerTable};
use mesos_core::provider::{AgentKey, Allocator, FrameworkKey, Grant};
use mesos_core::{AgentId, Instant, MasterId};

use crate::registry::{Registrar, Registry};
use book::{Agents, Conns, Frameworks, InverseOffers, OfferKey, Offers};
use leading::Phase;
use pending::Pending;
use removal::Removals;
use rota::Rota;

/// What a master's handlers work with.
pub(crate) type MasterCx<'a> = Cx<'a, Effect>;

/// What is due some day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    /// Tell a framework that its connection lives.
    Heartbeat(FrameworkKey),
    /// A disconnected framework's time is up.
    RemoveFramework(FrameworkKey),
    /// A disconnected agent's time is up.
    Reregister(AgentKey),
    /// An admitted agent that has not come back to this master is unreachable.
    Absent(AgentId),
    /// Nobody answered an offer.
    Offer(OfferKey),
    /// Old records of unreachable and gone agents are dropped.
    PruneRegistry,
    /// The next of the agents that are to be given up.
    Removal,
}

/// The master's state machine.
#[derive(Debug)]
pub struct Master {
    id: MasterId,
    options: Options,
    phase: Phase,
    registrar: Registrar,
    allocator: Box<dyn Allocator>,
    frameworks: Frameworks,
    agents: Agents,
    offers: Offers,
    inverse: InverseOffers,
    /// The agents in the books that drain.
    draining: BTreeSet<AgentKey>,
    conns: Conns,
    pending: BTreeMap<Ticket, Pending>,
    timers: TimerTable<Timer>,
    rota: Rota,
    removals: Removals,
    grants: Vec<Grant>,
    counters: Counters,
    /// What changed in this step; absent while nobody listens.
    notes: Option<publish::Notes>,
    /// How far all there is has been published, while that is wanted.
    walk: Option<portion::Walk>,
    /// What is remembered for views, if anything.
    past: Option<past::Past>,
}

impl Master {
    /// A master that does not lead yet. `id` must be new: it is the prefix of every id this master hands out.
    #[must_use]
    pub fn new(id: MasterId, options: Options, allocator: Box<dyn Allocator>) -> Self {
        Self {
            id,
            notes: options.publishes.then(publish::Notes::default),
            walk: None,
            past: options.memory.map(past::Past::new),
            options,
            phase: Phase::Waiting,
            registrar: Registrar::new(Registry::default()),
            allocator,
            frameworks: Frameworks::default(),
            agents: Agents::default(),
            offers: Offers::default(),
            inverse: InverseOffers::default(),
            draining: BTreeSet::new(),
            conns: Conns::default(),
            pending: BTreeMap::new(),
            timers: TimerTable::default(),
            rota: Rota::default(),
            removals: Removals::default(),
            grants: Vec::new(),
            counters: Counters::default(),
        }
    }

    fn fire(&mut self, cx: &mut MasterCx<'_>, timer: Timer) {
        match timer {
            Timer::Heartbeat(framework) => self.heartbeat(cx, framework),
            Timer::RemoveFramework(framework) => self.remove_framework(cx, framework),
            Timer::Reregister(agent) => self.is_silent(cx, agent),
            Timer::Absent(agent) => self.stays_absent(cx, agent),
            Timer::Offer(offer) => self.rescind(cx, offer),
            Timer::PruneRegistry => self.prune_registry(cx),
            Timer::Removal => self.give_up_next(cx),
        }
    }
}

impl Machine for Master {
    type Input = Input;
    type Effect = Effect;

    fn handle(&mut self, cx: &mut MasterCx<'_>, input: Input) {
        match input {
            Input::Elected { term, records } => self.elected(cx, term, &records),
            Input::Demoted => self.step_down(cx, "leadership was lost"),
            Input::Persisted { ticket, result } => self.persisted(cx, ticket, result),
            Input::Scheduler { conn, seq, call } => self.handle_scheduler(cx, conn, seq, call),
            Input::Agent { conn, seq, message } => self.handle_agent(cx, conn, seq, message),
            Input::Disconnected { conn } => self.disconnected(cx, conn),
            Input::Operator { reply, call } => self.handle_operator(cx, reply, call),
            Input::PublishAll => self.publish_all(cx),
            Input::PublishNothing => self.publish_nothing(),
        }
        self.check_drained(cx);
        self.write_registry(cx);
        self.publish(cx);
    }

    fn deadline(&self) -> Option<Instant> {
        if !self.phase.is_leading() {
            return None;
        }
        let walk = self.walk.as_ref().map(|walk| walk.due_at);
        // Asked after every step: an absent time is the latest there is.
        let or_never = |at: Option<Instant>| at.unwrap_or(Instant::MAX);
        let first = or_never(self.timers.next()).min(or_never(self.rota.next()));
        let first = first.min(or_never(self.allocator.deadline())).min(or_never(walk));
        (first != Instant::MAX).then_some(first)
    }

    fn tick(&mut self, cx: &mut MasterCx<'_>) {
        if !self.phase.is_leading() {
            return;
        }
        while let Some(timer) = self.timers.pop_due(cx.now.mono) {
            self.fire(cx, timer);
        }
        self.ask_due(cx);
        if self.allocator.deadline().is_some_and(|due| due <= cx.now.mono) {
            self.allocate(cx);
        }
        self.check_drained(cx);
        self.write_registry(cx);
        self.publish(cx);
        self.publish_on(cx, None);
    }
}
