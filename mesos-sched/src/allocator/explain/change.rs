//! The smallest change that would have been enough: ways out are tried on the books, fewest steps first.
//!
//! ```text
//!   ways: which may help, and sets of them, from the smallest
//!     └─▶ attempt: the steps of one set, with amounts
//!           ├─ amount, promise: how much is missing, who could give it back, who could be promised less
//!           ├─ actual: the books once exactly these steps are taken ──▶ judged again
//!           └─ least: no amount is larger than it has to be
//! ```

mod actual;
mod amount;
mod attempt;
mod case;
mod least;
mod minimum;
mod promise;
mod refusal;
mod search;
mod way;

#[cfg(test)]
mod tests;

use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::{Change, Lack, Reason};
use mesos_core::resource::{Quantities, Resources};
use mesos_core::{Instant, Role};

use super::super::HierarchicalDrf;
use super::super::book::Agent;
use super::asker::Asker;
use super::block::Blocks;
use super::judge::{Judged, WhatIf};

pub(super) use case::Case;

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

    /// What would have been enough on an agent, and another way if there is one: a weight that would have put who asks first
    /// comes before others.
    pub(super) fn smallest_change(
        &self,
        now: Instant,
        asker: &Asker<'_>,
        key: AgentKey,
        agent: &Agent,
        judged: &Judged,
        weight: Option<Change>,
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
        let is_alone = changes.is_empty();
        let mut ways = case.ways().map(|way| {
            let mut changes = changes.clone();
            changes.extend(way.changes);
            changes.extend(case.without_rivals(&changes, &way.what_if, &way.minimum));
            changes
        });
        let Some(first) = ways.next() else { return (changes, Vec::new()) };
        let other = match weight.filter(|_| asker.blocks.is_none()) {
            Some(weight) => vec![weight],
            None if is_alone => ways.find(|way| is_foreseen(way)).unwrap_or_default(),
            None => Vec::new(),
        };
        (first, other)
    }
}

/// Whether it is known who is served first after a way. Where promises are lowered it is not, and everybody who may be would
/// have to stand back: a second way does not rely on that, and gives place to a third, if there is one.
fn is_foreseen(changes: &[Change]) -> bool {
    let is_less = changes.iter().any(|change| matches!(change, Change::LowerGuarantee { .. }));
    !(is_less && changes.iter().any(|change| matches!(change, Change::Suppress { .. })))
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
