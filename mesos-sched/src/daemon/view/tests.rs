//! What is remembered, what is told, and what happens when the picture falls behind.

use std::time::Duration;

use mesos_core::daemon::TaskSpan;
use mesos_core::{
    AgentId, FrameworkId, FrameworkInfo, Role, Source, TaskId, TaskInfo, TaskState, TaskStatus, WallTime,
};

use super::*;
use crate::master::{Change, Connection, FrameworkState, FrameworkTimes};

fn framework() -> FrameworkId {
    FrameworkId::new("f").unwrap()
}

fn subscribed(connection: Connection) -> Change {
    let info = Arc::new(FrameworkInfo::new("f", Role::new("web").unwrap()));
    let (constraints, times) = (Arc::default(), FrameworkTimes::default());
    Change::Framework(FrameworkState { id: framework(), info, constraints, connection, times })
}

fn launched(id: &str) -> Change {
    let agent_id = AgentId::new("a").unwrap();
    let resources = "cpus:1;mem:10".parse().unwrap();
    let info = Arc::new(TaskInfo::shell(TaskId::new(id).unwrap(), agent_id.clone(), resources, "true"));
    let role = Role::new("web").unwrap();
    let (since_wall, heard_wall) = (AT, AT);
    let (framework_id, state, statuses) = (framework(), TaskState::Staging, Vec::new());
    let row = TaskRow { framework_id, agent_id, info, role, since_wall, heard_wall, state, statuses };
    Change::Task(Arc::new(row))
}

fn is_in(id: &str, state: TaskState) -> Change {
    Change::TaskState { framework_id: framework(), task_id: TaskId::new(id).unwrap(), state }
}

fn gone(id: &str) -> Change {
    Change::TaskGone { framework_id: framework(), task_id: TaskId::new(id).unwrap() }
}

fn said(id: &str, state: TaskState) -> Change {
    let status = TaskStatus::new(TaskId::new(id).unwrap(), state, Source::Master, WallTime::from_nanos(1));
    Change::TaskStatus { framework_id: framework(), status: status.into() }
}

const AT: WallTime = WallTime::from_nanos(7);

fn step(list: Vec<Change>) -> Changes {
    Changes { at_wall: AT, is_complete: true, list }
}

/// A picture that somebody looks at all the time.
fn watched(memory: Memory) -> (View, Feed, Reading) {
    let (view, mut feed) = View::start(memory);
    let reading = view.read();
    let wish = *feed.wishes().borrow();
    feed.take_up(wish);
    (view, feed, reading)
}

fn ids(rows: &[Arc<TaskRow>]) -> Vec<&str> {
    rows.iter().map(|row| row.id().as_str()).collect()
}

#[tokio::test]
async fn what_is_over_is_remembered_within_bounds() {
    let memory = Memory { completed_frameworks_max: 1, completed_tasks_max: 2, unreachable_tasks_max: 1 };
    let (view, mut feed, _reading) = watched(memory);
    let mut list = vec![subscribed(Connection::Connected)];
    for id in ["t1", "t2", "t3", "lost", "runs"] {
        list.push(launched(id));
    }
    for id in ["t1", "t2", "t3"] {
        list.extend([is_in(id, TaskState::Finished), gone(id)]);
    }
    // A task that is lost with its agent leaves the books before its framework is told.
    list.extend([gone("lost"), said("lost", TaskState::Unreachable)]);
    assert_eq!(feed.publish(step(list)), Published::Handed);
    let snapshot = view.snapshot().await;
    let own = snapshot.framework(&framework()).unwrap();
    assert_eq!((ids(&own.tasks), ids(&own.unreachable)), (vec!["runs"], vec!["lost"]));
    assert_eq!(ids(&own.completed), ["t3"], "the lost one took the place of an older one before it was known as lost");
    assert_eq!(snapshot.usage().of_framework(&framework()).used, "cpus:1;mem:10".parse().unwrap());
    assert_eq!(snapshot.totals.ended[TaskState::Finished as usize], 3);

    assert_eq!(feed.publish(step(vec![Change::FrameworkGone(framework())])), Published::Handed);
    let snapshot = view.snapshot().await;
    assert!(snapshot.frameworks.is_empty());
    let states: Vec<_> = snapshot.completed[0].completed.iter().map(|row| row.state).collect();
    assert_eq!(states, [TaskState::Killed, TaskState::Killed], "what ran is as good as killed");
}

#[tokio::test]
async fn a_snapshot_does_not_change_and_shares_what_did_not() {
    let (view, mut feed, _reading) = watched(Memory::default());
    let _ = feed.publish(step(vec![subscribed(Connection::Connected), launched("t1"), launched("t2")]));
    let before = view.snapshot().await;
    assert!(Arc::ptr_eq(&before, &view.snapshot().await), "nothing happened");
    let _ = feed.publish(step(vec![is_in("t1", TaskState::Running)]));
    let after = view.snapshot().await;
    assert_eq!(before.frameworks[0].tasks[0].state, TaskState::Staging);
    assert_eq!(after.frameworks[0].tasks[0].state, TaskState::Running);
    assert!(Arc::ptr_eq(&before.frameworks[0].tasks[1], &after.frameworks[0].tasks[1]));
}

#[tokio::test]
async fn a_subscriber_hears_everything_behind_its_snapshot_once() {
    let (view, mut feed, _reading) = watched(Memory::default());
    let _ = feed.publish(step(vec![subscribed(Connection::Connected), launched("t1")]));
    let (snapshot, mut events) = view.subscribe().await;
    assert_eq!(ids(&snapshot.frameworks[0].tasks), ["t1"]);
    let _ = feed.publish(step(vec![launched("t2"), is_in("t2", TaskState::Running), said("t2", TaskState::Running)]));
    let _ = feed.publish(step(vec![subscribed(Connection::Connected), subscribed(Connection::Disconnected)]));
    view.snapshot().await;
    let Ok(Event::TaskAdded(added)) = events.events.try_recv() else { panic!("the task was launched behind it") };
    assert_eq!(added.id().as_str(), "t2");
    let Ok(Event::TaskUpdated(updated)) = events.events.try_recv() else { panic!("something was said of it") };
    assert_eq!((updated.state, updated.statuses.len()), (TaskState::Running, 1));
    let Ok(Event::FrameworkUpdated(row)) = events.events.try_recv() else { panic!("it lost its connection") };
    assert_eq!(row.state.connection, Connection::Disconnected);
    assert!(events.events.try_recv().is_err(), "what looks as before is no news");
}

#[tokio::test]
async fn a_picture_that_fell_behind_begins_anew() {
    let (view, mut feed, _reading) = watched(Memory::default());
    let _ = feed.publish(step(vec![subscribed(Connection::Connected)]));
    let (_, mut events) = view.subscribe().await;
    // Nothing is folded meanwhile, but a few that wait for that are out of the queue.
    let held = view.shared.lock();
    for _ in 0..=FEED_MAX + TOGETHER_MAX {
        assert_eq!(feed.publish(step(vec![launched("t1"), gone("t1")])), Published::Handed);
    }
    assert_eq!(feed.publish(step(vec![launched("lost")])), Published::Handed, "there is no room to begin anew");
    drop(held);
    view.snapshot().await;
    assert_eq!(feed.publish(step(vec![launched("lost too")])), Published::AllIsWanted);
    let all = vec![Change::Reset, subscribed(Connection::Connected), launched("t2"), launched("t3")];
    assert_eq!(feed.publish(step(all)), Published::Handed);
    assert_eq!(feed.publish(step(vec![launched("t4")])), Published::Handed);
    assert_eq!(ids(&view.snapshot().await.frameworks[0].tasks), ["t2", "t3", "t4"]);
    let told = std::iter::from_fn(|| match events.events.try_recv() {
        Ok(event) => Some(matches!(event, Event::Reset)),
        Err(broadcast::error::TryRecvError::Lagged(_)) => Some(true),
        Err(_) => None,
    });
    assert!(told.into_iter().any(|is_cut_off| is_cut_off), "whoever subscribed before is told, or far behind anyway");
}

/// Few steps can hold as much as many.
#[tokio::test]
async fn a_picture_falls_behind_by_changes_as_well_as_by_steps() {
    let (view, mut feed, _reading) = watched(Memory::default());
    let held = view.shared.lock();
    let large = || step(vec![gone("t1"); CHANGES_MAX / 16]);
    for _ in 0..20 {
        let _ = feed.publish(large());
    }
    assert!(feed.is_lost, "20 steps hold more changes than may wait");
    assert!(view.shared.waiting.load(Ordering::Acquire) <= CHANGES_MAX);
    drop(held);
    view.snapshot().await;
    assert_eq!(view.shared.waiting.load(Ordering::Acquire), 0);
    assert_eq!(feed.publish(step(vec![launched("lost")])), Published::AllIsWanted);
    // All of it is taken, however much it is.
    let mut all = vec![Change::Reset, subscribed(Connection::Connected), launched("t2")];
    all.extend(vec![gone("t1"); CHANGES_MAX]);
    assert_eq!(feed.publish(step(all)), Published::Handed);
    assert_eq!(ids(&view.snapshot().await.frameworks[0].tasks), ["t2"]);
}

#[derive(Debug)]
struct Sent(mpsc::Sender<TaskSpan>);

impl SpanSink for Sent {
    fn take(&self, span: TaskSpan) {
        self.0.try_send(span).unwrap();
    }
}

#[tokio::test]
async fn a_launched_task_is_told_of_when_it_runs() {
    let (view, mut feed) = View::start(Memory::default());
    let (sent, mut spans) = mpsc::channel(2);
    view.tell_spans(Arc::new(Sent(sent)));
    let wish = *feed.wishes().borrow();
    feed.take_up(wish);
    let _ = feed.publish(step(vec![subscribed(Connection::Connected), launched("t1"), launched("t2")]));
    let later = WallTime::from_nanos(9);
    let changes = Changes { at_wall: later, is_complete: true, list: vec![said("t2", TaskState::Running)] };
    let _ = feed.publish(changes);
    let span = spans.recv().await.unwrap();
    assert_eq!((span.task_id.as_str(), span.since_wall), ("t2", WallTime::from_nanos(7)));
    assert_eq!((span.stretch, span.states), (Stretch::Task, vec![(TaskState::Running, later)]));
}

/// Nothing is wanted before somebody looks, and nothing some time after the last one; whoever looks then wakes it again.
#[tokio::test(start_paused = true)]
async fn a_picture_sleeps_while_nobody_looks() {
    let (view, mut feed) = View::start_kept(Memory::default(), Duration::ZERO);
    let mut wishes = feed.wishes();
    assert!(!wishes.borrow_and_update().is_all, "nobody looks yet");
    for round in ["t1", "t2"] {
        let asked = tokio::spawn({
            let view = view.clone();
            async move { view.snapshot().await }
        });
        let wish = *wishes.wait_for(|wish| wish.is_all).await.unwrap();
        // What an earlier wish asked for is nothing to this one.
        let _ = feed.publish(step(vec![Change::Reset, subscribed(Connection::Connected), launched("stale")]));
        feed.take_up(wish);
        let part = |list| Changes { at_wall: AT, is_complete: false, list };
        let _ = feed.publish(part(vec![Change::Reset, subscribed(Connection::Connected)]));
        let _ = feed.publish(part(vec![launched("t0")]));
        assert!(!asked.is_finished(), "a part is no picture");
        let _ = feed.publish(step(vec![launched(round)]));
        let snapshot = asked.await.unwrap();
        assert_eq!(ids(&snapshot.frameworks[0].tasks), ["t0", round]);
        let wish = *wishes.wait_for(|wish| !wish.is_all).await.unwrap();
        feed.take_up(wish);
    }
    // What nobody looks at is let go, by another thread.
    while !view.shared.lock().snapshot().frameworks.is_empty() {
        tokio::task::yield_now().await;
    }
}

/// A subscriber looks for as long as it listens, and a master that has ended keeps nobody waiting.
#[tokio::test]
async fn a_subscriber_keeps_a_picture_awake() {
    let (view, mut feed, reading) = watched(Memory::default());
    let _ = feed.publish(step(vec![subscribed(Connection::Connected)]));
    let (_, subscription) = view.subscribe().await;
    drop(reading);
    assert_eq!(view.shared.attention.borrow().readers, 1);
    drop(subscription);
    assert_eq!(view.shared.attention.borrow().readers, 0);
    drop(feed);
    assert_eq!(view.snapshot().await.frameworks.len(), 1);
    let (other, feed) = View::start(Memory::default());
    drop(feed);
    assert!(other.snapshot().await.frameworks.is_empty());
}
