//! Reasons with what there is to say about each.

use std::collections::BTreeSet;

use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::{FailedConstraint, Holder, Lack, Reason};
use mesos_core::resource::{Quantities, Resources, Scalar};
use mesos_core::{FrameworkCapability, Instant, Role};

use super::super::HierarchicalDrf;
use super::super::book::{Agent, Holding};
use super::asker::Asker;
use super::block::Blocks;
use super::judge::Judged;

impl HierarchicalDrf {
    /// All that stands in the way on one agent, in order; who went first, if somebody did, among them.
    pub(super) fn reasons(
        &self,
        now: Instant,
        asker: &Asker<'_>,
        key: AgentKey,
        agent: &Agent,
        judged: &Judged,
        order: Option<Reason>,
    ) -> Vec<Reason> {
        let blocks = judged.blocks;
        let mut reasons = self.reasons_of(asker, blocks);
        if blocks.has(Blocks::DEACTIVATED) {
            reasons.push(Reason::AgentDeactivated);
        }
        if blocks.has(Blocks::NOT_LISTED) {
            reasons.push(Reason::NotWhitelisted { hostname: agent.info.hostname.clone() });
        }
        if blocks.has(Blocks::NOTHING_FREE) {
            reasons.push(self.nothing_free(agent));
        }
        if blocks.has(Blocks::DEMANDS) {
            let lacks = agent.demands.lacks(asker.abilities);
            reasons.extend(lacks.map(|lack| Reason::CapabilityMissing { lack, hidden: None }));
        }
        if blocks.has(Blocks::CONSTRAINT) {
            reasons.push(Reason::Constraint { failed: self.failed_constraints(asker, agent) });
        }
        self.push_reductions(asker, judged, &mut reasons);
        self.push_remainders(asker, key, agent, judged, &mut reasons);
        reasons.extend(order);
        if reasons.is_empty() {
            reasons.push(Reason::AwaitingRound { next_at: self.next_round_at(now) });
        }
        reasons
    }

    /// What holds on all agents.
    pub(super) fn reasons_of(&self, asker: &Asker<'_>, blocks: Blocks) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if blocks.has(Blocks::FRAMEWORK_UNKNOWN) {
            reasons.push(Reason::FrameworkUnknown);
        }
        if blocks.has(Blocks::NOT_SUBSCRIBED) {
            let clients = self.clients_of(asker.key).into_iter();
            let own =
                clients.filter(|(_, client)| self.clients[client.slot()].as_ref().is_some_and(|own| own.is_subscribed));
            reasons.push(Reason::NotSubscribed { roles: own.map(|(role, _)| role).collect::<BTreeSet<Role>>() });
        }
        if blocks.has(Blocks::FRAMEWORK_INACTIVE) {
            reasons.push(Reason::FrameworkInactive);
        }
        if blocks.has(Blocks::SUPPRESSED) {
            reasons.push(Reason::Suppressed);
        }
        reasons.extend(self.hold_off());
        reasons
    }

    fn nothing_free(&self, agent: &Agent) -> Reason {
        let mut holders: Vec<Holder> = agent.holdings.iter().filter_map(|holding| self.holder(holding)).collect();
        let size = |holder: &Holder| {
            let (held, total) = (holder.resources.scalar_quantities(), agent.total.scalar_quantities());
            let milli = |amount: Scalar| i128::from(amount.as_milli());
            let parts = held.iter().map(|(name, amount)| milli(amount) * 1_000 / milli(total.get(name)).max(1));
            parts.max().unwrap_or(0)
        };
        holders.sort_by(|left, right| size(right).cmp(&size(left)).then_with(|| left.party.cmp(&right.party)));
        let holder_count = holders.len();
        holders.truncate(Holder::SHOWN_MAX);
        Reason::NothingFree { total: agent.total.clone(), holders, holder_count }
    }

    pub(super) fn holder(&self, holding: &Holding) -> Option<Holder> {
        Some(Holder { party: self.party(holding.client)?, resources: holding.resources.clone(), offered: None })
    }

    /// Of every group, the first constraint that is not met.
    fn failed_constraints(&self, asker: &Asker<'_>, agent: &Agent) -> Vec<FailedConstraint> {
        let failed = asker.client.map(|client| self.constraints.failed(client, &agent.info)).unwrap_or_default();
        failed.into_iter().filter_map(|group| group.into_iter().next()).collect()
    }

    /// What takes something of the free resources away.
    fn push_reductions(&self, asker: &Asker<'_>, judged: &Judged, reasons: &mut Vec<Reason>) {
        let blocks = judged.blocks;
        if blocks.has(Blocks::SHOWN) {
            reasons.push(Reason::Shown { resources: &judged.free - judged.unshown() });
        }
        if blocks.has(Blocks::RESERVED) {
            reasons.push(Reason::Reserved { to: (judged.unshown() - &judged.allocatable).reserved() });
        }
        if blocks.has(Blocks::STRIPPED) {
            reasons.extend(stripped(asker, &judged.allocatable).map(|(capability, hidden)| {
                Reason::CapabilityMissing { lack: Lack::Framework(capability), hidden: Some(hidden) }
            }));
        }
        if blocks.has(Blocks::LIMIT) {
            reasons.extend(self.limit_reasons(asker, judged));
        }
        if blocks.has(Blocks::HEADROOM) {
            reasons.push(self.headroom_reason(judged));
        }
        if blocks.has(Blocks::MAXIMUM) {
            reasons.push(self.maximum_reason(asker, judged));
        }
    }

    /// What is wrong with what is left.
    fn push_remainders(
        &self,
        asker: &Asker<'_>,
        key: AgentKey,
        agent: &Agent,
        judged: &Judged,
        reasons: &mut Vec<Reason>,
    ) {
        let (blocks, offer) = (judged.blocks, &judged.offer);
        if blocks.has(Blocks::BELOW_MINIMUM) {
            reasons.push(Reason::BelowMinimum {
                left: offer.clone(),
                minimums: asker.minimums.to_vec(),
                is_own: asker.has_own_minimums,
                missing: nearest_missing(asker.minimums, &offer.quantities()),
            });
        }
        let blocking = |client| self.filters.blocking(client, key, judged.refused());
        let filters = asker.client.map(blocking).into_iter().flatten();
        if let Some((until, refused)) = filters
            .map(|(until, _, refused)| (until, refused))
            .max_by_key(|(until, _)| *until)
            .filter(|_| blocks.has(Blocks::FILTERED))
        {
            reasons.push(Reason::Filtered { until, refused: refused.clone() });
        }
        if blocks.has(Blocks::TOO_SMALL) {
            reasons.push(Reason::TooSmall {
                left: judged.left().clone(),
                missing: asker.missing(judged.left()),
                is_never_enough: asker
                    .need
                    .is_some_and(|need| !need.is_met_by(&agent.total.allocatable_to(asker.role))),
            });
        }
    }

    pub(super) fn next_round_at(&self, now: Instant) -> Instant {
        use mesos_core::provider::Allocator;
        self.deadline().map_or(now, |due| due.max(now))
    }
}

/// What a framework does not know how to handle, by the capability it lacks.
pub(super) fn stripped<'a>(
    asker: &Asker<'_>,
    bag: &'a Resources,
) -> impl Iterator<Item = (FrameworkCapability, Resources)> + use<'a> {
    use FrameworkCapability::{ReservationRefinement, RevocableResources, SharedResources};
    let abilities = asker.abilities;
    let refined = bag.filter(|entry| entry.reservations().len() > 1);
    let all =
        [(SharedResources, bag.shared()), (RevocableResources, bag.revocable()), (ReservationRefinement, refined)];
    all.into_iter().filter(move |(capability, hidden)| !hidden.is_empty() && !abilities.can(*capability))
}

/// What is missing for the minimum that comes nearest.
pub(super) fn nearest_missing(minimums: &[Quantities], offered: &Quantities) -> Quantities {
    let missing = minimums.iter().map(|minimum| (lack_of(minimum, offered), minimum.clone() - offered));
    missing.min_by_key(|(lack, _)| *lack).map(|(_, missing)| missing).unwrap_or_default()
}

/// How much of a minimum is missing, in thousandths of each name.
pub(super) fn lack_of(minimum: &Quantities, offered: &Quantities) -> i64 {
    let part = |(name, amount): (&_, Scalar)| {
        amount.sub_floored(offered.get(name)).as_milli() * 1_000 / amount.as_milli().max(1)
    };
    minimum.iter().map(part).sum()
}
