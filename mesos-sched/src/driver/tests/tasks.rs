//! Following tasks to their end.

use mesos_core::call::scheduler::Event;
use mesos_core::{TaskState, UpdateId};

use super::{Bench, Puppet, answer, launching, news, offer, subscribed, task_id};
use crate::driver::Input;

fn with_task(puppet: Puppet) -> Bench {
    let mut bench = Bench::subscribed(puppet.on("offers", launching(&["t1"])));
    bench.event(Event::Offers(vec![offer("o1")]));
    bench
}

/// Keeps the master talking, so that the connection does not count as broken.
fn advance_with_heartbeats(bench: &mut Bench, secs: u64) -> Vec<String> {
    let mut lines = Vec::new();
    for _ in 0..secs.div_ceil(15) {
        lines.extend(bench.advance_secs(15));
        lines.extend(bench.event(Event::Heartbeat { received: u64::MAX }));
    }
    lines
}

#[test]
fn only_updates_with_a_uuid_are_acknowledged_and_each_as_often_as_it_comes() {
    let mut bench = with_task(Puppet::default());
    assert!(bench.event(answer("t1", TaskState::Staging)).is_empty());
    assert_eq!(bench.event(news("t1", TaskState::Running, 4)), ["ACKNOWLEDGE t1 4"]);
    assert_eq!(bench.event(news("t1", TaskState::Running, 4)), ["ACKNOWLEDGE t1 4"]);
    assert_eq!(bench.heard().iter().filter(|line| *line == "update t1 RUNNING").count(), 2);
}

#[test]
fn a_task_is_followed_until_its_end() {
    let mut bench = with_task(Puppet::default());
    assert_eq!(bench.driver.ledger().len(), 1);
    bench.event(news("t1", TaskState::Running, 1));
    assert_eq!(bench.driver.ledger().get(&task_id("t1")).unwrap().state, Some(TaskState::Running));
    bench.event(news("t1", TaskState::Unreachable, 2));
    assert_eq!(bench.driver.ledger().len(), 1, "it may come back");
    bench.event(news("t1", TaskState::Finished, 3));
    assert!(bench.driver.ledger().is_empty());
}

#[test]
fn a_launch_without_news_is_asked_about_ever_more_rarely_until_it_is_answered() {
    let mut bench = with_task(Puppet::default());
    let lines = advance_with_heartbeats(&mut bench, 30);
    assert_eq!(lines, ["RECONCILE t1"]);
    assert_eq!(advance_with_heartbeats(&mut bench, 15), ["RECONCILE t1"]);
    assert_eq!(advance_with_heartbeats(&mut bench, 30), ["RECONCILE t1"]);
    assert!(advance_with_heartbeats(&mut bench, 45).is_empty());
    bench.event(answer("t1", TaskState::Unknown));
    assert!(advance_with_heartbeats(&mut bench, 3_600).is_empty());
    assert_eq!(bench.heard().last().unwrap(), "update t1 UNKNOWN");
}

#[test]
fn after_a_disconnection_every_task_is_asked_about() {
    let mut bench = with_task(Puppet::default());
    bench.event(news("t1", TaskState::Running, 1));
    bench.disconnect();
    bench.connect();
    assert_eq!(bench.event(subscribed("f1")), ["RECONCILE", "RECONCILE t1"]);
    bench.event(answer("t1", TaskState::Running));
    assert!(advance_with_heartbeats(&mut bench, 60).is_empty());
}

#[test]
fn a_task_that_was_silent_for_long_is_asked_about() {
    let mut bench = with_task(Puppet::default());
    bench.event(news("t1", TaskState::Running, 1));
    assert!(advance_with_heartbeats(&mut bench, 580).is_empty());
    let lines = advance_with_heartbeats(&mut bench, 660);
    assert_eq!(lines[0], "RECONCILE t1");
}

#[test]
fn a_kill_is_repeated_until_the_task_has_ended_and_across_a_disconnection() {
    let mut bench = with_task(Puppet::default().on("update", |cx| cx.kill(task_id("t1"))));
    assert_eq!(bench.event(news("t1", TaskState::Running, 1)), ["KILL t1", "ACKNOWLEDGE t1 1"]);
    assert_eq!(advance_with_heartbeats(&mut bench, 15), ["KILL t1"]);
    bench.disconnect();
    bench.connect();
    assert_eq!(bench.event(subscribed("f1")), ["RECONCILE", "RECONCILE t1", "KILL t1"]);
    bench.event(news("t1", TaskState::Killed, 2));
    let lines = advance_with_heartbeats(&mut bench, 3_600);
    assert!(
        lines.iter().filter(|line| line.starts_with("KILL")).count() >= 1,
        "the puppet killed it once more: {lines:?}"
    );
    bench.event(answer("t1", TaskState::Unknown));
}

#[test]
fn a_kill_without_a_subscription_is_said_at_the_next() {
    let mut bench = with_task(Puppet::default().on("disconnected", |cx| cx.kill(task_id("t1"))));
    bench.event(news("t1", TaskState::Running, 1));
    assert!(bench.disconnect().is_empty());
    bench.connect();
    assert_eq!(bench.event(subscribed("f1")), ["RECONCILE", "RECONCILE t1", "KILL t1"]);
    bench.event(news("t1", TaskState::Killed, 2));
    assert!(advance_with_heartbeats(&mut bench, 3_600).is_empty());
}

#[test]
fn suppressed_roles_are_kept_across_a_disconnection() {
    let mut bench = Bench::subscribed(Puppet::default().on("offers", |cx| cx.suppress()));
    assert_eq!(bench.event(Event::Offers(vec![offer("o1")])), ["SUPPRESS"]);
    bench.disconnect();
    assert_eq!(bench.connect(), ["SUBSCRIBE f1 suppressed web"]);
}

#[test]
fn what_was_meant_for_an_earlier_subscription_is_not_said() {
    let mut bench = with_task(Puppet::default().on("disconnected", |cx| {
        cx.decline(&offer("o9"));
        cx.launch(&offer("o9"), [super::task("t2")]);
        cx.revive();
    }));
    bench.event(news("t1", TaskState::Finished, 1));
    assert!(bench.disconnect().is_empty());
    bench.connect();
    assert_eq!(bench.event(subscribed("f1")), ["RECONCILE", "RECONCILE t2"]);
}

#[test]
fn what_a_scheduler_asks_about_is_repeated_until_it_is_answered() {
    let mut bench =
        Bench::subscribed(Puppet::default().on("offers", |cx| cx.reconcile([task_id("old"), task_id("older")])));
    assert_eq!(bench.event(Event::Offers(vec![offer("o1")])), ["RECONCILE old older"]);
    bench.event(answer("old", TaskState::Gone));
    assert_eq!(advance_with_heartbeats(&mut bench, 15), ["RECONCILE older"]);
}

#[test]
fn tasks_of_an_earlier_run_are_followed_once_the_master_tells_of_them() {
    let mut bench = Bench::subscribed(Puppet::default());
    bench.event(answer("old", TaskState::Running));
    bench.disconnect();
    bench.connect();
    assert_eq!(bench.event(subscribed("f1")), ["RECONCILE", "RECONCILE old"]);
}

#[test]
fn an_acknowledgement_by_hand_leaves_the_update_open_until_then() {
    struct ByHand;
    impl mesos_core::Scheduler for ByHand {
        fn offers(&mut self, _: &mut mesos_core::SchedulerCx<'_>, _: Vec<mesos_core::Offer>) {}

        fn update(&mut self, cx: &mut mesos_core::SchedulerCx<'_>, status: &mesos_core::TaskStatus) -> mesos_core::Ack {
            if status.uuid != Some(UpdateId(1)) {
                cx.acknowledge(status);
            }
            mesos_core::Ack::Manual
        }
    }
    use mesos_core::kernel::{Cx, Machine, Rng, Seq};
    let info = mesos_core::FrameworkInfo::new("x", super::role("web"));
    let mut driver = crate::driver::Driver::new(info, Box::new(ByHand), crate::driver::Options::default());
    let (mut rng, mut out) = (Rng::new(1), Vec::new());
    let conn = mesos_core::call::ConnId(1);
    let at = |secs: u64| mesos_core::Now {
        mono: mesos_core::Instant::from_nanos(secs * 1_000_000_000),
        ..Default::default()
    };
    driver.handle(&mut Cx::new(at(0), &mut rng, &mut out), Input::Recovered { records: vec![] });
    driver.handle(&mut Cx::new(at(0), &mut rng, &mut out), Input::LeaderChanged { leader: Some(super::leader(1)) });
    driver.tick(&mut Cx::new(at(1), &mut rng, &mut out));
    driver.handle(&mut Cx::new(at(1), &mut rng, &mut out), Input::Connected { conn });
    let events = [subscribed("f1"), news("t1", TaskState::Running, 1), news("t1", TaskState::Running, 2)];
    driver.handle(
        &mut Cx::new(at(1), &mut rng, &mut out),
        Input::Saved { ticket: mesos_core::kernel::Ticket(1), result: Ok(()) },
    );
    for (n, event) in (0..).zip(events) {
        driver.handle(&mut Cx::new(at(1), &mut rng, &mut out), Input::Received { conn, seq: Seq(n), event });
        driver.handle(
            &mut Cx::new(at(1), &mut rng, &mut out),
            Input::Saved { ticket: mesos_core::kernel::Ticket(1), result: Ok(()) },
        );
    }
    let lines: Vec<String> = out.iter().map(super::line).collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("ACK")).collect::<Vec<_>>(), ["ACKNOWLEDGE t1 2"]);
}

#[cfg(feature = "mutants")]
#[test]
fn the_planted_defect_asks_about_nothing() {
    use crate::driver::Options;
    let mutant = Some(mesos_core::kernel::Mutant::SkipReconciliation);
    let puppet = Puppet::default().on("offers", launching(&["t1"]));
    let mut bench = Bench::subscribed_with(puppet, Options { mutant, ..Options::default() });
    bench.event(Event::Offers(vec![offer("o1")]));
    bench.disconnect();
    bench.connect();
    assert!(bench.event(subscribed("f1")).is_empty());
}
