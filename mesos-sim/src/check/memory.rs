//! What a scheduler saved because of an update is durable before the update is acknowledged.
//!
//! Source: Apache Mesos, `docs/high-availability-framework-guide.md` (persist before you acknowledge); the chapter on
//! architecture of our own docs. A save is visible from outside only in the step it begins in, so that step is the one looked
//! at: an update that made the scheduler save must not be acknowledged in the very step it came with.

use mesos_core::call::scheduler::{Call, Event};
use mesos_sched::driver::{Effect, Input};

use super::{Check, Step, Stepped};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Memory;

impl Check for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Framework { node, input: Some(input), effects, .. } = step.stepped else { return Ok(()) };
        let Input::Received { event: Event::Update(status), .. } = input else { return Ok(()) };
        let is_saving = effects.iter().any(|effect| matches!(effect, Effect::Save { .. }));
        let is_acknowledged = effects.iter().any(|effect| match effect {
            Effect::Send { call: Call::Acknowledge { uuid, .. }, .. } => Some(*uuid) == status.uuid,
            _ => false,
        });
        if is_saving && is_acknowledged {
            let (task, state) = (&status.task_id, status.state);
            return Err(format!("{node} acknowledges {state} of task {task} before what it saved about it is durable"));
        }
        Ok(())
    }
}
