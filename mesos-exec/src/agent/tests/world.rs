//! A world of one agent, for tests: a disk, containers and a master that do what the test says, and a log of what the agent
//! asked for, one line an effect.
//!
//! Written against the public interface alone; the crate's laws use the same file.

#![allow(dead_code, reason = "two test targets share this file and each uses a part")]
#![allow(unreachable_patterns, reason = "the enums are open outside of their crate, where this file is used too")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::agent::{RunGroup, RunTask, ToAgent, ToMaster};
use mesos_core::call::executor::{Call, Event, Said, Subscription, TaskUpdate};
use mesos_core::call::operator::ReplyTo;
use mesos_core::call::{CloseReason, ConnId, Leader};
use mesos_core::kernel::{Change, Cx, Draft, Machine, Record, Rng, Seq, Term, Ticket};
use mesos_core::provider::StoreError;
use mesos_core::{
    AgentId, AgentInfo, CommandInfo, ContainerId, ContainerLimits, Executor, ExecutorCx, ExecutorId, ExecutorInfo,
    Exit, FrameworkId, FrameworkInfo, Instant, KillPolicy, MasterId, Now, Resources, Role, TaskId, TaskInfo, TaskRun,
    TaskState, TaskStatus, UpdateId,
};

use super::agent::{
    Agent, Answer as AgentAnswer, ContainerAsk, ContainerOp, ContainerOutcome, Effect, ExecutorFactory, Input, Nest,
    Options, Speaker, WAITS_PER_CONTAINER_MAX,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) struct World {
    pub(crate) agent: Agent,
    rng: Rng,
    pub(crate) now: Now,
    /// What is durable.
    pub(crate) disk: BTreeMap<Arc<str>, Record>,
    /// Every batch that was asked for, in order.
    pub(crate) batches: Vec<Vec<Change>>,
    writes: VecDeque<(Ticket, Vec<Change>)>,
    /// Writes wait for [`World::flush`].
    pub(crate) is_disk_slow: bool,
    /// Containers by the part of their names that people read.
    pub(crate) containers: BTreeMap<String, Tickets>,
    recover: Option<Ticket>,
    known: BTreeSet<ContainerId>,
    conns: u64,
    seq: u64,
    /// The agent has asked for a connection.
    pub(crate) is_connecting: bool,
    pub(crate) log: Vec<String>,
    /// Updates as the master got them.
    pub(crate) updates: Vec<(FrameworkId, TaskStatus)>,
    pub(crate) spec: Option<mesos_core::ContainerSpec>,
}

/// What a container operation can come to.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Launched,
    LaunchFailed,
    Exited(Exit),
    Destroyed,
}

/// What waits for an answer about one container.
pub(crate) struct Tickets {
    pub(crate) id: ContainerId,
    launch: Option<Ticket>,
    wait: Option<Ticket>,
    destroy: Option<Ticket>,
}

pub(crate) fn framework_id() -> FrameworkId {
    FrameworkId::new("f1").unwrap()
}

pub(crate) fn agent_id() -> AgentId {
    AgentId::new("a1").unwrap()
}

pub(crate) fn task_id(name: &str) -> TaskId {
    TaskId::new(name).unwrap()
}

pub(crate) fn framework() -> FrameworkInfo {
    FrameworkInfo::new("web", Role::new("web").unwrap())
}

pub(crate) fn command(name: &str) -> TaskInfo {
    TaskInfo::shell(task_id(name), agent_id(), Resources::new(), "true")
}

/// A task of the executor `e1`, which is a [`Puppet`].
pub(crate) fn puppet(name: &str) -> TaskInfo {
    let info = ExecutorInfo::new(ExecutorId::new("e1").unwrap(), "puppet", Resources::new());
    TaskInfo::new(task_id(name), agent_id(), Resources::new(), TaskRun::Executor(Arc::new(info)))
}

/// A task of the executor `e1`, which is a program.
pub(crate) fn custom(name: &str) -> TaskInfo {
    TaskInfo::new(task_id(name), agent_id(), Resources::new(), TaskRun::Executor(Arc::new(program())))
}

/// An executor that is a program.
pub(crate) fn program() -> ExecutorInfo {
    let command = CommandInfo::shell("./executor").env("MESOS_EXECUTOR_ID", "forged");
    ExecutorInfo::custom(ExecutorId::new("e1").unwrap(), command, Resources::new())
}

/// A group of tasks of the executor `e1`, which is a program.
pub(crate) fn custom_group(names: &[&str]) -> ToAgent {
    let tasks = names.iter().map(|name| command(name));
    ToAgent::RunGroup(Box::new(RunGroup {
        framework_id: framework_id(),
        framework: Arc::new(framework()),
        role: Role::new("web").unwrap(),
        tasks: TaskInfo::group(program(), tasks),
        may_start_executor: true,
    }))
}

/// An update that its executor named.
pub(crate) fn named(name: &str, state: TaskState, uuid: u128) -> TaskUpdate {
    let mut update = TaskUpdate::new(task_id(name), state);
    update.uuid = Some(UpdateId(uuid));
    update
}

/// Whoever speaks for the executor `e1`.
pub(crate) fn speaker() -> Speaker {
    Speaker { framework_id: framework_id(), executor_id: ExecutorId::new("e1").unwrap(), container_id: None }
}

/// Settings of an agent that executors can reach.
#[allow(clippy::field_reassign_with_default, reason = "outside of the crate there is no other way")]
pub(crate) fn reachable() -> Options {
    let mut options = Options::default();
    options.endpoint = Some("10.0.0.7:5051".into());
    options
}

pub(crate) fn run_of(framework: &FrameworkInfo, task: TaskInfo) -> ToAgent {
    ToAgent::Run(Box::new(RunTask {
        framework_id: framework_id(),
        framework: Arc::new(framework.clone()),
        role: Role::new("web").unwrap(),
        task: Arc::new(task),
        may_start_executor: true,
    }))
}

impl World {
    /// An agent with what an earlier one left on the disk, told so.
    pub(crate) fn started(options: Options, disk: BTreeMap<Arc<str>, Record>) -> Self {
        let factory = ExecutorFactory::new().with("puppet", |_| Box::<Puppet>::default());
        let records = disk.values().cloned().collect();
        let mut world = Self {
            agent: Agent::new(AgentInfo::new("host1", Resources::new()), options, factory),
            // An agent that comes back does not draw the numbers of its first life again.
            rng: Rng::new(if disk.is_empty() { 7 } else { 8 }),
            now: Now::default(),
            disk,
            batches: Vec::new(),
            writes: VecDeque::new(),
            is_disk_slow: false,
            containers: BTreeMap::new(),
            recover: None,
            known: BTreeSet::new(),
            conns: 0,
            seq: 0,
            is_connecting: false,
            log: Vec::new(),
            updates: Vec::new(),
            spec: None,
        };
        world.input(Input::Recovered { records });
        world
    }

    /// A new agent that has found out that nothing runs.
    pub(crate) fn fresh(options: Options) -> Self {
        let mut world = Self::started(options, BTreeMap::new());
        world.survive(&[]);
        world
    }

    /// A new agent that the master knows as `a1`.
    pub(crate) fn registered() -> Self {
        Self::registered_with(Options::default())
    }

    pub(crate) fn registered_with(options: Options) -> Self {
        let mut world = Self::fresh(options);
        world.connect();
        world.say(ToAgent::Registered { agent_id: agent_id(), ping_timeout: 75 * SECOND });
        world.log.clear();
        world
    }

    /// The agent crashes; another one finds what is durable.
    pub(crate) fn restart(&mut self) {
        self.restart_with(Options::default());
    }

    pub(crate) fn restart_with(&mut self, options: Options) {
        let conns = self.conns;
        let mut next = Self::started(options, std::mem::take(&mut self.disk));
        next.rng = Rng::new(self.rng.bits());
        next.conns = conns;
        next.now = self.now;
        *self = next;
    }

    /// The containers of these names survived.
    pub(crate) fn survive(&mut self, names: &[&str]) {
        let survivors = self.known.iter().filter(|id| names.contains(&short(id))).cloned().collect();
        let ticket = self.recover.take().expect("the agent asked what survived");
        self.input(Input::Container { ticket, outcome: ContainerOutcome::Recovered(survivors) });
    }

    /// A leader is found and the connection to it stands.
    pub(crate) fn connect(&mut self) {
        self.lead(1);
        self.wake();
        self.connected();
    }

    pub(crate) fn lead(&mut self, term: u64) {
        let id = MasterId::new(format!("m{term}")).unwrap();
        let leader = Some(Leader { id, address: "m:5050".into(), term: Term(term) });
        self.input(Input::LeaderChanged { leader });
    }

    pub(crate) fn connected(&mut self) {
        self.conns += 1;
        self.seq = 0;
        self.is_connecting = false;
        self.input(Input::Connected { conn: ConnId(self.conns) });
    }

    pub(crate) fn disconnect(&mut self) {
        self.input(Input::Disconnected { conn: Some(ConnId(self.conns)) });
    }

    /// The connection breaks, a new one stands, and the master has written the agent down again.
    pub(crate) fn come_back(&mut self) {
        self.disconnect();
        // Other things may be due first.
        while !self.is_connecting {
            self.wake();
        }
        self.connected();
        self.reregistered(&[]);
    }

    pub(crate) fn reregistered(&mut self, missing: &[&str]) {
        let missing = missing.iter().map(|name| (framework_id(), task_id(name))).collect();
        self.say(ToAgent::Reregistered { agent_id: agent_id(), ping_timeout: 75 * SECOND, missing });
    }

    /// The master says something.
    pub(crate) fn say(&mut self, message: ToAgent) {
        let seq = Seq(self.seq);
        self.seq += 1;
        self.say_as(seq, message);
    }

    pub(crate) fn say_as(&mut self, seq: Seq, message: ToAgent) {
        self.input(Input::Received { conn: ConnId(self.conns), seq, message });
    }

    pub(crate) fn run(&mut self, task: TaskInfo) {
        self.say(run_of(&framework(), task));
    }

    pub(crate) fn kill(&mut self, name: &str) {
        self.kill_within(name, None);
    }

    pub(crate) fn kill_within(&mut self, name: &str, grace: Option<Duration>) {
        let policy = grace.map(|grace| KillPolicy { grace: Some(grace) });
        self.say(ToAgent::Kill { framework_id: framework_id(), task_id: task_id(name), policy });
    }

    /// Acknowledges the update of this task that was sent last.
    pub(crate) fn ack(&mut self, name: &str) {
        let last = self.updates.iter().rev().find(|(_, status)| status.task_id == task_id(name));
        let (framework_id, status) = last.expect("an update was sent").clone();
        self.say(ToAgent::Acknowledge { framework_id, task_id: status.task_id, uuid: status.uuid.unwrap() });
    }

    pub(crate) fn tell(&mut self, words: &str) {
        let (framework_id, executor_id) = (framework_id(), ExecutorId::new("e1").unwrap());
        self.say(ToAgent::Message { framework_id, executor_id, data: words.as_bytes().into() });
    }

    /// The program `e1` subscribes on this connection.
    pub(crate) fn subscribe(&mut self, conn: u64, updates: Vec<TaskUpdate>, tasks: &[&str]) {
        let tasks = tasks.iter().map(|name| task_id(name)).collect();
        let subscription = Subscription { updates, tasks };
        self.input(Input::ExecutorConnected { conn: ConnId(conn), speaker: speaker(), subscription });
    }

    /// Somebody asks about the container `name` beside that of the program `e1`, or of the task of this name.
    pub(crate) fn ask_beside(&mut self, parent: &str, name: &str, ask: ContainerAsk) {
        let nest = self.beside(parent, name);
        self.input(Input::ContainerAsked { nest, ask, reply: ReplyTo(2) });
    }

    /// Somebody waits for the end of a container.
    pub(crate) fn wait_for(&mut self, nest: &Nest, reply: u64) {
        self.input(Input::ContainerAsked { nest: nest.clone(), ask: ContainerAsk::Wait, reply: ReplyTo(reply) });
    }

    /// As many wait as may, and one more is refused.
    pub(crate) fn wait_beyond_the_most(&mut self, nest: &Nest) -> u64 {
        let most = u64::try_from(WAITS_PER_CONTAINER_MAX).unwrap();
        (0..most).for_each(|reply| self.wait_for(nest, reply));
        self.expect([]);
        self.wait_for(nest, most);
        self.expect(["refused: too_many"]);
        most
    }

    pub(crate) fn beside(&self, parent: &str, name: &str) -> Nest {
        Nest { parent: Some(self.containers[parent].id.clone()), name: ContainerId::new(name).unwrap() }
    }

    /// The program `e1` says something.
    pub(crate) fn program_says(&mut self, said: Said) {
        self.input(Input::ExecutorSaid { speaker: speaker(), said, reply: ReplyTo(1) });
    }

    pub(crate) fn program_reports(&mut self, name: &str, state: TaskState, uuid: u128) {
        self.program_says(Said::Update(Box::new(named(name, state, uuid))));
    }

    pub(crate) fn launched(&mut self, name: &str) {
        self.answer(name, |tickets| tickets.launch.take(), ContainerOutcome::Launched);
    }

    pub(crate) fn launch_failed(&mut self, name: &str) {
        self.answer(name, |tickets| tickets.launch.take(), ContainerOutcome::Failed("no image".into()));
    }

    pub(crate) fn exited(&mut self, name: &str, status: i32) {
        self.answer(name, |tickets| tickets.wait.take(), ContainerOutcome::Exited(Exit::Status(status)));
    }

    pub(crate) fn wait_failed(&mut self, name: &str) {
        self.answer(name, |tickets| tickets.wait.take(), ContainerOutcome::Failed("lost".into()));
    }

    pub(crate) fn destroyed(&mut self, name: &str) {
        self.answer(name, |tickets| tickets.destroy.take(), ContainerOutcome::Done);
    }

    fn answer(&mut self, name: &str, which: impl Fn(&mut Tickets) -> Option<Ticket>, outcome: ContainerOutcome) {
        let tickets = self.containers.get_mut(name).expect("the container was asked for");
        let ticket = which(tickets).expect("an answer is waited for");
        self.input(Input::Container { ticket, outcome });
    }

    /// Answers if an answer is waited for.
    pub(crate) fn answer_if_asked(&mut self, name: &str, answer: Answer) -> bool {
        let Some(tickets) = self.containers.get_mut(name) else { return false };
        let (ticket, outcome) = match answer {
            Answer::Launched => (tickets.launch.take(), ContainerOutcome::Launched),
            Answer::LaunchFailed => (tickets.launch.take(), ContainerOutcome::Failed("no image".into())),
            Answer::Exited(exit) => (tickets.wait.take(), ContainerOutcome::Exited(exit)),
            Answer::Destroyed => (tickets.destroy.take(), ContainerOutcome::Done),
        };
        if let Some(ticket) = ticket {
            self.input(Input::Container { ticket, outcome });
        }
        ticket.is_some()
    }

    /// Everything that was known survived, or nothing.
    pub(crate) fn survive_if(&mut self, survive: bool) {
        let survivors = if survive { self.known.clone() } else { BTreeSet::new() };
        let ticket = self.recover.take().expect("the agent asked what survived");
        self.input(Input::Container { ticket, outcome: ContainerOutcome::Recovered(survivors) });
    }

    /// Goes to the next deadline, if there is one.
    pub(crate) fn wake_if_due(&mut self) {
        if let Some(due) = self.agent.deadline() {
            self.wake_at(due);
        }
    }

    /// All writes become durable.
    pub(crate) fn flush(&mut self) {
        while let Some((ticket, changes)) = self.writes.pop_front() {
            self.apply(changes);
            self.input(Input::Checkpointed { ticket, result: Ok(()) });
        }
    }

    /// The first write fails.
    pub(crate) fn fail_write(&mut self) {
        let (ticket, _) = self.writes.pop_front().expect("something is written");
        self.input(Input::Checkpointed { ticket, result: Err(StoreError::Unknown("disk full".into())) });
    }

    fn apply(&mut self, changes: Vec<Change>) {
        apply(&mut self.disk, changes);
    }

    /// Goes to the next deadline.
    pub(crate) fn wake(&mut self) -> Duration {
        let due = self.agent.deadline().expect("something is due");
        self.wake_at(due)
    }

    fn wake_at(&mut self, due: Instant) -> Duration {
        let waited = due - self.now.mono;
        self.now.wall = self.now.wall + waited;
        self.now.mono = due.max(self.now.mono);
        let mut out = Vec::new();
        self.agent.tick(&mut Cx::new(self.now, &mut self.rng, &mut out));
        self.perform(out);
        waited
    }

    /// Lets time pass, with whatever is due meanwhile.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now.mono + time;
        while let Some(due) = self.agent.deadline().filter(|due| *due <= until) {
            self.wake_at(due);
        }
        self.now.wall = self.now.wall + until.since(self.now.mono);
        self.now.mono = until;
    }

    pub(crate) fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.agent.handle(&mut Cx::new(self.now, &mut self.rng, &mut out), input);
        self.perform(out);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Some(line) = self.note(effect) {
                self.log.push(line);
            }
        }
        if !self.is_disk_slow {
            self.flush();
        }
    }

    fn note(&mut self, effect: Effect) -> Option<String> {
        match effect {
            Effect::Connect { leader } => {
                self.is_connecting = true;
                Some(format!("connect {}", leader.id))
            }
            Effect::Send { conn, message, .. } => {
                assert_eq!(conn, ConnId(self.conns), "the agent spoke on a connection that is over");
                Some(self.hear(message))
            }
            Effect::Close { why, .. } => Some(format!("close: {why}")),
            Effect::Container { ticket, op } => Some(self.operate(ticket, op)),
            Effect::Checkpoint { ticket, changes } => {
                let changes = Draft::write_out_all(&changes);
                let keys: Vec<_> = changes.iter().map(key).collect();
                self.batches.push(changes.clone());
                self.writes.push_back((ticket, changes));
                self.is_disk_slow.then(|| format!("write {}", keys.join(" ")))
            }
            Effect::Stop { why } => Some(format!("stop: {why}")),
            Effect::LookAtDisk => Some("look at the disk".into()),
            Effect::RemoveSandboxes { containers } => {
                Some(format!("remove {}", containers.iter().map(short).collect::<Vec<_>>().join(" ")))
            }
            Effect::ToExecutor { conn, event } => Some(format!("{conn} {}", told(&event))),
            Effect::CloseExecutor { conn, why } => Some(format!("{conn} close: {}", closed(&why))),
            Effect::Reply { result, .. } => {
                Some(result.map_or_else(|refused| format!("refused: {}", refused.code), |answer| answered(&answer)))
            }
            _ => None,
        }
    }

    fn hear(&mut self, message: ToMaster) -> String {
        match message {
            ToMaster::Reregister(all) => {
                let tasks = all.tasks.iter().map(|task| match task.told {
                    Some(told) => format!(" {}={} told {told}", task.info.id, task.state),
                    None => format!(" {}={}", task.info.id, task.state),
                });
                let executors = all.executors.iter().map(|executor| format!(" {}", executor.info.id));
                format!("reregister{}{}", tasks.collect::<String>(), executors.collect::<String>())
            }
            ToMaster::Update { framework_id, status, latest } => {
                let mut line = format!("update {} {}", status.task_id, status.state);
                if let Some(reason) = status.reason {
                    line.push_str(&format!(" {reason:?}"));
                }
                if latest != status.state {
                    line.push_str(&format!(" latest {latest}"));
                }
                self.updates.push((framework_id, (*status).clone()));
                line
            }
            ToMaster::ExecutorExited { executor_id, .. } => format!("executor exited {executor_id}"),
            ToMaster::Message { data, .. } => format!("message {}", String::from_utf8_lossy(&data)),
            other => other.name().to_lowercase(),
        }
    }

    fn operate(&mut self, ticket: Ticket, op: ContainerOp) -> String {
        match op {
            ContainerOp::Recover(known) => {
                let line = format!("recover {}", known.iter().map(short).collect::<Vec<_>>().join(" "));
                (self.recover, self.known) = (Some(ticket), known);
                line.trim_end().into()
            }
            ContainerOp::Launch(spec) => {
                self.at(&spec.id).launch = Some(ticket);
                let line = format!("launch {}", short(&spec.id));
                self.spec = Some(*spec);
                line
            }
            ContainerOp::Wait(id) => {
                self.at(&id).wait = Some(ticket);
                format!("wait {}", short(&id))
            }
            ContainerOp::Signal(id, signal) => format!("signal {} {signal:?}", short(&id)),
            ContainerOp::Destroy(id) => {
                self.at(&id).destroy = Some(ticket);
                format!("destroy {}", short(&id))
            }
            other => format!("{other:?}"),
        }
    }

    fn at(&mut self, id: &ContainerId) -> &mut Tickets {
        let fresh = || Tickets { id: id.clone(), launch: None, wait: None, destroy: None };
        let tickets = self.containers.entry(short(id).into()).or_insert_with(fresh);
        tickets.id = id.clone();
        tickets
    }

    /// What the agent asked for since the last time.
    pub(crate) fn expect<const N: usize>(&mut self, lines: [&str; N]) {
        assert_eq!(std::mem::take(&mut self.log), lines);
    }

    pub(crate) fn keys(&self) -> Vec<&str> {
        self.disk.keys().map(AsRef::as_ref).collect()
    }

    pub(crate) fn state(&self, name: &str) -> Option<TaskState> {
        self.agent.tasks().find(|task| task.task_id.as_str() == name).map(|task| task.state)
    }
}

pub(crate) fn apply(disk: &mut BTreeMap<Arc<str>, Record>, changes: Vec<Change>) {
    for change in changes {
        match change {
            Change::Put(record) => drop(disk.insert(record.key.clone(), record)),
            Change::Delete(key) => drop(disk.remove(&key)),
        }
    }
}

fn told(event: &Event) -> String {
    match event {
        Event::Launch(task) => format!("LAUNCH {}", task.id),
        Event::LaunchGroup(tasks) => {
            format!("LAUNCH_GROUP {}", tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>().join(" "))
        }
        Event::Kill { task_id, policy } => format!("KILL {task_id} {:?}", policy.grace.unwrap_or_default()),
        Event::Acknowledged { task_id, uuid } => format!("ACKNOWLEDGED {task_id} {:x}", uuid.0),
        Event::Message(data) => format!("MESSAGE {}", String::from_utf8_lossy(data)),
        Event::Shutdown { grace } => format!("SHUTDOWN {grace:?}"),
        other => other.name().into(),
    }
}

fn answered(answer: &AgentAnswer) -> String {
    match answer {
        AgentAnswer::Done => "taken".into(),
        AgentAnswer::Already => "already".into(),
        AgentAnswer::Ended(exit) => format!("ended: {exit}"),
        other => format!("{other:?}"),
    }
}

fn closed(why: &CloseReason) -> String {
    match why {
        CloseReason::Refused(rejection) => format!("refused: {}", rejection.code),
        other => other.to_string(),
    }
}

fn key(change: &Change) -> String {
    let sign = if matches!(change, Change::Put(_)) { '+' } else { '-' };
    let key = change.key().split('.').next().unwrap_or_default();
    format!("{sign}{key}")
}

/// The part of a container's name that people read: before the random part, and behind it for one beside another.
fn short(id: &ContainerId) -> &str {
    match *id.as_str().splitn(3, '.').collect::<Vec<_>>() {
        [name, _] | [name] => name,
        [_, _, name] => name,
        _ => "",
    }
}

/// An executor that does what messages say: `say <task> <STATE>`, `contain <name> <task>`, `destroy <name>`, `exit`. It
/// tells what happens to it in messages, too, and ignores kills and shutdowns.
#[derive(Debug, Default)]
pub(crate) struct Puppet;

impl Puppet {
    fn shout(cx: &mut ExecutorCx<'_>, words: String) {
        cx.emit(Call::Message(words.into_bytes().into()));
    }
}

impl Executor for Puppet {
    fn launch(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        for task in tasks {
            Self::shout(cx, format!("got {}", task.id));
        }
    }

    fn kill(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, policy: KillPolicy) {
        Self::shout(cx, format!("kill {task} {:?}", policy.grace.unwrap_or_default()));
    }

    fn launched(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId) {
        Self::shout(cx, format!("launched {container}"));
    }

    fn exited(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId, exit: Result<Exit, Arc<str>>) {
        let how = exit.map_or_else(|problem| problem.to_string(), |exit| exit.to_string());
        Self::shout(cx, format!("exited {container}: {how}"));
    }

    fn shutdown(&mut self, cx: &mut ExecutorCx<'_>, grace: Duration) {
        Self::shout(cx, format!("shutdown {grace:?}"));
    }

    fn recovered(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<(Arc<TaskInfo>, TaskState)>, running: &[ContainerId]) {
        let tasks: String = tasks.iter().map(|(task, state)| format!(" {}={state}", task.id)).collect();
        let running: String = running.iter().map(|name| format!(" {name}")).collect();
        // Nobody is registered yet, so a message would be lost; a task's news is not.
        for name in tasks.split_whitespace() {
            let (task, _) = name.split_once('=').unwrap();
            cx.report_saying(&task_id(task), TaskState::Running, format!("recovered{tasks} with{running}"));
        }
    }

    fn acknowledged(&mut self, _cx: &mut ExecutorCx<'_>, _task: &TaskId) {}

    fn message(&mut self, cx: &mut ExecutorCx<'_>, data: &[u8]) {
        let text = String::from_utf8_lossy(data);
        match *text.split(' ').collect::<Vec<_>>() {
            ["say", task, state] => {
                let state = serde_json::from_str(&format!("\"{state}\"")).unwrap();
                cx.emit(Call::Update(TaskUpdate::new(task_id(task), state)));
            }
            ["contain", name, task] => cx.emit(Call::Launch {
                container: ContainerId::new(name).unwrap(),
                task_id: task_id(task),
                command: CommandInfo::shell("true"),
                resources: Resources::new(),
                limits: ContainerLimits::default(),
            }),
            ["destroy", name] => cx.emit(Call::Destroy { container: ContainerId::new(name).unwrap() }),
            _ => cx.emit(Call::Exit),
        }
    }
}
