//! What an operator asks: from a command to a call of the operator API, and from its answer to a table.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use mesos_core::program::MesosDuration;
use mesos_core::{Resources, Weight};
use serde_json::{Map, Value, json};

use crate::cluster::Cluster;
use crate::output::say;
use crate::sandbox::escaped;
use crate::show;

/// What can be asked.
#[derive(Debug, Subcommand)]
#[command(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Lists agents, with what they have and what of it is in use.
    Agents,
    /// Lists tasks.
    Tasks {
        /// Also those that have ended.
        #[arg(long)]
        all: bool,
        /// Of this framework only.
        #[arg(long, value_name = "ID")]
        framework: Option<String>,
    },
    /// Lists frameworks.
    Frameworks {
        /// Also those that have ended.
        #[arg(long)]
        all: bool,
    },
    /// Lists roles.
    Roles,
    /// Shows and sets what roles are promised and allowed.
    #[command(subcommand)]
    Quota(Quota),
    /// Shows and sets how much roles count.
    #[command(subcommand)]
    Weights(Weights),
    /// Plans when machines are away, takes them down and up.
    #[command(subcommand)]
    Maintenance(Maintenance),
    /// Empties an agent: it is offered no more, its tasks are ended, and the command ends when none is left.
    Drain {
        /// The agent's id.
        agent: String,
        /// Tasks get no longer than this to end.
        #[arg(long, value_name = "DURATION")]
        max_grace_period: Option<MesosDuration>,
        /// The agent never comes back.
        #[arg(long)]
        mark_gone: bool,
        /// Ask for it, and do not wait until it is done.
        #[arg(long = "no-wait", alias = "no_wait")]
        no_wait: bool,
    },
    /// Offers an agent no more; its tasks run on.
    Deactivate {
        /// The agent's id.
        agent: String,
    },
    /// Offers an agent again that was deactivated or drained.
    Reactivate {
        /// The agent's id.
        agent: String,
    },
    /// Says that an agent never comes back.
    Gone {
        /// The agent's id.
        agent: String,
    },
    /// Removes a framework and ends its tasks.
    Teardown {
        /// The framework's id.
        framework: String,
    },
    /// Says why a framework got no offer, and what would have been enough.
    Explain(Explain),
    /// Says who would have to return something so that a framework could have what it needs, where roles have priorities.
    Preemptions(Preemptions),
    /// Everything the master knows, as JSON.
    State,
    /// Which master leads, and which version it is.
    Version,
}

/// Quotas.
#[derive(Debug, Subcommand)]
#[command(rename_all = "snake_case")]
pub(crate) enum Quota {
    /// Shows all quotas.
    Get,
    /// Sets the quota of a role, the whole of it.
    Set {
        /// The role.
        role: String,
        /// What it is promised, such as cpus:4;mem:8192.
        #[arg(long, default_value = "", value_name = "AMOUNTS")]
        guarantees: String,
        /// What it may have at most.
        #[arg(long, default_value = "", value_name = "AMOUNTS")]
        limits: String,
        /// Although the cluster is too small for it, or the role has more than the limit.
        #[arg(long)]
        force: bool,
    },
    /// Removes the quota of a role.
    Remove {
        /// The role.
        role: String,
    },
}

/// Weights.
#[derive(Debug, Subcommand)]
#[command(rename_all = "snake_case")]
pub(crate) enum Weights {
    /// Shows all weights that were set.
    Get,
    /// Sets weights.
    Set {
        /// Such as web=2 batch=0.5.
        #[arg(required = true, value_name = "ROLE=WEIGHT")]
        weights: Vec<String>,
    },
}

/// Maintenance.
#[derive(Debug, Subcommand)]
#[command(rename_all = "snake_case")]
pub(crate) enum Maintenance {
    /// Shows the schedule.
    Schedule,
    /// Replaces the schedule by one window, or by nothing.
    Plan {
        /// The hosts that will be away; none empties the schedule.
        hosts: Vec<String>,
        /// In how long they will be.
        #[arg(long = "in", default_value = "0secs", value_name = "DURATION")]
        starts_in: MesosDuration,
        /// For how long; without it, for good.
        #[arg(long = "for", value_name = "DURATION")]
        lasts: Option<MesosDuration>,
    },
    /// Shows which machines are draining or down.
    Status,
    /// Takes machines of the schedule down.
    Start {
        /// Their hosts.
        #[arg(required = true)]
        hosts: Vec<String>,
    },
    /// Brings machines up again.
    Stop {
        /// Their hosts.
        #[arg(required = true)]
        hosts: Vec<String>,
    },
}

/// Asks why.
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(crate) struct Explain {
    /// The framework's id.
    framework: String,
    /// Under which role it waits.
    #[arg(long)]
    role: Option<String>,
    /// For what it waits.
    #[arg(long, default_value = "cpus:0.1;mem:32", value_name = "RESOURCES")]
    resources: String,
}

/// Asks who would have to make room.
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(crate) struct Preemptions {
    /// The framework's id.
    framework: String,
    /// Under which role it needs something.
    #[arg(long)]
    role: Option<String>,
    /// What it needs, all of it on one agent.
    #[arg(long, value_name = "RESOURCES")]
    resources: String,
}

/// How something is asked of a master.
#[derive(Debug)]
enum Request {
    /// A call of the operator API.
    Call(Value),
    /// A path with its query.
    Read(String),
}

/// The path of a question about a framework that needs something.
fn question(about: &str, framework: &str, role: Option<&str>, resources: &str) -> anyhow::Result<Request> {
    let wanted: Resources = resources.parse().context("--resources")?;
    let mut path = format!("/{about}?framework={}&resources={}", escaped(framework), escaped(&wanted.to_string()));
    if let Some(role) = role {
        path += &format!("&role={}", escaped(role));
    }
    Ok(Request::Read(path))
}

impl Ask {
    /// How it is asked. `now` is in nanoseconds since 1970.
    fn request(&self, now: u64) -> anyhow::Result<Request> {
        let plain = |kind: &str| json!({ "type": kind });
        let with = |kind: &str, body: Value| json!({ "type": kind, kind.to_lowercase(): body });
        let value = |id: &str| json!({ "value": id });
        let agent = |kind: &str, id: &str| with(kind, json!({ "agent_id": value(id) }));
        Ok(Request::Call(match self {
            Self::Agents => plain("GET_AGENTS"),
            Self::Tasks { .. } => plain("GET_TASKS"),
            Self::Frameworks { .. } => plain("GET_FRAMEWORKS"),
            Self::Roles => plain("GET_ROLES"),
            Self::State => plain("GET_STATE"),
            Self::Version => plain("GET_VERSION"),
            Self::Quota(Quota::Get) => plain("GET_QUOTA"),
            Self::Quota(Quota::Set { role, guarantees, limits, force }) => {
                let config = json!({ "role": role, "guarantees": amounts(guarantees)?, "limits": amounts(limits)? });
                with("UPDATE_QUOTA", json!({ "force": force, "quota_configs": [config] }))
            }
            Self::Quota(Quota::Remove { role }) => with("UPDATE_QUOTA", json!({ "quota_configs": [{ "role": role }] })),
            Self::Weights(Weights::Get) => plain("GET_WEIGHTS"),
            Self::Weights(Weights::Set { weights }) => {
                let infos = weights.iter().map(|pair| weight(pair)).collect::<anyhow::Result<Vec<_>>>()?;
                with("UPDATE_WEIGHTS", json!({ "weight_infos": infos }))
            }
            Self::Maintenance(Maintenance::Schedule) => plain("GET_MAINTENANCE_SCHEDULE"),
            Self::Maintenance(Maintenance::Status) => plain("GET_MAINTENANCE_STATUS"),
            Self::Maintenance(Maintenance::Plan { hosts, starts_in, lasts }) => {
                let window = window(hosts, now, starts_in.0, lasts.map(|lasts| lasts.0));
                let windows = if hosts.is_empty() { vec![] } else { vec![window] };
                with("UPDATE_MAINTENANCE_SCHEDULE", json!({ "schedule": { "windows": windows } }))
            }
            Self::Maintenance(Maintenance::Start { hosts }) => {
                with("START_MAINTENANCE", json!({ "machines": machines(hosts) }))
            }
            Self::Maintenance(Maintenance::Stop { hosts }) => {
                with("STOP_MAINTENANCE", json!({ "machines": machines(hosts) }))
            }
            Self::Drain { agent, max_grace_period, mark_gone, .. } => {
                let mut body = json!({ "agent_id": value(agent), "mark_gone": mark_gone });
                if let Some(grace) = max_grace_period {
                    body["max_grace_period"] = json!(format!("{}s", grace.0.as_secs_f64()));
                }
                with("DRAIN_AGENT", body)
            }
            Self::Deactivate { agent: id } => agent("DEACTIVATE_AGENT", id),
            Self::Reactivate { agent: id } => agent("REACTIVATE_AGENT", id),
            Self::Gone { agent: id } => agent("MARK_AGENT_GONE", id),
            Self::Teardown { framework } => with("TEARDOWN", json!({ "framework_id": value(framework) })),
            Self::Explain(Explain { framework, role, resources }) => {
                return question("explain", framework, role.as_deref(), resources);
            }
            Self::Preemptions(Preemptions { framework, role, resources }) => {
                return question("preemptions", framework, role.as_deref(), resources);
            }
        }))
    }

    pub(crate) async fn run(self, cluster: &Cluster, json: bool) -> anyhow::Result<()> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let answer = match self.request(nanos(now))? {
            Request::Call(call) => cluster.api().call("/api/v1", &call).await?,
            Request::Read(path) => cluster.api().get(&path).await?,
        };
        if let Self::Drain { agent, mark_gone, no_wait: false, .. } = &self {
            return crate::drain::wait(cluster, agent, *mark_gone, json).await;
        }
        if json || matches!(self, Self::State) {
            say(serde_json::to_string_pretty(&answer)?);
            return Ok(());
        }
        match self.table(&answer) {
            Some(table) => say(&table),
            None => say("done"),
        }
        Ok(())
    }

    /// What people read; nothing for calls that only do something.
    fn table(&self, answer: &Value) -> Option<String> {
        Some(match self {
            Self::Agents => show::agents(&answer["get_agents"]),
            Self::Tasks { all, framework } => show::tasks(&answer["get_tasks"], *all, framework.as_deref()),
            Self::Frameworks { all } => show::frameworks(&answer["get_frameworks"], *all),
            Self::Roles => show::roles(&answer["get_roles"]),
            Self::Quota(Quota::Get) => show::quotas(&answer["get_quota"]["status"]),
            Self::Weights(Weights::Get) => show::weights(&answer["get_weights"]),
            Self::Maintenance(Maintenance::Schedule) => show::schedule(&answer["get_maintenance_schedule"]["schedule"]),
            Self::Maintenance(Maintenance::Status) => show::maintenance(&answer["get_maintenance_status"]["status"]),
            Self::Version => answer["get_version"]["version_info"]["version"].as_str().unwrap_or_default().to_owned(),
            Self::Explain(_) | Self::Preemptions(_) => answer["text"].as_str().unwrap_or_default().to_owned(),
            _ => return None,
        })
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn amounts(text: &str) -> anyhow::Result<Map<String, Value>> {
    let pairs = text.split(';').filter(|pair| !pair.trim().is_empty());
    pairs
        .map(|pair| {
            let problem = || format!("{pair:?} is no amount; write cpus:4;mem:8192");
            let (name, amount) = pair.split_once(':').with_context(problem)?;
            let amount: f64 = amount.trim().parse().with_context(problem)?;
            // JSON has no word for the others.
            ensure!(amount.is_finite(), problem());
            Ok((name.trim().to_owned(), json!({ "value": amount })))
        })
        .collect()
}

fn weight(pair: &str) -> anyhow::Result<Value> {
    let problem = || format!("{pair:?} is no weight; write web=2");
    let (role, weight) = pair.split_once('=').with_context(problem)?;
    let weight = Weight::new(weight.parse().with_context(problem)?).with_context(problem)?;
    Ok(json!({ "role": role, "weight": f64::from(weight) }))
}

fn machines(hosts: &[String]) -> Vec<Value> {
    hosts.iter().map(|host| json!({ "hostname": host })).collect()
}

fn window(hosts: &[String], now: u64, starts_in: Duration, lasts: Option<Duration>) -> Value {
    let mut unavailability = json!({ "start": { "nanoseconds": now.saturating_add(nanos(starts_in)) } });
    if let Some(lasts) = lasts {
        unavailability["duration"] = json!({ "nanoseconds": nanos(lasts) });
    }
    json!({ "machine_ids": machines(hosts), "unavailability": unavailability })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use mesos_core::wire::{json, v1};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(subcommand)]
        ask: Ask,
    }

    const LINES: &[&str] = &[
        "agents",
        "tasks --all",
        "frameworks",
        "roles",
        "state",
        "version",
        "quota get",
        "quota set web --guarantees cpus:4;mem:8192 --limits cpus:8 --force",
        "quota remove web",
        "weights get",
        "weights set web=2 batch=0.5",
        "maintenance schedule",
        "maintenance status",
        "maintenance plan h1 h2 --in 1hrs --for 30mins",
        "maintenance plan",
        "maintenance start h1",
        "maintenance stop h1",
        "drain a1",
        "drain a1 --max_grace_period 90secs --mark_gone --no-wait",
        "deactivate a1",
        "explain f-1 --role web/shop --resources cpus:2;mem:64",
        "preemptions f-1 --role web --resources cpus:2",
        "reactivate a1",
        "gone a1",
        "teardown f1",
    ];

    #[test]
    fn every_command_is_the_reviewed_call_and_a_call_of_the_api() {
        let mut calls = String::new();
        for line in LINES {
            let words = std::iter::once("mesos").chain(line.split(' '));
            let ask = Line::try_parse_from(words).unwrap().ask;
            let call = match ask.request(1_000_000_000).unwrap() {
                Request::Call(call) => call,
                Request::Read(path) => {
                    calls += &format!("{line}\n    GET {path}\n");
                    continue;
                }
            };
            calls += &format!("{line}\n    {call}\n");
            let read: v1::master::Call = json::read(call.to_string().as_bytes()).unwrap();
            assert_eq!(read.r#type().as_str_name(), call["type"], "{line}");
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/calls.txt");
        if std::env::var_os("UPDATE_CALLS").is_some() {
            std::fs::write(path, &calls).unwrap();
        }
        assert_eq!(calls, std::fs::read_to_string(path).unwrap_or_default(), "review with UPDATE_CALLS=1");
    }

    #[test]
    fn what_is_no_amount_or_weight_is_refused_with_an_example() {
        for (line, says) in [
            ("quota set web --limits cpus", "cpus:4"),
            ("quota set web --limits cpus:inf", "cpus:4"),
            ("weights set web", "web=2"),
            ("weights set web=NaN", "NaN is not a weight"),
        ] {
            let ask = Line::try_parse_from(std::iter::once("mesos").chain(line.split(' '))).unwrap().ask;
            assert!(format!("{:#}", ask.request(0).unwrap_err()).contains(says), "{line}");
        }
    }
}
