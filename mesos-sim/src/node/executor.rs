//! Executors that are processes of their own: each runs in a container on its agent's machine and has a connection of its own
//! to the agent.
//!
//! ```text
//!   container runs ─▶ process up ── subscribe, say ──▶ agent      one connection: in order, or broken
//!                                ◀─ told ────────────
//!                                ── launch, wait, signal ──▶      a request each; lost with the agent's process
//!   container ends ─▶ process gone            process ends ─▶ container ended
//! ```
//!
//! What is said on the connection is not numbered, so nothing of it is lost alone: where the network loses a message, the
//! connection breaks. Such a process outlives its agent's, and ends with the machine.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::call::executor::{Event as Told, Said, Subscription};
use mesos_core::call::{CloseReason, ConnId};
use mesos_core::kernel::{Cx, Machine, Rng};
use mesos_core::{CommandInfo, ContainerId, ContainerSpec, Exit, Instant, Purpose, Rejection, Signal};
use mesos_exec::agent::{self, ContainerAsk, Speaker};
use mesos_exec::driver::{Driver, Effect, Input, Options};

use super::{Event, NodeId, Process, Trip};
use crate::failure::Failure;
use crate::fault::{CrashKind, ExecutorTrouble};
use crate::net::{Cut, CutMode, End, Group, Verdict};
use crate::watch::{Notice, Watch};
use crate::world::World;

/// The longest way of a request to the agent of the same machine, and of its answer.
const LOCAL: Duration = Duration::from_millis(2);

/// The status of a process ended by SIGKILL.
const KILLED: Exit = Exit::Signalled(9);

/// What an executor's container runs.
#[derive(Debug)]
pub(crate) struct Program {
    speaker: Speaker,
    command: CommandInfo,
    is_checkpointed: bool,
}

impl Program {
    /// What this container runs, if it is for an executor that will connect.
    pub(crate) fn of(spec: &ContainerSpec) -> Option<Box<Self>> {
        let is_executor = spec.purpose == Purpose::Executor;
        let speaker = || Speaker {
            framework_id: spec.framework_id.clone(),
            executor_id: spec.executor_id.clone(),
            container_id: Some(spec.id.clone()),
        };
        let program =
            || Self { speaker: speaker(), command: spec.command.clone(), is_checkpointed: spec.is_checkpointed };
        is_executor.then(|| Box::new(program()))
    }
}

/// An executor's node.
#[derive(Debug)]
pub(crate) struct ExecutorNode {
    pub(crate) process: Process<Driver>,
    /// On which agent's machine.
    pub(crate) agent: u32,
    pub(super) container: ContainerId,
    speaker: Speaker,
    /// The connection of its newest subscription, and which that is.
    conn: Option<(ConnId, u64)>,
    /// The commands that look at tasks, and the container each looks at.
    pub(super) checks: BTreeMap<ContainerId, ContainerId>,
    /// Until then it says everything twice.
    repeats_until: Instant,
}

/// Executors that are started on a machine until then connect later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Late {
    until: Instant,
    delay: Duration,
}

/// What an executor's process says on its connection.
#[derive(Debug, Clone)]
pub(crate) enum ToItsAgent {
    Subscribe(Subscription),
    Say(Said),
}

impl World {
    /// A container of an executor runs: so does its process.
    pub(crate) fn start_executor(&mut self, agent: u32, program: Program) {
        let Program { speaker, command, is_checkpointed } = program;
        let (Some(container), Some(executor)) = (speaker.container_id.clone(), self.spec.programs.make(&command))
        else {
            return;
        };
        let own = &self.spec.agents[agent as usize].options;
        let mut options = Options::default();
        options.checkpoint = is_checkpointed;
        options.recovery_timeout = own.executor_recovery_timeout;
        options.backoff_max = own.executor_backoff_max;
        options.shutdown_grace = own.executor_shutdown_grace;
        let index = u32::try_from(self.executors.len()).expect("a run has fewer executors than that");
        let node = NodeId::Executor(index);
        let mut process = Process::new(self.seed, node);
        process.start(Driver::new(options, executor));
        self.agents[agent as usize].executors.insert(container.clone(), index);
        self.executors.push(ExecutorNode {
            process,
            agent,
            container,
            speaker,
            conn: None,
            checks: BTreeMap::new(),
            repeats_until: Instant::ZERO,
        });
        self.notices.push(Notice::Restarted(node));
        let late = self.agents[agent as usize].late.filter(|late| self.now < late.until);
        let after = self.local_delay(index) + late.map_or(Duration::ZERO, |late| late.delay);
        self.agenda
            .put(self.now + after, Event::HearsExecutor { executor: index, life: 1, input: Box::new(Input::Started) });
    }

    /// The container of an executor has ended, and its process with it.
    pub(crate) fn executor_gone(&mut self, agent: u32, container: &ContainerId) {
        if let Some(index) = self.agents[agent as usize].executors.remove(container) {
            let is_powered = self.agents[agent as usize].process.is_powered;
            self.crash(NodeId::Executor(index), if is_powered { CrashKind::Process } else { CrashKind::Machine });
        }
    }

    /// The process of an executor ends by itself, and its container with it.
    pub(crate) fn end_executor(&mut self, index: u32, exit: Exit) {
        let node = &self.executors[index as usize];
        let (agent, container) = (node.agent, node.container.clone());
        let mut news = std::mem::take(&mut self.container_news);
        self.exit_container(agent, &container, exit, &mut news);
        self.tell_news(agent, &mut news);
        self.container_news = news;
        // Whatever became of the container: the process is gone.
        self.executor_gone(agent, &container);
    }

    /// One step of an executor's driver: an input, or a tick.
    pub(crate) fn step_executor(&mut self, index: u32, input: Option<Input>, watch: &mut Watch) -> Result<(), Failure> {
        let id = NodeId::Executor(index);
        let mut effects = std::mem::take(&mut self.executor_effects);
        let shown = if watch.wants_inputs() { input.clone() } else { None };
        let is_tick = input.is_none();
        let node = &mut self.executors[index as usize];
        let now = node.process.now(self.now);
        let Some(machine) = node.process.machine.as_mut() else { return Ok(()) };
        let mut cx = Cx::new(now, &mut node.process.rng, &mut effects);
        match input {
            Some(input) => machine.handle(&mut cx, input),
            None => machine.tick(&mut cx),
        }
        let result = watch.executor(self, id, now, is_tick, shown.as_ref(), &effects);
        let is_to_trip = self.executors[index as usize].process.trip.is_some();
        let trip = if is_to_trip { self.tripped(id, effects.len()) } else { None };
        for effect in effects.drain(..).take(trip.map_or(usize::MAX, |(done, _)| done)) {
            self.perform_executor(index, effect);
        }
        self.executor_effects = effects;
        self.fall(id, trip);
        self.arm(id);
        result
    }

    fn perform_executor(&mut self, index: u32, effect: Effect) {
        match effect {
            Effect::Subscribe { attempt, subscription, .. } => self.subscribe_executor(index, attempt, subscription),
            // Its own container is known: the agent's word for it is what started this process.
            Effect::Subscribed { .. } => {}
            Effect::Say { said } => {
                let node = &self.executors[index as usize];
                let times = if self.now < node.repeats_until { 2 } else { 1 };
                if let Some((conn, _)) = node.conn {
                    for said in std::iter::repeat_n(said, times) {
                        self.carry_whole(conn, End::Client, Event::FromExecutor { conn, said: ToItsAgent::Say(said) });
                    }
                }
            }
            Effect::Launch { container, command, resources, .. } => {
                let launch = ContainerAsk::Launch { command: Box::new(command), resources, is_session: false };
                self.ask(index, container, None, launch);
            }
            Effect::Signal { container, signal } => self.ask(index, container, None, ContainerAsk::Signal(signal)),
            Effect::Check { check, container, what, .. } => self.look(index, check, container, what),
            Effect::Destroy { container } => {
                let looks_at = self.executors[index as usize].checks.remove(&container);
                self.ask(index, container, looks_at, ContainerAsk::Signal(Signal::Kill));
            }
            Effect::Stop { .. } => self.end_executor(index, Exit::Status(0)),
            // `Effect` may grow; a simulator that ignored a new effect would prove nothing.
            other => unreachable!("this simulator does not know how to perform {other:?}"),
        }
    }

    /// Opens a connection to the agent instead of any other; one that does not run refuses it.
    fn subscribe_executor(&mut self, index: u32, attempt: u64, subscription: Subscription) {
        let node = NodeId::Executor(index);
        if let Some((old, _)) = self.executors[index as usize].conn.take() {
            self.hang_up(old, End::Client);
        }
        let own = &self.executors[index as usize];
        let (agent, life) = (own.agent, own.process.life);
        let is_up = self.agents[agent as usize].process.is_up();
        if !is_up || !self.net.connects(node, NodeId::Agent(agent)) {
            let after = self.local_delay(index);
            let lost = Input::Lost { attempt, refused: None };
            return self
                .agenda
                .put(self.now + after, Event::HearsExecutor { executor: index, life, input: Box::new(lost) });
        }
        let conn = self.net.open((node, life), (NodeId::Agent(agent), self.agents[agent as usize].process.life));
        self.executors[index as usize].conn = Some((conn, attempt));
        self.carry_whole(conn, End::Client, Event::FromExecutor { conn, said: ToItsAgent::Subscribe(subscription) });
    }

    /// Puts what is said on an executor's connection on its way: it arrives once and in order, or the connection breaks.
    pub(crate) fn carry_whole(&mut self, conn: ConnId, from: End, event: Event) {
        if !self.net.conn(conn).is_some_and(|row| row.is_open(from)) {
            return;
        }
        match self.net.send(self.now, conn, from) {
            Verdict::Arrives(at) | Verdict::Twice(at, _) => self.agenda.put(at, event),
            Verdict::Lost => {
                for end in [End::Client, End::Master] {
                    self.agenda.put(self.now, Event::End { conn, end });
                }
            }
        }
    }

    /// The agent closes an executor's connection; one that is refused hears why.
    pub(crate) fn close_executor(&mut self, conn: ConnId, why: CloseReason) {
        if !self.net.close(conn, End::Master) {
            return;
        }
        let Some(at) = self.net.send_end(self.now, conn, End::Master) else { return };
        let event = match why {
            CloseReason::Refused(rejection) => Event::Refused { conn, rejection },
            _ => Event::End { conn, end: End::Client },
        };
        self.agenda.put(at, event);
    }

    /// What an executor said reaches its agent.
    pub(crate) fn heard_by_agent(&mut self, conn: ConnId, said: ToItsAgent, watch: &mut Watch) -> Result<(), Failure> {
        let Some(NodeId::Agent(agent)) = self.taken_by(conn, End::Master) else { return Ok(()) };
        let client = self.net.conn(conn).map(|row| row.node(End::Client));
        let Some(NodeId::Executor(index)) = client else { return Ok(()) };
        let speaker = self.executors[index as usize].speaker.clone();
        let input = match said {
            ToItsAgent::Subscribe(subscription) => agent::Input::ExecutorConnected { conn, speaker, subscription },
            // What the agent answers is of no interest to a process that repeats what was not taken over.
            ToItsAgent::Say(said) => agent::Input::ExecutorSaid { speaker, said, reply: self.draw_reply() },
        };
        self.step_agent(agent, Some(input), watch)
    }

    /// What an agent said reaches its executor.
    pub(crate) fn heard_by_executor(&mut self, conn: ConnId, event: Told, watch: &mut Watch) -> Result<(), Failure> {
        let Some(NodeId::Executor(index)) = self.taken_by(conn, End::Client) else { return Ok(()) };
        match self.executors[index as usize].conn {
            Some((own, attempt)) if own == conn => {
                self.step_executor(index, Some(Input::Heard { attempt, event }), watch)
            }
            _ => Ok(()),
        }
    }

    /// An executor's connection is over.
    pub(crate) fn line_lost(
        &mut self,
        index: u32,
        conn: ConnId,
        refused: Option<Rejection>,
        watch: &mut Watch,
    ) -> Result<(), Failure> {
        let node = &mut self.executors[index as usize];
        let Some((_, attempt)) = node.conn.take_if(|(own, _)| *own == conn) else { return Ok(()) };
        self.step_executor(index, Some(Input::Lost { attempt, refused }), watch)
    }

    /// An executor's subscription was refused.
    pub(crate) fn refused(&mut self, conn: ConnId, rejection: Rejection, watch: &mut Watch) -> Result<(), Failure> {
        let is_open = self.net.close(conn, End::Client);
        match self.net.conn(conn).map(|row| (row.node(End::Client), row.life(End::Client))) {
            Some((node @ NodeId::Executor(index), life)) if is_open && self.is_life(node, life) => {
                self.line_lost(index, conn, Some(rejection), watch)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn local_delay(&mut self, index: u32) -> Duration {
        let agent = self.executors[index as usize].agent;
        self.agents[agent as usize].dice.duration(LOCAL)
    }

    /// Something goes wrong with the executors on an agent's machine; whether there was one.
    pub(crate) fn trouble_executors(&mut self, agent: u32, ppm: u32, draw: u64, trouble: ExecutorTrouble) -> bool {
        let mut dice = Rng::new(draw);
        let Some(node) = self.agents.get(agent as usize) else { return false };
        let mut hit: Vec<u32> = node.executors.values().copied().collect();
        hit.sort_unstable();
        hit.retain(|_| dice.chance(ppm));
        match trouble {
            ExecutorTrouble::Break => hit.iter().for_each(|index| self.break_line(*index)),
            ExecutorTrouble::Cut(lasts) => {
                self.part(agent, &hit, CutMode::Drop, lasts);
                hit.iter().for_each(|index| self.break_line(*index));
            }
            ExecutorTrouble::Stall(lasts) => self.part(agent, &hit, CutMode::Hold, lasts),
            ExecutorTrouble::Pause(lasts) => {
                let until = self.now + lasts;
                for index in &hit {
                    self.pause(NodeId::Executor(*index), until);
                }
            }
            ExecutorTrouble::Kill => hit.iter().for_each(|index| self.end_executor(*index, KILLED)),
            ExecutorTrouble::Exit(status) => {
                hit.iter().for_each(|index| self.end_executor(*index, Exit::Status(status)));
            }
            ExecutorTrouble::Trip { steps, done_ppm } => {
                let trip = Trip { steps, done_ppm, kind: CrashKind::Process, down_for: Duration::ZERO };
                for index in &hit {
                    self.arm_trip(NodeId::Executor(*index), trip);
                }
            }
            ExecutorTrouble::Repeat(lasts) => {
                let until = self.now + lasts;
                for index in &hit {
                    let node = &mut self.executors[*index as usize];
                    node.repeats_until = node.repeats_until.max(until);
                }
            }
            ExecutorTrouble::Late { lasts, delay } => {
                self.agents[agent as usize].late = Some(Late { until: self.now + lasts, delay });
                return true;
            }
        }
        !hit.is_empty()
    }

    /// Executors and their agent do not hear each other for so long.
    fn part(&mut self, agent: u32, executors: &[u32], mode: CutMode, lasts: Duration) {
        if !executors.is_empty() {
            let from = Group::new(executors.iter().copied().map(NodeId::Executor));
            let cut = Cut { from, to: Group::new([NodeId::Agent(agent)]), is_both_ways: true, mode };
            self.begin_cut(&cut, lasts);
        }
    }

    fn break_line(&mut self, index: u32) {
        if let Some((conn, _)) = self.executors[index as usize].conn {
            for end in [End::Client, End::Master] {
                self.agenda.put(self.now, Event::End { conn, end });
            }
        }
    }
}
