//! One allocation round.
//!
//! A round expires filters, takes the agents that are due in random order, and serves each from the top of the order of
//! clients until nothing is left or nobody is. After it, every agent it considered is as settled as it can be: nobody who
//! may be served wants what is left. That holds because whether a client may have something depends on the agent and the
//! client alone; a stage that holds back resources for the sake of others has to leave such agents dirty.

use std::ops::ControlFlow;

use mesos_core::Instant;
use mesos_core::kernel::{Handle, Rng};
use mesos_core::provider::{AgentKey, Grant, Round};
use mesos_core::resource::{Quantities, Resources};

use super::book::{Agent, Client};
use super::constraint::ConstraintTable;
use super::eligibility::is_allocatable;
use super::filter::FilterTable;
use super::options::mutant;
use super::policy::{Dealing, Policy};
use super::schedule::Scope;
use super::sorter::{NodeKey, Tree, Walk};
use super::{HierarchicalDrf, Options};

/// Memory kept from one round to the next.
#[derive(Debug)]
pub(super) struct Scratch {
    agents: Vec<AgentKey>,
    walk: Walk,
    booked: Vec<Booked>,
    pub(super) dealing: Dealing,
}

/// A grant that the tree has still to be told, once the walk through it is over.
#[derive(Debug)]
pub(super) struct Booked {
    pub(super) client: NodeKey,
    pub(super) grown: Quantities,
    is_new: bool,
}

/// One agent while it is served.
pub(super) struct Serving<'a> {
    pub(super) key: AgentKey,
    pub(super) agent: &'a mut Agent,
    pub(super) clients: &'a [Option<Client>],
    pub(super) filters: &'a FilterTable,
    pub(super) constraints: &'a ConstraintTable,
    pub(super) options: &'a Options,
    /// Shared resources stay available, but go to one client a round.
    pub(super) shared: Resources,
    /// Whether only fresh clients come into question, since nothing changed on the agent.
    pub(super) is_for_fresh: bool,
    pub(super) booked: &'a mut Vec<Booked>,
    pub(super) grants: &'a mut Vec<Grant>,
}

impl Scratch {
    pub(super) fn new(options: &Options) -> Self {
        let walk = Walk::new(options.role_sorter, options.framework_sorter);
        let walk = match &options.policy {
            Policy::Priority(priorities) => walk.ranked(priorities.clone()),
            _ => walk,
        };
        Self { agents: Vec::new(), walk, booked: Vec::new(), dealing: Dealing::default() }
    }
}

impl HierarchicalDrf {
    pub(super) fn run(&mut self, round: Round<'_>, grants: &mut Vec<Grant>) {
        self.catch_up(round.now);
        let Some(scope) = self.schedule.scope(round.now) else { return };
        self.expire_filters(round.now);
        let mut agents = std::mem::take(&mut self.scratch.agents);
        self.collect(scope, &mut agents);
        self.arrange(&mut agents, round.rng);
        for agent in &agents {
            self.serve(*agent, round.rng, grants);
        }
        agents.clear();
        self.scratch.agents = agents;
        self.forget_fresh(scope);
        self.schedule.finish(round.now, scope);
        // A filter that was due but too young has been seen now; its agent is for the next round.
        self.expire_filters(round.now);
    }

    fn expire_filters(&mut self, now: Instant) {
        if mutant!(self.options, EternalFilter) {
            return;
        }
        let mut freed = std::mem::take(&mut self.scratch.agents);
        self.filters.expire(now, self.schedule.batches(), |agent| freed.push(agent));
        for agent in freed.drain(..) {
            self.settle_agent(agent);
        }
        self.scratch.agents = freed;
    }

    /// The agents a round has to look at: those that changed, and all that have something if somebody is fresh.
    fn collect(&mut self, scope: Scope, agents: &mut Vec<AgentKey>) {
        match scope {
            Scope::Candidates => {
                agents.extend(self.schedule.candidates().iter().filter(|agent| self.open.contains(**agent)));
            }
            Scope::Batch | Scope::All if self.fresh.is_empty() => agents.extend_from_slice(self.dirty.as_slice()),
            Scope::Batch | Scope::All => agents.extend_from_slice(self.open.as_slice()),
        }
    }

    /// Nobody is fresh any more to agents that were all considered.
    fn forget_fresh(&mut self, scope: Scope) {
        if scope != Scope::Candidates {
            for client in self.fresh.drain(..) {
                if let Some(client) = &mut self.clients[client.slot()] {
                    client.is_fresh = false;
                }
            }
        }
    }

    /// Serves one agent, then books what was granted of it.
    fn serve(&mut self, key: AgentKey, rng: &mut Rng, grants: &mut Vec<Grant>) {
        let is_for_fresh = !self.dirty.remove(key);
        if is_for_fresh && self.fresh.is_empty() {
            return;
        }
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        let Scratch { walk, booked, dealing, .. } = &mut self.scratch;
        let (clients, filters, options) = (&self.clients, &self.filters, &self.options);
        let constraints = &self.constraints;
        let shared = Resources::new();
        let mut serving =
            Serving { key, agent, clients, filters, constraints, options, shared, is_for_fresh, booked, grants };
        if let ([only], true) = (self.fresh.as_slice(), is_for_fresh) {
            if self.tree[*only].is_active() {
                let _ = serving.consider(*only, &mut None);
            }
        } else if options.policy.is_dealing() {
            let first = serving.grants.len();
            serving.deal(dealing, walk, &mut self.tree, rng);
            serving.walk(walk, &mut self.tree, rng);
            serving.merge_grants(first);
            dealing.note(key, serving.booked.iter().map(|booked| booked.client).zip(&serving.grants[first..]));
        } else {
            serving.walk(walk, &mut self.tree, rng);
        }
        let is_shared = !serving.shared.is_empty();
        for Booked { client, grown, is_new } in booked.drain(..) {
            self.tree.book(client, &grown);
            let own = self.clients[client.slot()].as_mut().expect("a client of the tree has a book");
            own.holdings += usize::from(is_new);
            self.maintenance.touch(key);
        }
        // Shared resources may go to the next client in the next round.
        if is_shared { self.settle_agent(key) } else { self.list_agent(key) }
    }
}

impl Serving<'_> {
    fn walk(&mut self, walk: &mut Walk, tree: &mut Tree, rng: &mut Rng) {
        walk.start(tree, rng);
        while !self.agent.available.is_empty() && walk.next_role(tree, rng).is_some() {
            let mut left = None;
            while let Some(client) = walk.next_client(tree, rng) {
                if self.consider(client, &mut left).is_break() {
                    break;
                }
            }
        }
    }

    /// Grants a client what it may have of what is left for its role; stops when that is nothing.
    pub(super) fn consider(&mut self, client: NodeKey, left: &mut Option<Resources>) -> ControlFlow<()> {
        let clients = self.clients;
        let own = clients[client.slot()].as_ref().expect("a client of the tree has a book");
        if self.is_for_fresh && !own.is_fresh {
            return ControlFlow::Continue(());
        }
        let left = left.get_or_insert_with(|| self.left_for(own));
        if left.is_empty() {
            return ControlFlow::Break(());
        }
        if let Some(offer) = self.offer_to(client, own, left) {
            *left -= &offer;
            self.grant(client, own, offer);
        }
        ControlFlow::Continue(())
    }

    /// What there is for a client's role.
    pub(super) fn left_for(&self, own: &Client) -> Resources {
        self.agent.available.allocatable_to(&own.role) - &self.shared
    }

    /// Whether a client may be offered the agent at all.
    pub(super) fn admits(&self, client: NodeKey, own: &Client) -> bool {
        self.agent.demands.admit(own.abilities) && self.constraints.admit(client, self.key, &self.agent.info)
    }

    fn offer_to(&self, client: NodeKey, own: &Client, left: &Resources) -> Option<Resources> {
        if !self.admits(client, own) {
            return None;
        }
        let offer = own.abilities.strip(left);
        let minimums = own.minimums.as_deref().unwrap_or(&self.options.min_allocatable);
        let is_wanted = is_allocatable(&offer, minimums) && !self.filters.blocks(client, self.key, &offer);
        is_wanted.then_some(offer)
    }

    fn grant(&mut self, client: NodeKey, own: &Client, offer: Resources) {
        self.agent.take(&offer);
        let (grown, is_new) = self.agent.hold(client, &offer);
        self.booked.push(Booked { client, grown, is_new });
        self.shared += &offer.shared();
        let (framework, role) = (own.framework, own.role.clone());
        self.grants.push(Grant { framework, role, agent: self.key, resources: offer });
    }
}
