//! Coming back.

use mesos_core::call::operator::ReplyTo;
use mesos_core::kernel::Record;
use mesos_core::{CommandInfo, ContainerId, ContainerLimits, Resources, TaskState};

use super::agent::{ContainerAsk, ContainerOutcome, Input, Nest, Options};
use super::world::{SECOND, World, command, framework, puppet, run_of};

fn running() -> World {
    let mut w = World::registered();
    w.run(command("t1"));
    w.launched("t1");
    w.ack("t1");
    w.log.clear();
    w
}

#[test]
fn a_surviving_command_goes_on() {
    let mut w = running();
    w.restart();
    w.expect(["recover t1"]);
    w.survive(&["t1"]);
    w.expect(["wait t1"]);
    w.connect();
    w.expect(["connect m1", "reregister t1=RUNNING told STARTING"]);
    w.reregistered(&[]);
    w.expect(["update t1 RUNNING"]);
    w.exited("t1", 0);
    w.ack("t1");
    w.expect(["update t1 FINISHED"]);
    w.ack("t1");
    assert_eq!(w.keys(), ["agent"]);
}

/// What runs outlives the agent's process, and so may its end be known that nobody saw.
#[test]
fn a_command_that_ended_meanwhile_ends_as_it_ended() {
    let mut w = running();
    w.restart();
    w.survive(&["t1"]);
    w.exited("t1", 7);
    w.connect();
    w.expect(["recover t1", "wait t1", "connect m1", "reregister t1=FAILED told STARTING"]);
    w.reregistered(&[]);
    w.expect(["update t1 RUNNING latest FAILED"]);
    w.ack("t1");
    w.expect(["update t1 FAILED"]);
}

fn beside(is_session: bool) -> ContainerAsk {
    let (command, limits) = (Box::new(CommandInfo::shell("ps")), ContainerLimits::default());
    ContainerAsk::Launch { command, resources: Resources::new(), limits, is_session, terminal: None }
}

#[test]
fn a_container_beside_another_survives_with_it_unless_it_was_a_session() {
    let mut w = running();
    for (name, is_session) in [("debug", true), ("helper", false)] {
        w.ask_beside("t1", name, beside(is_session));
        w.launched(name);
    }
    w.restart();
    let nest = Nest { parent: None, name: ContainerId::new("any").unwrap() };
    w.input(Input::ContainerAsked { nest, ask: ContainerAsk::Wait, reply: ReplyTo(0) });
    w.expect(["recover t1 helper", "refused: not_ready"]);
    w.survive(&["t1", "helper"]);
    w.ask_beside("t1", "debug", ContainerAsk::Wait);
    w.ask_beside("t1", "helper", ContainerAsk::Wait);
    w.expect(["wait t1", "wait helper", "refused: unknown_container"]);
    w.exited("helper", 3);
    w.expect(["ended: Command exited with status 3"]);
    assert_eq!(w.state("t1"), Some(TaskState::Running));
}

#[test]
fn what_lies_beside_a_container_that_did_not_survive_is_destroyed() {
    let mut w = running();
    w.ask_beside("t1", "helper", beside(false));
    w.launched("helper");
    w.restart();
    w.survive(&["helper"]);
    assert!(w.log.contains(&"destroy helper".to_owned()), "{:?}", w.log);
    w.exited("helper", 137);
    assert_eq!(w.state("t1"), Some(TaskState::Gone));
}

#[test]
fn a_command_that_did_not_survive_is_gone() {
    let mut w = running();
    w.ack("t1");
    w.restart();
    w.survive(&[]);
    w.connect();
    w.expect(["recover t1", "connect m1", "reregister t1=GONE told RUNNING"]);
    w.reregistered(&[]);
    w.expect(["update t1 GONE ExecutorReregistrationTimeout"]);
    w.ack("t1");
    assert_eq!(w.keys(), ["agent"]);
}

#[test]
fn a_task_that_never_reached_its_executor_is_dropped() {
    let mut w = World::registered();
    w.is_disk_slow = true;
    w.run(command("t1"));
    let batch = w.batches.last().unwrap().clone();
    super::world::apply(&mut w.disk, batch);
    w.restart();
    w.survive(&[]);
    w.connect();
    w.reregistered(&[]);
    assert_eq!(w.log.last().map(String::as_str), Some("update t1 DROPPED AgentRestarted"));
}

#[test]
fn unacknowledged_updates_are_delivered_after_the_restart_in_order() {
    let mut w = running();
    w.exited("t1", 0);
    w.restart();
    w.survive(&[]);
    w.connect();
    w.log.clear();
    w.reregistered(&[]);
    w.ack("t1");
    w.ack("t1");
    w.expect(["update t1 RUNNING latest FINISHED", "update t1 FINISHED"]);
    assert_eq!(w.agent.tasks().count(), 0);
}

#[test]
fn a_custom_executor_is_made_anew_and_told_what_it_had() {
    let mut w = World::registered();
    w.run(puppet("t1"));
    w.tell("say t1 STARTING");
    w.ack("t1");
    w.tell("contain c1 t1");
    w.launched("e1");
    w.restart();
    w.survive(&["e1"]);
    w.connect();
    w.reregistered(&[]);
    w.expect(["recover e1", "wait e1", "connect m1", "reregister t1=RUNNING told STARTING e1", "update t1 RUNNING"]);
    assert_eq!(w.updates[0].1.message.as_deref(), Some("recovered t1=STARTING with c1"));
    w.tell("say t1 FINISHED");
    assert_eq!(w.state("t1"), Some(TaskState::Finished));
}

#[test]
fn tasks_of_frameworks_that_do_not_checkpoint_are_not_kept() {
    let mut w = World::registered();
    let mut framework = framework();
    framework.checkpoint = false;
    w.say(run_of(&framework, command("t1")));
    w.launched("t1");
    w.restart();
    w.expect(["recover"]);
    w.survive(&[]);
    w.connect();
    w.log.clear();
    w.reregistered(&["t1"]);
    w.expect(["update t1 DROPPED Reconciliation"]);
}

#[test]
fn a_second_crash_during_recovery_changes_nothing() {
    let mut w = running();
    w.ack("t1");
    w.restart();
    w.restart();
    w.survive(&["t1"]);
    w.restart();
    w.survive(&[]);
    w.restart();
    w.survive(&[]);
    w.connect();
    w.log.clear();
    w.reregistered(&[]);
    w.expect(["update t1 GONE ExecutorReregistrationTimeout"]);
}

#[test]
fn what_cannot_be_read_or_found_out_stops_the_agent() {
    let mut disk = std::collections::BTreeMap::new();
    disk.insert("agent".into(), Record { key: "agent".into(), value: b"{".as_slice().into() });
    let w = World::started(Options::default(), disk);
    assert!(w.log[0].starts_with("stop: a checkpoint failed"), "{:?}", w.log);

    let mut w = World::started(Options::default(), std::collections::BTreeMap::new());
    w.input(Input::Container {
        ticket: mesos_core::kernel::Ticket(1),
        outcome: ContainerOutcome::Failed("busy".into()),
    });
    w.expect(["recover", "stop: containers could not be recovered: busy"]);

    let mut w = World::started(Options::default(), std::collections::BTreeMap::new());
    w.pass(300 * SECOND);
    assert!(w.agent.has_stopped());
}
