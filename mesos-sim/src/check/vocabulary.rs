//! Nobody is told what it said it does not understand: frameworks without `PARTITION_AWARE` hear `LOST` and none of the
//! precise states, frameworks without `TASK_KILLING_STATE` never hear `KILLING`; agents without `HIERARCHICAL_ROLE` run no task
//! of a nested role, and those without `AGENT_OPERATION_FEEDBACK` are given no operation to answer for.
//!
//! Source: Apache Mesos, `docs/task-state-reasons.md` and `include/mesos/v1/mesos.proto` (`FrameworkInfo.Capability`,
//! `AgentInfo.Capability`). Checked where a framework or an agent is told something: peers of an earlier version would break
//! there.

use mesos_core::call::agent::ToAgent;
use mesos_core::call::scheduler::Event;
use mesos_core::{AgentCapability, FrameworkCapability, Role, TaskState};
use mesos_exec::agent::{self, Agent};
use mesos_sched::driver::{Driver, Input};

use super::{Check, Step, Stepped};
use crate::node::NodeId;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Vocabulary;

impl Check for Vocabulary {
    fn name(&self) -> &'static str {
        "vocabulary"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        match step.stepped {
            Stepped::Framework { node, machine, input: Some(Input::Received { event, .. }), .. } => {
                check_framework(node, machine, event)
            }
            Stepped::Agent { node, machine, input: Some(agent::Input::Received { message, .. }), .. } => {
                check_agent(node, machine, message)
            }
            _ => Ok(()),
        }
    }
}

fn check_framework(node: NodeId, machine: &Driver, event: &Event) -> Result<(), String> {
    let Event::Update(status) = event else { return Ok(()) };
    let needed = match status.state {
        TaskState::Dropped
        | TaskState::Unreachable
        | TaskState::Gone
        | TaskState::GoneByOperator
        | TaskState::Unknown => FrameworkCapability::PartitionAware,
        TaskState::Killing => FrameworkCapability::TaskKillingState,
        _ => return Ok(()),
    };
    if machine.info().capabilities.contains(&needed) {
        return Ok(());
    }
    Err(format!("{node} hears {} of task {} and does not know {needed:?}", status.state, status.task_id))
}

fn check_agent(node: NodeId, machine: &Agent, message: &ToAgent) -> Result<(), String> {
    let is_nested = |role: &Role| role.parent().is_some();
    let needed = match message {
        ToAgent::Run(run) if is_nested(&run.role) => AgentCapability::HierarchicalRole,
        ToAgent::RunGroup(run) if is_nested(&run.role) => AgentCapability::HierarchicalRole,
        ToAgent::Apply(_) => AgentCapability::AgentOperationFeedback,
        _ => return Ok(()),
    };
    if machine.info().capabilities.contains(&needed) {
        return Ok(());
    }
    Err(format!("{node} hears {} and does not know {needed:?}", message.name()))
}
