//! In what order roles and their frameworks are served.
//!
//! [`Tree`] holds who was granted what; [`Walk`] goes through it once per agent, by dominant share or at random.

#[cfg(feature = "bench")]
mod bench;
mod booking;
mod lineage;
mod lineup;
mod node_set;
mod order;
mod promise;
mod random;
mod ranked;
mod share;
mod tree;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use node_set::NodeSet;
use serde::{Deserialize, Serialize};

pub(crate) use share::{Share, Totals};
pub(crate) use tree::{Kind, NodeKey, Tree};
pub(crate) use walk::{Walk, WalkCosts};

/// How siblings are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SorterKind {
    /// The smallest dominant share goes first, then the fewest grants, then the name. See Ghodsi et al., "Dominant Resource
    /// Fairness", NSDI 2011.
    #[default]
    Drf,
    /// A fresh shuffle for every agent, in which weights make an early place more likely.
    Random,
}
