//! What is over is remembered, within bounds.

use mesos_core::TaskState;

use super::agent::{Options, PastOptions};
use super::world::{World, command, custom, framework_id, reachable};

fn remembering() -> World {
    let past = PastOptions { executors_per_framework_max: 2, ..PastOptions::default() };
    World::registered_with(Options { past: Some(past), ..reachable() })
}

fn ended(w: &mut World, name: &str) {
    w.run(command(name));
    w.launched(name);
    w.exited(name, 0);
    for _ in 0..3 {
        w.ack(name);
    }
}

#[test]
fn executors_that_ended_are_remembered_with_their_tasks_and_so_is_their_framework() {
    let mut w = remembering();
    for name in ["t1", "t2", "t3"] {
        ended(&mut w, name);
    }
    let snapshot = w.agent.snapshot();
    assert!(snapshot.frameworks.is_empty() && snapshot.past.is_empty());
    let over = &snapshot.completed[&framework_id()];
    let names: Vec<_> = over.executors.iter().map(|executor| executor.id.as_str()).collect();
    assert_eq!(names, ["t2", "t3"], "the oldest is forgotten first");
    let last = &over.executors[1];
    assert!(last.container.is_some());
    assert_eq!(
        last.tasks.iter().map(|task| (task.info.id.as_str(), task.state)).collect::<Vec<_>>(),
        [("t3", TaskState::Finished)]
    );
    let said: Vec<_> = last.tasks[0].statuses.iter().map(|status| status.state).collect();
    assert_eq!(said, [TaskState::Starting, TaskState::Running, TaskState::Finished]);
    // One that runs something again is not over.
    w.run(command("t4"));
    let snapshot = w.agent.snapshot();
    assert!(snapshot.completed.is_empty());
    assert_eq!(snapshot.past[&framework_id()].executors.len(), 2);
}

#[test]
fn tasks_of_an_executor_that_runs_on_are_remembered_with_it() {
    let mut w = remembering();
    w.run(custom("t1"));
    w.launched("e1");
    w.subscribe(1, Vec::new(), &[]);
    w.program_reports("t1", TaskState::Finished, 1);
    w.ack("t1");
    let past = w.agent.snapshot().past.remove(&framework_id()).unwrap();
    assert_eq!(past.tasks.values().map(std::collections::VecDeque::len).sum::<usize>(), 1);
    w.exited("e1", 0);
    let over = w.agent.snapshot().completed.remove(&framework_id()).unwrap();
    assert!(over.tasks.is_empty());
    assert_eq!(over.executors[0].tasks[0].info.id.as_str(), "t1");
}

#[test]
fn nothing_is_remembered_where_nobody_asks_for_it() {
    let mut w = World::registered();
    ended(&mut w, "t1");
    assert!(w.agent.snapshot().completed.is_empty());
    w.run(command("t2"));
    w.launched("t2");
    assert!(w.agent.snapshot().frameworks[0].tasks[0].statuses.is_empty());
}
