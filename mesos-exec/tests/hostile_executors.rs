//! Laws of an agent and whatever is said to it in an executor's name, or by somebody who asks for containers.
//!
//! * Nothing anybody says, in whatever order, panics the agent or makes it keep more than its bounds allow.
//! * Afterwards it serves those who behave as ever.

use std::time::Duration;

use mesos_core::call::ConnId;
use mesos_core::call::executor::{Said, Subscription, TaskUpdate};
use mesos_core::call::operator::ReplyTo;
use mesos_core::container::WindowSize;
use mesos_core::{
    CommandInfo, ContainerId, ContainerLimits, ExecutorId, Exit, FrameworkId, Resources, Signal, TaskState,
};
use mesos_exec::agent;
use mesos_exec::agent::{ContainerAsk, Input, Nest, Speaker};
use proptest::prelude::*;

#[path = "../src/agent/tests/world.rs"]
mod world;

use world::{Answer, SECOND, World, command, custom, custom_group, named, reachable};

const UPDATES_MAX: usize = 5;

/// One thing that is said or happens.
#[derive(Debug, Clone)]
enum Event {
    Run(u8),
    RunGroup(u8),
    Launched,
    Exited(i32),
    Destroyed,
    Connect { conn: u64, speaker: Speaker, updates: Vec<TaskUpdate>, tasks: Vec<u8> },
    Disconnect(u64),
    Update(Speaker, Box<TaskUpdate>),
    Shout(Speaker),
    Ask(bool, u8, u8),
    Acknowledge(u8),
    Kill(u8),
    Reconnect,
    Pass(u64),
}

fn speaker() -> impl Strategy<Value = Speaker> {
    let id = |good: &'static str| prop::sample::select(vec![good, good, good, "other"]);
    (id("f1"), id("e1"), prop::option::of(Just("e1.wrong"))).prop_map(|(framework, executor, container)| Speaker {
        framework_id: FrameworkId::new(framework).unwrap(),
        executor_id: ExecutorId::new(executor).unwrap(),
        container_id: container.map(|id| ContainerId::new(id).unwrap()),
    })
}

fn update() -> impl Strategy<Value = TaskUpdate> {
    use TaskState::{Failed, Finished, Killing, Running, Staging, Starting, Unknown, Unreachable};
    let states = vec![Starting, Running, Running, Running, Finished, Failed, Killing, Staging, Unreachable, Unknown];
    (0..6_u8, prop::sample::select(states), prop::option::weighted(0.9, 0..40_u128)).prop_map(|(task, state, uuid)| {
        let mut update = named(&format!("t{task}"), state, 0);
        update.uuid = uuid.map(mesos_core::UpdateId);
        update
    })
}

fn event() -> impl Strategy<Value = Event> {
    let task = 0..6_u8;
    let connect =
        (0..8_u64, speaker(), prop::collection::vec(update(), 0..4), prop::collection::vec(task.clone(), 0..3));
    prop_oneof![
        3 => task.clone().prop_map(Event::Run),
        1 => task.clone().prop_map(Event::RunGroup),
        4 => Just(Event::Launched),
        1 => (0..3_i32).prop_map(Event::Exited),
        2 => Just(Event::Destroyed),
        4 => connect.prop_map(|(conn, speaker, updates, tasks)| Event::Connect { conn, speaker, updates, tasks }),
        2 => (0..8_u64).prop_map(Event::Disconnect),
        8 => (speaker(), update()).prop_map(|(speaker, update)| Event::Update(speaker, Box::new(update))),
        1 => speaker().prop_map(Event::Shout),
        4 => (any::<bool>(), 0..6_u8, 0..4_u8).prop_map(|(is_real, ask, name)| Event::Ask(is_real, ask, name)),
        4 => task.clone().prop_map(Event::Acknowledge),
        1 => task.prop_map(Event::Kill),
        1 => Just(Event::Reconnect),
        1 => (0..100_u64).prop_map(Event::Pass),
    ]
}

fn ask(number: u8) -> ContainerAsk {
    match number {
        0 | 1 => {
            let (command, limits) = (Box::new(CommandInfo::shell("ps")), ContainerLimits::default());
            let terminal = (number == 0).then(WindowSize::default);
            ContainerAsk::Launch { command, resources: Resources::new(), limits, is_session: number == 0, terminal }
        }
        2 => ContainerAsk::Wait,
        3 => ContainerAsk::Signal(if number == 3 { Signal::Terminate } else { Signal::Kill }),
        4 => ContainerAsk::Remove,
        _ => ContainerAsk::Find,
    }
}

fn apply(w: &mut World, event: Event) {
    let name = |task: u8| format!("t{task}");
    match event {
        Event::Run(task) => w.run(custom(&name(task))),
        Event::RunGroup(task) => w.say(custom_group(&[&name(task), &name((task + 1) % 6)])),
        Event::Launched => drop(w.answer_if_asked("e1", Answer::Launched)),
        Event::Exited(status) => drop(w.answer_if_asked("e1", Answer::Exited(Exit::Status(status)))),
        Event::Destroyed => drop(w.answer_if_asked("e1", Answer::Destroyed)),
        Event::Connect { conn, speaker, updates, tasks } => {
            let tasks = tasks.into_iter().map(|task| world::task_id(&name(task))).collect();
            let subscription = Subscription { updates, tasks };
            w.input(Input::ExecutorConnected { conn: ConnId(conn), speaker, subscription });
        }
        Event::Disconnect(conn) => w.input(Input::ExecutorDisconnected { conn: ConnId(conn) }),
        Event::Update(speaker, update) => {
            w.input(Input::ExecutorSaid { speaker, said: Said::Update(update), reply: ReplyTo(3) });
        }
        Event::Shout(speaker) => {
            let said = Said::Message(b"hi".as_slice().into());
            w.input(Input::ExecutorSaid { speaker, said, reply: ReplyTo(3) });
        }
        Event::Ask(is_real, number, name) => {
            let real = w.containers.get("e1").map(|tickets| tickets.id.clone()).filter(|_| is_real);
            let parent = real.or_else(|| (number % 2 == 0).then(|| ContainerId::new("nobody").unwrap()));
            let nest = Nest { parent, name: ContainerId::new(format!("n{name}")).unwrap() };
            w.input(Input::ContainerAsked { nest, ask: ask(number), reply: ReplyTo(4) });
        }
        Event::Acknowledge(task) => {
            if w.updates.iter().any(|(_, status)| status.task_id.as_str() == name(task)) {
                w.ack(&name(task));
            }
        }
        Event::Kill(task) => w.kill(&name(task)),
        Event::Reconnect => w.come_back(),
        Event::Pass(seconds) => w.pass(Duration::from_secs(seconds)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_said_in_an_executors_name_harms_the_agent(events in prop::collection::vec(event(), 0..120)) {
        survives(events)?;
    }
}

fn survives(events: Vec<Event>) -> Result<(), TestCaseError> {
    let mut options = reachable();
    options.updates_per_task_max = UPDATES_MAX;
    options.ping_timeout = 1_000_000 * SECOND;
    let mut w = World::registered_with(options);
    for event in events {
        apply(&mut w, event);
        // The last word about a task always has room.
        prop_assert!(w.agent.unacknowledged_updates() <= 6 * (UPDATES_MAX + 1));
        prop_assert!(w.agent.executor_count() <= 1);
    }
    w.come_back();
    w.log.clear();
    w.run(command("good"));
    w.launched("good");
    w.exited("good", 0);
    prop_assert_eq!(w.state("good"), Some(TaskState::Finished));
    Ok(())
}

/// The executor's time to register runs out while the agent waits to connect again.
#[test]
fn an_executor_that_is_late_does_not_keep_the_agent_from_coming_back() {
    let events = vec![Event::Run(0), Event::Launched, Event::Pass(59), Event::Reconnect, Event::Reconnect];
    survives(events).unwrap();
}
