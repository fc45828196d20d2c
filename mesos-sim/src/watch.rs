//! What looks on while a world runs: checks, the trace and the digest. Nothing in here can change a run.

use std::fmt;

use mesos_core::Now;
use mesos_exec::agent;
use mesos_sched::{driver, master};

use crate::check::{Check, Step, Stepped};
use crate::failure::{Failure, FailureKind};
use crate::node::NodeId;
use crate::record::{Digest, Trace};
use crate::recording::Recording;
use crate::world::World;

/// Something that happened to a process, told after the step it happened in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Crashed(NodeId),
    Restarted(NodeId),
}

/// The onlookers of a run.
#[derive(Default)]
pub(crate) struct Watch {
    checks: Vec<Box<dyn Check>>,
    trace: Option<Trace>,
    recording: Option<Recording>,
    digest: Digest,
    steps: u64,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks: Vec<&str> = self.checks.iter().map(|check| check.name()).collect();
        f.debug_struct("Watch").field("checks", &checks).field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Watch {
    pub(crate) fn new(checks: Vec<Box<dyn Check>>, trace: Option<Trace>) -> Self {
        Self { checks, trace, ..Self::default() }
    }

    pub(crate) fn add(&mut self, check: Box<dyn Check>) {
        self.checks.push(check);
    }

    /// Whether inputs must be kept for somebody to look at.
    pub(crate) const fn wants_inputs(&self) -> bool {
        !self.checks.is_empty() || self.trace.is_some()
    }

    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) fn record_into(&mut self, recording: Recording) {
        self.recording = Some(recording);
    }

    pub(crate) const fn recording_mut(&mut self) -> Option<&mut Recording> {
        self.recording.as_mut()
    }

    pub(crate) fn take_recording(&mut self) -> Option<Recording> {
        self.recording.take()
    }

    pub(crate) const fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    pub(crate) const fn trace_mut(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut()
    }

    fn count(&mut self, node: NodeId, now: Now, is_tick: bool, effects: usize) {
        self.steps += 1;
        self.digest.fold(now.mono.as_nanos());
        self.digest.fold(node.stream() << 16 | (effects as u64) << 1 | u64::from(is_tick));
    }

    pub(crate) fn master(
        &mut self,
        world: &World,
        node: NodeId,
        now: Now,
        is_tick: bool,
        input: Option<&master::Input>,
        effects: &[master::Effect],
    ) -> Result<(), Failure> {
        self.count(node, now, is_tick, effects.len());
        if let Some(trace) = &mut self.trace {
            trace.master(now, node, input, effects);
        }
        if self.checks.is_empty() {
            return Ok(());
        }
        let machine = world.masters[node.index()].process.machine.as_deref().expect("it just took a step");
        self.check(&Step { now, stepped: Stepped::Master { node, machine, input, effects }, world })
    }

    pub(crate) fn agent(
        &mut self,
        world: &World,
        node: NodeId,
        now: Now,
        is_tick: bool,
        input: Option<&agent::Input>,
        effects: &[agent::Effect],
    ) -> Result<(), Failure> {
        self.count(node, now, is_tick, effects.len());
        if let Some(trace) = &mut self.trace {
            trace.agent(now, node, input, effects);
        }
        if self.checks.is_empty() {
            return Ok(());
        }
        let machine = world.agents[node.index()].process.machine.as_deref().expect("it just took a step");
        self.check(&Step { now, stepped: Stepped::Agent { node, machine, input, effects }, world })
    }

    pub(crate) fn framework(
        &mut self,
        world: &World,
        node: NodeId,
        now: Now,
        is_tick: bool,
        input: Option<&driver::Input>,
        effects: &[driver::Effect],
    ) -> Result<(), Failure> {
        self.count(node, now, is_tick, effects.len());
        if let Some(trace) = &mut self.trace {
            trace.framework(now, node, input, effects);
        }
        if self.checks.is_empty() {
            return Ok(());
        }
        let machine = world.frameworks[node.index()].process.machine.as_deref().expect("it just took a step");
        self.check(&Step { now, stepped: Stepped::Framework { node, machine, input, effects }, world })
    }

    pub(crate) fn executor(
        &mut self,
        world: &World,
        node: NodeId,
        now: Now,
        is_tick: bool,
        input: Option<&mesos_exec::driver::Input>,
        effects: &[mesos_exec::driver::Effect],
    ) -> Result<(), Failure> {
        self.count(node, now, is_tick, effects.len());
        if let Some(trace) = &mut self.trace {
            trace.executor(now, node, input, effects);
        }
        if self.checks.is_empty() {
            return Ok(());
        }
        let machine = world.executors[node.index()].process.machine.as_deref().expect("it just took a step");
        self.check(&Step { now, stepped: Stepped::Executor { node, machine, input, effects }, world })
    }

    pub(crate) fn notice(&mut self, world: &World, notice: Notice) -> Result<(), Failure> {
        let (node, stepped, word) = match notice {
            Notice::Crashed(node) => (node, Stepped::Crashed { node }, "down"),
            Notice::Restarted(node) => (node, Stepped::Restarted { node }, "up"),
        };
        self.digest.fold(node.stream() << 1 | u64::from(word == "up"));
        if let Some(trace) = &mut self.trace {
            trace.note(world.now, node, word);
        }
        self.check(&Step { now: world.now(), stepped, world })
    }

    fn check(&mut self, step: &Step<'_>) -> Result<(), Failure> {
        for check in &mut self.checks {
            check.step(step).map_err(|message| broken(step.world, check.name(), message))?;
        }
        Ok(())
    }

    /// Asks every check for its last word.
    pub(crate) fn settled(&mut self, world: &World) -> Result<(), Failure> {
        for check in &mut self.checks {
            check.settled(world).map_err(|message| broken(world, check.name(), message))?;
        }
        Ok(())
    }
}

fn broken(world: &World, property: &str, message: String) -> Failure {
    world.failure(FailureKind::Property, property, message)
}
