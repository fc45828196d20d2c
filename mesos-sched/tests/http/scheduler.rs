//! `/api/v1/scheduler` as the clients use it.

use mesos_core::wire::v1;
use serde_json::{Value, json};

use super::client::{Media, ask, headers_of, written};
use super::cluster::Cluster;
use super::framework::{Framework, JSON, PATH, info, task};

in_both_media!(
    a_task_is_launched_and_ends_and_its_neighbours_that_cannot_be_are_told_so,
    offers_that_are_spent_lose_their_tasks,
    a_stream_id_ties_calls_to_the_live_subscription,
    the_newest_subscription_wins_and_the_older_is_told,
    a_framework_that_is_not_connected_is_forbidden_what_a_stranger_is_denied,
    a_new_description_is_judged_before_it_is_taken,
    operations_that_cannot_be_done_are_answered_under_their_id,
    operations_with_an_id_are_told_until_they_are_acknowledged,
);

async fn a_task_is_launched_and_ends_and_its_neighbours_that_cannot_be_are_told_so(media: Media) {
    let mut cluster = Cluster::start().await;
    cluster.agent("127.0.0.1", "cpus:4;mem:1024;ports:[31000-31010]").await;
    let mut framework = Framework::subscribe_in(media, cluster.address, info()).await;
    let offer = framework.stream.event("OFFERS").await["offers"]["offers"][0].take();
    assert_eq!(offer["url"]["address"]["ip"], "127.0.0.1");
    assert_eq!(offer["allocation_info"]["role"], "*");
    let resources = offer["resources"].as_array().unwrap();
    assert!(resources.iter().all(|entry| entry["role"] == "*"), "{offer}");
    assert!(resources.iter().any(|entry| entry["type"] == "RANGES"));

    let agent = &offer["agent_id"];
    let mut imaged = task("imaged", agent, "true");
    imaged["container"] = json!({"type": "DOCKER", "docker": {"image": "busybox"}, "volumes": [],
        "network_infos": {"ip_addresses": []}});
    let tasks =
        json!([task("good", agent, "true"), imaged, task("a/b", agent, "true"), task("slow", agent, "sleep 9")]);
    let accept = json!({"offer_ids": [offer["id"]], "filters": null,
        "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}]});
    framework.call_accepted(json!({"type": "ACCEPT", "accept": accept})).await;

    let mut told = std::collections::BTreeMap::new();
    while told.len() < 4 {
        let status = framework.stream.event("UPDATE").await["update"]["status"].take();
        told.insert(status["task_id"]["value"].as_str().unwrap().to_owned(), status);
    }
    for refused in ["imaged", "a/b"] {
        let status = &told[refused];
        let said = (&status["state"], &status["reason"], &status["source"], &status["uuid"]);
        assert_eq!(said, (&json!("TASK_ERROR"), &json!("REASON_TASK_INVALID"), &json!("SOURCE_MASTER"), &Value::Null));
        assert!(!status["message"].as_str().unwrap().is_empty());
    }
    let running = &told["good"];
    assert_eq!((&running["state"], &running["agent_id"]), (&json!("TASK_RUNNING"), agent));
    framework.acknowledge(running).await;
    let finished = framework.update("good").await;
    assert_eq!(finished["state"], "TASK_FINISHED");
    framework.acknowledge(&finished).await;

    let slow = &told["slow"];
    framework.acknowledge(slow).await;
    framework.call_accepted(json!({"type": "KILL", "kill": {"task_id": {"value": "slow"}}})).await;
    assert_eq!(framework.update("slow").await["state"], "TASK_KILLED");
    framework.call_accepted(json!({"type": "KILL", "kill": {"task_id": {"value": "never"}}})).await;
    let unknown = framework.update("never").await;
    assert_eq!((&unknown["state"], &unknown["reason"]), (&json!("TASK_LOST"), &json!("REASON_RECONCILIATION")));

    framework.call_accepted(json!({"type": "TEARDOWN"})).await;
    let rest = async {
        while let Some(event) = framework.stream.record().await {
            assert_ne!(event["type"], "ERROR", "what was asked for is no error: {event}");
        }
    };
    rest.await; // The stream ends.
}

async fn offers_that_are_spent_lose_their_tasks(media: Media) {
    let mut cluster = Cluster::start().await;
    let agent = cluster.agent("a", "cpus:4;mem:1024").await;
    let mut framework = Framework::subscribe_in(media, cluster.address, info()).await;
    let agent = json!({"value": agent.as_str()});
    let operations = json!([{"type": "LAUNCH", "launch": {"task_infos": [task("late", &agent, "true")]}}]);
    let accept = json!({"offer_ids": [{"value": "gone"}], "operations": operations});
    framework.call_accepted(json!({"type": "ACCEPT", "accept": accept})).await;
    let status = framework.update("late").await;
    assert_eq!((&status["state"], &status["reason"]), (&json!("TASK_LOST"), &json!("REASON_INVALID_OFFERS")));
}

async fn a_stream_id_ties_calls_to_the_live_subscription(media: Media) {
    let cluster = Cluster::start().await;
    let address = cluster.address;
    let framework = Framework::subscribe_in(media, address, info()).await;
    let revive = |id: &str| json!({"type": "REVIVE", "framework_id": {"value": id}});
    let subscribe = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info()}});
    let own = headers_of(media);
    let stream = format!("{own}Mesos-Stream-Id: {}\r\n", framework.stream_id);
    for (headers, call, status, text) in [
        (stream.as_str(), revive(&framework.id), 202, ""),
        (&own, revive(&framework.id), 400, "Mesos-Stream-Id"),
        (&format!("{own}Mesos-Stream-Id: other\r\n"), revive(&framework.id), 400, "didn't match"),
        (&stream, revive("nobody"), 400, "cannot be found"),
        (&stream, revive("a/b"), 400, "'/'"),
        (&stream, json!({"type": "REVIVE"}), 400, "framework_id"),
        (&stream, json!({"type": "DANCE"}), 501, "no type"),
        (&stream, subscribe.clone(), 400, "Mesos-Stream-Id"),
        (&own, json!({"type": "SUBSCRIBE"}), 400, "subscribe"),
        (&format!("Content-Type: {}\r\nAccept: text/html\r\n", media.name()), subscribe, 406, "Accept"),
    ] {
        let answer = ask(address, "POST", PATH, headers, written::<v1::scheduler::Call>(media, &call)).await;
        assert_eq!(answer.status, status, "{call}: {}", answer.text());
        assert!(answer.text().contains(text), "{call}: {}", answer.text());
    }
    let answer = ask(address, "POST", PATH, JSON, r#"{"type": "REVIVE", "framework_id": 3}"#).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("framework_id"), "{}", answer.text());
    let answer = ask(address, "GET", PATH, JSON, "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
}

async fn the_newest_subscription_wins_and_the_older_is_told(media: Media) {
    let cluster = Cluster::start().await;
    let mut first = Framework::subscribe_in(media, cluster.address, info()).await;
    let mut again = info();
    again["id"] = json!({"value": first.id});
    let second = Framework::subscribe_in(media, cluster.address, again).await;
    assert_eq!(second.id, first.id);
    assert_eq!(first.stream.event("ERROR").await["error"]["message"], "Framework failed over");
    assert_eq!(first.stream.record().await, None, "the older stream ends");
    assert_eq!(first.call(json!({"type": "REVIVE"})).await.status, 400, "its stream id counts no more");
    second.call_accepted(json!({"type": "REVIVE"})).await;
}

async fn a_framework_that_is_not_connected_is_forbidden_what_a_stranger_is_denied(media: Media) {
    let cluster = Cluster::start().await;
    let framework = Framework::subscribe_in(media, cluster.address, info()).await;
    let Framework { address, id, stream_id, stream, .. } = framework;
    drop(stream);
    let headers = format!("{}Mesos-Stream-Id: {stream_id}\r\n", headers_of(media));
    let revive = json!({"type": "REVIVE", "framework_id": {"value": id}});
    let body = written::<v1::scheduler::Call>(media, &revive);
    loop {
        let answer = ask(address, "POST", PATH, &headers, &body).await;
        if answer.status != 202 {
            assert_eq!(answer.status, 403, "{}", answer.text());
            break;
        }
    }
}

async fn a_new_description_is_judged_before_it_is_taken(media: Media) {
    let cluster = Cluster::start().await;
    let framework = Framework::subscribe_in(media, cluster.address, info()).await;
    let update = |user: &str, name: &str| {
        let info = json!({"user": user, "name": name, "failover_timeout": 100});
        json!({"type": "UPDATE_FRAMEWORK", "update_framework": {"framework_info": info}})
    };
    let answer = framework.call(update("root", "renamed")).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0), "{}", answer.text());
    let answer = framework.call(update("somebody", "renamed")).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
}

async fn operations_that_cannot_be_done_are_answered_under_their_id(media: Media) {
    let mut cluster = Cluster::start().await;
    cluster.agent("a", "cpus:4;mem:1024").await;
    let mut framework = Framework::subscribe_in(media, cluster.address, info()).await;
    let offer = framework.offer().await;
    let entry = json!({"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "reservations": [{"type": "DYNAMIC", "role": "*"}]});
    let reserve = json!({"type": "RESERVE", "id": {"value": "op-1"}, "reserve": {"resources": [entry]}});
    let launch = json!({"type": "LAUNCH", "launch": {"task_infos": [task("t1", &offer["agent_id"], "true")]}});
    let accept = json!({"offer_ids": [offer["id"]], "operations": [reserve, launch]});
    framework.call_accepted(json!({"type": "ACCEPT", "accept": accept})).await;
    let mut told = Vec::new();
    while told.len() < 2 {
        let event = framework.stream.record().await.unwrap();
        if event["type"] == "UPDATE_OPERATION_STATUS" {
            let status = &event["update_operation_status"]["status"];
            assert_eq!(
                (&status["operation_id"]["value"], &status["state"]),
                (&json!("op-1"), &json!("OPERATION_ERROR"))
            );
            told.push("operation");
        } else if event["type"] == "UPDATE" {
            assert_eq!(event["update"]["status"]["state"], "TASK_RUNNING", "the task is not lost with the operation");
            told.push("task");
        }
    }
    framework.call_accepted(json!({"type": "REQUEST", "request": {"requests": []}})).await;
}

async fn operations_with_an_id_are_told_until_they_are_acknowledged(media: Media) {
    let mut cluster = Cluster::start().await;
    let address = cluster.address;
    let agent = cluster.agent("a", "cpus:4;mem:1024").await;
    let mut described = info();
    described["roles"] = json!(["web"]);
    described["capabilities"] = json!([{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}]);
    let mut framework = Framework::subscribe_in(media, address, described).await;
    let offer = framework.offer().await;
    let entry = json!({"name": "cpus", "type": "SCALAR", "scalar": {"value": 1},
        "allocation_info": {"role": "web"}, "reservations": [{"type": "DYNAMIC", "role": "web"}]});
    let reserve = json!({"type": "RESERVE", "id": {"value": "op-1"}, "reserve": {"resources": [entry]}});
    let accept = json!({"offer_ids": [offer["id"]], "operations": [reserve]});
    framework.call_accepted(json!({"type": "ACCEPT", "accept": accept})).await;
    let told = framework.operation("op-1").await;
    assert_eq!(told["state"], "OPERATION_FINISHED");
    assert_eq!(told["agent_id"]["value"], agent.as_str());
    assert_eq!(told["converted_resources"][0]["reservations"][0]["role"], "web");
    let uuid = &told["uuid"]["value"];

    let operations = async || {
        let asked = json!({"type": "GET_OPERATIONS"}).to_string();
        let mut answer = ask(address, "POST", "/api/v1", JSON, &asked).await.json();
        answer["get_operations"]["operations"].take()
    };
    let shown = operations().await;
    assert_eq!(shown[0]["info"]["id"]["value"], "op-1");
    assert_eq!(shown[0]["info"]["type"], "RESERVE");
    assert_eq!((&shown[0]["framework_id"]["value"], &shown[0]["uuid"]["value"]), (&json!(framework.id), uuid));
    assert_eq!(shown[0]["latest_status"]["state"], "OPERATION_FINISHED");

    let reconcile = json!({"type": "RECONCILE_OPERATIONS", "reconcile_operations": {}});
    framework.call_accepted(reconcile.clone()).await;
    let known = framework.operation("op-1").await;
    assert_eq!((&known["state"], &known["uuid"]), (&json!("OPERATION_FINISHED"), &Value::Null));
    let acknowledge = json!({"operation_id": {"value": "op-1"}, "agent_id": {"value": agent.as_str()}, "uuid": uuid});
    framework
        .call_accepted(json!({"type": "ACKNOWLEDGE_OPERATION_STATUS", "acknowledge_operation_status": acknowledge}))
        .await;
    let asked = json!({"operations": [{"operation_id": {"value": "op-1"}, "agent_id": {"value": agent.as_str()}}]});
    framework.call_accepted(json!({"type": "RECONCILE_OPERATIONS", "reconcile_operations": asked})).await;
    assert_eq!(framework.operation("op-1").await["state"], "OPERATION_UNKNOWN");
    assert_eq!(operations().await, Value::Null);
    let kind = media.name();
    let headers = format!("Content-Type: {kind}\r\nAccept: image/png\r\nmesos-stream-id: {}\r\n", framework.stream_id);
    let mut refused = reconcile;
    refused["framework_id"] = json!({"value": framework.id});
    let body = written::<v1::scheduler::Call>(media, &refused);
    assert_eq!(ask(address, "POST", PATH, &headers, body).await.status, 406);
}
