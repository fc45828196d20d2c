//! Picking parts of a bag: revocable or not, reserved or not.

use std::hint::black_box;

use mesos_core::{Resources, Role};

use super::{NANOS, arithmetic, note_each};
use crate::measure::Readings;
use crate::workload::Workload;

type Pick = fn(&Resources) -> Resources;

/// Four picks.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let picks: [(&str, Pick); 3] = [
        ("nonRevocable", Resources::non_revocable),
        ("revocable", Resources::revocable),
        ("unreserved", Resources::unreserved),
    ];
    let about = "picking a part of four plain amounts";
    let mut all: Vec<Workload> = picks
        .map(|(name, pick)| {
            let run = move |readings: &mut Readings| run(pick, readings);
            Workload::new(format!("resources.filter.{name}"), about, NANOS, run).runs(9)
        })
        .into();
    let reserved = |readings: &mut Readings| {
        let role = Role::new("role").expect("a role");
        let bag = arithmetic::scalars();
        note_each(readings, 50_000, || drop(black_box(black_box(&bag).reserved_to(black_box(&role)))));
    };
    all.push(Workload::new("resources.filter.reserved(role)", about, NANOS, reserved).runs(9));
    all
}

fn run(pick: Pick, readings: &mut Readings) {
    let bag = arithmetic::scalars();
    note_each(readings, 50_000, || drop(black_box(pick(black_box(&bag)))));
}
