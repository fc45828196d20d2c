//! What frameworks, agents, quotas and demands in histories are like: few of each, chosen to get into each other's way.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::constraint::{AttributeConstraint, OfferConstraints, Predicate, Selector};
use mesos_core::id::PersistenceId;
use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey};
use mesos_core::quota::Quota;
use mesos_core::resource::{
    Disk, DiskSource, Limits, Quantities, Reservation, Reservations, Resource, Resources, Scalar,
};
use mesos_core::{
    AgentCapability, AgentId, AgentInfo, FaultDomain, FrameworkCapability, FrameworkId, FrameworkInfo, Role,
};

use super::mix::Dials;

const ROLES: [&str; 6] = ["a", "a/b", "a/c", "d", "d/e/f", "*"];
const TOTALS: [&str; 8] = [
    "cpus:4;mem:4096",
    "cpus:2;mem:1024;disk:100",
    "cpus:8;mem:512;ports:[1-9]",
    "cpus(a):2;mem(a):512;cpus:1;mem:64",
    "cpus(a/b):1;cpus(d):1;mem:2048",
    "cpus:1;mem:64;gpus:1",
    "cpus:0.005;mem:16",
    "cpus:3;mem:100;fpgas:2",
];
const MINIMUMS: [&str; 4] = ["cpus:0.001", "mem:1000", "cpus:2;mem:64", "disk:1"];
/// Large enough that whatever there is goes out within a minute and a half, at a piece a round.
const SIZES: [&str; 4] = ["cpus:1", "mem:64;disk:50", "cpus:0.5;mem:500", "mem:48"];
const GUARANTEES: [&str; 5] = ["cpus:1", "cpus:3;mem:256", "mem:2000", "fpgas:1;disk:60", "cpus:6;mem:2000;disk:50"];
const LIMITS: [&str; 5] = ["cpus:2", "cpus:0;mem:512", "mem:100;fpgas:0", "cpus:6;gpus:0", "cpus:3.5;mem:4000"];
/// What a limit leaves beyond a guarantee.
const BURSTS: [&str; 4] = ["", "cpus:0", "cpus:1;mem:200", "cpus:5;mem:4000;disk:20;fpgas:1"];
const RACKS: [&str; 2] = ["r1", "r2"];
const REGIONS: [&str; 2] = ["near", "far"];
const ZONES: [&str; 2] = ["z1", "z2"];
/// Regular expressions, and all texts in histories that they match: first those about hosts.
const PATTERNS: &[(&str, &[&str])] = &[
    ("host-[0-2]", &["host-0", "host-1", "host-2"]),
    (r"host-\d", &["host-0", "host-1", "host-2", "host-3", "host-4", "host-5", "host-6", "host-7", "host-8", "host-9"]),
    ("host", &[]),
    (".*-(1|3)", &["host-1", "host-3"]),
    ("r.", &["r1", "r2"]),
    ("[rz]1", &["r1", "z1"]),
    ("(?i)NEAR|z2", &["near", "z2"]),
    ("r", &[]),
];
/// Volumes: to whom they are reserved, and whether they are shared.
const VOLUMES: [(&str, bool); 5] = [("a", true), ("a/b", true), ("d", true), ("a", false), ("d/e/f", false)];
/// Keys nobody has.
const STRANGER: u32 = 1_000;

/// One of several things.
pub(super) fn pick<T: Clone>(dice: &mut Rng, items: &[T]) -> Option<T> {
    (!items.is_empty()).then(|| items[dice.index(items.len())].clone())
}

/// One of several things that are written as text.
fn read<T: std::str::FromStr + Default>(dice: &mut Rng, texts: &[&str]) -> T {
    pick(dice, texts).and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn role(path: &str) -> Role {
    Role::new(path).unwrap_or_else(|_| Role::any())
}

pub(super) fn any_role(dice: &mut Rng) -> Role {
    role(ROLES[dice.index(ROLES.len())])
}

/// A role that may have a quota.
pub(super) fn any_own_role(dice: &mut Rng) -> Role {
    role(ROLES[dice.index(ROLES.len() - 1)])
}

pub(super) fn any_roles(dice: &mut Rng, least: u64, most: u64) -> BTreeSet<Role> {
    (0..dice.between(least, most)).map(|_| any_role(dice)).collect()
}

pub(super) fn slot(dice: &mut Rng, below: u64) -> u32 {
    u32::try_from(dice.below(below)).unwrap_or(0)
}

// Names. Ids are in another order than keys, so that an order by one cannot pass for an order by the other.

/// The id of a framework.
pub(super) fn id_of_framework(framework: FrameworkKey) -> Option<FrameworkId> {
    FrameworkId::new(format!("f{}", 9_u32.checked_sub(framework.0)?)).ok()
}

pub(super) fn id_of_agent(agent: AgentKey) -> Option<AgentId> {
    AgentId::new(format!("a{}", agent.0)).ok()
}

/// The key of the framework that has this id in histories.
#[must_use]
pub fn key_of_framework(id: &FrameworkId) -> Option<FrameworkKey> {
    let number: u32 = id.as_str().strip_prefix('f')?.parse().ok()?;
    Some(FrameworkKey(9_u32.checked_sub(number)?))
}

/// The key of the agent that has this id in histories.
#[must_use]
pub fn key_of_agent(id: &AgentId) -> Option<AgentKey> {
    id.as_str().strip_prefix('a')?.parse().ok().map(AgentKey)
}

// Frameworks and agents.

pub(super) fn any_total(dice: &mut Rng, dials: Dials) -> Resources {
    let mut total: Resources = read(dice, &TOTALS);
    let mut also = Vec::new();
    if dice.chance(300_000) {
        also.push(Resource::cpus(Scalar::from_units(1 + slot(dice, 2))).revocable());
    }
    if dials.has_mounts && dice.chance(200_000) {
        let mount = Disk::from_source(DiskSource::mount("/data"));
        also.push(Resource::disk(Scalar::from_units(60)).with_disk(mount));
    }
    if dials.has_volumes && dice.chance(250_000) {
        also.extend(any_volume(dice));
    }
    for entry in also {
        let added = total.add(entry);
        debug_assert!(added.is_ok(), "{added:?}");
    }
    total
}

/// A persistent volume on the default disk.
fn any_volume(dice: &mut Rng) -> Option<Resource> {
    let (reserved_to, is_shared) = VOLUMES[dice.index(VOLUMES.len())];
    let reservations = Reservations::new([Reservation::fixed(role(reserved_to))]).ok()?;
    let disk = Disk::volume(PersistenceId::new("volume").ok()?, None, "data");
    let volume = Resource::disk(Scalar::from_units(20)).with_reservations(reservations).with_disk(disk);
    Some(if is_shared { volume.shared() } else { volume })
}

pub(super) fn any_agent(dice: &mut Rng, host: u32, total: &Resources, dials: Dials) -> AgentInfo {
    let mut info = AgentInfo::new(format!("host-{host}"), total.clone());
    let rack = pick(dice, &RACKS).unwrap_or_default();
    info.attributes = format!("rack:{rack}").parse().unwrap_or_default();
    if dice.chance(600_000) {
        let [region, zone] = [REGIONS, ZONES].map(|names| names[dice.index(names.len())].into());
        info.domain = Some(FaultDomain { region, zone });
    }
    if dials.has_old_agents && dice.chance(150_000) {
        let lost = [AgentCapability::MultiRole, AgentCapability::HierarchicalRole][dice.index(2)];
        info.capabilities.remove(&lost);
        // Whoever cannot tell several roles apart knows of none of what came later.
        if lost == AgentCapability::MultiRole {
            info.capabilities.clear();
        }
    }
    info
}

pub(super) fn any_framework(dice: &mut Rng, dials: Dials) -> FrameworkInfo {
    use FrameworkCapability::{
        GpuResources, MultiRole, RegionAware, ReservationRefinement, RevocableResources, SharedResources,
    };
    let mut info = FrameworkInfo::new("any", Role::any());
    info.roles = any_roles(dice, 1, 3);
    for capability in [GpuResources, ReservationRefinement, RevocableResources, SharedResources, RegionAware] {
        if dice.chance(500_000) {
            info.capabilities.insert(capability);
        } else {
            info.capabilities.remove(&capability);
        }
    }
    if info.roles.len() == 1 && dice.chance(200_000) {
        info.capabilities.remove(&MultiRole);
    }
    if dice.chance(250_000) {
        let minimums: Vec<Quantities> = (0..dice.below(3)).map(|_| read(dice, &MINIMUMS)).collect();
        info.min_allocatable = info.roles.iter().map(|role| (role.clone(), minimums.clone())).collect();
    }
    if dials.has_sizes && dice.chance(200_000) {
        let size: Limits = read(dice, &SIZES);
        info.max_offer = info.roles.iter().map(|role| (role.clone(), size.clone())).collect();
    }
    info
}

// What is set.

/// What a framework demands of agents under up to two of its roles: any of two groups, or of nothing at all.
pub(super) fn any_constraints(dice: &mut Rng) -> OfferConstraints {
    let roles = any_roles(dice, 0, 2);
    let by_role =
        roles.into_iter().map(|role| (role, (0..dice.below(3)).map(|_| vec![any_constraint(dice)]).collect()));
    OfferConstraints { by_role: by_role.collect() }
}

fn any_constraint(dice: &mut Rng) -> AttributeConstraint {
    let host = format!("host-{}", dice.below(4));
    let (selector, text, patterns) = match dice.below(10) {
        0..=3 => (Selector::Hostname, host.as_str(), &PATTERNS[..4]),
        4..=6 => (Selector::Attribute("rack".into()), RACKS[dice.index(RACKS.len())], &PATTERNS[4..]),
        7 => (Selector::Attribute("none".into()), RACKS[0], &PATTERNS[4..]),
        8 => (Selector::Region, REGIONS[dice.index(REGIONS.len())], &PATTERNS[4..]),
        _ => (Selector::Zone, ZONES[dice.index(ZONES.len())], &PATTERNS[4..]),
    };
    let (text, pattern): (Arc<str>, Arc<str>) = (text.into(), patterns[dice.index(patterns.len())].0.into());
    let predicate = match (dice.below(10), dice.chance(600_000)) {
        (0..=5, true) => Predicate::TextEquals(text),
        (0..=5, false) => Predicate::TextNotEquals(text),
        (6 | 7, true) => Predicate::TextMatches(pattern),
        (6 | 7, false) => Predicate::TextNotMatches(pattern),
        (_, true) => Predicate::Exists,
        (_, false) => Predicate::NotExists,
    };
    AttributeConstraint { selector, predicate }
}

/// Whether an agent is as a demand in a history asks for, told without the allocator's own judgement: what the patterns of
/// histories match is written beside them.
#[must_use]
pub fn is_met(constraint: &AttributeConstraint, agent: &AgentInfo) -> bool {
    let domain = agent.domain.as_ref();
    let found = match &constraint.selector {
        Selector::Hostname => Some(&*agent.hostname),
        Selector::Attribute(name) => agent.attributes.text(name),
        Selector::Region => domain.map(|domain| &*domain.region),
        Selector::Zone => domain.map(|domain| &*domain.zone),
        _ => None,
    };
    let matches = |pattern: &str| {
        let known = PATTERNS.iter().find(|(own, _)| *own == pattern);
        found.is_some_and(|text| known.is_some_and(|(_, all)| all.contains(&text)))
    };
    match &constraint.predicate {
        Predicate::TextEquals(text) => found == Some(&**text),
        Predicate::TextNotEquals(text) => found != Some(&**text),
        Predicate::TextMatches(pattern) => matches(pattern),
        Predicate::TextNotMatches(pattern) => !matches(pattern),
        Predicate::Exists => found.is_some(),
        Predicate::NotExists => found.is_none(),
        _ => true,
    }
}

/// The hosts that may be offered, or all.
pub(super) fn any_hosts(dice: &mut Rng, dials: Dials) -> Option<BTreeSet<Arc<str>>> {
    let is_listed = |host: &u64| *host < 2 || !host.is_multiple_of(2);
    let (all, is_reversed) = (dials.agents.max(4), dice.chance(500_000));
    let hosts = (0..all).filter(|host| is_listed(host) != is_reversed).map(|host| Arc::from(format!("host-{host}")));
    dice.chance(500_000).then(|| hosts.collect())
}

pub(super) fn any_limit(dice: &mut Rng) -> Quota {
    let limits: Limits = read(dice, &LIMITS);
    or_none(dice, Quota::new(Quantities::new(), limits).unwrap_or_default())
}

pub(super) fn any_guarantee(dice: &mut Rng) -> Quota {
    let guarantees: Quantities = read(dice, &GUARANTEES);
    or_none(dice, Quota::new(guarantees, Limits::new()).unwrap_or_default())
}

/// A guarantee, and three times out of four a limit that leaves something beyond.
pub(super) fn any_quota(dice: &mut Rng) -> Quota {
    let (guarantees, burst): (Quantities, Quantities) = (read(dice, &GUARANTEES), read(dice, &BURSTS));
    let names = burst.iter().chain(guarantees.iter()).map(|(name, _)| name);
    let limits: Limits = names.map(|name| (name.clone(), guarantees.get(name) + burst.get(name))).collect();
    let limits = if burst.is_empty() { Limits::new() } else { limits };
    or_none(dice, Quota::new(guarantees, limits).unwrap_or_default())
}

fn or_none(dice: &mut Rng, quota: Quota) -> Quota {
    if dice.chance(250_000) { Quota::default() } else { quota }
}

/// A fact about somebody unknown, which changes nothing: whoever else it is about may be known.
pub(super) fn any_stray(dice: &mut Rng, dials: Dials, frameworks: &[FrameworkKey], agents: &[AgentKey]) -> Fact {
    let (framework, agent) = (FrameworkKey(STRANGER), AgentKey(STRANGER));
    let known_framework = pick(dice, frameworks).filter(|_| dice.chance(500_000)).unwrap_or(framework);
    let known_agent = pick(dice, agents).filter(|_| dice.chance(500_000)).unwrap_or(agent);
    let (role, resources) = (any_role(dice), any_total(dice, dials));
    let info = Arc::new(any_framework(dice, dials));
    let roles = any_roles(dice, 0, 2);
    match dice.below(17) {
        0 => Fact::FrameworkUpdated { framework, info, suppressed: roles },
        1 => Fact::FrameworkActivated { framework },
        2 => Fact::FrameworkDeactivated { framework },
        3 => Fact::FrameworkRemoved { framework },
        4 => Fact::RolesSuppressed { framework, roles },
        5 => Fact::RolesRevived { framework, roles },
        6 => Fact::AgentResized { agent, total: resources },
        7 => Fact::AgentActivated { agent },
        8 => Fact::AgentDeactivated { agent },
        9 => Fact::AgentRemoved { agent },
        10 => Fact::AgentUpdated { agent, info: Arc::new(AgentInfo::new("stranger", resources)) },
        11 => Fact::Claimed { framework: known_framework, role, agent, resources },
        12 => Fact::Converted { framework: known_framework, role, agent, from: resources.clone(), to: resources },
        13 => Fact::ConstraintsSet { framework, constraints: Arc::new(any_constraints(dice)) },
        14 => Fact::UnavailabilitySet { agent, unavailability: None },
        15 => Fact::InverseOfferEnded { framework, agent: known_agent, filters: None },
        _ => Fact::Recovered { framework: known_framework, role, agent, resources, filters: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text that a demand can look at in a history.
    fn texts() -> impl Iterator<Item = String> {
        let hosts = (0..10).map(|host| format!("host-{host}"));
        hosts.chain([RACKS, REGIONS, ZONES].concat().into_iter().map(str::to_owned)).chain(["stranger".to_owned()])
    }

    #[test]
    fn what_is_written_beside_a_pattern_is_what_it_matches() {
        for (pattern, matched) in PATTERNS {
            let whole = regex::Regex::new(&format!(r"\A(?:{pattern})\z")).unwrap();
            for text in texts() {
                assert_eq!(whole.is_match(&text), matched.contains(&&*text), "{pattern} and {text}");
            }
        }
    }

    #[test]
    fn histories_draw_every_kind_of_demand_and_of_volume() {
        let dice = &mut Rng::new(1);
        let all: Vec<AttributeConstraint> = (0..400).map(|_| any_constraint(dice)).collect();
        let has = |is: &dyn Fn(&AttributeConstraint) -> bool| all.iter().any(is);
        for selector in [Selector::Hostname, Selector::Region, Selector::Zone] {
            assert!(has(&|one| one.selector == selector), "{selector:?}");
        }
        assert!(has(&|one| one.predicate == Predicate::Exists) && has(&|one| one.predicate == Predicate::NotExists));
        assert!(has(&|one| matches!(one.predicate, Predicate::TextMatches(_))));
        assert!(has(&|one| matches!(one.predicate, Predicate::TextNotMatches(_))));
        let volumes: Vec<Resource> = (0..40).filter_map(|_| any_volume(dice)).collect();
        assert_eq!(volumes.len(), 40);
        assert!(volumes.iter().any(Resource::is_shared) && !volumes.iter().all(Resource::is_shared));
    }
}
