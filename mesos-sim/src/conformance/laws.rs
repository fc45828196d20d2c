//! The laws, as questions to the truth.

use mesos_core::provider::{AgentKey, Allocator, Conflict, Grant};
use mesos_core::resource::{Limits, Quantities, Resources};
use mesos_core::{FrameworkCapability, Instant, Role};

use super::truth::{Client, Truth};
use super::{Claim, Law, Profile};

/// A law and how it was broken.
pub(super) type Breach = (Law, String);

/// Keys looked at for agents that are not there.
const AGENT_SLOTS: u32 = 12;

/// What an allocator says is free is what is.
pub(super) fn balance(truth: &Truth, allocator: &dyn Allocator) -> Result<(), Breach> {
    for agent in (0..AGENT_SLOTS).map(AgentKey) {
        let (said, free) = (allocator.available(agent), truth.free(agent));
        if said != free {
            let show =
                |free: Option<Resources>| free.map_or_else(|| "no such agent".into(), |free| format!("{free:?}"));
            let what = format!("on a{} is free {}, and the allocator says {}", agent.0, show(free), show(said));
            return Err((Law::Balance, what));
        }
    }
    Ok(())
}

/// Checks one grant before it is booked.
pub(super) fn grant(truth: &Truth, profile: &Profile, now: Instant, grant: &Grant) -> Result<(), Breach> {
    let Grant { framework, role, agent, resources } = grant;
    let told = format!("f{} was granted {resources:?} of a{} under {role}", framework.0, agent.0);
    let client = (*framework, role.clone());
    let breach = |law, what: &str| Err((law, format!("{told}: {what}")));
    let Some(known) = truth.agents.get(agent) else { return breach(Law::Audience, "there is no such agent") };
    if !known.is_active {
        return breach(Law::Audience, "the agent serves no offers");
    }
    if !truth.takes_part(&client) {
        return breach(Law::Audience, "the framework is not there, has no such role or suppressed it");
    }
    if !resources.allocatable_to(role).contains(resources) {
        return breach(Law::Audience, "some of it is reserved for somebody else");
    }
    let free = truth.free(*agent).unwrap_or_default();
    if resources.is_empty() || !free.contains(resources) {
        return breach(Law::Once, &format!("free was {free:?}"));
    }
    if let Some(refusal) = truth.refusals(now, &client, *agent).find(|own| own.refused.contains(resources)) {
        return breach(Law::Filters, &format!("it refused {:?} of it, which is in force", refusal.refused));
    }
    if profile.claims(&Claim::Eligibility) && strip(truth, &client, *agent, resources).as_ref() != Some(resources) {
        return breach(Law::Eligibility, "it cannot deal with some of it");
    }
    if profile.claims(&Claim::Minimums) && !is_worth(truth, profile, &client, resources) {
        return breach(Law::Minimums, "that is less than an offer holds");
    }
    match truth.quotas.iter().find(|(limited, quota)| exceeds(truth, limited, quota.limits(), grant)) {
        Some((limited, quota)) if profile.claims(&Claim::Limits) => {
            breach(Law::Limits, &format!("the limit of {limited} is {}", quota.limits()))
        }
        _ => Ok(()),
    }
}

/// Checks what an allocator says to a commitment: it is made if all of it is free, else what is left is told. With limits an
/// allocator may leave less.
pub(super) fn commitment(
    truth: &Truth,
    grant: &Grant,
    wanted: &Resources,
    said: &Result<(), Conflict>,
) -> Result<(), Breach> {
    let free = truth.free(grant.agent).unwrap_or_default();
    let is_right = match said {
        Ok(()) => free.contains(wanted),
        Err(Conflict { left }) if truth.quotas.is_empty() => {
            !free.contains(wanted) && *left == wanted - &(wanted - &free)
        }
        Err(Conflict { left }) => free.contains(left) && wanted.contains(left) && left != wanted,
    };
    if is_right {
        return Ok(());
    }
    let (framework, agent) = (grant.framework.0, grant.agent.0);
    let what = format!("f{framework} committed {wanted:?} of a{agent} with {free:?} free: {said:?}");
    Err((Law::Once, what))
}

/// What a client can deal with of some resources of an agent; nothing if not even with the agent.
fn strip(truth: &Truth, client: &Client, agent: AgentKey, resources: &Resources) -> Option<Resources> {
    use FrameworkCapability::{GpuResources, ReservationRefinement, RevocableResources, SharedResources};
    let info = &truth.frameworks.get(&client.0)?.info;
    if !truth.agents.get(&agent)?.total.gpus().is_zero() && !info.can(GpuResources) {
        return None;
    }
    Some(resources.filter(|entry| {
        (info.can(RevocableResources) || !entry.is_revocable())
            && (info.can(SharedResources) || !entry.is_shared())
            && (info.can(ReservationRefinement) || entry.reservations().len() <= 1)
    }))
}

/// Whether this much is worth an offer.
fn is_worth(truth: &Truth, profile: &Profile, (framework, role): &Client, offer: &Resources) -> bool {
    let own = truth.frameworks.get(framework).and_then(|known| known.info.min_allocatable.get(role));
    let minimums = own.unwrap_or(&profile.minimums);
    !offer.is_empty() && (minimums.is_empty() || minimums.iter().any(|minimum| offer.contains_quantities(minimum)))
}

/// Whether a role has more than its limits of something that the grant holds.
fn exceeds(truth: &Truth, limited: &Role, limits: &Limits, grant: &Grant) -> bool {
    let is_within = |role: &Role| role == limited || role.is_below(limited);
    if !is_within(&grant.role) {
        return false;
    }
    let counted = |resources: &Resources| resources.unreserved().non_revocable().quantities();
    let held = truth.held.iter().filter(|((_, (_, role)), _)| is_within(role)).map(|(_, held)| counted(held));
    let reserved = truth.agents.values().flat_map(|agent| agent.total.reserved());
    let reserved = reserved.filter(|(role, _)| is_within(role)).map(|(_, own)| own.quantities());
    let new = counted(&grant.resources);
    let sum: Quantities = held.chain(reserved).sum::<Quantities>() + &new;
    limits.iter().any(|(name, limit)| !new.get(name).is_zero() && sum.get(name) > limit)
}

/// Whether everybody has what they may have, after time enough.
pub(super) fn liveness(truth: &Truth, profile: &Profile, now: Instant) -> Result<(), Breach> {
    if !truth.quotas.is_empty() {
        return Ok(());
    }
    let clients = truth.frameworks.iter().flat_map(|(key, own)| own.info.roles.iter().map(|role| (*key, role.clone())));
    let waiting: Vec<Client> = clients.filter(|client| truth.takes_part(client)).collect();
    for (agent, known) in truth.agents.iter().filter(|(_, known)| known.is_active) {
        let free = truth.free(*agent).unwrap_or_default();
        for client in &waiting {
            let news = &free - &truth.offered_to(client, *agent);
            let Some(offer) = strip(truth, client, *agent, &news.allocatable_to(&client.1)) else { continue };
            let is_refused = truth.refusals(now, client, *agent).next().is_some();
            if !is_refused && is_worth(truth, profile, client, &offer) {
                let what = format!(
                    "a{} has {offer:?} free of {:?} that f{} may have under {} and did not refuse, and it is not granted",
                    agent.0, known.total, client.0.0, client.1
                );
                return Err((Law::Liveness, what));
            }
        }
    }
    Ok(())
}
