//! Whether one bag is in another: amounts, thousands of ranges, both.

use std::hint::black_box;

use mesos_core::Resources;

use super::{NANOS, arithmetic, note_each};
use crate::allocator::fragments;
use crate::measure::Readings;
use crate::workload::Workload;

/// How a pair is asked: the larger contains the smaller, the smaller the larger, the larger itself.
const WAYS: [&str; 3] = ["1", "2", "3"];

/// Calls of a few nanoseconds are so many that the clock can tell.
const MANY: u32 = 50_000;

/// A larger and a smaller bag: their name, how they are made, how often each way is asked.
type Pair = (&'static str, fn() -> [Resources; 2], [u32; 3]);

/// Three pairs in three ways.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let pairs: [Pair; 3] = [
        ("scalars", scalars, [MANY, MANY, MANY]),
        ("range", ranges, [100, MANY, 100]),
        ("mixed", mixed, [100, MANY, 100]),
    ];
    let mut all = Vec::new();
    for (kind, of, counts) in pairs {
        for (way, count) in WAYS.into_iter().zip(counts) {
            let run = move |readings: &mut Readings| run(of(), way, count, readings);
            let about = "1: the larger contains the smaller; 2: the other way round; 3: equal ones";
            all.push(Workload::new(format!("resources.contains.{kind}{way}"), about, NANOS, run).runs(9));
        }
    }
    all
}

fn run([larger, smaller]: [Resources; 2], way: &str, count: u32, readings: &mut Readings) {
    let (own, other) = match way {
        "1" => (larger, smaller),
        "2" => (smaller, larger),
        _ => (rebuilt(&smaller), smaller),
    };
    let expected = way != "2";
    note_each(readings, count, || {
        assert_eq!(black_box(&own).contains(black_box(&other)), expected);
    });
}

/// An equal bag that shares nothing with this one.
fn rebuilt(bag: &Resources) -> Resources {
    bag.iter().fold(Resources::new(), |mut all, entry| {
        all.add(entry).expect("it was valid before");
        all
    })
}

fn scalars() -> [Resources; 2] {
    [arithmetic::scalars(), "cpus:1;mem:128".parse().expect("resources")]
}

fn ranges() -> [Resources; 2] {
    let whole = "ports:[1-16000]".parse().expect("resources");
    [whole, format!("ports:{}", fragments(1, 16_000, 8_000)).parse().expect("resources")]
}

fn mixed() -> [Resources; 2] {
    let ([larger, smaller], [whole, pieces]) = (scalars(), ranges());
    [larger + whole, smaller + pieces]
}
