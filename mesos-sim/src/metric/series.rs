//! Use over time, in bins of equal width.
//!
//! A bin holds what was used within it, added up over its time, so that a mean over bins is exact and no peak between two
//! samples is lost. When there are too many bins, neighbours are merged and the width doubles: the memory of a series does
//! not depend on the length of a run.

use std::time::Duration;

use mesos_core::Instant;

use crate::report::Amounts;

/// So many bins at most; a power of two, more than a chart has pixels to show.
const BINS_MAX: usize = 1_024;
/// The first width.
const WIDTH_MIN: Duration = Duration::from_secs(1);

/// What happened within one bin.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin {
    /// Per framework: cores, MB, disk, GPUs, each times seconds.
    pub used: Vec<[f64; 4]>,
    /// The same on offer, of all frameworks together.
    pub offered: [f64; 4],
    /// Offers made.
    pub offers: u32,
    /// Offers refused.
    pub declines: u32,
    /// Tasks launched.
    pub launches: u32,
    /// Part of the free resources that no typical task could use, at the end of the bin. Of merged bins, the mean.
    pub fragmentation: f64,
}

impl Bin {
    fn new(frameworks: usize) -> Self {
        Self {
            used: vec![[0.0; 4]; frameworks],
            offered: [0.0; 4],
            offers: 0,
            declines: 0,
            launches: 0,
            fragmentation: 0.0,
        }
    }

    fn absorb(&mut self, other: &Self) {
        for (own, other) in self.used.iter_mut().zip(&other.used) {
            add(own, other);
        }
        add(&mut self.offered, &other.offered);
        self.offers += other.offers;
        self.declines += other.declines;
        self.launches += other.launches;
        self.fragmentation = f64::midpoint(self.fragmentation, other.fragmentation);
    }
}

fn add(to: &mut [f64; 4], from: &[f64; 4]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// Bins from the beginning of a run on.
#[derive(Debug, Clone)]
pub struct Series {
    frameworks: usize,
    width: Duration,
    bins: Vec<Bin>,
    used_now: Vec<[f64; 4]>,
    offered_now: [f64; 4],
    until: Instant,
}

impl Series {
    pub(super) fn new(frameworks: usize) -> Self {
        Self {
            frameworks,
            width: WIDTH_MIN,
            bins: vec![Bin::new(frameworks)],
            used_now: vec![[0.0; 4]; frameworks],
            offered_now: [0.0; 4],
            until: Instant::ZERO,
        }
    }

    /// How wide a bin is.
    #[must_use]
    pub const fn width(&self) -> Duration {
        self.width
    }

    /// The bins; the first begins at time 0.
    #[must_use]
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// How much of a bin's time had passed when the record ended, in seconds.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "at most 1,024 bins")]
    pub fn span_of(&self, bin: usize) -> f64 {
        let width = self.width.as_secs_f64();
        (self.until.since(Instant::ZERO).as_secs_f64() - bin as f64 * width).clamp(0.0, width)
    }

    pub(super) fn last(&mut self) -> &mut Bin {
        self.bins.last_mut().expect("there is one from the beginning")
    }

    fn last_ends_at(&self) -> Instant {
        let count = u32::try_from(self.bins.len()).unwrap_or(u32::MAX);
        Instant::ZERO + self.width.saturating_mul(count)
    }

    /// Whether a bin ends by then; its last figures are wanted before [`advance`](Self::advance).
    pub(super) fn is_crossed(&self, now: Instant) -> bool {
        now >= self.last_ends_at()
    }

    /// Adds up to `now`. `fragmentation` is that of the time since the last change.
    pub(super) fn advance(&mut self, now: Instant, fragmentation: f64) {
        while now >= self.last_ends_at() {
            let end = self.last_ends_at();
            self.accumulate(end);
            self.last().fragmentation = fragmentation;
            if self.bins.len() == BINS_MAX {
                self.merge();
            } else {
                self.bins.push(Bin::new(self.frameworks));
            }
        }
        self.accumulate(now);
    }

    fn accumulate(&mut self, to: Instant) {
        let passed = to.since(self.until).as_secs_f64();
        self.until = self.until.max(to);
        if passed <= 0.0 {
            return;
        }
        let bin = self.bins.last_mut().expect("there is one from the beginning");
        for (sum, now) in bin.used.iter_mut().zip(&self.used_now) {
            for (sum, now) in sum.iter_mut().zip(now) {
                *sum += now * passed;
            }
        }
        for (sum, now) in bin.offered.iter_mut().zip(&self.offered_now) {
            *sum += now * passed;
        }
    }

    fn merge(&mut self) {
        let mut merged: Vec<Bin> = Vec::with_capacity(BINS_MAX);
        for pair in self.bins.chunks(2) {
            let mut first = pair[0].clone();
            if let Some(second) = pair.get(1) {
                first.absorb(second);
            }
            merged.push(first);
        }
        self.bins = merged;
        self.width *= 2;
        self.bins.push(Bin::new(self.frameworks));
    }

    pub(super) fn change_used(&mut self, framework: usize, change: &Amounts, sign: f64) {
        if let Some(row) = self.used_now.get_mut(framework) {
            shift(row, change, sign);
        }
    }

    pub(super) fn change_offered(&mut self, change: &Amounts, sign: f64) {
        shift(&mut self.offered_now, change, sign);
    }
}

#[allow(clippy::cast_precision_loss, reason = "thousandths of what a cluster has are exact in a double")]
fn shift(row: &mut [f64; 4], change: &Amounts, sign: f64) {
    for (row, change) in row.iter_mut().zip(change) {
        *row += sign * *change as f64 / 1_000.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_when_bins_are_merged() {
        let mut series = Series::new(1);
        let at = |secs: u64| Instant::ZERO + Duration::from_secs(secs);
        series.change_used(0, &[2_000, 0, 0, 0], 1.0);
        series.advance(at(5_000), 0.25);
        series.change_used(0, &[2_000, 0, 0, 0], -1.0);
        series.advance(at(9_999), 0.25);
        let sum: f64 = series.bins().iter().map(|bin| bin.used[0][0]).sum();
        assert!((sum - 10_000.0).abs() < 1e-6, "{sum}");
        assert!(series.bins().len() <= BINS_MAX && series.width() >= Duration::from_secs(16));
        let spans: f64 = (0..series.bins().len()).map(|bin| series.span_of(bin)).sum();
        assert!((spans - 9_999.0).abs() < 1e-6, "{spans}");
    }
}
