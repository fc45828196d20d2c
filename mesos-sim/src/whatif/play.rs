//! The future of a master from the fork on, with models for its peers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read;
use std::time::Duration;

use mesos_core::call::ConnId;
use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::call::operator::{self, ReplyTo, Response};
use mesos_core::call::scheduler::{Call, Event};
use mesos_core::kernel::{Machine, Rng, Seq, Ticket};
use mesos_core::{
    AgentId, AgentInfo, FrameworkId, Instant, Now, Role, Source, TaskId, TaskInfo, TaskState, TaskStatus, WallTime,
};
use mesos_sched::master::{Effect, Input};

use super::figures::Figures;
use super::learn::{Arrival, Key, Lesson, Peer, Scene, amounts, capacity};
use super::model::{AgentModel, FrameworkModel, Offered, TaskModel};
use super::wishes::Wishes;
use super::{Change, Plan, WhatIfError};
use crate::agenda::Agenda;
use crate::replay::Replay;

/// One way of a message between a model and the master.
const WAY: Duration = Duration::from_millis(1);
/// From RUN to RUNNING where the journal does not say.
const START: Duration = Duration::from_millis(50);
/// A registry write.
const WRITE: Duration = Duration::from_millis(5);
/// Connections of the future are numbered from here: no host gets so far.
const FIRST_CONN: u64 = 1 << 40;
/// The answers to what is asked at the fork are told from others by their numbers.
const FIRST_REPLY: u64 = 1 << 40;

/// What is to come.
#[derive(Debug, Default)]
enum Due {
    /// What a place of the agenda holds that nothing else does.
    #[default]
    Nothing,
    FromAgent(ConnId, ToMaster),
    FromFramework(ConnId, Call),
    Persisted(Ticket),
    Arrives(Arrival),
    Leaves(AgentId),
    Asks(operator::Call),
    Runs(ConnId, Key),
    Ends(ConnId, Key, TaskState),
    /// A framework wants this task from now on.
    Wants(FrameworkId, TaskId),
}

/// One future.
pub(super) struct Play<'a, R> {
    replay: Replay<R>,
    lesson: &'a Lesson,
    scene: Scene,
    plan: Plan,
    agenda: Agenda<Due>,
    now: Instant,
    agents: BTreeMap<ConnId, AgentModel>,
    frameworks: BTreeMap<FrameworkId, FrameworkModel>,
    subscribed: BTreeMap<ConnId, FrameworkId>,
    /// The recorded name of each try.
    names: BTreeMap<Key, TaskId>,
    figures: Figures,
    /// Cores and megabytes of all agents.
    capacity: [f64; 2],
    /// Wanted tasks that have not ended.
    open: u64,
    next_conn: u64,
    dice: Rng,
    asked: u64,
    refused: Option<mesos_core::Rejection>,
    is_over: bool,
}

impl<'a, R: Read> Play<'a, R> {
    pub(super) fn new(replay: Replay<R>, lesson: &'a Lesson, scene: Scene, plan: Plan) -> Self {
        let figures = Figures::new(lesson.fork_at());
        Self {
            replay,
            lesson,
            plan,
            agenda: Agenda::default(),
            now: lesson.fork_at(),
            scene,
            agents: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            subscribed: BTreeMap::new(),
            names: BTreeMap::new(),
            figures,
            capacity: [0.0; 2],
            open: 0,
            next_conn: FIRST_CONN,
            dice: Rng::new(1),
            asked: FIRST_REPLY,
            refused: None,
            is_over: false,
        }
    }

    pub(super) fn run(mut self, change: &Change) -> Result<Figures, WhatIfError> {
        let before = *self.replay.master().counters();
        self.capacity = capacity(&self.replay);
        self.figures.set_capacity(self.now, self.capacity);
        self.people();
        self.what_was_going_on();
        self.what_is_to_come();
        self.change(change);
        let limit = self.lesson.ends_at + self.plan.patience;
        while !self.is_over && self.refused.is_none() && (self.now < self.lesson.ends_at || self.open > 0) {
            let deadline = self.replay.master().deadline().map(|at| at.max(self.now));
            let until = deadline.unwrap_or(limit).min(limit);
            match self.agenda.take_until(until) {
                Some((at, due)) => {
                    self.now = at.max(self.now);
                    self.happen(due);
                }
                None if deadline.is_some_and(|at| at <= limit) => {
                    self.now = until;
                    self.step(None);
                }
                None => break,
            }
        }
        if let Some(rejection) = self.refused {
            return Err(WhatIfError::Refused(rejection));
        }
        if self.open > 0 {
            // Somebody still waits: what is idle meanwhile counts.
            self.figures.lasted_until(self.now);
        }
        for (_, agent) in std::mem::take(&mut self.agents) {
            for ((framework, _), task) in agent.tasks.into_iter().filter(|(_, task)| !task.is_over) {
                self.figures.used(&framework, &task.role, &task.resources, task.since, self.now);
            }
        }
        let after = self.replay.master().counters();
        self.figures.offers = Some(after.offers - before.offers);
        self.figures.declines = Some(after.declines - before.declines);
        self.figures.rescinds = Some(after.rescinds - before.rescinds);
        self.figures.sum_up();
        Ok(self.figures)
    }

    /// Everybody who is connected at the fork gets a model.
    fn people(&mut self) {
        let master = self.replay.master();
        let has: BTreeMap<AgentId, [f64; 2]> =
            master.agents().map(|agent| (agent.id.clone(), amounts(agent.total))).collect();
        let tallies = master.tallies().filter(|(.., suppressed)| !suppressed.is_empty());
        let suppressed: BTreeSet<FrameworkId> = tallies.map(|(id, ..)| id.clone()).collect();
        for (conn, (peer, next)) in self.scene.conns.clone() {
            match peer {
                Peer::Agent(id) => {
                    let has = has.get(&id).copied().unwrap_or_default();
                    self.agents.insert(conn, AgentModel { id: Some(id), next, has, tasks: BTreeMap::new() });
                }
                Peer::Framework(id) => {
                    let is_suppressed = suppressed.contains(&id);
                    self.welcome(id, conn, next, is_suppressed);
                }
                Peer::Unknown => {}
            }
        }
    }

    fn welcome(&mut self, id: FrameworkId, conn: ConnId, next: Seq, is_suppressed: bool) {
        self.subscribed.insert(conn, id.clone());
        let model = self.frameworks.entry(id.clone()).or_insert_with(|| FrameworkModel {
            id,
            next,
            conn: None,
            waiting: Wishes::default(),
            is_suppressed,
            retries: 0,
        });
        (model.conn, model.next, model.is_suppressed) = (Some(conn), next, is_suppressed);
    }

    /// Running tasks end when they did, what was not acknowledged is, what was on the table is answered.
    fn what_was_going_on(&mut self) {
        let conns: BTreeMap<AgentId, ConnId> =
            self.agents.iter().filter_map(|(conn, agent)| Some((agent.id.clone()?, *conn))).collect();
        let master = self.replay.master();
        let frameworks: BTreeMap<_, _> = master.frameworks().map(|own| (own.key, own.id.clone())).collect();
        let tasks: Vec<_> = master
            .tasks()
            .filter(|task| !task.state.is_terminal())
            .filter_map(|task| {
                let key = (task.framework_id.clone(), task.info.id.clone());
                Some((*conns.get(task.agent_id)?, key, task.state, task.info.resources.clone(), task.role.clone()))
            })
            .collect();
        let offers: Vec<_> = master
            .offers()
            .filter_map(|offer| {
                let framework = frameworks.get(&offer.framework)?.clone();
                let agent = master.agent(offer.agent)?.id.clone();
                let (id, role, resources) = (offer.id.clone(), offer.role.clone(), offer.resources.clone());
                Some((framework, Offered { id, agent, role, resources }))
            })
            .collect();
        for (conn, key, state, resources, role) in tasks {
            let task = TaskModel { resources, role, since: self.now, news: VecDeque::new(), is_over: false };
            self.names.insert(key.clone(), key.1.clone());
            if let Some(agent) = self.agents.get_mut(&conn) {
                agent.tasks.insert(key.clone(), task);
            }
            if state == TaskState::Running {
                if let Some((at, state)) = self.lesson.tasks.get(&key).and_then(|past| past.ended) {
                    self.agenda.put(at.max(self.now), Due::Ends(conn, key, state));
                }
            } else {
                self.agenda.put(self.now + START, Due::Runs(conn, key));
            }
        }
        for ((framework, task_id), (agent_id, uuid)) in std::mem::take(&mut self.scene.unacknowledged) {
            self.say(&framework, Call::Acknowledge { task_id, agent_id, uuid });
        }
        for (framework, offer) in offers {
            self.answer(&framework, offer);
        }
        if let Some(ticket) = self.scene.writing {
            self.agenda.put(self.now + WRITE, Due::Persisted(ticket));
        }
    }

    fn what_is_to_come(&mut self) {
        let lesson = self.lesson;
        for ((framework, task), past) in &lesson.tasks {
            // A task that was under way at the fork is a model already.
            if past.launched_at >= lesson.fork_at() && !self.names.contains_key(&(framework.clone(), task.clone())) {
                self.open += u64::from(past.ended.is_some());
                self.agenda.put(past.launched_at, Due::Wants(framework.clone(), task.clone()));
            }
        }
        for (at, arrival) in &lesson.arrivals {
            self.agenda.put(*at, Due::Arrives(arrival.clone()));
        }
        for (at, agent) in &lesson.losses {
            self.agenda.put(*at, Due::Leaves(agent.clone()));
        }
        for (at, call) in &lesson.operator {
            self.agenda.put(*at, Due::Asks(call.clone()));
        }
    }

    fn change(&mut self, change: &Change) {
        if !change.weights.is_empty() {
            self.ask(operator::Call::UpdateWeights(change.weights.iter().cloned().collect()));
        }
        if !change.quotas.is_empty() {
            let quotas = change.quotas.iter().cloned().collect();
            self.ask(operator::Call::UpdateQuota { quotas, force: change.is_forced });
        }
        let like = self.replay.master().agents().next().map(|agent| agent.info.clone());
        let Some(like) = like else { return };
        for index in 0..change.agents {
            let mut info: AgentInfo = like.clone();
            info.hostname = format!("what-if-{index}").into();
            let total = info.resources.clone();
            self.agenda.put(self.now, Due::Arrives(Arrival::Agent(ToMaster::Register { info: info.into(), total })));
        }
    }

    fn ask(&mut self, call: operator::Call) {
        let reply = ReplyTo(self.asked);
        self.asked += 1;
        self.step(Some(Input::Operator { reply, call }));
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Nothing => {}
            Due::FromAgent(conn, message) => {
                let Some(agent) = self.agents.get_mut(&conn) else { return };
                let seq = agent.next;
                agent.next = Seq(seq.0 + 1);
                self.step(Some(Input::Agent { conn, seq, message }));
            }
            Due::FromFramework(conn, call) => {
                let id = self.subscribed.get(&conn).cloned();
                let Some(model) = id.and_then(|id| self.frameworks.get_mut(&id)) else { return };
                let seq = model.next;
                model.next = Seq(seq.0 + 1);
                self.step(Some(Input::Scheduler { conn, seq, call }));
            }
            Due::Persisted(ticket) => self.step(Some(Input::Persisted { ticket, result: Ok(()) })),
            Due::Arrives(Arrival::Agent(message)) => {
                let conn = self.connection();
                let has = match &message {
                    ToMaster::Register { total, .. } => amounts(total),
                    ToMaster::Reregister(report) => amounts(&report.total),
                    _ => [0.0; 2],
                };
                self.agents.insert(conn, AgentModel { id: None, next: Seq(1), has, tasks: BTreeMap::new() });
                self.step(Some(Input::Agent { conn, seq: Seq(0), message }));
            }
            Due::Arrives(Arrival::Framework(mut call)) => {
                let conn = self.connection();
                // It may come back, and with nothing more to want when it was recorded; what it wants here is its model's to say.
                if let Call::Subscribe { suppressed, .. } = &mut call {
                    suppressed.clear();
                }
                self.step(Some(Input::Scheduler { conn, seq: Seq(0), call }));
            }
            Due::Leaves(id) => {
                let conn = self.agents.iter().find(|(_, agent)| agent.id.as_ref() == Some(&id)).map(|(conn, _)| *conn);
                if let Some(conn) = conn {
                    self.lose(conn);
                    self.step(Some(Input::Disconnected { conn }));
                }
            }
            Due::Asks(call) => self.step(Some(Input::Operator { reply: ReplyTo(0), call })),
            Due::Runs(conn, key) => {
                self.report(conn, &key, TaskState::Running);
                let recorded = self.names.get(&key).map(|name| (key.0.clone(), name.clone()));
                let run = recorded.and_then(|key| self.lesson.tasks.get(&key)).and_then(super::learn::Past::run);
                if let Some((span, state)) = run {
                    self.agenda.put(self.now + span, Due::Ends(conn, key, state));
                }
            }
            Due::Ends(conn, key, state) => self.report(conn, &key, state),
            Due::Wants(framework, task) => {
                let key = (framework.clone(), task.clone());
                let Some(past) = self.lesson.tasks.get(&key) else { return };
                self.figures.wanted(&framework, &past.role);
                let Some(model) = self.frameworks.get_mut(&framework) else { return };
                model.waiting.push(&past.role, past.size, self.now, task);
                if std::mem::take(&mut model.is_suppressed) {
                    self.say(&framework, Call::Revive { roles: [].into() });
                }
            }
        }
    }

    fn connection(&mut self) -> ConnId {
        self.next_conn += 1;
        ConnId(self.next_conn)
    }

    /// An agent and all that ran on it are gone.
    fn lose(&mut self, conn: ConnId) {
        let Some(agent) = self.agents.remove(&conn) else { return };
        if agent.id.is_some() {
            self.resize(agent.has, -1.0);
        }
        for ((framework, _), task) in agent.tasks.into_iter().filter(|(_, task)| !task.is_over) {
            self.figures.used(&framework, &task.role, &task.resources, task.since, self.now);
        }
    }

    /// The cluster grows by an agent, or shrinks.
    fn resize(&mut self, has: [f64; 2], sign: f64) {
        self.capacity.iter_mut().zip(has).for_each(|(all, own)| *all += sign * own);
        self.figures.set_capacity(self.now, self.capacity);
    }

    /// An agent has news of a task; sent at once unless earlier news waits to be acknowledged.
    fn report(&mut self, conn: ConnId, key: &Key, state: TaskState) {
        let Some(agent) = self.agents.get_mut(&conn) else { return };
        let id = agent.id.clone();
        let Some(task) = agent.tasks.get_mut(key).filter(|task| !task.is_over) else { return };
        if state.is_terminal() {
            task.is_over = true;
            self.figures.used(&key.0, &task.role, &task.resources, task.since, self.now);
            self.figures.ended(self.now, state);
            let recorded = self.names.get(key).map(|name| (key.0.clone(), name.clone()));
            let is_wanted = recorded
                .and_then(|key| self.lesson.tasks.get(&key))
                .is_some_and(|past| past.launched_at >= self.lesson.fork_at() && past.ended.is_some());
            self.open = self.open.saturating_sub(u64::from(is_wanted));
        }
        let wall = wall_at(&self.scene, self.now);
        let mut status = TaskStatus::new(key.1.clone(), state, Source::Executor, wall);
        status.uuid = Some(self.dice.update_id());
        status.agent_id = id;
        task.news.push_back(status);
        if task.news.len() == 1 {
            self.send_news(conn, key);
        }
    }

    fn send_news(&mut self, conn: ConnId, key: &Key) {
        let Some(task) = self.agents.get(&conn).and_then(|agent| agent.tasks.get(key)) else { return };
        let (Some(first), Some(last)) = (task.news.front(), task.news.back()) else { return };
        let (status, latest) = (std::sync::Arc::new(first.clone()), last.state);
        let message = ToMaster::Update { framework_id: key.0.clone(), status, latest };
        self.agenda.put(self.now + WAY, Due::FromAgent(conn, message));
    }

    fn say(&mut self, framework: &FrameworkId, call: Call) {
        if let Some(conn) = self.frameworks.get(framework).and_then(|model| model.conn) {
            self.agenda.put(self.now + WAY, Due::FromFramework(conn, call));
        }
    }

    fn answer(&mut self, framework: &FrameworkId, offer: Offered) {
        let Some(model) = self.frameworks.get_mut(framework) else { return };
        let (call, launched) = model.answer(offer, self.lesson, &mut self.names);
        let wants_nothing =
            model.waiting.is_empty() && !std::mem::replace(&mut model.is_suppressed, model.waiting.is_empty());
        for (_, since, role) in launched {
            self.figures.launched(&role, Some(self.now.since(since).as_secs_f64()));
        }
        self.say(framework, call);
        if wants_nothing {
            self.say(framework, Call::Suppress { roles: [].into() });
        }
    }

    fn step(&mut self, input: Option<Input>) {
        let now = Now { mono: self.now, wall: wall_at(&self.scene, self.now) };
        self.replay.step(now, input);
        for effect in self.replay.take_effects() {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Persist { ticket, .. } => self.agenda.put(self.now + WRITE, Due::Persisted(ticket)),
            Effect::ToAgent { conn, message, .. } => self.tell_agent(conn, message),
            Effect::ToScheduler { conn, event, .. } => self.tell_framework(conn, event),
            Effect::Close { conn, .. } => {
                self.lose(conn);
                if let Some(model) = self.subscribed.remove(&conn).and_then(|id| self.frameworks.get_mut(&id)) {
                    model.conn = None;
                }
            }
            Effect::Reply { to, response } => {
                if let (true, Response::Refused(rejection)) = (to.0 >= FIRST_REPLY, response) {
                    self.refused.get_or_insert(rejection);
                }
            }
            Effect::StepDown { .. } => self.is_over = true,
            // Whatever else a master may ask for one day, no model here would answer it.
            _ => {}
        }
    }

    fn tell_agent(&mut self, conn: ConnId, message: ToAgent) {
        match message {
            ToAgent::Ping { .. } => self.agenda.put(self.now + WAY, Due::FromAgent(conn, ToMaster::Pong)),
            ToAgent::Registered { agent_id, .. } | ToAgent::Reregistered { agent_id, .. } => {
                let Some(agent) = self.agents.get_mut(&conn) else { return };
                if agent.id.replace(agent_id).is_none() {
                    let has = agent.has;
                    self.resize(has, 1.0);
                }
            }
            ToAgent::Run(run) => self.begin(conn, &run.framework_id, &run.role, &run.task),
            ToAgent::RunGroup(run) => {
                run.tasks.iter().for_each(|task| self.begin(conn, &run.framework_id, &run.role, task));
            }
            ToAgent::Kill { framework_id, task_id, .. } => {
                self.agenda.put(self.now + START, Due::Ends(conn, (framework_id, task_id), TaskState::Killed));
            }
            ToAgent::Acknowledge { framework_id, task_id, uuid } => {
                let key = (framework_id, task_id);
                let Some(agent) = self.agents.get_mut(&conn) else { return };
                let Some(task) = agent.tasks.get_mut(&key) else { return };
                if task.news.front().is_some_and(|status| status.uuid == Some(uuid)) {
                    task.news.pop_front();
                    if task.is_over && task.news.is_empty() {
                        agent.tasks.remove(&key);
                    } else {
                        self.send_news(conn, &key);
                    }
                }
            }
            ToAgent::ShutdownFramework { framework_id } => {
                let Some(agent) = self.agents.get_mut(&conn) else { return };
                let own: Vec<Key> = agent.tasks.keys().filter(|(own, _)| *own == framework_id).cloned().collect();
                for key in own {
                    if let Some(task) = agent.tasks.remove(&key).filter(|task| !task.is_over) {
                        self.figures.used(&key.0, &task.role, &task.resources, task.since, self.now);
                    }
                }
            }
            ToAgent::Shutdown(_) => self.lose(conn),
            _ => {}
        }
    }

    /// An agent begins to run a task.
    fn begin(&mut self, conn: ConnId, framework: &FrameworkId, role: &Role, info: &TaskInfo) {
        let key = (framework.clone(), info.id.clone());
        let (resources, role) = (info.resources.clone(), role.clone());
        let task = TaskModel { resources, role, since: self.now, news: VecDeque::new(), is_over: false };
        if let Some(agent) = self.agents.get_mut(&conn) {
            agent.tasks.insert(key.clone(), task);
            self.agenda.put(self.now + START, Due::Runs(conn, key));
        }
    }

    fn tell_framework(&mut self, conn: ConnId, event: Event) {
        if let Event::Subscribed { framework_id, .. } = &event {
            return self.welcome(framework_id.clone(), conn, Seq(1), false);
        }
        let Some(framework) = self.subscribed.get(&conn).cloned() else { return };
        match event {
            Event::Offers(offers) => {
                for offer in offers {
                    let (id, agent, role, resources) = (offer.id, offer.agent_id, offer.role, offer.resources);
                    self.answer(&framework, Offered { id, agent, role, resources });
                }
            }
            Event::Update(status) => {
                if let (Some(uuid), Some(agent_id)) = (status.uuid, status.agent_id.clone()) {
                    self.say(&framework, Call::Acknowledge { task_id: status.task_id.clone(), agent_id, uuid });
                } else if is_lost(status.state) {
                    self.try_again(&framework, &status.task_id);
                }
            }
            _ => {}
        }
    }

    /// A task that was lost is wanted again.
    fn try_again(&mut self, framework: &FrameworkId, task: &TaskId) {
        let key = (framework.clone(), task.clone());
        let Some(recorded) = self.names.get(&key).cloned() else { return };
        let is_wanted = self
            .lesson
            .tasks
            .get(&(framework.clone(), recorded.clone()))
            .is_some_and(|past| past.launched_at >= self.lesson.fork_at() && past.ended.is_some());
        if is_wanted {
            self.agenda.put(self.now, Due::Wants(framework.clone(), recorded));
        }
    }
}

const fn is_lost(state: TaskState) -> bool {
    use TaskState::{Dropped, Error, Gone, GoneByOperator, Lost, Unreachable};
    matches!(state, Dropped | Error | Gone | GoneByOperator | Lost | Unreachable)
}

/// The calendar goes on from the fork as the clock does.
fn wall_at(scene: &Scene, now: Instant) -> WallTime {
    let passed = now.since(scene.mono).as_nanos();
    WallTime::from_nanos(scene.wall.as_nanos().saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
}
