//! The default executor, driven call by call.

use mesos_core::kernel::{Cx, Rng};
use mesos_core::{AgentId, ExecutorId, ExecutorInfo, Now, Resources, Signal};

use super::*;

/// The executor in a world that does what the test says: what it asked for, one line a call.
struct Stage {
    group: Group,
    now: Now,
    rng: Rng,
}

fn task_id(name: &str) -> TaskId {
    TaskId::new(name).unwrap()
}

fn container(name: &str) -> ContainerId {
    ContainerId::new(name).unwrap()
}

fn group(names: &[&str]) -> Vec<Arc<TaskInfo>> {
    let executor = ExecutorInfo::for_groups(ExecutorId::new("e1").unwrap(), Resources::new());
    let agent = AgentId::new("a1").unwrap();
    let task = |name: &&str| TaskInfo::shell(task_id(name), agent.clone(), Resources::new(), "sleep 9");
    TaskInfo::group(executor, names.iter().map(task))
}

fn line(call: Call) -> String {
    match call {
        Call::Update(update) => {
            let reason = update.reason.map_or_else(String::new, |reason| format!(" {reason:?}"));
            format!("{} {}{reason}", update.task_id, update.state)
        }
        Call::Launch { container, .. } => format!("launch {container}"),
        Call::Signal { container, signal: Signal::Terminate } => format!("term {container}"),
        Call::Signal { container, .. } => format!("kill {container}"),
        Call::Destroy { container } => format!("destroy {container}"),
        Call::Exit => "exit".into(),
        other => format!("{other:?}"),
    }
}

impl Stage {
    fn new() -> Self {
        Self { group: Group::new(false), now: Now::default(), rng: Rng::new(1) }
    }

    fn act(&mut self, act: impl FnOnce(&mut Group, &mut ExecutorCx<'_>)) -> Vec<String> {
        let mut out = Vec::new();
        act(&mut self.group, &mut Cx::new(self.now, &mut self.rng, &mut out));
        out.into_iter().map(line).collect()
    }

    fn launch(&mut self, names: &[&str]) -> Vec<String> {
        let tasks = group(names);
        self.act(|group, cx| group.launch_group(cx, tasks))
    }

    fn running(names: &[&str]) -> Self {
        let mut stage = Self::new();
        stage.launch(names);
        for name in names {
            stage.act(|group, cx| group.launched(cx, &container(name)));
        }
        stage
    }

    fn exit(&mut self, name: &str, exit: Exit) -> Vec<String> {
        self.act(|group, cx| group.exited(cx, &container(name), Ok(exit)))
    }

    fn pass(&mut self, time: Duration) -> Vec<String> {
        self.now.mono = self.now.mono + time;
        self.act(|group, cx| group.tick(cx))
    }

    fn acknowledge_all(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while !self.group.reports.are_settled() {
            lines.extend(self.act(|group, cx| group.acknowledged(cx, &task_id("t1"))));
        }
        lines
    }
}

#[test]
fn all_tasks_of_a_group_are_starting_before_the_first_is_started() {
    assert_eq!(Stage::new().launch(&["t1", "t2"]), ["t1 STARTING", "t2 STARTING", "launch t1", "launch t2"]);
}

#[test]
fn a_task_that_finished_leaves_the_others_alone() {
    let mut stage = Stage::running(&["t1", "t2"]);
    assert_eq!(stage.exit("t1", Exit::Status(0)), ["t1 FINISHED"]);
    assert!(stage.acknowledge_all().is_empty(), "the executor stays for the other task");
    assert_eq!(stage.exit("t2", Exit::Status(0)), ["t2 FINISHED"]);
    assert_eq!(stage.acknowledge_all(), ["exit"]);
}

#[test]
fn a_task_that_failed_takes_its_group_with_it_and_no_other() {
    let mut stage = Stage::running(&["t1", "t2"]);
    stage.launch(&["u1"]);
    stage.act(|group, cx| group.launched(cx, &container("u1")));
    assert_eq!(stage.exit("t1", Exit::Status(1)), ["t1 FAILED", "term t2"]);
    assert_eq!(stage.pass(KILL_GRACE_DEFAULT), ["kill t2"]);
    assert_eq!(stage.exit("t2", Exit::Signalled(9)), ["t2 KILLED"]);
    assert!(stage.acknowledge_all().is_empty());
    assert_eq!(stage.exit("u1", Exit::Status(0)), ["u1 FINISHED"]);
}

#[test]
fn a_kill_of_one_task_ends_its_group_once_it_is_dead() {
    let mut stage = Stage::running(&["t1", "t2", "t3"]);
    let killed = stage.act(|group, cx| group.kill(cx, &task_id("t2"), KillPolicy::default()));
    assert_eq!(killed, ["term t2"]);
    assert_eq!(stage.exit("t2", Exit::Signalled(15)), ["t2 KILLED", "term t1", "term t3"]);
    assert_eq!(stage.exit("t1", Exit::Status(0)), ["t1 KILLED"]);
    assert_eq!(stage.exit("t3", Exit::Signalled(15)), ["t3 KILLED"]);
    assert_eq!(stage.acknowledge_all(), ["exit"]);
}

#[test]
fn a_container_that_does_not_start_fails_its_task_and_kills_the_group() {
    let mut stage = Stage::new();
    stage.launch(&["t1", "t2"]);
    stage.act(|group, cx| group.launched(cx, &container("t1")));
    let failed = stage.act(|group, cx| group.exited(cx, &container("t2"), Err("no image".into())));
    assert_eq!(failed, ["t2 FAILED ContainerLaunchFailed", "term t1"]);
}

#[test]
fn a_task_out_of_time_fails_and_takes_its_group_with_it() {
    let mut stage = Stage::new();
    let mut tasks = group(&["t1", "t2"]);
    Arc::make_mut(&mut tasks[0]).max_completion_time = Some(Duration::from_secs(5));
    stage.act(|group, cx| group.launch_group(cx, tasks));
    for name in ["t1", "t2"] {
        stage.act(|group, cx| group.launched(cx, &container(name)));
    }
    assert_eq!(stage.group.deadline(), Some(stage.now.mono + Duration::from_secs(5)));
    assert_eq!(stage.pass(Duration::from_secs(5)), ["kill t1"]);
    assert_eq!(stage.exit("t1", Exit::Signalled(9)), ["t1 FAILED MaxCompletionTimeReached", "term t2"]);
}

#[test]
fn a_shutdown_ends_every_group_and_then_the_executor() {
    let mut stage = Stage::running(&["t1", "t2"]);
    let told = stage.act(|group, cx| group.shutdown(cx, SHUTDOWN_RESERVE));
    assert_eq!(told, ["kill t1", "kill t2"], "without grace nobody is asked politely");
    stage.exit("t1", Exit::Signalled(9));
    stage.exit("t2", Exit::Signalled(9));
    assert_eq!(stage.acknowledge_all(), ["exit"]);
    assert_eq!(Stage::new().act(|group, cx| group.shutdown(cx, SHUTDOWN_RESERVE)), ["exit"]);
}

#[test]
fn a_group_that_was_found_running_keeps_its_shared_fate() {
    let mut stage = Stage::new();
    let tasks = group(&["t1", "t2"]).into_iter().zip([TaskState::Running, TaskState::Starting]).collect();
    let told = stage.act(|group, cx| group.recovered(cx, tasks, &[container("t1"), container("t2")]));
    assert_eq!(told, ["t2 RUNNING"]);
    assert_eq!(stage.exit("t2", Exit::Unknown), ["t2 FAILED", "term t1"]);
}
