//! What a journal teaches about those around the master: their tasks, how long those ran, and who came and went.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::call::scheduler::{Call, Event};
use mesos_core::call::{ConnId, operator};
use mesos_core::kernel::{Seq, Ticket};
use mesos_core::resource::{Quantities, Resources};
use mesos_core::{AgentId, FrameworkId, Instant, Role, TaskId, TaskInfo, TaskState, UpdateId, WallTime};
use mesos_sched::master::{Effect, Input};

use super::figures::Figures;
use super::{Arrivals, Plan, WhatIfError};
use crate::replay::Replay;

/// A task, by framework and name.
pub(super) type Key = (FrameworkId, TaskId);

/// What is known of a task.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) info: Arc<TaskInfo>,
    pub(super) role: Role,
    /// Which of the sizes that occur.
    pub(super) size: u32,
    pub(super) launched_at: Instant,
    pub(super) running_at: Option<Instant>,
    pub(super) ended: Option<(Instant, TaskState)>,
}

impl Past {
    /// How long it runs from its start, and how it ends; nothing if it outlived the journal.
    pub(super) fn run(&self) -> Option<(std::time::Duration, TaskState)> {
        let (ended_at, state) = self.ended?;
        Some((ended_at.since(self.running_at.unwrap_or(self.launched_at)), state))
    }
}

/// Somebody new, after the fork.
#[derive(Debug, Clone)]
pub(super) enum Arrival {
    Agent(ToMaster),
    Framework(Call),
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Peer {
    #[default]
    Unknown,
    Agent(AgentId),
    Framework(FrameworkId),
}

/// How things stand at the fork, beside the master's own state.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    /// Standing connections: who, and the number of the next message from there.
    pub(super) conns: BTreeMap<ConnId, (Peer, Seq)>,
    /// News that frameworks have not acknowledged.
    pub(super) unacknowledged: BTreeMap<Key, (AgentId, UpdateId)>,
    /// The registry write under way.
    pub(super) writing: Option<Ticket>,
    /// The times of the last step.
    pub(super) mono: Instant,
    pub(super) wall: WallTime,
}

/// What was learnt.
#[derive(Debug)]
pub(super) struct Lesson {
    fork_at: Instant,
    pub(super) ends_at: Instant,
    pub(super) tasks: BTreeMap<Key, Past>,
    /// After the fork, in order.
    pub(super) arrivals: Vec<(Instant, Arrival)>,
    /// Agents that were lost for good after the fork.
    pub(super) losses: Vec<(Instant, AgentId)>,
    /// What operators asked after the fork.
    pub(super) operator: Vec<(Instant, operator::Call)>,
    steps_before_fork: u64,
    /// Cores and megabytes at the fork.
    capacity: Option<[f64; 2]>,
    recorded: Figures,
    sizes: Vec<Quantities>,
    /// Which size is written so.
    known_sizes: BTreeMap<String, u32>,
}

impl Lesson {
    pub(super) const fn fork_at(&self) -> Instant {
        self.fork_at
    }

    /// Reads the whole journal.
    pub(super) fn learn<R: Read>(replay: &mut Replay<R>, plan: Plan) -> Result<Self, WhatIfError> {
        let mut lesson = Self {
            fork_at: Instant::ZERO,
            ends_at: Instant::ZERO,
            tasks: BTreeMap::new(),
            arrivals: Vec::new(),
            losses: Vec::new(),
            operator: Vec::new(),
            steps_before_fork: 0,
            capacity: None,
            recorded: Figures::new(Instant::ZERO),
            sizes: Vec::new(),
            known_sizes: BTreeMap::new(),
        };
        let (mut scene, mut first) = (Scene::default(), None);
        while let Some(step) = replay.next_step()? {
            let at = step.now.mono;
            let begin = *first.get_or_insert(at);
            lesson.fork_at = begin + plan.at;
            lesson.ends_at = at;
            let is_before = at < lesson.fork_at;
            let input = step.input.clone();
            if is_before {
                lesson.steps_before_fork += 1;
            } else {
                lesson.capacity.get_or_insert_with(|| capacity(replay));
            }
            if let Some(difference) = replay.fold(step) {
                return Err(WhatIfError::Differs(difference));
            }
            lesson.note(at, is_before, input.as_ref(), replay.effects(), &scene);
            scene.note(input.as_ref(), replay.effects());
        }
        let begin = first.unwrap_or_default();
        if lesson.steps_before_fork == 0 || lesson.ends_at < lesson.fork_at {
            return Err(WhatIfError::NotCovered { covered: lesson.ends_at.since(begin), at: plan.at });
        }
        lesson.recorded = lesson.sum_up();
        if plan.arrivals == Arrivals::Backlog {
            let fork = lesson.fork_at;
            lesson.tasks.values_mut().filter(|past| past.launched_at > fork).for_each(|past| {
                // It runs for as long as it did, from whenever it starts.
                let wait = past.launched_at.since(fork);
                let earlier = |at: Instant| Instant::ZERO + at.since(Instant::ZERO + wait);
                past.running_at = past.running_at.map(earlier);
                past.ended = past.ended.map(|(at, state)| (earlier(at), state));
                past.launched_at = fork;
            });
        }
        Ok(lesson)
    }

    fn note(&mut self, at: Instant, is_before: bool, input: Option<&Input>, effects: &[Effect], scene: &Scene) {
        for effect in effects {
            let Effect::ToAgent { message, .. } = effect else { continue };
            let (framework, role, tasks) = match message {
                ToAgent::Run(run) => (&run.framework_id, &run.role, std::slice::from_ref(&run.task)),
                ToAgent::RunGroup(run) => (&run.framework_id, &run.role, run.tasks.as_slice()),
                _ => continue,
            };
            for info in tasks {
                let key = (framework.clone(), info.id.clone());
                let (info, role, size) = (info.clone(), role.clone(), self.size_of(info));
                self.tasks.insert(key, Past { info, role, size, launched_at: at, running_at: None, ended: None });
            }
        }
        match input {
            Some(Input::Agent { conn, message, .. }) => match message {
                ToMaster::Update { framework_id, status, latest } => {
                    let Some(past) = self.tasks.get_mut(&(framework_id.clone(), status.task_id.clone())) else {
                        return;
                    };
                    if status.state == TaskState::Running {
                        past.running_at.get_or_insert(at);
                    }
                    if latest.is_terminal() {
                        past.ended.get_or_insert((at, *latest));
                    }
                }
                ToMaster::Register { .. } | ToMaster::Reregister(_)
                    if !is_before && !matches!(scene.conns.get(conn), Some((Peer::Agent(_), _))) =>
                {
                    self.arrivals.push((at, Arrival::Agent(message.clone())));
                }
                _ => {}
            },
            Some(Input::Scheduler { conn, call: call @ Call::Subscribe { .. }, .. })
                if !is_before && !scene.conns.contains_key(conn) =>
            {
                self.arrivals.push((at, Arrival::Framework(call.clone())));
            }
            Some(Input::Disconnected { conn }) if !is_before => {
                if let Some((Peer::Agent(id), _)) = scene.conns.get(conn) {
                    self.losses.push((at, id.clone()));
                }
            }
            Some(Input::Operator { call, .. }) if !is_before => self.operator.push((at, call.clone())),
            _ => {}
        }
    }

    fn size_of(&mut self, info: &TaskInfo) -> u32 {
        let amounts = info.resources.quantities();
        let next = u32::try_from(self.sizes.len()).unwrap_or(u32::MAX);
        let size = *self.known_sizes.entry(amounts.to_string()).or_insert(next);
        if size == next {
            self.sizes.push(amounts);
        }
        size
    }

    /// One of the sizes that occur.
    pub(super) fn size(&self, size: u32) -> &Quantities {
        &self.sizes[size as usize]
    }

    /// Lets a fresh master live up to the fork.
    pub(super) fn replay_to_fork<R: Read>(&self, replay: &mut Replay<R>) -> Result<Scene, WhatIfError> {
        let mut scene = Scene::default();
        for _ in 0..self.steps_before_fork {
            let Some(step) = replay.next_step()? else { break };
            let (input, now) = (step.input.clone(), step.now);
            if let Some(difference) = replay.fold(step) {
                return Err(WhatIfError::Differs(difference));
            }
            scene.note(input.as_ref(), replay.effects());
            (scene.mono, scene.wall) = (now.mono, now.wall);
        }
        if replay.master().leading().is_none() {
            return Err(WhatIfError::NotLeading(self.fork_at.since(Instant::ZERO)));
        }
        Ok(scene)
    }

    /// What really happened after the fork, in the same figures.
    pub(super) fn recorded(&self) -> Figures {
        self.recorded.clone()
    }

    fn sum_up(&self) -> Figures {
        let mut figures = Figures::new(self.fork_at);
        figures.set_capacity(self.fork_at, self.capacity.unwrap_or_default());
        for ((framework, _), past) in &self.tasks {
            if past.launched_at > self.fork_at {
                figures.wanted(framework, &past.role);
                figures.launched(&past.role, None);
            }
            let until = past.ended.map_or(self.ends_at, |(at, _)| at);
            figures.used(framework, &past.role, &past.info.resources, past.launched_at, until);
            if let Some((at, state)) = past.ended.filter(|(at, _)| *at >= self.fork_at) {
                figures.ended(at, state);
            }
        }
        figures.sum_up();
        figures
    }
}

impl Scene {
    fn note(&mut self, input: Option<&Input>, effects: &[Effect]) {
        match input {
            Some(Input::Agent { conn, seq, message }) => {
                let row = self.conns.entry(*conn).or_default();
                row.1 = Seq(row.1.0.max(seq.0 + 1));
                if let ToMaster::Reregister(report) = message {
                    row.0 = Peer::Agent(report.agent_id.clone());
                }
            }
            Some(Input::Scheduler { conn, seq, call }) => {
                let row = self.conns.entry(*conn).or_default();
                row.1 = Seq(row.1.0.max(seq.0 + 1));
                if let (Call::Acknowledge { task_id, uuid, .. }, Peer::Framework(id)) = (call, &row.0) {
                    let key = (id.clone(), task_id.clone());
                    if self.unacknowledged.get(&key).is_some_and(|(_, own)| own == uuid) {
                        self.unacknowledged.remove(&key);
                    }
                }
            }
            Some(Input::Disconnected { conn }) => drop(self.conns.remove(conn)),
            Some(Input::Persisted { ticket, .. }) if self.writing == Some(*ticket) => self.writing = None,
            _ => {}
        }
        for effect in effects {
            match effect {
                Effect::Persist { ticket, .. } => self.writing = Some(*ticket),
                Effect::Close { conn, .. } => drop(self.conns.remove(conn)),
                Effect::ToAgent {
                    conn,
                    message: ToAgent::Registered { agent_id, .. } | ToAgent::Reregistered { agent_id, .. },
                    ..
                } => self.conns.entry(*conn).or_default().0 = Peer::Agent(agent_id.clone()),
                Effect::ToScheduler { conn, event, .. } => self.told(*conn, event),
                _ => {}
            }
        }
    }

    fn told(&mut self, conn: ConnId, event: &Event) {
        match event {
            Event::Subscribed { framework_id, .. } => {
                self.conns.entry(conn).or_default().0 = Peer::Framework(framework_id.clone());
            }
            Event::Update(status) => {
                let Some((Peer::Framework(id), _)) = self.conns.get(&conn) else { return };
                if let (Some(uuid), Some(agent)) = (status.uuid, &status.agent_id) {
                    self.unacknowledged.insert((id.clone(), status.task_id.clone()), (agent.clone(), uuid));
                }
            }
            _ => {}
        }
    }
}

/// Cores and megabytes of all agents of the master.
pub(super) fn capacity<R: Read>(replay: &Replay<R>) -> [f64; 2] {
    replay
        .master()
        .agents()
        .map(|agent| amounts(agent.total))
        .fold([0.0; 2], |sum, own| [sum[0] + own[0], sum[1] + own[1]])
}

/// Cores and megabytes.
pub(super) fn amounts(resources: &Resources) -> [f64; 2] {
    [resources.cpus().to_f64(), resources.mem().to_f64()]
}
