//! Quotas in the master: judged, made durable, put in force, and offers taken back that stand in their way.
//!
//! ```text
//!   UPDATE_QUOTA ──▶ is there as much, is less used? ──▶ registry ──▶ allocator, then rescinds
//!                             (not if forced)           do they go together?
//! ```
//!
//! From an update on, the allocator grants nothing beyond a limit and keeps free what is guaranteed. Offers that are on the
//! table by then were granted under the old quotas, so they are looked at once: those that exceed a new limit are
//! rescinded, and as many others as it takes to meet a new guarantee. What runs is never touched.
//!
//! Semantics: Apache Mesos, `src/master/quota_handler.cpp`. An update that makes nothing worse is not refused here, even
//! if the cluster is too small for it: else a promise that is broken already could not be lowered.

use std::collections::BTreeMap;

use mesos_core::call::operator::ReplyTo;
use mesos_core::provider::Fact;
use mesos_core::resource::{Limits, Quantities, ResourceName, Scalar};
use mesos_core::{Quota, Rejection, RejectionCode, Role};

use super::book::{OfferKey, Transition};
use super::options::mutant;
use super::pending::Pending;
use super::{Master, MasterCx};
use crate::registry::{Op, above, covering, larger, validate_quota};

impl Master {
    /// Judges new quotas and asks for them to be made durable.
    pub(super) fn update_quota(
        &mut self,
        quotas: BTreeMap<Role, Quota>,
        is_forced: bool,
        reply: ReplyTo,
    ) -> Result<(), Rejection> {
        // What can be no quota at all is said first, not that the cluster has none of it.
        quotas.iter().try_for_each(|(role, quota)| validate_quota(role, quota))?;
        if !is_forced {
            self.validate_promises(&quotas)?;
            self.validate_consumption(&quotas)?;
        }
        let ticket = self.registrar.submit(Op::SetQuotas(quotas.clone()))?;
        self.pending.insert(ticket, Pending::Quotas { quotas, reply });
        Ok(())
    }

    /// Whether the cluster has what would be promised.
    fn validate_promises(&self, quotas: &BTreeMap<Role, Quota>) -> Result<(), Rejection> {
        let before = self.registrar.upcoming().quotas();
        let mut after = before.clone();
        after.extend(quotas.iter().map(|(role, quota)| (role.clone(), quota.clone())));
        let promised = |quotas: &BTreeMap<Role, Quota>| Ledger::new(quotas, BTreeMap::new()).owed;
        let (promised_before, capacity) = (promised(before), self.capacity());
        for (name, promised) in promised(&after).iter() {
            let capacity = capacity.get(name);
            if promised > capacity && promised > promised_before.get(name) {
                return Err(refuse(
                    format!("roles would be guaranteed {promised} {name} together, the cluster has {capacity}"),
                    "guarantee less, or force it if agents are on their way",
                ));
            }
        }
        Ok(())
    }

    /// Whether roles have no more than they would be limited to.
    fn validate_consumption(&self, quotas: &BTreeMap<Role, Quota>) -> Result<(), Rejection> {
        let known = self.registrar.upcoming().quotas();
        let is_lowered = |role: &Role, name: &ResourceName, limit: Scalar| {
            known.get(role).and_then(|quota| quota.limits().get(name)).is_none_or(|old| limit < old)
        };
        let consumed = self.consumed_by(quotas, false);
        for (role, consumed) in &consumed {
            let limits = quotas[role].limits();
            for (name, limit) in limits.iter() {
                let consumed = consumed.get(name);
                if consumed > limit && is_lowered(role, name, limit) {
                    return Err(refuse(
                        format!(
                            "role {role} would be limited to {limit} {name}, and has {consumed} reserved or in use"
                        ),
                        "limit it to no less, or force it and wait for tasks to end",
                    ));
                }
            }
        }
        Ok(())
    }

    /// What the agents of the cluster have for good, connected or not, reserved or not.
    fn capacity(&self) -> Quantities {
        let here = self.agents.table.iter().map(|(_, _, row)| &row.total);
        let admitted = self.registrar.registry().agents();
        let absent = self.agents.absent.iter().filter_map(|id| Some(&admitted.get(id)?.info.resources));
        here.chain(absent).map(|total| total.non_revocable().scalar_quantities()).sum()
    }

    /// What each of these roles has together with the roles below it: what is reserved for them, whether they use it or
    /// not, and what they use besides; if asked, also what they are offered besides.
    fn consumed_by(&self, roles: &BTreeMap<Role, Quota>, is_with_offers: bool) -> BTreeMap<Role, Quantities> {
        let mut exact: BTreeMap<&Role, Quantities> = BTreeMap::new();
        for (_, _, agent) in self.agents.table.iter() {
            for (role, name, amount) in agent.total.reserved_amounts() {
                exact.entry(role).or_default().add_amount(name, amount);
            }
            for used in &agent.used {
                *exact.entry(&used.role).or_default() += &used.resources.quota_quantities();
            }
        }
        for (_, _, offer) in self.offers.table.iter().filter(|_| is_with_offers) {
            *exact.entry(&offer.role).or_default() += &offer.resources.quota_quantities();
        }
        let mut consumed: BTreeMap<Role, Quantities> =
            roles.keys().map(|role| (role.clone(), Quantities::new())).collect();
        for (role, amounts) in exact {
            for covering in covering(role) {
                if let Some(consumed) = consumed.get_mut(&covering) {
                    *consumed += &amounts;
                }
            }
        }
        consumed
    }

    /// The quotas are durable.
    pub(super) fn quotas_set(&mut self, cx: &mut MasterCx<'_>, quotas: BTreeMap<Role, Quota>) {
        if !mutant!(self, HideQuota) {
            let keeps = mutant!(self, KeepRemovedQuota);
            for (role, quota) in quotas.iter().filter(|(_, quota)| !keeps || **quota != Quota::default()) {
                self.observe(cx, Fact::QuotaSet { role: role.clone(), quota: quota.clone() });
            }
        }
        self.rescind_beyond_limits(cx, &quotas);
        self.rescind_for_guarantees(cx, &quotas);
    }

    /// Takes offers of these roles back until they have and are offered no more than they may.
    fn rescind_beyond_limits(&mut self, cx: &mut MasterCx<'_>, quotas: &BTreeMap<Role, Quota>) {
        let mut consumed = self.consumed_by(quotas, true);
        for (role, quota) in quotas {
            if quota.limits().contains(&consumed[role]) {
                continue;
            }
            for key in self.offers.table.handles().collect::<Vec<_>>() {
                let offer = &self.offers.table[key];
                if offer.role != *role && !offer.role.is_below(role) {
                    continue;
                }
                let (offered, from) = (offer.resources.quota_quantities(), offer.role.clone());
                if offered.iter().any(|(name, _)| exceeds(quota.limits(), &consumed[role], name)) {
                    self.rescind(cx, key);
                    for covering in covering(&from) {
                        if let Some(consumed) = consumed.get_mut(&covering) {
                            *consumed -= &offered;
                        }
                    }
                }
            }
        }
    }

    /// Takes offers of others back until what these roles are promised and do not have is free.
    fn rescind_for_guarantees(&mut self, cx: &mut MasterCx<'_>, quotas: &BTreeMap<Role, Quota>) {
        for key in self.offers_in_the_way(quotas) {
            self.rescind(cx, key);
        }
    }

    /// The offers it takes. One that its own role is promised helps nobody.
    fn offers_in_the_way(&self, quotas: &BTreeMap<Role, Quota>) -> Vec<OfferKey> {
        let all = self.registrar.registry().quotas();
        let mut ledger = Ledger::new(all, self.consumed_by(all, true));
        let missing: Quantities = quotas.keys().filter_map(|role| Some(ledger.rows.get(role)?.missing())).sum();
        if missing.is_empty() {
            return Vec::new();
        }
        let mut needed = smaller(&missing, ledger.owed.clone() - &self.free());
        let mut found = Vec::new();
        for key in self.offers.table.handles() {
            if needed.is_empty() {
                break;
            }
            let offer = &self.offers.table[key];
            let offered = offer.resources.quota_quantities();
            let owed = ledger.owed.clone();
            ledger.release(&offer.role, &offered);
            let gained = offered.clone() - &(ledger.owed.clone() - &owed);
            if gained.iter().any(|(name, _)| needed.get(name).is_positive()) {
                needed -= &gained;
                found.push(key);
            } else {
                ledger.take(&offer.role, &offered);
            }
        }
        found
    }

    /// What nobody has and nobody owns, on agents that can be offered.
    fn free(&self) -> Quantities {
        let agents = self.agents.table.iter();
        let agents = agents.filter(|(_, _, row)| row.conn().is_some() && row.transition == Transition::Settled);
        let free = agents.filter_map(|(agent, _, _)| self.allocator.available(agent));
        free.map(|free| free.quota_quantities()).sum()
    }
}

fn exceeds(limits: &Limits, amounts: &Quantities, name: &ResourceName) -> bool {
    limits.get(name).is_some_and(|limit| amounts.get(name) > limit)
}

/// The smaller amount of each name.
fn smaller(left: &Quantities, right: Quantities) -> Quantities {
    right.iter().map(|(name, amount)| (name.clone(), amount.min(left.get(name)))).collect()
}

fn refuse(what: String, remedy: impl Into<String>) -> Rejection {
    Rejection::new(RejectionCode::InvalidQuota, what, remedy)
}

/// What roles with a quota are still owed.
#[derive(Debug)]
struct Ledger<'a> {
    rows: BTreeMap<&'a Role, Row<'a>>,
    /// All roles together.
    owed: Quantities,
}

#[derive(Debug)]
struct Row<'a> {
    guarantees: &'a Quantities,
    /// With the roles below it.
    consumed: Quantities,
    /// What the roles below it are owed.
    below: Quantities,
}

impl Row<'_> {
    /// What the role itself was promised and does not have.
    fn missing(&self) -> Quantities {
        self.guarantees.clone() - &self.consumed
    }

    /// A promise to a role below is kept from the role's own, so what is owed twice counts once.
    fn owed(&self) -> Quantities {
        larger(&self.below, self.missing())
    }
}

impl<'a> Ledger<'a> {
    fn new(quotas: &'a BTreeMap<Role, Quota>, mut consumed: BTreeMap<Role, Quantities>) -> Self {
        let row = |(role, quota): (&'a Role, &'a Quota)| {
            let consumed = consumed.remove(role).unwrap_or_default();
            (role, Row { guarantees: quota.guarantees(), consumed, below: Quantities::new() })
        };
        let mut ledger = Self { rows: quotas.iter().map(row).collect(), owed: Quantities::new() };
        // Paths sort before those below them, so from the end on everything below a role is settled before it.
        for role in quotas.keys().rev() {
            let owed = ledger.rows[role].owed();
            match ledger.upper(role) {
                Some(upper) => upper.below += &owed,
                None => ledger.owed += &owed,
            }
        }
        ledger
    }

    fn upper(&mut self, role: &Role) -> Option<&mut Row<'a>> {
        let upper = above(role).find(|upper| self.rows.contains_key(upper))?;
        self.rows.get_mut(&upper)
    }

    /// A role has less.
    fn release(&mut self, role: &Role, amounts: &Quantities) {
        self.change(role, |consumed| *consumed -= amounts);
    }

    /// A role has more.
    fn take(&mut self, role: &Role, amounts: &Quantities) {
        self.change(role, |consumed| *consumed += amounts);
    }

    fn change(&mut self, role: &Role, apply: impl Fn(&mut Quantities)) {
        let mut changed: Option<(Quantities, Quantities)> = None;
        for covering in covering(role) {
            let Some(row) = self.rows.get_mut(&covering) else { continue };
            let before = row.owed();
            apply(&mut row.consumed);
            if let Some((old, new)) = &changed {
                row.below -= old;
                row.below += new;
            }
            changed = Some((before, row.owed()));
        }
        if let Some((old, new)) = changed {
            self.owed -= &old;
            self.owed += &new;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(path: &str) -> Role {
        Role::new(path).unwrap()
    }

    fn amounts(text: &str) -> Quantities {
        text.parse().unwrap()
    }

    fn quotas(guarantees: &[(&str, &str)]) -> BTreeMap<Role, Quota> {
        let quota = |text: &str| Quota::new(amounts(text), Limits::new()).unwrap();
        guarantees.iter().map(|(path, text)| (role(path), quota(text))).collect()
    }

    #[test]
    fn what_is_promised_below_is_owed_once() {
        let quotas = quotas(&[("a", "cpus:4"), ("a/b", "cpus:3;mem:64"), ("a/b/c", "mem:32"), ("a-b", "cpus:1")]);
        let ledger = Ledger::new(&quotas, BTreeMap::new());
        assert_eq!(ledger.owed, amounts("cpus:5;mem:64"));
        // What `a` has of its own does not pay what `a/b` is owed.
        let ledger = Ledger::new(&quotas, BTreeMap::from([(role("a"), amounts("cpus:4"))]));
        assert_eq!(ledger.owed, amounts("cpus:4;mem:64"));
    }

    #[test]
    fn a_change_is_the_same_as_counting_anew() {
        let quotas = quotas(&[("a", "cpus:4"), ("a/b", "cpus:3;mem:64"), ("a/b/c", "mem:32"), ("d", "cpus:1")]);
        let mut ledger = Ledger::new(&quotas, BTreeMap::new());
        for (path, taken, owed) in [
            ("a/b/c/d", "cpus:1;mem:40", "cpus:4;mem:24"),
            ("a/x", "cpus:2", "cpus:3;mem:24"),
            ("d", "cpus:7;mem:9", "cpus:2;mem:24"),
            ("e", "cpus:7;mem:9", "cpus:2;mem:24"),
        ] {
            ledger.take(&role(path), &amounts(taken));
            assert_eq!(ledger.owed, amounts(owed), "{path}");
        }
        ledger.release(&role("a/b/c/d"), &amounts("cpus:1;mem:40"));
        assert_eq!(ledger.owed, amounts("cpus:3;mem:64"));
    }
}
