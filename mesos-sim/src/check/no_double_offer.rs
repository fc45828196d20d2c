//! No resource is in two outstanding offers, and none that is in use is offered.
//!
//! Source: Apache Mesos, `docs/architecture.md` (an offer is exclusive until it is answered or rescinded); the chapter on
//! architecture of our own docs. Amounts are watched by [`conservation`](super::conservation); here are the things that have
//! a name: ports, items of sets, volumes. Checked where an offer is sent, since that is where one can be made twice.
//!
//! Where the allocator's grants are optimistic, offers may overlap by design; what is used may not.

use std::collections::BTreeSet;

use mesos_core::call::scheduler::Event;
use mesos_core::provider::Concurrency;
use mesos_core::resource::{Quantities, Resources};
use mesos_core::{AgentId, Offer, PersistenceId, Role};
use mesos_sched::master::{Effect, Master};

use super::{Check, Step, Stepped};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct NoDoubleOffer;

impl Check for NoDoubleOffer {
    fn name(&self) -> &'static str {
        "no_double_offer"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Master { machine, effects, .. } = step.stepped else { return Ok(()) };
        let sent = effects.iter().filter_map(|effect| match effect {
            Effect::ToScheduler { event: Event::Offers(offers), .. } => Some(offers),
            _ => None,
        });
        let agents: BTreeSet<&AgentId> = sent.flatten().map(|offer: &Offer| &offer.agent_id).collect();
        agents.into_iter().try_for_each(|agent| apart(machine, agent))
    }
}

fn apart(master: &Master, id: &AgentId) -> Result<(), String> {
    let Some(agent) = master.agent_key(id).and_then(|key| master.agent(key)) else {
        return Err(format!("agent {id} is offered and not in the books"));
    };
    let (mut union, mut amounts) = (Resources::new(), Quantities::default());
    // A name is one of its role: that of another role is another volume.
    let mut volumes: BTreeSet<(Option<Role>, PersistenceId)> = BTreeSet::new();
    let is_exclusive = master.allocator().concurrency() == Concurrency::Pessimistic;
    let offered = master.offers_on(agent.key).filter(|_| is_exclusive).map(|offer| offer.resources);
    for part in offered.chain(agent.used.iter().map(|used| &used.resources)) {
        union += part;
        part.quantities().iter().for_each(|(name, amount)| amounts.add_amount(name, amount));
        for entry in part.persistent_volumes().non_shared().iter() {
            let id = entry.disk_info().and_then(|disk| disk.persistence_id());
            let role = entry.reservations().role().cloned();
            if let Some(volume) = id.filter(|volume| !volumes.insert((role, (*volume).clone()))) {
                return Err(format!("volume {volume} of agent {} is offered or used twice", agent.id));
            }
        }
    }
    match amounts.iter().find(|(name, amount)| union.quantities().get(name) < *amount) {
        None => Ok(()),
        Some((name, _)) => Err(format!("some of {name} on agent {} is offered or used twice: {union}", agent.id)),
    }
}
