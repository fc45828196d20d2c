//! Sessions with a master: the script plays frameworks, agents, operators and the registry's store.
//!
//! | Command | Meaning |
//! |---|---|
//! | `options offer_timeout=30s ... [shared_state=incremental or all-or-nothing]` | before anything else |
//! | `options priorities=web:2,ops:1` | so, too: roles of a higher priority come first |
//! | `elect [term=1]`, `demote`, `restart m2` | leadership; a restarted master finds the same store |
//! | `store hold`, `store land`, `store fail`, `store fence` | by default writes land at once |
//! | `store put KEY TEXT` | somebody else wrote that |
//! | `register A HOST RESOURCES`, `reregister A ID HOST RESOURCES task(..) ..` | agents; `A` is the peer's name |
//! | `update A FRAMEWORK TASK STATE #1 latest=`, `exited`, `unregister` | what agents say |
//! | `mute A` | it answers no pings |
//! | `subscribe F roles=`, `accept F OFFERS launch(T RES) ..`, `decline`, `kill`, .. | what frameworks say |
//! | `operator weights web:2`, `operator gone ID`, `reserve`, `unreserve`, `teardown` | what operators ask |
//! | `operator explain F ROLE AGENT`, `operator explain F ROLE need=RES` | why there was no offer |
//! | `operator preemptions F ROLE need=RES` | who would have to make room |
//! | `operator quota web(guarantee=RES limit=RES exactly=RES) .. [force=true]`, `get-quota` | an empty quota is none |
//! | `operator drain ID [grace=] [gone=true]`, `deactivate ID`, `reactivate ID`, `whitelist all`, `-` or `a,b` | |
//! | `operator schedule window(H,H start=100s for=10s) ..`, `get-schedule`, `get-status` | planned maintenance |
//! | `operator start-maintenance H,H`, `stop-maintenance H,H` | machines go down and up |
//! | `update-framework F roles= constraints=`, `accept-inverse F OFFERS`, `decline-inverse F OFFERS` | frameworks again |
//! | `disconnect P`, `lose P`, `repeat P` | the connection ends; its next message is lost, or comes twice |
//! | `advance 75s`, `view`, `roles`, `read KIND TEXT`, `read-quota limit=RES` | time, the books, the edge where texts become values |
//!
//! Pings that are answered and heartbeats are not shown.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::call::operator::{ReplyTo, Response};
use mesos_core::call::scheduler::Event;
use mesos_core::call::{ConnId, scheduler};
use mesos_core::kernel::{Cx, Machine, Outbound, Rng, Term};
use mesos_core::provider::Transactions;
use mesos_core::{AgentId, Instant, MasterId, Now, OfferId, Role, WallTime};
use mesos_sched::allocator::{HierarchicalDrf, Policy};
use mesos_sched::master::{Effect, Input, Master, Options};

use super::argument::{Arguments, read, read_at_edge};
use super::names::Names;
use super::store::ScriptedStore;
use super::{Command, Session, show};

mod ask;
mod view;

pub(super) use ask::scheduler as scheduler_call;

/// Calendar time at the start of a session: small, so that times in the output are easy to read.
const WALL_START: Duration = Duration::from_secs(1_000);

/// A peer of the master.
#[derive(Debug)]
struct Peer {
    conn: ConnId,
    sent: Outbound,
    is_mute: bool,
}

/// A session with one master.
#[derive(Debug)]
pub struct MasterSession {
    options: Options,
    policy: Policy,
    master: Master,
    rng: Rng,
    now: Now,
    out: Vec<Effect>,
    peers: BTreeMap<String, Peer>,
    next_conn: u64,
    store: ScriptedStore,
    offers: BTreeMap<OfferId, AgentId>,
    names: Names,
    replies: u64,
    has_ended: bool,
}

fn master(id: &str, options: &Options, policy: &Policy) -> Master {
    let id = MasterId::new(id).expect("a session's master ids are plain");
    #[allow(unused_mut, reason = "defects are planted only where the feature is on")]
    let mut allocator = mesos_sched::allocator::Options { policy: policy.clone(), ..Default::default() };
    #[cfg(feature = "mutants")]
    {
        allocator.mutant = options.mutant;
    }
    Master::new(id, options.clone(), Box::new(HierarchicalDrf::new(allocator)))
}

impl Default for MasterSession {
    fn default() -> Self {
        let options = Options::default();
        Self {
            master: master("m", &options, &Policy::default()),
            options,
            policy: Policy::default(),
            rng: Rng::new(1),
            now: Now { mono: Instant::ZERO, wall: WallTime::default() + WALL_START },
            out: Vec::new(),
            peers: BTreeMap::new(),
            next_conn: 1,
            store: ScriptedStore::default(),
            offers: BTreeMap::new(),
            names: Names::default(),
            replies: 0,
            has_ended: false,
        }
    }
}

impl MasterSession {
    /// A session with this defect planted.
    #[cfg(feature = "mutants")]
    #[must_use]
    pub fn with_mutant(mutant: mesos_core::kernel::Mutant) -> Self {
        let mut session = Self::default();
        session.options.mutant = Some(mutant);
        session.master = master("m", &session.options, &session.policy);
        session
    }

    fn feed(&mut self, input: Input, lines: &mut Vec<String>) {
        if self.has_ended {
            lines.push("(the master has ended)".into());
            return;
        }
        let mut cx = Cx::new(self.now, &mut self.rng, &mut self.out);
        self.master.handle(&mut cx, input);
        self.perform(lines);
    }

    fn tick(&mut self, lines: &mut Vec<String>) {
        let mut cx = Cx::new(self.now, &mut self.rng, &mut self.out);
        self.master.tick(&mut cx);
        self.perform(lines);
    }

    fn perform(&mut self, lines: &mut Vec<String>) {
        let mut answers = Vec::new();
        for effect in std::mem::take(&mut self.out) {
            match effect {
                Effect::Persist { ticket, term, changes } => {
                    lines.push(format!("persist term={} {}", term.0, show::changes(&changes)));
                    self.store.write(ticket, changes);
                    let landed = self.store.next_landed();
                    answers.extend(landed.map(|(ticket, result)| Input::Persisted { ticket, result }));
                }
                Effect::ToScheduler { conn, event, .. } => self.show_event(conn, &event, lines),
                Effect::ToAgent { conn, message, .. } => answers.extend(self.show_message(conn, &message, lines)),
                Effect::Close { conn, why } => {
                    let name = self.name_of(conn);
                    lines.push(format!("close {name}: {why}"));
                    self.peers.remove(&name);
                }
                Effect::Reply { to, response: Response::Done } => lines.push(format!("reply {}: done", to.0)),
                Effect::Reply { to, response: Response::Refused(why) } => {
                    lines.push(format!("reply {}: refused {why}", to.0));
                }
                Effect::Reply { to, response: Response::Quotas(quotas) } => {
                    lines.push(format!("reply {}: {} quotas", to.0, quotas.len()));
                    lines.extend(quotas.iter().map(|(role, quota)| format!("  {role} {}", show::quota(quota))));
                }
                Effect::Reply { to, response: Response::Explained(answer) } => {
                    lines.push(format!("reply {}:", to.0));
                    lines.extend(answer.to_string().lines().map(|line| format!("  {line}")));
                }
                Effect::Reply { to, response: Response::Preemptions(found) } => {
                    let found = found.map_or_else(|| "nobody could make room".to_owned(), |found| found.to_string());
                    lines.push(format!("reply {}: {found}", to.0));
                }
                Effect::Reply { to, response } => {
                    lines.extend(view::response(&response).into_iter().map(|line| format!("reply {}: {line}", to.0)));
                }
                Effect::StepDown { term, why } => {
                    lines.push(format!("step down term={}: {why}", term.0));
                    self.has_ended = true;
                }
                other => lines.push(format!("{other:?}")),
            }
        }
        for answer in answers {
            if !self.has_ended {
                self.feed(answer, lines);
            }
        }
    }

    fn show_event(&mut self, conn: ConnId, event: &Event, lines: &mut Vec<String>) {
        match event {
            Event::Heartbeat { .. } => return,
            Event::Offers(offers) => {
                self.offers.extend(offers.iter().map(|offer| (offer.id.clone(), offer.agent_id.clone())));
            }
            _ => {}
        }
        let name = self.name_of(conn);
        lines.extend(show::event(&mut self.names, event).into_iter().map(|line| format!("-> {name} {line}")));
    }

    /// Shows what an agent is told; a ping is answered instead.
    fn show_message(&mut self, conn: ConnId, message: &ToAgent, lines: &mut Vec<String>) -> Option<Input> {
        let name = self.name_of(conn);
        if let (ToAgent::Ping { .. }, Some(peer)) = (message, self.peers.get_mut(&name).filter(|peer| !peer.is_mute)) {
            return Some(Input::Agent { conn, seq: peer.sent.next(), message: ToMaster::Pong });
        }
        lines.push(format!("-> {name} {}", show::to_agent(&mut self.names, message)));
        None
    }

    fn name_of(&self, conn: ConnId) -> String {
        let name = self.peers.iter().find(|(_, peer)| peer.conn == conn).map(|(name, _)| name.clone());
        name.unwrap_or_else(|| conn.to_string())
    }

    /// The peer of this name, connected now if it was not.
    fn peer(&mut self, name: &str) -> &mut Peer {
        self.peers.entry(name.to_owned()).or_insert_with(|| {
            let conn = ConnId(self.next_conn);
            self.next_conn += 1;
            Peer { conn, sent: Outbound::default(), is_mute: false }
        })
    }

    fn say_as_framework(&mut self, peer: &str, call: scheduler::Call, lines: &mut Vec<String>) {
        let peer = self.peer(peer);
        let (conn, seq) = (peer.conn, peer.sent.next());
        self.feed(Input::Scheduler { conn, seq, call }, lines);
    }

    fn say_as_agent(&mut self, peer: &str, message: ToMaster, lines: &mut Vec<String>) {
        let peer = self.peer(peer);
        let (conn, seq) = (peer.conn, peer.sent.next());
        self.feed(Input::Agent { conn, seq, message }, lines);
    }

    fn elect(&mut self, term: u64, lines: &mut Vec<String>) {
        self.feed(Input::Elected { term: Term(term), records: self.store.records() }, lines);
    }

    fn set_options(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let options = &mut self.options;
        options.offer_timeout = arguments.span("offer_timeout")?.or(options.offer_timeout);
        options.unreachable_tasks_max =
            arguments.optional("unreachable_tasks_max")?.unwrap_or(options.unreachable_tasks_max);
        options.frameworks_max = arguments.optional("frameworks_max")?.unwrap_or(options.frameworks_max);
        options.tasks_per_framework_max = arguments.optional("tasks_max")?.unwrap_or(options.tasks_per_framework_max);
        options.registry_count_max = arguments.optional("registry_count_max")?.unwrap_or(options.registry_count_max);
        match arguments.named("shared_state").as_deref() {
            None => {}
            Some("incremental") => self.policy = Policy::SharedState(Transactions::Incremental),
            Some("all-or-nothing") => self.policy = Policy::SharedState(Transactions::AllOrNothing),
            Some(other) => return Err(format!("{other:?} is no way to commit")),
        }
        if let Some(priorities) = arguments.named("priorities") {
            let pair = |pair: &str| {
                let (role, priority) = pair.rsplit_once(':').ok_or_else(|| format!("{pair:?} is not role:priority"))?;
                Ok((read::<Role>(role)?, read::<i32>(priority)?))
            };
            let priorities = priorities.split(',').map(pair).collect::<Result<Vec<_>, String>>()?;
            self.policy = Policy::Priority(priorities.into_iter().collect());
        }
        self.master = master("m", &self.options, &self.policy);
        Ok(())
    }

    /// The process ends and another one starts over the same store; all connections are gone.
    fn restart(&mut self, id: &str) {
        self.master = master(id, &self.options, &self.policy);
        self.peers.clear();
        self.store.lose_what_is_under_way();
        self.has_ended = false;
    }

    fn store(&mut self, what: &str, lines: &mut Vec<String>) -> Result<(), String> {
        if let Some((ticket, result)) = self.store.told(what)? {
            self.feed(Input::Persisted { ticket, result }, lines);
        }
        Ok(())
    }

    /// Lets time pass; says when something happened.
    fn advance(&mut self, by: Duration, lines: &mut Vec<String>) {
        let end = self.now.mono + by;
        while let Some(due) = self.master.deadline().filter(|due| *due <= end && !self.has_ended) {
            self.pass_until(due);
            let mut done = Vec::new();
            self.tick(&mut done);
            if !done.is_empty() {
                lines.push(format!("at {}:", show::span(self.now.mono.since(Instant::ZERO))));
                lines.extend(done);
            }
        }
        self.pass_until(end);
    }

    fn pass_until(&mut self, at: Instant) {
        let passed = at.since(self.now.mono);
        self.now = Now { mono: self.now.mono + passed, wall: self.now.wall + passed };
    }

    fn disconnect(&mut self, name: &str, lines: &mut Vec<String>) -> Result<(), String> {
        let peer = self.peers.remove(name).ok_or_else(|| format!("{name:?} is not connected"))?;
        self.feed(Input::Disconnected { conn: peer.conn }, lines);
        Ok(())
    }

    fn operate(&mut self, arguments: &mut Arguments, lines: &mut Vec<String>) -> Result<(), String> {
        let call = ask::operator(arguments)?;
        self.replies += 1;
        self.feed(Input::Operator { reply: ReplyTo(self.replies), call }, lines);
        Ok(())
    }

    /// A message of the peer that comes with the number of the one before.
    fn repeat(&mut self, name: &str, lines: &mut Vec<String>) -> Result<(), String> {
        let peer = self.peers.get(name).ok_or_else(|| format!("{name:?} is not connected"))?;
        let last = peer.sent.sent().checked_sub(1).ok_or_else(|| format!("{name:?} has said nothing yet"))?;
        let (conn, seq) = (peer.conn, mesos_core::kernel::Seq(last));
        self.feed(Input::Scheduler { conn, seq, call: scheduler::Call::Teardown }, lines);
        Ok(())
    }
}

impl Session for MasterSession {
    fn command(&mut self, command: &Command, lines: &mut Vec<String>) -> Result<(), String> {
        let mut arguments = Arguments::of(command);
        match command.verb.as_str() {
            "options" => self.set_options(&mut arguments)?,
            "elect" => {
                let term = arguments.optional("term")?.unwrap_or(1);
                self.elect(term, lines);
            }
            "demote" => self.feed(Input::Demoted, lines),
            "restart" => self.restart(&arguments.word("a master id")?),
            "store" => match arguments.word("what it does")?.as_str() {
                "put" => {
                    let (key, value) = (arguments.word("a key")?, arguments.word("a value")?);
                    self.store.put(&key, value.into_bytes());
                }
                what => self.store(what, lines)?,
            },
            "advance" => self.advance(super::argument::span(&arguments.word("a time span")?)?, lines),
            "disconnect" => self.disconnect(&arguments.word("a peer")?, lines)?,
            "lose" => {
                let name = arguments.word("a peer")?;
                self.peer(&name).sent.next();
            }
            "repeat" => self.repeat(&arguments.word("a peer")?, lines)?,
            "mute" => {
                let name = arguments.word("a peer")?;
                self.peer(&name).is_mute = true;
            }
            "operator" => self.operate(&mut arguments, lines)?,
            "roles" => view::roles(&self.master, lines),
            "view" => view::lines(&self.master, lines),
            "read-quota" => lines.push(match arguments.quota() {
                Ok(quota) => format!("read: {}", show::quota(&quota)),
                Err(problem) => format!("refused: {problem}"),
            }),
            "read" => lines.push(read_at_edge(&arguments.word("a kind")?, &arguments.word("a text")?)?),
            verb => {
                let peer = arguments.word("a peer")?;
                match ask::agent(verb, &mut arguments, &self.names)? {
                    Some(message) => self.say_as_agent(&peer, message, lines),
                    None => {
                        let call = ask::scheduler(verb, &mut arguments, &self.names, &self.offers)?;
                        self.say_as_framework(&peer, call, lines);
                    }
                }
            }
        }
        arguments.finish()
    }
}

type AgentMessage = ToMaster;
type SchedulerCall = scheduler::Call;
