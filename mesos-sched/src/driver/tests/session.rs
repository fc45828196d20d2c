//! Finding, keeping and ending a subscription.

use std::time::Duration;

use mesos_core::call::ConnId;
use mesos_core::call::scheduler::Event;
use mesos_core::kernel::{Machine as _, Record};
use mesos_core::{Rejection, RejectionCode, TaskState};

use super::{Bench, Puppet, answer, launching, leader, news, offer, subscribed};
use crate::driver::{FRAMEWORK_ID_KEY, Input, Options};

fn error(code: RejectionCode) -> Event {
    Event::Error(Rejection::new(code, "x", "y"))
}

#[test]
fn the_first_subscription_saves_the_id_before_anything_that_depends_on_it_is_said() {
    let mut bench = Bench::new(Puppet::default().on("subscribed", |cx| cx.revive()));
    assert!(bench.input(Input::Recovered { records: vec![] }).is_empty());
    assert!(bench.input(Input::LeaderChanged { leader: Some(leader(1)) }).is_empty());
    assert_eq!(bench.connect(), ["SUBSCRIBE - suppressed"]);
    assert_eq!(bench.event(subscribed("f1")), ["save 1: +driver/framework_id"]);
    assert_eq!(bench.heard(), ["subscribed f1"]);
    assert_eq!(bench.saved(1), ["REVIVE"]);
}

#[test]
fn a_later_run_fails_over_with_the_id_it_finds() {
    let mut bench = Bench::new(Puppet::default());
    let records = vec![Record::encode(FRAMEWORK_ID_KEY, &"f7"), Record::encode("memory/jobs", &3)];
    bench.input(Input::Recovered { records });
    assert_eq!(bench.heard(), ["recovered jobs"]);
    bench.input(Input::LeaderChanged { leader: Some(leader(1)) });
    assert_eq!(bench.connect(), ["SUBSCRIBE f7 suppressed"]);
    assert_eq!(bench.event(subscribed("f7")), ["RECONCILE"]);
}

#[test]
fn an_unreadable_id_ends_the_framework_instead_of_making_a_second_one() {
    let mut bench = Bench::new(Puppet::default());
    let lines = bench.input(Input::Recovered { records: vec![Record::encode(FRAMEWORK_ID_KEY, &"a/b")] });
    assert!(lines[0].starts_with("stop: the framework's memory failed"), "{lines:?}");
}

#[test]
fn attempts_are_repeated_ever_more_rarely_until_one_succeeds() {
    let mut bench = Bench::new(Puppet::default());
    bench.input(Input::Recovered { records: vec![] });
    bench.input(Input::LeaderChanged { leader: Some(leader(1)) });
    assert_eq!(bench.advance_secs(1), ["connect m1"]);
    let attempts = bench.advance_secs(600).len();
    assert!((10..=24).contains(&attempts), "{attempts} attempts within ten minutes");
}

#[test]
fn a_failed_connection_is_not_retried_at_once() {
    let mut bench = Bench::new(Puppet::default());
    bench.input(Input::Recovered { records: vec![] });
    bench.input(Input::LeaderChanged { leader: Some(leader(1)) });
    bench.advance_secs(1);
    assert!(bench.input(Input::Disconnected { conn: None }).is_empty());
    assert!(bench.advance(Duration::from_millis(0)).is_empty());
    assert_eq!(bench.advance_secs(2)[0], "connect m1");
}

#[test]
fn a_broken_connection_is_told_once_and_made_again() {
    let mut bench = Bench::subscribed(Puppet::default());
    bench.advance_secs(20);
    assert!(bench.disconnect().is_empty());
    assert!(bench.disconnect().is_empty());
    assert_eq!(bench.heard(), ["subscribed f1", "disconnected"]);
    assert_eq!(bench.connect(), ["SUBSCRIBE f1 suppressed"]);
    assert_eq!(bench.event(subscribed("f1")), ["RECONCILE"]);
}

#[test]
fn another_leader_takes_over_the_conversation() {
    let mut bench = Bench::subscribed(Puppet::default());
    let lines = bench.input(Input::LeaderChanged { leader: Some(leader(2)) });
    assert_eq!(lines, ["close c1 this master does not lead"]);
    assert_eq!(bench.advance_secs(1), ["connect m2"]);
}

#[test]
fn without_a_leader_nothing_is_tried() {
    let mut bench = Bench::subscribed(Puppet::default());
    bench.input(Input::LeaderChanged { leader: None });
    assert!(bench.advance_secs(3_600).is_empty());
}

#[test]
fn a_silent_master_is_left_after_three_heartbeats() {
    let mut bench = Bench::subscribed(Puppet::default());
    bench.advance_secs(40);
    assert!(bench.event(Event::Heartbeat { received: 1 }).is_empty());
    assert!(bench.advance_secs(44).is_empty());
    assert_eq!(bench.advance_secs(1)[0], "close c1 silent for too long");
    assert_eq!(bench.heard().last().unwrap(), "disconnected");
}

#[test]
fn what_comes_twice_is_heard_once_and_what_is_missing_ends_the_connection() {
    let mut bench = Bench::subscribed(Puppet::default());
    bench.event(Event::Offers(vec![offer("o1")]));
    bench.event_at(1, Event::Offers(vec![offer("o1")]));
    assert_eq!(bench.heard(), ["subscribed f1", "offers o1"]);
    let lines = bench.event_at(3, Event::Offers(vec![offer("o3")]));
    assert_eq!(lines, ["close c1 a message was lost on this connection; start again"]);
}

#[test]
fn calls_that_had_a_heartbeat_to_arrive_and_did_not_end_the_connection() {
    let mut bench = Bench::subscribed(Puppet::default().on("offers", launching(&["t1"])));
    bench.event(Event::Offers(vec![offer("o1")]));
    assert!(bench.event(Event::Heartbeat { received: 1 }).is_empty(), "the accept may still be on its way");
    assert_eq!(bench.event(Event::Heartbeat { received: 1 }).len(), 1, "it is not any more");
    assert!(!bench.driver.is_subscribed());
}

#[test]
fn a_removed_framework_ends_and_an_overloaded_master_is_asked_again() {
    let mut bench = Bench::new(Puppet::default());
    bench.input(Input::Recovered { records: vec![] });
    bench.input(Input::LeaderChanged { leader: Some(leader(1)) });
    bench.connect();
    assert!(bench.event(error(RejectionCode::TooMany)).is_empty());
    assert_eq!(bench.connect(), ["SUBSCRIBE - suppressed"]);
    let lines = bench.event(error(RejectionCode::FrameworkRemoved));
    assert!(lines[0].starts_with("stop: the master refused the subscription"), "{lines:?}");
    assert!(bench.advance_secs(600).is_empty());
}

#[test]
fn a_connection_that_ends_after_a_teardown_is_followed_up_at_once_but_only_once() {
    let mut bench = Bench::subscribed(Puppet::default());
    bench.input(Input::Stop { teardown: true });
    assert!(bench.disconnect().is_empty());
    assert_eq!(bench.driver.deadline(), Some(bench.now));
    bench.connect();
    assert_eq!(bench.event(subscribed("f1")), ["TEARDOWN"]);
    bench.disconnect();
    assert!(bench.driver.deadline().unwrap() > bench.now, "a network that breaks again and again is not hurried");
}

#[test]
fn a_refused_call_is_the_schedulers_business() {
    let mut bench = Bench::subscribed(Puppet::default());
    assert!(bench.event(error(RejectionCode::InvalidRole)).is_empty());
    assert_eq!(bench.heard().last().unwrap(), "refused invalid_role");
}

#[test]
fn two_runs_that_take_the_subscription_from_each_other_slow_down() {
    let mut bench = Bench::subscribed(Puppet::default());
    let begin = bench.now;
    for _ in 0..8 {
        bench.disconnect();
        bench.connect();
        bench.event(subscribed("f1"));
    }
    assert!(bench.now.since(begin) > Duration::from_secs(60), "{:?}", bench.now.since(begin));
}

#[test]
fn a_master_that_answers_with_another_id_is_left() {
    let mut bench = Bench::subscribed(Puppet::default());
    bench.disconnect();
    bench.connect();
    assert!(bench.event(subscribed("f2"))[0].starts_with("close c2"));
    assert_eq!(bench.driver.framework_id().unwrap().as_str(), "f1");
}

#[test]
fn work_that_is_done_tears_the_framework_down() {
    let mut bench = Bench::new(Puppet { is_done: true, ..Puppet::default() });
    assert_eq!(bench.input(Input::Recovered { records: vec![] }), ["stop: the work is done"], "nobody knows of it");
    bench = Bench::new(Puppet { is_done: true, ..Puppet::default() });
    bench.input(Input::Recovered { records: vec![Record::encode(FRAMEWORK_ID_KEY, &"f1")] });
    bench.input(Input::LeaderChanged { leader: Some(leader(1)) });
    bench.connect();
    assert_eq!(bench.event(subscribed("f1")), ["TEARDOWN"]);
    assert_eq!(bench.event(torn_down()), ["stop: the work is done"]);
    assert!(bench.event(answer("t1", TaskState::Unknown)).is_empty(), "it does nothing more");
}

#[test]
fn a_request_to_end_leaves_the_tasks_or_takes_them_along() {
    let mut bench = Bench::subscribed(Puppet::default());
    assert_eq!(bench.input(Input::Stop { teardown: false }), ["stop: stopped on request"]);
    let mut bench = Bench::subscribed(Puppet::default());
    assert_eq!(bench.input(Input::Stop { teardown: true }), ["TEARDOWN"]);
    assert_eq!(bench.event(torn_down()), ["stop: stopped on request"]);
}

#[test]
fn a_teardown_that_is_lost_is_said_again() {
    let mut bench = Bench::subscribed(Puppet::default());
    assert_eq!(bench.input(Input::Stop { teardown: true }), ["TEARDOWN"]);
    bench.disconnect();
    bench.connect();
    assert_eq!(bench.event(subscribed("f1")), ["TEARDOWN"]);
}

/// What the master says when it has removed the framework.
fn torn_down() -> Event {
    Event::Error(Rejection::new(RejectionCode::FrameworkRemoved, "framework f1 was removed", "subscribe without an id"))
}

#[test]
fn the_end_does_not_wait_for_ever_for_a_master() {
    let mut bench = Bench::subscribed(Puppet::default());
    bench.input(Input::LeaderChanged { leader: None });
    assert!(bench.input(Input::Stop { teardown: true }).is_empty());
    assert!(bench.advance_secs(29).is_empty());
    assert_eq!(bench.advance_secs(1), ["stop: stopped on request"]);
}

#[test]
fn a_connection_nobody_asked_for_is_closed() {
    let mut bench = Bench::subscribed(Puppet::default());
    let lines = bench.input(Input::Connected { conn: ConnId(99) });
    assert_eq!(lines, ["close c99 superseded by a newer connection of the same peer"]);
    assert!(bench.driver.is_subscribed());
}

#[test]
fn news_before_the_subscription_holds_are_not_believed() {
    let mut bench = Bench::new(Puppet::default());
    bench.input(Input::Recovered { records: vec![] });
    bench.input(Input::LeaderChanged { leader: Some(leader(1)) });
    bench.connect();
    bench.event(news("t1", TaskState::Running, 1));
    assert!(bench.heard().is_empty() && bench.driver.ledger().is_empty());
}

#[test]
fn odd_options_do_not_make_a_driver_spin() {
    let zero = Duration::ZERO;
    let options = Options {
        connect_jitter_max: zero,
        subscribe_backoff_min: zero,
        subscribe_backoff_max: zero,
        reconcile_every: zero,
        launch_doubt_after: zero,
        kill_backoff_min: zero,
        kill_backoff_max: zero,
        silent_heartbeats: 0,
        ..Options::default()
    };
    let mut bench = Bench::subscribed_with(Puppet::default().on("offers", launching(&["t1"])), options);
    bench.event(Event::Offers(vec![offer("o1")]));
    bench.advance(Duration::from_millis(50));
    let huge = Options { launch_doubt_after: Duration::MAX, reconcile_every: Duration::MAX, ..Options::default() };
    let mut bench = Bench::subscribed_with(Puppet::default(), huge);
    bench.advance_secs(40);
}
