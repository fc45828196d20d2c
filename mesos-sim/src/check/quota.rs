//! What a role has never grows beyond its limit by a grant.
//!
//! Source: Apache Mesos, `docs/quota.md`. It may be beyond its limit for other reasons: a limit was forced upon it, agents
//! came back with its tasks, an operator reserved something for it. Then it is offered nothing more of what is limited.
//!
//! Checked where offers are sent, with sums of its own over what agents have and use and what is on the table. Limits are
//! those of the durable registry: one that is not written yet binds nobody. Optimistic offers are no use of anything, and
//! may hold more together than is committed in the end.

use mesos_core::Role;
use mesos_core::call::scheduler::Event;
use mesos_core::provider::Concurrency;
use mesos_core::resource::{Limits, ResourceName, Scalar};
use mesos_sched::master::{Effect, Master};

use super::{Check, Step, Stepped};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct QuotaLimit;

impl Check for QuotaLimit {
    fn name(&self) -> &'static str {
        "quota"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Master { machine, effects, .. } = step.stepped else { return Ok(()) };
        if machine.registry().quotas().is_empty() {
            return Ok(());
        }
        let sent = effects.iter().filter_map(|effect| match effect {
            Effect::ToScheduler { event: Event::Offers(offers), .. } => Some(offers),
            _ => None,
        });
        for offer in sent.flatten() {
            for (role, quota) in machine.registry().quotas().iter().filter(|(role, _)| covers(role, &offer.role)) {
                for (name, _) in offer.resources.quota_quantities().iter() {
                    within(machine, role, quota.limits(), name)?;
                }
            }
        }
        Ok(())
    }
}

fn covers(role: &Role, other: &Role) -> bool {
    other == role || other.is_below(role)
}

fn within(machine: &Master, role: &Role, limits: &Limits, name: &ResourceName) -> Result<(), String> {
    let consumed = consumed(machine, role, name);
    match limits.get(name) {
        Some(limit) if consumed > limit => {
            Err(format!("role {role} was granted {name} although it may have {limit} at most; now it has {consumed}"))
        }
        _ => Ok(()),
    }
}

/// What a role has with everything below it: reserved for it, used or not, and used or offered besides.
fn consumed(machine: &Master, role: &Role, name: &ResourceName) -> Scalar {
    let mut sum = Scalar::ZERO;
    for agent in machine.agents() {
        let owned = agent.total.reserved();
        let own = owned.iter().filter(|(owner, _)| covers(role, owner));
        sum = own.fold(sum, |sum, (_, reserved)| sum + reserved.scalar_quantities().get(name));
        let used = agent.used.iter().filter(|used| covers(role, &used.role));
        sum = used.fold(sum, |sum, used| sum + used.resources.quota_quantities().get(name));
    }
    let is_booked = machine.allocator().concurrency() == Concurrency::Pessimistic;
    let offers = machine.offers().filter(|offer| is_booked && covers(role, offer.role));
    offers.fold(sum, |sum, offer| sum + offer.resources.quota_quantities().get(name))
}
