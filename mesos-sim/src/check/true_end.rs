//! A task is called finished only when its container ended well: the framework hears the executor's last word, not a guess.
//!
//! Source: Apache Mesos, `docs/task-state-reasons.md`, and its tickets about ends that were mislabelled by a race
//! (MESOS-6026, MESOS-9887). Checked for tasks the agent's own executors run, each in one container; what a container's exit
//! means for another executor is its author's business. The agent's word is compared with how the container really ended.

use std::collections::BTreeMap;

use mesos_core::call::agent::ToMaster;
use mesos_core::kernel::Ticket;
use mesos_core::{ContainerId, Exit, FrameworkId, TaskId, TaskState};
use mesos_exec::agent::{ContainerOp, ContainerOutcome, Effect, Input};

use super::{Check, Step, Stepped};
use crate::node::NodeId;

type Key = (FrameworkId, TaskId);

/// See the [module](self).
#[derive(Debug, Default)]
pub struct TrueEnd {
    containers: BTreeMap<ContainerId, Key>,
    waits: BTreeMap<(NodeId, Ticket), ContainerId>,
    exits: BTreeMap<Key, Exit>,
}

impl Check for TrueEnd {
    fn name(&self) -> &'static str {
        "true_end"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        match step.stepped {
            Stepped::Agent { node, input, effects, .. } => {
                if let Some(Input::Container { ticket, outcome: ContainerOutcome::Exited(exit) }) = input {
                    let id = self.waits.remove(&(node, *ticket));
                    let key = id.and_then(|id| self.containers.remove(&id));
                    self.exits.extend(key.map(|key| (key, exit.clone())));
                }
                effects.iter().try_for_each(|effect| self.effect(node, effect))
            }
            Stepped::Crashed { node } => {
                self.waits.retain(|(own, _), _| *own != node);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl TrueEnd {
    fn effect(&mut self, node: NodeId, effect: &Effect) -> Result<(), String> {
        match effect {
            Effect::Container { op: ContainerOp::Launch(spec), .. } => {
                if let Some(task) = &spec.task_id {
                    self.containers.insert(spec.id.clone(), (spec.framework_id.clone(), task.clone()));
                }
            }
            Effect::Container { ticket, op: ContainerOp::Wait(id) } => {
                self.waits.insert((node, *ticket), id.clone());
            }
            Effect::Send { message: ToMaster::Update { framework_id, status, .. }, .. }
                if status.state == TaskState::Finished =>
            {
                let key = (framework_id.clone(), status.task_id.clone());
                if let Some(exit) = self.exits.get(&key).filter(|exit| **exit != Exit::Status(0)) {
                    return Err(format!(
                        "{node} calls task {framework_id}/{} finished, and its container ended with {exit:?}",
                        status.task_id
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
