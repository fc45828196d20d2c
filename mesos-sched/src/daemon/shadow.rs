//! A candidate allocator beside the one of a live master: what it would have done otherwise is counted, and now and then
//! logged.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mesos_core::{Allocator, Instant, Rejection};

use crate::allocator::{Comparison, Shadow, Tally};

/// Between two lines of the log about rounds that differ: an allocator of another policy may differ in every round.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// Differences that a line of the log names; the rest is counted.
const LOGGED_MAX: usize = 3;

/// What a candidate did otherwise than the live allocator. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ShadowTally(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    tally: Tally,
    logged_at: Option<Instant>,
    /// Rounds that differed since then.
    unlogged: u64,
}

impl ShadowTally {
    /// As it is now.
    #[must_use]
    pub fn read(&self) -> Tally {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tally.clone()
    }

    /// An allocator that decides as `live` does, with a candidate that is looked at here.
    pub(super) fn beside(
        live: Box<dyn Allocator>,
        candidate: Box<dyn Allocator>,
    ) -> Result<(Box<dyn Allocator>, Self), Rejection> {
        let own = Self::default();
        let heard = own.clone();
        let shadow = Shadow::new(live, candidate, Box::new(move |comparison| heard.hear(comparison)))?;
        Ok((Box::new(shadow), own))
    }

    fn hear(&self, comparison: &Comparison) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.tally.add(comparison);
        if comparison.differences.is_empty() {
            return;
        }
        state.unlogged += 1;
        if state.logged_at.is_some_and(|at| comparison.at.since(at) < LOG_EVERY) {
            return;
        }
        let rounds = std::mem::take(&mut state.unlogged);
        state.logged_at = Some(comparison.at);
        let named: Vec<String> = comparison.differences.iter().take(LOGGED_MAX).map(ToString::to_string).collect();
        tracing::info!(
            rounds,
            round = comparison.round,
            same = comparison.agreed,
            different = comparison.differences.len(),
            first = named.join("; "),
            "the shadow allocator would have granted otherwise"
        );
    }
}
