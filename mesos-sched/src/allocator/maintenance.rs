//! Who is asked for agents that will be away.
//!
//! Whoever holds something on an agent with a planned unavailability is asked for it back: once, until the answer is here,
//! and not again before the refusal of the last question is over. Being asked changes nothing about what is held or
//! offered. What frameworks answered is kept by the master.
//!
//! Semantics: Apache Mesos, `src/master/allocator/mesos/hierarchical.cpp` (`generateInverseOffers`).

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::maintenance::Unavailability;
use mesos_core::provider::{AgentKey, FrameworkKey, InverseGrant};
use mesos_core::{Filters, Instant};

use super::HierarchicalDrf;
use super::book::Holding;

/// The agents that will be away.
#[derive(Debug, Default)]
pub(super) struct Maintenance {
    planned: BTreeMap<AgentKey, Planned>,
    /// Those of them where somebody may have to be asked.
    due: BTreeSet<AgentKey>,
    /// When which refusal ends.
    refusals: BTreeSet<(Instant, AgentKey, FrameworkKey)>,
}

/// An agent that will be away.
#[derive(Debug)]
struct Planned {
    unavailability: Unavailability,
    /// Who was asked and has not answered.
    asked: BTreeSet<FrameworkKey>,
    /// Who does not want to be asked again before when.
    refused: BTreeMap<FrameworkKey, Instant>,
}

impl Maintenance {
    /// When a round is wanted for the sake of questions.
    pub(super) fn next_due(&self) -> Option<Instant> {
        if self.due.is_empty() { self.refusals.first().map(|(at, ..)| *at) } else { Some(Instant::ZERO) }
    }

    /// Something changed on an agent: somebody new may hold something there.
    pub(super) fn touch(&mut self, agent: AgentKey) {
        if self.planned.contains_key(&agent) {
            self.due.insert(agent);
        }
    }

    fn touch_all(&mut self) {
        self.due.extend(self.planned.keys().copied());
    }

    pub(super) fn forget_agent(&mut self, agent: AgentKey) {
        self.due.remove(&agent);
        for (framework, at) in self.planned.remove(&agent).into_iter().flat_map(|planned| planned.refused) {
            self.refusals.remove(&(at, agent, framework));
        }
    }

    /// A framework may be asked again everywhere.
    pub(super) fn clear_refusals(&mut self, framework: FrameworkKey) {
        for (agent, planned) in &mut self.planned {
            if let Some(at) = planned.refused.remove(&framework) {
                self.refusals.remove(&(at, *agent, framework));
                self.due.insert(*agent);
            }
        }
    }

    pub(super) fn forget_framework(&mut self, framework: FrameworkKey) {
        self.clear_refusals(framework);
        for planned in self.planned.values_mut() {
            planned.asked.remove(&framework);
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some(&(at, agent, framework)) = self.refusals.first()
            && at <= now
        {
            self.refusals.pop_first();
            if let Some(planned) = self.planned.get_mut(&agent) {
                planned.refused.remove(&framework);
                self.due.insert(agent);
            }
        }
    }
}

impl HierarchicalDrf {
    /// A change voids what was asked and refused before.
    pub(super) fn set_unavailability(&mut self, now: Instant, agent: AgentKey, unavailability: Option<Unavailability>) {
        if self.agent(agent).is_none() {
            return;
        }
        self.maintenance.forget_agent(agent);
        if let Some(unavailability) = unavailability {
            let planned = Planned { unavailability, asked: BTreeSet::new(), refused: BTreeMap::new() };
            self.maintenance.planned.insert(agent, planned);
            self.maintenance.touch(agent);
        }
        self.schedule.call_for(now, agent);
    }

    pub(super) fn end_inverse_offer(
        &mut self,
        now: Instant,
        framework: FrameworkKey,
        agent: AgentKey,
        filters: Option<Filters>,
    ) {
        let is_active = self.framework(framework).is_some_and(|framework| framework.is_active);
        let Some(planned) = self.maintenance.planned.get_mut(&agent) else { return };
        if !planned.asked.remove(&framework) {
            return;
        }
        match filters.filter(|filters| is_active && !filters.refuse_for.is_zero()) {
            Some(filters) => {
                let until = now + filters.refuse_for;
                planned.refused.insert(framework, until);
                self.maintenance.refusals.insert((until, agent, framework));
            }
            None => self.maintenance.touch(agent),
        }
    }

    /// A framework is there again: it may be asked for whatever it holds.
    pub(super) fn ask_framework_again(&mut self) {
        self.maintenance.touch_all();
    }

    pub(super) fn ask_holders(&mut self, now: Instant, asked: &mut Vec<InverseGrant>) {
        self.maintenance.expire(now);
        for agent in std::mem::take(&mut self.maintenance.due) {
            let holders = self.holders(agent);
            let Some(planned) = self.maintenance.planned.get_mut(&agent) else { continue };
            for framework in holders {
                if !planned.refused.contains_key(&framework) && planned.asked.insert(framework) {
                    asked.push(InverseGrant { framework, agent, unavailability: planned.unavailability });
                }
            }
        }
    }

    /// Who takes part and holds something on an agent that does; each once, in order.
    fn holders(&self, agent: AgentKey) -> BTreeSet<FrameworkKey> {
        let Some(agent) = self.agent(agent).filter(|agent| agent.is_active) else { return BTreeSet::new() };
        let client = |holding: &Holding| self.clients[holding.client.slot()].as_ref().map(|client| client.framework);
        let frameworks = agent.holdings.iter().filter_map(client);
        let takes_part = |framework: &FrameworkKey| {
            self.framework(*framework).is_some_and(|framework| framework.is_active && framework.id.is_some())
        };
        frameworks.filter(takes_part).collect()
    }
}
