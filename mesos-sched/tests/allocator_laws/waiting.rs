//! Who waits since when, for the bound on starvation.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Client;

/// What is known of who waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// After so many batch rounds without a grant a client goes first.
    patience: u64,
    own: BTreeMap<Client, Wait>,
    /// Clients that had to be served before others in this round, unless somebody had waited longer.
    entitled: BTreeSet<Client>,
    /// How many clients there ever were.
    most: usize,
}

#[derive(Debug, Clone, Copy)]
struct Wait {
    /// The count of batch rounds when it was granted something, or began to take part.
    since: u64,
    /// How many of them took place since then.
    rounds: u64,
    /// In how many batch rounds somebody else was granted what it could have had, after it had waited long enough.
    passed: usize,
}

impl Waiting {
    pub(crate) fn new(patience: u32) -> Self {
        Self { patience: patience.into(), own: BTreeMap::new(), entitled: BTreeSet::new(), most: 0 }
    }

    /// These take part now.
    pub(crate) fn settle(&mut self, parts: &BTreeSet<Client>, batches: u64) {
        self.own.retain(|client, _| parts.contains(client));
        for client in parts {
            self.own.entry(client.clone()).or_insert(Wait { since: batches, rounds: 0, passed: 0 });
        }
        self.most = self.most.max(self.own.len());
    }

    /// Whether a client has surely waited long enough.
    pub(crate) fn is_due(&self, client: &Client) -> bool {
        self.own.get(client).is_some_and(|own| own.rounds >= self.patience)
    }

    /// Who stands in line at that count of batch rounds.
    pub(crate) fn line(&self, batches: u64) -> BTreeSet<Client> {
        let is_in_line = |own: &Wait| own.since + self.patience <= batches;
        self.own.iter().filter(|(_, own)| is_in_line(own)).map(|(client, _)| client.clone()).collect()
    }

    /// An agent goes to `first` first, of which `entitled` would have had to be offered something.
    pub(crate) fn check_first(&mut self, first: Option<&Client>, entitled: Vec<Client>) {
        for client in entitled {
            let since = |client: &Client| self.own.get(client).map(|own| own.since);
            let is_older = first.is_some_and(|first| since(first) <= since(&client));
            assert!(is_older, "{client:?} waits and {first:?} was served before it: {self:?}");
            self.entitled.insert(client);
        }
    }

    /// A client was granted something.
    pub(crate) fn note_grant(&mut self, client: &Client, batches: u64) {
        self.entitled.remove(client);
        if let Some(own) = self.own.get_mut(client) {
            *own = Wait { since: batches, rounds: 0, passed: 0 };
        }
    }

    /// A round took place. Whoever had to wait longer waited for those only who had waited longer still, or as long; these have
    /// waited less after two batch rounds at most.
    pub(crate) fn finish_round(&mut self, is_batch: bool) {
        for client in std::mem::take(&mut self.entitled) {
            let own = self.own.get_mut(&client).expect("whoever is entitled takes part");
            own.passed += usize::from(is_batch);
            assert!(own.passed <= 2 * self.most, "{client:?} is passed over again and again: {self:?}");
        }
        for own in self.own.values_mut() {
            own.rounds += u64::from(is_batch);
        }
    }
}
