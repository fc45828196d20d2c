//! Who is served first, which agent is dealt with first, and how much is offered at a time.
//!
//! ```text
//!   books, filters, eligibility, schedule        the same for everybody
//!                    │
//!   round ─┬─ order of agents   at random, or the most constrained first
//!          ├─ order of clients  the walk through the tree of roles, or the best candidate for every piece
//!          └─ portion           whole agents, or piece by piece
//! ```
//!
//! A policy decides these three things and keeps no books of its own. Policies that deal in pieces end with the ordinary walk
//! over what is left, so that the law of rounds holds for all of them: nothing stays behind that somebody may have and wants.
//!
//! | Policy | Order of clients | Order of agents | Portion | After |
//! |---|---|---|---|---|
//! | [`Hierarchical`](Policy::Hierarchical) | dominant shares down the tree, or random | random | whole agents | Ghodsi et al., NSDI 2011 |
//! | [`Priority`](Policy::Priority) | higher roles first, then the same | random | whole agents | Verma et al., EuroSys 2015 |
//! | [`Packing`](Policy::Packing) | best alignment of demand and agent | random | one demand | Grandl et al., SIGCOMM 2014 |
//! | [`ConstrainedMaxMin`](Policy::ConstrainedMaxMin) | fewest slots | most constrained first | one slot | Ghodsi et al., EuroSys 2013 |
//! | [`SharedState`](Policy::SharedState) | all together | random | the same to all | Schwarzkopf et al., EuroSys 2013 |
//!
//! Orders that are drawn ([`SorterKind::Random`](super::SorterKind::Random)) are lotteries by weight: Waldspurger and Weihl,
//! OSDI 1994.

mod candidates;
mod constrained;
mod dealing;
mod packing;
mod piece;
mod preemption;
mod priority;
mod ranks;
mod shared;

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Transactions};
use mesos_core::resource::Quantities;
use serde::{Deserialize, Serialize};

pub use packing::Packing;
pub use priority::Priorities;

pub(super) use constrained::Suitors;
pub(super) use dealing::{Dealing, next_piece};
pub(super) use shared::Shown;

use super::{AgentOrder, HierarchicalDrf};

/// How the allocator chooses. All of them share one set of books.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Policy {
    /// Whole agents, by the sorters of the options down the tree of roles.
    #[default]
    Hierarchical,
    /// As [`Hierarchical`](Self::Hierarchical) among roles of one priority; those of a higher one come first.
    Priority(Priorities),
    /// Piece by piece to whom the agent suits best, within a bound on unfairness.
    Packing(Packing),
    /// Slot by slot to the eligible framework that has the fewest, beginning with the agents that the fewest may use.
    ConstrainedMaxMin {
        /// What one slot holds. Names that are not here go along with the first slot; a slot below the minimal amounts of an
        /// offer is never dealt by itself.
        slot: Quantities,
    },
    /// Everything to everybody at once; who commits first has it.
    SharedState(Transactions),
}

impl Policy {
    /// Whether agents are dealt out piece by piece.
    pub(super) const fn is_dealing(&self) -> bool {
        matches!(self, Self::Packing(_) | Self::ConstrainedMaxMin { .. })
    }
}

impl HierarchicalDrf {
    /// Brings the agents of a round into the order in which they are served.
    pub(super) fn arrange(&mut self, agents: &mut [AgentKey], rng: &mut Rng) {
        rng.shuffle(agents);
        if self.options.agent_order == AgentOrder::FullestFirst {
            self.arrange_by_fullness(agents);
        }
        if let Policy::ConstrainedMaxMin { .. } = self.options.policy {
            self.arrange_by_constraint(agents);
        }
    }
}
