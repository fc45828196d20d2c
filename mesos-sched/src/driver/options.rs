//! What can be set about a driver, with defaults that suit production.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::OfferConstraints;
#[cfg(feature = "mutants")]
use mesos_core::kernel::Mutant;

/// What can be set about a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// After a new leader is known, and after a connection that had lasted broke, up to this long is waited before
    /// connecting, so that thousands of frameworks do not arrive at once (`--registration_backoff_factor` in Mesos).
    pub connect_jitter_max: Duration,
    /// How long the first attempt to subscribe may take; doubled with every attempt.
    pub subscribe_backoff_min: Duration,
    /// How long any attempt to subscribe may take (`REGISTRATION_RETRY_INTERVAL_MAX` in Mesos: one minute).
    pub subscribe_backoff_max: Duration,
    /// After this many heartbeats without a word from the master, the connection counts as broken.
    pub silent_heartbeats: u32,
    /// A task of which nothing was heard for this long is asked about.
    pub reconcile_every: Duration,
    /// After this long without an answer a question about a task is asked again; doubled each time.
    pub reconcile_backoff_min: Duration,
    /// The longest wait between two questions about the same task.
    pub reconcile_backoff_max: Duration,
    /// A launched task of which nothing was heard for this long is asked about: its launch may be lost.
    pub launch_doubt_after: Duration,
    /// After this long a kill is sent again; doubled each time, until the task has ended.
    pub kill_backoff_min: Duration,
    /// The longest wait between two kills of the same task.
    pub kill_backoff_max: Duration,
    /// Whether the framework is torn down when its scheduler says that its work is done. Otherwise the master keeps it
    /// until its failover timeout.
    pub teardown_when_done: bool,
    /// How long the end may wait for saves and for a master to be told of the teardown.
    pub end_patience: Duration,
    /// How many calls may wait for a save, and how many changes for the save before theirs. At the bound for calls the
    /// connection is given up until the memory has caught up; at the bound for changes the framework ends.
    pub waiting_max: usize,
    /// How many tasks are followed; further ones run, but are neither reconciled nor are their kills repeated.
    pub tasks_max: usize,
    /// How many tasks one question names at most.
    pub reconcile_batch_max: usize,
    /// What the framework demands of agents from its first subscription on.
    pub constraints: Arc<OfferConstraints>,
    /// A planted defect.
    #[cfg(feature = "mutants")]
    pub mutant: Option<Mutant>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_jitter_max: Duration::from_secs(1),
            subscribe_backoff_min: Duration::from_secs(2),
            subscribe_backoff_max: Duration::from_secs(60),
            silent_heartbeats: 3,
            reconcile_every: Duration::from_secs(600),
            reconcile_backoff_min: Duration::from_secs(15),
            reconcile_backoff_max: Duration::from_secs(600),
            launch_doubt_after: Duration::from_secs(30),
            kill_backoff_min: Duration::from_secs(10),
            kill_backoff_max: Duration::from_secs(300),
            teardown_when_done: true,
            end_patience: Duration::from_secs(30),
            waiting_max: 65_536,
            tasks_max: 1_000_000,
            reconcile_batch_max: 1_000,
            constraints: Arc::default(),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }
}

/// What is repeated is never repeated faster: a pause of zero would repeat for ever without time passing.
const PAUSE_MIN: Duration = Duration::from_millis(1);

impl Options {
    /// The same with every pause and bound large enough to make progress.
    #[must_use]
    pub(super) fn usable(mut self) -> Self {
        for pause in [
            &mut self.subscribe_backoff_min,
            &mut self.subscribe_backoff_max,
            &mut self.reconcile_every,
            &mut self.reconcile_backoff_min,
            &mut self.reconcile_backoff_max,
            &mut self.launch_doubt_after,
            &mut self.kill_backoff_min,
            &mut self.kill_backoff_max,
        ] {
            *pause = (*pause).max(PAUSE_MIN);
        }
        self.silent_heartbeats = self.silent_heartbeats.max(1);
        self.waiting_max = self.waiting_max.max(1);
        self.reconcile_batch_max = self.reconcile_batch_max.max(1);
        self
    }

    /// Whether this defect is planted.
    #[cfg(feature = "mutants")]
    pub(super) fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}
