//! No peer can end a master's term: a leader steps down because it lost its lease or a write, and for nothing else.
//!
//! Source: Apache Mesos, its tickets about one framework taking the cluster down (MESOS-8623); the chapter on architecture of
//! our own docs. Checked in the step in which a master steps down, by what it was told in that step.

use mesos_sched::master::{Effect, Input};

use super::{Check, Step, Stepped};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct BlastRadius;

impl Check for BlastRadius {
    fn name(&self) -> &'static str {
        "blast_radius"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Master { node, input, effects, .. } = step.stepped else { return Ok(()) };
        let Some(Effect::StepDown { why, .. }) =
            effects.iter().find(|effect| matches!(effect, Effect::StepDown { .. }))
        else {
            return Ok(());
        };
        match input {
            Some(Input::Elected { .. } | Input::Demoted | Input::Persisted { .. }) => Ok(()),
            Some(Input::Scheduler { conn, .. } | Input::Agent { conn, .. } | Input::Disconnected { conn }) => {
                Err(format!("{node} steps down because of what came on {conn}: {why}"))
            }
            _ => Err(format!("{node} steps down although nothing was lost: {why}")),
        }
    }
}
