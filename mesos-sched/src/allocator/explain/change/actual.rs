//! The books once exactly these steps are taken.

use mesos_core::Role;
use mesos_core::provider::explain::Change;
use mesos_core::resource::{Quantities, Resources};

use super::super::bounds::Freed;
use super::super::judge::WhatIf;
use super::case::Case;

impl Case<'_> {
    /// What is different once bounds were moved by so much rather than lifted; what else is different is as in `start`.
    pub(super) fn actual(&self, start: &WhatIf, changes: &[Change]) -> WhatIf {
        let mut what_if = WhatIf {
            abilities: start.abilities,
            is_answered: start.is_answered,
            is_unfiltered: start.is_unfiltered,
            has_no_minimum: start.has_no_minimum,
            ..WhatIf::default()
        };
        let (mut free, mut lowered) = (self.agent.available.clone(), Vec::new());
        for change in changes {
            match change {
                Change::Free { from } => {
                    for holder in from {
                        free += &holder.resources;
                        let amounts = holder.resources.quota_quantities();
                        what_if.headroom += &amounts;
                        what_if.freed.push((holder.party.role.clone(), amounts));
                    }
                }
                Change::Unreserve { resources } => {
                    free = &(&free - resources) + &resources.to_unreserved();
                    let parts = owned(resources);
                    what_if.headroom += &parts.iter().map(|(_, amounts)| amounts.clone()).sum();
                    what_if.freed.extend(parts);
                }
                Change::AddCapacity { resources } => {
                    let after = self.with_capacity(&free, resources);
                    what_if.headroom += &(after.quota_quantities() - &free.quota_quantities());
                    free = after;
                }
                Change::RaiseLimit { role, by } => what_if.raised.push((role.clone(), by.clone())),
                Change::LowerGuarantee { role, by } => lowered.push((role, by)),
                Change::RaiseMaximum { by } => what_if.larger = by.clone(),
                _ => {}
            }
        }
        what_if.free = Some(free);
        if !(lowered.is_empty() && what_if.freed.is_empty()) && self.allocator.quotas.has_quota() {
            what_if.outlook = Some(self.outlook(&lowered, &what_if.freed));
        }
        what_if
    }

    /// What is free once the agent has more. What is held in another form may come to be matched, and set free what was kept
    /// back for it.
    pub(super) fn with_capacity(&self, free: &Resources, more: &Resources) -> Resources {
        match self.agent.is_over {
            true => (&self.agent.total + more).left_beside(&self.agent.held()),
            false => free + more,
        }
    }

    /// What quota is about comes back from others: it does not count against their roles any more, which may be short of
    /// what they are promised then.
    pub(super) fn give_back(&self, what_if: &mut WhatIf, parts: Vec<Freed>) {
        what_if.headroom += &parts.iter().map(|(_, amounts)| amounts.clone()).sum();
        what_if.freed.extend(parts);
        if self.allocator.quotas.has_quota() {
            what_if.outlook = Some(self.outlook(&[], &what_if.freed));
        }
    }
}

/// How much of what is reserved counts against whom.
pub(super) fn owned(reserved: &Resources) -> Vec<(Role, Quantities)> {
    let parts = reserved.reserved().into_iter();
    parts.map(|(owner, bag)| (owner, bag.to_unreserved().quota_quantities())).collect()
}
