//! What is to happen, in order of (time, sequence).
//!
//! ```text
//!   put ──▶ near      sorted, and late, a heap: everything due up to the end of the current tick ──▶ take
//!           wheels    later: buckets of 1, 256, 65,536 .. ticks, unsorted ──▶ near, when their time comes
//!           far       a heap: due in another turn of the last wheel
//! ```
//!
//! The current tick is ahead of the time when little is pending: a bucket of a few is sorted as a whole, and while no bucket
//! holds anything, some hundred entries are best kept in the heap alone.
//!
//! Two things due at the same instant happen in the order they were put on the agenda, so a run depends on nothing but its
//! seed. Payloads lie still in a slab while small keys move: into a bucket, down the wheels and into a sorted list of the few
//! that are due next, whatever is due later. Putting and taking allocate nothing once the agenda has reached its size, and a
//! comparison is one 128-bit integer comparison.
//!
//! Nothing is ever cancelled: whoever changed his mind recognises a stale entry when it comes up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use mesos_core::Instant;

/// Bits of a time that lie within one tick: 4 us, in which even the busiest cluster does a handful of things.
const TICK_BITS: u32 = 12;
/// Bits of a tick that choose a bucket of a wheel.
const WHEEL_BITS: u32 = 8;
/// Buckets of a wheel.
const BUCKETS: usize = 1 << WHEEL_BITS;
/// Wheels: the last one turns once in five hours.
const WHEELS: usize = 4;
/// Bits of a key that name the payload's slot; the rest of the lower half is the sequence number.
const SLOT_BITS: u32 = 24;
/// So few keys of a bucket are sorted at once, however long its time.
const BUCKET_FEW_MAX: usize = 64;
/// So few entries are kept in a heap alone.
const FEW_MAX: usize = 1_024;
/// More in the heap than this are spread over the wheels, as far as their time has not come.
const LATE_MAX: usize = 2 * FEW_MAX;
/// Most entries at a time: 16 million, some gigabytes of messages.
const SLOTS_MAX: usize = 1 << SLOT_BITS;

/// Time in the upper 64 bits, then 40 bits of sequence, then the slot: ordering keys orders by (time, sequence).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    fn new(at: Instant, sequence: u64, slot: u32) -> Self {
        Self(u128::from(at.as_nanos()) << 64 | u128::from(sequence) << SLOT_BITS | u128::from(slot))
    }

    #[allow(clippy::cast_possible_truncation, reason = "the upper half is what is wanted")]
    const fn at(self) -> Instant {
        Instant::from_nanos((self.0 >> 64) as u64)
    }

    fn moved_to(self, slot: u32) -> Self {
        Self(self.0 >> SLOT_BITS << SLOT_BITS | u128::from(slot))
    }

    const fn tick(self) -> u64 {
        self.at().as_nanos() >> TICK_BITS
    }

    #[allow(clippy::cast_possible_truncation, reason = "the lowest bits are what is wanted")]
    const fn slot(self) -> usize {
        (self.0 as u32 & (SLOTS_MAX as u32 - 1)) as usize
    }
}

/// Keys in buckets by one digit of their tick, to the base of the number of buckets.
#[derive(Debug)]
struct Wheel {
    buckets: Vec<Vec<Key>>,
    /// Which buckets hold anything.
    occupied: [u64; BUCKETS / 64],
}

impl Wheel {
    fn put(&mut self, bucket: usize, key: Key) {
        self.buckets[bucket].push(key);
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
    }

    /// The first bucket behind `after` that holds anything.
    fn next(&self, after: usize) -> Option<usize> {
        let first = after + 1;
        (first / 64..self.occupied.len()).find_map(|word| {
            let skipped = if word == first / 64 { first % 64 } else { 0 };
            let rest = self.occupied[word] & (u64::MAX << skipped);
            (rest != 0).then(|| word * 64 + rest.trailing_zeros() as usize)
        })
    }

    fn empty(&mut self, bucket: usize) -> Vec<Key> {
        self.occupied[bucket / 64] &= !(1 << (bucket % 64));
        std::mem::take(&mut self.buckets[bucket])
    }

    fn empty_all(&mut self, into: &mut Vec<Key>) {
        self.occupied = [0; BUCKETS / 64];
        for bucket in &mut self.buckets {
            into.append(bucket);
        }
    }
}

/// Things to happen, earliest first.
#[derive(Debug)]
pub struct Agenda<T> {
    /// Everything that waited for the tick that has come, the next last.
    near: Vec<Key>,
    /// Its payloads, in the same order: fetched at once, so that the cache need not be waited for one after the other.
    fetched: Vec<T>,
    /// Everything that was put for a tick that had come.
    late: BinaryHeap<Reverse<Key>>,
    /// Everything later, by the highest digit in which its tick differs from the current one.
    wheels: [Wheel; WHEELS],
    /// Everything for which there is no wheel.
    far: BinaryHeap<Reverse<Key>>,
    /// The current tick: nothing that is due in it or before is in a wheel.
    tick: u64,
    /// The tick of what was taken last.
    taken: u64,
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    sequence: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        let wheel = || Wheel { buckets: (0..BUCKETS).map(|_| Vec::new()).collect(), occupied: [0; BUCKETS / 64] };
        Self {
            near: Vec::new(),
            fetched: Vec::new(),
            late: BinaryHeap::new(),
            wheels: std::array::from_fn(|_| wheel()),
            far: BinaryHeap::new(),
            tick: 0,
            taken: 0,
            slots: Vec::new(),
            free: Vec::new(),
            sequence: 0,
        }
    }
}

/// One digit of a tick.
#[expect(clippy::cast_possible_truncation, reason = "only the lowest digit is kept")]
const fn digit(tick: u64, wheel: usize) -> usize {
    (tick >> (WHEEL_BITS as usize * wheel)) as usize & (BUCKETS - 1)
}

impl<T> Agenda<T> {
    /// Puts `what` on the agenda at `at`, after everything that is already due then.
    ///
    /// # Panics
    /// When more than 16 million entries are pending: something floods the world.
    pub fn put(&mut self, at: Instant, what: T) {
        if self.is_all_near() && self.len() < FEW_MAX {
            self.tick = self.tick.max(at.as_nanos() >> TICK_BITS);
        } else if self.late.len() > LATE_MAX && self.tick > self.taken {
            self.spread();
        }
        let slot = self.fill_slot(what);
        self.sort_in(Key::new(at, self.sequence, slot));
        self.sequence += 1;
    }

    fn fill_slot(&mut self, what: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(what);
            return slot;
        }
        assert!(self.slots.len() < SLOTS_MAX, "more than {SLOTS_MAX} things are pending");
        self.slots.push(Some(what));
        u32::try_from(self.slots.len() - 1).expect("slots fit 24 bits")
    }

    fn empty_slot(&mut self, key: Key) -> T {
        let slot = key.slot();
        self.free.push(u32::try_from(slot).expect("slots fit 24 bits"));
        self.slots[slot].take().expect("a key in the agenda has its payload")
    }

    /// Whether no wheel holds anything.
    fn is_all_near(&self) -> bool {
        self.slots.len() - self.free.len() == self.late.len()
    }

    /// The current tick is too far ahead: goes back to what was taken last. Whatever waits in a wheel is there by its
    /// distance from the current tick, and finds a new place too.
    fn spread(&mut self) {
        self.tick = self.taken;
        let mut displaced = Vec::new();
        for wheel in &mut self.wheels {
            wheel.empty_all(&mut displaced);
        }
        for key in displaced {
            self.sort_in(key);
        }
        let mut near = std::mem::take(&mut self.near);
        for (key, what) in near.drain(..).zip(std::mem::take(&mut self.fetched)) {
            let slot = self.fill_slot(what);
            self.sort_in(key.moved_to(slot));
        }
        self.near = near;
        for Reverse(key) in std::mem::take(&mut self.late) {
            self.sort_in(key);
        }
    }

    fn sort_in(&mut self, key: Key) {
        let tick = key.tick();
        if tick <= self.tick {
            self.late.push(Reverse(key));
            return;
        }
        let wheel = ((tick ^ self.tick).ilog2() / WHEEL_BITS) as usize;
        match self.wheels.get_mut(wheel) {
            Some(row) => row.put(digit(tick, wheel), key),
            None => self.far.push(Reverse(key)),
        }
    }

    /// Moves on to the next tick at which anything is due; whether there is one.
    fn advance(&mut self) -> bool {
        while self.near.is_empty() && self.late.is_empty() {
            let next = (0..WHEELS).find_map(|wheel| {
                let bucket = self.wheels[wheel].next(digit(self.tick, wheel))?;
                Some((wheel, bucket))
            });
            match next {
                Some((wheel, bucket)) => self.turn(wheel, bucket),
                None if self.far.is_empty() => return false,
                None => self.approach(),
            }
        }
        true
    }

    /// The time of a bucket has come.
    fn turn(&mut self, wheel: usize, bucket: usize) {
        let shift = WHEEL_BITS as usize * wheel;
        self.tick = (self.tick >> shift & !(BUCKETS as u64 - 1) | bucket as u64) << shift;
        let mut keys = self.wheels[wheel].empty(bucket);
        if wheel == 0 || keys.len() <= BUCKET_FEW_MAX {
            // All of it is due up to the end of the bucket's time, and nothing else.
            self.tick |= (1 << shift) - 1;
            self.near.append(&mut keys);
            self.near.sort_unstable_by(|a, b| b.cmp(a));
            for at in 0..self.near.len() {
                let what = self.empty_slot(self.near[at]);
                self.fetched.push(what);
            }
        }
        for key in keys.drain(..) {
            self.sort_in(key);
        }
        // The bucket keeps its space.
        self.wheels[wheel].buckets[bucket] = keys;
    }

    /// The wheels are empty: they begin where the first far thing is due.
    fn approach(&mut self) {
        let Some(Reverse(first)) = self.far.peek() else { return };
        let era = |key: &Key| key.tick() >> (WHEEL_BITS as usize * WHEELS);
        let (now, tick) = (era(first), first.tick());
        self.tick = tick;
        while let Some(Reverse(key)) = self.far.peek()
            && era(key) == now
        {
            let Some(Reverse(key)) = self.far.pop() else { return };
            self.sort_in(key);
        }
    }

    /// Takes the next thing.
    pub fn take(&mut self) -> Option<(Instant, T)> {
        self.take_until(Instant::MAX)
    }

    /// Takes the next thing if it is due at `limit` or before.
    pub fn take_until(&mut self, limit: Instant) -> Option<(Instant, T)> {
        if self.near.is_empty() && self.late.is_empty() && !self.advance() {
            return None;
        }
        let is_late = match (self.near.last(), self.late.peek()) {
            (Some(near), Some(Reverse(late))) => late < near,
            (near, _) => near.is_none(),
        };
        let (key, what) = if is_late {
            let first = self.late.peek_mut().filter(|first| first.0.at() <= limit)?;
            let Reverse(key) = PeekMut::pop(first);
            (key, self.empty_slot(key))
        } else {
            let key = self.near.pop_if(|key| key.at() <= limit)?;
            (key, self.fetched.pop().expect("every key has its payload"))
        };
        self.taken = key.tick();
        Some((key.at(), what))
    }

    /// How many things are pending.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.slots.len() - self.free.len() + self.near.len()
    }

    /// Whether nothing is pending.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many things were ever put on the agenda.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u64) -> Instant {
        Instant::from_nanos(n)
    }

    #[test]
    fn things_happen_in_order_of_time_and_then_of_being_put() {
        let mut agenda = Agenda::default();
        for (when, what) in [(5, 'a'), (1, 'b'), (5, 'c'), (0, 'd'), (1, 'e')] {
            agenda.put(at(when), what);
        }
        let order: String = std::iter::from_fn(|| agenda.take()).map(|(_, what)| what).collect();
        assert_eq!(order, "dbeac");
    }

    #[test]
    fn a_slot_that_is_used_again_does_not_change_the_order() {
        let mut agenda = Agenda::default();
        agenda.put(at(9), 0);
        agenda.put(at(1), 1);
        assert_eq!(agenda.take(), Some((at(1), 1)));
        agenda.put(at(9), 2);
        agenda.put(at(9), 3);
        assert_eq!((agenda.take_until(at(8)), agenda.len()), (None, 3));
        let rest: Vec<i32> = std::iter::from_fn(|| agenda.take_until(at(9))).map(|(_, what)| what).collect();
        assert_eq!(rest, [0, 2, 3]);
    }

    proptest::proptest! {
        /// Whatever is put when, and however far ahead: what is taken is what a sorted list would give.
        #[test]
        fn the_order_is_that_of_a_sorted_list(
            steps in proptest::collection::vec((0_u32..64, proptest::bool::weighted(0.6), 0_u64..256), 1..400)
        ) {
            let (mut agenda, mut list, mut now) = (Agenda::default(), std::collections::BTreeMap::new(), 0_u64);
            for (n, (bits, is_put, fine)) in steps.into_iter().enumerate() {
                if is_put {
                    let when = now.saturating_add((1_u64 << bits).saturating_add(fine) - 1);
                    agenda.put(at(when), n);
                    list.insert((when, n), ());
                } else {
                    // Sometimes the one who takes is not patient enough.
                    let limit = now.saturating_add(1_u64 << bits);
                    let first = list.first_key_value().map(|(key, ())| *key).filter(|(when, _)| *when <= limit);
                    proptest::prop_assert_eq!(agenda.take_until(at(limit)), first.map(|(when, n)| (at(when), n)));
                    if let Some((when, n)) = first {
                        list.remove(&(when, n));
                        now = when;
                    }
                }
                proptest::prop_assert_eq!(agenda.len(), list.len());
            }
            let rest: Vec<_> = std::iter::from_fn(|| agenda.take()).collect();
            let expected: Vec<_> = list.into_keys().map(|(when, n)| (at(when), n)).collect();
            proptest::prop_assert_eq!(rest, expected);
        }
    }

    /// A crowd, most of it later than what was put before and earlier than the first: the heap is spread.
    #[test]
    fn a_crowd_behind_a_distant_entry_is_taken_in_order() {
        let mut agenda = Agenda::default();
        let hour = 3_600_000_000_000;
        agenda.put(at(hour), u64::MAX);
        let mut dice = mesos_core::kernel::Rng::new(1);
        let mut times: Vec<u64> = (0..20_000).map(|_| dice.below(hour)).collect();
        for (n, time) in times.iter().enumerate() {
            agenda.put(at(*time), *time);
            assert!(agenda.late.len() <= LATE_MAX + 1, "{n}");
        }
        times.sort_unstable();
        times.push(u64::MAX);
        assert!(std::iter::from_fn(|| agenda.take()).map(|(_, what)| what).eq(times));
    }

    /// The heap is spread while wheels hold what is later than the distant entry.
    #[test]
    fn a_crowd_on_both_sides_of_a_distant_entry_is_taken_in_order() {
        let (hour, mut agenda) = (3_600_000_000_000, Agenda::default());
        agenda.put(at(hour), hour);
        let mut dice = mesos_core::kernel::Rng::new(1);
        let mut times: Vec<u64> = (0..20_000).map(|n| dice.below(hour) + if n % 3 == 0 { hour } else { 0 }).collect();
        for time in &times {
            agenda.put(at(*time), *time);
        }
        times.push(hour);
        times.sort_unstable();
        assert!(std::iter::from_fn(|| agenda.take()).map(|(_, what)| what).eq(times));
        assert!(agenda.is_empty());
    }

    #[test]
    fn the_latest_instant_can_be_put_and_taken() {
        let mut agenda = Agenda::default();
        agenda.put(Instant::MAX, ());
        assert_eq!(agenda.take(), Some((Instant::MAX, ())));
    }
}
