//! Executors that are programs.

use std::time::Duration;

use mesos_core::call::ConnId;
use mesos_core::call::agent::ToAgent;
use mesos_core::call::executor::Said;
use mesos_core::{ContainerId, ExecutorId, Exit, Purpose, TaskState};

use super::agent::Input;
use super::world::{
    SECOND, World, agent_id, custom, custom_group, framework, framework_id, named, reachable, run_of, speaker, task_id,
};

/// The program was started for the task `t1`, has subscribed on `c1` and runs it.
fn running() -> World {
    let mut w = World::registered_with(reachable());
    w.run(custom("t1"));
    w.launched("e1");
    w.subscribe(1, Vec::new(), &[]);
    w.program_reports("t1", TaskState::Running, 1);
    w.ack("t1");
    w.log.clear();
    w
}

#[test]
fn a_program_is_started_for_its_first_task_and_handed_what_waits_once_it_subscribes() {
    let mut w = World::registered_with(reachable());
    w.run(custom("t1"));
    w.expect(["launch e1"]);
    w.run(custom("t2"));
    w.launched("e1");
    w.expect(["wait e1"]);
    w.subscribe(1, Vec::new(), &[]);
    w.expect(["c1 SUBSCRIBED", "c1 LAUNCH t1", "c1 LAUNCH t2"]);
    w.run(custom("t3"));
    w.expect(["c1 LAUNCH t3"]);
}

#[test]
fn a_program_finds_its_agent_and_itself_in_its_environment() {
    let mut w = World::registered_with(reachable());
    w.run(custom("t1"));
    let spec = w.spec.take().unwrap();
    assert_eq!(spec.purpose, Purpose::Executor);
    for (name, value) in [
        ("MESOS_FRAMEWORK_ID", "f1"),
        ("MESOS_EXECUTOR_ID", "e1"),
        ("MESOS_SLAVE_ID", "a1"),
        ("MESOS_SLAVE_PID", "slave(1)@10.0.0.7:5051"),
        ("MESOS_AGENT_ENDPOINT", "10.0.0.7:5051"),
        ("MESOS_CHECKPOINT", "1"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
        ("MESOS_RECOVERY_TIMEOUT", "15mins"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
    ] {
        assert_eq!(spec.command.environment.get(name).map(AsRef::as_ref), Some(value), "{name}");
    }
    let mut w = World::registered_with(reachable());
    let mut framework = framework();
    framework.checkpoint = false;
    w.say(run_of(&framework, custom("t1")));
    let environment = w.spec.take().unwrap().command.environment;
    assert_eq!(environment.get("MESOS_CHECKPOINT").map(AsRef::as_ref), Some("0"));
    assert!(!environment.contains_key("MESOS_RECOVERY_TIMEOUT"));
}

#[test]
fn an_agent_that_nobody_can_reach_starts_no_programs() {
    let mut w = World::registered();
    w.run(custom("t1"));
    w.expect(["update t1 FAILED ContainerLaunchFailed"]);
}

#[test]
fn a_program_that_does_not_register_in_time_is_ended_and_its_tasks_fail() {
    let mut w = World::registered_with(reachable());
    w.run(custom("t1"));
    w.launched("e1");
    w.log.clear();
    w.pass(59 * SECOND);
    w.expect([]);
    w.pass(SECOND);
    w.expect(["destroy e1"]);
    w.exited("e1", 137);
    w.expect(["executor exited e1", "update t1 FAILED ExecutorRegistrationTimeout"]);
}

#[test]
fn a_program_that_cannot_be_started_fails_its_tasks() {
    let mut w = World::registered_with(reachable());
    w.run(custom("t1"));
    w.launch_failed("e1");
    w.expect(["launch e1", "executor exited e1", "update t1 FAILED ContainerLaunchFailed"]);
}

#[test]
fn an_update_is_confirmed_once_it_is_durable_and_counts_once() {
    let mut w = running();
    w.is_disk_slow = true;
    w.program_reports("t1", TaskState::Finished, 2);
    w.expect(["write +update/f1/t1/1", "taken"]);
    w.program_reports("t1", TaskState::Finished, 2);
    w.expect(["taken"]);
    w.flush();
    w.expect(["c1 ACKNOWLEDGED t1 2", "update t1 FINISHED"]);
    w.program_reports("t1", TaskState::Finished, 2);
    w.expect(["c1 ACKNOWLEDGED t1 2", "taken"]);
}

#[test]
fn updates_keep_all_that_their_executor_said() {
    let mut w = running();
    let mut update = named("t1", TaskState::Finished, 7);
    update.at_wall = Some(mesos_core::WallTime::from_nanos(5));
    update.healthy = Some(false);
    update.labels = [("k", "v")].into_iter().collect();
    update.limitation = Some(std::sync::Arc::new("mem:64".parse().unwrap()));
    update.address = Some("172.17.0.3".into());
    w.program_says(Said::Update(Box::new(update)));
    let (_, status) = w.updates.last().unwrap();
    assert_eq!(status.uuid.unwrap().0, 7);
    assert_eq!((status.at_wall.as_nanos(), status.healthy), (5, Some(false)));
    assert_eq!(status.labels.get("k"), Some("v"));
    assert_eq!(status.limitation.as_ref().map(ToString::to_string).as_deref(), Some("mem:64"));
    assert_eq!(status.address.as_deref(), Some("172.17.0.3"));
    assert!(status.container_id.as_ref().is_some_and(|id| id.as_str().starts_with("e1.")));
}

#[test]
fn whoever_does_not_speak_for_a_program_that_runs_is_refused() {
    let mut w = running();
    w.log.clear();
    let ask = |w: &mut World, change: fn(&mut super::agent::Speaker)| {
        let mut speaker = speaker();
        change(&mut speaker);
        w.input(Input::ExecutorConnected { conn: ConnId(9), speaker, subscription: Default::default() });
    };
    ask(&mut w, |speaker| speaker.framework_id = "f9".parse().unwrap());
    ask(&mut w, |speaker| speaker.executor_id = "e9".parse().unwrap());
    ask(&mut w, |speaker| speaker.container_id = Some(ContainerId::new("e1.another").unwrap()));
    w.expect([
        "c9 close: refused: unknown_framework",
        "c9 close: refused: unknown_executor",
        "c9 close: refused: not_yours",
    ]);
    w.input(Input::ExecutorDisconnected { conn: ConnId(1) });
    w.program_says(Said::Heartbeat);
    w.expect(["refused: not_subscribed"]);
    w.restart_with(reachable());
    w.log.clear();
    w.subscribe(2, Vec::new(), &[]);
    w.expect(["c2 close: refused: not_ready"]);
}

#[test]
fn what_a_program_may_not_say_is_refused_and_changes_nothing() {
    let mut w = running();
    w.program_reports("t1", TaskState::Staging, 9);
    w.program_reports("t1", TaskState::Unreachable, 9);
    let mut nameless = named("t1", TaskState::Finished, 9);
    nameless.uuid = None;
    w.program_says(Said::Update(Box::new(nameless)));
    w.expect(["refused: invalid_task", "refused: invalid_task", "refused: invalid_task"]);
    w.program_reports("t9", TaskState::Running, 9);
    w.expect(["c1 ACKNOWLEDGED t9 9", "taken"]);
}

#[test]
fn messages_go_both_ways() {
    let mut w = running();
    w.tell("hello");
    w.program_says(Said::Message(b"there".as_slice().into()));
    w.expect(["c1 MESSAGE hello", "message there", "taken"]);
}

#[test]
fn what_happens_is_counted() {
    let mut w = running();
    let before = *w.agent.counters();
    w.tell("hello");
    let executor_id = ExecutorId::new("e9").unwrap();
    w.say(ToAgent::Message { framework_id: framework_id(), executor_id, data: b"hello".as_slice().into() });
    w.program_reports("t1", TaskState::Staging, 9);
    let mut nameless = named("t1", TaskState::Finished, 9);
    nameless.uuid = None;
    w.program_says(Said::Update(Box::new(nameless)));
    w.program_reports("t1", TaskState::Finished, 9);
    w.program_reports("t1", TaskState::Finished, 9);
    let now = *w.agent.counters();
    assert_eq!((now.messages, now.messages_invalid), (1, 1));
    assert_eq!((now.updates - before.updates, now.updates_invalid), (2, 2), "a repetition is valid");
    assert_eq!(now.ended[TaskState::Finished as usize], 1, "and ends nothing again");
    assert!(!w.agent.snapshot().frameworks[0].executors[0].is_registering);
    w.exited("e1", 0);
    assert_eq!((now.executors_terminated, w.agent.counters().executors_terminated), (0, 1));

    let mut w = World::registered_with(reachable());
    w.run(custom("t1"));
    assert!(w.agent.snapshot().frameworks[0].executors[0].is_registering);
    w.launch_failed("e1");
    let counters = w.agent.counters();
    assert_eq!((counters.launches_failed, counters.ended[TaskState::Failed as usize]), (1, 1));
}

#[test]
fn a_kill_is_told_again_to_a_program_that_connects_again() {
    let mut w = running();
    w.kill("t1");
    w.expect(["c1 KILL t1 3s"]);
    w.input(Input::ExecutorDisconnected { conn: ConnId(1) });
    w.subscribe(2, Vec::new(), &[]);
    w.expect(["c2 SUBSCRIBED", "c2 KILL t1 3s"]);
}

#[test]
fn a_task_killed_before_its_program_connected_ends_both() {
    let mut w = World::registered_with(reachable());
    w.run(custom("t1"));
    w.launched("e1");
    w.log.clear();
    w.kill("t1");
    w.expect(["destroy e1", "update t1 KILLED TaskKilledDuringLaunch"]);
}

#[test]
fn a_group_waits_goes_and_dies_together() {
    let mut w = World::registered_with(reachable());
    w.say(custom_group(&["t1", "t2"]));
    w.say(custom_group(&["t3", "t4"]));
    w.launched("e1");
    w.log.clear();
    w.kill("t4");
    w.expect(["update t3 KILLED TaskKilledDuringLaunch", "update t4 KILLED TaskKilledDuringLaunch"]);
    w.subscribe(1, Vec::new(), &[]);
    w.expect(["c1 SUBSCRIBED", "c1 LAUNCH_GROUP t1 t2"]);
    w.say(custom_group(&["t5", "t1"]));
    w.expect(["update t5 DROPPED TaskGroupInvalid"]);
}

#[test]
fn after_a_broken_connection_both_sides_compare_what_they_have() {
    let mut w = running();
    w.run(custom("t2"));
    w.run(custom("t3"));
    w.expect(["c1 LAUNCH t2", "c1 LAUNCH t3"]);
    w.input(Input::ExecutorDisconnected { conn: ConnId(1) });
    w.run(custom("t4"));
    // It never got t2; of t3 nobody knows but itself; the news of t1 was taken over, that of t3 was not.
    w.subscribe(2, vec![named("t1", TaskState::Running, 1), named("t3", TaskState::Running, 5)], &["t3"]);
    w.expect([
        "c2 SUBSCRIBED",
        "c2 ACKNOWLEDGED t1 1",
        "c2 LAUNCH t4",
        "c2 ACKNOWLEDGED t3 5",
        "update t3 RUNNING",
        "update t2 DROPPED AgentRestarted",
    ]);
}

#[test]
fn a_second_subscription_takes_the_place_of_the_first() {
    let mut w = running();
    w.subscribe(2, Vec::new(), &[]);
    w.expect(["c1 ERROR", "c1 close: superseded by a newer connection of the same peer", "c2 SUBSCRIBED"]);
    w.input(Input::ExecutorDisconnected { conn: ConnId(1) });
    w.tell("hello");
    w.expect(["c2 MESSAGE hello"]);
}

#[test]
fn a_program_that_stays_away_is_ended() {
    let mut w = running();
    w.input(Input::ExecutorDisconnected { conn: ConnId(1) });
    w.pass(Duration::from_secs(15 * 60));
    assert_eq!(w.log.last().map(String::as_str), Some("destroy e1"));
    let mut w = World::registered_with(reachable());
    let mut framework = framework();
    framework.checkpoint = false;
    w.say(run_of(&framework, custom("t1")));
    w.launched("e1");
    w.subscribe(1, Vec::new(), &[]);
    w.log.clear();
    w.input(Input::ExecutorDisconnected { conn: ConnId(1) });
    w.pass(5 * SECOND);
    w.expect(["destroy e1"]);
}

#[test]
fn the_end_of_the_process_is_the_end_of_the_executor() {
    let mut w = running();
    w.exited("e1", 3);
    w.expect(["c1 close: the peer was removed", "executor exited e1", "update t1 FAILED ExecutorTerminated"]);
    let (_, status) = w.updates.last().unwrap();
    assert_eq!(status.message.as_deref(), Some("Executor ended: Command exited with status 3"));
}

#[test]
fn a_program_is_told_to_end_and_destroyed_when_its_grace_is_over() {
    let mut w = running();
    w.say(ToAgent::ShutdownExecutor { framework_id: framework_id(), executor_id: "e1".parse().unwrap() });
    w.expect(["c1 SHUTDOWN 5s"]);
    w.program_reports("t1", TaskState::Killed, 4);
    w.expect(["taken", "c1 ACKNOWLEDGED t1 4", "update t1 KILLED"]);
    w.pass(5 * SECOND);
    assert!(w.log.contains(&"destroy e1".to_owned()), "{:?}", w.log);
}

#[test]
fn a_program_hears_every_half_hour_that_its_agent_lives() {
    let mut w = running();
    w.log.clear();
    w.pass(Duration::from_secs(29 * 60));
    assert!(!w.log.iter().any(|line| line.starts_with("c1")), "{:?}", w.log);
    w.pass(Duration::from_secs(32 * 60));
    assert_eq!(w.log.iter().filter(|line| *line == "c1 HEARTBEAT").count(), 2);
}

#[test]
fn a_program_that_outlives_the_agents_restart_goes_on() {
    let mut w = running();
    w.run(custom("t2"));
    w.restart_with(reachable());
    w.expect(["recover e1"]);
    w.survive(&["e1"]);
    w.expect(["wait e1"]);
    w.connect();
    w.reregistered(&[]);
    w.log.clear();
    // The update that was acknowledged before comes again and counts once.
    w.subscribe(1, vec![named("t1", TaskState::Running, 1)], &["t2"]);
    w.expect(["c1 SUBSCRIBED", "c1 ACKNOWLEDGED t1 1"]);
    w.program_reports("t2", TaskState::Finished, 2);
    w.expect(["taken", "c1 ACKNOWLEDGED t2 2", "update t2 FINISHED"]);
    w.pass(60 * SECOND);
    assert_eq!(w.state("t1"), Some(TaskState::Running));
}

#[test]
fn a_program_that_does_not_come_back_after_the_agents_restart_is_ended_and_its_tasks_are_gone() {
    let mut w = running();
    w.restart_with(reachable());
    w.survive(&["e1"]);
    w.log.clear();
    w.pass(2 * SECOND);
    w.expect(["destroy e1"]);
    w.exited("e1", 137);
    w.connect();
    w.reregistered(&[]);
    assert_eq!(w.log.last().map(String::as_str), Some("update t1 GONE ExecutorReregistrationTimeout"));
    w.ack("t1");
    assert_eq!(w.keys(), ["agent"]);
}

#[test]
fn a_program_that_did_not_survive_takes_its_tasks_with_it() {
    let mut w = running();
    w.restart_with(reachable());
    w.survive(&[]);
    w.connect();
    w.reregistered(&[]);
    assert_eq!(w.log.last().map(String::as_str), Some("update t1 GONE ExecutorReregistrationTimeout"));
}

#[test]
fn a_program_without_tasks_outlives_the_agents_restart_too() {
    let mut w = running();
    w.program_reports("t1", TaskState::Finished, 2);
    w.ack("t1");
    w.restart_with(reachable());
    w.expect(["recover e1"]);
    w.survive(&["e1"]);
    w.subscribe(1, Vec::new(), &[]);
    w.expect(["wait e1", "c1 SUBSCRIBED"]);
}

#[test]
fn a_program_killed_for_its_memory_says_so() {
    let mut w = running();
    let exit = Exit::LimitExceeded { resource: "mem".into(), message: "too much".into() };
    w.answer_if_asked("e1", super::world::Answer::Exited(exit));
    assert_eq!(w.log.last().map(String::as_str), Some("update t1 FAILED ContainerLimitationMemory"));
    assert_eq!(w.updates.last().unwrap().1.task_id, task_id("t1"));
    assert_eq!(w.agent.id(), Some(&agent_id()));
}
