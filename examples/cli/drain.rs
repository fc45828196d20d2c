//! Waits until an agent is empty, and says how far it is.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::output::say;

/// How often it is looked how far the agent is.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How far a drain is.
#[derive(Debug, PartialEq, Eq)]
enum Drain {
    /// So many tasks are left, as far as anybody can say.
    Draining { tasks: usize },
    /// The agent is away, and what it has cannot be ended before it comes back.
    Away,
    /// Nothing is left.
    Drained,
    /// Nothing is left, and it never comes back.
    Gone,
    /// Somebody had it offered again.
    Reactivated,
}

/// Waits until the agent is drained; in the end it says how it is.
pub(crate) async fn wait(cluster: &Cluster, agent: &str, is_to_be_gone: bool, json: bool) -> anyhow::Result<()> {
    let progress = if json { ProgressBar::hidden() } else { spinner() };
    let end = loop {
        let state = cluster.api().call("/api/v1", &json!({ "type": "GET_STATE" })).await?;
        match look(&state["get_state"], agent, is_to_be_gone) {
            Drain::Draining { tasks: 0 } => progress.set_message(format!("drains {agent}: its tasks have ended")),
            Drain::Draining { tasks } => progress.set_message(format!("drains {agent}: {tasks} tasks are left")),
            Drain::Away => progress.set_message(format!("drains {agent}: it is away; waits until it comes back")),
            Drain::Reactivated => anyhow::bail!("agent {agent} was reactivated before it was drained"),
            Drain::Drained => break "DRAINED",
            Drain::Gone => break "GONE",
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    progress.finish_and_clear();
    match json {
        true => say(json!({ "agent_id": { "value": agent }, "state": end })),
        false => say(format_args!("agent {agent} is {}", end.to_lowercase())),
    }
    Ok(())
}

fn look(state: &Value, agent: &str, is_to_be_gone: bool) -> Drain {
    let rows = |kind: &str, list: &str| state[kind][list].as_array().cloned().unwrap_or_default();
    let is_it = |row: &&Value| row["agent_info"]["id"]["value"] == agent;
    let agents = rows("get_agents", "agents");
    let Some(row) = agents.iter().find(is_it) else {
        return if is_to_be_gone { Drain::Gone } else { Drain::Away };
    };
    match row["drain_info"]["state"].as_str() {
        Some("DRAINED") => Drain::Drained,
        Some(_) => {
            let tasks = rows("get_tasks", "tasks");
            Drain::Draining { tasks: tasks.iter().filter(|task| task["agent_id"]["value"] == agent).count() }
        }
        None => Drain::Reactivated,
    }
}

fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is whole");
    let progress = ProgressBar::new_spinner().with_style(style);
    progress.enable_steady_tick(Duration::from_millis(100));
    progress
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_seen_how_far_a_drain_is() {
        let state = |drain: Value| {
            json!({
                "get_agents": { "agents": [{ "agent_info": { "id": { "value": "a" } }, "drain_info": drain }] },
                "get_tasks": { "tasks": [{ "agent_id": { "value": "a" } }, { "agent_id": { "value": "b" } }] },
            })
        };
        let of = |state: &str| json!({ "state": state });
        assert_eq!(look(&state(of("DRAINING")), "a", false), Drain::Draining { tasks: 1 });
        assert_eq!(look(&state(of("DRAINED")), "a", false), Drain::Drained);
        assert_eq!(look(&state(Value::Null), "a", false), Drain::Reactivated);
        assert_eq!(look(&json!({}), "a", false), Drain::Away);
        assert_eq!(look(&json!({}), "a", true), Drain::Gone);
    }
}
