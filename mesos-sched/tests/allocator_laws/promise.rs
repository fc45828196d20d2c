//! Quota as one would compute it by hand: everything from the definitions, over the whole cluster, every time.

use std::collections::BTreeMap;

use mesos_core::resource::{Limits, Quantities, Resource, Resources};
use mesos_core::{Quota, Role};

use super::model::{Model, prefixes};

/// The quotas of roles.
#[derive(Debug, Clone, Default)]
pub(crate) struct Promises(BTreeMap<String, Quota>);

impl Promises {
    pub(crate) fn set(&mut self, role: &Role, quota: Quota) {
        self.0.insert(role.to_string(), quota);
        self.0.retain(|_, quota| !quota.is_none());
    }

    /// What is reserved to a role or below, in use or not, and what is held there of what nobody owns.
    pub(crate) fn consumed(&self, model: &Model, path: &str) -> Quantities {
        let is_below = |role: &Role| prefixes(role.as_str()).any(|own| own == path);
        let mut consumed = Quantities::new();
        for agent in model.agents.values() {
            for (_, reserved) in agent.total.reserved().iter().filter(|(role, _)| is_below(role)) {
                consumed += &reserved.scalar_quantities();
            }
        }
        for ((_, client), held) in model.used.iter().filter(|((_, client), _)| is_below(&client.1)) {
            let _ = client;
            consumed += &held.filter(Resource::is_under_quota).scalar_quantities();
        }
        consumed
    }

    /// What has to stay free for promises below a path, if one role consumed everything in addition.
    fn required(&self, model: &Model, path: Option<&str>, sated: Option<&Role>) -> Quantities {
        let is_child = |other: &String| match path {
            Some(path) => other.rsplit_once('/').is_some_and(|(parent, _)| parent == path),
            None => !other.contains('/'),
        };
        let mut children: Vec<String> = self.0.keys().flat_map(|own| prefixes(own)).filter(is_child).collect();
        children.sort();
        children.dedup();
        let below: Quantities = children.iter().map(|child| self.required(model, Some(child), sated)).sum();
        let Some((path, quota)) = path.and_then(|path| Some((path, self.0.get(path)?))) else { return below };
        if sated.is_some_and(|role| prefixes(role.as_str()).any(|own| own == path)) {
            return below;
        }
        let own = quota.guarantees().clone() - &self.consumed(model, path);
        let mut larger = below;
        for (name, amount) in own.iter() {
            larger.set(name.clone(), amount.max(larger.get(name)));
        }
        larger
    }

    /// What is available beyond promises, for names of which anything is required.
    fn headroom(&self, model: &Model) -> Limits {
        let free: Quantities = model.agents.keys().map(|agent| model.available(*agent).quota_quantities()).sum();
        let required = self.required(model, None, None);
        required.iter().map(|(name, amount)| (name.clone(), free.get(name).sub_floored(amount))).collect()
    }

    /// What is promised to a role: so much less would be required if it had everything.
    pub(crate) fn promised(&self, model: &Model, role: &Role) -> Quantities {
        self.required(model, None, None) - &self.required(model, None, Some(role))
    }

    /// What may be offered to a role of a bag, for every order in which entries may be cut.
    pub(crate) fn portions(
        &self,
        model: &Model,
        role: &Role,
        whole: &Resources,
        size: Option<&Limits>,
        is_guaranteed: bool,
    ) -> Vec<Option<Resources>> {
        let free = whole.filter(Resource::is_under_quota);
        let mut bounds: Vec<Limits> = size.cloned().into_iter().collect();
        for path in prefixes(role.as_str()) {
            if let Some(quota) = self.0.get(&path) {
                bounds.push(quota.limits().clone() - &self.consumed(model, &path));
            }
        }
        let mut promised = if is_guaranteed { self.promised(model, role) } else { Quantities::new() };
        for (name, bound) in bounds.iter().flat_map(Limits::iter) {
            promised.set(name.clone(), promised.get(name).min(bound));
        }
        let others = whole.filter(|entry| {
            let is_above = entry.reservations().role().is_some_and(|owner| owner != role);
            let is_amount = entry.amount().is_positive() && !entry.is_revocable();
            !(entry.is_under_quota() || is_guaranteed && is_above && is_amount)
        });
        let mut portions = Vec::new();
        for guaranteed in cuts(&free, |bag, order| bag.shrink_in_order(&promised, order)) {
            if is_guaranteed && guaranteed.is_empty() {
                portions.push(None);
                continue;
            }
            let mut most = self.headroom(model);
            for (name, bound) in bounds.iter().flat_map(Limits::iter) {
                let left = bound.sub_floored(guaranteed.quota_quantities().get(name));
                most.set(name.clone(), most.get(name).map_or(left, |most| most.min(left)));
            }
            for beyond in cuts(&(&free - &guaranteed), |bag, order| bag.shrink_to_limits_in_order(&most, order)) {
                portions.push(Some(others.clone() + &guaranteed + &beyond));
            }
        }
        portions
    }
}

/// What is left of a bag, for every order of its entries. Few have more than three entries that compete.
fn cuts(bag: &Resources, cut: impl Fn(&mut Resources, &dyn Fn(&mut [Resource]))) -> Vec<Resources> {
    let count = bag.len();
    let orders = if bag.is_plain() { vec![Vec::new()] } else { orders(count) };
    let mut kept: Vec<Resources> = Vec::new();
    for order in orders {
        let mut left = bag.clone();
        cut(&mut left, &|entries| {
            let arranged: Vec<Resource> = order.iter().map(|place| entries[*place].clone()).collect();
            entries.clone_from_slice(&arranged);
        });
        if !kept.contains(&left) {
            kept.push(left);
        }
    }
    kept
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for order in orders(last) {
        for place in 0..=last {
            let mut longer = order.clone();
            longer.insert(place, last);
            all.push(longer);
        }
    }
    all
}
