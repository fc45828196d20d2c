//! Refusals: what a framework does not want to be offered again for a while, and when that ends.
//!
//! A filter blocks an offer of one agent to one client (a framework under a role) when the refused resources contain the
//! offered ones; an agent that gained something is offered. It ends by itself when it is due, but not before a batch round
//! has seen it: otherwise the same offer would go out again as if nobody had refused it. This is not where a refusal's
//! length is decided, see [`Filters`](mesos_core::Filters).
//!
//! A filter lies in one slot, is listed by agent (to block), by client (to clear) and by due time (to end).

use std::collections::BTreeSet;

use mesos_core::Instant;
use mesos_core::kernel::Handle;
use mesos_core::provider::AgentKey;
use mesos_core::resource::Resources;

use super::sorter::NodeKey;

/// Filters of one client on one agent at most. A further one replaces the one that is due first, so that an agent whose
/// free resources keep changing cannot collect filters for ever; the price is an offer that comes too early.
const FILTERS_PER_PAIR_MAX: usize = 16;

/// All filters.
#[derive(Debug, Default)]
pub(super) struct FilterTable {
    slots: Vec<Filter>,
    vacant: Vec<u32>,
    /// By agent slot: the filters there, by client.
    by_agent: Vec<Vec<(NodeKey, u32)>>,
    /// By client slot: the first filter of its list.
    by_client: Vec<Option<u32>>,
    due: BTreeSet<(Instant, u32)>,
}

#[derive(Debug)]
struct Filter {
    client: NodeKey,
    agent: AgentKey,
    /// Neighbours in the client's list.
    previous: Option<u32>,
    next: Option<u32>,
    due_at: Instant,
    /// The count of batch rounds when it was made.
    batch: u64,
    refused: Resources,
}

impl FilterTable {
    /// Adds a filter, made when batch rounds had that count.
    pub(super) fn add(&mut self, client: NodeKey, agent: AgentKey, refused: Resources, due_at: Instant, batch: u64) {
        self.make_room(client, agent, &refused, due_at);
        let filter = Filter { client, agent, previous: None, next: None, due_at, batch, refused };
        let slot = match self.vacant.pop() {
            Some(slot) => {
                self.slots[slot as usize] = filter;
                slot
            }
            None => {
                self.slots.push(filter);
                u32::try_from(self.slots.len() - 1).expect("there are fewer than 2^32 filters")
            }
        };
        self.due.insert((due_at, slot));
        self.list_by_agent(slot);
        self.list_by_client(slot);
    }

    /// Drops what the new filter makes pointless, and what exceeds the bound.
    fn make_room(&mut self, client: NodeKey, agent: AgentKey, refused: &Resources, due_at: Instant) {
        let own = self.of_pair(client, agent).to_vec();
        let (pointless, others): (Vec<_>, Vec<_>) = own.into_iter().partition(|(_, slot)| {
            let old = &self.slots[*slot as usize];
            old.due_at <= due_at && refused.contains(&old.refused)
        });
        for (_, slot) in pointless {
            self.remove(slot);
        }
        if others.len() >= FILTERS_PER_PAIR_MAX {
            let first = others.iter().min_by_key(|(_, slot)| (self.slots[*slot as usize].due_at, *slot));
            if let Some((_, slot)) = first {
                self.remove(*slot);
            }
        }
    }

    /// Whether an offer of an agent to a client was refused.
    pub(super) fn blocks(&self, client: NodeKey, agent: AgentKey, offer: &Resources) -> bool {
        self.of_pair(client, agent).iter().any(|(_, slot)| self.slots[*slot as usize].refused.contains(offer))
    }

    /// The refusals that block an offer: when each is due, the count of batch rounds when it was made, and what it is about.
    pub(super) fn blocking(
        &self,
        client: NodeKey,
        agent: AgentKey,
        offer: &Resources,
    ) -> impl Iterator<Item = (Instant, u64, &Resources)> {
        let own = self.of_pair(client, agent).iter().map(|(_, slot)| &self.slots[*slot as usize]);
        own.filter(|filter| filter.refused.contains(offer)).map(|filter| (filter.due_at, filter.batch, &filter.refused))
    }

    fn of_pair(&self, client: NodeKey, agent: AgentKey) -> &[(NodeKey, u32)] {
        let Some(listed) = self.by_agent.get(agent.slot()) else { return &[] };
        let first = listed.partition_point(|(other, _)| *other < client);
        let count = listed[first..].iter().take_while(|(other, _)| *other == client).count();
        &listed[first..first + count]
    }

    /// Drops the filters of a client.
    pub(super) fn clear_client(&mut self, client: NodeKey) {
        while let Some(first) = self.by_client.get(client.slot()).copied().flatten() {
            self.remove(first);
        }
    }

    /// Drops the filters on an agent.
    pub(super) fn clear_agent(&mut self, agent: AgentKey) {
        while let Some((_, slot)) = self.by_agent.get(agent.slot()).and_then(|listed| listed.last()).copied() {
            self.remove(slot);
        }
    }

    /// Drops the filters that are due and were seen by a batch round; names their agents.
    pub(super) fn expire(&mut self, now: Instant, batches: u64, mut expired: impl FnMut(NodeKey, AgentKey)) {
        if self.next_due().is_none_or(|due_at| due_at > now) {
            return;
        }
        let due = self.due.range(..=(now, u32::MAX)).map(|(_, slot)| *slot);
        let seen: Vec<u32> = due.filter(|slot| self.slots[*slot as usize].batch < batches).collect();
        for slot in seen {
            let Filter { client, agent, .. } = self.slots[slot as usize];
            expired(client, agent);
            self.remove(slot);
        }
    }

    /// When the next filter is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due_at, _)| *due_at)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.due.len()
    }

    fn list_by_agent(&mut self, slot: u32) {
        let Filter { agent, client, .. } = self.slots[slot as usize];
        if self.by_agent.len() <= agent.slot() {
            self.by_agent.resize_with(agent.slot() + 1, Vec::new);
        }
        let listed = &mut self.by_agent[agent.slot()];
        let place = listed.partition_point(|other| *other < (client, slot));
        listed.insert(place, (client, slot));
    }

    fn list_by_client(&mut self, slot: u32) {
        let client = self.slots[slot as usize].client;
        if self.by_client.len() <= client.slot() {
            self.by_client.resize(client.slot() + 1, None);
        }
        let next = self.by_client[client.slot()].replace(slot);
        self.slots[slot as usize].next = next;
        if let Some(next) = next {
            self.slots[next as usize].previous = Some(slot);
        }
    }

    fn remove(&mut self, slot: u32) {
        let filter = &mut self.slots[slot as usize];
        let (client, agent, due_at) = (filter.client, filter.agent, filter.due_at);
        let (previous, next) = (filter.previous, filter.next);
        filter.refused = Resources::new();
        match previous {
            Some(previous) => self.slots[previous as usize].next = next,
            None => self.by_client[client.slot()] = next,
        }
        if let Some(next) = next {
            self.slots[next as usize].previous = previous;
        }
        let listed = &mut self.by_agent[agent.slot()];
        let place = listed.binary_search(&(client, slot)).expect("a filter is listed at its agent");
        listed.remove(place);
        self.due.remove(&(due_at, slot));
        self.vacant.push(slot);
    }
}
