//! Containers in every phase, ended in every phase.

use mesos_core::{Reason, TaskState};

use super::world::{SECOND, World, command, puppet};

const STARTED: &[&str] = &["launch t1", "update t1 STARTING"];

fn launching() -> World {
    let mut w = World::registered();
    w.run(command("t1"));
    assert_eq!(std::mem::take(&mut w.log), STARTED);
    w
}

fn reason(w: &mut World) -> (TaskState, Option<Reason>) {
    w.disconnect();
    w.wake();
    w.connected();
    w.reregistered(&[]);
    while w.agent.unacknowledged_updates() > 0 {
        w.ack("t1");
    }
    let last = &w.updates.last().unwrap().1;
    (last.state, last.reason)
}

#[test]
fn the_environment_tells_a_command_where_it_is() {
    let w = launching();
    let mut spec = w.spec.unwrap();
    spec.furnish();
    let names: Vec<&str> = spec.command.environment.keys().map(AsRef::as_ref).collect();
    assert_eq!(
        names,
        ["MESOS_AGENT_ID", "MESOS_ALLOCATION_ROLE", "MESOS_EXECUTOR_ID", "MESOS_FRAMEWORK_ID", "MESOS_TASK_ID"]
    );
    assert_eq!(&*spec.command.environment["MESOS_ALLOCATION_ROLE"], "web");
}

#[test]
fn a_launch_that_fails_fails_the_task() {
    let mut w = launching();
    w.launch_failed("t1");
    assert_eq!(reason(&mut w), (TaskState::Failed, Some(Reason::ContainerLaunchFailed)));
}

#[test]
fn a_launch_that_is_never_answered_is_destroyed_and_its_task_fails_in_the_end() {
    let mut w = launching();
    w.disconnect();
    w.log.clear();
    w.pass(299 * SECOND);
    w.log.clear();
    w.pass(SECOND);
    assert!(w.log.contains(&"destroy t1".into()), "{:?}", w.log);
    w.pass(180 * SECOND);
    assert_eq!(w.state("t1"), Some(TaskState::Failed));
}

#[test]
fn a_container_destroyed_while_starting_that_starts_all_the_same_is_destroyed_again() {
    let mut w = launching();
    w.kill("t1");
    w.expect(["destroy t1"]);
    w.destroyed("t1");
    w.launched("t1");
    w.expect(["wait t1", "destroy t1"]);
    w.exited("t1", 0);
    assert_eq!(reason(&mut w).0, TaskState::Killed);
}

#[test]
fn a_destroyed_launch_that_fails_is_a_kill() {
    let mut w = launching();
    w.kill("t1");
    w.launch_failed("t1");
    assert_eq!(reason(&mut w).0, TaskState::Killed);
}

#[test]
fn a_container_nobody_can_wait_for_is_destroyed_and_counted_as_ended() {
    let mut w = launching();
    w.launched("t1");
    w.log.clear();
    w.wait_failed("t1");
    w.expect(["destroy t1"]);
    assert_eq!(w.state("t1"), Some(TaskState::Running));
    w.destroyed("t1");
    assert_eq!(w.state("t1"), Some(TaskState::Failed));
    assert_eq!(w.agent.running_containers().count(), 0);
}

#[test]
fn a_container_that_cannot_be_destroyed_is_reported_after_some_attempts_and_kept_in_sight() {
    let mut w = World::registered();
    w.run(puppet("t1"));
    w.tell("contain c1 t1");
    w.launched("e1");
    w.log.clear();
    w.tell("destroy c1");
    w.tell("destroy c1");
    w.expect(["destroy e1"]);
    w.disconnect();
    w.pass(200 * SECOND);
    assert_eq!(w.log.iter().filter(|line| *line == "destroy e1").count(), 3);
    assert_eq!(w.agent.running_containers().count(), 1);
    w.exited("e1", 0);
    assert_eq!(w.agent.running_containers().count(), 0);
}

#[test]
fn answers_nobody_waits_for_are_ignored() {
    let mut w = launching();
    let ticket = mesos_core::kernel::Ticket(999);
    w.input(super::agent::Input::Container { ticket, outcome: super::agent::ContainerOutcome::Launched });
    w.expect([]);
}
