//! No agent is registered or offered that is not admitted in the durable registry, and none is offered that the registry
//! says is out of service: deactivated, draining, on a machine that is down, or on a host that is not listed.
//!
//! Source: Apache Mesos, `src/master/registrar.hpp` and `src/master/master.cpp` (an agent is admitted before it is
//! acknowledged); the chapter on architecture of our own docs. Checked on the master whose term is the registry's fence: one
//! that was fenced off does not know yet what its successor decided, and its words reach nobody who knows of the successor.

use mesos_core::call::agent::ToAgent;
use mesos_core::call::scheduler::Event;
use mesos_core::{AgentId, Offer};
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
        let registry = machine.registry();
        let is_in_service = |offer: &Offer| {
            registry.duty(&offer.agent_id).is_some_and(|duty| duty.is_serving())
                && registry.whitelist().is_none_or(|hosts| hosts.contains(&offer.agent.hostname))
                && registry.machine_of(&offer.agent.hostname).is_none_or(|machine| !machine.is_down)
        };
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
                    if let Some(offer) = offers.iter().find(|offer| !is_in_service(offer)) {
                        return Err(format!("{node} offers agent {}, which is out of service", offer.agent_id));
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
