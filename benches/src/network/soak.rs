//! A cluster that works at a steady rate for long, and what it holds in memory meanwhile.

use std::time::{Duration, Instant};

use super::lifecycles::Flooded;
use super::resident;

/// New tasks are asked for so often.
const BEAT: Duration = Duration::from_millis(50);

/// Runs so many life cycles per second for so long, and says every now and then where it is: seconds, life cycles per
/// second, bytes held.
///
/// # Panics
/// When the cluster does not run: a defect.
pub fn run(per_second: u64, span: Duration, say_every: Duration, mut say: impl FnMut(f64, f64, u64)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let flooded = Flooded::start(100, 1_000).await;
        let (began, mut said, mut finished) = (Instant::now(), Instant::now(), 0);
        let mut beats = tokio::time::interval(BEAT);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        while began.elapsed() < span {
            beats.tick().await;
            let due = per_second * u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX) / 1_000;
            flooded.want(due).await;
            if said.elapsed() >= say_every {
                let now = flooded.gauge().finished();
                #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
                let rate = (now - finished) as f64 / said.elapsed().as_secs_f64();
                (said, finished) = (Instant::now(), now);
                say(began.elapsed().as_secs_f64(), rate, resident());
            }
        }
        flooded.run(0).await;
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}
