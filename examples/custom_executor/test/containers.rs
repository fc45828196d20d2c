//! Containers that no executor has, signals, and what an agent remembers of what is over.

use mesos_core::{ContainerLimits, Limit, Scalar, TaskId, TaskInfo, TaskState};
use serde_json::{Value, json};

use crate::rig::{Rig, agent_id};
use crate::wire::{call, get};

/// A call of the operator API, and its answer as JSON.
async fn ask(rig: &Rig, body: Value) -> (String, Value) {
    let (status, answer) = call(rig.address(), &body.to_string()).await;
    (status, serde_json::from_str(&answer).unwrap_or_default())
}

fn about(kind: &str, mut body: Value) -> Value {
    body["container_id"] = json!({"value": "alone"});
    json!({"type": kind, kind.to_lowercase(): body})
}

async fn read(rig: &Rig, path: &str) -> String {
    get(rig.address(), &format!("/files/read?path={path}&offset=0")).await.1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_of_its_own_is_launched_signalled_and_removed() {
    let rig = Rig::new().await;
    let line = "trap 'echo heard; exit 3' USR1; echo ready; while :; do sleep 0.05; done";
    let launch = about("LAUNCH_CONTAINER", json!({"command": {"value": line}}));
    assert_eq!(ask(&rig, launch.clone()).await.0, "200");
    assert_eq!(ask(&rig, launch).await.0, "202", "it is there already");
    while !read(&rig, "/standalone/alone/stdout").await.contains("ready") {}
    let shown = |is_shown: bool| json!({"type": "GET_CONTAINERS", "get_containers": {"show_standalone": is_shown}});
    let containers = ask(&rig, shown(true)).await.1["get_containers"]["containers"].take();
    assert_eq!(containers[0]["container_id"]["value"], "alone");
    assert!(containers[0]["resource_statistics"]["processes"].as_u64() >= Some(1), "{containers}");
    assert_eq!(ask(&rig, shown(false)).await.1["get_containers"], json!({}));

    for (signal, status) in [(99, "400"), (0, "400"), (-1, "400"), (10, "200")] {
        assert_eq!(ask(&rig, about("KILL_CONTAINER", json!({"signal": signal}))).await.0, status, "{signal}");
    }
    let (status, waited) = ask(&rig, about("WAIT_CONTAINER", json!({}))).await;
    assert_eq!((status.as_str(), &waited["wait_container"]["exit_status"]), ("200", &json!(3 << 8)));
    assert!(read(&rig, "/standalone/alone/stdout").await.contains("heard"));
    assert_eq!(ask(&rig, about("REMOVE_CONTAINER", json!({}))).await.0, "200");
    assert_eq!(ask(&rig, about("WAIT_CONTAINER", json!({}))).await.0, "404");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_of_its_own_outlives_its_agents_process() {
    let rig = Rig::new().await;
    let launch = about("LAUNCH_CONTAINER", json!({"command": {"value": "sleep 1000"}}));
    assert_eq!(ask(&rig, launch).await.0, "200");
    let rig = rig.restart().await;
    assert_eq!(ask(&rig, about("KILL_CONTAINER", json!({}))).await.0, "200");
    let (status, waited) = ask(&rig, about("WAIT_CONTAINER", json!({}))).await;
    assert_eq!((status.as_str(), &waited["wait_container"]["exit_status"]), ("200", &json!(9)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_lie_beside_one_of_its_own_as_deep_as_names_reach_and_end_with_it() {
    let rig = Rig::new().await;
    let inner = json!({"value": "in", "parent": {"value": "alone"}});
    let deep = json!({"value": "deep", "parent": inner});
    for (id, line) in [(json!({"value": "alone"}), ""), (inner.clone(), "echo here > mark;"), (deep.clone(), "")] {
        let launch = json!({"container_id": id, "command": {"value": format!("{line} exec sleep 1000")}});
        let (status, answer) = ask(&rig, json!({"type": "LAUNCH_CONTAINER", "launch_container": launch})).await;
        assert_eq!(status, "200", "{answer}");
    }
    while !read(&rig, "/standalone/alone.in/mark").await.contains("here") {}
    let shown = |is_nested: bool| {
        let wanted = json!({"show_standalone": true, "show_nested": is_nested});
        json!({"type": "GET_CONTAINERS", "get_containers": wanted})
    };
    for (is_nested, count) in [(false, 1), (true, 3)] {
        let (_, answer) = ask(&rig, shown(is_nested)).await;
        assert_eq!(answer["get_containers"]["containers"].as_array().map(Vec::len), Some(count), "{answer}");
    }
    // Its first line is where it looks from: the sandbox of the other.
    let session = json!({"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session":
        {"container_id": {"value": "look", "parent": inner}, "command": {"value": "cat mark"}}});
    let (status, answer) = call(rig.address(), &session.to_string()).await;
    assert!(status == "200" && answer.contains("aGVyZQo="), "{status} {answer}");

    let of = |kind: &str, id: &Value| json!({"type": kind, kind.to_lowercase(): {"container_id": id}});
    assert_eq!(ask(&rig, of("KILL_CONTAINER", &deep)).await.0, "200");
    let (status, ended) = ask(&rig, of("WAIT_CONTAINER", &deep)).await;
    assert_eq!((status.as_str(), &ended["wait_container"]["exit_status"]), ("200", &json!(9)));
    assert_eq!(ask(&rig, of("REMOVE_CONTAINER", &deep)).await.0, "200");
    assert_eq!(ask(&rig, of("REMOVE_CONTAINER", &inner)).await.0, "400", "it runs");
    assert_eq!(ask(&rig, about("KILL_CONTAINER", json!({}))).await.0, "200");
    assert_eq!(ask(&rig, about("WAIT_CONTAINER", json!({}))).await.0, "200");
    while ask(&rig, shown(true)).await.1["get_containers"] != json!({}) {}
    assert_eq!(ask(&rig, of("WAIT_CONTAINER", &inner)).await.0, "404", "it is forgotten with what it lay beside");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_task_may_use_beyond_what_it_is_given_is_shown() {
    let mut rig = Rig::new().await;
    let mut task =
        TaskInfo::shell(TaskId::new("t1").unwrap(), agent_id(), "cpus:0.5;mem:32".parse().unwrap(), "sleep 1000");
    task.limits = ContainerLimits { cpus: Some(Limit::Amount(Scalar::from_units(2))), mem: Some(Limit::Infinite) };
    rig.run(task).await;
    rig.expect("t1", &[TaskState::Starting, TaskState::Running]).await;
    let (_, tasks) = ask(&rig, json!({"type": "GET_TASKS"})).await;
    let limits = json!({"cpus": {"value": 2.0}, "mem": {"value": "Infinity"}});
    assert_eq!(tasks["get_tasks"]["launched_tasks"][0]["limits"], limits);
    let state: Value = serde_json::from_str(&get(rig.address(), "/state").await.1).unwrap();
    let shown = &state["frameworks"][0]["executors"][0]["tasks"][0];
    assert_eq!(shown["limits"], json!({"cpus": 2.0, "mem": "Infinity"}));
    let containers: Value = serde_json::from_str(&get(rig.address(), "/monitor/statistics").await.1).unwrap();
    let statistics = &containers[0]["statistics"];
    assert_eq!((&statistics["cpus_limit"], &statistics["cpus_soft_limit"]), (&json!(2.0), &json!(0.5)));
    assert_eq!((&statistics["mem_limit_bytes"], &statistics["mem_soft_limit_bytes"]), (&Value::Null, &json!(32 << 20)));

    let limited = |mem: f64| {
        let resources = json!([{"name": "mem", "type": "SCALAR", "scalar": {"value": 64}}]);
        let limits = json!({"mem": {"value": mem}});
        about("LAUNCH_CONTAINER", json!({"command": {"value": "true"}, "resources": resources, "limits": limits}))
    };
    let (status, _) = ask(&rig, limited(63.0)).await;
    assert_eq!(status, "400");
    assert_eq!(ask(&rig, limited(65.0)).await.0, "200");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_is_shown_and_requests_are_counted() {
    let mut rig = Rig::new().await;
    let task = |id: &str| TaskInfo::shell(TaskId::new(id).unwrap(), agent_id(), "cpus:0.1".parse().unwrap(), "true");
    rig.run(task("t1")).await;
    rig.expect("t1", &[TaskState::Starting, TaskState::Running, TaskState::Finished]).await;
    // The last acknowledgement is on its way.
    let over = loop {
        let state = ask(&rig, json!({"type": "GET_STATE"})).await.1["get_state"].take();
        if state["get_frameworks"]["completed_frameworks"].is_array() {
            break state;
        }
    };
    assert_eq!(over["get_frameworks"]["completed_frameworks"][0]["framework_info"]["name"], "web");
    let executor = &over["get_executors"]["completed_executors"][0]["executor_info"];
    assert_eq!((&executor["executor_id"]["value"], &executor["framework_id"]["value"]), (&json!("t1"), &json!("f1")));
    let ended = &over["get_tasks"]["terminated_tasks"][0];
    assert_eq!((&ended["task_id"]["value"], &ended["state"]), (&json!("t1"), &json!("TASK_FINISHED")));
    let state: Value = serde_json::from_str(&get(rig.address(), "/state").await.1).unwrap();
    let executor = &state["completed_frameworks"][0]["completed_executors"][0];
    assert_eq!((&executor["id"], &executor["completed_tasks"][0]["state"]), (&json!("t1"), &json!("TASK_FINISHED")));
    let stdout = format!("{}/stdout", executor["directory"].as_str().unwrap());
    assert_eq!(read(&rig, &stdout).await, json!({"data": "", "offset": 0}).to_string(), "{stdout}");

    let (status, text) = get(rig.address(), "/metrics").await;
    assert_eq!(status, "200");
    assert!(text.contains("\nmesos_slave_cpus_total 1\n"), "{text}");
    assert!(text.contains("mesos_http_requests_total{path=\"/state\",status=\"2xx\"} 1\n"), "{text}");
}
