//! What is to happen, in order of (time, sequence).
//!
//! ```text
//!   put ──▶ few       a heap, while there are so few that nothing else pays
//!           late      a heap: due in the current tick or before it
//!           ring      due in the current turn: a place for each of its ticks, most of which hold one thing or none ──▶ take
//!           wheels    later: buckets of 1, 256, 65,536 .. turns, unsorted ──▶ ring, when their time comes
//!           far       a heap: due in another turn of the last wheel
//! ```
//!
//! Two things due at the same instant happen in the order they were put on the agenda, so a run depends on nothing but its
//! seed. Payloads lie still in a slab while small keys move: into a bucket, down the wheels and into the ring. Putting and
//! taking allocate nothing once the agenda has reached its size, and a comparison is one 128-bit integer comparison.
//!
//! Most of what a cluster says arrives within a millisecond, so most entries are put into the ring at once and taken from it:
//! neither costs a comparison. (A calendar queue as by Brown, CACM 1988, in front of hierarchical timing wheels as by
//! Varghese and Lauck, SOSP 1987.)
//!
//! Nothing is ever cancelled: whoever changed his mind recognises a stale entry when it comes up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use mesos_core::Instant;

/// Bits of a time that lie within one tick: 4 us, in which even the busiest cluster does a handful of things.
const TICK_BITS: u32 = 12;
/// Bits of a tick that choose a place of the ring, which turns once in 17 ms.
const RING_BITS: u32 = 12;
/// Places of the ring.
const PLACES: usize = 1 << RING_BITS;
/// Bits of a turn that choose a bucket of a wheel.
const WHEEL_BITS: u32 = 8;
/// Buckets of a wheel.
const BUCKETS: usize = 1 << WHEEL_BITS;
/// Wheels: the last one turns once in three days.
const WHEELS: usize = 3;
/// Bits of a key that name the payload's slot; the rest of the lower half is the sequence number.
const SLOT_BITS: u32 = 24;
/// So few entries are kept in a heap alone.
const FEW_MAX: usize = 16;
/// Most entries at a time: 16 million, some gigabytes of messages.
const SLOTS_MAX: usize = 1 << SLOT_BITS;

/// Time in the upper 64 bits, then 40 bits of sequence, then the slot: ordering keys orders by (time, sequence).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    const NONE: Self = Self(u128::MAX);

    fn new(at: Instant, sequence: u64, slot: u32) -> Self {
        Self(u128::from(at.as_nanos()) << 64 | u128::from(sequence) << SLOT_BITS | u128::from(slot))
    }

    #[allow(clippy::cast_possible_truncation, reason = "the upper half is what is wanted")]
    const fn at(self) -> Instant {
        Instant::from_nanos((self.0 >> 64) as u64)
    }

    const fn tick(self) -> u64 {
        self.at().as_nanos() >> TICK_BITS
    }

    #[allow(clippy::cast_possible_truncation, reason = "the lowest bits are what is wanted")]
    const fn slot(self) -> usize {
        (self.0 as u32 & (SLOTS_MAX as u32 - 1)) as usize
    }
}

/// Which of up to 4,096 places are taken.
#[derive(Debug)]
struct Bits<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Bits<WORDS> {
    const fn has(&self, place: usize) -> bool {
        self.0[place / 64] >> (place % 64) & 1 == 1
    }

    const fn set(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    const fn clear(&mut self, place: usize) {
        self.0[place / 64] &= !(1 << (place % 64));
    }

    /// The first one that is taken, from `first` on.
    fn next(&self, first: usize) -> Option<usize> {
        let word = first / 64;
        let rest = self.0.get(word)? & u64::MAX << (first % 64);
        if rest != 0 {
            return Some(word * 64 + rest.trailing_zeros() as usize);
        }
        let found = self.0[word + 1..].iter().position(|word| *word != 0)?;
        let word = word + 1 + found;
        Some(word * 64 + self.0[word].trailing_zeros() as usize)
    }
}

/// Keys of one turn, by the lowest digit of their tick.
#[derive(Debug)]
struct Ring {
    /// The one key of a place, or one of several.
    first: Box<[Key]>,
    /// The others.
    more: Box<[Vec<Key>]>,
    taken: Bits<{ PLACES / 64 }>,
    /// Which words of that hold anything.
    words: Bits<1>,
    /// The places that hold several.
    crowded: Bits<{ PLACES / 64 }>,
}

impl Ring {
    fn put(&mut self, place: usize, key: Key) {
        if self.taken.has(place) {
            self.more[place].push(key);
            self.crowded.set(place);
            return;
        }
        self.first[place] = key;
        self.taken.set(place);
        self.words.set(place / 64);
    }

    /// The first place that holds anything, from `first` on.
    fn next(&self, first: usize) -> Option<usize> {
        let word = first / 64;
        let rest = self.taken.0.get(word)? & u64::MAX << (first % 64);
        if rest != 0 {
            return Some(word * 64 + rest.trailing_zeros() as usize);
        }
        let word = if word + 1 < 64 { self.words.next(word + 1)? } else { return None };
        Some(word * 64 + self.taken.0[word].trailing_zeros() as usize)
    }

    /// Empties a place: its key, if it is alone; else all of them go into `near`, the earliest last.
    fn empty(&mut self, place: usize, near: &mut Vec<Key>) -> Option<Key> {
        self.taken.clear(place);
        if self.taken.0[place / 64] == 0 {
            self.words.clear(place / 64);
        }
        let first = self.first[place];
        if !self.crowded.has(place) {
            return Some(first);
        }
        self.crowded.clear(place);
        near.append(&mut self.more[place]);
        near.push(first);
        near.sort_unstable_by(|a, b| b.cmp(a));
        None
    }
}

/// Keys in buckets by one digit of their turn, to the base of the number of buckets.
#[derive(Debug)]
struct Wheel {
    buckets: Vec<Vec<Key>>,
    taken: Bits<{ BUCKETS / 64 }>,
}

/// Things to happen, earliest first.
#[derive(Debug)]
pub struct Agenda<T> {
    /// Everything, while there is little.
    few: BinaryHeap<Reverse<Key>>,
    is_few: bool,
    /// Everything that waited for the tick that has come, where that was more than one thing: the next last.
    near: Vec<Key>,
    /// Everything that was put for a tick that had come.
    late: BinaryHeap<Reverse<Key>>,
    /// Everything later in the turn of the current tick.
    ring: Ring,
    /// Everything in later turns, by the highest digit in which it differs from the current one.
    wheels: [Wheel; WHEELS],
    /// Everything for which there is no wheel.
    far: BinaryHeap<Reverse<Key>>,
    /// The current tick: what is due before it, and what was put for it once it had come, is `near` or `late`.
    tick: u64,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    sequence: u64,
}

/// The place of one payload; an empty one holds a default.
#[derive(Debug, Default)]
struct Slot<T> {
    what: T,
    is_filled: bool,
}

/// Something whose time has come, and which is still where it lies. See [`Agenda::claim`].
#[derive(Debug)]
#[must_use = "what has come is not on the agenda any more"]
pub(crate) struct Claim(usize);

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        let wheel = || Wheel { buckets: (0..BUCKETS).map(|_| Vec::new()).collect(), taken: Bits([0; _]) };
        Self {
            few: BinaryHeap::new(),
            is_few: true,
            near: Vec::new(),
            late: BinaryHeap::new(),
            ring: Ring {
                first: vec![Key::NONE; PLACES].into_boxed_slice(),
                more: (0..PLACES).map(|_| Vec::new()).collect(),
                taken: Bits([0; _]),
                words: Bits([0; _]),
                crowded: Bits([0; _]),
            },
            wheels: std::array::from_fn(|_| wheel()),
            far: BinaryHeap::new(),
            tick: 0,
            slots: Vec::new(),
            free: Vec::new(),
            sequence: 0,
        }
    }
}

/// The place of a tick in the ring.
#[expect(clippy::cast_possible_truncation, reason = "only the lowest digit is kept")]
const fn place(tick: u64) -> usize {
    tick as usize & (PLACES - 1)
}

/// Bits of a tick below the digit of a wheel.
#[expect(clippy::cast_possible_truncation, reason = "there are three wheels")]
const fn shift(wheel: usize) -> u32 {
    RING_BITS + WHEEL_BITS * wheel as u32
}

/// The digit of a tick that chooses a bucket of a wheel.
#[expect(clippy::cast_possible_truncation, reason = "only the lowest digit is kept")]
const fn digit(tick: u64, wheel: usize) -> usize {
    (tick >> shift(wheel)) as usize & (BUCKETS - 1)
}

impl<T: Default> Agenda<T> {
    /// Puts `what` on the agenda at `at`, after everything that is already due then.
    ///
    /// # Panics
    /// When more than 16 million entries are pending: something floods the world.
    pub fn put(&mut self, at: Instant, what: T) {
        let slot = self.fill_slot(what);
        let key = Key::new(at, self.sequence, slot);
        self.sequence += 1;
        if self.is_few {
            self.few.push(Reverse(key));
            if self.few.len() > FEW_MAX {
                self.is_few = false;
                for Reverse(key) in std::mem::take(&mut self.few) {
                    self.sort_in(key);
                }
            }
            return;
        }
        self.sort_in(key);
    }

    fn fill_slot(&mut self, what: T) -> u32 {
        let filled = Slot { what, is_filled: true };
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = filled;
            return slot;
        }
        assert!(self.slots.len() < SLOTS_MAX, "more than {SLOTS_MAX} things are pending");
        self.slots.push(filled);
        u32::try_from(self.slots.len() - 1).expect("slots fit 24 bits")
    }

    fn sort_in(&mut self, key: Key) {
        let tick = key.tick();
        if tick <= self.tick {
            self.late.push(Reverse(key));
        } else {
            self.put_ahead(key, tick);
        }
    }

    /// Puts a key of the current tick or a later one where it is met when its time comes.
    fn put_ahead(&mut self, key: Key, tick: u64) {
        let apart = tick ^ self.tick;
        if apart < PLACES as u64 {
            return self.ring.put(place(tick), key);
        }
        let wheel = ((apart.ilog2() - RING_BITS) / WHEEL_BITS) as usize;
        match self.wheels.get_mut(wheel) {
            Some(row) => {
                let bucket = digit(tick, wheel);
                row.buckets[bucket].push(key);
                row.taken.set(bucket);
            }
            None => self.far.push(Reverse(key)),
        }
    }

    /// Moves on to the next tick of a turn that holds anything and has come by `limit`: the key that is alone there, or
    /// nothing. Then something is near, or nothing is due.
    fn advance(&mut self, limit: Instant) -> Option<Key> {
        let last = limit.as_nanos() >> TICK_BITS;
        loop {
            if let Some(next) = self.ring.next(place(self.tick)) {
                let tick = self.tick & !(PLACES as u64 - 1) | next as u64;
                if tick > last {
                    return None;
                }
                self.tick = tick;
                return self.ring.empty(next, &mut self.near);
            }
            let next = (0..WHEELS).find_map(|wheel| {
                let bucket = self.wheels[wheel].taken.next(digit(self.tick, wheel) + 1)?;
                Some((wheel, bucket))
            });
            let has_come = match next {
                Some((wheel, bucket)) => self.turn(wheel, bucket, last),
                None => self.approach(last),
            };
            if !has_come {
                return None;
            }
        }
    }

    /// The time of a bucket has come, if it begins by the tick `last`; whether it does.
    fn turn(&mut self, wheel: usize, bucket: usize, last: u64) -> bool {
        let tick = (self.tick >> shift(wheel) & !(BUCKETS as u64 - 1) | bucket as u64) << shift(wheel);
        if tick > last {
            return false;
        }
        self.tick = tick;
        self.wheels[wheel].taken.clear(bucket);
        let mut keys = std::mem::take(&mut self.wheels[wheel].buckets[bucket]);
        if wheel == 0 {
            // Soon all of it is taken, one after the other, from wherever it lies: a processor fetches many at once.
            let there = keys.iter().filter(|key| self.slots[key.slot()].is_filled).count();
            std::hint::black_box(there);
        }
        for key in keys.drain(..) {
            self.put_ahead(key, key.tick());
        }
        // The bucket keeps its space.
        self.wheels[wheel].buckets[bucket] = keys;
        true
    }

    /// The wheels are empty: they begin where the first far thing is due, if that is by the tick `last`; whether it is.
    fn approach(&mut self, last: u64) -> bool {
        let era = |key: &Key| key.tick() >> shift(WHEELS);
        let Some(Reverse(first)) = self.far.peek().filter(|first| first.0.tick() <= last) else { return false };
        let (now, tick) = (era(first), first.tick());
        self.tick = tick;
        while let Some(Reverse(key)) = self.far.peek()
            && era(key) == now
        {
            let Some(Reverse(key)) = self.far.pop() else { break };
            self.put_ahead(key, key.tick());
        }
        true
    }

    /// Takes the next thing.
    pub fn take(&mut self) -> Option<(Instant, T)> {
        self.take_until(Instant::MAX)
    }

    /// Takes the next thing if it is due at `limit` or before.
    pub fn take_until(&mut self, limit: Instant) -> Option<(Instant, T)> {
        let (at, claim) = self.next_until(limit)?;
        Some((at, self.claim(claim)))
    }

    /// When the next thing is due, if that is at `limit` or before, and what it takes to get it.
    pub(crate) fn next_until(&mut self, limit: Instant) -> Option<(Instant, Claim)> {
        let key = if self.is_few {
            let key = pop_until(&mut self.few, limit)?;
            self.tick = key.tick();
            key
        } else if self.near.is_empty() && self.late.is_empty() {
            match self.advance(limit) {
                // Of the last tick a part may be due only after the limit.
                Some(key) if key.at() <= limit => key,
                Some(key) => {
                    self.near.push(key);
                    return None;
                }
                None if self.near.is_empty() => return None,
                None => self.near.pop_if(|key| key.at() <= limit)?,
            }
        } else {
            self.take_near(limit)?
        };
        Some((key.at(), Claim(key.slot())))
    }

    /// What has come, moved from where it lies to where it is wanted and nowhere in between: large things are copied as a
    /// whole then, without a look at them that would part the copy.
    pub(crate) fn claim(&mut self, Claim(slot): Claim) -> T {
        self.free.push(u32::try_from(slot).expect("slots fit 24 bits"));
        // Nothing is pending: what comes next is kept in a heap again.
        self.is_few |= self.slots.len() == self.free.len();
        let place = &mut self.slots[slot];
        place.is_filled = false;
        std::mem::take(&mut place.what)
    }

    fn take_near(&mut self, limit: Instant) -> Option<Key> {
        let is_late = match (self.near.last(), self.late.peek()) {
            (Some(near), Some(Reverse(late))) => late < near,
            (near, _) => near.is_none(),
        };
        if is_late { pop_until(&mut self.late, limit) } else { self.near.pop_if(|key| key.at() <= limit) }
    }

    /// How many things are pending.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
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

fn pop_until(heap: &mut BinaryHeap<Reverse<Key>>, limit: Instant) -> Option<Key> {
    let first = heap.peek_mut().filter(|first| first.0.at() <= limit)?;
    Some(PeekMut::pop(first).0)
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

    /// A crowd, most of it later than what was put before and earlier than the first: none of it lies in a heap.
    #[test]
    fn a_crowd_behind_a_distant_entry_is_taken_in_order() {
        let mut agenda = Agenda::default();
        let hour = 3_600_000_000_000;
        agenda.put(at(hour), u64::MAX);
        let mut dice = mesos_core::kernel::Rng::new(1);
        let mut times: Vec<u64> = (0..20_000).map(|_| dice.below(hour)).collect();
        for (n, time) in times.iter().enumerate() {
            agenda.put(at(*time), *time);
            assert!(agenda.late.is_empty(), "{n}");
        }
        times.sort_unstable();
        times.push(u64::MAX);
        assert!(std::iter::from_fn(|| agenda.take()).map(|(_, what)| what).eq(times));
    }

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
