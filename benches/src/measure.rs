//! Processor time, and what runs of a workload measured.
//!
//! A workload measures several phases in one run (adding agents, a round, handing back), some of them many times. All
//! values of a phase are pooled over the rounds and runs; their median is the figure.

use std::sync::OnceLock;
use std::time::Duration;

use nix::time::ClockId;

/// Values by phase, in the order in which phases first came.
#[derive(Debug, Default)]
pub struct Readings {
    phases: Vec<(&'static str, Vec<f64>)>,
}

impl Readings {
    /// Notes one value of a phase.
    pub fn note(&mut self, phase: &'static str, value: f64) {
        match self.phases.iter_mut().find(|(name, _)| *name == phase) {
            Some((_, values)) => values.push(value),
            None => self.phases.push((phase, vec![value])),
        }
    }

    /// Notes the processor time of `work` in milliseconds.
    pub fn time<T>(&mut self, phase: &'static str, work: impl FnOnce() -> T) -> T {
        let (spent, result) = thread_time(work);
        self.note(phase, spent.as_secs_f64() * 1e3);
        result
    }

    /// The value of a phase that was noted last.
    #[must_use]
    pub fn last(&self, phase: &str) -> Option<f64> {
        self.phases.iter().find(|(name, _)| *name == phase).and_then(|(_, values)| values.last().copied())
    }

    /// Least, median and largest value of a phase; nothing if it was never measured.
    #[must_use]
    pub fn spread(&self, phase: &str) -> Option<Spread> {
        let (_, values) = self.phases.iter().find(|(name, _)| *name == phase)?;
        let mut values = values.clone();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        Some(Spread { least, median: values[values.len() / 2], most })
    }
}

/// Least, median and largest of several values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The least.
    pub least: f64,
    /// The one in the middle, the upper one of two.
    pub median: f64,
    /// The largest.
    pub most: f64,
}

/// Processor time this thread spends in `work`, without what reading its clock takes: that is a call of the kernel, and
/// longer than some of what is measured.
pub fn thread_time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let (spent, result) = raw_thread_time(work);
    (spent.saturating_sub(clock_cost()), result)
}

fn raw_thread_time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let before = read(ClockId::CLOCK_THREAD_CPUTIME_ID);
    let result = work();
    (read(ClockId::CLOCK_THREAD_CPUTIME_ID).saturating_sub(before), result)
}

/// What is measured of no work at all, at least.
fn clock_cost() -> Duration {
    static COST: OnceLock<Duration> = OnceLock::new();
    *COST.get_or_init(|| (0..10_000).map(|_| raw_thread_time(|| ()).0).min().unwrap_or_default())
}

/// Processor time this process spends in `work`, of all its threads.
pub fn process_time(work: impl FnOnce()) -> Duration {
    let before = process_clock();
    work();
    process_clock().saturating_sub(before)
}

/// Processor time this process has spent so far, in all its threads.
#[must_use]
pub fn process_clock() -> Duration {
    read(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

fn read(clock: ClockId) -> Duration {
    Duration::from(nix::time::clock_gettime(clock).expect("every Linux has this clock"))
}
