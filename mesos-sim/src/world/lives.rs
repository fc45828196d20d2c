//! Lives and deaths: processes start, crash, pause and go on.
//!
//! A node outlives its processes. What one of them left on the disk and in containers is what the next one finds; what was
//! addressed to an earlier one is void.

use std::time::Duration;

use mesos_core::Instant;
use mesos_core::kernel::Rng;
use mesos_exec::agent;
use mesos_sched::driver;

use super::World;
use crate::disk::{Disk, DiskTrouble};
use crate::failure::Failure;
use crate::fault::{CrashKind, DiskFate};
use crate::node::{Event, NodeId, Pace, Process, Trip};
use crate::watch::{Notice, Watch};

impl World {
    /// Takes a process down; what was on its disk queue may be lost. Whether it was up.
    pub(crate) fn crash(&mut self, node: NodeId, kind: CrashKind) -> bool {
        let life = self.life(node);
        if !self.is_life(node, life) {
            return false;
        }
        for (conn, end) in self.net.open_at(node, life) {
            match kind {
                CrashKind::Process => self.hang_up(conn, end),
                CrashKind::Machine => drop(self.net.close(conn, end)),
            }
        }
        if self.held(node).is_some() {
            self.paused -= 1;
        }
        if let Some((disk, dice)) = self.disk_mut(node) {
            let kept = dice.index(disk.pending() + 1);
            disk.crash(kept);
            self.dialling(node).conn = None;
        }
        if let NodeId::Agent(index) = node {
            self.drop_questions(index);
        }
        let is_powered = kind == CrashKind::Process;
        match node {
            NodeId::Master(index) => {
                let is_leading = self.election.holder().is_some_and(|holder| holder.master == index);
                if let Some(recorder) = self.recorder.as_mut().filter(|_| is_leading) {
                    recorder.leader_lost(self.now);
                }
                let row = &mut self.masters[index as usize];
                row.process.stop(is_powered);
                row.term = None;
            }
            NodeId::Framework(index) => self.frameworks[index as usize].process.stop(is_powered),
            NodeId::Executor(index) => self.executors[index as usize].process.stop(is_powered),
            NodeId::Agent(index) => {
                let row = &mut self.agents[index as usize];
                row.process.stop(is_powered);
                if is_powered {
                    row.containers.abandon(&mut row.dice);
                } else {
                    self.drop_containers(index);
                }
            }
            NodeId::Quorum | NodeId::Operator => {}
        }
        self.notices.push(Notice::Crashed(node));
        if matches!(node, NodeId::Master(_)) {
            self.review_lease();
        }
        true
    }

    pub(crate) fn start(&mut self, node: NodeId) {
        let life = self.life(node);
        if self.is_life(node, life) || self.is_retired(node) {
            return;
        }
        match node {
            NodeId::Master(index) => self.start_master(index),
            NodeId::Agent(index) => self.start_agent(index),
            NodeId::Framework(index) => self.start_framework(index),
            // Its agent starts it, another one each time.
            NodeId::Executor(_) | NodeId::Quorum | NodeId::Operator => {}
        }
    }

    /// Stops a process until then without its noticing; whether it stands still because of this. One that does already does
    /// so for as long as either wants.
    pub(crate) fn pause(&mut self, node: NodeId, until: Instant) -> bool {
        let life = self.life(node);
        if !self.is_life(node, life) {
            return false;
        }
        if self.held(node).is_none() {
            match node {
                NodeId::Master(index) => self.masters[index as usize].process.held = Some(Vec::new()),
                NodeId::Agent(index) => self.agents[index as usize].process.held = Some(Vec::new()),
                NodeId::Framework(index) => self.frameworks[index as usize].process.held = Some(Vec::new()),
                NodeId::Executor(index) => self.executors[index as usize].process.held = Some(Vec::new()),
                NodeId::Quorum | NodeId::Operator => return false,
            }
            self.paused += 1;
            self.with_process(node, |process| *process.held_until = until);
        } else if !self
            .with_process(node, |process| std::mem::replace(process.held_until, until.max(*process.held_until)) < until)
        {
            return false;
        }
        self.agenda.put(until, Event::Resume { node, life });
        self.review_lease();
        true
    }

    /// A pause has lasted.
    pub(crate) fn resume(&mut self, node: NodeId, life: u32) {
        let now = self.now;
        if self.is_life(node, life) && self.with_process(node, |process| *process.held_until <= now) {
            self.wake_from_pause(node);
        }
    }

    /// A process goes on, if it stands still.
    pub(crate) fn wake_from_pause(&mut self, node: NodeId) {
        let held = match node {
            NodeId::Master(index) => self.masters[index as usize].process.held.take(),
            NodeId::Agent(index) => self.agents[index as usize].process.held.take(),
            NodeId::Framework(index) => self.frameworks[index as usize].process.held.take(),
            NodeId::Executor(index) => self.executors[index as usize].process.held.take(),
            NodeId::Quorum | NodeId::Operator => None,
        };
        let Some(held) = held else { return };
        self.paused -= 1;
        for event in held {
            self.agenda.put(self.now, event);
        }
        self.arm(node);
        self.review_lease();
    }

    /// Lets a process end in the middle of a step to come.
    pub(crate) fn arm_trip(&mut self, node: NodeId, trip: Trip) -> bool {
        let life = self.life(node);
        if !self.is_life(node, life) {
            return false;
        }
        self.with_process(node, |process| process.trip.replace(trip));
        true
    }

    /// Whether a process ends in the step it just took: how many of its effects are still carried out.
    pub(crate) fn tripped(&mut self, node: NodeId, effects: usize) -> Option<(usize, Trip)> {
        self.with_process(node, |process| {
            let trip = process.trip.as_mut()?;
            if trip.steps > 0 {
                trip.steps -= 1;
                return None;
            }
            let done = effects as u64 * u64::from(trip.done_ppm) / 1_000_000;
            Some((usize::try_from(done).unwrap_or(effects), process.trip.take()?))
        })
    }

    /// The process ends now, if it is to.
    pub(crate) fn fall(&mut self, node: NodeId, trip: Option<(usize, Trip)>) {
        let Some((_, Trip { kind, down_for, .. })) = trip else { return };
        if let NodeId::Executor(index) = node {
            return self.end_executor(index, mesos_core::Exit::Signalled(9));
        }
        if self.crash(node, kind) {
            self.agenda.put(self.now + down_for, Event::Start(node));
        }
    }

    /// Lets a node's clocks go faster or slower from now on.
    pub(crate) fn set_pace(&mut self, node: NodeId, ppm: i32) {
        let now = self.now;
        self.with_process(node, |process| process.pace.set(now, ppm));
        self.arm(node);
    }

    /// A node that went down finds this on its disk.
    pub(crate) fn spoil_disk(&mut self, node: NodeId, fate: DiskFate) {
        let Some((disk, dice)) = self.disk_mut(node) else { return };
        match fate {
            DiskFate::Kept => {}
            DiskFate::Torn => disk.tear(dice),
            DiskFate::Lost => disk.wipe(),
        }
    }

    pub(crate) fn disk_trouble_mut(&mut self, node: NodeId) -> Option<&mut DiskTrouble> {
        self.disk_mut(node).map(|(disk, _)| &mut disk.trouble)
    }

    /// Nothing is wrong with a node any more.
    pub(crate) fn cure(&mut self, node: NodeId) {
        self.with_process(node, |process| process.trip.take());
        self.set_pace(node, 0);
        if let Some(trouble) = self.disk_trouble_mut(node) {
            *trouble = DiskTrouble::default();
        }
    }

    /// A fresh process has read its disk.
    pub(super) fn recovered(&mut self, node: NodeId, life: u32, watch: &mut Watch) -> Result<(), Failure> {
        if !self.is_life(node, life) {
            return Ok(());
        }
        let version = self.election.version();
        if version > 0 {
            let after = self.dice.duration(self.conditions.election.detect);
            self.agenda.put(self.now + after, Event::Tell { node, version });
        }
        match node {
            NodeId::Agent(index) => {
                let records = self.agents[index as usize].disk.recovered();
                self.step_agent(index, Some(agent::Input::Recovered { records }), watch)
            }
            NodeId::Framework(index) => {
                let records = self.frameworks[index as usize].disk.recovered();
                self.step_framework(index, Some(driver::Input::Recovered { records }), watch)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn restart_delay(&mut self) -> Duration {
        let (low, high) = self.conditions.restart_after;
        self.dice.duration_between(low, high)
    }
}

/// What is the same for processes of all kinds.
pub(crate) struct Common<'a> {
    pub(crate) trip: &'a mut Option<Trip>,
    pub(crate) pace: &'a mut Pace,
    pub(crate) held_until: &'a mut Instant,
}

/// Which process a node runs now.
impl World {
    fn with_process<T: Default>(&mut self, node: NodeId, with: impl FnOnce(&mut Common<'_>) -> T) -> T {
        let mut common = match node {
            NodeId::Master(index) => self.masters[index as usize].process.common(),
            NodeId::Agent(index) => self.agents[index as usize].process.common(),
            NodeId::Framework(index) => self.frameworks[index as usize].process.common(),
            NodeId::Executor(index) => self.executors[index as usize].process.common(),
            NodeId::Quorum | NodeId::Operator => return T::default(),
        };
        with(&mut common)
    }

    pub(crate) fn life(&self, node: NodeId) -> u32 {
        match node {
            NodeId::Master(index) => self.masters[index as usize].process.life,
            NodeId::Agent(index) => self.agents[index as usize].process.life,
            NodeId::Framework(index) => self.frameworks[index as usize].process.life,
            NodeId::Executor(index) => self.executors[index as usize].process.life,
            NodeId::Quorum | NodeId::Operator => 0,
        }
    }

    pub(crate) fn is_life(&self, node: NodeId, life: u32) -> bool {
        match node {
            NodeId::Master(index) => self.masters[index as usize].process.is_life(life),
            NodeId::Agent(index) => self.agents[index as usize].process.is_life(life),
            NodeId::Framework(index) => self.frameworks[index as usize].process.is_life(life),
            NodeId::Executor(index) => self.executors[index as usize].process.is_life(life),
            NodeId::Quorum | NodeId::Operator => false,
        }
    }

    pub(crate) fn is_powered(&self, node: NodeId) -> bool {
        match node {
            NodeId::Master(index) => self.masters[index as usize].process.is_powered,
            NodeId::Agent(index) => self.agents[index as usize].process.is_powered,
            NodeId::Framework(index) => self.frameworks[index as usize].process.is_powered,
            NodeId::Executor(index) => self.executors[index as usize].process.is_powered,
            NodeId::Quorum | NodeId::Operator => true,
        }
    }

    pub(super) fn is_retired(&self, node: NodeId) -> bool {
        match node {
            NodeId::Agent(index) => self.agents[index as usize].process.is_retired,
            NodeId::Framework(index) => self.frameworks[index as usize].process.is_retired,
            NodeId::Master(_) | NodeId::Executor(_) | NodeId::Quorum | NodeId::Operator => false,
        }
    }

    pub(super) fn held(&mut self, node: NodeId) -> Option<&mut Vec<Event>> {
        match node {
            NodeId::Master(index) => self.masters[index as usize].process.held.as_mut(),
            NodeId::Agent(index) => self.agents[index as usize].process.held.as_mut(),
            NodeId::Framework(index) => self.frameworks[index as usize].process.held.as_mut(),
            NodeId::Executor(index) => self.executors[index as usize].process.held.as_mut(),
            NodeId::Quorum | NodeId::Operator => None,
        }
    }

    pub(crate) fn dialling(&mut self, client: NodeId) -> &mut crate::node::Dialling {
        match client {
            NodeId::Agent(index) => &mut self.agents[index as usize].dialling,
            NodeId::Framework(index) => &mut self.frameworks[index as usize].dialling,
            NodeId::Master(_) | NodeId::Executor(_) | NodeId::Quorum | NodeId::Operator => {
                unreachable!("{client} connects to no master")
            }
        }
    }

    pub(super) fn disk_mut(&mut self, node: NodeId) -> Option<(&mut Disk, &mut Rng)> {
        match node {
            NodeId::Agent(index) => {
                let row = &mut self.agents[index as usize];
                Some((&mut row.disk, &mut row.dice))
            }
            NodeId::Framework(index) => {
                let row = &mut self.frameworks[index as usize];
                Some((&mut row.disk, &mut row.dice))
            }
            NodeId::Master(_) | NodeId::Executor(_) | NodeId::Quorum | NodeId::Operator => None,
        }
    }
}

impl<M> Process<M> {
    const fn common(&mut self) -> Common<'_> {
        Common { trip: &mut self.trip, pace: &mut self.pace, held_until: &mut self.held_until }
    }
}
