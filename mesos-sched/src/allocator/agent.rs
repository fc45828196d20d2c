//! What facts about agents and about resources on them change.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::kernel::Handle;
use mesos_core::provider::{AgentKey, FrameworkKey, Used};
use mesos_core::resource::Resources;
use mesos_core::{AgentInfo, Filters, Instant, Role};

use super::book::{Agent, Framework};
use super::eligibility::Demands;
use super::options::mutant;
use super::sorter::NodeKey;
use super::{HierarchicalDrf, slot_of};

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
        *slot_of(&mut self.agents, key.slot()) = Some(Agent { is_listed, ..Agent::new(info, total, demands) });
        for Used { framework, role, resources } in used {
            self.hold(framework, &role, key, &resources);
        }
        self.weigh_agent(key);
        self.schedule.call_for(now, key);
    }

    pub(super) fn resize_agent(&mut self, now: Instant, key: AgentKey, total: Resources) {
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        if agent.total == total {
            return;
        }
        let (before, after) = (agent.total.scalar_quantities(), total.scalar_quantities());
        agent.demands = agent.demands.with_total(&total, &self.options);
        agent.total = total;
        self.tree.change_totals(|all| {
            *all -= &before;
            *all += &after;
        });
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

    /// An agent describes itself anew: what was known of it from before, refusals included, is void.
    pub(super) fn update_agent(&mut self, now: Instant, key: AgentKey, info: Arc<AgentInfo>) {
        let is_listed = self.lists(&info);
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        if agent.info == info {
            return;
        }
        agent.demands = Demands::of(&info, &self.options).with_total(&agent.total, &self.options);
        agent.info = info;
        agent.is_listed = is_listed;
        self.filters.clear_agent(key);
        self.constraints.forget_agent(key);
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
        self.filters.clear_agent(key);
        self.constraints.forget_agent(key);
        self.maintenance.forget_agent(key);
        self.scratch.dealing.forget_agent(key);
        self.set_agent_active(key, false);
        let Some(agent) = self.agents[key.slot()].take() else { return };
        for holding in agent.holdings {
            self.tree.release(holding.client, &holding.resources.scalar_quantities());
            self.count_holding_less(holding.client);
        }
        let removed = agent.total.scalar_quantities();
        self.tree.change_totals(|all| *all -= &removed);
    }

    pub(super) fn claim(&mut self, framework: FrameworkKey, role: &Role, key: AgentKey, resources: &Resources) {
        if self.agent(key).is_some() {
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
        self.client_mut(client).holdings += usize::from(is_new);
        self.tree.book(client, &grown);
        self.maintenance.touch(key);
    }

    /// # Panics
    /// When `from` is not part of what the framework was granted.
    pub(super) fn convert(
        &mut self,
        framework: FrameworkKey,
        role: &Role,
        key: AgentKey,
        from: &Resources,
        to: &Resources,
    ) {
        let Some(client) = self.framework(framework).and_then(|framework| framework.client(role)) else { return };
        let counts_twice = mutant!(self.options, CountConvertedTwice);
        let Some(agent) = self.agent_mut(key) else { return };
        let total_before = agent.total.scalar_quantities();
        // The total of an agent that shrank below what is used may not hold the old form any more.
        if agent.total.contains(from) {
            if !counts_twice {
                agent.total -= from;
            }
            agent.total += to;
        }
        let total_after = agent.total.scalar_quantities();
        let held = agent.holding(client).map(|holding| &mut holding.resources).filter(|held| held.contains(from));
        let held = held.unwrap_or_else(|| panic!("{from} was converted by somebody who does not hold it"));
        let before = held.scalar_quantities();
        *held -= from;
        *held += to;
        let after = held.scalar_quantities();
        let is_empty = held.is_empty();
        if is_empty {
            agent.holdings.retain(|holding| holding.client != client);
        }
        self.tree.convert(client, &before, &after);
        self.tree.change_totals(|all| {
            *all -= &total_before;
            *all += &total_after;
        });
        if is_empty {
            self.count_holding_less(client);
        }
        self.weigh_agent(key);
    }

    /// # Panics
    /// When the framework was not granted that.
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
        let Some(agent) = self.agents.get_mut(key.slot()).and_then(Option::as_mut) else { return };
        if resources.is_empty() {
            return;
        }
        let client = client.unwrap_or_else(|| panic!("{resources} was recovered from a role without a framework"));
        if self.options.policy.is_dealing() {
            self.scratch.dealing.returned(client, key, &resources, filters.is_some());
        }
        let (shrunk, is_last) = agent.release(client, &resources);
        agent.give_back(&resources);
        self.tree.release(client, &shrunk);
        self.settle_agent(key);
        if let Some(filters) = filters.filter(|filters| is_active && !filters.refuse_for.is_zero()) {
            self.refuse(now, client, key, resources, filters);
        }
        if is_last {
            self.count_holding_less(client);
        }
    }

    fn refuse(&mut self, now: Instant, client: NodeKey, key: AgentKey, refused: Resources, filters: Filters) {
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
        if let Some(agent) = self.agent_mut(key) {
            agent.weigh();
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
        }
    }
}
