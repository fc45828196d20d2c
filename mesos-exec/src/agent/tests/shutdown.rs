//! Ends of executors, frameworks and the agent.

use mesos_core::call::agent::ToAgent;
use mesos_core::{ExecutorId, Rejection, RejectionCode, TaskState};

use super::agent::Input;
use super::world::{SECOND, World, command, framework_id, puppet};

fn running() -> World {
    let mut w = World::registered();
    w.run(command("t1"));
    w.launched("t1");
    w.ack("t1");
    w.ack("t1");
    w.log.clear();
    w
}

fn shutdown() -> ToAgent {
    ToAgent::Shutdown(Rejection::new(RejectionCode::AgentGone, "gone", "start a new agent"))
}

#[test]
fn an_executor_is_asked_and_then_ended() {
    let mut w = World::registered();
    w.run(puppet("t1"));
    w.tell("contain c1 t1");
    w.launched("e1");
    w.log.clear();
    w.say(ToAgent::ShutdownExecutor { framework_id: framework_id(), executor_id: ExecutorId::new("e1").unwrap() });
    w.expect(["message shutdown 5s"]);
    w.pass(5 * SECOND);
    w.expect(["destroy e1"]);
    w.exited("e1", 137);
    w.expect(["executor exited e1", "update t1 FAILED ExecutorTerminated"]);
}

#[test]
fn a_removed_framework_is_ended_in_silence_and_forgotten() {
    let mut w = running();
    w.run(command("t2"));
    w.log.clear();
    w.say(ToAgent::ShutdownFramework { framework_id: framework_id() });
    w.expect(["signal t1 Terminate", "destroy t2"]);
    w.launch_failed("t2");
    w.exited("t1", 0);
    w.expect([]);
    assert_eq!((w.keys(), w.agent.tasks().count()), (vec!["agent"], 0));
}

#[test]
fn updates_of_a_removed_framework_are_not_sent_again() {
    let mut w = World::registered();
    w.run(command("t1"));
    w.launched("t1");
    w.exited("t1", 0);
    w.say(ToAgent::ShutdownFramework { framework_id: framework_id() });
    w.log.clear();
    w.pass(60 * SECOND);
    w.expect([]);
    assert_eq!(w.keys(), ["agent"]);
}

#[test]
fn an_agent_that_is_asked_to_stop_ends_its_tasks_tells_and_says_goodbye() {
    let mut w = running();
    w.input(Input::Stop);
    w.expect(["signal t1 Terminate", "update t1 KILLING"]);
    w.run(command("t2"));
    w.exited("t1", 0);
    w.ack("t1");
    w.expect(["update t1 KILLED"]);
    w.ack("t1");
    w.expect(["unregister", "stop: stopped on request"]);
    assert!(w.keys().is_empty());
}

#[test]
fn an_agent_that_is_ordered_to_stop_tells_nobody_and_forgets_its_id() {
    let mut w = running();
    w.say(shutdown());
    w.expect(["close: the peer was removed", "signal t1 Terminate"]);
    w.exited("t1", 0);
    w.expect(["stop: the master ordered it: agent_gone: gone; start a new agent"]);
    assert!(w.keys().is_empty());
}

#[test]
fn an_agent_stops_even_when_its_containers_never_answer() {
    let mut w = running();
    w.say(shutdown());
    w.log.clear();
    w.pass(60 * SECOND);
    assert_eq!(w.log.last().map(|line| line.split(':').next().unwrap()), Some("stop"), "{:?}", w.log);
    assert!(w.agent.has_stopped());
}

#[test]
fn an_agent_stops_even_when_nobody_acknowledges() {
    let mut w = running();
    w.input(Input::Stop);
    w.exited("t1", 0);
    assert_eq!(w.state("t1"), Some(TaskState::Killed));
    w.log.clear();
    w.pass(60 * SECOND);
    assert_eq!(w.log[w.log.len() - 2..], ["unregister", "stop: stopped on request"]);
}

#[test]
fn an_agent_asked_to_stop_before_it_is_up_stops_when_it_is() {
    let mut w = World::started(super::agent::Options::default(), std::collections::BTreeMap::new());
    w.input(Input::Stop);
    w.survive(&[]);
    w.expect(["recover", "stop: stopped on request"]);
}

#[test]
fn nothing_is_written_after_the_erasure() {
    let mut w = running();
    w.say(shutdown());
    w.is_disk_slow = true;
    w.pass(12 * SECOND);
    assert!(w.log.last().unwrap().starts_with("write -agent"), "{:?}", w.log);
    w.log.clear();
    w.exited("t1", 0);
    w.expect([]);
    w.flush();
    assert!(w.keys().is_empty() && w.agent.has_stopped());
}

#[test]
fn the_total_outlives_the_agent() {
    let mut w = running();
    w.say(ToAgent::SetTotal { total: "cpus:3".parse().unwrap() });
    w.say(shutdown());
    w.exited("t1", 0);
    assert_eq!(w.keys(), ["total"]);
    w.restart();
    assert_eq!(w.agent.total(), &"cpus:3".parse().unwrap());
}
