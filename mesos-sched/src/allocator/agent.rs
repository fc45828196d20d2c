//! What facts about agents and about resources on them change.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::kernel::Handle;
use mesos_core::provider::{AgentKey, FrameworkKey, Used};
use mesos_core::resource::{Quantities, Resources};
use mesos_core::{AgentInfo, Filters, Instant, Role};

use super::book::{Agent, Framework, Holding};
use super::eligibility::Demands;
use super::inconsistency::Inconsistency;
use super::options::mutant;
use super::sorter::NodeKey;
use super::{HierarchicalDrf, slot_of};

/// Whether whoever refused an agent would have refused it under this description as well: what it has may be more or less,
/// and where it listens be another port.
fn is_same_place(before: &AgentInfo, after: &AgentInfo) -> bool {
    let AgentInfo { hostname, attributes, domain, capabilities, .. } = before;
    (hostname, attributes, domain, capabilities)
        == (&after.hostname, &after.attributes, &after.domain, &after.capabilities)
}

impl HierarchicalDrf {
    pub(super) fn add_agent(
        &mut self,
        now: Instant,
        key: AgentKey,
        info: Arc<AgentInfo>,
        total: Resources,
        used: Vec<Used>,
    ) {
        self.remove_agent(key);
        let demands = Demands::of(&info, &self.options).with_total(&total, &self.options);
        let is_listed = self.lists(&info);
        let added = total.scalar_quantities();
        self.tree.change_totals(|all| *all += &added);
        self.reserve(&total);
        self.headroom.add(&total.quota_quantities());
        *slot_of(&mut self.agents, key.slot()) = Some(Agent { is_listed, ..Agent::new(info, total, demands) });
        for Used { framework, role, resources } in used {
            self.hold(framework, &role, key, &resources);
        }
        self.agent_count += 1;
        self.weigh_agent(key);
        self.schedule.call_for(now, key);
    }

    pub(super) fn resize_agent(&mut self, now: Instant, key: AgentKey, total: Resources) {
        self.put_aside(key);
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        if agent.total == total {
            return;
        }
        agent.demands = agent.demands.with_total(&total, &self.options);
        let before = std::mem::replace(&mut agent.total, total.clone());
        self.retotal(&before, &total);
        self.weigh_agent(key);
        self.schedule.call_for(now, key);
    }

    pub(super) fn set_agent_active(&mut self, key: AgentKey, is_active: bool) {
        if let Some(agent) = self.agent_mut(key) {
            agent.is_active = is_active;
            self.settle_agent(key);
            self.maintenance.touch(key);
        }
    }

    /// An agent describes itself anew: what was known of it from before is void, and refusals too if it is another place.
    pub(super) fn update_agent(&mut self, now: Instant, key: AgentKey, info: Arc<AgentInfo>) {
        let is_listed = self.lists(&info);
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        if agent.info == info {
            return;
        }
        agent.demands = Demands::of(&info, &self.options).with_total(&agent.total, &self.options);
        let is_same_place = is_same_place(&agent.info, &info);
        agent.info = info;
        agent.is_listed = is_listed;
        if !is_same_place {
            self.filters.clear_agent(key);
        }
        self.constraints.forget_agent(key);
        self.scratch.suitors.forget_agent(key);
        self.settle_agent(key);
        self.schedule.call_for(now, key);
    }

    /// As with every change of what may be offered, what is offered stays; the next batch round sees the others.
    pub(super) fn set_whitelist(&mut self, hostnames: Option<BTreeSet<Arc<str>>>) {
        self.whitelist = hostnames;
        for slot in 0..self.agents.len() {
            let Some(agent) = &self.agents[slot] else { continue };
            let (was_listed, is_listed) = (agent.is_listed, self.lists(&agent.info));
            if let Some(agent) = self.agents[slot].as_mut().filter(|_| was_listed != is_listed) {
                agent.is_listed = is_listed;
                self.settle_agent(AgentKey::from_slot(u32::try_from(slot).expect("handles are of 32 bits")));
            }
        }
    }

    /// Whether a host may be offered.
    fn lists(&self, info: &AgentInfo) -> bool {
        self.whitelist.as_ref().is_none_or(|hosts| hosts.contains(&info.hostname))
    }

    pub(super) fn remove_agent(&mut self, key: AgentKey) {
        if self.agent(key).is_none() {
            return;
        }
        self.put_aside(key);
        self.filters.clear_agent(key);
        self.constraints.forget_agent(key);
        self.scratch.suitors.forget_agent(key);
        self.maintenance.forget_agent(key);
        self.scratch.dealing.forget_agent(key);
        self.shown.forget_agent(key);
        self.set_agent_active(key, false);
        let Some(mut agent) = self.agents[key.slot()].take() else { return };
        self.agent_count -= 1;
        self.headroom.take(&agent.available.quota_quantities());
        while let Some(Holding { client, resources }) = agent.holdings.pop() {
            agent.book_release(&mut self.tree, client, &resources, &resources.scalar_quantities());
            self.consume_less(client, &resources.quota_quantities());
            self.count_holding_less(client);
        }
        self.unreserve(&agent.total);
        let removed = agent.total.scalar_quantities();
        self.tree.change_totals(|all| *all -= &removed);
    }

    pub(super) fn claim(&mut self, framework: FrameworkKey, role: &Role, key: AgentKey, resources: &Resources) {
        if self.agent(key).is_some() {
            self.put_aside(key);
            self.hold(framework, role, key, resources);
            self.weigh_agent(key);
        }
    }

    /// Books what somebody uses; what is available is computed by the caller.
    fn hold(&mut self, framework: FrameworkKey, role: &Role, key: AgentKey, resources: &Resources) {
        if resources.is_empty() {
            return;
        }
        let client = self.intern_client(framework, role);
        let agent = self.agents[key.slot()].as_mut().expect("the caller knows the agent");
        let (grown, is_new) = agent.hold(client, resources);
        agent.book_grant(&mut self.tree, client, resources, &grown);
        self.client_mut(client).holdings += usize::from(is_new);
        let role = self.client_mut(client).role_key;
        self.quotas.consume(role, &resources.quota_quantities());
        self.maintenance.touch(key);
    }

    /// The role of a client that holds less consumes less.
    fn consume_less(&mut self, client: NodeKey, consumed: &Quantities) {
        let role = self.client_mut(client).role_key;
        self.quotas.release(role, consumed);
    }

    fn reserve(&mut self, total: &Resources) {
        for (role, name, amount) in total.reserved_amounts() {
            self.quotas.reserve(role, name, amount);
        }
    }

    fn unreserve(&mut self, total: &Resources) {
        for (role, name, amount) in total.reserved_amounts() {
            self.quotas.unreserve(role, name, amount);
        }
    }

    /// What somebody holds has another form. If they do not hold it, nothing changes.
    pub(super) fn convert(
        &mut self,
        framework: FrameworkKey,
        role: &Role,
        key: AgentKey,
        from: &Resources,
        to: &Resources,
    ) {
        let Some(holder) = self.framework(framework) else { return };
        let client = Framework::client(holder, role);
        let counts_twice = mutant!(self.options, CountConvertedTwice);
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        let is_held = |client: &NodeKey| agent.holding(*client).is_some_and(|holding| holding.resources.contains(from));
        let Some(client) = client.filter(is_held) else {
            let (role, resources) = (role.clone(), from.clone());
            let refused = Inconsistency::ConvertedUnheld { framework, role, agent: key, resources };
            return self.inconsistencies.note(refused);
        };
        self.put_aside(key);
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        // The total of an agent that shrank below what is used may not hold the old form any more.
        let is_there = agent.total.contains(from);
        let are_exclusive = from.shared().is_empty() && to.shared().is_empty();
        if is_there && !agent.is_over && are_exclusive && !counts_twice {
            agent.total -= from;
            agent.total += to;
            self.retotal(from, to);
            self.convert_held(client, key, from, to);
            // What there is and what is held changed alike, so as much is free as before.
            debug_assert!(
                self.agent(key).is_some_and(|agent| agent.available == agent.total.left_beside(&agent.held()))
            );
            return self.settle_agent(key);
        }
        if is_there {
            let before = agent.total.clone();
            if !counts_twice {
                agent.total -= from;
            }
            agent.total += to;
            let after = agent.total.clone();
            self.retotal(&before, &after);
        }
        self.convert_held(client, key, from, to);
        self.weigh_agent(key);
    }

    /// An agent has this instead of that.
    fn retotal(&mut self, before: &Resources, after: &Resources) {
        self.reserve(after);
        self.unreserve(before);
        let (before, after) = (before.scalar_quantities(), after.scalar_quantities());
        self.tree.change_totals(|all| {
            *all -= &before;
            *all += &after;
        });
    }

    fn convert_held(&mut self, client: NodeKey, key: AgentKey, from: &Resources, to: &Resources) {
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        let Some(Holding { resources: held, .. }) = agent.holding(client) else { return };
        let is_shared = !(from.shared().is_empty() && to.shared().is_empty());
        let shared_before = is_shared.then(|| held.clone());
        let before = held.scalar_quantities();
        *held -= from;
        *held += to;
        let after = held.scalar_quantities();
        let is_empty = held.is_empty();
        if is_empty {
            agent.holdings.retain(|holding| holding.client != client);
        }
        match shared_before {
            None => self.tree.convert(client, &before, &after),
            Some(before) => agent.book_anew(&mut self.tree, client, 0, &before),
        }
        let role = self.client_mut(client).role_key;
        self.quotas.consume(role, &to.quota_quantities());
        self.quotas.release(role, &from.quota_quantities());
        if is_empty {
            self.count_holding_less(client);
        }
    }

    /// What somebody holds is free again. If they do not hold it, nothing changes.
    pub(super) fn recover(
        &mut self,
        now: Instant,
        framework: FrameworkKey,
        role: &Role,
        key: AgentKey,
        resources: Resources,
        filters: Option<Filters>,
    ) {
        let Some(holder) = self.framework(framework) else { return };
        let (is_active, client) = (holder.is_active, Framework::client(holder, role));
        self.put_aside(key);
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        if resources.is_empty() {
            return;
        }
        let Some((client, (shrunk, is_last))) =
            client.and_then(|client| agent.release(client, &resources).map(|released| (client, released)))
        else {
            let refused = Inconsistency::RecoveredUnheld { framework, role: role.clone(), agent: key, resources };
            return self.inconsistencies.note(refused);
        };
        if self.options.policy.is_dealing() {
            self.scratch.dealing.returned(client, key, &resources, filters.is_some());
        }
        self.headroom.change(agent, |agent| agent.give_back(&resources));
        agent.book_release(&mut self.tree, client, &resources, &shrunk);
        self.consume_less(client, &resources.quota_quantities());
        self.settle_agent(key);
        if let Some(filters) = filters.filter(|filters| is_active && !filters.refuse_for.is_zero()) {
            self.refuse(now, client, key, resources, filters);
        }
        if is_last {
            self.count_holding_less(client);
        }
    }

    pub(super) fn refuse(
        &mut self,
        now: Instant,
        client: NodeKey,
        key: AgentKey,
        refused: Resources,
        filters: Filters,
    ) {
        if self.client_mut(client).is_subscribed {
            let due_at = now + filters.refuse_for.max(self.schedule.interval());
            self.filters.add(client, key, refused, due_at, self.schedule.batches());
        }
    }

    /// A client holds nothing on one agent any more.
    fn count_holding_less(&mut self, client: NodeKey) {
        let own = self.client_mut(client);
        own.holdings -= 1;
        if own.holdings == 0 {
            self.settle_client(client);
        }
    }

    fn weigh_agent(&mut self, key: AgentKey) {
        if let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) {
            self.headroom.change(agent, Agent::weigh);
        }
        self.settle_agent(key);
    }

    /// Something changed on an agent: the next round that comes by considers it if there is anything to offer.
    pub(super) fn settle_agent(&mut self, key: AgentKey) {
        self.list_agent(key);
        if self.open.contains(key) {
            self.dirty.insert(key);
        }
    }

    /// Lists an agent as open if it has something to offer.
    pub(super) fn list_agent(&mut self, key: AgentKey) {
        if self.agent(key).is_some_and(Agent::is_open) {
            self.open.insert(key);
        } else {
            self.open.remove(key);
            self.dirty.remove(key);
            self.headroom.held.remove(key);
            self.headroom.held_in_guarantees.remove(key);
        }
    }
}
