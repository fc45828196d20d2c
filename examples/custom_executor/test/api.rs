//! What the agent answers those who ask in JSON.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::agent::ToAgent;
use mesos_core::discovery::Discovery;
use mesos_core::health::{Check, HealthCheck};
use mesos_core::net::http::Limits;
use mesos_core::{CommandInfo, FrameworkId, TaskId, TaskInfo, TaskState};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::rig::{Rig, agent_id, task};
use crate::wire::{ask, call, get};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_clients_are_answered_as_they_expect() {
    let mut rig = Rig::new().await;
    rig.run(task("t1", "run")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let address = rig.address();
    let post = "POST /slave(1)/api/v1/executor HTTP/1.1\r\nContent-Type: application/json";
    let who = r#""executor_id":{"value":"e1"},"framework_id":{"value":"f1"}"#;
    // A second subscription takes the place of the first: this test is the executor from now on.
    let subscribe = format!(r#"{{"type":"SUBSCRIBE",{who},"subscribe":{{"unacknowledged_tasks":null}}}}"#);
    let answer = ask(address, &format!("{post}\r\nAccept: application/json"), &subscribe, "container_id").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("Content-Type: application/json\r\n"), "{answer}");
    assert!(answer.to_lowercase().contains("transfer-encoding: chunked\r\n"), "{answer}");
    for part in [
        r#"{"type":"SUBSCRIBED","subscribed":{"#,
        r#""executor_id":{"value":"e1"}"#,
        r#""id":{"value":"f1"}"#,
        r#""hostname":"127.0.0.1""#,
        r#""id":{"value":"a1"}"#,
    ] {
        assert!(answer.contains(part), "{answer} lacks {part}");
    }
    for (head, body, status) in [
        (post.to_owned(), format!(r#"{{"type":"SUBSCRIBE",{who}}}"#), 400),
        (
            post.to_owned(),
            r#"{"type":"HEARTBEAT","executor_id":{"value":"e9"},"framework_id":{"value":"f1"}}"#.into(),
            400,
        ),
        (
            post.to_owned(),
            r#"{"type":"HEARTBEAT","executor_id":{"value":"e1"},"framework_id":{"value":"f9"}}"#.into(),
            400,
        ),
        (post.to_owned(), "{".into(), 400),
        (post.replace("application/json", "text/plain"), "{}".into(), 415),
        ("POST /api/v1/executor HTTP/1.1".into(), "{}".into(), 400),
        ("GET /api/v1/executor HTTP/1.1".into(), String::new(), 405),
        (format!("{post}\r\nAccept: text/html"), subscribe.clone(), 406),
    ] {
        let answer = ask(address, &head, &body, "\r\n\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head} {body}: {answer}");
    }
}

/// What mesos_exporter and collectd's plugin for agents ask for. A name with braces stands for one with each of the words in
/// them.
const METRICS: &str = "
    slave/{cpus,mem,disk,gpus}_{total,used,percent} slave/{cpus,mem,disk,gpus}_revocable_{total,used,percent}
    slave/{uptime_secs,registered,frameworks_active,recovery_errors,container_launch_errors}
    slave/executors_{registering,running,terminating,terminated,preempted}
    slave/tasks_{staging,starting,running,killing,finished,failed,killed,lost,error,dropped,gone}
    slave/{valid,invalid}_{framework_messages,status_updates} gc/path_removals_{pending,succeeded,failed}
    system/{cpus_total,load_1min,load_5min,load_15min,mem_free_bytes,mem_total_bytes}
";

/// The names that a line stands for.
fn spelt(line: &str) -> Vec<String> {
    let Some((before, rest)) = line.split_once('{') else { return vec![line.to_owned()] };
    let (words, after) = rest.split_once('}').unwrap();
    words.split(',').flat_map(|word| spelt(&format!("{before}{word}{after}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_find_the_names_of_an_agents_numbers() {
    let mut rig = Rig::new().await;
    rig.run(TaskInfo::shell(TaskId::new("t1").unwrap(), agent_id(), "cpus:0.1".parse().unwrap(), "exit 3")).await;
    rig.expect("t1", &[TaskState::Starting, TaskState::Running, TaskState::Failed]).await;
    let (_, metrics) = get(rig.address(), "/metrics/snapshot").await;
    let metrics: Value = serde_json::from_str(&metrics).unwrap();
    for name in METRICS.split_whitespace().flat_map(spelt) {
        assert!(metrics[&*name].is_number(), "{name} is missing in {metrics:#}");
    }
    assert_eq!((&metrics["slave/tasks_failed"], &metrics["slave/valid_status_updates"]), (&1.0.into(), &3.0.into()));
}

/// Who waits for the end of a container takes no place from others, and those who are slow to say what they want do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_long_takes_no_place_and_who_asks_too_often_is_held_back() {
    let mut limits = Limits::default();
    (limits.requests_max, limits.answer_timeout) = (1, Duration::from_secs(20));
    let mut rig = Rig::limited(limits, None).await;
    rig.run(TaskInfo::shell(TaskId::new("t1").unwrap(), agent_id(), "cpus:0.1".parse().unwrap(), "sleep 1000")).await;
    rig.expect("t1", &[TaskState::Starting, TaskState::Running]).await;
    let address = rig.address();
    let containers: Value = serde_json::from_str(&call(address, r#"{"type":"GET_CONTAINERS"}"#).await.1).unwrap();
    let container = containers["get_containers"]["containers"][0]["container_id"]["value"].as_str().unwrap();
    let wait = format!(r#"{{"type":"WAIT_CONTAINER","wait_container":{{"container_id":{{"value":"{container}"}}}}}}"#);
    let waiting = tokio::spawn(async move {
        loop {
            let answered = call(address, &wait).await;
            if answered.0 != "503" {
                break answered;
            }
        }
    });
    let health = async || call(address, r#"{"type":"GET_HEALTH"}"#).await.0;
    // Until the other has said what it wants, it has the one place there is.
    let heard = async { while health().await == "503" {} };
    tokio::time::timeout(Duration::from_secs(10), heard).await.expect("who waits has the place for good");
    assert!(!waiting.is_finished());
    let mut slow = TcpStream::connect(address).await.unwrap();
    let head = "POST /api/v1 HTTP/1.1\r\nHost: agent\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    while health().await != "503" {}
    drop(slow);
    let framework_id = FrameworkId::new("f1").unwrap();
    rig.say(ToAgent::Kill { framework_id, task_id: TaskId::new("t1").unwrap(), policy: None }).await;
    assert_eq!(waiting.await.unwrap().0, "200");

    let often = Some(r#"{"aggregate_default_qps": 0.001, "aggregate_default_capacity": 2}"#);
    let rig = Rig::limited(Limits::default(), often).await;
    let address = rig.address();
    assert_eq!(call(address, r#"{"type":"GET_HEALTH"}"#).await.0, "200");
    assert_eq!(get(address, "/state").await.0, "200");
    assert_eq!(get(address, "/state").await.0, "429");
    assert_eq!(call(address, r#"{"type":"GET_HEALTH"}"#).await.0, "429");
    assert_eq!(get(address, "/health").await.0, "200");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_what_runs_and_read_what_it_wrote() {
    let mut rig = Rig::new().await;
    let line = "echo out; echo err >&2; ln -s /etc/passwd leak; ln -s .. up; sleep 1000";
    let mut described = TaskInfo::shell(TaskId::new("t1").unwrap(), agent_id(), "cpus:0.1".parse().unwrap(), line);
    described.discovery = Some(Arc::new(Discovery { name: Some("found".into()), ..Discovery::default() }));
    let mut health = HealthCheck::new(Check::Command(Box::new(CommandInfo::shell("true"))));
    health.delay = Duration::from_secs(600);
    described.health_check = Some(Arc::new(health));
    rig.run(described).await;
    rig.expect("t1", &[TaskState::Starting, TaskState::Running]).await;
    let address = rig.address();
    let tasks: Value = serde_json::from_str(&call(address, r#"{"type":"GET_TASKS"}"#).await.1).unwrap();
    let state: Value = serde_json::from_str(&get(address, "/state").await.1).unwrap();
    for shown in [&tasks["get_tasks"]["launched_tasks"][0], &state["frameworks"][0]["executors"][0]["tasks"][0]] {
        assert_eq!((&shown["discovery"]["name"], &shown["health_check"]["type"]), (&json!("found"), &json!("COMMAND")));
        let said = shown["statuses"].as_array().unwrap();
        let states: Vec<_> = said.iter().map(|status| status["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["TASK_STARTING", "TASK_RUNNING"], "{shown}");
        assert!(said.iter().all(|status| status["timestamp"].as_f64().unwrap() > 1e9), "{shown}");
    }
    let (status, containers) = call(address, r#"{"type":"GET_CONTAINERS"}"#).await;
    assert_eq!(status, "200", "{containers}");
    let containers: Value = serde_json::from_str(&containers).unwrap();
    let found = &containers["get_containers"]["containers"][0];
    assert!(found["resource_statistics"]["timestamp"].as_f64().unwrap() > 0.0);
    let container = found["container_id"]["value"].as_str().unwrap();
    for (kind, part) in [
        ("GET_HEALTH", r#""healthy":true"#),
        ("GET_VERSION", r#""version":"1.11.0""#),
        ("GET_STATE", r#""task_id":{"value":"t1"}"#),
        ("GET_TASKS", r#""launched_tasks""#),
        ("GET_AGENT", r#""id":{"value":"a1"}"#),
        ("GET_FRAMEWORKS", r#""name":"web""#),
        ("GET_EXECUTORS", r#""executor_id":{"value":"t1"}"#),
        ("GET_METRICS", "slave/tasks_running"),
        ("GET_OPERATIONS", "get_operations"),
        ("GET_FLAGS", "get_flags"),
        ("GET_LOGGING_LEVEL", r#""level":0"#),
    ] {
        let (status, answer) = call(address, &format!(r#"{{"type":"{kind}"}}"#)).await;
        assert_eq!(status, "200", "{kind}: {answer}");
        assert!(answer.contains(&format!(r#""type":"{kind}""#)) && answer.contains(part), "{kind}: {answer}");
    }
    for (path, part) in [
        ("/state", r#""id":"t1""#),
        ("/slave(1)/state", r#""pid":"slave(1)@"#),
        ("/containers", "container_id"),
        ("/monitor/statistics", "mem_limit_bytes"),
        ("/metrics/snapshot", "slave/cpus_total"),
        ("/version", "1.11.0"),
        ("/flags", "flags"),
    ] {
        let (status, answer) = get(address, path).await;
        assert!(status == "200" && answer.contains(part), "{path}: {status} {answer}");
    }
    let set = |level: u32| {
        format!(
            r#"{{"type":"SET_LOGGING_LEVEL","set_logging_level":{{"level":{level},"duration":{{"nanoseconds":60000000000}}}}}}"#
        )
    };
    assert_eq!(call(address, &set(2)).await.0, "200");
    assert!(call(address, r#"{"type":"GET_LOGGING_LEVEL"}"#).await.1.contains(r#""level":2"#));
    let (status, why) = call(address, &set(9)).await;
    assert_eq!((&*status, &*why), ("400", "it cannot be like this"));
    let runs = "/frameworks/f1/executors/t1/runs/latest";
    // The shell may not have come to its first word when the container is said to run.
    while get(address, &format!("/files/read?path={runs}/stderr&offset=0")).await.1 != r#"{"data":"err\n","offset":0}"# {
    }
    let (_, read) = get(address, &format!("/files/read?path={runs}/stdout&offset=0&length=2")).await;
    assert_eq!(read, r#"{"data":"ou","offset":0}"#);
    while !get(address, &format!("/files/browse?path={runs}")).await.1.contains("/up") {}
    for secret in ["leak", "up/../../lock", "../../../../../../etc/passwd", "up/lock"] {
        let (status, answer) = get(address, &format!("/files/read?path={runs}/{secret}&offset=0")).await;
        assert!(status != "200", "{secret}: {answer}");
    }
    let nested = format!(r#"{{"parent":{{"value":"{container}"}},"value":"debug"}}"#);
    let launch = format!(
        r#"{{"type":"LAUNCH_NESTED_CONTAINER","launch_nested_container":{{"container_id":{nested},
        "command":{{"value":"exit 5"}}}}}}"#
    );
    assert_eq!(call(address, &launch).await.0, "200");
    let wait = format!(r#"{{"type":"WAIT_CONTAINER","wait_container":{{"container_id":{nested}}}}}"#);
    let (status, answer) = call(address, &wait).await;
    assert_eq!(status, "200");
    assert!(answer.contains(r#""exit_status":1280"#), "{answer}");
    let unknown = wait.replace("debug", "other");
    assert_eq!(call(address, &unknown).await.0, "404");
    for (call_text, status) in [
        (r#"{"type":"PRUNE_IMAGES","prune_images":{}}"#, "501"),
        (r#"{"type":"ATTACH_CONTAINER_INPUT"}"#, "415"),
        (
            r#"{"type":"LAUNCH_NESTED_CONTAINER","launch_nested_container":{
            "container_id":{"value":"s","parent":{"value":"p"}},"command":{"value":"ls"},
            "container":{"type":"MESOS","tty_info":{}}}}"#,
            "501",
        ),
        (
            r#"{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{
            "container_id":{"value":"s","parent":{"value":"p"}},"command":{"value":"ls"},
            "container":{"type":"MESOS","tty_info":{}}}}"#,
            "404",
        ),
        (
            r#"{"type":"LAUNCH_NESTED_CONTAINER","launch_nested_container":{
            "container_id":{"value":"s","parent":{"value":"p"}},"command":{"value":"ls"},
            "container":{"type":"MESOS","rlimit_info":{}}}}"#,
            "501",
        ),
        (r#"{"type":"READ_FILE"}"#, "400"),
        (r#"{"type":"LIST_FILES","list_files":{"path":"/nowhere"}}"#, "404"),
    ] {
        assert_eq!(call(address, call_text).await.0, status, "{call_text}");
    }
    // A session tells what its container writes, and ends with it.
    let session = format!(
        r#"{{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{{"container_id":{},
        "command":{{"value":"echo inside"}}}}}}"#,
        nested.replace("debug", "session")
    );
    let head = "POST /api/v1 HTTP/1.1\r\nContent-Type: application/json\r\nAccept: application/recordio\r\n\
        Message-Accept: application/json\r\nConnection: close";
    let answer = ask(address, head, &session, "never said").await;
    assert!(answer.contains("Content-Type: application/recordio"), "{answer}");
    assert!(answer.contains("Message-Content-Type: application/json"), "{answer}");
    assert!(answer.contains(r#"{"type":"DATA","data":{"type":"STDOUT","data":"aW5zaWRlCg=="}}"#), "{answer}");
}
