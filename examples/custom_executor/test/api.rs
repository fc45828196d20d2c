//! What the agent answers those who ask in JSON.

use mesos_core::{TaskId, TaskInfo, TaskState};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_what_runs_and_read_what_it_wrote() {
    let mut rig = Rig::new().await;
    let line = "echo out; echo err >&2; ln -s /etc/passwd leak; ln -s .. up; sleep 1000";
    rig.run(TaskInfo::shell(TaskId::new("t1").unwrap(), agent_id(), "cpus:0.1".parse().unwrap(), line)).await;
    rig.expect("t1", &[TaskState::Starting, TaskState::Running]).await;
    let address = rig.address();
    let (status, containers) = call(address, r#"{"type":"GET_CONTAINERS"}"#).await;
    assert_eq!(status, "200", "{containers}");
    let containers: serde_json::Value = serde_json::from_str(&containers).unwrap();
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
            r#"{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{
            "container_id":{"value":"s","parent":{"value":"p"}},"command":{"value":"ls"},
            "container":{"type":"MESOS","tty_info":{}}}}"#,
            "501",
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
