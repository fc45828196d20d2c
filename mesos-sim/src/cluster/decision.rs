//! What the decisions of an allocator cost, in virtual time.
//!
//! In Mesos the allocator is an actor of its own (`src/master/allocator/mesos/hierarchical.cpp`): while it thinks about a
//! round, the master goes on with its messages. So a round that costs something comes later, and grants what is there when it
//! comes.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::provider::{
    AgentKey, Concurrency, Conflict, Explanation, Fact, FrameworkKey, Grant, InverseGrant, NoPriorities, Preemption,
    Question, Round, RoundCosts,
};
use mesos_core::resource::Quantities;
use mesos_core::{Allocator, Instant, Resources, Role};

/// What a round of the allocator costs. Nothing is the default: then the figures are those of decisions alone, whatever machine
/// they are made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecisionCost {
    /// Every round.
    pub per_round: Duration,
    /// For each agent there is, besides: also in rounds that are about some of them.
    pub per_agent: Duration,
}

impl DecisionCost {
    /// The same allocator, whose rounds cost this.
    pub(crate) fn charge(self, allocator: Box<dyn Allocator>) -> Box<dyn Allocator> {
        if self == Self::default() { allocator } else { Box::new(Charged { cost: self, allocator, agents: 0 }) }
    }
}

/// An allocator that takes its time.
#[derive(Debug)]
struct Charged {
    cost: DecisionCost,
    allocator: Box<dyn Allocator>,
    /// How many it knows.
    agents: u32,
}

impl Allocator for Charged {
    fn observe(&mut self, now: Instant, fact: Fact) {
        match fact {
            Fact::AgentAdded { .. } => self.agents = self.agents.saturating_add(1),
            Fact::AgentRemoved { .. } => self.agents = self.agents.saturating_sub(1),
            _ => {}
        }
        self.allocator.observe(now, fact);
    }

    fn allocate(&mut self, round: Round<'_>, grants: &mut Vec<Grant>) {
        self.allocator.allocate(round, grants);
    }

    fn concurrency(&self) -> Concurrency {
        self.allocator.concurrency()
    }

    fn commit(&mut self, now: Instant, grant: &Grant, wanted: &Resources) -> Result<(), Conflict> {
        self.allocator.commit(now, grant, wanted)
    }

    fn ask_back(&mut self, now: Instant, asked: &mut Vec<InverseGrant>) {
        self.allocator.ask_back(now, asked);
    }

    fn deadline(&self) -> Option<Instant> {
        let DecisionCost { per_round, per_agent } = self.cost;
        self.allocator.deadline().map(|at| at + per_round + per_agent * self.agents)
    }

    fn inconsistency(&self) -> Option<String> {
        self.allocator.inconsistency()
    }

    fn available(&self, agent: AgentKey) -> Option<Resources> {
        self.allocator.available(agent)
    }

    fn filters(&self) -> BTreeMap<Role, u64> {
        self.allocator.filters()
    }

    fn round_costs(&self) -> Option<RoundCosts> {
        self.allocator.round_costs()
    }

    fn explain(&self, now: Instant, question: &Question) -> Option<Explanation> {
        self.allocator.explain(now, question)
    }

    fn preemptions(
        &self,
        framework: FrameworkKey,
        role: &Role,
        need: &Quantities,
    ) -> Result<Option<Preemption>, NoPriorities> {
        self.allocator.preemptions(framework, role, need)
    }

    // No recipe: what is made of one comes at once, and would not do again what this one did.
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use mesos_core::{AgentId, AgentInfo, Filters, FrameworkId, FrameworkInfo};
    use mesos_sched::allocator::HierarchicalDrf;

    use super::*;

    #[test]
    fn the_filters_of_what_is_charged_are_told() {
        let cost = DecisionCost { per_round: Duration::from_secs(1), ..DecisionCost::default() };
        let mut allocator = cost.charge(Box::<HierarchicalDrf>::default());
        let (framework, agent, role) = (FrameworkKey(0), AgentKey(0), Role::new("web").unwrap());
        let resources: Resources = "cpus:1;mem:128".parse().unwrap();
        let (now, claimed, total) = (Instant::from_nanos(1), resources.clone(), resources.clone());
        let who = Arc::new(FrameworkInfo::new("f", role.clone()));
        let what = Arc::new(AgentInfo::new("a", resources.clone()));
        for fact in [
            Fact::FrameworkAdded {
                framework,
                id: FrameworkId::new("f").unwrap(),
                info: who,
                suppressed: BTreeSet::new(),
                is_active: true,
            },
            Fact::AgentAdded { agent, id: AgentId::new("a").unwrap(), info: what, total, used: Vec::new() },
            Fact::Claimed { framework, role: role.clone(), agent, resources: claimed },
        ] {
            allocator.observe(now, fact);
        }
        assert_eq!(allocator.filters(), BTreeMap::new());
        let filters = Some(Filters::refuse_for(Duration::from_secs(5)));
        allocator.observe(now, Fact::Recovered { framework, role: role.clone(), agent, resources, filters });
        assert_eq!(allocator.filters(), BTreeMap::from([(role, 1)]));
    }
}
