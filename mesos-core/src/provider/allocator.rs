//! Who gets offered what.
//!
//! The master tells an allocator what became true ([`Fact`]) and asks it for grants when one of its deadlines is due. Facts
//! as data can be recorded, replayed and fuzzed, and two allocators can be run side by side on one recorded day.
//!
//! Frameworks and agents are named by dense handles: an allocator keeps its books in vectors and never compares ids.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::agent::AgentInfo;
use crate::constraint::OfferConstraints;
use crate::framework::FrameworkInfo;
use crate::handles;
use crate::id::{AgentId, FrameworkId};
use crate::kernel::Rng;
use crate::maintenance::Unavailability;
use crate::offer::Filters;
use crate::provider::explain::{Explanation, Question};
use crate::provider::preemption::{NoPriorities, Preemption};
use crate::quota::Quota;
use crate::resource::{Quantities, Resources};
use crate::role::Role;
use crate::time::Instant;
use crate::weight::Weight;

handles! {
    /// A framework, as the master numbers it. Used again only after [`Fact::FrameworkRemoved`].
    FrameworkKey;
    /// An agent, as the master numbers it. Used again only after [`Fact::AgentRemoved`].
    AgentKey;
}

/// What a framework uses of an agent under one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Who.
    pub framework: FrameworkKey,
    /// Under which role.
    pub role: Role,
    /// What.
    pub resources: Resources,
}

/// Something that became true about the cluster.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fact {
    /// A framework is known from now on.
    FrameworkAdded {
        /// Its handle.
        framework: FrameworkKey,
        /// Its id: breaks ties, in views.
        id: FrameworkId,
        /// Its description.
        info: Arc<FrameworkInfo>,
        /// Roles it wants no offers for.
        suppressed: BTreeSet<Role>,
        /// Whether it is connected; an inactive framework gets nothing.
        is_active: bool,
    },
    /// A framework changed its description; the suppressed roles given replace the old ones.
    FrameworkUpdated {
        /// Which.
        framework: FrameworkKey,
        /// The new description.
        info: Arc<FrameworkInfo>,
        /// Roles it wants no offers for.
        suppressed: BTreeSet<Role>,
    },
    /// A framework is connected again.
    FrameworkActivated {
        /// Which.
        framework: FrameworkKey,
    },
    /// A framework is disconnected: no grants, and its filters are gone. What it uses it keeps.
    FrameworkDeactivated {
        /// Which.
        framework: FrameworkKey,
    },
    /// A framework is gone; everything it used was recovered before.
    FrameworkRemoved {
        /// Which.
        framework: FrameworkKey,
    },
    /// A framework wants no offers for these roles; none named means all.
    RolesSuppressed {
        /// Which.
        framework: FrameworkKey,
        /// For which roles.
        roles: BTreeSet<Role>,
    },
    /// A framework wants offers for these roles, and its filters there are gone; none named means all.
    RolesRevived {
        /// Which.
        framework: FrameworkKey,
        /// For which roles.
        roles: BTreeSet<Role>,
    },
    /// An agent is known from now on.
    AgentAdded {
        /// Its handle.
        agent: AgentKey,
        /// Its id.
        id: AgentId,
        /// Its description.
        info: Arc<AgentInfo>,
        /// What it has, with reservations and volumes; may differ from its description.
        total: Resources,
        /// What is used on it already.
        used: Vec<Used>,
    },
    /// An agent has other resources than before, free ones changed.
    AgentResized {
        /// Which.
        agent: AgentKey,
        /// What it has.
        total: Resources,
    },
    /// An agent serves offers again.
    AgentActivated {
        /// Which.
        agent: AgentKey,
    },
    /// An agent serves no offers, what is used on it stays used.
    AgentDeactivated {
        /// Which.
        agent: AgentKey,
    },
    /// An agent is gone, with everything that was used and filtered on it.
    AgentRemoved {
        /// Which.
        agent: AgentKey,
    },
    /// What a framework was granted changed its form on the agent: reserved, unreserved, made into a volume or unmade.
    Converted {
        /// Who.
        framework: FrameworkKey,
        /// Under which role it was granted.
        role: Role,
        /// Where.
        agent: AgentKey,
        /// The old form, part of what the framework was granted and of the agent's total.
        from: Resources,
        /// The new form, in both.
        to: Resources,
    },
    /// A framework was found to use something that was not granted by this allocator.
    Claimed {
        /// Who.
        framework: FrameworkKey,
        /// Under which role.
        role: Role,
        /// Where.
        agent: AgentKey,
        /// What.
        resources: Resources,
    },
    /// What a framework was granted is free again.
    Recovered {
        /// Who had it.
        framework: FrameworkKey,
        /// Under which role.
        role: Role,
        /// Where.
        agent: AgentKey,
        /// What.
        resources: Resources,
        /// Present when the framework refused it.
        filters: Option<Filters>,
    },
    /// An optimistic grant, or a part of one, is off the table without a commitment: refused, expired or rescinded. It was
    /// never booked, so nothing is freed.
    Lapsed {
        /// Who had it.
        framework: FrameworkKey,
        /// Under which role.
        role: Role,
        /// Where.
        agent: AgentKey,
        /// What.
        resources: Resources,
        /// Present when the framework refused it.
        filters: Option<Filters>,
    },
    /// What a framework demands of agents from now on; replaces what it demanded before.
    ConstraintsSet {
        /// Which.
        framework: FrameworkKey,
        /// Checked before: every regular expression compiles within the bounds.
        constraints: Arc<OfferConstraints>,
    },
    /// An agent describes itself anew: attributes, capabilities, fault domain, host name. Refusals of it are void.
    AgentUpdated {
        /// Which.
        agent: AgentKey,
        /// The new description.
        info: Arc<AgentInfo>,
    },
    /// An agent is planned to be away, or is not any more.
    UnavailabilitySet {
        /// Which.
        agent: AgentKey,
        /// When; nothing if it stays.
        unavailability: Option<Unavailability>,
    },
    /// An inverse offer is off the table: answered, or withdrawn.
    InverseOfferEnded {
        /// Who was asked.
        framework: FrameworkKey,
        /// For which agent.
        agent: AgentKey,
        /// Present when the framework answered: for how long not to ask again.
        filters: Option<Filters>,
    },
    /// What a role, at any depth, is promised and allowed from now on. Counts what is reserved to the role or below it, in use
    /// or not, and what is offered or used there of what nobody owns and nobody may take back. A guarantee is consumed by
    /// everything below the role; one below it is a part of it. A limit holds for everything below the role. Calls for no
    /// round, and takes nothing back: offers that break a new limit are the master's to rescind.
    QuotaSet {
        /// Which role.
        role: Role,
        /// The whole of it; replaces what was set before.
        quota: Quota,
    },
    /// Right after an election: so many agents were known to the master before, and come back one by one. With a quota set,
    /// nothing is granted before most of them did, lest promises be broken for want of an overview.
    AgentsExpected {
        /// How many.
        count: usize,
    },
    /// Only agents on these hosts are offered; nothing said means all.
    WhitelistSet {
        /// Host names.
        hostnames: Option<BTreeSet<Arc<str>>>,
    },
    /// How much a role counts beside its siblings.
    WeightSet {
        /// Which role.
        role: Role,
        /// How much.
        weight: Weight,
    },
}

/// One allocation round.
#[derive(Debug)]
pub struct Round<'a> {
    /// When.
    pub now: Instant,
    /// For the order of agents, and for random sorters.
    pub rng: &'a mut Rng,
}

/// Resources of one agent for one framework under one role; the master makes an offer of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// For whom.
    pub framework: FrameworkKey,
    /// Under which role.
    pub role: Role,
    /// Where.
    pub agent: AgentKey,
    /// What; never empty.
    pub resources: Resources,
}

/// What an allocator is made of, so that the same can be made again elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Which allocator.
    pub name: String,
    /// Its settings, in a form of its own.
    pub settings: serde_json::Value,
}

/// How the grants of an allocator relate to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Concurrency {
    /// What is granted is nobody else's until it comes back: a grant is a lock.
    #[default]
    Pessimistic,
    /// The same free resources may be granted to several; who commits first has them. See Schwarzkopf et al., "Omega:
    /// flexible, scalable schedulers for large compute clusters", EuroSys 2013.
    Optimistic(Transactions),
}

/// What becomes of an accept when a part of its offers is taken by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Transactions {
    /// What still fits is done, the rest fails.
    #[default]
    Incremental,
    /// Nothing is done unless all of it is still there.
    AllOrNothing,
}

/// What the rounds of an allocator have cost since it was made, counted and not timed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoundCosts {
    /// Rounds that took place.
    pub rounds: u64,
    /// Agents that were looked at. One that is looked at for guarantees and for fair shares counts twice.
    pub visits: u64,
}

/// A commitment came too late.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("only {left} of it is still there")]
pub struct Conflict {
    /// What could be committed now of what was wanted.
    pub left: Resources,
}

/// A framework to be asked for an agent back; the master makes an inverse offer of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InverseGrant {
    /// Who holds something there.
    pub framework: FrameworkKey,
    /// Which agent will be away.
    pub agent: AgentKey,
    /// When.
    pub unavailability: Unavailability,
}

/// Decides who is offered what.
///
/// Called by the master alone, from one thread. Must be deterministic: the same facts, rounds and draws give the same grants.
pub trait Allocator: Send + fmt::Debug {
    /// Folds one fact into the books. Never grants.
    fn observe(&mut self, now: Instant, fact: Fact);

    /// Runs one round over the agents that are due, appends its grants and, unless they are optimistic, books them as used.
    fn allocate(&mut self, round: Round<'_>, grants: &mut Vec<Grant>);

    /// Whether several may be granted the same.
    fn concurrency(&self) -> Concurrency {
        Concurrency::Pessimistic
    }

    /// A framework wants to use a part of an optimistic grant: takes the whole grant off the table and books what is wanted,
    /// to be recovered like any other use. A pessimistic grant is booked already, so there is nothing to do.
    ///
    /// # Errors
    /// [`Conflict`] if some of it is not there any more. Then nothing has changed.
    fn commit(&mut self, now: Instant, grant: &Grant, wanted: &Resources) -> Result<(), Conflict> {
        let _ = (now, grant, wanted);
        Ok(())
    }

    /// After every round: appends who is to be asked for agents that will be away, and books them as asked until
    /// [`Fact::InverseOfferEnded`]. An allocator that knows no maintenance asks nobody.
    fn ask_back(&mut self, now: Instant, asked: &mut Vec<InverseGrant>) {
        let _ = (now, asked);
    }

    /// When the next round is wanted: at once after an event that calls for one, else at the next batch interval.
    fn deadline(&self) -> Option<Instant>;

    /// The latest fact that disagreed with the books and so changed nothing, in words, for checkers. Whoever counts right
    /// causes none.
    fn inconsistency(&self) -> Option<String> {
        None
    }

    /// What is free on an agent, for views and checkers; `None` when the agent is not known.
    fn available(&self, agent: AgentKey) -> Option<Resources>;

    /// How many refusals are in force, by role, for views; of an allocator that keeps none, or does not count them, nothing.
    fn filters(&self) -> BTreeMap<Role, u64> {
        BTreeMap::new()
    }

    /// Why somebody got no offer, and what would have been enough; `None` from an allocator that cannot tell.
    fn explain(&self, now: Instant, question: &Question) -> Option<Explanation> {
        let _ = (now, question);
        None
    }

    /// Whose return of what they hold would let a framework have this much of one agent under one of its roles. Nothing if no
    /// return would. Changes nothing.
    ///
    /// # Errors
    /// When roles have no priorities, as in an allocator that knows none.
    fn preemptions(
        &self,
        framework: FrameworkKey,
        role: &Role,
        need: &Quantities,
    ) -> Result<Option<Preemption>, NoPriorities> {
        let _ = (framework, role, need);
        Err(NoPriorities)
    }

    /// What its rounds have cost so far, for checkers; `None` from one that does not count.
    fn round_costs(&self) -> Option<RoundCosts> {
        None
    }

    /// What it is made of, for journals; `None` from one that cannot tell: its journals are replayed by whoever can make it.
    fn recipe(&self) -> Option<Recipe> {
        None
    }
}
