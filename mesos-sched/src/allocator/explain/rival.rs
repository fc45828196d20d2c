//! Who would take what a change makes free: whoever is served before the one who asks, wants it, and would leave too little.
//!
//! Where the order follows from shares alone, and nothing else is on its way, it is known who that is. Where it is drawn, where
//! a policy has an order of its own, where promises or waiting come in, or where it is open which other agents are served in
//! the same round, everybody counts who may be first. Where it is known which these are, the one who asks may get all of them
//! first, and somebody counts who would be first then.

use std::cell::RefCell;
use std::cmp::Ordering;

use mesos_core::Instant;
use mesos_core::provider::explain::{Change, Holder, Lack};
use mesos_core::resource::{Quantities, Resources};

use super::super::policy::Policy;
use super::super::sorter::{Kind, NodeKey, Share, SorterKind, Totals};
use super::bounds::{Freed, cut, within_size};
use super::change::Case;
use super::judge::WhatIf;
use crate::allocator::book::Client;
use crate::allocator::eligibility::{Abilities, Demands, is_allocatable};

/// Of more other agents nobody asks what is free there: it is open who is first then.
const OTHERS_MAX: usize = 64;

/// Somebody who may be served before the one who asks, and would take something.
struct Taker<'a> {
    client: NodeKey,
    own: &'a Client,
    /// What he would take of all there is.
    taken: Resources,
    /// Whether what he leaves of that would be enough.
    is_harmless: bool,
}

/// The agent and the order once changes are made.
struct Aftermath<'a> {
    free: Resources,
    /// By how much shares shrink.
    returned: Vec<(NodeKey, Quantities)>,
    freed: Vec<Freed>,
    totals: Totals,
    /// The last round that counts: refusals that hold longer keep rivals away.
    until: Instant,
    /// Whether that is the next one, so that nobody is served in the meantime.
    is_next: bool,
    /// Whether it is known what else is served before that, so that the order is that of the shares.
    is_quiet: bool,
    /// What is free on other agents that are served before that, and how many they are.
    elsewhere: (Quantities, u64),
    demands: Demands,
    has_other_limits: bool,
    is_upgraded: bool,
    /// What the framework that asks learns to deal with.
    abilities: Abilities,
    /// Whether the framework that asks connects again, under all its roles.
    is_back: bool,
    what_if: &'a WhatIf,
    /// By slot of the tree's nodes: whether one comes before its sibling on the path of the one who asks, once that was asked.
    compared: RefCell<Vec<Option<bool>>>,
}

impl Case<'_> {
    /// The step that keeps those away who would be served first, if there is anybody.
    pub(super) fn without_rivals(&self, changes: &[Change], what_if: &WhatIf, minimum: &Quantities) -> Option<Change> {
        if self.allocator.is_shared_state() {
            return None;
        }
        let rivals = self.rivals(&self.aftermath(changes, what_if), minimum);
        let parties =
            rivals.iter().take(Holder::SHOWN_MAX).filter_map(|client| self.allocator.party(*client)).collect();
        (!rivals.is_empty()).then_some(Change::Suppress { parties, party_count: rivals.len() })
    }

    fn rivals(&self, after: &Aftermath<'_>, minimum: &Quantities) -> Vec<NodeKey> {
        let allocator = self.allocator;
        let clients = (0..).map(NodeKey::from_slot).zip(&allocator.clients);
        let known = clients.filter_map(|(client, own)| Some((client, own.as_ref()?)));
        let is_back =
            |own: &Client| after.is_back && own.framework == self.asker.key && own.is_subscribed && !own.is_suppressed;
        let others = known.filter(|(client, own)| {
            Some(*client) != self.asker.client && (allocator.tree[*client].is_active() || is_back(own))
        });
        let first = others.filter(|(client, own)| self.may_precede(*client, own, after)).filter_map(|(client, own)| {
            let taken = self.taken_by(client, own, &after.free, after)?;
            let is_harmless = self.is_harmless(&taken, &after.free, after, minimum);
            Some(Taker { client, own, taken, is_harmless })
        });
        let mut first: Vec<Taker<'_>> = first.collect();
        // Where somebody leaves enough, it matters who comes after him; several may leave too little together.
        let is_ordered =
            after.is_quiet && first.iter().any(|taker| taker.is_harmless) && self.arrange(&mut first, after);
        let mut left = after.free.clone();
        let mut rivals = Vec::new();
        for Taker { client, own, taken, is_harmless } in first {
            // Where the order is open, everybody may find all of it there.
            if !(is_ordered || is_harmless) {
                rivals.push(client);
                continue;
            }
            // He may also be the first, and take what of less he would not.
            let taken = self.taken_by(client, own, &left, after).or_else(|| Some(taken).filter(|_| !is_ordered));
            let Some(taken) = taken else { continue };
            if self.is_harmless(&taken, &left, after, minimum) {
                left = &left - &taken;
            } else {
                rivals.push(client);
            }
        }
        rivals
    }

    /// Brings those who come first into the order in which they do, if shares alone tell it.
    fn arrange(&self, takers: &mut [Taker<'_>], after: &Aftermath<'_>) -> bool {
        let options = &self.allocator.options;
        let is_by_share = matches!(options.policy, Policy::Hierarchical);
        if !is_by_share
            || after.elsewhere.1 > 0
            || [options.role_sorter, options.framework_sorter].contains(&SorterKind::Random)
        {
            return false;
        }
        let place = |node: NodeKey| self.place(node, after);
        takers.sort_by(|left, right| {
            let (left, right) = self.allocator.tree.fork(left.client, right.client);
            place(left).cmp(&place(right))
        });
        true
    }

    fn aftermath<'a>(&self, changes: &[Change], what_if: &'a WhatIf) -> Aftermath<'a> {
        let (allocator, schedule) = (self.allocator, &self.allocator.schedule);
        let mut free = self.agent.available.clone();
        let (mut returned, mut freed, mut totals) = (Vec::new(), Vec::new(), allocator.tree.totals().clone());
        let (mut until, mut is_next, mut is_quiet) = (self.now, true, true);
        // While nothing else changes no round comes before there is something to do.
        let is_change = |change: &Change| !matches!(change, Change::Wait { .. });
        let next_at = match changes.iter().any(is_change) {
            true => schedule.batch_from(self.now),
            false => allocator.next_round_at(self.now),
        };
        let (mut has_other_limits, mut is_upgraded, mut is_back) = (false, false, false);
        let mut abilities = what_if.abilities;
        let (mut demands, mut is_restless) = (self.agent.demands, !allocator.fresh.is_empty());
        for change in changes {
            match change {
                Change::Free { from } => {
                    for Holder { party, resources, .. } in from {
                        free += resources;
                        freed.push((party.role.clone(), resources.quota_quantities()));
                        let holder = self.agent.holdings.iter().map(|holding| holding.client);
                        let holder = holder.filter(|client| allocator.party(*client).as_ref() == Some(party));
                        returned.extend(holder.map(|client| (client, resources.scalar_quantities())));
                    }
                }
                Change::AddCapacity { resources } => {
                    free = match self.agent.is_over {
                        true => (&self.agent.total + resources).left_beside(&self.agent.held()),
                        false => free + resources,
                    };
                    totals.change(|all| *all += &resources.scalar_quantities());
                    demands = demands.with_total(&(&self.agent.total + resources), &allocator.options);
                }
                Change::Unreserve { resources } => free = &(&free - resources) + &resources.to_unreserved(),
                Change::ActivateAgent => {}
                Change::Wait { until: at } => {
                    until = until.max(*at);
                    is_next &= *at <= next_at;
                }
                Change::RaiseLimit { .. } | Change::LowerGuarantee { .. } => {
                    (has_other_limits, is_quiet) = (true, false);
                }
                Change::AddCapability { lack: Lack::Agent(_) } => is_upgraded = true,
                Change::Whitelist { .. } => is_quiet = false,
                change => {
                    is_restless = true;
                    is_back |= *change == Change::Reconnect;
                    if let Change::AddCapability { lack: Lack::Framework(capability) } = change {
                        abilities = abilities.with(*capability);
                    }
                }
            }
        }
        // The change is made now, and is seen by the next batch round at the latest.
        let until = schedule.batch_from(until);
        let others = allocator.dirty.as_slice().iter().filter(|other| **other != self.key);
        let others = others.take(OTHERS_MAX + 1).filter_map(|other| allocator.agent(*other));
        let elsewhere = others.fold((Quantities::new(), 0), |(free, count), other| {
            (free + &other.available.scalar_quantities(), count + 1)
        });
        // Who can be offered more than before is so on all agents that have something.
        let has_others = allocator.open.as_slice().iter().any(|other| *other != self.key);
        is_quiet = is_quiet
            && is_next
            && !(is_restless && has_others)
            && elsewhere.1 <= OTHERS_MAX as u64
            && !allocator.headroom.has_grown(&allocator.quotas)
            && allocator.filters.next_due().is_none_or(|due| due > until)
            && allocator.quotas.required().is_empty()
            && allocator.options.starvation_batches.is_none();
        Aftermath {
            free,
            returned,
            freed,
            totals,
            until,
            is_next,
            is_quiet,
            elsewhere,
            demands,
            abilities,
            has_other_limits,
            is_upgraded,
            is_back,
            what_if,
            compared: RefCell::default(),
        }
    }

    /// Whether a client may be served before the one who asks.
    fn may_precede(&self, client: NodeKey, own: &Client, after: &Aftermath<'_>) -> bool {
        let allocator = self.allocator;
        let has_promises = !allocator.quotas.required().is_empty() || after.has_other_limits;
        match &allocator.options.policy {
            Policy::Packing(_) | Policy::ConstrainedMaxMin { .. } => return true,
            Policy::Priority(priorities) => {
                let is_bound = !(has_promises || allocator.options.starvation_batches.is_some());
                match priorities.of(&own.role).cmp(&priorities.of(self.asker.role)) {
                    Ordering::Less if is_bound && after.is_next => return false,
                    Ordering::Equal => {}
                    _ => return true,
                }
            }
            _ => {}
        }
        let Some(asker) = self.asker.client.filter(|_| after.is_quiet) else { return true };
        let (own, other) = allocator.tree.fork(asker, client);
        let sorter = match allocator.tree[own].kind {
            Kind::Client => allocator.options.framework_sorter,
            _ => allocator.options.role_sorter,
        };
        if own == other || sorter == SorterKind::Random {
            return true;
        }
        // What lies below one node comes before or after the one who asks together.
        let known = after.compared.borrow().get(other.slot()).copied().flatten();
        known.unwrap_or_else(|| {
            let is_before = self.is_before(other, own, after);
            let mut compared = after.compared.borrow_mut();
            if compared.len() <= other.slot() {
                compared.resize(other.slot() + 1, None);
            }
            compared[other.slot()] = Some(is_before);
            is_before
        })
    }

    fn is_before(&self, first: NodeKey, second: NodeKey, after: &Aftermath<'_>) -> bool {
        self.place(first, after) < self.place_with(second, after, &after.elsewhere)
    }

    /// What a node is ordered by among its siblings.
    fn place(&self, node: NodeKey, after: &Aftermath<'_>) -> (Share, u64, &str) {
        self.place_with(node, after, &(Quantities::new(), 0))
    }

    /// The same once it was granted more.
    fn place_with(&self, node: NodeKey, after: &Aftermath<'_>, more: &(Quantities, u64)) -> (Share, u64, &str) {
        let tree = &self.allocator.tree;
        let mut amounts = tree[node].amounts().clone();
        for (_, returned) in after.returned.iter().filter(|(client, _)| tree.is_within(*client, node)) {
            amounts -= returned;
        }
        amounts += &more.0;
        (after.totals.dominant(&amounts, tree[node].weight()), tree.count(node) + more.1, tree[node].name())
    }

    /// What a client would take of what is free.
    fn taken_by(&self, client: NodeKey, own: &Client, free: &Resources, after: &Aftermath<'_>) -> Option<Resources> {
        let allocator = self.allocator;
        let is_own = own.framework == self.asker.key;
        let abilities = if is_own { own.abilities | after.abilities } else { own.abilities };
        let is_admitted = (after.is_upgraded || after.demands.admit(abilities))
            && allocator.constraints.admit(client, self.key, &self.agent.info);
        if free.is_empty() || !is_admitted {
            return None;
        }
        let able = abilities.strip(&free.allocatable_to(&own.role));
        let within = match allocator.quotas.has_quota() && !after.has_other_limits {
            true => cut(&able, |amounts| allocator.quotas.room_without(own.role_key, &after.freed).part(amounts)),
            false => able,
        };
        let offer = own.max_offer.as_deref().map_or_else(|| within.clone(), |size| within_size(&within, size));
        let minimums = own.minimums.as_deref().unwrap_or(&allocator.options.min_allocatable);
        // What was refused of an agent that became another one is refused no more.
        let is_refused = !after.is_upgraded && {
            let mut refusals = allocator.filters.blocking(client, self.key, &offer);
            refusals.any(|(due_at, batch, _)| self.ends_at(due_at, batch) > after.until)
        };
        (is_allocatable(&offer, minimums) && !is_refused).then_some(offer)
    }

    /// Whether what is left beside what somebody took is still enough.
    fn is_harmless(&self, taken: &Resources, found: &Resources, after: &Aftermath<'_>, minimum: &Quantities) -> bool {
        let WhatIf { is_unreserved, has_no_minimum, is_unfiltered, .. } = *after.what_if;
        let WhatIf { is_unlimited, is_unkept, has_no_maximum, .. } = *after.what_if;
        // These steps are as large as what is offered, all of it.
        if is_unreserved || has_no_minimum || is_unfiltered {
            return false;
        }
        // What is shared stays, but goes to nobody else in the same round.
        let rest = found - taken;
        if rest.is_empty() || self.allocator.quotas.has_quota() && !taken.quota_quantities().is_empty() {
            return false;
        }
        let judged = self.judge(&WhatIf { free: Some(rest), ..after.what_if.clone() });
        // Bounds that were lifted are moved by as much only as one minimum needs; else any will do.
        let is_lifted = is_unlimited || is_unkept || has_no_maximum;
        self.is_enough(&judged) && (!is_lifted || self.lacking(&judged.offer, minimum).is_empty())
    }
}
