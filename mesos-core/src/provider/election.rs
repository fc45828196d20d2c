//! Who leads.

use std::fmt;

use async_trait::async_trait;

use crate::call::Leader;
use crate::kernel::Term;

/// Tries to lead. Used by a master's host.
#[async_trait]
pub trait Contender: Send + fmt::Debug {
    /// Resolves when this master leads; the term fences every later write and is larger than any before.
    async fn contend(&mut self) -> Term;
    /// Resolves when `term` no longer holds.
    async fn lost(&mut self, term: Term);
}

/// Finds the leader. Used by agents' and frameworks' hosts.
#[async_trait]
pub trait Detector: Send + fmt::Debug {
    /// Resolves when the leader differs from `previous`; `None` means nobody leads.
    async fn detect(&mut self, previous: Option<Leader>) -> Option<Leader>;
}
