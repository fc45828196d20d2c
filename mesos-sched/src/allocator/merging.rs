//! What one client is granted of one agent in both stages of a round is one grant.

use std::collections::BTreeMap;

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Grant};
use mesos_core::resource::{Quantities, Resources};

use super::sorter::NodeKey;

/// Memory of one round.
#[derive(Debug, Default)]
pub(super) struct Merging {
    /// Draws for cutting offers, if any may be cut.
    pub(super) draws: Option<Rng>,
    /// The place of each grant of the first stage.
    places: BTreeMap<(AgentKey, NodeKey), usize>,
    /// The first grant of the round.
    first: usize,
    has_merged: bool,
    round: u64,
}

impl Merging {
    pub(super) fn start(&mut self, draws: Option<Rng>, first: usize) {
        self.draws = draws;
        self.first = first;
        self.round += 1;
    }

    /// Counts the rounds.
    pub(super) const fn round(&self) -> u64 {
        self.round
    }

    /// A grant was made in the first stage.
    pub(super) fn note(&mut self, agent: AgentKey, client: NodeKey, place: usize) {
        self.places.insert((agent, client), place);
    }

    /// What a client was granted of an agent in the first stage, if anything.
    pub(super) fn earlier<'a>(&self, agent: AgentKey, client: NodeKey, grants: &'a [Grant]) -> Option<&'a Resources> {
        if self.places.is_empty() {
            return None;
        }
        self.places.get(&(agent, client)).map(|place| &grants[*place].resources)
    }

    /// The same, as amounts that quota is about.
    pub(super) fn earlier_amounts(&self, agent: AgentKey, client: NodeKey, grants: &[Grant]) -> Quantities {
        self.earlier(agent, client, grants).map(Resources::quota_quantities).unwrap_or_default()
    }

    /// Adds a grant of the second stage to the one of the first, if there is one.
    pub(super) fn merge(&mut self, agent: AgentKey, client: NodeKey, place: usize, grants: &mut [Grant]) {
        if self.places.is_empty() {
            return;
        }
        if let Some(earlier) = self.places.get(&(agent, client)) {
            let resources = std::mem::take(&mut grants[place].resources);
            grants[*earlier].resources += resources;
            self.has_merged = true;
        }
    }

    /// The round is over: drops the grants that were merged into others.
    pub(super) fn finish(&mut self, grants: &mut Vec<Grant>) {
        if std::mem::take(&mut self.has_merged) {
            let mut place = 0;
            grants.retain(|grant| {
                place += 1;
                place <= self.first || !grant.resources.is_empty()
            });
        }
        self.places.clear();
        self.draws = None;
    }
}
