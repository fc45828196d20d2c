//! Updates, until they are acknowledged.

use mesos_core::UpdateId;
use mesos_core::call::agent::ToAgent;

use super::agent::Options;
use super::world::{SECOND, World, command, framework_id, puppet, task_id};

/// A task of a puppet, which has said so.
fn with_running_puppet() -> World {
    let mut w = World::registered();
    w.run(puppet("t1"));
    w.tell("say t1 RUNNING");
    w.log.clear();
    w
}

#[test]
fn an_update_is_durable_before_it_is_sent() {
    let mut w = World::registered();
    w.run(puppet("t1"));
    w.log.clear();
    w.is_disk_slow = true;
    w.tell("say t1 RUNNING");
    w.expect(["write +update/f1/t1/0"]);
    w.flush();
    w.expect(["update t1 RUNNING"]);
}

#[test]
fn only_the_head_is_sent_and_sent_again_ever_more_slowly() {
    let mut w = with_running_puppet();
    w.tell("say t1 RUNNING");
    let mut waits = Vec::new();
    for _ in 0..9 {
        w.say(ToAgent::Ping { received: u64::MAX });
        w.log.clear();
        let before = w.now.mono;
        while w.log.is_empty() {
            w.pass(SECOND);
            w.say(ToAgent::Ping { received: u64::MAX });
            w.log.retain(|line| line != "pong");
        }
        w.expect(["update t1 RUNNING"]);
        waits.push((w.now.mono - before).as_secs());
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
    let uuids: std::collections::BTreeSet<_> = w.updates.iter().map(|(_, status)| status.uuid).collect();
    assert_eq!(uuids.len(), 1, "the second update was sent before its turn");
}

#[test]
fn a_retried_update_tells_the_newest_state_too() {
    let mut w = with_running_puppet();
    w.tell("say t1 FINISHED");
    w.expect([]);
    w.pass(10 * SECOND);
    w.expect(["update t1 RUNNING latest FINISHED"]);
}

#[test]
fn an_acknowledgement_is_durable_before_the_next_update_is_sent() {
    let mut w = with_running_puppet();
    w.tell("say t1 FINISHED");
    w.is_disk_slow = true;
    w.ack("t1");
    w.expect(["write +state/f1/t1 -update/f1/t1/0"]);
    w.flush();
    w.expect(["update t1 FINISHED"]);
    w.ack("t1");
    w.expect(["write -update/f1/t1/1 -state/f1/t1 -task/f1/t1"]);
}

#[test]
fn an_acknowledgement_of_anything_but_the_head_is_void() {
    let mut w = with_running_puppet();
    w.tell("say t1 FINISHED");
    let (framework_id, task_id) = (framework_id(), task_id("t1"));
    w.say(ToAgent::Acknowledge { framework_id, task_id, uuid: UpdateId(1) });
    w.expect([]);
    assert_eq!(w.agent.unacknowledged_updates(), 2);
    w.ack("t1");
    w.expect(["update t1 FINISHED"]);
}

#[test]
fn nothing_follows_a_terminal_state() {
    let mut w = with_running_puppet();
    w.ack("t1");
    for state in ["FINISHED", "FINISHED", "FAILED", "RUNNING"] {
        w.tell(&format!("say t1 {state}"));
    }
    w.expect(["update t1 FINISHED"]);
    w.ack("t1");
    w.expect([]);
    w.tell("say t1 RUNNING");
    w.expect([]);
}

#[test]
fn updates_wait_while_nobody_listens_and_come_at_once_when_somebody_does() {
    let mut w = with_running_puppet();
    w.disconnect();
    w.pass(SECOND);
    w.connected();
    w.log.clear();
    w.reregistered(&[]);
    w.expect(["update t1 RUNNING"]);
}

#[test]
fn the_agent_says_what_became_of_tasks_it_does_not_know() {
    let mut w = World::registered();
    w.run(command("t1"));
    w.disconnect();
    w.wake();
    w.connected();
    w.log.clear();
    w.reregistered(&["t1", "t9"]);
    w.expect(["update t1 STARTING", "update t9 DROPPED Reconciliation"]);
    w.come_back();
    w.log.clear();
    w.reregistered(&["t9"]);
    w.expect([]);
    w.ack("t9");
    assert_eq!(w.agent.unacknowledged_updates(), 1);
}

#[test]
fn a_framework_unknown_here_hears_lost() {
    let mut w = World::registered();
    w.reregistered(&["t9"]);
    w.expect(["update t9 DROPPED Reconciliation"]);
}

#[test]
fn an_executor_that_says_too_much_is_ended_and_its_task_fails() {
    let options = Options { updates_per_task_max: 3, ..Options::default() };
    let mut w = World::registered_with(options);
    w.run(puppet("t1"));
    w.run(puppet("t2"));
    for _ in 0..3 {
        w.tell("say t1 RUNNING");
    }
    w.log.clear();
    w.tell("say t1 RUNNING");
    w.expect(["executor exited e1", "update t2 FAILED ExecutorTerminated"]);
    for _ in 0..3 {
        w.ack("t1");
    }
    w.expect(["update t1 RUNNING latest FAILED", "update t1 RUNNING latest FAILED", "update t1 FAILED QueueFull"]);
}

#[test]
fn the_last_word_has_room_at_the_bound() {
    let options = Options { updates_per_task_max: 1, ..Options::default() };
    let mut w = World::registered_with(options);
    w.run(puppet("t1"));
    w.tell("say t1 RUNNING");
    w.tell("say t1 FINISHED");
    w.log.clear();
    w.ack("t1");
    w.expect(["update t1 FINISHED"]);
}

#[test]
fn a_write_that_fails_stops_the_agent() {
    let mut w = World::registered();
    w.is_disk_slow = true;
    w.run(command("t1"));
    w.log.clear();
    w.fail_write();
    w.expect(["stop: a checkpoint failed: the outcome is unknown: disk full"]);
    assert!(w.agent.has_stopped());
    w.run(command("t2"));
    w.expect([]);
}
