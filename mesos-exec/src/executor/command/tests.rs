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
        Call::Update(TaskUpdate { state, healthy: Some(true), .. }) => format!("{state} well"),
        Call::Update(TaskUpdate { state, healthy: Some(false), .. }) => format!("{state} unwell"),
        Call::Update(TaskUpdate { state, reason: Some(reason), .. }) => format!("{state}/{reason:?}"),
        Call::Update(update) => update.state.to_string(),
        Call::Launch { .. } => "launch".into(),
        Call::Signal { signal, .. } => format!("{signal:?}").to_lowercase(),
        Call::Destroy { .. } => "destroy".into(),
        Call::Check { .. } => "check".into(),
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

mod health {
    use mesos_core::health::{Check, CheckInfo, CheckStatus, Checked, HealthCheck, Probe, Question};

    use super::*;

    fn probe() -> HealthCheck {
        HealthCheck::new(Check::Probe(Probe { port: 80, is_ipv6: false, question: Question::Connects }))
    }

    fn checked(check: HealthCheck) -> (Desk, ContainerId) {
        let mut desk = Desk::new(true);
        let mut task = task();
        task.health_check = Some(Arc::new(check));
        desk.launch(&task);
        desk.step(|e, cx| e.launched(cx, &container()));
        (desk, container())
    }

    impl Desk {
        /// Goes to the next check and answers it; when it was asked, and what followed.
        fn answer(&mut self, result: Result<(), &str>) -> (u64, Vec<String>) {
            let mut name = None;
            self.now.mono = self.executor.deadline().unwrap();
            let mut out = Vec::new();
            self.executor.tick(&mut Cx::new(self.now, &mut self.rng, &mut out));
            for call in out {
                let Call::Check { check, container: of, .. } = call else { panic!("{call:?}") };
                assert_eq!(of, container());
                name = Some(check);
            }
            let (name, at) = (name.unwrap(), self.now.mono.as_nanos() / 1_000_000_000);
            (at, self.step(|e, cx| e.checked(cx, &name, Checked::by_tcp(result.map_err(Into::into)))))
        }
    }

    #[test]
    fn the_first_success_and_every_change_is_news() {
        let (mut desk, _) = checked(probe());
        assert_eq!(desk.answer(Ok(())), (15, vec!["RUNNING well".into()]));
        assert_eq!(desk.answer(Ok(())), (25, vec![]));
        assert_eq!(desk.answer(Err("no")), (35, vec!["RUNNING unwell".into()]));
        assert_eq!(desk.answer(Ok(())), (45, vec!["RUNNING well".into()]));
        assert_eq!(desk.exit(Ok(Exit::Status(0))), ["FINISHED"]);
        assert_eq!(desk.wake(), None);
    }

    #[test]
    fn too_many_failures_in_a_row_kill_the_task_with_its_own_grace() {
        let (mut desk, _) = checked(probe());
        for at in [15, 25] {
            assert_eq!(desk.answer(Err("no")), (at, vec!["RUNNING unwell".into()]));
        }
        assert_eq!(desk.answer(Err("no")).1, ["RUNNING unwell", "KILLING", "terminate"]);
        assert_eq!(desk.wake(), Some((38, vec!["kill".into()])), "3 s of grace");
        assert_eq!(desk.exit(Ok(Exit::Signalled(9))), ["KILLED unwell"]);
    }

    #[test]
    fn a_success_between_begins_the_count_anew() {
        let (mut desk, _) = checked(probe());
        for result in [Err("no"), Err("no"), Ok(()), Err("no"), Err("no")] {
            assert!(desk.answer(result).1.len() == 1);
        }
        assert_eq!(desk.answer(Err("no")).1.len(), 3);
    }

    #[test]
    fn failures_within_the_grace_count_only_after_a_success() {
        let mut check = probe();
        (check.delay, check.grace) = (Duration::ZERO, Duration::from_secs(25));
        let (mut desk, _) = checked(check.clone());
        assert_eq!(desk.answer(Err("no")), (0, vec![]));
        assert_eq!(desk.answer(Err("no")), (10, vec![]));
        assert_eq!(desk.answer(Err("no")), (20, vec![]));
        assert_eq!(desk.answer(Err("no")), (30, vec!["RUNNING unwell".into()]));
        let (mut desk, _) = checked(check);
        assert_eq!(desk.answer(Ok(())).1, ["RUNNING well"]);
        assert_eq!(desk.answer(Err("no")), (10, vec!["RUNNING unwell".into()]));
    }

    #[test]
    fn a_check_that_takes_too_long_has_failed_and_its_command_is_ended() {
        let mut check = HealthCheck::new(Check::Command(Box::new(mesos_core::CommandInfo::shell("test -e up"))));
        check.timeout = Duration::from_secs(4);
        let (mut desk, _) = checked(check);
        assert_eq!(desk.wake(), Some((15, vec!["check".into()])));
        assert_eq!(desk.wake(), Some((19, vec!["destroy".into(), "RUNNING unwell".into()])));
        let late = ContainerId::new("check-late").unwrap();
        assert!(desk.step(|e, cx| e.checked(cx, &late, Checked::by_tcp(Ok(())))).is_empty(), "nobody asks any more");
        assert_eq!(desk.wake(), Some((29, vec!["check".into()])), "the interval counts from the end of a check");
    }

    #[test]
    fn nothing_is_checked_once_the_task_is_being_ended() {
        let (mut desk, _) = checked(HealthCheck::new(Check::Command(Box::new(mesos_core::CommandInfo::shell("x")))));
        assert_eq!(desk.wake(), Some((15, vec!["check".into()])));
        assert_eq!(desk.kill(3), ["destroy", "KILLING", "terminate"]);
        assert_eq!(desk.wake(), Some((18, vec!["kill".into()])));
        assert_eq!(desk.exit(Ok(Exit::Signalled(9))), ["KILLED"]);
    }

    #[test]
    fn a_command_is_checked_with_the_environment_and_user_of_its_task() {
        let own = mesos_core::CommandInfo::shell("x").env("A", "check");
        let mut task = TaskInfo::shell(task().id, AgentId::new("a1").unwrap(), Resources::new(), "true");
        let mut command = mesos_core::CommandInfo::shell("true").env("A", "task").env("B", "task");
        command.user = Some("nobody".into());
        task.run = TaskRun::Command(command);
        task.health_check = Some(Arc::new(HealthCheck::new(Check::Command(Box::new(own)))));
        let mut desk = Desk::new(true);
        desk.launch(&task);
        desk.step(|e, cx| e.launched(cx, &container()));
        desk.now.mono = desk.executor.deadline().unwrap();
        let mut out = Vec::new();
        desk.executor.tick(&mut Cx::new(desk.now, &mut desk.rng, &mut out));
        let [Call::Check { what: Check::Command(asked), .. }] = &out[..] else { panic!("{out:?}") };
        assert_eq!((&*asked.environment["A"], &*asked.environment["B"]), ("check", "task"));
        assert_eq!(asked.user.as_deref(), Some("nobody"));
    }
    /// A task with a check of both kinds, on whose port `answer` is asked for in turn.
    fn watched() -> Desk {
        let mut desk = Desk::new(true);
        let mut task = task();
        let asks = Check::Probe(Probe { port: 80, is_ipv6: false, question: Question::Gets("/".into()) });
        let mut check = CheckInfo::new(asks);
        check.delay = Duration::from_secs(5);
        task.check = Some(Arc::new(check));
        desk.launch(&task);
        assert_eq!(desk.updates(|e, cx| e.launched(cx, &container())), [(None, Some(CheckStatus::Http(None)))]);
        desk
    }

    type Described = (Option<bool>, Option<CheckStatus>);

    impl Desk {
        /// What is said in the next step about how the running task is.
        fn updates(&mut self, act: impl FnOnce(&mut Command, &mut ExecutorCx<'_>)) -> Vec<Described> {
            let mut out = Vec::new();
            act(&mut self.executor, &mut Cx::new(self.now, &mut self.rng, &mut out));
            let update = |call| match call {
                Call::Update(update) if update.state == TaskState::Running => {
                    Some((update.healthy, update.check_status))
                }
                _ => None,
            };
            out.into_iter().filter_map(update).collect()
        }

        /// Goes to the next check and answers it.
        fn found(&mut self, found: Checked) -> Vec<Described> {
            self.now.mono = self.executor.deadline().unwrap();
            let mut out = Vec::new();
            self.executor.tick(&mut Cx::new(self.now, &mut self.rng, &mut out));
            let [Call::Check { check, .. }] = &out[..] else { panic!("{out:?}") };
            self.updates(|e, cx| e.checked(cx, check, found))
        }
    }

    #[test]
    fn what_a_check_finds_is_said_when_it_changes_and_nothing_follows() {
        let mut desk = watched();
        let http = |status| vec![(None, Some(CheckStatus::Http(Some(status))))];
        assert_eq!(desk.found(Checked::by_http(200)), http(200));
        assert_eq!(desk.now.mono.as_nanos(), 5_000_000_000);
        assert_eq!(desk.found(Checked::by_http(200)), []);
        assert_eq!(desk.now.mono.as_nanos(), 15_000_000_000);
        for _ in 0..10 {
            assert_eq!(desk.found(Checked::by_http(500)), http(500), "a bad answer is an answer");
            let nothing = Checked::nothing(CheckStatus::Http(None), "refused");
            assert_eq!(desk.found(nothing), [(None, Some(CheckStatus::Http(None)))]);
        }
        assert_eq!(desk.exit(Ok(Exit::Status(0))), ["FINISHED"]);
        assert_eq!(desk.wake(), None);
    }

    #[test]
    fn a_check_that_takes_too_long_has_found_nothing() {
        let mut desk = watched();
        assert_eq!(desk.found(Checked::by_http(204)).len(), 1);
        assert_eq!(desk.wake(), Some((15, vec!["check".into()])));
        desk.now.mono = desk.executor.deadline().unwrap();
        assert_eq!(desk.updates(|e, cx| e.tick(cx)), [(None, Some(CheckStatus::Http(None)))]);
        assert_eq!(desk.now.mono.as_nanos(), 35_000_000_000);
        assert_eq!(desk.wake(), Some((45, vec!["check".into()])));
    }

    #[test]
    fn a_task_may_have_both_and_every_word_about_it_tells_of_both() {
        let mut desk = Desk::new(true);
        let mut task = task();
        task.health_check = Some(Arc::new(probe()));
        let command = Check::Command(Box::new(mesos_core::CommandInfo::shell("exit 3")));
        let mut check = CheckInfo::new(command);
        check.delay = Duration::from_secs(16);
        task.check = Some(Arc::new(check));
        desk.launch(&task);
        let nothing = Some(CheckStatus::Command(None));
        assert_eq!(desk.updates(|e, cx| e.launched(cx, &container())), [(None, nothing)]);
        assert_eq!(desk.found(Checked::by_tcp(Ok(()))), [(Some(true), nothing)]);
        let three = Some(CheckStatus::Command(Some(3)));
        assert_eq!(desk.found(Checked::by_command(Ok(Exit::Status(3)))), [(Some(true), three)]);
        assert_eq!(desk.found(Checked::by_tcp(Err("refused".into()))), [(Some(false), three)]);
        assert_eq!(desk.found(Checked::by_command(Ok(Exit::Signalled(9)))), [(Some(false), nothing)]);
    }
}
