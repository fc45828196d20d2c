//! Refusals: what a framework does not want to be offered again for a while, and when that ends.
//!
//! A filter blocks an offer of one agent to one client (a framework under a role) when the refused resources contain the
//! offered ones; an agent that gained something is offered. It ends by itself when it is due, but not before a batch round
//! has seen it: otherwise the same offer would go out again as if nobody had refused it. This is not where a refusal's
//! length is decided, see [`Filters`](mesos_core::Filters).
//!
//! There may be ten million of them, every client refusing every agent, so they are small: filters lie with their agent,
//! sorted by client, and share the bags that were refused ([`bag`]); when they end is a heap of plain numbers ([`due`]). A
//! client's filters are cleared by counting: its epoch grows, and what was made in an earlier one is void. Void filters and
//! void items of the heap are swept out once they are the larger part, so that a change costs no more than what it changes.

mod bag;
mod due;
mod refusers;

#[cfg(test)]
mod tests;

use mesos_core::Instant;
use mesos_core::kernel::Handle;
use mesos_core::provider::AgentKey;
use mesos_core::resource::Resources;

use super::sorter::NodeKey;
use bag::Bags;
use due::{Due, DueHeap};
pub(super) use refusers::Refusers;

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
    due: DueHeap,
    /// How many are in force.
    live: usize,
    /// How many lie there without being in force.
    void: usize,
    /// Memory of [`FilterTable::expire`].
    ended: Vec<Due>,
}

/// Filters of one agent.
#[derive(Debug, Default)]
struct AgentFilters {
    /// By client.
    filters: Vec<Filter>,
    bags: Bags,
}

/// Filters of one client, wherever they lie.
#[derive(Debug, Clone, Copy, Default)]
struct ClientFilters {
    /// Counts how often they were cleared.
    epoch: u32,
    live: u32,
}

#[derive(Debug, Clone, Copy)]
struct Filter {
    client: NodeKey,
    epoch: u32,
    /// Which bag of its agent was refused.
    bag: u32,
    due_at: Instant,
    /// The count of batch rounds when it was made.
    batch: u64,
}

impl AgentFilters {
    /// Those of one client, void ones too.
    fn of(&self, client: NodeKey) -> &[Filter] {
        let first = self.filters.partition_point(|other| other.client < client);
        let count = self.filters[first..].iter().take_while(|other| other.client == client).count();
        &self.filters[first..first + count]
    }

    /// Drops those that `is_gone` names, and what only they refused.
    fn drop_where(&mut self, mut is_gone: impl FnMut(&Filter) -> bool) {
        let bags = &mut self.bags;
        self.filters.retain(|filter| {
            let is_kept = !is_gone(filter);
            if !is_kept {
                bags.release(filter.bag);
            }
            is_kept
        });
        if self.filters.len() < self.filters.capacity() / 4 {
            self.filters.shrink_to(self.filters.len() * 2);
        }
    }
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
        self.make_room(client, agent, &refused, due_at);
        let own = &mut self.agents[agent.slot()];
        let bag = own.bags.intern(refused);
        let filter = Filter { client, epoch: self.clients[client.slot()].epoch, bag, due_at, batch };
        let place = own.filters.partition_point(|other| (other.client, other.due_at) <= (client, due_at));
        own.filters.insert(place, filter);
        self.clients[client.slot()].live += 1;
        self.live += 1;
        self.due.push(Due { at: due_at, agent, client });
        self.tidy();
    }

    /// Drops what the new filter makes pointless, what is void, and what exceeds the bound.
    fn make_room(&mut self, client: NodeKey, agent: AgentKey, refused: &Resources, due_at: Instant) {
        let epoch = self.clients[client.slot()].epoch;
        let own = &self.agents[agent.slot()];
        let is_pointless =
            |old: &Filter| old.epoch != epoch || old.due_at <= due_at && refused.contains(own.bags.get(old.bag));
        let old = own.of(client);
        let mut kept = old.iter().filter(|old| !is_pointless(old)).count();
        if kept == old.len() && kept < FILTERS_PER_PAIR_MAX {
            return;
        }
        // They lie in the order in which they are due.
        let gone: Vec<bool> = old
            .iter()
            .map(|old| {
                let is_gone = is_pointless(old) || kept >= FILTERS_PER_PAIR_MAX;
                kept -= usize::from(is_gone && !is_pointless(old));
                is_gone
            })
            .collect();
        let mut gone = gone.into_iter();
        self.drop_from(agent, |filter| filter.client == client && gone.next() == Some(true));
    }

    /// Drops filters of an agent, and counts them out.
    fn drop_from(&mut self, agent: AgentKey, mut is_gone: impl FnMut(&Filter) -> bool) {
        let Some(own) = self.agents.get_mut(agent.slot()) else { return };
        let (clients, live, void) = (&mut self.clients, &mut self.live, &mut self.void);
        own.drop_where(|filter| {
            let is_gone = is_gone(filter);
            if is_gone {
                let client = &mut clients[filter.client.slot()];
                let is_live = client.epoch == filter.epoch;
                client.live -= u32::from(is_live);
                *live -= usize::from(is_live);
                *void -= usize::from(!is_live);
            }
            is_gone
        });
    }

    /// Whether an offer of an agent to a client was refused.
    pub(super) fn blocks(&self, client: NodeKey, agent: AgentKey, offer: &Resources) -> bool {
        self.blocking(client, agent, offer).next().is_some()
    }

    /// The refusals that block an offer: when each is due, the count of batch rounds when it was made, and what it is about.
    pub(super) fn blocking(
        &self,
        client: NodeKey,
        agent: AgentKey,
        offer: &Resources,
    ) -> impl Iterator<Item = (Instant, u64, &Resources)> {
        let epoch = self.clients.get(client.slot()).filter(|own| own.live > 0).map(|own| own.epoch);
        let own = epoch.and_then(|epoch| Some((epoch, self.agents.get(agent.slot())?)));
        own.into_iter().flat_map(move |(epoch, own)| {
            let live = own.of(client).iter().filter(move |filter| filter.epoch == epoch);
            let told = live.map(|filter| (filter.due_at, filter.batch, own.bags.get(filter.bag)));
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
        if is_first_again {
            // Filters of the first epoch must not come into force again.
            self.sweep();
        }
        self.tidy();
    }

    /// Drops the filters on an agent.
    pub(super) fn clear_agent(&mut self, agent: AgentKey) {
        self.drop_from(agent, |_| true);
        if let Some(own) = self.agents.get_mut(agent.slot()) {
            *own = AgentFilters::default();
        }
        self.tidy();
    }

    /// Drops the filters that are due and were seen by a batch round; names their clients and agents.
    pub(super) fn expire(&mut self, now: Instant, batches: u64, mut expired: impl FnMut(NodeKey, AgentKey)) {
        let mut ended = std::mem::take(&mut self.ended);
        while let Some(due) = self.due.pop_until(now) {
            if ended.last() != Some(&due) && is_live(&self.agents, &self.clients, due) {
                ended.push(due);
            }
        }
        // Those that no batch round has seen stay due.
        ended.retain(|due| {
            let epoch = self.clients[due.client.slot()].epoch;
            let own = self.agents[due.agent.slot()].of(due.client).iter();
            let (seen, unseen): (Vec<&Filter>, Vec<&Filter>) = own
                .filter(|filter| filter.epoch == epoch && filter.due_at == due.at)
                .partition(|filter| filter.batch < batches);
            for _ in unseen {
                self.due.push(*due);
            }
            !seen.is_empty()
        });
        for Due { agent, client, .. } in &ended {
            expired(*client, *agent);
        }
        ended.sort_unstable_by_key(|due| (due.agent, due.client));
        for of_agent in ended.chunk_by(|one, other| one.agent == other.agent) {
            self.drop_from(of_agent[0].agent, |filter| {
                let is_seen = filter.due_at <= now && filter.batch < batches;
                is_seen && of_agent.binary_search_by_key(&filter.client, |due| due.client).is_ok()
            });
        }
        ended.clear();
        self.ended = ended;
        self.tidy();
    }

    /// When the next filter is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|due| due.at)
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.live
    }

    /// Keeps what is next due in force, and what is void the smaller part.
    fn tidy(&mut self) {
        if self.void > self.live + self.agents.len() {
            self.sweep();
        }
        if self.due.len() > 2 * self.live + DUE_SLACK {
            self.due.retain(|due| is_live(&self.agents, &self.clients, due));
        }
        while self.due.first().is_some_and(|due| !is_live(&self.agents, &self.clients, due)) {
            self.due.pop();
        }
    }

    fn sweep(&mut self) {
        let clients = &self.clients;
        for own in &mut self.agents {
            own.drop_where(|filter| filter.epoch != clients[filter.client.slot()].epoch);
        }
        self.void = 0;
    }
}

/// So many void items of the heap are not worth the while.
const DUE_SLACK: usize = 64;

/// Whether an item of the heap stands for a filter that is in force.
fn is_live(agents: &[AgentFilters], clients: &[ClientFilters], due: Due) -> bool {
    let epoch = clients[due.client.slot()].epoch;
    agents[due.agent.slot()].of(due.client).iter().any(|filter| filter.epoch == epoch && filter.due_at == due.at)
}
