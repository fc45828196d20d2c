//! How fast an answer is taken whose places are few.
//!
//! A reader that takes nothing is [cut off](super::Limits::write_timeout); one that takes a byte now and then is not, and could
//! keep for hours what others wait for. So whoever is given something of which there is little must be done with it in a time
//! that grows with its size.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Hangup, STALLED_MAX};

/// The slowest that a reader may be. One that is slower is hung up on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// For any answer, however small.
    pub patience: Duration,
    /// So many more bytes are worth a second more; at least 1.
    pub bytes_per_second_min: u64,
}

impl Default for Pace {
    /// A minute, and a second more for every MiB: what a line of 10 Mbit/s takes of a large cluster's state in ten minutes.
    fn default() -> Self {
        Self { patience: STALLED_MAX, bytes_per_second_min: 1 << 20 }
    }
}

impl Pace {
    /// In which time so many bytes must be taken.
    #[must_use]
    pub fn within(&self, bytes: u64) -> Duration {
        let rate = self.bytes_per_second_min.max(1);
        let millis = u128::from(bytes) * 1_000 / u128::from(rate);
        self.patience.saturating_add(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
    }

    /// Ties `held` to the bytes of an answer, until the transport has written them or let them go. Whoever does not take them in
    /// time is hung up on by the future, which ends when they are gone: it must be polled.
    pub fn hold<T: Send + 'static>(
        self,
        bytes: Vec<u8>,
        held: T,
        hangup: Hangup,
    ) -> (Bytes, impl Future<Output = ()> + Send + 'static) {
        let (gone, is_gone) = oneshot::channel();
        let within = self.within(bytes.len() as u64);
        let count = bytes.len();
        let watch = async move {
            // Nothing is ever sent: the other end is dropped.
            if tokio::time::timeout(within, is_gone).await.is_err() {
                tracing::warn!(bytes = count, ?within, "an answer is not taken in time; its connection ends");
                hangup.hang_up();
            }
        };
        (Bytes::from_owner(Holding { bytes, _held: held, _gone: gone }), watch)
    }
}

/// Bytes, and what is kept until they are gone.
struct Holding<T> {
    bytes: Vec<u8>,
    _held: T,
    _gone: oneshot::Sender<()>,
}

impl<T> AsRef<[u8]> for Holding<T> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_larger_may_take_longer() {
        let pace = Pace { patience: Duration::from_secs(5), bytes_per_second_min: 1_000 };
        for (bytes, secs) in [(0, 5), (1_000, 6), (60_000, 65)] {
            assert_eq!(pace.within(bytes), Duration::from_secs(secs));
        }
        let never = Pace { patience: Duration::MAX, bytes_per_second_min: 0 };
        assert_eq!(never.within(u64::MAX), Duration::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_slower_is_hung_up_on_and_nobody_else() {
        let pace = Pace { patience: Duration::from_secs(5), bytes_per_second_min: 1 };
        for is_taken in [true, false] {
            let (hangup, held) = (Hangup::default(), std::sync::Arc::new(()));
            let (bytes, watch) = pace.hold(vec![0; 10], held.clone(), hangup.clone());
            let watch = tokio::spawn(watch);
            tokio::time::advance(Duration::from_secs(14)).await;
            assert_eq!(std::sync::Arc::strong_count(&held), 2, "a part of the bytes is all of them");
            if is_taken {
                drop(bytes.slice(3..4));
                drop(bytes);
                assert_eq!(std::sync::Arc::strong_count(&held), 1);
            }
            watch.await.unwrap();
            let is_asked = tokio::time::timeout(Duration::ZERO, hangup.asked()).await.is_ok();
            assert_eq!(is_asked, !is_taken);
        }
    }
}
