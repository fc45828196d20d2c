//! One master that always leads, and those who know where it is.

use async_trait::async_trait;
use mesos_core::call::Leader;
use mesos_core::kernel::Term;
use mesos_core::{Contender, Detector};

/// Leads at once and for ever.
#[derive(Debug, Clone)]
pub struct Standalone {
    term: Term,
}

impl Standalone {
    /// Leads in this term, which must be larger than any its store was opened with before.
    #[must_use]
    pub const fn new(term: Term) -> Self {
        Self { term }
    }
}

#[async_trait]
impl Contender for Standalone {
    async fn contend(&mut self) -> Term {
        self.term
    }

    async fn lost(&mut self, _term: Term) {
        std::future::pending().await
    }
}

/// Knows the leader from the start.
#[derive(Debug, Clone)]
pub struct Fixed {
    leader: Leader,
}

impl Fixed {
    /// This one leads.
    #[must_use]
    pub const fn new(leader: Leader) -> Self {
        Self { leader }
    }
}

#[async_trait]
impl Detector for Fixed {
    async fn detect(&mut self, previous: Option<Leader>) -> Option<Leader> {
        if previous.as_ref() == Some(&self.leader) {
            std::future::pending::<()>().await;
        }
        Some(self.leader.clone())
    }
}
