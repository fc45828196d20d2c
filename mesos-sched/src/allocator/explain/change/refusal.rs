//! The step that ends refusals.

use mesos_core::provider::explain::Change;
use mesos_core::resource::Resources;

use super::case::Case;

impl Case<'_> {
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
