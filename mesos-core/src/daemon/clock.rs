//! The system's clock.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::provider::Clock;
use crate::time::{Instant, Now, WallTime};

/// Time since this clock was made, and the calendar. Follows tokio's clock, so that tests may pause it.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: tokio::time::Instant,
}

impl SystemClock {
    /// A clock whose origin is now. Must be made inside a tokio runtime if that runtime's time may be paused.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now { mono: Instant::from_nanos(nanos(self.origin.elapsed())), wall: WallTime::from_nanos(nanos(wall)) }
    }

    async fn sleep_until(&self, at: Instant) {
        match self.origin.checked_add(Duration::from_nanos(at.as_nanos())) {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sleeping_until_an_instant_ends_at_it() {
        let clock = SystemClock::new();
        let at = clock.now().mono + Duration::from_secs(3);
        clock.sleep_until(at).await;
        assert!(clock.now().mono >= at && clock.now().mono < at + Duration::from_millis(10));
    }
}
