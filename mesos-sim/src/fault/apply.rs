//! Carrying faults out, and undoing them.

use std::time::Duration;

use mesos_core::kernel::Rng;

use super::ongoing::Lasting;
use super::{Action, CrashKind, Nemesis, Scene, StoreTrouble, Target};
use crate::cluster::PROBE_EVERY;
use crate::container::Phase;
use crate::failure::Failure;
use crate::net::{Clog, Cut};
use crate::node::{Earlier, Event, NodeId, Trip};
use crate::watch::Watch;
use crate::world::{Stage, World};

impl StoreTrouble {
    /// Nothing is wrong.
    pub const NONE: Self = Self { slow: Duration::ZERO, unknown_ppm: 0, disk_ppm: 0 };
}

impl World {
    pub(crate) fn schedule_faults(&mut self) {
        let conditions = self.conditions.clone();
        for (index, (after, _)) in conditions.faults.plan.iter().enumerate() {
            self.agenda.put(self.now + *after, Event::Planned(index));
        }
        for (index, nemesis) in conditions.faults.nemeses.iter().enumerate() {
            let after = nemesis.rest(&mut self.fault_dice);
            self.agenda.put(self.now + after, Event::Strike(index));
        }
        self.agenda.put(self.now + conditions.faults.until, Event::Heal);
    }

    pub(crate) fn planned(&mut self, index: usize, watch: &mut Watch) -> Result<(), Failure> {
        let conditions = self.conditions.clone();
        let action = &conditions.faults.plan[index].1;
        if self.may_strike(matches!(action, Action::Operator(_))) { self.carry_out(action, watch) } else { Ok(()) }
    }

    /// Whether faults may happen now, or what is routine.
    fn may_strike(&self, is_routine: bool) -> bool {
        match self.stage {
            Stage::Faulty => true,
            Stage::Settling => is_routine && self.is_routine_time(),
            Stage::Settled => false,
        }
    }

    /// Whether what is routine still goes on.
    pub(crate) fn is_routine_time(&self) -> bool {
        let faults = &self.conditions.faults;
        self.now < mesos_core::Instant::ZERO + faults.until + faults.routine_for
    }

    pub(crate) fn strike(&mut self, index: usize, watch: &mut Watch) -> Result<(), Failure> {
        let conditions = self.conditions.clone();
        let nemesis: &dyn Nemesis = &*conditions.faults.nemeses[index];
        if !self.may_strike(nemesis.is_routine()) {
            return Ok(());
        }
        let until = mesos_core::Instant::ZERO + conditions.faults.until;
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let scene = Scene {
            masters: count(self.masters.len()),
            agents: count(self.agents.len()),
            frameworks: count(self.frameworks.len()),
            left: until.since(self.now),
        };
        let actions = nemesis.strike(&scene, &mut self.fault_dice);
        let rest = nemesis.rest(&mut self.fault_dice);
        self.agenda.put(self.now + rest, Event::Strike(index));
        actions.iter().try_for_each(|action| self.carry_out(action, watch))
    }

    fn carry_out(&mut self, action: &Action, watch: &mut Watch) -> Result<(), Failure> {
        if let Some(trace) = watch.trace_mut() {
            trace.remark(self.now, action);
        }
        if self.apply(action, watch)? {
            self.tally.fault(action.name());
            self.struck.push((self.now.since(mesos_core::Instant::ZERO), action.clone()));
        }
        Ok(())
    }

    /// Does it; whether it hit anything.
    fn apply(&mut self, action: &Action, watch: &mut Watch) -> Result<bool, Failure> {
        match action {
            Action::Crash { target, kind, down_for, disk } => {
                let Some(node) = self.aim(*target) else { return Ok(false) };
                if let NodeId::Executor(index) = node {
                    let is_hit = self.is_life(node, self.life(node));
                    self.end_executor(index, mesos_core::Exit::Signalled(9));
                    return Ok(is_hit);
                }
                self.note_identity(node, *disk);
                let is_hit = self.crash(node, *kind);
                if is_hit {
                    self.spoil_disk(node, *disk);
                    self.agenda.put(self.now + *down_for, Event::Start(node));
                }
                return Ok(is_hit);
            }
            Action::Trip { target, kind, steps, done_ppm, down_for } => {
                let Some(node) = self.aim(*target) else { return Ok(false) };
                let trip = Trip { steps: *steps, done_ppm: *done_ppm, kind: *kind, down_for: *down_for };
                return Ok(self.arm_trip(node, trip));
            }
            Action::Earlier { target, draw, down_for, lasts } => {
                let Some(node) = self.aim(*target) else { return Ok(false) };
                if matches!(node, NodeId::Executor(_)) || !self.crash(node, CrashKind::Process) {
                    return Ok(false);
                }
                self.begin(*lasts, Lasting::Version(node, Earlier::new(*draw)));
                self.agenda.put(self.now + *down_for, Event::Start(node));
            }
            Action::Kill { agent, ppm, draw } => return Ok(self.kill_some_containers(*agent, *ppm, *draw)),
            Action::Executors { agent, ppm, draw, trouble } => {
                return Ok(self.trouble_executors(*agent, *ppm, *draw, *trouble));
            }
            Action::DiskFull { target, lasts } => {
                let Some(node) = self.aim(*target) else { return Ok(false) };
                let until = self.now + *lasts;
                let Some(trouble) = self.disk_trouble_mut(node) else { return Ok(false) };
                trouble.fill(until);
            }
            Action::DiskSlow { target, extra, lasts } => {
                let Some(node) = self.aim(*target) else { return Ok(false) };
                let (now, until) = (self.now, self.now + *lasts);
                let Some(trouble) = self.disk_trouble_mut(node) else { return Ok(false) };
                trouble.slow_down(now, until, *extra);
            }
            Action::Drift { target, ppm } => {
                let Some(node) = self.aim(*target) else { return Ok(false) };
                self.set_pace(node, *ppm);
            }
            Action::Partition { cut, lasts } => self.begin_cut(cut, *lasts),
            Action::Clog { clog, lasts } => self.begin_clog(clog, *lasts),
            Action::Loss { ppm, lasts } => {
                self.begin(*lasts, Lasting::Loss(*ppm));
            }
            Action::Duplicate { ppm, lasts } => {
                self.begin(*lasts, Lasting::Duplication(*ppm));
            }
            Action::Reset { ppm, draw } => return Ok(self.reset(*ppm, *draw)),
            Action::Pause { target, lasts } => {
                let Some(node) = self.aim(*target) else { return Ok(false) };
                return Ok(self.pause(node, self.now + *lasts));
            }
            Action::Store { trouble, lasts } => {
                self.begin(*lasts, Lasting::Store(*trouble));
            }
            Action::Flap => {
                let is_hit = self.election.holder().is_some();
                self.release_lease();
                return Ok(is_hit);
            }
            Action::Containers { launch_failure_ppm, crash_ppm, lasts } => {
                let (launch_failure_ppm, crash_ppm) = (*launch_failure_ppm, *crash_ppm);
                self.begin(*lasts, Lasting::Containers { launch_failure_ppm, crash_ppm });
            }
            Action::WallJump { target, secs } => {
                let Some(node) = self.aim(*target) else { return Ok(false) };
                let skew = match node {
                    NodeId::Master(index) => &mut self.masters[index as usize].process.wall_skew,
                    NodeId::Agent(index) => &mut self.agents[index as usize].process.wall_skew,
                    NodeId::Framework(index) => &mut self.frameworks[index as usize].process.wall_skew,
                    NodeId::Executor(index) => &mut self.executors[index as usize].process.wall_skew,
                    NodeId::Quorum | NodeId::Operator => return Ok(false),
                };
                *skew += i64::from(*secs);
            }
            Action::Operator(action) => return self.operate(action, watch),
        }
        Ok(true)
    }

    /// Ends containers of an agent's machine; whether there was one.
    fn kill_some_containers(&mut self, agent: u32, ppm: u32, draw: u64) -> bool {
        let mut dice = Rng::new(draw);
        let Some(node) = self.agents.get(agent as usize) else { return false };
        let alive: Vec<_> =
            node.containers.alive().map(|(id, container)| (id.clone(), container.phase.clone())).collect();
        let mut news = std::mem::take(&mut self.container_news);
        let mut is_hit = false;
        for (id, phase) in alive {
            if dice.chance(ppm) {
                is_hit = true;
                self.kill_container(agent, &id, phase == Phase::Starting, &mut news);
            }
        }
        self.tell_news(agent, &mut news);
        self.container_news = news;
        is_hit
    }

    fn aim(&self, target: Target) -> Option<NodeId> {
        let node = match target {
            Target::Leader => NodeId::Master(self.election.holder()?.master),
            Target::Standby(place) => {
                let leader = self.election.holder().map(|holder| holder.master);
                let standbys: Vec<u32> =
                    (0..).zip(&self.masters).map(|(index, _)| index).filter(|index| Some(*index) != leader).collect();
                NodeId::Master(standbys[(place as usize).checked_rem(standbys.len())?])
            }
            Target::Node(node) => node,
        };
        let count = match node {
            NodeId::Master(_) => self.masters.len(),
            NodeId::Agent(_) => self.agents.len(),
            NodeId::Framework(_) => self.frameworks.len(),
            NodeId::Executor(_) => self.executors.len(),
            NodeId::Quorum | NodeId::Operator => 0,
        };
        (node.index() < count).then_some(node)
    }

    pub(crate) fn begin_cut(&mut self, cut: &Cut, lasts: Duration) {
        let id = self.begin(lasts, Lasting::Net);
        self.net.cut(id, self.now + lasts, cut.clone());
        self.review_lease();
    }

    fn begin_clog(&mut self, clog: &Clog, lasts: Duration) {
        let id = self.begin(lasts, Lasting::Net);
        self.net.clog(id, clog.clone());
    }

    /// Something is wrong for so long; the number it has.
    fn begin(&mut self, lasts: Duration, fault: Lasting) -> u32 {
        let id = self.ongoing.begin(fault);
        self.review_ongoing();
        self.agenda.put(self.now + lasts, Event::Lift(id));
        id
    }

    /// What lasts now decides how the network, storage and containers are.
    fn review_ongoing(&mut self) {
        self.net.set_loss(self.ongoing.loss_ppm());
        self.net.set_duplication(self.ongoing.duplicate_ppm());
        self.trouble = self.ongoing.store();
        self.container_model = self.ongoing.containers(&self.conditions.containers);
    }

    /// Breaks standing connections: both ends hear of it, unless they cannot be reached.
    fn reset(&mut self, ppm: u32, draw: u64) -> bool {
        let mut dice = Rng::new(draw);
        let mut is_hit = false;
        for conn in self.net.standing() {
            if dice.chance(ppm) {
                is_hit = true;
                for end in [crate::net::End::Client, crate::net::End::Master] {
                    self.agenda.put(self.now, Event::End { conn, end });
                }
            }
        }
        is_hit
    }

    pub(crate) fn lift(&mut self, id: u32) {
        let Some(fault) = self.ongoing.end(id) else { return };
        self.review_ongoing();
        match fault {
            Lasting::Net => {
                self.net.lift(id);
                self.tell_those_behind();
                self.review_lease();
            }
            Lasting::Version(node, _) => self.change_version(node),
            _ => {}
        }
    }

    /// A process ends and comes back as the version that is its node's by now. One that is down comes back as that anyway.
    fn change_version(&mut self, node: NodeId) {
        if self.crash(node, CrashKind::Process) {
            let after = self.restart_delay();
            self.agenda.put(self.now + after, Event::Start(node));
        }
    }

    /// Ends all faults: from here on the cluster must settle by itself.
    pub(crate) fn heal(&mut self) {
        self.stage = Stage::Settling;
        self.net.heal();
        for node in self.ongoing.clear() {
            self.change_version(node);
        }
        self.review_ongoing();
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let masters = (0..count(self.masters.len())).map(NodeId::Master);
        let frameworks = (0..count(self.frameworks.len())).map(NodeId::Framework);
        let agents = (0..count(self.agents.len())).map(NodeId::Agent);
        for node in (0..count(self.executors.len())).map(NodeId::Executor) {
            self.wake_from_pause(node);
            self.cure(node);
        }
        for node in masters.chain(frameworks).chain(agents).collect::<Vec<_>>() {
            self.wake_from_pause(node);
            self.cure(node);
            // Does nothing to those that are up or have ended for good. Who has not come yet comes when it was to.
            if self.life(node) > 0 {
                self.agenda.put(self.now, Event::Start(node));
            }
        }
        for index in 0..count(self.masters.len()) {
            let node = &self.masters[index as usize];
            let life = node.process.life;
            let is_holder = self.election.holder().is_some_and(|h| h.master == index && h.life == life);
            if node.term.is_some() && !is_holder {
                self.agenda.put(self.now, Event::Demote { master: index, life });
            }
        }
        self.tell_those_behind();
        self.review_lease();
        self.agenda.put(self.now + PROBE_EVERY, Event::Probe(0));
    }
}
