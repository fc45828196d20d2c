//! Whether a framework may be offered an agent at all, what it is spared, and how little is worth an offer.
//!
//! What an agent asks of frameworks and what a framework can deal with are bits, computed when either is described; in a
//! round a check is two operations.

use std::ops::BitOr;

use mesos_core::provider::explain::Lack;
use mesos_core::resource::{Quantities, Resource, ResourceName, Resources};
use mesos_core::{AgentCapability, AgentInfo, FrameworkCapability, FrameworkInfo, Role};

use super::Options;

/// What a client can deal with, or is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Abilities(u8);

impl Abilities {
    const NONE: Self = Self(0);
    const MULTI_ROLE: Self = Self(1);
    const NESTED_ROLE: Self = Self(1 << 1);
    const GPUS: Self = Self(1 << 2);
    const OTHER_REGIONS: Self = Self(1 << 3);
    const SHARED: Self = Self(1 << 4);
    const REVOCABLE: Self = Self(1 << 5);
    const REFINED: Self = Self(1 << 6);

    const CAPABILITIES: [(FrameworkCapability, Self); 6] = [
        (FrameworkCapability::MultiRole, Self::MULTI_ROLE),
        (FrameworkCapability::GpuResources, Self::GPUS),
        (FrameworkCapability::RegionAware, Self::OTHER_REGIONS),
        (FrameworkCapability::SharedResources, Self::SHARED),
        (FrameworkCapability::RevocableResources, Self::REVOCABLE),
        (FrameworkCapability::ReservationRefinement, Self::REFINED),
    ];

    /// Those of a framework under one of its roles.
    pub(super) fn of(info: &FrameworkInfo, role: &Role) -> Self {
        let nested = if role.components().nth(1).is_some() { Self::NESTED_ROLE } else { Self::NONE };
        let can = Self::CAPABILITIES.iter().filter(|(capability, _)| info.can(*capability));
        can.fold(nested, |all, (_, ability)| all | *ability)
    }

    const fn has(self, ability: Self) -> bool {
        self.0 & ability.0 == ability.0
    }

    /// Whether the framework has a capability.
    pub(super) fn can(self, capability: FrameworkCapability) -> bool {
        self.has(Self::of_capability(capability))
    }

    /// The same with one more capability.
    pub(super) fn with(self, capability: FrameworkCapability) -> Self {
        self | Self::of_capability(capability)
    }

    /// The same without a capability.
    pub(super) fn without(self, capability: FrameworkCapability) -> Self {
        Self(self.0 & !Self::of_capability(capability).0)
    }

    fn of_capability(capability: FrameworkCapability) -> Self {
        let known = Self::CAPABILITIES.iter().find(|(own, _)| *own == capability);
        known.map_or(Self::NONE, |(_, ability)| *ability)
    }

    /// Those of the same framework under another role.
    pub(super) fn under(self, role: &Role) -> Self {
        let others = Self(self.0 & !Self::NESTED_ROLE.0);
        if role.components().nth(1).is_some() { others | Self::NESTED_ROLE } else { others }
    }

    /// Whether the framework knows how to handle an entry.
    pub(super) fn keeps(self, entry: &Resource) -> bool {
        (self.has(Self::SHARED) || !entry.is_shared())
            && (self.has(Self::REVOCABLE) || !entry.is_revocable())
            && (self.has(Self::REFINED) || entry.reservations().len() <= 1)
    }

    /// Without what the framework does not know how to handle.
    pub(super) fn strip(self, offer: &Resources) -> Resources {
        let mut stripped = offer.clone();
        if offer.is_plain() {
            return stripped;
        }
        if !self.has(Self::SHARED) {
            stripped = stripped.non_shared();
        }
        if !self.has(Self::REVOCABLE) {
            stripped = stripped.non_revocable();
        }
        if !self.has(Self::REFINED) {
            stripped = stripped.filter(|entry| entry.reservations().len() <= 1);
        }
        stripped
    }
}

impl BitOr for Abilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What an agent asks of those it is offered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Demands {
    needed: Abilities,
    barred: Abilities,
}

impl Demands {
    /// Of an agent that anybody may use.
    pub(super) const NONE: Self = Self { needed: Abilities::NONE, barred: Abilities::NONE };

    pub(super) fn of(info: &AgentInfo, options: &Options) -> Self {
        let mut barred = Abilities::NONE;
        if !info.capabilities.contains(&AgentCapability::MultiRole) {
            barred = barred | Abilities::MULTI_ROLE;
        }
        if !info.capabilities.contains(&AgentCapability::HierarchicalRole) {
            barred = barred | Abilities::NESTED_ROLE;
        }
        let is_far = match (&info.domain, &options.region) {
            (Some(domain), Some(region)) => domain.region != *region,
            _ => false,
        };
        Self { needed: if is_far { Abilities::OTHER_REGIONS } else { Abilities::NONE }, barred }
    }

    /// The same, of an agent with these resources: one with `gpus` is kept for those who know how to use them, since
    /// others would fill its cores and leave the scarce part idle.
    pub(super) fn with_total(self, total: &Resources, options: &Options) -> Self {
        let has_gpus = options.filter_gpu_resources && !total.gpus().is_zero();
        let needed = Abilities(self.needed.0 & !Abilities::GPUS.0);
        Self { needed: if has_gpus { needed | Abilities::GPUS } else { needed }, ..self }
    }

    /// What keeps a client from the agent: capabilities that one of both lacks.
    pub(super) fn lacks(self, client: Abilities) -> impl Iterator<Item = Lack> {
        let needed = Abilities::CAPABILITIES.iter().filter(move |(_, own)| self.needed.has(*own) && !client.has(*own));
        let barred = [
            (AgentCapability::MultiRole, Abilities::MULTI_ROLE),
            (AgentCapability::HierarchicalRole, Abilities::NESTED_ROLE),
        ];
        let barred = barred.into_iter().filter(move |(_, own)| self.barred.has(*own) && client.has(*own));
        needed.map(|(own, _)| Lack::Framework(*own)).chain(barred.map(|(own, _)| Lack::Agent(own)))
    }

    /// Whether a client meets the demands.
    pub(super) const fn admit(self, client: Abilities) -> bool {
        client.has(self.needed) && client.0 & self.barred.0 == 0
    }
}

/// Whether an offer holds at least one of the minimal amounts. No amounts at all mean that anything will do.
pub(super) fn is_allocatable(offer: &Resources, minimums: &[Quantities]) -> bool {
    !offer.is_empty() && (minimums.is_empty() || minimums.iter().any(|minimum| reaches(offer, minimum)))
}

fn reaches(offer: &Resources, minimum: &Quantities) -> bool {
    use ResourceName::{Cpus, Disk, Gpus, Mem};
    minimum.iter().all(|(name, amount)| match name {
        Cpus | Mem | Disk | Gpus => offer.scalar(name) >= amount,
        _ => offer.quantities().get(name) >= amount,
    })
}
