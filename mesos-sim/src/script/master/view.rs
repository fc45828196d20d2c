//! A master's books, a line per row, in the order of ids.

use mesos_core::Resources;
use mesos_sched::master::{Master, RoleView};

use super::super::show;

/// The rows of all books.
pub(super) fn lines(master: &Master, lines: &mut Vec<String>) {
    let mut rows: Vec<String> = Vec::new();
    for framework in master.frameworks() {
        let standing = match (framework.is_connected, framework.is_recovered) {
            (true, _) => "connected",
            (false, true) => "recovered",
            (false, false) => "disconnected",
        };
        rows.push(format!("framework {} {standing}", framework.id));
    }
    for agent in master.agents() {
        let used: Resources = agent.used.iter().map(|used| &used.resources).sum();
        let free = master.allocator().available(agent.key).unwrap_or_default();
        let standing = if agent.is_connected { "connected" } else { "disconnected" };
        let leaving = if agent.is_leaving { " leaving" } else { "" };
        rows.push(format!("agent {} {standing}{leaving} total={} used={used} free={free}", agent.id, agent.total));
    }
    rows.extend(master.absent_agents().map(|id| format!("agent {id} absent")));
    rows.extend(master.offers().map(|offer| format!("offer {} {} {}", offer.id, offer.role, offer.resources)));
    for task in master.tasks() {
        let charged = if task.is_charged { "" } else { " freed" };
        let state = show::told(task.state, task.told);
        rows.push(format!("task {}/{} {} {state}{charged}", task.framework_id, task.info.id, task.agent_id));
    }
    rows.sort();
    if rows.is_empty() {
        rows.push("(the books are empty)".into());
    }
    lines.append(&mut rows);
}

/// What roles have, and what they are promised and allowed.
pub(super) fn roles(master: &Master, lines: &mut Vec<String>) {
    for (role, view) in master.roles() {
        let quota = show::quota(&view.quota);
        let RoleView { reserved, allocated, offered, consumed, .. } = view;
        lines.push(format!(
            "role {role} {quota} reserved={reserved} allocated={allocated} offered={offered} consumed={consumed}"
        ));
    }
}
