//! A candidate allocator beside the one that decides.

use serde_json::Value;

use super::client::get;
use super::cluster::Cluster;
use super::framework::{Framework, info};

/// So many grants that somebody who tosses a coin agrees with all of them never happens.
const AGENTS: usize = 40;

/// What a master counts of its shadow once two frameworks were offered all agents.
async fn metrics(mut cluster: Cluster) -> (Cluster, Value) {
    let (mut one, mut other) =
        (Framework::subscribe(cluster.address, info()).await, Framework::subscribe(cluster.address, info()).await);
    for agent in 0..AGENTS {
        cluster.agent(&format!("host-{agent}"), "cpus:4;mem:1024").await;
    }
    // Everything was granted once both have an offer: the last agent's is under way at most.
    one.offer().await;
    other.offer().await;
    let metrics = get(cluster.address, "/metrics/snapshot").await.json();
    (cluster, metrics)
}

fn of(metrics: &Value, what: &str) -> Option<u64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    metrics[&*format!("allocator/shadow/{what}")].as_f64().map(|count| count as u64)
}

#[tokio::test]
async fn what_a_shadow_would_have_offered_otherwise_is_counted() {
    let (cluster, metrics) = metrics(Cluster::start_with_shadow("random").await).await;
    assert!(of(&metrics, "rounds") > Some(0) && of(&metrics, "rounds_that_differ") > Some(0), "{metrics}");
    assert!(of(&metrics, "rounds_that_differ") <= of(&metrics, "rounds"));
    assert_eq!(of(&metrics, "roles/*/grants_that_differ"), of(&metrics, "grants_that_differ"));
    // What is counted is what Prometheus reads, by role.
    let text = get(cluster.address, "/metrics").await.text();
    assert!(text.contains("mesos_allocator_shadow_role_grants_that_differ_total{role=\"*\"}"), "{text}");
}

#[tokio::test]
async fn a_shadow_of_the_same_policy_agrees_and_without_one_nothing_is_said() {
    let (_cluster, same) = metrics(Cluster::start_with_shadow("drf").await).await;
    assert!(of(&same, "grants_agreed") > Some(0), "{same}");
    assert_eq!((of(&same, "rounds_that_differ"), of(&same, "grants_that_differ")), (Some(0), Some(0)));
    let (_cluster, without) = metrics(Cluster::start().await).await;
    assert_eq!(of(&without, "rounds"), None);
}
