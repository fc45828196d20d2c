//! A master's books, a line per row, in the order of ids.

use mesos_core::Resources;
use mesos_core::call::operator::Response;
use mesos_core::maintenance::MachineId;
use mesos_sched::master::{Master, RoleView};
use mesos_sched::registry::Duty;

use super::super::{demand, show};

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
        let duty = match master.registry().duty(agent.id).unwrap_or_default() {
            Duty::Serving => "",
            Duty::Deactivated => " deactivated",
            Duty::Draining(_) => " draining",
            Duty::Drained => " drained",
        };
        rows.push(format!(
            "agent {} {standing}{leaving}{duty} total={} used={used} free={free}",
            agent.id, agent.total
        ));
    }
    rows.extend(master.absent_agents().map(|id| format!("agent {id} absent")));
    rows.extend(master.offers().map(|offer| format!("offer {} {} {}", offer.id, offer.role, offer.resources)));
    for task in master.tasks() {
        let charged = if task.is_charged { "" } else { " freed" };
        let state = show::told(task.state, task.told);
        rows.push(format!("task {}/{} {} {state}{charged}", task.framework_id, task.info.id, task.agent_id));
    }
    for row in master.operations() {
        rows.push(format!("operation {}/{} {} {}", row.framework_id, row.operation.id, row.agent_id, row.state));
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

/// What an operator is answered, a line per fact.
pub(super) fn response(response: &Response) -> Vec<String> {
    let names =
        |machines: &mut dyn Iterator<Item = &MachineId>| machines.map(MachineId::as_str).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = match response {
        Response::MaintenanceSchedule(schedule) => {
            let windows = schedule.windows.iter();
            let line = |window: &mesos_core::maintenance::MaintenanceWindow| {
                let machines = names(&mut window.machines.iter());
                format!("window {machines} {}", demand::unavailability(window.unavailability))
            };
            windows.map(line).collect()
        }
        Response::MaintenanceStatus(status) => {
            let mut lines: Vec<String> = Vec::new();
            for (machine, answers) in &status.draining {
                lines.push(format!("draining {machine}"));
                lines.extend(answers.iter().map(|answer| {
                    let word = if answer.is_accepted { "accepts" } else { "declines" };
                    format!("  {} {word} {} at={}s", answer.framework_id, answer.agent_id, answer.at_wall.as_secs())
                }));
            }
            if !status.down.is_empty() {
                lines.push(format!("down {}", names(&mut status.down.iter())));
            }
            lines
        }
        other => vec![format!("{other:?}")],
    };
    if lines.is_empty() { vec!["nothing".into()] } else { lines }
}
