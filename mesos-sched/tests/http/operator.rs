//! `/api/v1`: what operators see, change and hear.

use std::net::SocketAddr;

use mesos_core::wire::v1::master;
use mesos_core::{AgentInfo, FaultDomain};
use serde_json::{Value, json};

use super::client::{Answer, Media, Stream, ask, headers_of, send, written};
use super::cluster::Cluster;
use super::framework::{Framework, JSON, info, task};

/// Somebody who operates the cluster.
pub(crate) struct Operator {
    address: SocketAddr,
    media: Media,
}

impl Operator {
    pub(crate) const fn new(address: SocketAddr, media: Media) -> Self {
        Self { address, media }
    }

    pub(crate) async fn call(&self, call: Value) -> Answer {
        // The name pymesos calls it by.
        let body = written::<master::Call>(self.media, &call);
        ask(self.address, "POST", "/api/v1/operator", &headers_of(self.media), body).await
    }

    pub(crate) async fn read(&self, kind: &str) -> Value {
        let answer = self.call(json!({"type": kind})).await;
        assert_eq!(answer.status, 200, "{kind}");
        assert!(answer.header("content-length").is_some(), "clients take an answer without a length for a stream");
        let answer = answer.message::<master::Response>(self.media);
        assert_eq!(answer["type"], kind);
        answer[kind.to_lowercase()].clone()
    }

    pub(crate) async fn change(&self, kind: &str, what: Value, status: u16) {
        let answer = self.call(json!({"type": kind, kind.to_lowercase(): what})).await;
        assert_eq!(answer.status, status, "{kind}: {}", answer.text());
        if status < 300 {
            assert_eq!((answer.body.len(), answer.header("content-type")), (0, None), "{kind}");
        } else {
            assert!(!answer.body.is_empty());
        }
    }

    /// Hears what happens, after what there is.
    pub(crate) async fn subscribe(&self) -> Stream {
        let body = written::<master::Call>(self.media, &json!({"type": "SUBSCRIBE"}));
        let stream = send(self.address, "POST", "/api/v1", &headers_of(self.media), body).await;
        let mut stream = stream.of::<master::Event>(self.media);
        let (status, headers) = stream.head().await;
        assert_eq!(status, 200);
        assert!(headers.contains(&("Content-Type".to_owned(), self.media.name().to_owned())), "{headers:?}");
        stream
    }
}

in_both_media!(
    everything_that_can_be_read_is_answered,
    everything_that_can_be_changed_is_changed_or_refused_with_a_sentence,
    a_subscriber_hears_the_state_and_then_everything_that_happens,
    whom_a_framework_is_asked_for_is_shown_until_it_answers,
);

async fn everything_that_can_be_read_is_answered(media: Media) {
    let mut cluster = Cluster::start().await;
    let address = cluster.address;
    let operator = Operator::new(address, media);
    let agent = cluster.agent("host-1", "cpus:4;mem:1024;disk(web):100").await;
    let mut framework = Framework::subscribe_in(media, address, info()).await;
    let offer = framework.offer().await;
    framework.launch(&offer, &[task("t1", &offer["agent_id"], "sleep")]).await;
    framework.update("t1").await;

    assert_eq!(operator.read("GET_HEALTH").await["healthy"], true);
    assert_eq!(operator.read("GET_VERSION").await["version_info"]["version"], "1.11.0");
    assert_eq!(operator.read("GET_LOGGING_LEVEL").await["level"], 0);
    assert_eq!(operator.read("GET_MASTER").await["master_info"]["port"], address.port());
    let metrics = operator.read("GET_METRICS").await;
    let metric = |name: &str| {
        let metrics = metrics["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["name"] == name).map(|metric| metric["value"].as_f64().unwrap())
    };
    assert_eq!(metric("master/slaves_active"), Some(1.0));
    assert_eq!(metric("master/tasks_running"), Some(1.0));
    assert_eq!(metric("master/cpus_used"), Some(0.5));

    let state = operator.read("GET_STATE").await;
    let tasks = &state["get_tasks"]["tasks"];
    assert_eq!((&tasks[0]["task_id"]["value"], &tasks[0]["state"]), (&json!("t1"), &json!("TASK_RUNNING")));
    assert_eq!(tasks[0]["statuses"][0]["state"], "TASK_RUNNING");
    assert_eq!(operator.read("GET_TASKS").await, state["get_tasks"]);
    assert_eq!(operator.read("GET_FRAMEWORKS").await, state["get_frameworks"]);
    assert_eq!(operator.read("GET_EXECUTORS").await, json!({}));
    assert_eq!(operator.read("GET_OPERATIONS").await, json!({}));
    let own = &state["get_frameworks"]["frameworks"][0];
    assert_eq!((&own["framework_info"]["id"]["value"], &own["connected"]), (&json!(framework.id), &json!(true)));
    let agents = &operator.read("GET_AGENTS").await["agents"];
    assert_eq!(agents[0]["agent_info"]["id"]["value"], agent.as_str());
    assert_eq!(agents[0]["agent_info"]["hostname"], "host-1");
    let roles = operator.read("GET_ROLES").await["roles"].take();
    let any = roles.as_array().unwrap().iter().find(|role| role["name"] == "*").unwrap();
    assert_eq!(any["frameworks"][0]["value"], framework.id.as_str());
}

async fn everything_that_can_be_changed_is_changed_or_refused_with_a_sentence(media: Media) {
    let mut cluster = Cluster::start().await;
    let address = cluster.address;
    let operator = Operator::new(address, media);
    let agent = cluster.agent("host-1", "cpus:4;mem:1024;disk(web):100").await;
    let agent = json!({"value": agent.as_str()});

    let weights = json!({"weight_infos": [{"role": "web", "weight": 2.5}]});
    operator.change("UPDATE_WEIGHTS", weights, 200).await;
    assert_eq!(operator.read("GET_WEIGHTS").await["weight_infos"], json!([{"weight": 2.5, "role": "web"}]));
    operator.change("UPDATE_WEIGHTS", json!({"weight_infos": [{"role": "web", "weight": -1}]}), 400).await;

    let config = json!({"role": "web", "guarantees": {"cpus": {"value": 1}}, "limits": {"cpus": {"value": 2}}});
    operator.change("UPDATE_QUOTA", json!({"quota_configs": [config]}), 200).await;
    assert_eq!(operator.read("GET_QUOTA").await["status"]["configs"][0]["limits"]["cpus"]["value"], 2.0);
    let config = json!({"role": "web", "guarantees": {"cpus": {"value": 3}}, "limits": {"cpus": {"value": 2}}});
    operator.change("UPDATE_QUOTA", json!({"quota_configs": [config]}), 400).await;

    let entry = |cpus: f64| {
        let reservation = json!([{"type": "DYNAMIC", "role": "web"}]);
        json!({"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus}, "reservations": reservation})
    };
    operator.change("RESERVE_RESOURCES", json!({"agent_id": agent, "resources": [entry(2.0)]}), 202).await;
    operator.change("RESERVE_RESOURCES", json!({"agent_id": agent, "resources": [entry(9.0)]}), 409).await;
    let mut moved = entry(2.0);
    moved["reservations"][0]["role"] = json!("db");
    for (source, target, status) in [
        (entry(1.0), moved.clone(), 400),
        (moved.clone(), entry(2.0), 409),
        (entry(2.0), moved.clone(), 202),
        (moved, entry(2.0), 202),
    ] {
        let from = json!({"agent_id": agent, "source": [source], "resources": [target]});
        operator.change("RESERVE_RESOURCES", from, status).await;
    }
    operator.change("UNRESERVE_RESOURCES", json!({"agent_id": agent, "resources": [entry(2.0)]}), 202).await;
    let nobody = json!({"agent_id": {"value": "nobody"}, "resources": [entry(1.0)]});
    operator.change("RESERVE_RESOURCES", nobody, 400).await;
    let volume = |size: f64| {
        json!({"name": "disk", "type": "SCALAR", "scalar": {"value": size},
            "reservations": [{"type": "STATIC", "role": "web"}],
            "disk": {"persistence": {"id": "v1"}, "volume": {"container_path": "data", "mode": "RW"}}})
    };
    let disk = |size: f64| {
        json!({"name": "disk", "type": "SCALAR", "scalar": {"value": size},
            "reservations": [{"type": "STATIC", "role": "web"}]})
    };
    let size = async || {
        let total = operator.read("GET_AGENTS").await["agents"][0]["total_resources"].take();
        let volume = total.as_array().unwrap().iter().find(|entry| entry["disk"]["persistence"]["id"] == "v1").cloned();
        volume.map(|volume| volume["scalar"]["value"].as_f64().unwrap())
    };
    operator.change("CREATE_VOLUMES", json!({"agent_id": agent, "volumes": [volume(50.0)]}), 202).await;
    assert_eq!(size().await, Some(50.0));
    let grow = |by: f64| json!({"agent_id": agent, "volume": volume(50.0), "addition": disk(by)});
    operator.change("GROW_VOLUME", grow(10.0), 202).await;
    assert_eq!(size().await, Some(60.0));
    operator.change("GROW_VOLUME", grow(10.0), 409).await;
    let shrink = |by: f64| json!({"agent_id": agent, "volume": volume(60.0), "subtract": {"value": by}});
    operator.change("SHRINK_VOLUME", shrink(40.0), 202).await;
    assert_eq!(size().await, Some(20.0));
    operator.change("SHRINK_VOLUME", shrink(60.0), 400).await;
    operator.change("DESTROY_VOLUMES", json!({"agent_id": agent, "volumes": [volume(20.0)]}), 202).await;
    assert_eq!(size().await, None);
    operator.change("DESTROY_VOLUMES", json!({"agent_id": agent, "volumes": [volume(20.0)]}), 400).await;

    let window = json!({"machine_ids": [{"hostname": "host-1"}], "unavailability": {"start": {"nanoseconds": 1}}});
    let schedule = json!({"schedule": {"windows": [window]}});
    operator.change("UPDATE_MAINTENANCE_SCHEDULE", schedule, 200).await;
    let read_back = operator.read("GET_MAINTENANCE_SCHEDULE").await;
    assert_eq!(read_back["schedule"]["windows"][0]["machine_ids"][0]["hostname"], "host-1");
    let status = operator.read("GET_MAINTENANCE_STATUS").await;
    assert_eq!(status["status"]["draining_machines"][0]["id"]["hostname"], "host-1");
    operator.change("UPDATE_MAINTENANCE_SCHEDULE", json!({"schedule": {}}), 200).await;
    let machine = || json!({"machines": [{"hostname": "host-1"}]});
    operator.change("START_MAINTENANCE", machine(), 400).await;
    operator.change("STOP_MAINTENANCE", machine(), 400).await;
    for kind in ["DRAIN_AGENT", "DEACTIVATE_AGENT", "REACTIVATE_AGENT"] {
        operator.change(kind, json!({"agent_id": {"value": "nobody"}}), 400).await;
    }

    operator.change("DEACTIVATE_AGENT", json!({"agent_id": agent}), 200).await;
    assert_eq!(operator.read("GET_AGENTS").await["agents"][0]["deactivated"], true);
    operator.change("REACTIVATE_AGENT", json!({"agent_id": agent}), 200).await;
    assert_eq!(operator.read("GET_AGENTS").await["agents"][0]["deactivated"], false);
    operator.change("DRAIN_AGENT", json!({"agent_id": agent, "max_grace_period": "5s"}), 200).await;
    assert!(operator.read("GET_AGENTS").await["agents"][0]["drain_info"].is_object());
    operator.change("MARK_AGENT_GONE", json!({"agent_id": agent}), 200).await;
    assert_eq!(operator.read("GET_AGENTS").await, json!({}));
    operator.change("MARK_AGENT_GONE", json!({"agent_id": {"value": "nobody"}}), 404).await;
    operator.change("TEARDOWN", json!({"framework_id": {"value": "nobody"}}), 400).await;
    operator.change("SET_QUOTA", json!({"quota_request": {}}), 501).await;
    let level = json!({"level": 1, "duration": {"nanoseconds": 1}});
    operator.change("SET_LOGGING_LEVEL", level, 400).await;
    let level =
        json!({"type": "SET_LOGGING_LEVEL", "set_logging_level": {"level": 1, "duration": {"nanoseconds": -5}}});
    let refused = operator.call(level).await;
    let says = "set_logging_level.duration: a duration of -5 ns; give a duration of 0 or more";
    assert_eq!((refused.status, refused.text().as_str()), (400, says));
    for (query, status, says) in [
        ("framework=nobody", 404, "framework nobody is not known"),
        ("framework=nobody&agent=a&resources=cpus:1", 400, "leave one out"),
    ] {
        let refused = ask(address, "GET", &format!("/explain?{query}"), JSON, "").await;
        assert_eq!(refused.status, status, "{query}: {}", refused.text());
        assert!(refused.text().contains(says), "{query}: {}", refused.text());
    }
    for (query, status, says) in [
        ("resources=cpus:1", 400, "no framework is named"),
        ("framework=nobody&resources=cpus:1", 404, "framework nobody is not known"),
        ("framework=nobody&role=web", 400, "resources=TEXT"),
        ("framework=nobody&role=web&resources=cpus:1", 404, "framework nobody is not known"),
    ] {
        let refused = ask(address, "GET", &format!("/preemptions?{query}"), JSON, "").await;
        assert_eq!(refused.status, status, "{query}: {}", refused.text());
        assert!(refused.text().contains(says), "{query}: {}", refused.text());
    }
    assert_eq!(operator.call(json!({"type": "DANCE"})).await.status, 501);
    assert_eq!(operator.call(json!({"type": "TEARDOWN"})).await.status, 400);
}

async fn a_subscriber_hears_the_state_and_then_everything_that_happens(media: Media) {
    let mut cluster = Cluster::start().await;
    let address = cluster.address;
    let operator = Operator::new(address, media);
    let agent = cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut stream = operator.subscribe().await;
    let subscribed = stream.record().await.unwrap();
    assert_eq!(subscribed["type"], "SUBSCRIBED");
    assert_eq!(subscribed["subscribed"]["heartbeat_interval_seconds"], 15.0);
    let agents = &subscribed["subscribed"]["get_state"]["get_agents"]["agents"];
    assert_eq!(agents[0]["agent_info"]["id"]["value"], agent.as_str());

    let mut framework = Framework::subscribe_in(media, address, info()).await;
    let added = stream.event("FRAMEWORK_ADDED").await;
    assert_eq!(added["framework_added"]["framework"]["framework_info"]["id"]["value"], framework.id.as_str());
    let offer = framework.offer().await;
    framework.launch(&offer, &[task("t1", &offer["agent_id"], "sleep")]).await;
    let added = stream.event("TASK_ADDED").await;
    assert_eq!(added["task_added"]["task"]["task_id"]["value"], "t1");
    let updated = stream.event("TASK_UPDATED").await["task_updated"].take();
    assert_eq!((&updated["state"], &updated["status"]["state"]), (&json!("TASK_RUNNING"), &json!("TASK_RUNNING")));
    assert_eq!(updated["framework_id"]["value"], framework.id.as_str());
    let second = cluster.agent("host-2", "cpus:1").await;
    let added = stream.event("AGENT_ADDED").await;
    assert_eq!(added["agent_added"]["agent"]["agent_info"]["id"]["value"], second.as_str());
    operator.change("MARK_AGENT_GONE", json!({"agent_id": {"value": agent.as_str()}}), 200).await;
    let gone = stream.event("TASK_UPDATED").await["task_updated"].take();
    assert_eq!(gone["state"], "TASK_LOST", "the framework is not partition aware");
    assert_eq!(stream.event("AGENT_REMOVED").await["agent_removed"]["agent_id"]["value"], agent.as_str());
    operator.change("TEARDOWN", json!({"framework_id": {"value": framework.id}}), 200).await;
    let removed = stream.event("FRAMEWORK_REMOVED").await;
    assert_eq!(removed["framework_removed"]["framework_info"]["id"]["value"], framework.id.as_str());
}

async fn whom_a_framework_is_asked_for_is_shown_until_it_answers(media: Media) {
    let mut cluster = Cluster::start().await;
    let address = cluster.address;
    let operator = Operator::new(address, media);
    let agent = cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut framework = Framework::subscribe_in(media, address, info()).await;
    let offer = framework.offer().await;
    framework.launch(&offer, &[task("t1", &offer["agent_id"], "sleep")]).await;
    framework.update("t1").await;
    let window = json!({"machine_ids": [{"hostname": "host-1"}], "unavailability": {"start": {"nanoseconds": 1}}});
    operator.change("UPDATE_MAINTENANCE_SCHEDULE", json!({"schedule": {"windows": [window]}}), 200).await;
    let asked = framework.stream.event("INVERSE_OFFERS").await["inverse_offers"]["inverse_offers"][0].take();
    assert_eq!(asked["agent_id"]["value"], agent.as_str());
    let shown = async || {
        let own = operator.read("GET_FRAMEWORKS").await["frameworks"][0]["inverse_offers"].take();
        let state = operator.read("GET_STATE").await;
        assert_eq!(state["get_frameworks"]["frameworks"][0]["inverse_offers"], own);
        own
    };
    assert_eq!(shown().await[0]["id"], asked["id"]);
    let accept = json!({"inverse_offer_ids": [asked["id"]], "filters": {"refuse_seconds": 3600}});
    framework.call_accepted(json!({"type": "ACCEPT_INVERSE_OFFERS", "accept_inverse_offers": accept})).await;
    assert_eq!(shown().await, Value::Null);
    let status = operator.read("GET_MAINTENANCE_STATUS").await;
    assert_eq!(status["status"]["draining_machines"][0]["statuses"][0]["status"], "ACCEPT");
}

#[tokio::test]
async fn an_offer_that_is_shown_says_where_it_is_from_as_it_does_to_its_framework() {
    let mut cluster = Cluster::start().await;
    let mut described = AgentInfo::new("host-1", "cpus:4".parse().unwrap());
    described.attributes = "rack:r7".parse().unwrap();
    described.domain = Some(FaultDomain { region: "eu".into(), zone: "eu-1".into() });
    cluster.agent_as(described).await;
    let mut framework = Framework::subscribe(cluster.address, info()).await;
    let offer = framework.offer().await;
    let operator = Operator::new(cluster.address, Media::Json);
    let shown = operator.read("GET_FRAMEWORKS").await["frameworks"][0]["offers"][0].take();
    for key in ["id", "framework_id", "agent_id", "hostname", "url", "attributes", "domain", "allocation_info"] {
        assert!(!offer[key].is_null(), "{key} is in {offer}");
        assert_eq!(shown[key], offer[key], "{key}");
    }
}

#[tokio::test]
async fn how_an_agent_is_drained_and_since_when_is_shown() {
    let mut cluster = Cluster::start().await;
    cluster.agent("host-1", "cpus:4;mem:1024").await;
    let operator = Operator::new(cluster.address, Media::Json);
    let mut framework = Framework::subscribe(cluster.address, info()).await;
    let offer = framework.offer().await;
    framework.launch(&offer, &[task("t1", &offer["agent_id"], "sleep")]).await;
    let running = framework.update("t1").await;
    let shown = async || {
        let agent = operator.read("GET_AGENTS").await["agents"][0].take();
        let slave = ask(cluster.address, "GET", "/slaves", JSON, "").await.json()["slaves"][0].take();
        assert_eq!(agent["drain_info"]["state"], slave["drain_info"]["state"]);
        let since = agent["estimated_drain_start_time"]["nanoseconds"].as_f64().map(|since| since / 1e9);
        let since_too = slave["estimated_drain_start_time_seconds"].as_f64();
        assert!((since.unwrap_or_default() - since_too.unwrap_or_default()).abs() < 1e-3, "{since:?} {since_too:?}");
        (agent["drain_info"].clone(), slave["drain_info"].clone(), since_too)
    };
    assert_eq!(shown().await, (Value::Null, Value::Null, None));
    let drain = json!({"agent_id": offer["agent_id"], "max_grace_period": "5s", "mark_gone": false});
    operator.change("DRAIN_AGENT", drain, 200).await;
    let config = json!({"max_grace_period": {"nanoseconds": 5_000_000_000_u64}, "mark_gone": false});
    let draining = json!({"state": "DRAINING", "config": config});
    let (agent, slave, since) = shown().await;
    assert_eq!((&agent, &slave), (&draining, &draining));
    assert!(since > Some(1e9), "{since:?}");
    // It drains until the framework knows that its task has ended.
    framework.acknowledge(&running).await;
    let killed = framework.update("t1").await;
    assert_eq!(killed["state"], "TASK_KILLED");
    assert_eq!(shown().await.0["state"], "DRAINING");
    framework.acknowledge(&killed).await;
    while operator.read("GET_AGENTS").await["agents"][0]["drain_info"]["state"] != "DRAINED" {}
    assert_eq!(shown().await.2, since, "it is the same drain");
    operator.change("REACTIVATE_AGENT", json!({"agent_id": offer["agent_id"]}), 200).await;
    assert_eq!(shown().await, (Value::Null, Value::Null, None));
}
