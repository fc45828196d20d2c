//! Containers beside others.

use mesos_core::{CommandInfo, ContainerId, ContainerLimits, Resources, Signal, TaskRun};

use mesos_core::call::operator::ReplyTo;

use super::agent::{ContainerAsk, Input, Nest, WAITS_PER_CONTAINER_MAX};
use super::world::{World, command, custom, reachable};

fn launch() -> ContainerAsk {
    let (command, limits) = (Box::new(CommandInfo::shell("ps")), ContainerLimits::default());
    ContainerAsk::Launch { command, resources: Resources::new(), limits, is_session: false, terminal: None }
}

fn running() -> World {
    let mut w = World::registered();
    w.run(command("t1"));
    w.launched("t1");
    w.log.clear();
    w
}

#[test]
fn a_container_beside_another_is_started_waited_for_and_removed() {
    let mut w = running();
    w.ask_beside("t1", "debug", launch());
    w.expect(["launch debug"]);
    w.launched("debug");
    w.expect(["wait debug", "taken"]);
    w.ask_beside("t1", "debug", launch());
    w.ask_beside("t1", "debug", ContainerAsk::Wait);
    w.ask_beside("t1", "debug", ContainerAsk::Remove);
    w.expect(["already", "refused: invalid_operation"]);
    w.exited("debug", 7);
    w.expect(["ended: Command exited with status 7"]);
    w.ask_beside("t1", "debug", ContainerAsk::Wait);
    w.ask_beside("t1", "debug", ContainerAsk::Find);
    assert!(w.log.pop().unwrap().contains(".debug"), "one that ended is found until it is removed");
    w.ask_beside("t1", "debug", ContainerAsk::Remove);
    w.ask_beside("t1", "debug", ContainerAsk::Wait);
    w.expect(["ended: Command exited with status 7", "taken", "refused: unknown_container"]);
    assert_eq!(w.state("t1"), Some(mesos_core::TaskState::Running), "the task is not concerned");
}

#[test]
fn beside_a_container_those_users_run_that_its_own_tasks_name() {
    let mut w = World::registered();
    for (id, user) in [("t1", "web"), ("t2", "db")] {
        let mut task = command(id);
        if let TaskRun::Command(command) = &mut task.run {
            command.user = Some(user.into());
        }
        w.run(task);
        w.launched(id);
    }
    let containers: Vec<_> = w.agent.running_containers().cloned().collect();
    let of = |user| containers.iter().filter(|id| w.agent.runs_as(id, user)).count();
    assert_eq!((containers.len(), of("web"), of("db"), of("root")), (2, 1, 1, 0));
    assert!(!w.agent.runs_as(&"nothing".parse().unwrap(), "web"));
}

#[test]
fn a_container_beside_another_ends_with_it() {
    let mut w = running();
    w.ask_beside("t1", "debug", launch());
    w.launched("debug");
    w.ask_beside("t1", "debug", ContainerAsk::Wait);
    w.log.clear();
    w.exited("t1", 0);
    assert!(w.log.contains(&"destroy debug".to_owned()), "{:?}", w.log);
    w.exited("debug", 137);
    assert!(w.log.contains(&"ended: Command exited with status 137".to_owned()), "{:?}", w.log);
    w.ask_beside("t1", "debug", launch());
    assert_eq!(w.log.last().map(String::as_str), Some("refused: unknown_container"));
}

#[test]
fn one_may_lie_beside_one_that_lies_beside_another_and_ends_with_it() {
    let mut w = running();
    w.ask_beside("t1", "work", launch());
    w.launched("work");
    w.ask_beside("work", "shell", launch());
    w.launched("work.shell");
    w.ask_beside("work", "shell", ContainerAsk::Wait);
    w.log.clear();
    w.ask_beside("work", "shell", ContainerAsk::Signal(Signal::Terminate));
    w.ask_beside("work", "shell", ContainerAsk::Remove);
    w.expect(["signal work.shell Terminate", "taken", "refused: invalid_operation"]);
    w.ask_beside("t1", "work", ContainerAsk::Signal(Signal::Kill));
    w.expect(["destroy work", "taken"]);
    w.exited("work", 137);
    assert!(w.log.contains(&"destroy work.shell".to_owned()), "{:?}", w.log);
    w.log.clear();
    w.exited("work.shell", 137);
    w.expect(["ended: Command exited with status 137"]);
    assert_eq!(w.agent.running_containers().count(), 1, "the task is not concerned");
}

#[test]
fn one_is_not_meant_by_names_that_are_joined_alike() {
    let mut w = running();
    w.ask_beside("t1", "a.b", launch());
    w.launched("a.b");
    w.log.clear();
    let parent = ContainerId::new(format!("{}.a", w.containers["t1"].id)).unwrap();
    let nest = Nest { parent: Some(parent), name: ContainerId::new("b").unwrap() };
    for ask in [ContainerAsk::Find, ContainerAsk::Wait, ContainerAsk::Remove, ContainerAsk::Signal(Signal::Kill)] {
        w.input(Input::ContainerAsked { nest: nest.clone(), ask, reply: ReplyTo(9) });
        w.expect(["refused: unknown_container"]);
    }
    w.ask_beside("t1", "a", launch());
    w.launched("a");
    w.log.clear();
    w.input(Input::ContainerAsked { nest, ask: launch(), reply: ReplyTo(9) });
    w.expect(["refused: invalid_id"]);
}

#[test]
fn so_many_wait_for_one_container_and_who_left_waits_no_more() {
    let mut w = running();
    w.ask_beside("t1", "debug", launch());
    w.launched("debug");
    w.log.clear();
    let nest = w.beside("t1", "debug");
    let most = w.wait_beyond_the_most(&nest);
    for reply in [3, 3, most + 7] {
        w.input(Input::AskerLeft { nest: nest.clone(), reply: ReplyTo(reply) });
    }
    w.wait_for(&nest, most + 1);
    w.expect([]);
    w.exited("debug", 0);
    assert_eq!(w.log.iter().filter(|line| line.starts_with("ended")).count(), WAITS_PER_CONTAINER_MAX);
}

#[test]
fn a_container_that_cannot_be_started_is_said_to_whoever_asked() {
    let mut w = running();
    w.ask_beside("t1", "debug", launch());
    w.launch_failed("debug");
    w.expect(["launch debug", "refused: invalid_operation"]);
}

#[test]
fn signals_reach_it_and_the_last_one_destroys_it() {
    let mut w = running();
    w.ask_beside("t1", "debug", launch());
    w.launched("debug");
    w.log.clear();
    w.ask_beside("t1", "debug", ContainerAsk::Signal(Signal::Terminate));
    w.ask_beside("t1", "debug", ContainerAsk::Signal(Signal::Kill));
    w.expect(["signal debug Terminate", "taken", "destroy debug", "taken"]);
    w.ask_beside("t1", "other", ContainerAsk::Signal(Signal::Kill));
    w.expect(["refused: unknown_container"]);
}

#[test]
fn a_program_runs_its_tasks_in_containers_beside_its_own() {
    let mut w = World::registered_with(reachable());
    w.run(custom("t1"));
    w.launched("e1");
    w.subscribe(1, Vec::new(), &[]);
    w.log.clear();
    w.ask_beside("e1", "t1", launch());
    w.launched("t1");
    w.exited("t1", 0);
    w.expect(["launch t1", "wait t1", "taken"]);
    w.exited("e1", 0);
    assert!(w.log.iter().any(|line| line.starts_with("executor exited e1")), "{:?}", w.log);
}

#[test]
fn a_program_may_be_heard_before_its_containers_start_is() {
    let mut w = World::registered_with(reachable());
    w.run(custom("t1"));
    w.ask_beside("e1", "t1", launch());
    assert_eq!(w.log.last().map(String::as_str), Some("refused: unknown_container"), "nobody said that it runs");
    w.subscribe(1, Vec::new(), &[]);
    w.log.clear();
    w.ask_beside("e1", "t1", launch());
    w.expect(["launch t1"]);
    w.launched("t1");
    w.launched("e1");
    w.exited("t1", 0);
    w.expect(["wait t1", "taken", "wait e1"]);
}
