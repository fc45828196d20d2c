//! Answers as tables for people.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(headers);
    table
}

fn rows<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn id<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name]["value"].as_str().unwrap_or_default()
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

/// The sum of a scalar resource.
fn amount(row: &Value, resources: &str, name: &str) -> f64 {
    rows(row, resources)
        .filter(|entry| text(entry, "name") == name)
        .filter_map(|entry| entry["scalar"]["value"].as_f64())
        // Not `sum`: that of nothing is -0.
        .fold(0.0, |sum, value| sum + value)
}

/// Used of all.
fn usage(row: &Value, used: &str, total: &str, name: &str) -> String {
    format!("{}/{}", number(amount(row, used, name)), number(amount(row, total, name)))
}

fn number(amount: f64) -> String {
    let text = format!("{amount:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn ended_or(table: Table, count: usize, nothing: &str) -> String {
    if count == 0 { nothing.to_owned() } else { table.trim_fmt() }
}

/// Agents.
pub(crate) fn agents(answer: &Value) -> String {
    let mut table = table(&["ID", "HOST", "STATE", "CPUS", "MEM MiB", "DISK MiB", "GPUS"]);
    let mut count = 0;
    for agent in rows(answer, "agents") {
        count += 1;
        let info = &agent["agent_info"];
        let state = match (agent["drain_info"].is_object(), agent["deactivated"].as_bool(), agent["active"].as_bool()) {
            (true, ..) => text(&agent["drain_info"], "state"),
            (_, Some(true), _) => "deactivated",
            (.., Some(true)) => "active",
            _ => "away",
        };
        let used = |name| usage(agent, "allocated_resources", "total_resources", name);
        let host = format!("{}:{}", text(info, "hostname"), info["port"].as_u64().unwrap_or(5_051));
        table.add_row([id(info, "id"), &host, state, &used("cpus"), &used("mem"), &used("disk"), &used("gpus")]);
    }
    for info in rows(answer, "recovered_agents") {
        count += 1;
        table.add_row([id(info, "id"), text(info, "hostname"), "expected", "", "", "", ""]);
    }
    ended_or(table, count, "no agent is registered")
}

/// Tasks.
pub(crate) fn tasks(answer: &Value, all: bool, framework: Option<&str>) -> String {
    let mut table = table(&["ID", "NAME", "STATE", "FRAMEWORK", "AGENT", "CPUS", "MEM MiB"]);
    let mut kinds = vec!["pending_tasks", "tasks", "unreachable_tasks"];
    if all {
        kinds.extend(["completed_tasks", "orphan_tasks"]);
    }
    let mut count = 0;
    for task in kinds.iter().flat_map(|kind| rows(answer, kind)) {
        if framework.is_some_and(|wanted| id(task, "framework_id") != wanted) {
            continue;
        }
        count += 1;
        let state = text(task, "state").trim_start_matches("TASK_");
        let has = |name| number(amount(task, "resources", name));
        let (framework, agent) = (id(task, "framework_id"), id(task, "agent_id"));
        table.add_row([id(task, "task_id"), text(task, "name"), state, framework, agent, &has("cpus"), &has("mem")]);
    }
    ended_or(table, count, if all { "there is no task" } else { "no task runs; --all shows those that have ended" })
}

/// Frameworks.
pub(crate) fn frameworks(answer: &Value, all: bool) -> String {
    let mut table = table(&["ID", "NAME", "STATE", "PRINCIPAL", "ROLES", "CPUS", "MEM MiB"]);
    let mut count = 0;
    let mut add = |framework: &Value, ended: bool| {
        count += 1;
        let info = &framework["framework_info"];
        let is = |name: &str| framework[name].as_bool().unwrap_or_default();
        let state = match (ended, is("connected"), is("active")) {
            (true, ..) => "ended",
            (_, true, true) => "active",
            (_, true, false) => "inactive",
            _ => "disconnected",
        };
        let roles: Vec<&str> = rows(info, "roles").filter_map(Value::as_str).collect();
        let roles = if roles.is_empty() { info["role"].as_str().unwrap_or("*").to_owned() } else { roles.join(",") };
        let has = |name| number(amount(framework, "allocated_resources", name));
        let (name, principal) = (text(info, "name"), text(info, "principal"));
        table.add_row([id(info, "id"), name, state, principal, &roles, &has("cpus"), &has("mem")]);
    };
    rows(answer, "frameworks").for_each(|framework| add(framework, false));
    if all {
        rows(answer, "completed_frameworks").for_each(|framework| add(framework, true));
    }
    ended_or(table, count, "no framework is here")
}

/// Roles.
pub(crate) fn roles(answer: &Value) -> String {
    let mut table = table(&["ROLE", "WEIGHT", "FRAMEWORKS", "CPUS", "MEM MiB"]);
    let mut count = 0;
    for role in rows(answer, "roles") {
        count += 1;
        let has = |name| number(amount(role, "resources", name));
        let (weight, frameworks) = (number(role["weight"].as_f64().unwrap_or(1.0)), rows(role, "frameworks").count());
        table.add_row([text(role, "name"), &weight, &frameworks.to_string(), &has("cpus"), &has("mem")]);
    }
    ended_or(table, count, "no role is known")
}

fn amounts(map: &Value) -> String {
    let pairs = map.as_object().into_iter().flatten();
    let pairs: Vec<_> = pairs
        .map(|(name, amount)| format!("{name}:{}", number(amount["value"].as_f64().unwrap_or_default())))
        .collect();
    if pairs.is_empty() { "-".to_owned() } else { pairs.join(";") }
}

/// Quotas.
pub(crate) fn quotas(status: &Value) -> String {
    let mut table = table(&["ROLE", "GUARANTEES", "LIMITS"]);
    let mut count = 0;
    for config in rows(status, "configs") {
        count += 1;
        table.add_row([text(config, "role"), &amounts(&config["guarantees"]), &amounts(&config["limits"])]);
    }
    ended_or(table, count, "no role has a quota")
}

/// Weights.
pub(crate) fn weights(answer: &Value) -> String {
    let mut table = table(&["ROLE", "WEIGHT"]);
    let mut count = 0;
    for info in rows(answer, "weight_infos") {
        count += 1;
        table.add_row([text(info, "role"), &number(info["weight"].as_f64().unwrap_or(1.0))]);
    }
    ended_or(table, count, "every role counts 1")
}

fn machine(id: &Value) -> String {
    let named = id["hostname"].as_str().or_else(|| id["ip"].as_str());
    named.unwrap_or_default().to_owned()
}

/// The maintenance schedule.
pub(crate) fn schedule(schedule: &Value) -> String {
    let mut table = table(&["MACHINE", "FROM", "FOR"]);
    let mut count = 0;
    for window in rows(schedule, "windows") {
        let nanos = |value: &Value| value["nanoseconds"].as_u64();
        let unavailability = &window["unavailability"];
        let from = nanos(&unavailability["start"]).unwrap_or_default() / 1_000_000_000;
        let lasts = nanos(&unavailability["duration"]);
        let lasts = lasts.map_or_else(
            || "good".to_owned(),
            |nanos| mesos_core::program::MesosDuration(std::time::Duration::from_nanos(nanos)).to_string(),
        );
        for id in rows(window, "machine_ids") {
            count += 1;
            table.add_row([&machine(id), &format!("@{from}"), &lasts]);
        }
    }
    ended_or(table, count, "nothing is planned")
}

/// How far maintenance is.
pub(crate) fn maintenance(status: &Value) -> String {
    let mut table = table(&["MACHINE", "STATE", "ANSWERS"]);
    let mut count = 0;
    for draining in rows(status, "draining_machines") {
        count += 1;
        let answers = rows(draining, "statuses").count().to_string();
        table.add_row([&machine(&draining["id"]), "draining", &answers]);
    }
    for down in rows(status, "down_machines") {
        count += 1;
        table.add_row([&machine(down), "down", ""]);
    }
    ended_or(table, count, "no machine is draining or down")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_show_what_is_used_of_what_there_is() {
        let resources = |cpus: f64| json!([{ "name": "cpus", "scalar": { "value": cpus } }]);
        let answer = json!({ "agents": [{
            "agent_info": { "id": { "value": "a1" }, "hostname": "h", "port": 5_052 }, "active": true,
            "total_resources": resources(4.0), "allocated_resources": resources(1.5),
        }]});
        let shown = agents(&answer);
        assert!(shown.contains("a1") && shown.contains("h:5052") && shown.contains("1.5/4"), "{shown}");
        let idle = agents(&json!({ "agents": [{ "total_resources": resources(4.0) }] }));
        assert!(idle.contains(" 0/4 ") && !idle.contains("-0"), "{idle}");
        assert_eq!(agents(&json!({})), "no agent is registered");
    }

    #[test]
    fn tasks_that_ended_are_shown_when_asked_for() {
        let task = |id: &str, state: &str| {
            json!({ "task_id": { "value": id }, "name": id, "state": state,
            "framework_id": { "value": "f" }, "agent_id": { "value": "a" } })
        };
        let answer = json!({ "tasks": [task("t1", "TASK_RUNNING")], "completed_tasks": [task("t2", "TASK_FINISHED")] });
        let (running, all) = (tasks(&answer, false, None), tasks(&answer, true, None));
        assert!(running.contains("RUNNING") && !running.contains("t2"), "{running}");
        assert!(all.contains("FINISHED"), "{all}");
        assert!(tasks(&answer, true, Some("g")).contains("no task"));
    }
}
