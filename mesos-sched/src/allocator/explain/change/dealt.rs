//! Offers that are dealt in pieces, each of which may have been refused though all of them together were not.

use mesos_core::provider::explain::Change;
use mesos_core::resource::Resources;

use super::super::super::eligibility::is_allocatable;
use super::super::super::policy::next_piece;
use super::super::judge::WhatIf;
use super::case::Case;

impl Case<'_> {
    /// Whether what is needed is still there once an offer was dealt in pieces, of which some are refused.
    pub(super) fn is_dealt_enough(&self, what_if: &WhatIf, offer: &Resources) -> bool {
        let (Some(need), Some(client)) = (self.asker.need, self.asker.client) else { return true };
        let options = &self.allocator.options;
        let has_refused = || self.refusals(&Resources::new()).next().is_some();
        if !options.policy.is_dealing() || what_if.is_unfiltered || !has_refused() {
            return true;
        }
        let piece = self.allocator.scratch.dealing.piece(&options.policy, client);
        let minimums = if what_if.has_no_minimum { &[] } else { self.asker.minimums };
        let is_taken =
            |part: &Resources| is_allocatable(part, minimums) && !self.allocator.filters.blocks(client, self.key, part);
        let (mut left, mut dealt) = (offer.clone(), Resources::new());
        while let Some(part) = next_piece(left.clone(), piece.as_ref()).filter(is_taken) {
            left = &left - &part;
            dealt += &part;
        }
        // What is left after pieces is offered as a whole.
        if is_taken(&left) {
            dealt += &left;
        }
        need.is_met_by(&dealt)
    }

    /// The step that ends refusals of an offer: to wait, unless parts of it would be offered before.
    pub(super) fn without_refusals(&self, offer: &Resources) -> Option<Change> {
        let policy = &self.allocator.options.policy;
        let is_in_part = |refused: &Resources| !refused.contains(offer) && offer - refused != *offer;
        if policy.is_dealing()
            && self.asker.need.is_some()
            && self.refusals(&Resources::new()).any(|(.., refused)| is_in_part(refused))
        {
            return Some(Change::Revive { role: self.asker.role.clone() });
        }
        let until = self.refusals(offer).map(|(due_at, batch, _)| self.ends_at(due_at, batch)).max()?;
        Some(Change::Wait { until })
    }
}
