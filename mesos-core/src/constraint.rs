//! What a framework demands of agents before it is offered them.
//!
//! Constraints spare a framework offers that it would decline, and the cluster the round trip. They say nothing about how
//! tasks may be placed afterwards.
//!
//! Semantics: Apache Mesos, `docs/scheduler-http-api.md` (`OfferConstraints`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::role::Role;

/// The constraints of a framework, by role. Roles that are not named have none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferConstraints {
    /// An agent is offered if it meets all constraints of at least one group; no group means no demand.
    pub by_role: BTreeMap<Role, Vec<Vec<AttributeConstraint>>>,
}

/// One demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeConstraint {
    /// Of what.
    pub selector: Selector,
    /// What it must be.
    pub predicate: Predicate,
}

/// What of an agent a demand looks at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Selector {
    /// An attribute of this name; where there are several, the first.
    Attribute(Arc<str>),
    /// The host's name.
    Hostname,
    /// The region of the fault domain.
    Region,
    /// The zone of the fault domain.
    Zone,
}

/// What a demand asks. An attribute that is not text meets every predicate about text: it cannot be excluded by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Predicate {
    /// It is there.
    Exists,
    /// It is not there.
    NotExists,
    /// It is there and is this text.
    TextEquals(Arc<str>),
    /// It is not there or is another text.
    TextNotEquals(Arc<str>),
    /// It is there and this regular expression matches the whole of it.
    TextMatches(Arc<str>),
    /// It is not there, or this regular expression does not match the whole of it.
    TextNotMatches(Arc<str>),
}
