//! What bounds offers to one who asks: limits along its path, promises to others, and how large it wants its offers.
//!
//! They are the same on all agents, so they are computed once for a question.

use mesos_core::Role;
use mesos_core::provider::explain::{Change, Holder, Reason, Unsatisfied};
use mesos_core::quota::Quota;
use mesos_core::resource::{Limits, Quantities, Resource, Resources, Scalar};

use super::super::HierarchicalDrf;
use super::super::quota::{Outlook, Room};
use super::super::sorter::NodeKey;
use super::asker::Asker;
use super::judge::Judged;

/// The bounds of one who asks.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    /// Whether there are any.
    pub(super) is_bounded: bool,
    /// What the limits along the path leave.
    limits: Room,
    /// Limits on the path, with what counts against them.
    path: Vec<(Role, Limits, Quantities)>,
    /// What is free beyond promises.
    headroom: Room,
    required: Quantities,
    free: Quantities,
    has_guarantees: bool,
    /// What counts on nobody's headroom.
    promised: Quantities,
    /// The largest offer it wants.
    size: Option<Limits>,
}

/// The same for common names alone; the largest amount there is means no bound.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) is_bounded: bool,
    pub(super) limits: [Scalar; 4],
    pub(super) headroom: [Scalar; 4],
    pub(super) promised: [Scalar; 4],
    pub(super) size: [Scalar; 4],
}

impl Bounds {
    pub(super) fn new(allocator: &HierarchicalDrf, role: &Role, client: Option<NodeKey>) -> Self {
        let own = client.and_then(|client| allocator.clients[client.slot()].as_ref());
        let size = own.and_then(|own| own.max_offer.as_deref().cloned());
        let mut limits = Room::UNBOUNDED;
        let quotas = allocator.quotas_above(role);
        for (_, quota, consumed) in &quotas {
            limits.narrow(quota.limits(), consumed);
        }
        let has_guarantees = quotas.iter().any(|(_, quota, _)| !quota.guarantees().is_empty());
        let above = quotas.into_iter().map(|(role, quota, consumed)| (role, quota.limits().clone(), consumed.clone()));
        let path = std::iter::successors(Some(role.clone()), Role::parent);
        let promised = path.filter_map(|role| allocator.quotas.find(&role)).map(|book| book.unclaimed().clone()).sum();
        Self {
            is_bounded: allocator.quotas.has_quota() || size.is_some(),
            limits,
            path: above.collect(),
            required: allocator.quotas.required().clone(),
            free: allocator.headroom.free().clone(),
            headroom: allocator.headroom.room(&allocator.quotas),
            has_guarantees,
            promised,
            size,
        }
    }

    /// The bounds on common names, as things are.
    pub(super) fn common(&self) -> Common {
        let mut size = Room::UNBOUNDED;
        if let Some(own) = &self.size {
            size.narrow(own, &Quantities::new());
        }
        Common {
            is_bounded: self.is_bounded,
            limits: self.limits.common(),
            headroom: self.headroom.common(),
            promised: self.promised.common(),
            size: size.common(),
        }
    }

    /// Whether it wants small offers.
    pub(super) const fn has_size(&self) -> bool {
        self.size.is_some()
    }

    /// Whether anything on its path is limited.
    pub(super) fn has_limits(&self) -> bool {
        self.limits != Room::UNBOUNDED
    }

    /// Whether anything on its path is promised, whether it is consumed or not.
    pub(super) const fn has_guarantees(&self) -> bool {
        self.has_guarantees
    }

    /// Whether guarantees are to be satisfied by offers to it.
    pub(super) fn is_promised(&self) -> bool {
        !self.promised.is_empty()
    }

    /// What has to stay free for promises, and what of it a grant to it could count on.
    pub(super) fn promises<'a>(&'a self, other: Option<&'a Outlook>) -> (&'a Quantities, &'a Quantities) {
        other.map_or((&self.required, &self.promised), |other| (&other.required, &other.promised))
    }

    /// What is free in the cluster, with what comes free besides.
    pub(super) fn free(&self, more: &Quantities) -> Quantities {
        self.free.clone() + more
    }

    /// With what others gave back, limits on their paths leave more; so they do if they are raised.
    pub(super) fn within_limits(&self, bag: &Resources, freed: &[Freed], raised: &[(Role, Quantities)]) -> Resources {
        if freed.is_empty() && raised.is_empty() {
            return cut(bag, |amounts| self.limits.part(amounts));
        }
        let mut room = Room::UNBOUNDED;
        for (role, limits, consumed) in &self.path {
            let consumed = without(role, consumed, freed);
            match raised.iter().find(|(other, _)| other == role) {
                Some((_, by)) => room.narrow(&enlarged(limits, by), &consumed),
                None => room.narrow(limits, &consumed),
            }
        }
        cut(bag, |amounts| room.part(amounts))
    }

    /// Without what is kept for others; promises to itself are not, when guarantees are served. Then nothing is offered of
    /// which nothing is promised.
    pub(super) fn beyond_headroom(
        &self,
        bag: &Resources,
        is_guaranteed: bool,
        outlook: Option<&Outlook>,
        more: &Quantities,
    ) -> Resources {
        let (required, promised) = self.promises(outlook);
        let is_same = outlook.is_none() && more.is_empty();
        let changed = (!is_same).then(|| Room::beyond(required, &self.free(more)));
        let room = changed.as_ref().unwrap_or(&self.headroom);
        if !is_guaranteed {
            return cut(bag, |amounts| room.part(amounts));
        }
        let mut own = bag.filter(Resource::is_under_quota);
        own.shrink(promised);
        let guaranteed = own.quota_quantities();
        if guaranteed.is_empty() {
            return Resources::new();
        }
        // What is promised is set aside as whole entries, as the round does.
        let rest = bag - &own;
        cut(&rest, |amounts| room.part(amounts)) + &own
    }

    /// How large the largest offer it wants would be, were that so much larger.
    pub(super) fn size_if(&self, larger: &Quantities) -> Option<Limits> {
        self.size.as_ref().map(|size| enlarged(size, larger))
    }

    /// Cut to the size of offers it wants, were that so much larger.
    pub(super) fn within_size(&self, bag: &Resources, larger: &Quantities) -> Resources {
        self.size_if(larger).map_or_else(|| bag.clone(), |size| within_size(bag, &size))
    }
}

/// Cut to the size of offers somebody wants.
pub(super) fn within_size(bag: &Resources, size: &Limits) -> Resources {
    let mut room = Room::UNBOUNDED;
    room.narrow(size, &Quantities::new());
    cut(bag, |amounts| room.part(amounts))
}

/// Limits that are so much larger; what has no limit gets none.
fn enlarged(limits: &Limits, by: &Quantities) -> Limits {
    limits.iter().map(|(name, limit)| (name.clone(), limit + by.get(name))).collect()
}

/// What somebody under a role gave back of what quota is about.
pub(super) type Freed = (Role, Quantities);

/// What still counts against a role.
fn without(role: &Role, consumed: &Quantities, freed: &[Freed]) -> Quantities {
    let own = freed.iter().filter(|(holder, _)| holder == role || holder.is_below(role));
    own.fold(consumed.clone(), |left, (_, amounts)| left - amounts)
}

/// Cuts what quota is about down to what may be had of it.
pub(super) fn cut(bag: &Resources, part_of: impl Fn(&Quantities) -> Quantities) -> Resources {
    let amounts = bag.quota_quantities();
    let part = part_of(&amounts);
    if part == amounts {
        return bag.clone();
    }
    if bag.is_quota_plain() {
        return bag - &Resources::from_plain((amounts - &part).common());
    }
    let mut kept = bag.filter(Resource::is_under_quota);
    kept.shrink(&part);
    kept + &bag.filter(|entry| !entry.is_under_quota())
}

impl HierarchicalDrf {
    /// The quotas of a role and of those above it, from the innermost, with what is consumed of each.
    fn quotas_above(&self, role: &Role) -> Vec<(Role, &Quota, &Quantities)> {
        let path = std::iter::successors(Some(role.clone()), Role::parent);
        let books = path.filter_map(|role| self.quotas.find(&role));
        books.filter_map(|book| Some((book.role().clone(), book.quota()?, book.consumed()))).collect()
    }

    /// Every role on the path whose limit takes something away.
    pub(super) fn limit_reasons(&self, asker: &Asker<'_>, judged: &Judged) -> Vec<Reason> {
        let amounts = judged.able.quota_quantities();
        let mut reasons = Vec::new();
        for (role, quota, consumed) in self.quotas_above(asker.role) {
            let mut room = Room::UNBOUNDED;
            room.narrow(quota.limits(), consumed);
            let withheld = amounts.clone() - &room.part(&amounts);
            if !withheld.is_empty() {
                let (limits, consumed) = (quota.limits().clone(), consumed.clone());
                reasons.push(Reason::QuotaLimit { role, limits, consumed, withheld });
            }
        }
        reasons
    }

    pub(super) fn headroom_reason(&self, judged: &Judged) -> Reason {
        let withheld = judged.within.quota_quantities() - &judged.open.quota_quantities();
        let missing = |quota: &Quota, consumed: &Quantities| quota.guarantees().clone() - consumed;
        let mut role_count = 0;
        let mut most: Vec<(i64, &Role, Quantities)> = Vec::new();
        for book in self.quotas.roles() {
            let Some(missing) = book.quota().map(|quota| missing(quota, book.consumed())) else { continue };
            let of_withheld = missing.iter().filter(|(name, _)| !withheld.get(name).is_zero());
            let amount: i64 = of_withheld.map(|(_, amount)| amount.as_milli()).fold(0, i64::saturating_add);
            if amount == 0 {
                continue;
            }
            role_count += 1;
            let place = most.partition_point(|(other, ..)| *other >= amount);
            if place < Holder::SHOWN_MAX {
                most.insert(place, (amount, book.role(), missing));
                most.truncate(Holder::SHOWN_MAX);
            }
        }
        let kept_for = most.into_iter().map(|(_, role, missing)| Unsatisfied { role: role.clone(), missing });
        Reason::Headroom { kept_for: kept_for.collect(), role_count, withheld }
    }

    pub(super) fn maximum_reason(&self, asker: &Asker<'_>, judged: &Judged) -> Reason {
        let withheld = judged.open.quota_quantities() - &judged.offer.quota_quantities();
        Reason::OwnMaximum { limits: asker.bounds.size.clone().unwrap_or_default(), withheld }
    }

    /// How much the limits along the path have to be raised so that an offer may hold so much.
    pub(super) fn raised_limits(&self, asker: &Asker<'_>, wanted: &Quantities, freed: &[Freed]) -> Vec<Change> {
        let mut changes = Vec::new();
        for (role, quota, consumed) in self.quotas_above(asker.role) {
            let consumed = without(&role, consumed, freed);
            let mut by = Quantities::new();
            for (name, limit) in quota.limits().iter() {
                if wanted.get(name).is_positive() {
                    by.set(name.clone(), consumed.get(name) + wanted.get(name) - limit);
                }
            }
            if !by.is_empty() {
                changes.push(Change::RaiseLimit { role, by });
            }
        }
        changes
    }

    /// How much larger the framework's own bound has to be.
    pub(super) fn raised_maximum(asker: &Asker<'_>, wanted: &Quantities) -> Quantities {
        let mut by = Quantities::new();
        for (name, size) in asker.bounds.size.iter().flat_map(Limits::iter) {
            by.set(name.clone(), wanted.get(name) - size);
        }
        by
    }

    /// Why nothing is granted for now: agents are still awaited.
    pub(super) fn hold_off(&self) -> Option<Reason> {
        let (until, back, expected) = self.awaited()?;
        Some(Reason::RecoveryHoldOff { until, back, expected })
    }
}
