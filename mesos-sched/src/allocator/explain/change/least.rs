//! No amount of a change is larger than it has to be.
//!
//! Amounts are computed from the books, name by name. Where two bounds meet, or what is had in one stage of a round need not be
//! had in the other, that is more than enough at times: then the least amount is searched for, judged each time.

use mesos_core::provider::explain::Change;
use mesos_core::resource::{Quantities, ResourceName, Resources, Scalar};

use super::super::judge::WhatIf;
use super::case::Case;

/// The smallest amount there is.
pub(super) const LEAST: Scalar = Scalar::from_milli(1);

/// Of more promises nobody tries each by itself: they were counted exactly.
const PROMISES_MAX: usize = 8;

/// The least amount that is enough, where `most` is: one less is tried first, and mostly not enough.
pub(super) fn least(most: Scalar, mut is_enough: impl FnMut(Scalar) -> bool) -> Scalar {
    if !most.is_positive() || !is_enough(most.sub_floored(LEAST)) {
        return most;
    }
    if is_enough(Scalar::ZERO) {
        return Scalar::ZERO;
    }
    let (mut too_little, mut enough) = (0, most.as_milli() - 1);
    while enough - too_little > 1 {
        let middle = too_little + (enough - too_little) / 2;
        match is_enough(Scalar::from_milli(middle)) {
            true => enough = middle,
            false => too_little = middle,
        }
    }
    Scalar::from_milli(enough)
}

impl Case<'_> {
    /// The same steps with the least amounts; without those of which nothing is needed.
    pub(super) fn with_least(&self, mut changes: Vec<Change>, start: &WhatIf) -> Vec<Change> {
        let is_promise = |change: &Change| matches!(change, Change::LowerGuarantee { .. });
        let has_many = changes.iter().filter(|change| is_promise(change)).count() > PROMISES_MAX;
        for place in 0..changes.len() {
            if has_many && is_promise(&changes[place]) {
                continue;
            }
            for part in 0..parts(&changes[place]) {
                for (name, most) in amounts(&changes[place], part).iter() {
                    let whole = changes[place].clone();
                    let amount = least(most, |amount| {
                        changes[place] = with_amount(&whole, part, name, amount);
                        self.is_reached(&changes, start)
                    });
                    changes[place] = with_amount(&whole, part, name, amount);
                }
            }
        }
        changes.into_iter().filter_map(without_nothing).collect()
    }

    /// Whether these steps are enough, for whichever minimum.
    pub(super) fn is_reached(&self, changes: &[Change], start: &WhatIf) -> bool {
        self.is_enough(&self.judge(&self.actual(start, changes)))
    }
}

/// How many bags or amounts a step names.
fn parts(change: &Change) -> usize {
    match change {
        Change::Free { from } => from.len(),
        Change::AddCapacity { .. }
        | Change::Unreserve { .. }
        | Change::RaiseLimit { .. }
        | Change::LowerGuarantee { .. }
        | Change::RaiseMaximum { .. } => 1,
        _ => 0,
    }
}

/// The amounts of one of them.
fn amounts(change: &Change, part: usize) -> Quantities {
    match change {
        Change::Free { from } => from[part].resources.scalar_quantities(),
        Change::AddCapacity { resources } | Change::Unreserve { resources } => resources.scalar_quantities(),
        Change::RaiseLimit { by, .. } | Change::LowerGuarantee { by, .. } | Change::RaiseMaximum { by } => by.clone(),
        _ => Quantities::new(),
    }
}

/// The same step with less of one name.
fn with_amount(change: &Change, part: usize, name: &ResourceName, amount: Scalar) -> Change {
    let mut change = change.clone();
    match &mut change {
        Change::Free { from } => cut(&mut from[part].resources, name, amount),
        Change::AddCapacity { resources } | Change::Unreserve { resources } => cut(resources, name, amount),
        Change::RaiseLimit { by, .. } | Change::LowerGuarantee { by, .. } | Change::RaiseMaximum { by } => {
            by.set(name.clone(), amount);
        }
        _ => {}
    }
    change
}

fn cut(bag: &mut Resources, name: &ResourceName, amount: Scalar) {
    let mut target = bag.quantities();
    target.set(name.clone(), amount);
    bag.shrink(&target);
}

/// A step, unless nothing is left of it.
fn without_nothing(mut change: Change) -> Option<Change> {
    let is_something = match &mut change {
        Change::Free { from } => {
            from.retain(|holder| !holder.resources.is_empty());
            !from.is_empty()
        }
        Change::AddCapacity { resources } | Change::Unreserve { resources } => !resources.is_empty(),
        Change::RaiseLimit { by, .. } | Change::LowerGuarantee { by, .. } | Change::RaiseMaximum { by } => {
            !by.is_empty()
        }
        _ => true,
    };
    is_something.then_some(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_is_enough_is_found_and_mostly_at_once() {
        for most in [0, 1, 2, 999, 1_000, 7_000_000] {
            for bound in [0, 1, 2, 998, 999, 1_000, 4_321, 7_000_000] {
                if bound > most {
                    continue;
                }
                let mut tried = 0;
                let found = least(Scalar::from_milli(most), |amount| {
                    tried += 1;
                    amount.as_milli() >= bound
                });
                assert_eq!(found.as_milli(), bound, "of {most}");
                assert!(tried <= if bound == most { 1 } else { 26 }, "{tried} tries of {most} for {bound}");
            }
        }
    }
}
