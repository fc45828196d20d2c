//! Who asks: a framework under a role, with what it can deal with and wants.

use mesos_core::provider::FrameworkKey;
use mesos_core::provider::explain::{Need, Question, Subject};
use mesos_core::resource::Quantities;
use mesos_core::{FrameworkId, Instant, Role};

use super::super::HierarchicalDrf;
use super::super::eligibility::Abilities;
use super::super::sorter::NodeKey;
use super::block::Blocks;
use super::bounds::Bounds;

/// Who asks.
#[derive(Debug, Clone)]
pub(in crate::allocator) struct Asker<'a> {
    pub(super) key: FrameworkKey,
    pub(super) id: Option<&'a FrameworkId>,
    pub(super) role: &'a Role,
    /// Its client, if it has the role or holds something under it.
    pub(super) client: Option<NodeKey>,
    pub(super) abilities: Abilities,
    pub(super) minimums: &'a [Quantities],
    pub(super) has_own_minimums: bool,
    pub(super) need: Option<&'a Need>,
    pub(super) bounds: Bounds,
    /// Whether it has waited so long that it goes before the order, and whole offers before pieces.
    pub(super) is_overdue: bool,
    /// What stands in the way on every agent.
    pub(super) blocks: Blocks,
}

impl<'a> Asker<'a> {
    pub(in crate::allocator) fn new(allocator: &'a HierarchicalDrf, question: &'a Question) -> Self {
        let framework = allocator.framework(question.framework).filter(|framework| framework.id.is_some());
        let client = framework.and_then(|framework| framework.client(&question.role));
        let book = |client: NodeKey| allocator.clients[client.slot()].as_ref();
        let own = client.and_then(book).filter(|own| own.is_subscribed);
        let mut blocks = Blocks::NONE;
        blocks.set(Blocks::FRAMEWORK_UNKNOWN, framework.is_none());
        blocks.set(Blocks::NOT_SUBSCRIBED, framework.is_some() && own.is_none());
        blocks.set(Blocks::FRAMEWORK_INACTIVE, framework.is_some_and(|framework| !framework.is_active));
        blocks.set(Blocks::SUPPRESSED, own.is_some_and(|own| own.is_suppressed));
        blocks.set(Blocks::HOLD_OFF, allocator.hold_off().is_some());
        // A framework can deal with the same things under all its roles.
        let any = || framework?.clients.iter().find_map(|(_, other)| book(*other).filter(|other| other.is_subscribed));
        let abilities = own.or_else(any).map_or_else(Abilities::default, |known| known.abilities);
        let own_minimums = own.and_then(|own| own.minimums.as_deref());
        Self {
            key: question.framework,
            id: framework.and_then(|framework| framework.id.as_ref()),
            role: &question.role,
            client,
            abilities: abilities.under(&question.role),
            minimums: own_minimums.unwrap_or(&allocator.options.min_allocatable),
            has_own_minimums: own_minimums.is_some(),
            need: match &question.of {
                Subject::Need(need) => Some(need),
                _ => None,
            },
            bounds: Bounds::new(allocator, &question.role, client),
            is_overdue: false,
            blocks,
        }
    }

    /// The same, asked at this time.
    pub(super) fn at(self, allocator: &HierarchicalDrf, now: Instant) -> Self {
        let batches = allocator.schedule.batches_until(now);
        let until = allocator.options.starvation_batches.and_then(|patience| batches.checked_sub(patience.into()));
        let is_overdue = self.client.is_some_and(|client| allocator.aging.is_listed(until, client));
        Self { is_overdue, ..self }
    }

    /// Whether it is known well enough to say what else stands in the way.
    pub(super) fn is_known(&self) -> bool {
        !self.blocks.has(Blocks::FRAMEWORK_UNKNOWN)
    }
}
