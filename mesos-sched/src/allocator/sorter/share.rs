//! Dominant shares, compared without rounding.
//!
//! A share is a fraction of the cluster divided by a weight. Two of them are compared by cross multiplication in whole
//! numbers wide enough for every input, so the order of clients never depends on rounding or on the history of sums.

use std::cmp::Ordering;

use mesos_core::Weight;
use mesos_core::resource::{Quantities, ResourceName, Scalar};

/// `part / whole`, where the whole carries the weight in thousandths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    part: u64,
    whole: u128,
}

/// How much the cluster has of every name that counts for fairness.
#[derive(Debug, Clone)]
pub(crate) struct Totals {
    quantities: Quantities,
    excluded: Vec<ResourceName>,
    /// Amounts of the common names, zero where nothing counts.
    common: [u64; COMMON.len()],
    /// Amounts of all other names that count.
    others: Vec<(ResourceName, u64)>,
}

/// The names whose amounts lie inline, in the order of [`Quantities::common`].
const COMMON: [ResourceName; 4] = [ResourceName::Cpus, ResourceName::Mem, ResourceName::Disk, ResourceName::Gpus];

fn milli(amount: Scalar) -> u64 {
    u64::try_from(amount.as_milli()).unwrap_or(0)
}

impl Share {
    pub(crate) const NONE: Self = Self { part: 0, whole: 1 };

    /// A part, and the whole of it times the weight: at most 63 and 93 bits.
    pub(crate) const fn new(part: u64, whole: u128) -> Self {
        Self { part, whole }
    }

    /// Roughly, for people.
    pub(crate) fn to_f64(self) -> f64 {
        self.part as f64 * f64::from(Weight::ONE.as_milli()) / self.whole as f64
    }
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        // Who has most of the same thing, by the same weight, differs in the part alone.
        if self.whole == other.whole {
            return self.part.cmp(&other.part);
        }
        wide_product(self.part, other.whole).cmp(&wide_product(other.part, self.whole))
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}

/// All 192 bits of a product, largest first: a part has 63 bits, a whole 63 of the total and 30 of the weight.
fn wide_product(left: u64, right: u128) -> (u128, u64) {
    let [low, high] = [right & u128::from(u64::MAX), right >> 64];
    let low = u128::from(left) * low;
    let high = u128::from(left) * high + (low >> 64);
    #[expect(clippy::cast_possible_truncation, reason = "the upper half is carried into `high`")]
    (high, low as u64)
}

impl Totals {
    pub(crate) fn new(excluded: Vec<ResourceName>) -> Self {
        Self { quantities: Quantities::new(), excluded, common: [0; 4], others: Vec::new() }
    }

    pub(crate) const fn quantities(&self) -> &Quantities {
        &self.quantities
    }

    /// Changes the totals; whether any share may be another one now.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Quantities)) -> bool {
        change(&mut self.quantities);
        let mut common = self.quantities.common().map(milli);
        if !self.excluded.is_empty() {
            for (total, name) in common.iter_mut().zip(COMMON) {
                if self.excluded.contains(&name) {
                    *total = 0;
                }
            }
        }
        if self.quantities.is_common() && self.others.is_empty() {
            return std::mem::replace(&mut self.common, common) != common;
        }
        let others = self.quantities.iter().filter(|(name, _)| !COMMON.contains(name) && !self.excluded.contains(name));
        let others: Vec<_> = others.map(|(name, amount)| (name.clone(), milli(amount))).collect();
        let is_changed = common != self.common || others != self.others;
        (self.common, self.others) = (common, others);
        is_changed
    }

    /// The largest share of any name, divided by the weight.
    pub(crate) fn dominant(&self, amounts: &Quantities, weight: Weight) -> Share {
        let (part, total) = self.dominant_fraction(amounts);
        Share { part, whole: u128::from(total) * u128::from(weight.as_milli()) }
    }

    fn dominant_fraction(&self, amounts: &Quantities) -> (u64, u64) {
        let mut largest = (0, 1);
        for (amount, total) in amounts.common().into_iter().zip(self.common) {
            raise(&mut largest, (milli(amount), total));
        }
        for (name, total) in &self.others {
            raise(&mut largest, (milli(amounts.get(name)), *total));
        }
        largest
    }

    /// The name whose share is the largest, if anything that counts is held.
    pub(crate) fn dominant_name(&self, amounts: &Quantities) -> Option<ResourceName> {
        let largest = self.dominant_fraction(amounts);
        let others = self.others.iter().map(|(name, total)| (name, *total));
        let mut all = COMMON.iter().zip(self.common).chain(others).filter(|(_, total)| *total > 0);
        let found = all.find(|(name, total)| largest.0 > 0 && (milli(amounts.get(name)), *total) == largest);
        found.map(|(name, _)| name.clone())
    }
}

/// Keeps the larger of two fractions; one of nothing is none.
fn raise(largest: &mut (u64, u64), (part, total): (u64, u64)) {
    if part > 0 && total > 0 && u128::from(part) * u128::from(largest.1) > u128::from(largest.0) * u128::from(total) {
        *largest = (part, total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn share(part: u64, whole: u128) -> Share {
        Share { part, whole }
    }

    #[test]
    fn fractions_that_a_double_cannot_tell_apart_are_ordered() {
        let large = 1_u64 << 62;
        assert!(share(large - 1, u128::from(large)) < share(large, u128::from(large) + 1));
        assert_eq!(share(1, 3), share(2, 6));
        assert_eq!(share(0, 3), Share::NONE);
    }

    #[test]
    fn the_largest_inputs_do_not_overflow() {
        let whole = u128::from(u64::MAX >> 1) * u128::from(Weight::MAX.as_milli());
        assert!(share(u64::MAX >> 1, whole - 1) > share(u64::MAX >> 1, whole));
    }

    #[test]
    fn excluded_names_and_names_nobody_has_do_not_count() {
        let mut totals = Totals::new(vec![ResourceName::Gpus]);
        assert!(totals.change(|all| *all += &"cpus:10;gpus:2;fpgas:4".parse().unwrap()));
        assert!(!totals.change(|all| *all += &"gpus:2".parse().unwrap()));
        let used: Quantities = "cpus:1;mem:7;gpus:2;fpgas:1".parse().unwrap();
        assert_eq!(totals.dominant(&used, Weight::ONE).to_f64(), 0.25);
        assert_eq!(totals.dominant_name(&used).unwrap().as_str(), "fpgas");
        assert_eq!(totals.dominant_name(&"gpus:1".parse().unwrap()), None);
    }

    #[test]
    fn a_weight_divides_the_share() {
        let mut totals = Totals::new(Vec::new());
        totals.change(|all| *all += &"cpus:10".parse().unwrap());
        let used: Quantities = "cpus:5".parse().unwrap();
        assert_eq!(totals.dominant(&used, Weight::new(2.0).unwrap()).to_f64(), 0.25);
    }
}
