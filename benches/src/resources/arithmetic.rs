//! Adding and subtracting: plain amounts, a thousand reservations, shared volumes.

use std::hint::black_box;

use mesos_core::id::{PersistenceId, Principal};
use mesos_core::resource::{Disk, Label, Labels, Reservation, Reservations, Resource, Scalar};
use mesos_core::{Resources, Role};

use super::{NANOS, note_each};
use crate::measure::Readings;
use crate::workload::Workload;

/// An operation on a total.
type Step = fn(&mut Resources, &Resources);

/// A kind of bag: its name, how it is made, how often a step is taken.
type Kind = (&'static str, fn() -> Resources, u32);

const STEPS: [(&str, Step); 4] = [
    ("total+=r", |total, r| *total += r),
    ("total-=r", |total, r| *total -= r),
    ("total=total+r", |total, r| *total = &*total + r),
    ("total=total-r", |total, r| *total = &*total - r),
];

/// Four operations on three kinds of bags.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let kinds: [Kind; 3] =
        [("scalars", scalars, 50_000), ("reservations", reservations, 10), ("shared", shared, 50_000)];
    let mut all = Vec::new();
    for (kind, of, count) in kinds {
        for (name, step) in STEPS {
            let run = move |readings: &mut Readings| run(&of(), name, step, count, readings);
            let name = format!("resources.{kind}.{name}");
            all.push(Workload::new(name, "adding or subtracting one bag again and again", NANOS, run).runs(9));
        }
    }
    all
}

/// The totals grow from nothing, or shrink to nothing from as many times what is taken away.
fn run(r: &Resources, name: &str, step: Step, count: u32, readings: &mut Readings) {
    let mut total = Resources::new();
    if name.contains('-') {
        for _ in 0..count {
            total += r;
        }
    }
    note_each(readings, count, || step(black_box(&mut total), black_box(r)));
    black_box(&total);
}

pub(super) fn scalars() -> Resources {
    "cpus:1;gpus:1;mem:128;disk:256".parse().expect("resources")
}

fn reservations() -> Resources {
    let mut all = Resources::new();
    for number in 0..1_000 {
        let label = Label { key: format!("key{number}"), value: Some(format!("value{number}")) };
        let role = Role::new(format!("role{number}")).expect("a role");
        let principal = Principal::new(format!("principal{number}")).expect("a principal");
        let labels: Labels = [label].into_iter().collect();
        let reservation = Reservation::dynamic(role, Some(principal)).with_labels(labels);
        all += &scalars().push_reservation(&reservation).expect("nobody owns them");
    }
    all
}

fn shared() -> Resources {
    let role = Role::new("test").expect("a role");
    let id = PersistenceId::new("id").expect("an id");
    let volume = Resource::disk(Scalar::from_units(256))
        .with_reservations(Reservations::new([Reservation::fixed(role)]).expect("a stack"))
        .with_disk(Disk::volume(id, None, "path"))
        .shared();
    let mut all: Resources = "cpus:1;mem:128".parse().expect("resources");
    all.add(volume).expect("a valid entry");
    all
}
