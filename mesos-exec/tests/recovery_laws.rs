//! Laws of an agent's memory and nerves.
//!
//! * Whatever prefix of its checkpoints is durable when it crashes, and whatever survives on the machine, an agent comes
//!   back, and every task the master holds for it goes on or ends exactly once.
//! * Whatever a master says, in whatever order, an agent neither panics nor keeps more than its bounds allow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::agent::ToAgent;
use mesos_core::kernel::{Record, Seq};
use mesos_core::{
    AgentId, ExecutorId, Exit, FrameworkId, KillPolicy, Rejection, RejectionCode, Resources, TaskState, UpdateId,
};
use mesos_exec::agent;
use mesos_exec::agent::Options;
use proptest::prelude::*;

#[path = "../src/agent/tests/world.rs"]
mod world;

use world::{SECOND, World, agent_id, command, framework, puppet, run_of, task_id};

/// One thing that happens to an agent whose master and containers behave.
#[derive(Debug, Clone)]
enum Event {
    RunCommand(u8),
    RunPuppet(u8),
    Launch(u8),
    LaunchFailure(u8),
    Exit(u8, i32),
    Destroyed(u8),
    Kill(u8),
    Acknowledge(u8),
    Say(u8, &'static str),
    Contain(u8),
    Reconnect,
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let task = 0..4_u8;
    prop_oneof![
        3 => task.clone().prop_map(Event::RunCommand),
        2 => task.clone().prop_map(Event::RunPuppet),
        4 => task.clone().prop_map(Event::Launch),
        1 => task.clone().prop_map(Event::LaunchFailure),
        3 => (task.clone(), 0..2_i32).prop_map(|(task, status)| Event::Exit(task, status)),
        2 => task.clone().prop_map(Event::Destroyed),
        1 => task.clone().prop_map(Event::Kill),
        5 => task.clone().prop_map(Event::Acknowledge),
        3 => (task.clone(), prop::sample::select(vec!["STARTING", "RUNNING", "FINISHED", "FAILED"]))
            .prop_map(|(task, state)| Event::Say(task, state)),
        1 => task.prop_map(Event::Contain),
        1 => Just(Event::Reconnect),
        1 => (0..40_u64).prop_map(Event::Pass),
    ]
}

/// What the master knows: tasks it launched, and those whose end it acknowledged.
#[derive(Debug, Default)]
struct Master {
    launched: BTreeSet<String>,
    acknowledged: BTreeSet<UpdateId>,
    ended: BTreeSet<String>,
}

impl Master {
    fn live(&self) -> Vec<&str> {
        self.launched.difference(&self.ended).map(String::as_str).collect()
    }

    /// Acknowledges the newest update of a task, if it has not.
    fn acknowledge(&mut self, w: &mut World, name: &str) -> bool {
        let last = w.updates.iter().rev().find(|(_, status)| status.task_id.as_str() == name);
        let Some(status) = last.map(|(_, status)| status.clone()) else { return false };
        if !w.agent.is_registered() || !self.acknowledged.insert(status.uuid.unwrap()) {
            return false;
        }
        if status.state.is_terminal() {
            assert!(self.ended.insert(name.into()), "task {name} ended twice: {:?}", w.log);
        }
        w.ack(name);
        true
    }
}

fn happen(w: &mut World, master: &mut Master, event: Event) {
    let command_name = |n: u8| format!("t{n}");
    let puppet_name = |n: u8| format!("p{n}");
    // Containers of commands are called after their task, those of the puppet after the executor.
    let container = |n: u8| if n == 3 { "e1".to_owned() } else { command_name(n) };
    match event {
        Event::RunCommand(n) => {
            if master.launched.insert(command_name(n)) {
                w.run(command(&command_name(n)));
            }
        }
        Event::RunPuppet(n) => {
            if master.launched.insert(puppet_name(n)) {
                w.run(puppet(&puppet_name(n)));
            }
        }
        Event::Launch(n) => drop(w.answer_if_asked(&container(n), world::Answer::Launched)),
        Event::LaunchFailure(n) => drop(w.answer_if_asked(&container(n), world::Answer::LaunchFailed)),
        Event::Exit(n, status) => drop(w.answer_if_asked(&container(n), world::Answer::Exited(Exit::Status(status)))),
        Event::Destroyed(n) => {
            w.answer_if_asked(&container(n), world::Answer::Exited(Exit::Signalled(9)));
            w.answer_if_asked(&container(n), world::Answer::Destroyed);
        }
        Event::Kill(n) => {
            w.kill(&command_name(n));
            w.kill(&puppet_name(n));
        }
        Event::Acknowledge(n) => {
            master.acknowledge(w, &command_name(n));
            master.acknowledge(w, &puppet_name(n));
        }
        Event::Say(n, state) => w.tell(&format!("say p{n} {state}")),
        Event::Contain(n) => w.tell(&format!("contain c{n} p{n}")),
        Event::Reconnect => w.come_back(),
        Event::Pass(seconds) => w.pass(Duration::from_secs(seconds)),
    }
    if !w.agent.is_registered() {
        w.come_back();
    }
}

/// The disk after the first `count` batches.
fn prefix(w: &World, count: usize) -> BTreeMap<Arc<str>, Record> {
    let mut disk = BTreeMap::new();
    for batch in w.batches.iter().take(count) {
        world::apply(&mut disk, batch.clone());
    }
    disk
}

/// Comes back from `disk` with every known container, or none, and tells the master.
fn revive(disk: BTreeMap<Arc<str>, Record>, survive: bool, master: &Master) -> World {
    let mut w = World::started(Options::default(), disk);
    w.survive_if(survive);
    w.connect();
    let reported: BTreeSet<String> = w.agent.tasks().map(|task| task.task_id.to_string()).collect();
    let missing: Vec<&str> = master.live().into_iter().filter(|name| !reported.contains(*name)).collect();
    if w.agent.id().is_some() {
        w.reregistered(&missing);
    } else {
        w.say(ToAgent::Registered { agent_id: agent_id(), ping_timeout: 75 * SECOND });
        w.come_back();
        w.reregistered(&missing);
    }
    w
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_prefix_of_the_checkpoints_recovers_to_something_sane(
        events in prop::collection::vec(event(), 1..60),
        lost in 0..12_usize,
        survive in any::<bool>(),
    ) {
        let mut w = World::registered();
        let mut master = Master::default();
        for event in events {
            happen(&mut w, &mut master, event);
        }
        let durable = w.batches.len().saturating_sub(lost);
        let disk = prefix(&w, durable);
        // Acknowledgements that are not durable were never given, as far as the agent can know: its master hears the
        // update again.
        if lost > 0 {
            master.ended.clear();
            master.acknowledged.clear();
        }
        let mut w = revive(disk, survive, &master);
        for _ in 0..20 {
            let names = master.launched.clone();
            for name in &names {
                if !master.ended.contains(name) {
                    while master.acknowledge(&mut w, name) && !master.ended.contains(name) {}
                }
            }
        }
        for name in master.live() {
            let state = w.state(name);
            prop_assert!(
                state.is_some_and(|state| !state.is_terminal()),
                "task {name} neither goes on nor ended: {state:?}"
            );
        }
        // Those that go on end with their containers or at their executor's word.
        let running: Vec<String> = w.containers.keys().cloned().collect();
        for name in running {
            w.answer_if_asked(&name, world::Answer::Exited(Exit::Status(0)));
        }
        for name in master.live().into_iter().filter(|name| name.starts_with('t')) {
            let state = w.state(name);
            prop_assert!(state.is_some_and(TaskState::is_terminal), "task {name} outlived its container: {state:?}");
        }
    }

    #[test]
    fn a_crash_with_everything_durable_repeats_no_end_and_loses_none(
        events in prop::collection::vec(event(), 1..60),
        survive in any::<bool>(),
    ) {
        let mut w = World::registered();
        let mut master = Master::default();
        for event in events {
            happen(&mut w, &mut master, event);
        }
        let disk = prefix(&w, w.batches.len());
        prop_assert_eq!(&disk, &w.disk);
        let mut w = revive(disk, survive, &master);
        let names = master.launched.clone();
        for name in &names {
            // Panics on a second end.
            while master.acknowledge(&mut w, name) {}
        }
        for name in master.live() {
            prop_assert!(w.state(name).is_some_and(|state| !state.is_terminal()), "{} is lost", name);
        }
    }

    #[test]
    fn a_hostile_master_cannot_make_an_agent_panic_or_grow(messages in prop::collection::vec(hostile(), 1..120)) {
        let mut options = Options::default();
        options.tasks_max = 5;
        options.updates_per_task_max = 4;
        options.containers_per_executor_max = 2;
        let mut w = World::registered_with(options);
        for (skew, pause, message) in messages {
            if w.agent.has_stopped() {
                break;
            }
            if skew == 0 {
                w.say(message);
            } else {
                w.say_as(Seq(skew), message);
            }
            w.pass(Duration::from_secs(pause));
            if !w.agent.is_registered() {
                w.lead(pause);
                w.wake_if_due();
            }
            if w.is_connecting {
                w.connected();
            }
            prop_assert!(w.agent.tasks().count() <= 5);
            prop_assert!(w.agent.unacknowledged_updates() <= 2 * 5 * (4 + 1));
            prop_assert!(w.agent.executor_count() <= 5);
        }
        for count in 0..=w.batches.len() {
            let next = World::started(Options::default(), prefix(&w, count));
            prop_assert!(!next.agent.has_stopped(), "after {count} batches: {:?}", next.log);
        }
    }
}

fn hostile() -> impl Strategy<Value = (u64, u64, ToAgent)> {
    let skew = prop_oneof![20 => Just(0_u64), 1 => 0..50_u64];
    let pause = prop_oneof![10 => Just(0_u64), 1 => 1..400_u64];
    (skew, pause, message())
}

fn message() -> impl Strategy<Value = ToAgent> {
    let task = prop::sample::select(vec!["t1", "t2", "t3", "t4", "t5", "t6", "p1", "p2", "e1"]);
    let framework = prop::sample::select(vec!["f1", "f2", "f3"]).prop_map(|id| FrameworkId::new(id).unwrap());
    let agent = prop::sample::select(vec!["a1", "a1", "a1", "a2"]).prop_map(|id| AgentId::new(id).unwrap());
    let words = prop::sample::select(vec![
        "say t1 RUNNING",
        "say p1 RUNNING",
        "say p1 RUNNING",
        "say p1 FINISHED",
        "say p2 UNKNOWN",
        "contain c1 p1",
        "contain c2 p1",
        "contain c3 p9",
        "destroy c1",
        "exit",
    ]);
    prop_oneof![
        8 => (task.clone(), framework.clone(), any::<(bool, bool)>()).prop_map(|(name, framework_id, how)| run(name, framework_id, how)),
        4 => (task.clone(), framework.clone(), prop::option::of(0..9_u64)).prop_map(|(name, framework_id, grace)| {
            let policy = grace.map(|grace| KillPolicy { grace: Some(Duration::from_secs(grace)) });
            ToAgent::Kill { framework_id, task_id: task_id(name), policy }
        }),
        2 => (task.clone(), framework.clone(), any::<u128>()).prop_map(|(name, framework_id, uuid)| {
            ToAgent::Acknowledge { framework_id, task_id: task_id(name), uuid: UpdateId(uuid) }
        }),
        2 => any::<u64>().prop_map(|received| ToAgent::Ping { received }),
        2 => (0..5_u64).prop_map(|received| ToAgent::Ping { received }),
        2 => (agent.clone(), 0..90_u64).prop_map(|(agent_id, seconds)| {
            ToAgent::Registered { agent_id, ping_timeout: Duration::from_secs(seconds) }
        }),
        2 => (agent, prop::collection::vec((framework.clone(), task.prop_map(task_id)), 0..9)).prop_map(|(agent_id, missing)| {
            ToAgent::Reregistered { agent_id, ping_timeout: Duration::MAX, missing }
        }),
        1 => framework.clone().prop_map(|framework_id| ToAgent::ShutdownExecutor { framework_id, executor_id: executor() }),
        1 => framework.clone().prop_map(|framework_id| ToAgent::ShutdownFramework { framework_id }),
        1 => framework.clone().prop_map(|framework_id| ToAgent::UpdateFramework { framework_id, info: Arc::new(world::framework()) }),
        1 => Just(ToAgent::SetTotal { total: Resources::new() }),
        6 => (framework, words).prop_map(|(framework_id, words)| {
            ToAgent::Message { framework_id, executor_id: executor(), data: words.as_bytes().into() }
        }),
        1 => Just(ToAgent::Shutdown(Rejection::new(RejectionCode::AgentGone, "gone", "start anew"))),
    ]
}

fn executor() -> ExecutorId {
    ExecutorId::new("e1").unwrap()
}

fn run(name: &str, framework_id: FrameworkId, (is_checkpointed, is_puppet): (bool, bool)) -> ToAgent {
    let mut info = framework();
    info.checkpoint = is_checkpointed;
    let task = if is_puppet { puppet(name) } else { command(name) };
    match run_of(&info, task) {
        ToAgent::Run(mut run) => {
            run.framework_id = framework_id;
            ToAgent::Run(run)
        }
        other => other,
    }
}
