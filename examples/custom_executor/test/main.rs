//! The executor as a process of its own, under a real agent that serves real sockets; the master is played by hand.

mod api;
mod checks;
mod connection;
mod containers;
mod credentials;
mod grpc;
mod input;
mod matrix;
mod rig;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_core::call::agent::{RunGroup, ToAgent, ToMaster};
use mesos_core::{
    CommandInfo, ExecutorId, ExecutorInfo, FrameworkInfo, Reason, Resources, Role, TaskId, TaskInfo, TaskRun, TaskState,
};
use mesos_exec::daemon::{ExecutorEvent, ExecutorSetup, ExecutorStream};

use rig::{Rig, agent_id, framework_id, line_of, task};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_runs_tasks_hears_messages_and_ends_when_told() {
    let mut rig = Rig::new().await;
    rig.run(task("t1", "finish")).await;
    rig.expect("t1", &[TaskState::Running, TaskState::Finished]).await;
    rig.run(task("t2", "run")).await;
    rig.expect("t2", &[TaskState::Running]).await;
    let (framework_id, executor_id) = (framework_id(), ExecutorId::new("e1").unwrap());
    let message = |data: &[u8]| ToAgent::Message {
        framework_id: framework_id.clone(),
        executor_id: executor_id.clone(),
        data: data.into(),
    };
    rig.say(message(b"hello")).await;
    loop {
        if let ToMaster::Message { data, .. } = rig.hear().await {
            assert_eq!(&*data, b"hello");
            break;
        }
    }
    let kill = ToAgent::Kill { framework_id: framework_id.clone(), task_id: TaskId::new("t2").unwrap(), policy: None };
    rig.say(kill).await;
    rig.expect("t2", &[TaskState::Killed]).await;
    rig.say(ToAgent::ShutdownExecutor { framework_id: framework_id.clone(), executor_id: executor_id.clone() }).await;
    loop {
        if let ToMaster::ExecutorExited { status, .. } = rig.hear().await {
            assert_eq!(status, 0, "it ended in good order");
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_crashes_takes_its_tasks_with_it_and_its_status_is_told() {
    let mut rig = Rig::new().await;
    rig.run(task("t1", "run")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    rig.run(task("t2", "crash")).await;
    let mut seen = BTreeMap::new();
    let mut exit = None;
    while seen.len() < 2 || exit.is_none() {
        match rig.hear().await {
            ToMaster::Update { status, .. } => {
                seen.insert(status.task_id.to_string(), (status.state, status.reason));
            }
            ToMaster::ExecutorExited { status, .. } => exit = Some(status),
            _ => {}
        }
    }
    let failed = (TaskState::Failed, Some(Reason::ExecutorTerminated));
    assert_eq!(seen, BTreeMap::from([("t1".to_owned(), failed), ("t2".to_owned(), failed)]));
    assert_eq!(exit, Some(3 << 8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_outlives_its_agent_and_goes_on_under_the_next() {
    let mut rig = Rig::new().await;
    rig.run(task("t1", "run")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let mut rig = rig.restart().await;
    rig.run(task("t2", "finish")).await;
    rig.expect("t2", &[TaskState::Running, TaskState::Finished]).await;
    let kill = ToAgent::Kill { framework_id: framework_id(), task_id: TaskId::new("t1").unwrap(), policy: None };
    rig.say(kill).await;
    rig.expect("t1", &[TaskState::Killed]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_run_in_the_default_executor_and_share_their_fate() {
    let mut rig = Rig::new().await;
    let resources: Resources = "cpus:0.1;mem:32;disk:10".parse().unwrap();
    let executor = ExecutorInfo::for_groups(ExecutorId::new("g1").unwrap(), resources);
    let shell =
        |name: &str, line: &str| TaskInfo::shell(TaskId::new(name).unwrap(), agent_id(), Resources::new(), line);
    let mut framework = FrameworkInfo::new("web", Role::new("web").unwrap());
    framework.id = Some(framework_id());
    let run = RunGroup {
        framework_id: framework_id(),
        framework: Arc::new(framework),
        role: Role::new("web").unwrap(),
        tasks: TaskInfo::group(executor, [shell("t1", "sleep 1000"), shell("t2", "exit 5")]),
        may_start_executor: true,
    };
    rig.say(ToAgent::RunGroup(Box::new(run))).await;
    let mut last = BTreeMap::new();
    while last.values().filter(|state: &&TaskState| state.is_terminal()).count() < 2 {
        let status = rig.next_status().await;
        last.insert(status.task_id.to_string(), status.state);
    }
    assert_eq!(last, BTreeMap::from([("t1".into(), TaskState::Killed), ("t2".into(), TaskState::Failed)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_runs_tasks_in_containers_beside_its_own() {
    let mut rig = Rig::new().await;
    rig.run(task("t1", "contain")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let status = rig.next_status().await;
    assert_eq!(status.state, TaskState::Finished);
    assert_eq!(status.message.as_deref(), Some("Command exited with status 7"));
}

/// By a command that begins where the task did: it counts the lines the task wrote there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_looks_at_a_task_in_a_container_beside_its_own() {
    let mut rig = Rig::new().await;
    rig.run(task("t1", "check")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let status = rig.next_status().await;
    assert_eq!(status.message.as_deref(), Some("Command exited with status 1"), "{status:?}");
    let kill = ToAgent::Kill { framework_id: framework_id(), task_id: TaskId::new("t1").unwrap(), policy: None };
    rig.say(kill).await;
    assert_eq!(rig.next_status().await.message.as_deref(), Some("Command terminated with signal 9"));
}

/// What existing executors find in their environment, and an executor that is a stream of events in the place of one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_finds_its_environment_and_may_be_written_as_a_stream() {
    let mut rig = Rig::new().await;
    let pipe = rig.path("environment");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let command = CommandInfo::shell(format!("env > {}; exec sleep 1000", pipe.display())).env("OWN", "value");
    let mut info = ExecutorInfo::custom(ExecutorId::new("e1").unwrap(), command, Resources::new());
    info.shutdown_grace = Some(std::time::Duration::from_millis(7_500));
    let run = TaskRun::Executor(Arc::new(info));
    let task = |name: &str| TaskInfo::new(TaskId::new(name).unwrap(), agent_id(), Resources::new(), run.clone());
    rig.run(task("t1")).await;
    let environment = line_of(pipe).await;
    let find = |name: &str| environment.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let address = rig.address();
    let sandbox = find("MESOS_SANDBOX").unwrap().to_owned();
    assert!(std::path::Path::new(&sandbox).join("stdout").exists(), "{sandbox}");
    for (name, value) in [
        ("MESOS_FRAMEWORK_ID", "f1"),
        ("MESOS_EXECUTOR_ID", "e1"),
        ("MESOS_DIRECTORY", &sandbox),
        ("MESOS_SLAVE_ID", "a1"),
        ("MESOS_SLAVE_PID", &format!("slave(1)@{address}")),
        ("MESOS_AGENT_ENDPOINT", &address.to_string()),
        ("MESOS_CHECKPOINT", "1"),
        ("MESOS_HTTP_COMMAND_EXECUTOR", "0"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "7500ms"),
        ("MESOS_RECOVERY_TIMEOUT", "15mins"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
        ("LIBPROCESS_PORT", "0"),
        ("LIBPROCESS_IP", &address.ip().to_string()),
        ("OWN", "value"),
    ] {
        assert_eq!(find(name), Some(value), "{name} in {environment}");
    }

    let setup = ExecutorSetup::new(framework_id(), ExecutorId::new("e1").unwrap(), address.to_string());
    let (driver, mut events, handle) = ExecutorStream::open(setup);
    let driver = tokio::spawn(driver.run());
    let Some(ExecutorEvent::Launch(launched)) = events.recv().await else { panic!("no task") };
    assert_eq!(launched.id.as_str(), "t1");
    assert!(handle.report(&launched.id, TaskState::Running).await);
    rig.expect("t1", &[TaskState::Running]).await;
    let kill = ToAgent::Kill { framework_id: framework_id(), task_id: launched.id.clone(), policy: None };
    rig.say(kill).await;
    loop {
        match events.recv().await.unwrap() {
            ExecutorEvent::Kill(task, _) => break assert_eq!(task, launched.id),
            other => assert!(matches!(other, ExecutorEvent::Acknowledged(_)), "{other:?}"),
        }
    }
    handle.report(&launched.id, TaskState::Killed).await;
    rig.expect("t1", &[TaskState::Killed]).await;

    // Another one in its place: the first hears that, and ends.
    let setup = ExecutorSetup::new(framework_id(), ExecutorId::new("e1").unwrap(), address.to_string());
    let (other, mut others, _handle) = ExecutorStream::open(setup);
    let _other = tokio::spawn(other.run());
    let why = driver.await.unwrap().to_string();
    assert!(why.contains("took the place"), "{why}");
    rig.run(task("t2")).await;
    let Some(ExecutorEvent::Launch(launched)) = others.recv().await else { panic!("no task") };
    assert_eq!(launched.id.as_str(), "t2");
}

/// An executor nobody here wrote the library of. It needs a Python with pymesos, so it has a feature of its own.
#[cfg(feature = "pymesos")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executors_of_pymesos_run_unchanged() {
    let python = std::env::var("MESOS_TEST_PYMESOS").expect("MESOS_TEST_PYMESOS names a Python with pymesos");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/custom_executor/pymesos_executor.py");
    let mut rig = Rig::new().await;
    let command = CommandInfo::exec(python, [script]);
    let info = ExecutorInfo::custom(ExecutorId::new("e1").unwrap(), command, Resources::new());
    let run = TaskRun::Executor(Arc::new(info));
    rig.run(TaskInfo::new(TaskId::new("t1").unwrap(), agent_id(), Resources::new(), run)).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let mut hello = false;
    loop {
        match rig.hear().await {
            ToMaster::Message { data, .. } => hello = &*data == b"hi",
            ToMaster::Update { status, .. } if status.state == TaskState::Finished => break,
            _ => {}
        }
    }
    assert!(hello, "its message came before its last word");
    rig.say(ToAgent::ShutdownExecutor { framework_id: framework_id(), executor_id: "e1".parse().unwrap() }).await;
    while !matches!(rig.hear().await, ToMaster::ExecutorExited { .. }) {}
}
