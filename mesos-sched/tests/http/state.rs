//! What older tools poll.

use mesos_core::net::http::{Attached, Files};
use serde_json::{Value, json};

use super::client::{Media, ask, get};
use super::cluster::{Cluster, Made};
use super::framework::{Framework, info, task};
use super::operator::Operator;

async fn read(cluster: &Cluster, path: &str) -> Value {
    let answer = get(cluster.address, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn tools_find_the_keys_they_read() {
    let mut cluster = Cluster::start().await;
    let agent = cluster.agent("host-1", "cpus:4;mem:1024;ports:[31000-31010];mem(web):64").await;
    let mut framework = Framework::subscribe(cluster.address, info()).await;
    let offer = framework.offer().await;
    let mut named = task("t1", &offer["agent_id"], "sleep");
    named["discovery"] =
        json!({"visibility": "CLUSTER", "name": "web", "ports": {"ports": [{"number": 31000, "name": "http"}]}});
    named["limits"] = json!({"cpus": {"value": 3.5}, "mem": {"value": "Infinity"}});
    named["labels"] = json!({"labels": [{"key": "k", "value": "v"}]});
    named["command"]["user"] = json!("nobody");
    named["health_check"] = json!({"type": "COMMAND", "command": {"value": "true"}});
    framework.launch(&offer, &[named, task("t2", &offer["agent_id"], "true")]).await;
    framework.update("t1").await;
    let state = read(&cluster, "/master/state.json").await;
    assert_eq!(state["leader"], format!("master@127.0.0.1:{}", cluster.address.port()));
    assert_eq!((&state["version"], &state["hostname"]), (&json!("1.11.0"), &json!("localhost")));
    assert_eq!((&state["activated_slaves"], &state["deactivated_slaves"]), (&json!(1), &json!(0)));
    let slave = &state["slaves"][0];
    assert_eq!(
        (&slave["id"], &slave["hostname"], &slave["active"]),
        (&json!(agent.as_str()), &json!("host-1"), &json!(true))
    );
    assert_eq!(slave["pid"], "slave(1)@host-1:5051");
    let resources = &slave["resources"];
    assert_eq!(
        (&resources["cpus"], &resources["mem"], &resources["ports"]),
        (&json!(4.0), &json!(1088.0), &json!("[31000-31010]"))
    );
    assert_eq!(slave["used_resources"]["cpus"], 1.0);
    assert_eq!(slave["unreserved_resources"]["mem"], 1024.0);
    assert_eq!(slave["reserved_resources"]["web"]["mem"], 64.0);
    let own = &state["frameworks"][0];
    assert_eq!((&own["id"], &own["active"], &own["role"]), (&json!(framework.id), &json!(true), &json!("*")));
    let t1 = own["tasks"].as_array().unwrap().iter().find(|task| task["id"] == "t1").unwrap();
    assert_eq!(
        (&t1["state"], &t1["slave_id"], &t1["executor_id"]),
        (&json!("TASK_RUNNING"), &json!(agent.as_str()), &json!(""))
    );
    assert_eq!(t1["statuses"][0]["state"], "TASK_RUNNING");
    assert_eq!(t1["statuses"][0]["labels"], json!([{"key": "said by", "value": "a toy"}]));
    assert_eq!(t1["discovery"]["ports"]["ports"][0]["number"], 31000);
    assert_eq!(t1["labels"], json!([{"key": "k", "value": "v"}]));
    assert_eq!(t1["limits"], json!({"cpus": 3.5, "mem": "Infinity"}));

    assert_eq!((&t1["user"], &t1["health_check"]["type"]), (&json!("nobody"), &json!("COMMAND")));

    assert_eq!(read(&cluster, "/slaves").await["slaves"][0]["id"], agent.as_str());
    assert_eq!(read(&cluster, "/slaves?slave_id=other").await["slaves"], json!([]));
    assert_eq!(read(&cluster, "/master/frameworks/").await["frameworks"][0]["name"], "test");
    for path in ["/state", "/slaves"] {
        let shown = read(&cluster, path).await["slaves"][0].take();
        let full = |name: &str| -> Vec<(String, f64)> {
            let entries = shown[&*format!("{name}_resources_full")].as_array().unwrap().iter();
            let scalars = entries.filter(|entry| entry["type"] == "SCALAR");
            scalars
                .map(|entry| (entry["name"].as_str().unwrap().to_owned(), entry["scalar"]["value"].as_f64().unwrap()))
                .collect()
        };
        assert_eq!(shown["reserved_resources_full"]["web"][0]["scalar"]["value"], 64.0, "{path}");
        for (name, short) in
            [("unreserved", "unreserved_resources"), ("used", "used_resources"), ("offered", "offered_resources")]
        {
            let full = full(name);
            for of in ["cpus", "mem"] {
                let sum: f64 = full.iter().filter(|(own, _)| own == of).map(|(_, amount)| amount).sum();
                assert_eq!(shown[short][of].as_f64(), Some(sum), "{path} {name} {of}: {shown}");
            }
        }
        assert!(!full("used").is_empty());
    }
    let summary = read(&cluster, "/state-summary").await;
    assert_eq!(summary["slaves"][0]["framework_ids"], json!([framework.id]));
    assert_eq!(summary["frameworks"][0]["slave_ids"], json!([agent.as_str()]));
    assert_eq!(summary["frameworks"][0]["TASK_RUNNING"], 2);
    let roles = read(&cluster, "/roles").await;
    assert_eq!(roles["roles"][0]["name"], "*");
    assert_eq!(read(&cluster, "/weights").await, json!([]));
    assert_eq!(read(&cluster, "/quota").await, json!({}));
    assert_eq!(read(&cluster, "/maintenance/schedule").await, json!({}));
    assert_eq!(read(&cluster, "/maintenance/status").await, json!({}));
    assert_eq!(read(&cluster, "/version").await["version"], "1.11.0");
    assert_eq!(read(&cluster, "/flags").await, json!({"flags": {}}));
    assert_eq!(get(cluster.address, "/health").await.status, 200);
    assert_eq!(get(cluster.address, "/").await.status, 200);
    let metrics = read(&cluster, "/metrics/snapshot").await;
    for name in [
        "master/elected",
        "master/uptime_secs",
        "master/cpus_percent",
        "master/tasks_running",
        "master/slaves_connected",
        "master/frameworks_active",
        "allocator/mesos/allocation_runs",
    ] {
        assert!(metrics[name].is_number(), "{name} is missing");
    }
    let own = |what: &str| metrics[&*format!("master/frameworks/test/{}/{what}", framework.id)].as_f64();
    for (what, count) in [
        ("subscribed", 1.0),
        ("calls/subscribe", 1.0),
        ("calls/accept", 1.0),
        ("operations/launch", 1.0),
        ("offers/accepted", 1.0),
        ("offers/declined", 0.0),
        ("events/subscribed", 1.0),
        ("tasks/active/task_running", 2.0),
        ("tasks/terminal/task_finished", 0.0),
        ("roles/*/suppressed", 0.0),
    ] {
        assert_eq!(own(what), Some(count), "{what}");
    }
    assert!(own("offers/sent").unwrap() >= 1.0 && own("calls").unwrap() >= 2.0 && own("events").unwrap() >= 2.0);
    for name in ["allocation_run_ms", "allocation_run_latency_ms"] {
        let of = |part: &str| metrics[&*format!("allocator/mesos/{name}{part}")].as_f64().unwrap();
        assert!(
            of("/count") >= 1.0 && of("/min") <= of("/p50") && of("/p50") <= of("/p99") && of("/p99") <= of("/max")
        );
        assert!(of("") >= of("/min"));
    }
    let text = get(cluster.address, "/metrics").await.text();
    assert!(text.contains("\nmesos_master_tasks_running 2\n"), "{text}");
    assert!(text.contains(&format!("framework_id=\"{}\"", framework.id)));
    let redirect = get(cluster.address, "/redirect").await;
    assert_eq!(redirect.status, 307);
    assert_eq!(redirect.header("location"), Some(&*format!("//localhost:{}", cluster.address.port())));
    assert_eq!(get(cluster.address, "/redirect/x").await.status, 404);
    assert_eq!(get(cluster.address, "/files/browse?path=/master/log").await.status, 404);
    assert_eq!(get(cluster.address, "/files/read").await.status, 400);
}

#[tokio::test]
async fn tasks_that_have_ended_are_remembered_and_listed_in_pages() {
    let mut cluster = Cluster::start().await;
    cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut framework = Framework::subscribe(cluster.address, info()).await;
    let offer = framework.offer().await;
    let tasks: Vec<_> = (0..5).map(|n| task(&format!("t{n}"), &offer["agent_id"], "true")).collect();
    framework.launch(&offer, &tasks).await;
    let mut ended = 0;
    while ended < 5 {
        let status = framework.stream.event("UPDATE").await["update"]["status"].take();
        framework.acknowledge(&status).await;
        ended += usize::from(status["state"] == "TASK_FINISHED");
    }
    let ids = |tasks: &Value| -> Vec<String> {
        tasks["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect()
    };
    // The last acknowledgement is on its way.
    while read(&cluster, "/frameworks").await["frameworks"][0]["completed_tasks"].as_array().unwrap().len() < 5 {}
    assert_eq!(ids(&read(&cluster, "/tasks").await).len(), 5);
    assert_eq!(ids(&read(&cluster, "/tasks?limit=2").await).len(), 2);
    assert_eq!(ids(&read(&cluster, "/tasks?limit=-1&offset=4&order=asc").await).len(), 1);
    assert_eq!(ids(&read(&cluster, "/tasks?task_id=t3").await), ["t3"]);
    assert_eq!(ids(&read(&cluster, "/tasks?framework_id=other").await), [""; 0]);
    assert_eq!(get(cluster.address, "/tasks?limit=many").await.status, 400);

    let form = format!("frameworkId={}", framework.id);
    assert_eq!(ask(cluster.address, "POST", "/master/teardown", "", &form).await.status, 200);
    assert_eq!(ask(cluster.address, "POST", "/teardown", "", &form).await.status, 400);
    assert_eq!(ask(cluster.address, "POST", "/teardown", "", "").await.status, 400);
    let frameworks = read(&cluster, "/frameworks").await;
    assert_eq!(frameworks["frameworks"], json!([]));
    let completed = &frameworks["completed_frameworks"][0];
    assert_eq!((&completed["id"], &completed["active"]), (&json!(framework.id), &json!(false)));
    assert_eq!(completed["completed_tasks"][0]["state"], "TASK_FINISHED");
    let metrics = read(&cluster, "/metrics/snapshot").await;
    assert_eq!(metrics["master/tasks_finished"], 5.0);
}

/// It publishes nothing before somebody looks, and nothing when nobody has looked for a while; and what is seen is the same
/// whether it was published as it happened or is told later.
#[tokio::test]
async fn a_master_nobody_looks_at_does_nothing_for_views() {
    let made = Made { kept_after: std::time::Duration::ZERO, ..Made::default() };
    let mut cluster = Cluster::start_as(made).await;
    cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut framework = Framework::subscribe(cluster.address, info()).await;
    let offer = framework.offer().await;
    framework.call_accepted(json!({"type": "SUPPRESS"})).await;
    let tasks = ["t1", "t2"].map(|id| task(id, &offer["agent_id"], if id == "t1" { "sleep" } else { "true" }));
    framework.launch(&offer, &tasks).await;
    let mut said = 0;
    while said < 3 {
        let status = framework.stream.event("UPDATE").await["update"]["status"].take();
        framework.acknowledge(&status).await;
        said += 1;
    }
    // The last acknowledgement is on its way.
    while cluster.master.inspect(|master| master.tasks().count()).await != Some(1) {
        tokio::task::yield_now().await;
    }
    assert_eq!(cluster.published().await, 0, "nobody has looked");

    let paths = ["/state", "/state-summary", "/slaves", "/frameworks", "/tasks", "/roles"];
    let mut seen = Vec::new();
    for path in paths {
        seen.push(read(&cluster, path).await);
        cluster.is_left_alone().await;
    }
    assert_ne!(cluster.published().await, 0);
    let own = &seen[0]["frameworks"][0];
    assert_eq!(
        (own["tasks"][0]["id"].as_str(), own["tasks"][0]["statuses"][0]["state"].as_str()),
        (Some("t1"), Some("TASK_RUNNING"))
    );
    let ended = &own["completed_tasks"][0];
    let states: Vec<_> =
        ended["statuses"].as_array().unwrap().iter().map(|status| status["state"].as_str().unwrap()).collect();
    assert_eq!((ended["id"].as_str(), states), (Some("t2"), vec!["TASK_RUNNING", "TASK_FINISHED"]));

    // With somebody who looks all the time.
    let mut subscriber = Operator::new(cluster.address, Media::Json).subscribe().await;
    subscriber.event("SUBSCRIBED").await;
    for (path, before) in paths.iter().zip(&seen) {
        assert_eq!(read(&cluster, path).await, *before, "{path}");
    }
    drop(subscriber);
    cluster.is_left_alone().await;
    let told = cluster.published().await;
    let mut other = info();
    other["name"] = json!("other");
    let other = Framework::subscribe(cluster.address, other).await;
    other.call_accepted(json!({"type": "TEARDOWN"})).await;
    while cluster.master.inspect(|master| master.frameworks().count()).await != Some(1) {
        tokio::task::yield_now().await;
    }
    assert_eq!(cluster.published().await, told, "nobody looks");
    let state = read(&cluster, "/state").await;
    assert_eq!(state["completed_frameworks"][0]["name"], "other");
    let metrics = read(&cluster, "/metrics/snapshot").await;
    assert_eq!((&metrics["master/tasks_finished"], &metrics["master/framework_removals"]), (&json!(1.0), &json!(1.0)));
}

#[tokio::test]
async fn a_master_that_does_not_lead_says_who_does() {
    let cluster = Cluster::start_elsewhere("leader.example:5050").await;
    let answer = get(cluster.address, "/master/state?jsonp=x").await;
    assert_eq!(answer.status, 307);
    assert_eq!(answer.header("location"), Some("//leader.example:5050/master/state?jsonp=x"));
    let answer = ask(cluster.address, "POST", "/api/v1/scheduler", "", "{}").await;
    assert_eq!(answer.header("location"), Some("//leader.example:5050/api/v1/scheduler"));
    assert_eq!(ask(cluster.address, "POST", "/api/v1", "", "{}").await.status, 307);
    assert_eq!(get(cluster.address, "/redirect").await.header("location"), Some("//leader.example:5050"));
    for own in ["/health", "/version", "/flags", "/metrics/snapshot", "/metrics"] {
        assert_eq!(get(cluster.address, own).await.status, 200, "{own}");
    }
    let nobody = Cluster::start_elsewhere("").await;
    assert_eq!(get(nobody.address, "/state").await.status, 503);
}

#[tokio::test]
async fn an_executor_is_shown_with_what_it_runs() {
    let mut cluster = Cluster::start().await;
    cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut framework = Framework::subscribe(cluster.address, info()).await;
    let offer = framework.offer().await;
    let mut run = task("t1", &offer["agent_id"], "");
    run.as_object_mut().unwrap().remove("command");
    let command = json!({"shell": false, "value": "run", "arguments": ["run", "-x"], "user": "nobody"});
    run["executor"] = json!({"type": "CUSTOM", "executor_id": {"value": "e1"}, "name": "runs things", "command": command,
        "framework_id": {"value": framework.id}, "labels": {"labels": [{"key": "k", "value": "v"}]},
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}}]});
    framework.launch(&offer, &[run]).await;
    framework.update("t1").await;
    let state = read(&cluster, "/state").await;
    let own = &state["frameworks"][0];
    let executor = &own["executors"][0];
    assert_eq!((&executor["executor_id"], &executor["type"]), (&json!("e1"), &json!("CUSTOM")));
    let command = json!({"shell": false, "value": "run", "argv": ["run", "-x"], "user": "nobody", "uris": []});
    assert_eq!((&executor["command"], &executor["labels"]), (&command, &json!([{"key": "k", "value": "v"}])));
    assert_eq!((&own["tasks"][0]["executor_id"], &own["tasks"][0]["user"]), (&json!("e1"), &json!("nobody")));
}

#[tokio::test]
async fn agents_that_have_not_come_back_to_a_new_master_are_shown_apart() {
    let mut cluster = Cluster::start().await;
    let agent = cluster.agent("host-1", "cpus:4;mem:1024").await;
    let cluster = cluster.fail_over().await;
    for path in ["/state", "/slaves", &format!("/slaves?slave_id={agent}")] {
        let state = read(&cluster, path).await;
        assert_eq!(state["slaves"], json!([]), "{path}");
        let recovered = &state["recovered_slaves"][0];
        assert_eq!((&recovered["id"], &recovered["hostname"]), (&json!(agent.as_str()), &json!("host-1")), "{path}");
        assert_eq!(recovered["resources"]["cpus"], 4.0, "{path}");
    }
    assert_eq!(read(&cluster, "/slaves?slave_id=other").await["recovered_slaves"], json!([]));
}

#[tokio::test]
async fn the_log_and_what_else_is_attached_is_shown_by_every_way_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mesos-master.INFO");
    std::fs::write(&log, "leads\n").unwrap();
    let attached = Attached::default();
    attached.attach("/master/log", &log);
    let made = Made { files: Files::new(attached), ..Made::default() };
    let cluster = Cluster::start_as(made).await;
    let whole = read(&cluster, "/files/read?path=/master/log&offset=0").await;
    assert_eq!(whole, json!({"data": "leads\n", "offset": 0}));
    assert_eq!(get(cluster.address, "/files/download?path=/master/log").await.text(), "leads\n");
    assert_eq!(read(&cluster, "/files/browse?path=/master/log").await[0]["size"], 6);
    assert_eq!(read(&cluster, "/files/debug").await, json!({"/master/log": log.display().to_string()}));
    for media in [Media::Json, Media::Protobuf] {
        let operator = Operator::new(cluster.address, media);
        let read = operator.call(json!({"type": "READ_FILE", "read_file": {"path": "/master/log", "offset": 2}})).await;
        let read = read.message::<mesos_core::wire::v1::master::Response>(media);
        assert_eq!(read["read_file"], json!({"size": 6, "data": "YWRzCg=="}));
        let list = operator.call(json!({"type": "LIST_FILES", "list_files": {"path": "/master/log"}})).await;
        let list = list.message::<mesos_core::wire::v1::master::Response>(media);
        assert_eq!(list["list_files"]["file_infos"][0]["path"], "/master/log");
    }
}

#[tokio::test]
async fn what_a_leader_has_written_down_is_shown_and_so_is_what_it_answers() {
    let mut cluster = Cluster::start().await;
    let (kept, gone) = (cluster.agent("host-1", "cpus:4").await, cluster.agent("host-2", "cpus:1").await);
    let operator = Operator::new(cluster.address, Media::Json);
    operator.change("MARK_AGENT_GONE", json!({"agent_id": {"value": gone.as_str()}}), 200).await;
    operator.change("UPDATE_WEIGHTS", json!({"weight_infos": [{"role": "web", "weight": 2}]}), 200).await;
    let window = json!({"machine_ids": [{"hostname": "host-1"}], "unavailability": {"start": {"nanoseconds": 1}}});
    operator.change("UPDATE_MAINTENANCE_SCHEDULE", json!({"schedule": {"windows": [window]}}), 200).await;
    let registry = read(&cluster, "/registrar(1)/registry").await;
    assert_eq!(read(&cluster, "/registrar%281%29/registry").await, registry);
    let agents = registry["slaves"]["slaves"].as_array().unwrap();
    assert_eq!(agents.len(), 1);
    assert_eq!(agents[0]["info"]["id"]["value"], kept.as_str());
    assert_eq!(registry["gone"]["slaves"][0]["id"]["value"], gone.as_str());
    assert_eq!(registry["weights"], json!([{"weight": 2.0, "role": "web"}]));
    assert_eq!(registry["machines"]["machines"][0]["info"], json!({"id": {"hostname": "host-1"}, "mode": "DRAINING"}));
    assert_eq!(registry["schedules"][0]["windows"][0]["machine_ids"][0]["hostname"], "host-1");

    let help = read(&cluster, "/help").await;
    assert_eq!(help["processes"][0]["id"], "master");
    let named = help["processes"][0]["endpoints"].as_array().unwrap().iter();
    let named: Vec<_> = named.map(|endpoint| endpoint["name"].as_str().unwrap().to_owned()).collect();
    assert!(named.iter().all(|path| cluster.paths.contains(path)) && named.len() == cluster.paths.len(), "{named:?}");
}

#[tokio::test]
async fn agents_that_a_framework_excludes_by_what_it_demands_are_shown() {
    let mut cluster = Cluster::start().await;
    let (_near, far) = (cluster.agent("host-1", "cpus:4").await, cluster.agent("host-2", "cpus:1").await);
    let framework = Framework::subscribe(cluster.address, info()).await;
    let named =
        json!({"selector": {"pseudoattribute_type": "HOSTNAME"}, "predicate": {"text_equals": {"value": "host-1"}}});
    let constraints = json!({"role_constraints": {"*": {"groups": [{"attribute_constraints": [named]}]}}});
    let mut described = info();
    described["id"] = json!({"value": framework.id});
    let update = json!({"framework_info": described, "offer_constraints": constraints, "suppressed_roles": ["*"]});
    let answer = framework.call(json!({"type": "UPDATE_FRAMEWORK", "update_framework": update})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = json!({"frameworks": {framework.id.as_str(): {
        "suppressed_roles": ["*"],
        "excluded_by_attribute_constraints": {"*": [far.as_str()]},
    }}});
    assert_eq!(read(&cluster, "/offer_constraints_debug").await, told);
    assert_eq!(read(&cluster, "/hierarchical-allocator(1)/offer_constraints_debug").await, told);
    let operator = Operator::new(cluster.address, Media::Json);
    assert_eq!(operator.read("GET_FRAMEWORKS").await["frameworks"][0]["offer_constraints"], constraints);
    assert_eq!(read(&cluster, "/frameworks").await["frameworks"][0]["offer_constraints"], constraints);
}
