//! Frameworks: a driver and its scheduler each, and a disk for what they remember.

use mesos_core::call::scheduler::{Call, Event as Told};
use mesos_core::kernel::{Cx, Draft, Machine, Rng, Ticket};
use mesos_core::{Instant, Operation};
use mesos_sched::driver::{Driver, Effect, Input, StopReason};

use super::wire::Dialling;
use super::{Event, NodeId, Process};
use crate::disk::Disk;
use crate::failure::Failure;
use crate::fault::CrashKind;
use crate::net::End;
use crate::watch::{Notice, Watch};
use crate::world::World;

/// A framework's node.
#[derive(Debug)]
pub(crate) struct FrameworkNode {
    pub(crate) process: Process<Driver>,
    pub(crate) dialling: Dialling,
    pub(crate) disk: Disk,
    pub(crate) dice: Rng,
    pub(crate) disk_busy_until: Instant,
    /// Why it ended for good.
    pub(crate) ended: Option<StopReason>,
}

impl World {
    pub(crate) fn start_framework(&mut self, index: u32) {
        let spec = &self.spec.frameworks[index as usize];
        let version = self.ongoing.version(NodeId::Framework(index));
        let info = version.map_or_else(|| spec.info.clone(), |version| version.framework(&spec.info));
        let machine = Driver::new(info, (spec.scheduler)(), spec.options.clone());
        let node = &mut self.frameworks[index as usize];
        node.process.start(machine);
        node.disk_busy_until = self.now;
        let life = node.process.life;
        self.notices.push(Notice::Restarted(NodeId::Framework(index)));
        let (low, high) = self.conditions.disk_latency;
        let after = self.dice.duration_between(low, high);
        self.agenda.put(self.now + after, Event::Recovered { node: NodeId::Framework(index), life });
    }

    /// One step of a driver: an input, or a tick.
    pub(crate) fn step_framework(
        &mut self,
        index: u32,
        input: Option<Input>,
        watch: &mut Watch,
    ) -> Result<(), Failure> {
        let mut effects = std::mem::take(&mut self.driver_effects);
        let shown = if watch.wants_inputs() { input.clone() } else { None };
        let is_tick = input.is_none();
        if let Some(Input::Received { event, .. }) = &input {
            self.note_told(index, event);
        }
        let node = &mut self.frameworks[index as usize];
        let now = node.process.now(self.now);
        let Some(machine) = node.process.machine.as_mut() else { return Ok(()) };
        let mut cx = Cx::new(now, &mut node.process.rng, &mut effects);
        match input {
            Some(input) => machine.handle(&mut cx, input),
            None => machine.tick(&mut cx),
        }
        let result = watch.framework(self, NodeId::Framework(index), now, is_tick, shown.as_ref(), &effects);
        let is_to_trip = self.frameworks[index as usize].process.trip.is_some();
        let trip = if is_to_trip { self.tripped(NodeId::Framework(index), effects.len()) } else { None };
        for effect in effects.drain(..).take(trip.map_or(usize::MAX, |(done, _)| done)) {
            self.perform_framework(index, effect);
        }
        self.driver_effects = effects;
        self.fall(NodeId::Framework(index), trip);
        self.arm(NodeId::Framework(index));
        result
    }

    fn note_told(&mut self, index: u32, event: &Told) {
        if let Some(recorder) = &mut self.recorder {
            recorder.told(self.now, index, event);
        }
        match event {
            Told::Subscribed { framework_id, .. } => self.tally.subscribed(index, framework_id),
            Told::Update(status) => self.tally.told(self.now, index, status),
            Told::Offers(offers) => self.tally.offered(index, offers.len()),
            _ => {}
        }
    }

    fn perform_framework(&mut self, index: u32, effect: Effect) {
        match effect {
            Effect::Connect { leader } => self.dial(NodeId::Framework(index), &leader),
            Effect::Send { conn, seq, call } => {
                self.note_call(index, &call);
                self.carry(conn, End::Client, call, |call| Event::FromFramework { conn, seq, call });
            }
            Effect::Close { conn, .. } => self.hang_up(conn, End::Client),
            Effect::Save { ticket, changes } => self.save(index, ticket, changes),
            Effect::Stop { why } => self.framework_stopped(index, why),
            // `Effect` may grow; a simulator that ignored a new effect would prove nothing.
            other => unreachable!("this simulator does not know how to perform {other:?}"),
        }
    }

    fn note_call(&mut self, index: u32, call: &Call) {
        if let Some(recorder) = &mut self.recorder {
            recorder.called(self.now, index, call);
        }
        if let Call::Accept { operations, .. } = call {
            for tasks in operations.iter().map(Operation::tasks).filter(|tasks| !tasks.is_empty()) {
                self.tally.launched(self.now, index, tasks);
            }
        }
    }

    fn save(&mut self, index: u32, ticket: Ticket, changes: Vec<Draft>) {
        let (low, high) = self.conditions.disk_latency;
        let slow = self.trouble.slow;
        let node = &mut self.frameworks[index as usize];
        let extra = node.disk.trouble.extra(self.now, &mut node.dice);
        let at = self.now + node.dice.duration_between(low, high) + node.dice.duration(slow) + extra;
        node.disk_busy_until = at.max(node.disk_busy_until);
        node.disk.begin(ticket, changes);
        let event = Event::Stored { node: NodeId::Framework(index), life: node.process.life };
        self.agenda.put(node.disk_busy_until, event);
    }

    fn framework_stopped(&mut self, index: u32, why: StopReason) {
        let id = NodeId::Framework(index);
        self.crash(id, CrashKind::Process);
        if matches!(why, StopReason::Memory(_)) {
            let after = self.restart_delay();
            self.agenda.put(self.now + after, Event::Start(id));
        } else {
            let node = &mut self.frameworks[index as usize];
            node.process.is_retired = true;
            node.ended = Some(why);
            self.tally.ended(self.now, index);
        }
    }
}
