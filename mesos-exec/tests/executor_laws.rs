//! Laws of an agent and an executor that is a process of its own, over a connection that breaks, with processes that die.
//!
//! * Every task that was launched is in the end told in a terminal state, once, and nothing is told of it afterwards.
//! * What the executor says of a task it says under one name, and the master hears it under that name only, however often
//!   connections break and the agent restarts.
//! * When all is quiet nothing is left: no task, no executor, no record but the agent's own.
//!
//! Both machines are the real ones; the world between them is drawn from a seed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::agent::{RunTask, ToAgent, ToMaster};
use mesos_core::call::executor::{Call, Event};
use mesos_core::call::operator::ReplyTo;
use mesos_core::call::{CloseReason, ConnId, Leader};
use mesos_core::kernel::{Change, Cx, Draft, Machine, Outbound, Record, Rng, Term, Ticket};
use mesos_core::{
    AgentId, AgentInfo, CommandInfo, ContainerId, Executor, ExecutorCx, ExecutorId, ExecutorInfo, Exit, FrameworkId,
    FrameworkInfo, Instant, KillPolicy, MasterId, Now, Purpose, Resources, Role, Source, TaskId, TaskInfo, TaskRun,
    TaskState, TaskStatus, UpdateId,
};
use mesos_exec::agent::{Agent, ContainerOp, ContainerOutcome, Effect, ExecutorFactory, Input, Options, Speaker};
use mesos_exec::driver::{self, Driver};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// Runs every task for a drawn time.
#[derive(Debug, Default)]
struct Runner {
    running: BTreeMap<TaskId, Instant>,
}

impl Executor for Runner {
    fn launch(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        for task in tasks {
            cx.report(&task.id, TaskState::Running);
            let until = cx.now.mono + cx.rng.duration(20 * SECOND);
            self.running.insert(task.id.clone(), until);
        }
    }

    fn kill(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, _: KillPolicy) {
        if self.running.remove(task).is_some() {
            cx.report(task, TaskState::Killed);
        }
    }

    fn launched(&mut self, _: &mut ExecutorCx<'_>, _: &ContainerId) {}

    fn exited(&mut self, _: &mut ExecutorCx<'_>, _: &ContainerId, _: Result<Exit, Arc<str>>) {}

    fn shutdown(&mut self, cx: &mut ExecutorCx<'_>, _: Duration) {
        for task in std::mem::take(&mut self.running).into_keys() {
            cx.report(&task, TaskState::Killed);
        }
        cx.emit(Call::Exit);
    }

    fn recovered(&mut self, _: &mut ExecutorCx<'_>, _: Vec<(Arc<TaskInfo>, TaskState)>, _: &[ContainerId]) {}

    fn deadline(&self) -> Option<Instant> {
        self.running.values().min().copied()
    }

    fn tick(&mut self, cx: &mut ExecutorCx<'_>) {
        let now = cx.now.mono;
        let done: Vec<TaskId> =
            self.running.iter().filter(|(_, until)| **until <= now).map(|(id, _)| id.clone()).collect();
        for task in done {
            self.running.remove(&task);
            cx.report(&task, TaskState::Finished);
        }
    }
}

/// The executor's process.
struct Program {
    driver: Driver,
    rng: Rng,
    container: ContainerId,
    /// What the agent said and the executor has not heard, with the subscription it was said on.
    inbound: VecDeque<(u64, Option<Event>)>,
    /// The connection of its newest subscription.
    conn: Option<(ConnId, u64)>,
}

/// What is on its way to the agent.
enum Outgoing {
    Subscribe { conn: ConnId, subscription: mesos_core::call::executor::Subscription },
    Said(mesos_core::call::executor::Said),
    Gone(ConnId),
}

/// What the master has heard of a task.
#[derive(Debug, Default)]
struct Heard {
    /// The names its executor's updates had, by state.
    names: BTreeMap<TaskState, UpdateId>,
    terminal: Option<TaskState>,
    is_over: bool,
}

struct World {
    agent: Agent,
    rng: Rng,
    dice: Rng,
    now: Now,
    disk: BTreeMap<Arc<str>, Record>,
    outbound: Outbound,
    conns: u64,
    master: Option<ConnId>,
    is_connecting: bool,
    program: Option<Program>,
    outgoing: VecDeque<Outgoing>,
    waits: BTreeMap<ContainerId, Ticket>,
    heard: BTreeMap<TaskId, Heard>,
    launched: usize,
}

fn framework_id() -> FrameworkId {
    FrameworkId::new("f1").unwrap()
}

fn agent(options: Options) -> Agent {
    Agent::new(AgentInfo::new("host", Resources::new()), options, ExecutorFactory::new())
}

fn options() -> Options {
    let mut options = Options::default();
    options.endpoint = Some("10.0.0.1:5051".into());
    options
}

fn speaker(container: ContainerId) -> Speaker {
    Speaker { framework_id: framework_id(), executor_id: ExecutorId::new("e1").unwrap(), container_id: Some(container) }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            agent: agent(options()),
            rng: Rng::new(seed),
            dice: Rng::of_node(seed, 7),
            now: Now::default(),
            disk: BTreeMap::new(),
            outbound: Outbound::default(),
            conns: 0,
            master: None,
            is_connecting: false,
            program: None,
            outgoing: VecDeque::new(),
            waits: BTreeMap::new(),
            heard: BTreeMap::new(),
            launched: 0,
        };
        world.recover();
        world
    }

    fn recover(&mut self) {
        let records = self.disk.values().cloned().collect();
        self.tell_agent(Input::Recovered { records });
        let leader = Leader { id: MasterId::new("m1").unwrap(), address: "m".into(), term: Term(1) };
        self.tell_agent(Input::LeaderChanged { leader: Some(leader) });
    }

    fn tell_agent(&mut self, input: Input) {
        let mut out = Vec::new();
        self.agent.handle(&mut Cx::new(self.now, &mut self.rng, &mut out), input);
        self.perform(out);
    }

    fn say(&mut self, message: ToAgent) {
        if let Some(conn) = self.master {
            let seq = self.outbound.next();
            self.tell_agent(Input::Received { conn, seq, message });
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Connect { .. } => self.is_connecting = true,
                Effect::Send { message, .. } => self.hear(message),
                Effect::Close { .. } => self.master = None,
                Effect::Container { ticket, op } => self.operate(ticket, op),
                Effect::Checkpoint { ticket, changes } => {
                    for change in Draft::write_out_all(&changes) {
                        match change {
                            Change::Put(record) => drop(self.disk.insert(record.key.clone(), record)),
                            Change::Delete(key) => drop(self.disk.remove(&key)),
                        }
                    }
                    self.tell_agent(Input::Checkpointed { ticket, result: Ok(()) });
                }
                Effect::ToExecutor { conn, event } => self.whisper(conn, Some(event)),
                Effect::CloseExecutor { conn, why } => self.close_line(conn, &why),
                Effect::Reply { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn whisper(&mut self, conn: ConnId, event: Option<Event>) {
        if let Some(program) = &mut self.program
            && let Some((own, attempt)) = program.conn
            && own == conn
        {
            program.inbound.push_back((attempt, event));
        }
    }

    fn close_line(&mut self, conn: ConnId, why: &CloseReason) {
        if let CloseReason::Refused(rejection) = why {
            assert_ne!(rejection.code, mesos_core::RejectionCode::NotYours, "the executor is who it says");
        }
        self.whisper(conn, None);
    }

    fn operate(&mut self, ticket: Ticket, op: ContainerOp) {
        let outcome = match op {
            ContainerOp::Recover(known) => {
                let own = self.program.as_ref().map(|program| program.container.clone());
                let survivors = own.into_iter().filter(|id| known.contains(id)).collect();
                if self.program.as_ref().is_some_and(|program| !known.contains(&program.container)) {
                    self.program = None;
                }
                Some(ContainerOutcome::Recovered(survivors))
            }
            ContainerOp::Launch(spec) => {
                assert_eq!(spec.purpose, Purpose::Executor);
                let mut options = driver::Options::default();
                options.checkpoint = true;
                self.program = Some(Program {
                    driver: Driver::new(options, Box::<Runner>::default()),
                    rng: self.dice.split(),
                    container: spec.id,
                    inbound: VecDeque::new(),
                    conn: None,
                });
                self.tell_agent(Input::Container { ticket, outcome: ContainerOutcome::Launched });
                self.tell_program(Some(driver::Input::Started));
                None
            }
            ContainerOp::Wait(id) => {
                let runs = self.program.as_ref().is_some_and(|program| program.container == id);
                self.waits.insert(id, ticket);
                if !runs {
                    let exit = Exit::Signalled(9);
                    Some(ContainerOutcome::Exited(exit))
                } else {
                    None
                }
            }
            ContainerOp::Destroy(id) => {
                self.end_program(Some(&id), Exit::Signalled(9));
                Some(ContainerOutcome::Done)
            }
            other => panic!("{other:?}"),
        };
        if let Some(outcome) = outcome {
            self.tell_agent(Input::Container { ticket, outcome });
        }
    }

    /// The process ends, if it is the one that is meant.
    fn end_program(&mut self, id: Option<&ContainerId>, exit: Exit) {
        let is_meant = self.program.as_ref().is_some_and(|program| id.is_none_or(|id| program.container == *id));
        let Some(program) = self.program.take_if(|_| is_meant) else { return };
        if let Some((conn, _)) = program.conn {
            self.outgoing.push_back(Outgoing::Gone(conn));
        }
        if let Some(ticket) = self.waits.remove(&program.container) {
            self.tell_agent(Input::Container { ticket, outcome: ContainerOutcome::Exited(exit) });
        }
    }

    /// One step of the executor's driver: an input, or a tick.
    fn tell_program(&mut self, input: Option<driver::Input>) {
        let Some(program) = &mut self.program else { return };
        let mut out = Vec::new();
        let mut cx = Cx::new(self.now, &mut program.rng, &mut out);
        match input {
            Some(input) => program.driver.handle(&mut cx, input),
            None => program.driver.tick(&mut cx),
        }
        for effect in out {
            match effect {
                driver::Effect::Subscribe { attempt, subscription, .. } => {
                    self.conns += 1;
                    let conn = ConnId(self.conns);
                    if let Some(program) = &mut self.program
                        && let Some((old, _)) = program.conn.replace((conn, attempt))
                    {
                        self.outgoing.push_back(Outgoing::Gone(old));
                    }
                    self.outgoing.push_back(Outgoing::Subscribe { conn, subscription });
                }
                driver::Effect::Say { said } => self.outgoing.push_back(Outgoing::Said(said)),
                driver::Effect::Stop { .. } => self.end_program(None, Exit::Status(0)),
                _ => {}
            }
        }
    }

    /// What was said first reaches the agent.
    fn deliver_outgoing(&mut self) {
        let Some(said) = self.outgoing.pop_front() else { return };
        match said {
            Outgoing::Subscribe { conn, subscription } => {
                let Some(program) = &self.program else { return };
                let speaker = speaker(program.container.clone());
                self.tell_agent(Input::ExecutorConnected { conn, speaker, subscription });
            }
            Outgoing::Said(said) => {
                let Some(program) = &self.program else { return };
                let speaker = speaker(program.container.clone());
                self.tell_agent(Input::ExecutorSaid { speaker, said, reply: ReplyTo(0) });
            }
            Outgoing::Gone(conn) => self.tell_agent(Input::ExecutorDisconnected { conn }),
        }
    }

    /// What the agent said first reaches the executor.
    fn deliver_inbound(&mut self) {
        let Some((attempt, event)) = self.program.as_mut().and_then(|program| program.inbound.pop_front()) else {
            return;
        };
        self.tell_program(Some(match event {
            Some(event) => driver::Input::Heard { attempt, event },
            None => driver::Input::Lost { attempt, refused: None },
        }));
    }

    /// The connection between both breaks: what was on its way is lost.
    fn break_line(&mut self) {
        self.outgoing.retain(|said| matches!(said, Outgoing::Gone(_)));
        let Some(program) = &mut self.program else { return };
        program.inbound.clear();
        if let Some((conn, attempt)) = program.conn.take() {
            self.outgoing.push_back(Outgoing::Gone(conn));
            self.tell_program(Some(driver::Input::Lost { attempt, refused: None }));
        }
    }

    /// The agent's process dies, and another one reads its disk.
    fn restart(&mut self) {
        self.break_line();
        self.outgoing.clear();
        self.waits.clear();
        self.master = None;
        self.is_connecting = false;
        self.agent = agent(options());
        self.rng = self.dice.split();
        self.recover();
    }

    fn hear(&mut self, message: ToMaster) {
        match message {
            ToMaster::Register { .. } => {
                let (agent_id, ping_timeout) = (AgentId::new("a1").unwrap(), 100_000 * SECOND);
                self.say(ToAgent::Registered { agent_id, ping_timeout });
            }
            ToMaster::Reregister(report) => {
                let known = |id: &TaskId| report.tasks.iter().any(|task| task.info.id == *id);
                let open = self.heard.iter().filter(|(id, heard)| !heard.is_over && !known(id));
                let missing = open.map(|(id, _)| (framework_id(), id.clone())).collect();
                let (agent_id, ping_timeout) = (report.agent_id, 100_000 * SECOND);
                self.say(ToAgent::Reregistered { agent_id, ping_timeout, missing });
            }
            ToMaster::Update { status, .. } => self.note((*status).clone()),
            _ => {}
        }
    }

    fn note(&mut self, status: TaskStatus) {
        let heard = self.heard.get_mut(&status.task_id).expect("only launched tasks are spoken of");
        let uuid = status.uuid.expect("an agent's updates have names");
        if status.source == Source::Executor {
            let name = *heard.names.entry(status.state).or_insert(uuid);
            assert_eq!(name, uuid, "{} was said to be {} twice", status.task_id, status.state);
        }
        if let Some(terminal) = heard.terminal {
            assert_eq!(terminal, status.state, "{} went on after its end", status.task_id);
        }
        if status.state.is_terminal() {
            heard.terminal = Some(status.state);
        }
        // Acknowledged now, or at the next repetition.
        if self.dice.chance(700_000) {
            heard.is_over |= status.state.is_terminal();
            let (framework_id, task_id) = (framework_id(), status.task_id);
            self.say(ToAgent::Acknowledge { framework_id, task_id, uuid });
        }
    }

    fn connect(&mut self) {
        if std::mem::take(&mut self.is_connecting) {
            self.conns += 1;
            let conn = ConnId(self.conns);
            self.master = Some(conn);
            self.outbound = Outbound::default();
            self.tell_agent(Input::Connected { conn });
        }
    }

    fn launch(&mut self) {
        if self.master.is_none() || !self.agent.is_registered() {
            return;
        }
        self.launched += 1;
        let id = TaskId::new(format!("t{}", self.launched)).unwrap();
        self.heard.insert(id.clone(), Heard::default());
        let info = ExecutorInfo::custom(ExecutorId::new("e1").unwrap(), CommandInfo::shell("run"), Resources::new());
        let run = TaskRun::Executor(Arc::new(info));
        let task = TaskInfo::new(id, AgentId::new("a1").unwrap(), Resources::new(), run);
        let mut framework = FrameworkInfo::new("f", Role::new("web").unwrap());
        framework.id = Some(framework_id());
        self.say(ToAgent::Run(Box::new(RunTask {
            framework_id: framework_id(),
            framework: Arc::new(framework),
            role: Role::new("web").unwrap(),
            task: Arc::new(task),
            may_start_executor: true,
        })));
    }

    fn kill_one(&mut self) {
        let open: Vec<TaskId> =
            self.heard.iter().filter(|(_, heard)| heard.terminal.is_none()).map(|(id, _)| id.clone()).collect();
        if !open.is_empty() {
            let task_id = open[self.dice.index(open.len())].clone();
            self.say(ToAgent::Kill { framework_id: framework_id(), task_id, policy: None });
        }
    }

    /// Lets time pass until the next thing is due, but no longer than this.
    fn pass(&mut self, most: Duration) {
        let end = self.now.mono + most;
        let due = [self.agent.deadline(), self.program.as_ref().and_then(|program| program.driver.deadline())];
        let at = due.into_iter().flatten().min().map_or(end, |at| at.min(end)).max(self.now.mono);
        let passed = at.since(self.now.mono);
        self.now = Now { mono: self.now.mono + passed, wall: self.now.wall + passed };
        let mut out = Vec::new();
        self.agent.tick(&mut Cx::new(self.now, &mut self.rng, &mut out));
        self.perform(out);
        self.tell_program(None);
    }

    /// One thing happens.
    fn step(&mut self) {
        match self.dice.below(100) {
            0..25 => self.deliver_outgoing(),
            25..50 => self.deliver_inbound(),
            50..65 => self.connect(),
            65..75 => self.launch(),
            75..80 => self.kill_one(),
            80..84 => self.break_line(),
            84..86 => self.restart(),
            86..87 => self.end_program(None, Exit::Status(1)),
            87..88 => {
                if let Some(conn) = self.master.take() {
                    self.tell_agent(Input::Disconnected { conn: Some(conn) });
                }
            }
            _ => {
                let most = self.dice.duration(3 * SECOND);
                self.pass(most);
            }
        }
    }

    /// Nothing bad happens any more, until nothing is left to be told.
    fn settle(&mut self) {
        for _ in 0..20_000 {
            self.connect();
            while !self.outgoing.is_empty() {
                self.deliver_outgoing();
            }
            while self.program.as_ref().is_some_and(|program| !program.inbound.is_empty()) {
                self.deliver_inbound();
            }
            let is_over = self.heard.values().all(|heard| heard.is_over) && self.agent.tasks().next().is_none();
            if is_over && self.agent.is_registered() && self.outgoing.is_empty() {
                return;
            }
            self.pass(60 * SECOND);
        }
        let open: Vec<_> = self.heard.iter().filter(|(_, heard)| !heard.is_over).collect();
        panic!("tasks that never ended: {open:?}; driver {:?}", self.program.as_ref().map(|program| &program.driver));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_task_ends_once_whatever_breaks_between_agent_and_executor(seed in any::<u64>(), steps in 50..600_usize) {
        let mut world = World::new(seed);
        for _ in 0..steps {
            world.step();
        }
        world.settle();
        world.say(ToAgent::ShutdownExecutor { framework_id: framework_id(), executor_id: "e1".parse().unwrap() });
        for _ in 0..100 {
            world.deliver_outgoing();
            world.deliver_inbound();
            world.pass(SECOND);
        }
        prop_assert_eq!(world.agent.executor_count(), 0);
        prop_assert_eq!(world.disk.keys().map(AsRef::as_ref).collect::<Vec<&str>>(), vec!["agent"]);
    }
}
