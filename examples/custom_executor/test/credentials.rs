//! What executors prove with who they are is good for themselves, and for as long as their container lives.

use std::sync::Arc;

use mesos_core::call::agent::{RunGroup, ToAgent, ToMaster};
use mesos_core::{
    CommandInfo, ExecutorId, ExecutorInfo, FrameworkInfo, Resources, Role, TaskId, TaskInfo, TaskRun, TaskState,
};

use crate::rig::{Rig, agent_id, framework_id, line_of, task};
use crate::wire::ask;

/// An executor that says what it was given.
pub(crate) struct Told {
    pub(crate) token: String,
    pub(crate) container: String,
}

/// Starts an executor that does nothing, and finds out what it was told.
pub(crate) async fn start(rig: &mut Rig, executor: &str, task: &str) -> Told {
    let pipe = rig.path(task);
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let command = CommandInfo::shell(format!("env > {}; exec sleep 1000", pipe.display()));
    let info = ExecutorInfo::custom(ExecutorId::new(executor).unwrap(), command, Resources::new());
    let run = TaskRun::Executor(Arc::new(info));
    rig.run(TaskInfo::new(TaskId::new(task).unwrap(), agent_id(), Resources::new(), run)).await;
    let environment = line_of(pipe).await;
    let find = |name: &str| {
        let line = environment.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{name} is missing in {environment}")).to_owned()
    };
    Told { token: find("MESOS_EXECUTOR_AUTHENTICATION_TOKEN"), container: find("MESOS_CONTAINER_ID") }
}

/// The status of an answer to what is said with a token, or without one.
async fn status(rig: &Rig, path: &str, token: Option<&str>, body: &str) -> String {
    let bearer = token.map(|token| format!("\r\nAuthorization: Bearer {token}")).unwrap_or_default();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let head =
        format!("{method} {path} HTTP/1.1\r\nContent-Type: application/json\r\nAccept: application/json{bearer}");
    let answer = ask(rig.address(), &head, body, "\r\n\r\n").await;
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn subscribe(executor: &str) -> String {
    format!(
        r#"{{"type":"SUBSCRIBE","executor_id":{{"value":"{executor}"}},"framework_id":{{"value":"f1"}},
        "subscribe":{{"unacknowledged_tasks":null}}}}"#
    )
}

fn launch(beside: &str, name: &str) -> String {
    format!(
        r#"{{"type":"LAUNCH_NESTED_CONTAINER","launch_nested_container":{{"command":{{"value":"true"}},
        "container_id":{{"value":"{name}","parent":{{"value":"{beside}"}}}}}}}}"#
    )
}

/// The same beside one that would lie beside that.
fn launch_deeper(beside: &str, name: &str) -> String {
    format!(
        r#"{{"type":"LAUNCH_NESTED_CONTAINER","launch_nested_container":{{"command":{{"value":"true"}},
        "container_id":{{"value":"{name}","parent":{{"value":"none","parent":{{"value":"{beside}"}}}}}}}}}}"#
    )
}

const SPEAK: &str = "/api/v1/executor";
const ASK: &str = "/api/v1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_speaks_for_its_own_executor_while_that_lives() {
    let mut rig = Rig::guarded().await;
    let (one, two) = (start(&mut rig, "e1", "t1").await, start(&mut rig, "e2", "t2").await);

    let (own, others) = (Some(&*one.token), Some(&*two.token));
    for (path, token, body, expected) in [
        (SPEAK, None, subscribe("e1"), "401"),
        (SPEAK, Some("made.up.token"), subscribe("e1"), "401"),
        (SPEAK, others, subscribe("e1"), "403"),
        (SPEAK, own, subscribe("e1"), "200"),
        (ASK, None, launch(&one.container, "c"), "401"),
        (ASK, others, launch(&one.container, "c"), "403"),
        (ASK, own, launch(&one.container, "c"), "200"),
        // What it may run it may not run as anybody: its framework's tasks name no other user.
        (ASK, own, launch(&one.container, "r").replace(r#""true""#, r#""true","user":"root""#), "403"),
        (ASK, others, launch_deeper(&one.container, "c"), "403"),
        (ASK, own, launch_deeper(&one.container, "c"), "404"),
        (ASK, own, r#"{"type":"GET_STATE"}"#.to_owned(), "403"),
        (ASK, own, r#"{"type":"LIST_FILES","list_files":{"path":"/frameworks/f1"}}"#.to_owned(), "403"),
        ("/state", own, String::new(), "403"),
        ("/metrics/snapshot", own, String::new(), "403"),
        ("/files/browse?path=/frameworks/f1", own, String::new(), "403"),
        ("/health", None, String::new(), "200"),
    ] {
        assert_eq!(status(&rig, path, token, &body).await, expected, "{path} {body}");
    }

    // It ends, and with it what its token was good for: for itself, and for the next executor of its name.
    let (framework_id, executor_id) = (framework_id(), ExecutorId::new("e1").unwrap());
    rig.say(ToAgent::ShutdownExecutor { framework_id, executor_id }).await;
    while !matches!(rig.hear().await, ToMaster::ExecutorExited { executor_id, .. } if executor_id.as_str() == "e1") {}
    let refused = status(&rig, SPEAK, own, &subscribe("e1")).await;
    assert!(["400", "403"].contains(&&*refused), "{refused}");
    assert_eq!(status(&rig, ASK, own, &launch(&one.container, "d")).await, "403");
    let next = start(&mut rig, "e1", "t3").await;
    assert_ne!(next.container, one.container);
    assert_eq!(status(&rig, SPEAK, own, &subscribe("e1")).await, "403");
    assert_eq!(status(&rig, ASK, own, &launch(&next.container, "d")).await, "403");
    assert_eq!(status(&rig, SPEAK, Some(&next.token), &subscribe("e1")).await, "200");
}

/// Neither a task the agent runs itself, nor one of a group, nor what an executor asks a container for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_task_finds_what_its_executor_proves_with_who_it_is() {
    let mut rig = Rig::guarded().await;
    let line = "exit $(env | grep -c MESOS_EXECUTOR_AUTHENTICATION_TOKEN)";
    let shell = |name: &str| TaskInfo::shell(TaskId::new(name).unwrap(), agent_id(), Resources::new(), line);
    let alone = TaskInfo::shell(TaskId::new("t1").unwrap(), agent_id(), "cpus:0.1".parse().unwrap(), line);
    rig.run(alone).await;
    let end = async |rig: &mut Rig| loop {
        let status = rig.next_status().await;
        if status.state.is_terminal() {
            break (status.task_id.to_string(), status.state);
        }
    };
    assert_eq!(end(&mut rig).await, ("t1".to_owned(), TaskState::Finished));
    let executor = ExecutorInfo::for_groups(ExecutorId::new("g1").unwrap(), "cpus:0.1;mem:32".parse().unwrap());
    let mut framework = FrameworkInfo::new("web", Role::new("web").unwrap());
    framework.id = Some(framework_id());
    let run = RunGroup {
        framework_id: framework_id(),
        framework: Arc::new(framework),
        role: Role::new("web").unwrap(),
        tasks: TaskInfo::group(executor, [shell("t2")]),
        may_start_executor: true,
    };
    rig.say(ToAgent::RunGroup(Box::new(run))).await;
    assert_eq!(end(&mut rig).await, ("t2".to_owned(), TaskState::Finished));
    rig.run(task("t3", "tell")).await;
    rig.expect("t3", &[TaskState::Running]).await;
    let told = rig.next_status().await;
    assert_eq!(told.message.as_deref(), Some("Command exited with status 0"), "{told:?}");
}

/// It looks from beside a container that lies beside its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_proves_who_it_is_looks_at_its_tasks() {
    let mut rig = Rig::guarded().await;
    rig.run(task("t1", "check")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let status = rig.next_status().await;
    assert_eq!(status.message.as_deref(), Some("Command exited with status 1"), "{status:?}");
}

/// The library sends the token it finds, also when it asks for containers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_proves_who_it_is_runs_tasks_in_containers_beside_its_own() {
    let mut rig = Rig::guarded().await;
    rig.run(task("t1", "contain")).await;
    rig.expect("t1", &[TaskState::Running, TaskState::Finished]).await;
}
