//! Executors as guests.

use mesos_core::TaskState;

use super::world::{World, command, puppet};

#[test]
fn an_executor_that_ends_takes_its_containers_and_tasks_with_it_in_this_order() {
    let mut w = World::registered();
    w.run(puppet("t1"));
    w.tell("contain c1 t1");
    w.launched("e1");
    w.log.clear();
    w.tell("exit");
    w.expect(["destroy e1"]);
    assert_eq!(w.state("t1"), Some(TaskState::Staging), "its container may still use what it was given");
    w.exited("e1", 137);
    w.expect(["executor exited e1", "update t1 FAILED ExecutorTerminated"]);
}

#[test]
fn the_end_of_a_commands_executor_is_nobodys_news() {
    let mut w = World::registered();
    w.run(command("t1"));
    w.launched("t1");
    w.exited("t1", 0);
    assert_eq!(w.agent.executor_count(), 0);
    assert!(!w.log.iter().any(|line| line.starts_with("executor exited")), "{:?}", w.log);
}

#[test]
fn an_executor_that_says_what_it_cannot_know_is_ended() {
    for state in ["STAGING", "UNREACHABLE", "UNKNOWN"] {
        let mut w = World::registered();
        w.run(puppet("t1"));
        w.log.clear();
        w.tell(&format!("say t1 {state}"));
        w.expect(["executor exited e1", "update t1 FAILED ExecutorTerminated"]);
    }
}

#[test]
fn news_of_a_task_of_another_executor_is_ignored() {
    let mut w = World::registered();
    w.run(command("t1"));
    w.run(puppet("t2"));
    w.log.clear();
    w.tell("say t1 FAILED");
    w.tell("say t9 FAILED");
    w.expect([]);
}

#[test]
fn a_container_name_used_twice_ends_the_executor() {
    let mut w = World::registered();
    w.run(puppet("t1"));
    w.tell("contain c1 t1");
    w.tell("contain c1 t1");
    assert_eq!(w.log.last().map(String::as_str), Some("destroy e1"));
}

#[test]
fn an_executor_is_used_again_only_after_it_is_buried() {
    let mut w = World::registered();
    w.run(puppet("t1"));
    w.tell("contain c1 t1");
    w.tell("exit");
    w.log.clear();
    w.run(puppet("t2"));
    w.expect(["update t2 DROPPED ExecutorTerminated"]);
    w.launch_failed("e1");
    w.log.clear();
    w.run(puppet("t3"));
    w.expect(["message got t3"]);
}
