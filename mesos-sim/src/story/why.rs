//! Where a task stands, and what it waits for: asked of everybody who knows of it.

use std::fmt::Write as _;

use mesos_core::{AgentId, FrameworkId, TaskId, TaskState};

use super::agent_name;
use crate::container::Phase;
use crate::node::NodeId;
use crate::world::{AgentView, World};

/// Says why a task is where it is, in a few sentences: what its framework, the leading master, its agent and the machine
/// know of it, and what comes next. `framework` is the framework's index; without one the first that knows the task is meant.
#[must_use]
pub fn why(world: &World, framework: Option<u32>, task: &TaskId) -> String {
    let Some((node, id)) = owner(world, framework, task) else {
        return format!("Nobody knows a task {task} now: it was not launched yet, or everybody has forgotten it.\n");
    };
    let mut text = format!("Task {task} of {node} ({id}):\n");
    // Writing to a string cannot fail.
    let mut say = |line: String| _ = writeln!(text, "  {line}");
    let ledger = world.frameworks().find(|view| view.node == node).and_then(|view| view.machine);
    let row = ledger.and_then(|driver| driver.ledger().get(task));
    match (ledger, row) {
        (None, _) => say(format!("{node} is down.")),
        (Some(_), None) => say(format!("{node} does not wait for it (any more).")),
        (Some(driver), Some(row)) => {
            let known =
                row.state.map_or_else(|| "has heard nothing of it".to_owned(), |state| format!("believes {state}"));
            let kill = if row.kill.is_some() { ", and wants it killed" } else { "" };
            say(format!("{node} {known}, since {}{kill}.", row.heard_at));
            if !driver.is_subscribed() {
                say(format!("{node} is not subscribed: nothing reaches it."));
            }
        }
    }
    let leader =
        world.masters().find_map(|view| Some((view.node, view.machine.filter(|own| own.leading().is_some())?)));
    let known = leader.and_then(|(node, master)| Some((node, master, master.task(&id, task)?)));
    let agent = match (leader, &known) {
        (None, _) => {
            say("No master leads.".to_owned());
            None
        }
        (Some((node, _)), None) => {
            say(format!("{node}, which leads, does not have it in its books."));
            None
        }
        (Some(_), Some((node, master, task))) => {
            let name = agent_name(world, task.agent_id);
            let told = if task.told == task.state {
                String::new()
            } else {
                format!(" (its framework was told {})", task.told)
            };
            let charged = if task.is_charged { "" } else { "; what it used is free" };
            say(format!("{node}, which leads, has it as {} on {name}{told}{charged}.", task.state));
            let registered = master.agent_key(task.agent_id).and_then(|key| master.agent(key));
            match registered {
                None => say(format!("{name} is not registered with {node}.")),
                Some(agent) if !agent.is_connected => say(format!("{name} is not connected to {node}.")),
                Some(_) => {}
            }
            Some(task.agent_id.clone())
        }
    };
    let agent = agent.or_else(|| row.and_then(|row| row.agent_id.clone()));
    let on = world.agents().filter(|view| holds(view, &id, task) || is_agent(view, agent.as_ref()));
    let mut found = false;
    for view in on {
        found = true;
        at_agent(world, &view, &id, task, &mut say);
    }
    if !found {
        say("No agent that is up has it.".to_owned());
    }
    let state = known.as_ref().map(|(_, _, task)| task.state).or_else(|| row.and_then(|row| row.state));
    say(format!("Next: {}", next(state, row.is_some_and(|row| row.kill.is_some()))));
    text
}

fn at_agent(world: &World, view: &AgentView<'_>, framework: &FrameworkId, task: &TaskId, say: &mut impl FnMut(String)) {
    let node = view.node;
    let Some(machine) = view.machine else {
        return say(format!("{node} is down; {} containers are on its machine.", view.containers.alive().count()));
    };
    if !machine.is_registered() {
        say(format!("{node} is not registered with a master."));
    }
    match machine.tasks().find(|own| own.framework_id == framework && own.task_id == task) {
        None => say(format!("{node} does not have it.")),
        Some(own) => {
            let waits = if own.is_terminal_unacknowledged { ", and waits for an acknowledgement" } else { "" };
            say(format!("{node} has it as {}{waits}.", own.state));
        }
    }
    let containers = view
        .containers
        .iter()
        .filter(|(id, container)| &container.framework_id == framework && id.as_str().starts_with(&format!("{task}.")));
    for (id, container) in containers {
        let phase = match &container.phase {
            Phase::Starting => "is being started".to_owned(),
            Phase::Running => "runs".to_owned(),
            Phase::Ended(exit) => format!("has ended ({exit:?}) and nobody has asked how"),
        };
        say(format!("On the machine of {node} container {id} {phase}; asked for at {}.", container.asked_at));
    }
    let masters = world.masters().filter(|view| view.machine.is_some()).map(|view| view.node);
    for master in masters.filter(|master| !world.net().connects(*master, node)) {
        say(format!("{master} and {node} cannot talk to each other."));
    }
}

const fn next(state: Option<TaskState>, is_kill_wanted: bool) -> &'static str {
    match state {
        None => "the answer to the launch, or to the question about it.",
        Some(TaskState::Staging) => {
            "the agent's first word about it, once the task is written down and its container started."
        }
        Some(TaskState::Starting) => "the start of its container.",
        Some(TaskState::Running) if is_kill_wanted => "the kill reaches its executor, and then its end.",
        Some(TaskState::Running) => "its end, by itself or by a kill.",
        Some(TaskState::Killing) => "its end, within the grace of the kill.",
        Some(TaskState::Unreachable) => "its agent comes back, or is marked gone.",
        Some(state) if state.is_terminal() => "nothing but the acknowledgement of its end.",
        Some(_) => "news from its agent.",
    }
}

fn holds(view: &AgentView<'_>, framework: &FrameworkId, task: &TaskId) -> bool {
    view.machine.is_some_and(|machine| machine.tasks().any(|own| own.framework_id == framework && own.task_id == task))
}

fn is_agent(view: &AgentView<'_>, id: Option<&AgentId>) -> bool {
    id.is_some() && view.machine.is_some_and(|machine| machine.id() == id)
}

/// The framework a task belongs to.
fn owner(world: &World, framework: Option<u32>, task: &TaskId) -> Option<(NodeId, FrameworkId)> {
    let wanted = |node: NodeId| framework.is_none_or(|index| node == NodeId::Framework(index));
    let by_ledger = world.frameworks().filter(|view| wanted(view.node)).find_map(|view| {
        let driver = view.machine?;
        driver.ledger().get(task)?;
        Some((view.node, driver.framework_id()?.clone()))
    });
    by_ledger.or_else(|| {
        let masters = world.masters().filter_map(|view| view.machine);
        let ids = masters.flat_map(|master| master.tasks()).filter(|own| &own.info.id == task);
        ids.map(|own| own.framework_id.clone()).find_map(|id| {
            let node = super::node_of_framework(world, &id)?;
            wanted(node).then_some((node, id))
        })
    })
}

/// Where everything stands: one line per node, and one per task that has not ended.
#[must_use]
pub fn standing(world: &World) -> String {
    let mut text = String::new();
    for view in world.masters() {
        let what = match view.machine {
            None => "down".to_owned(),
            Some(master) => match master.leading() {
                None => "waits to lead".to_owned(),
                Some(term) => format!(
                    "leads in term {}: {} agents, {} frameworks, {} tasks, {} offers",
                    term.0,
                    master.agents().count(),
                    master.frameworks().count(),
                    master.tasks().count(),
                    master.offers().count()
                ),
            },
        };
        let _ = writeln!(text, "{:<4} {what}", view.node);
    }
    for view in world.agents() {
        let alive = view.containers.alive().count();
        let what = match view.machine {
            None => "down".to_owned(),
            Some(agent) => {
                let how = if agent.is_registered() { "registered" } else { "not registered" };
                let id = agent.id().map(|id| format!(" as {id}")).unwrap_or_default();
                format!(
                    "{how}{id}: {} tasks, {} unacknowledged updates",
                    agent.tasks().count(),
                    agent.unacknowledged_updates()
                )
            }
        };
        let _ = writeln!(text, "{:<4} {what}, {alive} containers", view.node);
    }
    for view in world.frameworks() {
        let what = match (view.machine, view.ended) {
            (_, Some(why)) => format!("has ended: {why}"),
            (None, None) => "down".to_owned(),
            (Some(driver), None) => {
                let how = if driver.is_subscribed() { "subscribed" } else { "not subscribed" };
                format!("{how}: waits for {} tasks", driver.ledger().len())
            }
        };
        let _ = writeln!(text, "{:<4} {what}", view.node);
    }
    text
}

/// The tasks that frameworks wait for: whose, which, state.
pub(crate) fn waited_for(world: &World) -> Vec<String> {
    let drivers = world.frameworks().filter_map(|view| Some((view.node, view.machine?)));
    let rows = drivers.flat_map(|(node, driver)| {
        driver.ledger().iter().map(move |(id, row)| {
            let state = row.state.map_or_else(|| "launched".to_owned(), |state| state.to_string());
            let on = row.agent_id.as_ref().map(|id| format!(" on {}", agent_name(world, id))).unwrap_or_default();
            format!("{node}/{id} {state}{on}")
        })
    });
    rows.collect()
}
