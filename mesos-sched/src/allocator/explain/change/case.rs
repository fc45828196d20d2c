//! Who asks, on one agent: what several ways out are measured by.

use mesos_core::Instant;
use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::Need;
use mesos_core::resource::{Quantities, Resources};

use super::super::super::HierarchicalDrf;
use super::super::super::book::Agent;
use super::super::super::filter::Batch;
use super::super::asker::Asker;
use super::super::block::Blocks;
use super::super::judge::{Judged, WhatIf};
use super::super::reason::lack_of;
use super::amount::larger;
use super::least::LEAST;
use super::search::Search;

/// One who asks, on one agent.
pub(in super::super) struct Case<'a> {
    pub(in super::super) allocator: &'a HierarchicalDrf,
    pub(in super::super) asker: &'a Asker<'a>,
    pub(in super::super) now: Instant,
    pub(in super::super) key: AgentKey,
    pub(in super::super) agent: &'a Agent,
    pub(super) base: WhatIf,
    pub(super) search: Search,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        allocator: &'a HierarchicalDrf,
        asker: &'a Asker<'a>,
        now: Instant,
        (key, agent): (AgentKey, &'a Agent),
        base: WhatIf,
    ) -> Self {
        Self { allocator, asker, now, key, agent, base, search: Search::default() }
    }

    pub(in super::super) fn judge(&self, what_if: &WhatIf) -> Judged {
        self.allocator.judge(self.asker, self.key, self.agent, what_if)
    }

    /// Whether there would be an offer, as far as resources go.
    pub(in super::super) fn is_enough(&self, judged: &Judged) -> bool {
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

    /// What the framework was shown of the agent and did not answer.
    pub(super) fn shown(&self) -> Option<&'a Resources> {
        self.asker.client.and_then(|client| self.allocator.shown.of(client, self.key))
    }

    /// Whether something is promised to the role or above it, to be consumed or not.
    pub(super) fn has_own_guarantee(&self) -> bool {
        self.asker.bounds.has_guarantees()
    }

    /// The minimums an offer may reach, the nearest first; the least there is where anything will do.
    pub(super) fn minimums(&self, what_if: &WhatIf, before: &Judged) -> Vec<Quantities> {
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
    pub(in super::super) fn lacking(&self, bag: &Resources, minimum: &Quantities) -> Quantities {
        larger(&self.asker.missing(bag), &(minimum.clone() - &bag.quantities()))
    }

    pub(super) fn refusals(&self, offer: &Resources) -> impl Iterator<Item = (Instant, Batch, &'a Resources)> {
        let client = self.asker.client.into_iter();
        let all = client.flat_map(|client| self.allocator.filters.blocking(client, self.key, offer));
        all.collect::<Vec<_>>().into_iter()
    }

    /// The round that does not mind a refusal any more: not before a batch round has seen it.
    pub(in super::super) fn ends_at(&self, due_at: Instant, made_in: Batch) -> Instant {
        let schedule = &self.allocator.schedule;
        let round = schedule.batch_from(due_at);
        let is_first = schedule.batch_from(Instant::ZERO) == round && made_in == Batch::of(schedule.batches());
        if is_first { round + schedule.interval() } else { round }
    }
}
