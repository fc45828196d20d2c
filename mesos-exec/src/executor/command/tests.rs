//! The command executor, driven call by call.

use mesos_core::call::executor::TaskUpdate;
use mesos_core::kernel::{Cx, Rng};
use mesos_core::{AgentId, Now, Resources};

use super::*;

/// An executor, the time, and what it asked for in its last step, one word a call.
struct Desk {
    executor: Command,
    rng: Rng,
    now: Now,
}

impl Desk {
    fn new(reports_killing: bool) -> Self {
        Self { executor: Command::new(reports_killing), rng: Rng::new(1), now: Now::default() }
    }

    fn launched(reports_killing: bool) -> Self {
        let mut desk = Self::new(reports_killing);
        desk.launch(&task());
        desk.step(|e, cx| e.launched(cx, &container()));
        desk
    }

    fn step(&mut self, act: impl FnOnce(&mut Command, &mut ExecutorCx<'_>)) -> Vec<String> {
        let mut out = Vec::new();
        act(&mut self.executor, &mut Cx::new(self.now, &mut self.rng, &mut out));
        out.into_iter().map(|call| word(&call)).collect()
    }

    fn launch(&mut self, task: &TaskInfo) -> Vec<String> {
        self.step(|e, cx| e.launch(cx, vec![Arc::new(task.clone())]))
    }

    fn kill(&mut self, grace: u64) -> Vec<String> {
        let policy = KillPolicy { grace: Some(Duration::from_secs(grace)) };
        self.step(|e, cx| e.kill(cx, &task().id, policy))
    }

    fn exit(&mut self, exit: Result<Exit, Arc<str>>) -> Vec<String> {
        self.step(|e, cx| e.exited(cx, &container(), exit))
    }

    /// Goes to the deadline and ticks; `None` when there is none.
    fn wake(&mut self) -> Option<(u64, Vec<String>)> {
        self.now.mono = self.executor.deadline()?;
        let calls = self.step(Executor::tick);
        Some((self.now.mono.as_nanos() / 1_000_000_000, calls))
    }

    fn acknowledge(&mut self, times: u32) -> Vec<String> {
        (0..times).flat_map(|_| self.step(|e, cx| e.acknowledged(cx, &task().id))).collect()
    }
}

fn task() -> TaskInfo {
    TaskInfo::shell(TaskId::new("t1").unwrap(), AgentId::new("a1").unwrap(), Resources::new(), "true")
}

fn container() -> ContainerId {
    ContainerId::new("t1").unwrap()
}

fn word(call: &Call) -> String {
    match call {
        Call::Update(TaskUpdate { state, reason: Some(reason), .. }) => format!("{state}/{reason:?}"),
        Call::Update(update) => update.state.to_string(),
        Call::Launch { .. } => "launch".into(),
        Call::Signal { signal, .. } => format!("{signal:?}").to_lowercase(),
        Call::Destroy { .. } => "destroy".into(),
        Call::Message(_) => "message".into(),
        _ => "exit".into(),
    }
}

#[test]
fn a_command_that_returns_zero_finishes_and_the_executor_ends_once_all_is_taken_over() {
    let mut desk = Desk::new(true);
    assert_eq!(desk.launch(&task()), ["STARTING", "launch"]);
    assert_eq!(desk.step(|e, cx| e.launched(cx, &container())), ["RUNNING"]);
    assert_eq!(desk.exit(Ok(Exit::Status(0))), ["FINISHED"]);
    assert!(desk.acknowledge(2).is_empty());
    assert_eq!(desk.acknowledge(1), ["exit"]);
}

#[test]
fn every_other_exit_is_a_failure_with_its_reason() {
    let limit = |resource: &str| Ok(Exit::LimitExceeded { resource: resource.into(), message: "".into() });
    for (exit, word) in [
        (Ok(Exit::Status(1)), "FAILED"),
        (Ok(Exit::Signalled(9)), "FAILED"),
        (Ok(Exit::Unknown), "FAILED"),
        (limit("mem"), "FAILED/ContainerLimitationMemory"),
        (limit("disk"), "FAILED/ContainerLimitationDisk"),
        (Err("no such image".into()), "FAILED/ContainerLaunchFailed"),
    ] {
        assert_eq!(Desk::launched(true).exit(exit), [word]);
    }
}

#[test]
fn a_killed_command_is_killed_whatever_its_exit() {
    for exit in [Ok(Exit::Status(0)), Ok(Exit::Signalled(15)), Ok(Exit::Unknown)] {
        let mut desk = Desk::launched(true);
        assert_eq!(desk.kill(3), ["KILLING", "terminate"]);
        assert_eq!(desk.exit(exit), ["KILLED"]);
    }
}

#[test]
fn killing_is_said_only_to_frameworks_that_know_it() {
    assert_eq!(Desk::launched(false).kill(3), ["terminate"]);
}

#[test]
fn a_command_that_ignores_the_polite_signal_is_killed_and_at_last_destroyed() {
    let mut desk = Desk::launched(false);
    desk.kill(3);
    assert_eq!(desk.wake(), Some((3, vec!["kill".into()])));
    assert_eq!(desk.wake(), Some((8, vec!["destroy".into()])));
    assert_eq!(desk.wake(), None);
    assert_eq!(desk.exit(Ok(Exit::Unknown)), ["KILLED"]);
}

#[test]
fn a_second_kill_may_only_shorten_the_grace() {
    let mut desk = Desk::launched(false);
    desk.kill(10);
    assert!(desk.kill(20).is_empty());
    assert!(desk.kill(5).is_empty());
    assert_eq!(desk.wake(), Some((5, vec!["kill".into()])));
    assert!(desk.kill(0).is_empty());
}

#[test]
fn a_kill_without_grace_kills_at_once() {
    assert_eq!(Desk::launched(true).kill(0), ["KILLING", "kill"]);
}

#[test]
fn a_kill_during_the_launch_destroys_the_container() {
    let mut desk = Desk::new(true);
    desk.launch(&task());
    assert_eq!(desk.kill(3), ["KILLING", "destroy"]);
    assert!(desk.step(|e, cx| e.launched(cx, &container())).is_empty());
    assert_eq!(desk.exit(Err("destroyed while starting".into())), ["KILLED"]);
}

#[test]
fn a_command_out_of_time_fails_without_killing() {
    let mut desk = Desk::new(true);
    let mut limited = task();
    limited.max_completion_time = Some(Duration::from_secs(60));
    desk.launch(&limited);
    assert_eq!(desk.wake(), None, "the clock starts with the container");
    desk.step(|e, cx| e.launched(cx, &container()));
    assert_eq!(desk.wake(), Some((60, vec!["kill".into()])));
    assert_eq!(desk.exit(Ok(Exit::Signalled(9))), ["FAILED/MaxCompletionTimeReached"]);
}

#[test]
fn a_shutdown_keeps_two_seconds_back() {
    let mut desk = Desk::launched(false);
    assert_eq!(desk.step(|e, cx| e.shutdown(cx, Duration::from_secs(5))), ["terminate"]);
    assert_eq!(desk.wake(), Some((3, vec!["kill".into()])));
}

#[test]
fn an_idle_executor_told_to_shut_down_ends() {
    assert_eq!(Desk::new(true).step(|e, cx| e.shutdown(cx, Duration::from_secs(5))), ["exit"]);
}

#[test]
fn a_second_task_is_refused() {
    let mut desk = Desk::launched(true);
    let mut second = task();
    second.id = TaskId::new("t2").unwrap();
    assert_eq!(desk.launch(&second), ["FAILED"]);
}

#[test]
fn nothing_is_said_twice_and_nothing_after_the_end() {
    let mut desk = Desk::launched(true);
    assert!(desk.step(|e, cx| e.launched(cx, &container())).is_empty());
    desk.exit(Ok(Exit::Status(0)));
    assert!(desk.exit(Ok(Exit::Status(1))).is_empty());
    assert!(desk.kill(3).is_empty());
    assert_eq!(desk.wake(), None);
}

#[test]
fn a_recovered_command_goes_on_from_where_it_was() {
    for (state, words) in
        [(TaskState::Running, vec![]), (TaskState::Starting, vec!["RUNNING"]), (TaskState::Killing, vec!["terminate"])]
    {
        let mut desk = Desk::new(true);
        assert_eq!(desk.step(|e, cx| e.recovered(cx, vec![(Arc::new(task()), state)], &[container()])), words);
    }
}
