//! Durable records.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::kernel::{Change, Record, Term};

/// A store's failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody opened the store with a newer term; nothing was written.
    #[error("fenced off by term {}", by.0)]
    Fenced {
        /// The newer term.
        by: Term,
    },
    /// The store cannot be opened; nothing was written.
    #[error("{0}")]
    Unusable(String),
    /// The write may or may not have happened; only a fresh load tells.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
}

/// Keeps small keyed records. Used by the master's, the agent's and the framework's hosts.
///
/// A batch is atomic and durable when [`commit`](Self::commit) returns; the term is the fence between two that believe they
/// lead. After [`StoreError::Unknown`] the caller must not go on as if nothing happened: a master steps down.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Everything stored, and the fence: from here on, writes of an older term are refused.
    async fn open(&self, term: Term) -> Result<Vec<Record>, StoreError>;
    /// One atomic, durable batch; refused whole when `term` has been fenced off.
    async fn commit(&self, term: Term, changes: Vec<Change>) -> Result<(), StoreError>;
}
