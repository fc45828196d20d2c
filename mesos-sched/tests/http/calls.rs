//! The calls and events of frameworks and operators that no other test is about, in every form messages are sent in.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::Media;
use super::cluster::{Cluster, Made};
use super::framework::{Framework, info, task};
use super::operator::Operator;

in_both_media!(
    what_one_declines_is_offered_to_another_and_not_again_before_it_is_revived,
    nothing_is_offered_to_whom_suppressed_its_role,
    a_group_runs_in_one_executor_which_is_spoken_to_and_shut_down,
    the_state_of_tasks_is_told_to_whom_asks,
    the_loss_of_an_agent_is_told_and_what_it_offered_is_taken_back,
    a_request_for_an_agent_is_declined_and_taken_back_with_its_schedule,
    subscribers_hear_that_the_master_lives,
    subscribers_hear_that_a_framework_is_another,
);

/// What a framework hears before it is answered a question: everything that was under way when it asked.
async fn heard_until_now(framework: &mut Framework) -> Vec<Value> {
    let tasks = json!({"tasks": [{"task_id": {"value": "nobody"}}]});
    framework.call_accepted(json!({"type": "RECONCILE", "reconcile": tasks})).await;
    let mut heard = Vec::new();
    loop {
        let event = framework.stream.record().await.unwrap();
        if event["update"]["status"]["task_id"]["value"] == "nobody" {
            return heard;
        }
        heard.push(event);
    }
}

fn count(heard: &[Value], kind: &str) -> usize {
    heard.iter().filter(|event| event["type"] == kind).count()
}

/// Refuses an offer for so long that no test sees it again by itself.
async fn decline(framework: &Framework, offer: &Value) {
    let decline = json!({"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 100_000}});
    framework.call_accepted(json!({"type": "DECLINE", "decline": decline})).await;
}

async fn what_one_declines_is_offered_to_another_and_not_again_before_it_is_revived(media: Media) {
    let mut cluster = Cluster::start().await;
    let agent = cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut one = Framework::subscribe_in(media, cluster.address, info()).await;
    let first = one.offer().await;
    assert_eq!(first["agent_id"]["value"], agent.as_str());
    let mut other = Framework::subscribe_in(media, cluster.address, info()).await;
    decline(&one, &first).await;
    let second = other.offer().await;
    assert_eq!(second["agent_id"]["value"], agent.as_str());
    decline(&other, &second).await;
    assert_eq!(count(&heard_until_now(&mut one).await, "OFFERS"), 0, "it said that it does not want it");
    one.call_accepted(json!({"type": "REVIVE"})).await;
    assert_eq!(one.offer().await["agent_id"]["value"], agent.as_str());
    assert_eq!(count(&heard_until_now(&mut other).await, "OFFERS"), 0);
}

async fn nothing_is_offered_to_whom_suppressed_its_role(media: Media) {
    let mut cluster = Cluster::start().await;
    let mut quiet = Framework::subscribe_in(media, cluster.address, info()).await;
    quiet.call_accepted(json!({"type": "SUPPRESS", "suppress": {"roles": ["*"]}})).await;
    // The master has it when this is answered.
    heard_until_now(&mut quiet).await;
    let agent = cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut other = Framework::subscribe_in(media, cluster.address, info()).await;
    let offer = other.offer().await;
    assert_eq!(offer["agent_id"]["value"], agent.as_str());
    decline(&other, &offer).await;
    heard_until_now(&mut other).await;
    assert_eq!(count(&heard_until_now(&mut quiet).await, "OFFERS"), 0);
    quiet.call_accepted(json!({"type": "REVIVE", "revive": {"roles": ["*"]}})).await;
    assert_eq!(quiet.offer().await["agent_id"]["value"], agent.as_str());
}

async fn a_group_runs_in_one_executor_which_is_spoken_to_and_shut_down(media: Media) {
    let mut cluster = Cluster::start().await;
    cluster.agent("host-1", "cpus:4;mem:1024;disk:1024").await;
    let mut framework = Framework::subscribe_in(media, cluster.address, info()).await;
    let offer = framework.offer().await;
    let agent = offer["agent_id"].clone();
    let scalar = |name: &str, value: u32| json!({"name": name, "type": "SCALAR", "scalar": {"value": value}});
    let executor = json!({"type": "DEFAULT", "executor_id": {"value": "pod"}, "framework_id": {"value": framework.id},
        "resources": [scalar("cpus", 1), scalar("mem", 32), scalar("disk", 32)]});
    let group = json!({"tasks": [task("t1", &agent, "sleep"), task("t2", &agent, "sleep")]});
    let operation = json!({"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": group}});
    let accept = json!({"offer_ids": [offer["id"]], "operations": [operation]});
    framework.call_accepted(json!({"type": "ACCEPT", "accept": accept})).await;
    for id in ["t1", "t2"] {
        let running = framework.update(id).await;
        assert_eq!(running["state"], "TASK_RUNNING", "{running}");
        framework.acknowledge(&running).await;
    }

    // The executor of this agent says what it is told.
    let at = json!({"agent_id": agent, "executor_id": {"value": "pod"}});
    let mut message = at.clone();
    message["data"] = json!("AAH/aGVsbG8=");
    framework.call_accepted(json!({"type": "MESSAGE", "message": message})).await;
    let said = framework.stream.event("MESSAGE").await["message"].take();
    assert_eq!((&said["data"], &said["executor_id"]["value"]), (&json!("AAH/aGVsbG8="), &json!("pod")));
    assert_eq!(said["agent_id"], agent);

    framework.call_accepted(json!({"type": "SHUTDOWN", "shutdown": at})).await;
    let failure = framework.stream.event("FAILURE").await["failure"].take();
    assert_eq!((&failure["executor_id"]["value"], &failure["agent_id"]), (&json!("pod"), &agent));
    assert_eq!(failure["status"], 9);
    for id in ["t1", "t2"] {
        let tasks = json!({"tasks": [{"task_id": {"value": id}, "agent_id": agent}]});
        framework.call_accepted(json!({"type": "RECONCILE", "reconcile": tasks})).await;
        assert_eq!(framework.update(id).await["state"], "TASK_FAILED");
    }
}

async fn the_state_of_tasks_is_told_to_whom_asks(media: Media) {
    let mut cluster = Cluster::start().await;
    cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut framework = Framework::subscribe_in(media, cluster.address, info()).await;
    let offer = framework.offer().await;
    framework.launch(&offer, &[task("t1", &offer["agent_id"], "sleep")]).await;
    let running = framework.update("t1").await;
    framework.acknowledge(&running).await;
    let named = json!({"tasks": [
        {"task_id": {"value": "t1"}, "agent_id": offer["agent_id"]}, {"task_id": {"value": "never"}}]});
    for (asked, answers) in [(named, vec!["t1", "never"]), (json!({"tasks": []}), vec!["t1"])] {
        framework.call_accepted(json!({"type": "RECONCILE", "reconcile": asked})).await;
        for id in answers {
            let told = framework.update(id).await;
            let state = if id == "t1" { "TASK_RUNNING" } else { "TASK_LOST" };
            assert_eq!((&told["state"], &told["reason"]), (&json!(state), &json!("REASON_RECONCILIATION")));
            assert_eq!((&told["source"], &told["uuid"]), (&json!("SOURCE_MASTER"), &Value::Null));
        }
    }
}

async fn the_loss_of_an_agent_is_told_and_what_it_offered_is_taken_back(media: Media) {
    let mut cluster = Cluster::start().await;
    let agent = cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut framework = Framework::subscribe_in(media, cluster.address, info()).await;
    let offer = framework.offer().await;
    let operator = Operator::new(cluster.address, media);
    operator.change("MARK_AGENT_GONE", json!({"agent_id": {"value": agent.as_str()}}), 200).await;
    assert_eq!(framework.stream.event("RESCIND").await["rescind"]["offer_id"], offer["id"]);
    let failure = framework.stream.event("FAILURE").await["failure"].take();
    assert_eq!(failure, json!({"agent_id": {"value": agent.as_str()}}), "an agent has no status");
}

async fn a_request_for_an_agent_is_declined_and_taken_back_with_its_schedule(media: Media) {
    let mut cluster = Cluster::start().await;
    cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut framework = Framework::subscribe_in(media, cluster.address, info()).await;
    let offer = framework.offer().await;
    framework.launch(&offer, &[task("t1", &offer["agent_id"], "sleep")]).await;
    framework.update("t1").await;
    let operator = Operator::new(cluster.address, media);
    let schedule = |windows: Value| json!({"schedule": {"windows": windows}});
    let window = json!([{"machine_ids": [{"hostname": "host-1"}], "unavailability": {"start": {"nanoseconds": 1}}}]);
    operator.change("UPDATE_MAINTENANCE_SCHEDULE", schedule(window), 200).await;
    let asked = framework.stream.event("INVERSE_OFFERS").await["inverse_offers"]["inverse_offers"][0].take();
    let decline = json!({"inverse_offer_ids": [asked["id"]], "filters": {"refuse_seconds": 0}});
    framework.call_accepted(json!({"type": "DECLINE_INVERSE_OFFERS", "decline_inverse_offers": decline})).await;
    let again = framework.stream.event("INVERSE_OFFERS").await["inverse_offers"]["inverse_offers"][0].take();
    assert_ne!(again["id"], asked["id"]);
    let status = operator.read("GET_MAINTENANCE_STATUS").await;
    assert_eq!(status["status"]["draining_machines"][0]["statuses"][0]["status"], "DECLINE");
    operator.change("UPDATE_MAINTENANCE_SCHEDULE", schedule(json!([])), 200).await;
    let rescinded = framework.stream.event("RESCIND_INVERSE_OFFER").await["rescind_inverse_offer"].take();
    assert_eq!(rescinded["inverse_offer_id"], again["id"]);
}

async fn subscribers_hear_that_the_master_lives(media: Media) {
    let made = Made { heartbeat_every: Duration::from_millis(50), ..Made::default() };
    let cluster = Cluster::start_as(made).await;
    let mut subscriber = Operator::new(cluster.address, media).subscribe().await;
    let subscribed = subscriber.event("SUBSCRIBED").await["subscribed"].take();
    assert_eq!(subscribed["heartbeat_interval_seconds"], 0.05);
    assert_eq!(subscriber.event("HEARTBEAT").await, json!({"type": "HEARTBEAT"}));

    let mut framework = Framework::subscribe_with(media, "", 0.05, cluster.address, info()).await;
    for _ in 0..2 {
        assert_eq!(framework.stream.event("HEARTBEAT").await, json!({"type": "HEARTBEAT"}));
    }
}

async fn subscribers_hear_that_a_framework_is_another(media: Media) {
    let cluster = Cluster::start().await;
    let mut subscriber = Operator::new(cluster.address, media).subscribe().await;
    let framework = Framework::subscribe_in(media, cluster.address, info()).await;
    subscriber.event("FRAMEWORK_ADDED").await;
    let mut described = info();
    described["name"] = json!("renamed");
    let update = json!({"framework_info": described});
    let answer = framework.call(json!({"type": "UPDATE_FRAMEWORK", "update_framework": update})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let updated = subscriber.event("FRAMEWORK_UPDATED").await["framework_updated"]["framework"].take();
    assert_eq!(updated["framework_info"]["name"], "renamed");
    assert_eq!(updated["framework_info"]["id"]["value"], framework.id.as_str());
}
