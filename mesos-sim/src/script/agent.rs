//! Sessions with an agent: the script plays the master, the containers and the disk.
//!
//! | Command | Meaning |
//! |---|---|
//! | `agent HOST RESOURCES` | makes the agent; first of all |
//! | `recovered`, `restart` | hands it what its disk holds; another process over the same disk |
//! | `leader m1 [term=1]`, `leader none` | what the detector finds |
//! | `connected`, `unreachable`, `disconnected` | the connection asked for; none; its end |
//! | `registered ID`, `reregistered ID missing=F/T`, `set-total RES`, .. | the master |
//! | `run F ROLE T RES [may_start=false]`, `kill F T`, `ack F T u1`, .. | the master |
//! | `run-group F ROLE EXECUTOR T RES T RES ..` | the master |
//! | `apply F OPERATION #7 RES TOTAL`, `ack-operation F #7` | the master |
//! | `lose`, `repeat` | the master's next message is lost; its last number comes again |
//! | `mute` | no pings any more; until then they come by themselves |
//! | `recover c1,c2`, `launch c1 ok`, `wait c1 0`, `wait c1 signal:9` | answers of the containerizer |
//! | `destroy c1 ok`, `.. failed:TEXT` | answers of the containerizer |
//! | `probe p1 http:200`, `probe p1 tcp:ok`, `.. tcp:TEXT` | what a probe found: a status, somebody, nobody |
//! | `disk hold`, `disk land`, `disk fail` | by default what is written is durable at once |
//! | `disk tear RECORD` | the second half of what is durable is lost |
//! | `subscribe F E [tasks=t1,t2] [updates=t1:RUNNING:7,..]` | an executor's process connects, as `x1`, `x2`, .. |
//! | `says F E t1 RUNNING 7`, `shouts F E TEXT`, `breaks x1` | it says something; its connection breaks |
//! | `stop`, `advance 75s`, `view` | |
//!
//! Containers are named `c1`, `c2`, .. in the order they are asked for. Signals are always delivered.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::agent::{ApplyOperation, RunGroup, RunTask, ToAgent, ToMaster};
use mesos_core::call::executor::{Said, Subscription, TaskUpdate};
use mesos_core::call::operator::ReplyTo;
use mesos_core::call::{ConnId, Leader};
use mesos_core::health::Checked;
use mesos_core::kernel::{Cx, Draft, Machine, Outbound, Record, Rng, Seq, Term};
use mesos_core::{
    AgentId, AgentInfo, Exit, FrameworkId, Instant, MasterId, Now, Operation, Rejection, RejectionCode,
    TrackedOperation, UpdateId, WallTime,
};
use mesos_exec::agent::{Agent, ContainerOutcome, Effect, ExecutorFactory, Input, Options, Speaker};

use super::argument::{Arguments, list, read, resources, span, state};
use super::names::Names;
use super::store::ScriptedStore;
use super::{Command, Session, show};
use containers::Containers;

mod containers;

const PING_EVERY: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(75);

/// A session with one agent.
#[derive(Debug)]
pub struct AgentSession {
    info: AgentInfo,
    options: Options,
    agent: Agent,
    rng: Rng,
    now: Now,
    out: Vec<Effect>,
    conn: Option<ConnId>,
    next_conn: u64,
    sent: Outbound,
    heard: u64,
    ping_at: Option<Instant>,
    containers: Containers,
    disk: ScriptedStore,
    names: Names,
    lines: u64,
}

fn agent(info: &AgentInfo, options: &Options) -> Agent {
    Agent::new(info.clone(), options.clone(), ExecutorFactory::new())
}

impl Default for AgentSession {
    fn default() -> Self {
        let info = AgentInfo::new("host", mesos_core::Resources::new());
        let mut options = Options::default();
        options.endpoint = Some("host:5051".into());
        Self {
            agent: agent(&info, &options),
            info,
            options,
            rng: Rng::new(1),
            now: Now { mono: Instant::ZERO, wall: WallTime::default() },
            out: Vec::new(),
            conn: None,
            next_conn: 1,
            sent: Outbound::default(),
            heard: 0,
            ping_at: None,
            containers: Containers::default(),
            disk: ScriptedStore::default(),
            names: Names::default(),
            lines: 0,
        }
    }
}

/// An update as a script says it: `t1:RUNNING:7`.
fn update(text: &str) -> Result<TaskUpdate, String> {
    let [task, named, uuid] = *text.split(':').collect::<Vec<_>>() else {
        return Err(format!("{text:?} is not of the form task:STATE:number"));
    };
    let mut update = TaskUpdate::new(read(task)?, state(named)?);
    update.uuid = Some(UpdateId(read(uuid)?));
    Ok(update)
}

fn speaker(arguments: &mut Arguments) -> Result<Speaker, String> {
    let (framework_id, executor_id) = (arguments.next("a framework id")?, arguments.next("an executor id")?);
    Ok(Speaker { framework_id, executor_id, container_id: None })
}

impl AgentSession {
    /// A session with this defect planted.
    #[cfg(feature = "mutants")]
    #[must_use]
    pub fn with_mutant(mutant: mesos_core::kernel::Mutant) -> Self {
        let mut session = Self::default();
        session.options.mutant = Some(mutant);
        session.agent = agent(&session.info, &session.options);
        session
    }

    fn feed(&mut self, input: Input, lines: &mut Vec<String>) {
        let mut cx = Cx::new(self.now, &mut self.rng, &mut self.out);
        self.agent.handle(&mut cx, input);
        self.perform(lines);
    }

    fn tick(&mut self, lines: &mut Vec<String>) {
        let mut cx = Cx::new(self.now, &mut self.rng, &mut self.out);
        self.agent.tick(&mut cx);
        self.perform(lines);
    }

    fn perform(&mut self, lines: &mut Vec<String>) {
        let mut delivered = Vec::new();
        for effect in std::mem::take(&mut self.out) {
            match effect {
                Effect::Connect { leader } => {
                    self.drop_conn();
                    lines.push(format!("connect {} term={}", leader.id, leader.term.0));
                }
                Effect::Send { message, .. } => {
                    self.heard += 1;
                    if message != ToMaster::Pong {
                        lines.push(format!("-> master {}", show::to_master(&mut self.names, &message)));
                    }
                }
                Effect::Close { why, .. } => {
                    self.drop_conn();
                    lines.push(format!("close: {why}"));
                }
                Effect::Container { ticket, op } => {
                    let (line, answer) = self.containers.ask(ticket, op);
                    lines.push(line);
                    delivered.extend(answer);
                }
                Effect::Checkpoint { ticket, changes } => {
                    let changes = Draft::write_out_all(&changes);
                    self.containers.meet(&changes);
                    lines.push(format!("write {}", self.containers.shortened(&show::changes(&changes))));
                    self.disk.write(ticket, changes);
                }
                Effect::ToExecutor { conn, event } => {
                    lines.push(format!("-> x{} {}", conn.0, show::to_executor(&event)))
                }
                Effect::CloseExecutor { conn, why } => lines.push(format!("close x{}: {why}", conn.0)),
                Effect::Reply { result: Ok(_), .. } => {}
                Effect::Reply { result: Err(refused), .. } => lines.push(format!("refused: {refused}")),
                Effect::Stop { why } => lines.push(format!("stop: {why}")),
                other => lines.push(format!("{other:?}")),
            }
        }
        while let Some((ticket, result)) = self.disk.next_landed() {
            self.feed(Input::Checkpointed { ticket, result }, lines);
        }
        for ticket in delivered {
            self.feed(Input::Container { ticket, outcome: ContainerOutcome::Done }, lines);
        }
    }

    fn drop_conn(&mut self) {
        (self.conn, self.ping_at) = (None, None);
    }

    fn disk(&mut self, what: &str, lines: &mut Vec<String>) -> Result<(), String> {
        if let Some((ticket, result)) = self.disk.told(what)? {
            self.feed(Input::Checkpointed { ticket, result }, lines);
        }
        Ok(())
    }

    fn receive(&mut self, message: ToAgent, lines: &mut Vec<String>) -> Result<(), String> {
        let conn = self.conn.ok_or("there is no connection")?;
        let seq = self.sent.next();
        self.feed(Input::Received { conn, seq, message }, lines);
        Ok(())
    }

    fn message(&mut self, verb: &str, arguments: &mut Arguments) -> Result<ToAgent, String> {
        Ok(match verb {
            "registered" => {
                self.ping_at = Some(self.now.mono + PING_EVERY);
                ToAgent::Registered { agent_id: arguments.next("an id")?, ping_timeout: PING_TIMEOUT }
            }
            "reregistered" => {
                self.ping_at = Some(self.now.mono + PING_EVERY);
                let missing = missing(arguments.named("missing"))?;
                ToAgent::Reregistered { agent_id: arguments.next("an id")?, ping_timeout: PING_TIMEOUT, missing }
            }
            "run" => self.run(arguments)?,
            "run-group" => self.run_group(arguments)?,
            "kill" => ToAgent::Kill {
                framework_id: arguments.next("a framework id")?,
                task_id: arguments.next("a task id")?,
                policy: arguments.policy()?,
            },
            "ack" => ToAgent::Acknowledge {
                framework_id: arguments.next("a framework id")?,
                task_id: arguments.next("a task id")?,
                uuid: self.names.id(&arguments.word("an update")?)?,
            },
            "shutdown-executor" => ToAgent::ShutdownExecutor {
                framework_id: arguments.next("a framework id")?,
                executor_id: arguments.next("an executor id")?,
            },
            "shutdown-framework" => ToAgent::ShutdownFramework { framework_id: arguments.next("a framework id")? },
            "update-framework" => ToAgent::UpdateFramework {
                framework_id: arguments.next("a framework id")?,
                info: Arc::new(arguments.framework()?),
            },
            "set-total" => ToAgent::SetTotal { total: resources(&arguments.word("resources")?)? },
            "apply" => {
                let framework_id: FrameworkId = arguments.next("a framework id")?;
                let id = arguments.next("an operation id")?;
                let uuid = self.names.id(&arguments.word("its uuid")?)?;
                let converted = resources(&arguments.word("what it reserves")?)?;
                let total = resources(&arguments.word("the total")?)?;
                let operation = Operation::Reserve(converted.clone());
                let operation = Arc::new(TrackedOperation { id, uuid, operation, converted });
                let framework = Arc::new(arguments.framework()?);
                ToAgent::Apply(Box::new(ApplyOperation { framework_id, framework, operation, total }))
            }
            "ack-operation" => ToAgent::AcknowledgeOperation {
                framework_id: arguments.next("a framework id")?,
                uuid: self.names.id(&arguments.word("an operation's uuid")?)?,
            },
            "message" => ToAgent::Message {
                framework_id: arguments.next("a framework id")?,
                executor_id: arguments.next("an executor id")?,
                data: arguments.word("a text")?.into_bytes().into(),
            },
            "shutdown" => {
                let why = arguments.word("a reason")?;
                ToAgent::Shutdown(Rejection::new(RejectionCode::AgentGone, why, "start as a new agent"))
            }
            other => return Err(format!("{other:?} is no command here")),
        })
    }

    fn run(&self, arguments: &mut Arguments) -> Result<ToAgent, String> {
        let framework_id: FrameworkId = arguments.next("a framework id")?;
        let role = arguments.next("a role")?;
        let agent_id = self.agent.id().cloned().map_or_else(|| read::<AgentId>("m-S0"), Ok)?;
        let task = Arc::new(arguments.task(agent_id)?);
        let mut info = arguments.framework()?;
        info.id = Some(framework_id.clone());
        let may_start_executor = arguments.optional("may_start")?.unwrap_or(true);
        let framework = Arc::new(info);
        Ok(ToAgent::Run(Box::new(RunTask { framework_id, framework, role, task, may_start_executor })))
    }

    fn run_group(&self, arguments: &mut Arguments) -> Result<ToAgent, String> {
        let framework_id: FrameworkId = arguments.next("a framework id")?;
        let role = arguments.next("a role")?;
        let agent_id = self.agent.id().cloned().map_or_else(|| read::<AgentId>("m-S0"), Ok)?;
        let tasks = arguments.group(agent_id)?;
        let mut info = arguments.framework()?;
        info.id = Some(framework_id.clone());
        let may_start_executor = arguments.optional("may_start")?.unwrap_or(true);
        let framework = Arc::new(info);
        Ok(ToAgent::RunGroup(Box::new(RunGroup { framework_id, framework, role, tasks, may_start_executor })))
    }

    fn subscribe(&mut self, arguments: &mut Arguments, lines: &mut Vec<String>) -> Result<(), String> {
        let speaker = speaker(arguments)?;
        let tasks = arguments.named("tasks").map(|text| list(&text)).transpose()?.unwrap_or_default();
        let updates = arguments.named("updates").unwrap_or_default();
        let updates = updates.split(',').filter(|part| !part.is_empty()).map(update).collect::<Result<_, _>>()?;
        self.lines += 1;
        let (conn, subscription) = (ConnId(self.lines), Subscription { updates, tasks });
        self.feed(Input::ExecutorConnected { conn, speaker, subscription }, lines);
        Ok(())
    }

    fn hear(&mut self, verb: &str, arguments: &mut Arguments, lines: &mut Vec<String>) -> Result<(), String> {
        let speaker = speaker(arguments)?;
        let said = if verb == "shouts" {
            Said::Message(arguments.word("a text")?.into_bytes().into())
        } else {
            let words = [arguments.word("a task")?, arguments.word("a state")?, arguments.word("a number")?];
            Said::Update(Box::new(update(&words.join(":"))?))
        };
        self.feed(Input::ExecutorSaid { speaker, said, reply: ReplyTo(0) }, lines);
        Ok(())
    }

    fn follow(&mut self, arguments: &mut Arguments, lines: &mut Vec<String>) -> Result<(), String> {
        let name = arguments.word("a master, or none")?;
        let term = Term(arguments.optional("term")?.unwrap_or(1));
        let leader = match name.as_str() {
            "none" => None,
            name => Some(Leader { id: read::<MasterId>(name)?, address: name.into(), term }),
        };
        self.feed(Input::LeaderChanged { leader }, lines);
        Ok(())
    }

    fn connect(&mut self, lines: &mut Vec<String>) {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        (self.conn, self.sent, self.heard) = (Some(conn), Outbound::default(), 0);
        self.feed(Input::Connected { conn }, lines);
    }

    fn restart(&mut self) {
        self.agent = agent(&self.info, &self.options);
        self.drop_conn();
        self.disk.lose_what_is_under_way();
        self.containers.forget_questions();
    }

    fn recover(&mut self, lines: &mut Vec<String>) {
        self.feed(Input::Recovered { records: self.disk.records() }, lines);
    }

    /// The containerizer answers.
    fn answer(&mut self, what: &str, arguments: &mut Arguments, lines: &mut Vec<String>) -> Result<(), String> {
        let (ticket, outcome) = match what {
            "recover" => {
                let survivors = self.containers.ids(&arguments.next_word().unwrap_or_default())?;
                (self.containers.recovery()?, ContainerOutcome::Recovered(survivors))
            }
            "probe" => (self.containers.probe(&arguments.word("a probe")?)?, found(&arguments.word("what it found")?)?),
            what => {
                let ticket = self.containers.question(what, &arguments.word("a container")?)?;
                (ticket, outcome(what, &arguments.word("an outcome")?)?)
            }
        };
        self.feed(Input::Container { ticket, outcome }, lines);
        Ok(())
    }

    fn advance(&mut self, by: Duration, lines: &mut Vec<String>) {
        let end = self.now.mono + by;
        loop {
            let next = [self.agent.deadline(), self.ping_at].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.pass_until(at);
            let mut done = Vec::new();
            if self.ping_at == Some(at) {
                self.ping_at = Some(at + PING_EVERY);
                let received = self.heard;
                let sent = self.receive(ToAgent::Ping { received }, &mut done);
                debug_assert!(sent.is_ok(), "pings stop with their connection");
            } else {
                self.tick(&mut done);
            }
            if !done.is_empty() {
                lines.push(format!("at {}:", show::span(self.now.mono.since(Instant::ZERO))));
                lines.append(&mut done);
            }
        }
        self.pass_until(end);
    }

    fn pass_until(&mut self, at: Instant) {
        let passed = at.since(self.now.mono);
        self.now = Now { mono: self.now.mono + passed, wall: self.now.wall + passed };
    }

    fn view(&self, lines: &mut Vec<String>) {
        let id = self.agent.id().map_or("none", |id| id.as_str());
        lines.push(format!("agent {id} registered={} total={}", self.agent.is_registered(), self.agent.total()));
        lines.push(format!("unacknowledged updates: {}", self.agent.unacknowledged_updates()));
        let row = |task: mesos_exec::agent::TaskView<'_>| {
            format!("task {}/{} {} {} {}", task.framework_id, task.task_id, task.role, task.resources, task.state)
        };
        let mut rows: Vec<String> = self.agent.tasks().map(row).collect();
        rows.sort();
        lines.append(&mut rows);
        let shown = |record: &Record| format!("record {}", self.containers.shortened(&record.key));
        lines.extend(self.disk.records().iter().map(shown));
    }
}

fn missing(text: Option<String>) -> Result<Vec<(FrameworkId, mesos_core::TaskId)>, String> {
    let text = text.unwrap_or_default();
    let one = |part: &str| {
        let (framework, task) = part.split_once('/').ok_or_else(|| format!("{part:?} is not framework/task"))?;
        Ok((read(framework)?, read(task)?))
    };
    text.split(',').filter(|part| !part.is_empty()).map(one).collect()
}

fn outcome(what: &str, text: &str) -> Result<ContainerOutcome, String> {
    if let Some(problem) = text.strip_prefix("failed:") {
        return Ok(ContainerOutcome::Failed(problem.into()));
    }
    Ok(match (what, text) {
        ("launch", "ok") => ContainerOutcome::Launched,
        ("destroy", "ok") => ContainerOutcome::Done,
        ("wait", "unknown") => ContainerOutcome::Exited(Exit::Unknown),
        ("wait", text) => ContainerOutcome::Exited(match text.strip_prefix("signal:") {
            Some(signal) => Exit::Signalled(read(signal)?),
            None => Exit::Status(read(text)?),
        }),
        (_, other) => return Err(format!("{other:?} is no outcome of {what}")),
    })
}

fn found(text: &str) -> Result<ContainerOutcome, String> {
    Ok(match text.split_once(':') {
        Some(("http", status)) => ContainerOutcome::Checked(Checked::by_http(read(status)?)),
        Some(("tcp", "ok")) => ContainerOutcome::Checked(Checked::by_tcp(Ok(()))),
        Some(("tcp", problem)) => ContainerOutcome::Checked(Checked::by_tcp(Err(problem.into()))),
        Some(("failed", problem)) => ContainerOutcome::Failed(problem.into()),
        _ => return Err(format!("{text:?} is nothing a probe finds")),
    })
}

impl Session for AgentSession {
    fn command(&mut self, command: &Command, lines: &mut Vec<String>) -> Result<(), String> {
        let mut arguments = Arguments::of(command);
        match command.verb.as_str() {
            "agent" => {
                self.info = arguments.agent()?;
                self.restart();
            }
            "recovered" => self.recover(lines),
            "restart" => self.restart(),
            "leader" => self.follow(&mut arguments, lines)?,
            "connected" => self.connect(lines),
            "unreachable" => self.feed(Input::Disconnected { conn: None }, lines),
            "disconnected" => {
                let conn = Some(self.conn.ok_or("there is no connection")?);
                self.drop_conn();
                self.feed(Input::Disconnected { conn }, lines);
            }
            "lose" => drop(self.sent.next()),
            "repeat" => {
                let last = self.sent.sent().checked_sub(1).ok_or("nothing was said yet")?;
                let conn = self.conn.ok_or("there is no connection")?;
                let why = Rejection::new(RejectionCode::AgentGone, "said twice", "ignore it");
                self.feed(Input::Received { conn, seq: Seq(last), message: ToAgent::Shutdown(why) }, lines);
            }
            "mute" => self.ping_at = None,
            "disk" => match &*arguments.word("what it does")? {
                "tear" => self.disk.tear(&arguments.word("a record")?)?,
                what => self.disk(what, lines)?,
            },
            what @ ("recover" | "launch" | "wait" | "destroy" | "probe") => self.answer(what, &mut arguments, lines)?,
            "subscribe" => self.subscribe(&mut arguments, lines)?,
            verb @ ("says" | "shouts") => self.hear(verb, &mut arguments, lines)?,
            "breaks" => {
                let name = arguments.word("a connection")?;
                let conn = ConnId(read(name.strip_prefix('x').ok_or("connections are called x1, x2, ..")?)?);
                self.feed(Input::ExecutorDisconnected { conn }, lines);
            }
            "stop" => self.feed(Input::Stop, lines),
            "advance" => self.advance(span(&arguments.word("a time span")?)?, lines),
            "view" => self.view(lines),
            verb => {
                let message = self.message(verb, &mut arguments)?;
                self.receive(message, lines)?;
            }
        }
        arguments.finish()
    }
}
