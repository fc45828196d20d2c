//! Stories are complete, in order, and change nothing.

use super::*;
use crate::cluster::{Cluster, secs};
use crate::fault::CrashKind;
use crate::workload::Sleepers;

fn told(cluster: &Cluster, subject: Subject) -> Vec<String> {
    let mut run = cluster.simulate(3).unwrap();
    let (story, lines) = Story::about(subject);
    run.watch(Box::new(story));
    run.run_until_done(secs(600)).unwrap();
    lines.take().iter().map(|line| format!("{} {}", line.node, line.text)).collect()
}

fn cluster() -> Cluster {
    Cluster::builder().agents(1, "cpus:1;mem:512").framework("batch", || Sleepers::new(1, secs(30)).boxed())
}

fn position(lines: &[String], needle: &str) -> usize {
    lines.iter().position(|line| line.contains(needle)).unwrap_or_else(|| panic!("{needle:?} is not in {lines:#?}"))
}

#[test]
fn the_story_of_a_task_goes_from_its_launch_to_the_acknowledgement_of_its_end() {
    let subject = Subject::Task { framework: None, task: TaskId::new("0.1").unwrap() };
    let crash = cluster().crash_node_at(secs(15), NodeId::Agent(0), CrashKind::Process, secs(5));
    let lines = told(&crash, subject);
    let order = [
        "f0 launches the task on a0",
        "m0 takes the launch",
        "a0 is told to run",
        "a0 starts container 0.1.",
        "f0 hears that the task is RUNNING",
        "a0 a fault: a0: the process ends",
        "a0 the process is down",
        "a0 the process is up again",
        "a0 has read its disk",
        "a0 comes back to a master and has the task as RUNNING",
        "a0 the container ended: Status(0)",
        "f0 hears that the task is FINISHED",
    ];
    let places: Vec<usize> = order.iter().map(|needle| position(&lines, needle)).collect();
    assert!(places.is_sorted(), "{lines:#?}");
}

#[test]
fn the_story_of_an_agent_tells_who_it_is_and_what_it_ran() {
    let lines = told(&cluster(), Subject::Agent(0));
    for needle in
        ["finds nothing on its disk", "registers with cpus:1", "is registered as", "is told to run task 0.1 of f0"]
    {
        position(&lines, needle);
    }
}

#[test]
fn a_story_changes_nothing() {
    let digest = |subject: Option<Subject>| {
        let mut run = Cluster::swarm(4).simulate(4).unwrap();
        if let Some(subject) = subject {
            run.watch(Box::new(Story::about(subject).0));
        }
        run.run().unwrap();
        run.digest()
    };
    assert_eq!(digest(None), digest(Some(Subject::Agent(0))));
}

#[test]
fn a_task_can_be_asked_why_it_is_where_it_is() {
    let mut run = cluster().simulate(3).unwrap();
    let task = TaskId::new("0.1").unwrap();
    assert!(why(run.world(), None, &task).contains("Nobody knows"));
    run.run_until(secs(20)).unwrap();
    let text = why(run.world(), Some(0), &task);
    for needle in
        ["f0 believes RUNNING", "m0, which leads, has it as RUNNING on a0", "a0 has it as RUNNING", "container 0.1."]
    {
        assert!(text.contains(needle), "{needle:?} is not in\n{text}");
    }
    assert!(standing(run.world()).contains("leads in term 1: 1 agents, 1 frameworks, 1 tasks"));
}
