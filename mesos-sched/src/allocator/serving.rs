//! One agent while it is served: who comes into question, and what each may have of it.

use std::ops::ControlFlow;

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Grant};
use mesos_core::resource::{Quantities, ResourceName, Resources};

use super::Options;
use super::book::{Agent, Client};
use super::constraint::ConstraintTable;
use super::costs::Costs;
use super::eligibility::is_allocatable;
use super::filter::{FilterTable, Refusers};
use super::headroom::Headroom;
use super::merging::Merging;
use super::options::mutant;
use super::quota::QuotaTree;
use super::sorter::{NodeKey, Tree, Walk};
use super::stage::{Portion, Stage};

/// So few clients are put in order by themselves rather than met in the order of all; more than so many are met often enough.
const FEW: usize = 32;

/// A grant that the tree has still to be told, once the walk through it is over.
#[derive(Debug)]
pub(super) struct Booked {
    pub(super) client: NodeKey,
    pub(super) grown: Quantities,
    pub(super) is_new: bool,
}

/// One agent while it is served.
pub(super) struct Serving<'a> {
    pub(super) key: AgentKey,
    pub(super) agent: &'a mut Agent,
    pub(super) clients: &'a [Option<Client>],
    pub(super) filters: &'a FilterTable,
    /// Clients that refused all of the agent.
    pub(super) refusers: &'a Refusers,
    pub(super) constraints: &'a ConstraintTable,
    pub(super) options: &'a Options,
    pub(super) quotas: &'a mut QuotaTree,
    pub(super) headroom: &'a mut Headroom,
    pub(super) merging: &'a mut Merging,
    pub(super) costs: &'a mut Costs,
    pub(super) stage: Stage,
    /// Shared resources stay available, but go to one client a round.
    pub(super) shared: Resources,
    /// Whether only fresh clients come into question, since nothing changed on the agent.
    pub(super) is_for_fresh: bool,
    /// Whether somebody was cut for the sake of promises, so that more headroom may change what is granted.
    pub(super) is_held_back: bool,
    /// Whether somebody was granted less than there was because of the size of offers.
    pub(super) is_sized: bool,
    /// Whether somebody refuses this agent or demands another one.
    pub(super) is_particular: bool,
    /// How many were granted something before the order was asked for; they come again in it.
    pub(super) preferred: usize,
    /// Whether the role that is served can count on no guarantee any more.
    pub(super) is_sated: bool,
    /// Such roles.
    pub(super) sated: &'a mut Vec<NodeKey>,
    /// Who was cut by limits or headroom.
    pub(super) cut: &'a mut Vec<NodeKey>,
    pub(super) booked: &'a mut Vec<Booked>,
    pub(super) grants: &'a mut Vec<Grant>,
}

impl Serving<'_> {
    pub(super) fn walk(&mut self, walk: &mut Walk, tree: &mut Tree, rng: &mut Rng) {
        walk.start(tree, rng);
        while !self.is_done()
            && let Some(own) = walk.next_role(tree, rng)
        {
            let mut left = None;
            self.is_sated = false;
            while let Some(client) = walk.next_client(tree, rng) {
                if self.consider(client, &mut left).is_break() {
                    break;
                }
            }
            if mutant!(self.options, ServeOnlyFirst) {
                break;
            }
            if self.is_sated {
                self.sated.push(own);
                walk.leave_promises();
            }
        }
        // A walk may not lose what it is going through.
        for own in self.sated.drain(..) {
            tree.set_promised(own, false);
        }
    }

    /// Considers those who have waited long before all others, in both stages, while there is anything left: whoever can count
    /// on no guarantee has his fair share of the agent, and so never of what guarantees need.
    pub(super) fn prefer(&mut self, waiting: impl Iterator<Item = NodeKey>) {
        let (stage, is_held_back) = (self.stage, self.is_held_back);
        for client in waiting {
            if self.agent.available.is_empty() {
                break;
            }
            let own = self.clients[client.slot()].as_ref().expect("a client of the tree has a book");
            if !self.quotas.is_promised(own.role_key) {
                self.stage = Stage::FairShare;
            }
            let _ = self.consider(client, &mut None);
            self.stage = stage;
        }
        // Whom the headroom holds back of his fair share comes again when these are served.
        if stage == Stage::Guarantees {
            self.is_held_back = is_held_back;
        }
        self.preferred = self.booked.len();
    }

    /// Considers those who come into question at all, in order, if they are known and few; whether they were.
    pub(super) fn walk_few(
        &mut self,
        fresh: &[NodeKey],
        few: &mut Vec<NodeKey>,
        walk: &mut Walk,
        tree: &mut Tree,
    ) -> bool {
        if mutant!(self.options, ServeOnlyFirst) {
            return false;
        }
        let is_drawn = walk.is_drawn();
        if self.is_for_fresh && fresh.len() <= if is_drawn { 1 } else { FEW } {
            few.clear();
            few.extend(fresh.iter().filter(|client| tree[**client].is_active()));
        } else if is_drawn
            || self.stage != Stage::FairShare
            || !self.refusers.list_others(tree.active_clients(), FEW, few)
        {
            return false;
        }
        self.is_particular = true;
        // Whoever comes first mostly has all of it, and then nobody has to know who would have come next.
        if few.len() > 1 {
            walk.bring_first(few, tree);
        }
        let (mut role, mut left, mut is_over) = (None, None, false);
        for place in 0..few.len() {
            if place == 1 {
                walk.arrange(&mut few[1..], tree);
            }
            let own = tree.parent(few[place]);
            if role != Some(own) {
                if self.is_done() {
                    break;
                }
                (role, left, is_over) = (Some(own), None, false);
            }
            is_over = is_over || self.consider(few[place], &mut left).is_break();
            if self.agent.available.is_empty() {
                break;
            }
        }
        true
    }

    /// Whether nobody can come who may have something.
    fn is_done(&self) -> bool {
        self.agent.available.is_empty() || self.stage == Stage::Guarantees && !self.quotas.is_hungry()
    }

    /// Grants a client what it may have of what is left for its role; stops when that is nothing.
    pub(super) fn consider(&mut self, client: NodeKey, left: &mut Option<Resources>) -> ControlFlow<()> {
        // First of all, since they are what makes walks long.
        if self.refusers.contains(client) {
            self.is_particular = true;
            return ControlFlow::Continue(());
        }
        let clients = self.clients;
        let own = clients[client.slot()].as_ref().expect("a client of the tree has a book");
        let is_served = self.booked[..self.preferred].iter().any(|booked| booked.client == client);
        if is_served || self.is_for_fresh && !own.is_fresh {
            return ControlFlow::Continue(());
        }
        if self.stage == Stage::Guarantees && !self.quotas.is_promised(own.role_key) {
            self.is_sated = true;
            return ControlFlow::Break(());
        }
        self.costs.considered += 1;
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
        let left = self.agent.available.allocatable_to(&own.role) - &self.shared;
        if mutant!(self.options, StrandScarce) {
            return left.filter(|entry| !matches!(entry.name(), ResourceName::Ports | ResourceName::Gpus));
        }
        left
    }

    /// Whether a client may be offered the agent at all.
    pub(super) fn admits(&self, client: NodeKey, own: &Client) -> bool {
        self.agent.demands.admit(own.abilities) && self.constraints.admit(client, self.key, &self.agent.info)
    }

    pub(super) fn offer_to(&mut self, client: NodeKey, own: &Client, left: &Resources) -> Option<Resources> {
        if !self.agent.demands.admit(own.abilities) {
            return None;
        }
        let mut earlier = self.merging.earlier_amounts(self.agent.guaranteed, client, self.grants);
        if own.max_offer.is_some() {
            earlier += &self.pieces_of(client);
        }
        if !self.constraints.admit(client, self.key, &self.agent.info) {
            self.is_particular = true;
            return None;
        }
        self.is_particular |= !earlier.is_empty();
        let portion = self.portion_of(own, left, &earlier)?;
        let Portion { resources, is_limited, is_held_back, is_sized } = portion;
        if is_limited || is_held_back {
            self.cut.push(client);
        }
        let minimums = own.minimums.as_deref().unwrap_or(&self.options.min_allocatable);
        let is_wanted = is_allocatable(&resources, minimums) && !self.is_refused(client, &resources);
        // A smaller offer that was taken leaves nothing in the stage of guarantees that headroom could change.
        self.is_held_back |= is_held_back && !(is_wanted && self.stage == Stage::Guarantees);
        self.is_sized |= is_sized && (is_wanted || !earlier.is_empty());
        is_wanted.then_some(resources)
    }

    /// What a client was granted of the agent already, where it is dealt in pieces.
    fn pieces_of(&self, client: NodeKey) -> Quantities {
        let first = self.grants.len() - self.booked.len().min(self.grants.len());
        let own = self.booked.iter().zip(&self.grants[first..]).filter(|(booked, _)| booked.client == client);
        own.map(|(_, grant)| grant.resources.quota_quantities()).sum()
    }

    fn portion_of(&mut self, own: &Client, left: &Resources, earlier: &Quantities) -> Option<Portion> {
        let whole = own.abilities.strip(left);
        let Some(draws) = &mut self.merging.draws else { return Some(Portion::whole(whole)) };
        self.stage.portion(own, whole, earlier, self.quotas, self.headroom, draws)
    }

    fn is_refused(&mut self, client: NodeKey, offer: &Resources) -> bool {
        self.costs.filter_checks += 1;
        let is_refused = self.filters.blocks(client, self.key, offer);
        self.is_particular |= is_refused;
        is_refused
    }

    fn grant(&mut self, client: NodeKey, own: &Client, offer: Resources) {
        let consumed = offer.quota_quantities();
        self.quotas.consume(own.role_key, &consumed);
        self.headroom.take(&consumed);
        self.agent.take(&offer);
        let (grown, is_new) = self.agent.hold(client, &offer);
        self.booked.push(Booked { client, grown, is_new });
        self.shared += &offer.shared();
        let (framework, role) = (own.framework, own.role.clone());
        self.grants.push(Grant { framework, role, agent: self.key, resources: offer });
    }
}
