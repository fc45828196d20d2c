//! The story of an agent: how it came and went, and what it ran.

use std::collections::BTreeMap;

use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::kernel::Ticket;
use mesos_core::{AgentId, TaskState};
use mesos_exec::agent::{self, ContainerOp, ContainerOutcome};
use mesos_sched::master;

use super::task::who;
use super::{Voice, is_crash};
use crate::check::{Step, Stepped};
use crate::node::NodeId;

/// What has to be remembered to tell it.
#[derive(Debug, Default)]
pub(super) struct Teller {
    id: Option<AgentId>,
    awaited: BTreeMap<Ticket, String>,
}

impl Teller {
    pub(super) fn step(&mut self, voice: &mut Voice, own: NodeId, step: &Step<'_>) {
        let at = step.now.mono;
        if let Some((node, is_down)) = is_crash(&step.stepped) {
            if node == own {
                self.awaited.clear();
                voice.tell(at, node, if is_down { "the process is down" } else { "the process is up" });
            }
            return;
        }
        match step.stepped {
            Stepped::Agent { node, input, effects, machine } if node == own => {
                if let Some(input) = input {
                    self.input(voice, at, node, input, step);
                }
                if machine.id() != self.id.as_ref() {
                    self.id = machine.id().cloned();
                }
                effects.iter().for_each(|effect| self.effect(voice, at, node, effect, step));
            }
            Stepped::Master { node, effects, .. } => self.master(voice, at, node, own, effects),
            _ => {}
        }
    }

    fn input(
        &mut self,
        voice: &mut Voice,
        at: mesos_core::Instant,
        node: NodeId,
        input: &agent::Input,
        step: &Step<'_>,
    ) {
        let text = match input {
            agent::Input::Recovered { records } if records.is_empty() => "finds nothing on its disk".to_owned(),
            agent::Input::Recovered { records } => format!("finds {} records on its disk", records.len()),
            agent::Input::LeaderChanged { leader: Some(leader) } => format!("hears that {} leads", leader.id),
            agent::Input::LeaderChanged { leader: None } => "hears that nobody leads".to_owned(),
            agent::Input::Connected { .. } => "is connected to the master".to_owned(),
            agent::Input::Disconnected { conn: Some(_) } => "its connection to the master is broken".to_owned(),
            agent::Input::Disconnected { conn: None } => "cannot reach the master".to_owned(),
            agent::Input::Received { message, .. } => match message {
                ToAgent::Registered { agent_id, .. } => format!("is registered as {agent_id}"),
                ToAgent::Reregistered { missing, .. } if missing.is_empty() => "is registered again".to_owned(),
                ToAgent::Reregistered { missing, .. } => {
                    format!("is registered again, and {} tasks of it are missing", missing.len())
                }
                ToAgent::Run(run) => {
                    format!("is told to run {}", who(step.world, &run.framework_id, &run.task.id))
                }
                ToAgent::RunGroup(run) => format!("is told to run a group of {} tasks", run.tasks.len()),
                ToAgent::Kill { framework_id, task_id, .. } => {
                    format!("is told to kill {}", who(step.world, framework_id, task_id))
                }
                ToAgent::ShutdownFramework { framework_id } => format!("is told to end everything of {framework_id}"),
                ToAgent::SetTotal { total } => format!("is told that it has {total}"),
                ToAgent::Shutdown(why) => format!("is told to end for good: {why}"),
                _ => return,
            },
            agent::Input::Container { ticket, outcome } => match (self.awaited.remove(ticket), outcome) {
                (Some(what), ContainerOutcome::Exited(exit)) => format!("the container of {what} ended: {exit:?}"),
                (Some(what), ContainerOutcome::Failed(why)) => format!("the container of {what} failed: {why}"),
                (_, ContainerOutcome::Recovered(survivors)) => {
                    format!("{} containers survived", survivors.len())
                }
                _ => return,
            },
            agent::Input::Checkpointed { result: Err(why), .. } => format!("a write to its disk failed: {why}"),
            _ => return,
        };
        voice.tell(at, node, text);
    }

    fn effect(
        &mut self,
        voice: &mut Voice,
        at: mesos_core::Instant,
        node: NodeId,
        effect: &agent::Effect,
        step: &Step<'_>,
    ) {
        let text = match effect {
            agent::Effect::Connect { leader } => format!("connects to {}", leader.id),
            agent::Effect::Send { message, .. } => match message {
                ToMaster::Register { total, .. } => format!("registers with {total}"),
                ToMaster::Reregister(report) => format!("comes back with {} tasks", report.tasks.len()),
                ToMaster::Update { framework_id, status, .. } => {
                    format!("reports {} as {}", who(step.world, framework_id, &status.task_id), status.state)
                }
                ToMaster::Unregister => "says goodbye".to_owned(),
                _ => return,
            },
            agent::Effect::Close { why, .. } => format!("closes the connection: {why}"),
            agent::Effect::Container { ticket, op } => {
                match op {
                    ContainerOp::Launch(spec) => {
                        self.awaited.insert(*ticket, format!("{}/{}", spec.framework_id, spec.executor_id));
                    }
                    ContainerOp::Wait(id) => drop(self.awaited.insert(*ticket, id.to_string())),
                    _ => {}
                }
                return;
            }
            agent::Effect::Stop { why } => format!("stops: {why}"),
            _ => return,
        };
        voice.tell(at, node, text);
    }

    /// What masters decide about it.
    fn master(
        &self,
        voice: &mut Voice,
        at: mesos_core::Instant,
        node: NodeId,
        own: NodeId,
        effects: &[master::Effect],
    ) {
        let Some(id) = &self.id else { return };
        for effect in effects {
            match effect {
                master::Effect::Persist { changes, .. } => {
                    let about = changes.iter().filter(|change| change.key().contains(id.as_str()));
                    for change in about {
                        voice.tell(at, node, format!("writes about {own} to the registry: {}", change.key()));
                    }
                }
                master::Effect::ToScheduler { event: mesos_core::call::scheduler::Event::Update(status), .. }
                    if status.agent_id.as_ref() == Some(id) && is_about_agent(status.state) =>
                {
                    voice.tell(at, node, format!("says that task {} on {own} is {}", status.task_id, status.state));
                }
                _ => {}
            }
        }
    }
}

const fn is_about_agent(state: TaskState) -> bool {
    matches!(state, TaskState::Unreachable | TaskState::Lost | TaskState::Gone | TaskState::GoneByOperator)
}
