//! What one client is granted of one agent in both stages of a round is one grant.

use mesos_core::kernel::Rng;
use mesos_core::provider::Grant;
use mesos_core::resource::{Quantities, Resources};

use super::sorter::NodeKey;

/// Memory of one round.
#[derive(Debug, Default)]
pub(super) struct Merging {
    /// Draws for cutting offers, if any may be cut.
    pub(super) draws: Option<Rng>,
    /// Who got each grant of the first stage.
    clients: Vec<NodeKey>,
    /// The first grant of the round.
    first: usize,
    has_merged: bool,
    round: u64,
}

/// The grants of one agent in the first stage, which lie together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Guaranteed {
    round: u64,
    first: u32,
    count: u32,
}

impl Merging {
    pub(super) fn start(&mut self, draws: Option<Rng>, first: usize) {
        self.draws = draws;
        self.first = first;
        self.round += 1;
        self.clients.clear();
    }

    /// Counts the rounds.
    pub(super) const fn round(&self) -> u64 {
        self.round
    }

    /// The next grants are made in the first stage, all of one agent.
    pub(super) fn note(&mut self, clients: impl Iterator<Item = NodeKey>) -> Guaranteed {
        let first = self.clients.len();
        self.clients.extend(clients);
        let small = |count: usize| u32::try_from(count).expect("a round makes fewer than 2^32 grants");
        Guaranteed { round: self.round, first: small(first), count: small(self.clients.len() - first) }
    }

    /// The place of what a client was granted of an agent in the first stage, if anything.
    fn place(&self, of: Guaranteed, client: NodeKey) -> Option<usize> {
        if of.round != self.round {
            return None;
        }
        let (first, count) = (of.first as usize, of.count as usize);
        let own = self.clients[first..first + count].iter().position(|own| *own == client)?;
        Some(self.first + first + own)
    }

    /// What a client was granted of an agent in the first stage, as amounts that quota is about.
    pub(super) fn earlier_amounts(&self, of: Guaranteed, client: NodeKey, grants: &[Grant]) -> Quantities {
        self.place(of, client).map(|place| grants[place].resources.quota_quantities()).unwrap_or_default()
    }

    /// Adds a grant of the second stage to the one of the first, if there is one.
    pub(super) fn merge(&mut self, of: Guaranteed, client: NodeKey, place: usize, grants: &mut [Grant]) {
        if let Some(earlier) = self.place(of, client) {
            let resources: Resources = std::mem::take(&mut grants[place].resources);
            grants[earlier].resources += resources;
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
        self.draws = None;
    }
}
