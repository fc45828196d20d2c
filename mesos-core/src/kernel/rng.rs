//! The seeded stream every random draw of a machine comes from.
//!
//! ChaCha with eight rounds, named and fixed: the same seed gives the same stream on every platform and in every
//! version. A host splits one seed into a stream per node, so that adding a node does not change its neighbours' draws.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

use serde::{Deserialize, Serialize};

use crate::id::UpdateId;

/// A seeded stream of random numbers.
#[derive(Debug, Clone)]
pub struct Rng(ChaCha8Rng);

/// Where a stream stands: enough to go on from there, elsewhere and later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RngState {
    /// The key of the cipher, as the seed gave it.
    pub key: [u8; 32],
    /// The number of the stream.
    pub stream: u64,
    /// How many 32-bit words were drawn.
    pub words: u64,
}

impl Rng {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// The stream numbered `stream` of `seed`: independent of the others, and the same however many there are.
    #[must_use]
    pub fn of_node(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// Where it stands.
    ///
    /// # Panics
    /// After 2^64 words, which nobody will live to see.
    #[must_use]
    pub fn state(&self) -> RngState {
        let words = u64::try_from(self.0.get_word_pos()).expect("fewer than 2^64 words were drawn");
        RngState { key: self.0.get_seed(), stream: self.0.get_stream(), words }
    }

    /// The stream that stands there.
    #[must_use]
    pub fn from_state(state: &RngState) -> Self {
        let mut rng = ChaCha8Rng::from_seed(state.key);
        rng.set_stream(state.stream);
        rng.set_word_pos(u128::from(state.words));
        Self(rng)
    }

    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..bound`; 0 when `bound` is 0. Where there is nothing to choose, nothing is drawn. Widening
    /// multiplication with rejection (Lemire, 2019).
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        let [mut low, mut high] = split(u128::from(self.bits()) * u128::from(bound));
        // The threshold is less than the bound, and takes a division to know.
        if low < bound {
            let threshold = bound.wrapping_neg() % bound;
            while low < threshold {
                [low, high] = split(u128::from(self.bits()) * u128::from(bound));
            }
        }
        high
    }

    /// Uniform in `low..=high`; `low` when they are out of order.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// An index into a slice of `len` items; 0 when it is empty.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// True `parts_per_million` times in a million. For never, nothing is drawn.
    pub fn chance(&mut self, parts_per_million: u32) -> bool {
        parts_per_million > 0 && self.below(1_000_000) < u64::from(parts_per_million)
    }

    /// Uniform in `[0, 1)`, with 53 bits.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `[0, max]`, in nanoseconds.
    pub fn duration(&mut self, max: Duration) -> Duration {
        Duration::from_nanos(self.between(0, u64::try_from(max.as_nanos()).unwrap_or(u64::MAX - 1)))
    }

    /// Uniform in `[low, high]`.
    pub fn duration_between(&mut self, low: Duration, high: Duration) -> Duration {
        low + self.duration(high.saturating_sub(low))
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index(last + 1);
            items.swap(last, other);
        }
    }

    /// A fresh update id: 128 random bits.
    pub fn update_id(&mut self) -> UpdateId {
        UpdateId(u128::from(self.bits()) << 64 | u128::from(self.bits()))
    }

    /// A stream of its own for a part of this machine.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self::new(self.bits())
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the two halves are what is wanted")]
const fn split(wide: u128) -> [u64; 2] {
    [wide as u64, (wide >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pins the stream: a change of algorithm would silently change every recorded run.
    #[test]
    fn the_stream_of_a_seed_is_pinned() {
        let mut rng = Rng::new(7);
        let first: Vec<u64> = (0..3).map(|_| rng.bits()).collect();
        assert_eq!(first, PINNED, "{first:x?}");
    }

    const PINNED: [u64; 3] = [0x2865_5334_23d7_43bb, 0x2b01_59d3_2e9b_293a, 0xb44b_70b9_4524_9531];

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut rng = Rng::new(1);
        let mut seen = [0_u32; 5];
        for _ in 0..1_000 {
            seen[rng.index(5)] += 1;
        }
        assert!(seen.iter().all(|&n| n > 100), "{seen:?}");
    }

    #[test]
    fn what_is_certain_draws_nothing() {
        let mut rng = Rng::new(1);
        assert_eq!((rng.below(1), rng.index(1), rng.between(4, 4), rng.chance(0)), (0, 0, 4, false));
        assert_eq!(rng.duration(Duration::ZERO), Duration::ZERO);
        assert_eq!(rng.state(), Rng::new(1).state());
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Rng::new(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_stream_goes_on_from_its_state() {
        let mut rng = Rng::of_node(9, 4);
        (0..17).for_each(|_| _ = rng.bits());
        let mut other = Rng::from_state(&rng.state());
        assert!((0..40).all(|_| rng.bits() == other.bits()));
    }

    #[test]
    fn nodes_have_streams_of_their_own() {
        assert_ne!(Rng::of_node(1, 0).bits(), Rng::of_node(1, 1).bits());
        assert_eq!(Rng::of_node(1, 1).bits(), Rng::of_node(1, 1).bits());
    }
}
