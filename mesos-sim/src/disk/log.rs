//! What was written to a disk, one batch behind the other.
//!
//! ```text
//!   append ─▶ batch │ batch │ batch ─── more dead changes than live ones ──▶ one batch of what still holds
//! ```
//!
//! Most records are deleted soon after they were written, and hardly any is ever read: so a write is kept as it came, and
//! what it overwrites is found out when somebody reads, or when there is too much of it. Then a batch's worth of changes is
//! sorted out at a time, which costs a fraction of finding the place of each.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use mesos_core::kernel::{Draft, Key, Value};

/// So many changes are sorted out at least at a time: a few tasks' worth.
const SLACK: usize = 24;

/// Changes in the order in which they became durable.
#[derive(Debug, Default)]
pub(super) struct Log {
    batches: Vec<Vec<Draft>>,
    /// Changes in all batches.
    changes: usize,
    /// Records there were when it was sorted out the last time.
    live: usize,
}

impl Log {
    /// A batch became durable.
    pub(super) fn append(&mut self, batch: Vec<Draft>) {
        self.changes += batch.len();
        self.batches.push(batch);
        if self.changes > 2 * self.live + SLACK {
            self.sort_out();
        }
    }

    /// The records that hold, in an order that depends on the run alone.
    pub(super) fn live(&self) -> Vec<(&Key, &Value)> {
        let all: Vec<&Draft> = self.batches.iter().flatten().collect();
        let newest = newest(&all);
        let live = all.into_iter().zip(newest).filter_map(|(change, is_newest)| {
            let value = change.value().filter(|_| is_newest)?;
            Some((change.key(), value))
        });
        live.collect()
    }

    /// Drops what was overwritten or deleted.
    fn sort_out(&mut self) {
        let all: Vec<&Draft> = self.batches.iter().flatten().collect();
        let mut newest = newest(&all).into_iter();
        let mut kept = Vec::with_capacity(2 * self.live + SLACK);
        for batch in self.batches.drain(..) {
            kept.extend(
                batch
                    .into_iter()
                    .zip(&mut newest)
                    .filter_map(|(change, is_newest)| (is_newest && change.value().is_some()).then_some(change)),
            );
        }
        (self.changes, self.live) = (kept.len(), kept.len());
        if !kept.is_empty() {
            self.batches.push(kept);
        }
    }
}

/// Of each change, whether none behind it is about the same key.
fn newest(changes: &[&Draft]) -> Vec<bool> {
    let hasher = FixedState::default();
    let entry =
        |(place, change): (u32, &&Draft)| hasher.hash_one(change.key()) & !u64::from(u32::MAX) | u64::from(place);
    let mut order: Vec<u64> = (0..).zip(changes).map(entry).collect();
    order.sort_unstable();
    let mut is_newest = vec![true; changes.len()];
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is the place")]
    let place = |entry: u64| entry as u32 as usize;
    for (at, entry) in order.iter().enumerate() {
        let (own, hash) = (place(*entry), entry >> u32::BITS);
        // Keys of one hash are one key, as a rule.
        let behind = order[at + 1..].iter().take_while(|other| *other >> u32::BITS == hash);
        let is_overwritten = behind.map(|other| place(*other)).any(|other| changes[other].key() == changes[own].key());
        is_newest[own] = !is_overwritten;
    }
    is_newest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    proptest::proptest! {
        /// Whatever is written, overwritten and deleted: what holds is what an ordered map holds.
        #[test]
        fn a_log_holds_what_a_map_holds(
            batches in proptest::collection::vec(proptest::collection::vec((0_u64..40, proptest::bool::ANY), 0..6), 1..200)
        ) {
            let (mut log, mut map, mut n) = (Log::default(), BTreeMap::new(), 0_u32);
            for batch in batches {
                let mut drafts = Vec::new();
                for (number, is_put) in batch {
                    n += 1;
                    let key = Key::new("k").numbered(number);
                    if is_put {
                        map.insert(key.write_out(), n.to_string());
                        drafts.push(Draft::put(key, n));
                    } else {
                        map.remove(&key.write_out());
                        drafts.push(Draft::delete(key));
                    }
                }
                log.append(drafts);
                let text = |value: &Value| String::from_utf8(value.write_out().to_vec()).unwrap();
                let live: BTreeMap<_, _> =
                    log.live().into_iter().map(|(key, value)| (key.write_out(), text(value))).collect();
                proptest::prop_assert_eq!(&live, &map);
                proptest::prop_assert!(log.changes <= 2 * map.len().max(log.live) + SLACK);
            }
        }
    }
}
