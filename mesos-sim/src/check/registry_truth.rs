//! No agent is registered or offered that is not admitted in the durable registry.
//!
//! Source: Apache Mesos, `src/master/registrar.hpp` and `src/master/master.cpp` (an agent is admitted before it is
//! acknowledged); the chapter on architecture of our own docs. Checked on the master whose term is the registry's fence: one
//! that was fenced off does not know yet what its successor decided, and its words reach nobody who knows of the successor.

use mesos_core::AgentId;
use mesos_core::call::agent::ToAgent;
use mesos_core::call::scheduler::Event;
use mesos_sched::master::Effect;

use super::{Check, Step, Stepped};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct RegistryTruth;

impl Check for RegistryTruth {
    fn name(&self) -> &'static str {
        "registry_truth"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Master { node, machine, effects, .. } = step.stepped else { return Ok(()) };
        let store = step.world.store();
        if machine.leading() != Some(store.fence()) {
            return Ok(());
        }
        let is_admitted = |id: &AgentId| store.records().get(&format!("agent/{id}")).is_some();
        for effect in effects {
            match effect {
                Effect::ToScheduler { event: Event::Offers(offers), .. } => {
                    if let Some(offer) = offers.iter().find(|offer| !is_admitted(&offer.agent_id)) {
                        return Err(format!(
                            "{node} offers agent {}, which the registry does not hold",
                            offer.agent_id
                        ));
                    }
                }
                Effect::ToAgent {
                    message: ToAgent::Registered { agent_id, .. } | ToAgent::Reregistered { agent_id, .. },
                    ..
                } if !is_admitted(agent_id) => {
                    return Err(format!("{node} registers agent {agent_id}, which the registry does not hold"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
