//! Shared state: everybody sees all that is free, and who commits first has it.
//!
//! A grant books nothing. Every client is shown of every agent what it may have and was not shown yet, whoever else was shown
//! the same; when a framework accepts, the master commits what the offer holds, and what somebody else committed before is
//! missing from it. So no framework waits for another to make up its mind, and the price are conflicts. Guarantees and limits
//! are looked at again when something is committed, because many offers together may hold more than a role may have.
//!
//! An agent that changed is held against every client that takes part, since each of them may be shown what it was not: that
//! is as much work as there may be offers of it. An agent that did not costs a look at those who can have more than before.
//!
//! Schwarzkopf, Konwinski, Abd-El-Malek, Wilkes: "Omega: flexible, scalable schedulers for large compute clusters", EuroSys
//! 2013. There a scheduler copies the state of the cell and commits its changes to it; here the copy arrives as
//! offers, and grows with what becomes free.

use mesos_core::kernel::{Handle, Rng};
use mesos_core::provider::{AgentKey, Concurrency, Conflict, FrameworkKey, Grant};
use mesos_core::resource::Resources;
use mesos_core::{Filters, Instant, Role};

use super::Policy;
use crate::allocator::HierarchicalDrf;
use crate::allocator::serving::Serving;
use crate::allocator::sorter::{NodeKey, Tree, Walk};
use crate::allocator::stage::{Stage, committable};

/// What clients were shown and did not answer yet.
#[derive(Debug, Default)]
pub(in crate::allocator) struct Shown {
    /// By agent slot; those of one agent by client, since there may be thousands of them.
    agents: Vec<Vec<(NodeKey, Resources)>>,
}

impl Shown {
    /// What of an agent a client was shown.
    pub(in crate::allocator) fn of(&self, client: NodeKey, agent: AgentKey) -> Option<&Resources> {
        let shown = self.agents.get(agent.slot())?;
        place_of(shown, client).ok().map(|place| &shown[place].1)
    }

    fn add(&mut self, client: NodeKey, agent: AgentKey, resources: &Resources) {
        if self.agents.len() <= agent.slot() {
            self.agents.resize_with(agent.slot() + 1, Vec::new);
        }
        let shown = &mut self.agents[agent.slot()];
        match place_of(shown, client) {
            Ok(place) => shown[place].1 += resources,
            Err(place) => shown.insert(place, (client, resources.clone())),
        }
    }

    /// What a client was shown of an agent is off the table; what it was not shown changes nothing.
    fn remove(&mut self, client: NodeKey, agent: AgentKey, resources: &Resources) {
        let Some(shown) = self.agents.get_mut(agent.slot()) else { return };
        let Ok(place) = place_of(shown, client) else { return };
        if !shown[place].1.contains(resources) {
            return;
        }
        shown[place].1 -= resources;
        if shown[place].1.is_empty() {
            shown.remove(place);
        }
    }

    /// An agent is gone; its place may be used again.
    pub(in crate::allocator) fn forget_agent(&mut self, agent: AgentKey) {
        if let Some(shown) = self.agents.get_mut(agent.slot()) {
            shown.clear();
        }
    }

    /// A client is gone; its place may be used again.
    pub(in crate::allocator) fn forget_client(&mut self, client: NodeKey) {
        for shown in &mut self.agents {
            shown.retain(|(own, _)| *own != client);
        }
    }
}

fn place_of(shown: &[(NodeKey, Resources)], client: NodeKey) -> Result<usize, usize> {
    shown.binary_search_by_key(&client, |(own, _)| *own)
}

impl Serving<'_> {
    /// Shows the agent to everybody who may have something of it.
    pub(in crate::allocator) fn show(
        &mut self,
        shown: &mut Shown,
        fresh: &[NodeKey],
        walk: &mut Walk,
        tree: &mut Tree,
        rng: &mut Rng,
    ) {
        if self.is_for_fresh && !walk.is_drawn() {
            let mut fresh: Vec<NodeKey> = fresh.iter().copied().filter(|client| tree[*client].is_active()).collect();
            walk.arrange(&mut fresh, tree);
            return fresh.into_iter().for_each(|client| self.show_to(shown, client));
        }
        walk.start(tree, rng);
        while walk.next_role(tree, rng).is_some() {
            while let Some(client) = walk.next_client(tree, rng) {
                self.show_to(shown, client);
            }
        }
    }

    fn show_to(&mut self, shown: &mut Shown, client: NodeKey) {
        let clients = self.clients;
        let own = clients[client.slot()].as_ref().expect("a client of the tree has a book");
        self.costs.shown += 1;
        if self.is_for_fresh && !own.is_fresh {
            return;
        }
        let mut left = self.left_for(own);
        if let Some(before) = shown.of(client, self.key) {
            left -= before;
        }
        if left.is_empty() {
            return;
        }
        // Nothing is consumed by showing it, so who can count on a guarantee is shown it like anything else.
        let is_promised = self.quotas.is_promised(own.role_key);
        self.stage = Stage::Guarantees;
        let promised = is_promised.then(|| self.offer_to(client, own, &left)).flatten();
        self.stage = Stage::FairShare;
        // What is reserved to roles above comes in the next round.
        self.is_sized |= promised.is_some();
        if let Some(resources) = promised.or_else(|| self.offer_to(client, own, &left)) {
            shown.add(client, self.key, &resources);
            self.grants.push(Grant { framework: own.framework, role: own.role.clone(), agent: self.key, resources });
        }
    }
}

impl HierarchicalDrf {
    /// Whether grants book nothing.
    pub(in crate::allocator) const fn is_shared_state(&self) -> bool {
        matches!(self.options.policy, Policy::SharedState(_))
    }

    pub(in crate::allocator) const fn concurrency_of_policy(&self) -> Concurrency {
        match self.options.policy {
            Policy::SharedState(transactions) => Concurrency::Optimistic(transactions),
            _ => Concurrency::Pessimistic,
        }
    }

    pub(in crate::allocator) fn commit_shared(&mut self, grant: &Grant, wanted: &Resources) -> Result<(), Conflict> {
        if !self.is_shared_state() {
            return Ok(());
        }
        let left = self.committable(grant, wanted);
        if left != *wanted {
            return Err(Conflict { left });
        }
        if let Some(client) = self.framework(grant.framework).and_then(|framework| framework.client(&grant.role)) {
            self.shown.remove(client, grant.agent, &grant.resources);
        }
        self.claim(grant.framework, &grant.role, grant.agent, wanted);
        Ok(())
    }

    /// What of some resources is free, and within what the client's role may have.
    fn committable(&self, grant: &Grant, wanted: &Resources) -> Resources {
        let client = self.framework(grant.framework).and_then(|framework| framework.client(&grant.role));
        let own = client.and_then(|client| self.clients[client.slot()].as_ref());
        let (Some(own), Some(agent)) = (own, self.agent(grant.agent)) else { return Resources::new() };
        let free = wanted - &(wanted - &agent.available);
        committable(own, free, &self.quotas, &self.headroom)
    }

    /// An offer is off the table, and nothing of it was committed.
    pub(in crate::allocator) fn lapse(
        &mut self,
        now: Instant,
        framework: FrameworkKey,
        role: &Role,
        key: AgentKey,
        resources: Resources,
        filters: Option<Filters>,
    ) {
        let Some(holder) = self.framework(framework) else { return };
        let (is_active, client) = (holder.is_active, holder.client(role));
        let Some(client) = client.filter(|_| self.agent(key).is_some()) else { return };
        self.shown.remove(client, key, &resources);
        self.settle_agent(key);
        if let Some(filters) = filters.filter(|filters| is_active && !filters.refuse_for.is_zero()) {
            self.refuse(now, client, key, resources, filters);
        }
    }
}
