//! How a simulated scheduler decides.

use std::time::Duration;

use mesos_core::Filters;

/// Which job goes first, and what happens when it does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Discipline {
    /// In the order of submission; while the first does not fit, nobody else starts.
    #[default]
    Fifo,
    /// In the order of submission, but whoever fits starts.
    FirstFit,
    /// In the order of submission; while the first does not fit, others start if that does not delay it, as far as the run
    /// times known in advance tell. Lifka, "The ANL/IBM SP Scheduling System", JSSPP 1995 (EASY), here on agents instead of
    /// processors.
    Backfill,
    /// The shortest expected run time first; whoever fits starts.
    ShortestFirst,
    /// The earliest deadline first; whoever fits starts. Jobs without one come last.
    EarliestDeadline,
    /// The highest priority first; whoever fits starts.
    Priority,
    /// The job with the fewest running tasks first; one whose input is not on the agents offered waits for up to so long,
    /// while others go on. Zaharia et al., "Delay Scheduling", EuroSys 2010.
    Delay(Duration),
    /// In the order of submission, but only on agents drawn for the job, so many for each of its tasks; whichever of them has
    /// room first takes the next task (batch sampling with late binding). Ousterhout et al., "Sparrow", SOSP 2013, sections
    /// 3.3 and 3.4.
    Sampling(u32),
    /// In the order of submission, every job all at once or not at all: offers are held until there are enough.
    Gang,
}

/// Settings of a [`JobScheduler`](super::JobScheduler).
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Who goes first.
    pub discipline: Discipline,
    /// So many waiting jobs are tried at most when offers come.
    pub depth: usize,
    /// At most so many tasks on one offer; nothing means as many as fit.
    pub per_offer: Option<u32>,
    /// How long what was not used is refused.
    pub refuse_for: Duration,
    /// Time to decide about a job.
    pub think_per_job: Duration,
    /// Time to decide about each of its tasks, besides.
    pub think_per_task: Duration,
    /// How long offers are held for a job that needs more of them, before they are given back and gathered anew.
    pub hold_for: Duration,
    /// Keeps offers until it needs them, and never gives them back: right for a framework that is alone in its cluster, and
    /// much cheaper in a large one, which need not be offered anew for every job.
    pub keeps_offers: bool,
    /// How much longer a task runs away from its input.
    pub remote_factor: f64,
    /// A task that was lost so often is given up.
    pub attempts_max: u32,
    /// How many agents the cluster has, for the places of input.
    pub agents: u32,
    /// Whether it goes on where it was when its process is started again. Costs a write before every launch.
    pub is_remembering: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            discipline: Discipline::Fifo,
            depth: 1_000,
            per_offer: None,
            refuse_for: Filters::REFUSE_FOR_DEFAULT,
            think_per_job: Duration::ZERO,
            think_per_task: Duration::ZERO,
            hold_for: Duration::from_secs(30),
            keeps_offers: false,
            remote_factor: 1.0,
            attempts_max: 10,
            agents: 1,
            is_remembering: false,
        }
    }
}
