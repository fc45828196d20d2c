//! Finding, losing and doubting a master.

use mesos_core::call::agent::ToAgent;
use mesos_core::kernel::Seq;

use super::agent::{Input, Options};
use super::world::{SECOND, World, agent_id, command};

#[test]
fn a_new_agent_registers_and_keeps_the_id_it_is_given() {
    let mut w = World::fresh(Options::default());
    w.expect(["recover"]);
    w.lead(1);
    w.expect([]);
    assert!(w.wake() <= SECOND);
    w.expect(["connect m1"]);
    w.connected();
    w.expect(["register"]);
    assert!(!w.agent.is_registered());
    w.say(ToAgent::Registered { agent_id: agent_id(), ping_timeout: 75 * SECOND });
    assert!(w.agent.is_registered());
    assert_eq!((w.agent.id(), w.keys()), (Some(&agent_id()), vec!["agent"]));
    w.restart();
    w.survive(&[]);
    w.connect();
    w.expect(["recover", "connect m1", "reregister"]);
}

#[test]
fn nobody_is_registered_with_before_the_machine_was_looked_over() {
    let mut w = World::started(Options::default(), std::collections::BTreeMap::new());
    w.lead(1);
    w.pass(60 * SECOND);
    w.expect(["recover"]);
    w.survive(&[]);
    w.wake();
    w.expect(["connect m1"]);
}

#[test]
fn registration_is_repeated_ever_more_slowly() {
    let mut w = World::fresh(Options::default());
    w.connect();
    let waits: Vec<_> = (0..40).map(|_| w.wake()).collect();
    assert_eq!(w.log.iter().filter(|line| *line == "register").count(), 41);
    assert!(waits[0] <= 2 * SECOND && waits[1] <= 4 * SECOND && waits[2] <= 8 * SECOND, "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= 60 * SECOND) && waits.iter().any(|wait| *wait > 20 * SECOND), "{waits:?}");
}

#[test]
fn a_connection_that_cannot_be_made_is_asked_for_again() {
    let mut w = World::fresh(Options::default());
    w.lead(1);
    w.wake();
    w.input(Input::Disconnected { conn: None });
    w.wake();
    w.expect(["recover", "connect m1", "connect m1"]);
    assert_eq!(w.wake(), 10 * SECOND, "a host that says nothing has a deadline, too");
    w.expect(["connect m1"]);
}

#[test]
fn a_broken_connection_is_made_again() {
    let mut w = World::registered();
    w.disconnect();
    assert!(!w.agent.is_registered());
    w.wake();
    w.connected();
    w.expect(["connect m1", "reregister"]);
}

#[test]
fn a_silent_master_is_left_and_found_again() {
    let mut w = World::registered();
    w.pass(74 * SECOND);
    w.say(ToAgent::Ping { received: 1 });
    w.pass(74 * SECOND);
    w.expect(["pong"]);
    w.pass(2 * SECOND);
    w.expect(["close: silent for too long", "connect m1"]);
}

#[test]
fn a_duplicate_is_ignored_and_a_gap_ends_the_connection() {
    let mut w = World::registered();
    w.say_as(Seq(0), ToAgent::Ping { received: 1 });
    w.expect([]);
    w.say_as(Seq(2), ToAgent::Ping { received: 1 });
    w.expect(["close: a message was lost on this connection; start again"]);
}

#[test]
fn a_master_that_missed_what_was_sent_before_the_last_ping_is_told_everything_again() {
    let mut w = World::registered();
    w.run(command("t1"));
    w.say(ToAgent::Ping { received: 1 });
    w.expect(["launch t1", "update t1 STARTING", "pong"]);
    w.say(ToAgent::Ping { received: 1 });
    w.expect(["close: a message was lost on this connection; start again"]);
}

#[test]
fn a_master_that_is_a_little_behind_is_not_doubted() {
    let mut w = World::registered();
    w.say(ToAgent::Ping { received: 1 });
    w.run(command("t1"));
    w.say(ToAgent::Ping { received: 1 });
    w.say(ToAgent::Ping { received: 3 });
    assert!(w.agent.is_registered());
}

#[test]
fn another_leader_gets_the_whole_story() {
    let mut w = World::registered();
    w.run(command("t1"));
    w.log.clear();
    w.lead(2);
    w.lead(2);
    w.wake();
    w.connected();
    w.expect(["close: this master does not lead", "connect m2", "reregister t1=STARTING"]);
}

#[test]
fn a_master_that_mistakes_the_agent_for_another_is_left() {
    let mut w = World::registered();
    w.say(ToAgent::Registered { agent_id: mesos_core::AgentId::new("a2").unwrap(), ping_timeout: 75 * SECOND });
    assert!(w.log[0].starts_with("close: refused"), "{:?}", w.log);
    assert_eq!(w.agent.id(), Some(&agent_id()));
}

#[test]
fn a_connection_nobody_wants_any_more_is_closed() {
    let mut w = World::registered();
    w.input(Input::LeaderChanged { leader: None });
    w.connected();
    w.expect(["close: this master does not lead", "close: this master does not lead"]);
}
