//! Sessions with a scheduler driver: the script plays the master, the framework's memory and the scheduler itself.
//!
//! | Command | Meaning |
//! |---|---|
//! | `driver NAME roles= [id=] [teardown_when_done=]` | makes the driver; first of all |
//! | `recovered` | hands it what the store holds |
//! | `leader m1 [term=1]`, `leader none` | what the detector finds |
//! | `connected`, `unreachable`, `disconnected` | the connection asked for; none; its end |
//! | `subscribed ID`, `offer O AGENT ROLE RES`, `rescind O`, `inverse-offer O AGENT start=`, `rescind-inverse O` | the master |
//! | `update T STATE #1 agent=`, `operation ID STATE #1 agent=`, `error CODE TEXT`, `failure A` | the master |
//! | `lose`, `repeat` | the master's next event is lost; its last number comes again |
//! | `mute` | no heartbeats any more; until then they come by themselves |
//! | `do launch(O T RES) kill(T) save(K V) ..` | the scheduler acts at once |
//! | `plan ..` | the same, within the next update it hears |
//! | `acks manual`, `done` | the scheduler acknowledges itself; has nothing left to do |
//! | `store hold`, `store land`, `store fail` | by default what is saved is durable at once |
//! | `stop [teardown]`, `restart`, `advance 75s`, `view` | |

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::scheduler::Event;
use mesos_core::call::{ConnId, Leader};
use mesos_core::kernel::{Cx, Draft, Machine, Outbound, Rng, Seq, Term};
use mesos_core::{
    AgentId, FrameworkInfo, Instant, InverseOffer, MasterId, Now, Offer, OfferId, OperationStatus, Rejection,
    TaskStatus, WallTime,
};
use mesos_sched::driver::{Driver, Effect, Input, Options};

use super::argument::{Arguments, keyword, read, reason, resources, source, span, state};
use super::store::ScriptedStore;
use super::{Command, Session, show};
use puppet::{Puppet, Strings};

mod puppet;

const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// A session with one driver.
#[derive(Debug)]
pub struct DriverSession {
    info: FrameworkInfo,
    options: Options,
    driver: Driver<Puppet>,
    rng: Rng,
    now: Now,
    out: Vec<Effect>,
    conn: Option<ConnId>,
    next_conn: u64,
    sent: Outbound,
    heard: u64,
    heartbeat_at: Option<Instant>,
    store: ScriptedStore,
    offers: BTreeMap<OfferId, AgentId>,
}

fn driver(info: &FrameworkInfo, options: &Options) -> Driver<Puppet> {
    Driver::new(info.clone(), Box::default(), options.clone())
}

impl Default for DriverSession {
    fn default() -> Self {
        let (info, options) = (FrameworkInfo::new("test", mesos_core::Role::any()), Options::default());
        Self {
            driver: driver(&info, &options),
            info,
            options,
            rng: Rng::new(1),
            now: Now { mono: Instant::ZERO, wall: WallTime::default() },
            out: Vec::new(),
            conn: None,
            next_conn: 1,
            sent: Outbound::default(),
            heard: 0,
            heartbeat_at: None,
            store: ScriptedStore::default(),
            offers: BTreeMap::new(),
        }
    }
}

impl DriverSession {
    /// A session with this defect planted.
    #[cfg(feature = "mutants")]
    #[must_use]
    pub fn with_mutant(mutant: mesos_core::kernel::Mutant) -> Self {
        let mut session = Self::default();
        session.options.mutant = Some(mutant);
        session.driver = driver(&session.info, &session.options);
        session
    }

    fn strings(&self) -> &RefCell<Strings> {
        self.driver.scheduler().strings()
    }

    fn feed(&mut self, input: Input, lines: &mut Vec<String>) {
        let mut cx = Cx::new(self.now, &mut self.rng, &mut self.out);
        self.driver.handle(&mut cx, input);
        self.perform(lines);
    }

    fn tick(&mut self, lines: &mut Vec<String>) {
        let mut cx = Cx::new(self.now, &mut self.rng, &mut self.out);
        self.driver.tick(&mut cx);
        self.perform(lines);
    }

    fn perform(&mut self, lines: &mut Vec<String>) {
        lines.append(&mut self.strings().borrow_mut().heard);
        for effect in std::mem::take(&mut self.out) {
            match effect {
                Effect::Connect { leader } => {
                    self.drop_conn();
                    lines.push(format!("connect {} term={}", leader.id, leader.term.0));
                }
                Effect::Send { call, .. } => {
                    self.heard += 1;
                    let line = show::call(&mut self.strings().borrow_mut().names, &call);
                    lines.push(format!("-> master {line}"));
                }
                Effect::Close { why, .. } => {
                    self.drop_conn();
                    lines.push(format!("close: {why}"));
                }
                Effect::Save { ticket, changes } => {
                    let changes = Draft::write_out_all(&changes);
                    lines.push(format!("save {}", show::changes(&changes)));
                    self.store.write(ticket, changes);
                }
                Effect::Stop { why } => lines.push(format!("stop: {why}")),
                other => lines.push(format!("{other:?}")),
            }
        }
        while let Some((ticket, result)) = self.store.next_landed() {
            self.feed(Input::Saved { ticket, result }, lines);
        }
    }

    fn drop_conn(&mut self) {
        (self.conn, self.heartbeat_at) = (None, None);
    }

    fn store(&mut self, what: &str, lines: &mut Vec<String>) -> Result<(), String> {
        if let Some((ticket, result)) = self.store.told(what)? {
            self.feed(Input::Saved { ticket, result }, lines);
        }
        Ok(())
    }

    fn receive(&mut self, event: Event, lines: &mut Vec<String>) -> Result<(), String> {
        let conn = self.conn.ok_or("there is no connection")?;
        let seq = self.sent.next();
        self.feed(Input::Received { conn, seq, event }, lines);
        Ok(())
    }

    fn event(&mut self, verb: &str, arguments: &mut Arguments) -> Result<Event, String> {
        Ok(match verb {
            "subscribed" => {
                self.heartbeat_at = Some(self.now.mono + HEARTBEAT_EVERY);
                let master_id = read("m")?;
                Event::Subscribed {
                    framework_id: arguments.next("an id")?,
                    master_id,
                    heartbeat_every: HEARTBEAT_EVERY,
                }
            }
            "offer" => {
                let offer = self.offer(arguments)?;
                self.offers.insert(offer.id.clone(), offer.agent_id.clone());
                Event::Offers(vec![offer])
            }
            "rescind" => Event::Rescind(arguments.next("an offer id")?),
            "inverse-offer" => {
                let (id, agent) = (arguments.next("an offer id")?, arguments.next("an agent id")?);
                let framework = self.driver.framework_id().cloned().ok_or("there is no framework id yet")?;
                Event::InverseOffers(vec![InverseOffer::new(id, framework, agent, arguments.unavailability()?)])
            }
            "rescind-inverse" => Event::RescindInverseOffer(arguments.next("an offer id")?),
            "update" => {
                let (task, state) = (arguments.next("a task id")?, state(&arguments.word("a state")?)?);
                let mut status = TaskStatus::new(task, state, source(arguments.named("source"))?, self.now.wall);
                if let Some(name) = arguments.next_word() {
                    status.uuid = Some(self.strings().borrow().names.id(&name)?);
                }
                status.agent_id = arguments.optional("agent")?;
                status.reason = reason(arguments.named("reason"))?;
                Event::Update(status.into())
            }
            "operation" => {
                let (id, state) = (arguments.next("an operation id")?, keyword(&arguments.word("a state")?)?);
                let mut status = OperationStatus::new(id, state);
                if let Some(name) = arguments.next_word() {
                    status.uuid = Some(self.strings().borrow().names.id(&name)?);
                }
                status.agent_id = arguments.optional("agent")?;
                Event::OperationUpdate(Box::new(status))
            }
            "error" => {
                let code = keyword(&arguments.word("a code")?)?;
                Event::Error(Rejection::new(code, arguments.word("a text")?, "do better"))
            }
            "failure" => Event::Failure {
                agent_id: arguments.next("an agent id")?,
                executor_id: arguments.optional("executor")?,
                status: arguments.optional("status")?,
            },
            "message" => Event::Message {
                executor_id: arguments.next("an executor id")?,
                agent_id: arguments.next("an agent id")?,
                data: arguments.word("a text")?.into_bytes().into(),
            },
            "heartbeat" => Event::Heartbeat { received: arguments.next("a number")? },
            other => return Err(format!("{other:?} is no command here")),
        })
    }

    fn offer(&self, arguments: &mut Arguments) -> Result<Offer, String> {
        let (id, agent_id) = (arguments.next("an offer id")?, arguments.next("an agent id")?);
        let role = arguments.next("a role")?;
        let uses = resources(&arguments.word("resources")?)?;
        let framework = self.driver.framework_id().cloned().ok_or("the framework has no id yet")?;
        let agent = Arc::new(mesos_core::AgentInfo::new("host", uses.clone()));
        Ok(Offer::new(id, framework, agent_id, role, uses, agent))
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
        self.driver = driver(&self.info, &self.options);
        self.drop_conn();
        self.store.lose_what_is_under_way();
    }

    fn recover(&mut self, lines: &mut Vec<String>) {
        self.feed(Input::Recovered { records: self.store.records() }, lines);
    }

    /// The scheduler does something now: it is called like one whose own timer is due.
    fn act(&mut self, arguments: &mut Arguments, lines: &mut Vec<String>) -> Result<(), String> {
        let actions = puppet::actions(arguments, &self.strings().borrow().names, &self.offers)?;
        self.strings().borrow_mut().due = Some(actions);
        self.tick(lines);
        Ok(())
    }

    fn advance(&mut self, by: Duration, lines: &mut Vec<String>) {
        let end = self.now.mono + by;
        loop {
            let next = [self.driver.deadline(), self.heartbeat_at].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.pass_until(at);
            let mut done = Vec::new();
            if self.heartbeat_at == Some(at) {
                self.heartbeat_at = Some(at + HEARTBEAT_EVERY);
                let received = self.heard;
                let sent = self.receive(Event::Heartbeat { received }, &mut done);
                debug_assert!(sent.is_ok(), "heartbeats stop with their connection");
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
        let id = self.driver.framework_id().map_or("none", |id| id.as_str());
        let is_subscribed = self.driver.is_subscribed();
        lines.push(format!("framework {id} subscribed={is_subscribed} stopped={}", self.driver.is_stopped()));
        let row = |(id, task): (&mesos_core::TaskId, &mesos_sched::driver::LedgerTask)| {
            let state = task.state.map_or("unheard", mesos_core::TaskState::name);
            let agent = task.agent_id.as_ref().map_or_else(String::new, |id| format!(" agent={id}"));
            format!("task {id} {state}{agent}{}", if task.kill.is_some() { " to be killed" } else { "" })
        };
        let mut rows: Vec<String> = self.driver.ledger().iter().map(row).collect();
        rows.sort();
        lines.append(&mut rows);
    }

    fn make(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let name = arguments.word("a name")?;
        self.info = arguments.framework()?;
        self.info.name = name.into();
        self.store.clear();
        self.options.teardown_when_done = arguments.optional("teardown_when_done")?.unwrap_or(true);
        self.restart();
        Ok(())
    }
}

impl Session for DriverSession {
    fn command(&mut self, command: &Command, lines: &mut Vec<String>) -> Result<(), String> {
        let mut arguments = Arguments::of(command);
        match command.verb.as_str() {
            "driver" => self.make(&mut arguments)?,
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
                let (conn, event) = (self.conn.ok_or("there is no connection")?, Event::Rescind(read("twice")?));
                self.feed(Input::Received { conn, seq: Seq(last), event }, lines);
            }
            "mute" => self.heartbeat_at = None,
            "do" => self.act(&mut arguments, lines)?,
            "plan" => {
                let actions = puppet::actions(&mut arguments, &self.strings().borrow().names, &self.offers)?;
                self.strings().borrow_mut().planned = actions;
            }
            "acks" => self.strings().borrow_mut().is_manual = arguments.word("manual or auto")? == "manual",
            "done" => {
                self.strings().borrow_mut().is_done = true;
                self.tick(lines);
            }
            "store" => self.store(&arguments.word("what it does")?, lines)?,
            "stop" => {
                let teardown = arguments.next_word().is_some_and(|word| word == "teardown");
                self.feed(Input::Stop { teardown }, lines);
            }
            "advance" => self.advance(span(&arguments.word("a time span")?)?, lines),
            "view" => self.view(lines),
            verb => {
                let event = self.event(verb, &mut arguments)?;
                self.receive(event, lines)?;
            }
        }
        arguments.finish()
    }
}
