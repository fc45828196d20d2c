//! The laws, as questions to the truth.

use mesos_core::provider::{AgentKey, Allocator, Conflict, Grant, InverseGrant};
use mesos_core::resource::{Limits, Resource, Resources};
use mesos_core::{AgentCapability, FrameworkCapability, Instant, Role};

use super::promise::Promises;
use super::truth::{Client, Truth};
use super::{Claim, Law, Profile};

/// A law and how it was broken.
pub(super) type Breach = (Law, String);

/// Keys looked at for agents that are not there.
const AGENT_SLOTS: u32 = 12;

/// All of them.
pub(super) fn agents() -> impl Iterator<Item = AgentKey> {
    (0..AGENT_SLOTS).map(AgentKey)
}

/// What an allocator says is free is what is.
pub(super) fn balance(truth: &Truth, allocator: &dyn Allocator) -> Result<(), Breach> {
    for agent in agents() {
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

/// Until when nothing may be granted: a quota is set, and most agents are still to come back.
pub(super) fn held_off(truth: &Truth, profile: &Profile, now: Instant) -> Option<Instant> {
    let is_meant = profile.claims(&Claim::HoldOff) && !truth.quotas.is_empty();
    let (count, told_at) = truth.expected.filter(|_| is_meant)?;
    let needed = count * usize::try_from(profile.agent_recovery_percent).unwrap_or(usize::MAX) / 100;
    let until = told_at + profile.agent_recovery_timeout;
    (truth.agents.len() < needed && now < until).then_some(until)
}

/// Checks one grant before it is booked.
pub(super) fn grant(truth: &Truth, profile: &Profile, now: Instant, grant: &Grant) -> Result<(), Breach> {
    let Grant { framework, role, agent, resources } = grant;
    let told = format!("f{} was granted {resources:?} of a{} under {role}", framework.0, agent.0);
    let client = (*framework, role.clone());
    let breach = |law, what: &str| Err((law, format!("{told}: {what}")));
    let Some(known) = truth.agents.get(agent) else { return breach(Law::Audience, "there is no such agent") };
    if let Some(until) = held_off(truth, profile, now) {
        return breach(Law::HoldOff, &format!("agents are awaited until {until:?}, of which a quota may need some"));
    }
    if !known.is_active {
        return breach(Law::Audience, "the agent serves no offers");
    }
    if !truth.serves(*agent) {
        return breach(Law::Whitelist, &format!("host {} is not listed", known.info.hostname));
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
    if profile.claims(&Claim::Eligibility)
        && strip(truth, profile, &client, *agent, resources).as_ref() != Some(resources)
    {
        return breach(Law::Eligibility, "it cannot deal with some of it");
    }
    if profile.claims(&Claim::Minimums) && !is_worth(truth, profile, &client, resources) {
        return breach(Law::Minimums, "that is less than an offer holds");
    }
    if profile.claims(&Claim::Constraints) && !truth.meets(&client, *agent) {
        return breach(Law::Constraints, &format!("its constraints exclude host {}", known.info.hostname));
    }
    if let Some(size) = size_of(truth, profile, &client).filter(|size| !size.contains(&resources.quota_quantities())) {
        return breach(Law::Sizes, &format!("it wants {size} at most"));
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
fn strip(
    truth: &Truth,
    profile: &Profile,
    client: &Client,
    agent: AgentKey,
    resources: &Resources,
) -> Option<Resources> {
    use FrameworkCapability::{
        GpuResources, MultiRole, RegionAware, ReservationRefinement, RevocableResources, SharedResources,
    };
    let (info, agent) = (&truth.frameworks.get(&client.0)?.info, truth.agents.get(&agent)?);
    let knows = |capability| agent.info.capabilities.contains(&capability);
    let is_too_old = info.can(MultiRole) && !knows(AgentCapability::MultiRole)
        || client.1.parent().is_some() && !knows(AgentCapability::HierarchicalRole);
    let has_gpus = profile.filters_gpus && !agent.total.gpus().is_zero();
    let places = agent.info.domain.as_ref().zip(profile.region.as_ref());
    let is_far = places.is_some_and(|(domain, region)| domain.region != *region);
    if is_too_old || has_gpus && !info.can(GpuResources) || is_far && !info.can(RegionAware) {
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

/// The largest offer a client wants, where that is claimed to count.
fn size_of<'a>(truth: &'a Truth, profile: &Profile, (framework, role): &Client) -> Option<&'a Limits> {
    let known = truth.frameworks.get(framework).filter(|_| profile.claims(&Claim::Sizes))?;
    known.info.max_offer.get(role)
}

/// What is left of an offer of the size that a client wants.
fn sized(truth: &Truth, profile: &Profile, client: &Client, offer: Resources) -> Resources {
    let Some(size) = size_of(truth, profile, client) else { return offer };
    let mut counted = offer.filter(Resource::is_under_quota);
    counted.shrink_to_limits(size);
    counted + &offer.filter(|entry| !entry.is_under_quota())
}

/// Whether a role has more than its limits of something that the grant holds.
fn exceeds(truth: &Truth, limited: &Role, limits: &Limits, grant: &Grant) -> bool {
    if grant.role != *limited && !grant.role.is_below(limited) {
        return false;
    }
    let new = grant.resources.quota_quantities();
    let sum = truth.consumed(limited) + &new;
    limits.iter().any(|(name, limit)| !new.get(name).is_zero() && sum.get(name) > limit)
}

/// Checks one question before it is booked.
pub(super) fn question(truth: &Truth, now: Instant, asked: &InverseGrant) -> Result<(), Breach> {
    let InverseGrant { framework, agent, unavailability } = asked;
    let is_right = truth.is_to_be_asked(now, *framework, *agent)
        && truth.planned.get(agent) == Some(unavailability)
        && !truth.asked.contains(&(*framework, *agent));
    if is_right {
        return Ok(());
    }
    let what = format!("f{} was asked for a{}, which is not to be or was already", framework.0, agent.0);
    Err((Law::Maintenance, what))
}

/// Whether everybody was asked who is to be.
pub(super) fn all_asked(truth: &Truth, now: Instant) -> Result<(), Breach> {
    for agent in truth.planned.keys() {
        for framework in truth.frameworks.keys() {
            if truth.is_to_be_asked(now, *framework, *agent) && !truth.asked.contains(&(*framework, *agent)) {
                let what = format!("f{} holds something of a{}, and is not asked for it", framework.0, agent.0);
                return Err((Law::Maintenance, what));
            }
        }
    }
    Ok(())
}

/// Whether everybody has what was promised, as far as it is free.
pub(super) fn guarantees(truth: &Truth, profile: &Profile, now: Instant) -> Result<(), Breach> {
    let promises = Promises::of(truth);
    for client in clients(truth) {
        let promised = promises.to(&client.1);
        for agent in truth.agents.keys().copied().filter(|agent| truth.serves(*agent) && !promised.is_empty()) {
            let Some(mut offer) = deserved(truth, profile, now, &client, agent) else { continue };
            offer = within_limits(truth, &client.1, offer.filter(Resource::is_under_quota));
            offer.shrink(&promised);
            let offer = sized(truth, profile, &client, offer);
            if is_worth(truth, profile, &client, &offer) {
                let what = format!(
                    "{} may count on {promised} that is promised to it or above it, f{} is there, and {offer:?} of a{} is free",
                    client.1, client.0.0, agent.0
                );
                return Err((Law::Guarantees, what));
            }
        }
    }
    Ok(())
}

/// Whoever wants offers.
fn clients(truth: &Truth) -> impl Iterator<Item = Client> {
    let all = truth.frameworks.iter().flat_map(|(key, own)| own.info.roles.iter().map(|role| (*key, role.clone())));
    all.filter(|client| truth.takes_part(client))
}

/// What a client that refused nothing of an agent might be offered of it, were there no quotas.
fn deserved(truth: &Truth, profile: &Profile, now: Instant, client: &Client, agent: AgentKey) -> Option<Resources> {
    let is_refused = truth.refusals(now, client, agent).next().is_some();
    if is_refused || (profile.claims(&Claim::Constraints) && !truth.meets(client, agent)) {
        return None;
    }
    let news = &truth.free(agent)?.non_shared() - &truth.offered_to(client, agent);
    strip(truth, profile, client, agent, &news.allocatable_to(&client.1))
}

/// Whether everybody has what they may have, after time enough: what nobody was promised, within the limits.
pub(super) fn liveness(truth: &Truth, profile: &Profile, now: Instant) -> Result<(), Breach> {
    let promises = Promises::of(truth);
    let room = promises.room(truth);
    for (agent, known) in truth.agents.iter().filter(|(agent, _)| truth.serves(**agent)) {
        for client in clients(truth) {
            let Some(offer) = deserved(truth, profile, now, &client, *agent) else { continue };
            let mut offer = within_limits(truth, &client.1, offer);
            cut(&mut offer, &room);
            let offer = sized(truth, profile, &client, offer);
            if is_worth(truth, profile, &client, &offer) {
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

/// Cuts what counts against quotas.
fn cut(offer: &mut Resources, limits: &Limits) {
    if limits.iter().next().is_some() {
        let mut counted = offer.filter(Resource::is_under_quota);
        counted.shrink_to_limits(limits);
        *offer = offer.filter(|entry| !entry.is_under_quota()) + &counted;
    }
}

/// The part of an offer that no limit on the way to a role forbids. What is on the table may yet be taken.
fn within_limits(truth: &Truth, role: &Role, mut offer: Resources) -> Resources {
    for (limited, quota) in truth.quotas.iter().filter(|(limited, _)| role == *limited || role.is_below(limited)) {
        let consumed = truth.consumed(limited) + &truth.offered_under(limited);
        let left = quota.limits().iter().map(|(name, limit)| (name.clone(), limit.sub_floored(consumed.get(name))));
        cut(&mut offer, &left.collect());
    }
    offer
}
