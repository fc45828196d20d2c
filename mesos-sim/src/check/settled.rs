//! Once faults are over everything comes to rest: agents and master agree on every task, nothing waits to be acknowledged,
//! nothing is charged that does not run, nothing runs that nobody knows.
//!
//! Source: Apache Mesos, `docs/reconciliation.md` (eventually consistent); the chapter on architecture of our own docs.
//! Checked at the end only, since on the way there each of these may be otherwise: the world asks until nothing is left
//! over, and a run in which that never comes is *not live*. Tasks of a framework that
//! ended without its master hearing of it stay until its failover timeout, or, if the master knows it from a returning agent
//! alone, until somebody tears it down, as in Mesos.

use std::collections::BTreeMap;

use mesos_core::AgentId;
use mesos_exec::agent::Agent;
use mesos_sched::master::Master;

use super::{Check, Step};
use crate::world::{AgentView, World};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Settled;

impl Check for Settled {
    fn name(&self) -> &'static str {
        "settled"
    }

    fn step(&mut self, _step: &Step<'_>) -> Result<(), String> {
        Ok(())
    }

    fn settled(&mut self, world: &World) -> Result<(), String> {
        leftover(world).map_or(Ok(()), Err)
    }
}

/// What is left over of the run's work, if anything is.
pub(crate) fn leftover(world: &World) -> Option<String> {
    let leader = world.masters().filter_map(|view| view.machine).find(|machine| machine.leading().is_some())?;
    let orphans = leader.frameworks().any(|framework| !framework.is_connected);
    world.agents().find_map(|view| at_agent(&view, leader, orphans)).or_else(|| at_master(world, leader))
}

fn at_agent(view: &AgentView<'_>, leader: &Master, has_orphans: bool) -> Option<String> {
    let machine = view.machine?;
    if !has_orphans && machine.unacknowledged_updates() > 0 {
        return Some(format!("{} waits for {} acknowledgements", view.node, machine.unacknowledged_updates()));
    }
    if let Some((framework, operation)) = machine.operations().next().filter(|_| !has_orphans) {
        return Some(format!("{} waits for an acknowledgement of operation {framework}/{}", view.node, operation.id));
    }
    let unknown = machine.tasks().find(|task| leader.task(task.framework_id, task.task_id).is_none());
    if let Some(task) = unknown {
        let (framework, id, state) = (task.framework_id, task.task_id, task.state);
        return Some(format!("{} has task {framework}/{id} ({state}), which its master does not know", view.node));
    }
    if machine.tasks().next().is_none() && machine.executor_count() > 0 {
        return Some(format!("{} has {} executors without a task", view.node, machine.executor_count()));
    }
    if machine.tasks().next().is_none() && view.containers.alive().next().is_some() {
        return Some(format!("containers run on {}, which has no task", view.node));
    }
    None
}

fn at_master(world: &World, leader: &Master) -> Option<String> {
    let machines: BTreeMap<&AgentId, &Agent> =
        world.agents().filter_map(|view| Some((view.machine?.id()?, view.machine?))).collect();
    let missing = leader.tasks().find(|task| {
        let agent = machines.get(task.agent_id);
        !agent.is_some_and(|agent| agent.tasks().any(|own| own.task_id == &task.info.id))
    });
    if let Some(task) = missing {
        let (framework, id, state) = (task.framework_id, &task.info.id, task.state);
        return Some(format!("the master has task {framework}/{id} as {state}, which {} does not have", task.agent_id));
    }
    if let Some(row) = leader.operations().find(|row| !machines.contains_key(row.agent_id)) {
        return Some(format!("the master has operation {}/{} on no agent", row.framework_id, row.operation.id));
    }
    let peers = leader.agents().filter(|agent| agent.is_connected).count()
        + leader.frameworks().filter(|framework| framework.is_connected).count();
    (leader.connections() != peers)
        .then(|| format!("the master holds {} connections of {peers} peers", leader.connections()))
}
