//! `/metrics/snapshot` has the names that tools ask for, and what they count happens.

use serde_json::{Value, json};

use super::client::{Media, get};
use super::cluster::Cluster;
use super::framework::{Framework, info, task};
use super::operator::Operator;

/// What mesos_exporter and collectd's plugin for masters ask for, and the rest of `docs/monitoring.md` of Apache Mesos that is
/// about frameworks, agents and messages. A name with braces stands for one with each of the words in them.
const NAMES: &str = "
    master/{cpus,mem,disk,gpus}_{total,used,percent}
    master/{cpus,mem,disk,gpus}_revocable_{total,used,percent}
    master/{elected,uptime_secs,outstanding_offers,dropped_messages,recovery_slave_removals}
    master/{slave_registrations,slave_reregistrations,slave_removals}
    master/slave_removals/reason_{registered,unhealthy,unregistered}
    master/slave_shutdowns_{scheduled,canceled,completed}
    master/slave_unreachable_{scheduled,canceled,completed}
    master/slaves_{active,inactive,connected,disconnected,unreachable}
    master/frameworks_{active,inactive,connected,disconnected}
    master/tasks_{staging,starting,running,killing,unreachable}
    master/tasks_{finished,failed,killed,lost,error,dropped,gone,gone_by_operator}
    master/messages_{authenticate,deactivate_framework,decline_offers,executor_to_framework,exited_executor}
    master/messages_{framework_to_executor,kill_task,launch_tasks,reconcile_tasks,register_framework,register_slave}
    master/messages_{reregister_framework,reregister_slave,resource_request,revive_offers,status_update}
    master/messages_{status_update_acknowledgement,suppress_offers,unregister_framework,unregister_slave,update_slave}
    master/{valid,invalid}_{executor_to_framework_messages,framework_to_executor_messages}
    master/{valid,invalid}_{status_updates,status_update_acknowledgements}
    master/event_queue_{dispatches,http_requests,messages}
    master/operator_event_stream_subscribers
    registrar/{queued_operations,registry_size_bytes,state_fetch_ms,state_store_ms}
    registrar/state_store_ms/{count,max,min,p50,p90,p95,p99,p999,p9999}
    system/{cpus_total,load_1min,load_5min,load_15min,mem_free_bytes,mem_total_bytes}
    allocator/mesos/{allocation_runs,event_queue_dispatches,allocation_run_ms,allocation_run_latency_ms}
    allocator/mesos/allocation_run_ms/{min,max,p50,p90,p95,p99,p999,p9999}
    allocator/mesos/allocation_run_latency_ms/{min,max,p50,p90,p95,p99,p999,p9999}
    allocator/mesos/resources/{cpus,mem,disk}/{total,offered_or_allocated}
    allocator/mesos/offer_filters/roles/*/active
    allocator/mesos/quota/roles/web/resources/cpus/{guarantee,limit,offered_or_allocated}
";

/// The names that a line stands for.
fn spelt(line: &str) -> Vec<String> {
    let Some((before, rest)) = line.split_once('{') else { return vec![line.to_owned()] };
    let (words, after) = rest.split_once('}').unwrap();
    words.split(',').flat_map(|word| spelt(&format!("{before}{word}{after}"))).collect()
}

async fn read(cluster: &Cluster) -> Value {
    get(cluster.address, "/metrics/snapshot").await.json()
}

/// Refuses an offer for as long as the test takes.
async fn decline(framework: &Framework, offer: &Value) {
    let decline = json!({"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 1000}});
    framework.call_accepted(json!({"type": "DECLINE", "decline": decline})).await;
}

/// Reads until these are the numbers: what was said may be on its way.
async fn until(cluster: &Cluster, expected: &[(&str, f64)]) {
    let is_so = |metrics: &Value| expected.iter().all(|(name, count)| metrics[*name] == *count);
    loop {
        let metrics = read(cluster).await;
        if is_so(&metrics) {
            return;
        }
        for (name, count) in expected {
            assert!(metrics[*name].as_f64().unwrap() <= *count, "{name} is {}, not {count}", metrics[*name]);
        }
    }
}

#[tokio::test]
async fn tools_find_their_names_and_what_is_counted_has_happened() {
    let mut cluster = Cluster::start().await;
    cluster.agent("host-1", "cpus:4;mem:1024").await;
    let operator = Operator::new(cluster.address, Media::Json);
    let config = json!({"role": "web", "guarantees": {"cpus": {"value": 1}}, "limits": {"cpus": {"value": 3}}});
    operator.change("UPDATE_QUOTA", json!({"quota_configs": [config]}), 200).await;
    let mut framework = Framework::subscribe(cluster.address, info()).await;
    let offer = framework.offer().await;
    decline(&framework, &offer).await;
    framework.call_accepted(json!({"type": "REVIVE"})).await;
    let offer = framework.offer().await;
    framework.launch(&offer, &[task("t1", &offer["agent_id"], "sleep")]).await;
    let running = framework.update("t1").await;
    framework.acknowledge(&running).await;
    // Nobody waits for this any more.
    framework.acknowledge(&running).await;
    for agent in [&offer["agent_id"], &json!({"value": "nobody"})] {
        let message = json!({"agent_id": agent, "executor_id": {"value": "e"}, "data": "aGk="});
        framework.call_accepted(json!({"type": "MESSAGE", "message": message})).await;
    }
    framework.call_accepted(json!({"type": "SUPPRESS"})).await;
    until(&cluster, &[("master/messages_suppress_offers", 1.0), ("master/messages_executor_to_framework", 1.0)]).await;
    let metrics = read(&cluster).await;
    for name in NAMES.split_whitespace().flat_map(spelt) {
        assert!(metrics[&*name].is_number() || name.contains("/offer_filters/"), "{name} is missing in {metrics:#}");
    }
    framework.call_accepted(json!({"type": "KILL", "kill": {"task_id": {"value": "t1"}}})).await;
    let killed = framework.update("t1").await;
    assert_eq!(killed["state"], "TASK_KILLED");
    until(
        &cluster,
        &[
            ("master/messages_register_slave", 1.0),
            ("master/messages_register_framework", 1.0),
            ("master/messages_revive_offers", 1.0),
            ("master/messages_kill_task", 1.0),
            ("master/messages_decline_offers", 1.0),
            ("master/messages_status_update", 2.0),
            ("master/valid_status_updates", 2.0),
            ("master/messages_status_update_acknowledgement", 2.0),
            ("master/valid_status_update_acknowledgements", 1.0),
            ("master/invalid_status_update_acknowledgements", 1.0),
            ("master/messages_framework_to_executor", 2.0),
            ("master/valid_framework_to_executor_messages", 1.0),
            ("master/invalid_framework_to_executor_messages", 1.0),
            ("master/valid_executor_to_framework_messages", 1.0),
            ("master/tasks_killed", 1.0),
            ("allocator/mesos/quota/roles/web/resources/cpus/guarantee", 1.0),
        ],
    )
    .await;
    let metrics = read(&cluster).await;
    assert!(metrics["registrar/registry_size_bytes"].as_f64() > Some(50.0), "{metrics:#}");
    assert!(metrics["registrar/state_store_ms/count"].as_f64() >= Some(3.0), "{metrics:#}");
    assert_eq!(
        (&metrics["registrar/queued_operations"], &metrics["master/dropped_messages"]),
        (&json!(0.0), &json!(0.0))
    );
}

#[tokio::test]
async fn refusals_in_force_are_counted_by_role() {
    let mut cluster = Cluster::start().await;
    cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut framework = Framework::subscribe(cluster.address, info()).await;
    let offer = framework.offer().await;
    let name = "allocator/mesos/offer_filters/roles/*/active";
    assert_eq!(read(&cluster).await[name], Value::Null);
    decline(&framework, &offer).await;
    while read(&cluster).await[name] != 1.0 {}
    framework.call_accepted(json!({"type": "REVIVE"})).await;
    while read(&cluster).await[name] != Value::Null {}
}

#[tokio::test]
async fn what_is_counted_of_each_framework_may_be_left_out() {
    for (publishes, count) in [(true, true), (false, false)] {
        let made = super::cluster::Made { publishes_framework_metrics: publishes, ..Default::default() };
        let cluster = Cluster::start_as(made).await;
        let framework = Framework::subscribe(cluster.address, info()).await;
        let metrics = read(&cluster).await;
        let own = format!("master/frameworks/test/{}/subscribed", framework.id);
        assert_eq!(metrics[&*own] == 1.0, count, "{metrics:#}");
    }
}

#[tokio::test]
async fn no_more_listen_to_events_than_may() {
    let cluster = Cluster::start_as(super::cluster::Made { subscribers_max: 1, ..Default::default() }).await;
    let operator = Operator::new(cluster.address, Media::Json);
    let mut first = operator.subscribe().await;
    first.event("SUBSCRIBED").await;
    assert_eq!(read(&cluster).await["master/operator_event_stream_subscribers"], 1.0);
    let refused = operator.call(json!({"type": "SUBSCRIBE"})).await;
    assert_eq!(refused.status, 503);
    assert!(refused.text().starts_with("1 subscribers listen already"), "{}", refused.text());
}

#[tokio::test]
async fn ends_are_counted_by_who_said_so_and_why() {
    let mut cluster = Cluster::start().await;
    let agent = json!({"value": cluster.agent("host-1", "cpus:4;mem:1024").await.as_str()});
    let operator = Operator::new(cluster.address, Media::Json);
    let mut framework = Framework::subscribe(cluster.address, info()).await;
    let offer = framework.offer().await;
    let mut greedy = task("greedy", &agent, "sleep");
    greedy["resources"][0]["scalar"]["value"] = json!(100);
    framework.launch(&offer, &[greedy, task("lost", &agent, "sleep"), task("done", &agent, "true")]).await;
    assert_eq!(framework.update("greedy").await["state"], "TASK_ERROR");
    let running = said(&mut framework, "done", "TASK_RUNNING").await;
    framework.acknowledge(&running).await;
    said(&mut framework, "done", "TASK_FINISHED").await;
    // The offer is used up by now.
    framework.launch(&offer, &[task("late", &agent, "sleep")]).await;
    assert_eq!(framework.update("late").await["state"], "TASK_LOST");
    let reconcile = json!({"tasks": [{"task_id": {"value": "nobody knows"}}]});
    framework.call_accepted(json!({"type": "RECONCILE", "reconcile": reconcile})).await;
    assert_eq!(framework.update("nobody knows").await["state"], "TASK_LOST");
    operator.change("MARK_AGENT_GONE", json!({"agent_id": agent}), 200).await;
    said(&mut framework, "lost", "TASK_LOST").await;
    let second = json!({"value": cluster.agent("host-2", "cpus:4;mem:1024").await.as_str()});
    let offer = framework.offer().await;
    framework.launch(&offer, &[task("killed", &second, "sleep")]).await;
    framework.update("killed").await;
    operator.change("TEARDOWN", json!({"framework_id": {"value": framework.id}}), 200).await;
    let ends = |metrics: &Value| {
        let all = metrics.as_object().unwrap().iter().filter(|(name, _)| name.starts_with("master/task_"));
        all.map(|(name, count)| format!("{} {count}", &name["master/task_".len()..])).collect::<Vec<_>>()
    };
    let expected = [
        "error/source_master/reason_task_invalid 1.0",
        "killed/source_master/reason_framework_removed 1.0",
        "lost/source_master/reason_invalid_offers 1.0",
        "lost/source_master/reason_slave_removed_by_operator 1.0",
    ];
    let metrics = read(&cluster).await;
    assert_eq!(ends(&metrics), expected, "{metrics:#}");
    let count = |state: &str| metrics[format!("master/tasks_{state}")].as_f64().unwrap();
    assert_eq!(["error", "killed", "lost", "finished"].map(count), [1.0, 1.0, 2.0, 1.0]);
    let exposed = get(cluster.address, "/metrics").await.text();
    let line = r#"mesos_master_tasks_ended_total{state="lost",source="master",reason="agent_removed_by_operator"} 1"#;
    assert!(exposed.lines().any(|own| own == line), "{exposed}");
}

/// The next update of a task that says this state.
async fn said(framework: &mut Framework, task: &str, state: &str) -> Value {
    loop {
        let status = framework.update(task).await;
        if status["state"] == state {
            return status;
        }
    }
}
