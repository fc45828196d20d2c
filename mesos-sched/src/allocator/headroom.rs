//! What is free in the whole cluster, and which agents were held back for promises.
//!
//! Headroom is what nobody owns and nobody holds, over all agents. What is free beyond the amounts that promises require may
//! go to anybody. An agent where somebody was cut by that bound is held back: nothing changes about it when headroom grows
//! elsewhere, yet more of it may be had then. So such agents are listed, and considered again once the bound has grown
//! beyond what it was when they were considered last; while it grows in no name, they cost nothing.

use mesos_core::provider::AgentKey;
use mesos_core::resource::{Quantities, ResourceName, Scalar};

use super::HierarchicalDrf;
use super::agent_set::AgentSet;
use super::book::Agent;
use super::quota::{QuotaTree, Room};

/// The books of headroom.
#[derive(Debug)]
pub(super) struct Headroom {
    /// Unreserved and irrevocable amounts that are available, over all agents, whether they serve offers or not.
    free: Quantities,
    /// A bound within which nobody may have anything of the agents held back; nothing while there are none.
    seen: Option<Room>,
    /// Agents held back when guarantees were served: somebody refused the smaller offer.
    pub(super) held_in_guarantees: AgentSet,
    /// Agents held back when fair shares were served.
    pub(super) held: AgentSet,
}

impl Default for Headroom {
    fn default() -> Self {
        Self { free: Quantities::new(), seen: None, held_in_guarantees: AgentSet::default(), held: AgentSet::default() }
    }
}

impl Headroom {
    /// What is free over all agents.
    pub(super) const fn free(&self) -> &Quantities {
        &self.free
    }

    pub(super) fn add(&mut self, amounts: &Quantities) {
        self.free += amounts;
    }

    pub(super) fn take(&mut self, amounts: &Quantities) {
        self.free -= amounts;
    }

    /// Changes what is available on an agent.
    pub(super) fn change(&mut self, agent: &mut Agent, change: impl FnOnce(&mut Agent)) {
        let before = agent.available.quota_quantities();
        change(agent);
        self.free -= &before;
        self.free += &agent.available.quota_quantities();
    }

    /// What may be had beyond promises.
    pub(super) fn room(&self, quotas: &QuotaTree) -> Room {
        Room::beyond(quotas.required(), &self.free)
    }

    /// Whether agents held back may have something for somebody again.
    pub(super) fn has_grown(&self, quotas: &QuotaTree) -> bool {
        let is_held = !(self.held.is_empty() && self.held_in_guarantees.is_empty());
        is_held && self.seen.as_ref().is_none_or(|seen| self.room(quotas).exceeds(seen))
    }

    /// A round is over: whoever is held back has been considered, all of them or only some within the bound.
    pub(super) fn note(&mut self, quotas: &QuotaTree, is_complete: bool) {
        if self.held.is_empty() && self.held_in_guarantees.is_empty() {
            self.seen = None;
            return;
        }
        let room = self.room(quotas);
        match &mut self.seen {
            Some(seen) if !is_complete => seen.meet(&room),
            seen => *seen = Some(room),
        }
    }
}

impl HierarchicalDrf {
    /// Puts agents with the least left first, compared with what they have; equal ones stay in their order.
    pub(super) fn arrange_by_fullness(&self, agents: &mut [AgentKey]) {
        agents.sort_by_cached_key(|agent| self.agent(*agent).map_or(0, free_parts));
    }
}

/// The largest part of an agent that is free, of any name, in millionths.
fn free_parts(agent: &Agent) -> i128 {
    let (free, total) = (agent.available.scalar_quantities(), agent.total.scalar_quantities());
    let part = |(name, total): (&ResourceName, Scalar)| {
        i128::from(free.get(name).as_milli()) * 1_000_000 / i128::from(total.as_milli()).max(1)
    };
    total.iter().map(part).max().unwrap_or(0)
}
