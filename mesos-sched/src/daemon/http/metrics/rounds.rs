//! How long allocation rounds and the registry's store take, as Mesos tells it: the newest time, and where most of them lie.

use std::time::Duration;

use super::{Metrics, real};
use crate::daemon::{Measured, StoreTimes, Times};

const PARTS: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999)];

pub(super) fn times(metrics: &mut Metrics, measured: &Measured) {
    kind(metrics, "allocator/mesos/allocation_run_ms", &measured.took);
    kind(metrics, "allocator/mesos/allocation_run_latency_ms", &measured.waited);
}

pub(super) fn registry(metrics: &mut Metrics, measured: &StoreTimes) {
    metrics.gauge("registrar/registry_size_bytes", real(measured.bytes));
    if let Some(took) = measured.fetched.last() {
        metrics.gauge("registrar/state_fetch_ms", millis(took));
    }
    kind(metrics, "registrar/state_store_ms", &measured.stored);
}

fn kind(metrics: &mut Metrics, name: &str, times: &Times) {
    let sorted = times.sorted();
    let (Some(last), Some(min), Some(max)) = (times.last(), sorted.first(), sorted.last()) else { return };
    metrics.gauge(name, millis(last));
    metrics.counter(&format!("{name}/count"), times.count());
    metrics.gauge(&format!("{name}/min"), millis(*min));
    metrics.gauge(&format!("{name}/max"), millis(*max));
    for (part, below) in PARTS {
        metrics.gauge(&format!("{name}/{part}"), millis(quantile(&sorted, below)));
    }
}

/// The time that this part of them does not exceed. There is at least one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among at most a thousand")]
fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let rank = (real(sorted.len() as u64) * part).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_times_lies_below_its_quantile() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        for (part, expected) in [(0.5, 50), (0.9, 90), (0.99, 99), (0.999, 100), (0.9999, 100)] {
            assert_eq!(quantile(&times, part), Duration::from_millis(expected));
        }
        assert_eq!(quantile(&times[..1], 0.5), Duration::from_millis(1));
    }
}
