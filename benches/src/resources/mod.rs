//! The algebra's inner loops, and the operations Mesos' own benchmarks run on it.

pub mod arithmetic;
pub mod contains;
pub mod filter;
pub mod parse;
pub mod ranges;

use mesos_core::Resources;

use crate::measure::{Readings, thread_time};
use crate::workload::Workload;

const NANOS: &[(&str, &str)] = &[("", "ns")];

/// All operations of the comparison; the time of one is told, in nanoseconds.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let families =
        [arithmetic::workloads(), filter::workloads(), contains::workloads(), parse::workloads(), ranges::workloads()];
    families.into_iter().flatten().collect()
}

/// The mean time of one of `count` calls.
fn note_each(readings: &mut Readings, count: u32, mut call: impl FnMut()) {
    let (spent, ()) = thread_time(|| (0..count).for_each(|_| call()));
    readings.note("", spent.as_secs_f64() * 1e9 / f64::from(count));
}

/// An agent's resources: the four common scalars and a range of ports.
#[must_use]
pub fn agent() -> Resources {
    "cpus:16;mem:65536;disk:1000000;ports:[31000-32000]".parse().expect("resources")
}

/// A task's resources: two scalars.
#[must_use]
pub fn task() -> Resources {
    "cpus:0.5;mem:128".parse().expect("resources")
}

/// What an accept does to an offer: is the task contained, and what is left? Returns something that depends on all of it.
#[must_use]
pub fn carve(offer: &Resources, task: &Resources, tasks: u32) -> Resources {
    let mut left = offer.clone();
    for _ in 0..tasks {
        if left.contains(task) {
            left -= task;
        } else {
            left.clone_from(offer);
        }
    }
    left
}
