//! Which promises would have to be smaller: arithmetic on what has to stay free, before anything is judged.
//!
//! An offer of a name may hold what is promised to the one who asks, and what is free beyond all promises. Each promise to
//! another that is smaller by one leaves one more beyond them; or, where a role above both is promised it too, one more of
//! that is for the one who asks. So promises are gone through once, those that go furthest first, until nothing is missing;
//! what a role above another would ask for instead goes with it. Where promises to himself are enough at last, those that
//! were lowered before and do not add to them are restored.

use std::cmp::Reverse;
use std::rc::Rc;

use mesos_core::resource::{Quantities, Scalar};
use mesos_core::{Role, provider::explain::Change};

use super::super::super::quota::{Outlook, Prospect, RoleKey, within};
use super::super::bounds::Freed;
use super::super::judge::WhatIf;
use super::case::Case;
use super::least::least;
use super::search::Lowered;

/// What an offer is to hold of what quota is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Aim {
    wanted: Quantities,
    /// What is free in the cluster.
    free: Quantities,
    /// Whether it is to come when guarantees are served, and may count on promises to the one who asks.
    is_guaranteed: bool,
}

/// Promises that are lowered together: what a role above would ask for instead is, with the role itself.
type Step = Vec<(RoleKey, Quantities)>;

impl Aim {
    /// By how much less would have to be required, or more be free.
    fn deficit(&self, required: &Quantities, promised: &Quantities) -> Quantities {
        let mut deficit = Quantities::new();
        for (name, required) in required.iter() {
            let wanted = self.wanted.get(name);
            let beyond = if self.is_guaranteed { wanted.sub_floored(promised.get(name)) } else { wanted };
            if beyond.is_positive() {
                deficit.set(name.clone(), required + beyond - self.free.get(name));
            }
        }
        deficit
    }

    fn deficit_in(&self, prospect: &Prospect<'_>) -> Quantities {
        let promised = if self.is_guaranteed { prospect.promised() } else { Quantities::new() };
        self.deficit(prospect.required(), &promised)
    }

    /// Lowers promises to others until nothing is missing; whether that can be had.
    fn lower(&self, candidates: &[RoleKey], prospect: &mut Prospect<'_>) -> bool {
        let mut shared: Vec<Step> = Vec::new();
        let mut left = self.deficit_in(prospect);
        for key in candidates {
            if left.is_empty() {
                break;
            }
            let by = within(prospect.unclaimed(*key), &left);
            if by.is_empty() {
                continue;
            }
            if !prospect.is_below_promise(*key) {
                prospect.lower(*key, &by);
                left = without(left, &by, prospect.required());
                continue;
            }
            let mut step = lower(prospect, *key, &by);
            let mut rest = self.deficit_in(prospect);
            if rest == left {
                restore(prospect, &step);
                continue;
            }
            if is_shared(prospect, *key) {
                // What is promised to the one who asks may be enough before nothing is missing beyond promises.
                if rest.iter().count() < left.iter().count() {
                    step = self.shortened(prospect, *key, by, step, &rest);
                    rest = self.deficit_in(prospect);
                }
                shared.push(step);
            }
            left = rest;
        }
        if !left.is_empty() {
            return false;
        }
        self.restore_needless(&shared, prospect);
        true
    }

    /// The same step with no more of any name than leaves no more missing.
    fn shortened(
        &self,
        prospect: &mut Prospect<'_>,
        key: RoleKey,
        mut by: Quantities,
        mut step: Step,
        rest: &Quantities,
    ) -> Step {
        for (name, amount) in by.clone().iter() {
            let amount = least(amount, |amount| {
                let mut fewer = by.clone();
                fewer.set(name.clone(), amount);
                restore(prospect, &step);
                step = lower(prospect, key, &fewer);
                rest.contains(&self.deficit_in(prospect))
            });
            by.set(name.clone(), amount);
            restore(prospect, &step);
            step = lower(prospect, key, &by);
        }
        step
    }

    fn restore_needless(&self, steps: &[Step], prospect: &mut Prospect<'_>) {
        for step in steps.iter().rev() {
            restore(prospect, step);
            if !self.deficit_in(prospect).is_empty() {
                step.iter().for_each(|(key, by)| prospect.lower(*key, by));
            }
        }
    }
}

/// What is still missing once so much of it is required less; of what nothing is required any more nothing is.
fn without(left: Quantities, by: &Quantities, required: &Quantities) -> Quantities {
    let mut rest = left - by;
    for (name, _) in by.iter().filter(|(name, _)| required.get(name).is_zero()) {
        rest.set(name.clone(), Scalar::ZERO);
    }
    rest
}

/// Whether a role above is promised something that the one who asks may count on.
fn is_shared(prospect: &Prospect<'_>, key: RoleKey) -> bool {
    prospect.above(key).any(|above| prospect.is_own(above) && prospect.has_guarantee(above))
}

/// Lowers a promise, and with it what roles above would ask for instead; for the one who asks, if he is among them.
fn lower(prospect: &mut Prospect<'_>, key: RoleKey, by: &Quantities) -> Step {
    let above: Vec<RoleKey> = prospect.above(key).filter(|above| !prospect.is_own(*above)).collect();
    let before: Vec<Quantities> = above.iter().map(|above| prospect.unclaimed(*above).clone()).collect();
    prospect.lower(key, by);
    let mut step = vec![(key, by.clone())];
    for (above, before) in above.into_iter().zip(before) {
        let more = within(&(prospect.unclaimed(above).clone() - &before), by);
        if !more.is_empty() {
            prospect.lower(above, &more);
            step.push((above, more));
        }
    }
    step
}

fn restore(prospect: &mut Prospect<'_>, step: &Step) {
    step.iter().for_each(|(key, by)| prospect.restore(*key, by));
}

impl Case<'_> {
    pub(super) fn aim(&self, what_if: &WhatIf, wanted: &Quantities, is_guaranteed: bool) -> Aim {
        Aim { wanted: wanted.clone(), free: self.asker.bounds.free(&what_if.headroom), is_guaranteed }
    }

    /// What is missing beyond promises, as they would be.
    pub(super) fn deficit(&self, aim: &Aim, what_if: &WhatIf) -> Quantities {
        let bounds = &self.asker.bounds;
        if !bounds.is_bounded || what_if.is_unkept {
            return Quantities::new();
        }
        let (required, promised) = bounds.promises(what_if.outlook.as_deref());
        aim.deficit(required, promised)
    }

    /// Which promises have to be smaller; nothing if those of others are not enough.
    pub(super) fn lowered(&self, aim: &Aim, freed: &[Freed]) -> Option<Vec<Change>> {
        let mut known = self.search.lowered.borrow_mut();
        if let Some(found) = known.iter().find(|known| known.aim == *aim && known.freed == freed) {
            return found.changes.clone();
        }
        let lowered = self.lowered_anew(aim, freed);
        let step = |(role, by)| Change::LowerGuarantee { role, by };
        let changes: Option<Vec<Change>> = lowered.map(|all| all.into_iter().map(step).collect());
        known.push(Lowered { aim: aim.clone(), freed: freed.to_vec(), changes: changes.clone() });
        changes
    }

    fn lowered_anew(&self, aim: &Aim, freed: &[Freed]) -> Option<Vec<(Role, Quantities)>> {
        let quotas = &self.allocator.quotas;
        let mut prospect = quotas.prospect(self.asker.role);
        freed.iter().for_each(|(role, amounts)| prospect.give_back(role, amounts));
        let deficit = aim.deficit_in(&prospect);
        self.search.walks.set(self.search.walks.get() + 1);
        let reach = |key: RoleKey| -> i64 {
            let part = within(prospect.unclaimed(key), &deficit);
            let thousandths = |(name, amount): (&_, Scalar)| {
                amount.as_milli().saturating_mul(1_000) / deficit.get(name).as_milli().max(1)
            };
            part.iter().map(thousandths).sum()
        };
        let others = quotas.keyed().map(|(key, _)| key).filter(|key| !prospect.is_own(*key));
        let mut candidates: Vec<(bool, Reverse<i64>, RoleKey)> = others
            .map(|key| (!(aim.is_guaranteed && is_shared(&prospect, key)), Reverse(reach(key)), key))
            .filter(|(is_apart, reach, _)| !is_apart || reach.0 > 0)
            .collect();
        // Equal ones stay in the order of their paths.
        candidates.sort_by_key(|(is_apart, reach, _)| (*is_apart, *reach));
        let candidates: Vec<RoleKey> = candidates.into_iter().map(|(.., key)| key).collect();
        let is_enough = aim.lower(&candidates, &mut prospect);
        self.search.steps.set(self.search.steps.get() + prospect.changes());
        let lowered = prospect.lowered();
        if is_enough {
            self.search.note_outlook(lowered.clone(), freed, prospect.outlook());
        }
        is_enough.then_some(lowered)
    }

    /// The books of promises, once so much is promised less and so much given back.
    pub(super) fn outlook(&self, lowered: &[(&Role, &Quantities)], freed: &[Freed]) -> Rc<Outlook> {
        self.search.outlook(lowered, freed).unwrap_or_else(|| {
            let mut prospect = self.allocator.quotas.prospect(self.asker.role);
            freed.iter().for_each(|(role, amounts)| prospect.give_back(role, amounts));
            lowered.iter().for_each(|(role, by)| prospect.lower_role(role, by));
            self.search.steps.set(self.search.steps.get() + prospect.changes());
            let lowered = lowered.iter().map(|(role, by)| (Role::clone(role), Quantities::clone(by)));
            self.search.note_outlook(lowered.collect(), freed, prospect.outlook())
        })
    }
}
