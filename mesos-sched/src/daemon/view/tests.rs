//! What is remembered, what is told, and what happens when the picture falls behind.

use mesos_core::daemon::TaskSpan;
use mesos_core::{
    AgentId, FrameworkId, FrameworkInfo, Role, Source, TaskId, TaskInfo, TaskState, TaskStatus, WallTime,
};

use super::*;
use crate::master::{Change, Connection, FrameworkState};

fn framework() -> FrameworkId {
    FrameworkId::new("f").unwrap()
}

fn subscribed(connection: Connection) -> Change {
    let info = Arc::new(FrameworkInfo::new("f", Role::new("web").unwrap()));
    Change::Framework(FrameworkState { id: framework(), info, connection })
}

fn launched(id: &str) -> Change {
    let agent_id = AgentId::new("a").unwrap();
    let resources = "cpus:1;mem:10".parse().unwrap();
    let info = Arc::new(TaskInfo::shell(TaskId::new(id).unwrap(), agent_id.clone(), resources, "true"));
    let role = Role::new("web").unwrap();
    Change::Task { framework_id: framework(), agent_id, info, role, state: TaskState::Staging }
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

fn step(list: Vec<Change>) -> Changes {
    Changes { at_wall: WallTime::from_nanos(7), list }
}

fn ids(rows: &[Arc<TaskRow>]) -> Vec<&str> {
    rows.iter().map(|row| row.id().as_str()).collect()
}

#[tokio::test]
async fn what_is_over_is_remembered_within_bounds() {
    let memory = Memory { completed_frameworks_max: 1, completed_tasks_max: 2, unreachable_tasks_max: 1 };
    let (view, mut feed) = View::start(memory);
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
    let (view, mut feed) = View::start(Memory::default());
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
    let (view, mut feed) = View::start(Memory::default());
    let _ = feed.publish(step(vec![subscribed(Connection::Connected), launched("t1")]));
    let (snapshot, mut events) = view.subscribe().await;
    assert_eq!(ids(&snapshot.frameworks[0].tasks), ["t1"]);
    let _ = feed.publish(step(vec![launched("t2"), is_in("t2", TaskState::Running), said("t2", TaskState::Running)]));
    let _ = feed.publish(step(vec![subscribed(Connection::Connected), subscribed(Connection::Disconnected)]));
    view.snapshot().await;
    let Ok(Event::TaskAdded(added)) = events.try_recv() else { panic!("the task was launched behind it") };
    assert_eq!(added.id().as_str(), "t2");
    let Ok(Event::TaskUpdated(updated)) = events.try_recv() else { panic!("something was said of it") };
    assert_eq!((updated.state, updated.statuses.len()), (TaskState::Running, 1));
    let Ok(Event::FrameworkUpdated(row)) = events.try_recv() else { panic!("it lost its connection") };
    assert_eq!(row.state.connection, Connection::Disconnected);
    assert!(events.try_recv().is_err(), "what looks as before is no news");
}

#[tokio::test]
async fn a_picture_that_fell_behind_begins_anew() {
    let (view, mut feed) = View::start(Memory::default());
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
    let told = std::iter::from_fn(|| match events.try_recv() {
        Ok(event) => Some(matches!(event, Event::Reset)),
        Err(broadcast::error::TryRecvError::Lagged(_)) => Some(true),
        Err(_) => None,
    });
    assert!(told.into_iter().any(|is_cut_off| is_cut_off), "whoever subscribed before is told, or far behind anyway");
}

/// Few steps can hold as much as many.
#[tokio::test]
async fn a_picture_falls_behind_by_changes_as_well_as_by_steps() {
    let (view, mut feed) = View::start(Memory::default());
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
    let _ = feed.publish(step(vec![subscribed(Connection::Connected), launched("t1"), launched("t2")]));
    let later = WallTime::from_nanos(9);
    let _ = feed.publish(Changes { at_wall: later, list: vec![said("t2", TaskState::Running)] });
    let span = spans.recv().await.unwrap();
    assert_eq!((span.task_id.as_str(), span.since_wall), ("t2", WallTime::from_nanos(7)));
    assert_eq!((span.stretch, span.states), (Stretch::Task, vec![(TaskState::Running, later)]));
}
