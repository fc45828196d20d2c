//! What bounds offers to one who asks: limits along its path, promises to others, and how large it wants its offers.
//!
//! They are the same on all agents, so they are computed once for a question.

use std::collections::BTreeMap;

use mesos_core::Role;
use mesos_core::provider::explain::{Change, Holder, Reason, Unsatisfied};
use mesos_core::quota::Quota;
use mesos_core::resource::{Limits, Quantities, Resource, Resources};

use super::super::HierarchicalDrf;
use super::super::quota::{Outlook, Room, within};
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
    /// What counts on nobody's headroom.
    promised: Quantities,
    /// The largest offer it wants.
    size: Option<Limits>,
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
            promised,
            size,
        }
    }

    /// The same, were so much less promised to others and so much given back.
    pub(super) fn lowered(
        &self,
        allocator: &HierarchicalDrf,
        role: &Role,
        lowered: &[(Role, Quantities)],
        freed: &[Freed],
    ) -> Self {
        let Outlook { required, promised } = allocator.quotas.outlook(role, lowered, freed);
        let headroom = Room::beyond(&required, &self.free);
        Self { required, promised, headroom, ..self.clone() }
    }

    /// Whether it wants small offers.
    pub(super) const fn has_size(&self) -> bool {
        self.size.is_some()
    }

    /// Whether anything on its path is limited.
    pub(super) fn has_limits(&self) -> bool {
        self.limits != Room::UNBOUNDED
    }

    /// Whether guarantees are to be satisfied by offers to it.
    pub(super) fn is_promised(&self) -> bool {
        !self.promised.is_empty()
    }

    /// With what others gave back, limits on their paths leave more.
    pub(super) fn within_limits(&self, bag: &Resources, freed: &[Freed]) -> Resources {
        if freed.is_empty() {
            return cut(bag, |amounts| self.limits.part(amounts));
        }
        let mut room = Room::UNBOUNDED;
        for (role, limits, consumed) in &self.path {
            room.narrow(limits, &without(role, consumed, freed));
        }
        cut(bag, |amounts| room.part(amounts))
    }

    /// Without what is kept for others; promises to itself are not, when guarantees are served.
    pub(super) fn beyond_headroom(
        &self,
        bag: &Resources,
        is_guaranteed: bool,
        (required, free): (&Quantities, &Quantities),
    ) -> Resources {
        let changed = Room::beyond(&(self.required.clone() + required), &(self.free.clone() + free));
        let room = if required.is_empty() && free.is_empty() { &self.headroom } else { &changed };
        cut(bag, |amounts| {
            let promised = if is_guaranteed { within(amounts, &self.promised) } else { Quantities::new() };
            room.part(&(amounts.clone() - &promised)) + &promised
        })
    }

    /// What of an offer is promised to it.
    pub(super) fn promised_of(&self, offer: &Resources) -> Quantities {
        within(&offer.quota_quantities(), &self.promised)
    }

    pub(super) fn within_size(&self, bag: &Resources) -> Resources {
        match &self.size {
            Some(size) => {
                let mut room = Room::UNBOUNDED;
                room.narrow(size, &Quantities::new());
                cut(bag, |amounts| room.part(amounts))
            }
            None => bag.clone(),
        }
    }
}

/// What somebody under a role gave back of what quota is about.
pub(super) type Freed = (Role, Quantities);

/// What still counts against a role.
fn without(role: &Role, consumed: &Quantities, freed: &[Freed]) -> Quantities {
    let own = freed.iter().filter(|(holder, _)| holder == role || holder.is_below(role));
    own.fold(consumed.clone(), |left, (_, amounts)| left - amounts)
}

/// Cuts what quota is about down to what may be had of it.
fn cut(bag: &Resources, part_of: impl Fn(&Quantities) -> Quantities) -> Resources {
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

    /// How much more would have to be free in the cluster, or less promised, so that so much can be offered that was not
    /// promised.
    pub(super) fn headroom_deficit(
        &self,
        wanted: &Quantities,
        (more, freed): (&Quantities, &Quantities),
    ) -> Quantities {
        let (required, free) = (self.quotas.required().clone() + more, self.headroom.free().clone() + freed);
        let mut deficit = Quantities::new();
        for (name, required) in required.iter().filter(|(name, _)| wanted.get(name).is_positive()) {
            deficit.set(name.clone(), required + wanted.get(name) - free.get(name));
        }
        deficit
    }

    /// How much more is required for others when promises are not met any more, since somebody gave something back. What a
    /// role asks for again covers what those below it do; roles beside each other add up.
    pub(super) fn newly_required(&self, asker: &Asker<'_>, freed: &[Freed]) -> Quantities {
        let is_own = |role: &Role| asker.role == role || asker.role.is_below(role);
        let mut more = BTreeMap::new();
        for (holder, _) in freed {
            for (role, quota, consumed) in self.quotas_above(holder).into_iter().filter(|(role, ..)| !is_own(role)) {
                let missing = quota.guarantees().clone() - &without(&role, consumed, freed);
                more.insert(role, missing - &(quota.guarantees().clone() - consumed));
            }
        }
        let (mut required, mut below) = (Quantities::new(), BTreeMap::<Role, Quantities>::new());
        // Those below a role come after it.
        for (role, own) in more.iter().rev() {
            let under = below.remove(role).unwrap_or_default();
            let all = own.clone() + &(under - own);
            match std::iter::successors(role.parent(), Role::parent).find(|above| more.contains_key(above)) {
                Some(above) => *below.entry(above).or_default() += &all,
                None => required += &all,
            }
        }
        required
    }

    /// Which promises have to be smaller, so that so much less is required; nothing if those of others are not enough.
    pub(super) fn lowered_guarantees(&self, asker: &Asker<'_>, deficit: &Quantities) -> Option<Vec<Change>> {
        let (mut left, mut lowered) = (deficit.clone(), BTreeMap::<Role, Quantities>::new());
        let (mut less_below, mut uncovered) = (BTreeMap::new(), BTreeMap::<Role, Quantities>::new());
        let is_own = |role: &Role| asker.role == role || asker.role.is_below(role);
        for book in self.quotas.roles().filter(|book| !is_own(book.role())) {
            let by = within(book.unclaimed(), &left);
            if by.is_empty() {
                continue;
            }
            left -= &by;
            *lowered.entry(book.role().clone()).or_default() += &by;
            // What a role above asks for instead is kept for those below it; for who asks, too, if he is among them.
            let above = self.uncovered(book.role(), &by, &mut less_below);
            uncovered.extend(above.into_iter().filter(|(role, _)| !is_own(role)));
        }
        for (role, amounts) in uncovered {
            *lowered.entry(role).or_default() += &amounts;
        }
        let changes = lowered.into_iter().map(|(role, by)| Change::LowerGuarantee { role, by });
        left.is_empty().then(|| changes.collect())
    }

    /// What promises to roles above ask for instead, once a role below asks for so much less; all that those below them ask
    /// for less is summed up.
    fn uncovered(
        &self,
        role: &Role,
        less: &Quantities,
        less_below: &mut BTreeMap<Role, Quantities>,
    ) -> Vec<(Role, Quantities)> {
        let above = std::iter::successors(role.parent(), Role::parent).filter_map(|role| self.quotas.find(&role));
        let own = above.filter_map(|book| {
            let all = less_below.entry(book.role().clone()).or_default();
            *all += less;
            let missing = book.quota()?.guarantees().clone() - book.consumed();
            let more = within(&(missing - &(book.required().clone() - &*all)), all);
            (!more.is_empty()).then(|| (book.role().clone(), more))
        });
        own.collect()
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
