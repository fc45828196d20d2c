//! What roles are promised and do not have, along the tree of roles: a guarantee below is a part of the one above.

use std::collections::BTreeMap;

use mesos_core::Role;
use mesos_core::resource::{Limits, Quantities};

use super::truth::Truth;

/// What every role with a quota still lacks.
#[derive(Debug, Default)]
pub(super) struct Promises {
    /// Of what a role lacks the part that no role below asks for.
    unclaimed: BTreeMap<Role, Quantities>,
    /// What must stay free for all of them together.
    required: Quantities,
}

impl Promises {
    pub(super) fn of(truth: &Truth) -> Self {
        let mut promises = Self::default();
        let tops = truth.quotas.keys().filter(|role| !truth.quotas.keys().any(|other| role.is_below(other)));
        promises.required = tops.map(|role| promises.settle(truth, role)).sum();
        promises
    }

    /// Settles what a role lacks, after those below it; what must stay free for them together.
    fn settle(&mut self, truth: &Truth, role: &Role) -> Quantities {
        let below: Vec<&Role> = truth.quotas.keys().filter(|other| other.is_below(role)).collect();
        let next = below.iter().filter(|own| !below.iter().any(|between| own.is_below(between)));
        let beneath: Quantities = next.map(|own| self.settle(truth, own)).sum();
        let missing = truth.quotas[role].guarantees().clone() - &truth.consumed(role);
        let unclaimed = missing - &beneath;
        let required = beneath + &unclaimed;
        self.unclaimed.insert(role.clone(), unclaimed);
        required
    }

    /// What whoever is there under a role may count on.
    pub(super) fn to(&self, role: &Role) -> Quantities {
        let own = self.unclaimed.iter().filter(|(promised, _)| role == *promised || role.is_below(promised));
        own.map(|(_, unclaimed)| unclaimed.clone()).sum()
    }

    /// What may go to anybody of what counts against quotas: what is free on agents that serve offers without what must stay
    /// free. A name of which nothing must is not bounded.
    pub(super) fn room(&self, truth: &Truth) -> Limits {
        let serving = truth.agents.keys().filter(|agent| truth.serves(**agent));
        let free: Quantities = serving.filter_map(|agent| truth.free(*agent)).map(|own| own.quota_quantities()).sum();
        self.required.iter().map(|(name, required)| (name.clone(), free.get(name).sub_floored(required))).collect()
    }
}
