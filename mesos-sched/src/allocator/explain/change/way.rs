//! Ways out, and the sets of them that are looked at.

use std::collections::BTreeSet;

use mesos_core::FrameworkCapability;
use mesos_core::provider::explain::Need;
use mesos_core::resource::Resources;

use super::super::block::Blocks;
use super::super::judge::{Judged, WhatIf, unreservable};
use super::super::reason::stripped;
use super::super::survey::scalars;
use super::attempt::Enough;
use super::case::Case;

/// A way out, from the cheapest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It answers what it was shown.
    Answer,
    /// Until the framework's refusals are over.
    Wait,
    /// The framework can deal with what is hidden from it; each capability is a step of its own.
    AddCapability(FrameworkCapability),
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

impl Case<'_> {
    /// Sets of ways that are enough, fewest ways first, and none that holds an earlier one; after the first only those that
    /// are about as small, since there are many of the others.
    pub(super) fn ways(&self) -> impl Iterator<Item = Enough> {
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
        for way in all {
            if let Way::AddCapability(capability) = way {
                loose.abilities = loose.abilities.with(*capability);
            }
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
                Way::AddCapability(capability) => WhatIf { abilities: base.abilities.without(*capability), ..base },
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
        // What is promised to the one who asks may be kept from him, too, where it does not make up a whole entry.
        let is_kept = !self.allocator.quotas.required().is_empty();
        let has_refused = !self.base.is_unfiltered && self.refusals(&Resources::new()).next().is_some();
        let is_owned = |judged: &Judged| !unreservable(&(judged.unshown() - &judged.allocatable)).is_empty();
        let mut all = vec![(Way::Answer, self.shown().is_some()), (Way::Wait, has_refused)];
        all.extend(self.hidden_by([&now, &most]).map(|capability| (Way::AddCapability(capability), true)));
        all.extend([
            (Way::RaiseMaximum, self.asker.bounds.has_size()),
            (Way::LowerMinimum, blocks.has(Blocks::BELOW_MINIMUM) || self.is_dealt_by_minimum()),
            (Way::Free, is_short),
            (Way::RaiseLimit, self.asker.bounds.has_limits()),
            (Way::LowerGuarantee, is_kept),
            (Way::AddCapacity, is_short || is_kept),
            (Way::Unreserve, !self.agent.is_over && (is_owned(&now) || is_owned(&most))),
        ]);
        all.into_iter().filter(|(_, is_one)| *is_one).map(|(way, _)| way).collect()
    }

    /// The capabilities for want of which something is hidden that is there, or would be if it was needed.
    fn hidden_by(&self, judged: [&Judged; 2]) -> impl Iterator<Item = FrameworkCapability> {
        let needed = match self.asker.need {
            Some(Need::Resources(need)) => need.allocatable_to(self.asker.role),
            _ => Resources::new(),
        };
        let bags = judged.map(|judged| judged.allocatable.clone()).into_iter().chain([needed]);
        let hidden =
            bags.flat_map(|bag| stripped(self.asker, &bag).map(|(capability, _)| capability).collect::<Vec<_>>());
        // In the order of their names, and each once.
        hidden.collect::<BTreeSet<_>>().into_iter()
    }
}
