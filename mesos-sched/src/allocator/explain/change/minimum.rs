//! How low a minimum has to be where offers are dealt in pieces as large as that.

use mesos_core::resource::{Quantities, ResourceName, Scalar};

use super::super::judge::WhatIf;
use super::case::Case;

impl Case<'_> {
    /// Whether what is needed is dealt in pieces that follow from minimums, each of which has to hold one.
    pub(super) fn is_dealt_by_minimum(&self) -> bool {
        let is_dealing = self.allocator.options.policy.is_dealing();
        is_dealing && !self.asker.is_overdue && self.asker.need.is_some() && !self.asker.minimums.is_empty()
    }

    /// A minimum that an offer holds, or less, so that the pieces it is dealt in are enough together: without one of its
    /// names, or without any, a piece may hold more of the others.
    pub(super) fn lowered_minimum(&self, held: Quantities, actual: &WhatIf) -> Option<Quantities> {
        if !self.is_dealt_by_minimum() {
            return Some(held);
        }
        let without = |name: &ResourceName| {
            let mut less = held.clone();
            less.set(name.clone(), Scalar::ZERO);
            less
        };
        let fewer: Vec<Quantities> = held.iter().map(|(name, _)| without(name)).collect();
        let is_enough = |minimum: &Quantities| {
            let what_if = WhatIf { minimum: Some(minimum.clone()), ..actual.clone() };
            self.is_enough(&self.judge(&what_if))
        };
        std::iter::once(held.clone()).chain(fewer).chain([Quantities::new()]).find(is_enough)
    }
}
