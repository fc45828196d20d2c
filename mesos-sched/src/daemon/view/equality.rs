//! A picture that was let go and begun anew is the picture that was kept.
//!
//! Two masters live the same life: one publishes from the beginning, the other while somebody looks. What the second tells, a
//! few rows at a time while its life goes on, is what the first has told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::ConnId;
use mesos_core::call::agent::{Reregistration, TaskReport, ToAgent, ToMaster};
use mesos_core::call::operator::{self, ReplyTo};
use mesos_core::call::scheduler::{Call, Event};
use mesos_core::kernel::{Cx, Machine, Outbound, Rng, Term};
use mesos_core::{
    AgentId, AgentInfo, Filters, FrameworkCapability, FrameworkInfo, Instant, MasterId, Now, Offer, Operation, Role,
    Source, TaskId, TaskInfo, TaskState, TaskStatus, UpdateId, WallTime,
};

use super::Memory;
use super::book::Book;
use crate::allocator::{self, HierarchicalDrf};
use crate::master::{Effect, Input, Master, Options};

const MEMORY: Memory = Memory { completed_frameworks_max: 2, completed_tasks_max: 5, unreachable_tasks_max: 2 };

/// A master and the picture of whoever listens to it.
struct Told {
    master: Master,
    rng: Rng,
    book: Book,
    is_complete: bool,
}

impl Told {
    fn new(publishes: bool) -> Self {
        let options = Options { publishes, memory: Some(MEMORY), ..Options::default() };
        let allocator = HierarchicalDrf::new(allocator::Options::default());
        let master = Master::new(MasterId::new("m").unwrap(), options, Box::new(allocator));
        Self { master, rng: Rng::new(7), book: Book::new(MEMORY), is_complete: publishes }
    }

    /// One step; what the master asks for beside publishing.
    fn step(&mut self, now: Now, input: Option<Input>) -> Vec<Effect> {
        let mut out = Vec::new();
        let mut cx = Cx::new(now, &mut self.rng, &mut out);
        match input {
            Some(input) => self.master.handle(&mut cx, input),
            None => self.master.tick(&mut cx),
        }
        let mut others = Vec::new();
        for effect in out {
            match effect {
                Effect::Publish(changes) => {
                    self.is_complete = changes.is_complete;
                    self.book.fold(changes, |_| {});
                }
                other => others.push(other),
            }
        }
        others
    }
}

struct Agent {
    conn: Option<ConnId>,
    info: Arc<AgentInfo>,
    id: Option<AgentId>,
    tasks: BTreeMap<TaskId, (TaskReport, Arc<FrameworkInfo>)>,
}

struct Framework {
    conn: Option<ConnId>,
    info: FrameworkInfo,
    offers: Vec<Offer>,
    unacknowledged: Vec<(TaskId, AgentId, UpdateId)>,
}

/// Two masters and what is around them.
struct Life {
    kept: Told,
    woken: Told,
    /// Whether anybody ever listens to the second.
    may_listen: bool,
    listens: bool,
    dice: Rng,
    now: Now,
    said: BTreeMap<ConnId, Outbound>,
    agents: Vec<Agent>,
    frameworks: Vec<Framework>,
    named: u64,
    compared: usize,
}

impl Life {
    fn begin(seed: u64, may_listen: bool) -> Self {
        let now = Now { mono: Instant::ZERO, wall: WallTime::from_nanos(1_000) };
        let mut life = Self {
            kept: Told::new(true),
            woken: Told::new(false),
            may_listen,
            listens: false,
            dice: Rng::new(seed),
            now,
            said: BTreeMap::new(),
            agents: Vec::new(),
            frameworks: Vec::new(),
            named: 0,
            compared: 0,
        };
        life.feed(Input::Elected { term: Term(1), records: Vec::new() });
        life
    }

    fn name(&mut self) -> u64 {
        self.named += 1;
        self.named
    }

    /// Both masters step, and do the same beside publishing.
    fn feed(&mut self, input: Input) {
        let effects = self.kept.step(self.now, Some(input.clone()));
        assert_eq!(self.woken.step(self.now, Some(input)), effects, "publishing changes nothing");
        self.perform(effects);
    }

    fn tick(&mut self) {
        let effects = self.kept.step(self.now, None);
        assert_eq!(self.woken.step(self.now, None), effects, "publishing changes nothing");
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Persist { ticket, .. } => self.feed(Input::Persisted { ticket, result: Ok(()) }),
                Effect::ToAgent { conn, message, .. } => self.at_agent(conn, message),
                Effect::ToScheduler { conn, event, .. } => self.at_framework(conn, event),
                Effect::Close { conn, .. } => self.closed(conn),
                _ => {}
            }
        }
    }

    fn closed(&mut self, conn: ConnId) {
        self.agents.iter_mut().filter(|agent| agent.conn == Some(conn)).for_each(|agent| agent.conn = None);
        self.frameworks.iter_mut().filter(|own| own.conn == Some(conn)).for_each(|own| own.conn = None);
    }

    fn at_agent(&mut self, conn: ConnId, message: ToAgent) {
        let Some(agent) = self.agents.iter_mut().find(|agent| agent.conn == Some(conn)) else { return };
        match message {
            ToAgent::Registered { agent_id, .. } => agent.id = Some(agent_id),
            ToAgent::Run(run) => {
                let report = TaskReport {
                    framework_id: run.framework_id.clone(),
                    role: run.role.clone(),
                    info: run.task.clone(),
                    state: TaskState::Staging,
                    told: None,
                };
                agent.tasks.insert(run.task.id.clone(), (report, run.framework.clone()));
            }
            ToAgent::ShutdownFramework { framework_id } => {
                agent.tasks.retain(|_, (task, _)| task.framework_id != framework_id);
            }
            ToAgent::Shutdown(_) => agent.tasks.clear(),
            _ => {}
        }
    }

    fn at_framework(&mut self, conn: ConnId, event: Event) {
        let Some(own) = self.frameworks.iter_mut().find(|own| own.conn == Some(conn)) else { return };
        match event {
            Event::Subscribed { framework_id, .. } => own.info.id = Some(framework_id),
            Event::Offers(offers) => own.offers.extend(offers),
            Event::Rescind(id) => own.offers.retain(|offer| offer.id != id),
            Event::Update(status) => {
                if let (Some(agent_id), Some(uuid)) = (status.agent_id.clone(), status.uuid) {
                    own.unacknowledged.push((status.task_id.clone(), agent_id, uuid));
                }
            }
            _ => {}
        }
    }

    fn say(&mut self, conn: ConnId, call: Call) {
        let seq = self.said.entry(conn).or_default().next();
        self.feed(Input::Scheduler { conn, seq, call });
    }

    fn report(&mut self, conn: ConnId, message: ToMaster) {
        let seq = self.said.entry(conn).or_default().next();
        self.feed(Input::Agent { conn, seq, message });
    }

    fn pick(&mut self, count: usize) -> Option<usize> {
        (count > 0).then(|| usize::try_from(self.dice.below(count as u64)).unwrap())
    }

    fn step(&mut self) {
        match self.dice.below(16) {
            0 => self.agent_comes(),
            1 => self.framework_comes(),
            2..=4 => self.accept(),
            5..=7 => self.update(),
            8 | 9 => self.acknowledge(),
            10 => self.agent_leaves_or_returns(),
            11 => self.framework_leaves_or_returns(),
            12 => self.operate(),
            13 if self.may_listen => self.listen_or_not(),
            _ => self.wait(),
        }
        self.walk_on();
        self.compare();
    }

    fn agent_comes(&mut self) {
        if self.agents.len() >= 5 {
            return;
        }
        let number = self.name();
        let info = Arc::new(AgentInfo::new(format!("host-{number}"), "cpus:4;mem:4096".parse().unwrap()));
        let conn = ConnId(number);
        self.agents.push(Agent { conn: Some(conn), info: info.clone(), id: None, tasks: BTreeMap::new() });
        self.report(conn, ToMaster::Register { total: info.resources.clone(), info });
    }

    fn framework_comes(&mut self) {
        if self.frameworks.len() >= 4 {
            return;
        }
        let number = self.name();
        let mut info = FrameworkInfo::new(format!("f-{number}"), Role::new("web").unwrap());
        info.checkpoint = self.dice.below(2) == 0;
        info.failover_timeout = Duration::from_secs(100 * self.dice.below(2));
        if self.dice.below(2) == 0 {
            info.capabilities.remove(&FrameworkCapability::PartitionAware);
        }
        let conn = ConnId(number);
        self.frameworks.push(Framework {
            conn: Some(conn),
            info: info.clone(),
            offers: Vec::new(),
            unacknowledged: Vec::new(),
        });
        self.subscribe(conn, info);
    }

    fn subscribe(&mut self, conn: ConnId, info: FrameworkInfo) {
        let (info, suppressed, constraints) = (Box::new(info), BTreeSet::new(), Arc::default());
        self.say(conn, Call::Subscribe { info, suppressed, constraints });
    }

    fn accept(&mut self) {
        let Some(place) = self.pick(self.frameworks.len()) else { return };
        let own = &mut self.frameworks[place];
        let (Some(conn), Some(offer)) = (own.conn, own.offers.pop()) else { return };
        let mut tasks = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let id = TaskId::new(format!("t-{}", self.name())).unwrap();
            let resources = "cpus:1;mem:16".parse().unwrap();
            tasks.push(Arc::new(TaskInfo::shell(id, offer.agent_id.clone(), resources, "true")));
        }
        let (offers, operations, filters) = (vec![offer.id], vec![Operation::Launch(tasks)], Filters::default());
        self.say(conn, Call::Accept { offers, operations, filters });
    }

    fn update(&mut self) {
        let Some(place) = self.pick(self.agents.len()) else { return };
        let Some(task) = self.pick(self.agents[place].tasks.len()) else { return };
        let uuid = UpdateId(self.name().into());
        let states = [TaskState::Running, TaskState::Running, TaskState::Finished, TaskState::Failed];
        let state = states[usize::try_from(self.dice.below(4)).unwrap()];
        let agent = &mut self.agents[place];
        let Some(conn) = agent.conn else { return };
        let Some((report, _)) = agent.tasks.values_mut().nth(task) else { return };
        report.state = state;
        report.told = Some(state);
        let framework_id = report.framework_id.clone();
        let mut status = TaskStatus::new(report.info.id.clone(), state, Source::Executor, self.now.wall);
        status.uuid = Some(uuid);
        status.agent_id.clone_from(&agent.id);
        if state.is_terminal() {
            let id = report.info.id.clone();
            agent.tasks.remove(&id);
        }
        self.report(conn, ToMaster::Update { framework_id, status: status.into(), latest: state });
    }

    fn acknowledge(&mut self) {
        let Some(place) = self.pick(self.frameworks.len()) else { return };
        let own = &mut self.frameworks[place];
        let (Some(conn), Some((task_id, agent_id, uuid))) = (own.conn, own.unacknowledged.pop()) else { return };
        self.say(conn, Call::Acknowledge { task_id, agent_id, uuid });
    }

    fn agent_leaves_or_returns(&mut self) {
        let Some(place) = self.pick(self.agents.len()) else { return };
        if let Some(conn) = self.agents[place].conn.take() {
            return self.feed(Input::Disconnected { conn });
        }
        let conn = ConnId(self.name());
        let agent = &mut self.agents[place];
        let Some(agent_id) = agent.id.clone() else { return };
        agent.conn = Some(conn);
        let frameworks = agent.tasks.values().map(|(task, info)| (task.framework_id.clone(), info.clone()));
        let report = Reregistration {
            agent_id,
            info: agent.info.clone(),
            total: agent.info.resources.clone(),
            frameworks: frameworks.collect(),
            tasks: agent.tasks.values().map(|(task, _)| task.clone()).collect(),
            executors: Vec::new(),
            operations: Vec::new(),
        };
        self.report(conn, ToMaster::Reregister(Box::new(report)));
    }

    fn framework_leaves_or_returns(&mut self) {
        let Some(place) = self.pick(self.frameworks.len()) else { return };
        let conn = self.frameworks[place].conn.take();
        self.frameworks[place].offers.clear();
        match conn {
            Some(conn) if self.dice.below(3) == 0 => {
                self.say(conn, Call::Teardown);
                self.frameworks.remove(place);
            }
            Some(conn) => self.feed(Input::Disconnected { conn }),
            None => {
                let (conn, own) = (ConnId(self.name()), &mut self.frameworks[place]);
                own.conn = Some(conn);
                let info = own.info.clone();
                self.subscribe(conn, info);
            }
        }
    }

    fn operate(&mut self) {
        let Some(place) = self.pick(self.agents.len()) else { return };
        let Some(agent_id) = self.agents[place].id.clone() else { return };
        let call = match self.dice.below(4) {
            0 => operator::Call::DrainAgent { agent_id, max_grace: None, mark_gone: false },
            1 => operator::Call::ReactivateAgent(agent_id),
            2 => operator::Call::DeactivateAgent(agent_id),
            _ => {
                self.agents.remove(place);
                operator::Call::MarkAgentGone(agent_id)
            }
        };
        self.feed(Input::Operator { reply: ReplyTo(self.named), call });
    }

    fn listen_or_not(&mut self) {
        self.listens = !self.listens;
        let input = if self.listens { Input::PublishAll } else { Input::PublishNothing };
        if !self.listens {
            self.woken.book.clear();
            self.woken.is_complete = false;
        }
        let before = self.woken.master.counters().published;
        let effects = self.woken.step(self.now, Some(input));
        assert!(effects.is_empty(), "{effects:?}");
        assert_eq!(self.woken.master.counters().published > before, self.listens);
    }

    /// Time goes by, and nobody answers pings.
    fn wait(&mut self) {
        let by = Duration::from_millis(self.dice.below(30_000));
        let end = Now { mono: self.now.mono + by, wall: self.now.wall + by };
        for _ in 0..100 {
            let due = self.kept.master.deadline().filter(|due| *due <= end.mono);
            let Some(due) = due else { break };
            self.now.wall = self.now.wall + due.since(self.now.mono);
            self.now.mono = self.now.mono.max(due);
            self.tick();
        }
        self.now = end;
    }

    /// Somewhat more of what there is is told, if that is asked for.
    fn walk_on(&mut self) {
        if self.listens && !self.woken.is_complete && self.dice.below(2) == 0 {
            assert!(self.woken.master.deadline().is_some_and(|due| due <= self.now.mono), "it goes on by itself");
            self.tick();
        }
    }

    fn compare(&mut self) {
        if !self.woken.is_complete {
            return;
        }
        let (kept, woken) = (self.kept.book.snapshot(), self.woken.book.snapshot());
        assert_eq!(format!("{woken:#?}"), format!("{kept:#?}"));
        self.compared += 1;
    }
}

#[test]
fn a_picture_that_was_begun_anew_is_the_one_that_was_kept() {
    let (mut compared, mut ended, mut removed, mut unreachable) = (0, 0, 0, 0);
    for seed in 0..60 {
        let mut life = Life::begin(seed, true);
        for _ in 0..400 {
            life.step();
        }
        let snapshot = life.kept.book.snapshot();
        compared += life.compared;
        removed += snapshot.completed.len();
        ended += snapshot.totals.ended.iter().sum::<u64>();
        unreachable += snapshot.frameworks.iter().map(|own| own.unreachable.len()).sum::<usize>();
    }
    // What never happens is not compared.
    assert!(
        compared > 2_000 && ended > 500 && removed > 20 && unreachable > 2,
        "{compared} {ended} {removed} {unreachable}"
    );
}

/// Whoever does not listen is told nothing, however much happens.
#[test]
fn a_master_nobody_listens_to_publishes_nothing() {
    let mut life = Life::begin(1, false);
    for _ in 0..400 {
        life.step();
    }
    let published = |told: &Told| told.master.counters().published;
    assert_eq!(published(&life.woken), 0);
    assert!(published(&life.kept) > 100, "{}", published(&life.kept));
}
