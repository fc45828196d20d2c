//! Laws that hold for any order of events, hostile ones included.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_core::call::ConnId;
use mesos_core::call::scheduler::{Call, Event};
use mesos_core::kernel::{Change, Cx, Draft, Machine, Rng, Seq, Ticket};
use mesos_core::provider::StoreError;
use mesos_core::{
    Ack, Instant, Now, Offer, Rejection, RejectionCode, Scheduler, SchedulerCx, TaskState, TaskStatus, WallTime,
};
use proptest::prelude::*;

use super::{leader, news, offer, role, subscribed, task, task_id};
use crate::driver::{Driver, Effect, Input, Options};

const STATES: [TaskState; 8] = [
    TaskState::Staging,
    TaskState::Running,
    TaskState::Finished,
    TaskState::Failed,
    TaskState::Lost,
    TaskState::Unreachable,
    TaskState::Unknown,
    TaskState::Gone,
];

/// Numbers what it launches; an `s` before the number says that it was saved first, so that a checker sees what a launch
/// depends on.
#[derive(Default)]
struct Careful(u32);

impl Careful {
    fn say(&mut self, cx: &mut SchedulerCx<'_>, saves: bool) {
        self.0 += 1;
        let name = format!("{}{}", if saves { "s" } else { "n" }, self.0);
        if saves {
            cx.remember(name.as_str(), &self.0);
        }
        cx.launch(&offer("o1"), [task(&name)]);
    }
}

impl Scheduler for Careful {
    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for (n, _) in offers.iter().enumerate() {
            self.say(cx, n % 2 == 0);
        }
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        if status.state == TaskState::Running {
            cx.remember(format!("ack{}", status.uuid.map_or(0, |uuid| uuid.0)), &1);
            cx.kill(status.task_id.clone());
        }
        Ack::Auto
    }

    fn disconnected(&mut self, cx: &mut SchedulerCx<'_>) {
        self.say(cx, true);
        cx.suppress();
    }
}

#[derive(Debug, Clone)]
enum Step {
    Leader(Option<u64>),
    Connected,
    ForeignConnection(u64),
    Disconnected(Option<u64>),
    Event { kind: u8, arg: u8, is_in_order: bool },
    Saved { is_expected: bool, is_ok: bool },
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => prop::option::of(0..3_u64).prop_map(Step::Leader),
        6 => Just(Step::Connected),
        1 => (0..9_u64).prop_map(Step::ForeignConnection),
        1 => prop::option::of(0..9_u64).prop_map(Step::Disconnected),
        24 => (0..9_u8, any::<u8>(), prop::bool::weighted(0.95))
            .prop_map(|(kind, arg, is_in_order)| Step::Event { kind, arg, is_in_order }),
        8 => (prop::bool::weighted(0.9), prop::bool::weighted(0.98))
            .prop_map(|(is_expected, is_ok)| Step::Saved { is_expected, is_ok }),
        8 => (0..90_000_u64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..120)
}

fn event(kind: u8, arg: u8) -> Event {
    let task = format!("{}{}", if arg.is_multiple_of(2) { "s" } else { "n" }, arg % 6);
    match kind {
        0 | 1 => subscribed(if arg == 255 { "other" } else { "f1" }),
        2 | 3 => Event::Offers((0..usize::from(arg % 4)).map(|n| offer(&format!("o{n}"))).collect()),
        4 | 5 => news(&task, STATES[usize::from(arg) % STATES.len()], u128::from(arg)),
        6 => super::answer(&task, STATES[usize::from(arg) % STATES.len()]),
        7 => Event::Heartbeat { received: if arg < 10 { 0 } else { u64::MAX } },
        _ if arg < 4 => Event::Error(Rejection::new(RejectionCode::FrameworkRemoved, "x", "y")),
        _ => Event::Error(Rejection::new(RejectionCode::TooMany, "x", "y")),
    }
}

/// Plays host and looks at everything that comes out.
struct World {
    driver: Driver<Careful>,
    rng: Rng,
    now: Instant,
    conn: u64,
    wants_connection: bool,
    next_seq: u64,
    saving: Option<(Ticket, Vec<Change>)>,
    durable: BTreeSet<String>,
    is_stopped: bool,
    launched: u32,
    sent: u64,
}

impl World {
    fn new() -> Self {
        let info = mesos_core::FrameworkInfo::new("laws", role("web"));
        let driver = Driver::new(info, Box::<Careful>::default(), Options { waiting_max: 20, ..Options::default() });
        let mut world = Self {
            driver,
            rng: Rng::new(3),
            now: Instant::ZERO,
            conn: 0,
            wants_connection: false,
            next_seq: 0,
            saving: None,
            durable: BTreeSet::new(),
            is_stopped: false,
            launched: 0,
            sent: 0,
        };
        world.input(Input::Recovered { records: vec![] });
        world
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Leader(n) => self.input(Input::LeaderChanged { leader: n.map(leader) }),
            Step::Connected if self.wants_connection => {
                self.wants_connection = false;
                self.conn += 1;
                (self.next_seq, self.sent) = (0, 0);
                self.input(Input::Connected { conn: ConnId(self.conn) });
            }
            Step::Connected => {}
            Step::ForeignConnection(_) if self.wants_connection => {}
            Step::ForeignConnection(n) => self.input(Input::Connected { conn: ConnId(1_000 + n) }),
            Step::Disconnected(n) => self.input(Input::Disconnected { conn: n.map(ConnId) }),
            Step::Event { kind, arg, is_in_order } => {
                let seq = if is_in_order { self.next_seq } else { u64::from(arg) };
                self.next_seq += u64::from(seq == self.next_seq);
                self.input(Input::Received { conn: ConnId(self.conn), seq: Seq(seq), event: event(kind, arg) });
            }
            Step::Saved { is_expected: true, is_ok } => {
                let Some((ticket, changes)) = self.saving.take() else { return };
                if is_ok {
                    self.durable.extend(changes.iter().map(|change| change.key().to_string()));
                }
                let result = if is_ok { Ok(()) } else { Err(StoreError::Unknown("x".into())) };
                self.input(Input::Saved { ticket, result });
            }
            Step::Saved { .. } => self.input(Input::Saved { ticket: Ticket(0), result: Ok(()) }),
            Step::Pass(millis) => self.pass(Duration::from_millis(millis)),
        }
    }

    fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.driver.handle(&mut Cx::new(at(self.now), &mut self.rng, &mut out), input);
        self.check(out);
    }

    fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        for _ in 0..100_000 {
            let Some(due) = self.driver.deadline().filter(|due| *due <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(due);
            let mut out = Vec::new();
            self.driver.tick(&mut Cx::new(at(self.now), &mut self.rng, &mut out));
            self.check(out);
        }
        panic!("deadlines do not move on");
    }

    fn check(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            assert!(!self.is_stopped, "something was asked for after the end: {effect:?}");
            match effect {
                Effect::Connect { .. } => self.wants_connection = true,
                Effect::Send { conn, seq, call } => {
                    assert_eq!((conn.0, seq.0), (self.conn, self.sent), "calls are numbered without gaps: {call:?}");
                    self.sent += 1;
                    self.check_call(&call);
                }
                Effect::Save { ticket, changes } => {
                    assert!(self.saving.is_none(), "at most one save is under way");
                    self.saving = Some((ticket, Draft::write_out_all(&changes)));
                }
                Effect::Close { .. } => {}
                Effect::Stop { .. } => self.is_stopped = true,
            }
        }
    }

    /// Everything a call depends on is durable when it is sent, and no launch overtakes another.
    fn check_call(&mut self, call: &Call) {
        if !matches!(call, Call::Subscribe { .. } | Call::Reconcile { .. }) {
            assert!(self.durable.contains("driver/framework_id"), "{call:?} before the framework's id is durable");
        }
        match call {
            Call::Accept { operations, .. } => {
                let mesos_core::Operation::Launch(tasks) = &operations[0] else { return };
                let (id, key) = (tasks[0].id.as_str(), format!("memory/{}", tasks[0].id));
                assert!(id.starts_with('n') || self.durable.contains(&key), "{id} is launched before it is durable");
                let number = id[1..].parse().unwrap();
                assert!(self.launched < number, "{number} is launched after {}", self.launched);
                self.launched = number;
            }
            Call::Acknowledge { uuid, .. } if STATES[(uuid.0 % 8) as usize] == TaskState::Running => {
                assert!(self.durable.contains(&format!("memory/ack{}", uuid.0)), "{call:?} before it is durable");
            }
            _ => {}
        }
    }
}

fn at(now: Instant) -> Now {
    Now { mono: now, wall: WallTime::from_nanos(0) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_breaks_the_driver_and_saves_come_before_sends(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
    }

    #[test]
    fn the_same_events_have_the_same_effects(steps in steps()) {
        let run = |steps: &[Step]| {
            let mut world = World::new();
            steps.iter().for_each(|step| world.step(step.clone()));
            (format!("{:?}", world.driver), world.now, world.sent)
        };
        prop_assert_eq!(run(&steps), run(&steps));
    }

    /// Whatever happened, a leader that answers makes the driver subscribe, ask about its tasks and come to rest.
    #[test]
    fn once_the_faults_end_every_task_is_answered_for(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        heal(&mut world);
        prop_assert!(world.is_stopped || world.driver.is_subscribed());
        prop_assert!(world.is_stopped || world.driver.ledger().is_empty(), "{:?}", world.driver.ledger());
    }
}

/// A faultless world in which the master knows no task.
fn heal(world: &mut World) {
    world.step(Step::Leader(Some(7)));
    let mut asked: BTreeSet<String> = world.driver.ledger().iter().map(|(id, _)| id.to_string()).collect();
    for _ in 0..200 {
        world.step(Step::Saved { is_expected: true, is_ok: true });
        world.step(Step::Connected);
        if !world.driver.is_subscribed() {
            let id = world.driver.framework_id().map_or_else(|| "f1".to_owned(), ToString::to_string);
            let seq = Seq(world.next_seq);
            world.next_seq += 1;
            world.input(Input::Received { conn: ConnId(world.conn), seq, event: subscribed(&id) });
        }
        world.step(Step::Event { kind: 7, arg: 99, is_in_order: true });
        world.step(Step::Pass(5_000));
        asked.extend(world.driver.ledger().iter().map(|(id, _)| id.to_string()));
        let Some(id) = asked.pop_first() else { continue };
        let mut unknown =
            TaskStatus::new(task_id(&id), TaskState::Unknown, mesos_core::Source::Master, WallTime::default());
        unknown.reason = Some(mesos_core::Reason::Reconciliation);
        let seq = Seq(world.next_seq);
        if world.driver.is_subscribed() {
            world.next_seq += 1;
            world.input(Input::Received { conn: ConnId(world.conn), seq, event: Event::Update(unknown.into()) });
        }
    }
}
