//! The smallest change that would have been enough: ways out are tried on the books, fewest steps first.

use std::cell::{Cell, RefCell};

use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::{Change, Holder, Lack, Need, Reason};
use mesos_core::resource::{Quantities, Resource, Resources};
use mesos_core::{FrameworkCapability, Instant, Role, Scalar};

use super::super::HierarchicalDrf;
use super::super::book::Agent;
use super::super::filter::Batch;
use super::asker::Asker;
use super::block::Blocks;
use super::bounds::Freed;
use super::judge::{Judged, WhatIf};
use super::reason::{lack_of, stripped};
use super::survey::scalars;

/// A way out, from the cheapest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It answers what it was shown.
    Answer,
    /// Until the framework's refusals are over.
    Wait,
    AddCapabilities,
    RaiseMaximum,
    LowerMinimum,
    Free,
    RaiseLimit,
    LowerGuarantee,
    AddCapacity,
    Unreserve,
}

/// Sets of so many ways are looked at even if there is a smaller one that is enough.
const SMALL: u32 = 2;

/// The smallest amount there is.
const LEAST: Scalar = Scalar::from_milli(1);

/// One who asks, on one agent.
pub(super) struct Case<'a> {
    pub(super) allocator: &'a HierarchicalDrf,
    pub(super) asker: &'a Asker<'a>,
    pub(super) now: Instant,
    pub(super) key: AgentKey,
    pub(super) agent: &'a Agent,
    base: WhatIf,
    search: Search,
}

/// What a search for ways out has cost, and what it found out about promises.
#[derive(Debug, Default)]
struct Search {
    /// Sets of ways that were tried.
    attempts: Cell<usize>,
    /// Walks through all roles.
    walks: Cell<usize>,
    /// Which promises would have to be smaller for what is missing: the same for many sets.
    lowered: RefCell<Vec<(Quantities, Option<Vec<Change>>)>>,
}

/// Steps that are enough where nobody else wants anything.
struct Enough {
    changes: Vec<Change>,
    what_if: WhatIf,
    minimum: Quantities,
}

impl HierarchicalDrf {
    /// What to do about reasons that are no agent's.
    pub(super) fn changes_without_agent(&self, asker: &Asker<'_>) -> Vec<Change> {
        let blocks = asker.blocks;
        let mut changes = Vec::new();
        if blocks.has(Blocks::FRAMEWORK_UNKNOWN) || blocks.has(Blocks::NOT_SUBSCRIBED) {
            changes.push(Change::Subscribe { role: asker.role.clone() });
        }
        if blocks.has(Blocks::FRAMEWORK_INACTIVE) {
            changes.push(Change::Reconnect);
        }
        if blocks.has(Blocks::SUPPRESSED) {
            changes.push(Change::Revive { role: asker.role.clone() });
        }
        if let Some(Reason::RecoveryHoldOff { until, .. }) = self.hold_off() {
            changes.push(Change::Wait { until });
        }
        changes
    }

    /// What would have been enough on an agent, and another way if there is one.
    pub(super) fn smallest_change(
        &self,
        now: Instant,
        asker: &Asker<'_>,
        key: AgentKey,
        agent: &Agent,
        judged: &Judged,
    ) -> (Vec<Change>, Vec<Change>) {
        let blocks = judged.blocks;
        if blocks.is_none() {
            let case = Case::new(self, asker, now, (key, agent), WhatIf::default());
            let mut changes = vec![Change::Wait { until: self.next_round_at(now) }];
            changes.extend(case.without_rivals(&changes, &case.base, &Quantities::new()));
            return (changes, Vec::new());
        }
        let mut changes = self.changes_without_agent(asker);
        let mut base = WhatIf { is_unfiltered: blocks.has(Blocks::SUPPRESSED), ..WhatIf::default() };
        if blocks.has(Blocks::DEACTIVATED) {
            changes.push(Change::ActivateAgent);
        }
        if blocks.has(Blocks::NOT_LISTED) {
            changes.push(Change::Whitelist { hostname: agent.info.hostname.clone() });
        }
        if !asker.is_known() {
            return (changes, Vec::new());
        }
        for lack in agent.demands.lacks(asker.abilities) {
            if let Lack::Framework(capability) = lack {
                base.add(capability);
            }
            changes.push(Change::AddCapability { lack });
        }
        if blocks.has(Blocks::CONSTRAINT) {
            let groups = asker.client.map(|client| self.constraints.failed(client, &agent.info)).unwrap_or_default();
            let fewest = groups.into_iter().min_by_key(Vec::len);
            changes.extend(fewest.map(|constraints| Change::RelaxConstraints { constraints }));
        }
        let case = Case::new(self, asker, now, (key, agent), base);
        let mut ways = case.ways();
        let first = ways.next();
        // What others give back may be promised to them again, so with quotas it is named only where it is enough alone.
        let is_sure = |way: &Enough| {
            let gives_back = way.changes.iter().any(|change| matches!(change, Change::Free { .. }));
            !(gives_back && way.changes.len() > 1 && self.quotas.has_quota())
        };
        let other = if changes.is_empty() { ways.find(is_sure) } else { None };
        drop(ways);
        let complete = |mut changes: Vec<Change>, way: Enough| {
            changes.extend(way.changes);
            let others = case.without_rivals(&changes, &way.what_if, &way.minimum);
            changes.extend(others);
            changes
        };
        let changes = match first {
            Some(way) => complete(changes, way),
            None => changes,
        };
        // Who is served first with what is promised less is not foreseen: a second way does not rely on it.
        let is_foreseen = |changes: &Vec<Change>| {
            let is_less = changes.iter().any(|change| matches!(change, Change::LowerGuarantee { .. }));
            !(is_less && changes.iter().any(|change| matches!(change, Change::Suppress { .. })))
        };
        let other = other.map(|way| complete(Vec::new(), way)).filter(is_foreseen);
        let weight = self.share_order(asker, key, agent).and_then(|(_, weight)| weight);
        let other =
            weight.filter(|_| asker.blocks.is_none()).map_or_else(|| other.unwrap_or_default(), |one| vec![one]);
        (changes, other)
    }
}

impl HierarchicalDrf {
    /// Whether somebody would be offered what he needs of an agent, once these parts of it came back, whatever he refused.
    pub(in crate::allocator) fn would_offer(
        &self,
        asker: &Asker<'_>,
        key: AgentKey,
        agent: &Agent,
        returned: &[(Role, Resources)],
    ) -> bool {
        let case = Case::new(self, asker, Instant::ZERO, (key, agent), WhatIf::default());
        let free = returned.iter().fold(agent.available.clone(), |free, (_, part)| free + part);
        let mut what_if = WhatIf { free: Some(free), is_unfiltered: true, ..WhatIf::default() };
        case.give_back(
            &mut what_if,
            returned.iter().map(|(role, part)| (role.clone(), part.quota_quantities())).collect(),
        );
        case.is_enough(&case.judge(&what_if))
    }
}

impl<'a> Case<'a> {
    fn new(
        allocator: &'a HierarchicalDrf,
        asker: &'a Asker<'a>,
        now: Instant,
        (key, agent): (AgentKey, &'a Agent),
        base: WhatIf,
    ) -> Self {
        Self { allocator, asker, now, key, agent, base, search: Search::default() }
    }

    pub(super) fn judge(&self, what_if: &WhatIf) -> Judged {
        self.allocator.judge(self.asker, self.key, self.agent, what_if)
    }

    /// Whether there would be an offer, as far as resources go.
    pub(super) fn is_enough(&self, judged: &Judged) -> bool {
        const OTHERS: Blocks = Blocks::NOTHING_FREE;
        let amounts = [
            Blocks::SHOWN,
            Blocks::RESERVED,
            Blocks::STRIPPED,
            Blocks::LIMIT,
            Blocks::HEADROOM,
            Blocks::MAXIMUM,
            Blocks::BELOW_MINIMUM,
            Blocks::FILTERED,
            Blocks::TOO_SMALL,
        ];
        !judged.blocks.has(OTHERS)
            && !amounts.into_iter().any(|block| judged.blocks.has(block))
            && !judged.offer.is_empty()
    }

    /// Sets of ways that are enough, fewest ways first, and none that holds an earlier one; after the first only those that
    /// are about as small, since there are many of the others.
    fn ways(&self) -> impl Iterator<Item = Enough> {
        let all = self.candidates();
        let needed = self.needed(&all);
        let sets = 1_u32 << all.len();
        let mut order: Vec<u32> = (0..sets).filter(|set| set & needed == needed).collect();
        order.sort_by_key(|set| set.count_ones());
        let (mut found, mut most) = (Vec::<u32>::new(), u32::MAX);
        order.into_iter().filter_map(move |set| {
            if set.count_ones() > most || found.iter().any(|own| set & own == *own) {
                return None;
            }
            let ways: Vec<Way> =
                (0..).zip(&all).filter(|(place, _)| set & (1 << place) != 0).map(|(_, way)| *way).collect();
            let enough = self.attempt(&ways)?;
            found.push(set);
            most = most.min(set.count_ones().max(SMALL));
            Some(enough)
        })
    }

    /// The ways, as bits, without which all others together are not enough.
    fn needed(&self, all: &[Way]) -> u32 {
        // As much of everything as could be asked for.
        let wanted = self.asker.minimums.iter().cloned().chain(self.asker.need.map(Need::quantities));
        let free = wanted.fold(self.agent.total.clone(), |free, more| free + &scalars(&more));
        let exact = match self.asker.need {
            Some(Need::Resources(need)) => need.clone(),
            _ => Resources::new(),
        };
        let mut loose = WhatIf {
            free: Some(free + &exact),
            is_answered: true,
            is_unreserved: true,
            is_unlimited: true,
            is_unkept: true,
            has_no_maximum: true,
            has_no_minimum: true,
            is_unfiltered: true,
            ..self.base.clone()
        };
        for (capability, _) in stripped(self.asker, &self.judge(&loose).allocatable) {
            loose.add(capability);
        }
        if !self.is_enough(&self.judge(&loose)) {
            return 0;
        }
        let without = |way: &Way| {
            let base = loose.clone();
            match way {
                Way::Answer => WhatIf { is_answered: false, ..base },
                Way::Wait => WhatIf { is_unfiltered: self.base.is_unfiltered, ..base },
                Way::RaiseMaximum => WhatIf { has_no_maximum: false, ..base },
                // Others may make up for these.
                _ => base,
            }
        };
        let places = (0..).zip(all);
        places
            .filter(|(_, way)| !self.is_enough(&self.judge(&without(way))))
            .fold(0, |bits, (place, _)| bits | 1 << place)
    }

    /// Ways that may help, as things are or once more is free.
    fn candidates(&self) -> Vec<Way> {
        let everything = WhatIf {
            free: Some(self.agent.total.clone()),
            is_unfiltered: true,
            is_answered: true,
            ..self.base.clone()
        };
        let lenient = WhatIf {
            is_answered: true,
            is_unreserved: true,
            is_unlimited: true,
            is_unkept: true,
            has_no_maximum: true,
            is_unfiltered: true,
            ..self.base.clone()
        };
        let (now, most, loose) = (self.judge(&self.base), self.judge(&everything), self.judge(&lenient));
        let blocks = now.blocks | most.blocks | loose.blocks;
        let is_short =
            [Blocks::NOTHING_FREE, Blocks::BELOW_MINIMUM, Blocks::TOO_SMALL, Blocks::RESERVED, Blocks::STRIPPED];
        let is_short = is_short.into_iter().any(|block| blocks.has(block));
        let has_refused = !self.base.is_unfiltered && self.refusals(&Resources::new()).next().is_some();
        let cuts = |before: fn(&Judged) -> &Resources, after: fn(&Judged) -> &Resources| {
            [&now, &most].into_iter().any(|judged| before(judged) != after(judged))
        };
        let all = [
            (Way::Answer, now.free != *now.unshown()),
            (Way::Wait, has_refused),
            (Way::AddCapabilities, cuts(|own| &own.allocatable, |own| &own.able)),
            (Way::RaiseMaximum, self.asker.bounds.has_size()),
            (Way::LowerMinimum, blocks.has(Blocks::BELOW_MINIMUM)),
            (Way::Free, is_short),
            (Way::RaiseLimit, self.asker.bounds.has_limits()),
            (Way::LowerGuarantee, !self.allocator.quotas.required().is_empty()),
            (Way::AddCapacity, is_short || blocks.has(Blocks::HEADROOM)),
            (Way::Unreserve, !self.agent.is_over && cuts(Judged::unshown, |own| &own.allocatable)),
        ];
        all.into_iter().filter(|(_, is_one)| *is_one).map(|(way, _)| way).collect()
    }

    fn refusals(&self, offer: &Resources) -> impl Iterator<Item = (Instant, Batch, &Resources)> {
        let client = self.asker.client.into_iter();
        client.flat_map(move |client| self.allocator.filters.blocking(client, self.key, offer).collect::<Vec<_>>())
    }

    /// The steps of these ways with the least amounts, if they are enough and all of them are needed.
    fn attempt(&self, ways: &[Way]) -> Option<Enough> {
        self.search.attempts.set(self.search.attempts.get() + 1);
        let mut what_if = self.base.clone();
        let mut changes = Vec::new();
        if ways.contains(&Way::AddCapabilities) {
            let before = self.judge(&what_if);
            for (capability, _) in stripped(self.asker, &before.allocatable) {
                what_if.add(capability);
                changes.push(Change::AddCapability { lack: Lack::Framework(capability) });
            }
        }
        what_if.is_answered = ways.contains(&Way::Answer);
        what_if.is_unfiltered |= ways.contains(&Way::Wait);
        what_if.has_no_minimum = ways.contains(&Way::LowerMinimum);
        if ways.contains(&Way::Unreserve) {
            what_if.is_unreserved = true;
            let owned = &self.agent.available - &self.agent.available.allocatable_to(self.asker.role);
            let owned = owned.reserved().into_iter();
            let parts = owned.map(|(owner, bag)| (owner, bag.to_unreserved().quota_quantities()));
            self.give_back(&mut what_if, parts.collect());
        }
        let before = self.judge(&what_if);
        self.minimums(&what_if, &before).into_iter().find_map(|minimum| {
            let (what_if, more) = self.reach(ways, what_if.clone(), &before, &minimum)?;
            let judged = self.judge(&what_if);
            if !self.is_enough(&judged) || !self.lacking(&judged.offer, &minimum).is_empty() {
                return None;
            }
            let lacking = self.lacking(&before.offer, &minimum);
            let sure = sure_part(ways, &judged.offer, &(before.offer.quota_quantities() + &lacking));
            // What was offered before may come in another stage than what comes now, and does not count towards one minimum.
            let assured = smaller(&(before.offer.quantities() + &lacking), &sure.quantities());
            if !what_if.is_unfiltered && self.refusals(&sure).next().is_some() {
                return None;
            }
            let more = self.without_needless(more, &what_if, &minimum);
            let unreserved = self.to_unreserve(ways, &what_if, &judged.free, &minimum);
            let closing = self.closing(ways, unreserved, &sure, &assured)?;
            let changes = changes.iter().cloned().chain(more).chain(closing).collect();
            Some(Enough { changes, what_if, minimum })
        })
    }

    /// Without promises that need not be smaller: once a role below is promised less, what is promised to the asker's own
    /// role may come to light, and be enough.
    fn without_needless(&self, mut changes: Vec<Change>, what_if: &WhatIf, minimum: &Quantities) -> Vec<Change> {
        let kept = WhatIf { is_unkept: false, required: Quantities::new(), ..what_if.clone() };
        let lowered_by = |changes: &[Change]| -> Vec<Freed> {
            let lowered = changes.iter().filter_map(|change| match change {
                Change::LowerGuarantee { role, by } => Some((role.clone(), by.clone())),
                _ => None,
            });
            lowered.collect()
        };
        let is_still_enough = |changes: &[Change]| {
            let (asker, lowered) = (self.asker, lowered_by(changes));
            let bounds = asker.bounds.lowered(self.allocator, asker.role, &lowered, &what_if.freed);
            let asker = &Asker { bounds, ..asker.clone() };
            let judged = self.allocator.judge(asker, self.key, self.agent, &kept);
            self.is_enough(&judged) && self.lacking(&judged.offer, minimum).is_empty()
        };
        if lowered_by(&changes).len() < 2 {
            return changes;
        }
        for place in (0..changes.len()).rev() {
            if matches!(changes[place], Change::LowerGuarantee { .. }) {
                let mut fewer = changes.clone();
                fewer.remove(place);
                if is_still_enough(&fewer) {
                    changes = fewer;
                }
            }
        }
        changes
    }

    /// The minimums an offer may reach, the nearest first; the least there is where anything will do.
    fn minimums(&self, what_if: &WhatIf, before: &Judged) -> Vec<Quantities> {
        if !what_if.has_no_minimum && !self.asker.minimums.is_empty() {
            // What is needed goes towards a minimum.
            let needed = self.asker.need.map_or_else(Quantities::new, Need::quantities);
            let offered = larger(&before.offer.quantities(), &needed);
            let mut minimums = self.asker.minimums.to_vec();
            minimums.sort_by_key(|minimum| lack_of(minimum, &offered));
            return minimums;
        }
        if !before.offer.is_empty() || self.asker.need.is_some() {
            return vec![Quantities::new()];
        }
        let (able, total) = (before.able.scalar_quantities(), self.agent.total.scalar_quantities());
        let names = able.iter().chain(total.iter()).map(|(name, _)| name.clone());
        names.map(|name| Quantities::from_iter([(name, LEAST)])).collect()
    }

    /// How much a bag lacks of what is needed and of a minimum.
    pub(super) fn lacking(&self, bag: &Resources, minimum: &Quantities) -> Quantities {
        larger(&self.asker.missing(bag), &(minimum.clone() - &bag.quantities()))
    }

    /// Makes an offer that holds the need and a minimum possible, with the ways that add something.
    fn reach(
        &self,
        ways: &[Way],
        mut what_if: WhatIf,
        before: &Judged,
        minimum: &Quantities,
    ) -> Option<(WhatIf, Vec<Change>)> {
        let mut changes = Vec::new();
        let bounds = &self.asker.bounds;
        let short = self.lacking(&before.able, minimum);
        let wanted = before.offer.quota_quantities() + &self.lacking(&before.offer, minimum);
        if ways.contains(&Way::Free) {
            let (free, from) = self.freed(before, &short)?;
            what_if.free = Some(free);
            let parts = from.iter().map(|own| (own.party.role.clone(), own.resources.quota_quantities()));
            self.give_back(&mut what_if, parts.collect());
            changes.push(Change::Free { from });
        }
        let deficit = match bounds.is_bounded && !what_if.is_unkept {
            true => {
                let wanted = wanted.clone() - &bounds.promised_of(&before.open);
                self.allocator.headroom_deficit(&wanted, (&what_if.required, &what_if.headroom))
            }
            false => Quantities::new(),
        };
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
            let lowered = self.lowered(&deficit)?;
            changes.extend(Some(lowered).filter(|lowered| !lowered.is_empty())?);
        }
        if ways.contains(&Way::AddCapacity) {
            let short = if ways.contains(&Way::Free) { Quantities::new() } else { short };
            let resources = self.added(before, &short, &deficit)?;
            changes.extend(self.unlocking(&resources));
            let excess = scalars(&self.excess(&short));
            let before = what_if.free.take().unwrap_or_else(|| self.agent.available.clone());
            // What is held in another form may come to be matched, and set free what was kept back for it.
            let after = match self.agent.is_over {
                true => (&self.agent.total + &(&resources + &excess)).left_beside(&self.agent.held()),
                false => before.clone() + &resources,
            };
            what_if.headroom += &(after.quota_quantities() - &before.quota_quantities());
            what_if.free = Some(after);
            changes.push(Change::AddCapacity { resources: resources + &excess });
        }
        Some((what_if, changes))
    }

    /// Which promises have to be smaller, so that so much less is required.
    fn lowered(&self, deficit: &Quantities) -> Option<Vec<Change>> {
        let mut known = self.search.lowered.borrow_mut();
        if let Some((_, lowered)) = known.iter().find(|(own, _)| own == deficit) {
            return lowered.clone();
        }
        self.search.walks.set(self.search.walks.get() + 1);
        let lowered = self.allocator.lowered_guarantees(self.asker, deficit);
        known.push((deficit.clone(), lowered.clone()));
        lowered
    }

    /// What quota is about comes back from others: it does not count against their roles any more, which may be short of
    /// what they are promised then.
    fn give_back(&self, what_if: &mut WhatIf, parts: Vec<Freed>) {
        what_if.headroom += &parts.iter().map(|(_, amounts)| amounts.clone()).sum();
        what_if.freed.extend(parts);
        what_if.required = self.allocator.newly_required(self.asker, &what_if.freed);
    }

    /// What would have to be there in addition.
    fn added(&self, before: &Judged, short: &Quantities, deficit: &Quantities) -> Option<Resources> {
        let exact = match self.asker.need {
            Some(Need::Resources(need)) if !short.is_empty() => need - &before.able,
            _ => Resources::new(),
        };
        let more = scalars(&(larger(short, deficit) - &exact.quantities()));
        let added = exact + &more;
        (!added.is_empty()).then_some(added)
    }

    /// An agent gets gpus: from then on it is kept for those who can deal with them.
    fn unlocking(&self, added: &Resources) -> Option<Change> {
        let capability = FrameworkCapability::GpuResources;
        let is_first = !added.gpus().is_zero() && self.agent.total.gpus().is_zero();
        let is_locked =
            is_first && self.allocator.options.filter_gpu_resources && !self.asker.abilities.can(capability);
        is_locked.then_some(Change::AddCapability { lack: Lack::Framework(capability) })
    }

    /// What is held beyond what there is, of the names that are short: nothing is free before that is covered.
    fn excess(&self, short: &Quantities) -> Quantities {
        if !self.agent.is_over {
            return Quantities::new();
        }
        let excess = (&self.agent.held() - &self.agent.total).scalar_quantities();
        excess
            .iter()
            .filter(|(name, _)| !short.get(name).is_zero())
            .map(|(name, amount)| (name.clone(), amount))
            .collect()
    }

    /// What would be free if others gave back as much as is short, and who gives what; those who ask come last.
    fn freed(&self, before: &Judged, short: &Quantities) -> Option<(Resources, Vec<Holder>)> {
        if short.is_empty() || self.agent.is_over {
            return None;
        }
        let (mut left, mut from) = (short.clone(), Vec::new());
        let mut free = before.free.clone();
        let mut holdings: Vec<_> = self.agent.holdings.iter().collect();
        holdings.sort_by_key(|holding| (Some(holding.client) == self.asker.client, holding.client));
        for holding in holdings {
            let usable = holding.resources.non_shared().allocatable_to(self.asker.role);
            let mut part = self.asker.abilities.strip(&usable).filter(|entry| self.is_of_use(entry));
            part.shrink(&left);
            if part.is_empty() {
                continue;
            }
            left -= &part.quantities();
            free += &part;
            let holder = self.allocator.holder(holding)?;
            from.push(Holder { resources: part, ..holder });
        }
        left.is_empty().then_some((free, from))
    }

    /// Whether an entry can become part of what is needed.
    fn is_of_use(&self, entry: &Resource) -> bool {
        let is_like = |other: &Resource| {
            other.name() == entry.name()
                && other.reservations() == entry.reservations()
                && other.is_revocable() == entry.is_revocable()
        };
        let is_needed = match self.asker.need {
            Some(Need::Resources(need)) => need.iter().any(|other| is_like(&other)),
            _ => true,
        };
        is_needed && !entry.is_indivisible()
    }

    /// What has to lose its reservation. With quotas it counts in other places then, and all of it was reckoned with.
    fn to_unreserve(
        &self,
        ways: &[Way],
        what_if: &WhatIf,
        free: &Resources,
        minimum: &Quantities,
    ) -> Option<Resources> {
        if !ways.contains(&Way::Unreserve) {
            return None;
        }
        let mut owned = free - &free.allocatable_to(self.asker.role);
        let reserved = self.judge(&WhatIf { is_unreserved: false, ..what_if.clone() });
        let lacking = self.lacking(&reserved.offer, minimum);
        if !(self.allocator.quotas.has_quota() || what_if.has_no_minimum || lacking.is_empty()) {
            owned.shrink(&lacking);
        }
        Some(owned)
    }

    /// The steps whose amounts follow from the offer that would be made.
    fn closing(
        &self,
        ways: &[Way],
        unreserved: Option<Resources>,
        offer: &Resources,
        assured: &Quantities,
    ) -> Option<Vec<Change>> {
        let mut changes = Vec::new();
        if ways.contains(&Way::Answer) {
            let shown = self.asker.client.and_then(|client| self.allocator.shown.of(client, self.key))?;
            changes.push(Change::Answer { resources: shown.clone() });
        }
        if ways.contains(&Way::LowerMinimum) {
            let nearest = self.asker.minimums.iter().min_by_key(|minimum| lack_of(minimum, assured))?;
            let to = nearest.iter().map(|(name, amount)| (name.clone(), amount.min(assured.get(name)))).collect();
            changes.push(Change::LowerMinimum { to });
        }
        changes.extend(unreserved.map(|resources| Change::Unreserve { resources }));
        if ways.contains(&Way::Wait) {
            let until = self.refusals(offer).map(|(due_at, batch, _)| self.ends_at(due_at, batch)).max()?;
            changes.push(Change::Wait { until });
        }
        Some(changes)
    }

    /// The round that does not mind a refusal any more: not before a batch round has seen it.
    pub(super) fn ends_at(&self, due_at: Instant, made_in: Batch) -> Instant {
        let schedule = &self.allocator.schedule;
        let round = schedule.batch_from(due_at);
        let is_first = schedule.batch_from(Instant::ZERO) == round && made_in == Batch::of(schedule.batches());
        if is_first { round + schedule.interval() } else { round }
    }
}

/// What an offer will hold for sure when bounds are raised by as little as is wanted, rather than lifted.
fn sure_part(ways: &[Way], offer: &Resources, wanted: &Quantities) -> Resources {
    let is_raised = [Way::RaiseMaximum, Way::RaiseLimit, Way::LowerGuarantee].iter().any(|way| ways.contains(way));
    if !is_raised {
        return offer.clone();
    }
    let mut bounded = offer.filter(Resource::is_under_quota);
    bounded.shrink(wanted);
    bounded + &offer.filter(|entry| !entry.is_under_quota())
}

/// Of each name the larger amount.
fn larger(left: &Quantities, right: &Quantities) -> Quantities {
    left.clone() + &(right.clone() - left)
}

/// Of each name the smaller amount.
fn smaller(left: &Quantities, right: &Quantities) -> Quantities {
    left.iter().map(|(name, amount)| (name.clone(), amount.min(right.get(name)))).collect()
}

#[cfg(test)]
mod tests;
