//! A driver on a bench: inputs in, effects out as lines, time in hand.

mod laws;
mod memory;
mod session;
mod tasks;

use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::scheduler::{Call, Event};
use mesos_core::call::{ConnId, Leader};
use mesos_core::kernel::{Change, Cx, Draft, Machine, Record, Rng, Seq, Term, Ticket};
use mesos_core::{
    Ack, AgentId, AgentInfo, FrameworkId, FrameworkInfo, Instant, MasterId, Now, Offer, OfferId, Operation, Rejection,
    Resources, Role, Scheduler, SchedulerCx, Source, TaskId, TaskInfo, TaskState, TaskStatus, UpdateId, WallTime,
};

use super::{Driver, Effect, Input, Options};

/// A scheduler that does what the test says, when it says, and keeps what it heard.
#[derive(Default)]
pub(super) struct Puppet {
    pub(super) heard: Vec<String>,
    pub(super) is_done: bool,
    on: Vec<(&'static str, Reaction)>,
}

type Reaction = Box<dyn FnMut(&mut SchedulerCx<'_>) -> Ack + Send>;

impl Puppet {
    /// What to do whenever `event` comes.
    pub(super) fn on(
        mut self,
        event: &'static str,
        mut react: impl FnMut(&mut SchedulerCx<'_>) + Send + 'static,
    ) -> Self {
        self.on.push((
            event,
            Box::new(move |cx| {
                react(cx);
                Ack::Auto
            }),
        ));
        self
    }

    fn hear(&mut self, cx: &mut SchedulerCx<'_>, event: &str, what: &str) -> Ack {
        self.heard.push(format!("{event} {what}").trim_end().to_owned());
        let mut ack = Ack::Auto;
        for (name, react) in &mut self.on {
            if *name == event {
                ack = react(cx);
            }
        }
        ack
    }
}

impl Scheduler for Puppet {
    fn recovered(&mut self, records: &[Record]) {
        let keys: Vec<&str> = records.iter().map(|record| &*record.key).collect();
        self.heard.push(format!("recovered {}", keys.join(" ")));
    }

    fn subscribed(&mut self, cx: &mut SchedulerCx<'_>, id: &FrameworkId) {
        let _ = self.hear(cx, "subscribed", id.as_str());
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        let ids: Vec<&str> = offers.iter().map(|offer| offer.id.as_str()).collect();
        let _ = self.hear(cx, "offers", &ids.join(" "));
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        self.hear(cx, "update", &format!("{} {}", status.task_id, status.state))
    }

    fn refused(&mut self, cx: &mut SchedulerCx<'_>, why: &Rejection) {
        let _ = self.hear(cx, "refused", &why.code.to_string());
    }

    fn disconnected(&mut self, cx: &mut SchedulerCx<'_>) {
        let _ = self.hear(cx, "disconnected", "");
    }

    fn is_done(&self) -> bool {
        self.is_done
    }
}

/// A driver, its clock and its randomness.
pub(super) struct Bench {
    pub(super) driver: Driver<Puppet>,
    pub(super) now: Instant,
    rng: Rng,
    next_seq: u64,
    conn: u64,
}

impl Bench {
    pub(super) fn new(puppet: Puppet) -> Self {
        Self::with(puppet, Options::default())
    }

    pub(super) fn with(puppet: Puppet, options: Options) -> Self {
        let info = FrameworkInfo::new("test", role("web"));
        let driver = Driver::new(info, Box::new(puppet), options);
        Self { driver, now: Instant::from_nanos(1), rng: Rng::new(5), next_seq: 0, conn: 0 }
    }

    /// A bench whose driver is subscribed as `f1`, with its id saved.
    pub(super) fn subscribed(puppet: Puppet) -> Self {
        Self::subscribed_with(puppet, Options::default())
    }

    pub(super) fn subscribed_with(puppet: Puppet, options: Options) -> Self {
        let mut bench = Self::with(puppet, options);
        bench.input(Input::Recovered { records: vec![] });
        bench.input(Input::LeaderChanged { leader: Some(leader(1)) });
        bench.connect();
        bench.event(subscribed("f1"));
        bench.saved(1);
        bench
    }

    fn cx<'a>(now: Instant, rng: &'a mut Rng, out: &'a mut Vec<Effect>) -> Cx<'a, Effect> {
        Cx::new(Now { mono: now, wall: WallTime::from_nanos(0) }, rng, out)
    }

    pub(super) fn input(&mut self, input: Input) -> Vec<String> {
        let mut out = Vec::new();
        self.driver.handle(&mut Self::cx(self.now, &mut self.rng, &mut out), input);
        out.iter().map(line).collect()
    }

    /// Lets time pass, deadline by deadline.
    pub(super) fn advance(&mut self, duration: Duration) -> Vec<String> {
        let until = self.now + duration;
        let mut out = Vec::new();
        for _ in 0..10_000 {
            match self.driver.deadline().filter(|at| *at <= until) {
                Some(at) => self.now = self.now.max(at),
                None => {
                    self.now = until;
                    return out.iter().map(line).collect();
                }
            }
            self.driver.tick(&mut Self::cx(self.now, &mut self.rng, &mut out));
        }
        panic!("the driver's deadlines do not move on: {:?}", self.driver);
    }

    pub(super) fn advance_secs(&mut self, secs: u64) -> Vec<String> {
        self.advance(Duration::from_secs(secs))
    }

    /// Lets time pass until the driver connects, and gives it the connection.
    pub(super) fn connect(&mut self) -> Vec<String> {
        for _ in 0..100 {
            let at = self.driver.deadline().expect("there is something to wait for");
            let lines = self.advance(at.since(self.now));
            if lines.iter().any(|line| line.starts_with("connect")) {
                self.conn += 1;
                self.next_seq = 0;
                return self.input(Input::Connected { conn: ConnId(self.conn) });
            }
        }
        panic!("the driver never connects");
    }

    /// The master says something, in order.
    pub(super) fn event(&mut self, event: Event) -> Vec<String> {
        self.next_seq += 1;
        self.event_at(self.next_seq - 1, event)
    }

    pub(super) fn event_at(&mut self, seq: u64, event: Event) -> Vec<String> {
        self.input(Input::Received { conn: ConnId(self.conn), seq: Seq(seq), event })
    }

    pub(super) fn saved(&mut self, ticket: u64) -> Vec<String> {
        self.input(Input::Saved { ticket: Ticket(ticket), result: Ok(()) })
    }

    pub(super) fn disconnect(&mut self) -> Vec<String> {
        self.input(Input::Disconnected { conn: Some(ConnId(self.conn)) })
    }

    pub(super) fn heard(&self) -> &[String] {
        &self.driver.scheduler().heard
    }
}

pub(super) fn role(name: &str) -> Role {
    Role::new(name).unwrap()
}

pub(super) fn leader(n: u64) -> Leader {
    Leader { id: MasterId::new(format!("m{n}")).unwrap(), address: "here".into(), term: Term(n) }
}

pub(super) fn subscribed(id: &str) -> Event {
    Event::Subscribed {
        framework_id: FrameworkId::new(id).unwrap(),
        master_id: MasterId::new("m1").unwrap(),
        heartbeat_every: Duration::from_secs(15),
    }
}

pub(super) fn task_id(id: &str) -> TaskId {
    TaskId::new(id).unwrap()
}

pub(super) fn offer(id: &str) -> Offer {
    let resources: Resources = "cpus:4;mem:1024".parse().unwrap();
    let agent = Arc::new(AgentInfo::new("host", resources.clone()));
    let framework = FrameworkId::new("f1").unwrap();
    Offer::new(OfferId::new(id).unwrap(), framework, AgentId::new("a1").unwrap(), role("web"), resources, agent)
}

pub(super) fn task(id: &str) -> TaskInfo {
    TaskInfo::shell(task_id(id), AgentId::new("a1").unwrap(), "cpus:1".parse().unwrap(), "true")
}

/// A launch of these tasks as a reaction.
pub(super) fn launching(ids: &'static [&'static str]) -> impl FnMut(&mut SchedulerCx<'_>) + Send + 'static {
    move |cx| cx.launch(&offer("o1"), ids.iter().map(|id| task(id)))
}

/// News of a task from its agent, to be acknowledged.
pub(super) fn news(id: &str, state: TaskState, uuid: u128) -> Event {
    let mut status = TaskStatus::new(task_id(id), state, Source::Executor, WallTime::from_nanos(0));
    status.agent_id = Some(AgentId::new("a1").unwrap());
    status.uuid = Some(UpdateId(uuid));
    Event::Update(status.into())
}

/// The master's answer to a question about a task.
pub(super) fn answer(id: &str, state: TaskState) -> Event {
    Event::Update(TaskStatus::new(task_id(id), state, Source::Master, WallTime::from_nanos(0)).into())
}

fn names<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| format!(" {}", item.to_string())).collect()
}

/// One effect as one line.
pub(super) fn line(effect: &Effect) -> String {
    match effect {
        Effect::Connect { leader } => format!("connect {}", leader.id),
        Effect::Send { call, .. } => call_line(call),
        Effect::Close { conn, why } => format!("close {conn} {why}"),
        Effect::Save { ticket, changes } => {
            let changes = Draft::write_out_all(changes);
            let keys = changes.iter().map(|change| match change {
                Change::Put(record) => format!("+{}", record.key),
                Change::Delete(key) => format!("-{key}"),
            });
            format!("save {}:{}", ticket.0, names(keys))
        }
        Effect::Stop { why } => format!("stop: {why}"),
    }
}

fn call_line(call: &Call) -> String {
    let rest = match call {
        Call::Subscribe { info, suppressed, .. } => {
            format!(" {} suppressed{}", info.id.as_ref().map_or("-", |id| id.as_str()), names(suppressed))
        }
        Call::Accept { offers, operations, .. } => {
            let tasks = operations.iter().flat_map(|operation| match operation {
                Operation::Launch(tasks) => tasks.iter().map(|task| task.id.to_string()).collect(),
                other => vec![other.name().to_owned()],
            });
            format!("{}:{}", names(offers), names(tasks))
        }
        Call::Decline { offers, .. } => names(offers),
        Call::Revive { roles } | Call::Suppress { roles } => names(roles),
        Call::Kill { task_id, .. } => format!(" {task_id}"),
        Call::Acknowledge { task_id, uuid, .. } => format!(" {task_id} {}", uuid.0),
        Call::Reconcile { tasks } => names(tasks.iter().map(|(id, _)| id)),
        _ => String::new(),
    };
    format!("{}{rest}", call.name())
}
