//! How an executor driver behaves.

use std::time::Duration;

/// A driver's settings; an agent hands them to its executors in their environment. Defaults are those of Apache Mesos
/// (`src/slave/constants.hpp`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Whether the executor outlives its agent's restart.
    pub checkpoint: bool,
    /// How long a checkpointed executor tries to come back to its agent.
    pub recovery_timeout: Duration,
    /// The longest random delay before it tries again.
    pub backoff_max: Duration,
    /// How long it may take to end when it lost its agent for good.
    pub shutdown_grace: Duration,
    /// An agent that says nothing for this long is lost: it says that it lives every half hour.
    pub silence_max: Duration,
    /// How long an executor that has nothing left to do waits for its last updates to be taken over.
    pub farewell_timeout: Duration,
    /// Updates that may wait to be taken over. An executor that says more is ended.
    pub updates_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        Self {
            checkpoint: false,
            recovery_timeout: 15 * MINUTE,
            backoff_max: Duration::from_secs(2),
            shutdown_grace: Duration::from_secs(5),
            silence_max: 65 * MINUTE,
            farewell_timeout: MINUTE,
            updates_max: 100_000,
        }
    }
}
