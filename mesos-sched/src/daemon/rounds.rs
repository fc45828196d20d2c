//! How long allocation rounds take on this machine, and how late they come: the host measures what the kernel cannot.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Clock};

use mesos_core::provider::{
    AgentKey, Allocator, Concurrency, Conflict, Explanation, Fact, FrameworkKey, Grant, InverseGrant, NoPriorities,
    Preemption, Question, Recipe, Round, RoundCosts,
};
use mesos_core::resource::Quantities;
use mesos_core::{Instant, Resources, Role};

/// Rounds that are remembered.
const ROUNDS_MAX: usize = 1_000;

/// The newest times of one kind.
#[derive(Debug, Clone, Default)]
pub struct Times {
    newest: VecDeque<Duration>,
    count: u64,
}

impl Times {
    pub(super) fn add(&mut self, time: Duration) {
        self.count += 1;
        self.newest.push_back(time);
        if self.newest.len() > ROUNDS_MAX {
            self.newest.pop_front();
        }
    }

    /// All that were measured, also those that are not remembered.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The newest.
    #[must_use]
    pub fn last(&self) -> Option<Duration> {
        self.newest.back().copied()
    }

    /// Those that are remembered, the shortest first.
    #[must_use]
    pub fn sorted(&self) -> Vec<Duration> {
        let mut sorted: Vec<Duration> = self.newest.iter().copied().collect();
        sorted.sort_unstable();
        sorted
    }
}

/// What was measured of rounds.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// From the beginning of a round to its end.
    pub took: Times,
    /// From the moment a round was due to its beginning.
    pub waited: Times,
}

/// The times of an allocator's rounds. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Rounds(Arc<Mutex<Measured>>);

impl Rounds {
    /// As they are now.
    #[must_use]
    pub fn read(&self) -> Measured {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same allocator, measured.
    pub(super) fn measure(&self, allocator: Box<dyn Allocator>) -> Box<dyn Allocator> {
        Box::new(Watched { allocator, rounds: self.clone() })
    }
}

#[derive(Debug)]
struct Watched {
    allocator: Box<dyn Allocator>,
    rounds: Rounds,
}

impl Allocator for Watched {
    fn observe(&mut self, now: Instant, fact: Fact) {
        self.allocator.observe(now, fact);
    }

    fn allocate(&mut self, round: Round<'_>, grants: &mut Vec<Grant>) {
        let waited = self.allocator.deadline().map(|due| round.now.since(due));
        let began = Clock::now();
        self.allocator.allocate(round, grants);
        let took = began.elapsed();
        let mut measured = self.rounds.0.lock().unwrap_or_else(PoisonError::into_inner);
        measured.took.add(took);
        measured.waited.add(waited.unwrap_or_default());
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
        self.allocator.deadline()
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

    fn recipe(&self) -> Option<Recipe> {
        self.allocator.recipe()
    }
}
