//! How a trace is read.

use super::judge::AMOUNT_MIN;

/// Whose a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueBy {
    /// All of them are of one queue.
    #[default]
    Nobody,
    /// Its user's, as the trace names them; the table's own notion where there are no users.
    User,
    /// Its class's: queue, priority band or kind.
    Class,
}

/// How a trace is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How many cores a machine of 1.0 has, where amounts are parts of the largest machine.
    pub unit_cpus: f64,
    /// How many MB it has.
    pub unit_mem: f64,
    /// MB for tasks of which nothing is known.
    pub mem_default: f64,
    /// What begins before is left out; times are counted from here. In the trace's own seconds.
    pub from: f64,
    /// What begins after is left out.
    pub until: f64,
    /// At most so many jobs, the first ones.
    pub jobs_max: usize,
    /// Longer runs are not believed, in seconds.
    pub run_max: f64,
    /// Times farther from the beginning are not believed, in seconds.
    pub time_max: f64,
    /// Jobs with more tasks are not believed.
    pub tasks_max: u32,
    /// Whose jobs are.
    pub queue_by: QueueBy,
    /// With more queues than this, the smaller ones are put together as `others`.
    pub queues_max: usize,
    /// Times are divided by this: 60 makes a minute of an hour.
    pub speedup: f64,
    /// A parallel job of a batch system is so many tasks of one core that start together, instead of independent ones.
    pub is_parallel_gang: bool,
}

impl Options {
    /// What cannot be: its name, what it is and what would be right.
    pub(super) fn flaw(&self) -> Option<(&'static str, f64, &'static str)> {
        let amounts = [
            ("unit_cpus", self.unit_cpus),
            ("unit_mem", self.unit_mem),
            ("mem_default", self.mem_default),
            ("run_max", self.run_max),
            ("time_max", self.time_max),
            ("speedup", self.speedup),
        ];
        let flaw = amounts.into_iter().find(|(_, amount)| !amount.is_finite() || *amount < AMOUNT_MIN);
        if let Some((name, amount)) = flaw {
            return Some((name, amount, "write a number of at least 0.001"));
        }
        if !self.from.is_finite() {
            return Some(("from", self.from, "write a time of the trace"));
        }
        (self.until.is_nan() || self.until < self.from).then_some(("until", self.until, "write a time after `from`"))
    }
}

impl Default for Options {
    /// Units: the largest machines of the Google cells are thought to have some 64 cores and 256 GB. Times: the longest logs of
    /// the Parallel Workloads Archive span nine years.
    fn default() -> Self {
        Self {
            unit_cpus: 64.0,
            unit_mem: 262_144.0,
            mem_default: 512.0,
            from: 0.0,
            until: f64::INFINITY,
            jobs_max: usize::MAX,
            run_max: 366.0 * 86_400.0,
            time_max: 3_660.0 * 86_400.0,
            tasks_max: 1_000_000,
            queue_by: QueueBy::Nobody,
            queues_max: 50,
            speedup: 1.0,
            is_parallel_gang: true,
        }
    }
}
