//! One set of ways, made into steps: how much of each, judged before it is believed.

use mesos_core::provider::explain::{Change, Lack, Need};
use mesos_core::resource::{Quantities, Resources};

use super::super::super::HierarchicalDrf;
use super::super::judge::{Judged, WhatIf, unreservable};
use super::super::reason::lack_of;
use super::super::survey::scalars;
use super::actual::owned;
use super::amount::smaller;
use super::case::Case;
use super::promise::Aim;
use super::way::Way;

/// Steps that are enough where nobody else wants anything.
pub(super) struct Enough {
    pub(super) changes: Vec<Change>,
    /// The same with bounds lifted.
    pub(super) what_if: WhatIf,
    pub(super) minimum: Quantities,
}

/// A set of ways in one stage of a round, towards one minimum.
struct Plan<'a> {
    ways: &'a [Way],
    is_guaranteed: bool,
    /// With the ways that have no amounts.
    start: &'a WhatIf,
    /// What would be offered then.
    before: &'a Judged,
    minimum: &'a Quantities,
}

/// What an offer is made possible by.
struct Reach {
    /// What is different, with bounds lifted.
    lifted: WhatIf,
    changes: Vec<Change>,
    /// What promises have to be lowered for, and the place of those steps.
    lower: Option<(usize, Aim)>,
}

impl Case<'_> {
    /// The steps of these ways with the least amounts, if they are enough.
    pub(super) fn attempt(&self, ways: &[Way]) -> Option<Enough> {
        self.search.attempts.set(self.search.attempts.get() + 1);
        let (start, first) = self.start(ways);
        let is_promised = self.has_own_guarantee();
        let stages = [true, false].into_iter().filter(|is_guaranteed| is_promised || !is_guaranteed);
        let mut found = stages.filter_map(|is_guaranteed| {
            let before = &self.allocator.judge_stage(self.asker, self.key, self.agent, &start, is_guaranteed);
            self.minimums(&start, before).into_iter().find_map(|minimum| {
                let minimum = &minimum;
                self.carry_out(&Plan { ways, is_guaranteed, start: &start, before, minimum }, first.clone())
            })
        });
        if ways.contains(&Way::LowerMinimum) {
            // Where one stage offers more than the other, the minimum need not be as low.
            return found.min_by_key(|enough| self.lack_left(&enough.changes));
        }
        found.next()
    }

    /// By how much less than the nearest minimum has to be enough.
    fn lack_left(&self, changes: &[Change]) -> i64 {
        let lowered = changes.iter().filter_map(|change| match change {
            Change::LowerMinimum { to } => self.asker.minimums.iter().map(|minimum| lack_of(minimum, to)).min(),
            _ => None,
        });
        lowered.sum()
    }

    /// What is different with the ways that have no amounts, and their steps.
    fn start(&self, ways: &[Way]) -> (WhatIf, Vec<Change>) {
        let (mut start, mut changes) = (self.base.clone(), Vec::new());
        for way in ways {
            if let Way::AddCapability(capability) = way {
                start.add(*capability);
                changes.push(Change::AddCapability { lack: Lack::Framework(*capability) });
            }
        }
        start.is_answered = ways.contains(&Way::Answer);
        start.is_unfiltered |= ways.contains(&Way::Wait);
        start.has_no_minimum = ways.contains(&Way::LowerMinimum);
        if ways.contains(&Way::Unreserve) {
            start.is_unreserved = true;
            let owned_by_others = &self.agent.available - &self.agent.available.allocatable_to(self.asker.role);
            self.give_back(&mut start, owned(&unreservable(&owned_by_others)));
        }
        (start, changes)
    }

    fn carry_out(&self, plan: &Plan<'_>, mut changes: Vec<Change>) -> Option<Enough> {
        let Plan { ways, start, before, minimum, .. } = *plan;
        let Reach { lifted, changes: mut more, lower } = self.reach(plan)?;
        let judged = self.judge(&lifted);
        if !self.is_enough(&judged) || !self.lacking(&judged.offer, minimum).is_empty() {
            return None;
        }
        if let Some((place, aim)) = lower {
            more.splice(place..place, self.lowered(&aim, &lifted.freed)?);
        }
        if ways.contains(&Way::Unreserve) {
            more.push(Change::Unreserve { resources: self.to_unreserve(&lifted, &judged.free, minimum) });
        }
        if !self.is_reached(&more, start) {
            return None;
        }
        let mut more = self.with_least(more, start);
        let actual = self.actual(start, &more);
        // The other stage may be enough as well, and offer less.
        let own = self.allocator.judge_stage(self.asker, self.key, self.agent, &actual, plan.is_guaranteed);
        let offer = if self.is_enough(&own) { own.offer } else { self.judge(&actual).offer };
        // What was offered before may come in another stage than what comes now, and does not count towards one minimum.
        let assured =
            smaller(&(before.offer.quantities() + &self.lacking(&before.offer, minimum)), &offer.quantities());
        let unreserved = more.pop_if(|last| matches!(last, Change::Unreserve { .. }));
        changes.extend(more);
        changes.extend(self.closing(ways, unreserved, &offer, &assured, &actual)?);
        // With less of one name another minimum may be the one that is reached.
        let is_reached = |other: &&Quantities| !start.has_no_minimum && offer.contains_quantities(other);
        let minimum = self.asker.minimums.iter().find(is_reached).unwrap_or(minimum).clone();
        Some(Enough { changes, what_if: lifted, minimum })
    }

    /// Makes an offer that holds the need and a minimum possible, with the ways that add something.
    fn reach(&self, plan: &Plan<'_>) -> Option<Reach> {
        let Plan { ways, is_guaranteed, start, before, minimum } = *plan;
        let (mut what_if, mut changes, mut lower) = (start.clone(), Vec::new(), None);
        let short = self.lacking(&before.able, minimum);
        let wanted = self.wanted(before, minimum);
        if ways.contains(&Way::Free) {
            let (free, from) = self.freed(before, &short)?;
            what_if.free = Some(free);
            let parts = from.iter().map(|own| (own.party.role.clone(), own.resources.quota_quantities()));
            self.give_back(&mut what_if, parts.collect());
            changes.push(Change::Free { from });
        }
        let aim = self.aim(&what_if, &wanted, is_guaranteed);
        let deficit = self.deficit(&aim, &what_if);
        if ways.contains(&Way::RaiseMaximum) {
            what_if.has_no_maximum = true;
            let by = HierarchicalDrf::raised_maximum(self.asker, &wanted);
            changes.push(Some(Change::RaiseMaximum { by: by.clone() }).filter(|_| !by.is_empty())?);
        }
        if ways.contains(&Way::RaiseLimit) {
            what_if.is_unlimited = true;
            let raised = self.allocator.raised_limits(self.asker, &wanted, &what_if.freed);
            changes.extend(Some(raised).filter(|raised| !raised.is_empty())?);
        }
        if ways.contains(&Way::LowerGuarantee) {
            what_if.is_unkept = true;
            if deficit.is_empty() {
                return None;
            }
            lower = Some((changes.len(), aim));
        }
        if ways.contains(&Way::AddCapacity) {
            let short = if ways.contains(&Way::Free) { Quantities::new() } else { short };
            let resources = self.added(before, &short, &deficit)?;
            changes.extend(self.unlocking(&resources));
            let resources = resources + &scalars(&self.excess(&short));
            let before = what_if.free.take().unwrap_or_else(|| self.agent.available.clone());
            let after = self.with_capacity(&before, &resources);
            what_if.headroom += &(after.quota_quantities() - &before.quota_quantities());
            what_if.free = Some(after);
            changes.push(Change::AddCapacity { resources });
        }
        Some(Reach { lifted: what_if, changes, lower })
    }

    /// How much of what quota is about the offer has to hold.
    fn wanted(&self, before: &Judged, minimum: &Quantities) -> Quantities {
        let (offered, lacking) = (before.offer.quota_quantities(), self.lacking(&before.offer, minimum));
        let needed = minimum.clone() + &self.asker.need.map_or_else(Quantities::new, Need::quantities);
        // Where anything will do, all of it counts.
        let is_needed = |(name, _): &(&_, _)| needed.is_empty() || needed.get(name).is_positive();
        let kept: Quantities = offered.iter().filter(is_needed).map(|(name, amount)| (name.clone(), amount)).collect();
        let mut wanted = kept + &lacking;
        // What is indivisible is had as a whole or not at all: no more of it than is needed is found out later.
        let whole = before.able.filter(|entry| entry.is_under_quota() && entry.is_indivisible()).quantities();
        for (name, _) in lacking.iter().filter(|(name, _)| whole.get(name).is_positive()) {
            wanted.set(name.clone(), before.able.quota_quantities().get(name));
        }
        wanted
    }

    /// The steps whose amounts follow from the offer that would be made.
    fn closing(
        &self,
        ways: &[Way],
        unreserved: Option<Change>,
        offer: &Resources,
        assured: &Quantities,
        actual: &WhatIf,
    ) -> Option<Vec<Change>> {
        let mut changes = Vec::new();
        if ways.contains(&Way::Answer) {
            changes.push(Change::Answer { resources: self.shown()?.clone() });
        }
        if ways.contains(&Way::LowerMinimum) {
            let nearest = self.asker.minimums.iter().min_by_key(|minimum| lack_of(minimum, assured))?;
            changes.push(Change::LowerMinimum { to: self.lowered_minimum(smaller(nearest, assured), actual)? });
        }
        changes.extend(unreserved);
        if ways.contains(&Way::Wait) {
            changes.push(self.without_refusals(offer)?);
        }
        Some(changes)
    }
}
