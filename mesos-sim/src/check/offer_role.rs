//! What is offered is offered under a role the framework has.
//!
//! Source: Apache Mesos, `docs/multiple-roles.md` and its tickets about frameworks that describe themselves anew (MESOS-2842,
//! MESOS-420). A framework that gave a role up must not be made to use what was meant for that role. Checked where offers are
//! sent, by the roles the master has for the framework then.

use std::collections::BTreeMap;

use mesos_core::FrameworkId;
use mesos_core::call::ConnId;
use mesos_core::call::scheduler::Event;
use mesos_sched::master::Effect;

use super::{Check, Step, Stepped};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct OfferRole {
    /// Whose connection is whose.
    subscribed: BTreeMap<ConnId, FrameworkId>,
}

impl Check for OfferRole {
    fn name(&self) -> &'static str {
        "offer_role"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Master { machine, effects, .. } = step.stepped else { return Ok(()) };
        for effect in effects {
            let Effect::ToScheduler { conn, event, .. } = effect else { continue };
            match event {
                Event::Subscribed { framework_id, .. } => drop(self.subscribed.insert(*conn, framework_id.clone())),
                Event::Offers(offers) => {
                    let Some(framework) = self
                        .subscribed
                        .get(conn)
                        .and_then(|id| machine.frameworks().find(|framework| framework.id == id))
                    else {
                        continue;
                    };
                    if let Some(offer) = offers.iter().find(|offer| !framework.info.roles.contains(&offer.role)) {
                        let (id, role) = (framework.id, &offer.role);
                        return Err(format!(
                            "framework {id} is offered something under the role {role}, which it does not have"
                        ));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
