//! After an agent's process restarts, it knows exactly the containers that survived and that it had written down; what it
//! tells a master then is everything it knows.
//!
//! Source: Apache Mesos, `docs/agent-recovery.md`; the chapter on architecture of our own docs. Checked in the step that hears
//! of the survivors, when the agent has decided what to keep, and in the step that tells the master. Containers that end
//! later, or end while the agent looks, are the business of their task's updates.

use std::collections::BTreeSet;

use mesos_core::call::agent::ToMaster;
use mesos_core::{ContainerId, TaskId};
use mesos_exec::agent::{Agent, ContainerOutcome, Effect, Input};

use super::{Check, Step, Stepped};
use crate::node::NodeId;
use crate::world::World;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct AgentRecovery;

impl Check for AgentRecovery {
    fn name(&self) -> &'static str {
        "agent_recovery"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Agent { node, machine, input, effects } = step.stepped else { return Ok(()) };
        if let Some(Input::Container { outcome: ContainerOutcome::Recovered(survivors), .. }) = input {
            kept(step.world, node, machine, survivors)?;
        }
        effects.iter().try_for_each(|effect| match effect {
            Effect::Send { message: ToMaster::Reregister(report), .. } => {
                let told: BTreeSet<&TaskId> = report.tasks.iter().map(|task| &task.info.id).collect();
                match machine.tasks().find(|task| !told.contains(task.task_id)) {
                    None => Ok(()),
                    Some(task) => Err(format!("{node} comes back and keeps task {} to itself", task.task_id)),
                }
            }
            _ => Ok(()),
        })
    }

    fn settled(&mut self, world: &World) -> Result<(), String> {
        world.agents().try_for_each(|view| {
            let Some(machine) = view.machine else { return Ok(()) };
            let known: BTreeSet<&ContainerId> = machine.running_containers().collect();
            match view.containers.alive().find(|(id, _)| !known.contains(id)) {
                None => Ok(()),
                Some((id, _)) => Err(format!("container {id} runs on {} and the agent does not know it", view.node)),
            }
        })
    }
}

fn kept(world: &World, node: NodeId, machine: &Agent, survivors: &BTreeSet<ContainerId>) -> Result<(), String> {
    let known: BTreeSet<&ContainerId> = machine.running_containers().collect();
    if let Some(lost) = survivors.iter().find(|id| !known.contains(id)) {
        return Err(format!("container {lost} survived the restart of {node}, which does not know it"));
    }
    let Some(view) = world.agents().find(|view| view.node == node) else { return Ok(()) };
    match view.containers.alive().find(|(id, _)| !survivors.contains(*id)) {
        None => Ok(()),
        Some((id, _)) => Err(format!("container {id} runs on {node} after a restart that did not find it")),
    }
}
