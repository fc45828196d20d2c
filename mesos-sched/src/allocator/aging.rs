//! A bound on starvation, for those who want one.
//!
//! Whoever has the smallest share comes first, whatever it does with offers. A framework that returns everything at once
//! keeps its small share and stands before all others again; those who would take more can wait for ever. With
//! [`Options::starvation_batches`] set to `n`, a client that takes part and was granted nothing for `n` batch rounds goes
//! before the order of shares, once: whoever waits longest first. So a client that may have something of an agent and does
//! not refuse it is granted it after `n` batch rounds, or as soon after them as everybody who has waited longer was served.
//!
//! That holds in both stages of a round: what is granted beyond a guarantee while guarantees are served could take, round after
//! round, all that others wait for. What guarantees still need is kept from those who wait, as from everybody, by the
//! headroom. Clients that refused everything stand in line without effect.

use std::collections::BTreeSet;

#[cfg(doc)]
use super::Options;
use super::sorter::NodeKey;

/// Who waits since when.
#[derive(Debug, Default)]
pub(super) struct Aging {
    /// By client slot: the count of batch rounds when it was granted something, or began to take part.
    since: Vec<Option<u64>>,
    line: BTreeSet<(u64, NodeKey)>,
}

impl Aging {
    /// A client takes part, or was granted something.
    pub(super) fn begin(&mut self, client: NodeKey, batches: u64) {
        self.end(client);
        if self.since.len() <= client.slot() {
            self.since.resize(client.slot() + 1, None);
        }
        self.since[client.slot()] = Some(batches);
        self.line.insert((batches, client));
    }

    /// A client takes part no more.
    pub(super) fn end(&mut self, client: NodeKey) {
        if let Some(since) = self.since.get_mut(client.slot()).and_then(Option::take) {
            self.line.remove(&(since, client));
        }
    }

    /// Whether a client waits since that count of batch rounds or longer.
    pub(super) fn is_listed(&self, until: Option<u64>, client: NodeKey) -> bool {
        let since = self.since.get(client.slot()).copied().flatten();
        since.zip(until).is_some_and(|(since, until)| since <= until)
    }

    /// Who waits since that count of batch rounds or longer, longest first.
    pub(super) fn line(&self, until: Option<u64>) -> impl Iterator<Item = NodeKey> {
        let waits = move |(since, _): &&(u64, NodeKey)| until.is_some_and(|until| *since <= until);
        self.line.iter().take_while(waits).map(|(_, client)| *client)
    }
}
