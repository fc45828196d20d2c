//! Persist before send.

use mesos_core::TaskState;
use mesos_core::call::scheduler::Event;
use mesos_core::kernel::{Machine, Ticket};
use mesos_core::provider::StoreError;

use super::{Bench, Puppet, launching, news, offer, subscribed, task};
use crate::driver::{Input, Options};

fn remembering(cx: &mut mesos_core::SchedulerCx<'_>) {
    cx.remember("launched", &"t1");
    cx.launch(&offer("o1"), [task("t1")]);
}

#[test]
fn a_launch_waits_for_what_was_saved_before_it() {
    let mut bench = Bench::subscribed(Puppet::default().on("offers", remembering));
    assert_eq!(bench.event(Event::Offers(vec![offer("o1")])), ["save 2: +memory/launched"]);
    assert_eq!(bench.saved(2), ["ACCEPT o1: t1"]);
}

#[test]
fn without_saves_nothing_waits() {
    let mut bench = Bench::subscribed(Puppet::default().on("offers", launching(&["t1"])));
    assert_eq!(bench.event(Event::Offers(vec![offer("o1")])), ["ACCEPT o1: t1"]);
}

#[test]
fn an_update_is_acknowledged_after_what_it_made_the_framework_remember_is_durable() {
    let mut bench = Bench::subscribed(Puppet::default().on("update", |cx| cx.forget("launched")));
    assert_eq!(bench.event(news("t1", TaskState::Running, 7)), ["save 2: -memory/launched"]);
    assert_eq!(bench.saved(2), ["ACKNOWLEDGE t1 7"]);
}

#[test]
fn what_is_saved_during_a_save_makes_one_more_batch() {
    let mut bench = Bench::subscribed(Puppet::default().on("update", |cx| cx.remember("n", &1)));
    assert_eq!(bench.event(news("t1", TaskState::Starting, 1)), ["save 2: +memory/n"]);
    assert!(bench.event(news("t2", TaskState::Starting, 2)).is_empty());
    assert!(bench.event(news("t3", TaskState::Starting, 3)).is_empty());
    assert_eq!(bench.saved(2), ["ACKNOWLEDGE t1 1", "save 3: +memory/n +memory/n"]);
    assert_eq!(bench.saved(3), ["ACKNOWLEDGE t2 2", "ACKNOWLEDGE t3 3"]);
}

#[test]
fn an_accept_that_waited_across_a_disconnection_is_void_and_its_task_is_asked_about() {
    let mut bench = Bench::subscribed(Puppet::default().on("offers", remembering));
    bench.event(Event::Offers(vec![offer("o1")]));
    bench.disconnect();
    bench.connect();
    assert_eq!(bench.event(subscribed("f1")), ["RECONCILE"]);
    assert!(bench.saved(2).is_empty());
    assert_eq!(bench.advance_secs(30), ["RECONCILE t1"]);
}

#[test]
fn a_memory_that_fails_ends_the_framework() {
    let mut bench = Bench::subscribed(Puppet::default().on("offers", remembering));
    bench.event(Event::Offers(vec![offer("o1")]));
    let result = Err(StoreError::Unknown("disk full".into()));
    let lines = bench.input(Input::Saved { ticket: Ticket(2), result });
    assert_eq!(lines, ["stop: the framework's memory failed: the outcome is unknown: disk full"]);
}

#[test]
fn a_framework_that_has_ended_waits_for_nothing() {
    let mut bench = Bench::subscribed(Puppet::default().on("offers", launching(&["t1"])));
    bench.event(Event::Offers(vec![offer("o1")]));
    bench.input(Input::Stop { teardown: false });
    assert_eq!(bench.driver.deadline(), None, "not even for news of its tasks");
}

#[test]
fn an_answer_to_no_save_changes_nothing() {
    let mut bench = Bench::subscribed(Puppet::default().on("offers", remembering));
    bench.event(Event::Offers(vec![offer("o1")]));
    assert!(bench.saved(1).is_empty());
    assert!(bench.saved(9).is_empty());
    assert_eq!(bench.saved(2), ["ACCEPT o1: t1"]);
}

#[test]
fn a_slow_memory_gives_the_offers_back_and_the_framework_returns_when_it_has_caught_up() {
    let options = Options { waiting_max: 2, ..Options::default() };
    let puppet = Puppet::default().on("update", |cx| {
        cx.remember("n", &1);
    });
    let mut bench = Bench::subscribed_with(puppet, options);
    for n in 1..=2 {
        bench.event(news("t1", TaskState::Running, n));
    }
    let lines = bench.event(news("t1", TaskState::Running, 3));
    assert!(lines[0].starts_with("close c1 refused: too_many"), "{lines:?}");
    assert!(bench.advance_secs(600).is_empty(), "no subscription while the memory lags");
    bench.saved(2);
    bench.saved(3);
    assert_eq!(bench.connect(), ["SUBSCRIBE f1 suppressed"]);
}

#[test]
fn the_end_waits_for_the_last_save() {
    let mut bench = Bench::subscribed(Puppet::default().on("offers", remembering));
    bench.event(Event::Offers(vec![offer("o1")]));
    assert!(bench.input(Input::Stop { teardown: false }).is_empty());
    assert_eq!(bench.saved(2), ["ACCEPT o1: t1", "stop: stopped on request"]);
}

#[cfg(feature = "mutants")]
#[test]
fn the_planted_defect_acknowledges_too_early() {
    let mutant = Some(mesos_core::kernel::Mutant::AcknowledgeBeforeSaved);
    let puppet = Puppet::default().on("update", |cx| cx.forget("launched"));
    let mut bench = Bench::subscribed_with(puppet, Options { mutant, ..Options::default() });
    assert_eq!(bench.event(news("t1", TaskState::Running, 7))[0], "ACKNOWLEDGE t1 7");
}
