//! How much is missing, and where it could come from.

use mesos_core::FrameworkCapability;
use mesos_core::provider::explain::{Change, Holder, Lack, Need};
use mesos_core::resource::{Quantities, Resource, Resources};

use super::super::judge::{Judged, WhatIf, unreservable};
use super::super::survey::scalars;
use super::case::Case;

impl Case<'_> {
    /// What would have to be there in addition.
    pub(super) fn added(&self, before: &Judged, short: &Quantities, deficit: &Quantities) -> Option<Resources> {
        let exact = match self.asker.need {
            Some(Need::Resources(need)) if !short.is_empty() => need - &before.able,
            _ => Resources::new(),
        };
        let more = scalars(&(larger(short, deficit) - &exact.quantities()));
        let added = exact + &more;
        (!added.is_empty()).then_some(added)
    }

    /// An agent gets gpus: from then on it is kept for those who can deal with them.
    pub(super) fn unlocking(&self, added: &Resources) -> Option<Change> {
        let capability = FrameworkCapability::GpuResources;
        let is_first = !added.gpus().is_zero() && self.agent.total.gpus().is_zero();
        let is_locked =
            is_first && self.allocator.options.filter_gpu_resources && !self.asker.abilities.can(capability);
        is_locked.then_some(Change::AddCapability { lack: Lack::Framework(capability) })
    }

    /// What is held beyond what there is, of the names that are short: nothing is free before that is covered.
    pub(super) fn excess(&self, short: &Quantities) -> Quantities {
        if !self.agent.is_over {
            return Quantities::new();
        }
        let excess = (&self.agent.held() - &self.agent.total).scalar_quantities();
        excess
            .iter()
            .filter(|(name, _)| !short.get(name).is_zero())
            .map(|(name, amount)| (name.clone(), amount))
            .collect()
    }

    /// What would be free if others gave back as much as is short, and who gives what; those who ask come last.
    pub(super) fn freed(&self, before: &Judged, short: &Quantities) -> Option<(Resources, Vec<Holder>)> {
        if short.is_empty() || self.agent.is_over {
            return None;
        }
        let (mut left, mut from) = (short.clone(), Vec::new());
        let mut free = before.free.clone();
        let mut holdings: Vec<_> = self.agent.holdings.iter().collect();
        holdings.sort_by_key(|holding| (Some(holding.client) == self.asker.client, holding.client));
        for holding in holdings {
            let usable = holding.resources.non_shared().allocatable_to(self.asker.role);
            let mut part = self.asker.abilities.strip(&usable).filter(|entry| self.is_of_use(entry));
            part.shrink(&left);
            if part.is_empty() {
                continue;
            }
            left -= &part.quantities();
            free += &part;
            let holder = self.allocator.holder(holding)?;
            from.push(Holder { resources: part, ..holder });
        }
        left.is_empty().then_some((free, from))
    }

    /// Whether an entry can become part of what is needed.
    fn is_of_use(&self, entry: &Resource) -> bool {
        let is_like = |other: &Resource| {
            other.name() == entry.name()
                && other.reservations() == entry.reservations()
                && other.is_revocable() == entry.is_revocable()
        };
        let is_needed = match self.asker.need {
            Some(Need::Resources(need)) => need.iter().any(|other| is_like(&other)),
            _ => true,
        };
        is_needed && !entry.is_indivisible()
    }

    /// What has to lose its reservation. With quotas it counts in other places then, and all of it was reckoned with.
    pub(super) fn to_unreserve(&self, what_if: &WhatIf, free: &Resources, minimum: &Quantities) -> Resources {
        let mut owned = unreservable(&(free - &free.allocatable_to(self.asker.role)));
        let reserved = self.judge(&WhatIf { is_unreserved: false, ..what_if.clone() });
        let lacking = self.lacking(&reserved.offer, minimum);
        if !(self.allocator.quotas.has_quota() || what_if.has_no_minimum || lacking.is_empty()) {
            owned.shrink(&lacking);
        }
        owned
    }
}

/// Of each name the larger amount.
pub(super) fn larger(left: &Quantities, right: &Quantities) -> Quantities {
    left.clone() + &(right.clone() - left)
}

/// Of each name the smaller amount.
pub(super) fn smaller(left: &Quantities, right: &Quantities) -> Quantities {
    left.iter().map(|(name, amount)| (name.clone(), amount.min(right.get(name)))).collect()
}
