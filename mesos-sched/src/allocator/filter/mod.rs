//! Refusals: what a framework does not want to be offered again for a while, and when that ends.
//!
//! A filter blocks an offer of one agent to one client (a framework under a role) when the refused resources contain the
//! offered ones; an agent that gained something is offered. It ends by itself when it is due, but not before a batch round
//! has seen it: otherwise the same offer would go out again as if nobody had refused it. This is not where a refusal's
//! length is decided, see [`Filters`](mesos_core::Filters).
//!
//! There may be ten million of them, every client refusing every agent, so they are small: filters lie with their agent
//! ([`roll`]), sorted by client, and share the bags that were refused ([`bag`]); when they end is a heap of plain numbers
//! ([`due`]). A client's filters are cleared by counting: its epoch grows, and what was made in an earlier one is void. Void
//! filters and void items of the heap are swept out once they are the larger part, so that a change costs no more than what
//! it changes, however many there are.

mod agent;
mod bag;
mod cleared;
mod due;
mod refusers;
mod roll;

#[cfg(test)]
mod tests;

use mesos_core::Instant;
use mesos_core::kernel::Handle;
use mesos_core::provider::AgentKey;
use mesos_core::resource::Resources;

use super::sorter::NodeKey;
use agent::AgentFilters;
pub(super) use agent::Batch;
use cleared::Cleared;
use due::{Due, DueHeap};
pub(super) use refusers::Refusers;
use roll::{Filter, Place};

/// Filters of one client on one agent at most. A further one replaces the one that is due first, so that an agent whose
/// free resources keep changing cannot collect filters for ever; the price is an offer that comes too early.
const FILTERS_PER_PAIR_MAX: usize = 16;

/// All filters.
#[derive(Debug, Default)]
pub(super) struct FilterTable {
    /// By agent slot.
    agents: Vec<AgentFilters>,
    /// By client slot.
    clients: Vec<ClientFilters>,
    cleared: Cleared,
    due: DueHeap,
    /// How many are in force.
    live: usize,
    /// How many lie there without being in force.
    void: usize,
    /// Memory of [`FilterTable::expire`].
    unseen: Vec<Due>,
}

/// Filters of one client, wherever they lie.
#[derive(Debug, Clone, Copy, Default)]
struct ClientFilters {
    /// Counts how often they were cleared.
    epoch: u32,
    live: u32,
}

impl FilterTable {
    /// Adds a filter, made when batch rounds had that count.
    pub(super) fn add(&mut self, client: NodeKey, agent: AgentKey, refused: Resources, due_at: Instant, batch: u64) {
        if self.agents.len() <= agent.slot() {
            self.agents.resize_with(agent.slot() + 1, AgentFilters::default);
        }
        if self.clients.len() <= client.slot() {
            self.clients.resize(client.slot() + 1, ClientFilters::default());
        }
        let own = &mut self.agents[agent.slot()];
        self.cleared.catch_up(own);
        // In a storm of refusals most are the first of their client. What is void is in no set, and may be in the way.
        if self.void > 0 || !own.bags.are_without(client) {
            self.make_room(client, agent, &refused, due_at);
        }
        let own = &mut self.agents[agent.slot()];
        let filter = Filter { epoch: self.clients[client.slot()].epoch, made_in: Batch::of(batch) };
        let bag = own.add(client, refused, due_at, filter);
        if own.bags.is_worth_a_set(bag, self.clients.len()) {
            let clients = &self.clients;
            let is_live = |(place, filter): &(Place, Filter)| filter.epoch == clients[place.client.slot()].epoch;
            let all = own.iter().filter(|(place, _)| place.bag == bag).filter(is_live).map(|(place, _)| place.client);
            let by = all.collect();
            own.bags.set_apart(bag, by);
        }
        self.clients[client.slot()].live += 1;
        self.live += 1;
        self.due.push(Due { at: due_at, agent, client });
        self.tidy();
    }

    /// Drops what the new filter makes pointless, what is void, and what exceeds the bound.
    fn make_room(&mut self, client: NodeKey, agent: AgentKey, refused: &Resources, due_at: Instant) {
        let epoch = self.clients[client.slot()].epoch;
        let own = &self.agents[agent.slot()];
        let is_pointless = |(place, old): &(Place, Filter)| {
            old.epoch != epoch || place.due_at <= due_at && refused.contains(own.bags.get(place.bag))
        };
        let (gone, mut kept): (Vec<_>, Vec<_>) = own.of(client).partition(is_pointless);
        let excess = (kept.len() + 1).saturating_sub(FILTERS_PER_PAIR_MAX);
        if excess > 0 {
            kept.sort_unstable_by_key(|(place, _)| *place);
        }
        for (place, _) in gone.iter().chain(&kept[..excess]) {
            self.remove(agent, *place, epoch);
        }
    }

    /// Drops a filter of an agent, and counts it out; void if it was made in another epoch of its client than this one.
    fn remove(&mut self, agent: AgentKey, place: Place, epoch: u32) {
        let own = &mut self.agents[agent.slot()];
        if let Some(filter) = own.remove(place) {
            let is_live = filter.epoch == epoch;
            self.clients[place.client.slot()].live -= u32::from(is_live);
            self.live -= usize::from(is_live);
            self.void -= usize::from(!is_live);
        }
    }

    /// Whether an offer of an agent to a client was refused.
    pub(super) fn blocks(&self, client: NodeKey, agent: AgentKey, offer: &Resources) -> bool {
        let Some(own) = self.agents.get(agent.slot()) else { return false };
        let told = if self.cleared.is_heard(own) { own.bags.block(client, offer) } else { None };
        told.unwrap_or_else(|| self.blocking(client, agent, offer).next().is_some())
    }

    /// How many different bags were refused on an agent.
    pub(super) fn bags_on(&self, agent: AgentKey) -> usize {
        self.agents.get(agent.slot()).map_or(0, |own| own.bags.len())
    }

    /// Whether any refusal of a client is in force.
    pub(super) fn has_any(&self, client: NodeKey) -> bool {
        self.clients.get(client.slot()).is_some_and(|own| own.live > 0)
    }

    /// Whether any refusal of a client is in force on an agent.
    pub(super) fn has_on(&self, client: NodeKey, agent: AgentKey) -> bool {
        let epoch = self.clients.get(client.slot()).filter(|own| own.live > 0).map(|own| own.epoch);
        let own = self.agents.get(agent.slot());
        own.is_some_and(|own| own.of(client).any(|(_, filter)| Some(filter.epoch) == epoch))
    }

    /// The refusals that block an offer: when each is due, the batch round before which it was made, and what it is about.
    pub(super) fn blocking(
        &self,
        client: NodeKey,
        agent: AgentKey,
        offer: &Resources,
    ) -> impl Iterator<Item = (Instant, Batch, &Resources)> {
        let epoch = self.clients.get(client.slot()).filter(|own| own.live > 0).map(|own| own.epoch);
        let own = epoch.and_then(|epoch| Some((epoch, self.agents.get(agent.slot())?)));
        own.into_iter().flat_map(move |(epoch, own)| {
            let live = own.of(client).filter(move |(_, filter)| filter.epoch == epoch);
            let told = live.map(|(place, filter)| (place.due_at, filter.made_in, own.bags.get(place.bag)));
            told.filter(|(_, _, refused)| refused.contains(offer))
        })
    }

    /// Drops the filters of a client.
    pub(super) fn clear_client(&mut self, client: NodeKey) {
        let Some(own) = self.clients.get_mut(client.slot()).filter(|own| own.live > 0) else { return };
        let cleared = std::mem::take(&mut own.live) as usize;
        own.epoch = own.epoch.wrapping_add(1);
        let is_first_again = own.epoch == 0;
        self.live -= cleared;
        self.void += cleared;
        self.cleared.push(client);
        if is_first_again {
            // Filters of the first epoch must not come into force again.
            self.sweep();
        }
        self.tidy();
    }

    /// Drops the filters on an agent.
    pub(super) fn clear_agent(&mut self, agent: AgentKey) {
        let Some(own) = self.agents.get_mut(agent.slot()) else { return };
        for (place, filter) in std::mem::take(own).iter() {
            let client = &mut self.clients[place.client.slot()];
            let is_live = client.epoch == filter.epoch;
            client.live -= u32::from(is_live);
            self.live -= usize::from(is_live);
            self.void -= usize::from(!is_live);
        }
        self.tidy();
    }

    /// Drops the filters that are due and were seen by a batch round; names their clients and agents.
    pub(super) fn expire(&mut self, now: Instant, batches: u64, mut expired: impl FnMut(NodeKey, AgentKey)) {
        let batch = Batch::of(batches);
        let mut unseen = std::mem::take(&mut self.unseen);
        while let Some(due) = self.due.pop_until(now) {
            let Due { at, agent, client } = due;
            let epoch = self.clients[client.slot()].epoch;
            let own = self.agents[agent.slot()].of(client);
            let ended = own.filter(|(place, filter)| filter.epoch == epoch && place.due_at == at);
            let (young, seen): (Vec<_>, Vec<_>) = ended.partition(|(_, filter)| filter.made_in == batch);
            if !young.is_empty() && unseen.last() != Some(&due) {
                unseen.push(due);
            }
            if !seen.is_empty() {
                expired(client, agent);
            }
            for (place, _) in seen {
                self.remove(agent, place, epoch);
            }
        }
        // Those that no batch round has seen stay due.
        unseen.drain(..).for_each(|due| self.due.push(due));
        self.unseen = unseen;
        self.tidy();
    }

    /// When the next filter is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|due| due.at)
    }

    /// How many of this client are in force.
    pub(super) fn len_of(&self, client: NodeKey) -> u32 {
        self.clients.get(client.slot()).map_or(0, |own| own.live)
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.live
    }

    /// Keeps what is next due in force, and what is void the smaller part.
    fn tidy(&mut self) {
        if self.void > self.live + self.agents.len() || self.cleared.len() > self.agents.len() + SLACK {
            self.sweep();
        }
        if self.due.len() > 2 * self.live + SLACK {
            self.due.retain(|due| is_live(&self.agents, &self.clients, due));
        }
        while self.due.first().is_some_and(|due| !is_live(&self.agents, &self.clients, due)) {
            self.due.pop();
        }
    }

    fn sweep(&mut self) {
        let clients = &self.clients;
        for own in &mut self.agents {
            self.cleared.catch_up(own);
            let is_void = |(place, filter): &(Place, Filter)| filter.epoch != clients[place.client.slot()].epoch;
            for (place, _) in own.iter().filter(is_void).collect::<Vec<_>>() {
                own.remove(place);
            }
        }
        self.cleared.forget();
        self.void = 0;
    }
}

/// So many void items of the heap, or clearings that not all agents have heard of, are not worth the while.
const SLACK: usize = 64;

/// Whether an item of the heap stands for a filter that is in force.
fn is_live(agents: &[AgentFilters], clients: &[ClientFilters], due: Due) -> bool {
    let epoch = clients[due.client.slot()].epoch;
    agents[due.agent.slot()].of(due.client).any(|(place, filter)| filter.epoch == epoch && place.due_at == due.at)
}
