//! Masters: one machine each, started anew after every term.

use mesos_core::call::ConnId;
use mesos_core::kernel::{Change, Cx, Machine, Term, Ticket};
use mesos_core::provider::StoreError;
use mesos_core::{Instant, MasterId};
use mesos_sched::master::{Effect, Input, Master};

use super::{Event, NodeId, Process};
use crate::disk::Fate;
use crate::failure::Failure;
use crate::fault::CrashKind;
use crate::net::End;
use crate::watch::{Notice, Watch};
use crate::world::World;

/// How long a master waits for the answer of a registry write that will never come (`registry_store_timeout` in Mesos: 20 s).
const STORE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);

/// A master's node.
#[derive(Debug)]
pub(crate) struct MasterNode {
    pub(crate) process: Process<Master>,
    /// The term this process was elected under; it takes connections from then on.
    pub(crate) term: Option<Term>,
    /// Messages that have arrived are handled by then, if handling takes time.
    pub(crate) busy_until: Instant,
}

/// The id of one process of a master.
pub(crate) fn master_id(master: u32, life: u32) -> MasterId {
    MasterId::new(format!("m{master}-{life}")).expect("letters and digits make an id")
}

impl World {
    pub(crate) fn start_master(&mut self, index: u32) {
        let node = &mut self.masters[index as usize];
        let id = master_id(index, node.process.life + 1);
        let allocator = self.conditions.decision_cost.charge((self.spec.allocator)());
        node.process.start(Master::new(id, self.spec.master_options.clone(), allocator));
        node.term = None;
        node.busy_until = self.now;
        self.notices.push(Notice::Restarted(NodeId::Master(index)));
        self.review_lease();
    }

    /// One step of a master: an input, or a tick.
    pub(crate) fn step_master(&mut self, index: u32, input: Option<Input>, watch: &mut Watch) -> Result<(), Failure> {
        let mut effects = std::mem::take(&mut self.master_effects);
        let shown = if watch.wants_inputs() { input.clone() } else { None };
        let is_tick = input.is_none();
        let node = &mut self.masters[index as usize];
        let now = node.process.now(self.now);
        let Some(machine) = node.process.machine.as_mut() else { return Ok(()) };
        if let Some(recording) = watch.recording_mut() {
            let life = (NodeId::Master(index), node.process.life);
            recording.begin(life, machine, &node.process.rng, now, input.as_ref());
        }
        let mut cx = Cx::new(now, &mut node.process.rng, &mut effects);
        match input {
            Some(input) => machine.handle(&mut cx, input),
            None => machine.tick(&mut cx),
        }
        if let Some(recording) = watch.recording_mut() {
            recording.end(NodeId::Master(index), &effects);
        }
        let result = watch.master(self, NodeId::Master(index), now, is_tick, shown.as_ref(), &effects);
        let is_to_trip = self.masters[index as usize].process.trip.is_some();
        let trip = if is_to_trip { self.tripped(NodeId::Master(index), effects.len()) } else { None };
        self.glance(&effects);
        for effect in effects.drain(..).take(trip.map_or(usize::MAX, |(done, _)| done)) {
            self.perform_master(index, effect);
        }
        self.master_effects = effects;
        self.fall(NodeId::Master(index), trip);
        self.arm(NodeId::Master(index));
        result
    }

    /// When a message that arrives now is handled, where that takes time; nothing if it is now.
    pub(crate) fn queued_until(&mut self, conn: ConnId) -> Option<Instant> {
        let cost = self.conditions.message_cost;
        let Some(NodeId::Master(index)) = self.net.conn(conn).map(|row| row.node(End::Master)) else { return None };
        let node = &mut self.masters[index as usize];
        let begins = node.busy_until.max(self.now);
        node.busy_until = begins + cost;
        (begins > self.now).then_some(begins)
    }

    fn perform_master(&mut self, index: u32, effect: Effect) {
        match effect {
            Effect::Persist { ticket, term, changes } => self.persist(index, ticket, term, changes),
            Effect::ToScheduler { conn, seq, event } => {
                self.carry(conn, End::Master, event, |event| Event::ToFramework { conn, seq, event });
            }
            Effect::ToAgent { conn, seq, message } => {
                self.carry(conn, End::Master, message, |message| Event::ToAgent { conn, seq, message });
            }
            Effect::Close { conn, .. } => self.hang_up(conn, End::Master),
            Effect::Reply { to, response } => self.operator.answered(to, response),
            Effect::StepDown { .. } => {
                self.crash(NodeId::Master(index), CrashKind::Process);
                let after = self.restart_delay();
                self.agenda.put(self.now + after, Event::Start(NodeId::Master(index)));
            }
            // Nobody keeps a picture but a check, which sees every effect.
            Effect::Publish(_) => {}
            // `Effect` may grow; a simulator that ignored a new effect would prove nothing.
            other => unreachable!("this simulator does not know how to perform {other:?}"),
        }
    }

    fn persist(&mut self, index: u32, ticket: Ticket, term: Term, changes: Vec<Change>) {
        let life = self.masters[index as usize].process.life;
        let Some(arrives_at) = self.net.way(self.now, NodeId::Master(index), NodeId::Quorum) else {
            let result = Err(StoreError::Unknown("the store does not answer".into()));
            return self.agenda.put(self.now + STORE_TIMEOUT, Event::Persisted { master: index, life, ticket, result });
        };
        let fate = match self.dice.chance(self.trouble.unknown_ppm) {
            false => Fate::Sound,
            true if self.dice.chance(500_000) => Fate::AppliedUnknown,
            true => Fate::DroppedUnknown,
        };
        let write = self.store.begin(term, changes, fate);
        let (low, high) = self.conditions.disk_latency;
        let written_at = arrives_at + self.dice.duration_between(low, high) + self.dice.duration(self.trouble.slow);
        self.agenda.put(written_at, Event::Land { master: index, life, ticket, write });
    }

    pub(crate) fn land(&mut self, master: u32, life: u32, ticket: Ticket, write: crate::disk::WriteId) {
        let result = self.store.land(write);
        let (at, result) = match self.net.way(self.now, NodeId::Quorum, NodeId::Master(master)) {
            Some(at) => (at, result),
            None => (self.now + STORE_TIMEOUT, Err(StoreError::Unknown("the store does not answer".into()))),
        };
        self.agenda.put(at, Event::Persisted { master, life, ticket, result });
    }
}
