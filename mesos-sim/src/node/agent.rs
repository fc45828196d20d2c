//! Agents: one machine each, a disk, and the containers on its machine.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::health::Checked;
use mesos_core::kernel::{Cx, Draft, Machine, Rng, Ticket};
use mesos_core::{ContainerId, Exit, FrameworkId, Instant, Signal, TaskState};
use mesos_exec::agent::{Agent, ContainerOp, ContainerOutcome, Effect, Input, StopReason};

use super::executor::Late;
use super::wire::Dialling;
use super::{Event, NodeId, Process};
use crate::container::{ContainerRef, Containers, Due, News, UseChange};
use crate::disk::Disk;
use crate::failure::Failure;
use crate::fault::CrashKind;
use crate::net::End;
use crate::report::Amounts;
use crate::watch::{Notice, Watch};
use crate::world::World;

/// How long somebody takes to set a machine up again whose agent was sent away.
const REINSTALL: Duration = Duration::from_secs(10);

/// An agent's node.
#[derive(Debug)]
pub(crate) struct AgentNode {
    pub(crate) process: Process<Agent>,
    pub(crate) dialling: Dialling,
    pub(crate) disk: Disk,
    pub(crate) containers: Containers,
    /// The executors that run on its machine as processes of their own, by their containers.
    pub(crate) executors: BTreeMap<ContainerId, u32>,
    /// Executors that start on its machine take long to connect.
    pub(crate) late: Option<Late>,
    /// Draws for the disk and the containers.
    pub(crate) dice: Rng,
    /// The last batch on the disk is durable then: batches keep their order.
    pub(crate) disk_busy_until: Instant,
}

impl World {
    pub(crate) fn start_agent(&mut self, index: u32) {
        let spec = &self.spec.agents[index as usize];
        let version = self.ongoing.version(NodeId::Agent(index));
        let info = version.map_or_else(|| spec.info.clone(), |version| version.agent(&spec.info));
        let machine = Agent::new(info, spec.options.clone(), self.spec.executors.clone());
        let node = &mut self.agents[index as usize];
        node.process.start(machine);
        node.disk_busy_until = self.now;
        let life = node.process.life;
        self.notices.push(Notice::Restarted(NodeId::Agent(index)));
        let (low, high) = self.conditions.disk_latency;
        let after = self.dice.duration_between(low, high);
        self.agenda.put(self.now + after, Event::Recovered { node: NodeId::Agent(index), life });
    }

    /// One step of an agent: an input, or a tick.
    pub(crate) fn step_agent(&mut self, index: u32, input: Option<Input>, watch: &mut Watch) -> Result<(), Failure> {
        let mut effects = std::mem::take(&mut self.agent_effects);
        let shown = if watch.wants_inputs() { input.clone() } else { None };
        let is_tick = input.is_none();
        if let (Some(recorder), Some(Input::Received { message, .. })) = (&mut self.recorder, &input)
            && matches!(message, ToAgent::Registered { .. } | ToAgent::Reregistered { .. })
        {
            recorder.welcomed(self.now, NodeId::Agent(index));
        }
        let node = &mut self.agents[index as usize];
        let now = node.process.now(self.now);
        let Some(machine) = node.process.machine.as_mut() else { return Ok(()) };
        let mut cx = Cx::new(now, &mut node.process.rng, &mut effects);
        match input {
            Some(input) => machine.handle(&mut cx, input),
            None => machine.tick(&mut cx),
        }
        let result = watch.agent(self, NodeId::Agent(index), now, is_tick, shown.as_ref(), &effects);
        let is_to_trip = self.agents[index as usize].process.trip.is_some();
        let trip = if is_to_trip { self.tripped(NodeId::Agent(index), effects.len()) } else { None };
        for effect in effects.drain(..).take(trip.map_or(usize::MAX, |(done, _)| done)) {
            self.perform_agent(index, effect);
        }
        self.agent_effects = effects;
        self.fall(NodeId::Agent(index), trip);
        self.arm(NodeId::Agent(index));
        result
    }

    fn perform_agent(&mut self, index: u32, effect: Effect) {
        match effect {
            Effect::Connect { leader } => self.dial(NodeId::Agent(index), &leader),
            Effect::Send { conn, seq, mut message } => {
                let stale = self.conditions.stale_latest_ppm;
                if let (ToMaster::Update { latest, .. }, true) = (&mut message, stale > 0)
                    && latest.is_terminal()
                    && self.agents[index as usize].dice.chance(stale)
                {
                    *latest = TaskState::Running;
                }
                self.carry(conn, End::Client, message, |message| Event::FromAgent { conn, seq, message });
            }
            Effect::Close { conn, .. } => self.hang_up(conn, End::Client),
            Effect::Container { ticket, op } => self.contain(index, ticket, op),
            Effect::Checkpoint { ticket, changes } => self.checkpoint(index, ticket, changes),
            Effect::ToExecutor { conn, event } => {
                self.carry_whole(conn, End::Master, Event::ToExecutor { conn, event });
            }
            Effect::CloseExecutor { conn, why } => self.close_executor(conn, why),
            Effect::Reply { reply, result } => self.replied(reply, result),
            // Nothing is kept in sandboxes here.
            Effect::RemoveSandboxes { .. } => {}
            Effect::Stop { why } => self.agent_stopped(index, &why),
            // `Effect` may grow; a simulator that ignored a new effect would prove nothing.
            other => unreachable!("this simulator does not know how to perform {other:?}"),
        }
    }

    fn checkpoint(&mut self, index: u32, ticket: Ticket, changes: Vec<Draft>) {
        let (low, high) = self.conditions.disk_latency;
        let slow = self.trouble.slow;
        let node = &mut self.agents[index as usize];
        let extra = node.disk.trouble.extra(self.now, &mut node.dice);
        let at = self.now + node.dice.duration_between(low, high) + node.dice.duration(slow) + extra;
        node.disk_busy_until = at.max(node.disk_busy_until);
        node.disk.begin(ticket, changes);
        let event = Event::Stored { node: NodeId::Agent(index), life: node.process.life };
        self.agenda.put(node.disk_busy_until, event);
    }

    fn agent_stopped(&mut self, index: u32, why: &StopReason) {
        let id = NodeId::Agent(index);
        self.crash(id, CrashKind::Process);
        let after = self.restart_delay();
        match why {
            StopReason::Requested => self.agents[index as usize].process.is_retired = true,
            StopReason::Ordered(_) | StopReason::Checkpoint(_)
                if matches!(why, StopReason::Ordered(_)) || self.agents[index as usize].disk.is_torn() =>
            {
                // Its identity is spent: somebody cleans the machine, and it comes back as a new agent.
                self.drop_containers(index);
                self.agents[index as usize].disk.wipe();
                self.agenda.put(self.now + REINSTALL + after, Event::Start(id));
            }
            _ => self.agenda.put(self.now + after, Event::Start(id)),
        }
    }

    fn contain(&mut self, index: u32, ticket: Ticket, op: ContainerOp) {
        let mut news = std::mem::take(&mut self.container_news);
        let node = &mut self.agents[index as usize];
        let outcome = match op {
            ContainerOp::Recover(known) => {
                for stranger in node.containers.strangers(&known) {
                    self.kill_container(index, &stranger, true, &mut news);
                }
                Some(ContainerOutcome::Recovered(self.agents[index as usize].containers.survivors(&known)))
            }
            ContainerOp::Launch(spec) => {
                match node.containers.launch(self.now, &mut node.dice, &self.container_model, ticket, *spec) {
                    Ok((at, due, after)) => {
                        self.agenda.put(self.now + after, Event::ContainerDue { agent: index, at, due });
                        None
                    }
                    Err(why) => Some(ContainerOutcome::Failed(why.into())),
                }
            }
            ContainerOp::Wait(id) => match node.containers.wait(&id, ticket) {
                Ok(None) => None,
                Ok(Some(exit)) => Some(ContainerOutcome::Exited(exit)),
                Err(why) => Some(ContainerOutcome::Failed(why.into())),
            },
            ContainerOp::Signal(id, signal) => {
                self.signal_container(index, &id, signal, &mut news);
                Some(ContainerOutcome::Done)
            }
            ContainerOp::Destroy(id) => {
                self.kill_container(index, &id, true, &mut news);
                Some(ContainerOutcome::Done)
            }
            ContainerOp::Probe(..) => {
                let is_well = !node.dice.chance(self.container_model.unwell_ppm);
                let problem = (!is_well).then(|| "it is not well".into());
                Some(ContainerOutcome::Checked(Checked::by_tcp(problem.map_or(Ok(()), Err))))
            }
            // As above: unknown operations must not pass unnoticed.
            other => unreachable!("this simulator does not know how to perform {other:?}"),
        };
        self.tell_news(index, &mut news);
        self.container_news = news;
        if let Some(outcome) = outcome {
            self.answer(index, ticket, outcome);
        }
    }

    fn signal_container(&mut self, index: u32, id: &ContainerId, signal: Signal, news: &mut Vec<News>) {
        if signal == Signal::Kill {
            return self.kill_container(index, id, false, news);
        }
        // Whatever else is sent, commands of the simulation take no notice of.
        if signal != Signal::Terminate {
            return;
        }
        if let Ok(Some((at, after))) = self.agents[index as usize].containers.terminate(id) {
            let due = Event::ContainerDue { agent: index, at, due: Due::GivesIn };
            self.agenda.put(self.now + after, due);
        }
    }

    pub(crate) fn kill_container(&mut self, index: u32, id: &ContainerId, is_removed: bool, news: &mut Vec<News>) {
        let containers = &mut self.agents[index as usize].containers;
        let before = containers.get(id).map(|container| (container.framework_id.clone(), container.amounts));
        let change = containers.kill(id, is_removed, news);
        if let (UseChange::Ended, Some((framework_id, amounts))) = (change, before) {
            self.container_ended(index, &framework_id, amounts);
            self.executor_gone(index, id);
        }
    }

    /// What runs in a container ends by itself.
    pub(crate) fn exit_container(&mut self, index: u32, id: &ContainerId, exit: Exit, news: &mut Vec<News>) {
        let containers = &mut self.agents[index as usize].containers;
        let owner = containers.get(id).map(|container| (container.framework_id.clone(), container.amounts));
        if let (UseChange::Ended, Some((framework_id, amounts))) = (containers.exit(id, exit, news), owner) {
            self.container_ended(index, &framework_id, amounts);
        }
    }

    fn container_began(&mut self, index: u32, owner: &FrameworkId, amounts: Amounts) {
        self.tally.container_began(self.now, owner, amounts);
        if let Some(recorder) = &mut self.recorder {
            recorder.container_began(self.now, index, owner, &amounts);
        }
    }

    fn container_ended(&mut self, index: u32, owner: &FrameworkId, amounts: Amounts) {
        self.tally.container_ended(self.now, owner, amounts);
        if let Some(recorder) = &mut self.recorder {
            recorder.container_ended(self.now, index, owner, &amounts);
        }
    }

    /// All containers of a machine are gone, without anybody being told.
    pub(crate) fn drop_containers(&mut self, index: u32) {
        for container in self.agents[index as usize].containers.clear() {
            self.container_ended(index, &container.framework_id, container.amounts);
        }
        for container in self.agents[index as usize].executors.keys().cloned().collect::<Vec<_>>() {
            self.executor_gone(index, &container);
        }
    }

    /// Something scheduled for a container is due.
    pub(crate) fn container_due(&mut self, index: u32, at: ContainerRef, due: Due) {
        let containers = &mut self.agents[index as usize].containers;
        let owner = containers.meant(at).map(|container| (container.framework_id.clone(), container.amounts));
        let id = containers.id(at);
        let mut news = std::mem::take(&mut self.container_news);
        let (change, ends_after) = containers.due(at, due, &mut news);
        match (change, owner) {
            (UseChange::Began, Some((framework_id, amounts))) => {
                self.container_began(index, &framework_id, amounts);
                if let Some(program) = self.agents[index as usize].containers.take_program(at) {
                    self.start_executor(index, *program);
                }
            }
            (UseChange::Ended, Some((framework_id, amounts))) => {
                self.container_ended(index, &framework_id, amounts);
                if let Some(id) = id {
                    self.executor_gone(index, &id);
                }
            }
            _ => {}
        }
        if let Some(after) = ends_after {
            let event = Event::ContainerDue { agent: index, at, due: Due::Ends };
            self.agenda.put(self.now + after, event);
        }
        self.tell_news(index, &mut news);
        self.container_news = news;
    }

    pub(crate) fn tell_news(&mut self, index: u32, news: &mut Vec<News>) {
        for item in news.drain(..) {
            let (ticket, outcome) = match item {
                News::Launched(ticket) => (ticket, ContainerOutcome::Launched),
                News::LaunchFailed(ticket, why) => (ticket, ContainerOutcome::Failed(why.into())),
                News::Exited(ticket, exit) => (ticket, ContainerOutcome::Exited(exit)),
            };
            self.answer(index, ticket, outcome);
        }
    }

    fn answer(&mut self, index: u32, ticket: Ticket, outcome: ContainerOutcome) {
        let node = &mut self.agents[index as usize];
        let at = self.now + node.dice.duration(self.container_model.answer);
        let life = node.process.life;
        self.agenda.put(at, Event::ContainerAnswer { agent: index, life, ticket, outcome });
    }
}
