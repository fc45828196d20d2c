//! What facts about frameworks change.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::constraint::OfferConstraints;
use mesos_core::kernel::Handle;
use mesos_core::provider::FrameworkKey;
use mesos_core::{FrameworkId, FrameworkInfo, Instant, Role};

use super::book::{Client, Framework};
use super::eligibility::Abilities;
use super::inconsistency::Inconsistency;
use super::options::mutant;
use super::sorter::NodeKey;
use super::{HierarchicalDrf, slot_of};

impl HierarchicalDrf {
    pub(super) fn add_framework(&mut self, now: Instant, key: FrameworkKey, id: FrameworkId, is_active: bool) {
        let framework = slot_of(&mut self.frameworks, key.slot()).get_or_insert_default();
        framework.is_active = is_active;
        for (_, client) in &framework.clients {
            self.tree.deactivate(*client);
            self.tree.rename_client(*client, id.shared());
        }
        framework.id = Some(id);
        if is_active {
            self.ask_framework_again();
            self.schedule.call_for_all(now);
        }
    }

    /// Takes over a description; the suppressed roles replace those of before.
    pub(super) fn describe_framework(&mut self, key: FrameworkKey, info: &FrameworkInfo, suppressed: &BTreeSet<Role>) {
        if !self.is_known(key) {
            return;
        }
        self.scratch.suitors.forget_clients();
        for role in &info.roles {
            self.intern_client(key, role);
        }
        for (role, client) in self.clients_of(key) {
            let own = self.client_mut(client);
            own.is_subscribed = info.roles.contains(&role);
            own.is_suppressed = suppressed.contains(&role);
            own.abilities = Abilities::of(info, &role);
            own.minimums = info.min_allocatable.get(&role).map(|minimums| Arc::from(minimums.as_slice()));
            let max_offer = info.max_offer.get(&role).filter(|most| !most.is_empty());
            own.max_offer = max_offer.map(|most| Box::new(most.clone()));
            self.has_sizes |= max_offer.is_some();
            if self.options.policy.is_dealing() {
                self.scratch.dealing.describe(client, info, &role);
            }
            if !self.client_mut(client).is_subscribed {
                self.filters.clear_client(client);
            }
            self.settle_client(client);
            self.freshen(client);
        }
    }

    /// Replaces what a framework demands of agents, in all its roles.
    pub(super) fn constrain(&mut self, key: FrameworkKey, constraints: &OfferConstraints) {
        if !self.is_known(key) {
            return;
        }
        self.scratch.suitors.forget_clients();
        for (role, client) in self.clients_of(key) {
            self.constraints.set(client, constraints.by_role.get(&role).map_or(&[], Vec::as_slice));
            self.freshen(client);
        }
    }

    pub(super) fn activate_framework(&mut self, now: Instant, key: FrameworkKey) {
        let Some(framework) = self.framework_mut(key).filter(|framework| framework.id.is_some()) else { return };
        framework.is_active = true;
        for (_, client) in self.clients_of(key) {
            self.settle_client(client);
        }
        self.ask_framework_again();
        self.schedule.call_for_all(now);
    }

    pub(super) fn deactivate_framework(&mut self, key: FrameworkKey) {
        let Some(framework) = self.framework_mut(key) else { return };
        framework.is_active = false;
        self.maintenance.clear_refusals(key);
        for (_, client) in self.clients_of(key) {
            self.filters.clear_client(client);
            self.settle_client(client);
        }
    }

    /// One that still holds something is only known to use it from now on.
    pub(super) fn remove_framework(&mut self, key: FrameworkKey) {
        if !self.is_known(key) {
            return;
        }
        self.maintenance.forget_framework(key);
        let clients = self.clients_of(key);
        let held_on = |client: &(Role, NodeKey)| self.clients[client.1.slot()].as_ref().map_or(0, |own| own.holdings);
        let agents: usize = clients.iter().map(held_on).sum();
        if agents > 0 {
            self.inconsistencies.note(Inconsistency::RemovedHolding { framework: key, agents });
            self.disown(key, clients);
            return;
        }
        for (_, client) in clients {
            self.drop_client(client);
        }
        self.frameworks[key.slot()] = None;
    }

    /// What a framework holds stays booked, but it is offered nothing.
    fn disown(&mut self, key: FrameworkKey, clients: Vec<(Role, NodeKey)>) {
        if let Some(framework) = self.framework_mut(key) {
            framework.id = None;
            framework.is_active = false;
        }
        for (_, client) in clients {
            self.client_mut(client).is_subscribed = false;
            self.filters.clear_client(client);
            self.constraints.forget_client(client);
            self.settle_client(client);
        }
    }

    pub(super) fn suppress(&mut self, key: FrameworkKey, roles: &BTreeSet<Role>) {
        for client in self.named_clients(key, roles) {
            self.client_mut(client).is_suppressed = true;
            self.settle_client(client);
        }
    }

    pub(super) fn revive(&mut self, now: Instant, key: FrameworkKey, roles: &BTreeSet<Role>) {
        for client in self.named_clients(key, roles) {
            if !mutant!(self.options, IgnoreRevive) {
                self.client_mut(client).is_suppressed = false;
            }
            self.filters.clear_client(client);
            self.settle_client(client);
            self.freshen(client);
        }
        if self.is_known(key) {
            self.maintenance.clear_refusals(key);
            self.schedule.call_for_all(now);
        }
    }

    /// Whether a framework was added, rather than only found to use something.
    fn is_known(&self, key: FrameworkKey) -> bool {
        self.framework(key).is_some_and(|framework| framework.id.is_some())
    }

    /// The clients of a framework under these roles; under all if none is named.
    fn named_clients(&self, key: FrameworkKey, roles: &BTreeSet<Role>) -> Vec<NodeKey> {
        let clients = self.clients_of(key).into_iter();
        clients.filter(|(role, _)| roles.is_empty() || roles.contains(role)).map(|(_, client)| client).collect()
    }

    pub(super) fn clients_of(&self, key: FrameworkKey) -> Vec<(Role, NodeKey)> {
        self.framework(key).map(|framework| framework.clients.clone()).unwrap_or_default()
    }

    /// The client of a framework under a role, made if there is none. A framework that is not known yet is remembered, so
    /// that what it uses counts from the beginning.
    pub(super) fn intern_client(&mut self, key: FrameworkKey, role: &Role) -> NodeKey {
        let framework = slot_of(&mut self.frameworks, key.slot()).get_or_insert_default();
        let place = match framework.place(role) {
            Ok(found) => return framework.clients[found].1,
            Err(place) => place,
        };
        let client = self.tree.add_client(role, framework.id.as_ref().map_or_else(|| "".into(), FrameworkId::shared));
        framework.clients.insert(place, (role.clone(), client));
        let role_key = self.quotas.add_client(role, client);
        *slot_of(&mut self.clients, client.slot()) = Some(Client::new(key, role.clone(), role_key));
        client
    }

    /// A client that takes part can be offered more than before, also on agents where nothing changes.
    pub(super) fn freshen(&mut self, client: NodeKey) {
        let is_active = self.tree[client].is_active();
        let Some(own) = self.clients[client.slot()].as_mut() else { return };
        if is_active && !own.is_fresh {
            own.is_fresh = true;
            self.fresh.push(client);
        }
    }

    /// Clients that were cut by a quota can be offered more when less is consumed below it.
    pub(super) fn freshen_grown(&mut self) {
        if !self.quotas.has_growth() {
            return;
        }
        let mut clients = std::mem::take(&mut self.scratch.clients);
        self.quotas.drain_growth(&mut clients);
        for client in clients.drain(..) {
            self.freshen(client);
        }
        self.scratch.clients = clients;
    }

    /// Lets a client take part if it may and wants to, and forgets one that is no client any more.
    pub(super) fn settle_client(&mut self, client: NodeKey) {
        let own = self.clients[client.slot()].as_ref().expect("a client of the tree has a book");
        let framework = self.framework(own.framework);
        let is_active = framework.is_some_and(|framework| framework.is_active && framework.id.is_some());
        if own.is_subscribed && is_active && !own.is_suppressed {
            if !self.tree[client].is_active() {
                self.tree.activate(client);
                if self.options.starvation_batches.is_some() {
                    self.aging.begin(client, self.schedule.batches());
                }
                self.freshen(client);
            }
            return;
        }
        let is_gone = !own.is_subscribed && own.holdings == 0;
        self.tree.deactivate(client);
        self.aging.end(client);
        if is_gone {
            self.drop_client(client);
        }
    }

    fn drop_client(&mut self, client: NodeKey) {
        let Some(gone) = self.clients[client.slot()].take() else { return };
        let Client { framework: key, role, role_key, is_fresh, .. } = gone;
        self.quotas.remove_client(role_key, client);
        if is_fresh {
            self.fresh.retain(|other| *other != client);
        }
        self.aging.end(client);
        self.filters.clear_client(client);
        self.constraints.forget_client(client);
        self.scratch.dealing.forget_client(client);
        self.shown.forget_client(client);
        self.memory.forget_client(client);
        self.tree.remove_client(client);
        let framework = self.framework_mut(key).expect("the framework of a client is known");
        framework.clients.retain(|(own, _)| *own != role);
        if is_forgotten(framework) {
            self.frameworks[key.slot()] = None;
        }
    }
}

/// A framework that was only known to use something, and no longer does.
const fn is_forgotten(framework: &Framework) -> bool {
    framework.id.is_none() && framework.clients.is_empty()
}
