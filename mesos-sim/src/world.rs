//! The world: nodes, clock, agenda, and what each event does.
//!
//! ```text
//!   agenda ──(time, event)──▶ World::happen ──input──▶ machine ──effects──▶ perform: net, disk, containers
//!      ▲                                                                        │
//!      └───────────────────────── what comes of it, later ─────────────────────┘
//! ```
//!
//! There is one clock and one thread, so a run is a function of its description and its seed. A node costs nothing while
//! nothing happens to it: no ticks, only the time its machine asks for.
//!
//! Who may look: checks and reports, through the views. Who drives it: [`Simulation`](crate::Simulation) alone.

mod glance;
mod lives;
mod settled;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::Instant;
use mesos_core::call::ConnId;
use mesos_core::call::operator::ReplyTo;
use mesos_core::kernel::{Machine, Rng};
use mesos_exec::agent;
use mesos_sched::driver;
use mesos_sched::master;

use crate::cluster::{ClusterSpec, Conditions, PROBE_EVERY};
use crate::container::{ContainerModel, Containers, News};
use crate::disk::{Disk, SharedStore};
use crate::election::Election;
use crate::failure::{Failure, FailureKind};
use crate::fault::{Action, Ongoing, StoreTrouble};
use crate::net::{End, Net};
use crate::node::{AgentNode, Asked, Event, ExecutorNode, FrameworkNode, MasterNode, NodeId, OperatorNode, Process};
use crate::report::{Report, Tally};
pub use crate::view::{AgentView, FrameworkView, MasterView};
use crate::watch::{Notice, Watch};

/// Random streams that belong to no node.
const NET_STREAM: u64 = 3;
const FAULT_STREAM: u64 = 4;
/// Added to an agent's or framework's own stream for its disk and containers.
const HOST_STREAMS: u64 = 8 << 32;

/// Between two times an operator undoes reservations nobody uses, in probes: ten minutes.
const TIDY_PROBES: u32 = 600;
/// Between two times an operator puts back into service what was taken out of it, in probes: half a minute.
const SERVICE_PROBES: u32 = 30;

/// So many ticks of one machine at one instant mean that it will never let time pass.
const TICKS_AT_ONCE_MAX: u32 = 10_000;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Faults may happen.
    Faulty,
    /// Faults are over; the cluster has to settle.
    Settling,
    /// It has.
    Settled,
}

/// Everything there is in a run.
#[derive(Debug)]
pub struct World {
    pub(crate) seed: u64,
    pub(crate) spec: Arc<ClusterSpec>,
    pub(crate) conditions: Arc<Conditions>,
    pub(crate) now: Instant,
    pub(crate) stage: Stage,
    pub(crate) agenda: crate::agenda::Agenda<Event>,
    pub(crate) net: Net,
    pub(crate) election: Election,
    pub(crate) store: SharedStore,
    pub(crate) masters: Vec<MasterNode>,
    pub(crate) agents: Vec<AgentNode>,
    pub(crate) frameworks: Vec<FrameworkNode>,
    /// All that were ever started.
    pub(crate) executors: Vec<ExecutorNode>,
    /// What executors asked their agents.
    pub(crate) asked: BTreeMap<ReplyTo, Asked>,
    pub(crate) next_reply: u64,
    pub(crate) operator: OperatorNode,
    pub(crate) dice: Rng,
    pub(crate) fault_dice: Rng,
    pub(crate) trouble: StoreTrouble,
    pub(crate) container_model: ContainerModel,
    pub(crate) ongoing: Ongoing,
    pub(crate) struck: Vec<(Duration, Action)>,
    pub(crate) paused: usize,
    pub(crate) notices: Vec<Notice>,
    pub(crate) tally: Tally,
    /// Writes down what becomes of every task, if somebody wants to know.
    pub(crate) recorder: Option<Box<crate::metric::Recorder>>,
    pub(crate) master_effects: Vec<master::Effect>,
    pub(crate) agent_effects: Vec<agent::Effect>,
    pub(crate) driver_effects: Vec<driver::Effect>,
    pub(crate) executor_effects: Vec<mesos_exec::driver::Effect>,
    pub(crate) container_news: Vec<News>,
    /// Memory of looks at agents.
    glanced: Vec<glance::Told>,
    ticks_at_once: (Instant, u32),
}

impl World {
    pub(crate) fn new(spec: Arc<ClusterSpec>, conditions: Arc<Conditions>, seed: u64) -> Self {
        let masters = (0..spec.masters).map(|index| new_master(seed, index)).collect();
        let agents = (0..).zip(&spec.agents).map(|(index, _)| new_agent(seed, index)).collect();
        let frameworks = (0..).zip(&spec.frameworks).map(|(index, _)| new_framework(seed, index)).collect();
        let capacity: Vec<_> = spec.agents.iter().map(|agent| &agent.info.resources).collect();
        let names = spec.frameworks.iter().map(|framework| framework.info.name.clone());
        let tally = Tally::new(conditions.is_tallied, &capacity, names);
        let mut world = Self {
            seed,
            now: Instant::ZERO,
            stage: Stage::Faulty,
            agenda: crate::agenda::Agenda::default(),
            net: Net::new(conditions.net.clone(), Rng::of_node(seed, NET_STREAM)),
            election: Election::default(),
            store: SharedStore::default(),
            masters,
            agents,
            frameworks,
            executors: Vec::new(),
            asked: BTreeMap::new(),
            next_reply: 0,
            operator: OperatorNode::default(),
            dice: Rng::of_node(seed, NodeId::Quorum.stream()),
            fault_dice: Rng::of_node(seed, FAULT_STREAM),
            trouble: StoreTrouble::NONE,
            container_model: conditions.containers.clone(),
            ongoing: Ongoing::default(),
            struck: Vec::new(),
            paused: 0,
            notices: Vec::new(),
            tally,
            recorder: None,
            master_effects: Vec::new(),
            agent_effects: Vec::new(),
            driver_effects: Vec::new(),
            executor_effects: Vec::new(),
            container_news: Vec::new(),
            glanced: Vec::new(),
            ticks_at_once: (Instant::ZERO, 0),
            spec,
            conditions,
        };
        world.schedule_starts();
        world.schedule_faults();
        world
    }

    fn schedule_starts(&mut self) {
        let within = self.conditions.start_within;
        let start = |world: &mut Self, node: NodeId, after: Duration| {
            let at = world.now + after + world.dice.duration(within);
            world.agenda.put(at, Event::Start(node));
        };
        let spec = self.spec.clone();
        for index in 0..spec.masters {
            start(self, NodeId::Master(index), Duration::ZERO);
        }
        for (index, _) in (0..).zip(&spec.agents) {
            start(self, NodeId::Agent(index), Duration::ZERO);
        }
        for (index, framework) in (0..).zip(&spec.frameworks) {
            start(self, NodeId::Framework(index), framework.starts_after);
        }
    }

    /// One thing happens. What holds it up is asked by reference: an event is moved once, to where it is taken apart.
    pub(crate) fn happen(&mut self, event: Event, watch: &mut Watch) -> Result<(), Failure> {
        if self.paused > 0
            && let Some(held) = self.recipient(&event).and_then(|node| self.held(node))
        {
            held.push(event);
            return Ok(());
        }
        if !self.conditions.message_cost.is_zero()
            && let Event::FromAgent { conn, .. } | Event::FromFramework { conn, .. } = &event
            && let Some(at) = self.queued_until(*conn)
        {
            self.agenda.put(at, Event::Handled(Box::new(event)));
            return Ok(());
        }
        self.bring_about(event, watch)
    }

    fn bring_about(&mut self, event: Event, watch: &mut Watch) -> Result<(), Failure> {
        match event {
            Event::Nothing => Ok(()),
            Event::Handled(event) => self.bring_about(*event, watch),
            Event::Wake(node) => self.wake(node, watch),
            Event::FromAgent { conn, seq, message } => {
                self.reach_master(conn, watch, master::Input::Agent { conn, seq, message })
            }
            Event::FromFramework { conn, seq, call } => {
                self.reach_master(conn, watch, master::Input::Scheduler { conn, seq, call })
            }
            Event::ToAgent { conn, seq, message } => match self.taken_by(conn, End::Client) {
                Some(NodeId::Agent(index)) => {
                    self.step_agent(index, Some(agent::Input::Received { conn, seq, message }), watch)
                }
                // A master may be wrong about who is at the other end; a framework's host would fail to decode it.
                _ => Ok(()),
            },
            Event::ToFramework { conn, seq, event } => match self.taken_by(conn, End::Client) {
                Some(NodeId::Framework(index)) => {
                    self.step_framework(index, Some(driver::Input::Received { conn, seq, event }), watch)
                }
                _ => Ok(()),
            },
            Event::FromExecutor { conn, said } => self.heard_by_agent(conn, said, watch),
            Event::ToExecutor { conn, event } => self.heard_by_executor(conn, event, watch),
            Event::Refused { conn, rejection } => self.refused(conn, rejection, watch),
            Event::HearsExecutor { executor, life, input } => {
                if self.is_life(NodeId::Executor(executor), life) {
                    self.step_executor(executor, Some(*input), watch)
                } else {
                    Ok(())
                }
            }
            Event::Asks(asked) => self.asks(*asked, watch),
            Event::Answered(answer) => self.answered_executor(*answer, watch),
            Event::End { conn, end } => self.ended(conn, end, watch),
            Event::Dial { client, life, attempt, master, patience_ends_at } => {
                self.dialled(client, life, attempt, master, patience_ends_at);
                Ok(())
            }
            Event::Answer { client, life, attempt, conn } => {
                if self.answered(client, life, attempt, conn) {
                    self.tell_answer(client, conn, watch)
                } else {
                    Ok(())
                }
            }
            Event::Land { master, life, ticket, write } => {
                self.land(master, life, ticket, write);
                Ok(())
            }
            Event::Persisted { master, life, ticket, result } => {
                if self.is_life(NodeId::Master(master), life) {
                    self.step_master(master, Some(master::Input::Persisted { ticket, result }), watch)
                } else {
                    Ok(())
                }
            }
            Event::Stored { node, life } => self.stored(node, life, watch),
            Event::Recovered { node, life } => self.recovered(node, life, watch),
            Event::ContainerDue { agent, at, due } => {
                self.container_due(agent, at, due);
                Ok(())
            }
            Event::ContainerAnswer { agent, life, ticket, outcome } => {
                if self.is_life(NodeId::Agent(agent), life) {
                    self.step_agent(agent, Some(agent::Input::Container { ticket, outcome }), watch)
                } else {
                    Ok(())
                }
            }
            Event::LeaseOver(term) => {
                self.lease_over(term);
                Ok(())
            }
            Event::Choose => {
                self.choose();
                Ok(())
            }
            Event::Lead(holder) => self.lead(holder, watch),
            Event::Demote { master, life } => self.demote(master, life, watch),
            Event::Tell { node, version } => self.tell(node, version, watch),
            Event::Start(node) => {
                self.start(node);
                Ok(())
            }
            Event::Resume { node, life } => {
                self.resume(node, life);
                Ok(())
            }
            Event::Planned(index) => self.planned(index, watch),
            Event::Strike(nemesis) => self.strike(nemesis, watch),
            Event::Lift(fault) => {
                self.lift(fault);
                Ok(())
            }
            Event::Heal => {
                self.heal();
                Ok(())
            }
            Event::Probe(count) => self.probe(count, watch),
        }
    }

    fn probe(&mut self, count: u32, watch: &mut Watch) -> Result<(), Failure> {
        // Most of a long run somebody is at work, which is told without a sentence about it.
        if self.finite_done() && !self.is_routine_time() && self.unsettled().is_none() {
            self.stage = Stage::Settled;
            return Ok(());
        }
        self.agenda.put(self.now + PROBE_EVERY, Event::Probe(count.wrapping_add(1)));
        if count % SERVICE_PROBES == SERVICE_PROBES - 1 {
            self.restore_service(watch)?;
        }
        if self.conditions.is_tidied && count % TIDY_PROBES == TIDY_PROBES - 1 { self.tidy_up(watch) } else { Ok(()) }
    }

    /// The process to which an event happens, if it is one that can be paused.
    fn recipient(&self, event: &Event) -> Option<NodeId> {
        match event {
            Event::Handled(event) => self.recipient(event),
            Event::FromAgent { conn, .. } | Event::FromFramework { conn, .. } | Event::FromExecutor { conn, .. } => {
                self.net.conn(*conn).map(|row| row.node(End::Master))
            }
            Event::ToAgent { conn, .. }
            | Event::ToFramework { conn, .. }
            | Event::ToExecutor { conn, .. }
            | Event::Refused { conn, .. } => self.net.conn(*conn).map(|row| row.node(End::Client)),
            Event::HearsExecutor { executor, .. } => Some(NodeId::Executor(*executor)),
            Event::Asks(asked) => Some(NodeId::Agent(self.executors[asked.executor() as usize].agent)),
            Event::Answered(answer) => Some(NodeId::Executor(answer.0.executor())),
            Event::End { conn, end } => self.net.conn(*conn).map(|row| row.node(*end)),
            Event::Answer { client, .. } => Some(*client),
            Event::Persisted { master, .. } | Event::Demote { master, .. } => Some(NodeId::Master(*master)),
            Event::Lead(holder) => Some(NodeId::Master(holder.master)),
            Event::Stored { node, .. } | Event::Recovered { node, .. } | Event::Tell { node, .. } => Some(*node),
            Event::ContainerAnswer { agent, .. } => Some(NodeId::Agent(*agent)),
            Event::Nothing
            | Event::Wake(_)
            | Event::Dial { .. }
            | Event::Land { .. }
            | Event::ContainerDue { .. }
            | Event::LeaseOver(_)
            | Event::Choose
            | Event::Start(_)
            | Event::Resume { .. }
            | Event::Planned(_)
            | Event::Strike(_)
            | Event::Lift(_)
            | Event::Heal
            | Event::Probe(_) => None,
        }
    }

    fn reach_master(&mut self, conn: ConnId, watch: &mut Watch, input: master::Input) -> Result<(), Failure> {
        match self.taken_by(conn, End::Master) {
            Some(NodeId::Master(index)) => self.step_master(index, Some(input), watch),
            _ => Ok(()),
        }
    }

    pub(crate) fn taken_by(&mut self, conn: ConnId, end: End) -> Option<NodeId> {
        if self.is_taken(conn, end) { self.net.conn(conn).map(|row| row.node(end)) } else { None }
    }

    fn ended(&mut self, conn: ConnId, end: End, watch: &mut Watch) -> Result<(), Failure> {
        if !self.net.close(conn, end) {
            return Ok(());
        }
        let Some(row) = self.net.conn(conn) else { return Ok(()) };
        let (node, life) = (row.node(end), row.life(end));
        if !self.is_life(node, life) {
            return Ok(());
        }
        match node {
            NodeId::Master(index) => self.step_master(index, Some(master::Input::Disconnected { conn }), watch),
            NodeId::Executor(index) => self.line_lost(index, conn, None, watch),
            NodeId::Agent(index) if end == End::Master => {
                self.step_agent(index, Some(agent::Input::ExecutorDisconnected { conn }), watch)
            }
            // The client may not have heard yet that the connection stood.
            NodeId::Agent(_) | NodeId::Framework(_) if self.dialling(node).conn != Some(conn) => Ok(()),
            NodeId::Agent(_) | NodeId::Framework(_) => {
                self.dialling(node).conn = None;
                self.tell_disconnected(node, Some(conn), watch)
            }
            NodeId::Quorum | NodeId::Operator => Ok(()),
        }
    }

    fn tell_disconnected(&mut self, node: NodeId, conn: Option<ConnId>, watch: &mut Watch) -> Result<(), Failure> {
        match node {
            NodeId::Agent(index) => self.step_agent(index, Some(agent::Input::Disconnected { conn }), watch),
            NodeId::Framework(index) => self.step_framework(index, Some(driver::Input::Disconnected { conn }), watch),
            _ => Ok(()),
        }
    }

    fn tell_answer(&mut self, client: NodeId, conn: Option<ConnId>, watch: &mut Watch) -> Result<(), Failure> {
        // The master may have hung up while the answer was on its way.
        let standing = conn.filter(|conn| self.net.conn(*conn).is_some_and(|row| row.is_open(End::Client)));
        let Some(conn) = standing else {
            self.dialling(client).conn = None;
            return self.tell_disconnected(client, None, watch);
        };
        match client {
            NodeId::Agent(index) => self.step_agent(index, Some(agent::Input::Connected { conn }), watch),
            NodeId::Framework(index) => self.step_framework(index, Some(driver::Input::Connected { conn }), watch),
            _ => Ok(()),
        }
    }

    fn tell(&mut self, node: NodeId, version: u32, watch: &mut Watch) -> Result<(), Failure> {
        let is_reached = self.net.reaches(NodeId::Quorum, node);
        let leader = self.leader(version);
        let (known, is_behind) = match node {
            NodeId::Agent(index) => self.agents[index as usize].process.news_mut(),
            NodeId::Framework(index) => self.frameworks[index as usize].process.news_mut(),
            _ => return Ok(()),
        };
        if version <= *known {
            return Ok(());
        }
        *is_behind = !is_reached;
        if !is_reached {
            return Ok(());
        }
        *known = version;
        match node {
            NodeId::Agent(index) => self.step_agent(index, Some(agent::Input::LeaderChanged { leader }), watch),
            NodeId::Framework(index) => {
                self.step_framework(index, Some(driver::Input::LeaderChanged { leader }), watch)
            }
            _ => Ok(()),
        }
    }

    fn stored(&mut self, node: NodeId, life: u32, watch: &mut Watch) -> Result<(), Failure> {
        if !self.is_life(node, life) {
            return Ok(());
        }
        let (now, disk_ppm) = (self.now, self.trouble.disk_ppm);
        let Some((disk, dice)) = self.disk_mut(node) else { return Ok(()) };
        let is_full = disk.trouble.is_full(now);
        let is_failing = is_full || dice.chance(disk_ppm);
        let is_lost = is_full || (is_failing && dice.chance(500_000));
        let Some(ticket) = disk.finish(is_lost) else { return Ok(()) };
        let why = if is_full { "no space left on device" } else { "input/output error" };
        let result = match is_failing {
            false => Ok(()),
            true => Err(mesos_core::provider::StoreError::Unknown(why.into())),
        };
        match node {
            NodeId::Agent(index) => self.step_agent(index, Some(agent::Input::Checkpointed { ticket, result }), watch),
            NodeId::Framework(index) => {
                self.step_framework(index, Some(driver::Input::Saved { ticket, result }), watch)
            }
            _ => Ok(()),
        }
    }

    fn wake(&mut self, node: NodeId, watch: &mut Watch) -> Result<(), Failure> {
        let now = self.now;
        let (wake_at, deadline, is_paused) = match node {
            NodeId::Master(index) => self.masters[index as usize].process.wake_up(),
            NodeId::Agent(index) => self.agents[index as usize].process.wake_up(),
            NodeId::Framework(index) => self.frameworks[index as usize].process.wake_up(),
            NodeId::Executor(index) => self.executors[index as usize].process.wake_up(),
            NodeId::Quorum | NodeId::Operator => return Ok(()),
        };
        if *wake_at != now {
            return Ok(());
        }
        *wake_at = Instant::MAX;
        if is_paused {
            return Ok(());
        }
        if deadline.is_none_or(|deadline| deadline > now) {
            self.arm(node);
            return Ok(());
        }
        self.count_tick(node)?;
        match node {
            NodeId::Master(index) => self.step_master(index, None, watch),
            NodeId::Agent(index) => self.step_agent(index, None, watch),
            NodeId::Framework(index) => self.step_framework(index, None, watch),
            NodeId::Executor(index) => self.step_executor(index, None, watch),
            NodeId::Quorum | NodeId::Operator => Ok(()),
        }
    }

    fn count_tick(&mut self, node: NodeId) -> Result<(), Failure> {
        if self.ticks_at_once.0 != self.now {
            self.ticks_at_once = (self.now, 0);
        }
        self.ticks_at_once.1 += 1;
        let nodes = self.masters.len() + self.agents.len() + self.frameworks.len() + self.executors.len();
        let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
        if self.ticks_at_once.1 > TICKS_AT_ONCE_MAX.saturating_mul(nodes) {
            let message = format!("{node} is due again and again at one instant; a tick must move its own deadline");
            return Err(self.failure(FailureKind::Assertion, "progress", message));
        }
        Ok(())
    }

    /// Makes sure that there is one live wake-up for a node, no later than its machine's deadline.
    pub(crate) fn arm(&mut self, node: NodeId) {
        let now = self.now;
        let (wake_at, deadline, is_paused) = match node {
            NodeId::Master(index) => self.masters[index as usize].process.wake_up(),
            NodeId::Agent(index) => self.agents[index as usize].process.wake_up(),
            NodeId::Framework(index) => self.frameworks[index as usize].process.wake_up(),
            NodeId::Executor(index) => self.executors[index as usize].process.wake_up(),
            NodeId::Quorum | NodeId::Operator => return,
        };
        let Some(deadline) = deadline else { return };
        let at = deadline.max(now);
        if at < *wake_at && !is_paused {
            *wake_at = at;
            self.agenda.put(at, Event::Wake(node));
        }
    }

    /// A failure of this run, at this moment.
    #[must_use]
    pub fn failure(&self, kind: FailureKind, property: &str, message: String) -> Failure {
        let (seed, at, mutant) = (self.seed, self.now, self.conditions.mutant_name());
        let origin = self.conditions.origin.clone();
        Failure { kind, property: property.to_owned(), seed, at, message, mutant, origin }
    }

    pub(crate) fn report(&mut self, steps: u64, digest: String) -> Report {
        let mut report = self.tally.report(self.now);
        report.seed = self.seed;
        report.steps = steps;
        report.events = self.agenda.total();
        report.digest = digest;
        report.elections = self.election.changes();
        report.net = self.net.stats();
        report
    }
}

impl<M: Machine> Process<M> {
    /// The live wake-up, what the machine wants, and whether the process is paused.
    fn wake_up(&mut self) -> (&mut Instant, Option<Instant>, bool) {
        let deadline = self.machine.as_ref().and_then(|machine| machine.deadline());
        let deadline = deadline.map(|deadline| self.pace.reaches(deadline));
        let is_paused = self.is_paused();
        (&mut self.wake_at, deadline, is_paused)
    }
}

fn new_master(seed: u64, index: u32) -> MasterNode {
    MasterNode { process: Process::new(seed, NodeId::Master(index)), term: None, busy_until: Instant::ZERO }
}

fn new_agent(seed: u64, index: u32) -> AgentNode {
    let node = NodeId::Agent(index);
    AgentNode {
        process: Process::new(seed, node),
        dialling: crate::node::Dialling::default(),
        disk: Disk::default(),
        containers: Containers::default(),
        executors: BTreeMap::new(),
        late: None,
        dice: Rng::of_node(seed, node.stream() + HOST_STREAMS),
        disk_busy_until: Instant::ZERO,
    }
}

fn new_framework(seed: u64, index: u32) -> FrameworkNode {
    let node = NodeId::Framework(index);
    FrameworkNode {
        process: Process::new(seed, node),
        dialling: crate::node::Dialling::default(),
        disk: Disk::default(),
        dice: Rng::of_node(seed, node.stream() + HOST_STREAMS),
        disk_busy_until: Instant::ZERO,
        ended: None,
    }
}
