//! The smallest change that would have been enough: ways out are tried on the books, fewest steps first.

use mesos_core::Instant;
use mesos_core::Scalar;
use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::{Change, Holder, Lack, Need, Reason};
use mesos_core::resource::{Quantities, Resources};

use super::super::HierarchicalDrf;
use super::super::book::Agent;
use super::asker::Asker;
use super::block::Blocks;
use super::judge::{Judged, WhatIf};
use super::reason::{lack_of, stripped};
use super::survey::scalars;

/// A way out, from the cheapest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
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

/// The smallest amount there is.
const LEAST: Scalar = Scalar::from_milli(1);

/// One who asks, on one agent.
struct Case<'a> {
    allocator: &'a HierarchicalDrf,
    asker: &'a Asker<'a>,
    key: AgentKey,
    agent: &'a Agent,
    base: WhatIf,
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
            return (vec![Change::Wait { until: self.next_round_at(now) }], Vec::new());
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
        let mut ways = Case { allocator: self, asker, key, agent, base }.ways();
        let first = ways.next();
        let other = ways.next().filter(|_| changes.is_empty());
        drop(ways);
        changes.extend(first.into_iter().flatten());
        let weight = self.share_order(asker, key, agent).and_then(|(_, weight)| weight);
        let other =
            weight.filter(|_| asker.blocks.is_none()).map_or_else(|| other.unwrap_or_default(), |one| vec![one]);
        (changes, other)
    }
}

impl<'a> Case<'a> {
    fn judge(&self, what_if: &WhatIf) -> Judged {
        self.allocator.judge(self.asker, self.key, self.agent, what_if)
    }

    /// Whether there would be an offer, as far as resources go.
    fn is_enough(&self, judged: &Judged) -> bool {
        const OTHERS: Blocks = Blocks::NOTHING_FREE;
        let amounts = [
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

    /// Every set of ways that is enough, fewest ways first.
    fn ways(self) -> impl Iterator<Item = Vec<Change>> + use<'a> {
        let all = self.candidates();
        let sets = 1_u32 << all.len();
        let mut order: Vec<u32> = (0..sets).collect();
        order.sort_by_key(|set| set.count_ones());
        order.into_iter().filter_map(move |set| {
            let ways: Vec<Way> =
                (0..).zip(&all).filter(|(place, _)| set & (1 << place) != 0).map(|(_, way)| *way).collect();
            self.attempt(&ways)
        })
    }

    /// Ways that may help, as things are or once more is free.
    fn candidates(&self) -> Vec<Way> {
        let everything = WhatIf { free: Some(self.agent.total.clone()), ..self.base.clone() };
        let blocks = self.judge(&self.base).blocks | self.judge(&everything).blocks;
        let is_short = blocks.has(Blocks::NOTHING_FREE)
            || blocks.has(Blocks::BELOW_MINIMUM)
            || blocks.has(Blocks::TOO_SMALL)
            || blocks.has(Blocks::RESERVED)
            || blocks.has(Blocks::STRIPPED);
        let has_refused = !self.base.is_unfiltered && self.refusals(&Resources::new()).next().is_some();
        let all = [
            (Way::Wait, has_refused),
            (Way::AddCapabilities, blocks.has(Blocks::STRIPPED)),
            (Way::RaiseMaximum, blocks.has(Blocks::MAXIMUM)),
            (Way::LowerMinimum, blocks.has(Blocks::BELOW_MINIMUM)),
            (Way::Free, is_short),
            (Way::RaiseLimit, blocks.has(Blocks::LIMIT)),
            (Way::LowerGuarantee, blocks.has(Blocks::HEADROOM)),
            (Way::AddCapacity, is_short || blocks.has(Blocks::HEADROOM)),
            (Way::Unreserve, blocks.has(Blocks::RESERVED)),
        ];
        all.into_iter().filter(|(_, is_one)| *is_one).map(|(way, _)| way).collect()
    }

    fn refusals(&self, offer: &Resources) -> impl Iterator<Item = (Instant, u64, &Resources)> {
        let client = self.asker.client.into_iter();
        client.flat_map(move |client| self.allocator.filters.blocking(client, self.key, offer).collect::<Vec<_>>())
    }

    /// The steps of these ways with the least amounts, if they are enough and all of them are needed.
    fn attempt(&self, ways: &[Way]) -> Option<Vec<Change>> {
        let mut what_if = self.base.clone();
        let mut changes = Vec::new();
        if ways.contains(&Way::AddCapabilities) {
            let before = self.judge(&what_if);
            for (capability, _) in stripped(self.asker, &before.allocatable) {
                what_if.add(capability);
                changes.push(Change::AddCapability { lack: Lack::Framework(capability) });
            }
        }
        what_if.is_unfiltered |= ways.contains(&Way::Wait);
        what_if.has_no_minimum = ways.contains(&Way::LowerMinimum);
        what_if.is_unreserved = ways.contains(&Way::Unreserve);
        let before = self.judge(&what_if);
        self.targets(&what_if, &before).into_iter().find_map(|target| {
            let (what_if, more) = self.reach(ways, what_if.clone(), &before, &target)?;
            let judged = self.judge(&what_if);
            if !self.is_enough(&judged) {
                return None;
            }
            let closing = self.closing(ways, &what_if, &judged)?;
            Some(changes.iter().cloned().chain(more).chain(closing).collect())
        })
    }

    /// What an offer has to hold: the need and one of the minimums; the nearest first.
    fn targets(&self, what_if: &WhatIf, before: &Judged) -> Vec<Quantities> {
        let need = self.asker.need.map_or_else(Quantities::new, Need::quantities);
        if what_if.has_no_minimum || self.asker.minimums.is_empty() {
            return vec![self.at_least_something(need, before)];
        }
        let offered = before.offer.quantities();
        let mut minimums: Vec<&Quantities> = self.asker.minimums.iter().collect();
        minimums.sort_by_key(|minimum| lack_of(minimum, &offered));
        minimums.into_iter().map(|minimum| self.at_least_something(larger(&need, minimum), before)).collect()
    }

    fn at_least_something(&self, target: Quantities, before: &Judged) -> Quantities {
        if !target.is_empty() || !before.offer.is_empty() {
            return target;
        }
        let able = before.able.quantities();
        let total = self.agent.total.scalar_quantities();
        let name = able.iter().next().or_else(|| total.iter().next()).map(|(name, _)| name.clone());
        name.into_iter().map(|name| (name, LEAST)).collect()
    }

    /// Makes an offer of `target` possible with the ways that add something.
    fn reach(
        &self,
        ways: &[Way],
        mut what_if: WhatIf,
        before: &Judged,
        target: &Quantities,
    ) -> Option<(WhatIf, Vec<Change>)> {
        let mut changes = Vec::new();
        let bounds = &self.asker.bounds;
        let short = target.clone() - &before.able.quantities();
        let wanted = before.offer.quota_quantities() + &(target.clone() - &before.offer.quantities());
        let deficit = match bounds.is_bounded {
            true => self.allocator.headroom_deficit(&(wanted.clone() - &bounds.promised_of(&before.open))),
            false => Quantities::new(),
        };
        if ways.contains(&Way::Free) {
            let (free, from) = self.freed(before, &short)?;
            what_if.free = Some(free);
            changes.push(Change::Free { from });
        }
        if ways.contains(&Way::RaiseMaximum) {
            what_if.has_no_maximum = true;
            changes.push(Change::RaiseMaximum { by: HierarchicalDrf::raised_maximum(self.asker, &wanted) });
        }
        if ways.contains(&Way::RaiseLimit) {
            what_if.is_unlimited = true;
            changes.extend(self.allocator.raised_limits(self.asker, &wanted));
        }
        if ways.contains(&Way::LowerGuarantee) {
            what_if.is_unkept = true;
            changes.extend(self.allocator.lowered_guarantees(self.asker, &deficit)?);
        }
        if ways.contains(&Way::AddCapacity) {
            let has_free = ways.contains(&Way::Free);
            let by = if has_free { deficit } else { larger(&(short + &self.excess(before)), &deficit) };
            let resources = scalars(&by);
            if resources.is_empty() {
                return None;
            }
            what_if.free = Some(what_if.free.unwrap_or_else(|| self.agent.available.clone()) + &resources);
            what_if.headroom = by;
            changes.push(Change::AddCapacity { resources });
        }
        Some((what_if, changes))
    }

    /// What is held beyond what there is: it is free only when that is covered too.
    fn excess(&self, _before: &Judged) -> Quantities {
        if !self.agent.is_over {
            return Quantities::new();
        }
        let held: Resources = self.agent.holdings.iter().map(|holding| holding.resources.non_shared()).sum();
        held.scalar_quantities() - &self.agent.total.scalar_quantities()
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
            let mut part = self.asker.abilities.strip(&usable).filter(|entry| !entry.is_indivisible());
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

    /// The steps whose amounts follow from the offer that would be made.
    fn closing(&self, ways: &[Way], what_if: &WhatIf, judged: &Judged) -> Option<Vec<Change>> {
        let mut changes = Vec::new();
        if ways.contains(&Way::LowerMinimum) {
            let offered = judged.offer.quantities();
            let nearest = self.asker.minimums.iter().min_by_key(|minimum| lack_of(minimum, &offered))?;
            let to = nearest.iter().map(|(name, amount)| (name.clone(), amount.min(offered.get(name)))).collect();
            changes.push(Change::LowerMinimum { to });
        }
        if ways.contains(&Way::Unreserve) {
            let owned = judged.free.clone() - &judged.free.allocatable_to(self.asker.role);
            changes.push(Change::Unreserve { resources: owned });
        }
        if ways.contains(&Way::Wait) {
            let until = self.refusals(&judged.offer).map(|(due_at, batch, _)| self.ends_at(due_at, batch)).max()?;
            changes.push(Change::Wait { until });
        }
        let _ = what_if;
        Some(changes)
    }

    /// The round that does not mind a refusal any more: not before a batch round has seen it.
    fn ends_at(&self, due_at: Instant, batch: u64) -> Instant {
        let schedule = &self.allocator.schedule;
        let round = schedule.batch_from(due_at);
        let is_first = schedule.batch_from(Instant::ZERO) == round && batch == schedule.batches();
        if is_first { round + schedule.interval() } else { round }
    }
}

/// Of each name the larger amount.
fn larger(left: &Quantities, right: &Quantities) -> Quantities {
    left.clone() + &(right.clone() - left)
}
