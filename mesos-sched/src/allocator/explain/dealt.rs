//! Offers that are dealt in pieces: each is too small or was refused by itself, whatever all of them together are.
//!
//! A framework that waits for an amount has no use for the pieces that come if those that do not would be needed, so what
//! is judged by its need is what is dealt. What a framework takes at a time follows from what it says it wants; where that
//! would be different, so would the pieces be.

use mesos_core::provider::AgentKey;
use mesos_core::resource::{Limits, Quantities, Resources};

use super::super::HierarchicalDrf;
use super::super::eligibility::is_allocatable;
use super::super::policy::next_piece;
use super::asker::Asker;
use super::judge::WhatIf;

/// What comes of an offer.
#[derive(Debug)]
pub(super) struct Dealt {
    pub(super) resources: Resources,
    /// The first piece that does not come because it was refused.
    pub(super) refused: Option<Resources>,
}

impl HierarchicalDrf {
    /// What is dealt of an offer to one who needs something; nothing to tell where offers go out whole.
    pub(super) fn dealt(&self, asker: &Asker<'_>, key: AgentKey, what_if: &WhatIf, offer: &Resources) -> Option<Dealt> {
        let is_dealt = asker.need.is_some() && self.options.policy.is_dealing() && !asker.is_overdue;
        let client = asker.client.filter(|_| is_dealt)?;
        let minimums = asker.minimums_if(what_if);
        let is_wanted = |part: &Resources| is_allocatable(part, minimums);
        let is_refused = |part: &Resources| !what_if.is_unfiltered && self.filters.blocks(client, key, part);
        let piece = self.piece_if(asker, what_if);
        let (mut left, mut dealt) = (offer.clone(), Dealt { resources: Resources::new(), refused: None });
        while let Some(part) = next_piece(left.clone(), piece.as_ref()).filter(is_wanted) {
            if is_refused(&part) {
                dealt.refused = Some(part);
                break;
            }
            left = &left - &part;
            dealt.resources += &part;
        }
        // What is left after pieces is offered as a whole.
        if is_wanted(&left) {
            match is_refused(&left) {
                true => dealt.refused = dealt.refused.or(Some(left)),
                false => dealt.resources += &left,
            }
        }
        Some(dealt)
    }

    /// What a framework would take at a time; nothing means all there is.
    fn piece_if(&self, asker: &Asker<'_>, what_if: &WhatIf) -> Option<Quantities> {
        let least = match &what_if.minimum {
            Some(minimum) => Some(minimum).filter(|minimum| !minimum.is_empty()),
            None => asker.minimums_if(what_if).first().filter(|_| asker.has_own_minimums),
        };
        let most = asker.bounds.size_if(&what_if.larger).filter(|_| !what_if.has_no_maximum);
        let amounts = |limits: Limits| limits.iter().map(|(name, limit)| (name.clone(), limit)).collect();
        let stated = least.cloned().or_else(|| most.map(amounts));
        self.scratch.dealing.piece_if(&self.options.policy, asker.client?, stated)
    }
}

impl Asker<'_> {
    /// How little would be enough.
    pub(super) fn minimums_if<'b>(&'b self, what_if: &'b WhatIf) -> &'b [Quantities] {
        match &what_if.minimum {
            Some(minimum) => std::slice::from_ref(minimum),
            None if what_if.has_no_minimum => &[],
            None => self.minimums,
        }
    }
}
