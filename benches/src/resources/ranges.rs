//! Union and difference of values of many ranges that overlap.

use std::hint::black_box;

use mesos_core::Resources;
use mesos_core::resource::{Range, Ranges};

use super::{NANOS, note_each};
use crate::measure::{Readings, thread_time};
use crate::workload::Workload;

/// Copies that are changed between two looks at the clock.
const COPIES: u32 = 64;

/// Four operations on 10, 100 and 1,000 ranges.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let mut all = Vec::new();
    for count in [10, 100, 1_000] {
        let about = "bags of so many ports' ranges, each overlapping one of the other";
        let name = |operation: &str| format!("resources.ranges{count}.{operation}");
        let bags = move || [bag(1, count), bag(3, count)];
        all.push(
            Workload::new(name("a+=b"), about, NANOS, move |found| in_place(bags(), |a, b| *a += b, found)).runs(3),
        );
        all.push(
            Workload::new(name("a-=b"), about, NANOS, move |found| in_place(bags(), |a, b| *a -= b, found)).runs(3),
        );
        all.push(Workload::new(name("a+b"), about, NANOS, move |found| anew(bags(), |a, b| a + b, found)).runs(9));
        all.push(Workload::new(name("a-b"), about, NANOS, move |found| anew(bags(), |a, b| a - b, found)).runs(9));
    }
    all
}

/// `[1-6,11-16,...]`, or the same shifted.
fn bag(begin: u64, count: u64) -> Resources {
    let ranges = (0..count).map(|place| Range { begin: begin + 10 * place, end: begin + 10 * place + 5 });
    Resources::try_from(mesos_core::resource::Resource::ports(Ranges::new(ranges).expect("disjoint ranges")))
        .expect("a valid entry")
}

/// The copies that are changed are made before, a few at a time so that they are near when they are needed.
fn in_place([a, b]: [Resources; 2], step: fn(&mut Resources, &Resources), readings: &mut Readings) {
    for _ in 0..64 {
        let mut copies: Vec<Resources> = (0..COPIES).map(|_| own_copy(&a)).collect();
        let (spent, ()) = thread_time(|| {
            for copy in &mut copies {
                step(black_box(copy), black_box(&b));
            }
        });
        readings.note("", spent.as_secs_f64() * 1e9 / f64::from(COPIES));
    }
}

/// A copy that shares nothing, so that changing it copies nothing.
fn own_copy(bag: &Resources) -> Resources {
    bag.iter().fold(Resources::new(), |mut all, entry| {
        all.add(entry).expect("it was valid before");
        all
    })
}

fn anew([a, b]: [Resources; 2], step: fn(&Resources, &Resources) -> Resources, readings: &mut Readings) {
    note_each(readings, 1_000, || drop(black_box(step(black_box(&a), black_box(&b)))));
}
