//! A framework sees each task's updates in the order its agent made them, at least once, and none after the end it
//! acknowledged.
//!
//! Source: Apache Mesos, `docs/high-availability-framework-guide.md` and `src/status_update_manager`; the chapter on
//! architecture of our own docs. Updates without a uuid are the master's own words and outside of any stream. Seen are the
//! agents' first sendings, which give the order, the acknowledgements they take, and what frameworks receive. *At least
//! once* is for the end: [`settled`](super::settled). An agent that restarts forgets tasks of frameworks without checkpoints
//! and with them what it said.

use std::collections::BTreeMap;

use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::{FrameworkId, TaskId, TaskState, UpdateId};
use mesos_exec::agent;

use super::inbox::Inbox;
use super::{Check, Step, Stepped};
use crate::node::NodeId;
use crate::world::World;

/// What an agent said about one task, in order.
#[derive(Debug, Default)]
struct Stream {
    sent: Vec<(UpdateId, TaskState)>,
    /// How many of them the agent heard an acknowledgement of.
    acknowledged: usize,
    /// The newest the framework received.
    received: Option<usize>,
    /// Where it was said, and whether the process that said it has ended since.
    agent: Option<NodeId>,
    has_restarted: bool,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct UpdateOrder {
    streams: BTreeMap<(FrameworkId, TaskId), Stream>,
    inbox: Inbox,
}

impl Check for UpdateOrder {
    fn name(&self) -> &'static str {
        "update_order"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        match step.stepped {
            Stepped::Agent { node, input, effects, .. } => {
                self.hear_acknowledgement(input);
                effects.iter().try_for_each(|effect| self.send(step.world, node, effect))
            }
            Stepped::Restarted { node } => {
                let streams = self.streams.values_mut().filter(|stream| stream.agent == Some(node));
                streams.for_each(|stream| stream.has_restarted = true);
                Ok(())
            }
            Stepped::Framework { node, machine, input, .. } => {
                let Some(status) = self.inbox.update(node, input) else { return Ok(()) };
                match (machine.framework_id(), status.uuid) {
                    (Some(framework), Some(uuid)) => self.receive(framework, &status.task_id, uuid, status.state),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

impl UpdateOrder {
    fn hear_acknowledgement(&mut self, input: Option<&agent::Input>) {
        let Some(agent::Input::Received { message, .. }) = input else { return };
        let ToAgent::Acknowledge { framework_id, task_id, uuid } = message else { return };
        let Some(stream) = self.streams.get_mut(&(framework_id.clone(), task_id.clone())) else { return };
        if let Some(at) = stream.sent.iter().position(|(own, _)| own == uuid) {
            stream.acknowledged = stream.acknowledged.max(at + 1);
        }
    }

    fn send(&mut self, world: &World, node: NodeId, effect: &agent::Effect) -> Result<(), String> {
        let agent::Effect::Send { message: ToMaster::Update { framework_id, status, .. }, .. } = effect else {
            return Ok(());
        };
        let Some(uuid) = status.uuid else {
            return Err(format!("an agent sends news of task {} without a uuid", status.task_id));
        };
        let stream = self.streams.entry((framework_id.clone(), status.task_id.clone())).or_default();
        if stream.sent.iter().any(|(own, _)| *own == uuid) {
            return Ok(());
        }
        let task = &status.task_id;
        stream.agent = Some(node);
        // That a task never was here is not written down: asked again, the agent says it again.
        let never_was = |state: TaskState| matches!(state, TaskState::Dropped | TaskState::Lost);
        let is_forgotten = stream.sent.iter().all(|(_, state)| never_was(*state)) && never_was(status.state);
        if std::mem::take(&mut stream.has_restarted) && (is_forgotten || !is_checkpointing(world, framework_id)) {
            stream.acknowledged = stream.sent.len();
            stream.sent.push((uuid, status.state));
            return Ok(());
        }
        if let Some((_, end)) = stream.sent.last().filter(|(_, state)| state.is_terminal()) {
            return Err(format!("task {framework_id}/{task} is said to be {} after it was {end}", status.state));
        }
        if stream.acknowledged < stream.sent.len() {
            let state = status.state;
            return Err(format!(
                "{state} of task {framework_id}/{task} is sent before the news ahead of it is acknowledged"
            ));
        }
        stream.sent.push((uuid, status.state));
        Ok(())
    }

    fn receive(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        uuid: UpdateId,
        state: TaskState,
    ) -> Result<(), String> {
        let stream = self.streams.get_mut(&(framework.clone(), task.clone()));
        let at = stream.as_ref().and_then(|stream| stream.sent.iter().position(|(own, _)| *own == uuid));
        let (Some(stream), Some(at)) = (stream, at) else {
            return Err(format!("framework {framework} hears {state} of task {task}, which no agent ever said"));
        };
        if stream.received.is_some_and(|newest| at < newest) {
            return Err(format!("framework {framework} hears {state} of task {task} after what came later"));
        }
        stream.received = Some(at);
        Ok(())
    }
}

/// Whether agents write down what runs for a framework.
fn is_checkpointing(world: &World, id: &FrameworkId) -> bool {
    let own = world.frameworks().find(|view| view.machine.and_then(|machine| machine.framework_id()) == Some(id));
    own.is_some_and(|view| world.spec().frameworks[view.node.index()].info.checkpoint)
}
