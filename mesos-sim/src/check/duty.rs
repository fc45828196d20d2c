//! An agent that is out of service, by the durable registry, is not offered.
//!
//! Source: Apache Mesos, `docs/operator-http-api.md` (DRAIN_AGENT, DEACTIVATE_AGENT); the chapter on architecture of our own
//! docs. Checked where offers are sent, by every leader: what one operator decided holds for the next leader too. Offers that
//! were sent before are the business of their recall.

use mesos_core::call::scheduler::Event;
use mesos_sched::master::Effect;

use super::{Check, Step, Stepped};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct DutyKept;

impl Check for DutyKept {
    fn name(&self) -> &'static str {
        "duty"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Master { node, machine, effects, .. } = step.stepped else { return Ok(()) };
        for effect in effects {
            let Effect::ToScheduler { event: Event::Offers(offers), .. } = effect else { continue };
            for offer in offers {
                let duty = machine.registry().duty(&offer.agent_id).unwrap_or_default();
                if !duty.is_serving() {
                    return Err(format!("{node} offers agent {}, which is {duty:?} by the registry", offer.agent_id));
                }
            }
        }
        Ok(())
    }
}
