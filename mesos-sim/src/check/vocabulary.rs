//! Nobody is told what it said it does not understand: frameworks without `PARTITION_AWARE` hear `LOST` and none of the
//! precise states, frameworks without `TASK_KILLING_STATE` never hear `KILLING`.
//!
//! Source: Apache Mesos, `docs/task-state-reasons.md` and `include/mesos/v1/mesos.proto` (`FrameworkInfo.Capability`).
//! Checked where a framework is told something: peers of an earlier version would break there.

use mesos_core::call::scheduler::Event;
use mesos_core::{FrameworkCapability, TaskState};
use mesos_sched::driver::Input;

use super::{Check, Step, Stepped};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Vocabulary;

impl Check for Vocabulary {
    fn name(&self) -> &'static str {
        "vocabulary"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Framework { node, machine, input: Some(Input::Received { event, .. }), .. } = step.stepped else {
            return Ok(());
        };
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
}
