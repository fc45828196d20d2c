//! The hierarchical allocator: dominant resource fairness over a tree of roles.
//!
//! ```text
//!   facts ──▶ books of frameworks and agents ──▶ tree of roles: who was granted how much
//!                      │                                 │
//!                filters, schedule ──────▶ round ◀── order of clients
//!                                            │
//!                                            ▼
//!                                          grants
//! ```
//!
//! A round takes the agents that are due in random order and gives each one, whole, to the framework that comes first in
//! the order of shares and may and wants to have it; what that framework may not have goes to the next. Then the grant
//! counts as used, until it is recovered. With quota a round has two stages: what is guaranteed goes first, and
//! what is left goes to all within their limits, except what has to stay free for guarantees that are not consumed yet.
//!
//! An agent that was considered once and is not taken has nobody to take it, and that stays so until something about
//! it changes (its resources, a filter on it), somebody becomes able to take more (a revived or changed framework, one below
//! whose limit less is used), or promises leave more headroom. So a round costs what changed, not the size of the cluster;
//! without changes no round is asked for. [`Costs`] counts the steps, so that tests can hold rounds to that.
//!
//! This is not where offers live (the master makes them of grants) and not where is decided how long a refusal lasts.
//!
//! Semantics: Apache Mesos, `src/master/allocator/mesos/hierarchical.cpp`.

mod agent;
mod agent_set;
mod aging;
mod book;
mod booking;
mod constraint;
mod costs;
mod eligibility;
mod explain;
mod filter;
mod framework;
mod headroom;
mod inconsistency;
mod maintenance;
mod merging;
mod nobody;
mod options;
mod policy;
mod quota;
mod recipe;
mod recovery;
mod round;
mod schedule;
mod serve;
mod serving;
mod shadow;
mod sorter;
mod stage;
mod trace;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::kernel::Handle;
use mesos_core::provider::{
    AgentKey, Allocator, Concurrency, Conflict, Explanation, Fact, FrameworkKey, Grant, InverseGrant, NoPriorities,
    Preemption, Question, Recipe, Round, RoundCosts,
};
use mesos_core::resource::{Quantities, Resources};
use mesos_core::{Instant, Role};

pub use constraint::{
    CONSTRAINT_TEXT_BYTES_MAX, CONSTRAINTS_MAX, ConstraintBounds, Demands, PATTERN_BYTES_MAX, PROGRAM_BYTES_MAX,
    validate_constraints, validate_constraints_within,
};
pub use costs::Costs;
pub use inconsistency::{Inconsistencies, Inconsistency};
pub use options::{AgentOrder, Options};
pub use policy::{Packing, Policy, Priorities};
pub use recipe::from_recipe;
pub use shadow::{Comparison, Difference, Listener, RoleTally, Shadow, Tally, candidate, candidate_beside};
pub use sorter::SorterKind;
pub use trace::Served;
pub use view::{FrameworkShare, RoleQuota, RoleShare};

use agent_set::AgentSet;
use aging::Aging;
use book::{Agent, Client, Framework};
use constraint::ConstraintTable;
use explain::Memory;
use filter::FilterTable;
use headroom::Headroom;
use maintenance::Maintenance;
use merging::Merging;
use policy::Shown;
use quota::QuotaTree;
use recovery::Recovery;
use round::Scratch;
use schedule::Schedule;
use sorter::{NodeKey, Tree};
use trace::Trace;

/// The allocator a master has unless it is given another one.
///
/// Its facts come from a master, so they must agree with each other: resources are recovered from and converted by who was
/// granted them, and a framework holds nothing any more when it is removed. A fact that breaks this is refused, counted and
/// described (see [`inconsistencies`](Self::inconsistencies)), and the books stay balanced. Facts about agents or
/// frameworks that are gone already change nothing.
#[derive(Debug)]
pub struct HierarchicalDrf {
    options: Options,
    tree: Tree,
    /// By framework slot.
    frameworks: Vec<Option<Framework>>,
    quotas: QuotaTree,
    headroom: Headroom,
    /// Whether there ever was a client that wants small offers.
    has_sizes: bool,
    /// By slot of the tree's nodes.
    clients: Vec<Option<Client>>,
    /// By agent slot.
    agents: Vec<Option<Agent>>,
    filters: FilterTable,
    constraints: ConstraintTable,
    maintenance: Maintenance,
    shown: Shown,
    /// The hosts that are offered; nothing means all.
    whitelist: Option<BTreeSet<Arc<str>>>,
    schedule: Schedule,
    /// Agents that have something to offer.
    open: AgentSet,
    /// Those of them where something changed since a round considered them.
    dirty: AgentSet,
    /// Clients that can be offered more than when the agents were last considered.
    fresh: Vec<NodeKey>,
    merging: Merging,
    costs: Costs,
    inconsistencies: Inconsistencies,
    trace: Trace,
    recovery: Option<Recovery>,
    /// How many agents are known.
    agent_count: usize,
    aging: Aging,
    /// What the last round did.
    memory: Memory,
    scratch: Scratch,
}

impl HierarchicalDrf {
    /// An allocator that knows nobody yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            tree: Tree::new(options.fairness_excluded.clone()),
            frameworks: Vec::new(),
            quotas: QuotaTree::of(&options),
            headroom: Headroom::default(),
            has_sizes: false,
            clients: Vec::new(),
            agents: Vec::new(),
            filters: FilterTable::default(),
            constraints: ConstraintTable::default(),
            maintenance: Maintenance::default(),
            shown: Shown::default(),
            whitelist: None,
            schedule: Schedule::new(options.allocation_interval),
            open: AgentSet::default(),
            dirty: AgentSet::default(),
            fresh: Vec::new(),
            merging: Merging::default(),
            costs: Costs::default(),
            inconsistencies: Inconsistencies::default(),
            trace: Trace::default(),
            recovery: None,
            agent_count: 0,
            aging: Aging::default(),
            memory: Memory::default(),
            scratch: Scratch::new(&options),
            options,
        }
    }

    /// Remembers nothing for questions, so that answers about the last round are wrong: to measure what remembering takes.
    #[cfg(feature = "bench")]
    #[doc(hidden)]
    pub const fn forget_for_questions(&mut self) {
        self.memory.is_off = true;
        self.tree.forget_past();
    }

    fn framework(&self, framework: FrameworkKey) -> Option<&Framework> {
        self.frameworks.get(framework.slot())?.as_ref()
    }

    fn framework_mut(&mut self, framework: FrameworkKey) -> Option<&mut Framework> {
        self.frameworks.get_mut(framework.slot())?.as_mut()
    }

    fn agent(&self, agent: AgentKey) -> Option<&Agent> {
        self.agents.get(agent.slot())?.as_ref()
    }

    fn agent_mut(&mut self, agent: AgentKey) -> Option<&mut Agent> {
        self.agents.get_mut(agent.slot())?.as_mut()
    }

    fn client_mut(&mut self, client: NodeKey) -> &mut Client {
        self.clients[client.slot()].as_mut().expect("a client of the tree has a book")
    }

    /// When a batch round is wanted; never while there is nobody to serve, or nothing that could be served.
    fn batch_due(&self) -> Option<Instant> {
        let from = self.work_due().into_iter().chain(self.maintenance.next_due()).min()?;
        Some(self.schedule.batch_from(from))
    }

    /// From when on there may be something to grant.
    fn work_due(&self) -> Option<Instant> {
        if !self.tree.is_active() {
            return None;
        }
        let is_work_left = !self.dirty.is_empty()
            || !(self.fresh.is_empty() || self.open.is_empty())
            || self.headroom.has_grown(&self.quotas);
        if is_work_left { Some(Instant::ZERO) } else { self.filters.next_due() }
    }

    /// Leaves out the batch rounds that nobody wanted.
    fn catch_up(&mut self, now: Instant) {
        if self.schedule.is_behind(now) {
            match self.batch_due().filter(|due| *due <= now) {
                Some(due) => self.schedule.leave_out_before(due),
                None => self.schedule.leave_out_through(now),
            }
        }
    }
}

impl Default for HierarchicalDrf {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

/// The slot of a vector indexed by handles, grown to hold it.
fn slot_of<T>(slots: &mut Vec<Option<T>>, slot: usize) -> &mut Option<T> {
    if slots.len() <= slot {
        slots.resize_with(slot + 1, || None);
    }
    &mut slots[slot]
}

impl Allocator for HierarchicalDrf {
    fn observe(&mut self, now: Instant, fact: Fact) {
        self.catch_up(now);
        self.memory.observe(&fact);
        match fact {
            Fact::FrameworkAdded { framework, id, info, suppressed, is_active } => {
                self.add_framework(now, framework, id, is_active);
                self.describe_framework(framework, &info, &suppressed);
            }
            Fact::FrameworkUpdated { framework, info, suppressed } => {
                self.describe_framework(framework, &info, &suppressed);
            }
            Fact::FrameworkActivated { framework } => self.activate_framework(now, framework),
            Fact::FrameworkDeactivated { framework } => self.deactivate_framework(framework),
            Fact::FrameworkRemoved { framework } => self.remove_framework(framework),
            Fact::RolesSuppressed { framework, roles } => self.suppress(framework, &roles),
            Fact::RolesRevived { framework, roles } => self.revive(now, framework, &roles),
            Fact::AgentAdded { agent, info, total, used, .. } => self.add_agent(now, agent, info, total, used),
            Fact::AgentUpdated { agent, info } => self.update_agent(now, agent, info),
            Fact::AgentResized { agent, total } => self.resize_agent(now, agent, total),
            Fact::AgentActivated { agent } => self.set_agent_active(agent, true),
            Fact::AgentDeactivated { agent } => self.set_agent_active(agent, false),
            Fact::AgentRemoved { agent } => self.remove_agent(agent),
            Fact::Converted { framework, role, agent, from, to } => self.convert(framework, &role, agent, &from, &to),
            Fact::Claimed { framework, role, agent, resources } => self.claim(framework, &role, agent, &resources),
            Fact::Recovered { framework, role, agent, resources, filters } => {
                self.recover(now, framework, &role, agent, resources, filters);
            }
            Fact::Lapsed { framework, role, agent, resources, filters } => {
                self.lapse(now, framework, &role, agent, resources, filters);
            }
            Fact::ConstraintsSet { framework, constraints } => self.constrain(framework, &constraints),
            Fact::UnavailabilitySet { agent, unavailability } => self.set_unavailability(now, agent, unavailability),
            Fact::InverseOfferEnded { framework, agent, filters } => {
                self.end_inverse_offer(now, framework, agent, filters);
            }
            Fact::WhitelistSet { hostnames } => self.set_whitelist(hostnames),
            Fact::WeightSet { role, weight } => self.tree.set_weight(&role, weight),
            Fact::QuotaSet { role, quota } => self.quotas.set_quota(&role, quota),
            Fact::AgentsExpected { count } => self.expect_agents(now, count),
            // Facts of later versions of the vocabulary.
            _ => {}
        }
        self.freshen_grown();
    }

    fn allocate(&mut self, round: Round<'_>, grants: &mut Vec<Grant>) {
        self.run(round, grants);
    }

    fn concurrency(&self) -> Concurrency {
        self.concurrency_of_policy()
    }

    fn commit(&mut self, now: Instant, grant: &Grant, wanted: &Resources) -> Result<(), Conflict> {
        self.catch_up(now);
        let committed = self.commit_shared(grant, wanted);
        self.freshen_grown();
        committed
    }

    fn ask_back(&mut self, now: Instant, asked: &mut Vec<InverseGrant>) {
        self.ask_holders(now, asked);
    }

    fn deadline(&self) -> Option<Instant> {
        let called_at = self.schedule.called_at();
        let due = match (called_at, self.batch_due()) {
            (Some(called_at), Some(due)) => Some(called_at.min(due)),
            (called_at, due) => called_at.or(due),
        };
        due.map(|due| self.waits_until().map_or(due, |until| due.max(until)))
    }

    fn inconsistency(&self) -> Option<String> {
        self.inconsistencies.latest().last().map(ToString::to_string)
    }

    fn available(&self, agent: AgentKey) -> Option<Resources> {
        self.agent(agent).map(|agent| agent.available.clone())
    }

    fn filters(&self) -> BTreeMap<Role, u64> {
        self.filter_counts()
    }

    fn round_costs(&self) -> Option<RoundCosts> {
        Some(RoundCosts { rounds: self.costs.rounds, visits: self.costs.visits })
    }

    fn recipe(&self) -> Option<Recipe> {
        let settings = serde_json::to_value(&self.options).ok()?;
        Some(Recipe { name: recipe::HIERARCHICAL.to_owned(), settings })
    }

    fn explain(&self, now: Instant, question: &Question) -> Option<Explanation> {
        Some(self.answer(now, question))
    }

    fn preemptions(
        &self,
        framework: FrameworkKey,
        role: &Role,
        need: &Quantities,
    ) -> Result<Option<Preemption>, NoPriorities> {
        let Policy::Priority(priorities) = &self.options.policy else { return Err(NoPriorities) };
        Ok(self.preemption(priorities, framework, role, need))
    }
}
